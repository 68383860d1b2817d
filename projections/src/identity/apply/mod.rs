//! From events about who there is to rows.

mod key;
mod organization;
mod person;
mod team;

use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::{Connection, OptionalExtension};
use scanledger_domain::event::Event;
use scanledger_domain::identity::AccessEvent;

/// Applies an event of an organization, a person, a session, a team, a key, an access or the installation; answers the
/// key of the project that it is about, if it is about one.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
) -> Result<Option<i64>, ApplyError> {
    match &decoded.event {
        Event::Organization(event) => organization::apply(tx, scratch, decoded, event)?,
        Event::User(event) => person::apply(tx, decoded, event)?,
        Event::Session(event) => person::apply_session(tx, decoded, event)?,
        Event::Team(event) => team::apply(tx, scratch, decoded, event)?,
        Event::ApiKey(event) => key::apply(tx, scratch, decoded, event)?,
        Event::Access(AccessEvent::Granted(granted)) => {
            let Some(project) = granted.project else { return Ok(None) };
            return match scratch.keys.project(tx, project.0) {
                Ok(key) => Ok(Some(key)),
                // It names what somebody asked for, which need not be there.
                Err(ApplyError::Unknown(_)) => Ok(None),
                Err(error) => Err(error),
            };
        }
        // These are read in the audit log; who runs the installation stands in the events of people as well.
        Event::Access(AccessEvent::SignInFailed(_) | AccessEvent::Denied(_)) | Event::Installation(_) => (),
        Event::Branch(_)
        | Event::Finding(_)
        | Event::Incident(_)
        | Event::Check(_)
        | Event::Scan(_)
        | Event::Policy(_)
        | Event::Honeytoken(_)
        | Event::Project(_)
        | Event::Advisory(_)
        | Event::Claim(_) => (),
    }
    Ok(None)
}

/// Since when a membership has lasted.
struct Since {
    position: i64,
    at: i64,
}

impl Since {
    const fn now(decoded: &Decoded) -> Self {
        Self { position: decoded.position(), at: decoded.at() }
    }

    /// Ends the present row of a membership and answers since when it has lasted. `end` takes who, where and the
    /// position, and returns `since` and `since_at`.
    fn of_ended(tx: &Connection, end: &str, of: impl rusqlite::Params) -> Result<Option<Self>, ApplyError> {
        let ended = tx
            .prepare_cached(end)?
            .query_row(of, |row| Ok(Self { position: row.get(0)?, at: row.get(1)? }))
            .optional()?;
        Ok(ended)
    }
}
