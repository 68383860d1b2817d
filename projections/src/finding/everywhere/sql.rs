//! The statement of a list of findings of an organization.

use super::{EverywhereFilter, EverywhereQuery, HALF_SURE, SURE, Stay};
use crate::Moment;
use crate::at::NOW;
use crate::finding::row::COLUMNS;
use crate::project::visible;
use crate::store::column::to_json;
use rusqlite::ToSql;
use rusqlite::types::Value;
use scanledger_domain::finding::Confidence;
use serde::Serialize;

/// What people had decided by `:at` about a finding that is gone: its presence keeps what was decided by then.
const DECIDED: &str =
    "coalesce((SELECT g.status FROM triage g WHERE g.finding = q.finding AND g.valid_from <= :at
     ORDER BY g.valid_from DESC LIMIT 1), 0)";

/// Whether the source uses the package: what a client says or, without one, whether a file imports it.
const USED: &str =
    "coalesce(CASE WHEN f.upload IS NULL THEN q.imported ELSE f.upload ->> '$.package.reachable' END, -1)";

/// Whether the project asks for a package itself, for the presence `q`.
const DIRECT: &str =
    "(SELECT max(c.direct) FROM component c WHERE c.branch = q.branch AND c.ecosystem = f.ecosystem
     AND c.name = f.package AND c.valid_from <= :at AND c.valid_to > :at)";

/// Text with what is bound in it.
pub(super) struct Statement {
    pub(super) text: String,
    binds: Vec<(&'static str, Value)>,
}

impl Statement {
    pub(super) fn of(
        query: &EverywhereQuery,
        moment: Moment,
        since: Option<i64>,
        keys: Option<&[i64]>,
    ) -> Self {
        let mut conditions = Conditions::default();
        conditions.bind(":organization", query.organization.as_bytes().to_vec());
        conditions.bind(":at", if moment == Moment::Live { NOW } else { moment.position() });
        conditions.bind(":visible", visible::bound(&query.visible));
        conditions.filter(&query.filter, since);
        if let Some(keys) = keys {
            conditions.bind(":keys", to_json(&keys));
        }
        conditions.bind(":limit", i64::from(query.limit));
        conditions.bind(":skip", i64::try_from(query.skip).unwrap_or(i64::MAX));
        let follows = match query.after {
            None => "1",
            Some(mark) => {
                conditions.bind(":after_since", mark.since.0.cast_signed());
                conditions.bind(":after_number", mark.number.0.cast_signed());
                conditions.bind(":after_branch", mark.branch.0.cast_signed());
                "(since, detected, opened) < (:after_since, :after_number, :after_branch)"
            }
        };
        let holds = match moment {
            Moment::Live => crate::at::holds!("d", live),
            Moment::Past(_) => crate::at::holds!("d", past),
        };
        let shown = shown(query, moment, keys.is_some(), holds, &conditions);
        let once = match query.once {
            true => {
                "ranked AS (SELECT *, row_number() OVER (PARTITION BY detected
                    ORDER BY is_there DESC, is_default DESC, since DESC, opened) AS place FROM shown),
                 listed AS (SELECT * FROM ranked WHERE place = 1)"
            }
            false => "listed AS (SELECT * FROM shown)",
        };
        let columns = COLUMNS.replace("p.status", "coalesce(t.status, 0)");
        let direct = DIRECT.replace("q.", "p.");
        let text = format!(
            "WITH shown AS ({shown}), {once}, page AS (
                SELECT presence FROM listed WHERE {follows}
                ORDER BY since DESC, detected DESC, opened DESC LIMIT :limit OFFSET :skip
             )
             SELECT {columns}, f.detected, pr.created, d.name, d.repo_url, b.name, b.opened, p.valid_to > :at,
                    CASE WHEN p.valid_to <= :at THEN (SELECT e.recorded_at FROM event_index e
                         WHERE e.organization = pr.organization AND e.position = p.valid_to) END,
                    coalesce((SELECT e.recorded_at FROM event_index e
                         WHERE e.organization = pr.organization AND e.position = p.since), f.detected_at),
                    (SELECT s.queued FROM branch_scan a JOIN scan s ON s.id = a.scan
                     WHERE a.branch = p.branch AND a.position >= (
                         SELECT min(x.valid_from) FROM presence x INDEXED BY presence_finding
                         WHERE x.finding = p.finding AND x.branch = p.branch)
                     ORDER BY a.position LIMIT 1),
                    {direct}
             FROM page w
             JOIN presence p ON p.key = w.presence
             JOIN finding f ON f.key = p.finding
             JOIN branch b ON b.key = p.branch
             JOIN project pr ON pr.key = f.project
             JOIN project_detail d ON d.project = pr.key AND {holds}
             LEFT JOIN triage t ON t.rowid = (SELECT g.rowid FROM triage g WHERE g.finding = f.key
                 AND g.valid_from <= :at ORDER BY g.valid_from DESC LIMIT 1)
             ORDER BY p.since DESC, f.detected DESC, b.opened DESC"
        );
        Self { text, binds: conditions.binds }
    }

    /// What to bind.
    pub(super) fn params(&self) -> Vec<(&str, &dyn ToSql)> {
        self.binds.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect()
    }
}

/// The presences that are meant: the last of each finding and branch.
fn shown(
    query: &EverywhereQuery,
    moment: Moment,
    is_by_key: bool,
    holds: &str,
    conditions: &Conditions,
) -> String {
    // Each way begins where least has to be looked at, and the planner has no statistics.
    let from = match is_by_key {
        true => {
            "json_each(:keys) k CROSS JOIN finding f ON f.key = k.value
             CROSS JOIN project p ON p.key = f.project
             CROSS JOIN project_detail d ON d.project = p.key
             CROSS JOIN presence q INDEXED BY presence_finding ON q.finding = f.key
             CROSS JOIN branch b ON b.key = q.branch"
        }
        false => {
            "project p CROSS JOIN project_detail d ON d.project = p.key
             CROSS JOIN branch b ON b.project = p.key
             CROSS JOIN presence q ON q.branch = b.key
             CROSS JOIN finding f ON f.key = q.finding"
        }
    };
    let part = |presence: &str, status: &str| {
        let states = match query.filter.states.is_empty() {
            true => String::new(),
            false => format!("AND {status} IN (SELECT value FROM json_each(:states))"),
        };
        format!(
            "SELECT q.key AS presence, q.since AS since, f.detected AS detected, b.opened AS opened,
                    q.valid_to > :at AS is_there, b.name = d.default_branch AS is_default
             FROM {from}
             WHERE p.organization = (SELECT key FROM organization WHERE id = :organization) AND p.deleted IS NULL
               AND {visible} AND {holds} AND {presence} {states}{sql}",
            visible = visible::of_project(&query.visible),
            sql = conditions.sql,
        )
    };
    let open = "q.valid_to = 9223372036854775807 AND q.valid_from <= :at";
    let closed = "q.valid_to < 9223372036854775807 AND q.valid_from <= :at AND NOT EXISTS (
        SELECT 1 FROM presence n INDEXED BY presence_finding WHERE n.finding = q.finding AND n.branch = q.branch
          AND n.valid_from > q.valid_from AND n.valid_from <= :at)";
    let decided = format!("CASE WHEN q.valid_to > :at THEN q.status ELSE {DECIDED} END");
    match (query.filter.stay, moment) {
        (Some(Stay::There), Moment::Live) => part(open, "q.status"),
        (Some(Stay::Gone), _) => part(&format!("{closed} AND q.valid_to <= :at"), &decided),
        (Some(Stay::There), Moment::Past(_)) => format!(
            "{} UNION ALL {}",
            part(open, "q.status"),
            part(&format!("{closed} AND q.valid_to > :at"), "q.status")
        ),
        (None, _) => format!("{} UNION ALL {}", part(open, "q.status"), part(closed, &decided)),
    }
}

/// Conditions with what is bound in them.
#[derive(Default)]
struct Conditions {
    sql: String,
    binds: Vec<(&'static str, Value)>,
}

impl Conditions {
    fn bind(&mut self, name: &'static str, value: impl Into<Value>) {
        self.binds.push((name, value.into()));
    }

    fn and(&mut self, condition: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
    }

    /// `expression` is one of `list`, unless that is empty.
    fn one_of<T: Serialize>(&mut self, expression: &str, name: &'static str, list: &[T]) {
        if !list.is_empty() {
            self.and(&format!("{expression} IN (SELECT value FROM json_each({name}))"));
            self.bind(name, to_json(&list));
        }
    }

    fn filter(&mut self, filter: &EverywhereFilter, since: Option<i64>) {
        // What the state of a row is depends on whether it is there, so that condition stands elsewhere.
        if !filter.states.is_empty() {
            let states: Vec<u8> = filter.states.iter().map(|state| state.code()).collect();
            self.bind(":states", to_json(&states));
        }
        let scanners: Vec<u8> = filter.scanners.iter().map(|scanner| scanner.code()).collect();
        self.one_of("q.scanner", ":scanners", &scanners);
        let severities: Vec<u8> = filter.severities.iter().map(|severity| severity.rank()).collect();
        self.one_of("q.severity", ":severities", &severities);
        if let Some(position) = since {
            self.and("q.since > :since");
            self.bind(":since", position);
        }
        self.one_of("d.name", ":names", &filter.project_names);
        self.one_of("p.created", ":projects", &filter.projects);
        if let Some(branch) = &filter.branch {
            self.and("b.name = :branch");
            self.bind(":branch", branch.clone());
        }
        if let Some(rules) = &filter.rules {
            self.and("f.rule IN (SELECT value FROM json_each(:rules))");
            self.bind(":rules", to_json(rules));
        }
        let confidences: Vec<String> = filter.confidences.iter().copied().map(span).collect();
        if !confidences.is_empty() {
            self.and(&format!("({})", confidences.join(" OR ")));
        }
        self.one_of(
            "coalesce(f.upload ->> '$.tags.category', 'security')",
            ":categories",
            &filter.categories,
        );
        let uses: Vec<i8> = filter.uses.iter().map(|used| used.map_or(-1, i8::from)).collect();
        self.one_of(USED, ":uses", &uses);
        let came = format!(
            "coalesce(f.upload ->> '$.package.transitivity',
                      CASE {DIRECT} WHEN 1 THEN 'direct' WHEN 0 THEN 'transitive' ELSE 'unknown' END)"
        );
        self.one_of(&came, ":transitivities", &filter.transitivities);
        self.one_of("coalesce(f.package, f.upload ->> '$.package.name')", ":packages", &filter.packages);
        let validations = &filter.validations;
        self.one_of("coalesce(f.upload ->> '$.validation', 'no_validator')", ":validations", validations);
    }
}

/// The numbers that findings carry if their rules are so sure.
fn span(confidence: Confidence) -> String {
    match confidence {
        Confidence::Low => format!("f.confidence < {HALF_SURE}"),
        Confidence::Medium => format!("(f.confidence >= {HALF_SURE} AND f.confidence < {SURE})"),
        Confidence::High => format!("f.confidence >= {SURE}"),
    }
}
