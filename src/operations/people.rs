//! People: who there is, and forgetting somebody.

use super::{Outcome, Progress, Tell, context};
use crate::nodes::{Erasures, entries};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use scanledger_commands::Context as CommandContext;
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::id::{ApiKeyId, OrganizationId, SubjectId, UserId};
use scanledger_domain::identity::{
    ApiKeyEvent, User, UserCommand, UserErased, UserRegistered, apikey_stream, user_stream,
};
use scanledger_domain::log::{Metadata, Position, StreamName, Version};
use scanledger_domain::vault::Vault;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// A person, in clear.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// The organization that they came with.
    pub organization_id: OrganizationId,
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
    /// The log says that they are to be forgotten, and their key is still there.
    BeingErased,
    /// Their key is gone.
    Erased,
}

/// Who there is, eldest first.
pub(super) async fn list(engine: &Engine) -> Result<Outcome> {
    let (mut registered, mut erased) = (Vec::new(), HashSet::new());
    for (organization, _) in engine.projector.views().organizations().await? {
        for entry in entries(&engine.projector, organization, "user.registered", Position::START).await? {
            let person: UserRegistered = serde_json::from_str(&entry.details)
                .with_context(|| format!("while reading the event at {}", entry.position))?;
            registered.push((entry.position, organization, person));
        }
        for entry in entries(&engine.projector, organization, "user.erased", Position::START).await? {
            erased.insert(entry.resource_id);
        }
    }
    registered.sort_by_key(|(position, ..)| *position);
    let state = Arc::clone(&engine.state);
    let people = tokio::task::spawn_blocking(move || -> Result<Vec<Person>> {
        let gone: HashSet<SubjectId> = state.vault.erased()?.into_iter().collect();
        let person = |(_, organization_id, person): (_, _, UserRegistered)| {
            let standing = match (gone.contains(&SubjectId(person.user.0)), erased.contains(&person.user.0)) {
                (true, _) => Standing::Erased,
                (false, true) => Standing::BeingErased,
                (false, false) => Standing::Known,
            };
            let (name, email) = (state.vault.open(&person.name)?, state.vault.open(&person.email)?);
            Ok(Person { id: person.user, organization_id, standing, name, email })
        };
        registered.into_iter().map(person).collect()
    });
    Ok(Outcome::People { people: people.await?.context("while reading who there is")? })
}

/// Records that a person is to be forgotten, and does it. Done before, or in part, it is finished.
pub(super) async fn erase(engine: &Engine, user: UserId, keys: Vec<ApiKeyId>, tell: Tell) -> Result<Outcome> {
    let stream = user_stream(user);
    let Some(organization) = organization_of(engine, &stream).await? else {
        bail!("there is no person {user}: `scanledger people list` shows who there is");
    };
    let keys = used_by(engine, user, keys).await?;
    let subjects = UserErased { user, keys: keys.clone() };
    let context = CommandContext { organization: Some(organization), ..context() };
    engine
        .ledger
        .execute::<User>(&context, &stream, None, UserCommand::Erase { keys })
        .await
        .context("while recording that the person is to be forgotten")?;
    let position = finish(engine, &subjects, tell).await.context(
        "the log says that the person is to be forgotten, and a part of it is not done: run the command again, or \
         start the server",
    )?;
    Ok(Outcome::PersonErased { position: position.0 })
}

async fn finish(engine: &Engine, erased: &UserErased, tell: Tell) -> Result<Position> {
    engine.projector.catch_up().await?;
    let built = move |done: Position, head: Position| {
        tell(Progress { what: "events".to_owned(), done: done.0, total: Some(head.0) });
    };
    Erasures::new(engine).catch_up(Arc::new(built)).await?;
    let state = Arc::clone(&engine.state);
    let gone: HashSet<_> =
        tokio::task::spawn_blocking(move || state.vault.erased()).await??.into_iter().collect();
    if let Some(left) = erased.subjects().find(|subject| !gone.contains(subject)) {
        bail!("the key of {left} is still there");
    }
    Ok(engine.projector.catch_up().await?)
}

/// The organization of whoever has a stream.
async fn organization_of(engine: &Engine, stream: &StreamName) -> Result<Option<OrganizationId>> {
    let first = engine.event_log().read_stream(stream, Version::NONE, 1).await?;
    let Some(first) = first.first() else { return Ok(None) };
    Ok(Metadata::decode(&first.metadata).context("while reading who the person belongs to")?.organization)
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
