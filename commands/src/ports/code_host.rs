//! Repositories at a code host (GitHub): what is in them, what is shown beside their commits, and changes to them.

mod change;
mod check;
mod webhook;

pub use change::{FileChange, NewCommit, NewPullRequest, OpenedPullRequest};
pub use check::{
    Annotation, AnnotationLevel, CheckAction, CheckActionProblem, CheckOutput, CheckRun, CheckStatus,
    FoundCheckRun,
};
pub use webhook::{
    BranchEnd, HeadOrigin, InstallationEnd, InvalidPayload, PullRequestStep, SignatureRefusal, WebhookEvent,
    WebhookSecret,
};

use scanledger_domain::code_host::{
    CheckRunId, CommitSha, GitRef, InstalledRepository, PullRequestNumber, Repository, RepositoryFile,
};
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use std::fmt;
use std::path::Path;

/// What an installation may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read files and commits.
    ReadContents,
    /// Make branches and commits.
    WriteContents,
    /// Read pull requests.
    ReadPullRequests,
    /// Open pull requests.
    WritePullRequests,
    /// See check runs.
    ReadChecks,
    /// Make and change check runs.
    WriteChecks,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadContents => "read contents",
            Self::WriteContents => "write contents",
            Self::ReadPullRequests => "read pull requests",
            Self::WritePullRequests => "write pull requests",
            Self::ReadChecks => "read checks",
            Self::WriteChecks => "write checks",
        })
    }
}

/// The code host did not do what was asked. No cause shows a key, a token or a URL.
#[derive(Debug, thiserror::Error)]
pub enum CodeHostError {
    /// There is no such installation, or it does not have the repository.
    #[error("the app is not installed on the repository")]
    NotInstalled,
    /// There is, but its account or the host has suspended it.
    #[error("the installation of the app is suspended")]
    Suspended,
    /// There is no such repository, or nobody may know of it.
    #[error("the repository does not exist")]
    RepositoryNotFound,
    /// The repository has no such branch, tag or commit.
    #[error("the repository has no such branch, tag or commit")]
    RefNotFound,
    /// The repository has no such pull request, or check run.
    #[error("the repository has no such {what}")]
    NotFound {
        /// What there is not.
        what: &'static str,
    },
    /// The installation was not given this permission, or the repository is archived.
    #[error("the installation may not {permission}")]
    NotPermitted {
        /// What it would need.
        permission: Permission,
    },
    /// There is a branch of that name with something else on it.
    #[error("the branch exists already")]
    BranchExists,
    /// What was asked for, or what was to be sent, has more than was allowed.
    #[error("larger than {limit} bytes or files")]
    TooLarge {
        /// How much was allowed.
        limit: u64,
    },
    /// The host wants to be left alone.
    #[error("the code host takes no more requests until {until}")]
    RateLimited {
        /// Until when.
        until: Timestamp,
    },
    /// The host does not answer as it should; later it may.
    #[error("the code host is out of reach")]
    Unreachable(#[source] Cause),
    /// The host does not know this server as it is configured; somebody has to look.
    #[error("the code host does not know this server")]
    Misconfigured(#[source] Cause),
    /// The host does not take what was sent; sending it again does not help.
    #[error("the code host did not take the request")]
    Refused(#[source] Cause),
    /// This machine could not keep what came.
    #[error("what the code host sent could not be kept")]
    Local(#[source] Cause),
}

/// What an installation sees of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// The repository as the host writes it: the right case, and the new name after a move.
    pub repository: Repository,
    /// The branch that a visitor sees first.
    pub default_branch: GitRef,
    /// Who sees it.
    pub visibility: Visibility,
}

/// Who sees a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Whom its owner lets.
    Private,
}

/// A branch of a pull request at the time it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestEnd {
    /// Its name.
    pub branch: GitRef,
    /// Its last commit.
    pub commit: CommitSha,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: PullRequestNumber,
    /// What it is to be merged into.
    pub base: PullRequestEnd,
    /// What is to be merged.
    pub head: PullRequestEnd,
    /// Whether `head` is a branch of the same repository.
    pub origin: HeadOrigin,
}

/// What a pull request does to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// It is new.
    Added,
    /// Its content or mode is another one, or its type.
    Modified,
    /// It had another path before.
    Renamed,
    /// It is gone.
    Removed,
}

/// A file that a pull request changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path, the new one if it was renamed. Text, because a repository may have paths that are not fit for
    /// [`RepositoryFile`].
    pub path: String,
    /// What is done to it.
    pub status: FileStatus,
}

/// A host of repositories that gave this server an installation. Every call waits for a short limit of the host and
/// tries again what may be tried again; it answers [`CodeHostError::RateLimited`] where the wait would be long.
///
/// Besides the errors that are named, each call may answer [`CodeHostError::NotInstalled`], `Suspended`,
/// `RepositoryNotFound`, `NotPermitted`, `RateLimited`, `Unreachable`, `Misconfigured` and `Refused`.
pub trait CodeHost: Send + Sync {
    /// Whether the installation has the repository, and what it is. To be asked before anything else: what is
    /// everybody's to see can be read through any installation.
    ///
    /// # Errors
    /// [`CodeHostError::NotInstalled`] when there is no such installation, or the repository is everybody's to see but
    /// not the installation's; [`CodeHostError::RepositoryNotFound`] when it cannot be seen at all.
    fn repository<'a>(
        &'a self,
        at: &'a InstalledRepository,
    ) -> BoxFuture<'a, Result<RepositoryFacts, CodeHostError>>;

    /// The commit that a branch, tag or commit stands for now.
    ///
    /// # Errors
    /// [`CodeHostError::RefNotFound`].
    fn resolve<'a>(
        &'a self,
        at: &'a InstalledRepository,
        reference: &'a GitRef,
    ) -> BoxFuture<'a, Result<CommitSha, CodeHostError>>;

    /// Writes the source at a commit into the file `into`, as a gzipped tar whose entries lie in one folder; answers
    /// its bytes. After an error the file has any content.
    ///
    /// # Errors
    /// [`CodeHostError::RefNotFound`]; [`CodeHostError::TooLarge`] for an archive of more than `max_bytes`;
    /// [`CodeHostError::Local`].
    fn download<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: CommitSha,
        into: &'a Path,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<u64, CodeHostError>>;

    /// The content of a file at a branch, tag or commit; `None` if there is no such file, or it is a folder.
    ///
    /// # Errors
    /// [`CodeHostError::RefNotFound`]; [`CodeHostError::TooLarge`] for a file of more than `max_bytes`.
    fn read_file<'a>(
        &'a self,
        at: &'a InstalledRepository,
        reference: &'a GitRef,
        file: &'a RepositoryFile,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, CodeHostError>>;

    /// A pull request, with what it is to be merged into.
    ///
    /// # Errors
    /// [`CodeHostError::NotFound`].
    fn pull_request<'a>(
        &'a self,
        at: &'a InstalledRepository,
        number: PullRequestNumber,
    ) -> BoxFuture<'a, Result<PullRequest, CodeHostError>>;

    /// The files that a pull request changes, in the host's order, at most
    /// [`PULL_REQUEST_FILES`](scanledger_domain::limits::PULL_REQUEST_FILES). A request for each hundred.
    ///
    /// # Errors
    /// [`CodeHostError::NotFound`].
    fn changed_files<'a>(
        &'a self,
        at: &'a InstalledRepository,
        number: PullRequestNumber,
    ) -> BoxFuture<'a, Result<Vec<ChangedFile>, CodeHostError>>;

    /// The newest check run that this app made at a commit under `name`, if there is any.
    ///
    /// # Errors
    /// [`CodeHostError::RefNotFound`].
    fn find_check_run<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: CommitSha,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<FoundCheckRun>, CodeHostError>>;

    /// Makes a check run at a commit. A second call makes a second one: after [`CodeHostError::Unreachable`], ask
    /// [`CodeHost::find_check_run`] first. If it has many annotations, it becomes completed with the last of them.
    ///
    /// # Errors
    /// [`CodeHostError::RefNotFound`].
    fn create_check_run<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: CommitSha,
        run: &'a CheckRun,
    ) -> BoxFuture<'a, Result<CheckRunId, CodeHostError>>;

    /// Makes a check run be as `run` says. As many annotations as it has count as the first ones of `run` and are not
    /// sent again, so a call that broke off between two of its requests can be repeated.
    ///
    /// # Errors
    /// [`CodeHostError::NotFound`].
    fn update_check_run<'a>(
        &'a self,
        at: &'a InstalledRepository,
        id: CheckRunId,
        run: &'a CheckRun,
    ) -> BoxFuture<'a, Result<(), CodeHostError>>;

    /// Makes a branch with one commit on it that has all of the changes; the branch comes last, so there is all or
    /// nothing to see. If the branch exists already, with one commit that says and does the same on the same parent,
    /// that commit is the answer, so it can be called again.
    ///
    /// # Errors
    /// [`CodeHostError::BranchExists`]; [`CodeHostError::RefNotFound`] when there is no such parent;
    /// [`CodeHostError::TooLarge`] beyond [`COMMIT_FILES`](scanledger_domain::limits::COMMIT_FILES) or
    /// [`COMMIT_BYTES`](scanledger_domain::limits::COMMIT_BYTES).
    fn commit<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: &'a NewCommit,
    ) -> BoxFuture<'a, Result<CommitSha, CodeHostError>>;

    /// Opens a pull request; if one is open for the same two branches, that is the answer, so it can be called again.
    ///
    /// # Errors
    /// [`CodeHostError::Refused`] when there is no such branch, or nothing to merge.
    fn open_pull_request<'a>(
        &'a self,
        at: &'a InstalledRepository,
        request: &'a NewPullRequest,
    ) -> BoxFuture<'a, Result<OpenedPullRequest, CodeHostError>>;
}
