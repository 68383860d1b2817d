//! The files of a source tree that scanners look at.

use ignore::WalkBuilder;
use std::path::{Path, PathBuf};

/// Folders whose content is not the project's own source: dependencies, build output, caches (Pepper
/// reference §13). `.gitignore` is not applied: what is ignored by git can still be in an upload, and a secret
/// in it is still a secret.
const SKIPPED_FOLDERS: [&str; 15] = [
    "node_modules",
    ".git",
    ".svn",
    "vendor",
    "dist",
    "build",
    "target",
    "__pycache__",
    ".tox",
    "venv",
    ".venv",
    ".next",
    "coverage",
    ".nyc_output",
    ".cache",
];

/// A regular file in a tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceFile {
    /// Relative to the root, with `/`.
    pub path: String,
    /// Where to open it.
    pub location: PathBuf,
}

impl SourceFile {
    /// The last part of its path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// What a walk through a tree found.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Its files, sorted by path.
    pub files: Vec<SourceFile>,
    /// Folders that could not be read: `(path, message)`.
    pub warnings: Vec<(String, String)>,
}

/// Lists the regular files below `root`. Links are not followed.
pub(crate) fn walk(root: &Path) -> Tree {
    let mut tree = Tree::default();
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .follow_links(false)
        .filter_entry(|entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_skipped = || SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name);
            // Depth 0 is the root, which may have any name.
            !(is_folder && entry.depth() > 0 && is_skipped())
        })
        .build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                if let Some(path) = relative(root, entry.path()) {
                    tree.files.push(SourceFile { path, location: entry.into_path() });
                }
            }
            Ok(_) => (),
            // The text of the error names the location on this machine, so only its kind is told.
            Err(error) => {
                let kind =
                    error.io_error().map_or("it cannot be listed".to_owned(), |e| e.kind().to_string());
                tree.warnings.push((String::new(), format!("a folder was left out: {kind}")));
            }
        }
    }
    tree.files.sort();
    tree.warnings.sort();
    tree
}

fn relative(root: &Path, location: &Path) -> Option<String> {
    let mut path = String::new();
    for part in location.strip_prefix(root).ok()?.components() {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&part.as_os_str().to_string_lossy());
    }
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{SKIPPED_FOLDERS, walk};
    use std::fs;
    use tempfile::TempDir;

    fn paths(files: &[&str]) -> Vec<String> {
        let root = TempDir::new().unwrap();
        for file in files {
            let location = root.path().join(file);
            fs::create_dir_all(location.parent().unwrap()).unwrap();
            fs::write(location, "").unwrap();
        }
        walk(root.path()).files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn files_are_sorted_by_path() {
        assert_eq!(paths(&["b", "a/z", "a.txt", "a/b/c"]), ["a.txt", "a/b/c", "a/z", "b"]);
    }

    #[test]
    fn folders_of_dependencies_and_output_are_left_out_wherever_they_are() {
        for folder in SKIPPED_FOLDERS {
            let inside = format!("app/{folder}/file");
            assert_eq!(paths(&[&inside, "app/file"]), ["app/file"], "{folder}");
        }
    }

    #[test]
    fn a_file_named_like_a_skipped_folder_is_kept() {
        assert_eq!(paths(&["build", "vendors/file"]), ["build", "vendors/file"]);
    }

    #[test]
    fn files_that_git_ignores_and_hidden_files_are_kept() {
        assert_eq!(paths(&[".gitignore", ".env", ".github/workflow.yml"]).len(), 3);
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        fs::write(root.path().join(".gitignore"), ".env\n").unwrap();
        fs::write(root.path().join(".env"), "").unwrap();
        assert_eq!(walk(root.path()).files.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let root = TempDir::new().unwrap();
        std::os::unix::fs::symlink("/", root.path().join("everything")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        assert_eq!(walk(root.path()).files.len(), 1);
    }
}
