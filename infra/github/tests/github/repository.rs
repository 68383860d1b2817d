//! What is in a repository, and whether the app may see it.

use crate::setup::{INSTALLATION, Setup, WIDGETS, at, widgets};
use flate2::read::GzDecoder;
use scanledger_commands::ports::{CodeHost as _, CodeHostError, Permission, Visibility};
use scanledger_domain::code_host::{CommitSha, GitRef, RepositoryFile};
use scanledger_github_stub::Canned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

fn unknown() -> CommitSha {
    "f".repeat(40).parse().unwrap()
}

#[tokio::test]
async fn a_repository_is_what_the_host_says() {
    let setup = Setup::new().await;
    let facts = setup.app.repository(&at(INSTALLATION, "Octo-Org/WIDGETS")).await.unwrap();
    assert_eq!(facts.repository.to_string(), WIDGETS);
    assert_eq!((facts.default_branch.as_str(), facts.visibility), ("main", Visibility::Private));
    setup.assert_polite();
}

#[tokio::test]
async fn not_installed_is_told_from_not_there() {
    let setup = Setup::new().await;
    setup.stub.world(|world| {
        world.add(43, "ana/secret", &[("a", "b")]);
        world.add(44, "ana/open", &[("a", "b")]);
        world.repository("ana/open").is_private = false;
        world.add(45, "bob/open", &[("a", "b")]);
        world.repository("bob/open").is_private = false;
        world.installations.remove(&45);
    });
    for (installation, repository) in
        [(7, WIDGETS), (43, WIDGETS), (INSTALLATION, "ana/open"), (INSTALLATION, "bob/open")]
    {
        let answer = setup.app.repository(&at(installation, repository)).await;
        assert!(
            matches!(answer, Err(CodeHostError::NotInstalled)),
            "{installation} {repository}: {answer:?}"
        );
    }
    let answer = setup.app.repository(&at(INSTALLATION, "ana/unknown")).await;
    assert!(matches!(answer, Err(CodeHostError::RepositoryNotFound)), "{answer:?}");
    let answer = setup.app.repository(&at(7, "ana/unknown")).await;
    assert!(matches!(answer, Err(CodeHostError::NotInstalled)), "{answer:?}");
    setup.stub.world(|world| world.installations.get_mut(&INSTALLATION).unwrap().is_suspended = true);
    let answer = setup.app.repository(&widgets()).await;
    assert!(matches!(answer, Err(CodeHostError::Suspended)), "{answer:?}");
}

#[tokio::test]
async fn branches_tags_and_commits_are_resolved() {
    let setup = Setup::new().await;
    let (branch, tag) = setup.stub.world(|world| {
        let repository = world.repository(WIDGETS);
        (repository.commit("heads/feature/x", &[("a", "b")]), repository.commit("tags/v1", &[("c", "d")]))
    });
    let first = setup.commit.to_string();
    for (reference, expected) in [
        ("main", &first),
        ("heads/main", &first),
        ("refs/heads/main", &first),
        (&first, &first),
        ("feature/x", &branch),
        ("v1", &tag),
    ] {
        let reference: GitRef = reference.parse().unwrap();
        let sha = setup.app.resolve(&widgets(), &reference).await.unwrap();
        assert_eq!(sha.to_string(), *expected, "{reference}");
    }
    for unknown in ["feature", "v2", &unknown().to_string()] {
        let answer = setup.app.resolve(&widgets(), &unknown.parse().unwrap()).await;
        assert!(matches!(answer, Err(CodeHostError::RefNotFound)), "{unknown}: {answer:?}");
    }
    let answer = setup.app.resolve(&at(INSTALLATION, "ana/unknown"), &"main".parse().unwrap()).await;
    assert!(matches!(answer, Err(CodeHostError::RepositoryNotFound)), "{answer:?}");
    setup.stub.world(|world| world.repository(WIDGETS).commits.clear());
    let answer = setup.app.resolve(&widgets(), &"main".parse().unwrap()).await;
    assert!(matches!(answer, Err(CodeHostError::RefNotFound)), "an empty repository: {answer:?}");
}

#[tokio::test]
async fn files_are_read_as_they_are() {
    let setup = Setup::new().await;
    let bytes = vec![0, 159, 146, 150, 255];
    let sha = setup.stub.world(|world| {
        let repository = world.repository(WIDGETS);
        let sha = repository.commit("heads/bytes", &[("a b/ü?#%.json", "{}")]);
        let tree = repository.commits[&sha].tree.clone();
        repository.trees.get_mut(&tree).unwrap().insert("raw".to_owned(), bytes.clone());
        sha
    });
    let read_some = async |reference: &str, file: &str, max_bytes| {
        let file: RepositoryFile = file.parse().unwrap();
        setup.app.read_file(&widgets(), &reference.parse().unwrap(), &file, max_bytes).await
    };
    let read = async |reference, file| read_some(reference, file, 15).await;
    assert_eq!(read("main", "go.mod").await.unwrap(), Some(b"module widgets\n".to_vec()));
    assert_eq!(read("bytes", "a b/ü?#%.json").await.unwrap(), Some(b"{}".to_vec()));
    assert_eq!(read(&sha, "raw").await.unwrap(), Some(bytes));
    assert_eq!(read("main", "raw").await.unwrap(), None);
    assert_eq!(read("main", "cmd").await.unwrap(), None, "a folder is no file");
    assert!(matches!(read("unknown", "go.mod").await, Err(CodeHostError::RefNotFound)));
    let answer = read_some("main", "go.mod", 14).await;
    assert!(matches!(answer, Err(CodeHostError::TooLarge { limit: 14 })), "{answer:?}");
    setup.assert_polite();
}

fn unpack(path: &Path) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path).unwrap()));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        if entry.header().entry_type().is_file() {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            files.insert(path, text);
        }
    }
    files
}

#[tokio::test]
async fn the_source_of_a_commit_is_an_archive() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("source.tar.gz");
    setup.stub.world(|world| world.repository(WIDGETS).commit("heads/main", &[("later", "x")]));
    let bytes = setup.app.download(&widgets(), setup.commit, &into, 1 << 20).await.unwrap();
    assert_eq!(bytes, into.metadata().unwrap().len());
    let top = format!("octo-org-widgets-{}", &setup.commit.to_string()[..7]);
    let expected = [
        (format!("{top}/cmd/main.go"), "package main\n".to_owned()),
        (format!("{top}/go.mod"), "module widgets\n".to_owned()),
    ];
    assert_eq!(unpack(&into), BTreeMap::from(expected));
    setup.assert_polite();
}

#[tokio::test]
async fn an_archive_has_no_more_bytes_than_it_may() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("source.tar.gz");
    let bytes = setup.app.download(&widgets(), setup.commit, &into, 1 << 20).await.unwrap();
    assert_eq!(setup.app.download(&widgets(), setup.commit, &into, bytes).await.unwrap(), bytes);
    let answer = setup.app.download(&widgets(), setup.commit, &into, bytes - 1).await;
    assert!(matches!(answer, Err(CodeHostError::TooLarge { limit }) if limit == bytes - 1), "{answer:?}");
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_fetched_once_more() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("source.tar.gz");
    setup.stub.world(|world| world.broken_archives = 1);
    let bytes = setup.app.download(&widgets(), setup.commit, &into, 1 << 20).await.unwrap();
    assert_eq!((bytes, unpack(&into).len()), (into.metadata().unwrap().len(), 2));
    setup.stub.world(|world| world.broken_archives = 100);
    let answer = setup.app.download(&widgets(), setup.commit, &into, 1 << 20).await;
    assert!(matches!(answer, Err(CodeHostError::Unreachable(_))), "{answer:?}");
}

#[tokio::test]
async fn there_is_no_archive_of_what_is_not_there() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("source.tar.gz");
    let answer = setup.app.download(&widgets(), unknown(), &into, 1 << 20).await;
    assert!(matches!(answer, Err(CodeHostError::RefNotFound)), "{answer:?}");
    let elsewhere = at(INSTALLATION, "ana/unknown");
    let answer = setup.app.download(&elsewhere, setup.commit, &into, 1 << 20).await;
    assert!(matches!(answer, Err(CodeHostError::RepositoryNotFound)), "{answer:?}");
    let nowhere = folder.path().join("no/such/folder");
    let answer = setup.app.download(&widgets(), setup.commit, &nowhere, 1 << 20).await;
    assert!(matches!(answer, Err(CodeHostError::Local(_))), "{answer:?}");
}

#[tokio::test]
async fn an_archive_is_not_fetched_in_clear_from_another_machine() {
    let setup = Setup::new().await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("source.tar.gz");
    let redirect = Canned::refusal(302, "").with_header("location", "http://codeload.example.com/x");
    setup.stub.answer_next("/tarball/", redirect);
    let answer = setup.app.download(&widgets(), setup.commit, &into, 1 << 20).await;
    assert!(matches!(answer, Err(CodeHostError::Unreachable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let setup = Setup::new().await;
    setup.stub.world(|world| {
        world.installations.get_mut(&INSTALLATION).unwrap().permissions.remove("contents:write")
    });
    let answer = setup.app.resolve(&widgets(), &"main".parse().unwrap()).await;
    let permission = Permission::ReadContents;
    assert!(
        matches!(answer, Err(CodeHostError::NotPermitted { permission: missing }) if missing == permission),
        "{answer:?}"
    );
}
