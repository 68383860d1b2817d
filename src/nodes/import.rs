//! Imports of advisories, one node at a time, in a form that every other node can take over.

use super::reactor;
use crate::operations::{Progress, Tell};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use scanledger_advisories::{ImportProgress, ImportReport};
use scanledger_commands::Context as CommandContext;
use scanledger_domain::advisory::{Advisories, Import, ImportedFile, advisories_stream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

async fn import(
    engine: &Engine,
    context: &CommandContext,
    sources: Vec<PathBuf>,
    tell: Tell,
) -> Result<ImportReport> {
    // What comes in now is compared with what is in force.
    engine.follower.catch_up().await?;
    let temporary = engine.folder.temporary();
    std::fs::create_dir_all(&temporary).context("while making a folder for sources")?;
    let packed = tempfile::tempdir_in(&temporary).context("while making a folder for sources")?;
    let (store, named, folder) = (Arc::clone(&engine.advisories), sources.clone(), packed.path().to_owned());
    let (mut report, files) = tokio::task::spawn_blocking(move || {
        let files = as_files(&named, &folder)?;
        let progress = |progress: ImportProgress<'_>| {
            let name = named.get(progress.source).and_then(|path| path.file_name()).unwrap_or_default();
            tell(Progress {
                what: name.to_string_lossy().into_owned(),
                done: progress.records,
                total: progress.total,
            });
        };
        let report = store.import(&files, &progress).context("while importing advisories")?;
        anyhow::Ok((report, files))
    })
    .await??;
    let mut imported = Vec::with_capacity(files.len());
    for ((file, path), source) in report.files.iter_mut().zip(files).zip(sources) {
        let (blob, _) = engine.blobs.put_file(path).await.context("while storing a source")?;
        imported.push(ImportedFile { blob, ecosystems: file.ecosystems.clone(), records: file.records });
        file.path = source;
    }
    let command = Import { files: imported, changed: report.changed(), generation: report.generation };
    engine
        .ledger
        .execute::<Advisories>(context, &advisories_stream(), None, command)
        .await
        .context("while recording the import")?;
    Ok(report)
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
