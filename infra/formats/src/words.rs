//! What severities, scanners and weaknesses are called in files that people and Pepper's clients read.

use domain::scanning::ScannerKind;
use domain::severity::Severity;
use scanledger_domain as domain;

/// Pepper's word for a severity; it has none for an unknown one and shows it as medium (Pepper reference §2).
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::High => "HIGH",
        Severity::Medium | Severity::Unknown => "MEDIUM",
        Severity::Low => "LOW",
        Severity::Info => "INFO",
    }
}

/// Pepper's word for a scanner (Pepper reference §2).
pub(crate) const fn scanner(scanner: ScannerKind) -> &'static str {
    match scanner {
        ScannerKind::Sca => "SCA",
        ScannerKind::Secrets => "SECRETS_PATTERN",
        ScannerKind::Sast => "SAST_PATTERN",
        ScannerKind::Iac => "IAC",
        ScannerKind::Malicious => "MALICIOUS_PKG",
        ScannerKind::ZeroDay => "ZERO_DAY",
        ScannerKind::Container => "CONTAINER",
        ScannerKind::Dast => "DAST",
    }
}

/// The number in `CWE-79`.
pub(crate) fn cwe_number(cwe: &str) -> Option<u32> {
    let (prefix, number) = cwe.split_at_checked(4)?;
    let number = number.parse().ok().filter(|&number| number > 0)?;
    prefix.eq_ignore_ascii_case("CWE-").then_some(number)
}

/// A confidence between 0 and 1, also where a scanner gave something else.
pub(crate) const fn confidence(confidence: f32) -> f32 {
    if confidence.is_nan() { 0.0 } else { confidence.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::{confidence, cwe_number};

    #[test]
    fn a_weakness_is_a_number_behind_its_prefix() {
        let cases = [
            ("CWE-79", Some(79)),
            ("cwe-0089", Some(89)),
            ("CWE-", None),
            ("CWE-0", None),
            ("79", None),
            ("ÄÄÄ79", None),
        ];
        for (text, number) in cases {
            assert_eq!(cwe_number(text), number, "{text}");
        }
    }

    #[test]
    fn a_confidence_is_between_0_and_1() {
        assert_eq!([f32::NAN, -1.0, 0.5, 2.0].map(confidence), [0.0, 0.0, 0.5, 1.0]);
    }
}
