//! People who are to be forgotten: whoever sees the event deletes their keys, builds this node's read models anew, and
//! removes what else there is of the old ones: files of other versions, and copies in the blob store.
//!
//! The event comes first. A process that dies after it leaves a log that says who is to be forgotten, and every start
//! goes on with that; the other way round, a key could be gone and nobody would know whose, and why. A person counts
//! as erased when the key is gone.

#[cfg(test)]
mod tests;

use super::copies::Copies;
use crate::adapters::{SystemClock, TimeOrderedIds};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use scanledger_blobs::Blobs;
use scanledger_commands::Context as CommandContext;
use scanledger_commands::error::CommandError;
use scanledger_commands::identity::Identities;
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::event::Event;
use scanledger_domain::id::{CommandId, Ids};
use scanledger_domain::identity::{ApiKeyRefusal, UserErased, UserEvent};
use scanledger_domain::log::{Actor, EventLog, Position};
use scanledger_domain::time::Clock;
use scanledger_projections::store::{Others, remove_other_revisions, revision};
use scanledger_projections::{Projector, Shown};
use scanledger_state::State;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// How often, at most, the read models are asked for erasures.
const PACE: Duration = Duration::from_secs(1);
/// How long to wait for queries that read the old read models.
const QUERIES: Duration = Duration::from_secs(10);
/// How long to wait at most after erasures could not be finished.
const LATER: Duration = Duration::from_secs(5 * 60);
/// How often to look whether they have ended.
const LOOK: Duration = Duration::from_millis(20);

/// Is told how many events of how many are in the new read models.
pub type Built = Arc<dyn Fn(Position, Position) + Send + Sync>;

/// Does on this node what the log says about people who are to be forgotten. Cheap to clone.
#[derive(Clone)]
pub struct Erasures {
    state: Arc<State>,
    identities: Identities,
    projector: Projector,
    copies: Copies,
    /// Where it is noted who was erased, for whoever restores an older backup.
    noted: Blobs,
    log: Arc<dyn EventLog>,
    folder: PathBuf,
    node: Uuid,
    /// The last erasure after which this process has built the read models anew, and in which history of the log it is:
    /// one that has lost its end gives the position to another event.
    built: Arc<Mutex<Shown>>,
}

impl Erasures {
    /// Over the parts of an engine.
    pub fn new(engine: &Engine) -> Self {
        Self {
            state: Arc::clone(&engine.state),
            identities: engine.identities.clone(),
            projector: engine.projector.clone(),
            copies: Copies::new(Arc::clone(&engine.state.checkpoints) as _, Arc::clone(&engine.blobs)),
            noted: engine.erased.clone(),
            log: engine.event_log(),
            folder: engine.folder.root().to_owned(),
            node: engine.node,
            built: Arc::new(Mutex::new(Shown { history: 0, position: Position::START })),
        }
    }

    /// Finishes every erasure that the read models know of and this node has not finished: revokes the API keys of
    /// the people, deletes their keys and those of API keys that they alone used, builds the read models into a new
    /// file, and removes every copy of older ones. Answers how many there were. What was done before is harmless to do
    /// again.
    ///
    /// # Errors
    /// When a part cannot be done; the next call does it again. A blob store that is away, or keeps what it has, is in
    /// the way of no other part.
    pub async fn catch_up(&self, built: Built) -> Result<usize> {
        let history = self.history();
        let reached = self.reached().await?;
        let due = self.due(reached).await?;
        let Some(last) = due.iter().map(|(position, _)| *position).max() else { return Ok(0) };
        let erased: Vec<UserErased> = due.into_iter().map(|(_, erased)| erased).collect();
        self.revoke_keys(&erased).await?;
        self.delete_keys(&erased).await?;
        // Whatever version made them: what was prepared for one to come is built from the log when it starts.
        remove_other_revisions(&self.folder, Others::All)
            .context("while removing read models of other versions")?;
        // Nobody starts from a copy from here on.
        self.copies.disown(last).await?;
        if !self.is_built_after(last) {
            self.projector
                .rebuild(built)
                .await
                .context("while building the read models without who was erased")?;
            *self.built.lock() = Shown { history, position: last };
        }
        self.wait_for_queries().await;
        self.note().await?;
        self.copies.sweep().await?;
        if self.history() != history || self.projector.views().has_diverged() {
            bail!("the log has lost events meanwhile, and what it has now is looked at next");
        }
        self.keep(last).await?;
        Ok(erased.len())
    }

    fn history(&self) -> u64 {
        self.projector.views().shown().history
    }

    /// Whether this process has built the read models anew after the erasure at `last`, as the log is now.
    fn is_built_after(&self, last: Position) -> bool {
        let built = *self.built.lock();
        built.history == self.history() && built.position >= last
    }

    /// Follows the log until `stopped`, which cuts off what is not finished; the next start goes on with it.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let mut moved = self.projector.views().watch();
        let mut pause = PACE;
        loop {
            let settled = tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                settled = self.settle() => settled,
            };
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => (),
            }
            pause = if settled == Settled::Failed { (2 * pause).min(LATER) } else { PACE };
            if settled != Settled::Done {
                continue;
            }
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                changed = moved.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn settle(&self) -> Settled {
        if self.projector.health().rebuilding.is_some() {
            // Whoever asked for the erasure at the shell may be finishing it at this moment.
            return Settled::Waiting;
        }
        match self.catch_up(Arc::new(|_, _| ())).await {
            Ok(0) => Settled::Done,
            Ok(people) => {
                tracing::info!(people, "erasures were finished on this node");
                Settled::Done
            }
            Err(error) => {
                tracing::warn!("erasures are not finished on this node: {error:#}");
                Settled::Failed
            }
        }
    }

    /// Erasures after `reached`, those among them that could not be applied to the read models: in a stream of which
    /// something is parked, everything is.
    async fn due(&self, reached: Position) -> Result<Vec<(Position, UserErased)>> {
        let views = self.projector.views();
        let mut due = Vec::new();
        let mut parked = views.parked(Some("user.erased")).await.context("while looking for erasures")?;
        parked.retain(|position| *position > reached);
        for position in parked {
            due.push((position, erasure_at(&*self.log, position).await?));
        }
        for (organization, _) in views.organizations().await.context("while looking for erasures")? {
            let entries = views
                .entries_after(organization, "user.erased", reached)
                .context("while looking for erasures")?;
            for (position, _) in entries {
                due.push((position, erasure_at(&*self.log, position).await?));
            }
        }
        Ok(due)
    }

    /// Ends what acts in the name of somebody who is gone, or was used by them alone.
    async fn revoke_keys(&self, erased: &[UserErased]) -> Result<()> {
        let people: BTreeSet<_> = erased.iter().map(|erased| erased.user).collect();
        let named: BTreeSet<_> = erased.iter().flat_map(|erased| &erased.keys).copied().collect();
        let views = self.projector.views();
        for (organization, _) in views.organizations().await? {
            for key in views.keys(organization).await.context("while looking for API keys")? {
                let is_theirs = key.created_by.is_some_and(|by| people.contains(&by));
                if !is_theirs && !named.contains(&key.id) {
                    continue;
                }
                let command = CommandId(TimeOrderedIds.fresh());
                let context = CommandContext::new(command, Actor::System, Some(organization));
                match self.identities.revoke_key(&context, key.id).await {
                    Ok(_) | Err(CommandError::Refused(ApiKeyRefusal::NotFound)) => (),
                    Err(error) => return Err(error).context("while revoking an API key"),
                }
            }
        }
        Ok(())
    }

    async fn delete_keys(&self, erased: &[UserErased]) -> Result<()> {
        let subjects: BTreeSet<_> = erased.iter().flat_map(UserErased::subjects).collect();
        let state = Arc::clone(&self.state);
        tokio::task::spawn_blocking(move || -> Result<()> {
            for subject in subjects {
                state.vault.erase(subject).context("while deleting the key of a person")?;
            }
            state.tidy(SystemClock.now()).context("while tidying up after it")?;
            Ok(())
        })
        .await?
    }

    /// Notes everybody who was erased in the blob store, also those whom a former version erased.
    async fn note(&self) -> Result<()> {
        let state = Arc::clone(&self.state);
        let erased = tokio::task::spawn_blocking(move || state.vault.erased()).await??;
        let erased = erased.into_iter().collect();
        self.noted.note_erased(&erased).await.context("while noting who was erased in the blob store")
    }

    /// The old read models are removed when the last query that began on them has ended.
    async fn wait_for_queries(&self) {
        let patience = tokio::time::Instant::now() + QUERIES;
        while self.views_files() > 1 && tokio::time::Instant::now() < patience {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn views_files(&self) -> usize {
        let prefix = format!("views-{}-", revision());
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return 0 };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.starts_with(&prefix) && name.ends_with(".db")).count()
    }

    async fn reached(&self) -> Result<Position> {
        let (state, node) = (Arc::clone(&self.state), self.node);
        tokio::task::spawn_blocking(move || reached(&*state.checkpoints, node)).await?
    }

    async fn keep(&self, reached: Position) -> Result<()> {
        let (state, node) = (Arc::clone(&self.state), self.node);
        tokio::task::spawn_blocking(move || keep(&*state.checkpoints, node, reached)).await?
    }
}

/// What there is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// Nothing until the read models move.
    Done,
    /// What somebody else may be doing.
    Waiting,
    /// What could not be done.
    Failed,
}

/// Who is to be forgotten by the event at a position. An entry of the audit log, which says the position, does not say in
/// which schema the event was written. There are few.
///
/// # Errors
/// When the log cannot be read, or has another event there.
pub async fn erasure_at(log: &dyn EventLog, position: Position) -> Result<UserErased> {
    let doing = || format!("while reading the event at {position}");
    let found = log.event_at(position).await.with_context(doing)?;
    let event = found.as_ref().map(Event::of);
    let Some(Event::User(UserEvent::Erased(erased))) = event.transpose().with_context(doing)? else {
        bail!("the log has another event than the read models at position {position}");
    };
    Ok(erased)
}

fn checkpoint(node: Uuid) -> String {
    format!("erasures/{node}")
}

/// The last erasure that a node has finished. Blocks.
///
/// # Errors
/// When the state store fails.
pub(super) fn reached(checkpoints: &dyn Checkpoints, node: Uuid) -> Result<Position> {
    let found = checkpoints.find(&checkpoint(node)).map_err(anyhow::Error::from_boxed)?;
    let reached = found.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok());
    // What cannot be read is as nothing: erasing again is harmless.
    Ok(Position(reached.unwrap_or_default()))
}

/// Notes that a node has finished every erasure up to `reached`. Blocks.
///
/// # Errors
/// When the state store fails.
pub(super) fn keep(checkpoints: &dyn Checkpoints, node: Uuid, reached: Position) -> Result<()> {
    let value = reached.to_string().into_bytes();
    checkpoints.put(&checkpoint(node), &value).map_err(anyhow::Error::from_boxed)
}
