//! Restoring a backup.

use super::archive::{Checked, Name, check, walk};
use super::place::Place;
use super::unfinished::Begun;
use super::{Contents, KeptState, LOG, Unfinished, erased, line};
use crate::adapters::TimeOrderedIds;
use crate::data::DataFolder;
use crate::log::OpenLog;
use crate::log::taking::{Batch, Taking};
use crate::nodes::{NOTICE, refuse_served};
use crate::operations::{Progress, Tell};
use crate::place::LogPlace;
use crate::server::{BlobPlace, Engine};
use anyhow::{Context, Result, bail};
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::{CheckpointStore, KeptCheckpoint};
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::id::{Ids, SubjectId};
use scanledger_domain::log::Position;
use scanledger_domain::proof::{Ed25519Signer, Origin, SignedCheckpoint, Signer};
use scanledger_domain::vault::Vault;
use scanledger_state::{BackupError, KeyVault, State};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Parts that wait for the stores.
const WAITING: usize = 2;

/// What is restored, and where to.
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// The backup of the keys.
    pub keys: PathBuf,
    /// A list of who was erased, one id a line, beside the one that the blob store may have.
    pub erased: Option<PathBuf>,
    /// The data folder, empty but for the server's key.
    pub folder: DataFolder,
    /// The log, which must be empty, or have the first events of the backup and nothing else.
    pub log: LogPlace,
    /// Where blobs go.
    pub blobs: BlobPlace,
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// The last event.
    pub position: u64,
    /// Blobs.
    pub blobs: u64,
    /// People and API keys that stay erased.
    pub erased: u64,
}

/// Restores a backup. Nothing is begun before all of it was read and found whole, and nobody who is erased by the
/// backup's log, by the backup of the keys, by the list that is given or by the one in the blob store gets a key at any
/// time. Nothing of it is served before it has ended: it does not begin where a server runs. One that did not end is gone
/// on with by restoring the same backup again, and stops if it was still at work; where the log is in the folder, it
/// begins anew, and if it was killed while it moved files to their places, the folder has to be emptied first.
///
/// # Errors
/// When the backup is damaged or another program's, the keys do not belong to it, or the place is not empty or served. It
/// is then as it was; what was written to a database or to a bucket stays there.
pub async fn restore(wanted: Restore, tell: &Tell) -> Result<Restored> {
    let place = Place::take(&wanted.folder)?;
    let checked = checked(&wanted.file, tell).await?;
    let scratch = place.scratch();
    if wanted.log.is_shared() {
        refuse_others(&scratch, &wanted, &checked, tell).await?;
    }
    let (whole, position) = (checked.manifest.blobs == Contents::Bytes, checked.manifest.position);
    let also = erased::elsewhere(&wanted).await?;
    let mark = Unfinished::of(&checked.manifest, TimeOrderedIds.fresh());
    // Before everything: from the first event on, nobody who is erased can be read.
    let erased = restore_keys(&scratch, &wanted, mark, checked, also).await?;
    let engine = Engine::open_to_restore(scratch.clone(), &wanted.log, &wanted.blobs).await?;
    let held = Held { mark, checkpoints: Arc::clone(&engine.state.checkpoints) as _ };
    let blobs = fill(&engine, &wanted.file, position, whole, &held, tell).await;
    let noted = engine.erased.note_erased(&erased).await;
    let closed = engine.close().await;
    drop(engine);
    let blobs = blobs?;
    noted.context("while noting who was erased in the blob store")?;
    closed?;
    held.check().await?;
    // With the last of it the state store is closed, whose file may be about to move.
    drop(held);
    if wanted.log.is_shared() {
        // In this order it can be repeated until every file is in its place.
        place.keep()?;
        end(&wanted.folder, &wanted.log, mark).await.with_context(|| {
            let root = wanted.folder.root().display();
            format!(
                "all of it is there, and the database does not say so: empty {root} and run the same again"
            )
        })?;
    } else {
        // One of the files says it.
        end(&scratch, &wanted.log, mark).await?;
        place.keep()?;
    }
    Ok(Restored { position: position.0, blobs, erased: erased.len() as u64 })
}

async fn end(folder: &DataFolder, log: &LogPlace, mark: Unfinished) -> Result<()> {
    let state = folder.state_of(log, false).await?;
    tokio::task::spawn_blocking(move || mark.end(&*state.checkpoints)).await?
}

/// The right to go on, which a later attempt at the same restore takes away.
struct Held {
    mark: Unfinished,
    checkpoints: Arc<dyn Checkpoints>,
}

impl Held {
    /// Asked before each step, so that two attempts do not write at the same time for longer than one takes.
    async fn check(&self) -> Result<()> {
        let (mark, checkpoints) = (self.mark, Arc::clone(&self.checkpoints));
        tokio::task::spawn_blocking(move || mark.hold(&*checkpoints)).await?
    }
}

/// Makes sure that the database has nothing but what `import events` or an earlier attempt at the same restore left.
async fn refuse_others(folder: &DataFolder, wanted: &Restore, checked: &Checked, tell: &Tell) -> Result<()> {
    if folder.has_state(&wanted.log).await? {
        let full = "the database is not empty: an installation is in it, and nothing is written over";
        let state = folder.state_of(&wanted.log, false).await.context(full)?;
        let leases = Arc::clone(&state.leases);
        let found = tokio::task::spawn_blocking(move || {
            let begun = Unfinished::find(&*state.checkpoints)?;
            Ok::<_, anyhow::Error>((begun, begun.is_none() && !state.vault.is_empty()?))
        });
        match found.await?? {
            // What it wrote is compared while the rest is written.
            (Some(begun), _) if begun.is_of(&checked.manifest) => {
                return refuse_served(leases).await;
            }
            (Some(begun), _) => bail!(
                "a restore {begun} was begun in this database and did not end: end it with that backup, or empty the \
                 database"
            ),
            (None, true) => bail!(full),
            // A store that was made by whoever looked too early, or died right after, has nothing that is missed.
            (None, false) => refuse_served(leases).await?,
        }
    }
    let log = OpenLog::open(&wanted.log, folder).await?;
    let head = log.port().head().await?;
    if head > checked.manifest.position {
        bail!(
            "the database is not empty: a log is in it that goes on after the backup, up to position {head}"
        );
    }
    if head > Position::START {
        let compared = import(&log, None, folder, &wanted.file, head, tell).await;
        compared.context("the database is not empty: another log is in it, and nothing is written over")?;
    }
    log.close().await;
    Ok(())
}

async fn checked(file: &Path, tell: &Tell) -> Result<Checked> {
    let (path, tell) = (file.to_owned(), Arc::clone(tell));
    tokio::task::spawn_blocking(move || {
        check(&path, &|done| tell(Progress { what: "events checked".to_owned(), done, total: None }))
    })
    .await?
}

/// Makes the state store; answers who is erased in it: also those of `also`.
async fn restore_keys(
    folder: &DataFolder,
    wanted: &Restore,
    mark: Unfinished,
    checked: Checked,
    also: BTreeSet<SubjectId>,
) -> Result<BTreeSet<SubjectId>> {
    let checked = Arc::new(checked);
    let mut erased: BTreeSet<SubjectId> = checked.erased.union(&also).copied().collect();
    if wanted.log.is_shared() {
        // Once beside the database, so that keys that do not fit leave nothing in it.
        let trial = tempfile::tempdir_in(folder.root()).context("while making a folder")?;
        let trial = DataFolder::new(trial.path()).with_key_file(Some(folder.server_key()));
        let trial = Arc::new(trial.open_state(true)?);
        let begun = begin(&trial, mark).await?;
        erased = fill_state(trial, mark, begun, &wanted.keys, &checked, erased).await?;
    }
    let state = Arc::new(folder.state_of(&wanted.log, true).await?);
    let begun = begin(&state, mark).await?;
    if wanted.log.is_shared() {
        // A server that was starting at this moment sees it now, and ends; so does an earlier attempt that is at work.
        tokio::time::sleep(NOTICE).await;
        refuse_served(Arc::clone(&state.leases) as _).await?;
    }
    fill_state(state, mark, begun, &wanted.keys, &checked, erased).await
}

async fn begin(state: &Arc<State>, mark: Unfinished) -> Result<Begun> {
    let state = Arc::clone(state);
    tokio::task::spawn_blocking(move || mark.begin(&state)).await?
}

/// Answers who is erased in the state store.
async fn fill_state(
    state: Arc<State>,
    mark: Unfinished,
    begun: Begun,
    keys: &Path,
    checked: &Arc<Checked>,
    erased: BTreeSet<SubjectId>,
) -> Result<BTreeSet<SubjectId>> {
    let (keys, checked) = (keys.to_owned(), Arc::clone(checked));
    tokio::task::spawn_blocking(move || {
        mark.hold(&*state.checkpoints)?;
        let also: Vec<_> = erased.iter().copied().collect();
        match (state.vault.import_keys(&keys, &also), begun) {
            // Of an earlier attempt, perhaps with older keys.
            (Err(BackupError::NotEmpty), Begun::Before) => erase(&state.vault, &erased),
            // Somebody set up an installation in this moment, which is theirs, unless it was a later attempt.
            (Err(BackupError::NotEmpty), Begun::Now) => {
                mark.end(&*state.checkpoints)?;
                Err(BackupError::NotEmpty.into())
            }
            (imported, _) => imported.map_err(anyhow::Error::from),
        }
        .with_context(|| format!("while restoring the keys of {}", keys.display()))?;
        let is_of_it = checked.names.iter().all(|name| state.vault.open(name).is_ok())
            && is_signed(&state, checked.first.map(Origin), checked.manifest.checkpoint.as_deref())?;
        if !is_of_it {
            bail!("the keys of {} are of another installation, or older than the backup", keys.display());
        }
        keep_state(&state, &checked.state)?;
        Ok(state.vault.erased()?.into_iter().collect())
    })
    .await?
}

/// Erases those who are not erased yet.
fn erase(vault: &KeyVault, erased: &BTreeSet<SubjectId>) -> Result<()> {
    let known: BTreeSet<_> = vault.erased()?.into_iter().collect();
    erased.difference(&known).try_for_each(|subject| Ok(vault.erase(*subject)?))
}

/// Writes log, blobs, read models and advisories; answers how many blobs.
async fn fill(
    engine: &Engine,
    file: &Path,
    until: Position,
    has_blobs: bool,
    held: &Held,
    tell: &Tell,
) -> Result<u64> {
    let writing = Writing { blobs: &*engine.blobs, held };
    let blobs = import(&engine.log, Some(writing), &engine.folder, file, until, tell).await?;
    if engine.projector.catch_up().await.context("while building the read models")? != until {
        bail!("the log does not end at the position of the backup");
    }
    if has_blobs && let Err(error) = engine.follower.catch_up().await {
        tracing::warn!("advisories have to be imported again: {error:#}");
    }
    Ok(blobs)
}

/// Whether the newest checkpoint is signed with the key that was restored; it is, if there is none.
fn is_signed(state: &State, origin: Option<Origin>, newest: Option<&str>) -> Result<bool> {
    let (Some(origin), Some(newest)) = (origin, newest) else { return Ok(true) };
    let newest = SignedCheckpoint::parse(newest).context("the newest checkpoint cannot be read")?;
    let seed = state.vault.signing_seed().context("while opening the signing key")?;
    let key = Ed25519Signer::from_seed(*seed).verifier_key(&origin);
    Ok(key.verify(&newest.note).is_ok())
}

fn keep_state(state: &State, kept: &KeptState) -> Result<()> {
    let store = CheckpointStore::new(Arc::clone(&state.checkpoints) as Arc<dyn Checkpoints>);
    let there = store.latest()?.map_or(0, |latest| latest.size());
    for note in &kept.checkpoints {
        let signed = SignedCheckpoint::parse(&note.note).context("a checkpoint cannot be read")?;
        let kept = KeptCheckpoint { signed, previous: note.previous, blob: note.blob };
        let is_kept = if kept.size() > there {
            store.keep(&kept)?
        } else {
            store.find(kept.size())?.as_ref() == Some(&kept)
        };
        if !is_kept {
            bail!("the signed checkpoints do not follow each other");
        }
    }
    for key_use in &kept.key_uses {
        state.key_uses.touch_key(key_use.key, key_use.at);
    }
    state.key_uses.flush().context("while writing when API keys were used")
}

/// What is written to a store.
enum Part {
    Events(Batch),
    Blob(BlobHash, PathBuf),
}

/// What it takes to write more than a comparison does.
struct Writing<'a> {
    blobs: &'a dyn BlobStore,
    held: &'a Held,
}

/// Writes events and blobs in the order in which they stand in the file, and compares events that are there already;
/// answers how many blobs. Without the right to write, events are compared, and nothing is written.
async fn import(
    log: &OpenLog,
    writing: Option<Writing<'_>>,
    folder: &DataFolder,
    file: &Path,
    until: Position,
    tell: &Tell,
) -> Result<u64> {
    let Some(log) = log.importer() else {
        bail!("this log cannot take over events with their positions and times");
    };
    let mut taking = Taking::begin(log).await?;
    let scratch = tempfile::tempdir_in(folder.root()).context("while making a folder")?;
    let (sender, mut parts) = mpsc::channel(WAITING);
    let (path, unpacked) = (file.to_owned(), writing.as_ref().map(|_| scratch.path().to_owned()));
    let reading = tokio::task::spawn_blocking(move || read(&path, unpacked.as_deref(), &sender));
    let mut stored = 0;
    while let Some(part) = parts.recv().await {
        match (part, &writing) {
            (Part::Events(batch), Some(writing)) => {
                writing.held.check().await?;
                taking.take(batch).await.context(LOG)?;
                let done = taking.known() + taking.written();
                tell(Progress { what: "events".to_owned(), done, total: Some(until.0) });
            }
            (Part::Events(batch), None) => {
                let rest = taking.compare(batch).await.context(LOG)?;
                let done = taking.known();
                tell(Progress { what: "events compared".to_owned(), done, total: Some(until.0) });
                if !rest.events.is_empty() {
                    return Ok(0);
                }
            }
            (Part::Blob(hash, path), Some(writing)) => {
                writing.held.check().await?;
                store(writing.blobs, hash, path).await?;
                stored += 1;
                tell(Progress { what: "blobs".to_owned(), done: stored, total: None });
            }
            (Part::Blob(..), None) => (),
        }
    }
    reading.await??;
    Ok(stored)
}

async fn store(blobs: &dyn BlobStore, hash: BlobHash, path: PathBuf) -> Result<()> {
    let stored = blobs.put_file(path.clone()).await;
    let (stored, _) = stored.with_context(|| format!("while storing blob {hash}"))?;
    if stored != hash {
        bail!("blob {hash} changed while it was being restored");
    }
    std::fs::remove_file(&path).context("while removing a temporary file")
}

/// Reads events, and blobs into `folder` if there is one.
fn read(path: &Path, folder: Option<&Path>, parts: &mpsc::Sender<Part>) -> Result<()> {
    // Nobody wants to know any more when the restore has failed.
    let send = |part| parts.blocking_send(part).context("the restore ended");
    walk(path, |name, reader| {
        match (name, folder) {
            (Name::Log, _) => {
                let mut lines = line::read(reader);
                loop {
                    let first_line = lines.number() + 1;
                    let events = lines.batch().context(LOG)?;
                    if events.is_empty() {
                        break;
                    }
                    send(Part::Events(Batch { first_line, events }))?;
                }
            }
            (Name::Blob(hash), Some(folder)) => {
                let out = folder.join(hash.to_string());
                let mut file = File::create_new(&out).context("while making a temporary file")?;
                io::copy(reader, &mut file).context("while reading a blob")?;
                send(Part::Blob(hash, out))?;
            }
            (Name::Blob(_), None) | (Name::Manifest | Name::State | Name::Blobs | Name::Sums, _) => (),
        }
        Ok(())
    })
}
