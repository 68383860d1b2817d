//! Server keys that another process put in the place of the present one: the vault goes on with the key that its file
//! has by then.

use super::wrapping::open_installation;
use super::{KeyVault, Keys, failed};
use crate::key_file::KeyFile;
use crate::server_key::ServerKey;
use crate::store::{Installation, Unusable};
use parking_lot::Mutex;
use scanledger_domain::vault::VaultError;
use scanledger_domain::{Cause, OutOfReach};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long nobody looks again after a look in vain. Each reads a row and a file, and every request that needs a
/// key would take one.
const AGAIN: Duration = Duration::from_secs(1);

/// Where the present server key is looked for, and what came of it.
pub(super) struct Following {
    /// None for who was given the key itself.
    file: Option<KeyFile>,
    /// When somebody last looked in vain. Held while somebody looks, so that of many requests one does.
    vain: Mutex<Option<Instant>>,
    trouble: Mutex<Option<Unusable>>,
}

impl Following {
    pub(super) fn of(file: Option<KeyFile>) -> Self {
        Self { file, vain: Mutex::new(None), trouble: Mutex::new(None) }
    }

    /// Opens what another process has made of the `known` keys.
    fn open(&self, known: &Keys, installation: Installation) -> Result<Keys, Unusable> {
        let file = self.file.as_ref().ok_or(Unusable::KeysChanged)?;
        let fits = |key: &ServerKey| open_installation(&key.0, &installation).is_ok();
        let found = file.find_fitting(fits).map_err(|error| Unusable::KeyFileUnread(error.in_full()))?;
        let key = found.ok_or(Unusable::OtherKeyFile)?;
        let keys = Keys::open(&key.0, installation).map_err(|_| Unusable::KeysChanged)?;
        if keys.are_of_the_same_installation(known) { Ok(keys) } else { Err(Unusable::KeysChanged) }
    }
}

impl Keys {
    /// Whether hashes and signatures are the same with either. They are not after keys were restored from a backup.
    fn are_of_the_same_installation(&self, other: &Self) -> bool {
        let opened = [self, other].map(|keys| open_installation(&keys.server, &keys.installation));
        matches!(opened, [Ok(here), Ok(there)] if here.data_key.bytes() == there.data_key.bytes())
    }
}

impl KeyVault {
    /// Looks whether another process has put the keys under another server key, and goes on with that one if it is in
    /// the key file that the store was opened with, or beside it, where a rotation leaves it until its end. Who needs a
    /// key does the same, at most once a second; called now and then, this knows of trouble before somebody meets it,
    /// and when it is over. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read; with an [`Unusable`] among the causes when the present server key is not there:
    /// then only what is in memory opens.
    pub fn keep_up(&self) -> Result<(), VaultError> {
        let mut vain = self.following.vain.lock();
        self.look(&mut vain).map(drop).map_err(failed("see whether the server's key was changed"))
    }

    /// Why texts can only be sealed and opened with the keys that are in memory, if that was so when the vault looked
    /// last. It holds nothing secret, and no path.
    pub fn trouble(&self) -> Option<Unusable> {
        self.following.trouble.lock().clone()
    }

    /// The keys that came after those of the generation `stale`.
    pub(super) fn keys_after(&self, stale: i64) -> Result<Arc<Keys>, Cause> {
        let mut vain = self.following.vain.lock();
        // Who was here before may have found them, or this process is the one that rotates.
        let keys = self.keys();
        if keys.installation.generation != stale {
            return Ok(keys);
        }
        let last = *vain;
        match last {
            Some(at) if at.elapsed() < AGAIN => Err(not_now(self.trouble().unwrap_or(Unusable::KeysChanged))),
            Some(_) | None => self.look(&mut vain),
        }
    }

    fn look(&self, vain: &mut Option<Instant>) -> Result<Arc<Keys>, Cause> {
        let known = self.keys();
        // Also if the store does not answer: everybody who waits would ask it again, one after the other.
        *vain = Some(Instant::now());
        let installation = self.rows.load()?.ok_or(Unusable::Foreign)?;
        // By more than its number: a database that was put back to an earlier state gives numbers out again.
        let found = if installation == known.installation {
            Ok(known)
        } else {
            self.following.open(&known, installation).map(|keys| self.take(&known, keys))
        };
        if found.is_ok() {
            *vain = None;
        }
        *self.following.trouble.lock() = found.as_ref().err().cloned();
        found.map_err(not_now)
    }

    fn take(&self, known: &Arc<Keys>, found: Keys) -> Arc<Keys> {
        let mut keys = self.keys.write();
        // This process may have rotated them itself meanwhile.
        if Arc::ptr_eq(&keys, known) {
            *keys = Arc::new(found);
        }
        Arc::clone(&keys)
    }
}

/// Whoever asked may come back: an operator can mend it while the process runs.
pub(super) fn not_now(why: Unusable) -> Cause {
    OutOfReach(why.into()).into()
}
