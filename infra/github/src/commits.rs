//! Commits, made of blobs and a tree without a working copy. <https://docs.github.com/en/rest/git>

use crate::error::Fault;
use crate::host::{About, GitHubApp, Missing};
use crate::http::{Outcome, Repeat, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use scanledger_commands::ports::{CodeHostError, NewCommit, Permission};
use scanledger_domain::code_host::{CommitSha, InstalledRepository};
use scanledger_domain::limits::{COMMIT_BYTES, COMMIT_FILES};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The mode of a regular file that nobody may execute.
const REGULAR: &str = "100644";
/// What branches are called in full begins so.
const HEADS: &str = "refs/heads/";

const READ: About = About { permission: Permission::ReadContents, missing: Missing::Ref };
const WRITE: About = About { permission: Permission::WriteContents, missing: Missing::Repository };

/// A blob or a tree.
#[derive(Deserialize, PartialEq, Eq)]
struct Object {
    sha: String,
}

#[derive(Deserialize)]
struct CommitAnswer {
    sha: String,
    tree: Object,
    parents: Vec<Object>,
    message: String,
}

#[derive(Deserialize)]
struct RefAnswer {
    object: Object,
}

impl GitHubApp {
    pub(crate) async fn commit_changes(
        &self,
        at: &InstalledRepository,
        commit: &NewCommit,
    ) -> Result<CommitSha, CodeHostError> {
        check(commit)?;
        let parent = self.find_commit(at, &commit.parent.to_string()).await?;
        let mut entries = Vec::with_capacity(commit.changes.len());
        for change in &commit.changes {
            let blob = json!({ "content": STANDARD.encode(&change.content), "encoding": "base64" });
            let Object { sha } = self.make(at, ["git", "blobs"], blob).await?;
            entries
                .push(json!({ "path": change.file.as_str(), "mode": REGULAR, "type": "blob", "sha": sha }));
        }
        let tree = json!({ "base_tree": parent.tree.sha, "tree": entries });
        let tree: Object = self.make(at, ["git", "trees"], tree).await?;
        let body = json!({ "message": commit.message, "tree": tree.sha, "parents": [parent.sha] });
        let made: Object = self.make(at, ["git", "commits"], body).await?;
        self.branch(at, commit, &tree, &made).await
    }

    /// Makes the branch at the commit. If somebody made it before, maybe we did.
    async fn branch(
        &self,
        at: &InstalledRepository,
        commit: &NewCommit,
        tree: &Object,
        made: &Object,
    ) -> Result<CommitSha, CodeHostError> {
        let name = commit.branch.as_str();
        let name = name.strip_prefix(HEADS).unwrap_or(name);
        let url = self.api().repository(&at.repository, ["git", "refs"]);
        let body = json!({ "ref": format!("{HEADS}{name}"), "sha": made.sha });
        let request = Request::post(url, body, Repeat::Safe);
        match self.ask(at.installation, request).await? {
            Outcome::Whole(_) => Ok(sha(made)?),
            Outcome::Refused(refusal)
                if refusal.status == StatusCode::UNPROCESSABLE_ENTITY
                    && refusal.says("Reference already exists") =>
            {
                let there = self.branch_commit(at, name).await?;
                let is_ours = there.tree == *tree
                    && there.message == commit.message
                    && matches!(&there.parents[..], [parent] if parent.sha == commit.parent.to_string());
                if is_ours { Ok(sha(&Object { sha: there.sha })?) } else { Err(CodeHostError::BranchExists) }
            }
            Outcome::Refused(refusal) => Err(WRITE.error(&refusal)),
            Outcome::Stream(_) | Outcome::Elsewhere(_) => Err(Fault::Unreadable.into()),
        }
    }

    async fn branch_commit(
        &self,
        at: &InstalledRepository,
        name: &str,
    ) -> Result<CommitAnswer, CodeHostError> {
        let segments = ["git", "ref", "heads"].into_iter().chain(name.split('/'));
        let url = self.api().repository(&at.repository, segments);
        let found: RefAnswer = self.answer(at.installation, Request::get(url), READ).await?.json()?;
        self.find_commit(at, &found.object.sha).await
    }

    async fn find_commit(&self, at: &InstalledRepository, sha: &str) -> Result<CommitAnswer, CodeHostError> {
        let url = self.api().repository(&at.repository, ["git", "commits", sha]);
        Ok(self.answer(at.installation, Request::get(url), READ).await?.json()?)
    }

    /// Makes an object, which nobody sees until a branch leads to it; so it may be made twice.
    async fn make<T: DeserializeOwned>(
        &self,
        at: &InstalledRepository,
        segments: [&'static str; 2],
        body: Value,
    ) -> Result<T, CodeHostError> {
        let url = self.api().repository(&at.repository, segments);
        let request = Request::post(url, body, Repeat::Safe);
        Ok(self.answer(at.installation, request, WRITE).await?.json()?)
    }
}

fn sha(object: &Object) -> Result<CommitSha, Fault> {
    object.sha.parse().map_err(|_| Fault::Unreadable)
}

fn check(commit: &NewCommit) -> Result<(), CodeHostError> {
    let files: HashSet<_> = commit.changes.iter().map(|change| &change.file).collect();
    if files.is_empty() || files.len() != commit.changes.len() {
        return Err(Fault::Changes.into());
    }
    let bytes: usize = commit.changes.iter().map(|change| change.content.len()).sum();
    match (files.len(), bytes) {
        (files, _) if files > COMMIT_FILES => Err(CodeHostError::TooLarge { limit: COMMIT_FILES as u64 }),
        (_, bytes) if bytes > COMMIT_BYTES => Err(CodeHostError::TooLarge { limit: COMMIT_BYTES as u64 }),
        _ => Ok(()),
    }
}
