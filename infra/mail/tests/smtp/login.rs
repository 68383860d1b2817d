//! TLS, user and password.

use crate::inbox::messages_to;
use crate::{FROM, address, mail, refusal, variable};
use scanledger_commands::ports::Mailer as _;
use scanledger_mail::{SendError, SmtpMailer};

const SERVERS: [&str; 2] = ["SCANLEDGER_TEST_SMTP_STARTTLS", "SCANLEDGER_TEST_SMTP_TLS"];

fn authority() -> Vec<u8> {
    std::fs::read(variable("SCANLEDGER_TEST_SMTP_CA")).unwrap()
}

#[tokio::test]
async fn the_right_password_over_tls_is_taken() {
    for server in SERVERS {
        let to = address(&format!("login-{}", server.len()));
        let mailer = SmtpMailer::trusting(&variable(server), FROM, &authority()).unwrap();
        mailer.send(mail(&to)).await.unwrap();
        let messages = messages_to(&to);
        let [message] = &messages[..] else { panic!("{server}: {messages:?}") };
        assert_eq!(message["user"], "ana", "{server}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    for server in SERVERS {
        let url = variable(server).replace("s%40fe", "wr0ng-s3cret");
        let mailer = SmtpMailer::trusting(&url, FROM, &authority()).unwrap();
        let (error, words) = refusal(&mailer, mail(&address("login"))).await;
        assert!(matches!(error, SendError::Refused { code: 535 }), "{server}: {words}");
        assert!(!words.contains("wr0ng") && !words.contains("ana"), "{server}: {words}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_trusts_gets_nothing() {
    for server in SERVERS {
        let to = address(&format!("untrusted-{}", server.len()));
        let mailer = SmtpMailer::new(&variable(server), FROM).unwrap();
        let (error, words) = refusal(&mailer, mail(&to)).await;
        assert!(matches!(error, SendError::Unreachable(_)), "{server}: {words}");
        assert!(words.contains("certificate"), "{server}: {words}");
        assert!(messages_to(&to).is_empty(), "{server}");
    }
}

#[tokio::test]
async fn where_tls_is_required_a_server_without_it_gets_nothing() {
    let to = address("downgraded");
    let url = variable("SCANLEDGER_TEST_SMTP").replace("smtp://", "smtp://ana:s3cret@") + "?tls=required";
    let (error, words) = refusal(&SmtpMailer::new(&url, FROM).unwrap(), mail(&to)).await;
    assert!(matches!(error, SendError::Incapable(_)), "{words}");
    assert!(words.contains("STARTTLS") && !words.contains("s3cret"), "{words}");
    assert!(messages_to(&to).is_empty());
}
