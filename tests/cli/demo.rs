//! `demo`.

use crate::shell::Place;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn the_demo_shows_everything_from_upload_to_audit_trail() {
    let ran = Place::new().run(&["demo", "--exit"]);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let out = ran.done();
    let sections = [
        "SET UP",
        "ADVISORIES  42 records",
        "UPLOAD",
        "COMPLETED in ",
        "40 findings (SCA 34, SECRETS_PATTERN 6)",
        "CRITICAL",
        "GHSA-35jh-r3h4-6jhm",
        "TRIAGE      FALSE_POSITIVE",
        "TRIAGE      ACCEPTED_RISK",
        "UPLOAD",
        "38 findings",
        "npm lodash 4.17.15 → 4.17.21:  2 fixed, 0 new, 38 unchanged",
        "fixed  HIGH",
        "GATE        FAILED  ",
        " of ",
        "AS OF",
        "CRITICAL",
        "GHSA-35jh-r3h4-6jhm",
        "    … and 28 more: ",
        "then  40 OPEN\n",
        // The key of the runbook stands in a source file as well: one secret, one decision.
        "now   37 OPEN, 2 FALSE_POSITIVE, 1 ACCEPTED_RISK\n",
        "OPEN → FALSE_POSITIVE",
        "AUDIT",
        "organization.created",
        "scan.completed",
        "finding.status_changed",
        "DONE",
    ];
    let mut rest = out.as_str();
    for section in sections {
        let at = rest.find(section).unwrap_or_else(|| panic!("no {section:?} where it belongs in:\n{out}"));
        rest = &rest[at + section.len()..];
    }
    assert!(!out.contains('\u{1b}'), "a pipe has no colours");
    assert!(out.lines().all(|line| line.chars().count() <= 140), "{out}");
}

#[test]
fn a_demo_can_leave_its_data_and_takes_no_folder_that_has_some() {
    let place = Place::new();
    let kept = place.beside("kept");
    let arguments = ["demo", "--exit", "--data", kept.to_str().unwrap()];
    assert!(place.run(&arguments).done().contains("scanledger serve --data"));
    let mut verify = place.command(&["verify"]);
    assert_eq!(verify.env("SCANLEDGER_DATA", &kept).output().unwrap().status.code(), Some(0));
    assert!(place.run(&arguments).fails(4).contains("there is data in"));
}

#[test]
fn a_demo_stays_up_until_it_is_told_to_end_and_cleans_up() {
    let mut demo = Place::new().command(&["demo"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut shown = vec![];
    for line in lines {
        shown.push(line);
        if shown.last().is_some_and(|line| line.contains("Ctrl-C ends it")) {
            Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
        }
    }
    assert_eq!(demo.wait().unwrap().code(), Some(0));
    let data = shown[0].split_whitespace().find(|word| word.ends_with("/data")).unwrap();
    assert!(!std::path::Path::new(data).exists());
    for shown_last in ["REST docs", "GraphiQL", "API key"] {
        assert!(shown.iter().any(|line| line.starts_with(shown_last)), "{shown_last}");
    }
}
