//! Prepares the comparison with cargo audit, RustSec's own tool (see `tests/compare-cargo-audit.sh`).
//!
//! ```text
//! cargo_audit database OSV.zip FOLDER            OSV records as a RustSec database for `cargo audit --db`
//! cargo_audit extract OSV.zip OUT.zip LOCK...    only the records about packages of these lockfiles
//! cargo_audit list REPORT.json                   what `cargo audit --json` found, as the test expects it
//! ```

use anyhow::{Context, Result, bail};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["database", osv, folder] => database(Path::new(osv), Path::new(folder)),
        ["extract", osv, out, locks @ ..] if !locks.is_empty() => {
            extract(Path::new(osv), Path::new(out), locks)
        }
        ["list", report] => list(Path::new(report)),
        _ => bail!(
            "usage: cargo_audit database OSV.zip FOLDER | extract OSV.zip OUT.zip LOCK... | list REPORT.json"
        ),
    }
}

/// The records of an OSV zip: name, bytes, and what they say.
fn records(osv: &Path) -> Result<Vec<(String, Vec<u8>, Osv)>> {
    let mut zip = ZipArchive::new(File::open(osv).with_context(|| osv.display().to_string())?)?;
    let mut records = vec![];
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let name = entry.name()?.into_owned();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes)?;
        let osv = serde_json::from_slice(&bytes).with_context(|| name.clone())?;
        records.push((name, bytes, osv));
    }
    records.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    Ok(records)
}

/// What is read of an OSV record as RustSec exports it.
#[derive(Deserialize)]
struct Osv {
    id: String,
    published: String,
    withdrawn: Option<String>,
    aliases: Vec<String>,
    related: Vec<String>,
    summary: String,
    details: String,
    affected: Vec<OsvAffected>,
    references: Vec<OsvReference>,
    database_specific: Value,
}

#[derive(Deserialize)]
struct OsvAffected {
    package: OsvPackage,
    database_specific: Value,
    ranges: Vec<OsvRange>,
}

#[derive(Deserialize)]
struct OsvPackage {
    name: String,
}

#[derive(Deserialize)]
struct OsvRange {
    events: Vec<OsvEvent>,
}

#[derive(Deserialize)]
enum OsvEvent {
    #[serde(rename = "introduced")]
    Introduced(String),
    #[serde(rename = "fixed")]
    Fixed(String),
}

#[derive(Deserialize)]
struct OsvReference {
    url: String,
}

/// The front matter of a RustSec advisory.
#[derive(Serialize)]
struct FrontMatter {
    advisory: Metadata,
    versions: Versions,
}

#[derive(Serialize)]
struct Metadata {
    id: String,
    package: String,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<String>,
    references: Vec<String>,
    categories: Value,
    aliases: Vec<String>,
    related: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    informational: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Versions {
    patched: Vec<String>,
    unaffected: Vec<String>,
}

fn database(osv: &Path, folder: &Path) -> Result<()> {
    for (_, _, record) in records(osv)? {
        for affected in &record.affected {
            let folder = folder.join("crates").join(&affected.package.name);
            fs::create_dir_all(&folder)?;
            let front_matter = toml::to_string(&front_matter(&record, affected)?)?;
            let (title, body) = (&record.summary, &record.details);
            let text = format!("```toml\n{front_matter}```\n\n# {title}\n\n{body}\n");
            fs::write(folder.join(format!("{}.md", record.id)), text)?;
        }
    }
    Ok(())
}

fn front_matter(record: &Osv, affected: &OsvAffected) -> Result<FrontMatter> {
    let word = |value: &Value, name: &str| value[name].as_str().map(ToOwned::to_owned);
    let day = |time: &str| time.get(..10).map(ToOwned::to_owned);
    let advisory = Metadata {
        id: record.id.clone(),
        package: affected.package.name.clone(),
        date: day(&record.published).context("no date")?,
        withdrawn: record.withdrawn.as_deref().and_then(day),
        references: record.references.iter().map(|reference| reference.url.clone()).collect(),
        categories: affected.database_specific["categories"].clone(),
        aliases: record.aliases.clone(),
        related: record.related.clone(),
        cvss: word(&affected.database_specific, "cvss"),
        informational: word(&affected.database_specific, "informational"),
        license: word(&record.database_specific, "license"),
    };
    Ok(FrontMatter { advisory, versions: versions(&affected.ranges).with_context(|| record.id.clone())? })
}

/// What RustSec lists is what OSV does not: the versions before, between and after the windows.
fn versions(ranges: &[OsvRange]) -> Result<Versions> {
    let mut windows: Vec<(Version, Option<Version>)> = vec![];
    for range in ranges {
        let mut introduced = None;
        for event in &range.events {
            match event {
                OsvEvent::Introduced(version) if version == "0" => {
                    introduced = Some(Version::parse("0.0.0-0")?)
                }
                OsvEvent::Introduced(version) => introduced = Some(Version::parse(version)?),
                OsvEvent::Fixed(version) => {
                    let from = introduced.take().context("fixed before introduced")?;
                    windows.push((from, Some(Version::parse(version)?)));
                }
            }
        }
        windows.extend(introduced.map(|from| (from, None)));
    }
    windows.retain(|(from, to)| to.as_ref() != Some(from));
    windows.sort();

    let mut versions = Versions::default();
    // Where the versions that are not affected begin; `None` once all are affected.
    let mut free_from = Some(Version::parse("0.0.0-0")?);
    for (from, to) in windows {
        let Some(free) = free_from else { bail!("a window after an open one") };
        if free < from {
            match (versions.patched.is_empty(), free.to_string().as_str()) {
                (true, "0.0.0-0") => versions.unaffected.push(format!("< {from}")),
                _ => versions.patched.push(format!(">= {free}, < {from}")),
            }
        }
        free_from = to;
    }
    if let Some(free) = free_from {
        versions.patched.push(format!(">= {free}"));
    }
    Ok(versions)
}

fn extract(osv: &Path, out: &Path, locks: &[&str]) -> Result<()> {
    let mut packages = HashSet::new();
    for lock in locks {
        let lock = cargo_lock::Lockfile::load(lock).with_context(|| (*lock).to_owned())?;
        packages.extend(lock.packages.into_iter().map(|package| package.name.to_string()));
    }
    let mut zip = ZipWriter::new(File::create(out)?);
    for (name, bytes, record) in records(osv)? {
        if record.affected.iter().any(|affected| packages.contains(&affected.package.name)) {
            zip.start_file(name, SimpleFileOptions::default())?;
            zip.write_all(&bytes)?;
        }
    }
    zip.finish()?;
    Ok(())
}

/// One thing cargo audit found.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Found {
    package: String,
    version: String,
    id: String,
    aliases: Vec<String>,
    informational: Option<String>,
}

fn list(report: &Path) -> Result<()> {
    let report: Value = serde_json::from_slice(&fs::read(report)?)?;
    let vulnerabilities =
        report["vulnerabilities"]["list"].as_array().context("no list of vulnerabilities")?;
    let warnings =
        report["warnings"].as_object().context("no warnings")?.values().filter_map(Value::as_array).flatten();
    let mut found = BTreeSet::new();
    for entry in vulnerabilities.iter().chain(warnings) {
        let word = |path: &str| entry.pointer(path).and_then(Value::as_str).map(ToOwned::to_owned);
        // Yanked versions have no advisory.
        let Some(id) = word("/advisory/id") else { continue };
        found.insert(Found {
            package: word("/package/name").context("no package")?,
            version: word("/package/version").context("no version")?,
            aliases: serde_json::from_value(entry["advisory"]["aliases"].clone())?,
            informational: word("/advisory/informational"),
            id,
        });
    }
    let mut out = std::io::stdout().lock();
    // One line each, so that differences are readable.
    let lines = found.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    writeln!(out, "[\n{}\n]", lines.join(",\n"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{OsvEvent, OsvRange, Versions, versions};

    fn range(events: &str) -> OsvRange {
        let events = events.split_whitespace().map(|event| match event.split_at(1) {
            ("+", version) => OsvEvent::Introduced(version.to_owned()),
            (_, version) => OsvEvent::Fixed(version.to_owned()),
        });
        OsvRange { events: events.collect() }
    }

    #[test]
    fn rustsec_lists_the_versions_outside_the_windows() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("+0.6.3 -0.6.14 +1.0.0 -1.6.1", &["< 0.6.3"], &[">= 0.6.14, < 1.0.0", ">= 1.6.1"]),
            ("+0.0.0-0 -1.2.0", &[], &[">= 1.2.0"]),
            ("+0", &[], &[]),
            ("+1.0.0", &["< 1.0.0"], &[]),
            ("+0 -0.9.2 +0.10.0 -0.10.0", &[], &[">= 0.9.2"]),
            ("+0.23.0 -0.23.0", &[], &[">= 0.0.0-0"]),
        ];
        for (events, unaffected, patched) in cases {
            let strings = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
            let expected = Versions { patched: strings(patched), unaffected: strings(unaffected) };
            assert_eq!(versions(&[range(events)]).unwrap(), expected, "{events}");
        }
    }
}
