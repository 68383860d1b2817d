//! Sources of OSV records: zips as published, folders, single files.

use crate::limits::{RECORD_BYTES, SOURCE_BYTES, ZIP_ENTRIES};
use crate::report::ImportError;
use ignore::WalkBuilder;
use scanledger_domain::limits::PATH_DEPTH;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use zip::ZipArchive;

/// How much may be read of a source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub record_bytes: u64,
    pub zip_entries: usize,
    pub source_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { record_bytes: RECORD_BYTES, zip_entries: ZIP_ENTRIES, source_bytes: SOURCE_BYTES }
    }
}

/// The bytes of one record, or why they could not be had.
pub(crate) type Found<'a> = Result<&'a [u8], String>;

/// Takes the name of a record, how many there are if that is known, and its bytes.
pub(crate) type Take<'a> = dyn FnMut(&str, Option<u64>, Found<'_>) -> Result<(), ImportError> + 'a;

/// Hands every record of the source at `path` to `take`.
/// Only files named `.json` are records. A file given by itself is one, whatever its name.
pub(crate) fn read(path: &Path, bounds: Bounds, take: &mut Take<'_>) -> Result<(), ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    let mut reader = Reader { path, bounds, total_bytes: 0, buffer: vec![] };
    if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return reader.folder(take);
    }
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let mut magic = [0; 4];
    let is_zip = file.read_exact(&mut magic).is_ok() && magic.starts_with(b"PK");
    file.rewind().map_err(unreadable)?;
    if is_zip {
        reader.zip(file, take)
    } else {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let found = reader.record(file)?;
        take(&name, Some(1), found)
    }
}

/// Whether the name of a file says that it is a record.
pub(crate) fn is_record(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

struct Reader<'a> {
    path: &'a Path,
    bounds: Bounds,
    total_bytes: u64,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn zip(&mut self, file: BufReader<File>, take: &mut Take<'_>) -> Result<(), ImportError> {
        let mut archive = ZipArchive::new(file)
            .map_err(|source| ImportError::Zip { path: self.path.to_owned(), source })?;
        let entries = archive.len();
        if entries > self.bounds.zip_entries {
            let (path, limit) = (self.path.to_owned(), self.bounds.zip_entries);
            return Err(ImportError::TooManyEntries { path, entries, limit });
        }
        for index in 0..entries {
            let name = archive.name_for_index(index).and_then(Result::ok).map(|name| name.into_owned());
            let name = name.unwrap_or_else(|| format!("entry {index}"));
            if !is_record(&name) {
                continue;
            }
            let found = match archive.by_index(index) {
                Ok(entry) => self.record(entry)?,
                Err(error) => Err(error.to_string()),
            };
            take(&name, Some(entries as u64), found)?;
        }
        Ok(())
    }

    fn folder(&mut self, take: &mut Take<'_>) -> Result<(), ImportError> {
        // Sorted, so that what comes first among equals does not depend on the file system.
        let walk = WalkBuilder::new(self.path)
            .standard_filters(false)
            .follow_links(false)
            .max_depth(Some(PATH_DEPTH))
            .sort_by_file_name(|a, b| a.cmp(b))
            .build();
        for entry in walk {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    take(&self.path.to_string_lossy(), None, Err(error.to_string()))?;
                    continue;
                }
            };
            let name = entry.path().strip_prefix(self.path).unwrap_or(entry.path()).to_string_lossy();
            if !entry.file_type().is_some_and(|kind| kind.is_file()) || !is_record(&name) {
                continue;
            }
            let found = match File::open(entry.path()) {
                Ok(file) => self.record(file)?,
                Err(error) => Err(error.to_string()),
            };
            take(&name, None, found)?;
        }
        Ok(())
    }

    /// Reads one record, never more than its limit.
    fn record(&mut self, from: impl Read) -> Result<Found<'_>, ImportError> {
        let limit = self.bounds.record_bytes;
        self.buffer.clear();
        let outcome: io::Result<usize> = from.take(limit + 1).read_to_end(&mut self.buffer);
        self.total_bytes += self.buffer.len() as u64;
        if self.total_bytes > self.bounds.source_bytes {
            return Err(ImportError::TooBig {
                path: PathBuf::from(self.path),
                limit: self.bounds.source_bytes,
            });
        }
        Ok(match outcome {
            Err(error) => Err(error.to_string()),
            Ok(_) if self.buffer.len() as u64 > limit => Err(format!("it is longer than {limit} bytes")),
            Ok(_) => Ok(&self.buffer),
        })
    }
}
