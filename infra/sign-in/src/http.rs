//! Requests to providers, and what every answer has to keep.

use crate::error::SetupError;
use openidconnect::http::{Response, StatusCode};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use scanledger_domain::BoxFuture;
use std::time::Duration;
use url::{Host, Url};

/// Bytes of an answer. Configurations and key sets have some thousand; the groups of a person may be many.
const MAX_BYTES: usize = 1 << 20;

/// How long an answer may take, connecting included: somebody waits for it in a browser.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFault {
    #[error("a URL of the provider is neither https nor of this machine")]
    Insecure,
    #[error("the request to the provider cannot be sent")]
    Unsendable,
    #[error("the provider did not answer")]
    Unanswered(#[source] reqwest::Error),
    #[error("the answer of the provider is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the provider is not able to answer: status {0}")]
    Busy(u16),
}

/// An HTTP client for providers alone.
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new() -> Result<Self, SetupError> {
        let client = reqwest::Client::builder()
            // Providers do not redirect these requests; who does would have secrets sent elsewhere.
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .connect_timeout(CONNECTING)
            // GitHub refuses requests that do not say who asks.
            .user_agent("scanledger")
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self(client))
    }

    /// Whatever the answer is, except that the provider has trouble or wants to be left alone (5xx, 429).
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let request = reqwest::Request::try_from(request).map_err(|_| HttpFault::Unsendable)?;
        if !is_secure(request.url()) {
            return Err(HttpFault::Insecure);
        }
        let mut answer = self.0.execute(request).await.map_err(unanswered)?;
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(HttpFault::Busy(status.as_u16()));
        }
        let mut response = Response::new(Vec::new());
        *response.status_mut() = status;
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            let body = response.body_mut();
            if body.len() + chunk.len() > MAX_BYTES {
                return Err(HttpFault::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpFault;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpFault>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

fn unanswered(error: reqwest::Error) -> HttpFault {
    HttpFault::Unanswered(error.without_url())
}

/// Whether nobody on the way can read or change what is sent there.
pub(crate) fn is_secure(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_secure;

    #[test]
    fn only_tls_and_this_machine_are_secure() {
        for (url, expected) in [
            ("https://accounts.google.com", true),
            ("http://127.0.0.1:9400/jwks", true),
            ("http://[::1]:9400", true),
            ("http://localhost/", true),
            ("http://accounts.google.com", false),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
            ("ftp://localhost", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_secure(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
