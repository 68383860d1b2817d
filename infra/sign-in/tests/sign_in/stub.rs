//! An OpenID Connect provider whose tokens can be wrong in one respect each.

use crate::authority::{Key, token_with_secret, unsigned_token, with_claims};
use crate::codes::{CLIENT, Codes, Fields, Granted, SECRET};
use crate::server::Server;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scanledger_domain::time::{Clock, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// 2026-11-21T10:00:00Z, in seconds.
pub(crate) const NOW: i64 = 1_795_255_200;

/// The client's clock: it stands where it is set, at first where the provider's stands for ever.
#[derive(Default)]
pub(crate) struct Still {
    /// Seconds after [`NOW`].
    late: AtomicI64,
}

impl Still {
    pub(crate) fn set_late(&self, seconds: i64) {
        self.late.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp((NOW + self.late.load(Ordering::SeqCst)) * 1_000_000)
    }
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    /// Signed with another key, under the id of the published one.
    ForeignKey,
    /// Signed with a key whose id is not published.
    UnknownKey,
    /// Changed after it was signed.
    Changed,
    /// Not signed at all.
    Unsigned,
    /// Signed with the client's secret, though the provider publishes a key.
    ClientSecret,
    /// Signed with the published key as if it were a secret.
    PublicKeyAsSecret,
    OtherIssuer,
    IssuerWithSlash,
    OtherAudience,
    /// For this client and for another one, which could have passed it on.
    SecondAudience,
    OtherNonce,
    NoNonce,
    Expired,
    NoExpiry,
    NoSubject,
}

/// What a test changes.
pub(crate) struct Behaviour {
    pub(crate) flaw: Flaw,
    pub(crate) key: Key,
    /// Laid over the configuration; `null` removes.
    pub(crate) configuration: Value,
    pub(crate) configuration_status: StatusCode,
    /// Laid over the claims of the identity token; `null` removes.
    pub(crate) claims: Value,
    pub(crate) userinfo: Value,
}

/// The provider.
pub(crate) struct Stub {
    issuer: String,
    codes: Codes,
    pub(crate) behaviour: Mutex<Behaviour>,
    /// How often the configuration was asked for.
    pub(crate) configurations: AtomicU32,
    /// How often the keys were asked for.
    pub(crate) key_sets: AtomicU32,
}

impl Stub {
    pub(crate) async fn start() -> (Server, Arc<Self>) {
        let mut started = None;
        let server = Server::start(|url| {
            let stub = Arc::new(Self::new(url));
            started = Some(Arc::clone(&stub));
            Router::new()
                .route("/.well-known/openid-configuration", get(configuration))
                .route("/authorize", get(authorize))
                .route("/token", post(token))
                .route("/keys", get(keys))
                .route("/userinfo", get(userinfo))
                .with_state(stub)
        });
        (server.await, started.unwrap())
    }

    fn new(issuer: &str) -> Self {
        let behaviour = Behaviour {
            flaw: Flaw::Nothing,
            key: Key::new(Some("one")),
            configuration: json!({}),
            configuration_status: StatusCode::OK,
            claims: json!({}),
            userinfo: json!({ "sub": "person-1" }),
        };
        Self {
            issuer: issuer.to_owned(),
            codes: Codes::default(),
            behaviour: Mutex::new(behaviour),
            configurations: AtomicU32::new(0),
            key_sets: AtomicU32::new(0),
        }
    }

    /// Changes what the provider does from now on.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    fn claims(&self, granted: &Granted, behaviour: &Behaviour) -> Value {
        let mut claims = json!({
            "iss": self.issuer,
            "sub": "person-1",
            "aud": CLIENT,
            "iat": NOW,
            "exp": NOW + 300,
            "nonce": granted.nonce,
            "email": "ana@example.com",
            "email_verified": true,
            "name": "Ana Lovelace",
            "groups": ["sec", "dev"],
        });
        lay_over(&mut claims, &behaviour.claims);
        let wrong = match behaviour.flaw {
            Flaw::OtherIssuer => json!({ "iss": "https://elsewhere.example" }),
            Flaw::IssuerWithSlash => json!({ "iss": format!("{}/", self.issuer) }),
            Flaw::OtherAudience => json!({ "aud": "client-2" }),
            Flaw::SecondAudience => json!({ "aud": [CLIENT, "client-2"] }),
            Flaw::OtherNonce => json!({ "nonce": "n0nce of another attempt" }),
            Flaw::NoNonce => json!({ "nonce": null }),
            Flaw::Expired => json!({ "iat": NOW - 600, "exp": NOW }),
            Flaw::NoExpiry => json!({ "exp": null }),
            Flaw::NoSubject => json!({ "sub": null }),
            Flaw::Nothing
            | Flaw::ForeignKey
            | Flaw::UnknownKey
            | Flaw::Changed
            | Flaw::Unsigned
            | Flaw::ClientSecret
            | Flaw::PublicKeyAsSecret => json!({}),
        };
        lay_over(&mut claims, &wrong);
        claims
    }

    fn identity_token(&self, granted: &Granted) -> String {
        let behaviour = self.behaviour.lock().unwrap();
        let claims = self.claims(granted, &behaviour);
        match behaviour.flaw {
            Flaw::ForeignKey => Key::new(Some("one")).token(&claims),
            Flaw::UnknownKey => Key::new(Some("two")).token(&claims),
            Flaw::Changed => {
                let mut changed = claims.clone();
                changed["sub"] = "person-2".into();
                with_claims(&behaviour.key.token(&claims), &changed)
            }
            Flaw::Unsigned => unsigned_token(&claims),
            Flaw::ClientSecret => token_with_secret(SECRET.as_bytes(), &claims),
            Flaw::PublicKeyAsSecret => token_with_secret(behaviour.key.public(), &claims),
            _ => behaviour.key.token(&claims),
        }
    }
}

/// Takes the fields of `changes`; `null` removes.
fn lay_over(value: &mut Value, changes: &Value) {
    let fields: &mut Map<String, Value> = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        match change {
            Value::Null => drop(fields.remove(name)),
            change => drop(fields.insert(name.clone(), change.clone())),
        }
    }
}

async fn configuration(State(stub): State<Arc<Stub>>) -> Response {
    stub.configurations.fetch_add(1, Ordering::SeqCst);
    let url = |path: &str| format!("{}/{path}", stub.issuer);
    let mut configuration = json!({
        "issuer": stub.issuer,
        "authorization_endpoint": url("authorize"),
        "token_endpoint": url("token"),
        "jwks_uri": url("keys"),
        "userinfo_endpoint": url("userinfo"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
    });
    let behaviour = stub.behaviour.lock().unwrap();
    lay_over(&mut configuration, &behaviour.configuration);
    (behaviour.configuration_status, Json(configuration)).into_response()
}

async fn keys(State(stub): State<Arc<Stub>>) -> Json<Value> {
    stub.key_sets.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "keys": [stub.behaviour.lock().unwrap().key.jwk()] }))
}

async fn authorize(State(stub): State<Arc<Stub>>, Query(query): Query<Fields>) -> Response {
    let is_good =
        query["response_type"] == "code" && query.get("nonce").is_some_and(|nonce| !nonce.is_empty());
    match is_good {
        true => stub.codes.grant(&query),
        false => (StatusCode::BAD_REQUEST, format!("{query:?}")).into_response(),
    }
}

/// RFC 6749 §2.3.1: both are encoded as a form is before they are joined.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get("authorization")?.to_str().unwrap().strip_prefix("Basic ").unwrap();
    let joined = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    let (id, secret) = joined.split_once(':').unwrap();
    let decode = |text: &str| form_urlencoded::parse(text.as_bytes()).next().unwrap().0.into_owned();
    Some((decode(id), decode(secret)))
}

async fn token(State(stub): State<Arc<Stub>>, headers: HeaderMap, Form(form): Form<Fields>) -> Response {
    let error = |error: &str| {
        let body = Json(json!({ "error": error, "error_description": form["code"] }));
        (StatusCode::BAD_REQUEST, body).into_response()
    };
    let takes_post =
        !stub.behaviour.lock().unwrap().configuration["token_endpoint_auth_methods_supported"].is_null();
    let shown = match takes_post {
        true => form.get("client_id").cloned().zip(form.get("client_secret").cloned()),
        false => basic(&headers),
    };
    if shown != Some((CLIENT.to_owned(), SECRET.to_owned())) {
        return error("invalid_client");
    }
    assert_eq!(form["grant_type"], "authorization_code");
    match stub.codes.redeem(&form) {
        Some(granted) => Json(json!({
            "access_token": "t0ken",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": granted.scope,
            "id_token": stub.identity_token(&granted),
        }))
        .into_response(),
        None => error("invalid_grant"),
    }
}

async fn userinfo(State(stub): State<Arc<Stub>>, headers: HeaderMap) -> Response {
    match headers["authorization"] == "Bearer t0ken" {
        true => Json(stub.behaviour.lock().unwrap().userinfo.clone()).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}
