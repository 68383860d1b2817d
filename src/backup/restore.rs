//! Restoring a backup.

use super::archive::{Checked, Name, check, walk};
use super::line;
use super::place::Place;
use super::{Contents, KeptState, LOG};
use crate::data::DataFolder;
use crate::log::OpenLog;
use crate::operations::{Progress, Tell};
use crate::place::LogPlace;
use crate::server::{BlobPlace, Engine};
use anyhow::{Context, Result, bail};
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::{CheckpointStore, KeptCheckpoint};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::log::{Position, Recorded};
use scanledger_domain::proof::{Ed25519Signer, Origin, SignedCheckpoint, Signer};
use scanledger_domain::vault::Vault;
use scanledger_state::State;
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
    /// The data folder, empty but for the server's key.
    pub folder: DataFolder,
    /// The log, which must be empty.
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
/// backup's log or by the backup of the keys gets a key at any time.
///
/// # Errors
/// When the backup is damaged or another program's, the keys do not belong to it, or the place is not empty. The place
/// is then as it was; what was written to a database or to a bucket stays there.
pub async fn restore(wanted: Restore, tell: &Tell) -> Result<Restored> {
    let place = Place::take(&wanted.folder)?;
    let checked = checked(&wanted.file, tell).await?;
    if let LogPlace::Postgres(url) = &wanted.log
        && State::is_in(url.as_str()).await.context("while looking into the database")?
    {
        bail!("the database is not empty: an installation is in it, and nothing is written over");
    }
    let scratch = place.scratch();
    let (whole, position) = (checked.manifest.blobs == Contents::Bytes, checked.manifest.position);
    // Before everything: from the first event on, nobody who is erased can be read.
    let erased = restore_keys(&scratch, &wanted, checked).await?;
    let engine = Engine::open(scratch, &wanted.log, &wanted.blobs).await?;
    let blobs = fill(&engine, &wanted.file, position, whole, tell).await;
    let closed = engine.close().await;
    drop(engine);
    let blobs = blobs?;
    closed?;
    place.keep()?;
    Ok(Restored { position: position.0, blobs, erased })
}

async fn checked(file: &Path, tell: &Tell) -> Result<Checked> {
    let (path, tell) = (file.to_owned(), Arc::clone(tell));
    tokio::task::spawn_blocking(move || {
        check(&path, &|done| tell(Progress { what: "events checked".to_owned(), done, total: None }))
    })
    .await?
}

/// Makes the state store; answers how many are erased in it.
async fn restore_keys(folder: &DataFolder, wanted: &Restore, checked: Checked) -> Result<u64> {
    let checked = Arc::new(checked);
    if wanted.log.is_shared() {
        if OpenLog::open(&wanted.log, folder).await?.port().head().await? != Position::START {
            bail!("the database is not empty: a log is in it, and nothing is written over");
        }
        // Once beside the database, so that keys that do not fit leave nothing in it.
        let trial = tempfile::tempdir_in(folder.root()).context("while making a folder")?;
        let trial = DataFolder::new(trial.path()).with_key_file(Some(folder.server_key()));
        fill_state(trial.open_state(true)?, &wanted.keys, &checked).await?;
    }
    fill_state(folder.state_of(&wanted.log, true).await?, &wanted.keys, &checked).await
}

async fn fill_state(state: State, keys: &Path, checked: &Arc<Checked>) -> Result<u64> {
    let (keys, checked) = (keys.to_owned(), Arc::clone(checked));
    tokio::task::spawn_blocking(move || {
        let erased: Vec<_> = checked.erased.iter().copied().collect();
        state
            .vault
            .import_keys(&keys, &erased)
            .with_context(|| format!("while restoring the keys of {}", keys.display()))?;
        let is_of_it = checked.names.iter().all(|name| state.vault.open(name).is_ok())
            && is_signed(&state, checked.first.map(Origin), checked.manifest.checkpoint.as_deref())?;
        if !is_of_it {
            bail!("the keys of {} are of another installation, or older than the backup", keys.display());
        }
        keep_state(&state, &checked.state)?;
        Ok(state.vault.erased()?.len() as u64)
    })
    .await?
}

/// Writes log, blobs, read models and advisories; answers how many blobs.
async fn fill(engine: &Engine, file: &Path, until: Position, has_blobs: bool, tell: &Tell) -> Result<u64> {
    if engine.event_log().head().await? != Position::START {
        bail!("the log is not empty, and nothing is written over");
    }
    let blobs = import(engine, file, until, tell).await?;
    if engine.projector.catch_up().await.context("while building the read models")? != until {
        bail!("the log ended before the position of the backup");
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
    for note in &kept.checkpoints {
        let signed = SignedCheckpoint::parse(&note.note).context("a checkpoint cannot be read")?;
        let kept = KeptCheckpoint { signed, previous: note.previous, blob: note.blob };
        if !store.keep(&kept)? {
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
    Events(Vec<Recorded>),
    Blob(BlobHash, PathBuf),
}

/// Writes events and blobs in the order in which they stand in the file; answers how many blobs.
async fn import(engine: &Engine, file: &Path, until: Position, tell: &Tell) -> Result<u64> {
    let Some(log) = engine.log.importer() else {
        bail!("this log cannot take over events with their positions and times");
    };
    let scratch = tempfile::tempdir_in(engine.folder.root()).context("while making a folder")?;
    let (sender, mut parts) = mpsc::channel(WAITING);
    let (path, folder) = (file.to_owned(), scratch.path().to_owned());
    let reading = tokio::task::spawn_blocking(move || read(&path, &folder, &sender));
    let mut blobs = 0;
    while let Some(part) = parts.recv().await {
        match part {
            Part::Events(events) => {
                let head = log.import(events).await.context("while writing the log")?;
                tell(Progress { what: "events".to_owned(), done: head.0, total: Some(until.0) });
            }
            Part::Blob(hash, path) => {
                let (stored, _) = engine
                    .blobs
                    .put_file(path.clone())
                    .await
                    .with_context(|| format!("while storing blob {hash}"))?;
                if stored != hash {
                    bail!("blob {hash} changed while it was being restored");
                }
                std::fs::remove_file(&path).context("while removing a temporary file")?;
                blobs += 1;
                tell(Progress { what: "blobs".to_owned(), done: blobs, total: None });
            }
        }
    }
    reading.await??;
    Ok(blobs)
}

fn read(path: &Path, folder: &Path, parts: &mpsc::Sender<Part>) -> Result<()> {
    // Nobody wants to know any more when the restore has failed.
    let send = |part| parts.blocking_send(part).context("the restore ended");
    walk(path, |name, reader| {
        match name {
            Name::Log => {
                let mut lines = line::read(reader);
                loop {
                    let events = lines.batch().context(LOG)?;
                    if events.is_empty() {
                        break;
                    }
                    send(Part::Events(events))?;
                }
            }
            Name::Blob(hash) => {
                let out = folder.join(hash.to_string());
                let mut file = File::create_new(&out).context("while making a temporary file")?;
                io::copy(reader, &mut file).context("while reading a blob")?;
                send(Part::Blob(hash, out))?;
            }
            Name::Manifest | Name::State | Name::Blobs | Name::Sums => (),
        }
        Ok(())
    })
}
