//! Samples of what happens on branches and to findings.

use super::{ORGANIZATION, PROJECT, Sample, another, full, further, minimal, text};
use scanledger_domain::advisory::Generation;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::branch::{
    AdvisoryFacts, BaseBranch, ClientCoverage, Closed, ClosedBecause, ComponentKey, ComponentsChanged,
    Detected, ExcerptRef, FindingsUpdated, InventoryDigest, Occurrence, Opened, Reopened, Resolved,
    ScanCounts, Scanned, SecretFacts, Update, branch_id,
};
use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
use scanledger_domain::event::Event;
use scanledger_domain::finding::{
    Columns, Confidence, Fingerprint, Merged, RuleTags, Transitivity, TriageState, Triaged, UploadFacts,
    UploadedPackage, Validation, finding_id,
};
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::scan::Extent;
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;
use uuid::Uuid;

const PRINT: Fingerprint = Fingerprint([0x1f; 16]);
const SCAN: ScanId = ScanId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0005));

fn finding() -> FindingId {
    finding_id(PROJECT, PRINT)
}

fn lodash() -> Package {
    Package::new(Ecosystem::Npm, "lodash")
}

fn occurrence() -> Occurrence {
    let place = |path: &str, line, end_line| Place {
        path: text(path),
        line: Some(line),
        end_line: Some(end_line),
        version: Some(text("4.17.20")),
    };
    Occurrence {
        severity: Severity::High,
        places: vec![place("package-lock.json", 120, 124), place("web/package-lock.json", 7, 11)],
        fix: Some(text("4.17.21")),
        excerpt: Some(ExcerptRef { blob: BlobHash::of(b"excerpts"), start: 512, length: 96 }),
        columns: None,
        imported: None,
    }
}

fn bare_occurrence() -> Occurrence {
    let place = Place { path: text(".env"), line: None, end_line: None, version: None };
    Occurrence {
        severity: Severity::Unknown,
        places: vec![place],
        fix: None,
        excerpt: None,
        columns: None,
        imported: None,
    }
}

fn detected() -> Detected {
    Detected {
        finding: finding(),
        fingerprint: PRINT,
        scanner: ScannerKind::Sca,
        rule: text("GHSA-35jh-r3h4-6jhm"),
        title: text("Command injection in lodash"),
        description: text(
            "Versions before 4.17.21 let \"template\" run commands.\nMended in 4.17.21 – update.",
        ),
        cwe: Some(text("CWE-94")),
        cve: Some(text("CVE-2021-23337")),
        confidence: 0.9,
        package: Some(lodash()),
        advisories: vec![text("CVE-2021-23337"), text("GHSA-35jh-r3h4-6jhm")],
        informational: Some(text("notice")),
        // No scanner fills in both package and secret; a decoder has to read both all the same.
        secret: Some(SecretFacts {
            hash: "a1".repeat(48),
            leak_hash: "b2".repeat(32),
            masked: text("ghp_…3kQ9"),
        }),
        upload: None,
        references: vec![text("https://github.com/advisories/GHSA-35jh-r3h4-6jhm")],
        occurrence: occurrence(),
        is_new: true,
    }
}

fn bare_detected() -> Detected {
    Detected {
        scanner: ScannerKind::Secrets,
        rule: text("GENERIC_PASSWORD"),
        title: text("Password in a file"),
        description: String::new(),
        cwe: None,
        cve: None,
        confidence: 1.0,
        package: None,
        advisories: vec![],
        informational: None,
        secret: None,
        references: vec![],
        occurrence: bare_occurrence(),
        is_new: false,
        ..detected()
    }
}

/// What a client uploads, with everything that only clients say.
fn uploaded() -> Detected {
    let tags = RuleTags {
        category: Some(text("security")),
        confidence: Some(Confidence::High),
        subcategories: vec![text("vuln")],
        vulnerability_classes: vec![text("Improper Validation")],
        cwes: vec![text("CWE-94: Improper Control of Generation of Code")],
        owasps: vec![text("A03:2021 - Injection")],
        technologies: vec![text("lodash")],
    };
    let upload = UploadFacts {
        match_based_id: format!("{}_0", "4f".repeat(64)),
        syntactic_id: Some("9a".repeat(16)),
        path: text("src/cart.js"),
        tags,
        validation: Some(Validation::Valid),
        package: Some(UploadedPackage {
            ecosystem: text("npm"),
            name: text("lodash"),
            version: text("4.17.20"),
            transitivity: Transitivity::Transitive,
            lockfile: Some(text("package-lock.json")),
            reachable: true,
        }),
    };
    let occurrence = Occurrence { columns: Some(Columns { start: 5, end: 31 }), ..occurrence() };
    Detected { secret: None, upload: Some(upload), occurrence, ..detected() }
}

/// What an import brings of a finding that was there.
fn told() -> AdvisoryFacts {
    AdvisoryFacts {
        title: Some(text("lodash: Command Injection")),
        cve: Some(Some(text("CVE-2021-23337"))),
        advisories: Some(vec![text("CVE-2021-23337"), text("GHSA-35jh-r3h4-6jhm")]),
        informational: Some(None),
        ..AdvisoryFacts::default()
    }
}

/// What another import takes away.
fn retold() -> AdvisoryFacts {
    AdvisoryFacts {
        description: Some(String::new()),
        cwe: Some(None),
        cve: Some(None),
        references: Some(vec![]),
        ..AdvisoryFacts::default()
    }
}

/// All that advisories say of a finding that comes back.
fn told_whole() -> AdvisoryFacts {
    AdvisoryFacts {
        description: Some(text("Versions before 4.17.21 let \"template\" run commands – update.")),
        cwe: Some(Some(text("CWE-94"))),
        informational: Some(Some(text("unmaintained"))),
        references: Some(vec![text("https://github.com/advisories/GHSA-35jh-r3h4-6jhm")]),
        ..told()
    }
}

fn component() -> Component {
    Component {
        package: lodash(),
        version: text("4.17.21"),
        path: text("package-lock.json"),
        scope: Scope::Runtime,
        direct: Some(true),
    }
}

fn opened() -> Opened {
    Opened {
        branch: branch_id(PROJECT, "feature/checkout"),
        organization: ORGANIZATION,
        project: PROJECT,
        name: text("feature/checkout"),
        base: Some(BaseBranch { branch: branch_id(PROJECT, "main"), position: Position(1234) }),
    }
}

fn scanned() -> Scanned {
    Scanned {
        branch: branch_id(PROJECT, "main"),
        scan: SCAN,
        run: 2,
        coverage: vec![ScannerKind::Sca, ScannerKind::Secrets],
        client: None,
        counts: ScanCounts { detected: 3, reopened: 1, resolved: 2, updated: 4, unchanged: 50, new: 4 },
        generation: Some(Generation(17)),
        digest: InventoryDigest(0x00ff_eedd_ccbb_aa99_8877_6655_4433_2211),
    }
}

fn closed(because: ClosedBecause) -> Closed {
    Closed { branch: branch_id(PROJECT, "feature/checkout"), because }
}

fn triaged() -> Triaged {
    Triaged {
        finding: finding(),
        project: PROJECT,
        fingerprint: Some(PRINT),
        from: TriageState::Untriaged,
        to: TriageState::FalsePositive,
        note: Some(text("Only used at build time – see “docs/threats.md”.")),
    }
}

fn merged() -> Merged {
    let into = finding_id(PROJECT, Fingerprint([0x1e; 16]));
    Merged { finding: finding(), project: PROJECT, fingerprint: Some(PRINT), into }
}

pub fn samples() -> Vec<Sample> {
    let update = Update { finding: finding(), occurrence: occurrence(), advisory: None };
    let bare_update = Update { occurrence: bare_occurrence(), ..update.clone() };
    let told = Update { advisory: Some(told()), ..update.clone() };
    let retold = Update { advisory: Some(retold()), ..bare_update.clone() };
    let reopened =
        Reopened { finding: finding(), scanner: ScannerKind::Sca, occurrence: occurrence(), advisory: None };
    let bare_reopened =
        Reopened { scanner: ScannerKind::Sast, occurrence: bare_occurrence(), ..reopened.clone() };
    let changed = ComponentsChanged {
        set: vec![
            component(),
            Component { scope: Scope::Development, direct: Some(false), ..component() },
            Component { package: Package::new(Ecosystem::PyPi, "Foo_Bar"), direct: None, ..component() },
        ],
        removed: vec![ComponentKey {
            package: Package::new(Ecosystem::Go, "github.com/google/uuid"),
            version: text("1.6.0"),
            path: text("go.sum"),
        }],
    };
    let client = ClientCoverage { extent: Extent::Full, rules: 412, kept: Some(BlobHash::of(b"coverage")) };
    vec![
        full(Event::Branch(opened().into())),
        minimal(Event::Branch(Opened { base: None, ..opened() }.into())),
        full(Event::Branch(detected().into())),
        minimal(Event::Branch(bare_detected().into())),
        further(Event::Branch(uploaded().into())),
        full(Event::Branch(reopened.clone().into())),
        further(Event::Branch(
            Reopened { occurrence: Occurrence { imported: Some(true), ..occurrence() }, ..reopened.clone() }
                .into(),
        )),
        another(Event::Branch(Reopened { advisory: Some(told_whole()), ..reopened }.into())),
        minimal(Event::Branch(bare_reopened.into())),
        full(Event::Branch(Resolved { finding: finding() }.into())),
        full(Event::Branch(FindingsUpdated { findings: vec![update.clone(), bare_update.clone()] }.into())),
        minimal(Event::Branch(FindingsUpdated { findings: vec![bare_update] }.into())),
        further(Event::Branch(FindingsUpdated { findings: vec![told, retold] }.into())),
        full(Event::Branch(changed.clone().into())),
        minimal(Event::Branch(ComponentsChanged { set: vec![], ..changed }.into())),
        full(Event::Branch(scanned().into())),
        minimal(Event::Branch(Scanned { coverage: vec![], generation: None, ..scanned() }.into())),
        further(Event::Branch(Scanned { client: Some(client), ..scanned() }.into())),
        full(Event::Branch(closed(ClosedBecause::Merged).into())),
        further(Event::Branch(closed(ClosedBecause::Deleted).into())),
        another(Event::Branch(closed(ClosedBecause::Silent).into())),
        full(Event::Finding(triaged().into())),
        minimal(Event::Finding(Triaged { fingerprint: None, note: None, ..triaged() }.into())),
        full(Event::Finding(merged().into())),
        minimal(Event::Finding(Merged { fingerprint: None, ..merged() }.into())),
    ]
}
