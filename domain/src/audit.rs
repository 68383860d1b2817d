//! Which events people read as the audit log, and what each is about.

use crate::address::without_credentials;
use crate::event::Event;
use crate::finding::FindingEvent;
use crate::identity::{AccessEvent, ApiKeyEvent, OrganizationEvent, SessionEvent, TeamEvent, UserEvent};
use crate::incident::{IncidentEvent, Triaged};
use crate::project::ProjectEvent;
use crate::scan::{Interruption, ScanEvent};
use serde_json::{Map, Value};
use std::convert::Infallible;
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
    /// The rules of an organization.
    Policy,
    /// A scan.
    Scan,
    /// A finding.
    Finding,
    /// An incident.
    Incident,
    /// A honeytoken.
    Honeytoken,
    /// An access that was recorded, or a refusal.
    Access,
}

impl AuditResource {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Organization,
        Self::User,
        Self::Team,
        Self::ApiKey,
        Self::Project,
        Self::Gate,
        Self::Policy,
        Self::Scan,
        Self::Finding,
        Self::Incident,
        Self::Honeytoken,
        Self::Access,
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
            Self::Policy => "policy",
            Self::Scan => "scan",
            Self::Finding => "finding",
            Self::Incident => "incident",
            Self::Honeytoken => "honeytoken",
            Self::Access => "access",
        }
    }
}

/// What an event is about, if it is an entry of the audit log.
///
/// What scanners find is not: it is in the scan that found it. Claims and steps of workers are not either.
pub fn audit_subject(event: &Event) -> Option<(AuditResource, Uuid)> {
    Some(match event {
        Event::Organization(event) => (AuditResource::Organization, organization_subject(event)),
        Event::User(event) => (AuditResource::User, user_subject(event)),
        Event::Session(SessionEvent::Started(e)) => (AuditResource::User, e.user.0),
        Event::Session(SessionEvent::Ended(e)) => (AuditResource::User, e.user.0),
        Event::Session(SessionEvent::Continued(_)) => return None,
        Event::Team(event) => (AuditResource::Team, team_subject(event)),
        Event::ApiKey(ApiKeyEvent::Created(e)) => (AuditResource::ApiKey, e.key.0),
        Event::ApiKey(ApiKeyEvent::Revoked(e)) => (AuditResource::ApiKey, e.key.0),
        Event::ApiKey(ApiKeyEvent::Narrowed(e)) => (AuditResource::ApiKey, e.key.0),
        Event::Access(AccessEvent::SignInFailed(e)) => (AuditResource::Access, e.access.0),
        Event::Access(AccessEvent::Denied(e)) => (AuditResource::Access, e.access.0),
        Event::Access(AccessEvent::Granted(e)) => (AuditResource::Access, e.access.0),
        Event::Project(ProjectEvent::Created(e)) => (AuditResource::Project, e.project.0),
        Event::Project(ProjectEvent::Updated(e)) => (AuditResource::Project, e.project.0),
        Event::Project(ProjectEvent::GateUpdated(e)) => (AuditResource::Gate, e.project.0),
        Event::Project(ProjectEvent::Deleted(e)) => (AuditResource::Project, e.project.0),
        Event::Policy(event) => (AuditResource::Policy, event.policy().0),
        Event::Scan(event) => (AuditResource::Scan, scan_subject(event)?),
        Event::Finding(FindingEvent::Triaged(e)) => (AuditResource::Finding, e.finding.0),
        Event::Finding(FindingEvent::Merged(e)) => (AuditResource::Finding, e.finding.0),
        Event::Incident(event) => incident_subject(event)?,
        Event::Honeytoken(event) => (AuditResource::Honeytoken, event.honeytoken().0),
        // Who runs the installation stands in the events of people as well, and what a check is about in its scan.
        Event::Check(_)
        | Event::Branch(_)
        | Event::Advisory(_)
        | Event::Claim(_)
        | Event::Installation(_) => return None,
    })
}

/// Aggregates whose events never are entries of the audit log.
const UNAUDITED: [&str; 5] = ["check", "branch", "advisories", "claim", "installation"];
/// Further types of events that never are.
const UNAUDITED_TYPES: [&str; 10] = [
    "session.continued",
    "scan.started",
    "scan.settling",
    "scan.results_received",
    "scan.partial_kept",
    "finding.detected",
    "finding.reopened",
    "finding.resolved",
    "incident.opened",
    "incident.occurred",
];

/// Whether events of a type can be entries of the audit log, see [`audit_subject`].
pub fn is_audited(kind: &str) -> bool {
    let aggregate = kind.split('.').next().unwrap_or_default();
    !UNAUDITED.contains(&aggregate) && !UNAUDITED_TYPES.contains(&kind)
}

/// Fields of audited events that hold sealed text or a hash of a secret, by the type of their event; a dot leads into an
/// object. Whoever reads the audit log is not shown them: with a hash that has no key of its own, anybody who has a
/// secret learns whether it is the one that is meant. The event itself has them, and so has its proof.
const SENSITIVE: [(&str, &[&str]); 11] = [
    ("user.registered", &["name", "email", "password"]),
    ("user.password_set", &["password"]),
    ("user.reset_requested", &["token"]),
    ("user.identity_linked", &["subject", "email"]),
    ("session.started", &["token"]),
    ("organization.invited", &["email", "token"]),
    ("apikey.created", &["hash"]),
    ("scan.queued", &["client.people", "client.author", "client.opener"]),
    ("incident.shared", &["tokenHash"]),
    ("honeytoken.created", &["accessHash", "leakHashes", "accessId", "secretKey"]),
    ("honeytoken.triggered", &["addressHash"]),
];

/// Fields of audited events that hold an address or a name that may be one, like [`SENSITIVE`]: events from before
/// credentials were kept out of addresses are shown without them, too.
const ADDRESSES: [(&str, &[&str]); 3] = [
    ("project.created", &["details.name", "details.repoUrl", "details.dastTargetUrl"]),
    ("project.updated", &["details.name", "details.repoUrl", "details.dastTargetUrl"]),
    ("scan.queued", &["source.name", "client.repository", "client.repositoryUrl", "client.jobUrl"]),
];

/// What an event of type `kind` says to readers of the audit log, without what is sealed or a hash of a secret, and
/// without credentials in addresses. `data` is JSON as it stands in the log.
pub fn disclosed(kind: &str, data: &str) -> Map<String, Value> {
    let Ok(shown) = mask::<Infallible>(kind, data, |_, _| Ok(None));
    shown
}

/// As [`disclosed`], with what `instead` makes of each such field and its value where it makes something of it.
///
/// # Errors
/// The first one of `instead`.
pub fn mask<E>(
    kind: &str,
    data: &str,
    mut instead: impl FnMut(&'static str, Value) -> Result<Option<Value>, E>,
) -> Result<Map<String, Value>, E> {
    let mut shown: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
    for path in fields(&SENSITIVE, kind) {
        let Some((object, field)) = place(&mut shown, path) else { continue };
        let Some(value) = object.remove(field) else { continue };
        if let Some(masked) = instead(path, value)? {
            object.insert(field.to_owned(), masked);
        }
    }
    for path in fields(&ADDRESSES, kind) {
        let address = place(&mut shown, path).and_then(|(object, field)| object.get_mut(field));
        if let Some(Value::String(address)) = address {
            *address = without_credentials(address).into_owned();
        }
    }
    Ok(shown)
}

/// The paths of a type of events in a table of them.
fn fields(
    table: &'static [(&'static str, &'static [&'static str])],
    kind: &str,
) -> impl Iterator<Item = &'static str> {
    let row = table.iter().find(|(of, _)| *of == kind);
    row.into_iter().flat_map(|(_, fields)| fields.iter().copied())
}

/// The object that a path leads into, and the name of the field in it.
fn place<'a, 'b>(
    shown: &'a mut Map<String, Value>,
    path: &'b str,
) -> Option<(&'a mut Map<String, Value>, &'b str)> {
    match path.split_once('.') {
        None => Some((shown, path)),
        Some((object, field)) => Some((shown.get_mut(object)?.as_object_mut()?, field)),
    }
}

fn organization_subject(event: &OrganizationEvent) -> Uuid {
    match event {
        OrganizationEvent::Created(e) => e.organization.0,
        OrganizationEvent::MemberAdded(e) => e.organization.0,
        OrganizationEvent::MemberRemoved(e) => e.organization.0,
        OrganizationEvent::Invited(e) => e.organization.0,
        OrganizationEvent::InvitationRevoked(e) => e.organization.0,
        OrganizationEvent::InvitationAccepted(e) => e.organization.0,
    }
}

fn user_subject(event: &UserEvent) -> Uuid {
    match event {
        UserEvent::Registered(e) => e.user.0,
        UserEvent::Erased(e) => e.user.0,
        UserEvent::Deactivated(e) => e.user.0,
        UserEvent::Activated(e) => e.user.0,
        UserEvent::RankChanged(e) => e.user.0,
        UserEvent::PasswordSet(e) => e.user.0,
        UserEvent::ResetRequested(e) => e.user.0,
        UserEvent::SessionsEnded(e) => e.user.0,
        UserEvent::IdentityLinked(e) => e.user.0,
        UserEvent::IdentityUnlinked(e) => e.user.0,
        UserEvent::ChannelsSet(e) => e.user.0,
    }
}

/// A decision about a secret that somebody took at a finding is about that finding to whoever reads of it. What a scan
/// opened or saw again is in the scan; that a decision no longer holds is not.
fn incident_subject(event: &IncidentEvent) -> Option<(AuditResource, Uuid)> {
    match event {
        IncidentEvent::Triaged(Triaged { finding: Some(finding), .. }) => {
            Some((AuditResource::Finding, finding.0))
        }
        IncidentEvent::Opened(_) | IncidentEvent::Occurred(_) => None,
        IncidentEvent::Triaged(_)
        | IncidentEvent::Regressed(_)
        | IncidentEvent::SeveritySet(_)
        | IncidentEvent::Assigned(_)
        | IncidentEvent::Unassigned(_)
        | IncidentEvent::NoteAdded(_)
        | IncidentEvent::NoteEdited(_)
        | IncidentEvent::NoteRemoved(_)
        | IncidentEvent::Shared(_)
        | IncidentEvent::Unshared(_) => Some((AuditResource::Incident, event.incident().0)),
    }
}

fn team_subject(event: &TeamEvent) -> Uuid {
    match event {
        TeamEvent::Created(e) => e.team.0,
        TeamEvent::MemberAdded(e) => e.team.0,
        TeamEvent::MemberRemoved(e) => e.team.0,
        TeamEvent::Updated(e) => e.team.0,
        TeamEvent::Deleted(e) => e.team.0,
    }
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
        | ScanEvent::ResultsReceived(_)
        | ScanEvent::PartialKept(_)
        | ScanEvent::Requeued(_) => {
            return None;
        }
    })
}
