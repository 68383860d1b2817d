//! Incidents by what names them.

use super::row::{IncidentRow, SHARE, bound_at, columns, holding, places, read, states};
use crate::at::{At, Moment, resolve};
use crate::project::batch::hex_ids;
use crate::project::visible;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, ToSql, named_params};
use scanledger_domain::id::{IncidentId, OrganizationId};
use scanledger_domain::identity::Visible;
use scanledger_domain::incident::IgnoreReason;
use scanledger_domain::log::Position;
use std::collections::HashMap;

/// What names an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IncidentRef {
    /// Its id.
    Id(IncidentId),
    /// Its number: the position of its `incident.opened`.
    Number(Position),
}

/// What is known of a secret that an incident is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSecret {
    /// The incident's number.
    pub number: Position,
    /// Why it is ignored, if it is.
    pub reason: Option<IgnoreReason>,
}

impl Views {
    /// One incident; none if the organization has none, or not at `at`, or the caller does not see it.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn incident(
        &self,
        organization: OrganizationId,
        visible: Visible,
        incident: IncidentRef,
        at: At,
    ) -> Result<Option<IncidentRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let (id, number) = match incident {
                IncidentRef::Id(id) => (Some(*id.as_bytes()), None),
                IncidentRef::Number(number) => (None, Some(number.0.cast_signed())),
            };
            let (name, key): (&str, &dyn ToSql) = match incident {
                IncidentRef::Id(_) => ("i.id", &id),
                IncidentRef::Number(_) => ("i.key", &number),
            };
            let sql = sql("incident i", &format!("{name} = :key"), &visible, moment);
            let found = connection.prepare_cached(&sql)?.query_row(
                named_params! {
                    ":key": key,
                    ":organization": organization.as_bytes(),
                    ":visible": visible::bound(&visible),
                    ":at": bound_at(moment),
                },
                read,
            );
            Ok(found.optional()?)
        })
        .await
    }

    /// Incidents by id, in one statement; those that the organization does not have at `at`, or the caller does not see,
    /// are left out. For the incidents of secrets, see [`scanledger_domain::incident::incident_id`].
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn incidents_by_id(
        &self,
        organization: OrganizationId,
        visible: Visible,
        ids: Vec<IncidentId>,
        at: At,
    ) -> Result<HashMap<IncidentId, IncidentRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let from = "json_each(:ids) w CROSS JOIN incident i ON i.id = unhex(w.value)";
            let sql = sql(from, "1", &visible, moment);
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(
                named_params! {
                    ":ids": hex_ids(ids.into_iter().map(|id| id.0)),
                    ":organization": organization.as_bytes(),
                    ":visible": visible::bound(&visible),
                    ":at": bound_at(moment),
                },
                |row| read(row).map(|incident| (incident.id, incident)),
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Which of these are incidents of the organization that the caller sees, as it is, and nothing that takes counting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn known_secrets(
        &self,
        organization: OrganizationId,
        visible: Visible,
        ids: Vec<IncidentId>,
    ) -> Result<HashMap<IncidentId, KnownSecret>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT i.id, i.key, s.reason FROM json_each(:ids) w CROSS JOIN incident i ON i.id = unhex(w.value)
                 JOIN organization g ON g.key = i.organization AND g.id = :organization
                 CROSS JOIN {states} ON s.organization = i.organization AND s.incident = i.key AND {holding}
                 WHERE :at = :at AND :visible IS :visible AND {seen}",
                states = states(Moment::Live),
                holding = holding(Moment::Live),
                seen = seen(&visible),
            ))?;
            let rows = statement.query_map(
                named_params! {
                    ":ids": hex_ids(ids.into_iter().map(|id| id.0)),
                    ":organization": organization.as_bytes(),
                    ":visible": visible::bound(&visible),
                    ":at": bound_at(Moment::Live),
                },
                |row| {
                    let reason = row.get_ref(2)?.as_str_or_null()?.and_then(|reason| reason.parse().ok());
                    let number = Position(row.get::<_, i64>(1)?.cast_unsigned());
                    Ok((IncidentId(id(row, 0)?), KnownSecret { number, reason }))
                },
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The position of the event that decided last about an incident, as it is; none if nobody decided.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_decision(&self, incident: IncidentId) -> Result<Option<Position>, ReadError> {
        self.read(move |connection| {
            let found: Option<i64> = connection
                .prepare_cached(
                    "SELECT min(d.valid_from) FROM incident i
                     JOIN incident_state s INDEXED BY incident_state_live
                       ON s.organization = i.organization AND s.incident = i.key AND s.valid_to = 9223372036854775807
                     JOIN incident_state d INDEXED BY incident_state_all
                       ON d.organization = s.organization AND d.incident = s.incident AND d.decided_at = s.decided_at
                     WHERE i.id = ?1",
                )?
                .query_row([incident.as_bytes()], |row| row.get(0))?;
            Ok(found.map(|position| Position(position.cast_unsigned())))
        })
        .await
    }
}

/// Whether the caller sees the incident `i`.
fn seen(visible: &Visible) -> String {
    match visible {
        Visible::All => "1".to_owned(),
        Visible::Teams(..) | Visible::Project(_) => format!("EXISTS (SELECT 1 {})", places(visible)),
    }
}

fn sql(from: &str, condition: &str, visible: &Visible, moment: Moment) -> String {
    let seen = seen(visible);
    format!(
        "SELECT {columns} FROM {from}
         JOIN organization g ON g.key = i.organization AND g.id = :organization
         CROSS JOIN {states} ON s.organization = i.organization AND s.incident = i.key AND {holding}
         {SHARE} WHERE {condition} AND {seen}",
        columns = columns(visible),
        states = states(moment),
        holding = holding(moment),
    )
}
