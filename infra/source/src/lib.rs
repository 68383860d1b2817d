//! Unpacks uploaded sources into memory or a private folder, within hard limits.
//!
//! Archives come from strangers. What is read is decided by the bytes, not by the file name; what is small stays
//! in memory, and the rest is written through a [`cap_std::fs::Dir`], so that no path, however it is spelled, can
//! reach outside of the destination; links and devices are never created; and every size is counted while it
//! streams, because what an archive says about itself is not to be trusted.

mod error;
mod folder;
mod format;
mod limits;
mod memory;
mod pack;
mod path;
mod sink;
mod tarball;
mod zipped;

pub use error::{EntryFault, EntryName, Reached, UnpackError};
pub use limits::UnpackLimits;
pub use pack::{pack, pack_files};

use error::{failed, unreadable};
use format::Format;
use scanledger_domain::source::SourceTree;
use sink::Sink;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// What came out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unpacked {
    /// Regular files of the tree.
    pub files: u64,
    /// Bytes of content that were unpacked.
    pub bytes: u64,
    /// Entries left out because they are neither files nor folders: links, devices, pipes.
    pub skipped: u64,
}

/// Unpacks the `.tar`, `.tar.gz`, `.tgz` or `.zip` file `archive`: into memory, or, if that would be more than
/// `limits` say, into the folder `destination`, which is made if it does not exist and not touched otherwise.
///
/// `file_name` is what the client called the archive; it only helps to say what is wrong with a file that is
/// no archive. Files get the default permissions and times of this process, not those in the archive.
///
/// # Errors
/// See [`UnpackError`]; [`UnpackError::is_input_fault`] tells the client's faults from ours. After an error
/// the destination holds a part of the archive and is to be thrown away.
pub fn unpack(
    archive: &Path,
    file_name: Option<&str>,
    destination: &Path,
    limits: &UnpackLimits,
) -> Result<(SourceTree, Unpacked), UnpackError> {
    let mut file = File::open(archive).map_err(failed("open the archive"))?;
    let archive_bytes = file.metadata().map_err(failed("open the archive"))?.len();
    let format = format_of(&mut file, file_name)?;
    file.rewind().map_err(failed("rewind the archive"))?;

    let mut sink = Sink::new(destination, archive_bytes, limits);
    match format {
        Format::Tar => tarball::unpack(file, &mut sink)?,
        Format::Gzip => tarball::unpack_gzip(file, &mut sink)?,
        Format::Zip => zipped::unpack(file, &mut sink)?,
    }
    sink.finish()
}

/// Looks whether a file begins like an archive that [`unpack`] takes; what is in it may still be refused.
///
/// # Errors
/// [`UnpackError::NotAnArchive`], or [`UnpackError::Failed`] if the file cannot be read.
pub fn recognise(archive: &Path, file_name: Option<&str>) -> Result<(), UnpackError> {
    let mut file = File::open(archive).map_err(failed("open the archive"))?;
    format_of(&mut file, file_name).map(drop)
}

/// The format of a file, by its first bytes.
fn format_of(file: &mut File, file_name: Option<&str>) -> Result<Format, UnpackError> {
    let mut start = Vec::with_capacity(format::SNIFFED_BYTES);
    file.take(format::SNIFFED_BYTES as u64).read_to_end(&mut start).map_err(unreadable)?;
    Format::of(&start).ok_or_else(|| format::not_an_archive(file_name))
}
