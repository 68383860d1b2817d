//! Pull requests.

use crate::setup::{Setup, WIDGETS, widgets};
use scanledger_commands::ports::{
    ChangedFile, CodeHost as _, CodeHostError, FileStatus, HeadOrigin, NewPullRequest, Permission,
};
use scanledger_domain::limits::{HOST_TEXT_CHARS, PULL_REQUEST_FILES};
use scanledger_github_stub::{Canned, Pull};

fn pull(setup: &Setup, head_repository: Option<u64>, files: Vec<(String, &'static str)>) {
    setup.stub.world(|world| {
        let repository = world.repository(WIDGETS);
        let head = repository.commit("heads/feature/x", &[("go.mod", "module widgets/v2\n")]);
        let base = repository.refs["heads/main"].clone();
        let (head, base) = (("feature/x".to_owned(), head), ("main".to_owned(), base));
        let own = Some(repository.id);
        let head_repository = if head_repository == Some(0) { own } else { head_repository };
        let (title, body) = ("A".to_owned(), String::new());
        repository.pulls.insert(7, Pull { title, body, head, head_repository, base, files });
    });
}

#[tokio::test]
async fn a_pull_request_says_what_is_merged_into_what() {
    let setup = Setup::new().await;
    for (repository, origin) in
        [(Some(0), HeadOrigin::SameRepository), (Some(99), HeadOrigin::Fork), (None, HeadOrigin::Fork)]
    {
        pull(&setup, repository, Vec::new());
        let found = setup.app.pull_request(&widgets(), 7.try_into().unwrap()).await.unwrap();
        assert_eq!((found.base.branch.as_str(), found.base.commit), ("main", setup.commit));
        assert_eq!((found.head.branch.as_str(), found.origin), ("feature/x", origin));
    }
    let answer = setup.app.pull_request(&widgets(), 8.try_into().unwrap()).await;
    assert!(matches!(answer, Err(CodeHostError::NotFound { what: "pull request" })), "{answer:?}");
    setup.assert_polite();
}

#[tokio::test]
async fn changed_files_come_from_every_page() {
    let setup = Setup::new().await;
    let requests = |count| setup.stub.count("/pulls/7/files") == count;
    let mut files = vec![
        ("a".to_owned(), "added"),
        ("b".to_owned(), "modified"),
        ("c".to_owned(), "removed"),
        ("d".to_owned(), "renamed"),
        ("e".to_owned(), "changed"),
    ];
    pull(&setup, Some(0), files.clone());
    let found = setup.app.changed_files(&widgets(), 7.try_into().unwrap()).await.unwrap();
    let expected = [
        ("a", FileStatus::Added),
        ("b", FileStatus::Modified),
        ("c", FileStatus::Removed),
        ("d", FileStatus::Renamed),
        ("e", FileStatus::Modified),
    ];
    assert_eq!(found, expected.map(|(path, status)| ChangedFile { path: path.to_owned(), status }));
    assert!(requests(1));
    files.extend((0..200).map(|number| (format!("f{number}"), "added")));
    pull(&setup, Some(0), files);
    let found = setup.app.changed_files(&widgets(), 7.try_into().unwrap()).await.unwrap();
    assert_eq!((found.len(), found[204].path.as_str()), (205, "f199"));
    assert!(requests(4));
    let answer = setup.app.changed_files(&widgets(), 8.try_into().unwrap()).await;
    assert!(matches!(answer, Err(CodeHostError::NotFound { .. })), "{answer:?}");
}

#[tokio::test]
async fn there_is_an_end_of_changed_files() {
    let setup = Setup::new().await;
    for (count, expected) in
        [(PULL_REQUEST_FILES, PULL_REQUEST_FILES), (PULL_REQUEST_FILES + 1, PULL_REQUEST_FILES)]
    {
        pull(&setup, Some(0), (0..count).map(|number| (format!("f{number}"), "added")).collect());
        let found = setup.app.changed_files(&widgets(), 7.try_into().unwrap()).await.unwrap();
        assert_eq!(found.len(), expected);
    }
    assert_eq!(setup.stub.count("/pulls/7/files"), 60);
}

fn request() -> NewPullRequest {
    NewPullRequest {
        head: "fix/x".parse().unwrap(),
        base: "main".parse().unwrap(),
        title: "fix(deps): x".to_owned(),
        body: "a table".to_owned(),
    }
}

#[tokio::test]
async fn a_pull_request_is_opened_once() {
    let setup = Setup::new().await;
    setup.stub.world(|world| world.repository(WIDGETS).commit("heads/fix/x", &[("a", "b")]));
    // The first answer is lost.
    setup.stub.answer_next("POST /api/v3/repos/octo-org/widgets/pulls", Canned::refusal(502, ""));
    let opened = setup.app.open_pull_request(&widgets(), &request()).await.unwrap();
    assert_eq!((opened.number.number(), opened.title.as_str()), (1, "fix(deps): x"));
    assert!(opened.url.ends_with("/octo-org/widgets/pull/1"), "{}", opened.url);
    assert_eq!(setup.app.open_pull_request(&widgets(), &request()).await.unwrap(), opened);
    let pulls = setup.stub.world(|world| world.repository(WIDGETS).pulls.clone());
    assert_eq!((pulls.len(), pulls[&1].body.as_str()), (1, "a table"));
    setup.assert_polite();
}

#[tokio::test]
async fn a_body_is_cut_where_the_host_cuts() {
    let setup = Setup::new().await;
    setup.stub.world(|world| world.repository(WIDGETS).commit("heads/fix/x", &[("a", "b")]));
    let long = NewPullRequest { body: "é".repeat(HOST_TEXT_CHARS + 1), ..request() };
    setup.app.open_pull_request(&widgets(), &long).await.unwrap();
    let body = setup.stub.world(|world| world.repository(WIDGETS).pulls[&1].body.clone());
    assert_eq!(body, "é".repeat(HOST_TEXT_CHARS));
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_is_refused() {
    let setup = Setup::new().await;
    let answer = setup.app.open_pull_request(&widgets(), &request()).await;
    assert!(matches!(answer, Err(CodeHostError::Refused(_))), "{answer:?}");
    setup.stub.world(|world| {
        let permissions = &mut world.installations.get_mut(&42).unwrap().permissions;
        permissions.remove("pull_requests:write");
        permissions.insert("pull_requests:read");
    });
    let answer = setup.app.open_pull_request(&widgets(), &request()).await;
    let expected = Permission::WritePullRequests;
    assert!(
        matches!(answer, Err(CodeHostError::NotPermitted { permission }) if permission == expected),
        "{answer:?}"
    );
}
