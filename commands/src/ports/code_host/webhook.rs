//! What the code host tells on its own: who signed it, and what it is (dpendx reference §4).

use hmac::{Hmac, KeyInit as _, Mac as _};
use scanledger_domain::check::HostedBranch;
use scanledger_domain::code_host::{
    CheckRunId, CommitSha, GitRef, InstallationId, InstalledRepository, PullRequestNumber, Repository,
    RepositoryName, RepositoryOwner,
};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::Sha256;
use std::fmt;

/// What is before the digits in `X-Hub-Signature-256`.
const SCHEME: &str = "sha256=";

/// What only the host and this server know. `Debug` does not show it.
#[derive(Clone)]
pub struct WebhookSecret(Box<[u8]>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// Why a delivery is nobody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// It has no signature.
    #[error("the delivery is not signed")]
    Missing,
    /// The signature is not `sha256=` and 64 hexadecimal digits.
    #[error("the signature of the delivery is none")]
    Malformed,
    /// Somebody else signed it, or signed something else.
    #[error("the signature of the delivery is wrong")]
    Wrong,
}

impl WebhookSecret {
    /// The secret that was configured at the host; `None` if it is empty, because then anybody could sign.
    pub fn new(secret: &str) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(secret.as_bytes().into()))
    }

    /// Whether the host signed exactly this body: HMAC-SHA256 (RFC 2104) against the header `X-Hub-Signature-256`. It
    /// takes as long for every wrong signature.
    ///
    /// # Errors
    /// Every [`SignatureRefusal`].
    pub fn verify(&self, body: &[u8], signature: Option<&str>) -> Result<(), SignatureRefusal> {
        let digits = signature.ok_or(SignatureRefusal::Missing)?.strip_prefix(SCHEME);
        let mut shown = [0; 32];
        hex::decode_to_slice(digits.ok_or(SignatureRefusal::Malformed)?, &mut shown)
            .map_err(|_| SignatureRefusal::Malformed)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of every length");
        mac.update(body);
        mac.verify_slice(&shown).map_err(|_| SignatureRefusal::Wrong)
    }
}

/// Whether the head of a pull request is a branch of the same repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadOrigin {
    /// It is.
    SameRepository,
    /// It is a branch of a fork, or of one that is gone: its name says nothing about the repository's own branches.
    Fork,
}

/// What happened to a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestStep {
    /// It is new.
    Opened,
    /// Its head has other commits.
    Synchronized,
    /// It was closed and is open again.
    Reopened,
}

/// Why a branch is not worked on any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchEnd {
    /// Its pull request was merged.
    Merged,
    /// It is gone.
    Deleted,
}

/// Why an installation cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationEnd {
    /// It is gone; another one has another number.
    Deleted,
    /// It may come back.
    Suspended,
}

/// What the host tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookEvent {
    /// A pull request has commits that nobody has looked at.
    PullRequest {
        /// Where.
        at: InstalledRepository,
        /// What happened.
        step: PullRequestStep,
        /// Which one.
        number: PullRequestNumber,
        /// Its last commit.
        head: CommitSha,
        /// The branch with that commit.
        branch: GitRef,
        /// Whose branch it is.
        origin: HeadOrigin,
    },
    /// A branch is not worked on any more.
    BranchEnded {
        /// Where.
        at: InstalledRepository,
        /// Which one.
        branch: HostedBranch,
        /// Why.
        end: BranchEnd,
    },
    /// Somebody pressed a button of a check run.
    ActionRequested {
        /// Where.
        at: InstalledRepository,
        /// The check run.
        check_run: CheckRunId,
        /// Its commit.
        head: CommitSha,
        /// What the button stands for; no more than 20 characters if it is one of ours.
        identifier: String,
    },
    /// Somebody wants a check run to be made again.
    RerunRequested {
        /// Where.
        at: InstalledRepository,
        /// The check run.
        check_run: CheckRunId,
        /// Its commit.
        head: CommitSha,
    },
    /// An installation cannot be used any more.
    InstallationEnded {
        /// Which one.
        installation: InstallationId,
        /// Why.
        end: InstallationEnd,
    },
    /// Something that is nothing to us.
    Ignored,
}

/// What should be an event is none.
#[derive(Debug, thiserror::Error)]
#[error("the payload of the event cannot be read")]
pub struct InvalidPayload(#[source] serde_json::Error);

#[derive(Deserialize)]
struct Acted {
    action: Option<String>,
}

#[derive(Deserialize)]
struct InstallationPart {
    id: InstallationId,
}

#[derive(Deserialize)]
struct OwnerPart {
    login: RepositoryOwner,
}

#[derive(Deserialize)]
struct RepositoryPart {
    owner: OwnerPart,
    name: RepositoryName,
}

#[derive(Deserialize)]
struct Place {
    installation: InstallationPart,
    repository: RepositoryPart,
}

#[derive(Deserialize)]
struct HeadRepositoryPart {
    full_name: String,
}

/// The repository of a head: `null` when the fork is gone, absent in payloads that say less than GitHub's.
#[derive(Default)]
enum HeadRepository {
    #[default]
    Unsaid,
    Gone,
    Is(String),
}

impl<'de> Deserialize<'de> for HeadRepository {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = Option::<HeadRepositoryPart>::deserialize(deserializer)?;
        Ok(part.map_or(Self::Gone, |part| Self::Is(part.full_name)))
    }
}

#[derive(Deserialize)]
struct HeadPart {
    sha: CommitSha,
    #[serde(rename = "ref")]
    branch: GitRef,
    #[serde(default)]
    repo: HeadRepository,
}

#[derive(Deserialize)]
struct PullRequestPart {
    head: HeadPart,
    merged: Option<bool>,
}

#[derive(Deserialize)]
struct PullRequestPayload {
    #[serde(flatten)]
    place: Place,
    number: PullRequestNumber,
    pull_request: PullRequestPart,
}

#[derive(Deserialize)]
struct KindPart {
    ref_type: String,
}

#[derive(Deserialize)]
struct DeletePayload {
    #[serde(flatten)]
    place: Place,
    #[serde(rename = "ref")]
    branch: GitRef,
}

#[derive(Deserialize)]
struct CheckRunPart {
    id: CheckRunId,
    head_sha: CommitSha,
}

#[derive(Deserialize)]
struct RequestedPart {
    identifier: String,
}

#[derive(Deserialize)]
struct CheckRunPayload {
    #[serde(flatten)]
    place: Place,
    check_run: CheckRunPart,
    requested_action: Option<RequestedPart>,
}

#[derive(Deserialize)]
struct InstallationPayload {
    installation: InstallationPart,
}

impl WebhookEvent {
    /// What a delivery says, by its header `X-GitHub-Event` and its body. Its signature has to be checked before.
    ///
    /// # Errors
    /// [`InvalidPayload`] for a body that is no JSON, or an event that we act on without what it takes.
    pub fn read(event: &str, body: &[u8]) -> Result<Self, InvalidPayload> {
        let action = match event {
            "pull_request" | "check_run" | "installation" => read::<Acted>(body)?.action.unwrap_or_default(),
            // What is deleted may be a tag as well.
            "delete" => read::<KindPart>(body)?.ref_type,
            _ => {
                read::<IgnoredAny>(body)?;
                return Ok(Self::Ignored);
            }
        };
        match (event, action.as_str()) {
            ("pull_request", "opened") => pull_request(PullRequestStep::Opened, read(body)?),
            ("pull_request", "synchronize") => pull_request(PullRequestStep::Synchronized, read(body)?),
            ("pull_request", "reopened") => pull_request(PullRequestStep::Reopened, read(body)?),
            ("pull_request", "closed") => Ok(pull_request_closed(read(body)?)),
            ("delete", "branch") => Ok(deleted(read(body)?)),
            ("check_run", "requested_action") => requested(read(body)?),
            ("check_run", "rerequested") => rerequested(read(body)?),
            ("installation", "deleted") => ended(InstallationEnd::Deleted, read(body)?),
            ("installation", "suspend") => ended(InstallationEnd::Suspended, read(body)?),
            _ => Ok(Self::Ignored),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidPayload> {
    serde_json::from_slice(body).map_err(InvalidPayload)
}

impl From<Place> for InstalledRepository {
    fn from(place: Place) -> Self {
        let RepositoryPart { owner, name } = place.repository;
        Self { installation: place.installation.id, repository: Repository { owner: owner.login, name } }
    }
}

impl HeadRepository {
    fn origin(&self, at: &InstalledRepository) -> HeadOrigin {
        match self {
            Self::Is(name) if !name.eq_ignore_ascii_case(&at.repository.to_string()) => HeadOrigin::Fork,
            Self::Gone => HeadOrigin::Fork,
            Self::Is(_) | Self::Unsaid => HeadOrigin::SameRepository,
        }
    }
}

fn pull_request(step: PullRequestStep, payload: PullRequestPayload) -> Result<WebhookEvent, InvalidPayload> {
    let at = InstalledRepository::from(payload.place);
    let HeadPart { sha, branch, repo } = payload.pull_request.head;
    let origin = repo.origin(&at);
    Ok(WebhookEvent::PullRequest { at, step, number: payload.number, head: sha, branch, origin })
}

/// A pull request that was closed without being merged ends its branch only if that is gone: one of the repository itself
/// is told by `delete`.
fn pull_request_closed(payload: PullRequestPayload) -> WebhookEvent {
    let at = InstalledRepository::from(payload.place);
    let PullRequestPart { head, merged } = payload.pull_request;
    let end = match (merged, &head.repo) {
        (Some(true), _) => BranchEnd::Merged,
        (Some(false) | None, HeadRepository::Gone) => BranchEnd::Deleted,
        (Some(false) | None, HeadRepository::Is(_) | HeadRepository::Unsaid) => return WebhookEvent::Ignored,
    };
    let branch = match head.repo.origin(&at) {
        HeadOrigin::SameRepository => HostedBranch::Own(head.branch),
        HeadOrigin::Fork => HostedBranch::PullRequest(payload.number),
    };
    WebhookEvent::BranchEnded { at, branch, end }
}

fn deleted(payload: DeletePayload) -> WebhookEvent {
    let branch = HostedBranch::Own(payload.branch);
    WebhookEvent::BranchEnded { at: payload.place.into(), branch, end: BranchEnd::Deleted }
}

fn requested(payload: CheckRunPayload) -> Result<WebhookEvent, InvalidPayload> {
    let missing = || InvalidPayload(serde::de::Error::missing_field("requested_action"));
    let identifier = payload.requested_action.ok_or_else(missing)?.identifier;
    let CheckRunPart { id, head_sha } = payload.check_run;
    Ok(WebhookEvent::ActionRequested { at: payload.place.into(), check_run: id, head: head_sha, identifier })
}

fn rerequested(payload: CheckRunPayload) -> Result<WebhookEvent, InvalidPayload> {
    let CheckRunPart { id, head_sha } = payload.check_run;
    Ok(WebhookEvent::RerunRequested { at: payload.place.into(), check_run: id, head: head_sha })
}

fn ended(end: InstallationEnd, payload: InstallationPayload) -> Result<WebhookEvent, InvalidPayload> {
    Ok(WebhookEvent::InstallationEnded { installation: payload.installation.id, end })
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
