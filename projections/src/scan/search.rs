//! Scans of an organization, narrowed by how they went, newest first; and one by its number.

use super::ScanRow;
use super::query::{COLUMN_COUNT, COLUMNS, of_scan, read};
use crate::at::{At, Moment, resolve};
use crate::conditions::Conditions;
use crate::project::visible;
use crate::store::column::to_json;
use crate::store::{ReadError, Views};
use rusqlite::Row;
use rusqlite::types::Value;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;
use scanledger_domain::limits::CLIENT_QUIET_SECONDS;
use scanledger_domain::scan::{Extent, FailureCode, ScanStatus, ScanType};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;

/// How a scan went, as far as it has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Course {
    /// It waits.
    Waiting,
    /// Somebody works on it.
    Running,
    /// It ended as it should.
    Completed,
    /// It failed, or its client ended with an error.
    Broken,
    /// People ended it.
    Cancelled,
    /// Its client was not heard of for long, or never again.
    Silent,
}

impl Course {
    const ALL: [Self; 6] =
        [Self::Waiting, Self::Running, Self::Completed, Self::Broken, Self::Cancelled, Self::Silent];

    /// How a scan goes or went in this status, unless its client says otherwise or nothing.
    const fn of(status: ScanStatus) -> Self {
        match status {
            ScanStatus::Queued => Self::Waiting,
            ScanStatus::Running | ScanStatus::Paused | ScanStatus::Settling => Self::Running,
            ScanStatus::Completed => Self::Completed,
            ScanStatus::Failed => Self::Broken,
            ScanStatus::Stopped | ScanStatus::Cancelled => Self::Cancelled,
        }
    }

    /// Its place in [`Self::ALL`].
    fn place(self) -> usize {
        Self::ALL.iter().position(|other| *other == self).expect("all courses are listed")
    }
}

/// Which scans. Empty lists and `None` mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchFilter {
    /// With this number: the position of `scan.queued`.
    pub number: Option<u64>,
    /// Of the project with this number: the position of `project.created`.
    pub project: Option<u64>,
    /// On the branches of this name.
    pub branch: Option<String>,
    /// Of everything or of what changed.
    pub extent: Option<Extent>,
    /// That look for what one of these scanners finds.
    pub scanners: Vec<ScannerKind>,
    /// That went so.
    pub courses: Vec<Course>,
    /// Queued at this instant or later.
    pub since: Option<Timestamp>,
    /// That took at least so many milliseconds.
    pub least_ms: Option<u64>,
    /// That took at most so many milliseconds.
    pub most_ms: Option<u64>,
}

/// A question about scans of an organization.
#[derive(Debug, Clone)]
pub struct ScanSearch {
    /// Whose.
    pub organization: OrganizationId,
    /// In which of its projects.
    pub visible: Visible,
    /// When.
    pub at: At,
    /// What time it is: clients of running scans that have said nothing for [`CLIENT_QUIET_SECONDS`] are silent.
    pub now: Timestamp,
    /// Which.
    pub filter: SearchFilter,
    /// The number of the scan that the page follows; the page begins with the newest without.
    pub before: Option<u64>,
    /// Rows on the page.
    pub limit: u32,
}

/// A scan that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundScan {
    /// The scan.
    pub scan: ScanRow,
    /// The number of its project: the position of `project.created`.
    pub project_number: u64,
    /// How it went.
    pub course: Course,
    /// How long it took, in milliseconds: as its client says or, without one, from its beginning to its end.
    pub total_ms: Option<u64>,
}

/// How a scan `s` in the state `st` went, as its place in [`Course::ALL`].
fn course() -> String {
    let cases = ScanStatus::ALL.map(|status| format!(" WHEN '{status}' THEN {}", Course::of(status).place()));
    format!(
        "CASE
         WHEN st.status IN ('{running}', '{settling}') AND s.client IS NOT NULL AND st.changed_at < :quiet THEN {silent}
         WHEN st.status = '{failed}' AND st.failure -> '$.code' = :client_silent THEN {silent}
         WHEN st.status = '{completed}' AND st.outcome ->> '$.client.exitCode' > 1 THEN {broken}
         ELSE CASE st.status{cases} END END",
        running = ScanStatus::Running,
        settling = ScanStatus::Settling,
        failed = ScanStatus::Failed,
        completed = ScanStatus::Completed,
        silent = Course::Silent.place(),
        broken = Course::Broken.place(),
        cases = cases.concat(),
    )
}

/// How long it took; instants are microseconds.
const TOTAL: &str = "coalesce(st.outcome ->> '$.client.totalTimeMs', (st.ended_at - st.started_at) / 1000)";

/// How much it looked at.
const EXTENT: &str =
    "coalesce(s.client ->> '$.extent', CASE s.scan_type WHEN 'incremental' THEN 'changes' ELSE 'full' END)";

impl Views {
    /// Scans of an organization on a page, newest first, deleted ones aside.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn find_scans(&self, search: ScanSearch) -> Result<Vec<FoundScan>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, search.organization, search.at, head)?;
            let after = match search.filter.since {
                None => None,
                Some(since) => {
                    let before = At::Instant(Timestamp(since.0.saturating_sub(1)));
                    match resolve(connection, search.organization, before, head)? {
                        Moment::Live => return Ok(vec![]),
                        Moment::Past(position) => Some(position),
                    }
                }
            };
            let (text, conditions) = statement(&search, moment, after);
            let mut statement = connection.prepare_cached(&text)?;
            let rows = statement.query_map(conditions.params().as_slice(), read_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<FoundScan> {
    let place: u8 = row.get(COLUMN_COUNT + 1)?;
    let course = Course::ALL.get(usize::from(place)).copied();
    let course =
        course.ok_or(rusqlite::Error::IntegralValueOutOfRange(COLUMN_COUNT + 1, i64::from(place)))?;
    Ok(FoundScan {
        scan: read(row)?,
        project_number: row.get::<_, i64>(COLUMN_COUNT)?.cast_unsigned(),
        course,
        total_ms: row.get::<_, Option<i64>>(COLUMN_COUNT + 2)?.and_then(|ms| u64::try_from(ms).ok()),
    })
}

fn statement(search: &ScanSearch, moment: Moment, after: Option<i64>) -> (String, Conditions) {
    let filter = &search.filter;
    let mut conditions = Conditions::default();
    conditions.bind(":organization", search.organization.as_bytes().to_vec());
    conditions.bind(":visible", visible::bound(&search.visible));
    conditions.bind(":at", moment.position());
    conditions.bind(":limit", i64::from(search.limit));
    conditions.bind(":quiet", search.now.plus_seconds(-CLIENT_QUIET_SECONDS).0);
    conditions.bind(":client_silent", to_json(&FailureCode::ClientSilent));
    let mut and = |condition: &str, name: &'static str, value: Value| {
        conditions.and(condition);
        conditions.bind(name, value);
    };
    let number = |number: u64| -> Value { number.cast_signed().into() };
    if let Some(wanted) = filter.number {
        and("s.queued = :number", ":number", number(wanted));
    }
    // Keys are given in the order of the log.
    if let Some(before) = search.before {
        let place = "s.key < (SELECT key FROM scan WHERE queued >= :before ORDER BY queued LIMIT 1)";
        and(place, ":before", number(before));
    }
    if let Some(after) = after {
        let place =
            "s.key > coalesce((SELECT key FROM scan WHERE queued <= :after ORDER BY queued DESC LIMIT 1), 0)";
        and(place, ":after", after.into());
    }
    if let Some(project) = filter.project {
        and("p.created = :project", ":project", number(project));
    }
    if let Some(branch) = &filter.branch {
        and("s.branch = :branch", ":branch", branch.clone().into());
    }
    if let Some(extent) = filter.extent {
        let word = match extent {
            Extent::Full => "full",
            Extent::Changes => "changes",
        };
        and(&format!("{EXTENT} = :extent"), ":extent", word.to_owned().into());
    }
    if !filter.scanners.is_empty() {
        // A client says what it looks for; what the server looks for follows from the kind of scan.
        let kinds = ScanType::ALL.map(|kind| (kind.as_str(), kind.scanners()));
        and(
            "EXISTS (SELECT 1 FROM json_each(:looking, '$.wanted') w JOIN json_each(coalesce(s.client -> '$.products',
                (SELECT k.value -> 1 FROM json_each(:looking, '$.kinds') k WHERE k.value ->> 0 = s.scan_type))) z
                ON z.value = w.value)",
            ":looking",
            serde_json::json!({ "wanted": filter.scanners, "kinds": kinds }).to_string().into(),
        );
    }
    if let Some(least) = filter.least_ms {
        and(&format!("{TOTAL} >= :least"), ":least", number(least));
    }
    if let Some(most) = filter.most_ms {
        and(&format!("{TOTAL} <= :most"), ":most", number(most));
    }
    let course = course();
    let courses: Vec<usize> = filter.courses.iter().map(|course| course.place()).collect();
    conditions.one_of(&course, ":courses", &courses);
    let text = format!(
        "SELECT {COLUMNS}, p.created, {course}, {TOTAL}
         FROM scan s {of_scan}
         WHERE s.organization = (SELECT key FROM organization WHERE id = :organization) AND s.deleted IS NULL
           AND s.queued <= :at AND {visible}{conditions}
         ORDER BY s.key DESC LIMIT :limit",
        of_scan = of_scan(moment),
        visible = visible::of_project(&search.visible),
        conditions = conditions.sql,
    );
    (text, conditions)
}
