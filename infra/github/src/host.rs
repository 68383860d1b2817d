//! The app at its work: who asks, and what refusals mean.

use crate::app::{App, AppId, AppKey, bearer};
use crate::error::{Fault, SetupError};
use crate::http::{Answer, Failed, Http, Outcome, Patience, Refusal, Repeat, Request};
use crate::site::GitHubApi;
use crate::tokens::{Slot, Token, Tokens};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use scanledger_commands::ports::{
    ChangedFile, CheckRun, CodeHost, CodeHostError, FoundCheckRun, NewCommit, NewPullRequest,
    OpenedPullRequest, Permission, PullRequest, RepositoryFacts,
};
use scanledger_domain::BoxFuture;
use scanledger_domain::code_host::{
    CheckRunId, CommitSha, GitRef, InstallationId, InstalledRepository, PullRequestNumber, RepositoryFile,
};
use scanledger_domain::time::{Clock, Timestamp};
use serde::Deserialize;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A GitHub App.
pub struct GitHubApp {
    app: App,
    http: Http,
    tokens: Tokens,
}

/// What a request is about, which says what a refusal of it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    /// What it takes.
    pub(crate) permission: Permission,
    /// What is missing if GitHub does not find it.
    pub(crate) missing: Missing,
}

/// What a 404 means.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Missing {
    Repository,
    Ref,
    Other(&'static str),
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: String,
    expires_at: String,
}

impl GitHubApp {
    /// The app `id` at `api`. Does not connect yet.
    ///
    /// # Errors
    /// [`SetupError::Client`].
    pub fn new(
        api: GitHubApi,
        id: AppId,
        key: AppKey,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Self, SetupError> {
        let http = Http::new(api, patience)?;
        Ok(Self { app: App::new(id, key, clock), http, tokens: Tokens::new() })
    }

    pub(crate) const fn api(&self) -> &GitHubApi {
        self.http.api()
    }

    pub(crate) const fn app_id(&self) -> AppId {
        self.app.id()
    }

    /// An answer to the installation; a refusal is an error.
    pub(crate) async fn answer(
        &self,
        installation: InstallationId,
        request: Request,
        about: About,
    ) -> Result<Answer, CodeHostError> {
        match self.ask(installation, request).await? {
            Outcome::Whole(answer) => Ok(answer),
            Outcome::Refused(refusal) => Err(about.error(&refusal)),
            Outcome::Stream(_) | Outcome::Elsewhere(_) => Err(Fault::Unreadable.into()),
        }
    }

    /// Asks as the installation. A token that is refused is replaced once.
    pub(crate) async fn ask(
        &self,
        installation: InstallationId,
        request: Request,
    ) -> Result<Outcome, CodeHostError> {
        let slot = self.tokens.slot(installation);
        let token = self.token(&slot, installation, None).await?;
        let outcome = self.send(&slot, &request, Some(&token.bearer)).await?;
        if !is_unauthorized(&outcome) {
            return Ok(outcome);
        }
        let token = self.token(&slot, installation, Some(&token)).await?;
        let outcome = self.send(&slot, &request, Some(&token.bearer)).await?;
        if is_unauthorized(&outcome) { Err(Fault::FreshToken.into()) } else { Ok(outcome) }
    }

    /// Asks as nobody: what is at another server.
    pub(crate) async fn ask_elsewhere(
        &self,
        installation: InstallationId,
        request: &Request,
    ) -> Result<Outcome, CodeHostError> {
        self.send(&self.tokens.slot(installation), request, None).await
    }

    /// Asks as the app. If it is not believed and GitHub's clock is another one, once more by that clock.
    pub(crate) async fn ask_as_app(
        &self,
        installation: InstallationId,
        request: &Request,
    ) -> Result<Outcome, CodeHostError> {
        let slot = self.tokens.slot(installation);
        self.send_as_app(&slot, request).await
    }

    async fn send_as_app(&self, slot: &Slot, request: &Request) -> Result<Outcome, CodeHostError> {
        let outcome = self.send(slot, request, Some(&self.app.bearer()?)).await?;
        let Outcome::Refused(refusal) = &outcome else { return Ok(outcome) };
        if refusal.status != StatusCode::UNAUTHORIZED {
            return Ok(outcome);
        }
        if self.app.learn_time(refusal.date) {
            let outcome = self.send(slot, request, Some(&self.app.bearer()?)).await?;
            if !is_unauthorized(&outcome) {
                return Ok(outcome);
            }
        }
        Err(Fault::App.into())
    }

    async fn send(
        &self,
        slot: &Slot,
        request: &Request,
        bearer: Option<&HeaderValue>,
    ) -> Result<Outcome, CodeHostError> {
        let (now, until) = (self.app.now(), slot.limited_until());
        if now < until {
            let wait = Duration::from_micros(until.0.abs_diff(now.0));
            if wait > self.http.patience().limits {
                return Err(CodeHostError::RateLimited { until });
            }
            tokio::time::sleep(wait).await;
        }
        let failed = match self.http.send(request, bearer, self.app.now_at_github()).await {
            Ok(outcome) => return Ok(outcome),
            Err(failed) => failed,
        };
        Err(match failed {
            Failed::Limited(wait) => {
                let micros = i64::try_from(wait.as_micros()).expect("no wait is longer than an hour");
                let until = Timestamp(self.app.now().0 + micros);
                slot.limit(until);
                CodeHostError::RateLimited { until }
            }
            Failed::TooLarge(limit) => CodeHostError::TooLarge { limit },
            Failed::Fault(fault) => fault.into(),
        })
    }

    /// A token that is good for a while and is not `refused`.
    async fn token(
        &self,
        slot: &Slot,
        installation: InstallationId,
        refused: Option<&Arc<Token>>,
    ) -> Result<Arc<Token>, CodeHostError> {
        let mut held = slot.token.lock().await;
        if let Some(token) = held.as_ref()
            && token.is_good(self.app.now_at_github())
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, token))
        {
            return Ok(Arc::clone(token));
        }
        *held = None;
        let token = Arc::new(self.fresh_token(slot, installation).await?);
        *held = Some(Arc::clone(&token));
        Ok(token)
    }

    async fn fresh_token(&self, slot: &Slot, installation: InstallationId) -> Result<Token, CodeHostError> {
        let id = installation.to_string();
        let url = self.api().url(["app", "installations", &id, "access_tokens"]);
        // A token more does no harm.
        let request = Request::post(url, json!({}), Repeat::Safe);
        let answer = match self.send_as_app(slot, &request).await? {
            Outcome::Whole(answer) => answer,
            Outcome::Refused(refusal) => {
                return Err(match refusal.status {
                    StatusCode::FORBIDDEN if is_suspended(&refusal) => CodeHostError::Suspended,
                    StatusCode::NOT_FOUND => CodeHostError::NotInstalled,
                    status => Fault::Status(status.as_u16()).into(),
                });
            }
            Outcome::Stream(_) | Outcome::Elsewhere(_) => return Err(Fault::Unreadable.into()),
        };
        let TokenAnswer { token, expires_at } = answer.json()?;
        let ends = Timestamp::parse_rfc3339(&expires_at).ok_or(Fault::Unreadable)?;
        Ok(Token { bearer: bearer(&token)?, ends })
    }
}

fn is_unauthorized(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(refusal) if refusal.status == StatusCode::UNAUTHORIZED)
}

/// The text is the only thing that tells it from a missing permission.
fn is_suspended(refusal: &Refusal) -> bool {
    refusal.says("suspended")
}

impl About {
    /// What a refusal means.
    pub(crate) fn error(self, refusal: &Refusal) -> CodeHostError {
        let missing = || match self.missing {
            Missing::Repository => CodeHostError::RepositoryNotFound,
            Missing::Ref => CodeHostError::RefNotFound,
            Missing::Other(what) => CodeHostError::NotFound { what },
        };
        match refusal.status {
            StatusCode::FORBIDDEN if is_suspended(refusal) => CodeHostError::Suspended,
            StatusCode::FORBIDDEN => CodeHostError::NotPermitted { permission: self.permission },
            StatusCode::NOT_FOUND => missing(),
            // Nothing can be at a commit of an empty repository.
            StatusCode::CONFLICT if refusal.says("is empty") => CodeHostError::RefNotFound,
            StatusCode::UNPROCESSABLE_ENTITY if refusal.says("No commit found") => CodeHostError::RefNotFound,
            StatusCode::GONE | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => CodeHostError::RepositoryNotFound,
            status => CodeHostError::Refused(Fault::Status(status.as_u16()).into()),
        }
    }
}

impl CodeHost for GitHubApp {
    fn repository<'a>(
        &'a self,
        at: &'a InstalledRepository,
    ) -> BoxFuture<'a, Result<RepositoryFacts, CodeHostError>> {
        Box::pin(self.facts(at))
    }

    fn resolve<'a>(
        &'a self,
        at: &'a InstalledRepository,
        reference: &'a GitRef,
    ) -> BoxFuture<'a, Result<CommitSha, CodeHostError>> {
        Box::pin(self.commit_of(at, reference))
    }

    fn download<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: CommitSha,
        into: &'a Path,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<u64, CodeHostError>> {
        Box::pin(self.archive(at, commit, into, max_bytes))
    }

    fn read_file<'a>(
        &'a self,
        at: &'a InstalledRepository,
        reference: &'a GitRef,
        file: &'a RepositoryFile,
        max_bytes: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, CodeHostError>> {
        Box::pin(self.content(at, reference, file, max_bytes))
    }

    fn pull_request<'a>(
        &'a self,
        at: &'a InstalledRepository,
        number: PullRequestNumber,
    ) -> BoxFuture<'a, Result<PullRequest, CodeHostError>> {
        Box::pin(self.pull(at, number))
    }

    fn changed_files<'a>(
        &'a self,
        at: &'a InstalledRepository,
        number: PullRequestNumber,
    ) -> BoxFuture<'a, Result<Vec<ChangedFile>, CodeHostError>> {
        Box::pin(self.pull_files(at, number))
    }

    fn find_check_run<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: CommitSha,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<FoundCheckRun>, CodeHostError>> {
        Box::pin(self.find_check(at, commit, name))
    }

    fn create_check_run<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: CommitSha,
        run: &'a CheckRun,
    ) -> BoxFuture<'a, Result<CheckRunId, CodeHostError>> {
        Box::pin(self.create_check(at, commit, run))
    }

    fn update_check_run<'a>(
        &'a self,
        at: &'a InstalledRepository,
        id: CheckRunId,
        run: &'a CheckRun,
    ) -> BoxFuture<'a, Result<(), CodeHostError>> {
        Box::pin(self.update_check(at, id, run))
    }

    fn commit<'a>(
        &'a self,
        at: &'a InstalledRepository,
        commit: &'a NewCommit,
    ) -> BoxFuture<'a, Result<CommitSha, CodeHostError>> {
        Box::pin(self.commit_changes(at, commit))
    }

    fn open_pull_request<'a>(
        &'a self,
        at: &'a InstalledRepository,
        request: &'a NewPullRequest,
    ) -> BoxFuture<'a, Result<OpenedPullRequest, CodeHostError>> {
        Box::pin(self.open_pull(at, request))
    }
}
