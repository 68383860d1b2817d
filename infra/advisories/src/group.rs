//! Groups of records that speak about the same weakness, as one match each.

use crate::limits::REFERENCES;
use crate::range::{Event, Range};
use crate::record::{Rules, Text};
use crate::version::Version;
use scanledger_domain::advisory::{Match, joined, preference};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::severity::Severity;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one record says about one package, ready to be asked.
#[derive(Debug)]
pub(crate) struct Statement {
    pub id: Arc<str>,
    pub text: Arc<Text>,
    severity: Severity,
    informational: Option<String>,
    ranges: Vec<Range>,
    /// Versions affected by name, and how they are read.
    listed: Vec<(String, Option<Version>)>,
    /// Versions that fix it.
    fixes: Vec<(Version, String)>,
}

/// The version that is asked about.
struct Asked<'a> {
    text: &'a str,
    version: Option<Version>,
}

impl Statement {
    pub(crate) fn new(ecosystem: Ecosystem, id: Arc<str>, text: Arc<Text>, rules: Rules) -> Self {
        let read = |text: &String| Version::parse(ecosystem, text);
        let fixes = rules
            .ranges
            .iter()
            .flatten()
            .filter_map(|event| match event {
                Event::Fixed(text) => Some((read(text)?, text.clone())),
                Event::Introduced(_) | Event::LastAffected(_) | Event::Limit(_) => None,
            })
            .collect();
        Self {
            id,
            text,
            severity: rules.severity,
            informational: rules.informational,
            ranges: rules.ranges.iter().map(|events| Range::new(ecosystem, events)).collect(),
            listed: rules.versions.into_iter().map(|text| (text.clone(), read(&text))).collect(),
            fixes,
        }
    }

    /// Roughly the bytes it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        const STATEMENT: usize = 400;
        const VERSION: usize = 96;
        let text = &self.text;
        let strings = text.references.iter().chain(&text.aliases).map(|s| s.len() + size_of::<String>());
        let events =
            self.ranges.iter().map(Range::events).sum::<usize>() + self.fixes.len() + self.listed.len();
        STATEMENT + text.summary.len() + text.details.len() + strings.sum::<usize>() + events * VERSION
    }

    fn affects(&self, asked: &Asked<'_>) -> bool {
        self.listed
            .iter()
            .any(|(text, version)| text == asked.text || (version.is_some() && *version == asked.version))
            || asked.version.as_ref().is_some_and(|version| self.ranges.iter().any(|r| r.contains(version)))
    }
}

/// The groups among `statements` (all about one package) that affect `version`, ordered by id.
pub(crate) fn matches(ecosystem: Ecosystem, statements: &[Statement], version: &str) -> Vec<Match> {
    let asked = Asked { text: version, version: Version::parse(ecosystem, version) };
    let mut affecting: Vec<_> = statements.iter().filter(|statement| statement.affects(&asked)).collect();
    affecting.sort_by_key(|statement| preference(&statement.id));
    let mut matches: Vec<_> = grouped(&affecting)
        .into_iter()
        .map(|group| {
            let ids: BTreeSet<_> = group.iter().map(|statement| &statement.id).collect();
            // A record may say more about the package than what matched.
            let whole: Vec<_> = statements.iter().filter(|statement| ids.contains(&statement.id)).collect();
            let fixed = asked.version.as_ref().and_then(|version| fix_above(ecosystem, &whole, version));
            shown(&group, fixed)
        })
        .collect();
    matches.sort_by(|a, b| a.id.cmp(&b.id));
    matches
}

/// Joins what shares an id or an alias, directly or through others; keeps the order within each group.
fn grouped<'a>(statements: &[&'a Statement]) -> Vec<Vec<&'a Statement>> {
    let leaders = joined(statements.iter().map(|statement| {
        std::iter::once(&*statement.id).chain(statement.text.aliases.iter().map(String::as_str))
    }));
    let mut groups: Vec<Vec<&Statement>> = vec![vec![]; statements.len()];
    for (statement, leader) in statements.iter().zip(leaders) {
        groups[leader].push(statement);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The smallest version above `version` that fixes a record of the group and is affected by none.
fn fix_above(ecosystem: Ecosystem, group: &[&Statement], version: &Version) -> Option<String> {
    let mut fixes: Vec<_> =
        group.iter().flat_map(|statement| &statement.fixes).filter(|(fix, _)| fix > version).collect();
    fixes.sort();
    fixes
        .into_iter()
        .map(|(_, text)| text)
        .find(|text| {
            let asked = Asked { text, version: Version::parse(ecosystem, text) };
            !group.iter().any(|statement| statement.affects(&asked))
        })
        .cloned()
}

/// One match for a group, whose first member is the one shown.
fn shown(group: &[&Statement], fixed_version: Option<String>) -> Match {
    let vulnerabilities = || group.iter().filter(|statement| statement.informational.is_none());
    // A group with a vulnerability is one, and informational records say nothing about how bad it is.
    let severity = vulnerabilities()
        .map(|statement| statement.severity)
        .min_by_key(|severity| (*severity == Severity::Unknown, *severity))
        .unwrap_or(Severity::Info);
    let informational = match vulnerabilities().next() {
        Some(_) => None,
        None => group[0].informational.clone(),
    };
    let first = |part: fn(&Text) -> &str| {
        group
            .iter()
            .map(|statement| part(&statement.text))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let ids: BTreeSet<String> = group
        .iter()
        .flat_map(|statement| {
            std::iter::once(statement.id.to_string()).chain(statement.text.aliases.iter().cloned())
        })
        .collect();
    let mut references: Vec<String> = vec![];
    for url in group.iter().flat_map(|statement| &statement.text.references) {
        if references.len() < REFERENCES && !references.contains(url) {
            references.push(url.clone());
        }
    }
    Match {
        id: group[0].id.to_string(),
        group: ids.into_iter().collect(),
        summary: first(|text| &text.summary),
        details: first(|text| &text.details),
        severity,
        cwe: group.iter().find_map(|statement| statement.text.cwe.clone()),
        fixed_version,
        references,
        informational,
    }
}

#[cfg(test)]
mod tests;
