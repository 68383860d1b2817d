//! A record as it is kept: what matching and showing need, computed once.

use crate::limits::{DETAILS_BYTES, ID_BYTES, REFERENCES};
use crate::osv::{OsvAffected, OsvEvent, OsvRecord, OsvReference};
use crate::range::{Event, Range};
use crate::severity;
use crate::version::Version;
use chrono::DateTime;
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::limits::{TITLE_BYTES, URL_CHARS};
use scanledger_domain::severity::Severity;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What an OSV record says, reduced to what is used.
#[derive(Debug)]
pub(crate) struct Record {
    pub id: String,
    /// Microseconds since 1970; `None` if the source gives no usable time.
    pub modified: Option<i64>,
    pub withdrawn: bool,
    pub text: Text,
    /// One entry per package and entry of the record; empty if withdrawn.
    pub affected: Vec<(Package, Rules)>,
    /// The ecosystems it is about, also if withdrawn.
    pub ecosystems: Vec<Ecosystem>,
}

/// What a match shows of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text {
    #[serde(rename = "summary")]
    pub summary: String,
    #[serde(rename = "details")]
    pub details: String,
    #[serde(rename = "cwe")]
    pub cwe: Option<String>,
    #[serde(rename = "references")]
    pub references: Vec<String>,
    #[serde(rename = "aliases")]
    pub aliases: Vec<String>,
}

/// When a version of a package is affected, and how badly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    #[serde(rename = "severity")]
    pub severity: Severity,
    #[serde(rename = "informational")]
    pub informational: Option<String>,
    #[serde(rename = "ranges")]
    pub ranges: Vec<Vec<Event>>,
    /// Versions affected by name that no range covers.
    #[serde(rename = "versions")]
    pub versions: Vec<String>,
}

/// Why a record is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// The record is broken.
    #[error("{0}")]
    Broken(String),
    /// It is about other ecosystems, or about git commits only.
    #[error("it names no package of a known ecosystem")]
    OtherEcosystem,
}

impl Record {
    /// Reads the bytes of one OSV record.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unusable> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let osv: OsvRecord =
            serde_json::from_slice(bytes).map_err(|error| Unusable::Broken(error.to_string()))?;
        Self::of(osv)
    }

    fn of(osv: OsvRecord) -> Result<Self, Unusable> {
        if !is_id(&osv.id) {
            return Err(Unusable::Broken("its id is empty, too long or not one word".to_owned()));
        }
        let withdrawn = osv.withdrawn.as_deref().is_some_and(|at| !at.is_empty());
        let known: Vec<_> = osv
            .affected
            .iter()
            .flatten()
            .filter_map(|affected| Some((package(affected)?, affected)))
            .collect();
        let mut ecosystems: Vec<_> = known.iter().map(|(package, _)| package.ecosystem).collect();
        ecosystems.sort_unstable();
        ecosystems.dedup();
        if ecosystems.is_empty() {
            return Err(Unusable::OtherEcosystem);
        }
        let affected = if withdrawn {
            vec![]
        } else {
            known
                .into_iter()
                .map(|(package, affected)| {
                    let rules = rules(package.ecosystem, &osv, affected);
                    (package, rules)
                })
                .collect()
        };
        let modified = osv.modified.as_deref().and_then(usable_time);
        Ok(Self { text: text(&osv), modified, withdrawn, affected, ecosystems, id: osv.id })
    }

    /// SHA-256 over what is kept: two records are the same if this is.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let kept = (&self.id, self.withdrawn, &self.text, &self.affected);
        let json = serde_json::to_vec(&kept).expect("strings, numbers and lists are always valid JSON");
        Sha256::digest(json).into()
    }
}

fn is_id(id: &str) -> bool {
    (1..=ID_BYTES).contains(&id.len()) && id.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

fn package(affected: &OsvAffected) -> Option<Package> {
    let package = affected.package.as_ref()?;
    let ecosystem = package.ecosystem.parse().ok()?;
    (!package.name.is_empty()).then(|| Package::new(ecosystem, &package.name))
}

/// The Go database gives the year 1 as `modified` of every record; nothing before 1970 is a time OSV knew.
fn usable_time(text: &str) -> Option<i64> {
    let micros = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
    (micros > 0).then_some(micros)
}

fn rules(ecosystem: Ecosystem, osv: &OsvRecord, affected: &OsvAffected) -> Rules {
    let informational = [&affected.database_specific, &osv.database_specific]
        .into_iter()
        .flatten()
        .find_map(|specific| specific.informational.clone().filter(|word| !word.is_empty()));
    let severity = if informational.is_some() { Severity::Info } else { severity_of(osv, affected) };
    let ranges: Vec<_> = affected
        .ranges
        .iter()
        .flatten()
        .filter(|range| matches!(range.kind.as_str(), "SEMVER" | "ECOSYSTEM"))
        .map(|range| range.events.iter().flatten().flat_map(events).collect::<Vec<_>>())
        .filter(|events| !events.is_empty())
        .collect();
    let evaluated: Vec<_> = ranges.iter().map(|events| Range::new(ecosystem, events)).collect();
    let is_covered = |version: &str| {
        Version::parse(ecosystem, version).is_some_and(|v| evaluated.iter().any(|range| range.contains(&v)))
    };
    let versions =
        affected.versions.iter().flatten().filter(|version| !is_covered(version)).cloned().collect();
    Rules { severity, informational, ranges, versions }
}

fn severity_of(osv: &OsvRecord, affected: &OsvAffected) -> Severity {
    let words = [&affected.database_specific, &affected.ecosystem_specific, &osv.database_specific];
    severity::of_vectors(&affected.severity)
        .or_else(|| severity::of_vectors(&osv.severity))
        .or_else(|| words.into_iter().flatten().find_map(|s| severity::of_word(s.severity.as_deref()?)))
        .unwrap_or(Severity::Unknown)
}

fn events(event: &OsvEvent) -> impl Iterator<Item = Event> {
    [
        event.introduced.clone().map(Event::Introduced),
        event.fixed.clone().map(Event::Fixed),
        event.last_affected.clone().map(Event::LastAffected),
        event.limit.clone().map(Event::Limit),
    ]
    .into_iter()
    .flatten()
}

fn text(osv: &OsvRecord) -> Text {
    let details = cut(osv.details.as_deref().unwrap_or_default(), DETAILS_BYTES);
    let summary = osv.summary.as_deref().map(one_line).filter(|line| !line.is_empty());
    let mut aliases: Vec<_> = osv.aliases.iter().filter(|alias| is_id(alias)).cloned().collect();
    aliases.sort_unstable();
    aliases.dedup();
    Text {
        summary: summary.unwrap_or_else(|| first_line(details)),
        details: details.to_owned(),
        cwe: osv
            .database_specific
            .as_ref()
            .and_then(|specific| specific.cwe_ids.iter().find(|cwe| is_cwe(cwe)).cloned()),
        references: references(&osv.id, &osv.references),
        aliases,
    }
}

fn is_cwe(text: &str) -> bool {
    text.strip_prefix("CWE-")
        .is_some_and(|n| (1..=6).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The page of the record itself, then its advisories, then the rest in its own order.
fn references(id: &str, references: &[OsvReference]) -> Vec<String> {
    let usable = |reference: &&OsvReference| {
        let url = &reference.url;
        (url.starts_with("https://") || url.starts_with("http://"))
            && url.chars().count() <= URL_CHARS
            && !url.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    let is_advisory = |reference: &&OsvReference| reference.kind.as_deref() == Some("ADVISORY");
    let advisories = references.iter().filter(is_advisory);
    let others = references.iter().filter(|reference| !is_advisory(reference));
    let mut urls = vec![own_page(id)];
    for reference in advisories.chain(others).filter(usable) {
        if urls.len() == REFERENCES {
            break;
        }
        if !urls.contains(&reference.url) {
            urls.push(reference.url.clone());
        }
    }
    urls
}

fn own_page(id: &str) -> String {
    match id.split_once('-').map_or("", |(prefix, _)| prefix) {
        "RUSTSEC" => format!("https://rustsec.org/advisories/{id}.html"),
        "GO" => format!("https://pkg.go.dev/vuln/{id}"),
        "GHSA" => format!("https://github.com/advisories/{id}"),
        _ => format!("https://osv.dev/vulnerability/{id}"),
    }
}

/// The first line of Markdown that says something, without the marks of a heading.
fn first_line(details: &str) -> String {
    details
        .lines()
        .map(|line| one_line(line.trim_start_matches('#')))
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    cut(&words.join(" "), TITLE_BYTES).to_owned()
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests;
