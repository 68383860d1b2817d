//! Signing in with an OpenID provider that is not ours, from its token to what its groups make of somebody.
//!
//! `tests/services/oidc.sh` starts the provider; `bash tests/run.sh` does so.

use crate::harness::{Answer, Api};
use crate::trusca_browser::{Browser, PASSWORD, server};
use crate::trusca_reset::{mail, message_about};
use reqwest::Method;
use reqwest::redirect::Policy;
use scanledger::server::{OidcClient, ServerOptions};
use scanledger_api::limit::{Quotas, Settings};
use scanledger_commands::Context;
use scanledger_commands::identity::NewPerson;
use scanledger_domain::id::CommandId;
use scanledger_domain::log::Actor;
use scanledger_sign_in::{OidcOptions, Registration};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

/// Where browsers reach the server. The test's goes to where it listens instead.
const PUBLIC: &str = "http://scan.example.org";

fn issuer() -> String {
    std::env::var("SCANLEDGER_TEST_OIDC")
        .expect("SCANLEDGER_TEST_OIDC names no provider: run the tests through `bash tests/run.sh`")
}

/// Makes a client at the provider, as an administrator does.
async fn client() -> Registration {
    let body = json!({ "redirect_uris": [format!("{PUBLIC}/auth/oauth/oidc/callback")] });
    let request = reqwest::Client::new().post(format!("{}/oauth2/clients", issuer())).json(&body);
    let made: Value = request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Registration { client_id: text("client_id"), client_secret: text("client_secret") }
}

/// A server whose users may come from the provider. Rules name a team by its slug, which has to be there when the server
/// starts.
async fn with_provider(change: impl FnOnce(&mut ServerOptions)) -> Api {
    let registration = client().await;
    let api = server().await.again(|options, _| {
        options.limits = Settings { quotas: Quotas::off(), ..Settings::default() };
        options.entrance.public_url = Some(PUBLIC.parse().unwrap());
        options.entrance.oidc =
            Some(OidcClient { client: registration, options: OidcOptions::new(&issuer()) });
        change(options);
    });
    api.await
}

/// Says who somebody is at the provider.
async fn person(subject: &str, groups: &[&str]) {
    let claims = json!({
        "email": format!("{subject}@example.com"), "email_verified": true, "name": "Grace Hopper", "groups": groups,
    });
    let request = reqwest::Client::new().put(format!("{}/users/{subject}", issuer())).json(&claims);
    request.send().await.unwrap().error_for_status().unwrap();
}

/// Goes to the provider, agrees there as `subject`, and comes back.
async fn sign_in(browser: &mut Browser<'_>, subject: &str) -> Answer {
    let sent = browser.get("/auth/oauth/oidc/authorize").await;
    sent.expect(302);
    let there = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let form =
        there.post(sent.header("location")).header("content-type", "application/x-www-form-urlencoded");
    let agreed = form.body(format!("sub={subject}")).send().await.unwrap();
    let back = Url::parse(agreed.headers()["location"].to_str().unwrap()).unwrap();
    browser.get(&format!("{}?{}", back.path(), back.query().unwrap())).await
}

/// Somebody who has signed in with the provider.
async fn signed_in<'a>(api: &'a Api, subject: &str) -> Browser<'a> {
    let mut browser = Browser::of(api);
    let landed = sign_in(&mut browser, subject).await;
    landed.expect(302);
    assert!(!landed.header("location").contains("error="), "{}", landed.header("location"));
    browser.refresh().await.expect(200);
    browser
}

/// What somebody is in the eldest organization.
async fn role_of(api: &Api, email: &str) -> String {
    let members = api.get("/api/users").await.expect(200);
    let members = members["users"].as_array().unwrap();
    let found = members.iter().find(|member| member["email"] == email);
    found.map_or_else(|| "none".to_owned(), |member| member["role"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn groups_at_a_real_provider_make_people_what_the_rules_say_each_time_they_sign_in() {
    let api = with_provider(|options| {
        let rules = ["ops=admin", "dev=member,default:viewer", "sec=member,default:team_admin"];
        options.entrance.groups = rules.map(|rule| rule.parse().unwrap()).into();
    });
    let api = api.await;
    let subject = format!("grace-{}", std::process::id());
    let email = format!("{subject}@example.com");

    person(&subject, &["dev"]).await;
    let mut grace = signed_in(&api, &subject).await;
    assert_eq!(grace.get("/auth/me").await.expect(200)["email"], email);
    assert_eq!(role_of(&api, &email).await, "VIEWER");
    assert_eq!(grace.get("/auth/me").await.expect(200)["memberships"][0]["role"], "viewer");
    // What the role allows is what routes allow.
    grace.get("/api/projects").await.expect(200);
    grace.post("/api/projects", &json!({ "name": "shop" })).await.expect(403);

    // The strongest of several groups counts, from the next sign-in on.
    person(&subject, &["dev", "sec"]).await;
    assert_eq!(role_of(&api, &email).await, "VIEWER");
    let mut grace = signed_in(&api, &subject).await;
    assert_eq!(role_of(&api, &email).await, "SECURITY");
    grace.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);

    person(&subject, &["ops"]).await;
    let mut grace = signed_in(&api, &subject).await;
    assert_eq!(role_of(&api, &email).await, "ADMIN");
    grace.get("/api/apikeys").await.expect(200);

    // Who is in no group any more belongs to the organization, as nothing in particular.
    person(&subject, &[]).await;
    let mut grace = signed_in(&api, &subject).await;
    assert_eq!(role_of(&api, &email).await, "DEVELOPER");
    grace.get("/api/apikeys").await.expect(403);
}

#[tokio::test]
async fn the_owner_is_told_when_a_provider_comes_to_vouch_for_their_account() {
    let api = with_provider(|options| options.entrance.mail = Some(mail())).await;
    let subject = format!("ada-{}", std::process::id());
    let email = format!("{subject}@example.com");
    let new = NewPerson { email: email.clone(), name: None, password: Some(PASSWORD.to_owned()) };
    let organization = api.organization.parse().unwrap();
    let context = Context::new(CommandId(Uuid::from_u128(7)), Actor::Operator, None);
    api.server.engine.identities.create_person(&context, new, organization, None).await.unwrap();
    api.shown().await;
    person(&subject, &[]).await;
    let mut ada = signed_in(&api, &subject).await;
    let told = message_about(&email, "An account at oidc can be used").await;
    assert!(told.contains("No API key acts for you"), "{told}");

    let linked = ada.get("/v1/users/me/oauth-identities").await.expect(200);
    let path = format!("/v1/users/me/oauth-identities/{}", linked["items"][0]["id"].as_str().unwrap());
    let unlink = ada.request(Method::DELETE, &path);
    ada.send(unlink).await.expect(204);
    message_about(&email, "An account at oidc can no longer be used").await;
}
