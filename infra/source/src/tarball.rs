//! Reads tar archives, plain and compressed with gzip.
//!
//! The entries are read raw and the long-name headers of GNU and POSIX are understood here, because the
//! library collects those headers in memory without a limit and fills the holes of sparse files.

use crate::error::{EntryFault, EntryName, Reached, UnpackError, unreadable};
use crate::path::accept;
use crate::sink::Sink;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use tar::{Archive, Entry, EntryType, PaxExtensions};

/// Bytes of one header that describes the next entry. Paths are at most a kilobyte; the rest is for
/// attributes that some writers put there.
const DESCRIPTION_BYTES: u64 = 64 * 1024;
/// What the headers and padding of one entry take at most, beside its content.
const OVERHEAD_BYTES: u64 = 2 * (DESCRIPTION_BYTES + 1024);
/// Padding after the last entry; writers fill up to their block size.
const PADDING_BYTES: u64 = 1024 * 1024;

/// Unpacks a plain tar file.
pub(crate) fn unpack(file: File, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    unpack_stream(BufReader::new(file), sink)
}

/// Unpacks a tar file that is compressed with gzip, in one member or several.
pub(crate) fn unpack_gzip(file: File, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    unpack_stream(MultiGzDecoder::new(BufReader::with_capacity(64 * 1024, file)), sink)
}

fn unpack_stream(stream: impl Read, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let limit = sink.limits().bytes;
    let in_stream = |error: io::Error| match error.kind() {
        ErrorKind::FileTooLarge => UnpackError::TooManyBytes { limit, reached: Reached::default() },
        _ => unreadable(error),
    };
    let left = sink
        .limits()
        .entries
        .saturating_mul(OVERHEAD_BYTES)
        .saturating_add(limit)
        .saturating_add(PADDING_BYTES);
    let mut archive = Archive::new(Bounded { stream, left });
    let mut next = Description::default();
    for entry in archive.entries().map_err(in_stream)?.raw(true) {
        let mut entry = entry.map_err(in_stream)?;
        if !next.take_in(&mut entry)? {
            unpack_entry(&mut entry, &std::mem::take(&mut next), sink)?;
        }
    }
    if next.is_some() {
        return Err(corrupt("the entry that a header announces is missing"));
    }
    // The checksum of gzip comes last, so only a stream that was read to its end is known to be whole.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(in_stream)?;
    Ok(())
}

fn unpack_entry<R: Read>(
    entry: &mut Entry<'_, R>,
    described: &Description,
    sink: &mut Sink<'_>,
) -> Result<(), UnpackError> {
    sink.count_entry()?;
    let size = entry.size();
    let own_path = entry.path_bytes();
    let raw_path = described.path.as_deref().unwrap_or(&own_path);
    let name = EntryName::new(raw_path);
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => (),
        EntryType::GNUSparse => return Err(name.fault(EntryFault::Sparse)),
        kind if kind.as_byte() == b'M' => return Err(name.fault(EntryFault::MultiVolume)),
        _ => return sink.skip(&name, size),
    }
    if described.is_sparse {
        return Err(name.fault(EntryFault::Sparse));
    }
    if described.size.is_some_and(|described| described != size) {
        return Err(name.fault(EntryFault::SizesDisagree));
    }
    let accepted = accept(raw_path, sink.limits())?;
    // Before POSIX a folder was a file whose name ends with a slash.
    if entry.header().entry_type() == EntryType::Directory || accepted.ends_with_slash {
        return sink.folder(&accepted.path, &name);
    }
    if sink.file(&accepted.path, &name, entry)? < size {
        return Err(corrupt("the archive ends within a file"));
    }
    Ok(())
}

/// What headers before an entry say about it.
#[derive(Default)]
struct Description {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
    has_long_name: bool,
    has_long_link: bool,
    has_attributes: bool,
}

impl Description {
    const fn is_some(&self) -> bool {
        self.has_long_name || self.has_long_link || self.has_attributes
    }

    /// Takes in `entry` if it is a header that describes the next one; answers whether it was.
    fn take_in<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<bool, UnpackError> {
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                once(&mut self.has_long_name)?;
                let mut path = read_description(entry)?;
                // GNU ends the name with a NUL.
                if path.last() == Some(&0) {
                    path.pop();
                }
                self.path = Some(path);
            }
            EntryType::GNULongLink => {
                once(&mut self.has_long_link)?;
                read_description(entry)?;
            }
            EntryType::XHeader => {
                once(&mut self.has_attributes)?;
                let attributes = read_description(entry)?;
                self.take_attributes(&attributes)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn take_attributes(&mut self, attributes: &[u8]) -> Result<(), UnpackError> {
        for attribute in PaxExtensions::new(attributes) {
            let attribute = attribute.map_err(UnpackError::Corrupt)?;
            match attribute.key_bytes() {
                b"path" => self.path = Some(attribute.value_bytes().to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(attribute.value_bytes()).ok().and_then(|s| s.parse().ok());
                    self.size = Some(size.ok_or_else(|| corrupt("a size is no number"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
                _ => (),
            }
        }
        Ok(())
    }
}

fn once(seen: &mut bool) -> Result<(), UnpackError> {
    if std::mem::replace(seen, true) {
        return Err(corrupt("two headers of one kind describe the same entry"));
    }
    Ok(())
}

fn read_description<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, UnpackError> {
    let size = entry.size();
    if size > DESCRIPTION_BYTES {
        return Err(EntryName::new(&entry.path_bytes()).fault(EntryFault::HeaderTooLong));
    }
    let mut description = Vec::with_capacity(size as usize);
    entry.read_to_end(&mut description).map_err(unreadable)?;
    if (description.len() as u64) < size {
        return Err(corrupt("the archive ends within a header"));
    }
    Ok(description)
}

fn corrupt(what: &'static str) -> UnpackError {
    UnpackError::Corrupt(io::Error::new(ErrorKind::InvalidData, what))
}

/// Gives up after a number of bytes, so that not even what lies between and after the entries is endless.
struct Bounded<R> {
    stream: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or(ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}
