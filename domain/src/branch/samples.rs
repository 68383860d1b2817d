//! Things that tests put on branches.

use super::{BaseBranch, BranchEvent, Closed, ClosedBecause, Observed, RecordScan, branch_id, observe};
use crate::component::{Component, Ecosystem, Package, Scope};
use crate::finding::{Columns, RuleTags, UploadFacts};
use crate::id::{OrganizationId, ProjectId, ScanId};
use crate::scanning::{Detection, Identity, Place, ScannerKind, Uploaded};
use crate::severity::Severity;
use std::collections::HashMap;
use uuid::Uuid;

pub(crate) const SHOP: ProjectId = ProjectId(Uuid::from_u128(1));
pub(crate) const ACME: OrganizationId = OrganizationId(Uuid::from_u128(2));

pub(crate) fn place(path: &str, line: u32) -> Place {
    Place { path: path.to_owned(), line: Some(line), end_line: None, version: None }
}

fn detection(identity: Identity, rule: &str, severity: Severity) -> Detection {
    Detection {
        identity,
        rule: rule.to_owned(),
        title: format!("{rule} was found"),
        description: String::new(),
        severity,
        cwe: None,
        cve: None,
        confidence: 0.5,
        places: vec![place("src/main.rs", 1)],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

/// A secret in the file `path`.
pub(crate) fn secret(path: &str) -> Detection {
    let hash = vec![0xab; 48];
    let identity =
        Identity::Secret {
            path: path.to_owned(), hash, leak_hash: vec![0xcd; 32], masked: "gh…".to_owned()
        };
    Detection { places: vec![place(path, 1)], ..detection(identity, "GITHUB_TOKEN", Severity::Critical) }
}

/// A weakness in the file `path`.
pub(crate) fn weakness(path: &str) -> Detection {
    let identity = Identity::Code { path: path.to_owned(), context: "eval(x)".to_owned(), index: 0 };
    Detection { places: vec![place(path, 1)], ..detection(identity, "eval", Severity::Medium) }
}

/// What a rule of a client found in the file `path`.
pub(crate) fn uploaded(rule: &str, path: &str) -> Detection {
    let facts = UploadFacts {
        match_based_id: format!("{rule}{path}_0"),
        syntactic_id: None,
        path: path.to_owned(),
        tags: RuleTags::default(),
        validation: None,
        package: None,
    };
    let identity = Identity::Upload(Box::new(Uploaded {
        scanner: ScannerKind::Sast,
        facts,
        columns: Some(Columns { start: 1, end: 9 }),
        package: None,
        advisories: vec![],
    }));
    Detection { places: vec![place(path, 1)], ..detection(identity, rule, Severity::High) }
}

/// A vulnerable npm package, affected by the advisories of `group`, of which the first is shown.
pub(crate) fn vulnerable(package: &str, group: &[&str]) -> Detection {
    let identity = Identity::Advisory {
        package: Package::new(Ecosystem::Npm, package),
        id: group[0].to_owned(),
        group: group.iter().map(|&id| id.to_owned()).collect(),
        informational: None,
    };
    Detection { fixed_version: Some("9.9.9".to_owned()), ..detection(identity, group[0], Severity::High) }
}

/// The one finding of a detection.
pub(crate) fn observed(detection: Detection) -> Observed {
    let mut all = observe(SHOP, vec![detection], &HashMap::new());
    all.remove(0)
}

/// The same finding, first seen in another line.
pub(crate) fn at_line(mut observed: Observed, line: u32) -> Observed {
    observed.detection.places[0].line = Some(line);
    observed
}

/// An npm package at a version, needed at run time.
pub(crate) fn component(name: &str, version: &str) -> Component {
    Component {
        package: Package::new(Ecosystem::Npm, name),
        version: version.to_owned(),
        path: "package-lock.json".to_owned(),
        scope: Scope::Runtime,
        direct: Some(true),
    }
}

/// Results of scan number `n` of the branch `main`: secrets and code were looked at, components were not.
pub(crate) fn scan(n: u128, observed: &[Observed]) -> RecordScan {
    RecordScan {
        branch: branch_id(SHOP, "main"),
        organization: ACME,
        project: SHOP,
        name: "main".to_owned(),
        base: None,
        scan: ScanId(Uuid::from_u128(n)),
        run: 1,
        coverage: vec![ScannerKind::Secrets, ScannerKind::Sast].into(),
        observed: observed.to_vec(),
        components: None,
        generation: None,
    }
}

/// The end of the branch `main`.
pub(crate) fn closed(because: ClosedBecause) -> BranchEvent {
    Closed { branch: branch_id(SHOP, "main"), because }.into()
}

/// The same results on a branch that starts from another.
pub(crate) fn on_feature(record: RecordScan, base: Option<BaseBranch>) -> RecordScan {
    RecordScan { branch: branch_id(SHOP, "feature"), name: "feature".to_owned(), base, ..record }
}
