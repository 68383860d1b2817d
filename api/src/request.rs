//! What a request brings besides its body: its id, where it came from, and its idempotency key.

use crate::limit::ClientAddress;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use scanledger_domain::limits::{REF_CHARS, REQUEST_ID_CHARS};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;

/// The id of a request, as in the server's log lines: the client's `X-Request-Id` if it is sane, else a new one.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The position of what a write did, or up to which a read looked.
pub const POSITION: HeaderName = HeaderName::from_static("scanledger-position");
/// The position that a read has to have reached.
pub const MIN_POSITION: HeaderName = HeaderName::from_static("scanledger-min-position");
/// Makes a repeated request harmless.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

/// Where request ids come from when clients bring none.
#[derive(Clone)]
pub struct Ids(pub Arc<dyn scanledger_domain::id::Ids>);

impl RequestId {
    /// The client's id if it is one line of letters, digits, `-`, `_` and `.`, else a fresh one.
    pub fn of(headers: &HeaderMap, ids: &Ids) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_sane(id));
        match sent {
            Some(id) => Self(id.into()),
            None => Self(ids.0.fresh().to_string().into()),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as a header.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("-"))
    }

    /// The id of the request that this task works on.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Works on a request with this id.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}

fn is_sane(id: &str) -> bool {
    (1..=REQUEST_ID_CHARS).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Where a request came from, and what it is to be known by.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The client's address: the other end of the connection, or what a trusted proxy in between says.
    pub address: Option<IpAddr>,
    /// The client's user agent, cut to [`REF_CHARS`].
    pub user_agent: Option<String>,
    /// The request's id.
    pub request: Option<String>,
    /// `POST`.
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The query as sent; empty if there is none.
    pub query: String,
    /// The header `Idempotency-Key`, if there is one; not yet checked.
    pub idempotency_key: Option<HeaderValue>,
}

impl Origin {
    /// Of a request.
    pub fn of(parts: &Parts) -> Self {
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            address: ClientAddress::of(&parts.extensions).map(|address| address.0),
            user_agent: user_agent.map(|agent| agent.chars().take(REF_CHARS).collect()),
            request: RequestId::current().map(|id| id.as_str().to_owned()),
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            idempotency_key: parts.headers.get(IDEMPOTENCY_KEY).cloned(),
        }
    }

    /// SHA-256 of what the request says beside its path: its body, of which this is the digest, and its query. The
    /// order of parameters says nothing, and neither does one that is empty, because it counts as absent.
    pub fn digest(&self, body: [u8; 32]) -> [u8; 32] {
        let sent = form_urlencoded::parse(self.query.as_bytes()).filter(|(_, value)| !value.is_empty());
        let mut parameters: Vec<_> = sent.collect();
        if parameters.is_empty() {
            return body;
        }
        // Values of one name keep their order.
        parameters.sort_by(|a, b| a.0.cmp(&b.0));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        Sha256::new().chain_update(body).chain_update(query).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, REQUEST_ID_CHARS, is_sane};

    #[test]
    fn a_request_says_its_body_and_its_query_in_whatever_order() {
        let of = |query: &str, body: u8| {
            let origin = Origin {
                address: None,
                user_agent: None,
                request: None,
                method: "PUT".to_owned(),
                path: "/".to_owned(),
                query: query.to_owned(),
                idempotency_key: None,
            };
            origin.digest([body; 32])
        };
        assert_eq!(of("", 1), [1; 32]);
        assert_eq!(of("a=", 1), of("", 1));
        assert_eq!(of("b=2&a=1", 1), of("a=1&b=%32&c=", 1));
        let all = [of("", 1), of("a=1", 1), of("a=2", 1), of("a=1", 2), of("b=1", 1), of("a=1&a=2", 1)];
        for (number, one) in all.iter().enumerate() {
            assert!(!all[..number].contains(one), "{number}");
        }
        assert_ne!(of("a=1&a=2", 1), of("a=2&a=1", 1), "of two values the order may say something");
    }

    #[test]
    fn a_request_id_is_one_harmless_word() {
        for good in ["a", "018f-AB_c.1", "x".repeat(REQUEST_ID_CHARS).as_str()] {
            assert!(is_sane(good), "{good}");
        }
        for bad in ["", "a b", "a\nb", "é", "<x>", "x".repeat(REQUEST_ID_CHARS + 1).as_str()] {
            assert!(!is_sane(bad), "{bad}");
        }
    }
}
