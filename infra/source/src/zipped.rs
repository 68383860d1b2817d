//! Reads zip archives, by their central directory.

use crate::error::{EntryFault, EntryName, UnpackError, unreadable};
use crate::path::accept;
use crate::sink::Sink;
use std::fs::File;
use std::io::{self, BufReader};
use zip::{SUPPORTED_COMPRESSION_METHODS, ZipReadOptions};
// The stable reader keeps the whole central directory in memory; a crafted one takes a gigabyte there.
use zip::read::{Config, ZipFileEntry};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

/// The bits of a Unix mode that tell the kind of a file, and the values of folders and regular files.
const KIND: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// Unpacks a zip file.
pub(crate) fn unpack(file: File, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let mut archive = ZipIterable::try_new(BufReader::new(file), Config::default()).map_err(in_archive)?;
    sink.check_entries(archive.len() as u64)?;
    let entries = archive.files().map_err(in_archive)?;
    while let Some(entry) = entries.next() {
        sink.count_entry()?;
        unpack_entry(entry.map_err(in_archive)?, entries.reader_mut(), sink)?;
    }
    Ok(())
}

fn unpack_entry(
    entry: ZipFileEntry<'_>,
    reader: &mut BufReader<File>,
    sink: &mut Sink<'_>,
) -> Result<(), UnpackError> {
    let name = EntryName::new(entry.name_raw());
    let decoded = entry.name().map_err(|_| name.fault(EntryFault::UnreadableName))?.into_owned();
    if entry.encrypted() {
        return Err(name.fault(EntryFault::Encrypted));
    }
    if !SUPPORTED_COMPRESSION_METHODS.contains(&entry.compression()) {
        return Err(name.fault(EntryFault::UnsupportedCompression));
    }
    let accepted = accept(decoded.as_bytes(), sink.limits())?;
    let kind = entry.unix_mode().map_or(0, |mode| mode & KIND);
    if accepted.ends_with_slash || kind == FOLDER {
        return sink.folder(&accepted.path, &name);
    }
    if kind != 0 && kind != REGULAR {
        return sink.skip(&name, 0);
    }
    let mut content = entry.with_reader(reader, ZipReadOptions::new()).map_err(in_archive)?;
    sink.file(&accepted.path, &name, &mut content)?;
    Ok(())
}

fn in_archive(error: ZipError) -> UnpackError {
    match error {
        ZipError::Io(error) => unreadable(error),
        error => UnpackError::Corrupt(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
