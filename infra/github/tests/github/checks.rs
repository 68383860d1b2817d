//! Check runs.

use crate::setup::{Setup, WIDGETS, widgets};
use scanledger_commands::ports::{
    Annotation, AnnotationLevel, CheckAction, CheckOutput, CheckRun, CheckStatus, CodeHost as _,
    CodeHostError, FoundCheckRun, Permission,
};
use scanledger_domain::code_host::{CheckConclusion, CheckRunId};
use scanledger_domain::limits::{CHECK_ACTIONS, CHECK_ANNOTATIONS, HOST_TEXT_CHARS};
use scanledger_github_stub::Canned;
use serde_json::{Value, json};

const DONE: CheckStatus = CheckStatus::Completed(CheckConclusion::Failure);

fn run(status: CheckStatus, annotations: usize) -> CheckRun {
    let annotation = |line: usize| Annotation {
        file: "go.mod".parse().unwrap(),
        start_line: u32::try_from(line + 1).unwrap().try_into().unwrap(),
        end_line: 1.try_into().unwrap(),
        level: AnnotationLevel::Warning,
        title: "CVE".to_owned(),
        message: format!("line {line}"),
    };
    CheckRun {
        name: "dpendx".to_owned(),
        external_id: "scan-1".to_owned(),
        details_url: Some("https://scans.example.com/1".to_owned()),
        status,
        output: CheckOutput {
            title: "2 vulnerabilities".to_owned(),
            summary: "**2**".to_owned(),
            text: Some("| a |".to_owned()),
            annotations: (0..annotations).map(annotation).collect(),
        },
        actions: vec![CheckAction::try_new("Fix", "Open a pull request", "fix:12ab34cd").unwrap()],
    }
}

fn stored(setup: &Setup, id: CheckRunId) -> Value {
    setup.stub.world(|world| world.repository(WIDGETS).checks[&id.number()].clone())
}

/// Statuses of the requests for check runs, and how many annotations each had.
fn sent(setup: &Setup) -> Vec<(String, usize)> {
    let seen = setup.stub.seen().into_iter().filter(|seen| seen.path.contains("/check-runs"));
    let seen = seen.filter(|seen| seen.method != "GET");
    seen.map(|seen| {
        let annotations = seen.body["output"]["annotations"].as_array().unwrap().len();
        (seen.body["status"].as_str().unwrap().to_owned(), annotations)
    })
    .collect()
}

#[tokio::test]
async fn a_check_run_begins_and_ends() {
    let setup = Setup::new().await;
    let begun = CheckRun { actions: Vec::new(), ..run(CheckStatus::InProgress, 0) };
    let id = setup.app.create_check_run(&widgets(), setup.commit, &begun).await.unwrap();
    let check = stored(&setup, id);
    assert_eq!((&check["status"], &check["conclusion"]), (&json!("in_progress"), &Value::Null));
    assert_eq!(check["head_sha"], setup.commit.to_string());

    setup.app.update_check_run(&widgets(), id, &run(DONE, 1)).await.unwrap();
    let check = stored(&setup, id);
    assert_eq!((&check["status"], &check["conclusion"]), (&json!("completed"), &json!("failure")));
    assert_eq!((&check["name"], &check["external_id"]), (&json!("dpendx"), &json!("scan-1")));
    assert_eq!(check["details_url"], "https://scans.example.com/1");
    let button =
        json!([{ "label": "Fix", "description": "Open a pull request", "identifier": "fix:12ab34cd" }]);
    assert_eq!(check["actions"], button);
    let output = json!({
        "title": "2 vulnerabilities",
        "summary": "**2**",
        "text": "| a |",
        "annotations": [{
            "path": "go.mod",
            "start_line": 1,
            "end_line": 1,
            "annotation_level": "warning",
            "title": "CVE",
            "message": "line 0",
        }],
    });
    assert_eq!(check["output"], output);
    setup.assert_polite();
}

#[tokio::test]
async fn annotations_go_in_batches_and_the_verdict_with_the_last() {
    let setup = Setup::new().await;
    let queued = setup.app.create_check_run(&widgets(), setup.commit, &run(CheckStatus::Queued, 50)).await;
    assert_eq!(sent(&setup), [("queued".to_owned(), 50)]);
    setup.app.update_check_run(&widgets(), queued.unwrap(), &run(DONE, 51)).await.unwrap();
    let id = setup.app.create_check_run(&widgets(), setup.commit, &run(DONE, 120)).await.unwrap();
    let in_progress = |annotations| ("in_progress".to_owned(), annotations);
    let completed = |annotations| ("completed".to_owned(), annotations);
    // Those that it was made with are there.
    let expected = [completed(1), in_progress(50), in_progress(50), completed(20)];
    assert_eq!(sent(&setup)[1..], expected);
    assert_eq!(lines(&setup, id), (1..=120).collect::<Vec<_>>());
    assert_eq!(stored(&setup, id)["conclusion"], "failure");
}

/// Lines that have an annotation, in the order in which they came.
fn lines(setup: &Setup, id: CheckRunId) -> Vec<u64> {
    let check = stored(setup, id);
    let annotations = check["output"]["annotations"].as_array().unwrap();
    annotations.iter().map(|one| one["start_line"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_broke_off_between_two_batches_goes_on_where_it_was() {
    let setup = Setup::new().await;
    let begun = run(CheckStatus::InProgress, 0);
    let id = setup.app.create_check_run(&widgets(), setup.commit, &begun).await.unwrap();
    let update = async || setup.app.update_check_run(&widgets(), id, &run(DONE, 120)).await;
    for there in [50, 100] {
        setup.stub.answer_after(1, "PATCH", Canned::refusal(502, ""));
        let answer = update().await;
        assert!(matches!(answer, Err(CodeHostError::Unreachable(_))), "{answer:?}");
        assert_eq!(lines(&setup, id), (1..=there).collect::<Vec<_>>());
        assert_eq!(stored(&setup, id)["conclusion"], Value::Null);
    }
    update().await.unwrap();
    assert_eq!(lines(&setup, id), (1..=120).collect::<Vec<_>>());
    assert_eq!(stored(&setup, id)["conclusion"], "failure");
    // Nothing comes to what is there, and the verdict is sent all the same.
    update().await.unwrap();
    assert_eq!(lines(&setup, id).len(), 120);
    assert_eq!(sent(&setup).last(), Some(&("completed".to_owned(), 0)));
    setup.assert_polite();
}

#[tokio::test]
async fn what_the_host_does_not_take_is_cut() {
    let setup = Setup::new().await;
    let mut long = run(DONE, CHECK_ANNOTATIONS + 1);
    long.output.summary = "é".repeat(HOST_TEXT_CHARS + 1);
    long.output.text = Some("é".repeat(HOST_TEXT_CHARS + 1));
    long.actions = vec![long.actions[0].clone(); CHECK_ACTIONS + 1];
    let id = setup.app.create_check_run(&widgets(), setup.commit, &long).await.unwrap();
    let check = stored(&setup, id);
    assert_eq!(check["output"]["annotations"].as_array().unwrap().len(), CHECK_ANNOTATIONS);
    assert_eq!(check["output"]["summary"], "é".repeat(HOST_TEXT_CHARS));
    assert_eq!(check["output"]["text"], "é".repeat(HOST_TEXT_CHARS));
    assert_eq!(check["actions"].as_array().unwrap().len(), CHECK_ACTIONS);
}

#[tokio::test]
async fn the_newest_check_run_of_the_app_is_found() {
    let setup = Setup::new().await;
    let find = async |name| setup.app.find_check_run(&widgets(), setup.commit, name).await.unwrap();
    assert_eq!(find("dpendx").await, None);
    let first = setup.app.create_check_run(&widgets(), setup.commit, &run(DONE, 0)).await.unwrap();
    let external_id = Some("scan-1".to_owned());
    let found = FoundCheckRun { id: first, external_id: external_id.clone(), is_completed: true };
    assert_eq!(find("dpendx").await, Some(found));
    let begun = run(CheckStatus::InProgress, 0);
    let second = setup.app.create_check_run(&widgets(), setup.commit, &begun).await.unwrap();
    setup.stub.world(|world| {
        let mut foreign = world.repository(WIDGETS).checks[&second.number()].clone();
        let id = world.next_number();
        (foreign["id"], foreign["app"]["id"]) = (id.into(), 1.into());
        world.repository(WIDGETS).checks.insert(id, foreign);
    });
    assert_eq!(find("dpendx").await, Some(FoundCheckRun { id: second, external_id, is_completed: false }));
    assert_eq!(find("another").await, None);
    let unknown = "f".repeat(40).parse().unwrap();
    let answer = setup.app.find_check_run(&widgets(), unknown, "dpendx").await;
    assert!(matches!(answer, Err(CodeHostError::RefNotFound)), "{answer:?}");
}

#[tokio::test]
async fn nothing_is_made_twice_when_an_answer_is_lost() {
    let setup = Setup::new().await;
    let id = setup.app.create_check_run(&widgets(), setup.commit, &run(DONE, 0)).await.unwrap();
    for (part, annotations) in [("POST", 0), ("PATCH", 1)] {
        let before = sent(&setup).len();
        setup.stub.answer_next(part, Canned::refusal(502, ""));
        let answer = match part {
            "POST" => {
                setup.app.create_check_run(&widgets(), setup.commit, &run(DONE, annotations)).await.map(drop)
            }
            _ => setup.app.update_check_run(&widgets(), id, &run(DONE, annotations)).await,
        };
        assert!(matches!(answer, Err(CodeHostError::Unreachable(_))), "{part}: {answer:?}");
        assert_eq!(sent(&setup).len(), before + 1, "{part}");
    }
    // What changes nothing the second time is sent again.
    setup.stub.answer_next("PATCH", Canned::refusal(502, ""));
    setup.app.update_check_run(&widgets(), id, &run(DONE, 0)).await.unwrap();
}

#[tokio::test]
async fn a_check_run_has_a_commit_and_a_permission() {
    let setup = Setup::new().await;
    let unknown = "f".repeat(40).parse().unwrap();
    let answer = setup.app.create_check_run(&widgets(), unknown, &run(DONE, 0)).await;
    assert!(matches!(answer, Err(CodeHostError::RefNotFound)), "{answer:?}");
    let answer = setup.app.update_check_run(&widgets(), 9.try_into().unwrap(), &run(DONE, 0)).await;
    assert!(matches!(answer, Err(CodeHostError::NotFound { what: "check run" })), "{answer:?}");
    setup.stub.world(|world| world.installations.get_mut(&42).unwrap().permissions.remove("checks:write"));
    let answer = setup.app.create_check_run(&widgets(), setup.commit, &run(DONE, 0)).await;
    let expected = Permission::WriteChecks;
    assert!(
        matches!(answer, Err(CodeHostError::NotPermitted { permission }) if permission == expected),
        "{answer:?}"
    );
}
