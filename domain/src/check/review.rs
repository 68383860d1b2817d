//! What a check says about what a scan found (dpendx reference §5, §8).

use super::{BlockOn, CheckConfig, Switch};
use crate::code_host::CheckConclusion;
use crate::component::{Component, Ecosystem, Package};
use crate::finding::TriageState;
use crate::scanning::Place;
use crate::severity::Severity;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::{BTreeSet, HashMap};

/// A vulnerable package as a scan found it, wherever that is.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The package.
    pub package: Package,
    /// The id that is shown.
    pub advisory: String,
    /// Every id and alias.
    pub aliases: Vec<String>,
    /// The first CVE, if it has one.
    pub cve: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// What people decided about it.
    pub state: TriageState,
    /// Whether a file imports the package, if that is known.
    pub imported: Option<bool>,
    /// The version that mends it.
    pub fix: Option<String>,
    /// Where.
    pub places: Vec<Place>,
}

/// What a scan looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Examined {
    /// Vulnerable packages, worst first.
    pub seen: Vec<Seen>,
    /// Everything that the project is made of.
    pub components: Vec<Component>,
    /// Whether dependencies were matched with advisories; without any, none could be found.
    pub is_matched: bool,
}

/// A vulnerable package at a version: one line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFinding {
    /// The package.
    pub package: Package,
    /// Its version, without Go's `v`.
    pub version: String,
    /// The advisory's id.
    pub advisory: String,
    /// The CVE that it is about, if it has one.
    pub cve: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// Whether a file imports it, if that is known and counts.
    pub imported: Option<bool>,
    /// Whether the project itself asks for it, if the lockfile says.
    pub direct: Option<bool>,
    /// The version that mends it.
    pub fixed_version: Option<String>,
    /// The files that name it, at least one, each once; at most [`crate::limits::PLACES`].
    pub paths: Vec<String>,
    /// The line in the first of them.
    pub line: Option<u32>,
}

impl CheckFinding {
    /// The name that people know: the CVE, or else the advisory's id.
    pub fn known_as(&self) -> &str {
        self.cve.as_deref().unwrap_or(&self.advisory)
    }

    /// Whether it counts as imported: only what is known to be.
    pub fn is_imported(&self) -> bool {
        self.imported == Some(true)
    }

    /// The version as its ecosystem writes it: Go's begin with `v`.
    pub fn written_version(&self) -> String {
        written(self.package.ecosystem, &self.version)
    }
}

/// A version as its ecosystem writes it.
fn written(ecosystem: Ecosystem, version: &str) -> String {
    match ecosystem {
        Ecosystem::Go if version.starts_with(|c: char| c.is_ascii_digit()) => format!("v{version}"),
        _ => version.to_owned(),
    }
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Whether it speaks against the commit.
    pub conclusion: CheckConclusion,
    /// What is listed, worst first.
    pub findings: Vec<CheckFinding>,
    /// Dependencies that were looked at: packages at versions.
    pub dependencies: u64,
    /// Their ecosystems.
    pub ecosystems: Vec<Ecosystem>,
    /// Why it is not the whole truth, for people.
    pub warnings: Vec<String>,
}

impl Review {
    /// How many of its findings are imported.
    pub fn imported(&self) -> u64 {
        self.findings.iter().filter(|finding| finding.is_imported()).count() as u64
    }
}

/// What `config` says about what was examined; with `changed`, only these files count.
pub fn review(config: &CheckConfig, changed: Option<&[String]>, examined: Examined) -> Review {
    let files = Files::new(config, changed);
    let counts = |ecosystem: Ecosystem, path: &str| {
        (config.ecosystems.is_empty() || config.ecosystems.contains(&ecosystem)) && files.count(path)
    };
    let components =
        examined.components.iter().filter(|component| counts(component.package.ecosystem, &component.path));
    let mut direct: HashMap<(&Package, &str), Option<bool>> = HashMap::new();
    for component in components {
        let known = direct.entry((&component.package, &component.version)).or_insert(component.direct);
        // Whatever one file asks for is asked for.
        *known = (*known).max(component.direct);
    }
    let ecosystems: BTreeSet<Ecosystem> = direct.keys().map(|(package, _)| package.ecosystem).collect();
    let mut findings = Vec::new();
    for seen in &examined.seen {
        if is_listed(config, seen) {
            let places = seen.places.iter().filter(|place| counts(seen.package.ecosystem, &place.path));
            findings.extend(lines(config, seen, places, &direct));
        }
    }
    let mut review = Review {
        conclusion: CheckConclusion::Success,
        dependencies: direct.len() as u64,
        ecosystems: ecosystems.into_iter().collect(),
        findings,
        warnings: vec![],
    };
    review.conclusion = conclude(config, &review, examined.is_matched);
    review.warnings = warnings(config, &review, examined.is_matched);
    review
}

/// Whether people are to read of it at all.
fn is_listed(config: &CheckConfig, seen: &Seen) -> bool {
    let is_ignored = || {
        let ids = std::iter::once(&seen.advisory).chain(&seen.cve).chain(&seen.aliases);
        ids.into_iter().any(|id| config.ignore_ids.iter().any(|ignored| ignored.eq_ignore_ascii_case(id)))
    };
    config.vulnerability == Switch::On
        && seen.severity.reaches(config.threshold)
        && seen.state.counts_for_gate()
        && !is_ignored()
}

/// A line for each version, with every file that has it.
fn lines<'a>(
    config: &CheckConfig,
    seen: &Seen,
    places: impl Iterator<Item = &'a Place>,
    direct: &HashMap<(&Package, &str), Option<bool>>,
) -> Vec<CheckFinding> {
    let mut lines: Vec<CheckFinding> = Vec::new();
    for place in places {
        let version = place.version.as_deref().unwrap_or_default();
        if let Some(line) = lines.iter_mut().find(|line| line.version == version) {
            if !line.paths.contains(&place.path) {
                line.paths.push(place.path.clone());
            }
            continue;
        }
        lines.push(CheckFinding {
            package: seen.package.clone(),
            version: version.to_owned(),
            advisory: seen.advisory.clone(),
            cve: seen.cve.clone(),
            severity: seen.severity,
            imported: seen.imported.filter(|_| config.reachability == Switch::On),
            direct: direct.get(&(&seen.package, version)).copied().flatten(),
            fixed_version: seen.fix.clone(),
            paths: vec![place.path.clone()],
            line: place.line,
        });
    }
    lines
}

/// Errors and what nobody could look at never speak against a commit (dpendx reference §5).
fn conclude(config: &CheckConfig, review: &Review, is_matched: bool) -> CheckConclusion {
    let blocks = |finding: &CheckFinding| match config.block_on {
        BlockOn::Imported => finding.is_imported(),
        BlockOn::All => true,
        BlockOn::CriticalOnly => finding.severity == Severity::Critical,
    };
    if review.findings.iter().any(blocks) {
        return CheckConclusion::Failure;
    }
    let is_whole = review.dependencies > 0 && is_matched && config.vulnerability == Switch::On;
    if is_whole && review.findings.is_empty() { CheckConclusion::Success } else { CheckConclusion::Neutral }
}

fn warnings(config: &CheckConfig, review: &Review, is_matched: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if !is_matched {
        warnings.push("No advisories were imported into the server, so nothing could be matched.".to_owned());
    }
    if config.vulnerability == Switch::Off {
        warnings.push("The configuration turns the search for vulnerabilities off.".to_owned());
    }
    if config.reachability == Switch::Off {
        warnings.push("The configuration turns reachability off: nothing counts as imported.".to_owned());
    } else {
        let unknown: BTreeSet<Ecosystem> = review
            .findings
            .iter()
            .filter(|finding| finding.imported.is_none())
            .map(|finding| finding.package.ecosystem)
            .collect();
        warnings.extend(unknown.into_iter().map(|ecosystem| {
            format!("Imports of {ecosystem} packages could not all be told; they count as not imported.")
        }));
    }
    warnings
}

/// Which files count.
struct Files<'a> {
    excluded: GlobSet,
    changed: Option<BTreeSet<&'a str>>,
}

impl<'a> Files<'a> {
    fn new(config: &CheckConfig, changed: Option<&'a [String]>) -> Self {
        let mut excluded = GlobSetBuilder::new();
        for pattern in &config.exclude_paths {
            // Those that are none were left out when the configuration was read.
            if let Ok(glob) = Glob::new(pattern) {
                excluded.add(glob);
            }
        }
        let changed = changed.map(|paths| paths.iter().map(String::as_str).collect());
        Self { excluded: excluded.build().unwrap_or_default(), changed }
    }

    fn count(&self, path: &str) -> bool {
        !self.excluded.is_match(path) && self.changed.as_ref().is_none_or(|changed| changed.contains(path))
    }
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
