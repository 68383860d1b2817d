//! What people see about their own account: teams, who vouches for them, where they are told.

use super::unsigned;
use super::word::read_word;
use crate::store::column::{id, json};
use crate::store::{ReadError, Views};
use rusqlite::OptionalExtension;
use scanledger_domain::id::{IdentityId, OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{Channels, Provider, TeamRole};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;

/// A person's place in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// Its id where it has to be a whole number: the position at which it began.
    pub number: u64,
    /// The team.
    pub team: TeamId,
    /// The team's name.
    pub team_name: String,
    /// As what.
    pub role: TeamRole,
    /// Whose team it is.
    pub organization: OrganizationId,
    /// Since when, whatever the role.
    pub since: Timestamp,
}

/// Somebody who vouches for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRow {
    /// The id of the link.
    pub id: IdentityId,
    /// Who vouches.
    pub provider: Provider,
    /// The provider's id for the person, sealed.
    pub subject: Sealed,
    /// The person's address there, sealed.
    pub email: Option<Sealed>,
    /// Since when.
    pub linked_at: Timestamp,
}

impl Views {
    /// The teams that a person belongs to, in the order in which they came.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<MembershipRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT x.since, t.id, t.name, x.role, o.id, x.since_at
                 FROM team_member x JOIN team t ON t.id = x.team AND t.deleted IS NULL
                 JOIN organization o ON o.key = t.organization
                 WHERE x.user = ?1 AND x.valid_to = 9223372036854775807 ORDER BY x.since",
            )?;
            let rows = statement.query_map([user.as_bytes()], |row| {
                Ok(MembershipRow {
                    number: unsigned(row, 0)?,
                    team: TeamId(id(row, 1)?),
                    team_name: row.get(2)?,
                    role: read_word(row, 3)?,
                    organization: OrganizationId(id(row, 4)?),
                    since: Timestamp(row.get(5)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Who vouches for a person, first link first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn identities(&self, user: UserId) -> Result<Vec<IdentityRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, provider, subject, email, linked_at FROM identity WHERE user = ?1 ORDER BY key",
            )?;
            let rows = statement.query_map([user.as_bytes()], |row| {
                Ok(IdentityRow {
                    id: IdentityId(id(row, 0)?),
                    provider: read_word(row, 1)?,
                    subject: Sealed(row.get(2)?),
                    email: row.get::<_, Option<String>>(3)?.map(Sealed),
                    linked_at: Timestamp(row.get(4)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Where a person wants to be told; the default for who never said, or is unknown.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn channels(&self, user: UserId) -> Result<Channels, ReadError> {
        self.read(move |connection| {
            let found: Option<Option<Channels>> = connection
                .prepare_cached("SELECT channels FROM user WHERE id = ?1")?
                .query_row([user.as_bytes()], |row| json(row, 0))
                .optional()?;
            Ok(found.flatten().unwrap_or_default())
        })
        .await
    }
}
