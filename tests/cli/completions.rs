//! `completions`, `version` and help.

use crate::shell::Place;

#[test]
fn completions_are_scripts_that_know_the_commands() {
    let place = Place::new();
    let script = place.run(&["completions", "bash"]).done();
    assert!(
        script.contains("_scanledger()") && script.contains("advisories") && script.contains("--fail-on")
    );
    let checked = std::process::Command::new("bash").args(["-n", "-c", &script]).status();
    assert!(checked.unwrap().success());
    for shell in ["zsh", "fish"] {
        assert!(place.run(&["completions", shell]).done().contains("scanledger"));
    }
}

#[test]
fn the_version_is_told_to_people_and_to_machines() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.run(&["version"]).done(), format!("scanledger {version}\n"));
    assert_eq!(place.run(&["--version"]).done(), format!("scanledger {version}\n"));
    assert_eq!(place.run(&["version", "--json"]).json()["version"], version);
}

#[test]
fn help_lists_the_exit_codes_and_the_commands_their_examples() {
    let place = Place::new();
    let help = place.run(&["--help"]).done();
    assert!(help.contains("Exit codes:") && help.contains("First steps:"), "{help}");
    for command in ["serve", "demo", "setup", "scan"] {
        let help = place.run(&[command, "--help"]).done();
        assert!(help.contains("Example") && help.contains("[env: SCANLEDGER_"), "{help}");
    }
}

#[test]
fn a_log_filter_that_is_none_is_a_mistake_of_the_command_line() {
    assert!(Place::new().run(&["--log-level", "a=b=c", "version"]).fails(2).contains("--log-level"));
}
