use super::*;
use serde_json::{Value, json};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn secret() -> WebhookSecret {
    WebhookSecret::new("It's a Secret to Everybody").unwrap()
}

fn event(name: &str, payload: &Value) -> WebhookEvent {
    WebhookEvent::read(name, payload.to_string().as_bytes()).unwrap()
}

fn at() -> InstalledRepository {
    InstalledRepository {
        installation: 42.try_into().unwrap(),
        repository: "octo-org/widgets".parse().unwrap(),
    }
}

fn place() -> Value {
    json!({
        "installation": { "id": 42, "node_id": "x" },
        "repository": { "id": 1, "name": "widgets", "owner": { "login": "octo-org", "id": 2 } },
        "sender": { "login": "ana" },
    })
}

fn with(fields: &Value) -> Value {
    let mut payload = place();
    let whole = payload.as_object_mut().unwrap();
    whole.extend(fields.as_object().unwrap().clone());
    payload
}

fn pull_request_payload(action: &str, head: &Value) -> Value {
    with(&json!({ "action": action, "number": 7, "pull_request": { "head": head, "title": "x" } }))
}

/// The example in GitHub's documentation, "Validating webhook deliveries".
#[test]
fn a_signature_is_the_one_that_github_shows() {
    let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let signature = format!("sha256={digits}");
    assert_eq!(secret().verify(b"Hello, World!", Some(&signature)), Ok(()));
    assert_eq!(secret().verify(b"Hello, World?", Some(&signature)), Err(SignatureRefusal::Wrong));
    let other = WebhookSecret::new("another").unwrap();
    assert_eq!(other.verify(b"Hello, World!", Some(&signature)), Err(SignatureRefusal::Wrong));
}

#[test]
fn what_is_not_signed_as_it_has_to_be_is_refused() {
    assert_eq!(secret().verify(b"x", None), Err(SignatureRefusal::Missing));
    let (zeros, short, long) = ("0".repeat(64), "0".repeat(62), "0".repeat(66));
    assert_eq!(secret().verify(b"x", Some(&format!("sha256={zeros}"))), Err(SignatureRefusal::Wrong));
    for malformed in [
        String::new(),
        "sha256=".to_owned(),
        zeros.clone(),
        format!("sha1={zeros}"),
        format!("SHA256={zeros}"),
        format!("sha256={short}"),
        format!("sha256={long}"),
        format!("sha256={}g", &zeros[..63]),
        format!("sha256= {zeros}"),
    ] {
        assert_eq!(secret().verify(b"x", Some(&malformed)), Err(SignatureRefusal::Malformed), "{malformed}");
    }
}

#[test]
fn an_empty_secret_is_none_and_no_secret_is_shown() {
    assert!(WebhookSecret::new("").is_none());
    assert_eq!(format!("{:?}", secret()), "WebhookSecret(..)");
}

#[test]
fn a_pull_request_with_new_commits_is_told() {
    let head = json!({ "sha": SHA, "ref": "feature/x", "repo": { "full_name": "octo-org/widgets" } });
    for (action, step) in [
        ("opened", PullRequestStep::Opened),
        ("synchronize", PullRequestStep::Synchronized),
        ("reopened", PullRequestStep::Reopened),
    ] {
        let expected = WebhookEvent::PullRequest {
            at: at(),
            step,
            number: 7.try_into().unwrap(),
            head: SHA.parse().unwrap(),
            branch: "feature/x".parse().unwrap(),
            origin: HeadOrigin::SameRepository,
        };
        assert_eq!(event("pull_request", &pull_request_payload(action, &head)), expected);
    }
}

#[test]
fn a_branch_of_a_fork_is_told_from_our_own() {
    for (repository, expected) in [
        (Some(json!({ "full_name": "octo-org/widgets" })), HeadOrigin::SameRepository),
        (Some(json!({ "full_name": "Octo-Org/Widgets" })), HeadOrigin::SameRepository),
        (None, HeadOrigin::SameRepository),
        (Some(json!({ "full_name": "mallory/widgets" })), HeadOrigin::Fork),
        (Some(Value::Null), HeadOrigin::Fork),
    ] {
        let mut head = json!({ "sha": SHA, "ref": "main" });
        if let Some(repository) = &repository {
            head["repo"] = repository.clone();
        }
        let told = event("pull_request", &pull_request_payload("opened", &head));
        assert!(
            matches!(told, WebhookEvent::PullRequest { origin, .. } if origin == expected),
            "{repository:?}: {told:?}"
        );
    }
}

#[test]
fn a_button_and_a_rerun_are_told() {
    let check_run = json!({ "id": 9, "head_sha": SHA });
    let pressed = with(&json!({
        "action": "requested_action",
        "check_run": check_run,
        "requested_action": { "identifier": "fix:12ab34cd" },
    }));
    let (check, head) = (9.try_into().unwrap(), SHA.parse().unwrap());
    let identifier = "fix:12ab34cd".to_owned();
    let expected = WebhookEvent::ActionRequested { at: at(), check_run: check, head, identifier };
    assert_eq!(event("check_run", &pressed), expected);
    let again = with(&json!({ "action": "rerequested", "check_run": check_run }));
    let expected = WebhookEvent::RerunRequested { at: at(), check_run: check, head };
    assert_eq!(event("check_run", &again), expected);
}

#[test]
fn the_end_of_a_branch_is_told() {
    let ended = |branch, end| WebhookEvent::BranchEnded { at: at(), branch, end };
    let own = || HostedBranch::Own("feature/x".parse().unwrap());
    let pull = || HostedBranch::PullRequest(7.try_into().unwrap());
    let (ours, theirs) = (json!({ "full_name": "octo-org/widgets" }), json!({ "full_name": "ana/widgets" }));
    for (merged, repository, expected) in [
        (json!(true), ours.clone(), ended(own(), BranchEnd::Merged)),
        (json!(true), theirs.clone(), ended(pull(), BranchEnd::Merged)),
        (json!(true), Value::Null, ended(pull(), BranchEnd::Merged)),
        (json!(false), Value::Null, ended(pull(), BranchEnd::Deleted)),
        (Value::Null, Value::Null, ended(pull(), BranchEnd::Deleted)),
        (json!(false), ours, WebhookEvent::Ignored),
        (json!(false), theirs, WebhookEvent::Ignored),
    ] {
        let mut payload =
            pull_request_payload("closed", &json!({ "sha": SHA, "ref": "feature/x", "repo": repository }));
        payload["pull_request"]["merged"] = merged;
        assert_eq!(event("pull_request", &payload), expected, "{payload}");
    }
    let unsaid = pull_request_payload("closed", &json!({ "sha": SHA, "ref": "feature/x" }));
    assert_eq!(event("pull_request", &unsaid), WebhookEvent::Ignored);
    let deleted = with(&json!({ "ref": "feature/x", "ref_type": "branch", "pusher_type": "user" }));
    assert_eq!(event("delete", &deleted), ended(own(), BranchEnd::Deleted));
}

#[test]
fn the_end_of_an_installation_is_told() {
    for (action, end) in [("deleted", InstallationEnd::Deleted), ("suspend", InstallationEnd::Suspended)] {
        let payload = json!({ "action": action, "installation": { "id": 42 } });
        let expected = WebhookEvent::InstallationEnded { installation: 42.try_into().unwrap(), end };
        assert_eq!(event("installation", &payload), expected);
    }
}

#[test]
fn everything_else_is_ignored() {
    for (name, payload) in [
        ("ping", json!({ "zen": "x" })),
        ("push", json!({ "ref": "refs/heads/main" })),
        ("pull_request", json!({ "action": "assigned" })),
        ("delete", json!({ "ref_type": "tag", "ref": "v1" })),
        ("create", json!({ "ref_type": "branch", "ref": "feature/x" })),
        ("pull_request", json!({ "action": "labeled" })),
        ("check_run", json!({ "action": "created" })),
        ("check_run", json!({ "action": "completed" })),
        ("installation", json!({ "action": "created", "installation": { "id": 42 } })),
        ("installation", json!({ "action": "unsuspend" })),
        ("installation", json!({})),
        ("Pull_Request", json!({ "action": "opened" })),
        ("", json!([])),
    ] {
        assert_eq!(event(name, &payload), WebhookEvent::Ignored, "{name} {payload}");
    }
}

#[test]
fn an_event_without_what_it_takes_is_not_guessed() {
    let head = json!({ "sha": SHA, "ref": "main" });
    let whole = pull_request_payload("opened", &head);
    for missing in ["installation", "repository", "number", "pull_request"] {
        let mut payload = whole.clone();
        payload.as_object_mut().unwrap().remove(missing);
        assert!(WebhookEvent::read("pull_request", payload.to_string().as_bytes()).is_err(), "{missing}");
    }
    let hostile = json!({ "sha": SHA, "ref": "../../x" });
    let wrong = pull_request_payload("opened", &hostile);
    assert!(WebhookEvent::read("pull_request", wrong.to_string().as_bytes()).is_err());
    for broken in
        [json!({ "ref": "x" }), json!({ "ref_type": "branch" }), with(&json!({ "ref_type": "branch" }))]
    {
        assert!(WebhookEvent::read("delete", broken.to_string().as_bytes()).is_err(), "{broken}");
    }
    let unsaid = json!({ "action": "closed" });
    assert!(WebhookEvent::read("pull_request", unsaid.to_string().as_bytes()).is_err());
    let no_button = with(&json!({ "action": "requested_action", "check_run": { "id": 9, "head_sha": SHA } }));
    assert!(WebhookEvent::read("check_run", no_button.to_string().as_bytes()).is_err());
    for body in [&b""[..], b"payload=%7B%7D", b"{", b"\xff"] {
        assert!(WebhookEvent::read("pull_request", body).is_err());
        assert!(WebhookEvent::read("ping", body).is_err());
    }
}
