//! Imports of advisories, one node at a time, in a form that every other node can take over.

use super::reactor;
use crate::operations::{Progress, Tell};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use scanledger_advisories::{ImportProgress, ImportReport};
use scanledger_commands::Context as CommandContext;
use scanledger_commands::ledger::Ledger;
use scanledger_domain::advisory::{Advisories, Import, ImportedFile, advisories_stream};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::id::EventId;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the import of another node is waited for.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Imports `sources` and says so in the log.
///
/// # Errors
/// When another node goes on importing, or a source, a store or the log fails.
pub async fn import_advisories(
    engine: &Engine,
    context: &CommandContext,
    sources: Vec<PathBuf>,
    tell: Tell,
) -> Result<ImportReport> {
    let alone = reactor(engine, "advisories");
    let done = alone.once(PATIENCE, import(engine, context, sources, tell)).await;
    match done.map_err(anyhow::Error::from_boxed).context("while waiting for the imports of other nodes")? {
        Some(report) => report,
        None => bail!("another node has been importing advisories for {} minutes", PATIENCE.as_secs() / 60),
    }
}

/// In this order: the records are read into a transaction that nobody sees, their files are stored, the event is
/// appended, and then the transaction is committed. So this node matches with nothing that others cannot have, and a
/// failure on the way leaves everything as it was. What dies between the event and the commit catches up with the log
/// as other nodes do.
async fn import(
    engine: &Engine,
    context: &CommandContext,
    sources: Vec<PathBuf>,
    tell: Tell,
) -> Result<ImportReport> {
    // What comes in now is compared with what is in force.
    let alone = engine.follower.alone().await?;
    let temporary = engine.folder.temporary();
    std::fs::create_dir_all(&temporary).context("while making a folder for sources")?;
    let packed = tempfile::tempdir_in(&temporary).context("while making a folder for sources")?;
    let (store, named, folder) = (Arc::clone(&engine.advisories), sources.clone(), packed.path().to_owned());
    let record = Record {
        ledger: engine.ledger.clone(),
        blobs: Arc::clone(&engine.blobs),
        context: context.clone(),
        runtime: Handle::current(),
    };
    let mut report = tokio::task::spawn_blocking(move || {
        let files = as_files(&named, &folder)?;
        let progress = |progress: ImportProgress<'_>| {
            let name = named.get(progress.source).and_then(|path| path.file_name()).unwrap_or_default();
            tell(Progress {
                what: name.to_string_lossy().into_owned(),
                done: progress.records,
                total: progress.total,
            });
        };
        let imported = store.import_recorded(&files, &progress, &mut |report| {
            record.runtime.block_on(record.note(&files, report)).map_err(Into::into)
        });
        imported.context("while importing advisories")
    })
    .await??;
    drop(alone);
    for (file, source) in report.files.iter_mut().zip(sources) {
        file.path = source;
    }
    Ok(report)
}

/// Takes note of an import, so that other nodes can do the same.
struct Record {
    ledger: Ledger,
    blobs: Arc<dyn BlobStore>,
    context: CommandContext,
    runtime: Handle,
}

impl Record {
    /// Stores the files and says in the log that they are imported; answers the event.
    async fn note(&self, files: &[PathBuf], report: &ImportReport) -> Result<EventId> {
        let mut imported = Vec::with_capacity(files.len());
        for (file, path) in report.files.iter().zip(files) {
            let (blob, _) = self.blobs.put_file(path.clone()).await.context("while storing a source")?;
            imported.push(ImportedFile { blob, ecosystems: file.ecosystems.clone(), records: file.records });
        }
        let command = Import { files: imported, changed: report.changed(), generation: report.generation };
        self.ledger
            .execute::<Advisories>(&self.context, &advisories_stream(), None, command)
            .await
            .context("while recording the import")?;
        Ok(self.context.command.event(0))
    }
}

/// Each source as one file: folders are packed into `folder`.
fn as_files(sources: &[PathBuf], folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let one = |(number, source): (usize, &PathBuf)| {
        if !source.is_dir() {
            return Ok(source.clone());
        }
        let path = folder.join(format!("{number}.zip"));
        scanledger_advisories::pack(source, &path)
            .with_context(|| format!("while reading {}", source.display()))?;
        Ok(path)
    };
    sources.iter().enumerate().map(one).collect()
}
