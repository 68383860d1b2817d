//! Who belongs to an organization.

use super::person::{USER_COLUMNS, USER_WIDTH, UserRow, read_user};
use super::word::{read_optional_word, read_word};
use super::{limits, unsigned};
use crate::page::Paging;
use crate::store::column::to_json;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row, named_params};
use scanledger_domain::id::{OrganizationId, UserId};
use scanledger_domain::identity::{OrganizationRole, TeamRole};
use scanledger_domain::time::Timestamp;

/// Somebody who belongs to an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Who.
    pub user: UserRow,
    /// As what.
    pub role: OrganizationRole,
    /// What they are in the team of this organization that lets them do most.
    pub strongest: Option<TeamRole>,
    /// Since when, whatever the role.
    pub since: Timestamp,
}

/// Which members. Every field narrows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberFilter {
    /// Only who is this in the organization.
    pub role: Option<OrganizationRole>,
    /// Only who is one of these in the team of the organization that lets them do most; who belongs to none counts as
    /// a developer, as in [`scanledger_domain::identity::Belonging::role`].
    pub strongest: Option<Vec<TeamRole>>,
    /// Only who may (`true`) or may not (`false`) sign in.
    pub active: Option<bool>,
}

const FROM: &str = "FROM (
        SELECT m.user, m.role, m.since, m.since_at,
               (SELECT x.role FROM team_member x CROSS JOIN team t ON t.id = x.team
                WHERE x.user = m.user AND x.valid_to = 9223372036854775807
                  AND t.organization = m.organization AND t.deleted IS NULL
                ORDER BY CASE x.role WHEN 'team_admin' THEN 0 WHEN 'developer' THEN 1 ELSE 2 END LIMIT 1) AS strongest
        FROM member m
        WHERE m.organization = (SELECT key FROM organization WHERE id = :organization)
          AND m.valid_to = 9223372036854775807
     ) m JOIN user u ON u.id = m.user AND u.erased IS NULL";

fn read(row: &Row<'_>) -> rusqlite::Result<MemberRow> {
    Ok(MemberRow {
        user: read_user(row)?,
        role: read_word(row, USER_WIDTH)?,
        strongest: read_optional_word(row, USER_WIDTH + 1)?,
        since: Timestamp(row.get(USER_WIDTH + 2)?),
    })
}

impl Views {
    /// Who belongs to an organization, on a page, in the order in which they came, and how many they are without
    /// paging; erased people are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn members(
        &self,
        organization: OrganizationId,
        filter: MemberFilter,
        paging: Paging,
    ) -> Result<(Vec<MemberRow>, u64), ReadError> {
        self.read(move |connection| {
            let condition = "(:role IS NULL OR m.role = :role) AND (:active IS NULL OR u.is_active = :active)
                 AND (:strongest IS NULL
                      OR coalesce(m.strongest, 'developer') IN (SELECT value FROM json_each(:strongest)))";
            let words =
                |roles: &Vec<TeamRole>| to_json(&roles.iter().map(|role| role.as_str()).collect::<Vec<_>>());
            let of = named_params! {
                ":organization": organization.as_bytes(),
                ":role": filter.role.map(OrganizationRole::as_str),
                ":active": filter.active,
                ":strongest": filter.strongest.as_ref().map(words),
            };
            let total = connection
                .prepare_cached(&format!("SELECT count(*) {FROM} WHERE {condition}"))?
                .query_row(of, |row| unsigned(row, 0))?;
            let (limit, offset) = limits(paging);
            let mut statement = connection.prepare(&format!(
                "SELECT {USER_COLUMNS}, m.role, m.strongest, m.since_at {FROM} WHERE {condition}
                 ORDER BY m.since LIMIT {limit} OFFSET {offset}"
            ))?;
            let rows = statement.query_map(of, read)?;
            Ok((rows.collect::<Result<_, _>>()?, total))
        })
        .await
    }

    /// What a person is in an organization, if they belong to it and were not erased.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn member(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<MemberRow>, ReadError> {
        self.read(move |connection| {
            let sql =
                format!("SELECT {USER_COLUMNS}, m.role, m.strongest, m.since_at {FROM} WHERE m.user = :user");
            let of = named_params! { ":organization": organization.as_bytes(), ":user": user.as_bytes() };
            Ok(connection.prepare_cached(&sql)?.query_row(of, read).optional()?)
        })
        .await
    }
}
