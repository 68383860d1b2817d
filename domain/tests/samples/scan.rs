//! Samples of what happens to scans.

use super::{KEY, ORGANIZATION, PROJECT, Sample, USER, another, full, further, minimal, text};
use scanledger_domain::advisory::Generation;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::event::Event;
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::project::{Gate, GateReason, GateResult, Verdict};
use scanledger_domain::report::{Artifact, ArtifactKind};
use scanledger_domain::scan::{
    Cancelled, ClientEnd, ClientRun, Completed, Deleted, Extent, Failed, Failure, FailureCode, GapReason,
    Interruption, PartialKept, Paused, Queued, Requeued, ResultsReceived, Resumed, ScanEvent, ScanOutcome,
    ScanType, ScannerGap, ScannerReport, Settling, Source, SourceKind, Started, Stopped,
};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

const SCAN: ScanId = ScanId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0005));

fn queued() -> Queued {
    Queued {
        scan: SCAN,
        organization: ORGANIZATION,
        project: PROJECT,
        branch: text("main"),
        scan_type: ScanType::Full,
        source: Source {
            kind: SourceKind::Upload,
            blob: BlobHash::of(b"archive"),
            name: text("shop-1.2.tar.gz"),
            size: 1_048_576,
        },
        commit: Some(text("0b1c9f0d6f6a4c0d8d7f4a9a3c5e7b1d2f3a4b5c")),
        base: Some(text("5c4b3a2f1d7b5e3c9a4f7d8d0c4a6f6d0f9c1b0a")),
        by: Actor::User(USER),
        rescan_of: Some(ScanId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0006))),
        client: None,
    }
}

fn outcome() -> ScanOutcome {
    let counts = SeverityCounts { critical: 1, high: 2, medium: 3, unknown: 4, low: 5, info: 6 };
    let report = |scanner, findings, files| ScannerReport { scanner, findings, files };
    let artifact = |kind, content: &[u8]| Artifact { kind, blob: BlobHash::of(content), size: 4_096 };
    ScanOutcome {
        counts,
        new: 2,
        fixed: 1,
        unchanged: 19,
        files: 812,
        components: 340,
        scanners: vec![report(ScannerKind::Sca, 17, 3), report(ScannerKind::Secrets, 4, 812)],
        gaps: vec![],
        generation: Some(Generation(17)),
        artifacts: vec![
            artifact(ArtifactKind::Sarif, b"sarif"),
            artifact(ArtifactKind::CycloneDx, b"cyclonedx"),
            artifact(ArtifactKind::Spdx, b"spdx"),
            artifact(ArtifactKind::ScanLog, b"log"),
        ],
        client: None,
    }
}

fn bare_outcome() -> ScanOutcome {
    ScanOutcome { scanners: vec![], generation: None, artifacts: vec![], ..outcome() }
}

/// What came out although no scanner did all of it.
fn hindered() -> ScanOutcome {
    let gap = |scanner, because, unread| ScannerGap { scanner, because, unread };
    let gaps = vec![
        gap(ScannerKind::Sca, GapReason::Skipped, 0),
        gap(ScannerKind::Secrets, GapReason::Unread, 2),
        gap(ScannerKind::Sast, GapReason::Failed, 0),
    ];
    ScanOutcome { gaps, ..bare_outcome() }
}

fn verdict() -> Verdict {
    Verdict {
        result: GateResult::Failed,
        reasons: vec![
            GateReason::TooMany { severity: Severity::Critical, count: 1, allowed: 0 },
            GateReason::NewFindings { count: 2 },
        ],
        gate: Gate::default(),
        read_at: Position(1240),
    }
}

fn completed() -> Completed {
    Completed { scan: SCAN, outcome: outcome(), verdict: verdict() }
}

fn failure() -> Failure {
    Failure {
        code: FailureCode::SourceRejected,
        message: text("the archive unpacks to more than 1 GiB: \"a/b\""),
    }
}

fn log() -> Artifact {
    Artifact { kind: ArtifactKind::ScanLog, blob: BlobHash::of(b"log"), size: 512 }
}

fn client_run() -> ClientRun {
    ClientRun {
        run: Uuid::from_u128(0x019a_0000_0000_4000_8000_0000_0000_0007),
        tool: Some(text("semgrep 1.182.0")),
        extent: Extent::Changes,
        products: vec![ScannerKind::Sast, ScannerKind::Secrets],
        repository: text("acme/shop"),
        repository_url: Some(text("https://github.com/acme/shop")),
        environment: Some(text("github-actions")),
        trigger: Some(text("pull_request")),
        job_url: Some(text("https://github.com/acme/shop/actions/runs/7")),
        pull_request: Some(text("31")),
        people: Some(Sealed(text("v1.eyJjb21taXRUaXRsZSI6"))),
        author: None,
        opener: None,
    }
}

/// A scan that a client runs.
fn client_queued() -> Queued {
    let source = Source::of_client(text("acme/shop"));
    Queued { source, rescan_of: None, client: Some(client_run()), ..queued() }
}

/// The same, which says about people what is sealed for each of them.
fn signed_queued() -> Queued {
    let author = Some(Sealed(text("v1.eyJhdXRob3JOYW1lIjoi")));
    let opener = Some(Sealed(text("v1.eyJwdWxsUmVxdWVzdEF1")));
    Queued { client: Some(ClientRun { people: None, author, opener, ..client_run() }), ..client_queued() }
}

fn received() -> ResultsReceived {
    let seen = BlobHash::of(b"seen");
    let changes = vec![FindingId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0008))];
    ResultsReceived { scan: SCAN, outcome: bare_outcome(), seen, rules: 412, ignored: 3, changes }
}

pub fn samples() -> Vec<Sample> {
    let bare = Queued { commit: None, base: None, by: Actor::Key(KEY), rescan_of: None, ..queued() };
    let passed = Verdict { result: GateResult::Passed, reasons: vec![], ..verdict() };
    let end = ClientEnd { exit_code: 1, total_time_ms: Some(12_345), blocking: None };
    let blocking = ClientEnd { blocking: Some(BlobHash::of(b"blocking")), ..end };
    let blocked = ScanOutcome { client: Some(blocking), ..bare_outcome() };
    let ended = ScanOutcome { client: Some(end), ..bare_outcome() };
    let happened = |event: ScanEvent| full(Event::Scan(event));
    vec![
        happened(queued().into()),
        minimal(Event::Scan(bare.into())),
        further(Event::Scan(client_queued().into())),
        another(Event::Scan(signed_queued().into())),
        happened(received().into()),
        minimal(Event::Scan(ResultsReceived { changes: vec![], ..received() }.into())),
        further(Event::Scan(Completed { outcome: ended, ..completed() }.into())),
        another(Event::Scan(Completed { outcome: blocked, ..completed() }.into())),
        happened(Started { scan: SCAN, run: 2, attempt: 3, alone: true }.into()),
        happened(Paused { scan: SCAN }.into()),
        happened(Resumed { scan: SCAN }.into()),
        happened(Requeued { scan: SCAN, run: 2, because: Interruption::WorkerLost }.into()),
        happened(Settling { scan: SCAN, attempt: 3 }.into()),
        happened(completed().into()),
        minimal(Event::Scan(Completed { outcome: bare_outcome(), verdict: passed, ..completed() }.into())),
        happened(Failed { scan: SCAN, failure: failure(), log: None }.into()),
        further(Event::Scan(Failed { scan: SCAN, failure: failure(), log: Some(log()) }.into())),
        happened(Stopped { scan: SCAN }.into()),
        happened(PartialKept { scan: SCAN, outcome: outcome() }.into()),
        minimal(Event::Scan(PartialKept { scan: SCAN, outcome: bare_outcome() }.into())),
        further(Event::Scan(PartialKept { scan: SCAN, outcome: hindered() }.into())),
        happened(Cancelled { scan: SCAN }.into()),
        happened(Deleted { scan: SCAN }.into()),
    ]
}
