//! A provider that is not ours.

use crate::codes::{BACK, assert_discreet, code, words};
use scanledger_commands::ports::{
    Authorization, EmailStanding, IdentityProvider as _, OsEntropy, ProviderError,
};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_sign_in::{OidcOptions, OpenIdConnect, Registration};
use serde_json::{Value, json};
use std::sync::Arc;

/// The provider's clock is the machine's.
struct Machine;

impl Clock for Machine {
    #[expect(clippy::disallowed_methods, reason = "the provider's tokens are dated by the machine's clock")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now().into()
    }
}

fn issuer() -> String {
    std::env::var("SCANLEDGER_TEST_OIDC")
        .expect("SCANLEDGER_TEST_OIDC names no provider: run the tests through `bash tests/run.sh`")
}

fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Makes a client at the provider, as an administrator does.
async fn register() -> Registration {
    let body = json!({ "redirect_uris": [BACK] });
    let answer = browser().post(format!("{}/oauth2/clients", issuer())).json(&body).send().await.unwrap();
    let made: Value = answer.error_for_status().unwrap().json().await.unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Registration { client_id: text("client_id"), client_secret: text("client_secret") }
}

/// Makes a person at the provider.
async fn person(subject: &str, claims: &Value) {
    let answer = browser().put(format!("{}/users/{subject}", issuer())).json(claims).send().await.unwrap();
    answer.error_for_status().unwrap();
}

fn client(registration: Registration) -> OpenIdConnect {
    OpenIdConnect::new(registration, OidcOptions::new(&issuer()), Arc::new(Machine)).unwrap()
}

/// The person agrees, and comes back with a code.
async fn agree(provider: &OpenIdConnect, subject: &str) -> (Authorization, String) {
    let authorization = Authorization::try_new(&OsEntropy, BACK.to_owned()).unwrap();
    let url = provider.authorize_url(&authorization).await.unwrap();
    let form = format!("sub={subject}");
    let agreed = browser().post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = agreed.send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    let code = code(location, &authorization);
    (authorization, code)
}

#[tokio::test]
async fn a_real_provider_vouches_for_a_person_once() {
    let claims = json!({
        "email": "grace@example.com",
        "email_verified": true,
        "name": "Grace Hopper",
        "groups": ["navy", "compilers"],
    });
    person("grace", &claims).await;
    let provider = client(register().await);
    let (authorization, code) = agree(&provider, "grace").await;
    let vouched = provider.exchange(&code, &authorization).await.unwrap();
    assert_eq!(vouched.subject, "grace");
    assert_eq!(vouched.name.as_deref(), Some("Grace Hopper"));
    assert_eq!(vouched.groups, ["navy", "compilers"]);
    let email = vouched.email.unwrap();
    assert_eq!((&*email.address, email.standing), ("grace@example.com", EmailStanding::Verified));

    let again = provider.exchange(&code, &authorization).await.unwrap_err();
    assert!(matches!(again, ProviderError::Refused(_)), "{}", words(&again));
    assert_discreet(&again, &authorization);
}

#[tokio::test]
async fn a_real_provider_says_as_little_as_it_knows() {
    person("nobody", &json!({})).await;
    let provider = client(register().await);
    let (authorization, code) = agree(&provider, "nobody").await;
    let vouched = provider.exchange(&code, &authorization).await.unwrap();
    assert_eq!((vouched.subject.as_str(), vouched.groups.len()), ("nobody", 0));
    assert!(vouched.email.is_none() && vouched.name.is_none());
}

#[tokio::test]
async fn a_token_for_another_attempt_is_refused() {
    let provider = client(register().await);
    let (mut authorization, code) = agree(&provider, "ada").await;
    authorization.nonce = Authorization::try_new(&OsEntropy, BACK.to_owned()).unwrap().nonce;
    let error = provider.exchange(&code, &authorization).await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused(_)), "{}", words(&error));
    assert!(words(&error).contains("another attempt"), "{}", words(&error));
}

#[tokio::test]
async fn the_code_of_another_client_is_refused() {
    let (theirs, own) = (client(register().await), client(register().await));
    let (authorization, code) = agree(&theirs, "ada").await;
    let error = own.exchange(&code, &authorization).await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused(_)), "{}", words(&error));
}

#[tokio::test]
async fn a_wrong_secret_is_a_misconfiguration() {
    let mut registration = register().await;
    registration.client_secret.push('x');
    let provider = client(registration);
    let (authorization, code) = agree(&provider, "ada").await;
    let error = provider.exchange(&code, &authorization).await.unwrap_err();
    assert!(matches!(error, ProviderError::Misconfigured(_)), "{}", words(&error));
}
