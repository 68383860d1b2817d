//! Notes on honeytokens.

use super::{Honeytokens, Result};
use crate::context::Context;
use scanledger_domain::honeytoken::HoneytokenCommand;
use scanledger_domain::id::{HoneytokenId, NoteId};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;

/// A note that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteWritten {
    /// Its id.
    pub note: NoteId,
    /// Position of its event.
    pub position: Position,
    /// When that was recorded.
    pub written_at: Timestamp,
}

impl Honeytokens {
    /// Writes a note on a honeytoken. A repeated command makes the same note.
    ///
    /// # Errors
    /// When the text is empty or too long, or there are too many notes; else a fault.
    pub async fn add_note(
        &self,
        context: &Context,
        honeytoken: HoneytokenId,
        text: String,
    ) -> Result<NoteWritten> {
        let note = context.made_id("note");
        let command = HoneytokenCommand::AddNote { note, by: context.actor, text };
        let done = self.execute(context, honeytoken, command).await?;
        let (position, written_at) =
            (done.position.unwrap_or_default(), done.recorded_at.unwrap_or_default());
        Ok(NoteWritten { note, position, written_at })
    }

    /// Writes something else in the caller's own note.
    ///
    /// # Errors
    /// [`NoteNotFound`](scanledger_domain::honeytoken::HoneytokenRefusal::NoteNotFound),
    /// [`NotTheAuthor`](scanledger_domain::honeytoken::HoneytokenRefusal::NotTheAuthor), when the text is empty or too
    /// long; else a fault.
    pub async fn edit_note(
        &self,
        context: &Context,
        (honeytoken, note): (HoneytokenId, NoteId),
        text: String,
    ) -> Result<Option<Position>> {
        let command = HoneytokenCommand::EditNote { note, by: context.actor, text };
        Ok(self.execute(context, honeytoken, command).await?.position)
    }

    /// Takes the caller's own note back.
    ///
    /// # Errors
    /// As [`Self::edit_note`].
    pub async fn remove_note(
        &self,
        context: &Context,
        (honeytoken, note): (HoneytokenId, NoteId),
    ) -> Result<Option<Position>> {
        let command = HoneytokenCommand::RemoveNote { note, by: context.actor };
        Ok(self.execute(context, honeytoken, command).await?.position)
    }
}
