//! A message as it goes over the wire (RFC 5322, RFC 2045).

use crate::error::SendError;
use lettre::Address;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use scanledger_commands::ports::Mail;
use scanledger_domain::Cause;

/// Says that no person wrote it, so that no absence note comes back (RFC 3834 §5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Cause> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Writes the message. Nothing in `mail` can become a header or a recipient of its own.
pub(crate) fn compose(from: Mailbox, mail: Mail) -> Result<Message, SendError> {
    let Mail { to, subject, text } = mail;
    // An address may have any character between quotes; no mailbox that people use has these.
    if to.chars().any(char::is_control) {
        return Err(SendError::Address);
    }
    let to: Address = to.parse().map_err(|_| SendError::Address)?;
    Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(one_line(&subject))
        .message_id(None)
        .header(AutoSubmitted)
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(text)
        .map_err(|_| SendError::Address)
}

/// The text with a space for each run of line breaks and other control characters, and for those that Unicode breaks
/// lines at.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(is_break).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{compose, one_line};
    use crate::error::SendError;
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use scanledger_commands::ports::Mail;

    const FROM: &str = "Scanledger <no-reply@example.com>";

    /// The headers of every message, whatever it says.
    const HEADERS: [&str; 9] = [
        "Auto-Submitted",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ];

    fn mail(to: &str, subject: &str) -> Mail {
        Mail { to: to.to_owned(), subject: subject.to_owned(), text: "Hello".to_owned() }
    }

    /// Names of the headers, sorted; `None` if a line in the head ends in another way than with CRLF.
    fn names(message: &[u8]) -> Option<Vec<String>> {
        let text = String::from_utf8_lossy(message);
        let (head, _) = text.split_once("\r\n\r\n")?;
        let lines: Vec<_> = head.split("\r\n").collect();
        if lines.iter().any(|line| line.contains(['\r', '\n', '\0'])) {
            return None;
        }
        let starts = lines.iter().filter(|line| !line.starts_with([' ', '\t']));
        let mut names: Vec<_> = starts
            .map(|line| line.split_once(':').map(|(name, _)| name.to_owned()))
            .collect::<Option<_>>()?;
        names.sort();
        Some(names)
    }

    /// Any text, and more often one that looks like a header.
    fn hostile() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-z]{0,8}[\r\n\t ]{1,3}(Bcc|To|Subject|): ?[a-z@.]{0,12}[\r\n]{0,4}[a-z.]{0,4}",
            "[a-zé ]{0,200}",
        ]
    }

    /// What is nearly an address, and sometimes is one.
    fn nearly_an_address() -> impl Strategy<Value = String> {
        prop_oneof![
            hostile(),
            "[a-z.+]{1,8}@[a-z]{1,8}(\\.[a-z]{2})?[\r\n,;> ]{0,2}[a-z@.]{0,8}",
            "\"[ -~\r\n\t]{0,12}\"@[a-z]{1,6}\\.[a-z]{2}",
            "[a-z\r\n\0]{1,6}@[a-z.\r\n]{1,8}",
            "[é-ü]{1,4}@[a-zé]{1,6}\\.[a-z]{2}",
        ]
    }

    proptest! {
        #[test]
        fn nothing_becomes_a_header_or_a_recipient(to in nearly_an_address(), subject in hostile()) {
            match compose(FROM.parse().unwrap(), mail(&to, &subject)) {
                Ok(message) => {
                    prop_assert_eq!(names(&message.formatted()), Some(HEADERS.map(str::to_owned).to_vec()));
                    let recipients: Vec<&str> = message.envelope().to().iter().map(AsRef::as_ref).collect();
                    prop_assert!(matches!(recipients[..], [one] if !one.contains(char::is_control)));
                    prop_assert_eq!(message.envelope().from().map(AsRef::as_ref), Some("no-reply@example.com"));
                }
                Err(error) => {
                    prop_assert!(matches!(error, SendError::Address));
                }
            }
        }

        #[test]
        fn every_subject_can_be_sent(subject in hostile()) {
            prop_assert!(compose(FROM.parse().unwrap(), mail("ana@example.com", &subject)).is_ok());
        }
    }

    #[test]
    fn one_address_is_one_address() {
        for to in ["ana@example.com", "ana+x@sub.example.com", "ana@localhost", "änne@exämple.com"] {
            let message =
                compose(FROM.parse().unwrap(), mail(to, "")).unwrap_or_else(|e| panic!("{to}: {e}"));
            assert_eq!(message.envelope().to().len(), 1, "{to}");
        }
        for to in [
            "",
            "ana",
            "ana@",
            "@example.com",
            "Ana <ana@example.com>",
            "ana@example.com,eve@example.com",
            "ana@example.com\r\nRCPT TO:<eve@example.com>",
            "\"ana\r\nBcc: eve\"@example.com",
            "ana@example.com>",
        ] {
            let error = compose(FROM.parse().unwrap(), mail(to, "")).err();
            assert!(matches!(error, Some(SendError::Address)), "{to}");
        }
    }

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(one_line("Reset\r\nBcc: eve@example.com"), "Reset Bcc: eve@example.com");
        assert_eq!(one_line("\0a\u{85}b\u{2028}c\n"), "a b c");
        assert_eq!(one_line("  two  spaces "), "  two  spaces ");
    }
}
