//! Tells archive formats apart by their first bytes.

use crate::error::UnpackError;

/// How many bytes from the start of a file the decision needs: one tar header.
pub(crate) const SNIFFED_BYTES: usize = 512;

/// A format that can be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Tar,
    Gzip,
    Zip,
}

impl Format {
    /// The format of a file that begins with `start`.
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A local header, or the end record of an archive without entries.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            _ if is_tar_header(start) => Some(Self::Tar),
            _ => None,
        }
    }
}

/// The error for a file of another format; its name may tell which.
pub(crate) fn not_an_archive(file_name: Option<&str>) -> UnpackError {
    let name = file_name.unwrap_or_default().to_ascii_lowercase();
    let ends_with = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let hint = if ends_with(&[".bz2", ".tbz", ".tbz2"]) {
        " (bzip2 is not supported)"
    } else if ends_with(&[".xz", ".txz"]) {
        " (xz is not supported)"
    } else if ends_with(&[".zst", ".tzst"]) {
        " (zstd is not supported)"
    } else if ends_with(&[".7z"]) {
        " (7z is not supported)"
    } else if ends_with(&[".rar"]) {
        " (rar is not supported)"
    } else if ends_with(&[".tar", ".tar.gz", ".tgz", ".zip"]) {
        " although its name says so"
    } else {
        ""
    };
    UnpackError::NotAnArchive { hint }
}

/// A tar header has no magic number before POSIX, but always a checksum: the sum of its bytes, counting the
/// checksum's own eight as spaces (POSIX.1-2017, pax, "ustar Interchange Format"). A block of zeros ends an
/// archive, so a file that begins with one is an empty archive.
fn is_tar_header(start: &[u8]) -> bool {
    let Some(header) = start.first_chunk::<SNIFFED_BYTES>() else { return false };
    if header.iter().all(|byte| *byte == 0) {
        return true;
    }
    let sum: u32 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { u32::from(b' ') } else { u32::from(*byte) })
        .sum();
    tar::Header::from_byte_slice(header).cksum().is_ok_and(|expected| expected == sum)
}

#[cfg(test)]
mod tests {
    use super::{Format, not_an_archive};

    #[test]
    fn the_bytes_decide() {
        assert_eq!(Format::of(b"PK\x03\x04rest"), Some(Format::Zip));
        assert_eq!(Format::of(&[0x1f, 0x8b, 8]), Some(Format::Gzip));
        assert_eq!(Format::of(&[0; 512]), Some(Format::Tar));
        assert_eq!(Format::of(b"#!/bin/sh"), None);
        assert_eq!(Format::of(b""), None);
    }

    #[test]
    fn a_tar_header_without_the_posix_magic_is_known_by_its_checksum() {
        let mut header = tar::Header::new_old();
        header.set_path("file").unwrap();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        assert_eq!(Format::of(header.as_bytes()), Some(Format::Tar));
        let mut damaged = *header.as_bytes();
        damaged[0] ^= 1;
        assert_eq!(Format::of(&damaged), None);
    }

    #[test]
    fn the_name_explains_what_is_not_supported() {
        let message = |name: &str| not_an_archive(Some(name)).to_string();
        assert!(message("Source.TAR.BZ2").ends_with("(bzip2 is not supported)"));
        assert!(message("source.zip").ends_with("although its name says so"));
        assert!(message("notes.txt").ends_with("archive"));
    }
}
