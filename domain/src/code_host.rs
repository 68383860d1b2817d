//! Things at a code host (GitHub) that events and rules speak of: installations, repositories, commits, check runs.
//!
//! Each type holds only what can be written into a URL of the host without changing where it leads.

mod kind;

pub use kind::HostKind;

use crate::limits::{NAME_CHARS, PATH_BYTES, REF_CHARS};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A value that names nothing at a code host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAtHost {
    /// A number of the host is 1 or more.
    #[error("not a number that the host gives")]
    Number,
    /// An owner is 1 to [`NAME_CHARS`] ASCII letters, digits, `-` and `_`.
    #[error("not the name of a user or an organization")]
    Owner,
    /// A repository is 1 to [`NAME_CHARS`] ASCII letters, digits, `-`, `_` and `.`, and neither `.` nor `..`.
    #[error("not the name of a repository")]
    Repository,
    /// A commit is 40 hexadecimal digits.
    #[error("not a commit: expected 40 hexadecimal digits")]
    Commit,
    /// A branch or tag is as `git check-ref-format` wants it, and has at most [`REF_CHARS`] characters.
    #[error("not the name of a branch or tag")]
    Ref,
    /// A file is a path below the root without `.` and `..`, of at most [`PATH_BYTES`] bytes.
    #[error("not the path of a file in a repository")]
    File,
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name(u64);

        impl $name {
            /// The number.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = NotAtHost;
            fn try_from(number: u64) -> Result<Self, NotAtHost> {
                match i64::try_from(number) {
                    Ok(1..) => Ok(Self(number)),
                    _ => Err(NotAtHost::Number),
                }
            }
        }

        impl From<$name> for u64 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

numbers! {
    /// An installation of our app: an account that gave it some of its repositories. 1 to 2^63 - 1.
    InstallationId,
    /// A check run: what is shown beside a commit. 1 to 2^63 - 1.
    CheckRunId,
    /// A pull request within its repository. 1 to 2^63 - 1.
    PullRequestNumber,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $is_good:expr, $otherwise:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAtHost;
            fn try_from(text: String) -> Result<Self, NotAtHost> {
                let is_good: fn(&str) -> bool = $is_good;
                if is_good(&text) { Ok(Self(text)) } else { Err($otherwise) }
            }
        }

        impl FromStr for $name {
            type Err = NotAtHost;
            fn from_str(text: &str) -> Result<Self, NotAtHost> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// A user or an organization, by the name in the URL. The host does not tell upper from lower case.
    RepositoryOwner: |text| is_name(text, "-_"), NotAtHost::Owner;
    /// A repository within its owner, by the name in the URL. The host does not tell upper from lower case.
    RepositoryName: |text| is_name(text, "-_.") && !matches!(text, "." | ".."), NotAtHost::Repository;
    /// A branch or a tag: `main`, `feature/x`, or in full `refs/heads/main`.
    GitRef: is_ref, NotAtHost::Ref;
    /// A file in a repository: its path from the root, with `/`.
    RepositoryFile: is_file, NotAtHost::File;
}

fn is_name(text: &str, besides: &str) -> bool {
    (1..=NAME_CHARS).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}

/// The rules of `git check-ref-format --allow-onelevel`, and that it is no option (`-x`).
fn is_ref(text: &str) -> bool {
    let is_forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    text.chars().count() <= REF_CHARS
        && text != "@"
        && !text.starts_with('-')
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains(is_forbidden)
        && text.split('/').all(is_part)
}

fn is_file(text: &str) -> bool {
    text.len() <= PATH_BYTES
        && !text.contains(char::is_control)
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Where a repository is: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Repository {
    /// Whose it is.
    pub owner: RepositoryOwner,
    /// What it is called.
    pub name: RepositoryName,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl FromStr for Repository {
    type Err = NotAtHost;
    fn from_str(text: &str) -> Result<Self, NotAtHost> {
        let (owner, name) = text.split_once('/').ok_or(NotAtHost::Repository)?;
        Ok(Self { owner: owner.parse()?, name: name.parse()? })
    }
}

/// A repository as an installation of our app gets at it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstalledRepository {
    /// The installation.
    pub installation: InstallationId,
    /// The repository.
    pub repository: Repository,
}

/// A commit, by its SHA-1; lower-case hex in text and JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha([u8; 20]);

impl FromStr for CommitSha {
    type Err = NotAtHost;
    fn from_str(text: &str) -> Result<Self, NotAtHost> {
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAtHost::Commit)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for CommitSha {
    type Error = NotAtHost;
    fn try_from(text: String) -> Result<Self, NotAtHost> {
        text.parse()
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.to_string()
    }
}

impl fmt::Display for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CommitSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitSha({self})")
    }
}

/// The host takes a commit wherever it takes a branch or tag.
impl From<CommitSha> for GitRef {
    fn from(sha: CommitSha) -> Self {
        Self(sha.to_string())
    }
}

/// How a check run ended (dpendx reference §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CheckConclusion {
    /// Nothing speaks against the commit.
    #[serde(rename = "success")]
    Success,
    /// Something does; where the check is required, it blocks the merge.
    #[serde(rename = "failure")]
    Failure,
    /// There is something to know, but nothing that blocks.
    #[serde(rename = "neutral")]
    Neutral,
}

impl CheckConclusion {
    /// The word for it, as it is stored and as the host knows it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn numbers_are_positive_and_fit_a_column() {
        for good in [1, 42, u64::MAX / 2] {
            assert_eq!(InstallationId::try_from(good).map(InstallationId::number), Ok(good));
        }
        for bad in [0, u64::MAX / 2 + 1, u64::MAX] {
            assert_eq!(InstallationId::try_from(bad), Err(NotAtHost::Number));
        }
        assert!(serde_json::from_str::<InstallationId>("0").is_err());
        assert!(serde_json::from_str::<InstallationId>("\"1\"").is_err());
        assert_eq!(serde_json::to_string(&PullRequestNumber::try_from(7).unwrap()).unwrap(), "7");
    }

    #[test]
    fn names_lead_to_one_place_in_a_url() {
        let longest = "a".repeat(NAME_CHARS);
        for good in ["octo-org", "ana_corp", "a", &longest] {
            assert!(good.parse::<RepositoryOwner>().is_ok(), "{good}");
        }
        let too_long = format!("{longest}a");
        for bad in ["", "a/b", "a.b", "a b", "..", "ä", "a%2f", "a?", &too_long] {
            assert_eq!(bad.parse::<RepositoryOwner>(), Err(NotAtHost::Owner), "{bad}");
        }
        for good in ["widgets", ".github", "a.b_c-d", "...", &longest] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "a#b", &too_long] {
            assert_eq!(bad.parse::<RepositoryName>(), Err(NotAtHost::Repository), "{bad}");
        }
    }

    #[test]
    fn a_repository_is_written_as_a_path() {
        let repository: Repository = "octo-org/widgets".parse().unwrap();
        assert_eq!(repository.to_string(), "octo-org/widgets");
        for bad in ["octo-org", "octo-org/", "/widgets", "octo-org/widgets/x", "octo-org/.."] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ref_is_one_that_git_takes() {
        let longest = "é".repeat(REF_CHARS);
        for good in ["main", "feature/x", "refs/heads/main", "v1.0", "a@b", "a-b", "déjà", &longest] {
            assert!(good.parse::<GitRef>().is_ok(), "{good}");
        }
        let too_long = format!("{longest}é");
        for bad in [
            "", "/", "a/", "/a", "a//b", ".a", "a/.b", "a..b", "a.", "a.lock", "a.lock/b", "@", "a@{1}",
            "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a\n", "-x", &too_long,
        ] {
            assert_eq!(bad.parse::<GitRef>(), Err(NotAtHost::Ref), "{bad}");
        }
    }

    #[test]
    fn a_file_stays_in_its_repository() {
        let longest = "a".repeat(PATH_BYTES);
        for good in ["go.mod", ".dpendx.yml", "a b/ü.txt", "...", &longest] {
            assert!(good.parse::<RepositoryFile>().is_ok(), "{good}");
        }
        let too_long = format!("{longest}a");
        for bad in ["", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "./a", "a\0", &too_long] {
            assert_eq!(bad.parse::<RepositoryFile>(), Err(NotAtHost::File), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_forty_digits_in_lower_case() {
        let sha: CommitSha = "0123456789ABCDEF0123456789abcdef01234567".parse().unwrap();
        assert_eq!(sha.to_string(), "0123456789abcdef0123456789abcdef01234567");
        let json = serde_json::to_string(&sha).unwrap();
        assert_eq!(serde_json::from_str::<CommitSha>(&json).unwrap(), sha);
        assert_eq!(sha.to_string().parse(), Ok(GitRef::from(sha)));
        for bad in ["", "0123456", "g123456789abcdef0123456789abcdef01234567", &"0".repeat(64)] {
            assert_eq!(bad.parse::<CommitSha>(), Err(NotAtHost::Commit), "{bad}");
        }
    }

    #[test]
    fn a_conclusion_is_stored_as_its_word() {
        for conclusion in [CheckConclusion::Success, CheckConclusion::Failure, CheckConclusion::Neutral] {
            let json = serde_json::to_string(&conclusion).unwrap();
            assert_eq!(json, format!("\"{}\"", conclusion.word()));
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_kept_as_it_is(text in "\\PC{0,40}") {
            if let Ok(reference) = text.parse::<GitRef>() {
                prop_assert_eq!(reference.as_str(), &text);
            }
            if let Ok(file) = text.parse::<RepositoryFile>() {
                prop_assert!(!file.as_str().starts_with('/'));
            }
        }
    }
}
