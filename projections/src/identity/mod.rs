//! Organizations, people, teams, sessions and keys.

mod account;
mod apply;
mod batch;
mod invitation;
mod key;
mod member;
mod organization;
mod person;
mod session;
mod standing;
mod team;
mod word;

pub use account::{IdentityRow, MembershipRow};
pub(crate) use apply::apply;
pub use batch::Actors;
pub use invitation::{InvitationRow, InvitationState};
pub use key::{KeyFilter, KeyReach, KeyRow, Revoked};
pub use member::{MemberFilter, MemberRow};
pub use organization::OrganizationRow;
pub use person::{PersonRow, UserFilter, UserRole, UserRow};
pub use session::SessionRow;
pub use standing::PersonStanding;
pub use team::{TeamFilter, TeamMemberRow, TeamRow, TeamUsage};

use crate::page::Paging;
use rusqlite::Row;

/// `LIMIT` and `OFFSET` of a page.
fn limits(paging: Paging) -> (i64, i64) {
    (i64::from(paging.limit), i64::try_from(paging.offset).unwrap_or(i64::MAX))
}

/// A count or a position, neither of which is ever negative.
fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}
