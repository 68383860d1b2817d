//! CSV of findings (RFC 4180; columns as in the Pepper reference §5), safe to open in a spreadsheet.

use crate::words;
use csv::{Terminator, WriterBuilder};
use domain::Cause;
use domain::report::{Report, ReportFinding};
use scanledger_domain as domain;
use std::borrow::Cow;

const COLUMNS: [&str; 12] = [
    "Severity",
    "Scanner",
    "Title",
    "Description",
    "File Path",
    "Start Line",
    "End Line",
    "Rule ID",
    "CWE ID",
    "CVE ID",
    "Confidence",
    "Snippet",
];

/// Writes a header, and a row for each finding with its first place.
pub(crate) fn write(report: &Report) -> Result<Vec<u8>, Cause> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for finding in &report.findings {
        writer.write_record(cells(finding).iter().map(|cell| defused(cell).into_owned()))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn cells(finding: &ReportFinding) -> [Cow<'_, str>; 12] {
    let place = finding.places.first();
    let line = |line: Option<u32>| line.map(|line| line.to_string()).unwrap_or_default().into();
    let optional = |text: &'_ Option<String>| -> Cow<'_, str> { text.clone().unwrap_or_default().into() };
    [
        words::severity(finding.severity).into(),
        words::scanner(finding.scanner).into(),
        finding.title.as_str().into(),
        finding.description.as_str().into(),
        place.map(|place| place.path.as_str()).unwrap_or_default().into(),
        line(place.and_then(|place| place.line)),
        line(place.and_then(|place| place.end_line)),
        finding.rule.as_str().into(),
        optional(&finding.cwe),
        optional(&finding.cve),
        format!("{:.2}", words::confidence(finding.confidence)).into(),
        optional(&finding.excerpt),
    ]
}

/// A spreadsheet takes a cell for a formula if it starts with one of these (OWASP, CSV injection); an apostrophe
/// makes it text.
fn defused(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}
