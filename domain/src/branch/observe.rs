//! From what a scanner saw to findings with an identity in their project.

use super::merges::Families;
use super::{ExcerptRef, Occurrence, SecretFacts};
use crate::advisory::{joined, preference};
use crate::component::Package;
use crate::finding::{Fingerprint, finding_id, fingerprint};
use crate::id::{FindingId, ProjectId};
use crate::scanning::{Detection, Identity, ScannerKind};
use std::collections::HashMap;

/// A finding about a package that the project has, or once had, on any branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAdvisory {
    /// The finding.
    pub finding: FindingId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Every advisory id and alias known of it.
    pub advisories: Vec<String>,
    /// The elder finding that it was merged into last.
    pub merged_into: Option<FindingId>,
}

/// A detection that knows which finding it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The finding.
    pub finding: FindingId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Younger findings that are this one by now: where they were, it is not new.
    pub others: Vec<FindingId>,
    /// What was seen.
    pub detection: Detection,
    /// Where its excerpt was stored, if it has one and it was.
    pub excerpt: Option<ExcerptRef>,
    /// Whether a file imports the package, if somebody looked and it could be told.
    pub imported: Option<bool>,
}

/// Gives every detection its finding, each finding once.
///
/// Detections of one package whose groups share an id are one finding, so that versions which only some records of
/// a group affect do not tell it apart. It keeps the finding of the first advisory seen: a detection whose group
/// shares an id with a finding known for the package is that finding, the elder one if there are several (`known` is
/// in order of first sight; [`merges`](super::merges) says which others are that one by now). It keeps every id that it
/// or one of those was known by: a version that only some records of its group affect takes none of them away.
pub fn observe(
    project: ProjectId,
    detections: Vec<Detection>,
    known: &HashMap<Package, Vec<KnownAdvisory>>,
) -> Vec<Observed> {
    let mut seen: HashMap<FindingId, usize> = HashMap::with_capacity(detections.len());
    let mut observed: Vec<Observed> = Vec::with_capacity(detections.len());
    let detections = one_for_each_group(detections);
    let families = Families::of(&detections, known);
    for (number, mut detection) in detections.into_iter().enumerate() {
        let (finding, fingerprint, others) = match families.of_detection(number) {
            family @ [elder, others @ ..] => {
                for one in family {
                    add_ids(&mut detection, &one.advisories);
                }
                (elder.finding, elder.fingerprint, others.iter().map(|other| other.finding).collect())
            }
            [] => {
                let print = fingerprint(&detection.identity, &detection.rule);
                (finding_id(project, print), print, vec![])
            }
        };
        if let Some(&first) = seen.get(&finding) {
            merge(&mut observed[first].detection, vec![detection]);
            continue;
        }
        seen.insert(finding, observed.len());
        observed.push(Observed { finding, fingerprint, others, detection, excerpt: None, imported: None });
    }
    for observed in &mut observed {
        name_cve(&mut observed.detection);
    }
    observed
}

/// Detections of one package whose groups share an id, put together.
fn one_for_each_group(detections: Vec<Detection>) -> Vec<Detection> {
    let leaders = joined(detections.iter().map(advisories));
    let mut others: HashMap<usize, Vec<Detection>> = HashMap::new();
    let mut firsts = Vec::with_capacity(detections.len());
    for (number, (detection, leader)) in detections.into_iter().zip(leaders).enumerate() {
        if leader == number {
            firsts.push((number, detection));
        } else {
            others.entry(leader).or_default().push(detection);
        }
    }
    let whole = firsts.into_iter().map(|(number, mut detection)| {
        if let Some(others) = others.remove(&number) {
            merge(&mut detection, others);
        }
        detection
    });
    whole.collect()
}

/// Package and id of every advisory of a detection.
pub(super) fn advisories(detection: &Detection) -> impl Iterator<Item = (&Package, &str)> {
    let named = match &detection.identity {
        Identity::Advisory { package, id, group, .. } => Some((package, id, group)),
        Identity::Secret { .. } | Identity::Code { .. } | Identity::Upload(_) => None,
    };
    named.into_iter().flat_map(|(package, id, group)| {
        std::iter::once(id).chain(group).map(move |id| (package, id.as_str()))
    })
}

/// Adds what is missing of `ids` to the group of a detection.
fn add_ids(detection: &mut Detection, ids: &[String]) {
    let Identity::Advisory { group, .. } = &mut detection.identity else { return };
    let missing: Vec<String> = ids.iter().filter(|id| !group.contains(id)).cloned().collect();
    if !missing.is_empty() {
        group.extend(missing);
        group.sort();
        group.dedup();
    }
}

/// A detection without a CVE of its own has the first one of its group.
fn name_cve(detection: &mut Detection) {
    if let Identity::Advisory { group, .. } = &detection.identity
        && detection.cve.is_none()
    {
        detection.cve = group.iter().filter(|id| id.starts_with("CVE-")).min().cloned();
    }
}

/// Detections that turned out to be one finding: the worst severity and all places hold. Of groups of advisories the
/// preferred one is shown and all ids hold, and it is a vulnerability if one of them is.
fn merge(first: &mut Detection, mut others: Vec<Detection>) {
    if matches!(first.identity, Identity::Advisory { .. }) {
        for other in &mut others {
            if preference(&other.rule) < preference(&first.rule) {
                std::mem::swap(first, other);
            }
        }
    }
    let mut ids = Vec::new();
    let mut is_vulnerability = false;
    for other in others {
        first.severity = first.severity.min(other.severity);
        first.places.extend(other.places);
        first.fixed_version = first.fixed_version.take().or(other.fixed_version);
        if let Identity::Advisory { group, informational, .. } = other.identity {
            ids.extend(group);
            is_vulnerability |= informational.is_none();
        }
    }
    first.places.sort();
    first.places.dedup();
    first.places.truncate(crate::limits::PLACES);
    if let Identity::Advisory { group, informational, .. } = &mut first.identity {
        group.extend(ids);
        group.sort();
        group.dedup();
        if is_vulnerability {
            *informational = None;
        }
    }
}

impl Observed {
    /// The kind of scanner that saw it.
    pub fn scanner(&self) -> ScannerKind {
        self.detection.identity.scanner()
    }

    /// Where and how bad.
    pub fn occurrence(&self) -> Occurrence {
        Occurrence {
            severity: self.detection.severity,
            places: self.detection.places.clone(),
            fix: self.detection.fixed_version.clone(),
            excerpt: self.excerpt,
            columns: match &self.detection.identity {
                Identity::Upload(uploaded) => uploaded.columns,
                Identity::Advisory { .. } | Identity::Secret { .. } | Identity::Code { .. } => None,
            },
            imported: self.imported,
        }
    }

    /// What is kept of the secret, if it is one.
    pub fn secret(&self) -> Option<SecretFacts> {
        match &self.detection.identity {
            Identity::Secret { hash, leak_hash, masked, .. } => Some(SecretFacts {
                hash: hex::encode(hash),
                leak_hash: hex::encode(leak_hash),
                masked: masked.clone(),
            }),
            Identity::Advisory { .. } | Identity::Code { .. } | Identity::Upload(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownAdvisory, Observed, observe};
    use crate::branch::samples::{SHOP, observed, place, secret, vulnerable, weakness};
    use crate::component::{Ecosystem, Package};
    use crate::finding::{finding_id, fingerprint};
    use crate::limits::PLACES;
    use crate::scanning::{Detection, Identity, ScannerKind};
    use crate::severity::Severity;
    use std::collections::HashMap;

    fn lodash(group: &[&str]) -> Detection {
        vulnerable("lodash", group)
    }

    /// What is known of lodash, elder first: one finding for each group.
    fn known(groups: &[&[&str]]) -> HashMap<Package, Vec<KnownAdvisory>> {
        let known = groups.iter().map(|group| {
            let seen = observed(lodash(group));
            let advisories = group.iter().map(|&id| id.to_owned()).collect();
            let Observed { finding, fingerprint, .. } = seen;
            KnownAdvisory { finding, fingerprint, advisories, merged_into: None }
        });
        HashMap::from([(Package::new(Ecosystem::Npm, "lodash"), known.collect())])
    }

    #[test]
    fn a_detection_nobody_knows_is_named_by_its_identity() {
        for (detection, scanner) in [
            (lodash(&["GHSA-1"]), ScannerKind::Sca),
            (secret("a"), ScannerKind::Secrets),
            (weakness("a"), ScannerKind::Sast),
        ] {
            let print = fingerprint(&detection.identity, &detection.rule);
            let seen = observed(detection);
            assert_eq!((seen.fingerprint, seen.finding), (print, finding_id(SHOP, print)));
            assert_eq!(seen.scanner(), scanner);
        }
    }

    #[test]
    fn an_alias_learnt_later_joins_the_finding_that_was_there() {
        let elder = observed(lodash(&["CVE-1"]));
        let seen = observe(SHOP, vec![lodash(&["GHSA-1", "CVE-1"])], &known(&[&["CVE-1"]]));
        assert_eq!((seen[0].finding, seen[0].fingerprint), (elder.finding, elder.fingerprint));
        assert_eq!(seen[0].detection.rule, "GHSA-1");
    }

    #[test]
    fn an_alias_that_joins_two_findings_joins_them_in_the_elder() {
        let elder = observed(lodash(&["GHSA-1"]));
        let seen = observe(SHOP, vec![lodash(&["CVE-1", "GHSA-1"])], &known(&[&["GHSA-1"], &["CVE-1"]]));
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].finding, elder.finding);
    }

    #[test]
    fn an_id_of_a_finding_that_was_merged_leads_to_the_elder_which_has_it_from_then_on() {
        let mut known = known(&[&["GHSA-1"], &["CVE-1", "OSV-1"], &["OSV-2"]]);
        let of_lodash = known.values_mut().next().unwrap();
        let elder = of_lodash[0].finding;
        of_lodash[1].merged_into = Some(elder);
        let [seen] = &observe(SHOP, vec![lodash(&["OSV-1"])], &known)[..] else { panic!("one detection") };
        assert_eq!(seen.finding, elder);
        let Identity::Advisory { group, .. } = &seen.detection.identity else { panic!("{seen:?}") };
        assert_eq!(group, &["CVE-1", "GHSA-1", "OSV-1"]);
        assert_eq!(seen.detection.cve.as_deref(), Some("CVE-1"));
    }

    #[test]
    fn findings_that_are_one_through_others_are_seen_once() {
        let known = known(&[&["GHSA-1"], &["CVE-1", "OSV-1"]]);
        let elder = observed(lodash(&["GHSA-1"])).finding;
        let both = vec![lodash(&["CVE-1", "GHSA-1"]), lodash(&["OSV-1"])];
        for detections in [both.clone(), both.into_iter().rev().collect()] {
            let seen = observe(SHOP, detections, &known);
            assert_eq!(seen.iter().map(|seen| seen.finding).collect::<Vec<_>>(), [elder]);
        }
    }

    /// Two versions of lodash in one tree, of which the elder one is affected by one record more.
    fn in_two_versions() -> Vec<Detection> {
        let at = |path: &str, detection: Detection| Detection { places: vec![place(path, 1)], ..detection };
        vec![
            at("b", vulnerable("lodash", &["GHSA-1", "CVE-1"])),
            at("a", vulnerable("lodash", &["RUSTSEC-1", "CVE-1"])),
            at("c", vulnerable("minimist", &["GHSA-1", "CVE-1"])),
        ]
    }

    #[test]
    fn versions_that_records_of_one_group_affect_are_one_finding_in_every_scan() {
        let first = observe(SHOP, in_two_versions(), &HashMap::new());
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].finding, observed(lodash(&["RUSTSEC-1"])).finding);
        assert_eq!(first[0].detection.places, [place("a", 1), place("b", 1)]);
        let Identity::Advisory { package, group, .. } = &first[0].detection.identity else { panic!() };
        assert_eq!(group, &["CVE-1", "GHSA-1", "RUSTSEC-1"]);
        let (finding, fingerprint) = (first[0].finding, first[0].fingerprint);
        let known = KnownAdvisory { finding, fingerprint, advisories: group.clone(), merged_into: None };
        let known = HashMap::from([(package.clone(), vec![known])]);
        assert_eq!(observe(SHOP, in_two_versions(), &known), first);
        let mut reversed = in_two_versions();
        reversed.reverse();
        assert_eq!(observe(SHOP, reversed, &HashMap::new())[1], first[0]);
    }

    #[test]
    fn a_group_with_a_vulnerability_is_one() {
        let notice = |mut detection: Detection| {
            if let Identity::Advisory { informational, .. } = &mut detection.identity {
                *informational = Some("unsound".to_owned());
            }
            Detection { severity: Severity::Info, ..detection }
        };
        let told = |detections| match observe(SHOP, detections, &HashMap::new()).remove(0).detection {
            Detection { identity: Identity::Advisory { informational, .. }, severity, .. } => {
                (informational, severity)
            }
            other => panic!("{other:?}"),
        };
        let (unsound, weak) = (notice(lodash(&["RUSTSEC-1", "CVE-1"])), lodash(&["GHSA-1", "CVE-1"]));
        assert_eq!(told(vec![unsound.clone(), weak]), (None, Severity::High));
        let also = notice(lodash(&["GHSA-1", "CVE-1"]));
        assert_eq!(told(vec![unsound, also]), (Some("unsound".to_owned()), Severity::Info));
    }

    #[test]
    fn an_advisory_known_of_another_package_is_another_finding() {
        let detection = vulnerable("minimist", &["GHSA-1"]);
        let seen = observe(SHOP, vec![detection.clone()], &known(&[&["GHSA-1"]]));
        assert_eq!(seen[0].finding, observed(detection).finding);
        assert_ne!(seen[0].finding, observed(lodash(&["GHSA-1"])).finding);
    }

    #[test]
    fn two_detections_that_turn_out_to_be_one_are_the_worse_in_all_places() {
        let first = Detection {
            severity: Severity::Medium,
            places: vec![place("b", 1), place("a", 1)],
            fixed_version: None,
            ..lodash(&["GHSA-1"])
        };
        let second = Detection {
            severity: Severity::Critical,
            places: vec![place("c", 1), place("a", 1)],
            fixed_version: Some("2.0.0".to_owned()),
            ..lodash(&["GHSA-2"])
        };
        let seen = observe(SHOP, vec![first, second], &known(&[&["GHSA-1", "GHSA-2"]]));
        assert_eq!(seen.len(), 1);
        let occurrence = seen[0].occurrence();
        assert_eq!(occurrence.severity, Severity::Critical);
        assert_eq!(occurrence.places, [place("a", 1), place("b", 1), place("c", 1)]);
        assert_eq!(occurrence.fix.as_deref(), Some("2.0.0"));
        assert_eq!(seen[0].detection.rule, "GHSA-1");
    }

    #[test]
    fn places_of_joined_detections_have_a_limit() {
        let in_lines = |lines: std::ops::Range<u32>, group: &str| Detection {
            places: lines.map(|line| place("a", line)).collect(),
            ..lodash(&[group])
        };
        let most = PLACES as u32;
        for (further, kept) in [(most..most + 1, PLACES), (0..1, PLACES), (most..2 * most, PLACES)] {
            let both = vec![in_lines(0..most, "GHSA-1"), in_lines(further, "GHSA-2")];
            let seen = observe(SHOP, both, &known(&[&["GHSA-1", "GHSA-2"]]));
            assert_eq!(seen[0].detection.places.len(), kept);
        }
        let both = vec![in_lines(0..most - 1, "GHSA-1"), in_lines(most..most + 1, "GHSA-2")];
        let seen = observe(SHOP, both, &known(&[&["GHSA-1", "GHSA-2"]]));
        assert_eq!(seen[0].detection.places.len(), PLACES);
    }

    #[test]
    fn a_secret_is_kept_as_hashes_and_what_may_be_shown() {
        let facts = observed(secret("a")).secret().unwrap();
        assert_eq!((facts.hash, facts.leak_hash), ("ab".repeat(48), "cd".repeat(32)));
        assert_eq!(facts.masked, "gh…");
        assert_eq!(observed(weakness("a")).secret(), None);
        assert_eq!(observed(lodash(&["GHSA-1"])).secret(), None);
    }

    #[test]
    fn findings_keep_the_order_in_which_they_were_seen() {
        let all = ["c", "a", "b"].map(secret).to_vec();
        let seen = observe(SHOP, all.clone(), &HashMap::new());
        assert_eq!(seen.into_iter().map(|seen| seen.detection).collect::<Vec<_>>(), all);
    }
}
