//! The part of `scanledger verify` that is about what was signed.

use super::Signed;
use crate::cli::options::DataOptions;
use crate::proofs::StoredTree;
use anyhow::{Context, Result};
use scanledger_commands::proof::{AuditTree, Contradiction, examine};
use scanledger_domain::log::Position;
use scanledger_domain::proof::{Checkpoint, NOTE_BYTES, SignedCheckpoint, Signer};
use scanledger_projections::tree::{TREE_FILE, Tree};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the log was held against, and what it contradicts.
#[derive(Debug, Default)]
pub(in crate::cli) struct SignedReport {
    /// Checkpoints, kept here and elsewhere.
    pub(in crate::cli) checkpoints: u64,
    /// Events of the largest of them.
    pub(in crate::cli) signed: u64,
    /// Each thing that does not agree.
    pub(in crate::cli) differences: Vec<String>,
}

/// Recomputes every leaf from the log, and compares with the stored tree, with every checkpoint that is kept, and
/// with those in `files`.
pub(in crate::cli) async fn check_signed(
    data: &DataOptions,
    files: &[PathBuf],
    tell: &(dyn Fn(Position) + Send + Sync),
) -> Result<SignedReport> {
    let mut report = SignedReport::default();
    if is_bare(data) && files.is_empty() {
        return Ok(report);
    }
    let signed = match Signed::open(data).await {
        Ok(signed) => signed,
        Err(error) => {
            report.differences.push(format!("what was signed cannot be read: {error:#}"));
            return Ok(report);
        }
    };
    let mut known = Vec::new();
    match signed.checkpoints.all() {
        Ok(kept) => known.extend(kept.into_iter().map(|kept| kept.signed)),
        Err(error) => {
            let error = anyhow::Error::from(error);
            report.differences.push(format!("the signed checkpoints cannot be read: {error:#}"));
        }
    }
    for file in files {
        known.push(read(file)?);
    }
    for checkpoint in &known {
        let key = signed.signer.verifier_key(&checkpoint.checkpoint.origin);
        if key.verify(&checkpoint.note).is_err() {
            let size = checkpoint.checkpoint.size;
            report.differences.push(Contradiction::Unsigned { size }.to_string());
        }
    }
    let mut checkpoints: Vec<Checkpoint> = known.iter().map(|signed| signed.checkpoint).collect();
    checkpoints.sort_by_key(|checkpoint| checkpoint.size);
    report.checkpoints = checkpoints.len() as u64;
    report.signed = checkpoints.last().map_or(0, |checkpoint| checkpoint.size);
    let tree = match Tree::open_read_only(&signed.folder.root().join(TREE_FILE)) {
        Ok(tree) => tree,
        Err(error) => {
            report.differences.push(format!("the tree over the log cannot be read: {error}"));
            None
        }
    };
    let tree =
        tree.map(|tree| Arc::new(StoredTree { tree, log: Arc::clone(&signed.log) }) as Arc<dyn AuditTree>);
    let found =
        examine(&*signed.log, &checkpoints, tree, tell).await.context("while reading the log again")?;
    report.differences.extend(found.contradictions.iter().map(ToString::to_string));
    if let Some(difference) = found.tree {
        report.differences.push(format!(
            "from position {} on, the log is not what it was when it was hashed",
            difference.position
        ));
    }
    Ok(report)
}

/// Whether there is a log and nothing else, as after an import: neither keys nor anything that they signed.
pub(super) fn is_bare(data: &DataOptions) -> bool {
    let folder = data.folder();
    !data.log.is_shared() && !folder.server_key().exists() && !folder.state().exists()
}

/// A checkpoint that was kept elsewhere.
fn read(path: &Path) -> Result<SignedCheckpoint> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(NOTE_BYTES as u64 + 1).read_to_string(&mut text))
        .with_context(|| format!("while reading {}", path.display()))?;
    SignedCheckpoint::parse(&text).with_context(|| format!("{} is no signed checkpoint", path.display()))
}
