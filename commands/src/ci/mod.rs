//! Scans that clients run: they ask for one, upload what they found, and say how it ended.
//!
//! Everything here can be repeated: the commands of a scan follow from the client's own id of its run, so a client that
//! did not get an answer asks again and gets the same.

mod results;
mod silence;

pub use results::{ClientUpload, LeftOut, UploadDone};
pub(crate) use silence::fail_silent;

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use crate::ports::ReadModel;
use crate::project::{ClientTarget, ProjectProblem, Projects};
use results::Seen;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::branch::branch_id;
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{CommandId, OrganizationId, ScanId};
use scanledger_domain::identity::{Action, Principal, ProjectScope, Resource, authorize};
use scanledger_domain::log::{Position, Recorded};
use scanledger_domain::project::{Project, ProjectState, Verdict, project_stream};
use scanledger_domain::scan::{
    CLIENT_ATTEMPT, ClientEnd, ClientRun, Completed, Failure, FailureCode, Queued, Scan, ScanCommand,
    ScanEvent, ScanLife, ScanRefusal, ScanState, ScanStatus, Source, branch_of_client, scan_stream,
};
use std::sync::Arc;
use uuid::Uuid;

/// Namespace of commands that follow from a client's id of its run: `UUIDv5(DNS, "client-run.scanledger")`.
const CLIENT_RUNS: Uuid = Uuid::from_u128(0x49bd_553d_c043_5a19_b710_3bca_f69f_c4f1);

/// A scan that a client wants to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClientScan {
    /// The project that it belongs to.
    pub target: ClientTarget,
    /// On which branch; the project's default branch if the client does not know.
    pub branch: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// The commit to compare with.
    pub base: Option<String>,
    /// What the client says besides.
    pub client: ClientRun,
}

/// A scan that a client runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientScan {
    /// The scan as it is in the log now.
    pub life: ScanLife,
    /// Position of its first event, by which clients know it.
    pub number: Position,
    /// Where its project belongs.
    pub scope: ProjectScope,
}

/// What came of a scan that a client has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientEnded {
    /// What the gate said.
    pub verdict: Verdict,
    /// What fails the build because the gate wants no new findings, by the client's names; empty if nothing does.
    pub blocking: Vec<String>,
    /// Position of the end.
    pub position: Option<Position>,
}

/// Why a client's scan stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientScanProblem {
    /// There is none, or no client runs it.
    #[error("the scan does not exist")]
    NotFound,
    /// It has ended: somebody cancelled it, or it was silent for too long.
    #[error("the scan is {0}")]
    Ended(ScanStatus),
    /// Its results have not come.
    #[error("the scan has no results yet")]
    NoResults,
    /// The project's rules.
    #[error(transparent)]
    Project(#[from] ProjectProblem),
    /// The scan's rules.
    #[error(transparent)]
    Scan(#[from] ScanRefusal),
}

type Result<T> = std::result::Result<T, CommandError<ClientScanProblem>>;

/// Takes what clients say about scans that they run.
#[derive(Clone)]
pub struct ClientScans {
    ledger: Ledger,
    views: Arc<dyn ReadModel>,
    blobs: Arc<dyn BlobStore>,
    projects: Projects,
}

/// The command by which a client asks for its scan: the same however often it asks.
fn run_command(organization: OrganizationId, run: Uuid) -> CommandId {
    CommandId(Uuid::new_v5(&CLIENT_RUNS, &[*organization.as_bytes(), *run.as_bytes()].concat()))
}

fn may_scan(principal: &Principal, scope: ProjectScope) -> Result<()> {
    let may = authorize(principal, Action::Scan, Resource::Project(scope));
    may.map_err(|denied| CommandError::Refused(ProjectProblem::from(denied).into()))
}

fn refused<T>(problem: ClientScanProblem) -> Result<T> {
    Err(CommandError::Refused(problem))
}

impl ClientScans {
    /// The service.
    pub fn new(
        ledger: Ledger,
        views: Arc<dyn ReadModel>,
        blobs: Arc<dyn BlobStore>,
        projects: Projects,
    ) -> Self {
        Self { ledger, views, blobs, projects }
    }

    /// Begins a scan, or answers the one that this run of the client began. Nothing is recorded for a caller who may not
    /// scan the project.
    ///
    /// # Errors
    /// A [`ClientScanProblem`], or a fault.
    pub async fn begin(&self, context: &Context, new: NewClientScan) -> Result<ClientScan> {
        let organization = new.target.principal.organization;
        if let Some(begun) = self.begun(organization, new.client.run).await? {
            may_scan(&new.target.principal, begun.scope)?;
            return Ok(begun);
        }
        let context = Context { command: run_command(organization, new.client.run), ..context.clone() };
        let resolved = self.projects.resolve_for_client(&context, &new.target).await;
        let resolved = resolved.map_err(|error| error.map_refused(ClientScanProblem::from))?;
        may_scan(&new.target.principal, resolved.scope())?;
        let default = &resolved.project.details.default_branch;
        let queued = Queued {
            scan: context.made_id("scan"),
            organization,
            project: resolved.project.project,
            branch: branch_of_client(new.branch.as_deref(), default, &new.client),
            scan_type: new.client.scan_type(),
            source: Source::of_client(new.client.repository.clone()),
            commit: new.commit,
            base: new.base,
            by: context.actor,
            rescan_of: None,
            client: Some(new.client),
        };
        let stream = scan_stream(queued.scan);
        let done = self.ledger.execute::<Scan>(&context, &stream, None, ScanCommand::Queue(queued)).await;
        let done = done.map_err(|error| error.map_refused(ClientScanProblem::from))?;
        // The first event of the command is the first of the scan.
        let number = self.ledger.find(context.command).await.map_err(Fault::from)?;
        match (done.state, number) {
            (ScanState::Live(life), Some(number)) => {
                Ok(ClientScan { life: *life, number, scope: resolved.scope() })
            }
            (ScanState::Live(_) | ScanState::Missing | ScanState::Deleted, _) => {
                refused(ClientScanProblem::NotFound)
            }
        }
    }

    /// The scan that a run of a client began, if it did.
    ///
    /// # Errors
    /// A fault.
    pub async fn begun(&self, organization: OrganizationId, run: Uuid) -> Result<Option<ClientScan>> {
        let first = self.ledger.recorded(run_command(organization, run)).await.map_err(Fault::from)?;
        match first.first() {
            Some(recorded) => self.of_event(recorded).await,
            None => Ok(None),
        }
    }

    /// The scan that a client runs under a number: the position of its first event.
    ///
    /// # Errors
    /// A fault.
    pub async fn numbered(&self, number: Position) -> Result<Option<ClientScan>> {
        match self.ledger.log().event_at(number).await.map_err(Fault::from)? {
            Some(recorded) => self.of_event(&recorded).await,
            None => Ok(None),
        }
    }

    async fn of_event(&self, recorded: &Recorded) -> Result<Option<ClientScan>> {
        if &*recorded.kind != "scan.queued" {
            return Ok(None);
        }
        let event =
            ScanEvent::decode(&recorded.kind, recorded.schema, &recorded.data).map_err(Fault::from)?;
        let ScanEvent::Queued(queued) = event else { return Ok(None) };
        let (scan, _) = self.ledger.load::<Scan>(&scan_stream(queued.scan)).await?;
        let (project, _) = self.ledger.load::<Project>(&project_stream(queued.project)).await?;
        match (scan, project) {
            (ScanState::Live(life), ProjectState::Live(project)) if life.is_run_by_client() => {
                let (organization, team, project) = (project.organization, project.team, project.project);
                let scope = ProjectScope { organization, team, project };
                Ok(Some(ClientScan { life: *life, number: recorded.position, scope }))
            }
            (ScanState::Live(_) | ScanState::Missing | ScanState::Deleted, _) => Ok(None),
        }
    }

    /// What the client's commands about its scan follow from; the same on every node and at every attempt.
    fn follow(context: &Context, scan: ScanId, label: &str) -> Context {
        let command = CommandId(scan.0).derive(label);
        Context { command, causation: Some(context.command.0), ..context.clone() }
    }

    /// Ends a scan whose results have come, with the gate's verdict.
    ///
    /// # Errors
    /// [`ClientScanProblem::NoResults`], another problem, or a fault.
    pub async fn end(&self, context: &Context, scan: &ClientScan, end: ClientEnd) -> Result<ClientEnded> {
        let queued = &scan.life.queued;
        let Some(received) = &scan.life.received else {
            return match scan.life.status {
                ScanStatus::Running | ScanStatus::Settling => refused(ClientScanProblem::NoResults),
                ended => refused(ClientScanProblem::Ended(ended)),
            };
        };
        let seen = Seen::load(&*self.blobs, received.seen).await?;
        // The results may have come to another node.
        let head = self.ledger.log().head().await.map_err(Fault::from)?;
        self.views.wait_for(head, crate::worker::run::VIEW_TIMEOUT).await.map_err(Fault::from)?;
        let branch = branch_id(queued.project, &queued.branch);
        let triage = self.views.triage(queued.project, branch).await.map_err(Fault::from)?;
        let verdict = triage.gate.verdict(&seen.gate_input(&triage.decisions), triage.read_at);
        let blocking = if verdict.fails_client() { seen.new_and_open(&triage.decisions) } else { vec![] };
        let kept = match blocking.is_empty() {
            true => None,
            false => {
                let kept = serde_json::to_vec(&blocking);
                let kept = kept.map_err(|error| Fault::other("write what fails a build", error))?;
                Some(self.blobs.put(kept).await.map_err(Fault::from)?)
            }
        };
        let command = ScanCommand::End { end: ClientEnd { blocking: kept, ..end }, verdict: verdict.clone() };
        let done = self.tell(context, scan, "end", command).await?;
        // A repeated request is answered with what was recorded the first time.
        let recorded = done.events.into_iter().find_map(|event| match event {
            ScanEvent::Completed(completed) => Some(completed),
            _ => None,
        });
        let Some(Completed { verdict, outcome, .. }) = recorded else {
            return Ok(ClientEnded { verdict, blocking, position: done.position });
        };
        let blocking = match outcome.client.and_then(|end| end.blocking) {
            first if first == kept => blocking,
            None => vec![],
            Some(first) => {
                let bytes = self.blobs.load(first).await.map_err(Fault::from)?;
                serde_json::from_slice(&bytes)
                    .map_err(|error| Fault::other("read what fails a build", error))?
            }
        };
        Ok(ClientEnded { verdict, blocking, position: done.position })
    }

    /// Ends a scan that its client could not do; answers the position.
    ///
    /// # Errors
    /// [`ClientScanProblem::Ended`] if it has ended, or a fault.
    pub async fn fail(
        &self,
        context: &Context,
        scan: &ClientScan,
        exit_code: u32,
    ) -> Result<Option<Position>> {
        let message = format!("the client could not do it and ended with exit code {exit_code}");
        let failure = Failure { code: FailureCode::ClientFailed, message };
        let command = ScanCommand::Fail { attempt: CLIENT_ATTEMPT, failure, log: None };
        Ok(self.tell(context, scan, "fail", command).await?.position)
    }

    async fn tell(
        &self,
        context: &Context,
        scan: &ClientScan,
        label: &str,
        command: ScanCommand,
    ) -> Result<crate::ledger::Executed<Scan>> {
        let id = scan.life.queued.scan;
        let context = Self::follow(context, id, label);
        let done = self.ledger.execute::<Scan>(&context, &scan_stream(id), None, command).await;
        done.map_err(|error| {
            error.map_refused(|refusal| match refusal {
                ScanRefusal::Superseded { status, .. } => ClientScanProblem::Ended(status),
                ScanRefusal::NotFound => ClientScanProblem::NotFound,
                other => ClientScanProblem::Scan(other),
            })
        })
    }
}
