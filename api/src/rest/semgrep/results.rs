//! A client uploads what it found (reference §11.4).

use super::finding::{FindingIn, Known, Odd, SentFinding};
use super::policy::effective_rules;
use super::refusal::or_again;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, length_of};
use crate::memory::Memory;
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use scanledger_commands::ci::{ClientScan, ClientUpload};
use scanledger_domain::identity::{Resource, authorize};
use scanledger_domain::limits::{LEFT_OUT_FINDINGS, RESULTS_BYTES, RESULTS_FINDINGS, RESULTS_LIST};
use scanledger_domain::log::Position;
use scanledger_domain::policy::EffectiveRules;
use scanledger_domain::secret::SecretFinder;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a client found.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::ResultsIn)]
pub struct ResultsIn {
    #[schema(value_type = Vec<FindingIn>)]
    findings: Vec<SentFinding>,
    /// Matches that a comment in the source hides: counted, never on the branch.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    ignores: Vec<IgnoredAny>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    searched_paths: Vec<IgnoredAny>,
    /// Files that could not be read: their findings stay.
    #[serde(default)]
    skipped_paths: Vec<String>,
    /// Every rule that was run: their findings that were not seen are gone.
    #[serde(default)]
    rule_ids: Vec<String>,
}

/// A finding that was left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::UploadErrorOut)]
pub struct UploadErrorOut {
    /// For people: clients print it.
    message: String,
}

/// What became of an upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::ResultsOut)]
pub struct ResultsOut {
    /// What was left out. What was found before in the same files stays, because the upload does not tell.
    errors: Vec<UploadErrorOut>,
}

/// Records what a client found
///
/// All of it is on the branch when this answers, except for findings that will not do, which are named. Results that
/// came before are not recorded again. A full scan ends the findings of the rules that it ran and did not see, a scan of
/// changes ends none.
#[utoipa::path(
    post, path = "/api/agent/scans/{id}/results", tag = "Semgrep CI", request_body = ResultsIn,
    responses((status = 200, body = ResultsOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn receive_results(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    memory: Memory,
    request: Request,
) -> Result<Written<ResultsOut>, Problem> {
    let scan = scan_of(&app, &caller, number).await?;
    let _held = memory.uploads.hold(caller.organization(), length_of(&request)).await;
    let results = Body::<ResultsIn, RESULTS_BYTES>::from_request(request, &app).await?.value;
    check_sizes(&results)?;
    let rules = effective_rules(&app, caller.organization()).await?;
    let sorted = app.documents.search(move |finder| sorted(results, &rules, finder)).await;
    let (upload, left_out) = sorted.map_err(|cause| Problem::fault(&*cause))?;
    let context = caller.fresh_command(&app)?;
    let done = Box::pin(app.client_scans.receive(&context, &scan, upload)).await.map_err(or_again)?;
    let answer = ResultsOut { errors: named(left_out) };
    Ok(Written::at(&app, StatusCode::OK, done.position, answer).await)
}

/// What of an upload is recorded, and what is wrong with the rest.
fn sorted(
    results: ResultsIn,
    rules: &EffectiveRules,
    finder: &dyn SecretFinder,
) -> (ClientUpload, Vec<String>) {
    let known: Known<'_> = rules.iter().map(|rule| (rule.rule.id.as_str(), &*rule.rule)).collect();
    let mut upload = ClientUpload {
        detections: Vec::with_capacity(results.findings.len()),
        ignored: results.ignores.len() as u64,
        rules: results.rule_ids.into_iter().collect(),
        unread: results.skipped_paths.into_iter().collect(),
        files: results.searched_paths.len() as u64,
    };
    let mut left_out = vec![];
    for (number, finding) in results.findings.into_iter().enumerate() {
        match finding.read(&known, finder) {
            Ok(detection) => upload.detections.push(detection),
            Err(Odd { problem, left }) => {
                left_out.push(format!("finding {number} is left out: {problem}"));
                upload.leave_out(left);
            }
        }
    }
    (upload, left_out)
}

/// The first [`LEFT_OUT_FINDINGS`] of what was left out, and how many more there are.
fn named(left_out: Vec<String>) -> Vec<UploadErrorOut> {
    let more = left_out.len().saturating_sub(LEFT_OUT_FINDINGS);
    let rest = (more > 0).then(|| format!("and {more} more are left out"));
    let named = left_out.into_iter().take(LEFT_OUT_FINDINGS).chain(rest);
    named.map(|message| UploadErrorOut { message }).collect()
}

/// The caller's scan under a number.
pub(super) async fn scan_of(app: &App, caller: &Caller, number: u64) -> Result<ClientScan, Problem> {
    let found = app.client_scans.numbered(Position(number)).await.map_err(or_again)?;
    let scan = found.ok_or_else(|| Problem::missing("scan"))?;
    may_scan(caller, &scan)?;
    Ok(scan)
}

/// Whether the caller may do to a scan what the route does. One that they do not see is no different from one that is
/// not there.
pub(super) fn may_scan(caller: &Caller, scan: &ClientScan) -> Result<(), Problem> {
    match authorize(&caller.principal, caller.action, Resource::Project(scan.scope)) {
        Err(denied) if denied.hides() => Err(Problem::missing("scan")),
        may => Ok(may?),
    }
}

fn check_sizes(results: &ResultsIn) -> Result<(), Problem> {
    let found = results.findings.len() + results.ignores.len();
    if found > RESULTS_FINDINGS {
        let error = format!("an upload has at most {RESULTS_FINDINGS} findings, and this one has {found}");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error));
    }
    let lists = [
        ("searched_paths", results.searched_paths.len()),
        ("skipped_paths", results.skipped_paths.len()),
        ("rule_ids", results.rule_ids.len()),
    ];
    match lists.into_iter().find(|(_, length)| *length > RESULTS_LIST) {
        Some((list, _)) => {
            let error = format!("{list} has more than {RESULTS_LIST} entries");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{LEFT_OUT_FINDINGS, named};

    #[test]
    fn so_many_are_named_and_the_rest_is_counted() {
        let left_out = |count: usize| named(vec!["x".to_owned(); count]);
        assert_eq!((left_out(0).len(), left_out(LEFT_OUT_FINDINGS).len()), (0, LEFT_OUT_FINDINGS));
        let more = left_out(LEFT_OUT_FINDINGS + 2);
        assert_eq!(
            (more.len(), more[LEFT_OUT_FINDINGS].message.as_str()),
            (LEFT_OUT_FINDINGS + 1, "and 2 more are left out")
        );
    }
}
