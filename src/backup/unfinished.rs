//! A restore that is under way, as everybody sees it who opens the state store: what it has written so far is not
//! served. It stands there from before the first key until after the last event.

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

/// Which backup is being restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfinished {
    /// The identity of the log that it is of.
    log: Uuid,
    /// The last event in it.
    position: Position,
}

impl Unfinished {
    pub(super) const fn of(manifest: &Manifest) -> Self {
        Self { log: manifest.log, position: manifest.position }
    }

    /// The restore that was begun in this store and did not end. Blocks.
    ///
    /// # Errors
    /// When the store fails, or does not say what was begun.
    pub fn find(checkpoints: &dyn Checkpoints) -> Result<Option<Self>> {
        let doing = "while looking for a restore that did not end";
        let found = checkpoints.find(NAME).map_err(anyhow::Error::from_boxed).context(doing)?;
        let found = found.filter(|bytes| !bytes.is_empty());
        found.map(|bytes| serde_json::from_slice(&bytes)).transpose().context(doing)
    }

    /// Whether a restore was ever begun in this store, ended or not: there is one in a store's life. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn was_begun(checkpoints: &dyn Checkpoints) -> Result<bool> {
        let found = checkpoints.find(NAME).map_err(anyhow::Error::from_boxed);
        Ok(found.context("while looking for a restore")?.is_some())
    }

    /// Notes that it has begun, in a store without keys of anybody, unless an earlier attempt has.
    pub(super) fn begin(&self, state: &State) -> Result<Begun> {
        if Self::find(&*state.checkpoints)?.as_ref() == Some(self) {
            return Ok(Begun::Before);
        }
        let doing = "while noting that a restore has begun";
        let value = serde_json::to_vec(self)?;
        let is_noted =
            state.vault.is_empty()? && state.checkpoints.replace(NAME, None, &value).context(doing)?;
        if !is_noted {
            bail!("the state store is not empty: an installation is in it, and nothing is written over");
        }
        Ok(Begun::Now)
    }

    pub(super) fn end(checkpoints: &dyn Checkpoints) -> Result<()> {
        let put = checkpoints.put(NAME, b"");
        put.map_err(anyhow::Error::from_boxed).context("while noting that the restore has ended")
    }
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

    const RESTORE: Unfinished = Unfinished { log: Uuid::from_u128(1), position: Position(5) };

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
        Unfinished::end(&*state.checkpoints).unwrap();
        RESTORE.begin(&state).unwrap_err();
        assert_eq!(Unfinished::find(&*state.checkpoints).unwrap(), None);
        assert!(Unfinished::was_begun(&*state.checkpoints).unwrap());
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
