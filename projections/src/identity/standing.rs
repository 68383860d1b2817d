//! What a person is at this moment: asked with every request that acts for one.

use super::word::read_word;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{Belonging, OrganizationRole, Rank, Standing, TeamRole};
use std::collections::BTreeMap;

/// What a person is, and whether their account and their sessions are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonStanding {
    /// What they are: organizations in the order in which they came, with teams that were not deleted.
    pub standing: Standing,
    /// Whether they may sign in.
    pub is_active: bool,
    /// How often all their sessions were ended; sessions of an earlier epoch are over.
    pub epoch: u32,
}

/// Three kinds of rows, so that one statement and hence one snapshot answers: the person, their organizations, their
/// teams. CROSS JOIN: memberships come first, however few organizations or teams there are.
const STANDING: &str =
    "SELECT 0, u.is_active, u.epoch, u.rank, NULL, NULL FROM user u WHERE u.id = :user AND u.erased IS NULL
     UNION ALL
     SELECT 1, m.since, NULL, m.role, o.id, NULL FROM member m CROSS JOIN organization o ON o.key = m.organization
     WHERE m.user = :user AND m.valid_to = 9223372036854775807
     UNION ALL
     SELECT 2, NULL, NULL, x.role, o.id, t.id FROM team_member x
     CROSS JOIN team t ON t.id = x.team AND t.deleted IS NULL CROSS JOIN organization o ON o.key = t.organization
     WHERE x.user = :user AND x.valid_to = 9223372036854775807";

#[derive(Default)]
struct Found {
    account: Option<(bool, u32, Rank)>,
    organizations: Vec<(i64, OrganizationId, OrganizationRole)>,
    teams: Vec<(OrganizationId, TeamId, TeamRole)>,
}

impl Found {
    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        match row.get::<_, u8>(0)? {
            0 => self.account = Some((row.get(1)?, row.get(2)?, read_word(row, 3)?)),
            1 => self.organizations.push((row.get(1)?, OrganizationId(id(row, 4)?), read_word(row, 3)?)),
            _ => self.teams.push((OrganizationId(id(row, 4)?), TeamId(id(row, 5)?), read_word(row, 3)?)),
        }
        Ok(())
    }

    fn standing(mut self, user: UserId) -> Option<PersonStanding> {
        let (is_active, epoch, rank) = self.account?;
        self.organizations.sort_by_key(|(since, ..)| *since);
        let organizations = self.organizations.into_iter().map(|(_, organization, role)| {
            let teams = self.teams.iter().filter(|(of, ..)| *of == organization);
            let teams: BTreeMap<_, _> = teams.map(|(_, team, role)| (*team, *role)).collect();
            Belonging { organization, role, teams }
        });
        let standing = Standing { user, rank, organizations: organizations.collect() };
        Some(PersonStanding { standing, is_active, epoch })
    }
}

impl Views {
    /// What a person is; `None` for who was erased or never was. On the caller's thread, in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look_up_standing(&self, user: UserId) -> Result<Option<PersonStanding>, ReadError> {
        self.look_up(|connection| {
            let mut statement = connection.prepare_cached(STANDING)?;
            let mut rows = statement.query(named_params! { ":user": user.as_bytes() })?;
            let mut found = Found::default();
            while let Some(row) = rows.next()? {
                found.take(row)?;
            }
            Ok(found.standing(user))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::STANDING;
    use crate::store::open_writer;

    #[test]
    fn everything_is_found_by_its_key_and_nothing_is_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let file = open_writer(&folder.path().join("views.db")).unwrap();
        let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {STANDING}")).unwrap();
        let steps: Vec<String> =
            plan.query_map([[0; 16]], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        let searches = steps.iter().filter(|step| step.starts_with("SEARCH")).count();
        assert_eq!(searches, 6, "{steps:#?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN") || step.contains("B-TREE")), "{steps:#?}");
    }
}
