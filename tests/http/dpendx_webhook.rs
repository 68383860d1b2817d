//! Deliveries of the code host, and the checks that follow from them (dpendx reference §4, §5).

use crate::dpendx_world::{
    INSTALLATION, WIDGETS, World, imported, mended, place, pull_request, refused, vulnerable,
};
use crate::harness::NOBODY;
use scanledger_commands::Context;
use scanledger_domain::check::{Check, CheckCommand, Requested, check_stream};
use scanledger_domain::code_host::InstalledRepository;
use scanledger_domain::id::{CommandId, ScanId};
use scanledger_domain::limits::WEBHOOK_BYTES;
use scanledger_domain::log::Actor;
use scanledger_github_stub::{Canned, GitHubStub};
use serde_json::{Value, json};
use uuid::Uuid;

/// Puts a commit with these files on the branch `feature`; answers it.
pub fn branch(world: &World, files: &[(&str, &str)]) -> String {
    world.github.world(|github| github.repository(WIDGETS).commit("heads/feature", files))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_code_host_is_listened_to() {
    let (world, commit) = World::with(&imported(), |_| ()).await;
    let body = pull_request("opened", 7, "feature", &commit).to_string();
    let signature = GitHubStub::sign(body.as_bytes());
    let other = GitHubStub::sign(b"{}");
    for bad in ["", "sha256=", "sha1=00", other.as_str(), &signature[..signature.len() - 1]] {
        let answer = world.deliver_signed("pull_request", "d-1", &body, bad).await;
        assert_eq!(refused(&answer, 401), "invalid_signature", "{bad}");
    }
    let changed = body.replace("opened", "reopened");
    let answer = world.deliver_signed("pull_request", "d-1", &changed, &signature).await;
    assert_eq!(refused(&answer, 401), "invalid_signature");
    assert_eq!(world.deliver_signed("pull_request", "d-1", &body, &signature).await.status, 202);
    let broken = world.deliver("pull_request", "d-2", &json!({ "action": "opened" })).await;
    assert_eq!(refused(&broken, 400), "invalid_request");
    assert_eq!(refused(&world.deliver("ping", "", &json!({})).await, 400), "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_has_a_limit() {
    let (world, _) = World::with(&imported(), |_| ()).await;
    let of = |bytes: usize| format!("{{\"zen\":\"{}\"}}", "x".repeat(bytes - 10));
    let (longest, too_long) = (of(WEBHOOK_BYTES), of(WEBHOOK_BYTES + 1));
    assert_eq!(longest.len(), WEBHOOK_BYTES);
    let answer = world.deliver_signed("ping", "d-1", &longest, &GitHubStub::sign(longest.as_bytes())).await;
    assert_eq!(answer.expect(200)["status"], "ignored");
    let answer = world.deliver_signed("ping", "d-2", &too_long, &GitHubStub::sign(too_long.as_bytes())).await;
    assert_eq!(refused(&answer, 413), "invalid_request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nothing_to_the_server_is_ignored() {
    let (world, commit) = World::with(&imported(), |_| ()).await;
    let mut foreign = pull_request("opened", 7, "feature", &commit);
    foreign["installation"]["id"] = json!(4711);
    for (event, payload) in [
        ("ping", json!({ "zen": "x" })),
        ("pull_request", pull_request("closed", 7, "feature", &commit)),
        ("pull_request", foreign),
        ("check_run", place(json!({ "action": "created", "check_run": { "id": 1, "head_sha": commit } }))),
        (
            "check_run",
            place(json!({ "action": "rerequested", "check_run": { "id": 1, "head_sha": commit } })),
        ),
        ("installation", json!({ "action": "deleted", "installation": { "id": 42 } })),
    ] {
        let body = world.deliver(event, "d-1", &payload).await.expect(200);
        assert_eq!(body["status"], "ignored", "{payload}");
    }
    assert_eq!(world.checks().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_is_checked_and_shown() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    let payload = pull_request("opened", 7, "feature", &commit);
    assert_eq!(world.deliver("pull_request", "d-1", &payload).await.expect(202)["status"], "accepted");
    let check = world.completed().await;
    assert_eq!((&check["name"], &check["head_sha"]), (&json!("dpendx"), &json!(commit)));
    assert_eq!(
        (&check["conclusion"], &check["output"]["title"]),
        (&json!("failure"), &json!("2 vulnerabilities, 1 imported"))
    );
    let key = check["external_id"].as_str().unwrap();
    assert_eq!(check["details_url"], format!("https://scan.example.org/scans/{key}"));
    let text = check["output"]["text"].as_str().unwrap();
    assert!(
        text.contains("| Package | Version | Ecosystem | CVE | Severity | Imported | Fixed Version |"),
        "{text}"
    );
    assert!(text.contains("CVE-2021-23337") && text.contains("**Yes**"), "{text}");
    let lodash = &check["output"]["annotations"][0];
    assert_eq!(
        (&lodash["path"], &lodash["annotation_level"]),
        (&json!("package-lock.json"), &json!("failure"))
    );
    let identifier = check["actions"][0]["identifier"].as_str().unwrap();
    assert_eq!(identifier, format!("fix:{}", &key.strip_prefix("chk_").unwrap()[..16]));
    world.assert_polite();
    let scan = world.only_scan().await;

    // The same commit is checked once, however often it is told.
    let requests = world.github.seen().len();
    for (delivery, action) in [("d-1", "opened"), ("d-2", "synchronize"), ("d-3", "reopened")] {
        world
            .deliver("pull_request", delivery, &pull_request(action, 7, "feature", &commit))
            .await
            .expect(202);
    }
    let ours = world.api.get(&format!("/api/scans/{scan}")).await.expect(200);
    assert_eq!((&ours["branch"], &ours["status"]), (&json!("feature"), &json!("COMPLETED")));
    let scans = world.api.get("/api/scans").await.expect(200);
    assert_eq!(scans["scans"].as_array().unwrap().len(), 1, "{scans}");
    assert_eq!((world.github.seen().len(), world.checks().len()), (requests, 1));

    // Another commit is another check.
    let mended = branch(&world, &mended());
    world
        .deliver("pull_request", "d-4", &pull_request("synchronize", 7, "feature", &mended))
        .await
        .expect(202);
    let check = world
        .until("the second commit is checked", |world| {
            let checks = world.checks();
            checks.into_iter().find(|check| check["head_sha"] == *mended && check["status"] == "completed")
        })
        .await;
    assert_eq!(
        (&check["conclusion"], check["actions"].as_array().map_or(0, Vec::len)),
        (&json!("success"), 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_the_configuration_is_told() {
    let mut files = vulnerable();
    files.push((".dpendx.yml", "scan:\n  mode: fast\ncode_quality:\n  enabled: true\n"));
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &files);
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    let check = world.completed().await;
    assert_eq!(check["conclusion"], "neutral");
    let text = check["output"]["text"].as_str().unwrap();
    assert!(
        text.contains("`scan.mode` must be") && text.contains("`code_quality` is not evaluated"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_changed_files_are_enough_where_the_repository_says_so() {
    let mut files = vulnerable();
    files.push((".dpendx.yml", "scan:\n  mode: diff\n"));
    let (world, main) = World::new(&mended()).await;
    let commit = branch(&world, &files);
    world.github.world(|github| {
        let pull = scanledger_github_stub::Pull {
            title: "x".to_owned(),
            body: String::new(),
            head: ("feature".to_owned(), commit.clone()),
            head_repository: None,
            base: ("main".to_owned(), main),
            files: vec![("README.md".to_owned(), "modified")],
        };
        github.repository(WIDGETS).pulls.insert(7, pull);
    });
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    let check = world.completed().await;
    assert_eq!(
        (&check["conclusion"], &check["output"]["title"]),
        (&json!("neutral"), &json!("No dependencies detected"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_that_cannot_be_done_is_neutral() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    world.github.world(|github| {
        let permissions = &mut github.installations.get_mut(&42).unwrap().permissions;
        permissions.remove("contents:write");
    });
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    let check = world.completed().await;
    assert_eq!(
        (&check["conclusion"], &check["output"]["title"]),
        (&json!("neutral"), &json!("Scan incomplete"))
    );
    assert!(check["output"]["summary"].as_str().unwrap().contains("may not read contents"), "{check}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_host_that_fails_is_asked_again() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    // Making a check run is not repeated blindly: it may have been heard.
    world.github.answer_next("POST /api/v3/repos/octo-org/widgets/check-runs", Canned::refusal(502, "x"));
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    assert_eq!(world.completed().await["conclusion"], "failure");
    assert_eq!(world.github.count("POST /api/v3/repos/octo-org/widgets/check-runs"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_can_be_made_again() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    let first = world.completed().await;
    let again =
        place(json!({ "action": "rerequested", "check_run": { "id": first["id"], "head_sha": commit } }));
    assert_eq!(world.deliver("check_run", "d-2", &again).await.expect(202)["status"], "accepted");
    let second = world
        .until("the check is made again", |world| {
            let checks = world.checks();
            checks.into_iter().find(|check| check["id"] != first["id"] && check["status"] == "completed")
        })
        .await;
    assert_eq!(second["conclusion"], "failure");
    assert_ne!(second["external_id"], first["external_id"]);
    // Delivered twice, it is done once.
    world.deliver("check_run", "d-2", &again).await.expect(200);
    let scans = world.api.get("/api/scans").await.expect(200);
    assert_eq!((scans["scans"].as_array().unwrap().len(), world.checks().len()), (2, 2), "{scans}");
    // Each has what was found once, beside the lines.
    let annotations = |check: &Value| check["output"]["annotations"].as_array().unwrap().len();
    assert_eq!((annotations(&second), annotations(&first)), (2, 2));
    assert!(world.checks().contains(&first), "the first one is left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_code_host_knows_opens_nothing_here() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    let check = world.completed().await;
    let identifier = check["actions"][0]["identifier"].as_str().unwrap();
    world.deliver("check_run", "d-2", &pressed(&check, identifier)).await.expect(202);
    world
        .until("a pull request is open", |world| {
            world.github.world(|github| github.repository(WIDGETS).pulls.values().next().cloned())
        })
        .await;
    let scan = world.only_scan().await;
    let digits = scan.replace('-', "");
    let told: Vec<String> =
        world.github.seen().iter().map(|seen| format!("{} {}", seen.line(), seen.body)).collect();
    assert!(told.iter().any(|told| told.contains("dpendx/fix-")), "{told:?}");
    for told in &told {
        assert!(!told.contains(&scan) && !told.contains(&digits[..16]), "{told}");
    }
    // Neither the key, nor its digits as an id, is the id of a scan.
    let key = check["external_id"].as_str().unwrap();
    let as_id = uuid::Uuid::parse_str(key.strip_prefix("chk_").unwrap()).unwrap().to_string();
    let client = world.api.with_key(None);
    for (id, status, code) in
        [(key, 400, "invalid_request"), (&*as_id, 404, "scan_not_found"), (NOBODY, 404, "scan_not_found")]
    {
        assert_eq!(refused(&client.get(&format!("/api/sbom/{id}")).await, 404), "scan_not_found");
        let wish = json!({ "installation_id": INSTALLATION, "scan_report_id": id });
        assert_eq!(refused(&client.post("/api/fix", &wish).await, status), code, "{id}");
    }
    client.get(&format!("/api/sbom/{scan}")).await.expect(200);
}

/// Has a commit of the branch `feature` checked as it was before checks had keys.
async fn request_without_key(world: &World, commit: &str) -> ScanId {
    let scan = ScanId(Uuid::from_u128(0x0123_4567_89ab_4cde_8f01_2345_6789_abcd));
    let organization = world.api.organization.parse().unwrap();
    let requested = Requested {
        scan,
        organization,
        at: InstalledRepository {
            installation: INSTALLATION.try_into().unwrap(),
            repository: WIDGETS.parse().unwrap(),
        },
        reference: "feature".parse().unwrap(),
        commit: Some(commit.parse().unwrap()),
        pull_request: Some(7.try_into().unwrap()),
        target: Some("feature".parse().unwrap()),
        key: None,
    };
    let context = Context::new(CommandId(Uuid::from_u128(1)), Actor::System, Some(organization));
    let request = CheckCommand::Request(requested);
    let ledger = &world.api.server.engine.ledger;
    ledger.execute::<Check>(&context, &check_stream(scan), None, request).await.unwrap();
    scan
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_from_before_there_were_keys_is_found_by_its_scan_and_no_other_is() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    let scan = request_without_key(&world, &commit).await;
    let old = world.completed().await;
    assert_eq!(old["external_id"], scan.to_string());
    let identifier = old["actions"][0]["identifier"].as_str().unwrap();
    assert_eq!(identifier, "fix:0123456789ab4cde");
    world.deliver("check_run", "d-1", &pressed(&old, identifier)).await.expect(202);
    world
        .until("a pull request is open", |world| {
            world.github.world(|github| github.repository(WIDGETS).pulls.values().next().cloned())
        })
        .await;
    let again = |check: &Value| {
        place(json!({ "action": "rerequested", "check_run": { "id": check["id"], "head_sha": commit } }))
    };
    world.deliver("check_run", "d-2", &again(&old)).await.expect(202);
    let new = world
        .until("the check is made again", |world| {
            let checks = world.checks();
            checks.into_iter().find(|check| check["id"] != old["id"] && check["status"] == "completed")
        })
        .await;
    assert!(new["external_id"].as_str().unwrap().starts_with("chk_"), "{new}");
    // Whoever has learned which scan a check with a key is about, and shows it as that, gets no further.
    let scans = world.api.get("/api/scans").await.expect(200);
    let mut ids = scans["scans"].as_array().unwrap().iter().map(|scan| scan["id"].clone());
    let id = ids.find(|id| *id != scan.to_string()).unwrap();
    world.github.world(|github| {
        let mut checks = github.repository(WIDGETS).checks.values_mut();
        checks.find(|check| check["id"] == new["id"]).unwrap()["external_id"] = id;
    });
    let ignored = world.deliver("check_run", "d-3", &again(&new)).await.expect(200);
    assert_eq!(ignored["status"], "ignored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_of_a_fork_has_no_button() {
    let (world, _) = World::new(&mended()).await;
    let mut files = imported();
    // Nor does it say what it is checked for.
    files.push((".dpendx.yml", "vulnerability:\n  enabled: false\n"));
    let commit = branch(&world, &files);
    let mut payload = pull_request("opened", 7, "main", &commit);
    payload["pull_request"]["head"]["repo"] = json!({ "full_name": "somebody/widgets" });
    world.deliver("pull_request", "d-1", &payload).await.expect(202);
    let check = world.completed().await;
    assert_eq!(
        (&check["conclusion"], check["actions"].as_array().map_or(0, Vec::len)),
        (&json!("failure"), 0)
    );
    let scan = world.api.get(&format!("/api/scans/{}", world.only_scan().await)).await.expect(200);
    assert_eq!(scan["branch"], "refs/pull/7/head");
}

/// That the button of a check was pressed.
fn pressed(check: &Value, identifier: &str) -> Value {
    place(json!({
        "action": "requested_action",
        "check_run": { "id": check["id"], "head_sha": check["head_sha"] },
        "requested_action": { "identifier": identifier },
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_button_opens_a_pull_request() {
    let (world, _) = World::new(&mended()).await;
    let commit = branch(&world, &imported());
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    let check = world.completed().await;
    let other = world.deliver("check_run", "d-2", &pressed(&check, "fix:0000000000000000")).await;
    assert_eq!(other.expect(200)["status"], "ignored");
    let identifier = check["actions"][0]["identifier"].as_str().unwrap();
    for delivery in ["d-3", "d-3", "d-4"] {
        world.deliver("check_run", delivery, &pressed(&check, identifier)).await.expect(202);
    }
    let pull = world
        .until("a pull request is open", |world| {
            world.github.world(|github| github.repository(WIDGETS).pulls.values().next().cloned())
        })
        .await;
    assert_eq!(
        (pull.title.as_str(), pull.base.0.as_str()),
        ("fix(deps): update lodash to 4.17.21", "feature")
    );
    let content = world.github.world(|github| {
        let repository = github.repository(WIDGETS);
        let head = &repository.refs[&format!("heads/{}", pull.head.0)];
        assert_eq!(repository.commits[head].parents, std::slice::from_ref(&commit));
        String::from_utf8(repository.files(head)["package.json"].clone()).unwrap()
    });
    assert_eq!(content, imported()[0].1.replace("^4.17.20", "^4.17.21"));
    world.assert_polite();
}
