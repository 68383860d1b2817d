//! What is in a repository.
//! <https://docs.github.com/en/rest/repos>, <https://docs.github.com/en/rest/apps/apps>

use crate::error::Fault;
use crate::host::{About, GitHubApp, Missing};
use crate::http::{Outcome, Request};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use scanledger_commands::ports::{CodeHostError, Permission, RepositoryFacts, Visibility};
use scanledger_domain::code_host::{
    CommitSha, GitRef, InstallationId, InstalledRepository, Repository, RepositoryFile,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::path::Path;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// Bytes of an answer that is one SHA.
const SHA_BYTES: u64 = 1_024;
/// Servers that an archive may be sent from one after the other.
const ARCHIVE_HOPS: u32 = 3;
/// How often an archive that breaks off is asked for.
const DOWNLOADS: u32 = 2;

const CONTENTS: About = About { permission: Permission::ReadContents, missing: Missing::Repository };

#[derive(Deserialize)]
struct InstallationAnswer {
    id: InstallationId,
    suspended_at: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    full_name: String,
    default_branch: String,
    private: bool,
}

/// Whether the app is on a repository.
enum Installed {
    Yes,
    /// Or there is no such repository.
    No,
}

impl GitHubApp {
    pub(crate) async fn facts(&self, at: &InstalledRepository) -> Result<RepositoryFacts, CodeHostError> {
        let installed = self.installed(at).await?;
        let request = Request::get(self.api().repository(&at.repository, []));
        // What is everybody's to see is no proof that the app is on it.
        let answer = self.answer(at.installation, request, CONTENTS).await?;
        if matches!(installed, Installed::No) {
            return Err(CodeHostError::NotInstalled);
        }
        let RepositoryAnswer { full_name, default_branch, private } = answer.json()?;
        Ok(RepositoryFacts {
            repository: full_name.parse::<Repository>().map_err(|_| Fault::Unreadable)?,
            default_branch: default_branch.parse().map_err(|_| Fault::Unreadable)?,
            visibility: if private { Visibility::Private } else { Visibility::Public },
        })
    }

    async fn installed(&self, at: &InstalledRepository) -> Result<Installed, CodeHostError> {
        let request = Request::get(self.api().repository(&at.repository, ["installation"]));
        let answer = match self.ask_as_app(at.installation, &request).await? {
            Outcome::Whole(answer) => answer,
            Outcome::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND => return Ok(Installed::No),
            Outcome::Refused(refusal) => return Err(CONTENTS.error(&refusal)),
            Outcome::Stream(_) | Outcome::Elsewhere(_) => return Err(Fault::Unreadable.into()),
        };
        let found: InstallationAnswer = answer.json()?;
        match found {
            InstallationAnswer { id, .. } if id != at.installation => Err(CodeHostError::NotInstalled),
            InstallationAnswer { suspended_at: Some(_), .. } => Err(CodeHostError::Suspended),
            InstallationAnswer { suspended_at: None, .. } => Ok(Installed::Yes),
        }
    }

    pub(crate) async fn commit_of(
        &self,
        at: &InstalledRepository,
        reference: &GitRef,
    ) -> Result<CommitSha, CodeHostError> {
        let segments = std::iter::once("commits").chain(reference.as_str().split('/'));
        let request = Request::get(self.api().repository(&at.repository, segments))
            .raw("application/vnd.github.sha", SHA_BYTES);
        let answer = self.answer(at.installation, request, CONTENTS).await?;
        let text = std::str::from_utf8(&answer.body).map_err(|_| Fault::Unreadable)?;
        Ok(text.trim().parse().map_err(|_| Fault::Unreadable)?)
    }

    pub(crate) async fn content(
        &self,
        at: &InstalledRepository,
        reference: &GitRef,
        file: &RepositoryFile,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, CodeHostError> {
        let segments = std::iter::once("contents").chain(file.as_str().split('/'));
        let mut url = self.api().repository(&at.repository, segments);
        url.query_pairs_mut().append_pair("ref", reference.as_str());
        let request = Request::get(url).raw("application/vnd.github.raw+json", max_bytes);
        let answer = match self.ask(at.installation, request).await? {
            Outcome::Whole(answer) => answer,
            Outcome::Refused(refusal) if refusal.says("No commit found") => {
                return Err(CodeHostError::RefNotFound);
            }
            Outcome::Refused(refusal) if refusal.status == StatusCode::NOT_FOUND => return Ok(None),
            Outcome::Refused(refusal) => return Err(CONTENTS.error(&refusal)),
            Outcome::Stream(_) | Outcome::Elsewhere(_) => return Err(Fault::Unreadable.into()),
        };
        // Files come as they are; folders are listed in plain JSON.
        let media_type = answer.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        let is_folder = media_type.is_some_and(|value| value.starts_with(b"application/json"));
        Ok((!is_folder).then_some(answer.body))
    }

    pub(crate) async fn archive(
        &self,
        at: &InstalledRepository,
        commit: CommitSha,
        into: &Path,
        max_bytes: u64,
    ) -> Result<u64, CodeHostError> {
        for _ in 1..DOWNLOADS {
            let answer = self.open_archive(at, commit).await?;
            match keep(answer, into, max_bytes).await {
                Err(CodeHostError::Unreachable(_)) => {}
                kept => return kept,
            }
        }
        keep(self.open_archive(at, commit).await?, into, max_bytes).await
    }

    async fn open_archive(
        &self,
        at: &InstalledRepository,
        commit: CommitSha,
    ) -> Result<Response, CodeHostError> {
        let segments = ["tarball", &commit.to_string()];
        let request = Request::get(self.api().repository(&at.repository, segments)).stream();
        let mut outcome = self.ask(at.installation, request).await?;
        let mut about = CONTENTS;
        for _ in 0..=ARCHIVE_HOPS {
            match outcome {
                Outcome::Stream(answer) => return Ok(answer),
                Outcome::Refused(refusal) => return Err(about.error(&refusal)),
                Outcome::Whole(_) => return Err(Fault::Unreadable.into()),
                Outcome::Elsewhere(url) => {
                    let request = Request::get(url).stream();
                    outcome = self.ask_elsewhere(at.installation, &request).await?;
                    // The repository is there, or there would be no way to its archive.
                    about.missing = Missing::Ref;
                }
            }
        }
        Err(Fault::Redirect.into())
    }
}

/// Writes an answer into a file.
async fn keep(mut answer: Response, into: &Path, max_bytes: u64) -> Result<u64, CodeHostError> {
    let too_large = CodeHostError::TooLarge { limit: max_bytes };
    let local = |error: std::io::Error| CodeHostError::Local(error.into());
    if answer.content_length().is_some_and(|length| length > max_bytes) {
        return Err(too_large);
    }
    let mut file = File::create(into).await.map_err(local)?;
    let mut bytes = 0;
    loop {
        let chunk = answer.chunk().await.map_err(|error| Fault::Unanswered(error.without_url()))?;
        let Some(chunk) = chunk else { break };
        bytes += chunk.len() as u64;
        if bytes > max_bytes {
            return Err(too_large);
        }
        file.write_all(&chunk).await.map_err(local)?;
    }
    file.flush().await.map_err(local)?;
    Ok(bytes)
}
