//! Which of two versions is the later one, as far as choosing an upgrade needs it.
//!
//! Semantic versions and those of PEP 440 are compared by their numbers; what comes before a release is earlier than
//! it, and post-releases are later. Whether a version is affected is never decided here: advisories say that.

use std::cmp::Ordering;

/// A part of a version behind its numbers: `rc1` is `Word("rc")`, `Number(1)`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Word(&'a str),
}

/// Whether `version` is a version with at least one number, and no range.
pub(super) fn is_plain(version: &str) -> bool {
    let version = bare(version);
    version.starts_with(|c: char| c.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_' | '!'))
}

/// Which of two versions is the later one.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let ((a, a_rest), (b, b_rest)) = (split(a), split(b));
    let length = a.len().max(b.len());
    let number = |numbers: &[u64], at: usize| numbers.get(at).copied().unwrap_or(0);
    let by_number = (0..length).map(|at| number(&a, at).cmp(&number(&b, at)));
    by_number
        .fold(Ordering::Equal, Ordering::then)
        .then_with(|| stage(a_rest).cmp(&stage(b_rest)))
        .then_with(|| parts(a_rest).cmp(&parts(b_rest)))
}

/// Without the `v` of Go and what is only about the build.
fn bare(version: &str) -> &str {
    let version = version.trim();
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    version.split('+').next().unwrap_or_default()
}

/// The numbers that a version begins with, and what is behind them.
fn split(version: &str) -> (Vec<u64>, &str) {
    let mut rest = bare(version);
    let mut numbers = Vec::new();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Ok(number) = rest[..end].parse() else { return (numbers, rest) };
        numbers.push(number);
        let behind = &rest[end..];
        match behind.strip_prefix('.') {
            Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
            _ => return (numbers, behind),
        }
    }
}

/// Before a release, the release itself, or after it.
fn stage(rest: &str) -> u8 {
    let word = rest.trim_start_matches(['.', '-', '_']);
    match word {
        "" => 1,
        _ if word.starts_with("post") => 2,
        _ => 0,
    }
}

fn parts(rest: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for segment in rest.split(['.', '-', '_']).filter(|segment| !segment.is_empty()) {
        let digits = segment.find(|c: char| c.is_ascii_digit()).unwrap_or(segment.len());
        let (word, number) = segment.split_at(digits);
        if !word.is_empty() {
            parts.push(Part::Word(word));
        }
        match number.parse() {
            Ok(number) => parts.push(Part::Number(number)),
            Err(_) if number.is_empty() => (),
            Err(_) => parts.push(Part::Word(number)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{compare, is_plain};
    use std::cmp::Ordering;

    #[test]
    fn later_versions_are_later() {
        let ascending = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc1",
            "1.0.0",
            "1.0.0.post1",
            "1.0.1",
            "1.2",
            "1.10",
            "v2.0.0",
            "10.0",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn what_says_nothing_about_order_does_not_count() {
        for (a, b) in [("1.0", "1.0.0"), ("v1.2.3", "1.2.3"), ("1.2.3+build", "1.2.3"), ("1.0rc1", "1.0-rc1")]
        {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn a_range_is_no_version() {
        for good in ["1", "1.2.3", "v1.2.3", "1.0rc1", "0.0.0-20200101-abcdef"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "^1.2.3", ">=1", "1 || 2", "latest", "*", "1.x || 2", "https://x"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
