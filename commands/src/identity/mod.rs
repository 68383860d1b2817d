//! Who there is: setting up, people and their sessions, teams, members of organizations, and API keys.

mod access;
mod join;
mod key;
mod leave;
mod member;
mod notice;
mod operator;
mod origin;
mod own_password;
mod password;
mod person;
mod provider;
mod reset;
mod session;
mod set_up;
mod team;

pub(crate) use access::strangers;
pub use key::{IssuedKey, KeyRefusal, NewKey, role_of_issued_key};
pub use member::{Invitation, InvitationRecorded, InvitationSent, MemberRefusal, NewInvitation};
pub use origin::Asked;
pub use own_password::{KeysAfter, PasswordChange, PasswordChanged};
pub use person::{AdminRole, NewPerson, PersonChanged, PersonRefusal, Registered};
pub use provider::{GroupRule, Newcomers, ProviderRefusal};
pub use reset::ResetAsked;
pub use session::{Lifetimes, SignInRefusal, SignedIn};
pub use set_up::{SetUp, SetUpDone, SetUpRefusal};
pub use team::{NewTeam, TeamChanged, TeamProblem};

use crate::error::Fault;
use crate::ledger::Ledger;
use crate::ports::{Entropy, Mailer, ReadModel};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use password::Passwords;
use scanledger_domain::claim::{Claim, Unique, claim_stream};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::KeyHash;
use scanledger_domain::time::Clock;
use scanledger_domain::vault::Vault;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// How long a sign-in waits for the read model to show what it changed.
const VIEWS_WAIT: Duration = Duration::from_secs(2);
/// Random bytes of a secret that is no API key: tokens of sessions, resets and invitations.
const SECRET_BYTES: usize = 32;

/// A secret that is shown once. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The clear text, to be shown to whoever asked for it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Does what has to be done whole even if whoever asked for it goes: a request that ends takes its handler with it.
///
/// # Errors
/// When it panics, or the server ends.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Fault> {
    let work = tokio::spawn(Box::pin(work.in_current_span()));
    work.await.map_err(|error| Fault::other("finish what was begun", error))
}

/// What the service works with.
#[derive(Clone)]
pub struct IdentityParts {
    /// Where it writes.
    pub ledger: Ledger,
    /// Seals what is personal.
    pub vault: Arc<dyn Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where secrets come from.
    pub entropy: Arc<dyn Entropy>,
    /// What it reads besides streams.
    pub views: Arc<dyn ReadModel>,
    /// Who delivers messages; without, none are sent.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// How long sessions and tokens last.
    pub lifetimes: Lifetimes,
}

/// Everything that changes who there is.
#[derive(Clone)]
pub struct Identities {
    ledger: Ledger,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    views: Arc<dyn ReadModel>,
    mailer: Option<Arc<dyn Mailer>>,
    lifetimes: Lifetimes,
    passwords: Passwords,
    resets: Arc<reset::Cooldowns>,
}

impl Identities {
    /// The service.
    pub fn new(parts: IdentityParts) -> Self {
        let IdentityParts { ledger, vault, clock, entropy, views, mailer, lifetimes } = parts;
        let passwords = Passwords::new(Arc::clone(&entropy));
        let resets = Arc::default();
        Self { ledger, vault, clock, entropy, views, mailer, lifetimes, passwords, resets }
    }

    /// How long sessions and tokens last.
    pub const fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }

    /// The organization that the installation was set up with, if it was.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn first_organization(&self) -> Result<Option<OrganizationId>, Fault> {
        let holder = self.ledger.load::<Claim>(&claim_stream(&*self.vault, Unique::Setup)).await?.0;
        Ok(holder.and_then(|holder| holder.as_str().strip_prefix("organization-")?.parse().ok()))
    }

    /// A secret of `what`: its id, so that it is found, and what nobody can guess.
    fn secret(&self, what: &str) -> Result<Token, Fault> {
        let mut random = [0; SECRET_BYTES];
        self.entropy.fill(&mut random).map_err(|error| Fault::other("make a token", error))?;
        Ok(Token(format!("{what}.{}", BASE64_URL_SAFE_NO_PAD.encode(random))))
    }
}
