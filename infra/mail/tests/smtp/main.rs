//! Messages through real mail servers, which `tests/services/smtp.sh` starts and `bash tests/run.sh` runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod inbox;
mod login;
mod sending;
mod trouble;

use scanledger_commands::ports::{Mail, Mailer as _};
use scanledger_mail::{SendError, SmtpMailer};

const FROM: &str = "Scanledger <no-reply@example.com>";

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} names no mail server: run the tests through `bash tests/run.sh`"))
}

/// A mailer to the server in clear.
fn mailer() -> SmtpMailer {
    SmtpMailer::new(&variable("SCANLEDGER_TEST_SMTP"), FROM).unwrap()
}

/// An address of this test alone.
fn address(name: &str) -> String {
    format!("{name}-{}@example.com", std::process::id())
}

fn mail(to: &str) -> Mail {
    Mail { to: to.to_owned(), subject: "Hello".to_owned(), text: "How are you?".to_owned() }
}

/// What became of a message, and every word of the error.
async fn refusal(mailer: &SmtpMailer, mail: Mail) -> (SendError, String) {
    let cause = mailer.send(mail).await.unwrap_err();
    let mut words = format!("{cause} {cause:?}");
    let mut source = cause.source();
    while let Some(error) = source {
        words.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    (*cause.downcast().unwrap(), words)
}
