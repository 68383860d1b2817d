//! Checkpoints: how large the tree was, and its root.

use super::{NoteError, SignedNote, Signer, TreeHash, VerifierKey};
use crate::id::EventId;
use std::fmt;
use std::str::FromStr;

/// Leaves that a tree may have; a log that writes a million events a second gets there after 140,000 years.
pub const TREE_LEAVES: u64 = 1 << 62;

/// Which log a checkpoint is of: `scanledger/<id of the log's first event>`. Also the name of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(pub EventId);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scanledger/{}", self.0)
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let id = text.strip_prefix("scanledger/").and_then(|id| id.parse().ok());
        // One origin has one spelling.
        id.map(Self).filter(|origin| origin.to_string() == text).ok_or(CheckpointError::Origin)
    }
}

/// What is signed: the first `size` events of a log have this root.
///
/// As text, three lines as C2SP `tlog-checkpoint` says: the origin, the size in decimal, the root in base64. Lines
/// that follow are extensions, and ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// Of which log.
    pub origin: Origin,
    /// How many leaves the tree has.
    pub size: u64,
    /// The root of the tree.
    pub root: TreeHash,
}

/// Why text is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Its first line does not name a log of this program.
    #[error("the checkpoint is of no log of this program: expected `scanledger/<id of the first event>`")]
    Origin,
    /// Its second line is no number, is written with leading zeros, or is more than [`TREE_LEAVES`].
    #[error("the size of the checkpoint is not a number of leaves")]
    Size,
    /// Its third line is no hash.
    #[error("the root of the checkpoint is not a hash")]
    Root,
    /// It is not a note, or not signed with the key.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let origin = line().parse()?;
        let size = line();
        let number: u64 = size.parse().map_err(|_| CheckpointError::Size)?;
        if number > TREE_LEAVES || number.to_string() != size {
            return Err(CheckpointError::Size);
        }
        let root = line().parse().map_err(|_| CheckpointError::Root)?;
        Ok(Self { origin, size: number, root })
    }
}

/// A checkpoint with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The note, as it is kept and handed out.
    pub note: SignedNote,
}

impl SignedCheckpoint {
    /// Signs.
    pub fn sign(checkpoint: Checkpoint, signer: &dyn Signer) -> Self {
        Self { checkpoint, note: SignedNote::sign(checkpoint.to_string(), &checkpoint.origin, signer) }
    }

    /// Reads a checkpoint without looking at its signature.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is none.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let note: SignedNote = text.parse()?;
        Ok(Self { checkpoint: note.text.parse()?, note })
    }

    /// Reads a checkpoint that is signed with `key`.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is none, if it is of another log than the key is for, or if the signature is not
    /// there or not valid.
    pub fn verify(text: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let signed = Self::parse(text)?;
        key.verify(&signed.note)?;
        if key.name() != signed.checkpoint.origin.to_string() {
            return Err(CheckpointError::Origin);
        }
        Ok(signed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Checkpoint, CheckpointError, Origin, SignedCheckpoint, TREE_LEAVES};
    use crate::id::EventId;
    use crate::proof::{Ed25519Signer, NoteError, Signer, empty_root};
    use uuid::Uuid;

    const ORIGIN: Origin = Origin(EventId(Uuid::from_u128(7)));
    const TEXT: &str =
        "scanledger/00000000-0000-0000-0000-000000000007\n12\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: ORIGIN, size: 12, root: empty_root() }
    }

    #[test]
    fn a_checkpoint_is_three_lines() {
        assert_eq!(checkpoint().to_string(), TEXT);
        assert_eq!(TEXT.parse(), Ok(checkpoint()));
        assert_eq!(format!("{TEXT}an extension\n").parse(), Ok(checkpoint()));
    }

    #[test]
    fn what_is_not_one_is_refused() {
        let with = |from: &str, to: &str| TEXT.replacen(from, to, 1).parse::<Checkpoint>().unwrap_err();
        assert_eq!(with("scanledger/", ""), CheckpointError::Origin);
        assert_eq!(with("-000000000007", "-00000000000G"), CheckpointError::Origin);
        assert_eq!(with("-0000-", "0000"), CheckpointError::Origin);
        for size in ["", "012", "-1", "+12", "12 ", "1e3", "18446744073709551616"] {
            assert_eq!(with("12\n", &format!("{size}\n")), CheckpointError::Size, "{size}");
        }
        assert_eq!(with("47DE", ""), CheckpointError::Root);
        assert_eq!("".parse::<Checkpoint>(), Err(CheckpointError::Origin));
    }

    #[test]
    fn a_tree_has_no_more_leaves_than_it_may() {
        let of = |size: u64| TEXT.replacen("12\n", &format!("{size}\n"), 1).parse::<Checkpoint>();
        assert_eq!(of(TREE_LEAVES).unwrap().size, TREE_LEAVES);
        assert_eq!(of(TREE_LEAVES + 1), Err(CheckpointError::Size));
        assert_eq!(of(0).unwrap().size, 0);
    }

    #[test]
    fn a_signature_is_of_one_key_one_log_and_one_text() {
        let signer = Ed25519Signer::from_seed([1; 32]);
        let text = SignedCheckpoint::sign(checkpoint(), &signer).note.to_string();
        let key = signer.verifier_key(&ORIGIN);
        assert_eq!(SignedCheckpoint::verify(&text, &key).unwrap().checkpoint, checkpoint());
        assert_eq!(SignedCheckpoint::parse(&text).unwrap().note.to_string(), text);

        let changed = text.replacen("\n12\n", "\n13\n", 1);
        assert_eq!(SignedCheckpoint::verify(&changed, &key), Err(NoteError::Invalid.into()));
        let other = Ed25519Signer::from_seed([2; 32]).verifier_key(&ORIGIN);
        assert_eq!(SignedCheckpoint::verify(&text, &other), Err(NoteError::Unsigned.into()));
        let elsewhere = signer.verifier_key(&Origin(EventId(Uuid::from_u128(8))));
        assert_eq!(SignedCheckpoint::verify(&text, &elsewhere), Err(NoteError::Unsigned.into()));
    }
}
