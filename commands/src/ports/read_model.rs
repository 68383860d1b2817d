//! What commands read besides streams.

use scanledger_domain::branch::{BaseBranch, BranchRole, Inventory, KnownAdvisory, Present, Soundness};
use scanledger_domain::component::Package;
use scanledger_domain::finding::{Fingerprint, TriageState};
use scanledger_domain::id::{
    ApiKeyId, BranchId, FindingId, HoneytokenId, IncidentId, OrganizationId, ProjectId, ScanId, TeamId,
    UserId,
};
use scanledger_domain::identity::{KeyForm, ProjectScope, Visible};
use scanledger_domain::incident::Opening;
use scanledger_domain::log::{Position, Version};
use scanledger_domain::project::Gate;
use scanledger_domain::scan::ScanStatus;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use std::collections::HashMap;
use std::time::Duration;

/// A read model did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It did not reach a position in time; later it may.
    #[error("the read model did not reach position {wanted} in time")]
    TooLate {
        /// The position.
        wanted: Position,
    },
    /// It failed.
    #[error("the read model failed while trying to {doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// What is on a branch, read in one transaction together with the version that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventorySnapshot {
    /// The version of the branch's stream; 0 if it was never open.
    pub version: Version,
    /// What is on it. If it is not open, what was on it ([`Inventory::starting_from`] what is on the base, if it has
    /// one), with `opened: None`.
    pub inventory: Inventory,
    /// What a branch that is not open starts from: the project's default branch, if that is open and another one.
    pub base: Option<BaseBranch>,
    /// Whether `inventory` is what the log says.
    pub soundness: Soundness,
}

/// Findings of some scanners that are on a branch or, if it is closed, were when it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentFindings {
    /// In any order.
    pub findings: Vec<Present>,
    /// Whether that is what the log says.
    pub soundness: Soundness,
}

/// A branch that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBranch {
    /// The branch.
    pub branch: BranchId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The version of its stream.
    pub version: Version,
    /// What it is to its project.
    pub role: BranchRole,
    /// When results of it were last complete or, without any, when it was opened.
    pub heard_at: Timestamp,
}

/// What people decided about findings of a branch, read in one transaction together with the gate.
#[derive(Debug, Clone, PartialEq)]
pub struct TriageSnapshot {
    /// The position that the read model had reached.
    pub read_at: Position,
    /// The project's gate at that position.
    pub gate: Gate,
    /// Decisions and last notes about findings that are on the branch, or were when it was closed, and perhaps about
    /// others of its project; undecided ones are left out.
    pub decisions: HashMap<FindingId, (TriageState, Option<String>)>,
}

/// A honeytoken that is known by its access id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownHoneytoken {
    /// The honeytoken.
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    pub organization: OrganizationId,
}

/// A scan that waits for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnableScan {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Whether nothing may run beside it, because workers vanished twice under it
    /// ([`scanledger_domain::scan::ScanLife::must_run_alone`]).
    pub must_run_alone: bool,
    /// Position of its `scan.queued`.
    pub queued_at: Position,
}

/// A scan that some worker holds or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldScan {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Running, settling, or stopped with a partial result owed.
    pub status: ScanStatus,
    /// The present attempt.
    pub attempt: u32,
}

/// A scan that a client runs and that nobody has heard of for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentScan {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
}

/// A finding that the read model knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFinding {
    /// The finding.
    pub finding: FindingId,
    /// Where its project belongs.
    pub scope: ProjectScope,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The secret that it is about: decisions are those of the secret's incident.
    pub secret: Option<Opening>,
}

/// Whose an incident is, and where its secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentOwner {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Projects in which its secret stands or stood, deleted ones aside.
    pub projects: Vec<ProjectScope>,
}

/// What a scan left to do about incidents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unsettled {
    /// Incidents that there are not.
    pub missing: Vec<IncidentId>,
    /// Incidents that are fixed, and of which a finding came to the branch since, by a scan that was not its first.
    pub regressed: Vec<IncidentId>,
}

/// What belongs to a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamUsage {
    /// Projects that were not deleted.
    pub projects: u64,
    /// Scans of them that have not ended ([`ScanStatus::is_active`]).
    pub active_scans: u64,
}

/// A key that acts for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyOfPerson {
    /// The key.
    pub key: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
}

/// What commands read besides streams. Implemented over the projections.
pub trait ReadModel: Send + Sync {
    /// Waits until the local views contain everything up to `position`.
    ///
    /// # Errors
    /// [`ReadError::TooLate`] after `timeout`.
    fn wait_for(&self, position: Position, timeout: Duration) -> BoxFuture<'_, Result<(), ReadError>>;

    /// What is on the branch called `branch`. Whoever decides about a branch asks [`crate::branch::Inventories`], which
    /// folds one that is broken.
    fn inventory<'a>(
        &'a self,
        project: ProjectId,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<InventorySnapshot, ReadError>>;

    /// The branch called `branch` of a project that was not deleted; `None` if it is not open.
    fn open_branch<'a>(
        &'a self,
        project: ProjectId,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Option<OpenBranch>, ReadError>>;

    /// At most `limit` open branches, whatever their role, of projects that were not deleted, of which nothing was heard
    /// since `before`: those heard of longest ago first, then by id, and only such as come after the one that `after`
    /// tells by the same.
    fn silent_branches(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, BranchId)>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<OpenBranch>, ReadError>>;

    /// Findings of `scanners` that are on a branch now or, if it is closed, were when it was closed; but not what clients
    /// uploaded; in any order. None for a branch that never was open.
    fn present_findings(
        &self,
        branch: BranchId,
        scanners: Vec<ScannerKind>,
    ) -> BoxFuture<'_, Result<PresentFindings, ReadError>>;

    /// Findings that the project has or had, on any branch, about each of `packages`, in order of first sight;
    /// packages without any may be left out.
    fn known_advisories(
        &self,
        project: ProjectId,
        packages: Vec<Package>,
    ) -> BoxFuture<'_, Result<HashMap<Package, Vec<KnownAdvisory>>, ReadError>>;

    /// The project's gate, and what people decided about what is on a branch or, if it is closed, was when it was closed.
    fn triage(
        &self,
        project: ProjectId,
        branch: BranchId,
    ) -> BoxFuture<'_, Result<TriageSnapshot, ReadError>>;

    /// Those of `findings` that there are, in any order.
    fn findings(&self, findings: Vec<FindingId>) -> BoxFuture<'_, Result<Vec<KnownFinding>, ReadError>>;

    /// Whose an incident is, and where its secret stands; `None` if there is no such incident.
    fn incident_owner(&self, incident: IncidentId)
    -> BoxFuture<'_, Result<Option<IncidentOwner>, ReadError>>;

    /// Which of `incidents` there are not, and which have to begin again because of what is on a branch.
    fn unsettled_incidents(
        &self,
        branch: BranchId,
        incidents: Vec<IncidentId>,
    ) -> BoxFuture<'_, Result<Unsettled, ReadError>>;

    /// Queued scans for workers, of projects that were not deleted, oldest first, at most `per_organization` of each
    /// organization.
    fn runnable_scans(&self, per_organization: usize) -> BoxFuture<'_, Result<Vec<RunnableScan>, ReadError>>;

    /// How many scans of each organization are running, paused or settling, on whatever node; organizations
    /// without any may be left out.
    fn running_by_organization(&self) -> BoxFuture<'_, Result<HashMap<OrganizationId, u64>, ReadError>>;

    /// Every scan of a client that has not ended and of which nothing was recorded since `before`.
    fn silent_client_scans(&self, before: Timestamp) -> BoxFuture<'_, Result<Vec<SilentScan>, ReadError>>;

    /// Every scan of a worker that is running or settling, or stopped and still owes its partial result.
    fn held_scans(&self) -> BoxFuture<'_, Result<Vec<HeldScan>, ReadError>>;

    /// The project of an organization whose repository has exactly this URL, the eldest if there are several, of those
    /// that are `visible`.
    fn project_with_repo<'a>(
        &'a self,
        organization: OrganizationId,
        visible: &'a Visible,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Option<ProjectId>, ReadError>>;

    /// What belongs to a team.
    fn team_usage(&self, team: TeamId) -> BoxFuture<'_, Result<TeamUsage, ReadError>>;

    /// How many personal keys of a form a person has that were not revoked and have not ended at `now`.
    fn live_personal_tokens(
        &self,
        user: UserId,
        form: KeyForm,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, ReadError>>;

    /// The keys that act for a person, in whatever organization, that were not revoked and have not ended at `now`.
    fn live_keys_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<KeyOfPerson>, ReadError>>;

    /// The organizations that a person belongs to, in the order in which they came.
    fn homes_of(&self, user: UserId) -> BoxFuture<'_, Result<Vec<OrganizationId>, ReadError>>;

    /// The teams of an organization that a person belongs to.
    fn teams_of(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> BoxFuture<'_, Result<Vec<TeamId>, ReadError>>;

    /// How many honeytokens of an organization are not revoked.
    fn live_honeytokens(&self, organization: OrganizationId) -> BoxFuture<'_, Result<u64, ReadError>>;

    /// The honeytoken with an access id, given as its keyed hash in hex, unless it was revoked.
    fn honeytoken_of_access<'a>(
        &'a self,
        access_hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<KnownHoneytoken>, ReadError>>;

    /// How many scans of a project have not ended ([`ScanStatus::is_active`]).
    fn active_scans(&self, project: ProjectId) -> BoxFuture<'_, Result<u64, ReadError>>;
}
