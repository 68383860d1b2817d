//! Forgotten passwords over TRUSCA (reference §3.1), with a real mail server.

use crate::harness::Api;
use crate::trusca_browser::{Browser, PASSWORD, invalid, problem, server, server_with};
use scanledger::server::{MailOptions, Secret};
use serde_json::{Value, json};
use std::time::Duration;

const OTHER: &str = "amber meadow 12";

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} names no mail server: run the tests through `bash tests/run.sh`"))
}

/// A server that sends messages.
pub async fn with_mail() -> Api {
    server_with(|options| options.entrance.mail = Some(mail())).await
}

/// The mail server of the tests.
pub fn mail() -> MailOptions {
    let url = Secret(variable("SCANLEDGER_TEST_SMTP"));
    MailOptions { url, from: "Scanledger <no-reply@example.com>".to_owned() }
}

/// An address of this test alone: all tests share the mail server.
pub fn address(name: &str) -> String {
    format!("{name}-{}@example.com", std::process::id())
}

/// The messages to an address, in order of their arrival.
pub fn messages_to(address: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir(variable("SCANLEDGER_TEST_SMTP_INBOX")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let number: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let message: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        if message["to"][0] == address {
            found.push((number, message["text"].as_str().unwrap().to_owned()));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, text)| text).collect()
}

/// Waits for the first message to an address.
async fn message_to(address: &str) -> String {
    message_about(address, "").await
}

/// Waits for the first message to an address that says this.
pub async fn message_about(address: &str, what: &str) -> String {
    let arrived = async {
        loop {
            if let Some(text) = messages_to(address).into_iter().find(|text| text.contains(what)) {
                return text;
            }
            // Nobody tells when a file appears in the folder of the mail server.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), arrived).await.expect("a message should have come")
}

/// The token in a message's link.
pub fn token_of(message: &str) -> String {
    message.split_once("?token=").unwrap().1.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_lets_its_reader_choose_another_password_once() {
    let api = with_mail().await;
    let email = address("forgotten");
    let mut bea = Browser::registered(&api, &email).await;
    let asked = bea.post("/auth/forgot-password", &json!({ "email": email.to_uppercase() })).await;
    asked.expect(204);
    assert_eq!((asked.header("retry-after"), asked.bytes.len()), ("", 0));
    let message = message_to(&email).await;
    assert!(message.contains(&format!("{}/auth/reset-password?token=", api.server.url())), "{message}");
    let token = token_of(&message);

    let mut nobody = Browser::of(&api);
    let weak =
        nobody.post("/auth/reset-password", &json!({ "token": token, "new_password": "Password1" })).await;
    invalid(&weak, "new_password");
    let body = json!({ "token": token, "new_password": OTHER });
    nobody.post("/auth/reset-password", &body).await.expect(204);
    problem(&nobody.post("/auth/reset-password", &body).await, 422, "Invalid or Expired Token");

    problem(&bea.get("/auth/me").await, 401, "Authentication required");
    problem(&bea.refresh().await, 401, "Invalid Refresh Token");
    problem(&bea.login(&email, PASSWORD).await, 401, "Invalid Credentials");
    bea.login(&email, OTHER).await.expect(200);
    bea.get("/auth/me").await.expect(200);
}

#[tokio::test]
async fn an_address_can_be_asked_about_now_and_then_whether_or_not_anybody_has_it() {
    let api = with_mail().await;
    let (known, unknown) = (address("known"), address("unknown"));
    let mut bea = Browser::registered(&api, &known).await;
    for email in [&known, &unknown] {
        let first = bea.post("/auth/forgot-password", &json!({ "email": email })).await;
        first.expect(204);
        assert_eq!(first.header("retry-after"), "");
        let second = bea.post("/auth/forgot-password", &json!({ "email": email })).await;
        second.expect(204);
        let seconds: u32 = second.header("retry-after").parse().unwrap();
        assert!((200..=300).contains(&seconds), "{seconds}");
    }
    message_to(&known).await;
    assert_eq!((messages_to(&known).len(), messages_to(&unknown).len()), (1, 0));
}

#[tokio::test]
async fn what_is_no_request_for_another_password_is_refused() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    for body in [json!({ "email": "bea" }), json!({ "email": "" }), json!({})] {
        invalid(&bea.post("/auth/forgot-password", &body).await, "email");
    }
    let user = bea.get("/auth/me").await.expect(200)["id"].as_str().unwrap().replace('-', "");
    for token in ["x".repeat(8), format!("{user}.{}", "A".repeat(43)), "é".repeat(200)] {
        let answer =
            bea.post("/auth/reset-password", &json!({ "token": token, "new_password": OTHER })).await;
        problem(&answer, 422, "Invalid or Expired Token");
    }
    for token in ["x".repeat(7), "x".repeat(257)] {
        let answer =
            bea.post("/auth/reset-password", &json!({ "token": token, "new_password": OTHER })).await;
        invalid(&answer, "token");
    }
    bea.refresh().await.expect(200);
}
