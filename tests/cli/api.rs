//! What a running server answers, for comparison with what commands write.

use crate::shell::{Place, Server};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a scan may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_millis(100);

/// Id, status, severity, path, rule and title of a finding.
pub type Finding = [String; 6];

/// A caller of a running server, and the server.
pub struct Api {
    server: Server,
    key: String,
    runtime: tokio::runtime::Runtime,
}

impl Api {
    /// Starts a server on the data of `place`, with a key of its own. Its log grows by the key.
    pub fn start(place: &Place) -> Self {
        let key = place.run(&["key", "create", "--name", "reader", "--role", "admin"]).done();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            server: place.serve(),
            key: key.trim().to_owned(),
            runtime: runtime.expect("a runtime can be made"),
        }
    }

    /// Uploads an archive as a new project; answers its scan when that is completed.
    pub fn scanned(&self, archive: &Path) -> Value {
        let content = std::fs::read(archive).expect("the archive can be read");
        let part = Part::bytes(content).file_name("source.tar.gz");
        let form = Form::new().text("newProjectName", "shop").part("source", part);
        let url = format!("{}/api/scans", self.server.url);
        let request = reqwest::Client::new().post(url).bearer_auth(&self.key).multipart(form);
        let queued: Value = self.runtime.block_on(async {
            let response = request.send().await.expect("the server answers");
            response.json().await.expect("the answer is JSON")
        });
        let scan = queued["scanId"].as_str().unwrap_or_else(|| panic!("the upload was refused: {queued}"));
        let began = Instant::now();
        loop {
            let scan = self.get(&format!("/api/scans/{scan}"));
            match scan["status"].as_str() {
                Some("COMPLETED") => return scan,
                Some("QUEUED" | "RUNNING") if began.elapsed() < PATIENCE => std::thread::sleep(AGAIN),
                _ => panic!("the scan did not come to its end: {scan}"),
            }
        }
    }

    /// The answer to a `GET`, which has to succeed.
    pub fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.server.url)).bearer_auth(&self.key);
        let (status, text) = self.runtime.block_on(async {
            let response = request.send().await.expect("the server answers");
            (response.status(), response.text().await.expect("the answer can be read"))
        });
        assert!(status.is_success(), "{path} answered {status}: {text}");
        serde_json::from_str(&text).expect("the answer is JSON")
    }

    /// The id of the only project.
    pub fn project(&self) -> String {
        let projects = self.get("/api/projects");
        let projects = projects["projects"].as_array().expect("projects are a list");
        assert_eq!(projects.len(), 1);
        projects[0]["id"].as_str().expect("an id is text").to_owned()
    }

    /// The findings of the only project as of a position.
    pub fn findings(&self, as_of: u64) -> Vec<Finding> {
        let path = format!("/api/projects/{}/findings?limit=500&asOf={as_of}", self.project());
        let page = self.get(&path);
        let findings = page["findings"].as_array().expect("findings are a list");
        assert_eq!(page["pagination"]["total"], findings.len(), "one page holds them all");
        let fields = ["id", "status", "severity", "filePath", "ruleId", "title"];
        let field = |finding: &Value, name| finding[name].as_str().expect("a field is text").to_owned();
        let mut findings: Vec<Finding> =
            findings.iter().map(|finding| fields.map(|name| field(finding, name))).collect();
        findings.sort();
        findings
    }
}

/// A finding as files have it, in the words of the API: id, state, severity, path, rule and title.
pub fn in_api_words([id, state, severity, path, rule, title]: Finding) -> Finding {
    let status = match state.as_str() {
        "untriaged" => "OPEN",
        "investigating" | "confirmed" => "IN_PROGRESS",
        "false_positive" | "not_affected" => "FALSE_POSITIVE",
        "accepted" => "ACCEPTED_RISK",
        "fixed" => "RESOLVED",
        other => panic!("{other} is no state"),
    };
    let severity = match severity.as_str() {
        "unknown" => "MEDIUM".to_owned(),
        known => known.to_uppercase(),
    };
    [id, status.to_owned(), severity, path, rule, title]
}
