//! Scans that stay in the queue, and a hand that does to them what workers do.

use crate::archive::leaky;
use crate::harness::{Api, id};
use scanledger_commands::Context;
use scanledger_domain::branch::{Branch, BranchEvent, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::decider::Decider;
use scanledger_domain::id::{CommandId, ProjectId, ScanId};
use scanledger_domain::log::{Actor, Position, Version};
use scanledger_domain::project::{Gate, GateInput};
use scanledger_domain::scan::{Scan, ScanCommand, ScanOutcome, scan_stream};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind};
use scanledger_domain::severity::{Severity, SeverityCounts};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

/// A scan, and who does what workers and people do to it.
pub struct Hand<'a> {
    api: &'a Api,
    pub scan: ScanId,
    pub project: ProjectId,
    said: AtomicU32,
}

impl<'a> Hand<'a> {
    /// A scan in the queue.
    pub async fn queued(api: &'a Api) -> Self {
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
    pub async fn tell(&self, command: ScanCommand) {
        let (context, stream) = (self.context(), scan_stream(self.scan));
        self.api.server.engine.ledger.execute::<Scan>(&context, &stream, None, command).await.unwrap();
        self.api.shown().await;
    }

    /// Does something to it, as people do; answers where that is.
    pub async fn step(&self, step: &str) -> Position {
        let path = format!("/api/scans/{}/{step}", self.scan);
        self.api.post(&path, &Value::Null).await.expect(200);
        self.api.server.app.views.position()
    }

    /// What has to be recorded of a run that saw these secrets, and nothing more; and after which version of the branch.
    pub async fn decided(&self, run: u32, secrets: Range<u32>) -> (Version, Vec<BranchEvent>) {
        let organization = self.api.organization.parse().unwrap();
        let snapshot = self.api.server.app.views.inventory(self.project, "main").await.unwrap();
        let record = RecordScan {
            branch: branch_id(self.project, "main"),
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
        (snapshot.version, Branch::decide(&snapshot.inventory, record).unwrap())
    }

    /// Records what was decided.
    pub async fn record(&self, (version, events): (Version, Vec<BranchEvent>)) {
        let (context, stream) = (self.context(), branch_stream(branch_id(self.project, "main")));
        let ledger = &self.api.server.engine.ledger;
        ledger.append_parts(&context, &stream, version, &events).await.unwrap();
        self.api.shown().await;
    }

    /// A run from its beginning to its end that sees these secrets; answers where it ended.
    pub async fn completes(&self, (run, attempt): (u32, u32), secrets: Range<u32>) -> Position {
        self.tell(ScanCommand::Start { alone: false }).await;
        self.settles((run, attempt), secrets.clone()).await;
        let verdict = Gate::default().verdict(&GateInput::default(), self.api.server.app.views.position());
        self.tell(ScanCommand::Complete { attempt, outcome: outcome(secrets), verdict }).await;
        self.api.server.app.views.position()
    }

    /// Records the results of a run that goes on.
    pub async fn settles(&self, (run, attempt): (u32, u32), secrets: Range<u32>) {
        self.tell(ScanCommand::Settle { attempt }).await;
        self.record(self.decided(run, secrets).await).await;
    }

    /// A first run that is stopped when it has seen these secrets; answers where that is known.
    pub async fn is_stopped(&self, secrets: Range<u32>) -> Position {
        self.tell(ScanCommand::Start { alone: false }).await;
        self.step("stop").await;
        self.settles((1, 1), secrets.clone()).await;
        self.tell(ScanCommand::KeepPartial { attempt: 1, outcome: outcome(secrets) }).await;
        self.api.server.app.views.position()
    }

    /// How many findings it has as of a position, now without: in its own count, its list, its file, and in GraphQL by
    /// itself and among others, which all say the same.
    pub async fn findings(&self, at: Option<Position>) -> u64 {
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
    pub async fn findings_since(&self, first: Position) -> Vec<u64> {
        let mut counts = vec![];
        for at in first.0..=self.api.server.app.views.position().0 {
            counts.push(self.findings(Some(Position(at))).await);
        }
        counts
    }

    /// The answer to a question as of the scan.
    pub async fn as_of_it(&self) -> u16 {
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
    let counts = SeverityCounts { high: secrets.len() as u64, ..SeverityCounts::default() };
    ScanOutcome { counts, files: 1, ..ScanOutcome::default() }
}
