//! From what a scanner saw to findings with an identity in their project.

use super::{ExcerptRef, Occurrence, SecretFacts};
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
}

/// A detection that knows which finding it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The finding.
    pub finding: FindingId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What was seen.
    pub detection: Detection,
    /// Where its excerpt was stored, if it has one and it was.
    pub excerpt: Option<ExcerptRef>,
    /// Whether a file imports the package, if somebody looked and it could be told.
    pub imported: Option<bool>,
}

/// Gives every detection its finding, each finding once.
///
/// A vulnerable package keeps the finding of the first advisory seen: a detection whose group shares an id with
/// a finding known for the package is that finding, the elder one if there are several (`known` is in order of
/// first sight).
pub fn observe(
    project: ProjectId,
    detections: Vec<Detection>,
    known: &HashMap<Package, Vec<KnownAdvisory>>,
) -> Vec<Observed> {
    let mut seen: HashMap<FindingId, usize> = HashMap::with_capacity(detections.len());
    let mut observed: Vec<Observed> = Vec::with_capacity(detections.len());
    for detection in detections {
        let (finding, fingerprint) = identify(project, &detection, known);
        if let Some(&first) = seen.get(&finding) {
            merge(&mut observed[first].detection, detection);
            continue;
        }
        seen.insert(finding, observed.len());
        observed.push(Observed { finding, fingerprint, detection, excerpt: None, imported: None });
    }
    observed
}

fn identify(
    project: ProjectId,
    detection: &Detection,
    known: &HashMap<Package, Vec<KnownAdvisory>>,
) -> (FindingId, Fingerprint) {
    if let Identity::Advisory { package, group, .. } = &detection.identity
        && let Some(elder) = known.get(package).and_then(|known| {
            known.iter().find(|known| known.advisories.iter().any(|advisory| group.contains(advisory)))
        })
    {
        return (elder.finding, elder.fingerprint);
    }
    let print = fingerprint(&detection.identity, &detection.rule);
    (finding_id(project, print), print)
}

/// Two groups of advisories that turned out to be one finding: the worse severity and all places hold.
fn merge(first: &mut Detection, other: Detection) {
    first.severity = first.severity.min(other.severity);
    first.places.extend(other.places);
    first.places.sort();
    first.places.dedup();
    first.places.truncate(crate::limits::PLACES);
    first.fixed_version = first.fixed_version.take().or(other.fixed_version);
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
    use super::{KnownAdvisory, observe};
    use crate::branch::samples::{SHOP, observed, place, secret, vulnerable, weakness};
    use crate::component::{Ecosystem, Package};
    use crate::finding::{finding_id, fingerprint};
    use crate::limits::PLACES;
    use crate::scanning::{Detection, ScannerKind};
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
            KnownAdvisory { finding: seen.finding, fingerprint: seen.fingerprint, advisories }
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
