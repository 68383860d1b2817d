//! What a search looks at.

use scanledger_domain::branch::Detected;
use std::fmt::Write;

/// Title, rule, advisories, package and the path of first sight.
pub(super) struct Words<'a> {
    pub(super) title: &'a str,
    pub(super) rule: &'a str,
    pub(super) path: &'a str,
    pub(super) advisories: &'a [String],
    pub(super) package: Option<&'a str>,
    pub(super) cve: Option<&'a str>,
    pub(super) cwe: Option<&'a str>,
}

impl<'a> Words<'a> {
    /// Those of a finding that comes for the first time.
    pub(super) fn of(detected: &'a Detected) -> Self {
        Self {
            title: &detected.title,
            rule: &detected.rule,
            path: detected.occurrence.places.first().map_or("", |place| place.path.as_str()),
            advisories: &detected.advisories,
            package: detected.package.as_ref().map(|package| package.name.as_str()),
            cve: detected.cve.as_deref(),
            cwe: detected.cwe.as_deref(),
        }
    }

    /// Adds them to a text.
    pub(super) fn write(&self, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{} {} {}", self.title, self.rule, self.path);
        let ids = self.advisories.iter().map(String::as_str).filter(|id| *id != self.rule);
        for word in ids.chain(self.package).chain(self.cve).chain(self.cwe) {
            let _ = write!(text, " {word}");
        }
    }
}
