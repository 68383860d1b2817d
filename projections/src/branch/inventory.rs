//! The inventory of a branch, as the decider of branches wants it.

use super::apply::PendingRow;
use super::broken::soundness_of_base;
use super::present::Last;
use crate::store::column::{id, json, json_list, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, Row, params};
use scanledger_domain::advisory::Generation;
use scanledger_domain::branch::{
    AdvisoryDigest, BaseBranch, ComponentKey, FoundBy, Held, Inventory, InventoryDigest, KnownAdvisory,
    Opened, Pending, ScanCounts, Soundness,
};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::{Fingerprint, TriageState};
use scanledger_domain::id::{BranchId, FindingId, OrganizationId, ProjectId, ScanId};
use scanledger_domain::log::{Position, Version};
use scanledger_domain::project::Gate;
use scanledger_domain::scanning::ScannerKind;
use std::collections::HashMap;

/// What is on a branch, read in one transaction with its version.
#[derive(Debug, Clone, PartialEq)]
pub struct InventorySnapshot {
    /// The version of the branch's stream; none if it never was open.
    pub version: Version,
    /// What is on it; if it is not open, what its next scan is decided on ([`Inventory::starting_from`]).
    pub inventory: Inventory,
    /// The branch it will start from, if it is not open.
    pub base: Option<BaseBranch>,
    /// Whether that is what the log says.
    pub soundness: Soundness,
    /// Branches that were read and whose rows do not add up, although they are not reported: [`crate::Projector`] is to
    /// look at them ([`crate::Projector::report_broken`]).
    pub unreported: Vec<BranchId>,
}

/// A project's gate, and what people decided about what is on a branch, read in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct GateCounts {
    /// The position at which it was read.
    pub read_at: Position,
    /// The gate in force.
    pub gate: Gate,
    /// Decisions and notes, for findings that anybody ever decided about; should the rows of the branch be broken, also of
    /// those that are elsewhere in its project.
    pub decisions: HashMap<FindingId, (TriageState, Option<String>)>,
}

struct Found {
    key: i64,
    is_open: bool,
    id: BranchId,
    version: u64,
    digest: [u8; 16],
    is_reported: bool,
    has_history: bool,
    last_scan: Option<ScanId>,
    last_run: Option<u32>,
    generation: Option<u64>,
    pending: Option<PendingRow>,
    opened: Opened,
}

impl Views {
    /// What is on the branch called `name`, or on the project's default branch if that is open and `name` is not.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for an unknown project.
    pub async fn inventory(&self, project: ProjectId, name: &str) -> Result<InventorySnapshot, ReadError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let own = find(connection, project, &name)?;
            let version = own.as_ref().map_or(Version::NONE, |own| Version(own.version));
            let mut doubts = Doubts::default();
            let inventory = match &own {
                Some(own) if own.is_open => {
                    let loaded = load(connection, own, &mut doubts)?;
                    let inventory = Inventory { opened: Some(own.opened.clone()), ..loaded };
                    return Ok(doubts.about(version, inventory, None));
                }
                Some(own) => load(connection, own, &mut doubts)?,
                None => Inventory::default(),
            };
            let default: Option<String> = connection
                .prepare_cached(
                    "SELECT d.default_branch FROM project p
                     JOIN project_detail d ON d.project = p.key AND d.valid_to = 9223372036854775807
                     WHERE p.id = ?1 AND p.deleted IS NULL",
                )?
                .query_row([project.as_bytes()], |row| row.get(0))
                .optional()?;
            let default = default.ok_or(ReadError::Missing("project"))?;
            let base = if default == name { None } else { find(connection, project, &default)? };
            let Some(base) = base.filter(|base| base.is_open) else {
                return Ok(doubts.about(version, inventory, None));
            };
            let position: i64 =
                connection.query_row("SELECT position FROM checkpoint", [], |row| row.get(0))?;
            let inventory = inventory.starting_from(load(connection, &base, &mut doubts)?);
            let base = BaseBranch { branch: base.id, position: Position(position.cast_unsigned()) };
            Ok(doubts.about(version, inventory, Some(base)))
        })
        .await
    }

    /// Findings about packages that the project has or had, in order of first sight; those that were merged too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn known_advisories(
        &self,
        project: ProjectId,
        packages: Vec<Package>,
    ) -> Result<HashMap<Package, Vec<KnownAdvisory>>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT f.id, f.fingerprint, f.advisories, e.id FROM finding f
                 LEFT JOIN finding e ON e.key = f.merged_into
                 WHERE f.project = (SELECT key FROM project WHERE id = ?1) AND f.ecosystem = ?2 AND f.package = ?3
                   AND f.package IS NOT NULL AND f.upload IS NULL ORDER BY f.key",
            )?;
            let mut known = HashMap::with_capacity(packages.len());
            for package in packages {
                let of = params![project.as_bytes(), package.ecosystem.as_str(), package.name];
                let rows = statement.query_map(of, |row| {
                    Ok(KnownAdvisory {
                        finding: FindingId(id(row, 0)?),
                        fingerprint: Fingerprint(row.get(1)?),
                        advisories: json_list(row, 2)?,
                        merged_into: optional_id(row, 3)?.map(FindingId),
                    })
                })?;
                let rows: Vec<KnownAdvisory> = rows.collect::<Result<_, _>>()?;
                if !rows.is_empty() {
                    known.insert(package, rows);
                }
            }
            Ok(known)
        })
        .await
    }

    /// The gate of a project and the decisions about what is on a branch or, if it is closed, was when it was closed.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for an unknown project.
    pub async fn gate_counts(&self, project: ProjectId, branch: BranchId) -> Result<GateCounts, ReadError> {
        self.read(move |connection| {
            let read_at: i64 = connection.query_row("SELECT position FROM checkpoint", [], |row| row.get(0))?;
            let gate: Option<Gate> = connection
                .prepare_cached(
                    "SELECT d.gate FROM project p
                     JOIN project_detail d ON d.project = p.key AND d.valid_to = 9223372036854775807 WHERE p.id = ?1",
                )?
                .query_row([project.as_bytes()], |row| json(row, 0))
                .optional()?
                .flatten();
            let gate = gate.ok_or(ReadError::Missing("project"))?;
            let decisions = match Last::of(connection, branch)? {
                Some(last) => decisions(connection, &last)?,
                None => HashMap::new(),
            };
            Ok(GateCounts { read_at: Position(read_at.cast_unsigned()), gate, decisions })
        })
        .await
    }
}

fn decisions(
    connection: &Connection,
    last: &Last,
) -> rusqlite::Result<HashMap<FindingId, (TriageState, Option<String>)>> {
    let decision = |row: &Row<'_>| {
        let state = TriageState::from_code(row.get(1)?).unwrap_or_default();
        Ok((FindingId(id(row, 0)?), (state, row.get(2)?)))
    };
    match last.soundness {
        Soundness::Sound => connection
            .prepare_cached(&format!(
                "SELECT f.id, t.status, t.note FROM {}
                 CROSS JOIN triage t ON t.finding = p.finding AND t.valid_to = 9223372036854775807
                 CROSS JOIN finding f ON f.key = p.finding
                 WHERE {}",
                last.presences(),
                last.holds("?1", "?2")
            ))?
            .query_map([last.branch, last.until], decision)?
            .collect(),
        // Which findings are there is not known here, so these are the decisions of the whole project.
        Soundness::Broken => connection
            .prepare(
                "SELECT f.id, t.status, t.note FROM finding f
                 CROSS JOIN triage t ON t.finding = f.key AND t.valid_to = 9223372036854775807
                 WHERE f.project = (SELECT project FROM branch WHERE key = ?1)",
            )?
            .query_map([last.branch], decision)?
            .collect(),
    }
}

fn find(connection: &Connection, project: ProjectId, name: &str) -> Result<Option<Found>, ReadError> {
    let found = connection
        .prepare_cached(
            "SELECT b.key, b.id, b.version, b.digest, b.has_history, b.last_scan, b.last_run, b.generation, b.pending,
                    b.base, o.id, b.closed IS NULL, b.mismatch IS NOT NULL
             FROM branch b JOIN project p ON p.key = b.project JOIN organization o ON o.key = b.organization
             WHERE p.id = ?1 AND b.name = ?2",
        )?
        .query_row(params![project.as_bytes(), name], |row| {
            let branch = BranchId(id(row, 1)?);
            Ok(Found {
                key: row.get(0)?,
                is_open: row.get(11)?,
                is_reported: row.get(12)?,
                id: branch,
                version: row.get::<_, i64>(2)?.cast_unsigned(),
                digest: row.get(3)?,
                has_history: row.get(4)?,
                last_scan: optional_id(row, 5)?.map(ScanId),
                last_run: row.get(6)?,
                generation: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
                pending: json(row, 8)?,
                opened: Opened {
                    branch,
                    organization: OrganizationId(id(row, 10)?),
                    project,
                    name: name.to_owned(),
                    base: json(row, 9)?,
                },
            })
        })
        .optional()?;
    Ok(found)
}

/// What speaks against branches that were read.
#[derive(Default)]
struct Doubts {
    is_broken: bool,
    unreported: Vec<BranchId>,
}

impl Doubts {
    /// Takes note of what speaks against a branch, whose rows add up to `rows`.
    fn weigh(
        &mut self,
        connection: &Connection,
        found: &Found,
        rows: InventoryDigest,
    ) -> rusqlite::Result<()> {
        let adds_up = rows == InventoryDigest::from_bytes(found.digest);
        if !adds_up && !found.is_reported {
            self.unreported.push(found.id);
        }
        self.is_broken |= !adds_up
            || found.is_reported
            || soundness_of_base(connection, found.opened.base)? == Soundness::Broken;
        Ok(())
    }

    fn about(self, version: Version, inventory: Inventory, base: Option<BaseBranch>) -> InventorySnapshot {
        let soundness = if self.is_broken { Soundness::Broken } else { Soundness::Sound };
        InventorySnapshot { version, inventory, base, soundness, unreported: self.unreported }
    }
}

fn load(connection: &Connection, found: &Found, doubts: &mut Doubts) -> rusqlite::Result<Inventory> {
    let mut rows_digest = InventoryDigest::default();
    let mut findings = HashMap::new();
    let mut gone = connection.prepare_cached(
        "SELECT DISTINCT f.id, p.scanner FROM presence p JOIN finding f ON f.key = p.finding
         WHERE p.branch = ?1 AND p.valid_to < 9223372036854775807",
    )?;
    let mut rows = gone.query([found.key])?;
    while let Some(row) = rows.next()? {
        let scanner = ScannerKind::from_code(row.get(1)?).unwrap_or(ScannerKind::Sast);
        let held = Held { scanner, digest: InventoryDigest::default(), advisory: None, is_present: false };
        findings.insert(FindingId(id(row, 0)?), held);
    }
    let mut here = connection.prepare_cached(
        "SELECT f.id, p.scanner, p.digest, p.advisory FROM presence p JOIN finding f ON f.key = p.finding
         WHERE p.branch = ?1 AND p.valid_to = 9223372036854775807",
    )?;
    let mut rows = here.query([found.key])?;
    while let Some(row) = rows.next()? {
        let scanner = ScannerKind::from_code(row.get(1)?).unwrap_or(ScannerKind::Sast);
        let digest = InventoryDigest::from_bytes(row.get(2)?);
        rows_digest = rows_digest.plus(digest);
        let advisory = row.get::<_, Option<_>>(3)?.map(AdvisoryDigest::from_bytes);
        findings.insert(FindingId(id(row, 0)?), Held { scanner, digest, advisory, is_present: true });
    }
    let mut components = HashMap::new();
    let mut parts = connection.prepare_cached(
        "SELECT ecosystem, name, version, path, digest FROM component
         WHERE branch = ?1 AND valid_to = 9223372036854775807",
    )?;
    let mut rows = parts.query([found.key])?;
    while let Some(row) = rows.next()? {
        let digest = InventoryDigest::from_bytes(row.get(4)?);
        rows_digest = rows_digest.plus(digest);
        let Ok(ecosystem) = row.get_ref(0)?.as_str()?.parse::<Ecosystem>() else { continue };
        let package = Package { ecosystem, name: row.get(1)? };
        let key = ComponentKey { package, version: row.get(2)?, path: row.get(3)? };
        components.insert(key, digest);
    }
    doubts.weigh(connection, found, rows_digest)?;
    let pending = found.pending.unwrap_or_default();
    Ok(Inventory {
        opened: None,
        has_history: found.has_history,
        uploads: uploads(connection, found.key)?,
        findings,
        components,
        digest: InventoryDigest::from_bytes(found.digest),
        last_scan: found.last_scan.zip(found.last_run),
        generation: found.generation.map(Generation),
        pending: Pending {
            counts: ScanCounts {
                detected: pending.detected,
                reopened: pending.reopened,
                resolved: pending.resolved,
                updated: pending.updated,
                unchanged: 0,
                new: pending.new,
            },
        },
    })
}

/// Which findings that are or were on a branch clients found, and by which rules.
fn uploads(connection: &Connection, branch: i64) -> rusqlite::Result<HashMap<FindingId, FoundBy>> {
    let mut statement = connection.prepare_cached(
        "SELECT f.id, f.rule, f.upload ->> 'path' FROM finding f
         WHERE f.upload IS NOT NULL AND f.project = (SELECT project FROM branch WHERE key = ?1)
           AND EXISTS (SELECT 1 FROM presence p WHERE p.finding = f.key AND p.branch = ?1)",
    )?;
    let rows = statement.query_map([branch], |row| {
        let by = FoundBy { rule: row.get_ref(1)?.as_str()?.into(), path: row.get_ref(2)?.as_str()?.into() };
        Ok((FindingId(id(row, 0)?), by))
    })?;
    rows.collect()
}
