//! Authorization codes, and what has to come with them (RFC 6749 §4.1, RFC 7636 §4.6).

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scanledger_commands::ports::{Authorization, IdentityProvider, OsEntropy, ProviderError};
use scanledger_sign_in::Registration;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Mutex;
use url::Url;

/// Query or form, by name.
pub(crate) type Fields = HashMap<String, String>;

pub(crate) const CLIENT: &str = "client-1";
pub(crate) const SECRET: &str = "cl1ent s3cret/+:";

/// Where browsers come back to. Nothing listens there: the tests are the browser.
pub(crate) const BACK: &str = "https://scanledger.example/auth/back";

pub(crate) fn registration() -> Registration {
    Registration { client_id: CLIENT.to_owned(), client_secret: SECRET.to_owned() }
}

pub(crate) fn authorization() -> Authorization {
    Authorization::try_new(&OsEntropy, BACK.to_owned()).unwrap()
}

/// What a code was given for.
#[derive(Clone)]
pub(crate) struct Granted {
    challenge: String,
    redirect_uri: String,
    pub(crate) scope: String,
    /// Only OpenID Connect has one.
    pub(crate) nonce: Option<String>,
}

/// Codes that were given out and not brought back yet.
#[derive(Default)]
pub(crate) struct Codes(Mutex<(u32, HashMap<String, Granted>)>);

impl Codes {
    /// The answer to a browser that comes with this query: back with a code, if the query is as it has to be.
    pub(crate) fn grant(&self, query: &Fields) -> Response {
        let field = |name: &str| query.get(name).cloned().unwrap_or_default();
        let is_good = field("client_id") == CLIENT
            && field("redirect_uri") == BACK
            && field("code_challenge_method") == "S256"
            && URL_SAFE_NO_PAD.decode(field("code_challenge")).is_ok_and(|hash| hash.len() == 32)
            && !field("state").is_empty();
        if !is_good {
            return (StatusCode::BAD_REQUEST, format!("{query:?}")).into_response();
        }
        let granted = Granted {
            challenge: field("code_challenge"),
            redirect_uri: field("redirect_uri"),
            scope: field("scope"),
            nonce: query.get("nonce").cloned(),
        };
        let mut codes = self.0.lock().unwrap();
        codes.0 += 1;
        let code = format!("c0de-{}", codes.0);
        codes.1.insert(code.clone(), granted);
        let mut back = Url::parse(BACK).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &field("state"));
        Redirect::to(back.as_str()).into_response()
    }

    /// What the code of this form was given for; `None` if there is no such code, no longer, or it is brought by
    /// somebody else. Either way it is used up.
    pub(crate) fn redeem(&self, form: &Fields) -> Option<Granted> {
        let granted = self.0.lock().unwrap().1.remove(form.get("code")?)?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form.get("code_verifier")?));
        let is_good = form.get("redirect_uri")? == &granted.redirect_uri && challenge == granted.challenge;
        is_good.then_some(granted)
    }
}

/// Goes to the provider as a browser would, and comes back with the code.
pub(crate) async fn browse(provider: &dyn IdentityProvider, authorization: &Authorization) -> String {
    let url = provider.authorize_url(authorization).await.unwrap();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(url).send().await.unwrap();
    let status = answer.status();
    let Some(location) = answer.headers().get("location").cloned() else {
        panic!("{status} {}", answer.text().await.unwrap());
    };
    code(location.to_str().unwrap(), authorization)
}

/// The code in the URL that a browser is sent back to.
pub(crate) fn code(location: &str, authorization: &Authorization) -> String {
    let location = Url::parse(location).unwrap();
    assert!(location.as_str().starts_with(&authorization.redirect_uri), "{location}");
    let fields: Fields = location.query_pairs().into_owned().collect();
    assert_eq!(fields["state"], authorization.state);
    fields["code"].clone()
}

/// Every word of an error.
pub(crate) fn words(error: &ProviderError) -> String {
    let mut words = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    words
}

/// That no error shows what nobody may see.
#[track_caller]
pub(crate) fn assert_discreet(error: &ProviderError, authorization: &Authorization) {
    let words = words(error);
    let Authorization { state, nonce, verifier, .. } = authorization;
    for secret in [SECRET, "c0de-", "t0ken", "ana@example.com", state, nonce, verifier] {
        assert!(!words.contains(secret), "{words}");
    }
}
