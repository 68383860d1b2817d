//! Which events people read as the audit log, and what each is about.

use crate::event::Event;
use crate::finding::FindingEvent;
use crate::identity::{ApiKeyEvent, OrganizationEvent, TeamEvent, UserEvent};
use crate::project::ProjectEvent;
use crate::scan::{Interruption, ScanEvent};
use uuid::Uuid;

/// What kind of thing an audit entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditResource {
    /// An organization.
    Organization,
    /// A person.
    User,
    /// A team.
    Team,
    /// An API key.
    ApiKey,
    /// A project.
    Project,
    /// The build gate of a project.
    Gate,
    /// A scan.
    Scan,
    /// A finding.
    Finding,
}

impl AuditResource {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Organization,
        Self::User,
        Self::Team,
        Self::ApiKey,
        Self::Project,
        Self::Gate,
        Self::Scan,
        Self::Finding,
    ];

    /// The lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::User => "user",
            Self::Team => "team",
            Self::ApiKey => "apikey",
            Self::Project => "project",
            Self::Gate => "gate",
            Self::Scan => "scan",
            Self::Finding => "finding",
        }
    }
}

/// What an event is about, if it is an entry of the audit log.
///
/// What scanners find is not: it is in the scan that found it. Claims and steps of workers are not either.
pub fn audit_subject(event: &Event) -> Option<(AuditResource, Uuid)> {
    Some(match event {
        Event::Organization(OrganizationEvent::Created(e)) => (AuditResource::Organization, e.organization.0),
        Event::Organization(OrganizationEvent::MemberAdded(e)) => {
            (AuditResource::Organization, e.organization.0)
        }
        Event::User(UserEvent::Registered(e)) => (AuditResource::User, e.user.0),
        Event::User(UserEvent::Erased(e)) => (AuditResource::User, e.user.0),
        Event::Team(TeamEvent::Created(e)) => (AuditResource::Team, e.team.0),
        Event::Team(TeamEvent::MemberAdded(e)) => (AuditResource::Team, e.team.0),
        Event::Team(TeamEvent::MemberRemoved(e)) => (AuditResource::Team, e.team.0),
        Event::ApiKey(ApiKeyEvent::Created(e)) => (AuditResource::ApiKey, e.key.0),
        Event::ApiKey(ApiKeyEvent::Revoked(e)) => (AuditResource::ApiKey, e.key.0),
        Event::Project(ProjectEvent::Created(e)) => (AuditResource::Project, e.project.0),
        Event::Project(ProjectEvent::Updated(e)) => (AuditResource::Project, e.project.0),
        Event::Project(ProjectEvent::GateUpdated(e)) => (AuditResource::Gate, e.project.0),
        Event::Project(ProjectEvent::Deleted(e)) => (AuditResource::Project, e.project.0),
        Event::Scan(event) => (AuditResource::Scan, scan_subject(event)?),
        Event::Finding(FindingEvent::Triaged(e)) => (AuditResource::Finding, e.finding.0),
        Event::Branch(_) | Event::Advisory(_) | Event::Claim(_) => return None,
    })
}

fn scan_subject(event: &ScanEvent) -> Option<Uuid> {
    Some(match event {
        ScanEvent::Queued(e) => e.scan.0,
        ScanEvent::Paused(e) => e.scan.0,
        ScanEvent::Resumed(e) => e.scan.0,
        ScanEvent::Requeued(e) if e.because == Interruption::Resumed => e.scan.0,
        ScanEvent::Completed(e) => e.scan.0,
        ScanEvent::Failed(e) => e.scan.0,
        ScanEvent::Stopped(e) => e.scan.0,
        ScanEvent::Cancelled(e) => e.scan.0,
        ScanEvent::Deleted(e) => e.scan.0,
        ScanEvent::Started(_)
        | ScanEvent::Settling(_)
        | ScanEvent::PartialKept(_)
        | ScanEvent::Requeued(_) => {
            return None;
        }
    })
}
