//! Trees of files: which are read, what is left out, and what stays unknown.

use super::{Free, imports_of, in_memory, line_of};
use crate::{ECOSYSTEMS, TreeSitterImports};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::limits::{IMPORT_FILE_BYTES, IMPORT_FILES};
use scanledger_domain::reachability::{ImportError, ImportReader, ImportSite, Imports, Reachability};
use scanledger_domain::scanning::{Control, Interrupted};
use scanledger_domain::source::SourceTree;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

/// The imports of files in a folder, which are those of files in memory.
fn both(files: &[(&str, &str)]) -> Imports {
    let root = TempDir::new().unwrap();
    for (path, content) in files {
        let location = root.path().join(path);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(location, content).unwrap();
    }
    let imports = from_folder(root.path());
    assert_eq!(imports_of(files), imports);
    imports
}

fn from_folder(root: &Path) -> Imports {
    TreeSitterImports::new().imports(&SourceTree::Folder(root.to_owned()), &Free).unwrap()
}

fn npm(imports: &Imports, name: &str) -> Reachability {
    imports.reachability(&Package::new(Ecosystem::Npm, name))
}

#[test]
fn every_file_of_a_tree_is_read_and_the_first_place_told() {
    let imports = both(&[
        ("web/b.ts", "import 'lodash/fp';\n"),
        ("web/a.js", "\n\nrequire('lodash');\n"),
        ("main.go", "package main\nimport \"github.com/foo/bar\"\n"),
        ("tool/run.py", "import yaml\n"),
        ("native/src/lib.rs", "use serde_json::Value;\n"),
        ("README.md", "import 'readme'\n"),
    ]);
    let site = ImportSite { path: "web/a.js".into(), line: 3 };
    assert_eq!(npm(&imports, "lodash"), Reachability::Imported(site));
    assert_eq!(npm(&imports, "readme"), Reachability::NotImported);
    assert_eq!(line_of(&imports, Ecosystem::Go, "github.com/foo/bar"), Some(2));
    assert_eq!(line_of(&imports, Ecosystem::PyPi, "PyYAML"), Some(1));
    assert_eq!(line_of(&imports, Ecosystem::CratesIo, "serde_json"), Some(1));
    assert_eq!(imports.left_out(), []);
}

#[test]
fn what_dependencies_and_builds_import_is_not_what_the_project_imports() {
    let imports = both(&[
        ("node_modules/a/index.js", "require('inner');"),
        ("app/vendor/b/b.js", "require('inner');"),
        ("dist/bundle.js", "require('inner');"),
        ("vendors/b.js", "require('outer');"),
    ]);
    assert_eq!(npm(&imports, "inner"), Reachability::NotImported);
    assert_eq!(npm(&imports, "outer").is_imported(), Some(true));
}

#[test]
fn no_tree_imports_nothing_and_every_reader_answers_for_its_ecosystems() {
    let imports = both(&[]);
    assert_eq!(TreeSitterImports::default().ecosystems(), ECOSYSTEMS);
    for ecosystem in ECOSYSTEMS {
        let found = imports.reachability(&Package::new(ecosystem, "example.com/package"));
        assert_eq!(found, Reachability::NotImported);
    }
}

#[test]
fn a_file_up_to_the_limit_is_read_and_a_longer_one_leaves_its_ecosystem_unknown() {
    let limit = usize::try_from(IMPORT_FILE_BYTES).unwrap();
    let import = "import 'lodash';\n";
    let longest = format!("{import}//{}", "x".repeat(limit - import.len() - 2));
    assert_eq!(longest.len(), limit);
    let imports = both(&[("a.js", &longest)]);
    assert_eq!(
        (npm(&imports, "lodash").is_imported(), npm(&imports, "other").is_imported()),
        (Some(true), Some(false))
    );

    let imports = both(&[("a.js", &format!("{longest}x")), ("b.js", "import 'react';")]);
    assert_eq!(
        (npm(&imports, "react").is_imported(), npm(&imports, "lodash").is_imported()),
        (Some(true), None)
    );
    assert_eq!(imports.left_out(), [("a.js".to_owned(), "too big to read its imports".to_owned())]);
    let crates = imports.reachability(&Package::new(Ecosystem::CratesIo, "serde"));
    assert_eq!(crates, Reachability::NotImported);
}

#[test]
fn files_are_read_up_to_the_limit_and_those_after_it_leave_their_ecosystems_unknown() {
    let mut files = vec![("a.js", &b"import 'lodash';"[..])];
    files.resize(IMPORT_FILES, ("b.js", b""));
    let read = |files: &[(&'static str, &'static [u8])]| {
        TreeSitterImports::new().imports(&in_memory(files.iter().copied()), &Free).unwrap()
    };
    let all = read(&files);
    assert_eq!(
        (npm(&all, "lodash").is_imported(), npm(&all, "react").is_imported()),
        (Some(true), Some(false))
    );

    files.push(("c.mjs", b"import 'react';"));
    let some = read(&files);
    assert_eq!((npm(&some, "lodash").is_imported(), npm(&some, "react").is_imported()), (Some(true), None));
    assert_eq!(some.left_out(), [(String::new(), "imports of 1 further files are not read".to_owned())]);
    assert_eq!(some.reachability(&Package::new(Ecosystem::PyPi, "flask")), Reachability::NotImported);
}

#[test]
fn when_time_is_up_the_rest_is_left_out() {
    let tree = in_memory([("a.js", &b"import 'lodash';"[..]), ("b.go", b"package b")]);
    for reader in [
        TreeSitterImports { tree_time: Duration::ZERO, ..TreeSitterImports::new() },
        TreeSitterImports { file_time: Duration::ZERO, ..TreeSitterImports::new() },
    ] {
        let imports = reader.imports(&tree, &Free).unwrap();
        assert_eq!(npm(&imports, "lodash"), Reachability::Unknown);
        let paths: Vec<_> = imports.left_out().iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["a.js", "b.go"]);
    }
}

#[test]
fn text_that_is_not_utf8_hides_no_other_import() {
    let mut text = b"import a from '\xff\xfe';\n/* \xc3\x28 */ require('lodash');\n".to_vec();
    text.extend([0, 0xf0, 0x9f]);
    let imports = TreeSitterImports::new().imports(&in_memory([("a.js", &text[..])]), &Free).unwrap();
    assert_eq!(line_of(&imports, Ecosystem::Npm, "lodash"), Some(2));
}

#[test]
fn a_byte_order_mark_and_other_line_ends_do_not_matter() {
    let imports = both(&[("a.py", "\u{feff}import yaml\r\n\r\nimport flask\r\n")]);
    assert_eq!(line_of(&imports, Ecosystem::PyPi, "PyYAML"), Some(1));
    assert_eq!(line_of(&imports, Ecosystem::PyPi, "flask"), Some(3));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let (root, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(elsewhere.path().join("a.js"), "require('lodash');").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("folder")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("a.js"), root.path().join("b.js")).unwrap();
    assert_eq!(npm(&from_folder(root.path()), "lodash"), Reachability::NotImported);
}

#[test]
fn a_folder_that_is_not_there_leaves_everything_unknown() {
    let root = TempDir::new().unwrap();
    let imports = from_folder(&root.path().join("missing"));
    assert_eq!(npm(&imports, "lodash"), Reachability::Unknown);
    let told = format!("{:?}", imports.left_out());
    assert!(told.contains("cannot be read") && !told.contains("missing"), "{told}");
}

/// Lets the reader run for a number of files, and remembers what it reported.
struct Limited {
    left: Mutex<u64>,
    reports: Mutex<Vec<(u64, u64)>>,
}

impl Limited {
    const fn to(files: u64) -> Self {
        Self { left: Mutex::new(files), reports: Mutex::new(Vec::new()) }
    }
}

impl Control for Limited {
    fn safe_point(&self) -> Result<(), Interrupted> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or(Interrupted)?;
        Ok(())
    }

    fn progress(&self, files_completed: u64, files_total: u64) {
        self.reports.lock().unwrap().push((files_completed, files_total));
    }
}

#[test]
fn it_ends_when_told_to_and_tells_how_far_it_is() {
    let tree = in_memory([("a.js", &b""[..]), ("b.js", b""), ("c.txt", b"")]);
    let control = Limited::to(2);
    TreeSitterImports::new().imports(&tree, &control).unwrap();
    assert_eq!(*control.reports.lock().unwrap(), [(0, 2), (2, 2)]);
    let ended = TreeSitterImports::new().imports(&tree, &Limited::to(1));
    assert!(matches!(ended, Err(ImportError::Interrupted(Interrupted))));
}
