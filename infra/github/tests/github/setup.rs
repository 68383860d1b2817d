//! An app that is installed on a repository of the stub.

use scanledger_commands::ports::CodeHostError;
use scanledger_domain::code_host::{CommitSha, InstalledRepository};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_github::{AppKey, GitHubApi, GitHubApp, Patience};
use scanledger_github_stub::{APP_ID, GitHubStub};
use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// 2026-11-21T10:00:00Z, in seconds.
pub(crate) const NOW: i64 = 1_795_255_200;
/// The installation that has the repository.
pub(crate) const INSTALLATION: u64 = 42;
/// The repository.
pub(crate) const WIDGETS: &str = "octo-org/widgets";

/// A clock that stands where it is set.
#[derive(Default)]
pub(crate) struct Still {
    /// Seconds after [`NOW`].
    late: AtomicI64,
}

impl Still {
    pub(crate) fn set_late(&self, seconds: i64) {
        self.late.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp((NOW + self.late.load(Ordering::SeqCst)) * 1_000_000)
    }
}

/// Both sides.
pub(crate) struct Setup {
    pub(crate) stub: GitHubStub,
    /// The stub's clock.
    pub(crate) theirs: Arc<Still>,
    /// The app's clock.
    pub(crate) ours: Arc<Still>,
    pub(crate) app: GitHubApp,
    /// The first commit of the repository.
    pub(crate) commit: CommitSha,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(short()).await
    }

    pub(crate) async fn with(patience: Patience) -> Self {
        let (theirs, ours) = (Arc::new(Still::default()), Arc::new(Still::default()));
        let stub = GitHubStub::start(Arc::clone(&theirs) as Arc<dyn Clock>).await;
        let files = [("go.mod", "module widgets\n"), ("cmd/main.go", "package main\n")];
        let commit = stub.world(|world| world.add(INSTALLATION, WIDGETS, &files));
        let key = AppKey::try_new(&stub.private_key()).unwrap();
        let app = app(&stub, key, &ours, patience);
        Self { stub, theirs, ours, app, commit: commit.parse().unwrap() }
    }

    /// What GitHub would not have liked was not sent.
    pub(crate) fn assert_polite(&self) {
        assert_eq!(self.stub.violations(), [""; 0]);
    }
}

pub(crate) fn app(stub: &GitHubStub, key: AppKey, clock: &Arc<Still>, patience: Patience) -> GitHubApp {
    let api = GitHubApi::at(&stub.api()).unwrap();
    let id = APP_ID.to_string().parse().unwrap();
    GitHubApp::new(api, id, key, Arc::clone(clock) as Arc<dyn Clock>, patience).unwrap()
}

/// No test waits long.
pub(crate) fn short() -> Patience {
    Patience {
        answer: Duration::from_secs(20),
        archive: Duration::from_secs(20),
        pause: Duration::from_millis(10),
        limits: Duration::from_secs(2),
    }
}

/// A repository as an installation gets at it.
pub(crate) fn at(installation: u64, repository: &str) -> InstalledRepository {
    InstalledRepository {
        installation: installation.try_into().unwrap(),
        repository: repository.parse().unwrap(),
    }
}

/// The repository.
pub(crate) fn widgets() -> InstalledRepository {
    at(INSTALLATION, WIDGETS)
}

/// Everything that an error tells, in `Debug` and in words.
pub(crate) fn told(error: &CodeHostError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").unwrap();
        cause = error.source();
    }
    text
}
