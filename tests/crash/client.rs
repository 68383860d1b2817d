//! A client that is used to servers that go away.

use crate::archive::Project;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// How long a request may go on failing before the test has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long to wait before trying again.
const AGAIN: Duration = Duration::from_millis(10);

/// A client of whatever server there is at the moment.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    key: String,
    url: watch::Receiver<Option<String>>,
}

/// What a client got.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    position: Option<u64>,
    body: Vec<u8>,
}

impl Answer {
    /// The position of what a write did.
    #[track_caller]
    pub fn position(&self) -> u64 {
        self.position.expect("a write says its position")
    }

    /// The body.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    /// A client of the server whose address `url` has; without one, it waits.
    pub fn new(key: &str, url: watch::Receiver<Option<String>>) -> Self {
        Self { http: reqwest::Client::new(), key: key.to_owned(), url }
    }

    /// Reads, from a read model that has reached `position`.
    pub async fn get(&self, path: &str, position: u64) -> Answer {
        let get = |request: RequestBuilder| request.header("scanledger-min-position", position);
        self.insist(Method::GET, path, 200, get).await
    }

    /// Changes something that a read model knows once it has reached `position`, once however often it has to be sent.
    pub async fn change(&self, method: Method, path: &str, key: &str, body: &Value, position: u64) -> Answer {
        let change = |request: RequestBuilder| {
            request.header("scanledger-min-position", position).header("idempotency-key", key).json(body)
        };
        self.insist(method, path, 200, change).await
    }

    /// Queues a scan, once however often it has to be sent.
    pub async fn upload(&self, key: &str, project: &Project, fields: &[(&str, &str)]) -> Answer {
        let archive = project.tar_gz();
        let upload = |request: RequestBuilder| {
            let part = Part::bytes(archive.clone()).file_name("shop.tar.gz");
            let form = fields.iter().fold(Form::new().part("source", part), |form, (name, value)| {
                form.text((*name).to_owned(), (*value).to_owned())
            });
            request.header("idempotency-key", key).multipart(form)
        };
        self.insist(Method::POST, "/api/scans", 201, upload).await
    }

    /// Sends a request again and again until a server has answered it, which has to be with `status`.
    async fn insist(
        &self,
        method: Method,
        path: &str,
        status: u16,
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let answered = async {
            loop {
                let url = self.url.clone().wait_for(Option::is_some).await.ok().and_then(|url| url.clone());
                let Some(url) = url else {
                    // The test has failed elsewhere, and this is not to hide why.
                    return std::future::pending().await;
                };
                let request = self.http.request(method.clone(), format!("{url}{path}")).timeout(ATTEMPT);
                match attempt(finish(request.bearer_auth(&self.key))).await {
                    // A server that has just started says so until its read model is there.
                    Ok(answer) if answer.status != 503 => return answer,
                    Ok(_) | Err(_) => tokio::time::sleep(AGAIN).await,
                }
            }
        };
        let Ok(answer) = tokio::time::timeout(PATIENCE, answered).await else {
            panic!("{method} {path} was not answered in {PATIENCE:?}");
        };
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        answer
    }
}

/// What a server answered in full.
async fn attempt(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let position = response.headers().get("scanledger-position");
    let position = position.map(|value| value.to_str().unwrap().parse().unwrap());
    Ok(Answer { status: response.status().as_u16(), position, body: response.bytes().await?.to_vec() })
}
