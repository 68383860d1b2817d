//! What scanners of the server found that is on a branch now, or was when the branch was closed.

use crate::at::FOREVER;
use crate::store::column::{id, json};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::branch::{Present, Soundness};
use scanledger_domain::id::{BranchId, FindingId};
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;

/// When what was last on a branch ends there: never while it is open, else where it was closed. A scan that ended before
/// its branch was closed still asks what it left there.
pub(super) struct Last {
    pub(super) branch: i64,
    pub(super) until: i64,
    /// Whether its rows are what the log says, as its last scan and those who read it found.
    pub(super) soundness: Soundness,
}

/// Findings that are on a branch or, if it is closed, were when it was closed.
#[derive(Debug, Clone, PartialEq)]
pub struct PresentFindings {
    /// In any order.
    pub findings: Vec<Present>,
    /// Whether that is what the log says.
    pub soundness: Soundness,
}

impl Last {
    /// Of a branch; `None` if it never was open.
    pub(super) fn of(connection: &Connection, branch: BranchId) -> rusqlite::Result<Option<Self>> {
        connection
            .prepare_cached("SELECT key, closed, mismatch IS NOT NULL FROM branch WHERE id = ?1")?
            .query_row([branch.as_bytes()], |row| {
                let soundness = if row.get(2)? { Soundness::Broken } else { Soundness::Sound };
                let until = row.get::<_, Option<i64>>(1)?.unwrap_or(FOREVER);
                Ok(Self { branch: row.get(0)?, until, soundness })
            })
            .optional()
    }

    /// Its presences `p`, with their index.
    pub(super) const fn presences(&self) -> &'static str {
        if self.until == FOREVER {
            "presence p INDEXED BY presence_live"
        } else {
            "presence p INDEXED BY presence_closed"
        }
    }

    /// The condition on them, with what `branch` and `until` are bound as.
    pub(super) fn holds(&self, branch: &str, until: &str) -> String {
        let range = if self.until == FOREVER { "=" } else { "<" };
        format!("p.branch = {branch} AND p.valid_to {range} 9223372036854775807 AND p.valid_to = {until}")
    }
}

impl Views {
    /// Findings of `scanners` that are on a branch now or, if it is closed, were when it was closed; what clients uploaded
    /// is not theirs. One look at the index of the branch, and one at each finding of these scanners.
    /// None for a branch that never was open.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn present_findings(
        &self,
        branch: BranchId,
        scanners: Vec<ScannerKind>,
    ) -> Result<PresentFindings, ReadError> {
        let mask = scanners.iter().fold(0_i64, |mask, scanner| mask | 1 << scanner.code());
        self.read(move |connection| {
            let Some(last) = Last::of(connection, branch)? else {
                return Ok(PresentFindings { findings: vec![], soundness: Soundness::Sound });
            };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT f.id, p.scanner, p.severity, p.path, p.line, p.end_line, p.places
                 FROM {} CROSS JOIN finding f ON f.key = p.finding
                 WHERE {} AND (?2 >> p.scanner) & 1 AND f.upload IS NULL",
                last.presences(),
                last.holds("?1", "?3")
            ))?;
            let rows = statement.query_map(params![last.branch, mask, last.until], |row| {
                let places: Option<Vec<Place>> = json(row, 6)?;
                let place = || -> rusqlite::Result<Place> {
                    Ok(Place { path: row.get(3)?, line: row.get(4)?, end_line: row.get(5)?, version: None })
                };
                Ok(Present {
                    finding: FindingId(id(row, 0)?),
                    scanner: ScannerKind::from_code(row.get(1)?).unwrap_or(ScannerKind::Sast),
                    severity: Severity::from_rank(row.get(2)?),
                    places: match places {
                        Some(places) => places,
                        None => vec![place()?],
                    },
                })
            })?;
            let findings = rows.collect::<Result<_, _>>()?;
            Ok(PresentFindings { findings, soundness: last.soundness })
        })
        .await
    }
}
