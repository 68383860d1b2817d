//! Which crate may know what: the table of layers, held against what `cargo metadata` says.
//!
//! What a crate's own tests need (dev-dependencies) is not looked at: they start the real thing.

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A rule for the crates of one layer.
struct Layer {
    /// The folder of its crates; a `/` at the end means every folder inside.
    folder: &'static str,
    /// Which layers it may build on.
    may_use: &'static [&'static str],
    /// Libraries it must not know.
    never: &'static [&'static str],
    /// Why, as the end of a sentence.
    because: &'static str,
}

const DRIVERS: [&str; 5] = ["rusqlite", "sqlx", "object_store", "kurrentdb", "async-nats"];

const LAYERS: [Layer; 7] = [
    Layer {
        folder: "domain",
        may_use: &[],
        never: &[
            "tokio",
            "tokio-util",
            "futures",
            "async-trait",
            "rusqlite",
            "sqlx",
            "axum",
            "tower",
            "tower-http",
            "hyper",
            "reqwest",
            "object_store",
            "rand",
            "getrandom",
            "tracing",
            "parking_lot",
            "tempfile",
            "tree-sitter",
        ],
        because: "the domain is rules without IO, runtime, clock or randomness, so that each can be tested alone",
    },
    Layer {
        folder: "commands",
        may_use: &["domain"],
        never: &[
            "rusqlite",
            "sqlx",
            "object_store",
            "axum",
            "tower",
            "tower-http",
            "hyper",
            "reqwest",
            "async-graphql",
            "utoipa",
        ],
        because: "commands load, decide and append through ports, and know neither stores nor HTTP nor read models",
    },
    Layer {
        folder: "projections",
        may_use: &["domain"],
        never: &["sqlx", "axum", "tower", "tower-http", "hyper", "reqwest", "async-graphql", "utoipa"],
        because: "projections turn events into SQLite rows and answer queries; they decide nothing and know no HTTP",
    },
    Layer {
        folder: "api",
        may_use: &["domain", "commands", "projections"],
        never: &DRIVERS,
        because: "the API translates requests; adapters are chosen in `src`, and SQL stays in `projections`",
    },
    Layer {
        folder: "infra/",
        may_use: &["domain", "commands"],
        never: &["axum", "async-graphql", "utoipa"],
        because: "an adapter implements ports of `domain` or `commands` and knows no other adapter and no caller",
    },
    Layer {
        folder: "tests/",
        may_use: &["domain"],
        never: &DRIVERS,
        because: "a conformance suite is about a port, whatever adapter is behind it",
    },
    Layer {
        folder: "",
        may_use: &["domain", "commands", "projections", "api", "infra/", "tests/"],
        never: &[],
        because: "the root wires everything together",
    },
];

impl Layer {
    fn of(folder: &str) -> Option<&'static Self> {
        LAYERS.iter().find(|layer| match layer.folder.strip_suffix('/') {
            Some(parent) => folder.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/')),
            None => folder == layer.folder,
        })
    }
}

/// A sentence for every dependency that the table does not allow.
fn violations(metadata: &Value) -> Vec<String> {
    let root = metadata["workspace_root"].as_str().expect("cargo names the root of the workspace");
    let folder = |path: &Value| {
        let path = Path::new(path.as_str().expect("paths are text"));
        path.strip_prefix(root).ok().and_then(Path::to_str).map(|folder| folder.replace('\\', "/"))
    };
    let mut sentences = Vec::new();
    for package in metadata["packages"].as_array().expect("cargo lists packages") {
        let manifest = folder(&package["manifest_path"]).expect("members are inside the workspace");
        let own = manifest.trim_end_matches("Cargo.toml").trim_end_matches('/');
        let name = package["name"].as_str().expect("packages have names");
        let Some(layer) = Layer::of(own) else {
            sentences
                .push(format!("{name} in `{own}` belongs to no layer; add it to the table in this test"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("cargo lists dependencies") {
            if dependency["kind"] == "dev" {
                continue;
            }
            let other = dependency["name"].as_str().expect("dependencies have names");
            let is_allowed = match &dependency["path"] {
                Value::Null => !layer.never.contains(&other),
                path => folder(path)
                    .and_then(|folder| Layer::of(&folder))
                    .is_some_and(|other| layer.may_use.contains(&other.folder)),
            };
            if !is_allowed {
                sentences.push(format!("{name} must not depend on {other}: {}", layer.because));
            }
        }
    }
    sentences
}

#[test]
fn no_crate_knows_more_than_its_layer_allows() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sentences = violations(&metadata);
    assert!(sentences.is_empty(), "\n{}\n", sentences.join("\n"));
    let found = metadata["packages"].as_array().unwrap().len();
    assert!(found >= LAYERS.len(), "only {found} packages: is this the workspace?");
}

/// A workspace in `/w` of one crate with one dependency: in a folder of the workspace, or a library.
fn workspace(folder: &str, kind: Option<&str>, dependency: &str) -> Value {
    let path = dependency.contains("./").then(|| dependency.replace("./", "/w/"));
    json!({
        "workspace_root": "/w",
        "packages": [{
            "name": "one",
            "manifest_path": format!("/w/{folder}/Cargo.toml").replace("//", "/"),
            "dependencies": [{ "name": dependency, "kind": kind, "path": path }],
        }],
    })
}

#[test]
fn what_the_table_forbids_is_found() {
    for (folder, forbidden) in [
        ("domain", "./commands"),
        ("domain", "tokio"),
        ("domain", "rusqlite"),
        ("domain", "axum"),
        ("domain", "sqlx"),
        ("domain", "reqwest"),
        ("domain", "tree-sitter"),
        ("commands", "./projections"),
        ("commands", "./api"),
        ("commands", "./infra/state"),
        ("commands", "rusqlite"),
        ("commands", "axum"),
        ("projections", "./commands"),
        ("projections", "axum"),
        ("api", "./infra/log-sqlite"),
        ("api", "rusqlite"),
        ("infra/state", "./infra/blobs"),
        ("infra/state", "./projections"),
        ("infra/state", "./api"),
        ("infra/state", "axum"),
        ("tests/conformance", "./infra/log-sqlite"),
        ("tests/conformance", "rusqlite"),
        ("domain", "./../elsewhere"),
    ] {
        for kind in [None, Some("build")] {
            let sentences = violations(&workspace(folder, kind, forbidden));
            let begin = format!("one must not depend on {forbidden}: ");
            assert!(matches!(&sentences[..], [one] if one.starts_with(&begin)), "{folder}: {sentences:?}");
        }
    }
}

#[test]
fn what_the_table_allows_is_allowed() {
    for (folder, allowed) in [
        ("domain", "serde"),
        ("commands", "./domain"),
        ("commands", "tokio"),
        ("projections", "./domain"),
        ("projections", "rusqlite"),
        ("api", "./commands"),
        ("api", "./projections"),
        ("api", "axum"),
        ("infra/state", "./domain"),
        ("infra/state", "./commands"),
        ("infra/state", "rusqlite"),
        ("tests/conformance", "./domain"),
        ("", "./api"),
        ("", "./infra/state"),
    ] {
        assert_eq!(violations(&workspace(folder, None, allowed)), [""; 0], "{folder} {allowed}");
    }
    assert_eq!(violations(&workspace("commands", Some("dev"), "./infra/log-sqlite")), [""; 0]);
}

#[test]
fn a_crate_outside_the_table_is_asked_for_its_layer() {
    let sentences = violations(&workspace("plugins/x", None, "serde"));
    assert_eq!(sentences, ["one in `plugins/x` belongs to no layer; add it to the table in this test"]);
}
