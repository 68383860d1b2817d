//! What people read of a check at the code host (dpendx reference §5): Markdown, in which nothing that a repository or
//! an advisory says can become markup.

use super::Outcome;
use super::begin::ecosystems;
use crate::ports::{Annotation, AnnotationLevel, CheckOutput};
use scanledger_domain::check::{CheckFinding, Review, Upgrade, upgrades};
use scanledger_domain::code_host::CheckConclusion;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::limits::REPORT_LINES;
use scanledger_domain::severity::Severity;
use std::fmt::Write as _;
use std::num::NonZeroU32;

/// Severities as they are counted in summaries, worst first.
const SEVERITIES: [(Severity, &str); 5] = [
    (Severity::Critical, "critical"),
    (Severity::High, "high"),
    (Severity::Medium, "medium"),
    (Severity::Low, "low"),
    (Severity::Unknown, "unknown"),
];

/// While it is at work.
pub(super) fn scanning() -> CheckOutput {
    output("Scanning dependencies", "The dependencies of this commit are being looked at.".to_owned())
}

/// When there is no result.
pub(super) fn incomplete(why: &str) -> CheckOutput {
    let why = plain(why);
    output("Scan incomplete", format!("The dependencies of this commit could not be looked at: {why}."))
}

fn output(title: &str, summary: String) -> CheckOutput {
    CheckOutput { title: title.to_owned(), summary, text: None, annotations: vec![] }
}

/// What came out.
pub(super) fn report(outcome: &Outcome) -> CheckOutput {
    let Review { conclusion, findings, dependencies, .. } = &outcome.review;
    let title = match (findings.len(), conclusion) {
        (0, CheckConclusion::Success) => "No known vulnerabilities".to_owned(),
        (0, _) if *dependencies == 0 => "No dependencies detected".to_owned(),
        (0, _) => "Scan incomplete".to_owned(),
        (1, _) => format!("1 vulnerability, {} imported", outcome.review.imported()),
        (count, _) => format!("{count} vulnerabilities, {} imported", outcome.review.imported()),
    };
    CheckOutput {
        title,
        summary: summary(&outcome.review),
        text: Some(text(outcome)),
        annotations: findings.iter().filter_map(annotation).collect(),
    }
}

fn summary(review: &Review) -> String {
    let scanned = match review.dependencies {
        0 => format!("No files that name dependencies of {} were found.", ecosystems()),
        count => format!("{count} dependencies were looked at: {}.", names(&review.ecosystems)),
    };
    if review.findings.is_empty() {
        return scanned;
    }
    let counts = SEVERITIES.into_iter().filter_map(|(severity, word)| {
        let count = review.findings.iter().filter(|finding| finding.severity == severity).count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    let counts: Vec<String> = counts.collect();
    let (total, imported) = (review.findings.len(), review.imported());
    format!("{scanned}\n\n**{total} vulnerable** ({}), of which **{imported} imported**.", counts.join(", "))
}

fn names(ecosystems: &[Ecosystem]) -> String {
    ecosystems.iter().map(|ecosystem| ecosystem.as_str()).collect::<Vec<_>>().join(", ")
}

fn text(outcome: &Outcome) -> String {
    let Review { findings, dependencies, ecosystems, warnings, .. } = &outcome.review;
    let mut text = String::new();
    if !findings.is_empty() {
        text.push_str("### Vulnerabilities\n\n");
        text.push_str("| Package | Version | Ecosystem | CVE | Severity | Imported | Fixed Version |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for finding in findings.iter().take(REPORT_LINES) {
            text.push_str(&line(finding));
        }
        if let Some(more) = findings.len().checked_sub(REPORT_LINES).filter(|more| *more > 0) {
            write!(text, "\n…and {more} more.\n").expect("text takes everything");
        }
        text.push_str(&actions(findings));
        if findings.iter().any(|finding| !finding.is_imported()) {
            text.push_str(
                "\nNo file imports the packages that are marked with “No”, as far as can be told without running \
                 anything: they may still be used through other packages.\n",
            );
        }
    }
    text.push_str("\n### Scan details\n\n");
    let of = if ecosystems.is_empty() { "–".to_owned() } else { names(ecosystems) };
    write!(
        text,
        "- Dependencies scanned: {dependencies}\n- Ecosystems: {of}\n- Duration: {} ms\n",
        outcome.duration_ms
    )
    .expect("text takes everything");
    if !warnings.is_empty() {
        text.push_str("\n### Warnings\n\n");
        for warning in warnings {
            writeln!(text, "- {}", one_line(warning)).expect("text takes everything");
        }
    }
    text
}

fn line(finding: &CheckFinding) -> String {
    let CheckFinding { package, advisory, severity, fixed_version, .. } = finding;
    let imported = if finding.is_imported() { "**Yes**" } else { "No" };
    let fixed = fixed_version.as_deref().map_or_else(|| "–".to_owned(), plain);
    format!(
        "| {} | {} | {} | [{}](https://osv.dev/vulnerability/{}) | {} | {imported} | {fixed} |\n",
        plain(&package.name),
        plain(&finding.written_version()),
        package.ecosystem,
        plain(finding.known_as()),
        in_url(advisory),
        severity.as_str().to_ascii_uppercase(),
    )
}

/// What mends it, one command for each package.
fn actions(findings: &[CheckFinding]) -> String {
    let upgrades = upgrades(findings);
    if upgrades.is_empty() {
        return String::new();
    }
    let mut text = "\n### Recommended actions\n\n".to_owned();
    for upgrade in upgrades.iter().take(REPORT_LINES) {
        let Upgrade { package, path, to, .. } = upgrade;
        let name = code(&package.name);
        let to = code(to);
        let command = match package.ecosystem {
            Ecosystem::Npm => format!("npm install {name}@{to}"),
            Ecosystem::Go => format!("go get {name}@v{}", to.trim_start_matches('v')),
            Ecosystem::PyPi => format!("pip install \"{name}>={to}\""),
            Ecosystem::CratesIo => format!("cargo update -p {name} --precise {to}"),
        };
        writeln!(text, "- `{command}` in `{}`", code(path)).expect("text takes everything");
    }
    text
}

/// What is shown at the line that names the package.
fn annotation(finding: &CheckFinding) -> Option<Annotation> {
    let line = NonZeroU32::new(finding.line.unwrap_or(1))?;
    let (level, imported) = match finding.imported {
        Some(true) => (AnnotationLevel::Failure, "It is imported."),
        Some(false) => (AnnotationLevel::Warning, "No file imports it."),
        None => (AnnotationLevel::Warning, "Whether a file imports it is not known."),
    };
    let fix = finding.fixed_version.as_ref().map(|fix| format!(" Version {fix} mends it."));
    Some(Annotation {
        file: finding.paths.first()?.parse().ok()?,
        start_line: line,
        end_line: line,
        level,
        title: one_line(&format!(
            "{} in {} {}",
            finding.known_as(),
            finding.package.name,
            finding.written_version()
        )),
        message: one_line(&format!("{imported}{}", fix.unwrap_or_default())),
    })
}

/// The title, the body and the commit message of a pull request that mends.
pub(super) fn pull_request(upgrades: &[&Upgrade]) -> (String, String, String) {
    let title = match upgrades {
        [only] => format!("fix(deps): update {} to {}", only.package.name, only.to),
        _ => format!("fix(deps): update {} vulnerable dependencies", upgrades.len()),
    };
    let mut body = "| Package | From | To | CVE | Severity |\n|---|---|---|---|---|\n".to_owned();
    let mut message = format!("{}\n\n", one_line(&title));
    for upgrade in upgrades {
        let Upgrade { package, from, to, advisory, severity, .. } = upgrade;
        let severity = severity.as_str().to_ascii_uppercase();
        writeln!(
            body,
            "| {} | {} | {} | {} | {severity} |",
            plain(&package.name),
            plain(from),
            plain(to),
            plain(advisory)
        )
        .expect("text takes everything");
        writeln!(message, "{}", one_line(&format!("{}: {from} → {to} ({advisory})", package.name)))
            .expect("text takes everything");
    }
    body.push_str(
        "\nLock files are not touched: update them before merging.\n\n---\nGenerated by Scanledger.\n",
    );
    (one_line(&title), body, message)
}

/// Text in which no character means anything in Markdown or HTML.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => plain.push(' '),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            // A name must not call somebody.
            '@' => plain.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '#' | '!' | '~' => {
                plain.push('\\');
                plain.push(c);
            }
            c => plain.push(c),
        }
    }
    plain
}

/// Text between backticks.
fn code(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '`').collect()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An id as a segment of a path.
fn in_url(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

#[cfg(test)]
mod tests {
    use super::{plain, pull_request, report};
    use crate::hosted::Outcome;
    use scanledger_domain::check::{CheckFinding, Review, Upgrade};
    use scanledger_domain::code_host::CheckConclusion;
    use scanledger_domain::component::{Ecosystem, Package};
    use scanledger_domain::limits::REPORT_LINES;
    use scanledger_domain::severity::Severity;

    fn finding(name: &str) -> CheckFinding {
        CheckFinding {
            package: Package::new(Ecosystem::Npm, name),
            version: "1.0.0".to_owned(),
            advisory: "GHSA-1".to_owned(),
            cve: Some("CVE-2020-1".to_owned()),
            severity: Severity::High,
            imported: Some(true),
            direct: Some(true),
            fixed_version: Some("2.0.0".to_owned()),
            paths: vec!["package-lock.json".to_owned()],
            line: Some(3),
        }
    }

    fn outcome(conclusion: CheckConclusion, findings: Vec<CheckFinding>) -> Outcome {
        let review = Review {
            conclusion,
            findings,
            dependencies: 2,
            ecosystems: vec![Ecosystem::Npm],
            warnings: vec!["a warning".to_owned()],
        };
        Outcome { review, duration_ms: 12 }
    }

    #[test]
    fn a_report_lists_what_was_found() {
        let report = report(&outcome(CheckConclusion::Failure, vec![finding("lodash")]));
        assert_eq!(report.title, "1 vulnerability, 1 imported");
        assert!(report.summary.contains("1 high"));
        let text = report.text.unwrap();
        let row = "| lodash | 1.0.0 | npm | [CVE-2020-1](https://osv.dev/vulnerability/GHSA-1) | HIGH | **Yes** | 2.0.0 |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("`npm install lodash@2.0.0`") && text.contains("- a warning"), "{text}");
        assert_eq!((report.annotations.len(), report.annotations[0].start_line.get()), (1, 3));
    }

    #[test]
    fn an_annotation_says_no_more_than_is_known() {
        for (imported, said) in [
            (Some(true), "It is imported. Version 2.0.0 mends it."),
            (Some(false), "No file imports it. Version 2.0.0 mends it."),
            (None, "Whether a file imports it is not known. Version 2.0.0 mends it."),
        ] {
            let finding = CheckFinding { imported, ..finding("lodash") };
            let report = report(&outcome(CheckConclusion::Neutral, vec![finding]));
            assert_eq!(report.annotations[0].message, said);
        }
    }

    #[test]
    fn a_long_report_says_how_much_more_there_is() {
        let text = |count| {
            let findings = (0..count).map(|n| finding(&format!("p{n}"))).collect();
            report(&outcome(CheckConclusion::Failure, findings)).text.unwrap()
        };
        assert!(!text(REPORT_LINES).contains("more."));
        assert!(text(REPORT_LINES + 1).contains("…and 1 more."));
    }

    #[test]
    fn names_cannot_become_markup() {
        let text = report(&outcome(CheckConclusion::Failure, vec![finding("a|b](https://x)\n<img>@ana`")]));
        let text = text.text.unwrap();
        let (table, rest) = text.split_once("### Recommended actions").unwrap();
        assert!(!table.contains("<img>") && !table.contains("](https://x)"), "{table}");
        assert!(!table.contains("@ana") && table.contains("a\\|b"), "{table}");
        // A command is code, which only a backtick could end.
        let command = rest.lines().find(|line| line.contains("npm install")).unwrap();
        assert_eq!(command.matches('`').count(), 4, "{command}");
        assert_eq!(plain("a\nb"), "a b");
    }

    #[test]
    fn a_pull_request_says_what_it_mends() {
        let upgrade = Upgrade {
            package: Package::new(Ecosystem::Npm, "lodash"),
            path: "package.json".to_owned(),
            from: "1.0.0".to_owned(),
            to: "2.0.0".to_owned(),
            advisory: "CVE-2020-1".to_owned(),
            severity: Severity::High,
        };
        let (title, body, message) = pull_request(&[&upgrade]);
        assert_eq!(title, "fix(deps): update lodash to 2.0.0");
        assert!(body.contains("| lodash | 1.0.0 | 2.0.0 | CVE-2020-1 | HIGH |"), "{body}");
        assert!(message.contains("lodash: 1.0.0 → 2.0.0 (CVE-2020-1)"), "{message}");
        let (title, ..) = pull_request(&[&upgrade, &upgrade]);
        assert_eq!(title, "fix(deps): update 2 vulnerable dependencies");
    }
}
