//! Archives to unpack, and a place to unpack them in.

use flate2::Compression;
use flate2::write::GzEncoder;
use scanledger_domain::source::SourceTree;
use scanledger_source::{EntryFault, UnpackError, UnpackLimits, Unpacked, unpack};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use tar::{EntryType, Header};
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A destination inside of a folder that shows whether something was written beside it.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Unpacks into the destination, having seen that the same comes out in memory.
    pub(crate) fn unpack_with(&self, archive: &[u8], limits: &UnpackLimits) -> Result<Unpacked, UnpackError> {
        let path = self.folder.path().join("archive");
        fs::write(&path, archive).unwrap();
        let in_memory = unpack(&path, None, &self.folder.path().join("unused"), limits);
        let no_memory = UnpackLimits { memory_bytes: 0, ..*limits };
        let in_folder = unpack(&path, None, &self.destination(), &no_memory);
        match (in_memory, in_folder) {
            (Ok((memory, facts)), Ok((folder, unpacked))) => {
                assert!(matches!(memory, SourceTree::Memory(_)));
                assert_eq!(folder, SourceTree::Folder(self.destination()));
                assert_eq!((files(&memory), facts), (files(&folder), unpacked));
                Ok(unpacked)
            }
            (Err(memory), Err(folder)) => {
                assert_eq!(memory.to_string(), folder.to_string());
                Err(folder)
            }
            (memory, folder) => panic!("memory: {memory:?}, folder: {folder:?}"),
        }
    }

    /// Unpacks to wherever `limits` allow.
    pub(crate) fn unpack_within(&self, archive: &[u8], limits: &UnpackLimits) -> SourceTree {
        let path = self.folder.path().join("archive");
        fs::write(&path, archive).unwrap();
        unpack(&path, None, &self.destination(), limits).unwrap().0
    }

    pub(crate) fn unpack(&self, archive: &[u8]) -> Result<Unpacked, UnpackError> {
        self.unpack_with(archive, &UnpackLimits::default())
    }

    pub(crate) fn destination(&self) -> PathBuf {
        self.folder.path().join("destination")
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.destination().join(path)).unwrap()
    }

    pub(crate) fn assert_nothing_outside(&self) {
        let mut names: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert!(names.iter().all(|name| name == "archive" || name == "destination"), "{names:?}");
    }
}

/// Path and content of each file of a tree.
pub(crate) fn files(tree: &SourceTree) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    match tree {
        SourceTree::Folder(root) => collect(root, "", &mut files),
        SourceTree::Memory(tree) => {
            files.extend(tree.files().map(|(path, content)| (path.to_owned(), content.to_vec())));
        }
    }
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

#[track_caller]
pub(crate) fn assert_fault(result: &Result<Unpacked, UnpackError>, expected: EntryFault) {
    match result {
        Err(UnpackError::Entry { fault, .. }) => assert_eq!(*fault, expected),
        other => panic!("expected {expected:?}, got {other:?}"),
    }
    assert!(result.as_ref().is_err_and(UnpackError::is_input_fault));
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar with one entry of the given name and kind, written without the checks of the library.
pub(crate) fn tar_entry(archive: &mut Vec<u8>, name: &[u8], kind: u8, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    if kind == b'1' || kind == b'2' {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

pub(crate) fn tar_of(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, kind, content) in entries {
        tar_entry(&mut archive, name.as_bytes(), *kind, content);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

pub(crate) fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip whose only name is `name`: the library would tidy it, so it is written over one of equal length.
pub(crate) fn raw_zip(name: &str) -> Vec<u8> {
    let harmless = "x".repeat(name.len());
    let mut archive = zip_of(&[(&harmless, b"!")]);
    for at in 0..archive.len() - name.len() {
        if archive[at..].starts_with(harmless.as_bytes()) {
            archive[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
    }
    archive
}
