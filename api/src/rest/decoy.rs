//! Where honeytokens go off: an endpoint for whoever uses one, which answers all of them as Amazon Web Services answers
//! a key that it does not know.
//!
//! The answer is the same whether or not the key is a honeytoken, whatever is asked for, and when nothing can be
//! recorded.

use crate::app::App;
use crate::auth::asked;
use crate::request::Origin;
use crate::routes::{Access, Routes};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use scanledger_commands::identity::Asked;
use scanledger_domain::honeytoken::Usage;
use scanledger_domain::limits::{DECOY_BYTES, DECOY_TIME};
use tracing::Instrument as _;
use utoipa_axum::routes;
use uuid::Uuid;

/// What clients are given for their endpoint. It is part of a wildcard, which takes what is at it and below.
const ROOT: &str = "/decoy/aws";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Every route with what it takes to use it: nothing, because whoever uses a honeytoken is nobody.
pub fn routes() -> Routes {
    Routes::default().add(Access::Open, routes!(use_honeytoken))
}

/// Where a honeytoken has to be used to go off.
pub fn endpoint(app: &App) -> String {
    format!("{}{ROOT}", app.entrance.public_url)
}

/// Answers whoever uses a honeytoken as if the key were unknown, at any path
///
/// Clients of AWS are given `/decoy/aws` for their endpoint, and ask at it or below.
#[utoipa::path(
    method(get, post, put, patch, delete), path = "/decoy/{*path}", tag = "Honeytokens",
    responses((status = 403, body = String, content_type = "text/xml", description = "The key is unknown."))
)]
pub async fn use_honeytoken(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = unknown_key(app.ids.fresh());
    if let Some(signed) = Signed::of(&parts) {
        let asked = asked(&app, &Origin::of(&parts));
        // A task of its own: who hangs up before the answer has used it all the same.
        let recording = async move { record(&app, &asked, &parts, body, signed).await };
        let task = tokio::spawn(recording.in_current_span());
        if let Err(error) = task.await {
            tracing::error!("the use of a honeytoken could not be recorded: {error}");
        }
    }
    answer
}

async fn record(app: &App, asked: &Asked, parts: &Parts, body: Body, signed: Signed) {
    let body = beginning(body).await;
    let usage = Usage { action: Some(action(parts, &body)), service: signed.service, region: signed.region };
    if let Err(error) = app.honeytokens.record_use(asked, &signed.access_id, usage).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error = error, "the use of a honeytoken could not be recorded");
    }
}

/// What AWS answers to a key that it does not know.
fn unknown_key(request: Uuid) -> Response {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>InvalidClientTokenId</Code>\n    <Message>The security token included in the request is invalid.</Message>\n  </Error>\n  <RequestId>{request}</RequestId>\n</ErrorResponse>\n"
    );
    let headers = [(header::CONTENT_TYPE, "text/xml".to_owned()), (REQUEST_ID, request.to_string())];
    (StatusCode::FORBIDDEN, headers, body).into_response()
}

/// Who a request says that it is from, and where it thinks it goes (AWS Signature Version 4, "credential scope").
/// Whether the signature is right does not matter: who has the access id has stolen it.
#[derive(Debug, PartialEq, Eq)]
struct Signed {
    access_id: String,
    region: Option<String>,
    service: Option<String>,
}

impl Signed {
    fn of(parts: &Parts) -> Option<Self> {
        Self::of_headers(&parts.headers).or_else(|| Self::of_query(&parts.uri))
    }

    fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
        // `AWS4-HMAC-SHA256`, or `AWS4-ECDSA-P256-SHA256`, whose scope names no region.
        if let Some(fields) = value.strip_prefix("AWS4-") {
            let (_, fields) = fields.split_once(' ')?;
            let mut fields = fields.split(',').map(str::trim);
            return fields.find_map(|field| field.strip_prefix("Credential=")).and_then(Self::of_scope);
        }
        // Version 2, which old tools still use.
        let (access_id, _) = value.strip_prefix("AWS ")?.split_once(':')?;
        Some(Self::of_access_id(access_id.trim()))
    }

    fn of_query(uri: &Uri) -> Option<Self> {
        let query = uri.query()?;
        let value = |name: &str| parameter(query.as_bytes(), name);
        match value("X-Amz-Credential") {
            Some(scope) => Self::of_scope(&scope),
            None => value("AWSAccessKeyId").map(|access_id| Self::of_access_id(&access_id)),
        }
    }

    /// `access id/date/region/service/aws4_request`, the region not with every algorithm.
    fn of_scope(scope: &str) -> Option<Self> {
        let mut parts = scope.split('/').map(str::to_owned);
        let access_id = parts.next()?;
        let rest: Vec<String> = parts.skip(1).collect();
        let (region, service) = match &rest[..] {
            [service, end] if end == "aws4_request" => (None, Some(service.clone())),
            _ => (rest.first().cloned(), rest.get(1).cloned()),
        };
        Some(Self { access_id, region, service })
    }

    fn of_access_id(access_id: &str) -> Self {
        Self { access_id: access_id.to_owned(), region: None, service: None }
    }
}

fn parameter(form: &[u8], wanted: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

/// What is asked for: in a header, in the form or the query, or by the method. Not by the path, in which anything may
/// stand.
fn action(parts: &Parts, body: &[u8]) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    // `DynamoDB_20120810.ListTables`
    let target = target.map(|target| target.rsplit('.').next().unwrap_or(target).to_owned());
    let named = || parameter(body, "Action").or_else(|| parameter(parts.uri.query()?.as_bytes(), "Action"));
    target.or_else(named).unwrap_or_else(|| parts.method.to_string())
}

/// The first [`DECOY_BYTES`] of a body, as far as they come within [`DECOY_TIME`]; what comes behind is not read.
async fn beginning(body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    let end = tokio::time::Instant::now() + DECOY_TIME;
    while let Ok(Some(Ok(chunk))) = tokio::time::timeout_at(end, chunks.next()).await {
        let left = DECOY_BYTES - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if bytes.len() == DECOY_BYTES {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{DECOY_BYTES, Signed, action, beginning, unknown_key};
    use axum::body::Body;
    use axum::http::Request;
    use axum::http::request::Parts;
    use futures::StreamExt;
    use proptest::prelude::{any, proptest};
    use uuid::Uuid;

    fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn signed(uri: &str, authorization: &str) -> Option<(String, Option<String>, Option<String>)> {
        let found = Signed::of(&parts("GET", uri, &[("authorization", authorization)]))?;
        Some((found.access_id, found.region, found.service))
    }

    #[test]
    fn who_asks_is_told_by_every_way_of_signing() {
        let scope = |region: &str, service: &str| {
            Some(("ID".to_owned(), Some(region.to_owned()), Some(service.to_owned())))
        };
        let version_4 = "AWS4-HMAC-SHA256 Credential=ID/20261121/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(signed("/decoy/aws", version_4), scope("us-east-1", "sts"));
        let tight = "AWS4-HMAC-SHA256 SignedHeaders=host,Credential=ID/20261121/eu-west-1/s3/aws4_request";
        assert_eq!(signed("/decoy/aws/bucket", tight), scope("eu-west-1", "s3"));
        let without_region = "AWS4-ECDSA-P256-SHA256 Credential=ID/20261121/s3/aws4_request, Signature=0";
        assert_eq!(
            signed("/decoy/aws", without_region),
            Some(("ID".to_owned(), None, Some("s3".to_owned())))
        );
        let query = "/decoy/aws/b/k?X-Amz-Credential=ID%2F20261121%2Feu-west-1%2Fs3%2Faws4_request&x=1";
        assert_eq!(signed(query, "Bearer x"), scope("eu-west-1", "s3"));
        let bare = Some(("ID".to_owned(), None, None));
        assert_eq!(signed("/decoy/aws", "AWS ID:signature"), bare);
        assert_eq!(signed("/decoy/aws?AWSAccessKeyId=ID&Signature=x", ""), bare);
        assert_eq!(signed("/decoy/aws", "AWS4-HMAC-SHA256 Credential=ID"), bare);
        for unsigned in ["", "Bearer x", "AWS4-HMAC-SHA256 Signature=0", "AWS ID"] {
            assert_eq!(signed("/decoy/aws", unsigned), None, "{unsigned}");
        }
    }

    #[test]
    fn what_is_asked_for_is_told_by_header_form_query_or_path() {
        let target = [("x-amz-target", "DynamoDB_20120810.ListTables")];
        assert_eq!(action(&parts("POST", "/decoy/aws", &target), b"Action=Other"), "ListTables");
        let form = b"Version=2011-06-15&Action=GetCallerIdentity";
        assert_eq!(action(&parts("POST", "/decoy/aws/", &[]), form), "GetCallerIdentity");
        let query = "/decoy/aws?Action=ListUsers";
        assert_eq!(action(&parts("GET", query, &[]), b""), "ListUsers");
        assert_eq!(action(&parts("PUT", "/decoy/aws/bucket/key", &[]), b"{"), "PUT");
        assert_eq!(action(&parts("GET", "/decoy/aws", &[]), b""), "GET");
    }

    #[tokio::test]
    async fn the_beginning_of_a_body_is_read() {
        for (sent, read) in [(0, 0), (DECOY_BYTES, DECOY_BYTES), (DECOY_BYTES + 1, DECOY_BYTES)] {
            assert_eq!(beginning(Body::from(vec![b'x'; sent])).await.len(), read);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_no_end_of_a_body_is_not_waited_for() {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>("Action=ListUsers") });
        let body = Body::from_stream(first.chain(futures::stream::pending()));
        assert_eq!(beginning(body).await, b"Action=ListUsers");
    }

    #[test]
    fn answers_differ_in_their_number_only() {
        let answers = [1, 2].map(|n| unknown_key(Uuid::from_u128(n)));
        for answer in &answers {
            assert_eq!(answer.status().as_u16(), 403);
            assert_eq!(answer.headers()["content-type"], "text/xml");
        }
        assert_ne!(answers[0].headers()["x-amzn-requestid"], answers[1].headers()["x-amzn-requestid"]);
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(value in "[ -~]{0,80}", body in proptest::collection::vec(any::<u8>(), 0..80)) {
            let parts = parts("GET", "/decoy/aws/x", &[("authorization", &value), ("x-amz-target", &value)]);
            let _ = (Signed::of(&parts), action(&parts, &body));
        }
    }
}
