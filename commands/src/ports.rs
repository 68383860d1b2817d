//! What this crate needs of the outside besides the domain's ports: read models, leases, archives, randomness, mail,
//! sign-in providers and the code host.

mod code_host;
mod mail;
mod provider;
mod read_model;
mod rules;

pub use code_host::{
    Annotation, AnnotationLevel, BranchEnd, ChangedFile, CheckAction, CheckActionProblem, CheckOutput,
    CheckRun, CheckStatus, CodeHost, CodeHostError, FileChange, FileStatus, FoundCheckRun, HeadOrigin,
    InstallationEnd, InvalidPayload, NewCommit, NewPullRequest, OpenedPullRequest, Permission, PullRequest,
    PullRequestEnd, PullRequestStep, RepositoryFacts, SignatureRefusal, Visibility, WebhookEvent,
    WebhookSecret,
};
pub use mail::{Mail, Mailer};
pub use provider::{Authorization, EmailStanding, IdentityProvider, ProviderError, Vouched, VouchedEmail};
pub use read_model::{
    HeldScan, IncidentOwner, InventorySnapshot, KeyOfPerson, KnownFinding, KnownHoneytoken, OpenBranch,
    PresentFindings, ReadError, ReadModel, RunnableScan, SilentScan, TeamUsage, TriageSnapshot, Unsettled,
};
pub use rules::{RuleChecker, StarterRules};

use scanledger_domain::id::CommandId;
use scanledger_domain::source::SourceTree;
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use std::path::Path;
use std::time::Duration;

/// Who holds a lease, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// Who holds it, or held it if it has lapsed.
    pub owner: String,
    /// When it lapses unless it is renewed.
    pub until: Timestamp,
}

/// Rows that say who works at what. In the state store, never in the log. May block.
pub trait Leases: Send + Sync {
    /// Takes the lease `name` until `ttl` after `now`; `false` if another owner holds it and it has not lapsed.
    ///
    /// # Errors
    /// When the store fails.
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause>;

    /// Lets the lease run until `ttl` after `now`; `false` if `owner` no longer holds it.
    ///
    /// # Errors
    /// When the store fails.
    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause>;

    /// Gives the lease back, if `owner` has it.
    ///
    /// # Errors
    /// When the store fails.
    fn release(&self, name: &str, owner: &str) -> Result<(), Cause>;

    /// Who has the lease, lapsed or not.
    ///
    /// # Errors
    /// When the store fails.
    fn holder(&self, name: &str) -> Result<Option<LeaseHolder>, Cause>;
}

/// Small values by name, each durable when it was put: how far reactors and publishers have come, signed heads of
/// the tree. In the state store, never in the log. May block.
pub trait Checkpoints: Send + Sync {
    /// The value put last.
    ///
    /// # Errors
    /// When the store fails.
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, Cause>;

    /// Keeps `value` under `name` instead of what was there.
    ///
    /// # Errors
    /// When the store fails.
    fn put(&self, name: &str, value: &[u8]) -> Result<(), Cause>;

    /// Keeps `value` under `name` if what is there is exactly `before` (`None`: nothing); `false` if it is not.
    ///
    /// # Errors
    /// When the store fails.
    fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, Cause>;
}

/// What came out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnpackedFacts {
    /// Regular files.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Entries left out because they are neither files nor folders.
    pub skipped: u64,
}

/// An archive could not be unpacked.
#[derive(Debug, thiserror::Error)]
#[error("the archive could not be unpacked: {message}")]
pub struct UnpackProblem {
    /// Whether the archive is to blame, rather than this machine.
    pub is_input_fault: bool,
    /// What is wrong, fit for the client: names the entry, tells nothing about this machine.
    pub message: String,
    /// Why, for the server's log.
    #[source]
    pub source: Option<Cause>,
}

/// Unpacks sources into memory or a private folder, within hard limits. Blocks.
pub trait Unpacker: Send + Sync {
    /// Unpacks `archive`, which the client called `file_name`: into memory if it is small, else into
    /// `destination`, which is then made.
    ///
    /// # Errors
    /// When the archive is broken, escapes its folder or exceeds a limit, or this machine fails.
    fn unpack(
        &self,
        archive: &Path,
        file_name: &str,
        destination: &Path,
    ) -> Result<(SourceTree, UnpackedFacts), UnpackProblem>;

    /// Looks whether a file begins like an archive that can be unpacked; what is in it may still be refused.
    ///
    /// # Errors
    /// When it does not, or this machine fails.
    fn recognise(&self, archive: &Path, file_name: &str) -> Result<(), UnpackProblem>;
}

/// Whether a request was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was not.
    New,
    /// It was, with the same body.
    Same,
    /// It was, with another body: the request is to be refused (HTTP 422).
    Different,
}

/// Remembers which body came with which idempotency key.
pub trait IdempotencyStore: Send + Sync {
    /// Remembers the SHA-256 of the `body` of the first request that was `command`, and compares later ones.
    fn remember(&self, command: CommandId, body: [u8; 32]) -> BoxFuture<'_, Result<Seen, Cause>>;
}

/// Where randomness comes from. Passed in, so that tests are repeatable.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with bytes that nobody can guess.
    ///
    /// # Errors
    /// When the system has none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Cause>;
}

/// The randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Cause> {
        getrandom::fill(bytes).map_err(Into::into)
    }
}
