//! Invitations into organizations.

use super::unsigned;
use super::word::{read_optional_word, read_word};
use crate::store::column::{id, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row};
use scanledger_domain::id::{InvitationId, OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{InvitedTeam, OrganizationRole};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Nothing yet; it may have ended all the same.
    Open,
    /// This person came.
    Accepted(UserId),
    /// It was taken back.
    Revoked,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its id.
    pub id: InvitationId,
    /// Its id where it has to be a whole number: the position of its `organization.invited`.
    pub number: u64,
    /// Into which organization.
    pub organization: OrganizationId,
    /// The address it was sent to, sealed for the invitation.
    pub email: Sealed,
    /// As what.
    pub role: OrganizationRole,
    /// Into which team, and as what there.
    pub team: Option<InvitedTeam>,
    /// When it was sent.
    pub invited_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: InvitationState,
}

const COLUMNS: &str =
    "i.id, i.invited, o.id, i.email, i.role, i.team, i.team_role, i.invited_at, i.expires_at, i.state, i.accepted_by
     FROM invitation i JOIN organization o ON o.key = i.organization";

fn read(row: &Row<'_>) -> rusqlite::Result<InvitationRow> {
    let team = match (optional_id(row, 5)?, read_optional_word(row, 6)?) {
        (Some(id), Some(role)) => Some(InvitedTeam { id: TeamId(id), role }),
        _ => None,
    };
    let state = match (row.get_ref(9)?.as_str()?, optional_id(row, 10)?) {
        ("open", _) => InvitationState::Open,
        (_, Some(user)) => InvitationState::Accepted(UserId(user)),
        (_, None) => InvitationState::Revoked,
    };
    Ok(InvitationRow {
        id: InvitationId(id(row, 0)?),
        number: unsigned(row, 1)?,
        organization: OrganizationId(id(row, 2)?),
        email: Sealed(row.get(3)?),
        role: read_word(row, 4)?,
        team,
        invited_at: Timestamp(row.get(7)?),
        expires_at: Timestamp(row.get(8)?),
        state,
    })
}

impl Views {
    /// The invitations into an organization that were neither accepted nor taken back, newest first. Which of them have
    /// ended is for the caller to see.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn invitations(&self, organization: OrganizationId) -> Result<Vec<InvitationRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE o.id = ?1 AND i.state = 'open' ORDER BY i.key DESC"
            ))?;
            let rows = statement.query_map([organization.as_bytes()], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Every invitation of the installation with the address it was sent to and who came by it, whatever became of it,
    /// eldest first. Whom one is about that nobody came by is only known to who opens the address.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_invitations(&self) -> Result<Vec<(InvitationId, Sealed, Option<UserId>)>, ReadError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, email, accepted_by FROM invitation ORDER BY key")?;
            let rows = statement.query_map([], |row| {
                Ok((InvitationId(id(row, 0)?), Sealed(row.get(1)?), optional_id(row, 2)?.map(UserId)))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// An invitation, whatever became of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn invitation(&self, invitation: InvitationId) -> Result<Option<InvitationRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE i.id = ?1"))?
                .query_row([invitation.as_bytes()], read)
                .optional()?)
        })
        .await
    }

    /// An invitation by the whole number that stands for it ([`InvitationRow::number`]).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn invitation_by_number(&self, number: u64) -> Result<Option<InvitationRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE i.invited = ?1"))?
                .query_row([number.cast_signed()], read)
                .optional()?)
        })
        .await
    }
}
