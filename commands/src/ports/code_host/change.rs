//! Changes to a repository: a commit on a branch of its own, and the pull request for it.

use scanledger_domain::code_host::{CommitSha, GitRef, PullRequestNumber, RepositoryFile};
use std::fmt;

/// A file as it is to be. `Debug` does not show the content.
#[derive(Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Which file. What was there becomes a regular file that nobody may execute.
    pub file: RepositoryFile,
    /// All of its content.
    pub content: Vec<u8>,
}

impl fmt::Debug for FileChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileChange")
            .field("file", &self.file)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// A commit on a branch that does not exist yet. The app is its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The branch to make: `fix/x`, or in full.
    pub branch: GitRef,
    /// The commit that it starts from.
    pub parent: CommitSha,
    /// What is said about it: a line, and more after an empty one.
    pub message: String,
    /// The files that are to be other ones, each once; at least one.
    pub changes: Vec<FileChange>,
}

/// A pull request within a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPullRequest {
    /// The branch to merge.
    pub head: GitRef,
    /// The branch to merge into.
    pub base: GitRef,
    /// One line.
    pub title: String,
    /// Markdown, cut at [`HOST_TEXT_CHARS`](scanledger_domain::limits::HOST_TEXT_CHARS).
    pub body: String,
}

/// A pull request that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedPullRequest {
    /// Its number.
    pub number: PullRequestNumber,
    /// Where people find it.
    pub url: String,
    /// What it is called.
    pub title: String,
}

#[cfg(test)]
mod tests {
    use super::FileChange;

    #[test]
    fn the_content_of_a_file_is_not_shown() {
        let change = FileChange { file: "go.mod".parse().unwrap(), content: b"module x".to_vec() };
        let shown = format!("{change:?}");
        assert_eq!(shown, "FileChange { file: RepositoryFile(\"go.mod\"), bytes: 8, .. }");
    }
}
