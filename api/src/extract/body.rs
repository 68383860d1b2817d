//! JSON bodies.

use super::invalid;
use crate::app::App;
use crate::problem::Problem;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt;
use scanledger_domain::limits::JSON_BODY_BYTES;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

/// A JSON object as body: at most `MAX` bytes, [`JSON_BODY_BYTES`] unless the route says more; what is read of it is at
/// most 128 levels deep (`serde_json`'s own limit), and what nobody asks for is skipped without recursion.
pub struct Body<T, const MAX: usize = JSON_BODY_BYTES> {
    /// What it says.
    pub value: T,
    /// SHA-256 of its bytes, to tell whether a repeated request is the same.
    pub digest: [u8; 32],
}

impl<T: DeserializeOwned, const MAX: usize> FromRequest<App> for Body<T, MAX> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let bytes = read(request, MAX).await?;
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
            parse_json::<serde_json::Value>(&bytes)?;
            // serde would take the fields from it in their order.
            return Err(Problem::invalid(".", "must be an object"));
        }
        Ok(Self { value: parse_json(&bytes)?, digest: digest_of(&bytes) })
    }
}

/// Reads a body of at most `limit` bytes that may be any JSON value.
///
/// # Errors
/// 415 for what does not say that it is JSON, 413 for what is too long, 400 for what does not fit.
pub async fn read_json<T: DeserializeOwned>(request: Request, limit: usize) -> Result<Body<T>, Problem> {
    let bytes = read(request, limit).await?;
    Ok(Body { value: parse_json(&bytes)?, digest: digest_of(&bytes) })
}

/// The bytes of a body that is JSON, as they were sent: at most `limit`.
///
/// # Errors
/// 415 for what does not say that it is JSON, 413 for what is too long.
pub async fn read_bytes(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    read(request, limit).await
}

/// How many bytes the body of a request has, if it says so.
pub fn length_of(request: &Request) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// SHA-256.
pub fn digest_of(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// `application/json`, or something that is written in it (RFC 6839 §3.1).
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mime = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    mime == "application/json" || (mime.starts_with("application/") && mime.ends_with("+json"))
}

async fn read(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    if !is_json(request.headers()) {
        let error = "the body must be JSON: Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let too_large = || {
        let error = format!("the body has more than {limit} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error).closing()
    };
    let declared = length_of(&request).unwrap_or_default();
    if declared > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(declared);
    let mut chunks = request.into_body().into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::bad_request("the body ended early"))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads JSON.
///
/// # Errors
/// 400 for what is not JSON or not UTF-8, and with a detail for a value that does not fit.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Text in fields that nobody asks for is skipped unread, so it is looked at here.
    if let Err(error) = std::str::from_utf8(bytes) {
        let error = format!("the body is not valid UTF-8 from byte {} on", error.valid_up_to());
        return Err(Problem::bad_request(error).with_code("MALFORMED_JSON"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // serde_json stops at the first value that does not fit, and calls some of those malformed.
        match serde_json::from_slice::<WellFormed>(bytes) {
            Ok(_) => invalid(&error),
            Err(error) => malformed(&error),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Any JSON value within the limit of depth, read and not kept: a body that does not fit may be large.
struct WellFormed;

impl<'de> Deserialize<'de> for WellFormed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for WellFormed {
    type Value = Self;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        while fields.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::bad_request(format!("the body is not valid JSON: {error}")).with_code("MALFORMED_JSON")
}

/// Reads a JSON value that is there already.
///
/// # Errors
/// 400 with a detail.
pub fn parse_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| invalid(&error))
}

#[cfg(test)]
mod tests {
    use super::{is_json, parse_json};
    use crate::problem::Detail;
    use axum::http::{HeaderMap, HeaderValue, header};
    use proptest::prelude::{any, proptest};
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase")]
    struct Order {
        size: Size,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    enum Size {
        #[serde(rename = "BIG")]
        Big,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        name: String,
    }

    fn details(json: &str) -> Vec<Detail> {
        let problem = parse_json::<Order>(json.as_bytes()).unwrap_err();
        assert_eq!(problem.status().as_u16(), 400);
        problem.body().details.clone()
    }

    fn detail(path: &str, message: &str) -> Vec<Detail> {
        vec![Detail { path: path.to_owned(), message: message.to_owned() }]
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        assert_eq!(details("{}"), detail("size", "missing field `size`"));
        assert_eq!(details(r#"{"size":"TINY"}"#), detail("size", "unknown variant `TINY`, expected `BIG`"));
        assert_eq!(
            details(r#"{"size":"BIG","inner":{"name":1}}"#),
            detail("inner.name", "invalid type: integer `1`, expected a string")
        );
        assert_eq!(details(r#"{"size":"BIG","inner":{}}"#), detail("inner.name", "missing field `name`"));
        assert_eq!(details(r#"{"size":null}"#), detail("size", "expected value"));
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let deep = format!("{{\"x\":{}", "[".repeat(200));
        for bad in ["", "{", "{\"size\":\"BIG\"}x", "{\"size\":1,}", "nul", deep.as_str()] {
            let problem = parse_json::<Order>(bad.as_bytes()).unwrap_err();
            assert_eq!(
                (problem.status().as_u16(), problem.body().code),
                (400, Some("MALFORMED_JSON")),
                "{bad}"
            );
        }
        let problem = parse_json::<Order>(b"{\"size\":\"BIG\",\"x\":\"\xff\"}").unwrap_err();
        assert_eq!(problem.body().code, Some("MALFORMED_JSON"));
    }

    #[test]
    fn json_is_told_by_its_media_type() {
        let of =
            |value| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]));
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(of(good), "{good}");
        }
        for bad in ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data"]
        {
            assert!(!of(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_json::<Order>(&bytes);
        }
    }
}
