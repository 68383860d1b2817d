//! Scans that are begun anew, cancelled, recorded again: what they list, export and count is the same at every moment.

use crate::archive::leaky;
use crate::harness::{Api, id};
use scanledger_api::limit::{QuotaChange, Settings};
use scanledger_commands::Context;
use scanledger_domain::branch::{Branch, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::decider::Decider;
use scanledger_domain::id::{CommandId, ProjectId, ScanId};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::project::{Gate, GateInput};
use scanledger_domain::scan::{Interruption, Scan, ScanCommand, ScanOutcome, scan_stream};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind};
use scanledger_domain::severity::{Severity, SeverityCounts};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// A scan, and who does what workers and people do to it.
struct Hand<'a> {
    api: &'a Api,
    scan: ScanId,
    project: ProjectId,
    said: AtomicU32,
}

impl<'a> Hand<'a> {
    /// A scan in the queue.
    async fn queued(api: &'a Api) -> Self {
        let queued = api.upload(&leaky(1), &[("newProjectName", "shop")]).await.expect(201);
        let [scan, project] = ["scanId", "projectId"].map(|name| queued[name].as_str().unwrap());
        Self { api, scan: scan.parse().unwrap(), project: project.parse().unwrap(), said: AtomicU32::new(0) }
    }

    fn context(&self) -> Context {
        let said = self.said.fetch_add(1, Ordering::Relaxed);
        let organization = Some(self.api.organization.parse().unwrap());
        Context::new(CommandId(self.scan.0), Actor::System, organization).derive(&format!("said {said}"))
    }

    /// Tells the scan, as its worker.
    async fn tell(&self, command: ScanCommand) {
        let (context, stream) = (self.context(), scan_stream(self.scan));
        self.api.server.engine.ledger.execute::<Scan>(&context, &stream, None, command).await.unwrap();
        self.api.shown().await;
    }

    /// Does something to it, as people do; answers where that is.
    async fn step(&self, step: &str) -> Position {
        let path = format!("/api/scans/{}/{step}", self.scan);
        self.api.post(&path, &Value::Null).await.expect(200);
        self.api.server.app.views.position()
    }

    /// Records which secrets a run saw, and nothing more.
    async fn record(&self, run: u32, secrets: Range<u32>) {
        let organization = self.api.organization.parse().unwrap();
        let snapshot = self.api.server.app.views.inventory(self.project, "main").await.unwrap();
        let branch = branch_id(self.project, "main");
        let record = RecordScan {
            branch,
            organization,
            project: self.project,
            name: "main".to_owned(),
            base: snapshot.base,
            scan: self.scan,
            run,
            coverage: vec![ScannerKind::Secrets].into(),
            observed: observe(self.project, secrets.map(secret).collect(), &HashMap::new()),
            components: None,
            generation: None,
        };
        let events = Branch::decide(&snapshot.inventory, record).unwrap();
        let (context, stream) = (self.context(), branch_stream(branch));
        let ledger = &self.api.server.engine.ledger;
        ledger.append_parts(&context, &stream, snapshot.version, &events).await.unwrap();
        self.api.shown().await;
    }

    /// A run from its beginning to its end that sees these secrets; answers where it ended.
    async fn completes(&self, (run, attempt): (u32, u32), secrets: Range<u32>) -> Position {
        self.tell(ScanCommand::Start { alone: false }).await;
        self.settles((run, attempt), secrets.clone()).await;
        let verdict = Gate::default().verdict(&GateInput::default(), self.api.server.app.views.position());
        self.tell(ScanCommand::Complete { attempt, outcome: outcome(secrets), verdict }).await;
        self.api.server.app.views.position()
    }

    /// Records the results of a run that goes on.
    async fn settles(&self, (run, attempt): (u32, u32), secrets: Range<u32>) {
        self.tell(ScanCommand::Settle { attempt }).await;
        self.record(run, secrets).await;
    }

    /// A first run that is stopped when it has seen these secrets; answers where that is known.
    async fn is_stopped(&self, secrets: Range<u32>) -> Position {
        self.tell(ScanCommand::Start { alone: false }).await;
        self.step("stop").await;
        self.settles((1, 1), secrets.clone()).await;
        self.tell(ScanCommand::KeepPartial { attempt: 1, outcome: outcome(secrets) }).await;
        self.api.server.app.views.position()
    }

    /// How many findings it has as of a position, now without: in its own count, its list, its file, and in GraphQL by
    /// itself and among others, which all say the same.
    async fn findings(&self, at: Option<Position>) -> u64 {
        let (api, scan) = (self.api, self.scan);
        let (path, as_of) =
            at.map_or_else(Default::default, |at| (format!("asOf={at}"), format!("asOf: \"{at}\"")));
        let shown = api.get(&format!("/api/scans/{scan}?{path}")).await.expect(200);
        let counted = shown["_count"]["findings"].as_u64().unwrap();
        let list = api.get(&format!("/api/scans/{scan}/findings?sort=file&limit=1&{path}")).await.expect(200);
        let list = list["pagination"]["total"].as_u64().unwrap();
        let runs = api.get(&format!("/api/scans/{scan}/findings?{path}")).await.expect(200);
        let runs = (runs["findings"].as_array().unwrap().len() as u64, runs["pagination"]["total"].as_u64());
        let file = api.get(&format!("/api/scans/{scan}/findings/export?{path}")).await.text();
        let document = format!(
            "{{ findings(scan: \"{scan}\", first: 1, {as_of}) {{ totalCount }}
                scans({as_of} project: \"{}\") {{ nodes {{ id scanned findings(first: 50) {{ totalCount }} }} }} }}",
            self.project
        );
        let answer = api.post("/graphql", &json!({ "query": document })).await.expect(200);
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        let nodes = answer["data"]["scans"]["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| id(node) == scan.to_string()).unwrap();
        let graphql =
            [&answer["data"]["findings"], &node["findings"]].map(|list| list["totalCount"].as_u64());
        assert_eq!(list, counted, "{shown}");
        assert_eq!(runs, (counted, Some(counted)));
        assert_eq!(file.lines().count() as u64, 1 + counted, "{file}");
        assert_eq!(graphql, [Some(counted); 2]);
        assert!(counted == 0 || node["scanned"] != Value::Null);
        counted
    }

    /// [`Self::findings`] as of every event since a position.
    async fn findings_since(&self, first: Position) -> Vec<u64> {
        let mut counts = vec![];
        for at in first.0..=self.api.server.app.views.position().0 {
            counts.push(self.findings(Some(Position(at))).await);
        }
        counts
    }

    /// The answer to a question as of the scan.
    async fn as_of_it(&self) -> u16 {
        self.api.get(&format!("/api/projects/{}?asOfScan={}", self.project, self.scan)).await.status
    }
}

fn secret(n: u32) -> Detection {
    let path = format!("src/file{n:02}.env");
    Detection {
        identity: Identity::Secret {
            path: path.clone(),
            hash: n.to_be_bytes().to_vec(),
            leak_hash: n.to_le_bytes().to_vec(),
            masked: "ab**yz".to_owned(),
        },
        rule: "GENERIC_SECRET".to_owned(),
        title: format!("Secret number{n}"),
        description: "A secret stands in the clear.".to_owned(),
        severity: Severity::High,
        cwe: None,
        cve: None,
        confidence: 0.8,
        places: vec![Place { path, line: Some(3), end_line: Some(3), version: None }],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

fn outcome(secrets: Range<u32>) -> ScanOutcome {
    ScanOutcome {
        counts: SeverityCounts { high: secrets.len() as u64, ..SeverityCounts::default() },
        new: 0,
        fixed: 0,
        unchanged: 0,
        files: 1,
        components: 0,
        scanners: vec![],
        gaps: vec![],
        generation: None,
        artifacts: vec![],
        client: None,
    }
}

/// A server on which scans stay in the queue, that gives many files out.
async fn idle() -> Api {
    let quota: QuotaChange = "export=1000/1h".parse().unwrap();
    Api::with_limits(Settings { quotas: [quota].into_iter().collect(), ..Settings::default() }).await
}

#[tokio::test]
async fn a_scan_that_is_cancelled_after_it_was_stopped_and_resumed_has_no_findings_anywhere() {
    let api = idle().await;
    let scan = Hand::queued(&api).await;
    let queued = api.server.app.views.position();
    let kept = scan.is_stopped(0..5).await;
    assert_eq!((scan.findings(None).await, scan.as_of_it().await), (5, 200));
    let resumed = scan.step("resume").await;
    assert_eq!((scan.findings(None).await, scan.as_of_it().await), (0, 404));
    scan.step("cancel").await;
    assert_eq!((scan.findings(None).await, scan.as_of_it().await), (0, 404));
    assert_eq!((scan.findings(Some(kept)).await, scan.findings(Some(resumed)).await), (5, 0));
    let counts = scan.findings_since(queued).await;
    let (before, after) = ((kept.0 - queued.0) as usize, (resumed.0 - queued.0) as usize);
    let had: Vec<bool> = counts.iter().map(|count| *count > 0).collect();
    let expected: Vec<bool> = (0..counts.len()).map(|place| (before..after).contains(&place)).collect();
    assert_eq!(had, expected);
}

#[tokio::test]
async fn a_scan_that_is_begun_anew_shows_each_run_in_its_time() {
    let api = idle().await;
    let other = Hand::queued(&api).await;
    other.completes((1, 1), 0..2).await;
    let scan = Hand::queued(&api).await;
    let kept = scan.is_stopped(0..7).await;
    let resumed = scan.step("resume").await;
    assert_eq!(other.findings(None).await, 2);
    // The same once more, so that the branch does not change.
    let completed = scan.completes((2, 2), 0..7).await;
    assert_eq!((other.findings(None).await, scan.findings(None).await), (2, 7));
    assert_eq!(scan.findings(Some(kept)).await, 7);
    for at in resumed.0..completed.0 {
        assert_eq!(scan.findings(Some(Position(at))).await, 0, "as of {at}");
    }
    other.findings_since(kept).await;
    assert_eq!(other.findings(Some(kept)).await, 2);
    let found = api.get(&format!("/api/scans/{}/findings?limit=1", scan.scan)).await.expect(200);
    let finding = api.get(&format!("/api/findings/{}", id(&found["findings"][0]))).await.expect(200);
    assert_eq!(finding["scanId"], scan.scan.to_string());
}

#[tokio::test]
async fn a_scan_that_is_recorded_again_leaves_the_lists_of_others_alone() {
    let api = idle().await;
    let (first, lost, last) = (Hand::queued(&api).await, Hand::queued(&api).await, Hand::queued(&api).await);
    first.completes((1, 1), 0..2).await;
    lost.tell(ScanCommand::Start { alone: false }).await;
    lost.settles((1, 1), 0..6).await;
    let begun = api.server.app.views.position();
    lost.tell(ScanCommand::Interrupt { attempt: 1, because: Interruption::WorkerLost }).await;
    assert_eq!((first.findings(None).await, lost.findings(None).await), (2, 0));
    last.completes((1, 1), 0..6).await;
    lost.completes((1, 2), 0..6).await;
    for (scan, count) in [(&first, 2), (&lost, 6), (&last, 6)] {
        assert_eq!(scan.findings(None).await, count);
        scan.findings_since(begun).await;
    }
    assert_eq!(first.findings(Some(begun)).await, 2);
}
