//! The statement of a list of findings of an organization.

use super::{EverywhereFilter, EverywhereQuery, Stay};
use crate::Moment;
use crate::at::NOW;
use crate::conditions::Conditions;
use crate::finding::row::COLUMNS;
use crate::project::visible;
use crate::store::column::to_json;
use rusqlite::ToSql;
use scanledger_domain::finding::Confidence;
use scanledger_domain::scanning::ScannerKind;
use serde::Serialize;

/// How a finding stands on the branch of its presence `q`: gone ones keep what was decided by the time they went.
const STATUS: &str = "CASE WHEN q.valid_to > :at THEN q.status ELSE
    coalesce((SELECT g.status FROM triage g WHERE g.finding = q.finding AND g.valid_from <= :at
              ORDER BY g.valid_from DESC LIMIT 1), 0) END";

/// Whether the source uses the package: what a client says or, without one, whether a file imports it.
const USED: &str =
    "coalesce(CASE WHEN f.upload IS NULL THEN q.imported ELSE f.upload ->> '$.package.reachable' END, -1)";

/// Whether the project asks for a package itself, for the presence `q`.
const DIRECT: &str =
    "(SELECT max(c.direct) FROM component c WHERE c.branch = q.branch AND c.ecosystem = f.ecosystem
     AND c.name = f.package AND c.valid_from <= :at AND c.valid_to > :at)";

/// The key of the last presence of a finding on a branch by `:at`.
fn last(finding: &str, branch: &str) -> String {
    format!(
        "(SELECT l.key FROM presence l INDEXED BY presence_finding
          WHERE l.finding = {finding} AND l.branch = {branch} AND l.valid_from <= :at
          ORDER BY l.valid_from DESC, l.key DESC LIMIT 1)"
    )
}

/// Where a list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// At the findings with these keys.
    Keys(Vec<i64>),
    /// At what came last in the organization.
    Organization,
    /// At what came last in each of these projects.
    Projects(Vec<i64>),
}

/// The row that a page follows, by keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) since: i64,
    pub(super) finding: i64,
}

/// What narrows a list, looked up.
pub(super) struct Bounds {
    pub(super) start: Start,
    /// After this position.
    pub(super) since: Option<i64>,
    /// In these projects, if that is not where it begins.
    pub(super) projects: Option<Vec<i64>>,
    /// Behind this row.
    pub(super) after: Option<Place>,
}

/// Text with what is bound in it.
pub(super) struct Statement {
    pub(super) text: String,
    conditions: Conditions,
}

impl Statement {
    pub(super) fn of(query: &EverywhereQuery, moment: Moment, bounds: &Bounds) -> Self {
        let mut conditions = Conditions::default();
        conditions.bind(":organization", query.organization.as_bytes().to_vec());
        conditions.bind(":at", if moment == Moment::Live { NOW } else { moment.position() });
        conditions.bind(":visible", visible::bound(&query.visible));
        conditions.bind(":limit", i64::from(query.limit));
        conditions.bind(":skip", i64::try_from(query.skip).unwrap_or(i64::MAX));
        conditions.place(&query.filter, bounds);
        conditions.and(visible::of_project(&query.visible));
        conditions.finding(&query.filter);
        conditions.bind_rows(&query.filter);
        let holds = match moment {
            Moment::Live => crate::at::holds!("d", live),
            Moment::Past(_) => crate::at::holds!("d", past),
        };
        let arms = arms(query, bounds, holds, &conditions.sql).join(" UNION ALL ");
        let columns = COLUMNS.replace("p.status", "coalesce(t.status, 0)");
        let direct = DIRECT.replace("q.", "p.");
        let text = format!(
            "WITH page AS ({arms} ORDER BY since DESC, finding DESC LIMIT :limit OFFSET :skip)
             SELECT {columns}, f.detected, pr.created, d.name, d.repo_url, b.name, b.opened, p.valid_to > :at,
                    CASE WHEN p.valid_to <= :at THEN (SELECT e.recorded_at FROM event_index e
                         WHERE e.organization = pr.organization AND e.position = p.valid_to) END,
                    coalesce((SELECT e.recorded_at FROM event_index e
                         WHERE e.organization = pr.organization AND e.position = p.since), f.detected_at),
                    (SELECT s.queued FROM scan s WHERE s.deleted IS NULL AND s.id = (
                         SELECT a.scan FROM branch_scan a
                         WHERE a.branch = p.branch AND a.position <= :at AND a.position >= (
                             SELECT min(x.valid_from) FROM presence x INDEXED BY presence_finding
                             WHERE x.finding = p.finding AND x.branch = p.branch)
                         ORDER BY a.position LIMIT 1)),
                    {direct}
             FROM page w
             CROSS JOIN presence p ON p.key = w.presence
             CROSS JOIN finding f ON f.key = p.finding
             CROSS JOIN branch b ON b.key = p.branch
             CROSS JOIN project pr ON pr.key = f.project
             CROSS JOIN project_detail d ON d.project = pr.key AND {holds}
             LEFT JOIN triage t ON t.rowid = (SELECT g.rowid FROM triage g WHERE g.finding = f.key
                 AND g.valid_from <= :at ORDER BY g.valid_from DESC LIMIT 1)
             ORDER BY p.since DESC, f.key DESC"
        );
        Self { text, conditions }
    }

    /// What to bind.
    pub(super) fn params(&self) -> Vec<(&str, &dyn ToSql)> {
        self.conditions.params()
    }
}

/// Lists that are in order by themselves, so that a page of all of them is merged and nothing is sorted; findings by key
/// are sorted. Joins are in the order in which rows are left out soonest, for the planner has no statistics.
fn arms(query: &EverywhereQuery, bounds: &Bounds, holds: &str, conditions: &str) -> Vec<String> {
    let filter = &query.filter;
    let rows = row_conditions(filter, "q", "b");
    let (details, once) = match query.once {
        true => (
            format!("CROSS JOIN project_detail d ON d.project = p.key AND {holds}"),
            format!("AND NOT EXISTS ({})", better(filter)),
        ),
        false => (String::new(), String::new()),
    };
    let of_organization = "p.organization = (SELECT key FROM organization WHERE id = :organization)";
    let projects = match &bounds.start {
        Start::Keys(_) => {
            return vec![format!(
                "SELECT q.key AS presence, q.since AS since, q.finding AS finding
                 FROM json_each(:keys) k CROSS JOIN finding f ON f.key = k.value
                 CROSS JOIN project p ON p.key = f.project {details}
                 CROSS JOIN presence q INDEXED BY presence_finding ON q.finding = f.key AND q.key = {last}
                 CROSS JOIN branch b ON b.key = q.branch
                 WHERE {of_organization} AND p.deleted IS NULL{conditions}{rows} {once}",
                last = last("q.finding", "q.branch")
            )];
        }
        Start::Organization => None,
        Start::Projects(projects) => Some(projects.len()),
    };
    let is_about_branch = query.once || filter.branch.is_some();
    let branch = if is_about_branch { "CROSS JOIN branch b ON b.key = a.branch" } else { "" };
    let finding = if is_about_finding(filter) { "CROSS JOIN finding f ON f.key = a.finding" } else { "" };
    // A page in the middle is sought by the row before it, and not by the instant.
    let upto = if bounds.after.is_some() { "+a.position" } else { "a.position" };
    let last = last("a.finding", "a.branch");
    let arm = |index: &str, place: &str, scanner: &ScannerKind| {
        format!(
            "SELECT q.key AS presence, a.position AS since, a.finding AS finding
             FROM arrival a {index} CROSS JOIN project p ON p.key = a.project {details} {branch} {finding}
             CROSS JOIN presence q ON q.key = {last} AND q.since = a.position
             WHERE {place} AND a.scanner = {code} AND {upto} <= :at
               AND {of_organization} AND p.deleted IS NULL{conditions}{rows} {once}",
            code = scanner.code()
        )
    };
    let scanners: &[ScannerKind] =
        if filter.scanners.is_empty() { &ScannerKind::ALL } else { &filter.scanners };
    match projects {
        None => {
            let place = "a.organization = (SELECT key FROM organization WHERE id = :organization)";
            scanners.iter().map(|scanner| arm("", place, scanner)).collect()
        }
        Some(count) => {
            let places = (0..count).map(|number| format!("a.project = (:projects ->> {number})"));
            let arms = |place: String| {
                scanners.iter().map(move |scanner| arm("INDEXED BY arrival_project", &place, scanner))
            };
            places.flat_map(arms).collect()
        }
    }
}

/// Whether a filter asks for more than presence and branch say.
fn is_about_finding(filter: &EverywhereFilter) -> bool {
    filter.rules.is_some()
        || !filter.confidences.is_empty()
        || !filter.categories.is_empty()
        || !filter.uses.is_empty()
        || !filter.transitivities.is_empty()
        || !filter.packages.is_empty()
        || !filter.validations.is_empty()
}

/// What is better to show of the finding of `q` than `q` on the branch `b`: where it is, on the default branch, and where
/// it came last.
fn better(filter: &EverywhereFilter) -> String {
    let rank = |q, b| format!("({q}.valid_to > :at, {b}.name = d.default_branch, {q}.since, -{b}.opened)");
    format!(
        "SELECT 1 FROM presence n INDEXED BY presence_finding CROSS JOIN branch m ON m.key = n.branch
         WHERE n.finding = q.finding AND n.valid_from <= :at AND n.branch <> q.branch AND n.key = {last}
           AND {n} > {q}{rows}",
        last = last("n.finding", "n.branch"),
        n = rank("n", "m"),
        q = rank("q", "b"),
        rows = row_conditions(filter, "n", "m"),
    )
}

/// What differs from branch to branch: conditions on a presence under the alias `q` and its branch under `b`.
fn row_conditions(filter: &EverywhereFilter, q: &str, b: &str) -> String {
    let mut sql = String::new();
    let mut and = |condition: &str| {
        sql.push_str(" AND ");
        sql.push_str(&condition.replace("q.", &format!("{q}.")));
    };
    match filter.stay {
        Some(Stay::There) => and("q.valid_to > :at"),
        Some(Stay::Gone) => and("q.valid_to <= :at"),
        None => (),
    }
    if !filter.states.is_empty() {
        and(&format!("{STATUS} IN (SELECT value FROM json_each(:states))"));
    }
    if !filter.severities.is_empty() {
        and("q.severity IN (SELECT value FROM json_each(:severities))");
    }
    if filter.since.is_some() {
        and("q.since > :since");
    }
    if !filter.uses.is_empty() {
        and(&format!("{USED} IN (SELECT value FROM json_each(:uses))"));
    }
    if !filter.transitivities.is_empty() {
        and(&format!(
            "coalesce(f.upload ->> '$.package.transitivity',
                      CASE {DIRECT} WHEN 1 THEN 'direct' WHEN 0 THEN 'transitive' ELSE 'unknown' END)
             IN (SELECT value FROM json_each(:transitivities))"
        ));
    }
    if filter.branch.is_some() {
        sql.push_str(&format!(" AND {b}.name = :branch"));
    }
    sql
}

impl Conditions {
    /// Binds what [`row_conditions`] names.
    fn bind_rows(&mut self, filter: &EverywhereFilter) {
        let states: Vec<u8> = filter.states.iter().map(|state| state.code()).collect();
        self.bind_list(":states", &states);
        let severities: Vec<u8> = filter.severities.iter().map(|severity| severity.rank()).collect();
        self.bind_list(":severities", &severities);
        let uses: Vec<i8> = filter.uses.iter().map(|used| used.map_or(-1, i8::from)).collect();
        self.bind_list(":uses", &uses);
        self.bind_list(":transitivities", &filter.transitivities);
        if let Some(branch) = &filter.branch {
            self.bind(":branch", branch.clone());
        }
    }

    /// Binds a list that narrows, unless it is empty.
    fn bind_list<T: Serialize>(&mut self, name: &'static str, list: &[T]) {
        if !list.is_empty() {
            self.bind(name, to_json(&list));
        }
    }

    /// Where in the list.
    fn place(&mut self, filter: &EverywhereFilter, bounds: &Bounds) {
        let is_by_key = matches!(bounds.start, Start::Keys(_));
        let (since, finding, project) = match is_by_key {
            true => ("q.since", "q.finding", "f.project"),
            false => ("a.position", "a.finding", "a.project"),
        };
        if let Some(position) = bounds.since {
            self.and(&format!("{since} > :since"));
            self.bind(":since", position);
        }
        if let Some(after) = bounds.after {
            self.and(&format!("({since}, {finding}) < (:after_since, :after_finding)"));
            self.bind(":after_since", after.since);
            self.bind(":after_finding", after.finding);
        }
        match &bounds.start {
            Start::Keys(keys) => {
                self.bind(":keys", to_json(keys));
                let scanners: Vec<u8> = filter.scanners.iter().map(|scanner| scanner.code()).collect();
                self.one_of("f.scanner", ":scanners", &scanners);
            }
            Start::Projects(projects) => return self.bind(":projects", to_json(projects)),
            Start::Organization => (),
        }
        if let Some(projects) = &bounds.projects {
            self.and(&format!("{project} IN (SELECT value FROM json_each(:projects))"));
            self.bind(":projects", to_json(projects));
        }
    }

    /// What is the same on all branches.
    fn finding(&mut self, filter: &EverywhereFilter) {
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
        self.one_of("coalesce(f.package, f.upload ->> '$.package.name')", ":packages", &filter.packages);
        let validations = &filter.validations;
        self.one_of("coalesce(f.upload ->> '$.validation', 'no_validator')", ":validations", validations);
    }
}

/// The numbers that findings carry if their rules are so sure.
fn span(confidence: Confidence) -> String {
    let [half_sure, sure] = [Confidence::Medium, Confidence::High].map(Confidence::least_number);
    match confidence {
        Confidence::Low => format!("f.confidence < {half_sure}"),
        Confidence::Medium => format!("(f.confidence >= {half_sure} AND f.confidence < {sure})"),
        Confidence::High => format!("f.confidence >= {sure}"),
    }
}
