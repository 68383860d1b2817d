//! What is sent is what arrives.

use crate::inbox::{header, messages_to};
use crate::{FROM, address, mail, mailer};
use scanledger_commands::ports::{Mail, Mailer as _};
use serde_json::json;
use std::collections::HashSet;

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let to = address("written");
    let subject =
        "Ihr Zugang zu „Scanledger“ 🔑 and what to do with it, at some length, so that it takes two lines";
    let text = format!(
        "Grüße,\n\n.\n..two dots\n trailing space \n{}\nhttps://scanledger.example/reset?token=a=b&c=%20\n",
        "0123456789".repeat(200)
    );
    let sent = Mail { to: to.clone(), subject: subject.to_owned(), text: text.clone() };
    mailer().send(sent).await.unwrap();

    let messages = messages_to(&to);
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(message["from"], "no-reply@example.com");
    assert_eq!(message["to"], json!([to]));
    assert_eq!(header(message, "From"), [FROM]);
    assert_eq!(header(message, "To"), [to]);
    assert_eq!(header(message, "Subject"), [subject]);
    assert_eq!(header(message, "Content-Type"), ["text/plain; charset=\"utf-8\""]);
    assert_eq!(header(message, "Auto-Submitted"), ["auto-generated"]);
    let received = message["text"].as_str().unwrap();
    assert_eq!(received.trim_end(), text.replace('\n', "\r\n").trim_end());
}

#[tokio::test]
async fn a_subject_with_line_breaks_is_one_line_and_no_header() {
    let to = address("injected");
    let mut hostile = mail(&to);
    hostile.subject = "Hello\r\nBcc: eve@example.com\r\n\r\nBuy this".to_owned();
    mailer().send(hostile).await.unwrap();

    let messages = messages_to(&to);
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(message["to"], json!([to]));
    assert_eq!(header(message, "Subject"), ["Hello Bcc: eve@example.com Buy this"]);
    assert_eq!(header(message, "Bcc"), [""; 0]);
    assert_eq!(message["text"].as_str().unwrap().trim_end(), "How are you?");
}

#[tokio::test]
async fn an_address_beyond_ascii_is_written_to() {
    let to = address("änne");
    mailer().send(mail(&to)).await.unwrap();
    assert_eq!(messages_to(&to).len(), 1);
}

#[tokio::test]
async fn messages_in_a_row_share_a_connection() {
    let (to, mailer) = (address("row"), mailer());
    for _ in 0..10 {
        mailer.send(mail(&to)).await.unwrap();
    }
    let messages = messages_to(&to);
    assert_eq!(messages.len(), 10);
    let connections: HashSet<_> =
        messages.iter().map(|message| message["connection"].as_u64().unwrap()).collect();
    assert_eq!(connections.len(), 1, "{connections:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_at_once_all_arrive() {
    let (to, mailer) = (address("crowd"), mailer());
    let sent = futures::future::join_all((0..50).map(|_| mailer.send(mail(&to)))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let messages = messages_to(&to);
    let ids: HashSet<_> = messages.iter().map(|message| header(message, "Message-ID")[0]).collect();
    assert_eq!((messages.len(), ids.len()), (50, 50));
}
