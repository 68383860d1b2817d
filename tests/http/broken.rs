//! Read models that say something else than the log: what a node reports of them, until they are built anew.

use crate::hand::Hand;
use crate::harness::Api;
use crate::operations::{open_views, value};
use scanledger_domain::branch::branch_id;
use scanledger_domain::scan::ScanCommand;
use std::process::Command;
use std::sync::Arc;

/// What readiness and the metrics say of broken branches; the node is ready in any case.
async fn told(api: &Api) -> [u64; 2] {
    let nobody = api.with_key(None);
    let ready = nobody.get("/health/ready").await.expect(200);
    assert_eq!((&ready["status"], &ready["ready"]), (&"ready".into(), &true.into()));
    let metrics = nobody.get("/metrics").await.text();
    [ready["broken_branches"].as_u64().unwrap(), value(&metrics, "scanledger_projector_broken_branches")]
}

/// What `verify` says beside the server, and its code.
async fn verified(api: &Api) -> (Option<i32>, String) {
    let folder = api.server.engine.folder.root().to_owned();
    let run = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanledger"));
        command.arg("verify").env_clear().env("SCANLEDGER_DATA", folder).output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn a_branch_that_is_not_what_the_log_says_is_reported_until_the_read_models_are_built_anew() {
    let api = Api::without_workers().await;
    let first = Hand::queued(&api).await;
    first.completes((1, 1), 0..3).await;
    let second = Hand::queued(&api).await;
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        second.tell(command).await;
    }
    // As on another node, of whose read models no row is damaged.
    let decided = second.decided(1, 0..1).await;
    let damaged = open_views(&api).execute("UPDATE presence SET digest = zeroblob(16)", []);
    assert_eq!(damaged.unwrap(), 3);
    assert_eq!(told(&api).await, [0, 0], "nobody can know");

    second.record(decided).await;

    assert_eq!(told(&api).await, [1, 1]);
    let (code, said) = verified(&api).await;
    let (project, id) = (second.project, branch_id(second.project, "main"));
    let expected = format!(
        "differs: branch main of project {project} ({id}) is not what the end of its last scan says\n"
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(code, Some(1));

    api.server.engine.projector.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(told(&api).await, [0, 0]);
    let (code, said) = verified(&api).await;
    assert!(said.ends_with("everything agrees\n"), "{said}");
    assert_eq!(code, Some(0));
}
