//! What commands need to know about incidents.

use crate::project::batch::hex_ids;
use crate::project::scope::read_scope;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, named_params};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, IncidentId, OrganizationId};
use scanledger_domain::identity::ProjectScope;

/// Whose an incident is, and where its secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentProjects {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Projects in which its secret stands or stood, deleted ones aside.
    pub projects: Vec<ProjectScope>,
}

/// What a scan left to do about incidents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnsettledIncidents {
    /// Incidents that there are not.
    pub missing: Vec<IncidentId>,
    /// Incidents that are fixed, and of which a finding came to the branch since, by a scan that was not its first.
    pub regressed: Vec<IncidentId>,
}

impl Views {
    /// Whose an incident is, and where its secret stands; none if there is no such incident.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn incident_projects(
        &self,
        incident: IncidentId,
    ) -> Result<Option<IncidentProjects>, ReadError> {
        self.read(move |connection| {
            let organization = connection
                .prepare_cached(
                    "SELECT g.id FROM incident i JOIN organization g ON g.key = i.organization WHERE i.id = ?1",
                )?
                .query_row([incident.as_bytes()], |row| id(row, 0).map(OrganizationId))
                .optional()?;
            let Some(organization) = organization else { return Ok(None) };
            let mut statement = connection.prepare_cached(
                "SELECT DISTINCT g.id, p.team, p.id
                 FROM incident_occurrence o INDEXED BY incident_occurrence_incident
                 JOIN project p ON p.key = o.project AND p.deleted IS NULL
                 JOIN organization g ON g.key = p.organization WHERE o.incident = ?1",
            )?;
            let projects = statement.query_map([incident.as_bytes()], |row| read_scope(row, 0))?;
            Ok(Some(IncidentProjects { organization, projects: projects.collect::<Result<_, _>>()? }))
        })
        .await
    }

    /// Which of `incidents` there are not, and which have to begin again because of what is on a branch. One statement.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unsettled_incidents(
        &self,
        branch: BranchId,
        incidents: Vec<IncidentId>,
    ) -> Result<UnsettledIncidents, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT unhex(w.value), i.key IS NULL FROM json_each(:incidents) w
                 LEFT JOIN incident i ON i.id = unhex(w.value)
                 WHERE i.key IS NULL OR EXISTS (
                    SELECT 1 FROM incident_state s INDEXED BY incident_state_live
                    CROSS JOIN finding f INDEXED BY finding_incident ON f.incident = i.id
                    CROSS JOIN presence q INDEXED BY presence_finding
                       ON q.finding = f.key AND q.branch = (SELECT key FROM branch WHERE id = :branch)
                    WHERE s.organization = i.organization AND s.incident = i.key
                      AND s.valid_to = 9223372036854775807 AND s.status = :fixed
                      AND q.valid_to = 9223372036854775807 AND q.since > s.since AND q.is_new)",
            )?;
            let mut rows = statement.query(named_params! {
                ":incidents": hex_ids(incidents.into_iter().map(|incident| incident.0)),
                ":branch": branch.as_bytes(),
                ":fixed": TriageState::Fixed.code(),
            })?;
            let mut unsettled = UnsettledIncidents::default();
            while let Some(row) = rows.next()? {
                let incident = IncidentId(id(row, 0)?);
                match row.get(1)? {
                    true => unsettled.missing.push(incident),
                    false => unsettled.regressed.push(incident),
                }
            }
            Ok(unsettled)
        })
        .await
    }
}
