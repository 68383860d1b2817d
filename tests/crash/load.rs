//! People and machines that upload and triage, whatever happens to the server, and remember what was acknowledged.

use crate::archive::Project;
use crate::client::Client;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

const UPLOADERS: usize = 3;
const TRIAGERS: usize = 4;
/// Scans that may wait or run: enough that workers always have some, few enough that the end is near.
const OPEN_SCANS: usize = 8;
/// How long a scan may take once nobody kills the server any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_millis(20);
/// Between two decisions of one person, so that scans get their share of the processor.
const PAUSE: Duration = Duration::from_millis(5);
/// Without `RESOLVED`: a scan that finds a resolved secret again undoes that.
const STATUSES: [&str; 4] = ["OPEN", "IN_PROGRESS", "FALSE_POSITIVE", "ACCEPTED_RISK"];

/// A scan that was acknowledged.
#[derive(Debug, Clone)]
pub struct Queued {
    pub scan: String,
    pub position: u64,
    /// How many findings it must have.
    pub findings: u64,
}

/// A decision that was acknowledged.
#[derive(Debug, Clone)]
pub struct Decided {
    /// One, or several that were decided about at once.
    pub findings: Vec<String>,
    pub status: &'static str,
    /// Different for every decision.
    pub note: String,
    pub position: u64,
}

/// Everything that was acknowledged. Every finding has one writer, whose decisions are here in order.
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    pub queued: Vec<Queued>,
    pub decided: Vec<Decided>,
    /// The greatest position.
    pub position: u64,
}

/// What the writers share.
struct Shared {
    client: Client,
    acknowledged: Mutex<Acknowledged>,
    /// Findings in the order in which they were first seen.
    findings: Mutex<Vec<String>>,
    open_scans: Semaphore,
    stop: watch::Sender<bool>,
}

/// The running load.
pub struct Load {
    shared: Arc<Shared>,
    url: watch::Sender<Option<String>>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts to write, as soon as there is a server.
    pub fn start(key: &str, random: &mut fastrand::Rng) -> Self {
        let url = watch::Sender::new(None);
        let shared = Arc::new(Shared {
            client: Client::new(key, url.subscribe()),
            acknowledged: Mutex::default(),
            findings: Mutex::default(),
            open_scans: Semaphore::new(OPEN_SCANS),
            stop: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        let (tell, queued) = mpsc::unbounded_channel();
        for uploader in 0..UPLOADERS {
            tasks.spawn(Arc::clone(&shared).upload(uploader, random.fork(), tell.clone()));
        }
        for triager in 0..TRIAGERS {
            tasks.spawn(Arc::clone(&shared).triage(triager, random.fork()));
        }
        tasks.spawn(Arc::clone(&shared).follow(queued));
        Self { shared, url, tasks }
    }

    /// Lets it go on with this server.
    pub fn aim(&self, url: &str) {
        self.url.send_replace(Some(url.to_owned()));
    }

    /// Tells it that there is no server, so that it does not try in vain.
    pub fn hold(&mut self) {
        self.url.send_replace(None);
        while let Some(ended) = self.tasks.try_join_next() {
            ended.expect("the load goes on until it is finished");
        }
    }

    /// What was acknowledged so far.
    pub fn acknowledged(&self) -> Acknowledged {
        self.shared.acknowledged().clone()
    }

    /// Checks that the server has the last position that any server has acknowledged.
    pub async fn nothing_is_gone(&self) {
        let position = self.shared.acknowledged().position;
        self.shared.client.get("/api/projects", position).await;
    }

    /// Starts nothing new, waits for what was begun and for every scan, and answers everything acknowledged.
    pub async fn finish(mut self) -> (Acknowledged, Client) {
        self.shared.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("the load ends well");
        }
        let acknowledged = std::mem::take(&mut *self.shared.acknowledged());
        (acknowledged, self.shared.client.clone())
    }
}

impl Shared {
    fn acknowledged(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap()
    }

    fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Uploads projects one after the other; several uploaders share projects and branches.
    async fn upload(
        self: Arc<Self>,
        uploader: usize,
        mut random: fastrand::Rng,
        tell: mpsc::UnboundedSender<Queued>,
    ) {
        let mut stopped = self.stop.subscribe();
        for number in 0.. {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return,
                slot = self.open_scans.acquire() => slot.unwrap().forget(),
            }
            let (family, name) = random.choice([(0, "shop"), (1, "store")]).unwrap();
            let project = Project::random(&mut random, family);
            let branch = random.choice(["main", "next"]).unwrap();
            let fields = [("newProjectName", name), ("branch", branch)];
            let answer = self.client.upload(&format!("upload {uploader}-{number}"), &project, &fields).await;
            let scan = answer.json()["scanId"].as_str().unwrap().to_owned();
            let queued = Queued { scan, position: answer.position(), findings: project.findings() };
            self.remember(queued.position, |acknowledged| acknowledged.queued.push(queued.clone()));
            // The one that follows ends only after all uploaders.
            tell.send(queued).unwrap();
        }
    }

    /// Waits for the end of every scan, checks what it found, and offers that for triage.
    async fn follow(self: Arc<Self>, mut queued: mpsc::UnboundedReceiver<Queued>) {
        let mut seen = HashSet::new();
        while let Some(queued) = queued.recv().await {
            let ended = tokio::time::timeout(PATIENCE, self.completed(&queued)).await;
            ended.unwrap_or_else(|_| panic!("scan {} was not completed in {PATIENCE:?}", queued.scan));
            let path = format!("/api/scans/{}/findings?limit=500", queued.scan);
            let page = self.client.get(&path, queued.position).await.json();
            let total = page["pagination"]["total"].as_u64();
            assert_eq!(total, Some(queued.findings), "scan {}: {page}", queued.scan);
            for finding in page["findings"].as_array().unwrap() {
                let id = finding["id"].as_str().unwrap();
                if seen.insert(id.to_owned()) {
                    self.findings.lock().unwrap().push(id.to_owned());
                }
            }
            self.open_scans.add_permits(1);
        }
    }

    async fn completed(&self, queued: &Queued) {
        loop {
            let scan = self.client.get(&format!("/api/scans/{}", queued.scan), queued.position).await.json();
            match scan["status"].as_str() {
                Some("COMPLETED") => return,
                Some("QUEUED" | "RUNNING") => tokio::time::sleep(AGAIN).await,
                _ => panic!("a scan that nobody stopped has ended: {scan}"),
            }
        }
    }

    /// Decides about findings, each time with a note of its own; the last triager about several at once.
    async fn triage(self: Arc<Self>, triager: usize, mut random: fastrand::Rng) {
        let many = if triager == TRIAGERS - 1 { 8 } else { 1 };
        for number in 0.. {
            if self.is_stopped() {
                return;
            }
            let mut findings: Vec<String> =
                self.findings.lock().unwrap().iter().skip(triager).step_by(TRIAGERS).cloned().collect();
            random.shuffle(&mut findings);
            findings.truncate(many);
            if findings.is_empty() {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            let status = random.choice(STATUSES).unwrap();
            let note = format!("decision {triager}-{number}");
            let position = self.decide(&findings, status, &note).await;
            let decided = Decided { findings, status, note, position };
            self.remember(position, |acknowledged| acknowledged.decided.push(decided));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends a decision, whose note is its idempotency key too; answers its position.
    async fn decide(&self, findings: &[String], status: &str, note: &str) -> u64 {
        // Another server than the one that showed the findings may be asked.
        let known = self.acknowledged().position;
        if let [finding] = findings {
            let body = json!({ "status": status, "statusNote": note });
            let path = format!("/api/findings/{finding}");
            let answer = self.client.change(Method::PATCH, &path, note, &body, known).await;
            assert_eq!(decision(&answer.json()), (Some(status), Some(note)), "{}", answer.text());
            return answer.position();
        }
        let body = json!({ "ids": findings, "status": status, "statusNote": note });
        let answer = self.client.change(Method::POST, "/api/findings/bulk", note, &body, known).await;
        assert_eq!(answer.json()["updated"], findings.len(), "{}", answer.text());
        answer.position()
    }

    fn remember(&self, position: u64, what: impl FnOnce(&mut Acknowledged)) {
        let mut acknowledged = self.acknowledged();
        what(&mut acknowledged);
        acknowledged.position = acknowledged.position.max(position);
    }
}

/// Status and note of a finding.
pub fn decision(finding: &Value) -> (Option<&str>, Option<&str>) {
    (finding["status"].as_str(), finding["statusNote"].as_str())
}
