//! Events in, rows out: now and as of earlier positions, applied, rebuilt and compared.

mod branches;
mod closing;
mod files;
mod learning;
mod lists;
mod merging;
mod moments;
mod revision;
#[expect(dead_code, reason = "only the events are used")]
#[path = "../../../domain/tests/samples/mod.rs"]
mod samples;
#[expect(dead_code, reason = "tests use different parts of the same world")]
#[path = "../support/mod.rs"]
mod support;

use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
use scanledger_domain::scanning::Detection;
use scanledger_domain::severity::Severity;
use scanledger_projections::finding::{FindingFilter, FindingList, FindingQuery, FindingSort, ListScope};
use scanledger_projections::{At, Paging};
use support::{ORGANIZATION, PROJECT, secret};

const ALL: Paging = Paging { offset: 0, limit: 500 };

fn query(scope: ListScope, at: At) -> FindingQuery {
    FindingQuery {
        organization: ORGANIZATION,
        scope,
        at,
        filter: FindingFilter::default(),
        sort: FindingSort::default(),
        paging: ALL,
    }
}

fn main_branch() -> ListScope {
    ListScope::Branch(PROJECT, None)
}

fn titles(list: &FindingList) -> Vec<&str> {
    list.rows.iter().map(|row| row.title.as_str()).collect()
}

fn component(name: &str, version: &str) -> Component {
    Component {
        package: Package::new(Ecosystem::Npm, name),
        version: version.to_owned(),
        path: "package-lock.json".to_owned(),
        scope: Scope::Runtime,
        direct: Some(true),
    }
}

/// Severities by number: a few of each.
fn some(numbers: std::ops::Range<u32>) -> Vec<Detection> {
    let severity =
        |n: u32| [Severity::Critical, Severity::High, Severity::Medium, Severity::Low][n as usize % 4];
    numbers.map(|n| secret(&format!("src/file{n:03}.py"), n, severity(n))).collect()
}
