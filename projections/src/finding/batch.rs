//! Findings of several projects or scans, in one statement.

use super::list::{FindingFilter, FindingSort, ListScope, match_expression};
use super::row::{COLUMN_COUNT, COLUMNS, FindingRow, read};
use crate::at::{At, Moment, NOW, holds, resolve};
use crate::page::{Page, Paging};
use crate::store::column::{containing, to_json};
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::OrganizationId;

/// A question about the findings of several scopes; the same page of each.
#[derive(Debug, Clone)]
pub struct FindingsOfScopes {
    /// Who may see them.
    pub organization: OrganizationId,
    /// Whose.
    pub scopes: Vec<ListScope>,
    /// When.
    pub at: At,
    /// Which.
    pub filter: FindingFilter,
    /// In which order.
    pub sort: FindingSort,
    /// Which of each scope's.
    pub paging: Paging,
}

/// A decision that held at `:at`; each arm has a partial index of its own.
const DECISION: &str = "coalesce(
    (SELECT g.rowid FROM triage g WHERE g.finding = {f} AND g.valid_to = 9223372036854775807 AND g.valid_from <= :at),
    (SELECT g.rowid FROM triage g WHERE g.finding = {f} AND g.valid_to < 9223372036854775807
       AND g.valid_from <= :at AND g.valid_to > :at))";

/// Branches that scopes come to: of a project as of `:at`; of a scan where its results were complete, if they were.
macro_rules! targets_sql {
    ($way:ident) => {
        concat!(
            "target AS (
                SELECT w.key AS number, b.key AS branch, :at AS presence, -1 AS coverage, NULL AS extent, NULL AS scan
                FROM json_each(:scopes) w
                CROSS JOIN project p ON p.id = unhex(w.value ->> 1) AND p.deleted IS NULL
                JOIN organization o ON o.key = p.organization AND o.id = :organization
                JOIN project_detail d ON d.project = p.key AND ",
            holds!("d", $way),
            "   CROSS JOIN branch b ON b.project = p.key AND b.name = coalesce(w.value ->> 2, d.default_branch)
                  AND b.opened <= :at
                WHERE w.value ->> 0 = 'branch'
                UNION ALL
                SELECT w.key, a.branch, a.position, a.coverage, a.client ->> 'extent', s.key
                FROM json_each(:scopes) w
                CROSS JOIN scan s ON s.id = unhex(w.value ->> 1) AND s.deleted IS NULL
                JOIN project p ON p.key = s.project AND p.deleted IS NULL
                JOIN organization o ON o.key = p.organization AND o.id = :organization
                JOIN scan_state st ON st.scan = s.key AND ",
            holds!("st", $way),
            "   JOIN branch_scan a ON a.scan = s.id AND a.position = st.anchor
                WHERE w.value ->> 0 = 'scan')"
        )
    };
}

const fn targets(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => targets_sql!(live),
        Moment::Past(_) => targets_sql!(past),
    }
}

impl Views {
    /// The same page of the findings of several scopes, each with its exact total, in one statement. Answers
    /// come in the order of the scopes; what the organization does not have is an empty list.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn findings_of_scopes(
        &self,
        query: FindingsOfScopes,
    ) -> Result<Vec<Page<FindingRow>>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let at = match moment {
                Moment::Live => NOW,
                Moment::Past(position) => position,
            };
            let mut pages = vec![Page { rows: vec![], total: 0 }; query.scopes.len()];
            let text = query.filter.text.as_deref().map(match_expression);
            if text == Some(None) {
                return Ok(pages);
            }
            let words = text.flatten();
            let sql = sql(moment, query.sort, words.is_some());
            let path = query.filter.path_contains.as_deref().map(containing);
            let skip = i64::try_from(query.paging.offset).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(named_params! {
                ":scopes": scopes(&query.scopes),
                ":organization": query.organization.as_bytes(),
                ":at": at,
                ":severities": codes(query.filter.severities.iter().map(|severity| severity.rank())),
                ":states": codes(query.filter.states.iter().map(|state| state.code())),
                ":scanners": codes(query.filter.scanners.iter().map(|scanner| scanner.code())),
                ":path": path,
                ":words": words,
                ":skip": skip,
                ":until": skip.saturating_add(query.paging.limit.into()),
            })?;
            while let Some(row) = rows.next()? {
                let number = row.get::<_, i64>(COLUMN_COUNT)?.unsigned_abs() as usize;
                let page = &mut pages[number];
                page.total = row.get::<_, i64>(COLUMN_COUNT + 1)?.cast_unsigned();
                // The first row comes along for the total, even if the page begins after it.
                let place: i64 = row.get(COLUMN_COUNT + 2)?;
                if place > skip && query.paging.limit > 0 {
                    let mut finding = read(row)?;
                    finding.state = TriageState::from_code(row.get(COLUMN_COUNT + 3)?).unwrap_or_default();
                    page.rows.push(finding);
                }
            }
            Ok(pages)
        })
        .await
    }
}

fn sql(moment: Moment, sort: FindingSort, has_words: bool) -> String {
    let order = match sort {
        FindingSort::Severity => "severity, status, scanner, finding",
        FindingSort::File => "path, coalesce(line, 0), finding",
        FindingSort::Created => "finding",
    };
    let shown = |presence: &str| {
        format!(
            "SELECT t.number AS number, q.key AS presence, q.finding AS finding, q.severity AS severity,
                    q.scanner AS scanner, q.path AS path, q.line AS line,
                    CASE WHEN t.presence = :at THEN q.status
                         ELSE coalesce((SELECT g.status FROM triage g WHERE g.rowid = {decision}), 0) END AS status
             FROM target t JOIN presence q ON q.branch = t.branch AND {presence}
             WHERE (t.coverage >> q.scanner) & 1
               AND CASE t.extent
                   WHEN 'changes' THEN EXISTS (SELECT 1 FROM scan_finding x WHERE x.scan = t.scan AND x.finding = q.finding)
                   WHEN 'full' THEN EXISTS (SELECT 1 FROM finding x WHERE x.key = q.finding AND x.upload IS NOT NULL)
                   ELSE 1 END",
            decision = DECISION.replace("{f}", "q.finding")
        )
    };
    let live = shown("q.valid_to = 9223372036854775807 AND q.valid_from <= t.presence");
    // What has gone can only be seen by looking back; the first condition spares the look when nobody does.
    let closed = shown(
        "t.presence < 9223372036854775806 AND q.valid_to < 9223372036854775807
         AND q.valid_from <= t.presence AND q.valid_to > t.presence",
    );
    let text = if has_words {
        "finding IN (SELECT rowid FROM finding_text WHERE finding_text MATCH :words)"
    } else {
        ":words IS NULL"
    };
    format!(
        "WITH {targets}, shown AS ({live} UNION ALL {closed}), ranked AS (
            SELECT number, presence, status, count(*) OVER (PARTITION BY number) AS total,
                   row_number() OVER (PARTITION BY number ORDER BY {order}) AS place
            FROM shown
            WHERE (:severities IS NULL OR severity IN (SELECT value FROM json_each(:severities)))
              AND (:states IS NULL OR status IN (SELECT value FROM json_each(:states)))
              AND (:scanners IS NULL OR scanner IN (SELECT value FROM json_each(:scanners)))
              AND (:path IS NULL OR path LIKE :path ESCAPE '\\') AND {text}
         )
         SELECT {COLUMNS}, r.number, r.total, r.place, r.status FROM ranked r
         JOIN presence p ON p.key = r.presence
         JOIN finding f ON f.key = p.finding
         JOIN branch b ON b.key = p.branch
         JOIN project pr ON pr.key = f.project
         LEFT JOIN triage t ON t.rowid = {decision}
         WHERE r.place = 1 OR (r.place > :skip AND r.place <= :until) ORDER BY r.number, r.place",
        targets = targets(moment),
        decision = DECISION.replace("{f}", "f.key")
    )
}

fn scopes(scopes: &[ListScope]) -> String {
    let entries: Vec<(&str, String, Option<&str>)> = scopes
        .iter()
        .map(|scope| match scope {
            ListScope::Scan(scan) => ("scan", scan.0.simple().to_string(), None),
            ListScope::Branch(project, name) => ("branch", project.0.simple().to_string(), name.as_deref()),
        })
        .collect();
    to_json(&entries)
}

fn codes(codes: impl Iterator<Item = u8>) -> Option<String> {
    let codes: Vec<u8> = codes.collect();
    (!codes.is_empty()).then(|| to_json(&codes))
}
