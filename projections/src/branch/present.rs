//! What scanners of the server found that is on a branch now.

use crate::store::column::{id, json};
use crate::store::{ReadError, Views};
use rusqlite::params;
use scanledger_domain::branch::Present;
use scanledger_domain::id::{BranchId, FindingId};
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;

impl Views {
    /// Findings of `scanners` that are on a branch now, in any order; what clients uploaded is not theirs. One look at
    /// the index of the branch, and one at each finding of these scanners. None for a branch that is not open.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn present_findings(
        &self,
        branch: BranchId,
        scanners: Vec<ScannerKind>,
    ) -> Result<Vec<Present>, ReadError> {
        let mask = scanners.iter().fold(0_i64, |mask, scanner| mask | 1 << scanner.code());
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT f.id, p.scanner, p.severity, p.path, p.line, p.end_line, p.places
                 FROM presence p INDEXED BY presence_live CROSS JOIN finding f ON f.key = p.finding
                 WHERE p.branch = (SELECT key FROM branch WHERE id = ?1) AND p.valid_to = 9223372036854775807
                   AND (?2 >> p.scanner) & 1 AND f.upload IS NULL",
            )?;
            let rows = statement.query_map(params![branch.as_bytes(), mask], |row| {
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
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
