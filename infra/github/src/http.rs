//! Requests to GitHub, and how often they are sent.

use crate::error::{Fault, SetupError};
use crate::limit;
use crate::site::{GitHubApi, is_secure};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use scanledger_domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tracing::{debug, warn};
use url::Url;

/// How often a request is sent in all.
pub const ATTEMPTS: u32 = 4;

/// The version of the API that our shapes are of.
const API_VERSION: &str = "2022-11-28";
/// Bytes of an answer in JSON; a hundred files of a pull request come with their changes.
const MAX_JSON_BYTES: u64 = 32 << 20;
/// Bytes of a refusal that are looked at.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// Redirects that are followed for one request.
const HOPS: u32 = 3;

/// How long is waited for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For an answer (dpendx reference §2: 30 s), and for each part of an archive.
    pub answer: Duration,
    /// For a whole archive.
    pub archive: Duration,
    /// The pause before what failed is sent again; each further one is twice as long.
    pub pause: Duration,
    /// For limits to end, in all; beyond it the caller is told.
    pub limits: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            archive: Duration::from_secs(300),
            pause: Duration::from_secs(1),
            limits: Duration::from_secs(30),
        }
    }
}

/// Whether a request may be sent again when nobody knows if it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or the same way again.
    Safe,
    /// It makes something, each time.
    Never,
}

/// How an answer is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Whole { max_bytes: u64 },
    Stream,
}

/// A request, without who asks.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    url: Url,
    accept: &'static str,
    body: Option<Value>,
    repeat: Repeat,
    want: Want,
}

impl Request {
    pub(crate) fn get(url: Url) -> Self {
        let want = Want::Whole { max_bytes: MAX_JSON_BYTES };
        let accept = "application/vnd.github+json";
        Self { method: Method::GET, url, accept, body: None, repeat: Repeat::Safe, want }
    }

    pub(crate) fn post(url: Url, body: Value, repeat: Repeat) -> Self {
        Self { method: Method::POST, body: Some(body), repeat, ..Self::get(url) }
    }

    pub(crate) fn patch(url: Url, body: Value, repeat: Repeat) -> Self {
        Self { method: Method::PATCH, body: Some(body), repeat, ..Self::get(url) }
    }

    /// Asks for something else than JSON, of at most `max_bytes`.
    pub(crate) fn raw(self, accept: &'static str, max_bytes: u64) -> Self {
        Self { accept, want: Want::Whole { max_bytes }, ..self }
    }

    /// Asks for something that is too large for memory.
    pub(crate) fn stream(self) -> Self {
        Self { accept: "*/*", want: Want::Stream, ..self }
    }
}

/// An answer of status 2xx, in memory.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|_| Fault::Unreadable)
    }
}

/// An answer of status 4xx.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// What GitHub says, to be told apart and not to be shown.
    message: String,
    pub(crate) date: Option<Timestamp>,
}

impl Refusal {
    pub(crate) fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }
}

/// What came of a request.
pub(crate) enum Outcome {
    Whole(Answer),
    Stream(Response),
    /// What was to be streamed is at another server, which is not to see who asks.
    Elsewhere(Url),
    Refused(Refusal),
}

/// Why nothing did.
pub(crate) enum Failed {
    /// GitHub wants to be left alone for so long.
    Limited(Duration),
    /// The answer has more bytes than were asked for.
    TooLarge(u64),
    Fault(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Why one attempt failed.
enum Trouble {
    /// For good.
    Final(Failed),
    /// Another one may do, if the request may be sent again.
    Passing(Fault),
    /// It was not heard, so it may be sent again whatever it is.
    Unheard(Fault),
    Limited(Duration),
}

/// An HTTP client for GitHub alone.
pub(crate) struct Http {
    client: reqwest::Client,
    api: GitHubApi,
    patience: Patience,
}

impl Http {
    pub(crate) fn new(api: GitHubApi, patience: Patience) -> Result<Self, SetupError> {
        let client = reqwest::Client::builder()
            // Who may see the token is decided below.
            .redirect(Policy::none())
            .connect_timeout(CONNECTING)
            .read_timeout(patience.answer)
            .user_agent(concat!("scanledger/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client, api, patience })
    }

    pub(crate) const fn api(&self) -> &GitHubApi {
        &self.api
    }

    pub(crate) const fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Sends a request as often as it takes and may be. `now` is the present at GitHub.
    pub(crate) async fn send(
        &self,
        request: &Request,
        bearer: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<Outcome, Failed> {
        let (mut pause, mut left) = (self.patience.pause, self.patience.limits);
        for attempt in 1..=ATTEMPTS {
            let trouble = match self.attempt(request, bearer, now).await {
                Ok(outcome) => return Ok(outcome),
                Err(trouble) => trouble,
            };
            let is_last = attempt == ATTEMPTS;
            match trouble {
                Trouble::Final(failed) => return Err(failed),
                Trouble::Limited(wait) if is_last || wait > left => {
                    warn!(wait_s = wait.as_secs(), "GitHub takes no more requests for a while");
                    return Err(Failed::Limited(wait));
                }
                Trouble::Limited(wait) => {
                    tokio::time::sleep(wait).await;
                    left -= wait;
                }
                Trouble::Passing(fault) if is_last || request.repeat == Repeat::Never => {
                    return Err(fault.into());
                }
                Trouble::Unheard(fault) if is_last => return Err(fault.into()),
                Trouble::Passing(fault) | Trouble::Unheard(fault) => {
                    debug!(attempt, error = %fault, "a request to GitHub is sent again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn attempt(
        &self,
        request: &Request,
        bearer: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<Outcome, Trouble> {
        let mut url = request.url.clone();
        for _ in 0..=HOPS {
            let answer = self.ask(request, url.clone(), bearer).await?;
            let status = answer.status();
            if status.is_redirection() {
                let next = location(&answer).ok_or(Trouble::Final(Fault::Redirect.into()))?;
                if self.api.has(&next) && keeps_method(&request.method, status) {
                    url = next;
                    continue;
                }
                return match request.want {
                    Want::Stream if is_secure(&next) => Ok(Outcome::Elsewhere(next)),
                    _ => Err(Trouble::Final(Fault::Redirect.into())),
                };
            }
            if status.is_success() {
                return taken(answer, request.want).await;
            }
            return refused(answer, now).await;
        }
        Err(Trouble::Final(Fault::Redirect.into()))
    }

    async fn ask(
        &self,
        request: &Request,
        url: Url,
        bearer: Option<&HeaderValue>,
    ) -> Result<Response, Trouble> {
        let time = match request.want {
            Want::Whole { .. } => self.patience.answer,
            Want::Stream => self.patience.archive,
        };
        let mut builder = self.client.request(request.method.clone(), url).timeout(time);
        builder = builder.header(ACCEPT, request.accept).header("x-github-api-version", API_VERSION);
        if let Some(bearer) = bearer {
            builder = builder.header(AUTHORIZATION, bearer);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        builder.send().await.map_err(|error| {
            let is_unheard = error.is_connect();
            let fault = Fault::Unanswered(error.without_url());
            if is_unheard { Trouble::Unheard(fault) } else { Trouble::Passing(fault) }
        })
    }
}

/// Whether what follows a redirect is the same request (RFC 9110 §15.4).
fn keeps_method(method: &Method, status: StatusCode) -> bool {
    match status {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::GET,
        _ => false,
    }
}

fn location(answer: &Response) -> Option<Url> {
    let location = answer.headers().get(LOCATION)?.to_str().ok()?;
    answer.url().join(location).ok()
}

async fn taken(mut answer: Response, want: Want) -> Result<Outcome, Trouble> {
    let Want::Whole { max_bytes } = want else { return Ok(Outcome::Stream(answer)) };
    let too_large = || Trouble::Final(Failed::TooLarge(max_bytes));
    if answer.content_length().is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let headers = std::mem::take(answer.headers_mut());
    match body(answer, max_bytes).await? {
        (body, Whole::Yes) => Ok(Outcome::Whole(Answer { headers, body })),
        (_, Whole::No) => Err(too_large()),
    }
}

async fn refused(mut answer: Response, now: Timestamp) -> Result<Outcome, Trouble> {
    #[derive(Default, Deserialize)]
    struct Said {
        #[serde(default)]
        message: String,
        /// Objects or texts, depending on who refuses.
        #[serde(default)]
        errors: Value,
    }
    let status = answer.status();
    if !status.is_client_error() {
        return Err(Trouble::Passing(Fault::Status(status.as_u16())));
    }
    let headers = std::mem::take(answer.headers_mut());
    let (body, _) = body(answer, MAX_REFUSAL_BYTES).await?;
    let Said { mut message, errors } = serde_json::from_slice(&body).unwrap_or_default();
    if !errors.is_null() {
        message.push_str(&errors.to_string());
    }
    if limit::may_be_limit(status)
        && let Some(wait) = limit::wait(status, &headers, &message, now)
    {
        return Err(Trouble::Limited(wait));
    }
    Ok(Outcome::Refused(Refusal { status, message, date: limit::date(&headers) }))
}

/// Whether all of a body was read.
enum Whole {
    Yes,
    No,
}

/// At most `max_bytes` of a body.
async fn body(mut answer: Response, max_bytes: u64) -> Result<(Vec<u8>, Whole), Trouble> {
    let broken = |error: reqwest::Error| Trouble::Passing(Fault::Unanswered(error.without_url()));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if (body.len() + chunk.len()) as u64 > max_bytes {
            return Ok((body, Whole::No));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, Whole::Yes))
}
