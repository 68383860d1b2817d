//! Names under which other tools keep the same settings: each does what our own does, and ours win.

use crate::shell::{Place, Server, ask};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scanledger::adapters::SystemClock;
use scanledger_github_stub::{APP_ID, GitHubStub, WEBHOOK_SECRET};
use scanledger_test_ports::Port;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

/// Runs a command in this environment.
fn run(place: &Place, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let ran = place.command(arguments).envs(environment.iter().copied()).output().expect("the command runs");
    (ran.status.code(), String::from_utf8(ran.stderr).expect("what it says is text"))
}

/// What ends `serve` before it starts, behind everything that is wrong with its options.
const REFUSED: [&str; 3] = ["serve", "--role", "worker"];

#[test]
fn a_port_is_one_of_this_machine_alone_and_an_address_of_our_own_counts_more() {
    let place = Place::set_up();
    let ports = [Port::reserve(), Port::reserve()];
    let [port, ours] = ports.each_ref().map(Port::to_string);
    let server = place.serve_in(&[("PORT", &port)]);
    assert_eq!(server.url, format!("http://127.0.0.1:{port}"));
    drop(server);
    let both = [("PORT", port.as_str()), ("SCANLEDGER_LISTEN", ours.as_str())];
    assert_eq!(place.serve_in(&both).url, format!("http://127.0.0.1:{ours}"));
    let (code, refused) = run(&place, &["serve"], &[("PORT", "http")]);
    assert!(code == Some(2) && refused.contains("--listen"), "{refused}");
}

#[test]
fn a_database_is_the_log_unless_we_say_another_and_none_for_local_scans() {
    let place = Place::new();
    let nobody = Port::reserve();
    let database = format!("postgres://ana:s3cret@127.0.0.1:{nobody}/scans");
    let theirs = [("DATABASE_URL", database.as_str())];
    let (code, refused) = run(&place, &["serve", "--wait", "0"], &theirs);
    assert!(code == Some(4) && refused.contains("connecting to postgres://127.0.0.1:"), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");
    let setup = ["setup", "--organization", "Acme", "--email", "ana@acme.example"];
    assert_eq!(run(&place, &setup, &theirs).0, Some(4));
    assert!(!place.data().join("log.db").exists());
    std::fs::create_dir(place.beside("shop")).unwrap();
    let (code, warned) = run(&place, &["scan", "shop"], &theirs);
    assert!(code == Some(3) && warned.contains("there are no advisories in"), "{warned}");
    let ours = [("DATABASE_URL", database.as_str()), ("SCANLEDGER_LOG", "sqlite")];
    assert_eq!(run(&place, &setup, &ours).0, Some(0));
    // In the shell of an app that has a database, what was set up in a folder stays there.
    assert_eq!(run(&place, &["verify"], &theirs).0, Some(0));
    let (code, refused) = run(&place, &["serve", "--role", "worker"], &theirs);
    assert!(code == Some(4) && refused.contains("--role all"), "{refused}");
    let (code, refused) = run(&place, &["verify", "--data", "elsewhere"], &theirs);
    assert!(code == Some(4) && refused.contains("the event log postgres://127.0.0.1:"), "{refused}");
    // What can be no log is meant for somebody else.
    for other in ["mysql://ana:s3cret@db/shop", "sqlite:///shop.db", ""] {
        assert_eq!(run(&place, &["verify"], &[("DATABASE_URL", other)]).0, Some(0), "{other}");
    }
}

#[test]
fn a_database_that_nobody_named_is_not_filled() {
    let nobody = Port::reserve();
    let database = format!("postgres://ana:s3cret@127.0.0.1:{nobody}/scans");
    let theirs = [("DATABASE_URL", database.as_str())];
    let old = Place::set_up();
    let key = old.data().join("server.key");
    for arguments in
        [&["export", "events"][..], &["backup", "--out", "backup.tar", "--keys-out", "keys.json"]]
    {
        let ran = old.command(arguments).output().expect("the command runs");
        assert!(ran.status.success(), "{arguments:?}");
        if arguments[0] == "export" {
            std::fs::write(old.beside("events.ndjson"), ran.stdout).unwrap();
        }
    }
    for arguments in
        [&["import", "events", "events.ndjson"][..], &["restore", "backup.tar", "--keys", "keys.json"]]
    {
        let new = old.beside(arguments[0]);
        std::fs::create_dir(&new).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::copy(&key, new.join("server.key")).unwrap();
        let (code, said) = run(&old, &[arguments, &["--data", arguments[0]]].concat(), &theirs);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert!(new.join("log.db").exists(), "{arguments:?}");
    }
}

#[test]
fn scans_at_the_same_time_and_log_lines_have_other_names_too() {
    let place = Place::new();
    for (alias, bad, ours, good, option) in [
        ("WORKER_CONCURRENCY", "0", "SCANLEDGER_WORKERS", "1", "--workers"),
        ("RUST_LOG", "scanledger=loud", "SCANLEDGER_LOG_LEVEL", "warn", "--log-level"),
    ] {
        let (code, refused) = run(&place, &REFUSED, &[(alias, bad)]);
        assert!(code == Some(2) && refused.contains(option), "{refused}");
        for environment in [[(alias, bad), (ours, good)], [(alias, ""), ("UNUSED", "")]] {
            let (code, refused) = run(&place, &REFUSED, &environment);
            assert!(code == Some(4) && refused.contains("--role all"), "{environment:?}: {refused}");
        }
    }
    let typed = [&REFUSED[..], &["--workers", "1"]].concat();
    assert_eq!(run(&place, &typed, &[("WORKER_CONCURRENCY", "0")]).0, Some(4));
}

#[test]
fn log_lines_are_those_that_the_other_name_asks_for() {
    let place = Place::set_up();
    let start = |level: &str| {
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        Server::start(command.env("RUST_LOG", level))
    };
    let mut server = start("info");
    ask(&format!("{}/health", server.url), &[], None);
    loop {
        let line = server.complaint();
        assert!(!line.is_empty(), "the request is in no line");
        if line.contains("GET /health 200") {
            break;
        }
    }
    assert_eq!(server.end("TERM").code(), Some(0));
    let server = start("error");
    ask(&format!("{}/health", server.url), &[], None);
    assert_eq!(server.last_words("TERM"), "");
}

#[test]
fn an_app_of_the_code_host_is_the_same_under_the_names_of_others() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let github = runtime.block_on(GitHubStub::start(Arc::new(SystemClock)));
    let (app, key) = (APP_ID.to_string(), BASE64_STANDARD.encode(github.private_key()));
    let place = Place::set_up();
    let all = [
        ("GITHUB_APP_ID", app.as_str()),
        ("GITHUB_PRIVATE_KEY", key.as_str()),
        ("GITHUB_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ];
    let server = place.serve_in(&all);
    let body = r#"{"zen":"Keep it logically awesome."}"#;
    let deliver = |signature: &str| {
        let delivery = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
        let headers =
            [("x-github-event", "ping"), ("x-github-delivery", delivery), ("x-hub-signature-256", signature)];
        ask(&format!("{}/webhook", server.url), &headers, Some(body))
    };
    let (status, answer) = deliver(&GitHubStub::sign(body.as_bytes()));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(deliver(&GitHubStub::sign(b"{}")).0, 401);
    drop(server);

    let (code, refused) = run(&place, &REFUSED, &all[..1]);
    assert!(code == Some(2) && refused.contains("--github-private-key"), "{refused}");
    let (code, refused) = run(&place, &REFUSED, &all[2..]);
    assert!(code == Some(2) && refused.contains("--github-app-id"), "{refused}");
    let (code, refused) = run(&place, &REFUSED, &[all[0], all[1], ("SCAN_BASE_URL", "not a URL")]);
    assert!(code == Some(2) && refused.contains("--scan-base-url"), "{refused}");
    let good = [all[0], all[1], ("SCAN_BASE_URL", "https://scan.example.org/scans")];
    let (code, refused) = run(&place, &REFUSED, &good);
    assert!(code == Some(4) && refused.contains("--role all"), "{refused}");
    let ours = [all[0], all[1], ("SCAN_BASE_URL", "not a URL"), ("SCANLEDGER_SCAN_BASE_URL", good[2].1)];
    assert_eq!(run(&place, &REFUSED, &ours).0, Some(4));
}
