//! People: who there is, and what they are.

use super::{Outcome, Password, context};
use crate::nodes::erasure_at;
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_commands::{Committed, Context as CommandContext, Races};
use scanledger_domain::decider::Decider;
use scanledger_domain::id::{OrganizationId, SubjectId, UserId};
use scanledger_domain::identity::{
    Installation, InstallationCommand, InstallationRefusal, Rank, User, UserCommand, installation_stream,
    user_stream,
};
use scanledger_domain::log::Position;
use scanledger_domain::vault::Vault;
use scanledger_projections::identity::UserRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// A person, in clear.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// The organization that they came to first.
    pub organization_id: Option<OrganizationId>,
    /// What they are to the installation.
    pub rank: Rank,
    /// Whether they are known.
    pub standing: Standing,
    /// Their name; none if they were erased.
    pub name: Option<String>,
    /// Their address; none if they were erased.
    pub email: Option<String>,
}

/// Whether a person is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// They are.
    Known,
    /// They are, and may not sign in.
    Inactive,
    /// The log says that they are to be forgotten, and their key is still there.
    BeingErased,
    /// Their key is gone.
    Erased,
}

/// Which person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The one of this id.
    Id(UserId),
    /// The one of this e-mail address, whatever its case.
    Email(String),
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => f.debug_tuple("Id").field(id).finish(),
            Self::Email(_) => f.write_str("Email(…)"),
        }
    }
}

/// What becomes of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonChange {
    /// They run the installation.
    Promote,
    /// They no longer do.
    Demote,
    /// They may sign in.
    Activate,
    /// They may not, and their sessions are over.
    Deactivate,
}

impl PersonChange {
    const fn command(self) -> UserCommand {
        match self {
            Self::Promote => UserCommand::SetRank(Rank::SuperAdmin),
            Self::Demote => UserCommand::SetRank(Rank::Ordinary),
            Self::Activate => UserCommand::Activate,
            Self::Deactivate => UserCommand::Deactivate,
        }
    }
}

/// Who there is, eldest first.
pub(super) async fn list(engine: &Engine) -> Result<Outcome> {
    Ok(Outcome::People { people: everybody(engine).await.context("while reading who there is")? })
}

async fn everybody(engine: &Engine) -> Result<Vec<Person>> {
    engine.projector.catch_up().await?;
    let views = engine.projector.views();
    let mut rows: BTreeMap<u64, (UserRow, Option<OrganizationId>)> = BTreeMap::new();
    for row in views.all_users().await? {
        let standing = views.look_up_standing(row.id)?;
        let first = standing.and_then(|person| person.standing.organizations.into_iter().next());
        rows.insert(row.number, (row, first.map(|first| first.organization)));
    }
    for (organization, _) in views.organizations().await? {
        for (position, _) in views.entries_after(organization, "user.erased", Position::START)? {
            let erased = erasure_at(&*engine.event_log(), position).await?;
            if let Some(row) = views.user(erased.user).await? {
                rows.insert(row.number, (row, Some(organization)));
            }
        }
    }
    let state = Arc::clone(&engine.state);
    let opened = tokio::task::spawn_blocking(move || {
        let gone: HashSet<SubjectId> = state.vault.erased()?.into_iter().collect();
        let person = |(row, organization_id): (UserRow, _)| {
            let standing = standing(&row, gone.contains(&SubjectId(row.id.0)));
            let (name, email) = (state.vault.open(&row.name)?, state.vault.open(&row.email)?);
            Ok(Person { id: row.id, organization_id, rank: row.rank, standing, name, email })
        };
        rows.into_values().map(person).collect()
    });
    opened.await?
}

const fn standing(row: &UserRow, is_gone: bool) -> Standing {
    match (is_gone, row.is_erased, row.is_active) {
        (true, _, _) => Standing::Erased,
        (false, true, _) => Standing::BeingErased,
        (false, false, true) => Standing::Known,
        (false, false, false) => Standing::Inactive,
    }
}

/// A person who is known.
pub(super) async fn find(engine: &Engine, who: &Who) -> Result<Person> {
    let is_known = |person: &Person| matches!(person.standing, Standing::Known | Standing::Inactive);
    let is_meant = |person: &Person| match who {
        Who::Id(id) => person.id == *id,
        Who::Email(email) => person.email.as_deref() == Some(email.trim().to_lowercase().as_str()),
    };
    let everybody = everybody(engine).await.context("while looking for the person")?;
    let found = everybody.into_iter().find(|person| is_known(person) && is_meant(person));
    // An address does not belong into a message.
    found.with_context(|| match who {
        Who::Id(id) => format!("there is no person {id}: `scanledger people list` shows who there is"),
        Who::Email(_) => {
            "there is no person with this e-mail address: `scanledger people list` shows who there is"
                .to_owned()
        }
    })
}

/// Makes a person something else to the installation. Whoever runs it has to be one who may sign in, so that both are
/// decided together.
pub(super) async fn change(engine: &Engine, who: &Who, change: PersonChange) -> Result<Outcome> {
    let person = find(engine, who).await?;
    let stream = user_stream(person.id);
    let context = CommandContext { organization: person.organization_id, ..context() };
    let mut races = Races::default();
    loop {
        let mut batch = engine.ledger.batch(&context);
        let (before, _) = engine.ledger.load::<User>(&stream).await?;
        let events = batch.decide::<User>(stream.clone(), change.command()).await?;
        let after = events.iter().fold(before, User::evolve);
        let runs =
            after.account().is_some_and(|account| account.is_active && account.rank == Rank::SuperAdmin);
        let command =
            if runs { InstallationCommand::Add(person.id) } else { InstallationCommand::Remove(person.id) };
        batch.decide::<Installation>(installation_stream(), command).await?;
        match batch.commit().await? {
            Committed::At { position, .. } => {
                engine.projector.catch_up().await?;
                return Ok(Outcome::PersonChanged { id: person.id, position: Some(position.0) });
            }
            Committed::Nothing => return Ok(Outcome::PersonChanged { id: person.id, position: None }),
            Committed::Raced => races.lost::<InstallationRefusal>()?,
        }
    }
}

/// Gives a person another password.
pub(super) async fn set_password(engine: &Engine, who: &Who, password: &Password) -> Result<Outcome> {
    let person = find(engine, who).await?;
    let context = CommandContext { organization: person.organization_id, ..context() };
    let changed = engine.identities.set_password(&context, person.id, &password.0).await?;
    engine.projector.catch_up().await?;
    Ok(Outcome::PersonChanged { id: person.id, position: changed.position.map(|position| position.0) })
}
