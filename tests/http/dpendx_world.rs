//! A server with a GitHub App, and a GitHub of its own.

use crate::harness::{Answer, Api};
use reqwest::Method;
use scanledger::server::{Duty, GitHubOptions, Secret, ServerOptions};
use scanledger_domain::time::Clock;
use scanledger_github::{AppKey, GitHubApi};
use scanledger_github_stub::{APP_ID, GitHubStub, WEBHOOK_SECRET};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The installation that belongs to the organization.
pub const INSTALLATION: u64 = 42;
/// A repository that it has.
pub const WIDGETS: &str = "octo-org/widgets";
/// How long anything may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both sides.
pub struct World {
    pub api: Api,
    pub github: GitHubStub,
}

/// Files of a repository that needs lodash 4.17.20, in which one vulnerability is known, and minimatch 3.0.0 through it.
pub fn vulnerable() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "package.json",
            "{\n  \"name\": \"widgets\",\n  \"dependencies\": { \"lodash\": \"^4.17.20\" }\n}\n",
        ),
        (
            "package-lock.json",
            r#"{
  "name": "widgets",
  "lockfileVersion": 3,
  "packages": {
    "": { "name": "widgets", "dependencies": { "lodash": "^4.17.20" } },
    "node_modules/lodash": { "version": "4.17.20", "dependencies": { "minimatch": "*" } },
    "node_modules/minimatch": { "version": "3.0.0" }
  }
}
"#,
        ),
    ]
}

/// The same, with a file that imports lodash.
pub fn imported() -> Vec<(&'static str, &'static str)> {
    let mut files = vulnerable();
    files.push(("src/cart.js", "// A cart.\nconst _ = require(\"lodash\");\n"));
    files
}

/// The same repository, mended.
pub fn mended() -> Vec<(&'static str, &'static str)> {
    let lock = r#"{
  "lockfileVersion": 3,
  "packages": {
    "": { "name": "widgets", "dependencies": { "lodash": "^4.17.21" } },
    "node_modules/lodash": { "version": "4.17.21" }
  }
}
"#;
    vec![("package-lock.json", lock)]
}

impl World {
    /// With a repository of these files, and advisories; a request waits long for its scan.
    pub async fn new(files: &[(&str, &str)]) -> (Self, String) {
        Self::with(files, |options| options.duty = Duty::Everything { workers: 1 }).await
    }

    /// As [`Self::new`], with other options; scans stay in the queue.
    pub async fn with(files: &[(&str, &str)], change: impl FnOnce(&mut ServerOptions)) -> (Self, String) {
        let api = Api::without_workers().await;
        api.import_advisories().await;
        let github = GitHubStub::start(Arc::new(Now)).await;
        let commit = github.world(|world| world.add(INSTALLATION, WIDGETS, files));
        let api = api
            .again(|options, organization| {
                options.github = Some(options_of(&github, organization, PATIENCE / 2));
                change(options);
            })
            .await;
        (Self { api, github }, commit)
    }

    /// The same once more after the server has ended, with other options; GitHub goes on.
    pub async fn again(self, change: impl FnOnce(&mut ServerOptions)) -> Self {
        let Self { api, github } = self;
        let api = api
            .again(|options, organization| {
                options.github = Some(options_of(&github, organization, Duration::ZERO));
                change(options);
            })
            .await;
        Self { api, github }
    }

    /// The id of the only scan there is.
    pub async fn only_scan(&self) -> String {
        let scans = self.api.get("/api/scans").await.expect(200);
        let [scan] = &scans["scans"].as_array().unwrap()[..] else { panic!("one scan: {scans}") };
        scan["id"].as_str().unwrap().to_owned()
    }

    /// Asks for a scan of the repository's `main`.
    pub async fn scan(&self) -> Answer {
        self.api.with_key(None).post("/api/scan", &wanted()).await
    }

    /// Delivers an event, signed.
    pub async fn deliver(&self, event: &str, delivery: &str, payload: &Value) -> Answer {
        let body = payload.to_string();
        self.deliver_signed(event, delivery, &body, &GitHubStub::sign(body.as_bytes())).await
    }

    /// Delivers an event with any signature.
    pub async fn deliver_signed(&self, event: &str, delivery: &str, body: &str, signature: &str) -> Answer {
        let client = self.api.with_key(None);
        let request = client
            .request(Method::POST, "/webhook")
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", delivery)
            .header("x-hub-signature-256", signature);
        client.send(request.body(body.to_owned())).await
    }

    /// The check runs of the repository.
    pub fn checks(&self) -> Vec<Value> {
        self.github.world(|world| world.repository(WIDGETS).checks.values().cloned().collect())
    }

    /// Waits until the world is as it should be.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = look(self) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        found.unwrap_or_else(|_| panic!("{what}: {:#?}", self.checks()))
    }

    /// Waits for the only check run to be completed, and answers it.
    pub async fn completed(&self) -> Value {
        let only = |world: &Self| match &world.checks()[..] {
            [only] if only["status"] == "completed" => Some(only.clone()),
            _ => None,
        };
        self.until("one check run is completed", only).await
    }

    /// Ends with what GitHub would not have liked.
    pub fn assert_polite(&self) {
        assert_eq!(self.github.violations(), [""; 0]);
    }
}

/// The options of an app at the stub.
pub fn options_of(github: &GitHubStub, organization: &str, wait: Duration) -> GitHubOptions {
    GitHubOptions {
        app: APP_ID.to_string().parse().unwrap(),
        key: AppKey::try_new(&github.private_key()).unwrap(),
        api: GitHubApi::at(&github.api()).unwrap(),
        webhook_secret: Some(Secret(WEBHOOK_SECRET.to_owned())),
        installations: [(INSTALLATION.try_into().unwrap(), organization.parse().unwrap())].into(),
        report_url: Some("https://scan.example.org/scans".to_owned()),
        wait,
    }
}

/// What asks for a scan of the repository's `main`.
pub fn wanted() -> Value {
    json!({ "installation_id": INSTALLATION, "owner": "octo-org", "repo": "widgets", "ref": "main" })
}

/// The place of the repository in a payload.
pub fn place(mut payload: Value) -> Value {
    payload["installation"] = json!({ "id": INSTALLATION });
    payload["repository"] =
        json!({ "name": "widgets", "full_name": WIDGETS, "owner": { "login": "octo-org" } });
    payload
}

/// That a pull request from `branch` was opened.
pub fn pull_request(action: &str, number: u64, branch: &str, sha: &str) -> Value {
    let head = json!({ "sha": sha, "ref": branch, "repo": { "full_name": WIDGETS } });
    place(json!({ "action": action, "number": number, "pull_request": { "head": head } }))
}

/// The time.
struct Now;

impl Clock for Now {
    fn now(&self) -> scanledger_domain::time::Timestamp {
        scanledger::adapters::SystemClock.now()
    }
}

/// The code of a refusal in the dialect's shape.
#[track_caller]
pub fn refused(answer: &Answer, status: u16) -> String {
    let body = answer.expect(status);
    assert_eq!(body["status"], "error", "{body}");
    assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    body["error"]["code"].as_str().unwrap().to_owned()
}
