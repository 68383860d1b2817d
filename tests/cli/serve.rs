//! `serve`.

use crate::shell::Place;
use std::io::{Read, Write};
use std::net::TcpStream;

/// The status line of a `GET`.
fn status(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").expect("the server speaks HTTP");
    let mut stream = TcpStream::connect(address).expect("the server listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_server_says_where_it_listens_and_ends_well_on_a_signal() {
    for signal in ["TERM", "INT"] {
        let place = Place::set_up();
        let server = place.serve();
        assert_eq!(status(&server.url, "/health"), "HTTP/1.1 200 OK");
        assert_eq!(server.end(signal).code(), Some(0), "{signal}");
        assert!(!place.data().join("control.sock").exists());
    }
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let place = Place::set_up();
    let _server = place.serve();
    let second = place.run(&["serve", "--listen", "127.0.0.1:0"]).fails(4);
    assert!(second.contains("another process has the data folder"), "{second}");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let (one, other) = (Place::set_up(), Place::set_up());
    let server = one.serve();
    let address = server.url.strip_prefix("http://").unwrap();
    assert!(other.run(&["serve", "--listen", address]).fails(4).contains(&format!("listening on {address}")));
}

#[test]
fn what_a_sqlite_log_cannot_do_is_refused() {
    let place = Place::new();
    assert!(place.run(&["serve", "--role", "worker"]).fails(4).contains("--role all"));
    assert!(place.run(&["serve", "--log", "mysql://db/x"]).fails(2).contains("no adapter for `mysql`"));
    assert!(!place.data().exists());
}

#[test]
fn a_server_survives_being_killed() {
    let place = Place::set_up();
    let server = place.serve();
    place.run(&["key", "create", "--name", "before"]).done();
    drop(server);
    let server = place.serve();
    place.run(&["key", "create", "--name", "after"]).done();
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(place.run(&["export", "events", "--type", "apikey.created"]).done().lines().count(), 3);
    place.run(&["verify"]).done();
}

#[test]
fn a_folder_far_down_has_a_control_socket_too() {
    let place = Place::new();
    let deep = place.beside(&"d".repeat(60)).join("e".repeat(60));
    let data = deep.to_str().unwrap();
    let set_up = ["setup", "--data", data, "--organization", "Acme", "--email", "ana@acme.example"];
    place.run(&set_up).done();
    let mut command = place.command(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    let mut server =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let began = std::time::Instant::now();
    while !deep.join("control.sock").exists() && began.elapsed().as_secs() < 30 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let ran = place.run(&["key", "create", "--data", data, "--name", "ci"]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(ran.done().starts_with("ppr_"));
}

#[test]
fn halves_of_a_sign_in_provider_or_of_mail_are_refused_at_the_start() {
    let place = Place::new();
    for (options, missing) in [
        (&["--github-client-id", "app"][..], "--github-client-secret"),
        (&["--oidc-issuer", "https://id.example.org"], "--oidc-client-id"),
        (&["--mail-from", "a@b.example"], "--mail-url"),
    ] {
        let refused = place.run(&[&["serve"], options].concat()).fails(2);
        assert!(refused.contains(missing), "{refused}");
    }
    let google = ["serve", "--google-client-id", "app", "--google-client-secret-file", "nowhere"];
    assert!(place.run(&google).fails(4).contains("while reading the secret in nowhere"));
    assert!(!place.data().exists());
}

#[test]
fn what_mail_and_providers_do_not_take_is_refused_before_anything_is_made_and_shows_no_secret() {
    let place = Place::new();
    let secret = ["--oidc-client-id", "app", "--oidc-client-secret", "s3cret"];
    for (options, why) in [
        (&["--mail-url", "smtp://ana:s3cret@mail.example.org", "--mail-from", "a@b.example"][..], "no TLS"),
        (
            &["--mail-url", "smtps://ana:s3cret@mail.example.org", "--mail-from", "nobody"],
            "the sender of mail",
        ),
        (&[&["--oidc-issuer", "http://id.example.org"], &secret[..]].concat(), "not a URL with https"),
    ] {
        let refused = place.run(&[&["serve"], options].concat()).fails(4);
        assert!(refused.contains(why) && !refused.contains("s3cret"), "{refused}");
    }
    assert!(!place.data().exists());
}

#[test]
fn help_shows_no_secret_of_the_environment() {
    let place = Place::new();
    let mut command = place.command(&["serve", "--help"]);
    for name in ["GITHUB_CLIENT_SECRET", "GOOGLE_CLIENT_SECRET", "OIDC_CLIENT_SECRET", "MAIL_URL"] {
        command.env(format!("SCANLEDGER_{name}"), "smtps://ana:s3cret@host");
    }
    let help = String::from_utf8(command.output().unwrap().stdout).unwrap();
    for heading in ["People:", "Addresses:", "Mail:", "Sign-in with GitHub:", "Sign-in with OpenID Connect:"]
    {
        assert!(help.contains(heading), "{heading}");
    }
    assert!(!help.contains("s3cret"));
}

#[test]
fn registration_can_be_closed() {
    for (registration, expected) in [("open", 201), ("closed", 404)] {
        let place = Place::set_up();
        let server = place.serve_with(&["--registration", registration]);
        let url = format!("{}/auth/register", server.url);
        let person = serde_json::json!({ "email": "bob@acme.example", "password": "correct horse battery" });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = reqwest::Client::new().post(url).json(&person).send();
        assert_eq!(runtime.block_on(asked).unwrap().status().as_u16(), expected, "{registration}");
    }
}
