//! `serve`.

use crate::shell::{Place, Server, ask};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long something may take that has to come soon.
const SOON: Duration = Duration::from_secs(30);

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
fn what_is_no_origin_is_refused_before_anything_is_made() {
    let place = Place::new();
    for (origin, says) in [
        ("*", "name each one"),
        ("https://*.example.org", "name each one"),
        ("https://portal.example.org/app", "expected an origin"),
        ("portal.example.org", "expected an origin"),
    ] {
        let refused = place.run(&["serve", "--allow-origin", origin]).fails(2);
        assert!(refused.contains(says) && refused.contains("--allow-origin"), "{refused}");
    }
    assert!(!place.data().exists());
}

#[test]
fn pages_of_origins_that_are_named_may_ask() {
    let place = Place::set_up();
    let server = place.serve_with(&[
        "--allow-origin",
        "https://portal.example.org,http://localhost:5173",
        "--allow-origin",
        "https://other.example.org",
    ]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (origin, status) in [
        ("https://portal.example.org", 204),
        ("http://localhost:5173", 204),
        ("https://other.example.org", 204),
        ("https://evil.example", 403),
    ] {
        let url = format!("{}/api/projects", server.url);
        let asked = reqwest::Client::new().request(reqwest::Method::OPTIONS, url).header("origin", origin);
        let asked = asked.header("access-control-request-method", "GET").send();
        assert_eq!(runtime.block_on(asked).unwrap().status().as_u16(), status, "{origin}");
    }
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

/// Waits until nobody can connect to a server any more.
fn wait_until_it_takes_nobody(address: &str) {
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < SOON, "the server still takes connections");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_write_under_way_is_finished_after_a_signal_and_is_there_afterwards() {
    let place = Place::set_up();
    let key = place.run(&["key", "create", "--name", "ci", "--role", "admin"]).done();
    let server = place.serve();
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let writes: Vec<(TcpStream, String)> = (0..3)
        .map(|number| {
            let body = format!(r#"{{"name":"project {number}"}}"#);
            let mut stream = TcpStream::connect(&address).unwrap();
            let head = format!(
                "POST /api/projects HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                key.trim(),
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body.as_bytes()[..5]).unwrap();
            (stream, body)
        })
        .collect();
    // Else the signal may come before the server has seen the requests.
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    wait_until_it_takes_nobody(&address);
    for (stream, body) in &writes {
        let mut stream = stream;
        stream.write_all(&body.as_bytes()[5..]).unwrap();
    }
    for (mut stream, _) in writes {
        let mut answer = String::new();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert!(answer.contains("\r\nscanledger-position: "), "{answer}");
    }
    assert_eq!(server.ended().code(), Some(0));
    assert_eq!(place.run(&["export", "events", "--type", "project.created"]).done().lines().count(), 3);
    place.run(&["verify"]).done();
}

/// The value of a metric with these labels, in any order.
fn metric(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    let is_it = |line: &&str| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']));
        rest.is_some_and(|rest| labels.iter().all(|label| rest.contains(label)))
    };
    let line = metrics.lines().find(is_it).unwrap_or_else(|| panic!("no {name}{labels:?} in\n{metrics}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a count is a number")
}

#[test]
fn requests_are_counted_by_route_and_everything_has_our_name() {
    let place = Place::set_up();
    let server = place.serve();
    let get = |path: &str| ask(&format!("{}{path}", server.url), &[], None);
    for _ in 0..3 {
        assert_eq!(get("/health").0, 200);
    }
    for id in [1, 2] {
        assert_eq!(get(&format!("/api/projects/00000000-0000-4000-8000-{id:012}?q=s3cret")).0, 401);
    }
    assert_eq!(get("/wp-login.php").0, 404);
    assert_eq!(ask(&format!("{}/failure", server.url), &[], Some("{}")).0, 200);
    let (status, metrics) = get("/metrics");
    assert_eq!(status, 200);
    let (total, seconds) = ("scanledger_http_requests_total", "scanledger_http_request_seconds");
    for (method, route, status, count) in [
        ("GET", "/health", "200", 3),
        ("GET", "/api/projects/{id}", "401", 2),
        ("GET", "unmatched", "404", 1),
        ("POST", "/failure", "200", 1),
    ] {
        let labels = [("method", method), ("route", route), ("status", status)];
        let labels = labels.map(|(name, value)| format!("{name}=\"{value}\""));
        let labels = labels.each_ref().map(String::as_str);
        assert_eq!(metric(&metrics, total, &labels), count, "{labels:?}");
        assert_eq!(metric(&metrics, &format!("{seconds}_count"), &labels), count, "{labels:?}");
        let all = [&labels[..], &["le=\"+Inf\""]].concat();
        assert_eq!(metric(&metrics, &format!("{seconds}_bucket"), &all), count, "{labels:?}");
    }
    assert_eq!(metric(&metrics, "scanledger_semgrep_failures_total", &[]), 1);
    let samples = metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let foreign: Vec<_> = samples.filter(|line| !line.starts_with("scanledger_")).collect();
    assert_eq!(foreign, [""; 0]);
    assert!(!metrics.contains("s3cret") && !metrics.contains("wp-login"), "{metrics}");
}

#[test]
fn log_lines_are_json_objects_with_the_id_of_the_request_if_asked_for() {
    let place = Place::set_up();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let mut server = Server::start(&mut command);
    let url = format!("{}/api/projects?q=s3cret", server.url);
    assert_eq!(ask(&url, &[("x-request-id", "check-42")], None).0, 401);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < SOON, "the request is in no line");
        let line = server.complaint();
        assert!(!line.contains("s3cret"), "{line}");
        let entry: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is no JSON"));
        assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
        if entry["span"]["request.id"] != "check-42" || entry["fields"]["http.status"].is_null() {
            continue;
        }
        assert_eq!(entry["level"], "INFO");
        assert_eq!(entry["fields"]["http.status"], 401);
        assert_eq!(entry["fields"]["message"], "GET /api/projects 401");
        assert!(entry["fields"]["duration_ms"].is_number(), "{line}");
        assert_eq!(entry["span"]["http.route"], "/api/projects");
        break;
    }
    assert_eq!(server.end("TERM").code(), Some(0));
}
