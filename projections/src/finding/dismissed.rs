//! Findings that clients named and people dismissed.

use crate::store::{ReadError, Views};
use rusqlite::params;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::ProjectId;

/// A finding that a client named and people dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DismissedUpload {
    /// The client's name of it.
    pub match_based_id: String,
    /// The client's older name of it.
    pub syntactic_id: Option<String>,
}

impl Views {
    /// The findings of a project that clients named and that are dismissed ([`TriageState::is_dismissed`]), those
    /// decided about last first; at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dismissed_uploads(
        &self,
        project: ProjectId,
        limit: u32,
    ) -> Result<Vec<DismissedUpload>, ReadError> {
        let dismissed = TriageState::ALL.into_iter().filter(|state| state.is_dismissed());
        let codes: Vec<String> = dismissed.map(|state| state.code().to_string()).collect();
        // Numbers of a closed set, never what a client typed.
        let codes = codes.join(", ");
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT f.upload ->> 'matchBasedId', f.upload ->> 'syntacticId' FROM finding f
                 CROSS JOIN triage t ON t.finding = f.key AND t.valid_to = 9223372036854775807
                 WHERE f.project = (SELECT key FROM project WHERE id = ?1) AND f.upload IS NOT NULL
                   AND t.status IN ({codes})
                 ORDER BY t.valid_from DESC LIMIT ?2"
            ))?;
            let rows = statement.query_map(params![project.as_bytes(), limit], |row| {
                Ok(DismissedUpload { match_based_id: row.get(0)?, syntactic_id: row.get(1)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
