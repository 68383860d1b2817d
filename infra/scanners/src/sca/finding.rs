//! One finding for each package and group of advisories, however many versions and lockfiles it is in.

use crate::text::{cut, one_line};
use scanledger_domain::advisory::{AdvisoryIndex, Match, joined, preference};
use scanledger_domain::component::Package;
use scanledger_domain::limits::{DESCRIPTION_BYTES, PLACES, TITLE_BYTES};
use scanledger_domain::scanning::{Detection, Identity, Place};
use std::cmp::Ordering;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Addresses that a finding carries.
const REFERENCES: usize = 5;

/// Collects what the advisories say about package after package.
pub(super) struct Findings<'a> {
    advisories: &'a dyn AdvisoryIndex,
    found: BTreeMap<(Package, String), Finding>,
}

/// What is known about a package and a group of advisories so far.
struct Finding {
    /// The match of the highest affected version so far, and that version: its fix mends every place.
    highest: (String, Match),
    group: BTreeSet<String>,
    places: BTreeSet<Place>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(advisories: &'a dyn AdvisoryIndex) -> Self {
        Self { advisories, found: BTreeMap::new() }
    }

    /// Takes in that `version` of `package`, which is in the lockfiles `paths`, is affected.
    pub(super) fn add(&mut self, package: &Package, version: &str, paths: &[&str], matched: Match) {
        let places = paths.iter().map(|path| Place {
            path: (*path).to_owned(),
            line: None,
            end_line: None,
            version: Some(version.to_owned()),
        });
        let finding = Finding {
            group: matched.group.iter().cloned().collect(),
            places: places.collect(),
            highest: (version.to_owned(), matched),
        };
        self.put(package.clone(), finding.highest.1.id.clone(), finding);
    }

    fn put(&mut self, package: Package, id: String, finding: Finding) {
        match self.found.entry((package, id)) {
            Entry::Occupied(mut known) => {
                let ecosystem = known.key().0.ecosystem;
                let order = self.advisories.compare(ecosystem, &finding.highest.0, &known.get().highest.0);
                known.get_mut().join(finding, order == Some(Ordering::Greater));
            }
            Entry::Vacant(new) => {
                new.insert(finding);
            }
        }
    }

    /// The findings, ordered by package and id.
    pub(super) fn finish(mut self) -> Vec<Detection> {
        self.join_groups();
        self.found.into_iter().map(|((package, id), finding)| finding.into_detection(package, id)).collect()
    }

    /// Joins findings of one package whose groups share an id: a version that only some records of a group affect
    /// has another id to show, and is no other finding.
    fn join_groups(&mut self) {
        let found: Vec<_> = std::mem::take(&mut self.found).into_iter().collect();
        let named = found.iter().map(|((package, id), finding)| {
            std::iter::once(id).chain(&finding.group).map(move |id| (package, id.as_str()))
        });
        let leaders = joined(named);
        let mut shown: Vec<usize> = (0..found.len()).collect();
        for (number, leader) in leaders.iter().enumerate() {
            let id_of = |number: usize| preference(&found[number].0.1);
            if id_of(number) < id_of(shown[*leader]) {
                shown[*leader] = number;
            }
        }
        let ids: Vec<String> = leaders.iter().map(|leader| found[shown[*leader]].0.1.clone()).collect();
        for (((package, _), finding), id) in found.into_iter().zip(ids) {
            self.put(package, id, finding);
        }
    }
}

impl Finding {
    /// Takes in the same finding at other versions, of which the highest is `higher` than that of this one or not.
    fn join(&mut self, other: Self, higher: bool) {
        self.places.extend(other.places);
        self.group.extend(other.group);
        let severity = self.highest.1.severity.min(other.highest.1.severity);
        let is_vulnerability = [&self.highest, &other.highest].iter().any(|(_, m)| m.informational.is_none());
        if higher {
            self.highest = other.highest;
        }
        self.highest.1.severity = severity;
        if is_vulnerability {
            self.highest.1.informational = None;
        }
    }

    fn into_detection(self, package: Package, id: String) -> Detection {
        let (_, matched) = self.highest;
        let summary = Some(one_line(&matched.summary)).filter(|summary| !summary.is_empty());
        // No version: the title is the finding's on every branch, and the places say which versions there are.
        let title = format!("{}: {}", package.name, summary.as_deref().unwrap_or(&id));
        let details = matched.details.trim();
        let description = if details.is_empty() { matched.summary.trim() } else { details };
        let cve = self.group.iter().find(|alias| alias.starts_with("CVE-")).cloned();
        Detection {
            identity: Identity::Advisory {
                package,
                id: id.clone(),
                group: self.group.into_iter().collect(),
                informational: matched.informational,
            },
            rule: id,
            title: cut(&one_line(&title), TITLE_BYTES),
            description: cut(description, DESCRIPTION_BYTES),
            severity: matched.severity,
            cwe: matched.cwe,
            cve,
            confidence: 1.0,
            places: self.places.into_iter().take(PLACES).collect(),
            fixed_version: matched.fixed_version,
            excerpt: None,
            references: matched.references.into_iter().take(REFERENCES).collect(),
        }
    }
}
