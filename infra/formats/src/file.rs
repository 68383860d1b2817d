//! What a report is called when it is sent or saved.

use domain::report::ReportFormat;
use domain::time::Timestamp;
use scanledger_domain as domain;

/// Characters of a project's name in a file name.
const NAME_CHARS: usize = 100;

/// The media type, as sent in `Content-Type` (Pepper reference §4; RFC 4180 §3).
pub const fn content_type(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Sarif => "application/sarif+json",
        ReportFormat::CycloneDx => "application/vnd.cyclonedx+json",
        ReportFormat::Spdx => "application/spdx+json",
        ReportFormat::Csv => "text/csv; charset=utf-8",
        ReportFormat::Html => "text/html; charset=utf-8",
    }
}

/// The file name of a scan's artifact (Pepper reference §4).
pub const fn file_name(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Sarif => "findings.sarif",
        ReportFormat::CycloneDx => "sbom.cyclonedx.json",
        ReportFormat::Spdx => "sbom.spdx.json",
        ReportFormat::Csv => "findings.csv",
        ReportFormat::Html => "findings.html",
    }
}

/// The file name of an export: `<project>-findings-<YYYY-MM-DD>.csv`, SBOMs with `sbom` (Pepper reference §5).
///
/// What has no place in a header or on a disk becomes `-`, and at most 100 characters of `project` are kept.
pub fn dated_file_name(format: ReportFormat, project: &str, at: Timestamp) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = project.chars().map(plain).take(NAME_CHARS).collect();
    // A leading dot would hide the file, and a leading hyphen would make it an option.
    let name = match name.trim_start_matches(['.', '-']) {
        "" => "project",
        name => name,
    };
    let (content, extension) = file_name(format).split_once('.').unwrap_or((file_name(format), ""));
    format!("{name}-{content}-{}.{extension}", at.to_utc().format("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::{content_type, dated_file_name, file_name};
    use domain::report::ReportFormat::{Csv, CycloneDx, Html, Sarif, Spdx};
    use domain::time::Timestamp;
    use scanledger_domain as domain;

    #[test]
    fn artifacts_have_the_names_and_types_that_clients_know() {
        let all = [Sarif, CycloneDx, Spdx, Csv, Html].map(|format| (file_name(format), content_type(format)));
        assert_eq!(
            all,
            [
                ("findings.sarif", "application/sarif+json"),
                ("sbom.cyclonedx.json", "application/vnd.cyclonedx+json"),
                ("sbom.spdx.json", "application/spdx+json"),
                ("findings.csv", "text/csv; charset=utf-8"),
                ("findings.html", "text/html; charset=utf-8"),
            ]
        );
    }

    #[test]
    fn an_export_is_named_after_project_and_day() {
        let at = Timestamp::parse_rfc3339("2026-11-21T23:59:59Z").unwrap();
        let cases = [
            (Csv, "shop", "shop-findings-2026-11-21.csv"),
            (CycloneDx, "shop", "shop-sbom-2026-11-21.cyclonedx.json"),
            (Html, "../etc/\"pässwd\"\r\n", "etc--p-sswd----findings-2026-11-21.html"),
            (Sarif, "", "project-findings-2026-11-21.sarif"),
            (Csv, "..", "project-findings-2026-11-21.csv"),
        ];
        for (format, project, name) in cases {
            assert_eq!(dated_file_name(format, project, at), name);
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let name = |length| dated_file_name(Csv, &"x".repeat(length), Timestamp(0));
        assert_eq!(name(100), name(101));
        assert_ne!(name(99), name(100));
    }
}
