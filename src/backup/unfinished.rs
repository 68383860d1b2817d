//! A restore that is under way, as everybody sees it who opens the state store: what it has written so far is not
//! served. It stands there from before the first key until after the last event, with the attempt that is at work. A
//! later attempt at the same restore takes it over, and the one before it stops as soon as it looks.

use super::Manifest;
use anyhow::{Context, Result, bail};
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::log::Position;
use scanledger_state::State;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The checkpoint; with nothing in it, no restore is under way.
const NAME: &str = "restore/unfinished";
/// What a restore whose mark is another's by now has to leave to that one.
const OVERTAKEN: &str =
    "another restore goes on with the same backup here, and this one stops: let that one end";

/// Which backup is being restored, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfinished {
    /// The identity of the log that it is of.
    log: Uuid,
    /// The last event in it.
    position: Position,
    /// Who is at work; none of those who look for theirs, if a former version noted it.
    #[serde(default)]
    attempt: Uuid,
}

impl Unfinished {
    /// An attempt to restore the backup of a manifest.
    pub(super) const fn of(manifest: &Manifest, attempt: Uuid) -> Self {
        Self { log: manifest.log, position: manifest.position, attempt }
    }

    /// Whether it is of the same backup, whoever is at work.
    pub(super) fn is_of(&self, manifest: &Manifest) -> bool {
        *self == Self::of(manifest, self.attempt)
    }

    /// The restore that was begun in this store and did not end. Blocks.
    ///
    /// # Errors
    /// When the store fails, or does not say what was begun.
    pub fn find(checkpoints: &dyn Checkpoints) -> Result<Option<Self>> {
        Self::parse(find(checkpoints)?.as_deref())
    }

    fn parse(noted: Option<&[u8]>) -> Result<Option<Self>> {
        let noted = noted.filter(|bytes| !bytes.is_empty());
        noted
            .map(serde_json::from_slice)
            .transpose()
            .context("the note of a restore that did not end cannot be read")
    }

    /// Whether a restore was ever begun in this store, ended or not: there is one in a store's life. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn was_begun(checkpoints: &dyn Checkpoints) -> Result<bool> {
        Ok(find(checkpoints)?.is_some())
    }

    /// Notes that this attempt is at work, in a store without keys of anybody, or in place of an earlier attempt at the
    /// same restore. Of several at the same time, the last one is.
    pub(super) fn begin(&self, state: &State) -> Result<Begun> {
        let value = serde_json::to_vec(self)?;
        loop {
            let noted = find(&*state.checkpoints)?;
            let begun = match Self::parse(noted.as_deref())? {
                Some(before) if (Self { attempt: self.attempt, ..before }) == *self => Begun::Before,
                None if noted.is_none() && state.vault.is_empty()? => Begun::Now,
                Some(_) | None => {
                    bail!(
                        "the state store is not empty: an installation is in it, and nothing is written over"
                    )
                }
            };
            if replace(&*state.checkpoints, noted.as_deref(), &value)? {
                return Ok(begun);
            }
        }
    }

    /// Makes sure that this attempt is still the one at work.
    pub(super) fn hold(&self, checkpoints: &dyn Checkpoints) -> Result<()> {
        if Self::find(checkpoints)? != Some(*self) {
            bail!(OVERTAKEN);
        }
        Ok(())
    }

    /// Notes that the restore has ended, if this attempt is still the one at work.
    pub(super) fn end(&self, checkpoints: &dyn Checkpoints) -> Result<()> {
        if !replace(checkpoints, Some(&serde_json::to_vec(self)?), b"")? {
            bail!(OVERTAKEN);
        }
        Ok(())
    }
}

fn find(checkpoints: &dyn Checkpoints) -> Result<Option<Vec<u8>>> {
    let found = checkpoints.find(NAME).map_err(anyhow::Error::from_boxed);
    found.context("while looking for a restore that did not end")
}

fn replace(checkpoints: &dyn Checkpoints, before: Option<&[u8]>, value: &[u8]) -> Result<bool> {
    let replaced = checkpoints.replace(NAME, before, value).map_err(anyhow::Error::from_boxed);
    replaced.context("while noting that a restore is at work")
}

/// When a restore began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// At this moment.
    Now,
    /// By an earlier attempt.
    Before,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of the log {} up to position {}", self.log, self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, Unfinished};
    use scanledger_domain::id::SubjectId;
    use scanledger_domain::log::Position;
    use scanledger_domain::vault::Vault;
    use scanledger_state::{ServerKey, State};
    use uuid::Uuid;

    const RESTORE: Unfinished =
        Unfinished { log: Uuid::from_u128(1), position: Position(5), attempt: Uuid::from_u128(11) };
    const AGAIN: Unfinished = Unfinished { attempt: Uuid::from_u128(12), ..RESTORE };

    fn state(folder: &tempfile::TempDir) -> State {
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        State::open(&folder.path().join("state.db"), &key).unwrap()
    }

    #[test]
    fn a_restore_begins_once_and_another_one_not_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(&folder);
        assert!(!Unfinished::was_begun(&*state.checkpoints).unwrap());
        assert_eq!(RESTORE.begin(&state).unwrap(), Begun::Now);
        assert_eq!(RESTORE.begin(&state).unwrap(), Begun::Before);
        Unfinished { position: Position(6), ..RESTORE }.begin(&state).unwrap_err();
        assert_eq!(Unfinished::find(&*state.checkpoints).unwrap(), Some(RESTORE));
        RESTORE.end(&*state.checkpoints).unwrap();
        RESTORE.begin(&state).unwrap_err();
        assert_eq!(Unfinished::find(&*state.checkpoints).unwrap(), None);
        assert!(Unfinished::was_begun(&*state.checkpoints).unwrap());
    }

    #[test]
    fn the_last_attempt_goes_on_and_no_other_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(&folder);
        let checkpoints = &*state.checkpoints;
        assert_eq!(RESTORE.begin(&state).unwrap(), Begun::Now);
        RESTORE.hold(checkpoints).unwrap();
        assert_eq!(AGAIN.begin(&state).unwrap(), Begun::Before);
        AGAIN.hold(checkpoints).unwrap();
        for overtaken in [RESTORE.hold(checkpoints), RESTORE.end(checkpoints)] {
            let why = overtaken.unwrap_err().to_string();
            assert!(why.contains("another restore goes on"), "{why}");
        }
        assert_eq!(Unfinished::find(checkpoints).unwrap(), Some(AGAIN));
        AGAIN.end(checkpoints).unwrap();
        assert_eq!(Unfinished::find(checkpoints).unwrap(), None);
        AGAIN.hold(checkpoints).unwrap_err();
    }

    #[test]
    fn what_a_former_version_noted_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(&folder);
        let noted = br#"{"log":"00000000-0000-0000-0000-000000000001","position":5}"#;
        state.checkpoints.put(super::NAME, noted).unwrap();
        assert_eq!(RESTORE.begin(&state).unwrap(), Begun::Before);
        RESTORE.end(&*state.checkpoints).unwrap();
    }

    #[test]
    fn an_installation_is_never_taken_for_half_a_restore() {
        let erase = |state: &State, subject| {
            state.vault.erase(subject).unwrap();
        };
        let seal = |state: &State, subject| {
            state.vault.seal(subject, "Ana").unwrap();
        };
        for make in [&seal as &dyn Fn(&State, SubjectId), &erase] {
            let folder = tempfile::tempdir().unwrap();
            let state = state(&folder);
            make(&state, SubjectId(Uuid::from_u128(7)));
            let why = RESTORE.begin(&state).unwrap_err().to_string();
            assert!(why.contains("an installation is in it"), "{why}");
            assert_eq!(Unfinished::find(&*state.checkpoints).unwrap(), None);
        }
    }
}
