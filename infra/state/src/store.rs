//! What a store keeps, one trait per concern. Each backend implements all of them; what the rows mean is decided
//! outside, once.

use crate::leases::{Holder, Lease};
use crate::vault::Rewrap;
use scanledger_commands::ports::Seen;
use scanledger_domain::id::{ApiKeyId, CommandId, OrganizationId, SubjectId};
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use std::collections::HashMap;

/// Why something cannot be used as a state store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It was written by a newer version of this program.
    #[error("the state store has schema {found}, and this version knows up to {known}")]
    Newer {
        /// The schema of the store.
        found: usize,
        /// The newest schema this binary knows.
        known: usize,
    },
    /// It is another program's database, or was changed by another program.
    #[error("this is not a state store")]
    Foreign,
    /// Its keys are under another server key.
    #[error("the state store belongs to another server key")]
    OtherServerKey,
    /// Another process restored keys after this one opened the store, or changed the server's key, and this one was
    /// given the key and not its file: this one has to be restarted.
    #[error(
        "the keys of the state store were changed by another process; restart with the present server key"
    )]
    KeysChanged,
    /// Another process changed the server's key, and it is not in the key file of this one, which needs no restart
    /// once it is.
    #[error(
        "the state store is under another server key than the one in the key file of this node: put the present \
         key file in its place"
    )]
    OtherKeyFile,
    /// Another process changed the server's key, and there is none to be read where that of this one was.
    #[error(
        "the state store is under another server key than before, and the key file of this node cannot be read: {0}"
    )]
    KeyFileUnread(String),
}

/// A key under the server's key: nonce, ciphertext and tag.
pub(crate) type Wrapped = Vec<u8>;

/// The keys that a store has once.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    /// Grows whenever all keys are written anew, by a step that nobody can foresee.
    pub generation: i64,
    /// A known text under the server's key.
    pub check: Vec<u8>,
    /// The key for keyed hashes.
    pub data_key: Wrapped,
    /// The seed for signatures; none in a store that was made before there was one.
    pub signing_key: Option<Wrapped>,
}

/// A subject, as the store knows it.
pub(crate) struct Found {
    /// Its key.
    pub key: FoundKey,
    /// The generation that the key is of.
    pub generation: i64,
}

/// Whether a subject has a key.
pub(crate) enum FoundKey {
    /// It has.
    Key(Wrapped),
    /// It was erased.
    Erased,
    /// It never had one.
    None,
}

/// What came of writing a subject's key.
pub(crate) enum PutKey {
    /// The key that is there now: the given one, or that of somebody who was faster.
    Key(Wrapped),
    /// The subject was erased.
    Erased,
    /// The store has keys of another generation than the given one.
    OtherGeneration,
}

/// All keys, and who was erased, at one instant.
pub(crate) struct AllKeys {
    pub installation: Installation,
    /// In the order of their subjects.
    pub subjects: Vec<(SubjectId, Wrapped)>,
    /// In the order in which they were erased.
    pub erased: Vec<SubjectId>,
}

/// Keys at rest. Every method blocks.
pub(crate) trait KeyRows: Send + Sync {
    /// The installation's keys; none in a new store.
    fn load(&self) -> Result<Option<Installation>, Cause>;

    /// Keeps of `fresh` what is missing, and answers what is there then.
    fn fill(&self, fresh: Installation) -> Result<Installation, Cause>;

    fn find(&self, subject: SubjectId) -> Result<Found, Cause>;

    /// Keeps `wrapped` as the subject's key, durably, unless it has one or was erased.
    fn put(&self, generation: i64, subject: SubjectId, wrapped: Wrapped) -> Result<PutKey, Cause>;

    /// Deletes the subject's key and remembers that, durably.
    fn erase(&self, subject: SubjectId) -> Result<(), Cause>;

    /// Who was erased, in that order.
    fn erased(&self) -> Result<Vec<SubjectId>, Cause>;

    /// A number that changes with every erasure, whoever erases; at most [`crate::ERASURE_DELAY`] old. Fast, for
    /// it is asked on every use of a key.
    fn erasures(&self) -> Result<i64, Cause>;

    /// Puts every key under another server key, in one transaction.
    fn rewrap(&self, rewrap: Rewrap) -> Result<Installation, Cause>;

    /// Everything, read in one snapshot.
    fn export(&self) -> Result<AllKeys, Cause>;

    /// Writes everything in one transaction, as a further generation; `None` if there are keys of subjects, or
    /// erasures, already.
    fn import(&self, keys: AllKeys) -> Result<Option<Installation>, Cause>;
}

/// Rows of leases. Every method blocks; instants that are answered are on the caller's clock.
pub(crate) trait LeaseRows: Send + Sync {
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl_us: i64) -> Result<Option<Lease>, Cause>;
    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl_us: i64) -> Result<Option<Lease>, Cause>;
    fn release(&self, name: &str, owner: &str) -> Result<bool, Cause>;
    fn lapsed(&self, now: Timestamp) -> Result<Vec<Holder>, Cause>;
    fn holder(&self, name: &str) -> Result<Option<Holder>, Cause>;
}

/// Rows of small values. Every method blocks.
pub(crate) trait CheckpointRows: Send + Sync {
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, Cause>;
    fn put(&self, name: &str, value: &[u8]) -> Result<(), Cause>;
    fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, Cause>;
}

/// Rows of last-used times. Every method blocks.
pub(crate) trait KeyUseRows: Send + Sync {
    /// Writes all of `times`; a later time that is there stays.
    fn write(&self, times: &HashMap<ApiKeyId, Timestamp>) -> Result<(), Cause>;
    fn read(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, Cause>;
}

/// Requests of an organization on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallRow {
    pub organization: OrganizationId,
    /// Since 1970, UTC.
    pub day: i32,
    pub calls: u64,
}

/// Rows of counts. Every method blocks.
pub(crate) trait CallRows: Send + Sync {
    /// Adds to what is there, in one transaction; each organization and day at most once.
    fn add(&self, rows: &[CallRow]) -> Result<(), Cause>;
    /// The calls of an organization from a day on.
    fn sum(&self, organization: OrganizationId, first: i32) -> Result<u64, Cause>;
    /// Drops the days before one.
    fn forget(&self, first: i32) -> Result<(), Cause>;
}

/// Rows of remembered requests.
pub(crate) trait RequestRows: Send + Sync {
    /// Keeps `body` with the store's present time unless the command has one, and compares.
    fn remember(&self, command: CommandId, body: [u8; 32]) -> BoxFuture<'_, Result<Seen, Cause>>;

    /// Drops what was seen more than `age_us` microseconds before `now` and before the store's own present time.
    /// Blocks.
    fn forget(&self, now: Timestamp, age_us: i64) -> Result<u64, Cause>;
}

/// A backend.
pub(crate) trait Store:
    KeyRows + LeaseRows + CheckpointRows + KeyUseRows + CallRows + RequestRows
{
    /// Does what was put off: blocks, for as long as it takes.
    fn sweep(&self) -> Result<(), Cause>;
}
