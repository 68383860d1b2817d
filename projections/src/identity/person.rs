//! People.

use super::word::{read_optional_word, read_word};
use super::{limits, unsigned};
use crate::page::Paging;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row, named_params, params};
use scanledger_domain::id::UserId;
use scanledger_domain::identity::{Rank, TeamRole};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use std::collections::HashMap;

/// A person, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Their id.
    pub id: UserId,
    /// Their id where it has to be a whole number: the position of their `user.registered`.
    pub number: u64,
    /// Their name, sealed.
    pub name: Sealed,
    /// Their address, sealed.
    pub email: Sealed,
}

/// A person with everything that lists of people show, sealed where it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Their id.
    pub id: UserId,
    /// Their id where it has to be a whole number: the position of their `user.registered`.
    pub number: u64,
    /// Their name, sealed.
    pub name: Sealed,
    /// Their address, sealed.
    pub email: Sealed,
    /// When they got their account.
    pub registered_at: Timestamp,
    /// When the account last changed.
    pub updated_at: Timestamp,
    /// Whether they may sign in.
    pub is_active: bool,
    /// What they are to the installation.
    pub rank: Rank,
    /// When they last signed in.
    pub last_login_at: Option<Timestamp>,
    /// Whether they can sign in with a password.
    pub has_password: bool,
    /// Whether they were erased; what is sealed opens no more then.
    pub is_erased: bool,
    /// How many scans they asked for, deleted ones aside.
    pub scans: u64,
    /// How many teams they belong to, in whatever organization.
    pub teams: u64,
    /// What they are in the team that lets them do most, in whatever organization.
    pub strongest: Option<TeamRole>,
}

/// What people are, as lists of people are narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRole {
    /// They run the installation.
    SuperAdmin,
    /// They have this role in some team, whatever they are in others.
    Team(TeamRole),
}

/// Which people. Every field narrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Only who is this.
    pub role: Option<UserRole>,
    /// Only who may (`true`) or may not (`false`) sign in.
    pub active: Option<bool>,
}

/// The columns that [`read_user`] expects, from the alias `u`.
pub(super) const USER_COLUMNS: &str =
    "u.id, u.registered, u.name, u.email, u.registered_at, u.updated_at, u.is_active, u.rank, u.last_login_at,
     u.has_password, u.erased IS NOT NULL,
     (SELECT count(*) FROM scan s WHERE s.by_kind = 0 AND s.by_id = u.id AND s.deleted IS NULL),
     (SELECT count(*) FROM team_member x WHERE x.user = u.id AND x.valid_to = 9223372036854775807),
     (SELECT x.role FROM team_member x WHERE x.user = u.id AND x.valid_to = 9223372036854775807
      ORDER BY CASE x.role WHEN 'team_admin' THEN 0 WHEN 'developer' THEN 1 ELSE 2 END LIMIT 1)";

/// How many columns those are.
pub(super) const USER_WIDTH: usize = 14;

pub(super) fn read_user(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    Ok(UserRow {
        id: UserId(id(row, 0)?),
        number: unsigned(row, 1)?,
        name: Sealed(row.get(2)?),
        email: Sealed(row.get(3)?),
        registered_at: Timestamp(row.get(4)?),
        updated_at: Timestamp(row.get(5)?),
        is_active: row.get(6)?,
        rank: read_word(row, 7)?,
        last_login_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        has_password: row.get(9)?,
        is_erased: row.get(10)?,
        scans: unsigned(row, 11)?,
        teams: unsigned(row, 12)?,
        strongest: read_optional_word(row, 13)?,
    })
}

impl Views {
    /// A person, erased ones too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user(&self, user: UserId) -> Result<Option<UserRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {USER_COLUMNS} FROM user u WHERE u.id = ?1"))?
                .query_row([user.as_bytes()], read_user)
                .optional()?)
        })
        .await
    }

    /// A person by the whole number that stands for them ([`UserRow::number`]), erased ones too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn user_by_number(&self, number: u64) -> Result<Option<UserRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {USER_COLUMNS} FROM user u WHERE u.registered = ?1"))?
                .query_row([number.cast_signed()], read_user)
                .optional()?)
        })
        .await
    }

    /// People on a page, newest first, and how many there are without paging; erased ones are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn users(&self, filter: UserFilter, paging: Paging) -> Result<(Vec<UserRow>, u64), ReadError> {
        self.read(move |connection| {
            let role = match filter.role {
                None => ":role IS NULL",
                Some(UserRole::SuperAdmin) => "u.rank = :role",
                Some(UserRole::Team(_)) => {
                    "u.id IN (SELECT x.user FROM team_member x
                              WHERE x.role = :role AND x.valid_to = 9223372036854775807)"
                }
            };
            let word = filter.role.map(|role| match role {
                UserRole::SuperAdmin => super::word::word(Rank::SuperAdmin),
                UserRole::Team(role) => role.as_str().to_owned(),
            });
            let condition =
                format!("u.erased IS NULL AND {role} AND (:active IS NULL OR u.is_active = :active)");
            let of = named_params! { ":role": word, ":active": filter.active };
            let total = connection
                .prepare_cached(&format!("SELECT count(*) FROM user u WHERE {condition}"))?
                .query_row(of, |row| unsigned(row, 0))?;
            let (limit, offset) = limits(paging);
            let mut statement = connection.prepare(&format!(
                "SELECT {USER_COLUMNS} FROM user u WHERE {condition} ORDER BY u.key DESC LIMIT {limit} OFFSET {offset}"
            ))?;
            let rows = statement.query_map(of, read_user)?;
            Ok((rows.collect::<Result<_, _>>()?, total))
        })
        .await
    }

    /// Everybody, newest first; erased people are left out. For searches in what is sealed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn all_users(&self) -> Result<Vec<UserRow>, ReadError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {USER_COLUMNS} FROM user u WHERE u.erased IS NULL ORDER BY u.key DESC"
            ))?;
            let rows = statement.query_map([], read_user)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// People by id; unknown ones are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people(&self, ids: Vec<UserId>) -> Result<HashMap<UserId, PersonRow>, ReadError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT name, email, registered FROM user WHERE id = ?1")?;
            let mut people = HashMap::with_capacity(ids.len());
            for id in ids {
                let person = statement
                    .query_row(params![id.as_bytes()], |row| {
                        let (name, email) = (Sealed(row.get(0)?), Sealed(row.get(1)?));
                        Ok(PersonRow { id, number: unsigned(row, 2)?, name, email })
                    })
                    .optional()?;
                if let Some(person) = person {
                    people.insert(id, person);
                }
            }
            Ok(people)
        })
        .await
    }
}
