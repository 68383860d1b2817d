//! OpenID Connect: what is believed, and what is not.

use crate::codes::{SECRET, assert_discreet, authorization, browse, registration, words};
use crate::server::Server;
use crate::stub::{Behaviour, Flaw, NOW, Still, Stub};
use axum::http::StatusCode;
use scanledger_commands::ports::{EmailStanding, IdentityProvider, ProviderError, Vouched};
use scanledger_sign_in::{Google, OidcOptions, OpenIdConnect, Registration, SetupError};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use url::Url;

fn client(server: &Server, registration: Registration) -> OpenIdConnect {
    OpenIdConnect::new(registration, OidcOptions::new(&server.url), Arc::new(Still::default())).unwrap()
}

/// A whole sign-in.
async fn sign_in(provider: &dyn IdentityProvider) -> Result<Vouched, ProviderError> {
    let authorization = authorization();
    let code = browse(provider, &authorization).await;
    let result = provider.exchange(&code, &authorization).await;
    if let Err(error) = &result {
        assert_discreet(error, &authorization);
    }
    result
}

/// A sign-in at a provider that does this.
async fn sign_in_where(change: impl FnOnce(&mut Behaviour)) -> Result<Vouched, ProviderError> {
    let (server, stub) = Stub::start().await;
    stub.change(change);
    sign_in(&client(&server, registration())).await
}

#[tokio::test]
async fn a_provider_vouches_for_whom_its_token_names() {
    let vouched = sign_in_where(|_| ()).await.unwrap();
    assert_eq!(vouched.subject, "person-1");
    assert_eq!(vouched.name.as_deref(), Some("Ana Lovelace"));
    assert_eq!(vouched.groups, ["sec", "dev"]);
    let email = vouched.email.unwrap();
    assert_eq!((&*email.address, email.standing), ("ana@example.com", EmailStanding::Verified));
}

#[tokio::test]
async fn a_token_that_is_wrong_in_one_respect_is_refused() {
    for (flaw, reason) in [
        (Flaw::ForeignKey, "signed by somebody else"),
        (Flaw::UnknownKey, "signed by somebody else"),
        (Flaw::Changed, "signed by somebody else"),
        (Flaw::Unsigned, "signed by somebody else"),
        (Flaw::ClientSecret, "signed by somebody else"),
        (Flaw::PublicKeyAsSecret, "signed by somebody else"),
        (Flaw::OtherIssuer, "another issuer"),
        (Flaw::IssuerWithSlash, "another issuer"),
        (Flaw::OtherAudience, "for somebody else"),
        (Flaw::SecondAudience, "for somebody else"),
        (Flaw::OtherNonce, "another attempt"),
        (Flaw::NoNonce, "another attempt"),
        (Flaw::Expired, "expired"),
    ] {
        let error = sign_in_where(|behaviour| behaviour.flaw = flaw).await.expect_err(&format!("{flaw:?}"));
        let is_refused = matches!(error, ProviderError::Refused(_));
        assert!(is_refused && words(&error).contains(reason), "{flaw:?}: {}", words(&error));
    }
    for flaw in [Flaw::NoExpiry, Flaw::NoSubject] {
        let error = sign_in_where(|behaviour| behaviour.flaw = flaw).await.expect_err(&format!("{flaw:?}"));
        assert!(matches!(error, ProviderError::Unreachable(_)), "{flaw:?}: {}", words(&error));
    }
}

#[tokio::test]
async fn an_address_that_the_provider_did_not_check_is_said_to_be_so() {
    for (claim, expected) in [
        (json!(false), EmailStanding::Unverified),
        (json!(null), EmailStanding::Unverified),
        (json!("false"), EmailStanding::Unverified),
        (json!("true"), EmailStanding::Verified),
    ] {
        let claims = json!({ "email_verified": claim });
        let vouched = sign_in_where(|behaviour| behaviour.claims = claims).await.unwrap();
        assert_eq!(vouched.email.unwrap().standing, expected, "{claim}");
    }
}

#[tokio::test]
async fn groups_are_in_the_claim_that_is_configured() {
    let claim = "https://scanledger.example/roles";
    for (value, expected) in [
        (json!(["a", "b"]), &["a", "b"][..]),
        (json!("a"), &["a"]),
        (json!(["a", 7, null]), &["a"]),
        (json!({ "a": true }), &[]),
    ] {
        let (server, stub) = Stub::start().await;
        stub.change(|behaviour| behaviour.claims = json!({ claim: value }));
        let options = OidcOptions { groups_claim: Some(claim.to_owned()), ..OidcOptions::new(&server.url) };
        let provider = OpenIdConnect::new(registration(), options, Arc::new(Still::default())).unwrap();
        assert_eq!(sign_in(&provider).await.unwrap().groups, expected, "{value}");
    }
}

#[tokio::test]
async fn what_the_token_does_not_say_is_asked_for() {
    let thin = json!({ "email": null, "email_verified": null, "name": null, "groups": null });
    let userinfo = json!({
        "sub": "person-1",
        "email": "ana@example.com",
        "email_verified": true,
        "preferred_username": "ana",
        "groups": ["ops"],
    });
    let vouched = sign_in_where(|behaviour| {
        behaviour.claims = thin.clone();
        behaviour.userinfo = userinfo;
    });
    let vouched = vouched.await.unwrap();
    assert_eq!((vouched.name.as_deref(), &vouched.groups[..]), (Some("ana"), &["ops".to_owned()][..]));
    assert_eq!(vouched.email.unwrap().standing, EmailStanding::Verified);

    let nobody = sign_in_where(|behaviour| {
        behaviour.claims = thin.clone();
        behaviour.configuration = json!({ "userinfo_endpoint": null });
    });
    let nobody = nobody.await.unwrap();
    assert!(nobody.email.is_none() && nobody.name.is_none() && nobody.groups.is_empty());

    let swapped = sign_in_where(|behaviour| {
        behaviour.claims = thin;
        behaviour.userinfo = json!({ "sub": "person-2", "email": "ana@example.com", "email_verified": true });
    });
    let error = swapped.await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused(_)), "{}", words(&error));
}

#[tokio::test]
async fn what_the_token_says_is_not_asked_for_again() {
    let userinfo = json!({ "sub": "person-2" });
    assert!(sign_in_where(|behaviour| behaviour.userinfo = userinfo).await.is_ok());
}

#[tokio::test]
async fn the_browser_is_sent_with_everything_that_is_checked_later() {
    let (server, _stub) = Stub::start().await;
    let authorization = authorization();
    let url = client(&server, registration()).authorize_url(&authorization).await.unwrap();
    let url = Url::parse(&url).unwrap();
    let fields: HashMap<_, _> = url.query_pairs().collect();
    assert_eq!(fields["scope"], "openid profile email");
    assert_eq!(fields["state"], authorization.state);
    assert_eq!(fields["nonce"], authorization.nonce);
    assert_eq!(fields["redirect_uri"], authorization.redirect_uri);
    assert!(!url.as_str().contains(&authorization.verifier) && !url.as_str().contains(SECRET));
}

#[tokio::test]
async fn a_code_is_good_once_and_for_the_browser_that_asked() {
    let (server, _stub) = Stub::start().await;
    let provider = client(&server, registration());
    let own = authorization();
    let code = browse(&provider, &own).await;
    provider.exchange(&code, &own).await.unwrap();
    let again = provider.exchange(&code, &own).await.unwrap_err();
    assert!(matches!(again, ProviderError::Refused(_)), "{}", words(&again));

    let stolen = browse(&provider, &own).await;
    let mut other = authorization();
    other.nonce.clone_from(&own.nonce);
    for verifier in [other.verifier.clone(), "short".to_owned(), " ".repeat(43)] {
        other.verifier = verifier;
        let error = provider.exchange(&stolen, &other).await.unwrap_err();
        assert!(matches!(error, ProviderError::Refused(_)), "{}", words(&error));
        assert_discreet(&error, &other);
    }
}

#[tokio::test]
async fn a_client_that_the_provider_does_not_know_is_misconfigured() {
    let (server, _stub) = Stub::start().await;
    let wrong = Registration { client_secret: "other".to_owned(), ..registration() };
    let error = sign_in(&client(&server, wrong)).await.unwrap_err();
    assert!(matches!(error, ProviderError::Misconfigured(_)), "{}", words(&error));
}

#[tokio::test]
async fn the_secret_is_shown_in_the_way_that_the_provider_takes() {
    let methods =
        json!({ "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"] });
    assert!(sign_in_where(|behaviour| behaviour.configuration = methods).await.is_ok());
}

#[tokio::test]
async fn the_configuration_is_asked_for_once_and_keys_again_when_one_is_new() {
    let (server, stub) = Stub::start().await;
    let provider = client(&server, registration());
    let asked = || (stub.configurations.load(Ordering::SeqCst), stub.key_sets.load(Ordering::SeqCst));
    for _ in 0..3 {
        sign_in(&provider).await.unwrap();
    }
    assert_eq!(asked(), (1, 1));
    stub.change(|behaviour| behaviour.key = crate::authority::Key::new(Some("two")));
    for _ in 0..3 {
        sign_in(&provider).await.unwrap();
    }
    assert_eq!(asked(), (1, 2));
    stub.change(|behaviour| behaviour.flaw = Flaw::UnknownKey);
    for _ in 0..3 {
        stub.change(|behaviour| behaviour.key = crate::authority::Key::new(Some("three")));
        sign_in(&provider).await.unwrap_err();
    }
    assert_eq!(asked(), (1, 5));
}

#[tokio::test]
async fn a_new_key_is_found_where_keys_have_no_ids() {
    let (server, stub) = Stub::start().await;
    let provider = client(&server, registration());
    for _ in 0..3 {
        stub.change(|behaviour| behaviour.key = crate::authority::Key::new(None));
        sign_in(&provider).await.unwrap();
    }
}

#[tokio::test]
async fn a_configuration_that_is_not_good_is_not_believed() {
    for configuration in [
        json!({ "issuer": "https://elsewhere.example" }),
        json!({ "jwks_uri": null }),
        json!({ "jwks_uri": "http://192.0.2.1/keys" }),
        json!({ "authorization_endpoint": "http://192.0.2.1/authorize" }),
    ] {
        let (server, stub) = Stub::start().await;
        stub.change(|behaviour| behaviour.configuration = configuration.clone());
        let error = client(&server, registration()).authorize_url(&authorization()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Misconfigured(_)), "{configuration}: {}", words(&error));
    }
    for configuration in
        [json!({ "token_endpoint": "http://192.0.2.1/token" }), json!({ "token_endpoint": null })]
    {
        let error =
            sign_in_where(|behaviour| behaviour.configuration = configuration.clone()).await.unwrap_err();
        assert!(matches!(error, ProviderError::Misconfigured(_)), "{configuration}: {}", words(&error));
    }
}

#[tokio::test]
async fn a_provider_that_comes_back_is_used_again() {
    let (server, stub) = Stub::start().await;
    let provider = client(&server, registration());
    stub.change(|behaviour| behaviour.configuration_status = StatusCode::SERVICE_UNAVAILABLE);
    let error = provider.authorize_url(&authorization()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unreachable(_)), "{}", words(&error));
    stub.change(|behaviour| behaviour.configuration_status = StatusCode::OK);
    assert!(sign_in(&provider).await.is_ok());
}

#[tokio::test]
async fn a_configuration_is_believed_for_an_hour_and_longer_where_there_is_no_new_one() {
    let (server, stub) = Stub::start().await;
    let clock = Arc::new(Still::default());
    let provider =
        OpenIdConnect::new(registration(), OidcOptions::new(&server.url), Arc::clone(&clock) as _).unwrap();
    stub.change(|behaviour| behaviour.claims = json!({ "exp": NOW + 100_000 }));
    let asked = || stub.configurations.load(Ordering::SeqCst);
    for (late, expected) in [(0, 1), (3599, 1), (3600, 2), (7199, 2), (7200, 3)] {
        clock.set_late(late);
        sign_in(&provider).await.unwrap();
        assert_eq!(asked(), expected, "after {late} s");
    }
    clock.set_late(20_000);
    stub.change(|behaviour| behaviour.configuration_status = StatusCode::BAD_GATEWAY);
    sign_in(&provider).await.unwrap();
    assert!(asked() > 3);
}

#[tokio::test]
async fn google_has_no_groups_and_is_not_asked_for_any() {
    let (server, stub) = Stub::start().await;
    let provider = Google::at(&server.url, registration(), Arc::new(Still::default())).unwrap();
    stub.change(|behaviour| behaviour.userinfo = json!({ "sub": "person-2" }));
    let vouched = sign_in(&provider).await.unwrap();
    assert_eq!((vouched.subject.as_str(), vouched.groups.len()), ("person-1", 0));
}

#[test]
fn an_issuer_without_tls_is_refused() {
    for issuer in ["http://id.example.com", "id.example.com", "", "ftp://localhost"] {
        let refused =
            OpenIdConnect::new(registration(), OidcOptions::new(issuer), Arc::new(Still::default())).err();
        assert!(matches!(refused, Some(SetupError::Url { what: "issuer" })), "{issuer}: {refused:?}");
    }
    assert!(Google::new(registration(), Arc::new(Still::default())).is_ok());
}
