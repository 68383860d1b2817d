//! Where a honeytoken stands, as far as the next decision needs to know.

use super::{Created, HoneytokenEvent};
use crate::id::{HoneytokenId, NoteId, OrganizationId};
use crate::limits::HONEYTOKEN_TRIGGERS_A_MINUTE;
use crate::note::Note;
use crate::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::str::FromStr;

/// Where a honeytoken stands (GitGuardian reference §11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoneytokenStatus {
    /// Nobody has used it since it was made or reset.
    Active,
    /// Somebody has.
    Triggered,
    /// It tells nothing any more, for good.
    Revoked,
}

/// A word that names no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a status of a honeytoken")]
pub struct NotAStatus;

impl HoneytokenStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Triggered, Self::Revoked];

    /// The lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Triggered => "triggered",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for HoneytokenStatus {
    type Err = NotAStatus;

    fn from_str(text: &str) -> Result<Self, NotAStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(NotAStatus)
    }
}

/// A honeytoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoneytokenLife {
    /// Its id.
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where it stands.
    pub status: HoneytokenStatus,
    /// Uses that were recorded since it was made or reset.
    pub uses: usize,
    /// When the last of them were, the eldest first; at most [`HONEYTOKEN_TRIGGERS_A_MINUTE`].
    pub last_uses: VecDeque<Timestamp>,
    /// Notes on it.
    pub notes: HashMap<NoteId, Note>,
}

impl HoneytokenLife {
    fn new(created: &Created) -> Self {
        Self {
            honeytoken: created.honeytoken,
            organization: created.organization,
            name: created.name.clone(),
            description: created.description.clone(),
            status: HoneytokenStatus::Active,
            uses: 0,
            last_uses: VecDeque::new(),
            notes: HashMap::new(),
        }
    }

    fn used(&mut self, at: Timestamp) {
        self.status = HoneytokenStatus::Triggered;
        self.uses += 1;
        if self.last_uses.len() == HONEYTOKEN_TRIGGERS_A_MINUTE {
            self.last_uses.pop_front();
        }
        self.last_uses.push_back(at);
    }
}

/// Whether there is a honeytoken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HoneytokenState {
    /// There is none.
    #[default]
    Missing,
    /// There is one.
    Known(Box<HoneytokenLife>),
}

impl HoneytokenState {
    /// The honeytoken, if there is one.
    pub fn known(&self) -> Option<&HoneytokenLife> {
        match self {
            Self::Missing => None,
            Self::Known(life) => Some(life),
        }
    }

    /// Whether it has its name to itself: a revoked one has not.
    pub fn holds_name(&self) -> bool {
        self.known().is_some_and(|life| life.status != HoneytokenStatus::Revoked)
    }

    /// The state after an event.
    pub(super) fn after(self, event: &HoneytokenEvent) -> Self {
        let mut life = match (self, event) {
            (Self::Known(life), _) => life,
            (Self::Missing, HoneytokenEvent::Created(created)) => Box::new(HoneytokenLife::new(created)),
            (Self::Missing, _) => return Self::Missing,
        };
        match event {
            HoneytokenEvent::Created(_) => (),
            HoneytokenEvent::Changed(changed) => {
                life.name.clone_from(&changed.name);
                life.description.clone_from(&changed.description);
            }
            HoneytokenEvent::Reset(_) => {
                life.status = HoneytokenStatus::Active;
                life.uses = 0;
            }
            HoneytokenEvent::Revoked(_) => life.status = HoneytokenStatus::Revoked,
            HoneytokenEvent::Triggered(triggered) => life.used(triggered.at),
            HoneytokenEvent::NoteAdded(added) => {
                let note = Note { by: added.by, text: added.text.clone() };
                life.notes.insert(added.note, note);
            }
            HoneytokenEvent::NoteEdited(edited) => {
                if let Some(note) = life.notes.get_mut(&edited.note) {
                    note.text.clone_from(&edited.text);
                }
            }
            HoneytokenEvent::NoteRemoved(removed) => drop(life.notes.remove(&removed.note)),
        }
        Self::Known(life)
    }
}
