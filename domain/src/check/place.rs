//! Under which branch a check is recorded, and which of a repository's words are believed.

use super::Requested;
use crate::code_host::{CommitSha, GitRef, PullRequestNumber};
use crate::limits::CHANGED_BYTES;
use crate::scan::branch_of_reference;

/// A pull request changes more files than a check keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pull request changes too many files that name dependencies: all of the repository counts")]
pub struct TooManyChanges;

/// The changed files of a pull request, if a check can keep them.
///
/// # Errors
/// [`TooManyChanges`] beyond [`CHANGED_BYTES`].
pub fn keep_changed(paths: Vec<String>) -> Result<Vec<String>, TooManyChanges> {
    let bytes: usize = paths.iter().map(String::len).sum();
    if bytes > CHANGED_BYTES { Err(TooManyChanges) } else { Ok(paths) }
}

/// The name under which a code host finds `reference` only if it is a branch; none if it cannot be one.
pub fn as_branch(reference: &GitRef) -> Option<GitRef> {
    let name = branch_of_reference(reference.as_str());
    if name.starts_with("refs/") { None } else { format!("heads/{name}").parse().ok() }
}

/// The branch that a check of `commit` speaks for and that fixes can be merged into, by its plain name: code hosts take
/// no other as the base of a pull request. `head` is the last commit of the
/// branch `reference`, none if there is no such branch. Any other commit may be anybody's: hosts find commits of
/// forks in the repository that they come from.
pub fn target_of(reference: &GitRef, head: Option<CommitSha>, commit: CommitSha) -> Option<GitRef> {
    if head != Some(commit) {
        return None;
    }
    branch_of_reference(reference.as_str()).parse().ok()
}

/// What a code host says about a branch, by what checks of it are recorded under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostedBranch {
    /// A branch of the repository.
    Own(GitRef),
    /// The head of a pull request that is no branch of the repository: the name that came with it says nothing about
    /// the repository's own.
    PullRequest(PullRequestNumber),
}

impl HostedBranch {
    /// Its name here.
    pub fn name(&self) -> String {
        match self {
            Self::Own(branch) => branch_of_reference(branch.as_str()).to_owned(),
            Self::PullRequest(number) => format!("refs/pull/{number}/head"),
        }
    }
}

impl Requested {
    /// The branch under which a check of `commit` is recorded. What belongs to no branch of the repository is known
    /// by its pull request or commit, because the name that came with it says nothing about the repository's own.
    pub fn branch(&self, commit: CommitSha) -> String {
        match (self.pull_request, &self.target) {
            (_, Some(branch)) => HostedBranch::Own(branch.clone()).name(),
            (Some(number), None) => HostedBranch::PullRequest(number).name(),
            (None, None) => format!("commits/{commit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TooManyChanges, as_branch, keep_changed, target_of};
    use crate::check::Requested;
    use crate::check::samples::requested;
    use crate::code_host::{CommitSha, GitRef};
    use crate::limits::CHANGED_BYTES;

    fn sha(digit: char) -> CommitSha {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn only_the_last_commit_of_a_branch_speaks_for_it() {
        let main: GitRef = "main".parse().unwrap();
        assert_eq!(target_of(&main, Some(sha('a')), sha('a')), Some(main.clone()));
        let full = "refs/heads/main".parse().unwrap();
        assert_eq!(target_of(&full, Some(sha('a')), sha('a')), Some(main.clone()));
        assert_eq!(target_of(&main, Some(sha('a')), sha('b')), None, "another commit");
        assert_eq!(target_of(&main, None, sha('a')), None, "no branch");
    }

    #[test]
    fn what_belongs_to_no_branch_is_recorded_under_its_commit() {
        let of = |pull_request, target: Option<&str>| {
            let target = target.map(|target| target.parse().unwrap());
            Requested { pull_request, target, ..requested() }.branch(sha('a'))
        };
        let number = requested().pull_request;
        assert_eq!(of(None, Some("refs/heads/main")), "main");
        assert_eq!(of(number, Some("feature/a")), "feature/a");
        assert_eq!(of(number, None), "refs/pull/7/head");
        assert_eq!(of(None, None), format!("commits/{}", sha('a')));
    }

    #[test]
    fn a_branch_is_looked_for_as_one() {
        for (reference, branch) in [
            ("main", Some("heads/main")),
            ("refs/heads/a/b", Some("heads/a/b")),
            ("refs/tags/v1", None),
            ("refs/pull/7/head", None),
        ] {
            let found = as_branch(&reference.parse().unwrap());
            assert_eq!(found.as_ref().map(GitRef::as_str), branch, "{reference}");
        }
    }

    #[test]
    fn a_check_keeps_so_many_changes() {
        let paths = |bytes: usize| vec!["a".repeat(10), "b".repeat(bytes - 10)];
        assert_eq!(keep_changed(paths(CHANGED_BYTES)), Ok(paths(CHANGED_BYTES)));
        assert_eq!(keep_changed(paths(CHANGED_BYTES + 1)), Err(TooManyChanges));
    }
}
