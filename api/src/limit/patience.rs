//! How long a request may take until its answer begins.

use crate::problem::Problem;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs a request for at most `time`. What the answer streams after its head is not counted.
///
/// Whoever has not sent the whole request by then is at fault (408), else the server is (503). A write that was
/// under way may still happen, as after a lost connection: with an `Idempotency-Key` it can be sent again.
pub(super) async fn within<F: Future<Output = Response>>(
    time: Duration,
    request: Request,
    run: impl FnOnce(Request) -> F,
) -> Response {
    let (request, arrived) = watch(request);
    if let Ok(response) = tokio::time::timeout(time, run(request)).await {
        return response;
    }
    let seconds = time.as_secs();
    let mut response = if arrived.load(Ordering::Relaxed) {
        let detail = format!("the server was not done after {seconds} s");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with_code("TOO_SLOW").into_response()
    } else {
        let detail = format!("the request was not complete after {seconds} s");
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail).with_code("INCOMPLETE_REQUEST").into_response()
    };
    // The rest of the request is not read.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The request, and whether all of its body was read.
fn watch(request: Request) -> (Request, Arc<AtomicBool>) {
    let arrived = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    if arrived.load(Ordering::Relaxed) {
        return (request, arrived);
    }
    let end = Arc::clone(&arrived);
    let watched = request.map(|body| Body::from_stream(until_end(body, end)));
    (watched, arrived)
}

fn until_end(
    body: Body,
    arrived: Arc<AtomicBool>,
) -> impl Stream<Item = Result<bytes::Bytes, axum::Error>> + Send {
    let end = futures::stream::poll_fn(move |_| {
        arrived.store(true, Ordering::Relaxed);
        std::task::Poll::Ready(None)
    });
    body.into_data_stream().chain(end)
}

#[cfg(test)]
mod tests {
    use super::within;
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::http::header;
    use axum::response::{IntoResponse, Response};
    use futures::StreamExt as _;
    use std::time::Duration;

    async fn read(request: Request) -> Response {
        to_bytes(request.into_body(), 100).await.unwrap().into_response()
    }

    async fn read_and_hang(request: Request) -> Response {
        drop(read(request).await);
        std::future::pending().await
    }

    fn body(is_whole: bool) -> Body {
        let sent = futures::stream::iter([Ok::<_, std::io::Error>("abc")]);
        match is_whole {
            true => Body::from_stream(sent),
            false => Body::from_stream(sent.chain(futures::stream::pending())),
        }
    }

    async fn run<F: Future<Output = Response>>(body: Body, run: impl FnOnce(Request) -> F) -> Response {
        within(Duration::from_millis(50), Request::new(body), run).await
    }

    #[tokio::test]
    async fn what_is_in_time_is_answered_with_its_body_unchanged() {
        let response = run(body(true), read).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "abc");
    }

    #[tokio::test]
    async fn who_does_not_send_a_whole_request_is_timed_out() {
        let response = run(body(false), read).await;
        assert_eq!(response.status().as_u16(), 408);
        assert_eq!(response.headers()[header::CONNECTION], "close");
    }

    #[tokio::test]
    async fn a_server_that_is_not_done_says_so() {
        assert_eq!(run(body(true), read_and_hang).await.status().as_u16(), 503);
        assert_eq!(run(Body::empty(), read_and_hang).await.status().as_u16(), 503);
    }
}
