//! Bundles: made here, verified by this program and by another one.

use crate::log::SignedLog;
use crate::shell::Place;
use std::path::Path;
use std::process::Command;

fn bundle(log: &SignedLog, name: &str, arguments: &[&str]) -> String {
    let path = log.place.beside(name).display().to_string();
    let line: Vec<&str> =
        ["audit", "bundle", "--out", &path].into_iter().chain(arguments.iter().copied()).collect();
    log.place.run(&line).done();
    path
}

fn key(log: &SignedLog) -> String {
    log.place.run(&["audit", "key"]).done().trim().to_owned()
}

/// What the verifier in Python says: its exit code and what it prints.
fn python(file: &str, key: &str) -> (Option<i32>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proofs/verify.py");
    let ran = Command::new("python3").arg(script).args([file, key]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout) + &text(ran.stderr))
}

/// Changes the text of a bundle into another file.
fn changed(log: &SignedLog, file: &str, change: impl FnOnce(String) -> String) -> String {
    let before = std::fs::read_to_string(file).unwrap();
    let after = change(before.clone());
    assert_ne!(before, after);
    let path = log.place.beside("changed.ndjson");
    std::fs::write(&path, after).unwrap();
    path.display().to_string()
}

#[test]
fn a_bundle_is_verified_by_two_programs_that_share_no_code() {
    let log = SignedLog::new();
    let key = key(&log);
    let file = bundle(&log, "all.ndjson", &[]);
    let events = log.second;
    let verdict = log.place.run(&["audit", "verify", &file, "--key", &key]).done();
    assert!(
        verdict.starts_with(&format!("valid: {events} events, from position 1 to {events}\n")),
        "{verdict}"
    );
    let other = format!("valid: {events} events under the checkpoint of {events} events\n");
    assert_eq!(python(&file, &key), (Some(0), other));

    let part = bundle(&log, "part.ndjson", &["--from", "3", "--to", "5"]);
    let verdict = log.place.run(&["audit", "verify", &part, "--key", &key, "--json"]).json();
    assert_eq!(
        (&verdict["valid"], &verdict["events"], &verdict["first"]),
        (&true.into(), &3.into(), &3.into())
    );
    assert_eq!(python(&part, &key).0, Some(0));
}

#[test]
fn a_bundle_that_was_changed_is_refused_by_both() {
    let log = SignedLog::new();
    let key = key(&log);
    let file = bundle(&log, "all.ndjson", &[]);
    let other_key = self::key(&SignedLog::new());
    let refused = |file: &str, key: &str, why: &str| {
        let complaint = log.place.run(&["audit", "verify", file, "--key", key]).fails(1);
        assert!(complaint.contains(why), "{complaint}");
        let (code, text) = python(file, key);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.starts_with("not valid: "), "{text}");
    };
    refused(&changed(&log, &file, |text| text.replacen("Acme", "Acne", 1)), &key, "is not what was signed");
    let without_third = |text: String| {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        [&lines[..3], &lines[4..]].concat().concat()
    };
    refused(&changed(&log, &file, without_third), &key, "something is missing or out of order");
    let without_last = |text: String| {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines[..lines.len() - 1].concat()
    };
    refused(&changed(&log, &file, without_last), &key, "events where its first line says");
    let larger = format!("\\n{}\\n", log.second + 1);
    let enlarged = |text: String| text.replacen(&format!("\\n{}\\n", log.second), &larger, 1);
    refused(&changed(&log, &file, enlarged), &key, "the signature of the note is not valid");
    refused(&file, &other_key, "is not valid");
}

#[test]
fn a_bundle_of_a_project_has_its_events_only() {
    let place = Place::new();
    let data = place.data().display().to_string();
    place.run(&["demo", "--data", &data, "--exit"]).done();
    place.run(&["audit", "checkpoint", "--now"]).done();
    let created = place.run(&["export", "events", "--type", "project.created"]).done();
    let created: serde_json::Value = serde_json::from_str(created.lines().next().unwrap()).unwrap();
    let project = created["data"]["project"].as_str().unwrap();
    let file = place.beside("project.ndjson").display().to_string();
    place.run(&["audit", "bundle", "--project", project, "--out", &file]).done();
    let key = place.run(&["audit", "key"]).done();
    let verdict = place.run(&["audit", "verify", &file, "--key", key.trim(), "--json"]).json();
    let (events, size) = (verdict["events"].as_u64().unwrap(), verdict["size"].as_u64().unwrap());
    assert!(events > 10 && events < size, "{verdict}");
    assert_eq!((&verdict["complete"], &verdict["project"]), (&false.into(), &project.into()));
    assert_eq!(python(&file, &key).0, Some(0));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("project.created") && !text.contains("user.registered"));
}

#[test]
fn what_cannot_be_proven_is_not_bundled() {
    let log = SignedLog::new();
    let out = log.place.beside("out.ndjson").display().to_string();
    let beyond = log.events().to_string();
    let refused = log.place.run(&["audit", "bundle", "--to", &beyond, "--out", &out]).fails(4);
    assert!(
        refused.contains(&format!("the newest checkpoint ends with position {}", log.second)),
        "{refused}"
    );
    log.tamper(crate::log::Tampering::ChangeAByte);
    let refused = log.place.run(&["audit", "bundle", "--out", &out]).fails(4);
    assert!(refused.contains("is not what was signed"), "{refused}");
    assert!(!Path::new(&out).exists());
    std::fs::write(&out, "mine").unwrap();
    log.place.run(&["audit", "bundle", "--out", &out]).fails(4);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
}

#[test]
fn a_key_that_is_none_is_refused() {
    let log = SignedLog::new();
    let file = bundle(&log, "all.ndjson", &[]);
    let complaint = log.place.run(&["audit", "verify", &file, "--key", "ssh-ed25519 AAAA"]).fails(4);
    assert!(complaint.contains("not a verifier key"), "{complaint}");
}
