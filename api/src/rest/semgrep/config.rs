//! What a client is to run (reference §11.3).

use super::begin::deployment;
use super::policy::{effective_rules, enabled};
use super::refusal::or_again;
use super::results::may_scan;
use super::rule::all_served;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Id;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use scanledger_commands::ci::ClientScan;
use scanledger_domain::limits::DISMISSED_FINDINGS;
use scanledger_domain::policy::{EffectiveRules, Product};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Rules, in the one shape that clients do not crash on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::RulesOut)]
pub struct RulesOut {
    #[schema(value_type = Vec<Object>)]
    pub(super) rules: Vec<Value>,
}

/// What a client is to run, and which findings people dismissed: those it neither prints nor blocks on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::ConfigOut)]
pub struct ConfigOut {
    rules: RulesOut,
    triage_ignored_match_based_ids: Vec<String>,
    triage_ignored_syntactic_ids: Vec<String>,
}

/// What a client polls for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::PolledOut)]
pub struct PolledOut {
    /// `success`: it is always there at once.
    status: &'static str,
    config: ConfigOut,
    #[schema(value_type = Object)]
    engine_params: Value,
}

/// What the language server and old clients ask for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::LegacyConfigOut)]
pub struct LegacyConfigOut {
    deployment_id: u64,
    deployment_name: String,
    policy_names: Vec<String>,
    /// `{rules}` as a text.
    rule_config: String,
}

/// The rules that a scan is to run
///
/// `{id}` is the client's own id of its run. A run that is not kept gets the rules of the organization.
#[utoipa::path(
    get, path = "/api/cli/v2/scans/{id}/config", tag = "Semgrep CI", responses((status = 200, body = PolledOut))
)]
pub async fn read_config(
    State(app): State<App>,
    caller: Caller,
    Id(run): Id<Uuid>,
) -> Result<Json<PolledOut>, Problem> {
    let rules = effective_rules(&app, caller.organization()).await?;
    let scan = app.client_scans.begun(caller.organization(), run).await.map_err(or_again)?;
    let products = match &scan {
        Some(scan) => {
            may_scan(&caller, scan)?;
            products_of(scan)
        }
        None => enabled(&[], &rules),
    };
    let config = config_of(&app, &rules, &products, scan.as_ref()).await?;
    Ok(Json(PolledOut { status: "success", config, engine_params: Value::Object(Default::default()) }))
}

/// The rules of the organization, as the language server and old clients ask for them
#[utoipa::path(
    get, path = "/api/agent/deployments/scans/config", tag = "Semgrep CI",
    responses((status = 200, body = LegacyConfigOut))
)]
pub async fn read_legacy_config(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<LegacyConfigOut>, Problem> {
    let rules = effective_rules(&app, caller.organization()).await?;
    let rules = RulesOut { rules: all_served(&rules, &enabled(&[], &rules), &app.entrance.public_url) };
    let (deployment_id, deployment_name) = deployment(&app, &caller).await?;
    let rule_config = serde_json::to_string(&rules).map_err(|error| Problem::fault(&error))?;
    Ok(Json(LegacyConfigOut { deployment_id, deployment_name, policy_names: vec![], rule_config }))
}

fn products_of(scan: &ClientScan) -> Vec<Product> {
    let looked = scan.life.queued.client.iter().flat_map(|client| &client.products);
    looked
        .filter_map(|scanner| Product::ALL.iter().copied().find(|product| product.scanner() == *scanner))
        .collect()
}

/// What a client is to run for `products`, and what people dismissed in the scan's project.
pub(super) async fn config_of(
    app: &App,
    rules: &EffectiveRules,
    products: &[Product],
    scan: Option<&ClientScan>,
) -> Result<ConfigOut, Problem> {
    let rules = RulesOut { rules: all_served(rules, products, &app.entrance.public_url) };
    let dismissed = match scan {
        Some(scan) => app.views.dismissed_uploads(scan.scope.project, DISMISSED_FINDINGS).await?,
        None => vec![],
    };
    let (named, older): (Vec<_>, Vec<_>) =
        dismissed.into_iter().map(|upload| (upload.match_based_id, upload.syntactic_id)).unzip();
    Ok(ConfigOut {
        rules,
        triage_ignored_match_based_ids: named,
        triage_ignored_syntactic_ids: older.into_iter().flatten().collect(),
    })
}
