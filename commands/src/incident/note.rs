//! Notes on incidents.

use super::{IncidentDone, Incidents, Result};
use crate::context::Context;
use scanledger_domain::id::{IncidentId, NoteId};
use scanledger_domain::identity::Principal;
use scanledger_domain::incident::IncidentCommand;

impl Incidents {
    /// Writes a note on an incident; answers its id as well. A repeated command makes the same note.
    ///
    /// # Errors
    /// When the text is empty or too long, or there are too many notes; else as [`Self::ignore`].
    pub async fn add_note(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        text: String,
    ) -> Result<(NoteId, IncidentDone)> {
        let note = context.made_id("note");
        let command = IncidentCommand::AddNote { note, by: principal.actor, text };
        Ok((note, self.change(context, principal, incident, command).await?))
    }

    /// Writes something else in the caller's own note.
    ///
    /// # Errors
    /// [`NoteNotFound`](scanledger_domain::incident::IncidentRefusal::NoteNotFound),
    /// [`NotTheAuthor`](scanledger_domain::incident::IncidentRefusal::NotTheAuthor), when the text is empty or too
    /// long; else as [`Self::ignore`].
    pub async fn edit_note(
        &self,
        context: &Context,
        principal: &Principal,
        (incident, note): (IncidentId, NoteId),
        text: String,
    ) -> Result<IncidentDone> {
        let command = IncidentCommand::EditNote { note, by: principal.actor, text };
        self.change(context, principal, incident, command).await
    }

    /// Takes the caller's own note back.
    ///
    /// # Errors
    /// As [`Self::edit_note`].
    pub async fn remove_note(
        &self,
        context: &Context,
        principal: &Principal,
        (incident, note): (IncidentId, NoteId),
    ) -> Result<IncidentDone> {
        let command = IncidentCommand::RemoveNote { note, by: principal.actor };
        self.change(context, principal, incident, command).await
    }
}
