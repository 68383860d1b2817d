//! What may be done to a honeytoken.

use super::{
    Changed, Created, HoneytokenEvent, HoneytokenLife, HoneytokenState, HoneytokenStatus, NoteAdded,
    NoteEdited, NoteRemoved, Reset, Revoked, Triggered, Usage,
};
use crate::decider::Decider;
use crate::id::{NoteId, TriggerId};
use crate::identity::is_name;
use crate::limits::{
    DESCRIPTION_CHARS, HONEYTOKEN_NOTES, HONEYTOKEN_TRIGGERS, HONEYTOKEN_TRIGGERS_A_MINUTE, HONEYTOKENS,
    NAME_CHARS, NOTE_CHARS,
};
use crate::log::Actor;
use crate::note::{NoteRefusal, check_note, own_note};
use crate::time::Timestamp;

const SECONDS_PER_MINUTE: i64 = 60;

/// A honeytoken that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHoneytoken {
    /// It, with its credential sealed.
    pub created: Created,
    /// How many the organization has that are not revoked.
    pub others: u64,
}

/// What can be asked of a honeytoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoneytokenCommand {
    /// Make it.
    Create(Box<NewHoneytoken>),
    /// Write something else about it.
    Change {
        /// What to call it.
        name: String,
        /// What it is for.
        description: Option<String>,
    },
    /// Its uses are dealt with.
    Reset,
    /// End it for good.
    Revoke,
    /// Take note that somebody used it. Beyond [`HONEYTOKEN_TRIGGERS_A_MINUTE`] and [`HONEYTOKEN_TRIGGERS`] nothing more
    /// is recorded, and nothing of one that is revoked.
    Trigger {
        /// The use.
        trigger: TriggerId,
        /// The present instant.
        now: Timestamp,
        /// What they wanted.
        usage: Usage,
        /// A keyed hash of the address that they came from.
        address_hash: Option<String>,
    },
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
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoneytokenRefusal {
    /// There is none.
    #[error("the honeytoken does not exist")]
    NotFound,
    /// It is there.
    #[error("the honeytoken exists already")]
    AlreadyThere,
    /// The name will not do.
    #[error("a honeytoken's name must be one line of 1 to {NAME_CHARS} characters")]
    BadName,
    /// The description is longer than [`DESCRIPTION_CHARS`].
    #[error("the description may have at most {DESCRIPTION_CHARS} characters")]
    DescriptionTooLong,
    /// There are [`HONEYTOKENS`].
    #[error("an organization has at most {HONEYTOKENS} honeytokens that are not revoked")]
    TooMany,
    /// Nothing changes any more.
    #[error("the honeytoken is revoked")]
    Revoked,
    /// Nobody has used it.
    #[error("the honeytoken is not triggered")]
    NotTriggered,
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
    /// There are [`HONEYTOKEN_NOTES`].
    #[error("a honeytoken has at most {HONEYTOKEN_NOTES} notes")]
    TooManyNotes,
}

/// The rules of honeytokens.
#[derive(Debug)]
pub struct Honeytoken;

type Decision = Result<Vec<HoneytokenEvent>, HoneytokenRefusal>;

impl Decider for Honeytoken {
    type State = HoneytokenState;
    type Command = HoneytokenCommand;
    type Event = HoneytokenEvent;
    type Refusal = HoneytokenRefusal;

    fn initial() -> HoneytokenState {
        HoneytokenState::Missing
    }

    fn evolve(state: HoneytokenState, event: &HoneytokenEvent) -> HoneytokenState {
        state.after(event)
    }

    fn decide(state: &HoneytokenState, command: HoneytokenCommand) -> Decision {
        match command {
            HoneytokenCommand::Create(new) => create(state, *new),
            HoneytokenCommand::Change { name, description } => change(live(state)?, name, description),
            HoneytokenCommand::Reset => reset(live(state)?),
            HoneytokenCommand::Revoke => revoke(live(state)?),
            HoneytokenCommand::Trigger { trigger, now, usage, address_hash } => {
                Ok(triggered(known(state)?, trigger, now, usage, address_hash))
            }
            HoneytokenCommand::AddNote { note, by, text } => add_note(known(state)?, note, by, text),
            HoneytokenCommand::EditNote { note, by, text } => edit_note(known(state)?, note, by, text),
            HoneytokenCommand::RemoveNote { note, by } => remove_note(known(state)?, note, by),
        }
    }
}

fn known(state: &HoneytokenState) -> Result<&HoneytokenLife, HoneytokenRefusal> {
    state.known().ok_or(HoneytokenRefusal::NotFound)
}

fn live(state: &HoneytokenState) -> Result<&HoneytokenLife, HoneytokenRefusal> {
    let life = known(state)?;
    if life.status == HoneytokenStatus::Revoked { Err(HoneytokenRefusal::Revoked) } else { Ok(life) }
}

fn check(name: &str, description: Option<&String>) -> Result<(), HoneytokenRefusal> {
    if !is_name(name) {
        return Err(HoneytokenRefusal::BadName);
    }
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS) {
        return Err(HoneytokenRefusal::DescriptionTooLong);
    }
    Ok(())
}

fn create(state: &HoneytokenState, new: NewHoneytoken) -> Decision {
    if state.known().is_some() {
        return Err(HoneytokenRefusal::AlreadyThere);
    }
    check(&new.created.name, new.created.description.as_ref())?;
    if new.others >= HONEYTOKENS {
        return Err(HoneytokenRefusal::TooMany);
    }
    Ok(vec![new.created.into()])
}

fn change(life: &HoneytokenLife, name: String, description: Option<String>) -> Decision {
    check(&name, description.as_ref())?;
    if life.name == name && life.description == description {
        return Ok(vec![]);
    }
    let (honeytoken, organization) = (life.honeytoken, life.organization);
    Ok(vec![Changed { honeytoken, organization, name, description }.into()])
}

fn reset(life: &HoneytokenLife) -> Decision {
    if life.status != HoneytokenStatus::Triggered {
        return Err(HoneytokenRefusal::NotTriggered);
    }
    Ok(vec![Reset { honeytoken: life.honeytoken, organization: life.organization }.into()])
}

fn revoke(life: &HoneytokenLife) -> Decision {
    Ok(vec![Revoked { honeytoken: life.honeytoken, organization: life.organization }.into()])
}

fn triggered(
    life: &HoneytokenLife,
    trigger: TriggerId,
    now: Timestamp,
    usage: Usage,
    address_hash: Option<String>,
) -> Vec<HoneytokenEvent> {
    let minute_ago = now.plus_seconds(-SECONDS_PER_MINUTE);
    let recent = life.last_uses.iter().filter(|at| **at > minute_ago).count();
    let is_kept = life.status != HoneytokenStatus::Revoked
        && life.uses < HONEYTOKEN_TRIGGERS
        && recent < HONEYTOKEN_TRIGGERS_A_MINUTE;
    if !is_kept {
        return vec![];
    }
    let Usage { service, region, action } = usage.bounded();
    let (honeytoken, organization) = (life.honeytoken, life.organization);
    vec![
        Triggered { honeytoken, organization, trigger, at: now, service, region, action, address_hash }
            .into(),
    ]
}

impl From<NoteRefusal> for HoneytokenRefusal {
    fn from(refusal: NoteRefusal) -> Self {
        match refusal {
            NoteRefusal::Empty => Self::NoteEmpty,
            NoteRefusal::TooLong => Self::NoteTooLong,
            NoteRefusal::NotFound => Self::NoteNotFound,
            NoteRefusal::NotTheAuthor => Self::NotTheAuthor,
        }
    }
}

fn add_note(life: &HoneytokenLife, note: NoteId, by: Actor, text: String) -> Decision {
    check_note(&text)?;
    if life.notes.len() >= HONEYTOKEN_NOTES {
        return Err(HoneytokenRefusal::TooManyNotes);
    }
    let (honeytoken, organization) = (life.honeytoken, life.organization);
    Ok(vec![NoteAdded { honeytoken, organization, note, by, text }.into()])
}

fn edit_note(life: &HoneytokenLife, note: NoteId, by: Actor, text: String) -> Decision {
    check_note(&text)?;
    if own_note(&life.notes, note, by)? == text {
        return Ok(vec![]);
    }
    let (honeytoken, organization) = (life.honeytoken, life.organization);
    Ok(vec![NoteEdited { honeytoken, organization, note, text }.into()])
}

fn remove_note(life: &HoneytokenLife, note: NoteId, by: Actor) -> Decision {
    own_note(&life.notes, note, by)?;
    let (honeytoken, organization) = (life.honeytoken, life.organization);
    Ok(vec![NoteRemoved { honeytoken, organization, note }.into()])
}
