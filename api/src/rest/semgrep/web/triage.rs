//! Deciding about many findings (reference §6).

use super::deployment::Named;
use super::filter::FilterIn;
use super::lenient::{Many, Whole, fields, rows};
use super::word::{IssueType, ReasonWord, TriageWord};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{digest_of, parse_value, read_json};
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use scanledger_commands::finding::Decision;
use scanledger_commands::{Context, Fault};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::limits::{BULK_FINDINGS, JSON_BODY_BYTES, TRIAGE_NOTE_CHARS, TRIAGED_FINDINGS};
use scanledger_domain::log::Position;
use scanledger_projections::At;
use scanledger_projections::finding::{EverywhereFilter, EverywhereQuery, FindingEverywhere};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use utoipa::ToSchema;

/// A decision about many findings.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Triage)]
pub struct TriageIn {
    /// Of which kind the findings are.
    issue_type: IssueType,
    /// What they shall be; as they are without.
    new_triage_state: Option<TriageWord>,
    /// Why, with `ignored` only.
    new_triage_reason: Option<ReasonWord>,
    /// Why, in words.
    #[schema(max_length = 3000)]
    new_note: Option<String>,
    /// These findings; those that the filters mean without.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u64>>)]
    issue_ids: Many<Whole>,
    /// How many of those that the filters mean, from the one that came last on.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3000, default = 3000)]
    limit: Option<Whole>,
    #[serde(flatten)]
    filter: FilterIn,
}

/// What came of a decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Triaged)]
pub struct TriagedOut {
    /// How many findings are as decided.
    num_triaged: usize,
    /// Which.
    triaged_issues: Vec<u64>,
}

/// Decides about findings: those with the ids, or those that the filters mean
///
/// A decision is about the finding on every branch. What stands in the query counts as if it stood in the body.
#[utoipa::path(
    post, path = "/api/v1/deployments/{deployment}/triage", tag = "Semgrep", request_body = TriageIn,
    responses((status = 200, body = TriagedOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn triage_findings(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    request: Request,
) -> Result<Written<TriagedOut>, Problem> {
    path.of(&app, &caller).await?;
    let (wanted, digest) = read(request).await?;
    wanted.check()?;
    let limit = rows("limit", wanted.limit, TRIAGED_FINDINGS, TRIAGED_FINDINGS)?;
    if wanted.issue_ids.0.len() > TRIAGED_FINDINGS as usize {
        return Err(Problem::invalid("issue_ids", format!("must have at most {TRIAGED_FINDINGS} entries")));
    }
    let found = match wanted.filter(&app, &caller).await? {
        None => vec![],
        Some(filter) => {
            let query = EverywhereQuery {
                organization: caller.organization(),
                visible: caller.principal.visible_to(caller.action),
                at: At::Now,
                filter,
                once: true,
                after: None,
                skip: 0,
                limit,
            };
            app.views.findings_everywhere(query).await?
        }
    };
    let context = caller.command(&app, digest).await?;
    let (triaged, position) = decide(&app, &caller, &context, &wanted, found).await?;
    let answer = TriagedOut { num_triaged: triaged.len(), triaged_issues: triaged.into_iter().collect() };
    Ok(Written::at(&app, StatusCode::OK, position, answer).await)
}

/// The body with what stands in the query, and a digest of both. Older callers send no body at all.
async fn read(request: Request) -> Result<(TriageIn, [u8; 32]), Problem> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let is_empty = !request.headers().contains_key(header::CONTENT_TYPE)
        && request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
    let (body, digest) = match is_empty {
        true => (Map::new(), digest_of(b"")),
        false => {
            let body = read_json::<Value>(request, JSON_BODY_BYTES).await?;
            let Value::Object(object) = body.value else {
                return Err(Problem::invalid(".", "must be an object"));
            };
            (object, body.digest)
        }
    };
    let mut all = fields(&query)?;
    all.extend(body);
    let digest = digest_of(&[query.as_bytes(), b"\n", &digest].concat());
    Ok((parse_value(Value::Object(all))?, digest))
}

impl TriageIn {
    fn check(&self) -> Result<(), Problem> {
        if self.new_triage_state.is_none() && self.new_note.is_none() {
            return Err(Problem::invalid("new_triage_state", "this or new_note has to be there"));
        }
        if self.new_triage_reason.is_some() && self.new_triage_state != Some(TriageWord::Ignored) {
            return Err(Problem::invalid("new_triage_reason", "goes with new_triage_state ignored only"));
        }
        if self.new_note.as_ref().is_some_and(|note| note.chars().count() > TRIAGE_NOTE_CHARS) {
            return Err(Problem::invalid(
                "new_note",
                format!("may have at most {TRIAGE_NOTE_CHARS} characters"),
            ));
        }
        if self.new_triage_state.is_some() && self.to().is_none() {
            return Err(Problem::invalid("new_triage_state", "only a model decides so, and there is none"));
        }
        Ok(())
    }

    /// What the findings shall be; none if they stay as they are.
    fn to(&self) -> Option<TriageState> {
        self.new_triage_state?.written(self.new_triage_reason)
    }

    /// Which findings; none if there can be none.
    async fn filter(&self, app: &App, caller: &Caller) -> Result<Option<EverywhereFilter>, Problem> {
        if self.issue_ids.0.is_empty() {
            return self.filter.of(app, caller, self.issue_type).await;
        }
        let numbers = self.issue_ids.0.iter().map(|id| id.0).collect();
        let scanners = self.issue_type.scanners().to_vec();
        let filter = EverywhereFilter { numbers: Some(numbers), scanners, ..EverywhereFilter::default() };
        Ok(Some(filter).filter(|filter| !filter.scanners.is_empty()))
    }
}

/// Decides about what was found, in parts that a repeated command completes; answers the numbers of what is as decided.
/// A repeated command decides about nothing that came since, so of what it finds only that counts which is so already.
async fn decide(
    app: &App,
    caller: &Caller,
    context: &Context,
    wanted: &TriageIn,
    found: Vec<FindingEverywhere>,
) -> Result<(BTreeSet<u64>, Option<Position>), Problem> {
    let mut by_state: BTreeMap<TriageState, Vec<FindingId>> = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    let mut so_already = HashSet::new();
    for row in found {
        let to = wanted.to().unwrap_or(row.finding.state);
        let note = row.finding.triaged.and_then(|triaged| triaged.note);
        if row.finding.state == to && (wanted.new_note.is_none() || wanted.new_note == note) {
            so_already.insert(row.finding.id);
        }
        by_state.entry(to).or_default().push(row.finding.id);
        numbers.insert(row.finding.id, row.number.0);
    }
    let (mut triaged, mut position) = (BTreeSet::new(), None);
    for (to, findings) in by_state {
        let decision = Decision { to, note: wanted.new_note.clone() };
        for (number, part) in findings.chunks(BULK_FINDINGS).enumerate() {
            let context = context.derive(&format!("{to}-{number}"));
            let is_repeated = app.ledger.find(context.command).await.map_err(Fault::from)?.is_some();
            let done = app.findings.triage_bulk(&context, &caller.principal, part, &decision).await?;
            position = position.max(done.position);
            let decided = done.decided.iter().filter(|finding| !is_repeated || so_already.contains(finding));
            triaged.extend(decided.filter_map(|finding| numbers.get(finding)));
        }
    }
    Ok((triaged, position))
}
