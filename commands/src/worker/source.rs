//! From a stored archive to a source tree.

use super::run::{Halt, Run};
use crate::error::Fault;
use crate::ports::UnpackProblem;
use crate::thread::on_thread;
use scanledger_domain::blob::BlobError;
use scanledger_domain::scan::{Failure, FailureCode, SourceKind};
use scanledger_domain::source::SourceTree;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// What a fault stood in the way of.
const PREPARE: &str = "prepare a source";

/// An unpacked source; removed when dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    _folder: TempDir,
    /// What is scanned.
    pub(super) source: Arc<SourceTree>,
}

/// What the folders of a node's runs begin with.
fn prefix(node: Uuid) -> String {
    format!("scan-{}-", node.simple())
}

/// Removes what a former life of this node left behind.
pub(super) fn sweep(temp_dir: &Path, node: Uuid) -> std::io::Result<()> {
    std::fs::create_dir_all(temp_dir)?;
    let prefix = prefix(node);
    for entry in std::fs::read_dir(temp_dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

impl Run {
    /// Fetches and unpacks the source of the scan.
    pub(super) async fn materialise(&mut self) -> Result<Workspace, Halt> {
        let (temp_dir, prefix) = (self.options.temp_dir.clone(), prefix(self.options.node));
        let folder = on_thread(PREPARE, move || private_folder(&temp_dir, &prefix)).await?;
        let folder = folder.map_err(|error| Fault::other("make a private folder", error))?;
        let source = self.life.queued.source.clone();
        let archive = folder.path().join("archive");
        match self.deps.blobs.load_to_file(source.blob, &archive).await {
            Ok(()) => (),
            Err(BlobError::Missing(_)) => {
                let message = "the source is no longer stored".to_owned();
                return Err(Halt::Failed(Failure { code: FailureCode::SourceMissing, message }));
            }
            Err(error) => return Err(Fault::from(error).into()),
        }
        let (unpacker, destination) = (Arc::clone(&self.deps.unpacker), folder.path().join("source"));
        let unpacked = on_thread(PREPARE, move || {
            let unpacked = unpacker.unpack(&archive, &source.name, &destination);
            // The scanners have the files; the archive only takes up room.
            drop(std::fs::remove_file(&archive));
            unpacked
        });
        let (mut tree, facts) = unpacked.await?.map_err(refused)?;
        if self.life.queued.source.kind == SourceKind::Repository {
            tree = on_thread(PREPARE, move || in_only_folder(tree)).await?;
        }
        self.log.info(
            "the source is unpacked",
            &[
                ("files", facts.files.into()),
                ("bytes", facts.bytes.into()),
                ("leftOut", facts.skipped.into()),
            ],
        );
        Ok(Workspace { _folder: folder, source: Arc::new(tree) })
    }
}

/// The tree without the folder that code hosts put around everything, named after the commit: paths have to be the same
/// at the next one.
fn in_only_folder(tree: SourceTree) -> SourceTree {
    match tree {
        SourceTree::Memory(tree) => SourceTree::Memory(tree.in_only_folder()),
        SourceTree::Folder(root) => {
            let Ok(entries) = std::fs::read_dir(&root) else { return SourceTree::Folder(root) };
            let mut entries = entries.flatten();
            match (entries.next(), entries.next()) {
                (Some(only), None) if only.path().is_dir() => SourceTree::Folder(only.path()),
                _ => SourceTree::Folder(root),
            }
        }
    }
}

fn refused(problem: UnpackProblem) -> Halt {
    if problem.is_input_fault {
        return Halt::Failed(Failure { code: FailureCode::SourceRejected, message: problem.message });
    }
    Halt::Broken(Fault::other("unpack a source", problem))
}

fn private_folder(temp_dir: &Path, prefix: &str) -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(temp_dir)
}
