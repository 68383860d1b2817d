//! The folder that an archive is unpacked into when it is too much for memory.

use crate::error::{EntryFault, EntryName, UnpackError, failed};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

/// A folder in which files and folders are made, and beside which nothing is.
pub(crate) struct Folder {
    root: Dir,
}

impl Folder {
    /// Opens `destination`, which is made if it does not exist.
    pub(crate) fn open(destination: &Path) -> Result<Self, UnpackError> {
        Dir::create_ambient_dir_all(destination, ambient_authority())
            .map_err(failed("create the destination"))?;
        let root = Dir::open_ambient_dir(destination, ambient_authority())
            .map_err(failed("open the destination"))?;
        Ok(Self { root })
    }

    /// Makes a folder; the one above it is there.
    pub(crate) fn make(&self, path: &Path, entry: &EntryName) -> Result<(), UnpackError> {
        match self.root.create_dir(path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if self.root.symlink_metadata(path).map_err(failed("look at a folder"))?.is_dir() {
                    return Ok(());
                }
                Err(entry.fault(EntryFault::KindClash))
            }
            Err(error) => Err(failed("create a folder")(error)),
        }
    }

    /// Makes a file, or empties the one that is there. Answers whether there was none.
    pub(crate) fn create(&self, path: &Path, entry: &EntryName) -> Result<(File, bool), UnpackError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        match self.root.open_with(path, &options) {
            Ok(file) => Ok((file, true)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !self.root.symlink_metadata(path).map_err(failed("look at a file"))?.is_file() {
                    return Err(entry.fault(EntryFault::KindClash));
                }
                options.create_new(false).truncate(true);
                let file = self.root.open_with(path, &options).map_err(failed("replace a file"))?;
                Ok((file, false))
            }
            Err(error) => Err(failed("create a file")(error)),
        }
    }
}

/// Adds to a file.
pub(crate) fn write(file: &mut File, bytes: &[u8]) -> Result<(), UnpackError> {
    file.write_all(bytes).map_err(failed("write a file"))
}
