//! Times the writing of 10,000 findings, and fails if SARIF takes longer than it may.

#![expect(clippy::print_stdout, reason = "this is what a benchmark is for")]

use domain::component::{Component, Ecosystem, Package, Scope};
use domain::finding::TriageState;
use domain::id::FindingId;
use domain::report::{Report, ReportFinding, ReportFormat, ReportWriter as _};
use domain::scanning::{Place, ScannerKind};
use domain::severity::Severity;
use domain::time::Timestamp;
use scanledger_domain as domain;
use scanledger_formats::Formats;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use uuid::Uuid;

const FINDINGS: u32 = 10_000;
const SARIF_LIMIT: Duration = Duration::from_millis(40);
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let report = report();
    let mut fast_enough = true;
    for format in [
        ReportFormat::Sarif,
        ReportFormat::CycloneDx,
        ReportFormat::Spdx,
        ReportFormat::Csv,
        ReportFormat::Html,
    ] {
        let (median, bytes) = time(format, &report);
        println!("{format:?}: {:.1} ms, {bytes} bytes", median.as_secs_f64() * 1e3);
        fast_enough &= format != ReportFormat::Sarif || median < SARIF_LIMIT;
    }
    if fast_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn time(format: ReportFormat, report: &Report) -> (Duration, usize) {
    let mut bytes = 0;
    let mut times = [Duration::ZERO; ROUNDS];
    for time in &mut times {
        let start = Instant::now();
        bytes = Formats::new().write(format, report).expect("the report does not contradict itself").len();
        *time = start.elapsed();
    }
    times.sort_unstable();
    (times[ROUNDS / 2], bytes)
}

fn report() -> Report {
    let components = (0..2_000).map(|number| Component {
        package: Package::new(Ecosystem::Npm, &format!("package-{number}")),
        version: "1.2.3".to_owned(),
        path: "package-lock.json".to_owned(),
        scope: Scope::Runtime,
        direct: Some(number % 10 == 0),
    });
    Report {
        project: "shop".to_owned(),
        scan: None,
        branch: Some("main".to_owned()),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        repository: Some("https://example.com/shop.git".to_owned()),
        created_at: Timestamp(0),
        findings: (0..FINDINGS).map(finding).collect(),
        components: components.collect(),
        dependencies: (1..2_000).map(|number| (number / 2, number)).collect(),
        gaps: vec![],
    }
}

fn finding(number: u32) -> ReportFinding {
    let about_package = number.is_multiple_of(4);
    ReportFinding {
        id: FindingId(Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes())),
        fingerprint: format!("{number:032x}"),
        scanner: if about_package { ScannerKind::Sca } else { ScannerKind::Sast },
        rule: format!("rule-{}", number % 500),
        title: format!("Something is wrong with the way number {number} is computed"),
        description: "A paragraph that explains what goes wrong, \"why\" it matters and what to do. "
            .repeat(3),
        severity: Severity::ALL[number as usize % 6],
        state: TriageState::ALL[number as usize % 7],
        note: None,
        cwe: Some("CWE-79".to_owned()),
        cve: None,
        confidence: 0.75,
        places: vec![Place {
            path: format!("src/module {}/file_{number}.ts", number % 50),
            line: Some(number + 1),
            end_line: None,
            version: about_package.then(|| "1.2.3".to_owned()),
        }],
        package: about_package.then(|| format!("pkg:npm/package-{}", number % 2_000)),
        fixed_version: about_package.then(|| "1.2.4".to_owned()),
        excerpt: Some("const result = compute(\"input\");\n\treturn result;\n".repeat(3)),
        references: vec!["https://example.com/rules/1".to_owned()],
        is_new: number.is_multiple_of(3),
    }
}
