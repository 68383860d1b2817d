//! Which files are read, and what is made of them.

use super::{Steps, Table, folder, lock, scan, tree};
use crate::sca::ScaScanner;
use crate::tree::{Location, SourceFile};
use scanledger_domain::component::{Component, Scope};
use scanledger_domain::scanning::Scanner;
use scanledger_domain::source::SourceTree;
use std::fs;
use std::sync::Arc;

#[test]
fn a_broken_lockfile_is_a_warning_and_the_rest_goes_on() {
    let root = tree(&[("a/package-lock.json", "{"), ("c/package-lock.json", &lock("1.0.0"))]);
    fs::create_dir(root.path().join("b")).unwrap();
    fs::write(root.path().join("b/go.sum"), b"\xff\xfe\x00").unwrap();
    let outcome =
        ScaScanner::new(Arc::new(Table::default())).scan(&folder(&root), &Steps::unlimited()).unwrap();
    assert_eq!(outcome.components.len(), 1);
    let warned: Vec<_> = outcome.warnings.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(warned, ["a/package-lock.json", "b/go.sum"]);
    assert_eq!(outcome.warnings[1].1, "the lockfile is not valid UTF-8");
    assert_eq!(outcome.unread, ["a/package-lock.json", "b/go.sum"].into_iter().collect());
}

#[test]
fn what_requirements_that_cannot_be_read_include_may_be_anything() {
    let root = tree(&[("package-lock.json", &lock("1.0.0"))]);
    fs::write(root.path().join("requirements.txt"), b"\xff-r pins.list").unwrap();
    let outcome =
        ScaScanner::new(Arc::new(Table::default())).scan(&folder(&root), &Steps::unlimited()).unwrap();
    assert!(outcome.unread.contains("pins.list") && outcome.unread.contains("requirements.txt"));
}

#[test]
fn the_go_sum_is_read_only_where_no_go_mod_lists_every_module() {
    let sum = "a.b/c v1.0.0 h1:x=\na.b/c v0.9.0 h1:x=\n";
    let outcome = scan(
        vec![],
        &[
            ("a/go.mod", "module m\ngo 1.20\nrequire d.e/f v1.0.0"),
            ("a/go.sum", sum),
            ("b/go.sum", sum),
            ("c/go.mod", "module m\ngo 1.16\nrequire d.e/f v1.0.0"),
            ("c/go.sum", sum),
            ("d/go.mod", "module m\nrequire d.e/f v1.0.0"),
            ("d/go.sum", sum),
        ],
    );
    let named = |c: &Component| format!("{} {} {}", c.path, c.package.name, c.version);
    let names: Vec<_> = outcome.components.iter().map(named).collect();
    let expected = [
        "a/go.mod d.e/f 1.0.0",
        "a/go.mod stdlib 1.20",
        "b/go.sum a.b/c 1.0.0",
        "c/go.mod d.e/f 1.0.0",
        "c/go.mod stdlib 1.16",
        "c/go.sum a.b/c 1.0.0",
        "d/go.mod d.e/f 1.0.0",
        "d/go.sum a.b/c 1.0.0",
    ];
    assert_eq!(names, expected);
}

#[test]
fn included_requirements_are_read_once_and_only_inside_of_the_tree() {
    let outcome = scan(
        vec![],
        &[
            ("requirements.txt", "-r pins/base.list\n-r ../outside.txt\na==1"),
            ("pins/base.list", "-r ../requirements.txt\nb==2"),
            ("requirements-dev.txt", "-r pins/base.list\nc==3"),
        ],
    );
    let components: Vec<_> =
        outcome.components.iter().map(|c| (c.path.as_str(), c.package.name.as_str(), c.scope)).collect();
    assert_eq!(
        components,
        [
            ("pins/base.list", "b", Scope::Runtime),
            ("requirements-dev.txt", "c", Scope::Development),
            ("requirements.txt", "a", Scope::Runtime),
        ]
    );
    assert_eq!(
        outcome.warnings,
        [("requirements.txt".to_owned(), "the included file ../outside.txt is not in the source".to_owned())]
    );
}

#[test]
fn dependencies_point_at_the_components_of_their_own_lockfile() {
    let lockfile = r#"{"lockfileVersion": 3, "packages": {
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "*"}},
        "node_modules/b": {"version": "1.0.0"}
    }}"#;
    let outcome = scan(vec![], &[("x/package-lock.json", lockfile), ("y/package-lock.json", lockfile)]);
    let edges: Vec<_> = outcome
        .dependencies
        .iter()
        .map(|(from, to)| {
            let (from, to) = (&outcome.components[*from], &outcome.components[*to]);
            assert_eq!(from.path, to.path);
            (from.path.as_str(), from.package.name.as_str(), to.package.name.as_str())
        })
        .collect();
    assert_eq!(edges, [("x/package-lock.json", "a", "b"), ("y/package-lock.json", "a", "b")]);
}

#[test]
fn the_sample_project_names_its_components_in_every_language() {
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/shop");
    let scanner = ScaScanner::new(Arc::new(Table::default()));
    let outcome = scanner.scan(&SourceTree::Folder(shop.into()), &Steps::unlimited()).unwrap();
    let has = |path: &str, name: &str, version: &str| {
        outcome.components.iter().any(|c| c.path == path && c.package.name == name && c.version == version)
    };
    assert!(has("web/package-lock.json", "lodash", "4.17.15"));
    assert!(has("pricing/Cargo.lock", "time", "0.1.43"));
    assert!(has("catalog/requirements.txt", "jinja2", "2.10"));
    assert!(has("stock/go.mod", "golang.org/x/text", "0.3.3"));
    assert!(has("stock/go.mod", "stdlib", "1.26.5"));
    assert_eq!(outcome.files_scanned, 4);
    assert_eq!(outcome.warnings, []);
}

#[test]
fn the_name_of_a_file_is_the_last_part_of_its_path() {
    let file = |path: &str| SourceFile { path: path.to_owned().into(), location: Location::Memory(b"") };
    assert_eq!(file("a/b.txt").name(), "b.txt");
    assert_eq!(file("b.txt").name(), "b.txt");
}
