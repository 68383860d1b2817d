//! Which findings about packages are one, by all that their advisories have told so far.

use super::KnownAdvisory;
use super::observe::advisories;
use crate::advisory::joined;
use crate::component::Package;
use crate::finding::Fingerprint;
use crate::id::FindingId;
use crate::scanning::Detection;
use std::collections::HashMap;

/// A finding that turned out to be one that was seen before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The finding that was seen later.
    pub younger: FindingId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The finding that was seen first.
    pub elder: FindingId,
}

/// Which of the findings that are known turn out to be elder ones of their package, and are not merged into those yet:
/// each younger once, packages in order and of each package in order of first sight.
///
/// Findings are one if they share an id, directly, through a detection or through others. The elder is the one that was
/// seen first of all of them, so every scan names the same, and the elder of an elder is named for what was merged into
/// that before.
pub fn merges(detections: &[Detection], known: &HashMap<Package, Vec<KnownAdvisory>>) -> Vec<Merge> {
    let families = Families::of(detections, known).families;
    let merges = families.iter().filter_map(|family| family.split_first()).flat_map(|(elder, others)| {
        let unmerged = others.iter().filter(move |younger| younger.merged_into != Some(elder.finding));
        unmerged.map(move |younger| Merge {
            younger: younger.finding,
            fingerprint: younger.fingerprint,
            elder: elder.finding,
        })
    });
    merges.collect()
}

/// By what findings and detections are one.
#[derive(PartialEq, Eq, Hash)]
enum Name<'a> {
    /// An advisory about a package.
    Advisory(&'a Package, &'a str),
    /// What was merged stays so, whatever becomes of advisories.
    Finding(FindingId),
}

/// Known findings and detections, put together by what they share.
pub(super) struct Families<'a> {
    /// At the place of each known finding that is an elder: all that are one with it, elder first. Else nothing.
    families: Vec<Vec<&'a KnownAdvisory>>,
    /// The place of the family of each detection; beyond the end for one that nobody knows.
    detections: Vec<usize>,
}

impl<'a> Families<'a> {
    /// Those of `known`, which is in order of first sight in each package.
    pub(super) fn of(detections: &[Detection], known: &'a HashMap<Package, Vec<KnownAdvisory>>) -> Self {
        let mut packages: Vec<(&Package, &'a Vec<KnownAdvisory>)> = known.iter().collect();
        packages.sort_unstable_by_key(|(package, _)| *package);
        let findings: Vec<(&Package, &'a KnownAdvisory)> = packages
            .into_iter()
            .flat_map(|(package, of)| of.iter().map(move |known| (package, known)))
            .collect();
        let names = findings.iter().map(|(package, known)| {
            let ids = known.advisories.iter().map(|id| Name::Advisory(package, id));
            let merged = std::iter::once(known.finding).chain(known.merged_into).map(Name::Finding);
            ids.chain(merged).collect::<Vec<_>>()
        });
        let seen = detections.iter().map(|detection| {
            advisories(detection).map(|(package, id)| Name::Advisory(package, id)).collect::<Vec<_>>()
        });
        let mut leaders = joined(names.chain(seen));
        let detections = leaders.split_off(findings.len());
        let mut families = vec![vec![]; findings.len()];
        for ((_, known), leader) in findings.into_iter().zip(leaders) {
            families[leader].push(known);
        }
        Self { families, detections }
    }

    /// What is known of the finding that a detection is, elder first; nothing if nobody knows it.
    pub(super) fn of_detection(&self, number: usize) -> &[&'a KnownAdvisory] {
        let family = self.detections.get(number).and_then(|&family| self.families.get(family));
        family.map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{Merge, merges};
    use crate::branch::KnownAdvisory;
    use crate::branch::samples::{observed, secret, vulnerable, weakness};
    use crate::component::{Ecosystem, Package};
    use crate::id::FindingId;
    use crate::scanning::Detection;
    use std::collections::HashMap;

    fn lodash(group: &[&str]) -> Detection {
        vulnerable("lodash", group)
    }

    /// What is known of a package, elder first: a finding for each group, and what it was merged into.
    fn known(package: &str, findings: &[(&[&str], Option<FindingId>)]) -> (Package, Vec<KnownAdvisory>) {
        let known = findings.iter().map(|(group, merged_into)| {
            let seen = observed(vulnerable(package, group));
            KnownAdvisory {
                finding: seen.finding,
                fingerprint: seen.fingerprint,
                advisories: group.iter().map(|&id| id.to_owned()).collect(),
                merged_into: *merged_into,
            }
        });
        (Package::new(Ecosystem::Npm, package), known.collect())
    }

    fn merge(package: &str, younger: &str, elder: &str) -> Merge {
        let [younger, elder] = [younger, elder].map(|id| observed(vulnerable(package, &[id])));
        Merge { younger: younger.finding, fingerprint: younger.fingerprint, elder: elder.finding }
    }

    fn elder(id: &str) -> Option<FindingId> {
        Some(observed(lodash(&[id])).finding)
    }

    #[test]
    fn an_alias_that_joins_findings_merges_each_into_the_one_seen_first() {
        let groups: [(&[&str], _); 3] = [(&["GHSA-1"], None), (&["CVE-1"], None), (&["OSV-1"], None)];
        let known = HashMap::from([known("lodash", &groups)]);
        let joined = [lodash(&["CVE-1", "GHSA-1", "OSV-1"])];
        let all = [merge("lodash", "CVE-1", "GHSA-1"), merge("lodash", "OSV-1", "GHSA-1")];
        assert_eq!(merges(&joined, &known), all);
        assert_eq!(merges(&[lodash(&["CVE-1", "OSV-1"])], &known), [merge("lodash", "OSV-1", "CVE-1")]);
        let in_two = [lodash(&["CVE-1", "OSV-1"]), lodash(&["GHSA-1", "OSV-1"])];
        assert_eq!(merges(&in_two, &known), all, "through others");
    }

    #[test]
    fn what_is_merged_is_not_merged_again() {
        let detections = [lodash(&["CVE-1", "GHSA-1"])];
        let groups: [(&[&str], _); 2] = [(&["GHSA-1"], None), (&["CVE-1"], elder("GHSA-1"))];
        let once = HashMap::from([known("lodash", &groups)]);
        assert_eq!(merges(&detections, &once), []);
        assert_eq!(merges(&[], &once), []);
    }

    #[test]
    fn what_was_merged_follows_its_elder_into_one_that_is_elder_still() {
        let groups: [(&[&str], _); 3] =
            [(&["RUSTSEC-1"], None), (&["GHSA-1"], None), (&["CVE-1"], elder("GHSA-1"))];
        let chain = HashMap::from([known("lodash", &groups)]);
        let detections = [lodash(&["RUSTSEC-1", "GHSA-1"])];
        let all = [merge("lodash", "GHSA-1", "RUSTSEC-1"), merge("lodash", "CVE-1", "RUSTSEC-1")];
        assert_eq!(merges(&detections, &chain), all);
    }

    /// An attempt that stopped between its results and the merges left them like this.
    #[test]
    fn findings_that_were_told_the_same_id_are_merged_whatever_is_seen() {
        let groups: [(&[&str], _); 2] = [(&["CVE-1", "GHSA-1"], None), (&["OSV-1", "CVE-1"], None)];
        let told = HashMap::from([known("lodash", &groups)]);
        let merge = merge("lodash", "OSV-1", "CVE-1");
        assert_eq!(merges(&[], &told), [merge]);
        assert_eq!(merges(&[secret("a"), weakness("a")], &told), [merge]);
    }

    #[test]
    fn findings_of_different_packages_stay_apart_and_packages_come_in_order() {
        let groups: [(&[&str], _); 2] = [(&["GHSA-1"], None), (&["CVE-1"], None)];
        let known = HashMap::from(["minimist", "lodash", "async"].map(|package| known(package, &groups)));
        assert_eq!(merges(&[lodash(&["GHSA-1"]), vulnerable("async", &["CVE-1"])], &known), []);
        let both = ["minimist", "async"].map(|package| vulnerable(package, &["CVE-1", "GHSA-1"]));
        assert_eq!(
            merges(&both, &known),
            [merge("async", "CVE-1", "GHSA-1"), merge("minimist", "CVE-1", "GHSA-1")]
        );
    }
}
