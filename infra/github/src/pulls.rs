//! Pull requests. <https://docs.github.com/en/rest/pulls/pulls>

use crate::error::Fault;
use crate::host::{About, GitHubApp, Missing};
use crate::http::{Outcome, Repeat, Request};
use reqwest::StatusCode;
use scanledger_commands::ports::{
    ChangedFile, CodeHostError, FileStatus, HeadOrigin, NewPullRequest, OpenedPullRequest, Permission,
    PullRequest, PullRequestEnd,
};
use scanledger_domain::code_host::{InstalledRepository, PullRequestNumber};
use scanledger_domain::limits::{HOST_TEXT_CHARS, PULL_REQUEST_FILES};
use serde::Deserialize;
use serde_json::json;

/// Rows on a page; GitHub gives no more.
const PAGE: usize = 100;

const READ: About =
    About { permission: Permission::ReadPullRequests, missing: Missing::Other("pull request") };
const WRITE: About = About { permission: Permission::WritePullRequests, missing: Missing::Repository };

#[derive(Deserialize)]
struct RepositoryAnswer {
    id: u64,
}

#[derive(Deserialize)]
struct EndAnswer {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// Absent when the fork is gone.
    repo: Option<RepositoryAnswer>,
}

#[derive(Deserialize)]
struct PullAnswer {
    base: EndAnswer,
    head: EndAnswer,
}

#[derive(Deserialize)]
struct FileAnswer {
    filename: String,
    status: String,
}

#[derive(Deserialize)]
struct OpenedAnswer {
    number: PullRequestNumber,
    html_url: String,
    title: String,
}

impl EndAnswer {
    fn end(&self) -> Result<PullRequestEnd, Fault> {
        Ok(PullRequestEnd {
            branch: self.branch.parse().map_err(|_| Fault::Unreadable)?,
            commit: self.sha.parse().map_err(|_| Fault::Unreadable)?,
        })
    }
}

impl From<OpenedAnswer> for OpenedPullRequest {
    fn from(answer: OpenedAnswer) -> Self {
        Self { number: answer.number, url: answer.html_url, title: answer.title }
    }
}

impl GitHubApp {
    pub(crate) async fn pull(
        &self,
        at: &InstalledRepository,
        number: PullRequestNumber,
    ) -> Result<PullRequest, CodeHostError> {
        let url = self.api().repository(&at.repository, ["pulls", &number.to_string()]);
        let answer = self.answer(at.installation, Request::get(url), READ).await?;
        let PullAnswer { base, head } = answer.json()?;
        let is_own = matches!((&base.repo, &head.repo), (Some(base), Some(head)) if base.id == head.id);
        let origin = if is_own { HeadOrigin::SameRepository } else { HeadOrigin::Fork };
        Ok(PullRequest { number, base: base.end()?, head: head.end()?, origin })
    }

    pub(crate) async fn pull_files(
        &self,
        at: &InstalledRepository,
        number: PullRequestNumber,
    ) -> Result<Vec<ChangedFile>, CodeHostError> {
        let mut files = Vec::new();
        for page in 1..=PULL_REQUEST_FILES.div_ceil(PAGE) {
            let mut url = self.api().repository(&at.repository, ["pulls", &number.to_string(), "files"]);
            url.query_pairs_mut()
                .append_pair("per_page", &PAGE.to_string())
                .append_pair("page", &page.to_string());
            let answer = self.answer(at.installation, Request::get(url), READ).await?;
            let rows: Vec<FileAnswer> = answer.json()?;
            let is_last = rows.len() < PAGE;
            files.extend(rows.into_iter().map(ChangedFile::from));
            if is_last {
                break;
            }
        }
        files.truncate(PULL_REQUEST_FILES);
        Ok(files)
    }

    pub(crate) async fn open_pull(
        &self,
        at: &InstalledRepository,
        request: &NewPullRequest,
    ) -> Result<OpenedPullRequest, CodeHostError> {
        let url = self.api().repository(&at.repository, ["pulls"]);
        let body: String = request.body.chars().take(HOST_TEXT_CHARS).collect();
        let post = json!({
            "title": request.title,
            "head": request.head.as_str(),
            "base": request.base.as_str(),
            "body": body,
        });
        // A second one for the same branches is refused, and then found.
        let post = Request::post(url, post, Repeat::Safe);
        match self.ask(at.installation, post).await? {
            Outcome::Whole(answer) => Ok(answer.json::<OpenedAnswer>()?.into()),
            Outcome::Refused(refusal) if refusal.status == StatusCode::UNPROCESSABLE_ENTITY => {
                let open = self.find_open_pull(at, request).await?;
                open.ok_or_else(|| WRITE.error(&refusal))
            }
            Outcome::Refused(refusal) => Err(WRITE.error(&refusal)),
            Outcome::Stream(_) | Outcome::Elsewhere(_) => Err(Fault::Unreadable.into()),
        }
    }

    async fn find_open_pull(
        &self,
        at: &InstalledRepository,
        request: &NewPullRequest,
    ) -> Result<Option<OpenedPullRequest>, CodeHostError> {
        let mut url = self.api().repository(&at.repository, ["pulls"]);
        url.query_pairs_mut()
            .append_pair("state", "open")
            .append_pair("head", &format!("{}:{}", at.repository.owner, request.head))
            .append_pair("base", request.base.as_str());
        let answer = self.answer(at.installation, Request::get(url), READ).await?;
        let open: Vec<OpenedAnswer> = answer.json()?;
        Ok(open.into_iter().next().map(OpenedPullRequest::from))
    }
}

impl From<FileAnswer> for ChangedFile {
    fn from(answer: FileAnswer) -> Self {
        let status = match answer.status.as_str() {
            "added" | "copied" => FileStatus::Added,
            "removed" => FileStatus::Removed,
            "renamed" => FileStatus::Renamed,
            // `modified`, `changed` (the mode), `unchanged`.
            _ => FileStatus::Modified,
        };
        Self { path: answer.filename, status }
    }
}
