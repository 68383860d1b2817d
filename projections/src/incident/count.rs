//! How many incidents there are.

use super::row::{holding, places, states, status};
use crate::at::{Moment, NOW};
use crate::project::batch::hex_ids;
use crate::project::visible;
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::identity::Visible;
use scanledger_domain::incident::IncidentStatus;
use scanledger_domain::severity::{Severity, SeverityCounts};
use std::collections::HashMap;

/// Incidents by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IncidentCounts {
    /// Open ones.
    pub open: u64,
    /// Ignored ones.
    pub ignored: u64,
    /// Resolved ones.
    pub resolved: u64,
    /// Open ones, by severity.
    pub open_severities: SeverityCounts,
    /// The others, by severity.
    pub closed_severities: SeverityCounts,
}

impl IncidentCounts {
    /// Adds a row with a key, a status, a severity and a count.
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let count = row.get::<_, i64>(3)?.cast_unsigned();
        let status = IncidentStatus::ALL.get(usize::from(row.get::<_, u8>(1)?));
        let is_open = status.is_none_or(|status| status.is_open());
        let severities = if is_open { &mut self.open_severities } else { &mut self.closed_severities };
        severities.add(Severity::from_rank(row.get(2)?), count);
        match status {
            Some(IncidentStatus::Ignored) => self.ignored += count,
            Some(IncidentStatus::Resolved) => self.resolved += count,
            Some(IncidentStatus::Triggered | IncidentStatus::Assigned) | None => self.open += count,
        }
        Ok(())
    }
}

/// Counts by detector.
pub type RuleCounts = HashMap<String, IncidentCounts>;

impl Views {
    /// How many incidents there are of each detector, as it is; detectors without any are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn incidents_by_rule(
        &self,
        organization: OrganizationId,
        visible: Visible,
    ) -> Result<RuleCounts, ReadError> {
        self.read(move |connection| {
            let seen = match &visible {
                Visible::All => visible::of_project(&visible).to_owned(),
                Visible::Teams(..) | Visible::Project(_) => format!("EXISTS (SELECT 1 {})", places(&visible)),
            };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT i.rule, {status}, s.severity, count(*) FROM {states} JOIN incident i ON i.key = s.incident
                 WHERE s.organization = (SELECT key FROM organization WHERE id = :organization) AND {holding}
                   AND :at = :at AND {seen} GROUP BY 1, 2, 3",
                status = status(),
                states = states(Moment::Live),
                holding = holding(Moment::Live),
            ))?;
            let mut rows = statement.query(named_params! {
                ":organization": organization.as_bytes(),
                ":visible": visible::bound(&visible),
                ":at": NOW,
            })?;
            let mut counts = RuleCounts::new();
            while let Some(row) = rows.next()? {
                counts.entry(row.get(0)?).or_default().add(row)?;
            }
            Ok(counts)
        })
        .await
    }

    /// How many incidents have or had a place in each of these projects, as it is; projects without any, and those that
    /// the organization does not have, are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn incidents_by_project(
        &self,
        organization: OrganizationId,
        projects: Vec<ProjectId>,
    ) -> Result<HashMap<ProjectId, IncidentCounts>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT p.id, {status}, s.severity, count(DISTINCT o.incident) FROM json_each(:projects) w
                 CROSS JOIN project p ON p.id = unhex(w.value) AND p.deleted IS NULL
                 CROSS JOIN organization g ON g.key = p.organization AND g.id = :organization
                 CROSS JOIN incident_occurrence o INDEXED BY incident_occurrence_project ON o.project = p.key
                 CROSS JOIN incident i ON i.id = o.incident
                 CROSS JOIN {states} ON s.organization = i.organization AND s.incident = i.key AND {holding}
                 GROUP BY 1, 2, 3",
                status = status(),
                states = states(Moment::Live),
                holding = holding(Moment::Live),
            ))?;
            let mut rows = statement.query(named_params! {
                ":organization": organization.as_bytes(),
                ":projects": hex_ids(projects.into_iter().map(|project| project.0)),
            })?;
            let mut counts: HashMap<ProjectId, IncidentCounts> = HashMap::new();
            while let Some(row) = rows.next()? {
                let project = ProjectId(crate::store::column::id(row, 0)?);
                counts.entry(project).or_default().add(row)?;
            }
            Ok(counts)
        })
        .await
    }
}
