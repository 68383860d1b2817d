//! Writing a backup.

use super::spool::{Spool, spool};
use super::{
    BLOB_FOLDER, BLOBS, BackedUp, BlobLine, Contents, FORMAT, KeptNote, KeptState, KeyUse, LISTED, LOG,
    MANIFEST, Manifest, STATE, SUMS, VERSION, Wanted,
};
use crate::adapters::SystemClock;
use crate::operations::{Progress, Tell};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::{CheckpointStore, KeptCheckpoint};
use scanledger_domain::blob::{BlobError, BlobHash, BlobUse};
use scanledger_domain::time::Clock;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Blobs of which it is asked at once whether something names them.
const ASKED: usize = 1_000;
/// Entries that wait to be written.
const WAITING: usize = 4;
/// Bits of a file that only its owner may read.
const MODE: u32 = 0o600;

/// Writes a backup, beside whatever goes on; durable when it answers.
///
/// # Errors
/// When a file is there already, or a part cannot be read or written. Nothing is left behind then.
pub async fn create(engine: &Engine, wanted: Wanted, tell: &Tell) -> Result<BackedUp> {
    for path in std::iter::once(&wanted.out).chain(&wanted.keys_out) {
        refuse_to_overwrite(path)?;
    }
    let beside = wanted.out.parent().context("the backup needs a file name")?;
    let scratch = tempfile::Builder::new()
        .prefix(".backup-")
        .tempdir_in(beside)
        .with_context(|| format!("while making a folder in {}", beside.display()))?;
    let log = engine.event_log();
    // First: what belongs to this position is there from now on.
    let spool = spool(&*log, &scratch.path().join(LOG), tell).await?;
    let (kept, mut state) = read_state(engine, &spool).await?;
    let mut blobs = spool.blobs;
    blobs.extend(kept.iter().filter_map(|kept| kept.blob).map(|blob| (blob, None)));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: SystemClock.now().to_rfc3339_micros(),
        log: log.identity(),
        position: spool.position,
        events: spool.events,
        checkpoint: kept.last().map(|kept| kept.signed.note.to_string()),
        views: scanledger_projections::store::revision().to_owned(),
        blobs: wanted.blobs,
    };
    state.checkpoints = kept.iter().map(note).collect();
    let archive = NamedTempFile::new_in(scratch.path()).context("while making the file")?;
    let (entries, writing) = Writing::begin(archive)?;
    let sending = async {
        entries.send(Entry::bytes(MANIFEST, serde_json::to_vec_pretty(&manifest)?)).await?;
        entries.send(Entry::file(LOG, spool.path)).await?;
        entries.send(Entry::bytes(STATE, serde_json::to_vec(&state)?)).await?;
        send_blobs(engine, wanted.blobs, &blobs, scratch.path(), &entries, tell).await
    };
    let sent = sending.await;
    drop(entries);
    // Why writing failed says more than that nobody took the next entry.
    let (archive, bytes) = writing.await??;
    let (listed, missing) = sent?;
    let mut lost_blobs = lost(engine, &kept, missing).await;
    let lost = lost_blobs.len() as u64;
    lost_blobs.truncate(LISTED);
    export_keys(engine, wanted.keys_out.as_deref()).await?;
    if let Err(error) = put(archive, &wanted.out) {
        if let Some(keys) = &wanted.keys_out {
            drop(std::fs::remove_file(keys));
        }
        return Err(error);
    }
    Ok(BackedUp {
        position: manifest.position.0,
        events: manifest.events,
        checkpoints: state.checkpoints.len() as u64,
        blobs: listed,
        lost,
        lost_blobs,
        bytes,
    })
}

fn refuse_to_overwrite(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} is there already, and is not written over", path.display());
    }
    Ok(())
}

/// Checkpoints of the part of the log that is in the backup, smallest first, and when keys were used.
async fn read_state(engine: &Engine, spool: &Spool) -> Result<(Vec<KeptCheckpoint>, KeptState)> {
    let (state, keys, events) = (Arc::clone(&engine.state), spool.keys.clone(), spool.events);
    tokio::task::spawn_blocking(move || {
        let store = CheckpointStore::new(Arc::clone(&state.checkpoints) as Arc<dyn Checkpoints>);
        let mut kept = store.all().context("while reading the signed checkpoints")?;
        kept.retain(|kept| kept.size() <= events);
        let uses = state.key_uses.last_used(&keys).context("while reading when API keys were used")?;
        let mut key_uses: Vec<_> = uses.into_iter().map(|(key, at)| KeyUse { key, at }).collect();
        key_uses.sort_by_key(|key_use| key_use.key);
        Ok((kept, KeptState { key_uses, checkpoints: vec![] }))
    })
    .await?
}

fn note(kept: &KeptCheckpoint) -> KeptNote {
    KeptNote { note: kept.signed.note.to_string(), previous: kept.previous, blob: kept.blob }
}

/// Sends what is there of `blobs`, and the list of them; answers how many, and what is not there.
async fn send_blobs(
    engine: &Engine,
    contents: Contents,
    blobs: &BTreeMap<BlobHash, Option<u64>>,
    scratch: &Path,
    entries: &mpsc::Sender<Entry>,
    tell: &Tell,
) -> Result<(u64, Vec<BlobHash>)> {
    let (mut list, mut listed, mut missing) = (Vec::new(), 0, Vec::new());
    for (done, (hash, known)) in (1..).zip(blobs) {
        let size = match contents {
            Contents::Hashes if engine.blobs.contains(*hash).await? => *known,
            Contents::Hashes => {
                missing.push(*hash);
                continue;
            }
            Contents::Bytes => {
                let path = scratch.join(hash.to_string());
                match engine.blobs.load_to_file(*hash, &path).await {
                    Ok(()) => (),
                    Err(BlobError::Missing(_)) => {
                        missing.push(*hash);
                        continue;
                    }
                    Err(error) => return Err(error).with_context(|| format!("while reading blob {hash}")),
                }
                let size = path.metadata()?.len();
                entries.send(Entry::file(&format!("{BLOB_FOLDER}{hash}"), path)).await?;
                Some(size)
            }
        };
        serde_json::to_writer(&mut list, &BlobLine { hash: *hash, size })?;
        list.push(b'\n');
        listed += 1;
        tell(Progress { what: "blobs".to_owned(), done, total: Some(blobs.len() as u64) });
    }
    entries.send(Entry::bytes(BLOBS, list)).await?;
    Ok((listed, missing))
}

/// Of blobs that are not there, those that should be: what was deleted is no loss, and neither is what is deleted while
/// the backup is written.
async fn lost(engine: &Engine, kept: &[KeptCheckpoint], missing: Vec<BlobHash>) -> Vec<BlobHash> {
    match living(engine, &missing).await {
        Ok(mut living) => {
            living.extend(kept.iter().filter_map(|kept| kept.blob));
            missing.into_iter().filter(|blob| living.contains(blob)).collect()
        }
        Err(error) => {
            // The backup is worth having all the same.
            tracing::warn!("it is not known which of the blobs that are not there were deleted: {error:#}");
            missing
        }
    }
}

/// Which of them something names that was not deleted.
async fn living(engine: &Engine, blobs: &[BlobHash]) -> Result<BTreeSet<BlobHash>> {
    let mut living = BTreeSet::new();
    if !blobs.is_empty() {
        engine.projector.catch_up().await?;
    }
    let views = engine.projector.views();
    for blobs in blobs.chunks(ASKED) {
        let uses = views.uses_of(blobs.to_vec()).await?;
        living.extend(uses.into_iter().filter(|(_, is)| *is == BlobUse::Used).map(|(blob, _)| blob));
    }
    Ok(living)
}

async fn export_keys(engine: &Engine, out: Option<&Path>) -> Result<()> {
    let Some(out) = out.map(Path::to_owned) else { return Ok(()) };
    let vault = Arc::clone(&engine.state.vault);
    tokio::task::spawn_blocking(move || {
        vault.export_keys(&out).with_context(|| format!("while backing up the keys to {}", out.display()))
    })
    .await?
}

/// Gives the finished file its name.
fn put(archive: NamedTempFile, out: &Path) -> Result<()> {
    archive.persist_noclobber(out).with_context(|| format!("while making {}", out.display()))?;
    let folder = out.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).context("while writing the backup")
}

/// An entry on its way.
struct Entry {
    name: String,
    content: Content,
}

enum Content {
    Bytes(Vec<u8>),
    /// Removed when it was written.
    File(PathBuf),
}

impl Entry {
    fn bytes(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.to_owned(), content: Content::Bytes(bytes) }
    }

    fn file(name: &str, path: PathBuf) -> Self {
        Self { name: name.to_owned(), content: Content::File(path) }
    }
}

/// The thread that writes entries in the order in which they come.
struct Writing {
    tar: tar::Builder<io::BufWriter<NamedTempFile>>,
    sums: String,
    mtime: u64,
}

type Written = JoinHandle<Result<(NamedTempFile, u64)>>;

impl Writing {
    fn begin(archive: NamedTempFile) -> Result<(mpsc::Sender<Entry>, Written)> {
        let mtime = u64::try_from(SystemClock.now().0 / 1_000_000).context("the clock is before 1970")?;
        let tar = tar::Builder::new(io::BufWriter::new(archive));
        let mut writing = Self { tar, sums: String::new(), mtime };
        let (sender, mut entries) = mpsc::channel(WAITING);
        let written = tokio::task::spawn_blocking(move || {
            while let Some(entry) = entries.blocking_recv() {
                writing.add(entry).context("while writing the backup")?;
            }
            writing.finish().context("while writing the backup")
        });
        Ok((sender, written))
    }

    fn add(&mut self, entry: Entry) -> io::Result<()> {
        let sum = match entry.content {
            Content::Bytes(bytes) => self.append(&entry.name, bytes.len() as u64, &*bytes)?,
            Content::File(path) => {
                let file = File::open(&path)?;
                let sum = self.append(&entry.name, file.metadata()?.len(), file)?;
                std::fs::remove_file(&path)?;
                sum
            }
        };
        // As sha256sum writes and reads it.
        self.sums.push_str(&format!("{sum}  {}\n", entry.name));
        Ok(())
    }

    fn append(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<BlobHash> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(MODE);
        header.set_mtime(self.mtime);
        let mut hashing = Hashing { inner: content, hash: Sha256::new() };
        self.tar.append_data(&mut header, name, &mut hashing)?;
        Ok(BlobHash(hashing.hash.finalize().into()))
    }

    /// The sums come last, so that a file that was cut off has none.
    fn finish(mut self) -> io::Result<(NamedTempFile, u64)> {
        let sums = std::mem::take(&mut self.sums);
        self.append(SUMS, sums.len() as u64, sums.as_bytes())?;
        let mut out = self.tar.into_inner()?;
        out.flush()?;
        let archive = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        archive.as_file().sync_all()?;
        let bytes = archive.as_file().metadata()?.len();
        Ok((archive, bytes))
    }
}

/// Hashes what passes.
pub(super) struct Hashing<R> {
    pub(super) inner: R,
    pub(super) hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
