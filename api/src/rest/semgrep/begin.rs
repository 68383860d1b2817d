//! A client asks for a scan (reference §11.2).

use super::config::{ConfigOut, config_of};
use super::people::SealedPeople;
use super::policy::{effective_rules, enabled};
use super::refusal::or_again;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Opaque};
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::ci::{ClientScan, NewClientScan};
use scanledger_commands::project::ClientTarget;
use scanledger_domain::log::Position;
use scanledger_domain::policy::{EffectiveRules, Product};
use scanledger_domain::scan::{ClientPeople, ClientRun, Extent, branch_of_reference, plain_text, plain_url};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A scan that a client wants to run.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::BeginIn)]
pub struct BeginIn {
    project_metadata: ProjectIn,
    scan_metadata: ScanIn,
}

/// What the client knows about the source.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::ProjectIn)]
pub struct ProjectIn {
    /// `acme/shop`.
    repository: String,
    /// The project's name, where it is another: a part of a repository.
    repo_display_name: Option<String>,
    /// Where the checkout comes from; credentials in it are not kept.
    repo_url: Option<String>,
    /// `main` or `refs/heads/main`.
    branch: Option<String>,
    commit: Option<String>,
    commit_title: Option<String>,
    commit_author_name: Option<String>,
    commit_author_email: Option<String>,
    commit_author_username: Option<String>,
    commit_author_image_url: Option<String>,
    ci_job_url: Option<String>,
    scan_environment: Option<String>,
    /// What set it off.
    on: Option<String>,
    #[schema(value_type = Option<String>)]
    pull_request_id: Option<Opaque>,
    pull_request_title: Option<String>,
    pull_request_author_username: Option<String>,
    pull_request_author_image_url: Option<String>,
    /// `false` for a scan of what changed.
    #[serde(default = "yes")]
    is_full_scan: bool,
    base_sha: Option<String>,
}

const fn yes() -> bool {
    true
}

/// What the client knows about itself.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::ScanIn)]
pub struct ScanIn {
    /// The client's own id of the run; the same in retries.
    unique_id: Uuid,
    cli_version: Option<String>,
    /// `sast`, `sca`, `secrets`; the server decides if there is none.
    #[serde(default)]
    requested_products: Vec<String>,
    /// Whether nothing is to be kept.
    #[serde(default)]
    dry_run: bool,
}

/// What the client needs to know about its scan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::InfoOut)]
pub struct InfoOut {
    /// The scan; none if nothing is kept.
    id: Option<u64>,
    enabled_products: Vec<&'static str>,
    deployment_id: u64,
    deployment_name: String,
}

/// A scan that began.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::BegunOut)]
pub struct BegunOut {
    info: InfoOut,
}

/// A scan that began, with what it is to run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::BegunWithConfigOut)]
pub struct BegunWithConfigOut {
    info: InfoOut,
    config: ConfigOut,
    engine_params: Value,
}

/// Begins a scan that the client runs; its rules are fetched afterwards
///
/// Made for the client's id of its run: whoever asks again gets the same scan.
#[utoipa::path(
    post, path = "/api/cli/v2/scans", tag = "Semgrep CI", request_body = BeginIn,
    responses((status = 200, body = BegunOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn begin(
    State(app): State<App>,
    caller: Caller,
    body: Body<BeginIn>,
) -> Result<Written<BegunOut>, Problem> {
    let rules = effective_rules(&app, caller.organization()).await?;
    let begun = Begun::of(&app, &caller, body.value, &rules).await?;
    let info = begun.info;
    Ok(Written::at(&app, StatusCode::OK, begun.position, BegunOut { info }).await)
}

/// Begins a scan that the client runs, and answers its rules: what clients before 1.165 ask
#[utoipa::path(
    post, path = "/api/cli/scans", tag = "Semgrep CI", request_body = BeginIn,
    responses((status = 200, body = BegunWithConfigOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn begin_with_config(
    State(app): State<App>,
    caller: Caller,
    body: Body<BeginIn>,
) -> Result<Written<BegunWithConfigOut>, Problem> {
    let rules = effective_rules(&app, caller.organization()).await?;
    let begun = Begun::of(&app, &caller, body.value, &rules).await?;
    let config = config_of(&app, &rules, &begun.products, begun.scan.as_ref()).await?;
    let answer =
        BegunWithConfigOut { info: begun.info, config, engine_params: Value::Object(Default::default()) };
    Ok(Written::at(&app, StatusCode::OK, begun.position, answer).await)
}

/// A scan that began, or would have.
struct Begun {
    info: InfoOut,
    products: Vec<Product>,
    scan: Option<ClientScan>,
    position: Option<Position>,
}

impl Begun {
    async fn of(
        app: &App,
        caller: &Caller,
        wanted: BeginIn,
        rules: &EffectiveRules,
    ) -> Result<Self, Problem> {
        let requested: Vec<Product> =
            wanted.scan_metadata.requested_products.iter().filter_map(|word| word.parse().ok()).collect();
        let products = enabled(&requested, rules);
        let deployment = deployment(app, caller).await?;
        let scan = match wanted.scan_metadata.dry_run {
            true => None,
            false => Some(begun(app, caller, wanted, &products).await?),
        };
        let info = InfoOut {
            id: scan.as_ref().map(|scan| scan.number.0),
            enabled_products: products.iter().map(|product| product.as_str()).collect(),
            deployment_id: deployment.0,
            deployment_name: deployment.1,
        };
        let position = scan.as_ref().map(|scan| scan.number);
        Ok(Self { info, products, scan, position })
    }
}

/// The caller's organization by its number and name.
pub(super) async fn deployment(app: &App, caller: &Caller) -> Result<(u64, String), Problem> {
    let organization = app.views.organization(caller.organization()).await?;
    let organization = organization.ok_or_else(|| Problem::missing("organization"))?;
    Ok((organization.number, organization.name))
}

async fn begun(
    app: &App,
    caller: &Caller,
    wanted: BeginIn,
    products: &[Product],
) -> Result<ClientScan, Problem> {
    let context = caller.fresh_command(app)?;
    let new = new_scan(app, caller, wanted, products)?;
    app.client_scans.begin(&context, new).await.map_err(or_again)
}

fn new_scan(
    app: &App,
    caller: &Caller,
    wanted: BeginIn,
    products: &[Product],
) -> Result<NewClientScan, Problem> {
    let (project, scan) = (wanted.project_metadata, wanted.scan_metadata);
    let text = |text: &Option<String>| text.as_deref().and_then(plain_text);
    let repository = plain_text(&project.repository);
    let repository = repository.ok_or_else(|| Problem::invalid("project_metadata.repository", "is empty"))?;
    let extent = if project.is_full_scan { Extent::Full } else { Extent::Changes };
    let branch = project.branch.as_deref().filter(|branch| !branch.is_empty()).map(branch_of_reference);
    let people = ClientPeople {
        commit_title: text(&project.commit_title),
        author_name: text(&project.commit_author_name),
        author_email: text(&project.commit_author_email),
        author_username: text(&project.commit_author_username),
        author_image_url: project.commit_author_image_url.as_deref().and_then(plain_url),
        pull_request_title: text(&project.pull_request_title),
        pull_request_author: text(&project.pull_request_author_username),
        pull_request_author_image_url: project.pull_request_author_image_url.as_deref().and_then(plain_url),
    };
    let people = SealedPeople::of(app, caller, &people)?;
    let repository_url = project.repo_url.as_deref().and_then(plain_url);
    let client = ClientRun {
        run: scan.unique_id,
        tool: scan.cli_version.as_deref().and_then(plain_text).map(|version| format!("semgrep {version}")),
        extent,
        products: products.iter().map(|product| product.scanner()).collect(),
        repository: repository.clone(),
        repository_url: repository_url.clone(),
        environment: text(&project.scan_environment),
        trigger: text(&project.on),
        job_url: project.ci_job_url.as_deref().and_then(plain_url),
        pull_request: project.pull_request_id.as_ref().and_then(|id| plain_text(&id.0)),
        people: people.unsigned,
        author: people.author,
        opener: people.opener,
    };
    Ok(NewClientScan {
        target: ClientTarget {
            principal: caller.principal.clone(),
            name: text(&project.repo_display_name).unwrap_or(repository),
            repo_url: repository_url,
            branch: branch.filter(|branch| client.makes_default(branch)).map(str::to_owned),
        },
        branch: branch.map(str::to_owned),
        commit: project.commit.filter(|commit| !commit.is_empty()),
        base: project.base_sha.filter(|base| !base.is_empty()),
        client,
    })
}
