//! Commits on a branch of their own.

use crate::setup::{INSTALLATION, Setup, WIDGETS, widgets};
use scanledger_commands::ports::{CodeHost as _, CodeHostError, FileChange, NewCommit, Permission};
use scanledger_domain::limits::{COMMIT_BYTES, COMMIT_FILES};
use scanledger_github_stub::Canned;

fn change(file: &str, content: &[u8]) -> FileChange {
    FileChange { file: file.parse().unwrap(), content: content.to_vec() }
}

fn new_commit(setup: &Setup, changes: Vec<FileChange>) -> NewCommit {
    NewCommit {
        branch: "fix/x".parse().unwrap(),
        parent: setup.commit,
        message: "fix(deps): two files\n\nx: 1 → 2".to_owned(),
        changes,
    }
}

fn two_files() -> Vec<FileChange> {
    vec![change("go.mod", b"module widgets/v2\n"), change("new/raw", &[0, 159, 255])]
}

#[tokio::test]
async fn several_files_are_one_commit_on_a_new_branch() {
    let setup = Setup::new().await;
    let commit = new_commit(&setup, two_files());
    let sha = setup.app.commit(&widgets(), &commit).await.unwrap().to_string();
    setup.stub.world(|world| {
        let repository = world.repository(WIDGETS);
        assert_eq!(repository.refs["heads/fix/x"], sha);
        assert_eq!(repository.refs["heads/main"], setup.commit.to_string());
        assert_eq!(repository.commits[&sha].parents, [setup.commit.to_string()]);
        assert_eq!(repository.commits[&sha].message, commit.message);
        let files: Vec<_> = repository.files(&sha).iter().map(|(path, file)| (&**path, &**file)).collect();
        let expected: [(&str, &[u8]); 3] = [
            ("cmd/main.go", b"package main\n"),
            ("go.mod", b"module widgets/v2\n"),
            ("new/raw", &[0, 159, 255]),
        ];
        assert_eq!(files, expected);
        assert_eq!(repository.commits.len(), 2);
    });
    setup.assert_polite();
}

#[tokio::test]
async fn the_same_commit_again_is_the_one_that_is_there() {
    let setup = Setup::new().await;
    let commit = new_commit(&setup, two_files());
    let sha = setup.app.commit(&widgets(), &commit).await.unwrap();
    assert_eq!(setup.app.commit(&widgets(), &commit).await.unwrap(), sha);
    let in_full = NewCommit { branch: "refs/heads/fix/x".parse().unwrap(), ..commit.clone() };
    assert_eq!(setup.app.commit(&widgets(), &in_full).await.unwrap(), sha);
    let other_words = NewCommit { message: "other".to_owned(), ..commit.clone() };
    let other_files = new_commit(&setup, vec![change("go.mod", b"module other\n")]);
    for other in [other_words, other_files] {
        let answer = setup.app.commit(&widgets(), &other).await;
        assert!(matches!(answer, Err(CodeHostError::BranchExists)), "{answer:?}");
    }
    setup.stub.world(|world| assert_eq!(world.repository(WIDGETS).refs["heads/fix/x"], sha.to_string()));
}

#[tokio::test]
async fn trouble_on_the_way_leaves_one_branch_or_none() {
    let setup = Setup::new().await;
    for step in ["git/blobs", "git/trees", "POST /api/v3/repos/octo-org/widgets/git/commits", "git/refs"] {
        setup.stub.answer_next(step, Canned::refusal(502, ""));
    }
    let commit = new_commit(&setup, two_files());
    let sha = setup.app.commit(&widgets(), &commit).await.unwrap();
    setup.stub.world(|world| assert_eq!(world.repository(WIDGETS).refs["heads/fix/x"], sha.to_string()));

    let second = NewCommit { branch: "fix/y".parse().unwrap(), ..commit };
    setup.stub.answer_next("git/trees", Canned::refusal(422, "no"));
    let answer = setup.app.commit(&widgets(), &second).await;
    assert!(matches!(answer, Err(CodeHostError::Refused(_))), "{answer:?}");
    setup.stub.world(|world| assert!(!world.repository(WIDGETS).refs.contains_key("heads/fix/y")));
}

#[tokio::test]
async fn a_commit_has_changes_and_a_parent() {
    let setup = Setup::new().await;
    for changes in [Vec::new(), vec![change("a", b"1"), change("a", b"2")]] {
        let answer = setup.app.commit(&widgets(), &new_commit(&setup, changes)).await;
        assert!(matches!(answer, Err(CodeHostError::Refused(_))), "{answer:?}");
    }
    let parent = "f".repeat(40).parse().unwrap();
    let orphan = NewCommit { parent, ..new_commit(&setup, two_files()) };
    let answer = setup.app.commit(&widgets(), &orphan).await;
    assert!(matches!(answer, Err(CodeHostError::RefNotFound)), "{answer:?}");
}

#[tokio::test]
async fn a_commit_has_no_more_than_it_may() {
    let setup = Setup::new().await;
    let many = |count| (0..count).map(|number| change(&format!("f{number}"), b"x")).collect::<Vec<_>>();
    let large = |bytes| vec![change("a", &vec![b'x'; bytes - 1]), change("b", b"x")];
    for changes in [many(COMMIT_FILES + 1), large(COMMIT_BYTES + 1)] {
        let answer = setup.app.commit(&widgets(), &new_commit(&setup, changes)).await;
        assert!(matches!(answer, Err(CodeHostError::TooLarge { .. })), "{answer:?}");
    }
    assert_eq!(setup.stub.seen().len(), 0);
    for (branch, changes) in [("fix/many", many(COMMIT_FILES)), ("fix/large", large(COMMIT_BYTES))] {
        let commit = NewCommit { branch: branch.parse().unwrap(), ..new_commit(&setup, changes) };
        setup.app.commit(&widgets(), &commit).await.unwrap();
    }
}

#[tokio::test]
async fn an_installation_that_may_only_read_makes_no_commit() {
    let setup = Setup::new().await;
    setup.stub.world(|world| {
        let permissions = &mut world.installations.get_mut(&INSTALLATION).unwrap().permissions;
        permissions.remove("contents:write");
        permissions.insert("contents:read");
    });
    let answer = setup.app.commit(&widgets(), &new_commit(&setup, two_files())).await;
    let expected = Permission::WriteContents;
    assert!(
        matches!(answer, Err(CodeHostError::NotPermitted { permission }) if permission == expected),
        "{answer:?}"
    );
}
