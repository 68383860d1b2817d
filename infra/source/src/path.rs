//! Which paths an archive may name.

use crate::error::{EntryFault, EntryName, UnpackError};
use crate::limits::UnpackLimits;
use std::path::PathBuf;

/// Bytes of one name in a path; what common file systems take.
const NAME_BYTES: usize = 255;

/// An accepted path, relative to the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryPath {
    /// The path; empty for the root itself.
    pub path: PathBuf,
    /// Whether its spelling ends with a slash, which says that it is a folder.
    pub ends_with_slash: bool,
}

/// Accepts a path, or says what is wrong with it. `.` and doubled slashes are dropped.
pub(crate) fn accept(raw: &[u8], limits: &UnpackLimits) -> Result<EntryPath, UnpackError> {
    let reject = |fault| Err(EntryName::new(raw).fault(fault));
    if raw.len() > limits.path_bytes {
        return reject(EntryFault::TooLong);
    }
    if raw.contains(&0) {
        return reject(EntryFault::Nul);
    }
    if raw.contains(&b'\\') {
        return reject(EntryFault::Backslash);
    }
    if raw.starts_with(b"/") {
        return reject(EntryFault::Absolute);
    }
    if let [letter, b':', ..] = raw
        && letter.is_ascii_alphabetic()
    {
        return reject(EntryFault::DriveLetter);
    }
    let mut path = PathBuf::new();
    let mut names = 0;
    for name in raw.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => continue,
            b".." => return reject(EntryFault::ClimbsOut),
            name if name.len() > NAME_BYTES => return reject(EntryFault::TooLong),
            name => match to_os(name) {
                Some(name) => path.push(name),
                None => return reject(EntryFault::UnreadableName),
            },
        }
        names += 1;
    }
    let ends_with_slash = raw.ends_with(b"/");
    let folders = if ends_with_slash { names } else { names - usize::from(names > 0) };
    if folders > limits.depth {
        return reject(EntryFault::TooDeep);
    }
    Ok(EntryPath { path, ends_with_slash })
}

/// On Unix a name is any bytes, so a name in an old encoding is kept as it is.
#[cfg(unix)]
fn to_os(name: &[u8]) -> Option<&std::ffi::OsStr> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(name))
}

#[cfg(not(unix))]
fn to_os(name: &[u8]) -> Option<&std::ffi::OsStr> {
    std::str::from_utf8(name).ok().map(std::ffi::OsStr::new)
}

#[cfg(test)]
mod tests {
    use super::accept;
    use crate::error::{EntryFault, UnpackError};
    use crate::limits::UnpackLimits;
    use proptest::prelude::{any, proptest};
    use std::path::{Component, Path};

    fn fault_of(raw: &[u8]) -> Option<EntryFault> {
        match accept(raw, &UnpackLimits::default()) {
            Ok(_) => None,
            Err(UnpackError::Entry { fault, .. }) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn paths_that_leave_or_confuse_are_refused() {
        let cases: [(&[u8], EntryFault); 13] = [
            (b"../evil", EntryFault::ClimbsOut),
            (b"a/../../evil", EntryFault::ClimbsOut),
            (b"a/..", EntryFault::ClimbsOut),
            (b"..", EntryFault::ClimbsOut),
            (b"/etc/passwd", EntryFault::Absolute),
            (b"//server/share", EntryFault::Absolute),
            (b"C:/windows", EntryFault::DriveLetter),
            (b"c:evil", EntryFault::DriveLetter),
            (b"..\\evil", EntryFault::Backslash),
            (b"a\\b", EntryFault::Backslash),
            (b"\\\\server\\share", EntryFault::Backslash),
            (b"\\\\?\\C:\\evil", EntryFault::Backslash),
            (b"a\0b", EntryFault::Nul),
        ];
        for (raw, fault) in cases {
            assert_eq!(fault_of(raw), Some(fault), "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn harmless_spellings_are_tidied() {
        let tidy = |raw: &str| accept(raw.as_bytes(), &UnpackLimits::default()).unwrap().path;
        assert_eq!(tidy("./a//b/./c"), Path::new("a/b/c"));
        assert_eq!(tidy("..a/b..c/..."), Path::new("..a/b..c/..."));
        assert_eq!(tidy("./"), Path::new(""));
        assert!(accept(b"a/b/", &UnpackLimits::default()).unwrap().ends_with_slash);
    }

    #[test]
    fn a_path_may_have_1024_bytes_and_a_name_255() {
        let name = "n".repeat(255);
        assert_eq!(fault_of(name.as_bytes()), None);
        assert_eq!(fault_of(format!("{name}n").as_bytes()), Some(EntryFault::TooLong));
        let longest = format!("{name}/{name}/{name}/{name}/");
        assert_eq!(longest.len(), 1024);
        assert_eq!(fault_of(longest.as_bytes()), None);
        assert_eq!(fault_of(format!("{longest}/").as_bytes()), Some(EntryFault::TooLong));
    }

    #[test]
    fn a_file_may_lie_100_folders_deep() {
        let deepest = format!("{}file", "d/".repeat(100));
        assert_eq!(fault_of(deepest.as_bytes()), None);
        assert_eq!(fault_of(format!("d/{deepest}").as_bytes()), Some(EntryFault::TooDeep));
        assert_eq!(fault_of("d/".repeat(100).as_bytes()), None);
        assert_eq!(fault_of("d/".repeat(101).as_bytes()), Some(EntryFault::TooDeep));
    }

    proptest! {
        #[test]
        fn an_accepted_path_is_relative_and_only_goes_down(raw in "[./a:\\\\]{0,24}") {
            if let Ok(accepted) = accept(raw.as_bytes(), &UnpackLimits::default()) {
                assert!(accepted.path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }

        #[test]
        fn any_bytes_are_answered(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = accept(&raw, &UnpackLimits::default());
        }
    }
}
