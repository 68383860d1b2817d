//! Scans: queueing them, and what people do to them. Running them is the worker's.

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use crate::ports::Unpacker;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::limits::REF_CHARS;
use scanledger_domain::log::Position;
use scanledger_domain::project::{Project, ProjectState, project_stream};
use scanledger_domain::scan::{
    Queued, Scan, ScanCommand, ScanEvent, ScanLife, ScanRefusal, ScanState, ScanStatus, ScanType, Source,
    SourceKind, Step, scan_stream,
};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

/// A scan that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewScan {
    /// Whose it will be.
    pub organization: OrganizationId,
    /// What is scanned.
    pub project: ProjectId,
    /// On which branch; the project's default branch if nobody says.
    pub branch: Option<String>,
    /// What it looks for.
    pub scan_type: ScanType,
    /// The source, from [`Scans::store_source`].
    pub source: Source,
    /// The commit, if the client said.
    pub commit: Option<String>,
    /// The commit to compare with, if the client said.
    pub base: Option<String>,
}

/// A scan that waits for a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanQueued {
    /// What was asked for.
    pub queued: Queued,
    /// Position of the event.
    pub position: Position,
    /// When it was recorded; `None` only for a repeated request whose event is gone.
    pub recorded_at: Option<Timestamp>,
}

/// A scan after somebody did something to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanStepped {
    /// Where it stands; `None` once it is deleted.
    pub status: Option<ScanStatus>,
    /// Position of the event; `None` if there was nothing to do.
    pub position: Option<Position>,
}

/// Why a scan is not queued or stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanProblem {
    /// The project does not exist in this organization.
    #[error("the project does not exist")]
    ProjectNotFound,
    /// None of the scanners that the type asks for exists on this server.
    #[error("no scanner for {0} scans is available")]
    ScannerUnavailable(ScanType),
    /// What was uploaded is no archive; says why.
    #[error("{0}")]
    NotAnArchive(String),
    /// The source is no longer stored.
    #[error("the source of the scan is no longer stored")]
    SourceGone,
    /// The scan's rules.
    #[error(transparent)]
    Scan(#[from] ScanRefusal),
}

type Result<T> = std::result::Result<T, CommandError<ScanProblem>>;

/// Queues, pauses, resumes, stops, cancels and deletes scans.
#[derive(Clone)]
pub struct Scans {
    ledger: Ledger,
    blobs: Arc<dyn BlobStore>,
    unpacker: Arc<dyn Unpacker>,
    scanners: Arc<[ScannerKind]>,
}

impl Scans {
    /// The service, on a server that has `scanners`.
    pub fn new(
        ledger: Ledger,
        blobs: Arc<dyn BlobStore>,
        unpacker: Arc<dyn Unpacker>,
        scanners: Vec<ScannerKind>,
    ) -> Self {
        Self { ledger, blobs, unpacker, scanners: scanners.into() }
    }

    /// Whether some scanner that `scan_type` asks for exists on this server.
    pub fn is_available(&self, scan_type: ScanType) -> bool {
        scan_type.scanners().iter().any(|wanted| self.scanners.contains(wanted))
    }

    /// A scan as it is in the log now; `None` if there is none or it was deleted.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn find(&self, scan: ScanId) -> std::result::Result<Option<ScanLife>, Fault> {
        let (state, _) = self.ledger.load::<Scan>(&scan_stream(scan)).await?;
        Ok(match state {
            ScanState::Live(life) => Some(*life),
            ScanState::Missing | ScanState::Deleted => None,
        })
    }

    /// Looks whether an upload begins like an archive, before anything is made or kept for it. What is in it is looked
    /// at by the worker that unpacks it.
    ///
    /// # Errors
    /// [`ScanProblem::NotAnArchive`], or a fault.
    pub async fn require_archive(&self, upload: PathBuf, file_name: &str) -> Result<()> {
        let (unpacker, file_name) = (Arc::clone(&self.unpacker), file_name.to_owned());
        let looked = tokio::task::spawn_blocking(move || unpacker.recognise(&upload, &file_name));
        match looked.await.map_err(|error| Fault::other("look at an upload", error))? {
            Ok(()) => Ok(()),
            Err(problem) if problem.is_input_fault => {
                Err(CommandError::Refused(ScanProblem::NotAnArchive(problem.message)))
            }
            Err(problem) => Err(Fault::other("look at an upload", problem).into()),
        }
    }

    /// Keeps an uploaded archive, so that a scan of it can be queued.
    ///
    /// # Errors
    /// When the blob store cannot be written.
    pub async fn store_source(
        &self,
        archive: PathBuf,
        file_name: &str,
    ) -> std::result::Result<Source, Fault> {
        let (blob, size) = self.blobs.put_file(archive).await?;
        Ok(Source { kind: SourceKind::Upload, blob, name: plain_name(file_name), size })
    }

    /// Puts a scan into the queue.
    ///
    /// # Errors
    /// A [`ScanProblem`], or a fault.
    pub async fn queue(&self, context: &Context, new: NewScan) -> Result<ScanQueued> {
        self.queue_as(context, context.made_id("scan"), new).await
    }

    /// As [`Self::queue`], under an id that was chosen before.
    ///
    /// # Errors
    /// A [`ScanProblem`], or a fault.
    pub async fn queue_as(&self, context: &Context, scan: ScanId, new: NewScan) -> Result<ScanQueued> {
        if let Some(queued) = self.repeated(context).await? {
            return Ok(queued);
        }
        let project = match self.ledger.load::<Project>(&project_stream(new.project)).await?.0 {
            ProjectState::Live(project) if project.organization == new.organization => project,
            ProjectState::Live(_) | ProjectState::Missing | ProjectState::Deleted => {
                return Err(CommandError::Refused(ScanProblem::ProjectNotFound));
            }
        };
        let queued = Queued {
            scan,
            organization: new.organization,
            project: new.project,
            branch: new.branch.unwrap_or(project.details.default_branch),
            scan_type: new.scan_type,
            source: new.source,
            commit: new.commit,
            base: new.base,
            by: context.actor,
            rescan_of: None,
            client: None,
        };
        self.append(context, queued).await
    }

    /// Queues a new scan of the same source, type and base, on the same branch.
    ///
    /// # Errors
    /// [`ScanProblem::SourceGone`], other problems, or a fault.
    pub async fn rescan(&self, context: &Context, scan: ScanId) -> Result<ScanQueued> {
        if let Some(queued) = self.repeated(context).await? {
            return Ok(queued);
        }
        let before = self.live(scan).await?.queued;
        self.require_source(&before).await?;
        let queued =
            Queued { scan: context.made_id("scan"), by: context.actor, rescan_of: Some(scan), ..before };
        self.append(context, queued).await
    }

    /// Pauses, resumes, stops, cancels or deletes a scan.
    ///
    /// # Errors
    /// [`ScanRefusal::IllegalStep`] if its state does not allow it, [`ScanProblem::SourceGone`] for the resume
    /// of a stopped scan, other problems, or a fault.
    pub async fn step(&self, context: &Context, scan: ScanId, step: Step) -> Result<ScanStepped> {
        if step == Step::Resume {
            let life = self.live(scan).await?;
            if life.status == ScanStatus::Stopped {
                self.require_source(&life.queued).await?;
            }
        }
        let done = self
            .ledger
            .execute::<Scan>(context, &scan_stream(scan), None, ScanCommand::Take(step))
            .await
            .map_err(|error| error.map_refused(ScanProblem::from))?;
        let status = match done.state {
            ScanState::Live(life) => Some(life.status),
            ScanState::Missing | ScanState::Deleted => None,
        };
        Ok(ScanStepped { status, position: done.position })
    }

    async fn live(&self, scan: ScanId) -> Result<ScanLife> {
        let found = self.find(scan).await?;
        found.ok_or(CommandError::Refused(ScanProblem::Scan(ScanRefusal::NotFound)))
    }

    /// What a command that the log knows already queued, whatever became of its project since.
    async fn repeated(&self, context: &Context) -> Result<Option<ScanQueued>> {
        let recorded = self.ledger.recorded(context.command).await?;
        let Some(first) = recorded.first() else { return Ok(None) };
        let event = ScanEvent::decode(&first.kind, first.schema, &first.data)?;
        let ScanEvent::Queued(queued) = event else { return Ok(None) };
        Ok(Some(ScanQueued { queued, position: first.position, recorded_at: Some(first.recorded_at) }))
    }

    async fn require_source(&self, queued: &Queued) -> Result<()> {
        if self.blobs.contains(queued.source.blob).await? {
            return Ok(());
        }
        Err(CommandError::Refused(ScanProblem::SourceGone))
    }

    async fn append(&self, context: &Context, queued: Queued) -> Result<ScanQueued> {
        if !self.is_available(queued.scan_type) {
            return Err(CommandError::Refused(ScanProblem::ScannerUnavailable(queued.scan_type)));
        }
        let stream = scan_stream(queued.scan);
        let done = self
            .ledger
            .execute::<Scan>(context, &stream, None, ScanCommand::Queue(queued.clone()))
            .await
            .map_err(|error| error.map_refused(ScanProblem::from))?;
        // A repeated command answers what it queued the first time.
        let queued = match done.state {
            ScanState::Live(life) => life.queued,
            ScanState::Missing | ScanState::Deleted => queued,
        };
        Ok(ScanQueued { queued, position: done.position.unwrap_or_default(), recorded_at: done.recorded_at })
    }
}

/// A file name without folders and control characters, at most [`REF_CHARS`] long.
fn plain_name(file_name: &str) -> String {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(REF_CHARS).collect();
    if name.is_empty() { "upload".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::plain_name;
    use scanledger_domain::limits::REF_CHARS;

    #[test]
    fn a_source_keeps_the_archives_name_without_folders() {
        assert_eq!(plain_name("shop.tar.gz"), "shop.tar.gz");
        assert_eq!(plain_name("../../etc/shop.zip"), "shop.zip");
        assert_eq!(plain_name("C:\\builds\\shop.zip"), "shop.zip");
        assert_eq!(plain_name("sh\nop\0.zip"), "shop.zip");
        assert_eq!(plain_name("builds/"), "upload");
    }

    #[test]
    fn a_source_name_has_a_limit() {
        assert_eq!(plain_name(&"é".repeat(REF_CHARS)), "é".repeat(REF_CHARS));
        assert_eq!(plain_name(&"é".repeat(REF_CHARS + 1)), "é".repeat(REF_CHARS));
    }
}
