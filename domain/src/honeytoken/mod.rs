//! Honeytokens: credentials that open nothing, and tell when somebody tries them.
//!
//! Whoever plants one knows that nobody has a reason to use it. What a use tells is kept short, and only so many uses
//! are kept, because whoever has a credential may use it as often as they like.

mod decider;
mod life;
mod stored;
mod usage;

pub use decider::{Honeytoken, HoneytokenCommand, HoneytokenRefusal, NewHoneytoken};
pub use life::{HoneytokenLife, HoneytokenState, HoneytokenStatus, NotAStatus};
pub use stored::{
    Changed, Created, HoneytokenEvent, HoneytokenKind, NoteAdded, NoteEdited, NoteRemoved, Reset, Revoked,
    Triggered,
};
pub use usage::Usage;

use crate::id::HoneytokenId;
use crate::log::StreamName;

/// The stream of a honeytoken.
pub fn honeytoken_stream(id: HoneytokenId) -> StreamName {
    StreamName::new("honeytoken", id)
}

#[cfg(test)]
mod decider_tests;
