//! Audit bundles: events with their proofs, in one file that verifies without a server or a log.
//!
//! A bundle is lines of JSON. The first is a [`BundleHeader`], with the signed checkpoint; each further one is a
//! [`BundleEvent`]: every column of [`leaf_bytes`](super::leaf_bytes), the number of its leaf, and the hashes from
//! that leaf up to the root of the checkpoint. To verify it takes the verifier key, which has to come from
//! elsewhere: the one in the header is only a hint.
//!
//! A bundle of positions without a project has every event of its range, which is checked: leaves follow each other
//! without a hole. Of a bundle of one project's events it is known that each is in the log, not that none is missing.

use super::verify_inclusion;
use super::{CheckpointError, KeyError, ProofError, SignedCheckpoint, TreeHash, VerifierKey, leaf_hash};
use crate::id::{EventId, ProjectId};
use crate::log::{Position, Recorded, StreamName, Version};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What the first line of a bundle calls itself.
pub const BUNDLE_FORMAT: &str = "scanledger-audit-bundle/1";

/// The first line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleHeader {
    /// [`BUNDLE_FORMAT`].
    pub format: String,
    /// The signed checkpoint whose root the proofs lead to.
    pub checkpoint: String,
    /// The key that signed it; whoever verifies must know it from elsewhere.
    pub verifier_key: String,
    /// The first position that was asked for.
    pub from: Position,
    /// The last position that was asked for.
    pub to: Position,
    /// Whose events these are; every project's, and none left out, if absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub project: Option<ProjectId>,
    /// How many events follow.
    pub events: u64,
}

/// An event with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleEvent<'a> {
    /// The number of its leaf, from 0.
    pub leaf: u64,
    /// Its place in the log.
    pub position: Position,
    /// Its id.
    pub id: EventId,
    /// Its stream.
    pub stream: Cow<'a, str>,
    /// Its place in its stream.
    pub version: Version,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Cow<'a, str>,
    /// The number of the shape of its data.
    pub schema: u16,
    /// When it was recorded, in microseconds since 1970, UTC.
    pub recorded_at: Timestamp,
    /// The exact text of its data.
    pub data: Cow<'a, str>,
    /// The exact text of its metadata.
    pub metadata: Cow<'a, str>,
    /// The inclusion proof, from the leaf up.
    pub proof: Cow<'a, [TreeHash]>,
}

/// An event whose data or metadata is no text, which no event of this program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event at {0} is not text")]
pub struct NotBundled(pub Position);

impl<'a> BundleEvent<'a> {
    /// The line for `event`, which is leaf number `leaf`.
    ///
    /// # Errors
    /// [`NotBundled`] if data or metadata is not UTF-8.
    pub fn new(event: &'a Recorded, leaf: u64, proof: Vec<TreeHash>) -> Result<Self, NotBundled> {
        let text =
            |bytes| std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| NotBundled(event.position));
        Ok(Self {
            leaf,
            position: event.position,
            id: event.id,
            stream: Cow::Borrowed(event.stream.as_str()),
            version: event.version,
            kind: Cow::Borrowed(&event.kind),
            schema: event.schema,
            recorded_at: event.recorded_at,
            data: text(&event.data)?,
            metadata: text(&event.metadata)?,
            proof: Cow::Owned(proof),
        })
    }

    fn recorded(&self) -> Recorded {
        Recorded {
            position: self.position,
            id: self.id,
            stream: StreamName::stored(&self.stream),
            version: self.version,
            kind: self.kind.as_ref().into(),
            schema: self.schema,
            data: self.data.as_bytes().to_vec(),
            metadata: self.metadata.as_bytes().to_vec(),
            recorded_at: self.recorded_at,
        }
    }
}

/// Why a bundle proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A line is not what it should be.
    #[error("line {line} of the bundle cannot be read")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another form than this version knows.
    #[error("the bundle is of the form `{0}`, and this version knows `{BUNDLE_FORMAT}`")]
    Format(String),
    /// Its checkpoint is none, or is not signed with the key.
    #[error("the checkpoint of the bundle is not valid")]
    Checkpoint(#[from] CheckpointError),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An event is not in the log of the checkpoint as it stands here.
    #[error("the event at {position} is not what was signed")]
    Event {
        /// The event.
        position: Position,
        /// Why.
        #[source]
        source: ProofError,
    },
    /// An event does not follow the one before it.
    #[error("between leaf {before} and the event at {position} something is missing or out of order")]
    Gap {
        /// The leaf before.
        before: u64,
        /// The event.
        position: Position,
    },
    /// An event is outside the range of the header.
    #[error("the event at {0} is outside the range of the bundle")]
    Outside(Position),
    /// There are more or fewer events than the header says.
    #[error("the bundle has {found} events where its first line says {said}")]
    Count {
        /// What the header says.
        said: u64,
        /// How many there are.
        found: u64,
    },
}

/// What a bundle proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSummary {
    /// What was asked for when it was made.
    pub header: BundleHeader,
    /// The checkpoint its events are under.
    pub checkpoint: super::Checkpoint,
    /// Positions of the first and the last event in it, if there is one.
    pub range: Option<(Position, Position)>,
}

/// Checks a bundle line by line.
#[derive(Debug)]
pub struct BundleVerifier {
    header: BundleHeader,
    signed: SignedCheckpoint,
    found: u64,
    first: Option<Position>,
    last: Option<(u64, Position)>,
}

impl BundleVerifier {
    /// Begins with the first line, whose checkpoint has to be signed with `key`.
    ///
    /// # Errors
    /// [`BundleError`] if it is no header or not signed.
    pub fn begin(first_line: &str, key: &VerifierKey) -> Result<Self, BundleError> {
        let header: BundleHeader =
            serde_json::from_str(first_line).map_err(|source| BundleError::Line { line: 1, source })?;
        if header.format != BUNDLE_FORMAT {
            return Err(BundleError::Format(header.format));
        }
        let signed = SignedCheckpoint::verify(&header.checkpoint, key)?;
        Ok(Self { header, signed, found: 0, first: None, last: None })
    }

    /// Checks the next line.
    ///
    /// # Errors
    /// [`BundleError`] if its event is not proven, or does not follow the one before.
    pub fn event(&mut self, line: &str) -> Result<(), BundleError> {
        let number = self.found + 2;
        let event: BundleEvent<'_> =
            serde_json::from_str(line).map_err(|source| BundleError::Line { line: number, source })?;
        let position = event.position;
        if position < self.header.from || position > self.header.to {
            return Err(BundleError::Outside(position));
        }
        if let Some((leaf, at)) = self.last {
            let is_next = match self.header.project {
                None => leaf.checked_add(1) == Some(event.leaf),
                Some(_) => leaf < event.leaf,
            };
            if !is_next || at >= position {
                return Err(BundleError::Gap { before: leaf, position });
            }
        }
        let checkpoint = &self.signed.checkpoint;
        let hash = leaf_hash(&event.recorded());
        verify_inclusion(hash, event.leaf, checkpoint.size, checkpoint.root, &event.proof)
            .map_err(|source| BundleError::Event { position, source })?;
        self.first.get_or_insert(position);
        self.last = Some((event.leaf, position));
        self.found += 1;
        Ok(())
    }

    /// Ends after the last line.
    ///
    /// # Errors
    /// [`BundleError::Count`] if lines are missing or too many.
    pub fn finish(self) -> Result<BundleSummary, BundleError> {
        let (said, found) = (self.header.events, self.found);
        if said != found {
            return Err(BundleError::Count { said, found });
        }
        let range = self.first.zip(self.last).map(|(first, (_, last))| (first, last));
        Ok(BundleSummary { header: self.header, checkpoint: self.signed.checkpoint, range })
    }
}
