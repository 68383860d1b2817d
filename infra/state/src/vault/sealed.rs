//! The text form of what is sealed.

use super::SealError;
use super::cipher::SecretKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scanledger_domain::id::SubjectId;
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

/// The form that is written; others may follow.
const FORM: &str = "v1";

/// Digits of a subject's id in its simple form.
const SUBJECT_DIGITS: usize = 32;

/// A sealed text in its parts.
pub(super) struct Parsed {
    pub(super) subject: SubjectId,
    /// Nonce, ciphertext and tag.
    bytes: Vec<u8>,
}

/// Seals `text` under the subject's key.
pub(super) fn seal(key: &SecretKey, subject: SubjectId, text: &str) -> Result<Sealed, SealError> {
    let bytes = key.encrypt(text.as_bytes(), subject.as_bytes())?;
    Ok(Sealed(format!("{FORM}.{}.{}", subject.0.simple(), URL_SAFE_NO_PAD.encode(bytes))))
}

impl Parsed {
    /// Takes a sealed text apart.
    pub(super) fn from_text(text: &str) -> Result<Self, SealError> {
        let mut parts = text.split('.');
        let [Some(FORM), Some(subject), Some(bytes), None] = std::array::from_fn(|_| parts.next()) else {
            return Err(SealError::Malformed);
        };
        if subject.len() != SUBJECT_DIGITS {
            return Err(SealError::Malformed);
        }
        let subject = Uuid::try_parse(subject).map_err(|_| SealError::Malformed)?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).map_err(|_| SealError::Malformed)?;
        Ok(Self { subject: SubjectId(subject), bytes })
    }

    /// The clear text.
    pub(super) fn open(&self, key: &SecretKey) -> Result<String, SealError> {
        let clear = key.decrypt(&self.bytes, self.subject.as_bytes())?;
        // Only texts are sealed, so anything else is not what was sealed.
        std::str::from_utf8(&clear).map(str::to_owned).map_err(|_| SealError::Tampered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> SecretKey {
        SecretKey::random().unwrap()
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in ".*", subject: u128) {
            let (key, subject) = (key(), SubjectId(Uuid::from_u128(subject)));
            let sealed = seal(&key, subject, &text).unwrap();
            let parsed = Parsed::from_text(&sealed.0).unwrap();
            prop_assert_eq!(parsed.subject, subject);
            prop_assert_eq!(parsed.open(&key), Ok(text));
        }

        #[test]
        fn what_was_not_sealed_here_is_refused(text in ".*|v1\\.[0-9a-f]{32}\\.[A-Za-z0-9_-]{0,80}") {
            let opened = Parsed::from_text(&text).and_then(|parsed| parsed.open(&key()));
            prop_assert!(matches!(opened, Err(SealError::Malformed | SealError::Tampered)));
        }

        #[test]
        fn any_changed_byte_is_noticed(at: prop::sample::Index, bit in 0_u8..8) {
            let (key, subject) = (key(), SubjectId(Uuid::from_u128(7)));
            let mut bytes = key.encrypt("ana@example.org".as_bytes(), subject.as_bytes()).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Parsed { subject, bytes }.open(&key), Err(SealError::Tampered));
        }
    }
}
