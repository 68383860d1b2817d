//! Output that cannot be written.

use crate::shell::{Place, Ran};
use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

const SETUP: [&str; 5] = ["setup", "--organization", "Acme", "--email", "ana@acme.example"];

/// Runs a command whose output goes to a disk that is full.
fn run_full(place: &Place, arguments: &[&str]) -> Ran {
    let full = File::options().write(true).open("/dev/full").expect("the system has one");
    let ran = place.command(arguments).stdin(Stdio::null()).stdout(full).output();
    let ran = ran.expect("the command runs");
    let err = String::from_utf8(ran.stderr).expect("the errors are UTF-8");
    Ran { code: ran.status.code(), out: String::new(), err }
}

#[test]
fn a_report_that_is_cut_off_is_a_failure() {
    let place = Place::set_up();
    std::fs::create_dir(place.beside("source")).expect("a folder can be made");
    for arguments in [
        &["scan", "source", "--format", "sarif"][..],
        &["scan", "source", "--format", "table"],
        &["export", "events"],
        &["people", "list"],
        &["verify", "--json"],
        &["completions", "bash"],
        &["version"],
    ] {
        let why = run_full(&place, arguments).fails(4);
        assert!(why.contains("while writing") && why.contains("No space left"), "{arguments:?}: {why}");
    }
}

#[test]
fn a_key_that_could_not_be_shown_is_said_to_be_lost() {
    let place = Place::new();
    let why = run_full(&place, &SETUP).fails(4);
    assert!(why.contains("all is set up") && why.contains("scanledger key create --data"), "{why}");
    let create = ["key", "create", "--name", "another", "--role", "admin"];
    let why = run_full(&place, &create).fails(4);
    assert!(why.contains("was made") && why.contains("make another one"), "{why}");
    assert!(place.run(&create).done().starts_with("ppr_"));
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let place = Place::set_up();
    for arguments in [&["people", "list"][..], &["export", "events"], &["completions", "bash"], &["version"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        drop(reader);
        let ended = place.command(arguments).stdout(writer).status().expect("the command runs");
        assert_eq!(ended.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_server_needs_nobody_who_reads_where_it_listens() {
    let place = Place::set_up();
    let full = File::options().write(true).open("/dev/full").expect("the system has one");
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut server =
        command.stdin(Stdio::null()).stdout(full).stderr(Stdio::null()).spawn().expect("it starts");
    while !place.data().join("control.sock").exists() {
        assert_eq!(server.try_wait().expect("it can be waited for"), None);
        std::thread::sleep(Duration::from_millis(20));
    }
    let create = ["key", "create", "--name", "mine"];
    assert!(place.run(&create).done().starts_with("ppr_"));
    let ended = std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(ended.expect("there is a kill command").success());
    assert_eq!(server.wait().expect("it ends").code(), Some(0));
}
