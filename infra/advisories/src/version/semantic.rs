//! Semantic Versioning 2.0.0 (<https://semver.org>), read as loosely as npm reads it.

use semver::{BuildMetadata, Prerelease, Version};

/// Reads a version, accepting what node-semver accepts in its loose mode: spaces and `=` or `v` in front,
/// leading zeros, a pre-release without its hyphen. A missing minor or patch number is 0. Build metadata is
/// dropped, so that the order of the result is the order of precedence.
pub(super) fn parse(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches('=').trim_start();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text).trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (core, rest) = text.split_at(end);

    let mut numbers = core.split('.');
    let major = number(numbers.next()?)?;
    let minor = numbers.next().map_or(Some(0), number)?;
    let patch = numbers.next().map_or(Some(0), number)?;
    if numbers.next().is_some() {
        return None;
    }
    let pre = prerelease(rest.split('+').next()?)?;
    Some(Version { major, minor, patch, pre, build: BuildMetadata::EMPTY })
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

fn prerelease(text: &str) -> Option<Prerelease> {
    if text.is_empty() {
        return Some(Prerelease::EMPTY);
    }
    let identifiers: Vec<_> =
        text.strip_prefix('-').unwrap_or(text).split('.').map(without_leading_zeros).collect();
    // An empty text is the empty pre-release, but `1.0.0-` is no version.
    if identifiers.iter().any(|identifier| identifier.is_empty()) {
        return None;
    }
    Prerelease::new(&identifiers.join(".")).ok()
}

fn without_leading_zeros(identifier: &str) -> &str {
    if identifier.bytes().all(|b| b.is_ascii_digit()) && identifier.len() > 1 {
        let trimmed = identifier.trim_start_matches('0');
        if trimmed.is_empty() { "0" } else { trimmed }
    } else {
        identifier
    }
}
