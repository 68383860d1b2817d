//! Versions of Go modules, and of Go itself (the packages `stdlib` and `toolchain`).

use super::semantic;
use semver::Version;

/// Reads a module version (`v1.2.3`, `v2.0.0+incompatible`, pseudo-versions) or a release of Go
/// (`go1.20.3`, `go1.21rc2`, `1.21rc2`).
///
/// As in the Go vulnerability database, `1.21rc2` is `1.21.0-rc.2` and `1.21` is `1.21.0`.
pub(super) fn parse(text: &str) -> Option<Version> {
    let text = text.trim();
    match text.strip_prefix("go") {
        Some(named) => release(without_suffix(named)).or_else(|| semantic::parse(without_suffix(named))),
        None => release(text).or_else(|| semantic::parse(text)),
    }
}

/// A toolchain may be named `go1.21.3-suffix`; Go compares it as `1.21.3`
/// (<https://go.dev/doc/toolchain#version>). A pre-release as the database writes it stays.
fn without_suffix(named: &str) -> &str {
    let Some(end) = named.find(['-', '+', ' ']) else { return named };
    let suffix = &named[end + 1..];
    let is_prerelease = ["rc", "beta", "0"].iter().any(|word| suffix.starts_with(word));
    if named.as_bytes()[end] == b'-' && is_prerelease { named } else { &named[..end] }
}

/// A pre-release of Go in Go's own spelling: `1.21rc2`.
fn release(text: &str) -> Option<Version> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (core, rest) = text.split_at(end);
    let (word, count) = rest.split_at(rest.find(|c: char| c.is_ascii_digit())?);
    if !matches!(word, "rc" | "beta" | "alpha") || !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    semantic::parse(&format!("{core}-{word}.{count}"))
}
