//! What lists leave to a caller, as conditions of SQL.
//!
//! The text differs by variant, so that whoever sees everything pays for nothing; every text binds `:visible` once.

use super::batch::hex_ids;
use rusqlite::types::Value;
use scanledger_domain::identity::{Teamless, Visible};

/// The condition on rows of `project` under the alias `p`.
pub(crate) const fn of_project(visible: &Visible) -> &'static str {
    match visible {
        Visible::All => ":visible IS NULL",
        Visible::Teams(_, Teamless::Too) => {
            "(p.team IS NULL OR p.team IN (SELECT unhex(value) FROM json_each(:visible)))"
        }
        Visible::Teams(_, Teamless::Not) => "p.team IN (SELECT unhex(value) FROM json_each(:visible))",
        Visible::Project(_) => "p.id = :visible",
    }
}

/// The condition on rows whose `column` is the key of a project, or null if they belong to none: those are for
/// whoever sees everything.
pub(crate) fn of_key(visible: &Visible, column: &str) -> String {
    match visible {
        Visible::All => of_project(visible).to_owned(),
        Visible::Teams(..) => {
            let seen = of_project(visible);
            format!("EXISTS (SELECT 1 FROM project p WHERE p.key = {column} AND {seen})")
        }
        Visible::Project(_) => format!("{column} = (SELECT key FROM project WHERE id = :visible)"),
    }
}

/// What is bound to `:visible`.
pub(crate) fn bound(visible: &Visible) -> Value {
    match visible {
        Visible::All => Value::Null,
        Visible::Teams(teams, _) => Value::Text(hex_ids(teams.iter().map(|team| team.0))),
        Visible::Project(project) => Value::Blob(project.as_bytes().to_vec()),
    }
}
