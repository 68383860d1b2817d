//! What in a data folder is ours, told by its name: a folder of somebody else's is not taken, and nothing of theirs is
//! removed.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Files that say whose the folder is.
const MARKS: [&str; 5] = ["log.db", "state.db", "server.key", "tree.db", "advisories.db"];
/// What the names of read models, and of folders in which a restore makes everything, begin with.
const MARK_PREFIXES: [&str; 2] = ["views-", "restoring-"];
/// What may be there before any of these is, or belongs to nobody.
const NEUTRAL: [&str; 4] = ["lock", "control.sock", "node", "lost+found"];
/// What temporary files and folders are called that got no name.
const UNNAMED: &str = ".tmp";
/// Folders among the temporary ones, and what names in them begin with.
const TEMPORARY: [(&str, &str); 4] =
    [("uploads", "upload-"), ("scans", "scan-"), ("advisories", UNNAMED), ("repositories", UNNAMED)];

/// Makes sure that a folder is not there, or is empty, or has something of ours in it. Hidden files are nobody's.
pub(super) fn refuse_foreign(root: &Path, key: &Path) -> Result<()> {
    let looking = || format!("while looking into {}", root.display());
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        // What is no folder cannot be made one either, and that says more.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(error).with_context(looking),
    };
    let mut foreign = None;
    for entry in entries {
        let path = entry.with_context(looking)?.path();
        let name = name(&path);
        if path == key || MARKS.contains(&&*name) || MARK_PREFIXES.iter().any(|mark| name.starts_with(mark)) {
            return Ok(());
        }
        let is_neutral = name.starts_with('.')
            || NEUTRAL.contains(&&*name)
            // Both are made before the first of the marks where the log is in a database.
            || (name == "tmp" && is_temporary(&path))
            || (name == "blobs" && path.join("aside").is_dir());
        if !is_neutral {
            foreign = Some(name);
        }
    }
    let Some(foreign) = foreign else { return Ok(()) };
    bail!(
        "{} is no data folder of Scanledger and is not empty ({foreign} is in it): name another folder with --data",
        root.display()
    )
}

/// Whether there is nothing in a folder but what [`clear`] removes, or the folders that it is in.
fn is_temporary(folder: &Path) -> bool {
    let is_ours = |entry: io::Result<fs::DirEntry>| {
        let name = entry.map(|entry| name(&entry.path())).unwrap_or_default();
        name.starts_with(UNNAMED) || TEMPORARY.iter().any(|(ours, _)| *ours == name)
    };
    fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_ours))
}

/// Removes what a former life of the process left among its temporary files.
pub(super) fn clear(temporary: &Path) -> io::Result<()> {
    remove(temporary, UNNAMED)?;
    for (folder, prefix) in TEMPORARY {
        remove(&temporary.join(folder), prefix)?;
    }
    Ok(())
}

/// Removes what in a folder has a name that begins so.
fn remove(folder: &Path, prefix: &str) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if name(&entry.path()).starts_with(prefix) {
            // Of a link, the link.
            let is_folder = entry.file_type()?.is_dir();
            if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }?;
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{clear, refuse_foreign};
    use std::fs;
    use std::path::{Path, PathBuf};

    /// A folder with these in it: those that end with `/` are folders.
    fn folder(entries: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for entry in entries {
            let path = folder.path().join(entry);
            fs::create_dir_all(if entry.ends_with('/') { path.as_path() } else { path.parent().unwrap() })
                .unwrap();
            if !entry.ends_with('/') {
                fs::write(path, b"x").unwrap();
            }
        }
        folder
    }

    fn is_taken(entries: &[&str]) -> bool {
        let folder = folder(entries);
        refuse_foreign(folder.path(), &folder.path().join("my.key")).is_ok()
    }

    #[test]
    fn a_folder_that_is_empty_or_has_something_of_ours_is_taken() {
        for ours in [
            &[][..],
            &[".git/", ".env", "lost+found/"],
            &["lock", "node", "tmp/.tmpAbCdEf/views.db", "tmp/uploads/", "blobs/aside/"],
            &["log.db", "notes.txt"],
            &["my.key", "notes.txt"],
            &["views-0123.db", "notes.txt"],
            &["restoring-aBcDeF/", "notes.txt"],
        ] {
            assert!(is_taken(ours), "{ours:?}");
        }
        assert!(refuse_foreign(Path::new("/nowhere/at/all"), &PathBuf::new()).is_ok());
    }

    #[test]
    fn a_folder_of_somebody_else_is_not() {
        for foreign in
            [&["tmp/cache"][..], &["README.md"], &["src/", "lock"], &["tmp/"], &["blobs/x"], &["node", "a"]]
        {
            // An empty one may be left by us.
            assert_eq!(is_taken(foreign), foreign == ["tmp/"], "{foreign:?}");
        }
    }

    #[test]
    fn only_what_is_ours_is_removed_from_the_temporary_files() {
        let ours = [
            ".tmpAbCdEf/views.db",
            "uploads/upload-AbCdEf",
            "scans/scan-0123-AbCdEf/source/a.py",
            "advisories/.tmpAbCdEf/0",
            "repositories/.tmpAbCdEf",
        ];
        let theirs = ["notes.txt", "cache/a", "uploads/photo.jpg", "scans/2026/a.pdf", "sessions/"];
        let folder = folder(&[&ours[..], &theirs].concat());
        clear(folder.path()).unwrap();
        for path in ours {
            assert!(!folder.path().join(path).exists(), "{path}");
        }
        for path in theirs {
            assert!(folder.path().join(path).exists(), "{path}");
        }
        clear(&folder.path().join("none")).unwrap();
    }
}
