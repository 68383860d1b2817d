//! People who are to be forgotten: whoever sees the event deletes their keys, builds this node's read models anew, and
//! removes what else there is of the old ones: files of other versions, and copies in the blob store.
//!
//! The event comes first. A process that dies after it leaves a log that says who is to be forgotten, and every start
//! goes on with that; the other way round, a key could be gone and nobody would know whose, and why. A person counts
//! as erased when the key is gone.

use super::copies::Copies;
use crate::adapters::{SystemClock, TimeOrderedIds};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use scanledger_commands::Context as CommandContext;
use scanledger_commands::error::CommandError;
use scanledger_commands::identity::Identities;
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::event::Event;
use scanledger_domain::id::{CommandId, Ids};
use scanledger_domain::identity::{ApiKeyRefusal, UserErased, UserEvent};
use scanledger_domain::log::{Actor, EventLog, Position};
use scanledger_domain::time::Clock;
use scanledger_projections::Projector;
use scanledger_projections::store::{Others, remove_other_revisions, revision};
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
    log: Arc<dyn EventLog>,
    folder: PathBuf,
    node: Uuid,
    /// The last erasure after which this process has built the read models anew.
    built: Arc<Mutex<Position>>,
}

impl Erasures {
    /// Over the parts of an engine.
    pub fn new(engine: &Engine) -> Self {
        Self {
            state: Arc::clone(&engine.state),
            identities: engine.identities.clone(),
            projector: engine.projector.clone(),
            copies: Copies::new(Arc::clone(&engine.state.checkpoints) as _, Arc::clone(&engine.blobs)),
            log: engine.event_log(),
            folder: engine.folder.root().to_owned(),
            node: engine.node,
            built: Arc::new(Mutex::new(Position::START)),
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
        if *self.built.lock() < last {
            self.projector
                .rebuild(built)
                .await
                .context("while building the read models without who was erased")?;
            *self.built.lock() = last;
        }
        self.wait_for_queries().await;
        self.copies.sweep().await?;
        self.keep(last).await?;
        Ok(erased.len())
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

    /// Erasures after `reached`.
    async fn due(&self, reached: Position) -> Result<Vec<(Position, UserErased)>> {
        let views = self.projector.views();
        let mut due = Vec::new();
        for (organization, _) in views.organizations().await.context("while looking for erasures")? {
            let entries = views
                .entries_after(organization, "user.erased", reached)
                .context("while looking for erasures")?;
            for (position, _) in entries {
                let erased = self.erasure_at(position).await;
                due.push((
                    position,
                    erased.with_context(|| format!("while reading the event at {position}"))?,
                ));
            }
        }
        Ok(due)
    }

    /// An entry of the audit log does not say in which schema it was written. There are few.
    async fn erasure_at(&self, position: Position) -> Result<UserErased> {
        let found = self.log.read_all(Position(position.0 - 1), 1).await?;
        let event = found.first().filter(|event| event.position == position).map(Event::of).transpose()?;
        let Some(Event::User(UserEvent::Erased(erased))) = event else {
            bail!("the log has another event than the read models")
        };
        Ok(erased)
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
        let (state, name) = (Arc::clone(&self.state), checkpoint(self.node));
        let value = reached.to_string().into_bytes();
        tokio::task::spawn_blocking(move || state.checkpoints.put(&name, &value)).await??;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::Erasures;
    use crate::adapters::TimeOrderedIds;
    use crate::data::DataFolder;
    use crate::operations::{KeyWanted, Operation, Outcome, Standing, Who, perform};
    use crate::place::LogPlace;
    use crate::server::{BlobPlace, Engine};
    use scanledger_commands::Context;
    use scanledger_commands::identity::SetUp;
    use scanledger_domain::blob::BlobHash;
    use scanledger_domain::id::{CommandId, Ids, SubjectId, UserId};
    use scanledger_domain::identity::{KeyKind, Role, User, UserCommand, UserErased, user_stream};
    use scanledger_domain::log::{Actor, Position};
    use scanledger_domain::vault::Vault;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::watch;

    async fn open(root: &Path) -> Engine {
        let engine =
            Engine::open(DataFolder::new(root), &LogPlace::Folder, &BlobPlace::Folder).await.unwrap();
        engine.projector.catch_up().await.unwrap();
        engine
    }

    fn context() -> Context {
        Context::new(CommandId(TimeOrderedIds.fresh()), Actor::Operator, None)
    }

    /// A folder whose log says that Ana is to be forgotten, as a process leaves it that died right after that.
    async fn interrupted(root: &Path) -> UserId {
        let engine = open(root).await;
        let request = SetUp {
            organization: "Acme".to_owned(),
            name: "Ana Lopez".to_owned(),
            email: "ana@acme.example".to_owned(),
            password: None,
            key_name: "setup".to_owned(),
        };
        let done = engine.identities.set_up(&context(), request).await.unwrap();
        engine.projector.catch_up().await.unwrap();
        let hers = KeyWanted {
            kind: KeyKind::Personal,
            person: Some(Who::Id(done.user)),
            ..KeyWanted::new("hers", Role::Admin)
        };
        perform(&engine, Operation::CreateKey(hers), Arc::new(|_| ())).await.unwrap();
        let context = Context { organization: Some(done.organization), ..context() };
        let erase = UserCommand::Erase { keys: [].into() };
        engine.ledger.execute::<User>(&context, &user_stream(done.user), None, erase).await.unwrap();
        engine.close().await.unwrap();
        done.user
    }

    fn is_readable(engine: &Engine, user: UserId) -> bool {
        let subject = SubjectId(user.0);
        !engine.state.vault.erased().unwrap().contains(&subject)
    }

    /// Of the only person.
    async fn standing(engine: &Engine) -> Standing {
        let done = perform(engine, Operation::ListPeople, Arc::new(|_| ())).await.unwrap();
        let Outcome::People { people } = done else { panic!("it is another outcome") };
        assert_eq!(people.len(), 1);
        people[0].standing
    }

    async fn name(engine: &Engine, user: UserId) -> Option<String> {
        let people = engine.projector.views().people(vec![user]).await.unwrap();
        engine.state.vault.open(&people[&user].name).unwrap()
    }

    #[tokio::test]
    async fn an_erasure_that_was_interrupted_after_its_event_is_finished_by_whoever_opens_the_folder_next() {
        let folder = tempfile::tempdir().unwrap();
        let ana = interrupted(folder.path()).await;
        let engine = open(folder.path()).await;
        assert_eq!(name(&engine, ana).await.as_deref(), Some("Ana Lopez"));
        assert_eq!(standing(&engine).await, Standing::BeingErased);
        let erasures = Erasures::new(&engine);
        assert_eq!(erasures.views_files(), 1);
        assert_eq!(erasures.catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
        assert!(!is_readable(&engine, ana));
        assert_eq!(name(&engine, ana).await, None);
        assert_eq!(standing(&engine).await, Standing::Erased);
        assert_eq!(erasures.views_files(), 1);
        // Her API keys ended with her.
        engine.projector.catch_up().await.unwrap();
        let views = engine.projector.views();
        let organization = views.organizations().await.unwrap()[0].0;
        let keys = views.keys(organization).await.unwrap();
        assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["setup"]);
        engine.close().await.unwrap();
    }

    #[tokio::test]
    async fn an_erasure_that_was_interrupted_is_finished_by_asking_again() {
        let folder = tempfile::tempdir().unwrap();
        let ana = interrupted(folder.path()).await;
        let engine = open(folder.path()).await;
        let before = engine.event_log().head().await.unwrap();
        let again = Operation::ErasePerson { user: ana, keys: vec![] };
        perform(&engine, again, Arc::new(|_| ())).await.unwrap();
        assert_eq!(standing(&engine).await, Standing::Erased);
        let since = engine.event_log().read_all(before, 10).await.unwrap();
        assert_eq!(since.iter().map(|event| &*event.kind).collect::<Vec<_>>(), ["apikey.revoked"]);
        engine.close().await.unwrap();
    }

    #[tokio::test]
    async fn what_was_finished_is_not_done_again() {
        let folder = tempfile::tempdir().unwrap();
        interrupted(folder.path()).await;
        for due in [1, 0] {
            let engine = open(folder.path()).await;
            assert_eq!(Erasures::new(&engine).catch_up(Arc::new(|_, _| ())).await.unwrap(), due);
            engine.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_blob_store_that_keeps_a_copy_is_in_the_way_of_no_other_part() {
        let folder = tempfile::tempdir().unwrap();
        interrupted(folder.path()).await;
        let engine = open(folder.path()).await;
        let erasures = Erasures::new(&engine);
        let views = || {
            let names = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name());
            let names = names.filter_map(|name| name.into_string().ok());
            names.filter(|name| name.starts_with("views-") && name.ends_with(".db")).collect::<Vec<_>>()
        };
        // A folder cannot be removed as a file is.
        let copy = BlobHash::of(b"views");
        assert!(erasures.copies.claim(copy, Position::START).await.unwrap());
        let name = copy.to_string();
        let in_the_way = engine.folder.blobs().join(&name[..2]).join(&name);
        std::fs::create_dir_all(&in_the_way).unwrap();
        let before = views();
        let error = erasures.catch_up(Arc::new(|_, _| ())).await.unwrap_err();
        assert!(format!("{error:#}").contains("while removing a copy of read models"), "{error:#}");
        let built = views();
        assert!(built.len() == 1 && built != before, "{before:?} {built:?}");
        assert_eq!(erasures.reached().await.unwrap(), Position::START);
        // What was done is not done again.
        std::fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(erasures.catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
        assert_eq!(views(), built);
        assert!(erasures.reached().await.unwrap() > Position::START);
        engine.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_node_that_follows_the_log_finishes_what_another_one_began() {
        let folder = tempfile::tempdir().unwrap();
        let ana = interrupted(folder.path()).await;
        let engine = open(folder.path()).await;
        let (stop, stopped) = watch::channel(false);
        let following = tokio::spawn(Erasures::new(&engine).run(stopped));
        let gone = async {
            while is_readable(&engine, ana) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
        stop.send_replace(true);
        following.await.unwrap();
        engine.close().await.unwrap();
    }

    #[tokio::test]
    async fn many_erasures_are_all_found() {
        let folder = tempfile::tempdir().unwrap();
        let ana = interrupted(folder.path()).await;
        let engine = open(folder.path()).await;
        let organization = engine.projector.views().organizations().await.unwrap()[0].0;
        let further = 400;
        for _ in 0..further {
            let context = Context { organization: Some(organization), ..context() };
            let key = scanledger_domain::id::ApiKeyId(TimeOrderedIds.fresh());
            let erase = UserCommand::Erase { keys: [key].into() };
            let done = engine.ledger.execute::<User>(&context, &user_stream(ana), None, erase).await.unwrap();
            assert_eq!(done.events, [UserErased { user: ana, keys: [key].into() }.into()]);
        }
        engine.projector.catch_up().await.unwrap();
        assert_eq!(Erasures::new(&engine).catch_up(Arc::new(|_, _| ())).await.unwrap(), further + 1);
        assert_eq!(engine.state.vault.erased().unwrap().len(), further + 1);
        engine.close().await.unwrap();
    }
}
