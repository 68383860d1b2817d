//! Notes on honeytokens.

use super::{Honeytokens, Result};
use crate::context::Context;
use scanledger_domain::honeytoken::HoneytokenCommand;
use scanledger_domain::id::{HoneytokenId, NoteId};
use scanledger_domain::log::Position;

impl Honeytokens {
    /// Writes a note on a honeytoken; answers its id as well. A repeated command makes the same note.
    ///
    /// # Errors
    /// When the text is empty or too long, or there are too many notes; else a fault.
    pub async fn add_note(
        &self,
        context: &Context,
        honeytoken: HoneytokenId,
        text: String,
    ) -> Result<(NoteId, Option<Position>)> {
        let note = context.made_id("note");
        let command = HoneytokenCommand::AddNote { note, by: context.actor, text };
        Ok((note, self.execute(context, honeytoken, command).await?))
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
        self.execute(context, honeytoken, command).await
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
        self.execute(context, honeytoken, command).await
    }
}
