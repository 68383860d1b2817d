//! The folder that an archive is unpacked into, and the counting of what goes in.

use crate::Unpacked;
use crate::error::{EntryFault, EntryName, UnpackError, failed, unreadable};
use crate::limits::UnpackLimits;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 64 * 1024;

/// Writes files and folders below one folder and enforces the limits that span entries.
pub(crate) struct Sink<'a> {
    root: Dir,
    limits: &'a UnpackLimits,
    archive_bytes: u64,
    entries: u64,
    unpacked: Unpacked,
    /// Folders that are known to exist, so that each is made once.
    folders: HashSet<PathBuf>,
    buffer: Vec<u8>,
}

impl<'a> Sink<'a> {
    pub(crate) fn open(
        destination: &Path,
        archive_bytes: u64,
        limits: &'a UnpackLimits,
    ) -> Result<Self, UnpackError> {
        Dir::create_ambient_dir_all(destination, ambient_authority())
            .map_err(failed("create the destination"))?;
        let root = Dir::open_ambient_dir(destination, ambient_authority())
            .map_err(failed("open the destination"))?;
        Ok(Self {
            root,
            limits,
            archive_bytes,
            entries: 0,
            unpacked: Unpacked::default(),
            folders: HashSet::new(),
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    pub(crate) const fn limits(&self) -> &'a UnpackLimits {
        self.limits
    }

    /// Counts one entry, of whatever kind.
    pub(crate) fn count_entry(&mut self) -> Result<(), UnpackError> {
        self.entries += 1;
        self.check_entries(self.entries)
    }

    /// Whether an archive may have this many entries.
    pub(crate) const fn check_entries(&self, entries: u64) -> Result<(), UnpackError> {
        if entries > self.limits.entries {
            return Err(UnpackError::TooManyEntries { limit: self.limits.entries });
        }
        Ok(())
    }

    /// Counts an entry that is left out, and the bytes that it makes us read.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<(), UnpackError> {
        self.unpacked.skipped += 1;
        self.count_bytes(bytes)
    }

    /// Makes the folder `path` and those above it.
    pub(crate) fn folder(&mut self, path: &Path, entry: &EntryName) -> Result<(), UnpackError> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent, entry)?;
        }
        match self.root.create_dir(path) {
            Ok(()) => (),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !self.root.symlink_metadata(path).map_err(failed("look at a folder"))?.is_dir() {
                    return Err(entry.fault(EntryFault::KindClash));
                }
            }
            Err(error) => return Err(failed("create a folder")(error)),
        }
        self.folders.insert(path.to_owned());
        Ok(())
    }

    /// Writes the file `path` with what `content` gives, replacing an earlier file of the same path as tar
    /// does. Answers how many bytes there were.
    pub(crate) fn file(
        &mut self,
        path: &Path,
        entry: &EntryName,
        content: &mut dyn Read,
    ) -> Result<u64, UnpackError> {
        if path.as_os_str().is_empty() {
            return Err(entry.fault(EntryFault::KindClash));
        }
        if let Some(parent) = path.parent() {
            self.folder(parent, entry)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = match self.root.open_with(path, &options) {
            Ok(file) => {
                self.unpacked.files += 1;
                file
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !self.root.symlink_metadata(path).map_err(failed("look at a file"))?.is_file() {
                    return Err(entry.fault(EntryFault::KindClash));
                }
                options.create_new(false).truncate(true);
                self.root.open_with(path, &options).map_err(failed("replace a file"))?
            }
            Err(error) => return Err(failed("create a file")(error)),
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        let copied = self.copy(content, &mut file, &mut buffer);
        self.buffer = buffer;
        copied
    }

    /// What was unpacked in the end.
    pub(crate) fn finish(self) -> Result<Unpacked, UnpackError> {
        if self.unpacked.files == 0 {
            return Err(UnpackError::NoFiles);
        }
        Ok(self.unpacked)
    }

    fn copy(
        &mut self,
        content: &mut dyn Read,
        file: &mut dyn Write,
        buffer: &mut [u8],
    ) -> Result<u64, UnpackError> {
        let mut copied = 0;
        loop {
            let read = match content.read(buffer) {
                Ok(0) => return Ok(copied),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            self.count_bytes(read as u64)?;
            file.write_all(&buffer[..read]).map_err(failed("write a file"))?;
            copied += read as u64;
        }
    }

    fn count_bytes(&mut self, more: u64) -> Result<(), UnpackError> {
        let bytes = self.unpacked.bytes.saturating_add(more);
        self.unpacked.bytes = bytes;
        if bytes > self.limits.bytes {
            return Err(UnpackError::TooManyBytes { limit: self.limits.bytes });
        }
        let allowed = self.archive_bytes.saturating_mul(self.limits.ratio);
        if bytes > self.limits.ratio_free_bytes && bytes > allowed {
            return Err(UnpackError::RatioTooHigh { limit: self.limits.ratio });
        }
        Ok(())
    }
}
