//! What the demo prints: compact, coloured on a terminal only.

use super::client::{AuditEntry, Diff, Finding, Scan, Verdict};
use super::sample::Archive;
use crate::cli::output::line;
use crate::cli::screen::{Screen, by_severity, counted, end_of};
use crate::data::DataFolder;
use console::Style;
use scanledger_domain::severity::{Severity, SeverityCounts};
use std::collections::BTreeMap;
use std::time::Duration;

/// Characters of a line.
const WIDTH: usize = 120;
/// Findings that are listed; further ones are counted.
const LISTED: usize = 12;
/// Characters of a place.
const PLACE_CHARS: usize = 24;

/// Where it is printed.
pub(super) struct Show {
    screen: Screen,
    data: String,
    is_kept: bool,
}

impl Show {
    pub(super) fn new(folder: &DataFolder, is_kept: bool) -> Self {
        let screen = Screen::of_stdout().at_most(WIDTH);
        Self { screen, data: folder.root().display().to_string(), is_kept }
    }

    fn step(&self, name: &str, text: &str) {
        let name = self.screen.paint(&Style::new().cyan().bold(), &format!("{name:<11}"));
        line(&format!("{name} {text}"));
    }

    fn table(&self, rows: &[Vec<String>], gives_way: usize) {
        let inner = self.screen.at_most(WIDTH - 4);
        for row in inner.columns(rows, gives_way) {
            line(&format!("    {row}"));
        }
    }

    pub(super) fn title(&self) {
        let fate = if self.is_kept { "" } else { " (removed at the end)" };
        let title = self.screen.strong(concat!("Scanledger ", env!("CARGO_PKG_VERSION"), ", the demo"));
        line(&format!("{title}  {}\n", self.screen.faint(&format!("data in {}{fate}", self.data))));
    }

    pub(super) fn set_up(&self) {
        self.step("SET UP", "organization Demo, its administrator, a team and an API key");
    }

    pub(super) fn advisories(&self, imported: &[(String, u64)]) {
        let parts: Vec<_> =
            imported.iter().map(|(ecosystem, records)| format!("{ecosystem} {records}")).collect();
        let total = imported.iter().map(|(_, records)| records).sum();
        self.step(
            "ADVISORIES",
            &format!("{} of public databases: {}", counted(total, "record"), parts.join(", ")),
        );
    }

    pub(super) fn upload(&self, archive: &Archive, how: &str) {
        let size = archive.bytes.len().div_ceil(1024);
        let what = format!("shop.tar.gz, {}, {size} kB", counted(archive.files, "file"));
        self.step("UPLOAD", &format!("{what}  {}", self.screen.faint(how)));
    }

    pub(super) fn scanned(&self, scan: &Scan, statuses: &[String], took: Duration) {
        let scanners: Vec<_> = scan
            .scanner_progress
            .iter()
            .map(|(scanner, progress)| format!("{scanner} {}", progress.findings_count.unwrap_or(0)))
            .collect();
        let text = format!(
            "{} in {:.1} s: {} ({}), {}",
            statuses.join(" → "),
            took.as_secs_f64(),
            counted(scan.count.findings, "finding"),
            scanners.join(", "),
            counted(scan.deps_scanned, "dependency")
        );
        self.step("SCAN", &text);
    }

    pub(super) fn findings(&self, found: &[Finding]) {
        let rows: Vec<_> = found.iter().take(LISTED).map(|finding| self.row(finding)).collect();
        line("");
        self.table(&rows, 1);
        let more = found.len().saturating_sub(LISTED);
        let counts = by_severity(self.screen, &counts(found.iter()));
        if more > 0 {
            line(&format!("    … and {more} more: {counts}"));
        } else {
            line(&format!("    {counts}"));
        }
        line("");
    }

    fn row(&self, finding: &Finding) -> Vec<String> {
        vec![
            self.severity(finding),
            self.screen.strong(&finding.title),
            self.screen.faint(&finding.rule_id),
            self.screen.faint(&place(finding)),
            self.screen.paint(&Style::new().green(), &versions(finding)),
        ]
    }

    fn severity(&self, finding: &Finding) -> String {
        match finding.severity.parse::<Severity>() {
            Ok(severity) => self.screen.severity(severity),
            Err(_) => finding.severity.clone(),
        }
    }

    fn status(&self, status: &str) -> String {
        let style = match status {
            "OPEN" => Style::new(),
            "ACCEPTED_RISK" => Style::new().yellow(),
            _ => Style::new().green(),
        };
        self.screen.paint(&style, status)
    }

    pub(super) fn triaged(&self, finding: &Finding, note: &str) {
        let text =
            format!("{}  {}", self.status(&finding.status), self.screen.strong(&cut(&finding.title, 60)));
        self.step("TRIAGE", &text);
        line(&format!("            {}", self.screen.faint(&format!("\"{note}\""))));
    }

    pub(super) fn changes(&self, diff: &Diff, scan: &Scan) {
        let moved = diff.components.removed.iter().filter_map(|before| {
            let after = diff.components.added.iter().find(|after| after.name == before.name)?;
            Some(format!("{} {} {} → {}", before.ecosystem, before.name, before.version, after.version))
        });
        let moved: Vec<_> = moved.collect();
        let unchanged = scan.count.findings.saturating_sub(scan.new_count);
        let (fixed, new) = (scan.fixed_count, scan.new_count);
        let text = format!("{}:  {fixed} fixed, {new} new, {unchanged} unchanged", moved.join(", "));
        self.step("CHANGES", &text);
        let rows = |word: &str, style: &Style, findings: &[Finding]| -> Vec<Vec<String>> {
            let row = |finding: &Finding| {
                vec![
                    self.screen.paint(style, word),
                    self.severity(finding),
                    self.screen.strong(&finding.title),
                    self.screen.faint(&finding.rule_id),
                ]
            };
            findings.iter().map(row).collect()
        };
        let mut all = rows("fixed", &Style::new().green(), &diff.findings.removed);
        all.extend(rows("new", &Style::new().red(), &diff.findings.added));
        self.table(&all, 2);
    }

    pub(super) fn gate(&self, verdict: &Verdict) {
        let reasons = verdict.reasons.iter().map(|reason| {
            let word = reason.severity.as_deref().map_or("new".to_owned(), str::to_lowercase);
            let text = format!("{word} {} of {}", reason.count, reason.allowed.unwrap_or(0));
            self.screen.paint(&Style::new().red(), &text)
        });
        let reasons: Vec<_> = reasons.collect();
        let style = if verdict.result == "PASSED" { Style::new().green() } else { Style::new().red() };
        let result = self.screen.paint(&style.bold(), &verdict.result);
        self.step("GATE", &format!("{result}  {}", reasons.join(", ")));
    }

    pub(super) fn time_travel(&self, position: u64, scan: &Scan, then: &[Finding], now: &[Finding]) {
        let how = format!("GET /api/scans/{}…/findings?asOf={position}", &scan.id[..8.min(scan.id.len())]);
        self.step("AS OF", &format!("position {position}, before the triage  {}", self.screen.faint(&how)));
        self.findings(then);
        let mut rows = vec![vec!["then".to_owned(), statuses(then)], vec!["now".to_owned(), statuses(now)]];
        for before in then {
            let after = now.iter().find(|after| after.id == before.id);
            if let Some(after) = after.filter(|after| after.status != before.status) {
                let change = format!("{} → {}", self.status(&before.status), self.status(&after.status));
                rows.push(vec![
                    String::new(),
                    format!("{change}  {}", self.screen.strong(&cut(&before.title, 60))),
                ]);
            }
        }
        self.table(&rows, 1);
    }

    pub(super) fn audit(&self, entries: &[AuditEntry]) {
        let how = self.screen.faint("GET /api/audit-log");
        self.step("AUDIT", &format!("{}  {how}", counted(entries.len() as u64, "entry")));
        let row = |entry: &AuditEntry| {
            let time = entry.created_at.get(11..19).unwrap_or(&entry.created_at);
            vec![
                self.screen.faint(&format!("{:>5}", entry.id)),
                self.screen.faint(time),
                self.screen.faint(&entry.actor.kind),
                self.screen.strong(&entry.action),
                self.screen.paint(&Style::new(), &what(entry)),
            ]
        };
        self.table(&entries.iter().map(row).collect::<Vec<_>>(), 4);
        line("");
    }

    pub(super) fn links(&self, url: &str, key: &str, ends: bool) {
        if ends {
            let kept = if self.is_kept {
                format!("; the data stays: scanledger serve --data {}", self.data)
            } else {
                String::new()
            };
            self.step("DONE", &format!("{url} ends now{kept}"));
            return;
        }
        self.step("REST docs", &format!("{url}/docs"));
        self.step("GraphiQL", &format!("{url}/graphql"));
        self.step("API key", &self.screen.strong(key));
        self.step("Try", &format!("curl -H 'Authorization: Bearer {key}' {url}/api/projects"));
        line("");
        line(&self.screen.faint("Ctrl-C ends it."));
    }
}

fn counts<'a>(findings: impl Iterator<Item = &'a Finding>) -> SeverityCounts {
    let mut counts = SeverityCounts::default();
    for severity in findings.filter_map(|finding| finding.severity.parse().ok()) {
        counts.add(severity, 1);
    }
    counts
}

/// `38 OPEN, 1 FALSE_POSITIVE`.
fn statuses(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in findings {
        *counts.entry(&finding.status).or_default() += 1;
    }
    let mut parts: Vec<_> = counts.into_iter().collect();
    parts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    parts.into_iter().map(|(status, count)| format!("{count} {status}")).collect::<Vec<_>>().join(", ")
}

/// `4.17.15 → 4.17.21`: the affected version, and the one that mends it.
fn versions(finding: &Finding) -> String {
    let Some(metadata) = &finding.metadata else { return String::new() };
    match (&metadata.package_version, &metadata.fix_version) {
        (Some(affected), Some(fixed)) => format!("{affected} → {fixed}"),
        (Some(affected), None) => affected.clone(),
        (None, _) => String::new(),
    }
}

fn place(finding: &Finding) -> String {
    let path = finding.file_path.as_deref().unwrap_or_default();
    match finding.start_line {
        Some(line) => end_of(&format!("{path}:{line}"), PLACE_CHARS),
        None => end_of(path, PLACE_CHARS),
    }
}

fn cut(text: &str, characters: usize) -> String {
    console::truncate_str(text, characters, "…").into_owned()
}

/// What an entry says in a few words.
fn what(entry: &AuditEntry) -> String {
    let text = |name: &str| entry.details.get(name).and_then(|value| value.as_str());
    match entry.action.as_str() {
        "finding.status_changed" => {
            let change = [text("previousStatus"), text("status")];
            let change = change.into_iter().flatten().collect::<Vec<_>>().join(" → ");
            format!("{change}  {}", text("note").map_or(String::new(), |note| format!("\"{note}\"")))
        }
        "scan.completed" => {
            let result = entry.details.get("verdict").and_then(|verdict| verdict.get("result")?.as_str());
            result.map_or(String::new(), |result| format!("gate {result}"))
        }
        _ => ["name", "scanType", "role"].into_iter().filter_map(text).collect::<Vec<_>>().join(" "),
    }
}
