//! Conditions of a query that are put together at run time.

use crate::project::batch::hex_ids;
use crate::store::column::to_json;
use rusqlite::ToSql;
use rusqlite::types::Value;
use serde::Serialize;

/// Conditions, each behind an `AND`, with what is bound in the statement around them.
#[derive(Default)]
pub(crate) struct Conditions {
    /// The text; empty if there are none.
    pub(crate) sql: String,
    binds: Vec<(&'static str, Value)>,
}

impl Conditions {
    pub(crate) fn bind(&mut self, name: &'static str, value: impl Into<Value>) {
        self.binds.push((name, value.into()));
    }

    pub(crate) fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// `expression` is one of `list`, unless that is empty.
    pub(crate) fn one_of<T: Serialize>(&mut self, expression: &str, name: &'static str, list: &[T]) {
        if !list.is_empty() {
            self.and(&format!("{expression} IN (SELECT value FROM json_each({name}))"));
            self.bind(name, to_json(&list));
        }
    }

    /// `expression` is one of `ids`, unless there are none.
    pub(crate) fn one_of_ids(
        &mut self,
        expression: &str,
        name: &'static str,
        ids: impl ExactSizeIterator<Item = uuid::Uuid>,
    ) {
        if ids.len() > 0 {
            self.and(&format!("{expression} IN (SELECT unhex(value) FROM json_each({name}))"));
            self.bind(name, hex_ids(ids));
        }
    }

    /// What to bind.
    pub(crate) fn params(&self) -> Vec<(&str, &dyn ToSql)> {
        self.binds.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect()
    }
}
