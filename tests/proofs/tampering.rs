//! Every change at or before a checkpoint is found: by `verify`, by a checkpoint that was kept elsewhere, and by
//! whoever would sign next.

use crate::log::{SignedLog, Tampering, size};
use scanledger_domain::proof::{SignedCheckpoint, verify_consistency};
use scanledger_projections::tree::Tree;
use std::time::Duration;

#[test]
fn a_log_that_was_left_alone_is_what_was_signed() {
    let log = SignedLog::new();
    assert!(log.first < log.second && log.second < log.events());
    let report = log.place.run(&["verify", "--checkpoint", log.kept()]).done();
    assert!(
        report.contains(&format!("signed  3 checkpoints, the largest of {} events", log.second)),
        "{report}"
    );
    let printed = log.place.run(&["audit", "checkpoint"]).done();
    assert_eq!(size(&printed), log.second);
    let newest = log.place.run(&["audit", "checkpoint", "--now"]).done();
    assert_eq!(size(&newest), log.events());
    assert_eq!(log.place.run(&["audit", "checkpoint", "--now"]).done(), newest, "there is no news");
}

#[test]
fn verify_finds_every_change_of_what_was_signed() {
    for how in Tampering::ALL {
        let log = SignedLog::new();
        log.tamper(how);
        let ran = log.place.run(&["verify"]);
        for size in [log.first, log.second] {
            let expected = format!("the first {size} events of the log are not those of the checkpoint");
            assert!(ran.out.contains(&expected), "{how:?}: {}{}", ran.out, ran.err);
        }
        ran.fails(1);
    }
}

#[test]
fn nobody_signs_over_a_change() {
    for how in Tampering::ALL {
        let log = SignedLog::new();
        log.tamper(how);
        for _ in 0..2 {
            let refused = log.place.run(&["audit", "checkpoint", "--now"]).fails(1);
            assert!(refused.contains("no checkpoint is signed over it"), "{how:?}: {refused}");
        }
        let printed = log.place.run(&["audit", "checkpoint"]).done();
        assert_eq!(size(&printed), log.second, "{how:?}");
        // A new tree does not help.
        std::fs::remove_file(log.place.data().join("tree.db")).unwrap();
        log.place.run(&["audit", "checkpoint", "--now"]).fails(1);
    }
}

#[test]
fn a_checkpoint_kept_elsewhere_finds_what_everything_here_was_made_to_agree_with() {
    for how in Tampering::ALL {
        let log = SignedLog::new();
        log.tamper(how);
        log.forget();
        // Whoever has the server's key can have the new past signed.
        log.place.run(&["audit", "checkpoint", "--now"]).done();
        let ran = log.place.run(&["verify", "--checkpoint", log.kept()]);
        let expected = format!("the first {} events of the log are not those of the checkpoint", log.first);
        assert!(ran.out.contains(&expected), "{how:?}: {}{}", ran.out, ran.err);
        ran.fails(1);

        let old = std::fs::read_to_string(&log.kept).unwrap();
        let old = SignedCheckpoint::parse(&old).unwrap().checkpoint;
        let new = log.place.run(&["audit", "checkpoint"]).done();
        let new = SignedCheckpoint::parse(&new).unwrap().checkpoint;
        let tree = Tree::open_read_only(&log.place.data().join("tree.db")).unwrap().unwrap();
        let proof = tree.consistency(old.size, new.size).unwrap();
        let verdict = verify_consistency(old.size, old.root, new.size, new.root, &proof);
        assert!(verdict.is_err(), "{how:?}");
    }
}

#[test]
fn a_log_that_ends_before_a_checkpoint_is_found() {
    let log = SignedLog::new();
    log.open().execute("DELETE FROM events WHERE position >= ?1", [log.second.cast_signed()]).unwrap();
    let ran = log.place.run(&["verify"]);
    let expected = format!(
        "the log has {} events, and a checkpoint of {} events was signed",
        log.second - 1,
        log.second
    );
    assert!(ran.out.contains(&expected), "{}{}", ran.out, ran.err);
    ran.fails(1);
    assert!(log.place.run(&["audit", "checkpoint", "--now"]).fails(1).contains(&expected));
}

#[test]
fn a_change_behind_the_last_checkpoint_is_reported_while_the_tree_knows_better() {
    let log = SignedLog::new();
    // The tree is brought up to the last event.
    log.place.run(&["audit", "checkpoint", "--now"]).done();
    let state = rusqlite::Connection::open(log.place.data().join("state.db")).unwrap();
    let latest = log.second.to_string().into_bytes();
    state.execute("UPDATE checkpoint SET value = ?1 WHERE name = 'checkpoint/latest'", [latest]).unwrap();
    drop(state);
    log.open()
        .execute(
            "UPDATE events SET recorded_at = recorded_at + 1 WHERE position > ?1",
            [log.second.cast_signed()],
        )
        .unwrap();
    let ran = log.place.run(&["verify"]);
    let expected =
        format!("from position {} on, the log is not what it was when it was hashed", log.second + 1);
    assert!(ran.out.contains(&expected), "{}{}", ran.out, ran.err);
    ran.fails(1);
    // No checkpoint covers it: the tree is built anew, and the next one is signed.
    log.place.run(&["audit", "checkpoint", "--now"]).done();
}

#[test]
fn a_checkpoint_that_is_not_ours_is_found() {
    let (log, other) = (SignedLog::new(), SignedLog::new());
    let ran = log.place.run(&["verify", "--checkpoint", other.kept()]);
    assert!(ran.out.contains("is of another log"), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("is not signed with the key of this server"), "{}{}", ran.out, ran.err);
    ran.fails(1);
    std::fs::write(&log.kept, "a note").unwrap();
    assert!(log.place.run(&["verify", "--checkpoint", log.kept()]).fails(4).contains("no signed checkpoint"));
}

/// Waits until a figure of a server is 1 or more.
async fn reached(url: &str, figure: &str) {
    let until = async {
        loop {
            let metrics = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
            let line = metrics.lines().find(|line| line.starts_with(&format!("scanledger_{figure} ")));
            if line.and_then(|line| line.split(' ').next_back()).is_some_and(|value| value != "0") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), until).await.unwrap();
}

#[tokio::test]
async fn a_server_signs_when_it_ends_and_never_over_a_change() {
    let log = SignedLog::new();
    let server = log.place.serve();
    reached(&server.url, "audit_examinations_total").await;
    assert_eq!(server.end("TERM").code(), Some(0));
    let signed = log.place.run(&["audit", "checkpoint"]).done();
    assert_eq!(size(&signed), log.events());

    log.tamper(Tampering::ChangeAByte);
    let server = log.place.serve();
    reached(&server.url, "audit_refused").await;
    log.place.run(&["key", "create", "--name", "five"]).done();
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(log.place.run(&["audit", "checkpoint"]).done(), signed);
}
