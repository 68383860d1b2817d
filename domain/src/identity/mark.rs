//! By what people are known who may have no account here.

use super::plain_email;
use crate::id::SubjectId;
use crate::scan::plain_text;
use crate::vault::{HashPurpose, Vault};
use uuid::Uuid;

/// Namespace of those for whom is sealed what is known by a mark: `UUIDv5(DNS, "marks.scanledger")`.
const MARKS: Uuid = Uuid::from_u128(0x82d7_0f40_c86d_5578_a7c3_7cad_136f_7c85);

/// By what somebody is known of whom others speak, with an account or without one.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Mark<'a> {
    /// An e-mail address, whatever its case.
    Email(&'a str),
    /// Their name at a code host, whatever its case and whether or not `@` stands before it; without one, the name that
    /// they go by.
    Login(&'a str),
}

impl Mark<'_> {
    /// For whom is sealed what others say of whoever has this mark: `UUIDv5` of a keyed hash, so that it tells nothing
    /// about them. It follows from the mark alone, not from who has an account with it: else whoever reads the log would
    /// learn from what they say of an address whether it has one here.
    pub fn subject(self, vault: &dyn Vault) -> SubjectId {
        let clear = match self {
            Self::Email(email) => format!("mark\0email\0{}", plain_email(&kept(email))),
            Self::Login(login) => format!("mark\0login\0{}", plain_login(&kept(login))),
        };
        SubjectId(Uuid::new_v5(&MARKS, &vault.hash(HashPurpose::Claim, clear.as_bytes())))
    }
}

/// A text as clients' texts are kept, so that whoever types it in full means the same.
fn kept(text: &str) -> String {
    plain_text(text).unwrap_or_default()
}

/// A name at a code host as it is compared.
pub fn plain_login(login: &str) -> String {
    login.trim().trim_start_matches('@').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::Mark;
    use crate::id::SubjectId;
    use crate::limits::CLIENT_TEXT_CHARS;
    use crate::vault::{HashPurpose, Sealed, Vault, VaultError};
    use sha2::{Digest, Sha256};

    /// Hashes with a key of one byte, which is all that is asked of it.
    struct Keyed(u8);

    impl Vault for Keyed {
        fn seal(&self, _: SubjectId, _: &str) -> Result<Sealed, VaultError> {
            unreachable!("a mark seals nothing")
        }

        fn open(&self, _: &Sealed) -> Result<Option<String>, VaultError> {
            unreachable!("a mark opens nothing")
        }

        fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8> {
            assert_eq!(purpose, HashPurpose::Claim);
            Sha256::new().chain_update([self.0]).chain_update(bytes).finalize().to_vec()
        }
    }

    fn subject(mark: Mark<'_>) -> SubjectId {
        mark.subject(&Keyed(1))
    }

    #[test]
    fn a_mark_is_the_same_however_it_is_written() {
        assert_eq!(subject(Mark::Email("ana@acme.example")), subject(Mark::Email(" Ana@ACME.example\n")));
        assert_eq!(subject(Mark::Login("ana-l")), subject(Mark::Login("@Ana-L ")));
        let long = "a".repeat(CLIENT_TEXT_CHARS);
        assert_eq!(subject(Mark::Login(&long)), subject(Mark::Login(&format!("{long}b"))));
    }

    #[test]
    fn other_marks_other_kinds_and_other_installations_are_others() {
        let ana = subject(Mark::Email("ana@acme.example"));
        assert_ne!(ana, subject(Mark::Email("ana@acme.exampl")));
        assert_ne!(ana, subject(Mark::Login("ana@acme.example")));
        assert_ne!(ana, Mark::Email("ana@acme.example").subject(&Keyed(2)));
    }
}
