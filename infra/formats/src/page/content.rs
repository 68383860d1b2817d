//! What the page shows, made ready so that the template has nothing to decide.

use crate::{uri, words};
use domain::finding::TriageState;
use domain::report::{Report, ReportFinding};
use domain::scanning::Place;
use domain::severity::Severity;
use scanledger_domain as domain;
use serde::Serialize;
use std::collections::BTreeSet;

/// Units across the bar that shows the shares of the severities.
const BAR_WIDTH: u64 = 1_000;

#[derive(Serialize)]
pub(super) struct Content<'a> {
    project: &'a str,
    facts: Vec<Fact>,
    counts: Vec<Count>,
    total: usize,
    new: usize,
    set_aside: usize,
    components: usize,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    value: String,
    link: Option<String>,
}

/// How many findings there are of a severity, and where its part of the bar lies.
#[derive(Serialize)]
struct Count {
    word: &'static str,
    class: &'static str,
    count: u64,
    bar_start: u64,
    bar_width: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    severity: &'static str,
    class: &'static str,
    scanner: &'static str,
    rule: &'a str,
    title: &'a str,
    description: &'a str,
    state: &'static str,
    set_aside: bool,
    is_new: bool,
    place: String,
    further_places: Vec<String>,
    note: Option<&'a str>,
    cwe: Option<&'a str>,
    cve: Option<&'a str>,
    package: Option<&'a str>,
    fixed_version: Option<&'a str>,
    confidence: String,
    excerpt: Option<&'a str>,
    references: Vec<Link<'a>>,
}

/// A reference; only addresses on the web can be followed.
#[derive(Serialize)]
struct Link<'a> {
    text: &'a str,
    uri: Option<String>,
}

impl<'a> Content<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let findings: Vec<Row<'_>> = report.findings.iter().map(Row::of).collect();
        let components: BTreeSet<String> = report.components.iter().map(|one| one.purl()).collect();
        Self {
            project: &report.project,
            facts: facts(report),
            counts: counts(&report.findings),
            total: findings.len(),
            new: findings.iter().filter(|row| row.is_new).count(),
            set_aside: findings.iter().filter(|row| row.set_aside).count(),
            components: components.len(),
            findings,
        }
    }
}

fn facts(report: &Report) -> Vec<Fact> {
    let repository = report.repository.as_deref().and_then(uri::repository);
    let link = repository.as_deref().and_then(uri::web);
    let known = [
        ("Branch", report.branch.clone(), None),
        ("Commit", report.commit.clone(), None),
        ("Repository", repository, link),
        ("Scan", report.scan.map(|scan| scan.to_string()), None),
        ("Written", Some(report.created_at.to_utc().format("%Y-%m-%d %H:%M UTC").to_string()), None),
    ];
    known.into_iter().filter_map(|(name, value, link)| Some(Fact { name, value: value?, link })).collect()
}

/// Severities as Pepper shows them, worst first, with their shares of the bar.
fn counts(findings: &[ReportFinding]) -> Vec<Count> {
    let shown = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let total = findings.len().max(1) as u64;
    let mut before = 0;
    let mut counts = Vec::with_capacity(shown.len());
    for severity in shown {
        let word = words::severity(severity);
        let count =
            findings.iter().filter(|finding| words::severity(finding.severity) == word).count() as u64;
        // From sums, so that the parts meet and the last one ends at the end.
        let bar_start = before * BAR_WIDTH / total;
        before += count;
        let bar_width = before * BAR_WIDTH / total - bar_start;
        counts.push(Count { word, class: class(severity), count, bar_start, bar_width });
    }
    counts
}

const fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium | Severity::Unknown => "medium",
        Severity::Low => "low",
        Severity::Info => "info",
    }
}

impl<'a> Row<'a> {
    fn of(finding: &'a ReportFinding) -> Self {
        let mut places = finding.places.iter().map(place);
        let set_aside = !finding.state.counts_for_gate() || finding.state == TriageState::Accepted;
        Self {
            severity: words::severity(finding.severity),
            class: class(finding.severity),
            scanner: words::scanner(finding.scanner),
            rule: &finding.rule,
            title: &finding.title,
            description: &finding.description,
            state: state(finding.state),
            set_aside,
            is_new: finding.is_new,
            place: places.next().unwrap_or_default(),
            further_places: places.collect(),
            note: finding.note.as_deref(),
            cwe: finding.cwe.as_deref(),
            cve: finding.cve.as_deref(),
            package: finding.package.as_deref(),
            fixed_version: finding.fixed_version.as_deref(),
            confidence: format!("{:.0} %", words::confidence(finding.confidence) * 100.0),
            excerpt: finding.excerpt.as_deref(),
            references: finding.references.iter().map(|text| Link { text, uri: uri::web(text) }).collect(),
        }
    }
}

/// `path:line`, and the version where a package was found.
fn place(place: &Place) -> String {
    let mut text = place.path.clone();
    if let Some(line) = place.line {
        text.push_str(&format!(":{line}"));
    }
    if let Some(version) = &place.version {
        text.push_str(&format!(" ({version})"));
    }
    text
}

const fn state(state: TriageState) -> &'static str {
    match state {
        TriageState::Untriaged => "Open",
        TriageState::Investigating => "Investigating",
        TriageState::Confirmed => "Confirmed",
        TriageState::FalsePositive => "False positive",
        TriageState::NotAffected => "Not affected",
        TriageState::Accepted => "Accepted risk",
        TriageState::Fixed => "Fixed",
    }
}
