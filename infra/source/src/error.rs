//! Why an archive could not be unpacked, and whose fault that is.

use std::fmt;
use std::io;

/// Characters of an entry's name that a message shows.
const SHOWN_CHARS: usize = 200;

/// Why an archive could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The file is in no format that is understood.
    #[error("the upload is not a .tar, .tar.gz, .tgz or .zip archive{hint}")]
    NotAnArchive {
        /// What its name suggests, if that helps: ` (bzip2 is not supported)`. Else empty.
        hint: &'static str,
    },
    /// No regular file is in it.
    #[error("the archive holds no files")]
    NoFiles,
    /// It is cut off, damaged or malformed.
    #[error("the archive is damaged or incomplete")]
    Corrupt(#[source] io::Error),
    /// More entries than allowed.
    #[error("the archive holds more than {limit} entries")]
    TooManyEntries {
        /// How many are allowed.
        limit: u64,
    },
    /// More content than allowed.
    #[error("the archive unpacks to more than {limit} bytes{reached}")]
    TooManyBytes {
        /// How many are allowed.
        limit: u64,
        /// Where they were reached.
        reached: Reached,
    },
    /// The content is so much larger than the archive that it was made to exhaust whoever unpacks it.
    #[error("the archive unpacks to more than {limit} times its own size{reached}")]
    RatioTooHigh {
        /// How many times are allowed.
        limit: u64,
        /// Where they were reached.
        reached: Reached,
    },
    /// One entry is not acceptable.
    #[error("the archive entry \"{entry}\" {fault}")]
    Entry {
        /// Which.
        entry: EntryName,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// The archive could not be read or the destination not be written; not the client's fault.
    #[error("unpacking failed while trying to {doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    /// Whether whoever sent the archive is to blame; then the message (without its cause) may be shown to them.
    pub const fn is_input_fault(&self) -> bool {
        match self {
            Self::NotAnArchive { .. }
            | Self::NoFiles
            | Self::Corrupt(_)
            | Self::TooManyEntries { .. }
            | Self::TooManyBytes { .. }
            | Self::RatioTooHigh { .. }
            | Self::Entry { .. } => true,
            Self::Failed { .. } => false,
        }
    }
}

/// What is wrong with one entry of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// It has a `..` in its path.
    #[error("points outside of the archive")]
    ClimbsOut,
    /// Its path starts at the root.
    #[error("has an absolute path")]
    Absolute,
    /// Its path starts with a Windows drive.
    #[error("starts with a drive letter")]
    DriveLetter,
    /// Its path has a backslash, which is a separator to some and a letter to others.
    #[error("has a backslash in its path")]
    Backslash,
    /// Its path has a NUL.
    #[error("has a NUL character in its path")]
    Nul,
    /// Its path, or one name in it, is too long.
    #[error("has a path that is too long")]
    TooLong,
    /// It lies too many folders deep.
    #[error("lies too many folders deep")]
    TooDeep,
    /// Its name cannot be read.
    #[error("has a name that cannot be read")]
    UnreadableName,
    /// A file stands where it needs a folder, or the other way round.
    #[error("is a file and a folder at once")]
    KindClash,
    /// It is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// It is compressed in a way that is not supported.
    #[error("is compressed in an unsupported way")]
    UnsupportedCompression,
    /// It is a sparse file.
    #[error("is a sparse file, which is not supported")]
    Sparse,
    /// It continues in another archive.
    #[error("is a part of an archive in several volumes, which is not supported")]
    MultiVolume,
    /// Its headers disagree about its size.
    #[error("has headers that disagree about its size")]
    SizesDisagree,
    /// A header that describes it is too long.
    #[error("has a header that is too long")]
    HeaderTooLong,
}

/// The name of an entry, fit to be shown: shortened, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName(String);

impl EntryName {
    /// From the bytes in the archive, whatever they are.
    pub fn new(raw: &[u8]) -> Self {
        // A character is at most four bytes, so this prefix is long enough, and a huge name costs nothing.
        let prefix = &raw[..raw.len().min(SHOWN_CHARS * 4)];
        let mut shown = String::new();
        for (count, character) in String::from_utf8_lossy(prefix).chars().enumerate() {
            if count == SHOWN_CHARS {
                shown.push('…');
                break;
            }
            if character.is_control() || is_invisible(character) {
                shown.extend(character.escape_unicode());
            } else {
                shown.push(character);
            }
        }
        Self(shown)
    }

    /// The error that this entry has `fault`.
    pub(crate) fn fault(&self, fault: EntryFault) -> UnpackError {
        UnpackError::Entry { entry: self.clone(), fault }
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an archive got too large: ` with the entry "a/b"`, or nothing if that is not within an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached(Option<EntryName>);

impl From<&EntryName> for Reached {
    fn from(entry: &EntryName) -> Self {
        Self(Some(entry.clone()))
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |entry| write!(f, " with the entry \"{entry}\""))
    }
}

/// Marks that turn the reading direction or take no room let a name look like another one.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// For faults of the machine.
pub(crate) fn failed(doing: &'static str) -> impl Fn(io::Error) -> UnpackError {
    move |source| UnpackError::Failed { doing, source }
}

/// For errors while reading the archive: the system's own are ours, those of the decoders the client's.
pub(crate) fn unreadable(error: io::Error) -> UnpackError {
    if comes_from_the_system(&error) {
        UnpackError::Failed { doing: "read the archive", source: error }
    } else {
        UnpackError::Corrupt(error)
    }
}

fn comes_from_the_system(error: &io::Error) -> bool {
    if error.raw_os_error().is_some() {
        return true;
    }
    let mut cause = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|inner| inner.raw_os_error().is_some()) {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{EntryFault, EntryName, UnpackError, failed, unreadable};
    use std::io;

    #[test]
    fn a_shown_name_has_no_control_characters_and_at_most_200_characters() {
        assert_eq!(EntryName::new(b"a\nb\x1b[31m").to_string(), "a\\u{a}b\\u{1b}[31m");
        assert_eq!(EntryName::new("evil\u{202e}gpj.exe".as_bytes()).to_string(), "evil\\u{202e}gpj.exe");
        assert_eq!(EntryName::new("ä".repeat(200).as_bytes()).to_string(), "ä".repeat(200));
        assert_eq!(EntryName::new("ä".repeat(201).as_bytes()).to_string(), format!("{}…", "ä".repeat(200)));
    }

    #[test]
    fn an_error_of_the_disk_is_not_the_clients_fault() {
        let os_error = || io::Error::from_raw_os_error(5);
        assert!(!unreadable(os_error()).is_input_fault());
        assert!(!unreadable(io::Error::other(os_error())).is_input_fault());
        assert!(!failed("create a folder")(os_error()).is_input_fault());
    }

    #[test]
    fn an_error_of_a_decoder_is_the_clients_fault() {
        assert!(unreadable(io::Error::new(io::ErrorKind::InvalidData, "bad header")).is_input_fault());
        assert!(EntryName::new(b"x").fault(EntryFault::Encrypted).is_input_fault());
        assert!(UnpackError::NoFiles.is_input_fault());
    }
}
