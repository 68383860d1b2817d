//! What advisories learn later of findings that are there.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

use super::query;
use crate::support::{PROJECT, World};
use scanledger_domain::branch::Held;
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::TriageState;
use scanledger_domain::log::Version;
use scanledger_domain::scanning::{Detection, Identity, Place};
use scanledger_domain::severity::Severity;
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingRow, ListScope};
use scanledger_projections::store::table_digests;
use scanledger_projections::{At, Projector, Views};
use std::sync::Arc;

/// A vulnerable package, as advisories with these ids describe it; the last one is shown.
pub(super) fn vulnerable(package: &str, ids: &[&str], words: &str) -> Detection {
    let shown = ids.last().copied().unwrap_or_default();
    let place = Place {
        path: "package-lock.json".to_owned(),
        line: None,
        end_line: None,
        version: Some("1.0.0".to_owned()),
    };
    Detection {
        identity: Identity::Advisory {
            package: Package::new(Ecosystem::Npm, package),
            id: shown.to_owned(),
            group: ids.iter().map(|&id| id.to_owned()).collect(),
            informational: None,
        },
        rule: shown.to_owned(),
        title: format!("{package}: {words}"),
        description: format!("More about {words}."),
        severity: Severity::High,
        cwe: None,
        cve: None,
        confidence: 1.0,
        places: vec![place],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

/// With everything that advisories may say besides.
fn with_more(mut detection: Detection) -> Detection {
    if let Identity::Advisory { informational, .. } = &mut detection.identity {
        *informational = Some("notice".to_owned());
    }
    let references = vec!["https://example.org/1".to_owned()];
    Detection { references, cwe: Some("CWE-77".to_owned()), ..detection }
}

pub(super) fn branch(name: &str) -> ListScope {
    ListScope::Branch(PROJECT, Some(name.to_owned()))
}

pub(super) async fn shown(views: &Views, name: &str) -> Vec<FindingRow> {
    views.findings(query(branch(name), At::Now)).await.unwrap().rows
}

/// How many findings of a branch a search has.
async fn hits(views: &Views, name: &str, text: &str) -> u64 {
    let filter = FindingFilter { text: Some(text.to_owned()), ..FindingFilter::default() };
    views.findings(FindingQuery { filter, ..query(branch(name), At::Now) }).await.unwrap().total
}

async fn version(views: &Views, name: &str) -> Version {
    views.inventory(PROJECT, name).await.unwrap().version
}

/// What is there now, as the next scan will be decided on it.
fn present(findings: impl IntoIterator<Item = Held>) -> Vec<String> {
    let present = findings.into_iter().filter(|held| held.is_present);
    let mut present: Vec<String> = present.map(|held| format!("{held:?}")).collect();
    present.sort();
    present
}

/// The inventory of a branch that is read is that of its events, and building the views from the log gives the same.
pub(super) async fn agrees(world: &World, branches: &[&str]) {
    for name in branches {
        let read = world.views().inventory(PROJECT, name).await.unwrap().inventory;
        let folded = world.inventory(name);
        assert_eq!(
            present(read.findings.into_values()),
            present(folded.findings.values().copied()),
            "{name}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let [fresh, live] = ["fresh.db", "live.db"].map(|name| folder.path().join(name));
    let head = world.views().position();
    scanledger_projections::build(&fresh, &world.log, head, Arc::new(|_, _| ())).await.unwrap();
    scanledger_projections::store::snapshot(world.folder.path(), &live).unwrap().unwrap();
    assert_eq!(table_digests(&live).unwrap(), table_digests(&fresh).unwrap());
}

#[tokio::test]
async fn what_a_finding_is_told_later_is_shown_and_found_on_every_branch() {
    let mut world = World::new().await;
    let views = world.views();
    let other = vulnerable("minimist", &["GHSA-2"], "prototype pollution");
    let first = vec![vulnerable("lodash", &["GHSA-1"], "clumsy words"), other.clone()];
    world.scan("main", first.clone(), vec![]).await;
    world.scan("topic", first, vec![]).await;
    let before = shown(&views, "main").await.remove(0);
    assert_eq!((before.cve, hits(&views, "main", "CVE-2099-1").await), (None, 0));
    assert_eq!((hits(&views, "main", "clumsy").await, hits(&views, "main", "prototype").await), (1, 1));

    let later = with_more(vulnerable("lodash", &["CVE-2099-1", "GHSA-1"], "command injection"));
    let was = version(&views, "main").await;
    world.scan("main", vec![later, other], vec![]).await;
    assert_eq!(version(&views, "main").await, Version(was.0 + 2), "an update and the end of the scan");
    for name in ["main", "topic"] {
        let rows = shown(&views, name).await;
        let row = rows.iter().find(|row| row.id == before.id).unwrap();
        assert_eq!((row.title.as_str(), row.rule.as_str()), ("lodash: command injection", "GHSA-1"));
        assert_eq!(row.description, "More about command injection.");
        assert_eq!((row.cve.as_deref(), row.cwe.as_deref()), (Some("CVE-2099-1"), Some("CWE-77")));
        assert_eq!(row.advisories, ["CVE-2099-1", "GHSA-1"]);
        assert_eq!(row.informational.as_deref(), Some("notice"));
        assert_eq!(row.references, ["https://example.org/1"]);
        assert_eq!(row.fingerprint, before.fingerprint);
        let searches =
            [("CVE-2099-1", 1), ("injection", 1), ("lodash GHSA-1", 1), ("clumsy", 0), ("prototype", 1)];
        for (text, count) in searches {
            assert_eq!(hits(&views, name, text).await, count, "{name}: {text}");
        }
    }
    let lodash = Package::new(Ecosystem::Npm, "lodash");
    let known = views.known_advisories(PROJECT, vec![lodash.clone()]).await.unwrap();
    assert_eq!(known[&lodash][0].advisories, ["CVE-2099-1", "GHSA-1"]);
    agrees(&world, &["main", "topic"]).await;

    let by_the_alias = vulnerable("lodash", &["CVE-2099-1", "OSV-1"], "command injection");
    world.scan("main", vec![by_the_alias], vec![]).await;
    let rows = shown(&views, "main").await;
    assert_eq!((rows.len(), rows[0].id, rows[0].informational.as_deref()), (1, before.id, None));
    assert_eq!((hits(&views, "main", "OSV-1").await, hits(&views, "main", "CWE-77").await), (1, 0));
    agrees(&world, &["main", "topic"]).await;
}

#[tokio::test]
async fn what_was_told_is_not_told_again_whatever_happens_to_the_finding() {
    let mut world = World::new().await;
    let views = world.views();
    let words = |words: &str| vec![vulnerable("lodash", &["GHSA-1"], words)];
    world.scan("main", words("first"), vec![]).await;
    world.scan("main", words("second"), vec![]).await;
    let row = shown(&views, "main").await.remove(0);
    world.triage(row.id, TriageState::Confirmed, Some("real")).await;
    world.scan("topic", words("second"), vec![]).await;
    for name in ["main", "topic"] {
        let was = version(&views, name).await;
        world.scan(name, words("second"), vec![]).await;
        assert_eq!(version(&views, name).await, Version(was.0 + 1), "{name}: the end of the scan");
    }
    world.scan("main", vec![], vec![]).await;
    world.scan("main", words("third"), vec![]).await;
    let row = shown(&views, "main").await.remove(0);
    assert_eq!((row.title.as_str(), row.state), ("lodash: third", TriageState::Confirmed));
    let was = version(&views, "main").await;
    world.scan("main", words("third"), vec![]).await;
    assert_eq!(version(&views, "main").await, Version(was.0 + 1), "the end of the scan");
    agrees(&world, &["main", "topic"]).await;
}

#[tokio::test]
async fn a_finding_that_comes_onto_another_branch_shows_what_is_known_there() {
    let mut world = World::new().await;
    let views = world.views();
    let words = |words: &str| vec![vulnerable("lodash", &["GHSA-1"], words)];
    world.scan("main", words("first"), vec![]).await;
    world.scan("main", vec![], vec![]).await;
    world.scan("topic", words("second"), vec![]).await;
    assert_eq!(shown(&views, "topic").await[0].title, "lodash: second");
    assert_eq!((hits(&views, "topic", "first").await, hits(&views, "topic", "second").await), (0, 1));
    let was = version(&views, "topic").await;
    world.scan("topic", words("second"), vec![]).await;
    assert_eq!(version(&views, "topic").await, Version(was.0 + 1), "the end of the scan");
    agrees(&world, &["topic"]).await;
}

#[tokio::test]
async fn what_is_told_twice_in_one_batch_is_found_by_the_last_words() {
    let mut world = World::new().await;
    for words in ["first", "second", "third"] {
        world.scan("main", vec![vulnerable("lodash", &["GHSA-1"], words)], vec![]).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let projector = Projector::open(folder.path(), Arc::clone(&world.log)).await.unwrap();
    projector.catch_up().await.unwrap();
    for (words, count) in [("first", 0), ("second", 0), ("third", 1), ("lodash", 1)] {
        assert_eq!(hits(&projector.views(), "main", words).await, count, "{words}");
    }
}
