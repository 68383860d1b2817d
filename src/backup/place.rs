//! Where a backup goes: a folder with nothing in it but perhaps the server's key, or what a restore left that was
//! killed.
//!
//! Everything is made in a folder inside, and moved when it is complete, the state store last: without it, a log is not
//! served.

use crate::data::{DataFolder, DataLock};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the state store's files begin with.
const STATE_FILES: &str = "state.db";
/// The lock, which everybody who has the folder makes.
const LOCK_FILE: &str = "lock";
/// What the names of folders begin with in which everything is made.
const SCRATCH: &str = "restoring-";

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
        // Nobody works in them who has not the lock.
        remove_scratch(folder.root())?;
        let scratch = tempfile::Builder::new().prefix(SCRATCH).tempdir_in(folder.root());
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
    ///
    /// # Errors
    /// When something cannot be moved; what was moved before is taken back.
    pub(super) fn keep(mut self) -> Result<()> {
        let root = self.folder.root().to_owned();
        let sync = || File::open(&root).and_then(|folder| folder.sync_all()).context("while moving files");
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(self.scratch().root())? {
            paths.push(entry?.path());
        }
        paths.retain(|path| path.file_name().is_some_and(|name| name != LOCK_FILE));
        paths.sort_by_key(|path| (name(path).starts_with(STATE_FILES), name(path) == STATE_FILES));
        for (moved, path) in paths.iter().enumerate() {
            // Also after a power failure there is no state store without all the rest.
            let ready = if name(path) == STATE_FILES { sync() } else { Ok(()) };
            let done = ready.and_then(|()| {
                let to = root.join(name(path));
                std::fs::rename(path, to).with_context(|| format!("while moving {}", path.display()))
            });
            if let Err(error) = done {
                for path in paths[..moved].iter().rev() {
                    drop(std::fs::rename(root.join(name(path)), path));
                }
                return Err(error.context("while moving files to their places"));
            }
        }
        self.is_kept = true;
        sync()
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

fn remove_scratch(root: &Path) -> Result<()> {
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if name(&path).starts_with(SCRATCH) {
            std::fs::remove_dir_all(&path).with_context(|| format!("while removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// Makes sure that there is nothing but the server's key, the lock, and what a restore left that was killed; answers
/// whether the folder is there.
fn refuse_unless_empty(folder: &DataFolder) -> Result<bool> {
    let Some(Contents { other, .. }) = contents(folder)? else { return Ok(false) };
    refuse_half(folder)?;
    if let Some(other) = other {
        bail!("{} is not empty: {other} is in it, and nothing is written over", folder.root().display());
    }
    Ok(true)
}

/// Makes sure that `folder` is not one that a restore left that was killed while it moved files to their places.
///
/// # Errors
/// When it is, or cannot be seen.
pub fn refuse_half(folder: &DataFolder) -> Result<()> {
    let Some(Contents { other: Some(other), has_scratch: true }) = contents(folder)? else { return Ok(()) };
    if folder.state().try_exists()? {
        return Ok(());
    }
    bail!(
        "{} has half a restore in it, which was killed while it moved files to their places ({other} is there, and \
         state.db is not): empty the folder but for the server's key, and run `scanledger restore` again",
        folder.root().display()
    );
}

/// What is in a folder beside the server's key and the lock.
struct Contents {
    /// What a restore left that was killed.
    has_scratch: bool,
    /// One of the rest.
    other: Option<String>,
}

/// `None`: there is no folder.
fn contents(folder: &DataFolder) -> Result<Option<Contents>> {
    let root = folder.root();
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("while looking into {}", root.display())),
    };
    let key = folder.server_key();
    let mut contents = Contents { has_scratch: false, other: None };
    for entry in entries {
        let path = entry?.path();
        let is_scratch = name(&path).starts_with(SCRATCH) && path.is_dir();
        contents.has_scratch |= is_scratch;
        if path != key && !is_scratch && name(&path) != LOCK_FILE {
            contents.other = Some(name(&path));
        }
    }
    Ok(Some(contents))
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::data::DataFolder;
    use std::path::Path;

    const MADE: [&str; 4] = ["log.db", "state.db", "state.db-wal", "tree.db"];

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().flatten().map(|entry| super::name(&entry.path())).collect();
        names.sort();
        names
    }

    /// A place in which everything is made, and not moved yet.
    fn made(root: &Path) -> Place {
        std::fs::write(root.join("server.key"), b"").unwrap();
        let place = Place::take(&DataFolder::new(root)).unwrap();
        for name in MADE {
            std::fs::write(place.scratch().root().join(name), b"").unwrap();
        }
        place
    }

    #[test]
    fn what_was_made_is_moved_to_its_place() {
        let folder = tempfile::tempdir().unwrap();
        made(folder.path()).keep().unwrap();
        assert_eq!(names(folder.path()), [&["lock"], &MADE[..1], &["server.key"], &MADE[1..]].concat());
    }

    #[test]
    fn the_place_is_as_it_was_when_a_file_cannot_be_moved() {
        for in_the_way in MADE {
            let folder = tempfile::tempdir().unwrap();
            let place = made(folder.path());
            std::fs::create_dir(folder.path().join(in_the_way)).unwrap();
            place.keep().unwrap_err();
            std::fs::remove_dir(folder.path().join(in_the_way)).unwrap();
            assert_eq!(names(folder.path()), ["server.key"], "{in_the_way}");
        }
    }
}
