//! What may be done to an incident.

use super::stored::{
    Assigned, IncidentEvent, NoteAdded, NoteEdited, NoteRemoved, Occurred, Opened, Regressed, SeveritySet,
    Shared, Triaged, Unassigned, Unshared,
};
use super::{IgnoreReason, IncidentLife, IncidentState, Place, Sighting, incident_of};
use crate::address::without_credentials;
use crate::branch::SecretFacts;
use crate::decider::Decider;
use crate::finding::TriageState;
use crate::id::{FindingId, IncidentId, NoteId, OrganizationId, ShareId, UserId};
use crate::identity::KeyHash;
use crate::limits::{INCIDENT_NOTES, INCIDENT_SIGHTINGS, NOTE_CHARS, PATH_BYTES, SHARE_DAYS, URL_CHARS};
use crate::log::Actor;
use crate::note::{NoteRefusal, check_note, own_note};
use crate::severity::Severity;
use crate::time::Timestamp;

/// A secret, as the incident about it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Whose incident it is.
    pub organization: OrganizationId,
    /// What is kept of the secret.
    pub secret: SecretFacts,
    /// What kind of secret: the detector's id.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Whether it was there before anybody looked.
    pub is_historical: bool,
}

impl Opening {
    /// The incident.
    pub fn incident(&self) -> IncidentId {
        incident_of(self.organization, &self.secret)
    }
}

/// A link that shows an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// The link.
    pub share: ShareId,
    /// Of its token.
    pub token_hash: KeyHash,
    /// When it ends; until somebody ends it without.
    pub expires_at: Option<Timestamp>,
    /// The present instant.
    pub now: Timestamp,
}

/// What can be asked of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentCommand {
    /// Begin it, unless it is there.
    Open(Opening),
    /// Decide about its secret by looking at a finding; begins it if need be. Every move is free.
    Decide {
        /// The secret.
        of: Opening,
        /// The finding.
        finding: FindingId,
        /// What it shall be.
        to: TriageState,
        /// Why; `None` leaves the note that is there.
        note: Option<String>,
    },
    /// Nothing needs to be done.
    Ignore {
        /// Why not.
        reason: IgnoreReason,
    },
    /// The secret was dealt with.
    Resolve {
        /// Whether it opens nothing any more.
        is_secret_revoked: bool,
    },
    /// Something needs to be done after all.
    Reopen,
    /// A scan saw the secret come back.
    Regress,
    /// Say how bad it is.
    SetSeverity(Severity),
    /// Have a person work at it, of whom the caller knows that they belong to the organization.
    Assign(UserId),
    /// Have nobody in particular work at it.
    Unassign,
    /// Write something about it.
    AddNote {
        /// The note.
        note: NoteId,
        /// Who writes.
        by: Actor,
        /// What it says.
        text: String,
    },
    /// Write something else.
    EditNote {
        /// The note.
        note: NoteId,
        /// Who writes.
        by: Actor,
        /// What it shall say.
        text: String,
    },
    /// Take a note back.
    RemoveNote {
        /// The note.
        note: NoteId,
        /// Who takes it back.
        by: Actor,
    },
    /// Show it to whoever has a link, which replaces an earlier one.
    Share(Sharing),
    /// End the link.
    Unshare,
    /// Take note of a place that is on no branch; begins the incident if need be. Beyond [`INCIDENT_SIGHTINGS`] nothing
    /// more is recorded, because what a client sees has to go through whatever was seen before.
    Occur {
        /// The secret.
        of: Opening,
        /// The place.
        seen: Sighting,
    },
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentRefusal {
    /// There is none.
    #[error("the incident does not exist")]
    NotFound,
    /// Nobody works at what is closed.
    #[error("the incident is closed")]
    Closed,
    /// It is open.
    #[error("the incident is open already")]
    AlreadyOpen,
    /// It is resolved.
    #[error("the incident is resolved already")]
    AlreadyResolved,
    /// It is ignored for the same reason.
    #[error("the incident is ignored already")]
    AlreadyIgnored,
    /// A note has no text.
    #[error("the note is empty")]
    NoteEmpty,
    /// A note is longer than [`NOTE_CHARS`].
    #[error("the note may have at most {NOTE_CHARS} characters")]
    NoteTooLong,
    /// There is no such note.
    #[error("the note does not exist")]
    NoteNotFound,
    /// Somebody else wrote the note.
    #[error("only who wrote a note may change it")]
    NotTheAuthor,
    /// There are [`INCIDENT_NOTES`].
    #[error("an incident has at most {INCIDENT_NOTES} notes")]
    TooManyNotes,
    /// A link would end before it begins, or after more than [`SHARE_DAYS`].
    #[error("a link ends in the future and after at most {SHARE_DAYS} days")]
    BadExpiry,
    /// A path is longer than [`PATH_BYTES`].
    #[error("the path may have at most {PATH_BYTES} bytes")]
    PathTooLong,
}

/// The rules of incidents.
#[derive(Debug)]
pub struct Incident;

type Decision = Result<Vec<IncidentEvent>, IncidentRefusal>;

impl Decider for Incident {
    type State = IncidentState;
    type Command = IncidentCommand;
    type Event = IncidentEvent;
    type Refusal = IncidentRefusal;

    fn initial() -> IncidentState {
        IncidentState::Missing
    }

    fn evolve(state: IncidentState, event: &IncidentEvent) -> IncidentState {
        state.after(event)
    }

    fn decide(state: &IncidentState, command: IncidentCommand) -> Decision {
        match command {
            IncidentCommand::Open(opening) => begin(state, opening, |_| Ok(vec![])),
            IncidentCommand::Decide { of, finding, to, note } => {
                begin(state, of, |life| decide_as_seen(life, finding, to, note))
            }
            IncidentCommand::Occur { of, seen } => begin(state, of, |life| occur(life, seen)),
            IncidentCommand::Ignore { reason } => ignore(known(state)?, reason),
            IncidentCommand::Resolve { is_secret_revoked } => resolve(known(state)?, is_secret_revoked),
            IncidentCommand::Reopen => reopen(known(state)?),
            IncidentCommand::Regress => Ok(regress(known(state)?)),
            IncidentCommand::SetSeverity(severity) => Ok(set_severity(known(state)?, severity)),
            IncidentCommand::Assign(user) => assign(known(state)?, user),
            IncidentCommand::Unassign => unassign(known(state)?),
            IncidentCommand::AddNote { note, by, text } => add_note(known(state)?, note, by, text),
            IncidentCommand::EditNote { note, by, text } => edit_note(known(state)?, note, by, text),
            IncidentCommand::RemoveNote { note, by } => remove_note(known(state)?, note, by),
            IncidentCommand::Share(sharing) => share(known(state)?, sharing),
            IncidentCommand::Unshare => Ok(unshare(known(state)?)),
        }
    }
}

fn known(state: &IncidentState) -> Result<&IncidentLife, IncidentRefusal> {
    state.known().ok_or(IncidentRefusal::NotFound)
}

/// Decides on the incident that there is, or on the one that begins with this.
fn begin(
    state: &IncidentState,
    opening: Opening,
    decide: impl FnOnce(&IncidentLife) -> Decision,
) -> Decision {
    if let IncidentState::Known(life) = state {
        return decide(life);
    }
    let incident = opening.incident();
    let Opening { organization, secret, rule, severity, is_historical } = opening;
    let opened: IncidentEvent =
        Opened { incident, organization, secret, rule, severity, is_historical }.into();
    let begun = IncidentState::Missing.after(&opened);
    let mut events = decide(known(&begun)?)?;
    events.insert(0, opened);
    Ok(events)
}

fn decide_as_seen(
    life: &IncidentLife,
    finding: FindingId,
    to: TriageState,
    note: Option<String>,
) -> Decision {
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE_CHARS) {
        return Err(IncidentRefusal::NoteTooLong);
    }
    let note = note.filter(|note| life.note.as_ref() != Some(note));
    if to == life.state && note.is_none() {
        return Ok(vec![]);
    }
    // A state that stays keeps the reason that somebody gave in more words than a state has.
    let reason = if to == life.state { life.reason } else { IgnoreReason::of(to) };
    let finding = Some(finding);
    Ok(vec![Triaged { finding, note, ..triaged(life, to, reason) }.into()])
}

fn triaged(life: &IncidentLife, to: TriageState, reason: Option<IgnoreReason>) -> Triaged {
    Triaged {
        incident: life.incident,
        organization: life.organization,
        finding: None,
        from: life.state,
        to,
        reason,
        is_secret_revoked: None,
        note: None,
    }
}

fn ignore(life: &IncidentLife, reason: IgnoreReason) -> Decision {
    if life.reason == Some(reason) {
        return Err(IncidentRefusal::AlreadyIgnored);
    }
    Ok(vec![triaged(life, reason.state(), Some(reason)).into()])
}

fn resolve(life: &IncidentLife, is_secret_revoked: bool) -> Decision {
    if life.state == TriageState::Fixed {
        return Err(IncidentRefusal::AlreadyResolved);
    }
    let is_secret_revoked = Some(is_secret_revoked);
    Ok(vec![Triaged { is_secret_revoked, ..triaged(life, TriageState::Fixed, None) }.into()])
}

fn reopen(life: &IncidentLife) -> Decision {
    if life.status().is_open() {
        return Err(IncidentRefusal::AlreadyOpen);
    }
    Ok(vec![triaged(life, TriageState::Untriaged, None).into()])
}

fn regress(life: &IncidentLife) -> Vec<IncidentEvent> {
    let regressed = Regressed { incident: life.incident, organization: life.organization };
    if life.state == TriageState::Fixed { vec![regressed.into()] } else { vec![] }
}

fn set_severity(life: &IncidentLife, severity: Severity) -> Vec<IncidentEvent> {
    if life.severity == severity {
        return vec![];
    }
    vec![SeveritySet { incident: life.incident, organization: life.organization, severity }.into()]
}

fn assign(life: &IncidentLife, user: UserId) -> Decision {
    if !life.status().is_open() {
        return Err(IncidentRefusal::Closed);
    }
    if life.assignee == Some(user) {
        return Ok(vec![]);
    }
    Ok(vec![Assigned { incident: life.incident, organization: life.organization, user }.into()])
}

fn unassign(life: &IncidentLife) -> Decision {
    if !life.status().is_open() {
        return Err(IncidentRefusal::Closed);
    }
    if life.assignee.is_none() {
        return Ok(vec![]);
    }
    Ok(vec![Unassigned { incident: life.incident, organization: life.organization }.into()])
}

impl From<NoteRefusal> for IncidentRefusal {
    fn from(refusal: NoteRefusal) -> Self {
        match refusal {
            NoteRefusal::Empty => Self::NoteEmpty,
            NoteRefusal::TooLong => Self::NoteTooLong,
            NoteRefusal::NotFound => Self::NoteNotFound,
            NoteRefusal::NotTheAuthor => Self::NotTheAuthor,
        }
    }
}

fn add_note(life: &IncidentLife, note: NoteId, by: Actor, text: String) -> Decision {
    check_note(&text)?;
    if life.notes.len() >= INCIDENT_NOTES {
        return Err(IncidentRefusal::TooManyNotes);
    }
    let (incident, organization) = (life.incident, life.organization);
    Ok(vec![NoteAdded { incident, organization, note, by, text }.into()])
}

fn edit_note(life: &IncidentLife, note: NoteId, by: Actor, text: String) -> Decision {
    check_note(&text)?;
    if own_note(&life.notes, note, by)? == text {
        return Ok(vec![]);
    }
    let (incident, organization) = (life.incident, life.organization);
    Ok(vec![NoteEdited { incident, organization, note, text }.into()])
}

fn remove_note(life: &IncidentLife, note: NoteId, by: Actor) -> Decision {
    own_note(&life.notes, note, by)?;
    Ok(vec![NoteRemoved { incident: life.incident, organization: life.organization, note }.into()])
}

fn share(life: &IncidentLife, sharing: Sharing) -> Decision {
    let Sharing { share, token_hash, expires_at, now } = sharing;
    let latest = now.plus_days(SHARE_DAYS);
    if expires_at.is_some_and(|at| at <= now || at > latest) {
        return Err(IncidentRefusal::BadExpiry);
    }
    let (incident, organization) = (life.incident, life.organization);
    Ok(vec![Shared { incident, organization, share, token_hash, expires_at }.into()])
}

fn unshare(life: &IncidentLife) -> Vec<IncidentEvent> {
    let unshared =
        |share| Unshared { incident: life.incident, organization: life.organization, share }.into();
    life.share.map(unshared).into_iter().collect()
}

fn occur(life: &IncidentLife, mut seen: Sighting) -> Decision {
    if seen.path.len() > PATH_BYTES {
        return Err(IncidentRefusal::PathTooLong);
    }
    seen.url = seen.url.filter(|url| url.chars().count() <= URL_CHARS);
    // Places from before credentials were taken off are named after the whole address.
    let as_told = seen.occurrence(life.incident);
    seen.url = seen.url.map(|url| without_credentials(&url).into_owned());
    let occurrence = seen.occurrence(life.incident);
    let is_known = [as_told, occurrence].iter().any(|place| life.sightings.contains(place));
    if is_known || life.sightings.len() >= INCIDENT_SIGHTINGS {
        return Ok(vec![]);
    }
    let is_new = Place::is_new(seen.project, &seen.path, &life.places);
    let Sighting { project, path, url, line, end_line } = seen;
    let (incident, organization) = (life.incident, life.organization);
    let occurred = Occurred { incident, organization, occurrence, project, path, url, line, end_line };
    let mut events = vec![occurred.into()];
    if is_new {
        events.extend(regress(life));
    }
    Ok(events)
}
