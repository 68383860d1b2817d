//! What checks say.

use super::{Examined, Review, Seen, review};
use crate::check::{BlockOn, CheckConfig, Switch};
use crate::code_host::CheckConclusion::{self, Failure, Neutral, Success};
use crate::component::{Component, Ecosystem, Package, Scope};
use crate::finding::TriageState;
use crate::scanning::Place;
use crate::severity::Severity;

const LOCK: &str = "package-lock.json";

fn component(name: &str, version: &str, direct: Option<bool>) -> Component {
    Component {
        package: Package::new(Ecosystem::Npm, name),
        version: version.to_owned(),
        path: LOCK.to_owned(),
        scope: Scope::Runtime,
        direct,
    }
}

fn place(path: &str, version: &str) -> Place {
    Place { path: path.to_owned(), line: Some(3), end_line: None, version: Some(version.to_owned()) }
}

fn seen(name: &str, imported: Option<bool>) -> Seen {
    Seen {
        package: Package::new(Ecosystem::Npm, name),
        advisory: "GHSA-1".to_owned(),
        aliases: vec!["CVE-2020-1".to_owned(), "GHSA-1".to_owned()],
        cve: Some("CVE-2020-1".to_owned()),
        severity: Severity::High,
        state: TriageState::Untriaged,
        imported,
        fix: Some("2.0.0".to_owned()),
        places: vec![place(LOCK, "1.0.0")],
    }
}

fn examined(seen: Vec<Seen>) -> Examined {
    let components = vec![component("a", "1.0.0", Some(true)), component("b", "1.0.0", Some(false))];
    Examined { seen, components, is_matched: true }
}

fn of(config: &CheckConfig, seen: Vec<Seen>) -> Review {
    review(config, None, examined(seen))
}

fn concluded(config: &CheckConfig, seen: Vec<Seen>) -> CheckConclusion {
    of(config, seen).conclusion
}

#[test]
fn what_is_imported_speaks_against_a_commit() {
    let config = CheckConfig::default();
    assert_eq!(concluded(&config, vec![]), Success);
    assert_eq!(concluded(&config, vec![seen("a", Some(true))]), Failure);
    assert_eq!(concluded(&config, vec![seen("a", Some(false))]), Neutral);
    assert_eq!(concluded(&config, vec![seen("a", None)]), Neutral);
    assert_eq!(concluded(&config, vec![seen("a", Some(false)), seen("b", Some(true))]), Failure);
}

#[test]
fn an_indirect_dependency_counts_as_imported_if_it_is_imported_itself() {
    let review = of(&CheckConfig::default(), vec![seen("b", Some(true))]);
    assert_eq!((review.findings[0].direct, review.conclusion), (Some(false), Failure));
    assert_eq!(concluded(&CheckConfig::default(), vec![seen("b", Some(false))]), Neutral);
}

#[test]
fn what_blocks_can_be_configured() {
    let blocking = |block_on| CheckConfig { block_on, ..CheckConfig::default() };
    let critical = Seen { severity: Severity::Critical, ..seen("a", Some(false)) };
    assert_eq!(concluded(&blocking(BlockOn::All), vec![seen("a", Some(false))]), Failure);
    assert_eq!(concluded(&blocking(BlockOn::CriticalOnly), vec![seen("a", Some(true))]), Neutral);
    assert_eq!(concluded(&blocking(BlockOn::CriticalOnly), vec![critical]), Failure);
}

#[test]
fn what_nobody_could_look_at_is_neutral_and_said() {
    let config = CheckConfig::default();
    let empty = Examined { components: vec![], ..examined(vec![]) };
    assert_eq!(review(&config, None, empty).conclusion, Neutral);
    let unmatched = review(&config, None, Examined { is_matched: false, ..examined(vec![]) });
    assert_eq!((unmatched.conclusion, unmatched.warnings.len()), (Neutral, 1));
    let off = CheckConfig { vulnerability: Switch::Off, ..config };
    let off = of(&off, vec![seen("a", Some(true))]);
    assert_eq!((off.conclusion, off.findings.len(), off.warnings.len()), (Neutral, 0, 1));
}

#[test]
fn without_reachability_nothing_is_imported() {
    let config = CheckConfig { reachability: Switch::Off, ..CheckConfig::default() };
    let review = of(&config, vec![seen("a", Some(true))]);
    assert_eq!((review.conclusion, review.imported(), review.findings.len()), (Neutral, 0, 1));
    assert_eq!(review.warnings.len(), 1);
}

#[test]
fn imports_that_nobody_could_tell_are_said() {
    let warnings = of(&CheckConfig::default(), vec![seen("a", None)]).warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("npm"), "{warnings:?}");
}

#[test]
fn what_is_ignored_settled_or_below_the_threshold_is_not_listed() {
    let listed = |config: &CheckConfig, seen| !of(config, vec![seen]).findings.is_empty();
    let default = CheckConfig::default();
    for id in ["GHSA-1", "CVE-2020-1", "cve-2020-1"] {
        let config = CheckConfig { ignore_ids: vec![id.to_owned()], ..CheckConfig::default() };
        assert!(!listed(&config, seen("a", None)), "{id}");
    }
    for (state, expected) in [
        (TriageState::Untriaged, true),
        (TriageState::Confirmed, true),
        (TriageState::Accepted, true),
        (TriageState::NotAffected, false),
        (TriageState::FalsePositive, false),
        (TriageState::Fixed, false),
    ] {
        assert_eq!(listed(&default, Seen { state, ..seen("a", None) }), expected, "{state:?}");
    }
    for (threshold, severity, expected) in [
        (Severity::Low, Severity::Low, true),
        (Severity::Low, Severity::Unknown, true),
        (Severity::Low, Severity::Info, false),
        (Severity::Medium, Severity::Unknown, false),
        (Severity::High, Severity::High, true),
        (Severity::Critical, Severity::High, false),
    ] {
        let config = CheckConfig { threshold, ..CheckConfig::default() };
        assert_eq!(listed(&config, Seen { severity, ..seen("a", None) }), expected, "{threshold} {severity}");
    }
}

#[test]
fn only_the_files_that_count_count() {
    let at = |path: &str| Seen { places: vec![place(path, "1.0.0")], ..seen("a", None) };
    let excluding = CheckConfig { exclude_paths: vec!["**/test/**".to_owned()], ..CheckConfig::default() };
    assert_eq!(of(&excluding, vec![at("a/test/package-lock.json")]).findings, []);
    assert_eq!(of(&excluding, vec![at("a/package-lock.json")]).findings.len(), 1);
    let other = CheckConfig { ecosystems: vec![Ecosystem::Go], ..CheckConfig::default() };
    let review_of_go = of(&other, vec![at(LOCK)]);
    assert_eq!((review_of_go.findings.len(), review_of_go.dependencies), (0, 0));
    let changed = ["web/package-lock.json".to_owned()];
    let review_of_change = review(&CheckConfig::default(), Some(&changed), examined(vec![at(LOCK)]));
    assert_eq!((review_of_change.findings.len(), review_of_change.conclusion), (0, Neutral));
}

#[test]
fn each_version_has_a_line() {
    let places = vec![place(LOCK, "1.0.0"), place("web/package-lock.json", "1.0.0"), place(LOCK, "1.1.0")];
    let review = of(&CheckConfig::default(), vec![Seen { places, ..seen("a", Some(true)) }]);
    let versions: Vec<_> = review.findings.iter().map(|finding| finding.version.as_str()).collect();
    assert_eq!((versions, review.imported()), (vec!["1.0.0", "1.1.0"], 2));
    assert_eq!((review.findings[0].direct, review.findings[1].direct), (Some(true), None));
    assert_eq!(review.findings[0].paths, [LOCK, "web/package-lock.json"]);
}

#[test]
fn dependencies_are_counted_once_wherever_they_stand() {
    let mut examined = examined(vec![]);
    examined
        .components
        .push(Component { path: "web/package-lock.json".to_owned(), ..component("a", "1.0.0", None) });
    let review = review(&CheckConfig::default(), None, examined);
    assert_eq!((review.dependencies, review.ecosystems), (2, vec![Ecosystem::Npm]));
}
