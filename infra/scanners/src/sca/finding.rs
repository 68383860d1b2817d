//! One finding for each package and group of advisories, however many versions and lockfiles it is in.

use crate::text::{cut, one_line};
use scanledger_domain::advisory::{AdvisoryIndex, Match};
use scanledger_domain::component::Package;
use scanledger_domain::limits::{DESCRIPTION_BYTES, PLACES, TITLE_BYTES};
use scanledger_domain::scanning::{Detection, Identity, Place};
use std::cmp::Ordering;
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
        let key = (package.clone(), matched.id.clone());
        match self.found.get_mut(&key) {
            Some(finding) => {
                finding.places.extend(places);
                finding.group.extend(matched.group.iter().cloned());
                let severity = finding.highest.1.severity.min(matched.severity);
                let order = self.advisories.compare(package.ecosystem, version, &finding.highest.0);
                if order == Some(Ordering::Greater) {
                    finding.highest = (version.to_owned(), matched);
                }
                finding.highest.1.severity = severity;
            }
            None => {
                let finding = Finding {
                    group: matched.group.iter().cloned().collect(),
                    places: places.collect(),
                    highest: (version.to_owned(), matched),
                };
                self.found.insert(key, finding);
            }
        }
    }

    /// The findings, ordered by package and id.
    pub(super) fn finish(self) -> Vec<Detection> {
        self.found.into_iter().map(|((package, id), finding)| finding.into_detection(package, id)).collect()
    }
}

impl Finding {
    fn into_detection(self, package: Package, id: String) -> Detection {
        let (_, matched) = self.highest;
        let summary = Some(one_line(&matched.summary)).filter(|summary| !summary.is_empty());
        // No version: the title is the finding's for ever, and the places say which versions there are now.
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
