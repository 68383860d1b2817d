//! Which blobs an event names: what a backup has to hold, and what is not removed while it is needed.

use super::Event;
use crate::advisory::AdvisoryEvent;
use crate::blob::BlobHash;
use crate::branch::{BranchEvent, Occurrence};
use crate::report::Artifact;
use crate::scan::{ScanEvent, ScanOutcome, SourceKind};

/// A blob that an event names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedBlob {
    /// Its hash.
    pub blob: BlobHash,
    /// How many bytes it has, where the event says it.
    pub size: Option<u64>,
}

impl From<BlobHash> for NamedBlob {
    fn from(blob: BlobHash) -> Self {
        Self { blob, size: None }
    }
}

impl From<&Artifact> for NamedBlob {
    fn from(artifact: &Artifact) -> Self {
        Self { blob: artifact.blob, size: Some(artifact.size) }
    }
}

impl Event {
    /// Every blob that it names, in its order; one that it names twice is there twice.
    pub fn blobs(&self) -> Vec<NamedBlob> {
        match self {
            Self::Branch(event) => event.blobs(),
            Self::Scan(event) => event.blobs(),
            Self::Advisory(event) => event.blobs(),
            Self::Finding(_)
            | Self::Incident(_)
            | Self::Check(_)
            | Self::Project(_)
            | Self::Policy(_)
            | Self::Honeytoken(_)
            | Self::ApiKey(_)
            | Self::Organization(_)
            | Self::User(_)
            | Self::Team(_)
            | Self::Session(_)
            | Self::Access(_)
            | Self::Installation(_)
            | Self::Claim(_) => vec![],
        }
    }
}

impl BranchEvent {
    /// As [`Event::blobs`]: excerpts, and what a client's scan covered. They belong to the project.
    pub fn blobs(&self) -> Vec<NamedBlob> {
        match self {
            Self::Detected(detected) => excerpt(&detected.occurrence).into_iter().collect(),
            Self::Reopened(reopened) => excerpt(&reopened.occurrence).into_iter().collect(),
            Self::FindingsUpdated(updated) => {
                updated.findings.iter().filter_map(|update| excerpt(&update.occurrence)).collect()
            }
            Self::Scanned(scanned) => {
                scanned.client.and_then(|client| client.kept).map(NamedBlob::from).into_iter().collect()
            }
            Self::Opened(_) | Self::Resolved(_) | Self::ComponentsChanged(_) | Self::Closed(_) => vec![],
        }
    }
}

fn excerpt(occurrence: &Occurrence) -> Option<NamedBlob> {
    occurrence.excerpt.map(|excerpt| excerpt.blob.into())
}

impl ScanEvent {
    /// As [`Event::blobs`]: its source, artifacts and log, and what a client was told. They belong to the scan. The
    /// source of a client's scan is never stored, and not among them.
    pub fn blobs(&self) -> Vec<NamedBlob> {
        match self {
            Self::Queued(queued) => match queued.source.kind {
                SourceKind::Upload | SourceKind::Repository => {
                    vec![NamedBlob { blob: queued.source.blob, size: Some(queued.source.size) }]
                }
                SourceKind::Client => vec![],
            },
            Self::ResultsReceived(received) => {
                let mut blobs = of_outcome(&received.outcome);
                blobs.push(received.seen.into());
                blobs
            }
            Self::Completed(completed) => of_outcome(&completed.outcome),
            Self::PartialKept(kept) => of_outcome(&kept.outcome),
            Self::Failed(failed) => failed.log.iter().map(NamedBlob::from).collect(),
            Self::Started(_)
            | Self::Paused(_)
            | Self::Resumed(_)
            | Self::Requeued(_)
            | Self::Settling(_)
            | Self::Stopped(_)
            | Self::Cancelled(_)
            | Self::Deleted(_) => vec![],
        }
    }
}

fn of_outcome(outcome: &ScanOutcome) -> Vec<NamedBlob> {
    let blocking = outcome.client.and_then(|end| end.blocking);
    outcome.artifacts.iter().map(NamedBlob::from).chain(blocking.map(NamedBlob::from)).collect()
}

impl AdvisoryEvent {
    /// As [`Event::blobs`]: what was imported, which nodes may fetch at any time. It belongs to everybody.
    pub fn blobs(&self) -> Vec<NamedBlob> {
        let Self::Imported(imported) = self;
        imported.files.iter().map(|file| file.blob.into()).collect()
    }
}
