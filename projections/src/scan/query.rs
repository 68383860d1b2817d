//! Scans, one or many.

use crate::at::{At, Moment, resolve};
use crate::project::scope::read_scope;
use crate::store::column::{actor, id, json, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row, named_params, params};
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::identity::ProjectScope;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::project::Verdict;
use scanledger_domain::report::Artifact;
use scanledger_domain::scan::{ClientRun, Failure, ScanOutcome, ScanStatus, ScanType, Source, SourceKind};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;

/// A scan at some moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanRow {
    /// Its id.
    pub id: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Of what.
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// The project's repository.
    pub project_repo_url: Option<String>,
    /// The project's default branch.
    pub project_default_branch: String,
    /// On which branch.
    pub branch: String,
    /// What it looks for.
    pub scan_type: ScanType,
    /// Its source.
    pub source: Source,
    /// The commit.
    pub commit: Option<String>,
    /// The commit to compare with.
    pub base: Option<String>,
    /// The scan whose source is scanned again.
    pub rescan_of: Option<ScanId>,
    /// Who wanted it.
    pub by: Actor,
    /// Where it stands.
    pub status: ScanStatus,
    /// Its present run.
    pub run: u32,
    /// Position of its first event.
    pub queued: Position,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When a worker began its present run.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// What came out.
    pub outcome: Option<ScanOutcome>,
    /// What the gate said.
    pub verdict: Option<Verdict>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What its worker had logged until it failed.
    pub log: Option<Artifact>,
    /// Where its findings are anchored, once they are complete.
    pub scanned: Option<Position>,
    /// The client that runs it, if the workers of the server do not.
    pub client: Option<ClientRun>,
}

impl ScanRow {
    /// The files that it left behind.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.outcome.iter().flat_map(|outcome| &outcome.artifacts).chain(&self.log)
    }
}

/// A scan that waits for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnableScan {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// How often its worker was lost.
    pub interruptions: u32,
    /// Position of its first event.
    pub queued: Position,
}

/// A scan that some worker holds or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldScan {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Where it stands.
    pub status: ScanStatus,
    /// The present attempt.
    pub attempt: u32,
}

/// The columns [`read`] expects, in order; aliases as in [`of_scan`].
pub(super) const COLUMNS: &str = "s.id, o.id, p.id, d.name, d.repo_url, d.default_branch, s.branch, s.scan_type, s.source_blob,
     s.source_name, s.source_size, s.commit_id, s.base_id, s.rescan_of, s.by_kind, s.by_id, st.status, st.run, s.queued,
     s.queued_at, st.started_at, st.ended_at, st.changed_at, st.outcome, st.verdict, st.failure,
     st.anchor, s.source_kind, s.client, st.log";

/// How many [`COLUMNS`] there are; a query's own columns come behind them.
pub(super) const COLUMN_COUNT: usize = 30;

/// What of a scan `s` holds at a moment, beside the scan itself: its state, and the details of its project.
macro_rules! of_scan_sql {
    ($way:ident) => {
        concat!(
            "JOIN project p ON p.key = s.project AND p.deleted IS NULL
             JOIN organization o ON o.key = s.organization
             JOIN project_detail d ON d.project = p.key AND ",
            crate::at::holds!("d", $way),
            " JOIN scan_state st ON st.scan = s.key AND ",
            crate::at::holds!("st", $way)
        )
    };
}

/// What joins the scan `s` with what [`COLUMNS`] names, as it is at a moment.
pub(super) const fn of_scan(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => of_scan_sql!(live),
        Moment::Past(_) => of_scan_sql!(past),
    }
}

fn bad(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "scan".to_owned(), rusqlite::types::Type::Text)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<ScanRow> {
    Ok(ScanRow {
        id: ScanId(id(row, 0)?),
        organization: OrganizationId(id(row, 1)?),
        project: ProjectId(id(row, 2)?),
        project_name: row.get(3)?,
        project_repo_url: row.get(4)?,
        project_default_branch: row.get(5)?,
        branch: row.get(6)?,
        scan_type: row.get_ref(7)?.as_str()?.parse().map_err(|_| bad(7))?,
        source: Source {
            kind: match row.get_ref(27)?.as_str()? {
                "client" => SourceKind::Client,
                "repository" => SourceKind::Repository,
                _ => SourceKind::Upload,
            },
            blob: row.get_ref(8)?.as_str()?.parse().map_err(|_| bad(8))?,
            name: row.get(9)?,
            size: row.get::<_, i64>(10)?.cast_unsigned(),
        },
        commit: row.get(11)?,
        base: row.get(12)?,
        rescan_of: optional_id(row, 13)?.map(ScanId),
        by: actor(row.get(14)?, row, 15)?,
        status: row.get_ref(16)?.as_str()?.parse().map_err(|_| bad(16))?,
        run: row.get(17)?,
        queued: Position(row.get::<_, i64>(18)?.cast_unsigned()),
        queued_at: Timestamp(row.get(19)?),
        started_at: row.get::<_, Option<i64>>(20)?.map(Timestamp),
        ended_at: row.get::<_, Option<i64>>(21)?.map(Timestamp),
        changed_at: Timestamp(row.get(22)?),
        outcome: json(row, 23)?,
        verdict: json(row, 24)?,
        failure: json(row, 25)?,
        scanned: row.get::<_, Option<i64>>(26)?.map(|position| Position(position.cast_unsigned())),
        client: json(row, 28)?,
        log: json(row, 29)?,
    })
}

impl Views {
    /// One scan.
    ///
    /// # Errors
    /// [`ReadError::Missing`] if the organization has none of this id at `at`.
    pub async fn scan(&self, organization: OrganizationId, id: ScanId, at: At) -> Result<ScanRow, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let sql = format!(
                "SELECT {COLUMNS} FROM scan s {}
                 WHERE s.id = :id AND o.id = :organization AND s.deleted IS NULL AND s.queued <= :at",
                of_scan(moment)
            );
            let of = named_params! {
                ":id": id.as_bytes(),
                ":organization": organization.as_bytes(),
                ":at": moment.position(),
            };
            connection.prepare_cached(&sql)?.query_row(of, read).optional()?.ok_or(ReadError::Missing("scan"))
        })
        .await
    }

    /// Where the project of a scan belongs, deleted ones aside.
    ///
    /// # Errors
    /// [`ReadError::Missing`] if there is none of this id.
    pub async fn scope_of_scan(&self, scan: ScanId) -> Result<ProjectScope, ReadError> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT o.id, p.team, p.id FROM scan s JOIN project p ON p.key = s.project
                     JOIN organization o ON o.key = s.organization
                     WHERE s.id = ?1 AND s.deleted IS NULL AND p.deleted IS NULL",
                )?
                .query_row([scan.as_bytes()], |row| read_scope(row, 0))
                .optional()?
                .ok_or(ReadError::Missing("scan"))
        })
        .await
    }

    /// Queued scans, oldest first, at most `per_organization` of each organization.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runnable_scans(&self, per_organization: usize) -> Result<Vec<RunnableScan>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, organization, interruptions, queued FROM (
                    SELECT s.id AS id, o.id AS organization, st.interruptions AS interruptions, s.queued AS queued,
                           row_number() OVER (PARTITION BY s.organization ORDER BY s.key) AS place
                    FROM scan_state st JOIN scan s ON s.key = st.scan AND s.deleted IS NULL
                    JOIN project p ON p.key = s.project AND p.deleted IS NULL
                    JOIN organization o ON o.key = s.organization
                    WHERE st.valid_to = 9223372036854775807 AND st.status = 'queued' AND s.client IS NULL
                      AND (st.status IN ('queued', 'running', 'paused', 'settling') OR st.owes_partial = 1)
                 ) WHERE place <= ?1 ORDER BY queued",
            )?;
            let rows = statement.query_map(params![i64::try_from(per_organization).unwrap_or(i64::MAX)], |row| {
                Ok(RunnableScan {
                    scan: ScanId(id(row, 0)?),
                    organization: OrganizationId(id(row, 1)?),
                    interruptions: row.get(2)?,
                    queued: Position(row.get::<_, i64>(3)?.cast_unsigned()),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many scans of each organization are running, paused or settling.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn running_by_organization(&self) -> Result<HashMap<OrganizationId, u64>, ReadError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT o.id, count(*) FROM scan_state st JOIN scan s ON s.key = st.scan AND s.deleted IS NULL
                 JOIN organization o ON o.key = s.organization
                 WHERE st.valid_to = 9223372036854775807 AND s.client IS NULL
                   AND st.status IN ('running', 'paused', 'settling')
                   AND (st.status IN ('queued', 'running', 'paused', 'settling') OR st.owes_partial = 1)
                 GROUP BY o.id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((OrganizationId(id(row, 0)?), row.get::<_, i64>(1)?.cast_unsigned()))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Scans that are running or settling, or stopped and still owe what they found.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn held_scans(&self) -> Result<Vec<HeldScan>, ReadError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.id, o.id, st.status, st.attempt FROM scan_state st
                 JOIN scan s ON s.key = st.scan AND s.deleted IS NULL
                 JOIN organization o ON o.key = s.organization
                 WHERE st.valid_to = 9223372036854775807 AND s.client IS NULL
                   AND (st.status IN ('queued', 'running', 'paused', 'settling') OR st.owes_partial = 1)
                   AND (st.status IN ('running', 'settling') OR st.owes_partial = 1)
                 ORDER BY s.key",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(HeldScan {
                    scan: ScanId(id(row, 0)?),
                    organization: OrganizationId(id(row, 1)?),
                    status: row.get_ref(2)?.as_str()?.parse().map_err(|_| bad(2))?,
                    attempt: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many scans of a project have not ended.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn active_scans(&self, project: ProjectId) -> Result<u64, ReadError> {
        self.read(move |connection| {
            let count: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM scan s JOIN scan_state st ON st.scan = s.key
                     WHERE s.project = (SELECT key FROM project WHERE id = ?1) AND s.deleted IS NULL
                       AND st.valid_to = 9223372036854775807
                       AND st.status IN ('queued', 'running', 'paused', 'settling')",
                )?
                .query_row([project.as_bytes()], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        })
        .await
    }
}
