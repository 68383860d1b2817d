//! A client of the REST API that knows of the server no more than any other.

use anyhow::{Context, Result, bail};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a scan is looked at while it runs.
const LOOK: Duration = Duration::from_millis(60);
/// How long a scan may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// A caller with a key.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// What a request came to, and the position it names.
pub(super) struct Answer<T> {
    pub(super) body: T,
    pub(super) position: Option<u64>,
}

/// An upload that waits for its scan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Queued {
    pub(super) scan_id: String,
    pub(super) project_id: String,
}

/// A scan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scan {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) error_message: Option<String>,
    pub(super) scanner_progress: BTreeMap<String, Progress>,
    pub(super) deps_scanned: u64,
    pub(super) new_count: u64,
    pub(super) fixed_count: u64,
    #[serde(rename = "_count")]
    pub(super) count: Count,
}

/// How many findings a scan has.
#[derive(Deserialize)]
pub(super) struct Count {
    pub(super) findings: u64,
}

/// How far a scanner is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    #[serde(default)]
    pub(super) findings_count: Option<u64>,
    #[serde(default)]
    pub(super) files_completed: u64,
    #[serde(default)]
    pub(super) files_total: u64,
}

/// A finding.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    pub(super) id: String,
    pub(super) severity: String,
    pub(super) title: String,
    pub(super) rule_id: String,
    pub(super) file_path: Option<String>,
    pub(super) start_line: Option<u32>,
    pub(super) status: String,
    pub(super) scanner: String,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
}

/// What only some findings have.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) package_name: Option<String>,
    #[serde(default)]
    pub(super) package_version: Option<String>,
    #[serde(default)]
    pub(super) fix_version: Option<String>,
}

#[derive(Deserialize)]
struct FindingPage {
    findings: Vec<Finding>,
}

/// What the gate said about a scan, and what it knew then.
#[derive(Deserialize)]
pub(super) struct Verdict {
    pub(super) result: String,
    pub(super) reasons: Vec<Reason>,
}

/// One reason why a gate failed.
#[derive(Deserialize)]
pub(super) struct Reason {
    /// The severity of which there are too many; none for new findings.
    pub(super) severity: Option<String>,
    pub(super) count: u64,
    /// How many may be; none for new findings, of which there may be none.
    pub(super) allowed: Option<u64>,
}

#[derive(Deserialize)]
struct Answered {
    data: AnsweredScan,
}

#[derive(Deserialize)]
struct AnsweredScan {
    scan: ScanWithVerdict,
}

#[derive(Deserialize)]
struct ScanWithVerdict {
    verdict: Option<Verdict>,
}

/// Asks for a verdict with its reasons, which only GraphQL tells.
const VERDICT: &str =
    "query($scan: ID!) { scan(id: $scan) { verdict { result reasons { severity count allowed } } } }";

/// What changed between two instants.
#[derive(Deserialize)]
pub(super) struct Diff {
    pub(super) findings: Changes<Finding>,
    pub(super) components: Changes<Component>,
}

/// Things that came and went.
#[derive(Deserialize)]
pub(super) struct Changes<T> {
    pub(super) added: Vec<T>,
    pub(super) removed: Vec<T>,
}

/// A dependency.
#[derive(Deserialize)]
pub(super) struct Component {
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) version: String,
}

/// An entry of the audit trail.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditEntry {
    /// The position of its event.
    pub(super) id: String,
    pub(super) action: String,
    pub(super) details: Map<String, Value>,
    pub(super) created_at: String,
    pub(super) actor: AuditActor,
}

/// Who did it.
#[derive(Deserialize)]
pub(super) struct AuditActor {
    pub(super) kind: String,
}

#[derive(Deserialize)]
struct AuditPage {
    entries: Vec<AuditEntry>,
}

impl Client {
    /// Of the server at `url`, with `key`.
    pub(super) fn try_new(url: &str, key: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .user_agent(concat!("scanledger-demo/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("while making an HTTP client")?;
        Ok(Self { http, url: url.to_owned(), key: key.to_owned() })
    }

    /// Uploads an archive, to a project or as a new one.
    pub(super) async fn upload(&self, archive: Vec<u8>, name: &str, project: Option<&str>) -> Result<Queued> {
        let source = Part::bytes(archive).file_name(format!("{name}.tar.gz")).mime_str("application/gzip")?;
        let form = Form::new().text("scanType", "FULL").text("branch", "main").part("source", source);
        let form = match project {
            Some(project) => form.text("projectId", project.to_owned()),
            None => form.text("newProjectName", name.to_owned()),
        };
        Ok(self.send(self.request(Method::POST, "/api/scans").multipart(form)).await?.body)
    }

    /// Waits until a scan has ended, and shows it whenever it was looked at.
    pub(super) async fn wait_for(&self, scan: &str, mut look: impl FnMut(&Scan)) -> Result<Scan> {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let seen: Scan = self.get(&format!("/api/scans/{scan}")).await?.body;
            look(&seen);
            match seen.status.as_str() {
                "COMPLETED" => return Ok(seen),
                "QUEUED" | "RUNNING" | "PAUSED" => (),
                other => bail!("the scan is {other}: {}", seen.error_message.unwrap_or_default()),
            }
            if tokio::time::Instant::now() > give_up {
                bail!("the scan did not end within {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All findings of a scan, worst first, now or as of a position.
    pub(super) async fn findings(&self, scan: &str, as_of: Option<u64>) -> Result<Answer<Vec<Finding>>> {
        let mut path = format!("/api/scans/{scan}/findings?limit=500");
        if let Some(position) = as_of {
            path.push_str(&format!("&asOf={position}"));
        }
        let page = self.get::<FindingPage>(&path).await?;
        Ok(Answer { body: page.body.findings, position: page.position })
    }

    /// Decides about a finding.
    pub(super) async fn triage(&self, finding: &str, status: &str, note: &str) -> Result<Answer<Finding>> {
        let body = json!({ "status": status, "statusNote": note });
        self.send(self.request(Method::PATCH, &format!("/api/findings/{finding}")).json(&body)).await
    }

    /// What changed between two scans of a project.
    pub(super) async fn diff(&self, project: &str, from: &str, to: &str) -> Result<Diff> {
        Ok(self.get(&format!("/api/projects/{project}/diff?from={from}&to={to}")).await?.body)
    }

    /// What the gate said about a scan that is completed.
    pub(super) async fn verdict(&self, scan: &str) -> Result<Verdict> {
        let body = json!({ "query": VERDICT, "variables": { "scan": scan } });
        let answer = self.send::<Answered>(self.request(Method::POST, "/graphql").json(&body)).await?;
        answer.body.data.scan.verdict.context("the server names no verdict")
    }

    /// The audit trail, oldest first.
    pub(super) async fn audit(&self) -> Result<Vec<AuditEntry>> {
        let mut entries = self.get::<AuditPage>("/api/audit-log?limit=200").await?.body.entries;
        entries.reverse();
        Ok(entries)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>> {
        self.send(self.request(Method::GET, path)).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<T>> {
        let response = request.send().await.context("while asking the server")?;
        let (status, url) = (response.status(), response.url().path().to_owned());
        let position = response.headers().get("scanledger-position");
        let position = position.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await.with_context(|| format!("while reading the answer of {url}"))?;
        if !status.is_success() {
            bail!("{url} answered {status}: {text}");
        }
        let body =
            serde_json::from_str(&text).with_context(|| format!("while reading the answer of {url}"))?;
        Ok(Answer { body, position })
    }
}

impl Finding {
    /// The package that it is about.
    pub(super) fn package(&self) -> Option<&str> {
        self.metadata.as_ref()?.package_name.as_deref()
    }
}
