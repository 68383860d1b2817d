//! Honeytokens: making, changing and ending them together with the claim on their name, and taking note of who uses
//! them.

mod credential;
mod note;
mod usage;

pub use credential::DecoyCredential;
pub use note::NoteWritten;

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Batch, Committed, Executed, Ledger, Races};
use crate::ports::{Entropy, ReadModel};
use scanledger_domain::claim::{Claim, ClaimCommand, ClaimRefusal, Unique, claim_stream};
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::honeytoken::{
    Created, Honeytoken, HoneytokenCommand, HoneytokenEvent, HoneytokenKind, HoneytokenLife,
    HoneytokenRefusal, HoneytokenState, NewHoneytoken, honeytoken_stream,
};
use scanledger_domain::id::{HoneytokenId, OrganizationId, SubjectId};
use scanledger_domain::log::{Position, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_domain::vault::Vault;
use std::sync::Arc;

/// A honeytoken that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoneytokenWanted {
    /// Whose it will be.
    pub organization: OrganizationId,
    /// What to call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A honeytoken that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoneytokenMade {
    /// Its id.
    pub honeytoken: HoneytokenId,
    /// It, as it is in the log.
    pub created: Created,
    /// When that was recorded.
    pub created_at: Timestamp,
    /// What is to be planted.
    pub credential: DecoyCredential,
    /// Position of the command's last event.
    pub position: Position,
}

/// What shall be different about a honeytoken; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HoneytokenPatch {
    /// Another name.
    pub name: Option<String>,
    /// Another description, or none.
    pub description: Option<Option<String>>,
}

/// Why a honeytoken stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoneytokenProblem {
    /// Another honeytoken of the organization has the name.
    #[error("another honeytoken of the organization has this name")]
    NameTaken,
    /// The rules of honeytokens.
    #[error(transparent)]
    Honeytoken(#[from] HoneytokenRefusal),
}

type Result<T> = std::result::Result<T, CommandError<HoneytokenProblem>>;

/// Makes, changes and ends honeytokens, each of which the caller knows to be of their organization.
#[derive(Clone)]
pub struct Honeytokens {
    ledger: Ledger,
    vault: Arc<dyn Vault>,
    views: Arc<dyn ReadModel>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Honeytokens {
    /// The service.
    pub fn new(
        ledger: Ledger,
        vault: Arc<dyn Vault>,
        views: Arc<dyn ReadModel>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { ledger, vault, views, clock, entropy }
    }

    /// The id of the honeytoken that this command makes.
    pub fn made_by(context: &Context) -> HoneytokenId {
        context.made_id("honeytoken")
    }

    /// Makes a honeytoken. A repeated command answers the same one.
    ///
    /// # Errors
    /// [`HoneytokenProblem::NameTaken`], the honeytoken's refusals, or a fault.
    pub async fn create(&self, context: &Context, wanted: HoneytokenWanted) -> Result<HoneytokenMade> {
        if let Some(made) = self.repeated(context).await? {
            return Ok(made);
        }
        let honeytoken = Self::made_by(context);
        let stream = honeytoken_stream(honeytoken);
        let credential = DecoyCredential::fresh(&*self.entropy)?;
        let created = self.seal(honeytoken, wanted, &credential).await?;
        let mut races = Races::default();
        loop {
            let others = self.views.live_honeytokens(created.organization).await?;
            let mut batch = self.ledger.batch(context);
            let decided = match self.take(&mut batch, created.organization, &created.name, &stream).await {
                Ok(()) => {
                    let new = Box::new(NewHoneytoken { created: created.clone(), others });
                    decide(&mut batch, honeytoken, HoneytokenCommand::Create(new)).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = decided {
                // The same command may have been appended, by another node, since it was looked up.
                return self.repeated(context).await?.ok_or(error);
            }
            match batch.commit().await? {
                Committed::At { position, recorded_at: created_at } => {
                    return Ok(HoneytokenMade { honeytoken, created, created_at, credential, position });
                }
                Committed::Nothing | Committed::Raced => races.lost()?,
            }
            if let Some(made) = self.repeated(context).await? {
                return Ok(made);
            }
        }
    }

    /// Changes what `patch` says, and moves the claim if that is the name.
    ///
    /// # Errors
    /// [`HoneytokenProblem::NameTaken`], the honeytoken's refusals, or a fault.
    pub async fn change(
        &self,
        context: &Context,
        honeytoken: HoneytokenId,
        patch: HoneytokenPatch,
    ) -> Result<Option<Position>> {
        let stream = honeytoken_stream(honeytoken);
        let mut races = Races::default();
        loop {
            if let Some(position) = self.done_before(context).await? {
                return Ok(Some(position));
            }
            let (before, version) = self.known(honeytoken).await?;
            let name = patch.name.clone().unwrap_or_else(|| before.name.clone());
            let description = patch.description.clone().unwrap_or_else(|| before.description.clone());
            let mut batch = self.ledger.batch(context);
            let command = HoneytokenCommand::Change { name: name.clone(), description };
            if !decide_on(&mut batch, honeytoken, version, command).await? {
                races.lost()?;
                continue;
            }
            let (from, to) =
                (self.claim(before.organization, &before.name), self.claim(before.organization, &name));
            if from != to {
                self.take(&mut batch, before.organization, &name, &stream).await?;
                release(&mut batch, from, &stream).await?;
            }
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Some(position)),
                Committed::Nothing => return Ok(None),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Notes that the uses of a honeytoken are dealt with.
    ///
    /// # Errors
    /// The honeytoken's refusals, or a fault.
    pub async fn reset(&self, context: &Context, honeytoken: HoneytokenId) -> Result<Option<Position>> {
        Ok(self.execute(context, honeytoken, HoneytokenCommand::Reset).await?.position)
    }

    /// Ends a honeytoken for good and gives its name back.
    ///
    /// # Errors
    /// The honeytoken's refusals, or a fault.
    pub async fn revoke(&self, context: &Context, honeytoken: HoneytokenId) -> Result<Option<Position>> {
        let stream = honeytoken_stream(honeytoken);
        let mut races = Races::default();
        loop {
            if let Some(position) = self.done_before(context).await? {
                return Ok(Some(position));
            }
            let (before, version) = self.known(honeytoken).await?;
            let mut batch = self.ledger.batch(context);
            if !decide_on(&mut batch, honeytoken, version, HoneytokenCommand::Revoke).await? {
                races.lost()?;
                continue;
            }
            release(&mut batch, self.claim(before.organization, &before.name), &stream).await?;
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Some(position)),
                Committed::Nothing | Committed::Raced => races.lost()?,
            }
        }
    }

    async fn execute(
        &self,
        context: &Context,
        honeytoken: HoneytokenId,
        command: HoneytokenCommand,
    ) -> Result<Executed<Honeytoken>> {
        self.ledger
            .execute::<Honeytoken>(context, &honeytoken_stream(honeytoken), None, command)
            .await
            .map_err(|error| error.map_refused(HoneytokenProblem::from))
    }

    async fn known(&self, honeytoken: HoneytokenId) -> Result<(HoneytokenLife, Version)> {
        let (state, version) = self.ledger.load::<Honeytoken>(&honeytoken_stream(honeytoken)).await?;
        match state {
            HoneytokenState::Known(life) => Ok((*life, version)),
            HoneytokenState::Missing => {
                Err(CommandError::Refused(HoneytokenProblem::Honeytoken(HoneytokenRefusal::NotFound)))
            }
        }
    }

    /// Where a command ended that the log knows already.
    async fn done_before(&self, context: &Context) -> Result<Option<Position>> {
        let recorded = self.ledger.recorded(context.command).await?;
        Ok(recorded.last().map(|last| last.position))
    }

    /// What a command made that the log knows already.
    async fn repeated(&self, context: &Context) -> Result<Option<HoneytokenMade>> {
        let recorded = self.ledger.recorded(context.command).await?;
        let Some(last) = recorded.last() else { return Ok(None) };
        let created = recorded.iter().find_map(|event| {
            match HoneytokenEvent::decode(&event.kind, event.schema, &event.data) {
                Ok(HoneytokenEvent::Created(created)) => Some((created, event.recorded_at)),
                Ok(_) | Err(_) => None,
            }
        });
        let (created, created_at) = created.ok_or(Fault::Batch("another command under the same id"))?;
        let credential = DecoyCredential::open(&*self.vault, &created.access_id, &created.secret_key)?;
        let (honeytoken, position) = (created.honeytoken, last.position);
        Ok(Some(HoneytokenMade { honeytoken, created, created_at, credential, position }))
    }

    /// What goes into the log, where nobody can read the credential.
    async fn seal(
        &self,
        honeytoken: HoneytokenId,
        wanted: HoneytokenWanted,
        credential: &DecoyCredential,
    ) -> Result<Created> {
        let HoneytokenWanted { organization, name, description } = wanted;
        let leak_hashes = credential.leak_hashes().await?;
        let subject = SubjectId(organization.0);
        Ok(Created {
            honeytoken,
            organization,
            kind: HoneytokenKind::Aws,
            name,
            description,
            access_hash: credential::access_hash(&*self.vault, credential.access_id()),
            leak_hashes,
            access_id: self.vault.seal(subject, credential.access_id())?,
            secret_key: self.vault.seal(subject, credential.secret_key())?,
        })
    }

    fn claim(&self, organization: OrganizationId, name: &str) -> StreamName {
        claim_stream(&*self.vault, Unique::HoneytokenName(organization, name))
    }

    async fn take(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        name: &str,
        holder: &StreamName,
    ) -> Result<()> {
        let claim = self.claim(organization, name);
        let taken = claim.clone();
        let has = move |state: &HoneytokenState| {
            let is_of = |life: &HoneytokenLife| self.claim(life.organization, &life.name) == taken;
            state.holds_name() && state.known().is_some_and(is_of)
        };
        batch
            .take::<Honeytoken>(claim, holder, has)
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| HoneytokenProblem::NameTaken))
    }
}

async fn decide(batch: &mut Batch<'_>, honeytoken: HoneytokenId, command: HoneytokenCommand) -> Result<()> {
    let decided = batch.decide::<Honeytoken>(honeytoken_stream(honeytoken), command).await;
    decided.map(drop).map_err(|error| error.map_refused(HoneytokenProblem::from))
}

/// Decides on the version from which the command was made; `false` if somebody has changed the honeytoken since.
async fn decide_on(
    batch: &mut Batch<'_>,
    honeytoken: HoneytokenId,
    seen: Version,
    command: HoneytokenCommand,
) -> Result<bool> {
    match batch.decide_seen::<Honeytoken>(honeytoken_stream(honeytoken), seen, command).await {
        Ok(_) => Ok(true),
        Err(CommandError::Stale { .. }) => Ok(false),
        Err(error) => Err(error.map_refused(HoneytokenProblem::from)),
    }
}

async fn release(batch: &mut Batch<'_>, claim: StreamName, holder: &StreamName) -> Result<()> {
    batch
        .decide::<Claim>(claim, ClaimCommand::Release { holder: holder.clone() })
        .await
        .map(drop)
        .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| HoneytokenProblem::NameTaken))
}
