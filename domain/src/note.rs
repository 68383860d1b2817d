//! Notes that people write on incidents and honeytokens: what they may say, and who may change them.

use crate::id::NoteId;
use crate::limits::NOTE_CHARS;
use crate::log::Actor;
use std::collections::HashMap;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Who wrote it.
    pub by: Actor,
    /// What it says.
    pub text: String,
}

/// Why a note stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefusal {
    /// It says nothing.
    #[error("the note is empty")]
    Empty,
    /// More than [`NOTE_CHARS`] characters.
    #[error("the note may have at most {NOTE_CHARS} characters")]
    TooLong,
    /// There is no such note.
    #[error("the note does not exist")]
    NotFound,
    /// Somebody else wrote it.
    #[error("only who wrote a note may change it")]
    NotTheAuthor,
}

/// Checks what a note is to say.
///
/// # Errors
/// [`NoteRefusal::Empty`] and [`NoteRefusal::TooLong`].
pub fn check_note(text: &str) -> Result<(), NoteRefusal> {
    if text.trim().is_empty() {
        return Err(NoteRefusal::Empty);
    }
    if text.chars().count() > NOTE_CHARS {
        return Err(NoteRefusal::TooLong);
    }
    Ok(())
}

/// Checks that `by` may change a note; answers what it says.
///
/// # Errors
/// [`NoteRefusal::NotFound`] and [`NoteRefusal::NotTheAuthor`].
pub fn own_note(notes: &HashMap<NoteId, Note>, note: NoteId, by: Actor) -> Result<&str, NoteRefusal> {
    let found = notes.get(&note).ok_or(NoteRefusal::NotFound)?;
    if found.by == by { Ok(&found.text) } else { Err(NoteRefusal::NotTheAuthor) }
}
