//! Searching documents (reference §5). Nothing of them is kept.

use super::detector::{group, match_type, name};
use super::incident_shape::url_of;
use super::member::Flag;
use crate::app::App;
use crate::auth::Caller;
use crate::documents::Memory;
use crate::extract::{Body, Query, length_of, read_json};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use scanledger_domain::id::IncidentId;
use scanledger_domain::incident::{IgnoreReason, incident_id};
use scanledger_domain::limits::{
    DOCUMENT_BYTES, DOCUMENT_NAME_CHARS, DOCUMENTS, DOCUMENTS_BODY_BYTES, DOCUMENTS_READ_SECONDS,
};
use scanledger_domain::secret::{DiffKind, FoundSecret, Searched, canonical, search};
use scanledger_domain::vault::HashPurpose;
use scanledger_projections::incident::KnownSecret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// The one policy: clients drop what comes under another name.
const POLICY: &str = "Secrets detection";
/// Clients know it by these words.
const QUOTA_REACHED: &str = "Quota limit reached.";

/// What to answer.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScanIn {
    /// Also secrets that somebody decided to ignore, marked as excluded.
    #[param(value_type = Option<bool>)]
    all_secrets: Option<Flag>,
    /// Only secrets that no incident is about.
    #[param(value_type = Option<bool>)]
    ignore_known_secrets: Option<Flag>,
}

impl ScanIn {
    /// Everything that is found.
    pub const fn all() -> Self {
        Self { all_secrets: Some(Flag::Yes), ignore_known_secrets: None }
    }
}

/// A document that is to be searched.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::Document)]
pub struct DocumentIn {
    /// The text: a file, or a patch of one from its first hunk header on.
    #[schema(max_length = 1_048_576)]
    pub document: String,
    /// What it is called.
    #[schema(max_length = 256)]
    pub filename: Option<String>,
    /// Where it comes from.
    pub location: Option<LocationIn>,
}

/// Where a document comes from.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::DocumentLocation)]
pub struct LocationIn {
    /// Where people can look at it; credentials in it are not kept.
    pub url: Option<String>,
}

/// What a document holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::ScanResult)]
pub struct ScanOut {
    policy_break_count: usize,
    #[schema(value_type = Vec<String>)]
    policies: [&'static str; 1],
    policy_breaks: Vec<BreakOut>,
    /// Whether it is a patch.
    is_diff: bool,
}

/// A secret in a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::PolicyBreak)]
pub struct BreakOut {
    /// For people.
    r#type: &'static str,
    /// For programs.
    detector_name: String,
    /// The same for all detectors of a provider.
    detector_group_name: String,
    documentation_url: Option<String>,
    policy: &'static str,
    validity: &'static str,
    /// Whether an incident is about it.
    known_secret: bool,
    /// Where the incident is, whose number stands at the end; empty without one.
    incident_url: String,
    /// Whether somebody decided to ignore it.
    is_excluded: bool,
    exclude_reason: Option<&'static str>,
    diff_kind: Option<DiffKindOut>,
    is_vaulted: bool,
    vault_type: Option<String>,
    vault_name: Option<String>,
    vault_path: Option<String>,
    vault_path_count: Option<u64>,
    matches: Vec<MatchOut>,
}

/// What a patch does with a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::DiffKind)]
pub enum DiffKindOut {
    /// It comes.
    Addition,
    /// It goes.
    Deletion,
    /// It stands around what changes.
    Context,
}

impl From<DiffKind> for DiffKindOut {
    fn from(kind: DiffKind) -> Self {
        match kind {
            DiffKind::Addition => Self::Addition,
            DiffKind::Deletion => Self::Deletion,
            DiffKind::Context => Self::Context,
        }
    }
}

/// Where a secret stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Match)]
pub struct MatchOut {
    r#type: &'static str,
    /// What stands there; in a patch with the first characters of further lines.
    r#match: String,
    /// In Unicode code points, from 0.
    index_start: usize,
    /// Of the last character.
    index_end: usize,
    /// From 1.
    line_start: usize,
    line_end: usize,
}

/// Searches a document for secrets
#[utoipa::path(
    post, path = "/v1/scan", tag = "GitGuardian scans", params(ScanIn), request_body = DocumentIn,
    responses((status = 200, body = ScanOut))
)]
pub async fn scan(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ScanIn>,
    request: Request,
) -> Result<Json<ScanOut>, Problem> {
    let found = answer(&app, &caller, &wanted, request, |document: DocumentIn| vec![document]).await;
    let mut found = found.map_err(unsearched)?;
    found.pop().map(Json).ok_or_else(Problem::internal)
}

/// Searches up to 20 documents for secrets
///
/// One result for each document, in their order.
#[utoipa::path(
    post, path = "/v1/multiscan", tag = "GitGuardian scans", params(ScanIn),
    request_body(content = Vec<DocumentIn>, description = "1 to 20 documents."),
    responses((status = 200, body = Vec<ScanOut>))
)]
pub async fn multiscan(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ScanIn>,
    request: Request,
) -> Result<Json<Vec<ScanOut>>, Problem> {
    let found = answer(&app, &caller, &wanted, request, |documents: Vec<DocumentIn>| documents).await;
    found.map(Json).map_err(unsearched)
}

/// Clients take most refusals of a scan for a scan without findings, and let the commit through. What says that
/// something was not found they take for the failure that it is.
pub fn unsearched(problem: Problem) -> Problem {
    if problem.status() != StatusCode::BAD_REQUEST {
        return problem;
    }
    problem.with_detail("scan", "nothing was searched, so secrets were not found")
}

async fn answer<T: DeserializeOwned>(
    app: &App,
    caller: &Caller,
    wanted: &ScanIn,
    request: Request,
    documents: impl FnOnce(T) -> Vec<DocumentIn>,
) -> Result<Vec<ScanOut>, Problem> {
    let allowance = app.documents.allowance(caller.organization(), app.clock.now()).await;
    if allowance.map_err(|cause| Problem::fault(&*cause))?.is_used_up() {
        return Err(Problem::new(StatusCode::FORBIDDEN, QUOTA_REACHED));
    }
    let (body, _memory) = read::<T>(app, caller, request).await?;
    let documents = checked(documents(body.value))?;
    app.documents.note(caller.organization(), app.clock.now());
    let searched = searched(app, documents).await?;
    results(app, caller, wanted, &searched).await
}

/// Reads a body once there is memory for it, which is taken until the second part of the answer is dropped.
pub async fn read<'a, T: DeserializeOwned>(
    app: &'a App,
    caller: &Caller,
    request: Request,
) -> Result<(Body<T>, Memory<'a>), Problem> {
    let memory = app.documents.memory_for(caller.organization(), length_of(&request)).await;
    let soon = Duration::from_secs(DOCUMENTS_READ_SECONDS);
    Ok((read_within(soon, request).await?, memory))
}

/// Whoever sends a body holds the memory for it, so that it has to come soon.
async fn read_within<T: DeserializeOwned>(time: Duration, request: Request) -> Result<Body<T>, Problem> {
    let read = tokio::time::timeout(time, read_json(request, DOCUMENTS_BODY_BYTES)).await;
    read.unwrap_or_else(|_| {
        let error = format!("the body did not arrive in {} seconds", time.as_secs());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, error).closing())
    })
}

/// Documents within the limits.
pub fn checked(documents: Vec<DocumentIn>) -> Result<Vec<DocumentIn>, Problem> {
    if !(1..=DOCUMENTS).contains(&documents.len()) {
        let error = format!("expected 1 to {DOCUMENTS} documents and not {}", documents.len());
        return Err(Problem::bad_request(error));
    }
    for (place, document) in documents.iter().enumerate() {
        if document.document.len() > DOCUMENT_BYTES {
            let message = format!("has more than {DOCUMENT_BYTES} bytes");
            return Err(Problem::invalid(format!("[{place}].document"), message));
        }
        if document.filename.as_ref().is_some_and(|name| name.chars().count() > DOCUMENT_NAME_CHARS) {
            let message = format!("has more than {DOCUMENT_NAME_CHARS} characters");
            return Err(Problem::invalid(format!("[{place}].filename"), message));
        }
    }
    Ok(documents)
}

/// A document with its secrets and the keyed hashes of those.
pub struct SearchedDocument {
    /// As it was sent.
    pub document: DocumentIn,
    is_patch: bool,
    /// By place.
    pub secrets: Vec<(FoundSecret, Vec<u8>)>,
}

/// Searches all documents in one go, where it may take a while.
pub async fn searched(app: &App, documents: Vec<DocumentIn>) -> Result<Vec<SearchedDocument>, Problem> {
    let vault = Arc::clone(&app.vault);
    let searched = app.documents.search(move |finder| {
        let hash = |found: &FoundSecret| vault.hash(HashPurpose::Secret, &canonical(found.value.as_bytes()));
        let searched = documents.into_iter().map(|document| {
            let Searched { is_patch, secrets } = search(finder, &document.document);
            let secrets = secrets.into_iter().map(|found| {
                let hash = hash(&found);
                (found, hash)
            });
            SearchedDocument { is_patch, secrets: secrets.collect(), document }
        });
        searched.collect()
    });
    searched.await.map_err(|cause| Problem::fault(&*cause))
}

/// The answer, with what is known of the secrets from one query.
pub async fn results(
    app: &App,
    caller: &Caller,
    wanted: &ScanIn,
    searched: &[SearchedDocument],
) -> Result<Vec<ScanOut>, Problem> {
    let organization = caller.organization();
    let hashes = searched.iter().flat_map(|searched| searched.secrets.iter().map(|(_, hash)| hash));
    let ids: HashSet<IncidentId> = hashes.map(|hash| incident_id(organization, hash)).collect();
    let known = if ids.is_empty() {
        HashMap::new()
    } else {
        let seen = caller.principal.visible_to(caller.action);
        app.views.known_secrets(organization, seen, ids.into_iter().collect()).await?
    };
    let result = |searched: &SearchedDocument| {
        let breaks = searched.secrets.iter().filter_map(|(found, hash)| {
            let incident = known.get(&incident_id(organization, hash));
            let shown = policy_break(app, &searched.document.document, found, incident);
            let is_hidden = (shown.is_excluded && wanted.all_secrets != Some(Flag::Yes))
                || (shown.known_secret && wanted.ignore_known_secrets == Some(Flag::Yes));
            (!is_hidden).then_some(shown)
        });
        let policy_breaks: Vec<BreakOut> = breaks.collect();
        ScanOut {
            policy_break_count: policy_breaks.len(),
            policies: [POLICY],
            policy_breaks,
            is_diff: searched.is_patch,
        }
    };
    Ok(searched.iter().map(result).collect())
}

fn policy_break(app: &App, document: &str, found: &FoundSecret, incident: Option<&KnownSecret>) -> BreakOut {
    let facts = found.detector;
    let matched = MatchOut {
        r#type: match_type(facts.family),
        r#match: document[found.place.clone()].to_owned(),
        index_start: found.span.index_start,
        index_end: found.span.index_end,
        line_start: found.span.line_start,
        line_end: found.span.line_end,
    };
    let reason = incident.and_then(|incident| incident.reason);
    BreakOut {
        r#type: facts.title,
        detector_name: name(facts),
        detector_group_name: group(facts),
        documentation_url: None,
        policy: POLICY,
        // Providers are not asked.
        validity: "no_checker",
        known_secret: incident.is_some(),
        incident_url: incident.map(|incident| url_of(app, incident.number)).unwrap_or_default(),
        is_excluded: reason.is_some(),
        exclude_reason: reason.map(|reason| match reason {
            IgnoreReason::TestCredential => "ignored in the workspace as a test credential",
            IgnoreReason::FalsePositive => "ignored in the workspace as a false positive",
            IgnoreReason::LowRisk => "ignored in the workspace as a low risk",
            IgnoreReason::Invalid => "ignored in the workspace as an invalid secret",
        }),
        diff_kind: found.diff.map(DiffKindOut::from),
        is_vaulted: false,
        vault_type: None,
        vault_name: None,
        vault_path: None,
        vault_path_count: None,
        matches: vec![matched],
    }
}

#[cfg(test)]
mod tests {
    use super::read_within;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use futures::stream;
    use std::convert::Infallible;
    use std::time::Duration;

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let request = |body| Request::post("/v1/scan").header("content-type", "application/json").body(body);
        let never = stream::pending::<Result<&str, Infallible>>();
        let problem =
            read_within::<u8>(Duration::from_millis(20), request(Body::from_stream(never)).unwrap())
                .await
                .err()
                .unwrap();
        assert_eq!(problem.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(
            read_within::<u8>(Duration::from_secs(60), request("7".into()).unwrap()).await.unwrap().value,
            7
        );
    }
}
