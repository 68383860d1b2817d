//! What a local scan writes for people and for programs. Report formats are written by their own crate.

use super::local::Scanned;
use crate::cli::screen::{Screen, end_of};
use anyhow::{Context, Result};
use scanledger_domain::report::ReportFinding;
use scanledger_domain::scanning::Place;
use serde::Serialize;
use std::collections::BTreeSet;

/// Characters of a place on a terminal.
const PLACE_CHARS: usize = 36;

/// A finding in `--format json`. Names and meanings stay.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingOut<'a> {
    id: String,
    fingerprint: &'a str,
    scanner: String,
    rule: &'a str,
    severity: String,
    title: &'a str,
    description: &'a str,
    /// Canonical purl without version, for packages.
    package: Option<&'a str>,
    fixed_version: Option<&'a str>,
    /// Every id of the advisory, its aliases included.
    advisories: &'a [String],
    /// `unmaintained`, `unsound` or `notice`.
    informational: Option<&'a str>,
    cve: Option<&'a str>,
    cwe: Option<&'a str>,
    confidence: f32,
    places: Vec<PlaceOut<'a>>,
    excerpt: Option<&'a str>,
    references: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceOut<'a> {
    path: &'a str,
    line: Option<u32>,
    end_line: Option<u32>,
    version: Option<&'a str>,
}

/// An array of findings, worst first.
pub(super) fn json(scanned: &Scanned) -> Result<Vec<u8>> {
    let findings: Vec<_> = scanned.report.findings.iter().map(|finding| out(finding, scanned)).collect();
    let mut content = serde_json::to_vec_pretty(&findings).context("while writing findings")?;
    content.push(b'\n');
    Ok(content)
}

fn out<'a>(finding: &'a ReportFinding, scanned: &'a Scanned) -> FindingOut<'a> {
    let advisory = scanned.advisories.get(&finding.id);
    let place = |place: &'a Place| PlaceOut {
        path: &place.path,
        line: place.line,
        end_line: place.end_line,
        version: place.version.as_deref(),
    };
    FindingOut {
        id: finding.id.to_string(),
        fingerprint: &finding.fingerprint,
        scanner: finding.scanner.as_str().to_uppercase(),
        rule: &finding.rule,
        severity: finding.severity.as_str().to_uppercase(),
        title: &finding.title,
        description: &finding.description,
        package: finding.package.as_deref(),
        fixed_version: finding.fixed_version.as_deref(),
        advisories: advisory.map_or(&[], |(group, _)| group),
        informational: advisory.and_then(|(_, informational)| informational.as_deref()),
        cve: finding.cve.as_deref(),
        cwe: finding.cwe.as_deref(),
        confidence: finding.confidence,
        places: finding.places.iter().map(place).collect(),
        excerpt: finding.excerpt.as_deref(),
        references: &finding.references,
    }
}

/// A line for each finding, worst first, and one about all of them.
pub(super) fn table(scanned: &Scanned, screen: Screen) -> String {
    let mut rows = vec![];
    for finding in &scanned.report.findings {
        let kind =
            scanned.advisories.get(&finding.id).and_then(|(_, informational)| informational.as_deref());
        let title = match kind {
            Some(kind) => format!("({kind}) {}", finding.title),
            None => finding.title.clone(),
        };
        rows.push(vec![
            screen.severity(finding.severity),
            screen.faint(&finding.rule),
            screen.strong(&title),
            screen.paint(&console::Style::new(), &place(&finding.places, screen)),
            screen.paint(&console::Style::new().green(), &versions(finding)),
        ]);
    }
    let mut text = String::new();
    for line in screen.columns(&rows, 2) {
        text.push_str(&line);
        text.push('\n');
    }
    if !rows.is_empty() {
        text.push('\n');
    }
    text.push_str(&scanned.summary(screen));
    text.push('\n');
    text
}

/// `4.17.15 → 4.17.21`: the affected version, and the one that mends it.
fn versions(finding: &ReportFinding) -> String {
    let affected: BTreeSet<&str> =
        finding.places.iter().filter_map(|place| place.version.as_deref()).collect();
    let affected = match (affected.first(), affected.len()) {
        (None, _) => String::new(),
        (Some(version), 1) => (*version).to_owned(),
        (Some(version), many) => format!("{version} +{}", many - 1),
    };
    match &finding.fixed_version {
        Some(fixed) => format!("{affected} → {fixed}"),
        None => affected,
    }
}

fn place(places: &[Place], screen: Screen) -> String {
    let Some(first) = places.first() else { return String::new() };
    let mut text = first.path.clone();
    if let Some(line) = first.line {
        text.push_str(&format!(":{line}"));
    }
    if screen != Screen::file() {
        text = end_of(&text, PLACE_CHARS);
    }
    match places.len() {
        0 | 1 => text,
        more => format!("{text} +{}", more - 1),
    }
}
