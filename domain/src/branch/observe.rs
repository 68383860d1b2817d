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
        observed.push(Observed { finding, fingerprint, detection, excerpt: None });
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
    pub const fn scanner(&self) -> ScannerKind {
        self.detection.identity.scanner()
    }

    /// Where and how bad.
    pub fn occurrence(&self) -> Occurrence {
        Occurrence {
            severity: self.detection.severity,
            places: self.detection.places.clone(),
            fix: self.detection.fixed_version.clone(),
            excerpt: self.excerpt,
        }
    }

    pub(super) fn secret(&self) -> Option<SecretFacts> {
        match &self.detection.identity {
            Identity::Secret { hash, leak_hash, masked, .. } => Some(SecretFacts {
                hash: hex::encode(hash),
                leak_hash: hex::encode(leak_hash),
                masked: masked.clone(),
            }),
            Identity::Advisory { .. } | Identity::Code { .. } => None,
        }
    }
}
