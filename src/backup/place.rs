//! Where a backup goes: a folder with nothing in it but perhaps the server's key.
//!
//! Everything is made in a folder inside, and moved when it is complete, the log last: a folder without a log is not
//! served, so that half a restore cannot be taken for a whole one.

use crate::data::{DataFolder, DataLock};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the log's files begin with.
const LOG_FILES: &str = "log.db";
/// The lock, which everybody who has the folder makes.
const LOCK_FILE: &str = "lock";

/// A folder that is being restored into. Dropped before it is kept, it is as it was.
pub(super) struct Place {
    folder: DataFolder,
    scratch: Option<TempDir>,
    lock: Option<DataLock>,
    was_there: bool,
    is_kept: bool,
}

impl Place {
    /// Takes `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// When there is something in it, or the server's key is missing.
    pub(super) fn take(folder: &DataFolder) -> Result<Self> {
        let was_there = refuse_unless_empty(folder)?;
        let key = folder.server_key();
        if !key.try_exists().with_context(|| format!("while looking for {}", key.display()))? {
            bail!(
                "the server's key is in no backup: copy it to {} first, or name it with --key-file",
                key.display()
            );
        }
        folder.create()?;
        let mut place = Self { folder: folder.clone(), scratch: None, lock: None, was_there, is_kept: false };
        place.lock = folder.try_lock()?;
        if place.lock.is_none() {
            bail!("another process has the data folder {}", folder.root().display());
        }
        let scratch = tempfile::Builder::new().prefix("restoring-").tempdir_in(folder.root());
        place.scratch = Some(scratch.context("while making a folder")?);
        Ok(place)
    }

    /// The folder in which everything is made, with the server's key where it is.
    pub(super) fn scratch(&self) -> DataFolder {
        let root = self.scratch.as_ref().map_or(self.folder.root(), TempDir::path);
        // A path that is relative is relative to this process, not to the folder.
        DataFolder::new(root).with_key_file(Some(self.folder.server_key()))
    }

    /// Moves everything to its place.
    pub(super) fn keep(mut self) -> Result<()> {
        let root = self.folder.root().to_owned();
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(self.scratch().root())? {
            paths.push(entry?.path());
        }
        paths.retain(|path| path.file_name().is_some_and(|name| name != LOCK_FILE));
        paths.sort_by_key(|path| (name(path).starts_with(LOG_FILES), name(path) == LOG_FILES));
        for path in &paths {
            std::fs::rename(path, root.join(name(path)))
                .with_context(|| format!("while moving {} to its place", path.display()))?;
        }
        self.is_kept = true;
        File::open(&root).and_then(|folder| folder.sync_all()).context("while moving files to their places")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.scratch.take());
        let had_lock = self.lock.take().is_some();
        if self.is_kept {
            return;
        }
        // What was made here goes; what cannot be removed is in nobody's way.
        if had_lock {
            drop(std::fs::remove_file(self.folder.root().join(LOCK_FILE)));
        }
        if !self.was_there {
            drop(std::fs::remove_dir(self.folder.root()));
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes sure that there is nothing but the server's key; answers whether the folder is there.
fn refuse_unless_empty(folder: &DataFolder) -> Result<bool> {
    let root = folder.root();
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("while looking into {}", root.display())),
    };
    let key = folder.server_key();
    for entry in entries {
        let path = entry?.path();
        if path != key {
            bail!("{} is not empty: {} is in it, and nothing is written over", root.display(), name(&path));
        }
    }
    Ok(true)
}
