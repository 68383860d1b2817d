//! What a check owes to the code host when the server ends in between (dpendx reference §5).

use crate::dpendx_webhook::branch;
use crate::dpendx_world::{WIDGETS, World, imported, mended, pull_request};
use scanledger::server::Duty;
use scanledger_github_stub::Canned;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_owed_is_done_after_a_restart() {
    let (world, _) = World::with(&mended(), |_| ()).await;
    let commit = branch(&world, &imported());
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    // Nobody works: the scan stays in the queue, and the check in progress.
    world
        .until("the check is shown and its source is here", |world| {
            let is_shown = world.checks().first().is_some_and(|check| check["status"] == "in_progress");
            (is_shown && world.github.count("/tarball/") == 1).then_some(())
        })
        .await;
    let world = world.again(|options| options.duty = Duty::Everything { workers: 1 }).await;
    assert_eq!(world.completed().await["conclusion"], "failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_shown_before_a_crash_is_not_shown_twice() {
    let (world, _) = World::with(&mended(), |_| ()).await;
    let commit = branch(&world, &imported());
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    world.until("the source is here", |world| (world.github.count("/tarball/") == 1).then_some(())).await;
    // As after a crash between the code host's answer and the log.
    world.github.world(|github| {
        let check = github.repository(WIDGETS).checks.values_mut().next().unwrap();
        check["status"] = json!("completed");
        check["conclusion"] = json!("failure");
        check["output"]["annotations"] = json!([{ "path": "package-lock.json" }]);
    });
    let shown = world.checks();
    let patches = world.github.count("PATCH ");
    let world = world.again(|options| options.duty = Duty::Everything { workers: 1 }).await;
    let lookups = world.github.count("/check-runs?");
    world
        .until("it is looked whether the outcome is there", |world| {
            (world.github.count("/check-runs?") > lookups).then_some(())
        })
        .await;
    // It owes nothing any more, so the next one is what is worked at.
    let other = world.github.world(|github| github.repository(WIDGETS).commit("heads/other", &mended()));
    world.deliver("pull_request", "d-2", &pull_request("opened", 8, "other", &other)).await.expect(202);
    world
        .until("the next one is completed", |world| {
            let checks = world.checks();
            checks.into_iter().find(|check| check["head_sha"] == *other && check["status"] == "completed")
        })
        .await;
    assert!(world.checks().contains(&shown[0]), "{:#?}", world.checks());
    assert_eq!(world.github.count("PATCH "), patches + 1);
}

/// A lock file with vulnerable packages, more than fit into two requests.
fn many() -> String {
    let copies = (0..60).map(|n| {
        format!(
            r#"    "node_modules/p{n}": {{ "version": "1.0.0", "dependencies": {{ "lodash": "*" }} }},
    "node_modules/p{n}/node_modules/lodash": {{ "version": "3.{n}.0" }},
"#
        )
    });
    let copies: String = copies.collect();
    format!(
        r#"{{
  "lockfileVersion": 3,
  "packages": {{
{copies}    "": {{ "name": "widgets" }}
  }}
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_beside_lines_goes_on_after_a_crash_between_two_requests() {
    const PATCH: &str = "PATCH /api/v3/repos/octo-org/widgets/check-runs/";
    let (world, _) = World::new(&mended()).await;
    let lock = many();
    let commit = branch(&world, &[("package-lock.json", &lock)]);
    // The first request is heard, and the second never answered.
    world.github.answer_after(1, PATCH, Canned::refusal(502, "x").after(Duration::from_secs(600)));
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    world.until("the second request came", |world| (world.github.count(PATCH) == 2).then_some(())).await;
    let beside = |check: &Value| -> Vec<String> {
        let annotations = check["output"]["annotations"].as_array().unwrap();
        annotations.iter().map(|one| format!("{} {}", one["start_line"], one["title"])).collect()
    };
    let before = world.checks().remove(0);
    assert_eq!((beside(&before).len(), &before["conclusion"]), (50, &Value::Null));
    let world = world.again(|options| options.duty = Duty::Everything { workers: 1 }).await;
    let check = world.completed().await;
    let mut lines = beside(&check);
    assert_eq!(lines[..50], beside(&before));
    let found: usize = check["output"]["title"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(found > 100, "{found}");
    assert_eq!(lines.len(), found);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), found, "each is there once");
    world.assert_polite();
}
