//! Every change at or before a checkpoint is found: by `verify`, by a checkpoint that was kept elsewhere, and by
//! whoever would sign next.

use crate::log::{SignedLog, Tampering, size};
use crate::shell::ask;
use scanledger_domain::proof::{SignedCheckpoint, verify_consistency};
use scanledger_projections::tree::Tree;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a test of each rule and of each way to change a log, on either store.
macro_rules! on_both {
    (rules: $($rule:ident),+; ways: $($way:ident => $how:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $rule() { super::$rule(&crate::log::SignedLog::new()); })+
            $(#[test] fn $way() { super::is_found(&crate::log::SignedLog::new(), crate::log::Tampering::$how); })+
        }
        mod on_postgres {
            $(#[test] fn $rule() { super::$rule(&crate::log::SignedLog::on_postgres()); })+
            $(#[test] fn $way() {
                super::is_found(&crate::log::SignedLog::on_postgres(), crate::log::Tampering::$how);
            })+
        }
    };
}

on_both! {
    rules:
        a_log_that_was_left_alone_is_what_was_signed,
        a_server_signs_when_it_ends,
        a_log_that_ends_before_a_checkpoint_is_found,
        a_change_behind_the_last_checkpoint_is_reported_while_the_tree_knows_better;
    ways:
        one_byte_that_was_changed_is_found => ChangeAByte,
        an_event_that_was_deleted_is_found => DeleteOne,
        two_events_that_were_swapped_are_found => SwapTwo,
        a_tail_that_was_rewritten_is_found => RewriteTheTail,
}

/// By everybody who looks, however much of what is kept beside the log is lost.
fn is_found(log: &SignedLog, how: Tampering) {
    log.tamper(how);
    verify_names_every_checkpoint(log);
    nobody_signs(log);
    no_server_signs(log);
    a_checkpoint_kept_elsewhere_finds_what_everything_here_was_made_to_agree_with(log);
}

fn verify_names_every_checkpoint(log: &SignedLog) {
    let ran = log.place.run(&["verify"]);
    for size in [log.first, log.second] {
        let expected = format!("the first {size} events of the log are not those of the checkpoint");
        assert!(ran.out.contains(&expected), "{}{}", ran.out, ran.err);
    }
    ran.fails(1);
}

fn nobody_signs(log: &SignedLog) {
    for _ in 0..2 {
        is_refused(log);
    }
    // A new tree does not help.
    log.forget_the_tree();
    is_refused(log);
}

/// Asks for a checkpoint; whoever has the data folder open at the moment refuses it, and the last one stays.
fn is_refused(log: &SignedLog) {
    let refused = log.place.run(&["audit", "checkpoint", "--now"]).fails(1);
    assert!(refused.contains("no checkpoint is signed over it"), "{refused}");
    let printed = log.place.run(&["audit", "checkpoint"]).done();
    assert_eq!(size(&printed), log.second);
}

fn no_server_signs(log: &SignedLog) {
    let server = log.place.serve();
    reached(&server.url, "audit_refused");
    let (_, health) = ask(&format!("{}/health/ready", server.url), &[], None);
    assert!(health.contains("no checkpoint is signed, because the log was changed"), "{health}");
    is_refused(log);
    // There is an event that no checkpoint covers, and which the end of a process would sign.
    assert!(log.second < log.events());
    assert_eq!(server.end("TERM").code(), Some(0));
    let printed = log.place.run(&["audit", "checkpoint"]).done();
    assert_eq!(size(&printed), log.second);
}

fn a_checkpoint_kept_elsewhere_finds_what_everything_here_was_made_to_agree_with(log: &SignedLog) {
    log.forget();
    // Whoever has the server's key can have the new past signed.
    log.place.run(&["audit", "checkpoint", "--now"]).done();
    let alone = log.place.run(&["verify"]).out;
    assert!(!alone.contains("those of the checkpoint"), "{alone}");
    let ran = log.place.run(&["verify", "--checkpoint", log.kept()]);
    let expected = format!("the first {} events of the log are not those of the checkpoint", log.first);
    assert!(ran.out.contains(&expected), "{}{}", ran.out, ran.err);
    ran.fails(1);

    let old = std::fs::read_to_string(&log.kept).unwrap();
    let old = SignedCheckpoint::parse(&old).unwrap().checkpoint;
    let new = log.place.run(&["audit", "checkpoint"]).done();
    let new = SignedCheckpoint::parse(&new).unwrap().checkpoint;
    let tree = Tree::open_read_only(&log.place.data().join("tree.db")).unwrap().unwrap();
    let proof = tree.consistency(old.size, new.size).unwrap();
    assert!(verify_consistency(old.size, old.root, new.size, new.root, &proof).is_err());
}

fn a_log_that_was_left_alone_is_what_was_signed(log: &SignedLog) {
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

    let old = std::fs::read_to_string(&log.kept).unwrap();
    let [old, new] = [&old, &newest].map(|note| SignedCheckpoint::parse(note).unwrap().checkpoint);
    let tree = Tree::open_read_only(&log.place.data().join("tree.db")).unwrap().unwrap();
    let proof = tree.consistency(old.size, new.size).unwrap();
    assert_eq!(verify_consistency(old.size, old.root, new.size, new.root, &proof), Ok(()));
}

fn a_server_signs_when_it_ends(log: &SignedLog) {
    let server = log.place.serve();
    reached(&server.url, "audit_examinations_total");
    assert_eq!(server.end("TERM").code(), Some(0));
    let signed = log.place.run(&["audit", "checkpoint"]).done();
    assert_eq!(size(&signed), log.events());
}

fn a_log_that_ends_before_a_checkpoint_is_found(log: &SignedLog) {
    assert!(log.change(&format!("DELETE FROM events WHERE position >= {}", log.second)) > 0);
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

fn a_change_behind_the_last_checkpoint_is_reported_while_the_tree_knows_better(log: &SignedLog) {
    // The tree is brought up to the last event.
    log.place.run(&["audit", "checkpoint", "--now"]).done();
    let latest = log.bytes_of(&format!("'{}'", log.second));
    let forget = format!("UPDATE checkpoint SET value = {latest} WHERE name = 'checkpoint/latest'");
    assert_eq!(log.change(&forget), 1);
    let change = format!("UPDATE events SET recorded_at = recorded_at + 1 WHERE position > {}", log.second);
    assert!(log.change(&change) > 0);
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
fn reached(url: &str, figure: &str) {
    let began = Instant::now();
    loop {
        let (_, metrics) = ask(&format!("{url}/metrics"), &[], None);
        let line = metrics.lines().find(|line| line.starts_with(&format!("scanledger_{figure} ")));
        if line.and_then(|line| line.split(' ').next_back()).is_some_and(|value| value != "0") {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{figure} stays 0");
        std::thread::sleep(Duration::from_millis(20));
    }
}
