//! In front of every route: where a request comes from, whether it is one too many, and how long it may take.

use super::Limits;
use super::address::ClientAddress;
use super::class::{Class, Scope};
use super::credential::Credential;
use super::limiter::{Exceeded, Key, Limiter, Standing};
use super::patience::within;
use crate::problem::Problem;
use crate::routes::{Access, Rule};
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use scanledger_domain::code_host::InstallationId;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// draft-ietf-httpapi-ratelimit-headers: what the limits are, and where the client stands.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the guard in front of the routes knows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guard {
    limits: Arc<Limits>,
    /// Where success means that the credential was accepted: `GET /api/scans`.
    guarded: Arc<HashSet<String>>,
    warned: Arc<AtomicBool>,
}

impl Guard {
    /// In front of routes with these rules.
    pub(crate) fn new(limits: Arc<Limits>, rules: &[Rule]) -> Self {
        let guarded = rules.iter().filter(|rule| rule.access != Access::Open);
        let mut guarded: HashSet<String> = guarded.map(|rule| operation(rule.method, &rule.path)).collect();
        guarded.insert(operation("POST", "/graphql"));
        Self { limits, guarded: Arc::new(guarded), warned: Arc::default() }
    }

    /// Whether success here means that the credential was accepted.
    fn is_guarded(&self, method: &Method, route: Option<&str>) -> bool {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        route.is_some_and(|route| self.guarded.contains(&operation(method.as_str(), route)))
    }

    /// Says once that a proxy is not trusted: all its clients then count as one.
    fn warn_of_proxy(&self, headers: &HeaderMap) {
        let is_forwarded = headers.contains_key(header::FORWARDED) || headers.contains_key(X_FORWARDED_FOR);
        if is_forwarded && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "requests come through a proxy that is not trusted, so its clients share one set of limits; if it is \
                 yours, name it: --trusted-proxy ADDRESS"
            );
        }
    }
}

fn operation(method: &str, route: &str) -> String {
    format!("{method} {route}")
}

/// Who sends a request.
struct Sender {
    address: Option<ClientAddress>,
    credential: Option<Credential>,
    /// Whether the credential was accepted before.
    is_accepted: bool,
}

impl Sender {
    /// As what it is counted; none where there is no connection at all.
    fn key(&self, scope: Scope) -> Option<Key> {
        match (scope, self.credential) {
            (Scope::Credential, Some(credential)) if self.is_accepted => Some(Key::Credential(credential)),
            (Scope::Installation, _) => None,
            (Scope::Credential | Scope::Address, _) => {
                self.address.map(|address| Key::Network(address.network()))
            }
        }
    }
}

/// Lets a request through, or answers 429 in the shape of its dialect.
pub(crate) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let limits = &guard.limits;
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let sender = guard.recognise(&mut request);
    let class = Class::of(request.method().as_str(), route);
    let time = class.unwrap_or(Class::General).line().time;
    let Some(class) = class else {
        return within(time, request, |request| next.run(request)).await;
    };
    let standing = match limits.admit(class, &sender) {
        Ok(standing) => standing,
        Err(exceeded) => {
            let reads_on = request.body().is_end_stream();
            return refuse(&exceeded, reads_on);
        }
    };
    let method = request.method().clone();
    let mut response = within(time, request, |request| next.run(request)).await;
    limits.learn(&sender, response.status(), || guard.is_guarded(&method, route));
    if let Some(standing) = standing {
        tell(response.headers_mut(), &standing);
    }
    response
}

impl Guard {
    /// Who sends this request; handlers find the address in its extensions.
    fn recognise(&self, request: &mut Request) -> Sender {
        let peer = ClientAddress::peer(request.extensions());
        let address = peer.map(|peer| self.limits.proxies.client(peer, request.headers()));
        if let (Some(peer), Some(address)) = (peer, address) {
            if address.0 == peer.to_canonical() {
                self.warn_of_proxy(request.headers());
            }
            request.extensions_mut().insert(address);
        }
        let credential = Credential::of(request.headers());
        let is_accepted = credential.is_some_and(|credential| self.limits.accepted.contains(&credential));
        Sender { address, credential, is_accepted }
    }
}

impl Limits {
    /// Takes a unit for a request; none if nothing limits it.
    fn admit(&self, class: Class, sender: &Sender) -> Result<Option<Standing<'_>>, Exceeded<'_>> {
        // What is sent to the decoy is never accepted, and a use that is refused would not be seen.
        if class != Class::Decoy
            && sender.credential.is_some()
            && !sender.is_accepted
            && let Some((limiter, key)) = self.limiter(Class::Failure, sender)
        {
            limiter.look(key)?;
        }
        self.limiter(class, sender).map(|(limiter, key)| limiter.take(key)).transpose()
    }

    /// Takes a unit of a class for what somebody who is signed in asks on a connection that stays open.
    ///
    /// # Errors
    /// 429 with the seconds after which there is one.
    pub(crate) fn take_of_caller(
        &self,
        class: Class,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<(), Problem> {
        let address = ClientAddress::of(extensions);
        let sender = Sender { address, credential: Credential::of(headers), is_accepted: true };
        let Some((limiter, key)) = self.limiter(class, &sender) else { return Ok(()) };
        match limiter.take(key) {
            Ok(_) => Ok(()),
            Err(exceeded) => Err(too_many(&exceeded)),
        }
    }

    /// Takes a unit of a class that is counted by installation of the app.
    ///
    /// # Errors
    /// 429 with the seconds after which there is one.
    pub fn take_of_installation(&self, class: Class, installation: InstallationId) -> Result<(), Problem> {
        let Some(limiter) = self.limiters.get(&class) else { return Ok(()) };
        match limiter.take(Key::Installation(installation)) {
            Ok(_) => Ok(()),
            Err(exceeded) => Err(too_many(&exceeded)),
        }
    }

    /// Learns from an answer whether a credential is one.
    fn learn(&self, sender: &Sender, status: StatusCode, is_guarded: impl FnOnce() -> bool) {
        let Some(credential) = sender.credential else { return };
        if status == StatusCode::UNAUTHORIZED {
            self.accepted.remove(&credential);
            if let Some((limiter, key)) = self.limiter(Class::Failure, sender) {
                // If none is left, the next one is not let in.
                let _ = limiter.take(key);
            }
        } else if !sender.is_accepted && status.is_success() && is_guarded() {
            self.accepted.insert(credential);
        }
    }

    fn limiter(&self, class: Class, sender: &Sender) -> Option<(&Limiter, Key)> {
        Some((self.limiters.get(&class)?, sender.key(class.line().scope)?))
    }
}

/// 429. Whoever is still sending is told to stop.
fn refuse(exceeded: &Exceeded<'_>, is_all_read: bool) -> Response {
    let mut response = too_many(exceeded).into_response();
    let headers = response.headers_mut();
    tell(headers, &Standing { limiter: exceeded.limiter, remaining: 0, seconds: exceeded.seconds });
    if !is_all_read {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn too_many(exceeded: &Exceeded<'_>) -> Problem {
    let detail = format!("too many requests; try again in {} s", exceeded.seconds);
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with_code("RATE_LIMITED");
    problem.retry_after(exceeded.seconds)
}

fn tell(headers: &mut HeaderMap, standing: &Standing<'_>) {
    headers.insert(RATE_LIMIT_POLICY, standing.limiter.policy().clone());
    if let Ok(value) = HeaderValue::try_from(standing.to_string()) {
        headers.insert(RATE_LIMIT, value);
    }
}
