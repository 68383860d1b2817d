//! `scanledger scan`: the product's scanners on a folder of this machine, without a server.

mod local;
mod output;

use super::options::{ScanFormat, ScanOptions};
use super::output::{Bar, Exit, bytes, notice};
use super::screen::{Screen, harmless};
use anyhow::{Context, Result};
use local::{Place, Scanned};
use scanledger_domain::report::{ReportFormat, ReportWriter};
use scanledger_formats::Formats;

/// Warnings that are shown; further ones are counted.
const WARNINGS: usize = 20;

pub(super) async fn run(options: ScanOptions) -> Result<Exit> {
    let folder = options.data.folder();
    let keys = local::keys(&folder, &options.data.log).await?;
    let bar = Bar::new();
    let shown = bar.clone();
    let path = options.path.clone();
    let scanned = tokio::task::spawn_blocking(move || {
        let place = Place::of(&path)?;
        local::scan(&place, &folder, keys.as_ref(), &shown)
    })
    .await?;
    bar.finish();
    let scanned = scanned?;
    warn(&scanned, &options);
    let content = render(&scanned, options.format, options.output.is_some())?;
    match &options.output {
        None => bytes(&content),
        Some(path) => {
            std::fs::write(path, content).with_context(|| format!("while writing {}", path.display()))?;
            notice(&format!("{} written to {}", scanned.summary(Screen::file()), path.display()));
        }
    }
    let fails = options.threshold().is_some_and(|threshold| {
        scanned.report.findings.iter().any(|finding| finding.severity.at_gates().reaches(threshold))
    });
    Ok(if fails {
        Exit::No
    } else if missing(&scanned).is_some() {
        Exit::Partly
    } else {
        Exit::Done
    })
}

fn warn(scanned: &Scanned, options: &ScanOptions) {
    for (path, message) in scanned.warnings.iter().take(WARNINGS) {
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        notice(&format!("warning: {}", harmless(&format!("{place}{message}"))));
    }
    if let Some(more @ 1..) = scanned.warnings.len().checked_sub(WARNINGS) {
        notice(&format!("warning: {more} more warnings are not shown"));
    }
    if let Some(missing) = missing(scanned) {
        let data = options.data.data.display();
        notice(&format!(
            "warning: there are {missing} in {data}, so dependencies were listed but not matched; \
             `scanledger advisories import --data {data} FILE…` imports them"
        ));
    }
}

/// Which advisories are missing to match everything with.
fn missing(scanned: &Scanned) -> Option<String> {
    let ecosystems: Vec<&str> = scanned.unmatched.iter().map(|ecosystem| ecosystem.as_str()).collect();
    match (&ecosystems[..], scanned.generation) {
        ([], Some(_)) => None,
        ([], None) => Some("no advisories".to_owned()),
        (_, _) => Some(format!("no advisories of {}", ecosystems.join(", "))),
    }
}

fn render(scanned: &Scanned, format: ScanFormat, to_file: bool) -> Result<Vec<u8>> {
    let format = match format {
        ScanFormat::Table => {
            let screen = if to_file { Screen::file() } else { Screen::of_stdout() };
            return Ok(output::table(scanned, screen).into_bytes());
        }
        ScanFormat::Json => return output::json(scanned),
        ScanFormat::Sarif => ReportFormat::Sarif,
        ScanFormat::CycloneDx => ReportFormat::CycloneDx,
        ScanFormat::Spdx => ReportFormat::Spdx,
    };
    let mut content = Formats::new().write(format, &scanned.report).context("while writing the report")?;
    content.push(b'\n');
    Ok(content)
}
