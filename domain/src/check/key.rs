//! What a check is called in public: at the code host, where more people read than may read its scan.
//!
//! Whoever knows the id of a scan reads what the scan saw (dpendx reference §1: its routes have no credential), so the
//! code host is told a key instead. The id of the scan follows from the key, but only with the installation's own
//! secret; nothing else is needed to find a check by its key. A check that was recorded before there were keys stays
//! shown by its scan's id, because nothing else leads back to it.

use super::Requested;
use crate::code_host::{CheckRunId, CommitSha, InstalledRepository, PullRequestNumber};
use crate::id::{CommandId, ScanId};
use crate::vault::{HashPurpose, Vault};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Builder;

/// What every key begins with, so that it is never taken for the id of a scan.
const PREFIX: &str = "chk_";
/// Digits where there is no room for all of them.
const SHORT_DIGITS: usize = 16;

/// The public name of a check: `chk_` and 32 hexadecimal digits in lower case. Opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CheckKey([u8; 16]);

/// A text that no check is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the key of a check")]
pub struct NotACheckKey;

/// What a check is made for; for the same there is one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOrigin<'a> {
    /// A commit of a pull request.
    PullRequest {
        /// Where it is.
        at: &'a InstalledRepository,
        /// The pull request.
        number: PullRequestNumber,
        /// The commit.
        head: CommitSha,
    },
    /// The wish to have a check made again.
    Again {
        /// Where it is shown.
        check_run: CheckRunId,
        /// The delivery that brought the wish.
        delivery: &'a str,
    },
    /// A request.
    Request(CommandId),
}

impl CheckOrigin<'_> {
    fn label(&self) -> String {
        match self {
            Self::PullRequest { at, number, head } => {
                // The host does not tell upper from lower case.
                let repository = at.repository.to_string().to_ascii_lowercase();
                format!("pull request\0{}/{repository}#{number}@{head}", at.installation)
            }
            Self::Again { check_run, delivery } => format!("delivery\0{check_run} {delivery}"),
            Self::Request(command) => format!("request\0{command}"),
        }
    }
}

impl CheckKey {
    /// The key of the check that is made for `origin`. Without the installation's secret it cannot be guessed.
    pub fn of(vault: &dyn Vault, origin: CheckOrigin<'_>) -> Self {
        Self(first_bytes(&keyed(vault, "key", &origin.label())))
    }

    /// The scan that the check is about. Only with the installation's secret one leads to the other.
    pub fn scan(self, vault: &dyn Vault) -> ScanId {
        let hash = keyed(vault, "scan", &self.to_string());
        ScanId(Builder::from_custom_bytes(first_bytes(&hash)).into_uuid())
    }
}

/// What a check is shown as at the code host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownAs {
    /// Its key.
    Key(CheckKey),
    /// The scan that it is about: of a check that was recorded before there were keys.
    Scan(ScanId),
}

impl ShownAs {
    /// The scan that the check is about.
    pub fn scan(self, vault: &dyn Vault) -> ScanId {
        match self {
            Self::Key(key) => key.scan(vault),
            Self::Scan(scan) => scan,
        }
    }

    /// The first 16 digits, for where there is no room for all of it: on buttons and in names of branches.
    pub fn short(self) -> String {
        let bytes = match self {
            Self::Key(key) => key.0,
            Self::Scan(scan) => scan.0.into_bytes(),
        };
        hex::encode(&bytes[..SHORT_DIGITS / 2])
    }
}

impl Requested {
    /// What the check is shown as. No other check is.
    pub fn shown_as(&self) -> ShownAs {
        self.key.map_or(ShownAs::Scan(self.scan), ShownAs::Key)
    }
}

impl fmt::Display for ShownAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Scan(scan) => scan.fmt(f),
        }
    }
}

impl FromStr for ShownAs {
    type Err = NotACheckKey;
    fn from_str(text: &str) -> Result<Self, NotACheckKey> {
        let scan = || text.parse().map(Self::Scan).map_err(|_| NotACheckKey);
        text.parse().map(Self::Key).or_else(|NotACheckKey| scan())
    }
}

fn keyed(vault: &dyn Vault, what: &str, of: &str) -> Vec<u8> {
    vault.hash(HashPurpose::Check, format!("{what}\0{of}").as_bytes())
}

fn first_bytes(hash: &[u8]) -> [u8; 16] {
    *hash.first_chunk().expect("a hash has 32 bytes or more")
}

impl FromStr for CheckKey {
    type Err = NotACheckKey;
    fn from_str(text: &str) -> Result<Self, NotACheckKey> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotACheckKey)?;
        let mut bytes = [0; 16];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| NotACheckKey)?;
        let key = Self(bytes);
        // There is one way to write it.
        if key.to_string() == text { Ok(key) } else { Err(NotACheckKey) }
    }
}

impl TryFrom<String> for CheckKey {
    type Error = NotACheckKey;
    fn try_from(text: String) -> Result<Self, NotACheckKey> {
        text.parse()
    }
}

impl From<CheckKey> for String {
    fn from(key: CheckKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for CheckKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

impl fmt::Debug for CheckKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{CheckKey, CheckOrigin, NotACheckKey, ShownAs};
    use crate::check::Requested;
    use crate::check::samples::requested;
    use crate::code_host::InstalledRepository;
    use crate::id::{CommandId, ScanId, SubjectId};
    use crate::vault::{HashPurpose, Sealed, Vault, VaultError};
    use sha2::{Digest, Sha256};
    use std::collections::HashSet;
    use uuid::Uuid;

    /// Hashes with a secret of one byte; nothing is sealed.
    struct Secret(u8);

    impl Vault for Secret {
        fn seal(&self, _: SubjectId, _: &str) -> Result<Sealed, VaultError> {
            unreachable!("a key seals nothing")
        }

        fn open(&self, _: &Sealed) -> Result<Option<String>, VaultError> {
            unreachable!("a key opens nothing")
        }

        fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8> {
            assert_eq!(purpose, HashPurpose::Check);
            Sha256::new().chain_update([self.0]).chain_update(bytes).finalize().to_vec()
        }
    }

    fn at(repository: &str) -> InstalledRepository {
        InstalledRepository { installation: 42.try_into().unwrap(), repository: repository.parse().unwrap() }
    }

    fn of_commit(vault: &Secret, repository: &str, number: u64, digit: &str) -> CheckKey {
        let head = digit.repeat(40).parse().unwrap();
        let (at, number) = (at(repository), number.try_into().unwrap());
        CheckKey::of(vault, CheckOrigin::PullRequest { at: &at, number, head })
    }

    #[test]
    fn the_same_commit_of_the_same_pull_request_has_one_key() {
        let key = of_commit(&Secret(1), "octo-org/widgets", 7, "a");
        assert_eq!(key, of_commit(&Secret(1), "Octo-Org/Widgets", 7, "a"));
    }

    #[test]
    fn whatever_differs_has_another_key_and_another_scan() {
        let vault = Secret(1);
        let again = |run: u64, delivery| {
            CheckKey::of(&vault, CheckOrigin::Again { check_run: run.try_into().unwrap(), delivery })
        };
        let request = |n| CheckKey::of(&vault, CheckOrigin::Request(CommandId(Uuid::from_u128(n))));
        let keys = [
            of_commit(&vault, "octo-org/widgets", 7, "a"),
            of_commit(&vault, "octo-org/widgets", 7, "b"),
            of_commit(&vault, "octo-org/widgets", 8, "a"),
            of_commit(&vault, "octo-org/gadgets", 7, "a"),
            of_commit(&Secret(2), "octo-org/widgets", 7, "a"),
            again(9, "d-1"),
            again(9, "d-2"),
            again(10, "d-1"),
            request(1),
            request(2),
        ];
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        let scans: HashSet<ScanId> = keys.iter().map(|key| key.scan(&vault)).collect();
        assert_eq!(scans.len(), keys.len());
    }

    #[test]
    fn only_the_installation_gets_from_a_key_to_its_scan() {
        let key = of_commit(&Secret(1), "octo-org/widgets", 7, "a");
        assert_eq!(key.scan(&Secret(1)), key.scan(&Secret(1)));
        assert_ne!(key.scan(&Secret(1)), key.scan(&Secret(2)));
        let scan = key.scan(&Secret(1)).0.simple().to_string();
        assert!(
            !scan.contains(&ShownAs::Key(key).short()) && !key.to_string().contains(&scan[..8]),
            "{key} {scan}"
        );
    }

    #[test]
    fn a_key_is_written_in_one_way_and_is_no_id() {
        let digits = "0123456789abcdef".repeat(2);
        let text = format!("chk_{digits}");
        let key: CheckKey = text.parse().unwrap();
        assert_eq!(key.to_string(), text);
        assert_eq!(serde_json::to_string(&key).unwrap(), format!("\"{text}\""));
        assert!(text.parse::<ScanId>().is_err());
        let (longer, upper) = (format!("{text}0"), format!("chk_{}", digits.to_uppercase()));
        for bad in ["", "chk_", &digits, &text[..35], &longer, &upper] {
            assert_eq!(bad.parse::<CheckKey>(), Err(NotACheckKey), "{bad}");
        }
    }

    #[test]
    fn what_a_check_is_shown_as_leads_back_to_its_scan() {
        let vault = Secret(1);
        let key = of_commit(&vault, "octo-org/widgets", 7, "a");
        let keyed = Requested { scan: key.scan(&vault), key: Some(key), ..requested() };
        let old = Requested { key: None, ..requested() };
        assert_eq!((keyed.shown_as(), old.shown_as()), (ShownAs::Key(key), ShownAs::Scan(old.scan)));
        for check in [keyed, old] {
            let shown = check.shown_as();
            assert_eq!(shown.to_string().parse(), Ok(shown));
            assert_eq!(shown.scan(&vault), check.scan);
        }
        assert_eq!("chk_".parse::<ShownAs>(), Err(NotACheckKey));
    }

    #[test]
    fn where_there_is_little_room_the_first_digits_stand() {
        let digits = "0123456789abcdef".repeat(2);
        let key = format!("chk_{digits}").parse().unwrap();
        for shown in [ShownAs::Key(key), ShownAs::Scan(digits.parse().unwrap())] {
            assert_eq!(shown.short(), "0123456789abcdef");
        }
    }
}
