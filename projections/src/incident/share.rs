//! Incidents by the link that shows them.

use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::OptionalExtension;
use scanledger_domain::id::{IncidentId, OrganizationId, ShareId};
use scanledger_domain::identity::KeyHash;
use scanledger_domain::time::Timestamp;

/// What a link shows, and whether it still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedWith {
    /// Whose incident.
    pub organization: OrganizationId,
    /// Which.
    pub incident: IncidentId,
    /// The link.
    pub share: ShareId,
    /// When it ends or ended.
    pub expires_at: Option<Timestamp>,
}

impl Views {
    /// What the link with this token shows; none if somebody ended it. Whether it has expired is for the caller to see.
    ///
    /// # Errors
    /// When the store fails.
    pub fn shared_incident(&self, token: &KeyHash) -> Result<Option<SharedWith>, ReadError> {
        self.look_up(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT g.id, i.id, h.id, h.expires_at FROM incident_share h INDEXED BY incident_share_live
                     JOIN incident i ON i.key = h.incident JOIN organization g ON g.key = i.organization
                     WHERE h.token_hash = ?1 AND h.valid_to = 9223372036854775807",
                )?
                .query_row([&token.0], |row| {
                    Ok(SharedWith {
                        organization: OrganizationId(id(row, 0)?),
                        incident: IncidentId(id(row, 1)?),
                        share: ShareId(id(row, 2)?),
                        expires_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                    })
                })
                .optional()?;
            Ok(found)
        })
    }
}
