//! Forgetting people: those with an account, and those of whom only others spoke.

use super::{Outcome, Progress, Tell, context};
use crate::nodes::Erasures;
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use scanledger_commands::Context as CommandContext;
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::id::{ApiKeyId, OrganizationId, SubjectId, UserId};
use scanledger_domain::identity::{
    ApiKeyEvent, Mark, User, UserErased, UserState, apikey_stream, plain_email, user_stream,
};
use scanledger_domain::log::{Metadata, Position, StreamName, Version};
use scanledger_domain::vault::Vault;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Who is to be forgotten. All of it belongs to one person. `Debug` shows nothing personal.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Forgotten {
    /// The person; none for who never had an account.
    pub user: Option<UserId>,
    /// API keys that they alone used.
    pub keys: Vec<ApiKeyId>,
    /// Addresses by which others spoke of them, besides those of their account.
    pub emails: Vec<String>,
    /// Names at code hosts by which others spoke of them.
    pub logins: Vec<String>,
}

impl Forgotten {
    /// For whom was sealed what others said of whoever has the addresses and logins, in this order.
    fn subjects(&self, vault: &dyn Vault) -> Vec<SubjectId> {
        let emails = self.emails.iter().map(|email| Mark::Email(email).subject(vault));
        let logins = self.logins.iter().map(|login| Mark::Login(login).subject(vault));
        emails.chain(logins).collect()
    }
}

impl std::fmt::Debug for Forgotten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Forgotten");
        shown.field("user", &self.user).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl From<UserId> for Forgotten {
    /// Somebody with nothing but an account.
    fn from(user: UserId) -> Self {
        Self { user: Some(user), ..Self::default() }
    }
}

/// Records that somebody is to be forgotten, and does it. Done before, or in part, it is finished.
pub(super) async fn erase(engine: &Engine, who: Forgotten, tell: Tell) -> Result<Outcome> {
    engine.projector.catch_up().await?;
    let marks = marks(engine, &who).await?;
    let user = match who.user {
        Some(user) => {
            erase_person(engine, user, who.keys, marks).await?;
            user
        }
        None => erase_stranger(engine, who.keys, marks).await?,
    };
    let position = finish(engine, user, tell).await.context(
        "the log says that the person is to be forgotten, and a part of it is not done: run the command again, or \
         start the server",
    )?;
    Ok(Outcome::PersonErased { user, position: position.0 })
}

async fn erase_person(
    engine: &Engine,
    user: UserId,
    keys: Vec<ApiKeyId>,
    marks: Vec<SubjectId>,
) -> Result<()> {
    let Some(first) = organization_at_first(engine, &user_stream(user)).await? else {
        bail!("there is no person {user}: `scanledger people list` shows who there is");
    };
    let organization = organization_of(engine, user, first).await?;
    let keys = used_by(engine, user, keys).await?;
    let context = CommandContext { organization, ..context() };
    let erased = engine.identities.erase(&context, user, keys, marks.into_iter().collect()).await;
    erased.map(drop).context("while recording that the person is to be forgotten")
}

/// Answers under which id they are forgotten.
async fn erase_stranger(engine: &Engine, keys: Vec<ApiKeyId>, marks: Vec<SubjectId>) -> Result<UserId> {
    let Some((first, further)) = marks.split_first() else {
        bail!("whoever is to be forgotten needs an id, an address or a login");
    };
    let user = UserId(first.0);
    let keys = used_by(engine, user, keys).await?;
    let organization = engine.identities.first_organization().await?;
    let context = CommandContext { organization, ..context() };
    let erased = UserErased { user, keys, marks: further.iter().copied().collect() };
    let erased = engine.identities.erase_stranger(&context, erased).await;
    erased.context("while recording that somebody is to be forgotten")?;
    Ok(user)
}

/// For whom was sealed what others said of somebody: that of the first address or login comes first. Addresses of their
/// account are looked for in invitations alone, because whoever erases the account knows the rest.
async fn marks(engine: &Engine, who: &Forgotten) -> Result<Vec<SubjectId>> {
    for email in &who.emails {
        let Some(holder) = engine.identities.holder_of_address(email).await? else { continue };
        let (state, _) = engine.ledger.load::<User>(&user_stream(holder)).await?;
        if state.account().is_some() && who.user != Some(holder) {
            bail!("the address is that of person {holder}: `scanledger people erase {holder}` forgets them");
        }
    }
    let mut addresses = match who.user {
        Some(user) => engine.identities.addresses_of(user).await?,
        None => BTreeSet::new(),
    };
    addresses.extend(who.emails.iter().map(|email| plain_email(email)));
    let invitations = invitations_to(engine, who.user, addresses).await?;
    Ok([who.subjects(&*engine.state.vault), invitations].concat())
}

/// The invitations by which somebody came, or that were sent to one of their addresses: for each its address was sealed.
async fn invitations_to(
    engine: &Engine,
    user: Option<UserId>,
    addresses: BTreeSet<String>,
) -> Result<Vec<SubjectId>> {
    let all = engine.projector.views().all_invitations().await.context("while looking for invitations")?;
    let state = Arc::clone(&engine.state);
    let found = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        for (invitation, sealed, came) in all {
            let is_theirs = match (came, user) {
                (Some(came), Some(user)) if came == user => true,
                _ => {
                    let address = state.vault.open(&sealed)?;
                    address.is_some_and(|address| addresses.contains(&plain_email(&address)))
                }
            };
            if is_theirs {
                found.push(SubjectId(invitation.0));
            }
        }
        anyhow::Ok(found)
    });
    found.await?.context("while looking for invitations")
}

async fn finish(engine: &Engine, user: UserId, tell: Tell) -> Result<Position> {
    engine.projector.catch_up().await?;
    let built = move |done: Position, head: Position| {
        tell(Progress { what: "events".to_owned(), done: done.0, total: Some(head.0) });
    };
    Erasures::new(engine).catch_up(Arc::new(built)).await?;
    let (UserState::Erased(erased), _) = engine.ledger.load::<User>(&user_stream(user)).await? else {
        bail!("the log does not say that {user} is to be forgotten");
    };
    let state = Arc::clone(&engine.state);
    let gone: HashSet<_> =
        tokio::task::spawn_blocking(move || state.vault.erased()).await??.into_iter().collect();
    if let Some(left) = erased.subjects().find(|subject| !gone.contains(subject)) {
        bail!("the key of {left} is still there");
    }
    Ok(engine.projector.catch_up().await?)
}

/// The organization that whoever has a stream came with, if there is anybody and they came with one.
async fn organization_at_first(
    engine: &Engine,
    stream: &StreamName,
) -> Result<Option<Option<OrganizationId>>> {
    let first = engine.event_log().read_stream(stream, Version::NONE, 1).await?;
    let Some(first) = first.first() else { return Ok(None) };
    let metadata = Metadata::decode(&first.metadata).context("while reading who the person belongs to")?;
    Ok(Some(metadata.organization))
}

/// The organization whose audit log says that somebody was erased: theirs, else the one that they came with, else the
/// eldest. Nodes look for erasures in the audit logs of organizations.
async fn organization_of(
    engine: &Engine,
    user: UserId,
    first: Option<OrganizationId>,
) -> Result<Option<OrganizationId>> {
    let views = engine.projector.views();
    let standing = views.look_up_standing(user)?.map(|person| person.standing.organizations);
    let own = standing.and_then(|organizations| organizations.into_iter().next());
    if let Some(organization) = own.map(|own| own.organization).or(first) {
        return Ok(Some(organization));
    }
    Ok(engine.identities.first_organization().await?)
}

/// The keys, each of which is one without another person behind it: what such a key did is sealed for that person.
async fn used_by(engine: &Engine, user: UserId, keys: Vec<ApiKeyId>) -> Result<BTreeSet<ApiKeyId>> {
    let mut own = BTreeSet::new();
    for key in keys {
        let first = engine.event_log().read_stream(&apikey_stream(key), Version::NONE, 1).await?;
        let Some(first) = first.first() else { bail!("there is no API key {key}") };
        let event = ApiKeyEvent::decode(&first.kind, first.schema, &first.data)
            .with_context(|| format!("while reading the event at {}", first.position))?;
        let ApiKeyEvent::Created(created) = event else { bail!("there is no API key {key}") };
        match created.by {
            None => drop(own.insert(key)),
            // It ends with its person, and has nothing sealed for itself.
            Some(by) if by == user => (),
            Some(by) => bail!("the API key {key} is that of person {by}"),
        }
    }
    Ok(own)
}
