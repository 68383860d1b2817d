//! Severity of a record: from CVSS vectors, else from the database's own word.

use crate::osv::OsvSeverity;
use cvss::Cvss;
use scanledger_domain::severity::Severity;

/// CVSS v2 has no "critical": NVD calls everything from 7.0 high.
const V2_HIGH: f64 = 7.0;

/// The severity that the vectors of one level (a package, or the record) give: v4 before v3 before v2.
/// `None` if none can be read.
pub(crate) fn of_vectors(vectors: &[OsvSeverity]) -> Option<Severity> {
    vectors
        .iter()
        .filter_map(|vector| of_vector(&vector.score))
        .max_by_key(|(version, _)| *version)
        .map(|(_, s)| s)
}

/// The CVSS major version of a vector, and what it gives. The declared type is not looked at, because the
/// vector itself says what it is.
fn of_vector(vector: &str) -> Option<(u8, Severity)> {
    let vector: Cvss = vector.trim().trim_start_matches('(').trim_end_matches(')').parse().ok()?;
    let score = vector.score();
    let version = match vector {
        Cvss::CvssV20(_) => 2,
        Cvss::CvssV30(_) | Cvss::CvssV31(_) => 3,
        _ => 4,
    };
    let severity =
        if version == 2 && score >= V2_HIGH { Severity::High } else { Severity::from_cvss_score(score) };
    Some((version, severity))
}

/// The severity behind a database's word; `None` if the word means nothing.
pub(crate) fn of_word(word: &str) -> Option<Severity> {
    let word = word.trim().to_ascii_lowercase();
    match word.as_str() {
        "critical" => Some(Severity::Critical),
        "high" | "important" => Some(Severity::High),
        "medium" | "moderate" => Some(Severity::Medium),
        "low" | "minor" => Some(Severity::Low),
        "info" | "informational" | "none" => Some(Severity::Info),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{of_vectors, of_word};
    use crate::osv::OsvSeverity;
    use scanledger_domain::severity::Severity;

    fn severity(vectors: &[&str]) -> Option<Severity> {
        let vectors: Vec<_> = vectors.iter().map(|v| OsvSeverity { score: (*v).to_owned() }).collect();
        of_vectors(&vectors)
    }

    #[test]
    fn a_vector_gives_the_band_of_its_base_score() {
        // Scores: FIRST's calculators, and NVD's entries of the CVEs named.
        let cases = [
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Severity::High),     // v2 10.0
            ("(AV:N/AC:M/Au:N/C:P/I:P/A:P)", Severity::Medium), // v2 6.8
            ("AV:L/AC:H/Au:N/C:N/I:N/A:P", Severity::Low),      // v2 1.2
            ("AV:N/AC:L/Au:N/C:N/I:N/A:N", Severity::Info),     // v2 0.0
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", Severity::High),     // v2 7.5
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N", Severity::Medium), // 6.5
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Severity::Critical), // 10.0, CVE-2021-44228
            ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H", Severity::High), // 7.2, CVE-2021-23337
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:L", Severity::Low), // 3.3
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Severity::Info), // 0.0
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Severity::Critical), // 9.3
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N", Severity::Medium), // 6.9
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Severity::Info), // 0.0
        ];
        for (vector, expected) in cases {
            assert_eq!(severity(&[vector]), Some(expected), "{vector}");
        }
    }

    #[test]
    fn the_newest_readable_vector_decides() {
        let v2 = "AV:N/AC:L/Au:N/C:C/I:C/A:C";
        let v3 = "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:L";
        let v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N";
        assert_eq!(severity(&[v2, v4, v3]), Some(Severity::Medium));
        assert_eq!(severity(&[v3, v2]), Some(Severity::Low));
        assert_eq!(severity(&["CVSS:4.0/AV:Q", v2]), Some(Severity::High));
        assert_eq!(severity(&["7.5", ""]), None);
    }

    #[test]
    fn a_databases_word_is_understood_in_any_case() {
        assert_eq!(of_word("MODERATE"), Some(Severity::Medium));
        assert_eq!(of_word("Critical"), Some(Severity::Critical));
        assert_eq!(of_word("HIGH"), Some(Severity::High));
        assert_eq!(of_word("low"), Some(Severity::Low));
        assert_eq!(of_word("UNKNOWN"), None);
    }
}
