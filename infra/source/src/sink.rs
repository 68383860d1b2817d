//! Where an archive is unpacked to, and the counting of what goes in.

use crate::Unpacked;
use crate::error::{EntryFault, EntryName, UnpackError, unreadable};
use crate::folder::{self, Folder};
use crate::limits::UnpackLimits;
use crate::memory::Memory;
use cap_std::fs::File;
use scanledger_domain::source::SourceTree;
use std::collections::HashSet;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 64 * 1024;

/// Takes files and folders, first into memory and then into a folder, and enforces the limits that span entries.
pub(crate) struct Sink<'a> {
    destination: &'a Path,
    limits: &'a UnpackLimits,
    /// Until it is too much.
    memory: Option<Memory<'a>>,
    /// From then on.
    folder: Option<Folder>,
    archive_bytes: u64,
    entries: u64,
    unpacked: Unpacked,
    /// Folders that are known to exist, so that each is made once.
    folders: HashSet<PathBuf>,
    buffer: Vec<u8>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(destination: &'a Path, archive_bytes: u64, limits: &'a UnpackLimits) -> Self {
        Self {
            destination,
            limits,
            memory: Some(Memory::new(limits)),
            folder: None,
            archive_bytes,
            entries: 0,
            unpacked: Unpacked::default(),
            folders: HashSet::new(),
            buffer: vec![0; BUFFER_BYTES],
        }
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
    pub(crate) fn skip(&mut self, entry: &EntryName, bytes: u64) -> Result<(), UnpackError> {
        self.unpacked.skipped += 1;
        self.count_bytes(entry, bytes)
    }

    /// Makes the folder `path` and those above it.
    pub(crate) fn folder(&mut self, path: &Path, entry: &EntryName) -> Result<(), UnpackError> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent, entry)?;
        }
        if self.memory.as_ref().is_some_and(|memory| memory.has(path)) {
            return Err(entry.fault(EntryFault::KindClash));
        }
        if !self.memory.as_mut().is_some_and(|memory| memory.folder(path)) {
            self.spilled()?.make(path, entry)?;
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
        let mut file = self.begin(path, entry)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let copied = self.copy(content, &mut file, (path, entry), &mut buffer);
        self.buffer = buffer;
        if file.is_none() && copied.is_ok() && self.memory.as_mut().is_some_and(|memory| memory.end(path)) {
            self.unpacked.files += 1;
        }
        copied
    }

    /// The tree, and what was unpacked in the end.
    pub(crate) fn finish(self) -> Result<(SourceTree, Unpacked), UnpackError> {
        if self.unpacked.files == 0 {
            return Err(UnpackError::NoFiles);
        }
        let tree = match self.memory {
            Some(memory) => SourceTree::Memory(memory.into_tree()),
            None => SourceTree::Folder(self.destination.to_owned()),
        };
        Ok((tree, self.unpacked))
    }

    /// Begins a file: in memory, or the one it answers.
    fn begin(&mut self, path: &Path, entry: &EntryName) -> Result<Option<File>, UnpackError> {
        if self.memory.is_some() && self.folders.contains(path) {
            return Err(entry.fault(EntryFault::KindClash));
        }
        if self.memory.as_mut().is_some_and(|memory| memory.begin(path)) {
            return Ok(None);
        }
        self.create(path, entry).map(Some)
    }

    fn create(&mut self, path: &Path, entry: &EntryName) -> Result<File, UnpackError> {
        let (file, is_new) = self.spilled()?.create(path, entry)?;
        self.unpacked.files += u64::from(is_new);
        Ok(file)
    }

    fn copy(
        &mut self,
        content: &mut dyn Read,
        file: &mut Option<File>,
        (path, entry): (&Path, &EntryName),
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
            self.count_bytes(entry, read as u64)?;
            let bytes = &buffer[..read];
            match file {
                Some(file) => folder::write(file, bytes)?,
                None if self.memory.as_mut().is_some_and(|memory| memory.write(bytes)) => (),
                None => {
                    let held = self.memory.as_ref().map_or(vec![], |memory| memory.at_work().to_vec());
                    let mut created = self.create(path, entry)?;
                    folder::write(&mut created, &held)?;
                    folder::write(&mut created, bytes)?;
                    *file = Some(created);
                }
            }
            copied += read as u64;
        }
    }

    /// The folder, with everything in it that was in memory until now.
    fn spilled(&mut self) -> Result<&Folder, UnpackError> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => Folder::open(self.destination)?,
        };
        if let Some(memory) = self.memory.take() {
            let mut folders: Vec<&PathBuf> = self.folders.iter().collect();
            // So that each comes after the one it lies in.
            folders.sort_unstable();
            for path in folders {
                folder.make(path, &name_of(path))?;
            }
            for (path, content) in memory.files() {
                let (mut file, _) = folder.create(path, &name_of(path))?;
                folder::write(&mut file, content)?;
            }
        }
        Ok(self.folder.insert(folder))
    }

    fn count_bytes(&mut self, entry: &EntryName, more: u64) -> Result<(), UnpackError> {
        let bytes = self.unpacked.bytes.saturating_add(more);
        self.unpacked.bytes = bytes;
        if bytes > self.limits.bytes {
            return Err(UnpackError::TooManyBytes { limit: self.limits.bytes, reached: entry.into() });
        }
        let allowed = self.archive_bytes.saturating_mul(self.limits.ratio);
        if bytes > self.limits.ratio_free_bytes && bytes > allowed {
            return Err(UnpackError::RatioTooHigh { limit: self.limits.ratio, reached: entry.into() });
        }
        Ok(())
    }
}

fn name_of(path: &Path) -> EntryName {
    EntryName::new(path.as_os_str().as_encoded_bytes())
}
