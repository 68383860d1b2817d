//! Servers that refuse, are not there, or fall silent.

use crate::inbox::messages_to;
use crate::{FROM, address, mail, mailer, refusal};
use scanledger_commands::ports::Mailer as _;
use scanledger_mail::{SendError, SmtpMailer};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_refused_recipient_is_an_error_that_does_not_name_it() {
    let (to, mailer) = (address("refused"), mailer());
    let (error, words) = refusal(&mailer, mail(&to)).await;
    assert!(matches!(error, SendError::Refused { code: 550 }), "{words}");
    assert!(!words.contains("refused-") && !words.contains("example.com"), "{words}");

    let next = address("after-refusal");
    mailer.send(mail(&next)).await.unwrap();
    assert_eq!(messages_to(&next).len(), 1);
}

#[tokio::test]
async fn what_is_no_address_is_not_sent() {
    for to in ["", "ana", "ana@example.com\r\nRCPT TO:<eve@example.com>", "a@example.com, b@example.com"] {
        let (error, words) = refusal(&mailer(), mail(to)).await;
        assert!(matches!(error, SendError::Address), "{words}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let (error, words) = refusal(&SmtpMailer::new(&url, FROM).unwrap(), mail("ana@example.com")).await;
    assert!(matches!(error, SendError::Unreachable(_)), "{words}");
    assert!(!words.contains("ana@"), "{words}");
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_out_of_reach_and_not_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 for ana@example.com\r\n\r\n").await.unwrap();
    });
    let (error, words) = refusal(&SmtpMailer::new(&url, FROM).unwrap(), mail("ana@example.com")).await;
    assert!(matches!(error, SendError::Unreachable(_)), "{words}");
    assert!(!words.contains("ana@"), "{words}");
}

/// Speaks SMTP, and takes `delay` to say that it took a message.
async fn serve(stream: TcpStream, delay: Duration) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut is_text) = (String::new(), false);
    stream.write_all(b"220 ready\r\n").await?;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.trim_end() {
            "." if is_text => {
                tokio::time::sleep(delay).await;
                is_text = false;
                b"250 taken\r\n"
            }
            _ if is_text => continue,
            "DATA" => {
                is_text = true;
                b"354 go on\r\n"
            }
            "NOOP" => b"250 here\r\n",
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await?;
    }
}

/// A late answer to one message must not be taken for the answer to the next.
#[tokio::test]
async fn a_connection_on_which_an_answer_is_owed_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move {
        let (slow, _) = listener.accept().await.unwrap();
        let slow = tokio::spawn(serve(slow, Duration::from_millis(600)));
        let (quick, _) = listener.accept().await.unwrap();
        let quick = tokio::spawn(serve(quick, Duration::ZERO));
        let _ = (slow.await, quick.await);
    });
    let mailer = SmtpMailer::new(&url, FROM).unwrap().with_patience(Duration::from_millis(300));
    let (error, words) = refusal(&mailer, mail("ana@example.com")).await;
    assert!(matches!(error, SendError::TooSlow { patience_ms: 300 }), "{words}");
    // If it came to the first connection, it would hear nothing for another while.
    mailer.send(mail("ana@example.com")).await.unwrap();
    drop(mailer);
    accepted.await.unwrap();
}

/// The caller may go away; the connection stays in order.
#[tokio::test]
async fn a_message_whose_sender_went_away_is_still_handed_over() {
    let (to, mailer) = (address("abandoned"), mailer());
    // One poll starts it.
    let mut sending = mailer.send(mail(&to));
    let poll = std::future::poll_fn(|context| std::task::Poll::Ready(sending.as_mut().poll(context)));
    assert!(poll.await.is_pending());
    drop(sending);
    mailer.send(mail(&to)).await.unwrap();
    let begun = std::time::Instant::now();
    while messages_to(&to).len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the first message was lost");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
