//! Searching documents of a source, and having incidents of what is found (reference §5).

use super::scan::{DocumentIn, ScanIn, ScanOut, checked, read, results, searched, unsearched};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use crate::rest::{Written, shown};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use scanledger_commands::incident::ReportedSecret;
use scanledger_domain::branch::SecretFacts;
use scanledger_domain::id::ProjectId;
use scanledger_domain::identity::{ProjectScope, Resource};
use scanledger_domain::secret::{DiffKind, FoundSecret, canonical, mask};
use scanledger_domain::vault::HashPurpose;
use scanledger_projections::ReadError;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Documents of a source.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::SourceDocuments)]
pub struct ReportIn {
    /// The id of the project.
    source_uuid: Uuid,
    /// 1 to 20 of them.
    documents: Vec<DocumentIn>,
}

/// Searches documents of a source, and opens incidents of the secrets in them
///
/// One result for each document, in their order. What a patch takes away or leaves as it is opens no incident.
#[utoipa::path(
    post, path = "/v1/scan/create-incidents", tag = "GitGuardian scans", request_body = ReportIn,
    responses((status = 200, body = Vec<ScanOut>))
)]
pub async fn create_incidents(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Written<Vec<ScanOut>>, Problem> {
    report(&app, &caller, request).await.map_err(unsearched)
}

async fn report(app: &App, caller: &Caller, request: Request) -> Result<Written<Vec<ScanOut>>, Problem> {
    let (body, _memory) = read(app, caller, request).await?;
    let Body { value: ReportIn { source_uuid, documents }, digest } = body;
    let documents = checked(documents)?;
    let scope = scope(app, caller, source_uuid).await?;
    let searched = searched(app, documents).await?;
    let found = searched.iter().flat_map(|one| {
        let place = (one.document.filename.clone(), one.document.location.as_ref());
        one.secrets.iter().map(move |(found, hash)| (place.clone(), found, hash))
    });
    let found = found.filter(|(_, found, _)| matches!(found.diff, None | Some(DiffKind::Addition)));
    let secrets = found.map(|((name, location), found, hash)| ReportedSecret {
        secret: facts(app, found, hash),
        rule: found.detector.id.to_owned(),
        severity: found.severity,
        path: name.unwrap_or_default(),
        url: location.and_then(|location| location.url.clone()),
        line: u32::try_from(found.span.line_start).ok(),
        end_line: u32::try_from(found.span.line_end).ok(),
    });
    let secrets: Vec<ReportedSecret> = secrets.collect();
    let mut position = None;
    if !secrets.is_empty() {
        let context = caller.command(app, digest).await?;
        position = app.incidents.report(&context, &caller.principal, scope, secrets).await?.position;
    }
    shown(app, position).await;
    let results = results(app, caller, &ScanIn::all(), &searched).await?;
    Ok(Written::at(app, StatusCode::OK, position, results).await)
}

/// Where the source is. Clients know that there is none by the words.
async fn scope(app: &App, caller: &Caller, source: Uuid) -> Result<ProjectScope, Problem> {
    let missing = || Problem::bad_request(format!("Source {source} not found"));
    let scope = match app.views.scope_of_project(ProjectId(source)).await {
        Err(ReadError::Missing(_)) => return Err(missing()),
        scope => scope?,
    };
    match caller.may(Resource::Project(scope)) {
        Err(problem) if problem.denied().is_some_and(scanledger_domain::identity::Denied::hides) => {
            Err(missing())
        }
        may => may.map(|()| scope),
    }
}

/// What is kept of a secret.
fn facts(app: &App, found: &FoundSecret, hash: &[u8]) -> SecretFacts {
    let value = canonical(found.value.as_bytes());
    SecretFacts {
        hash: hex::encode(hash),
        leak_hash: hex::encode(app.vault.hash(HashPurpose::LeakedSecret, &value)),
        masked: mask(found.value.as_bytes()),
    }
}
