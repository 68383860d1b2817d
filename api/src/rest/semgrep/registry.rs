//! Rules that somebody publishes, and packs of rules that clients fetch by name (reference §11.1).

use super::config::RulesOut;
use super::policy::{effective_rules, enabled};
use super::rule::{all_served, served};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Segment};
use crate::problem::Problem;
use crate::rest::Written;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_domain::policy::{EffectiveRule, Mode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The pack of everything that the organization runs.
const DEFAULT_PACK: &str = "default";
/// Rules about rules, which the client asks for when it validates some; this server has none.
const LINTS: &str = "semgrep-rule-lints";

/// A rule that somebody publishes.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::PublishIn)]
pub struct PublishIn {
    definition: DefinitionIn,
    #[serde(default)]
    visibility: VisibilityIn,
}

/// Exactly one rule.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::DefinitionIn)]
pub struct DefinitionIn {
    #[schema(value_type = Vec<Object>)]
    rules: Vec<Value>,
}

/// Who is to see it.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = semgrep::VisibilityIn)]
pub enum VisibilityIn {
    /// The organization.
    #[default]
    OrgPrivate,
    /// Whoever knows its name: the organization too, because nobody else asks this server.
    Unlisted,
    /// Everybody: this server has no such place.
    Public,
}

/// A rule that was published.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::PublishedOut)]
pub struct PublishedOut {
    id: String,
    path: String,
    /// What was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

/// Adds a rule to what the clients of the organization run
///
/// It is checked first, so that it breaks nobody's scan: its shape always, its patterns if the server has an engine.
#[utoipa::path(
    post, path = "/api/registry/rules", tag = "Semgrep CI", request_body = PublishIn,
    responses((status = 200, body = PublishedOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn publish_rule(
    State(app): State<App>,
    caller: Caller,
    body: Body<PublishIn>,
) -> Result<Written<PublishedOut>, Problem> {
    let PublishIn { definition, visibility } = body.value;
    if visibility == VisibilityIn::Public {
        return Err(Problem::invalid("visibility", "rules are for the organization only"));
    }
    let mut rules = definition.rules.into_iter();
    let (Some(rule), None) = (rules.next(), rules.next()) else {
        return Err(Problem::invalid("definition.rules", "must hold one rule"));
    };
    let context = caller.command(&app, body.digest).await?;
    let published = app.policies.publish(&context, caller.organization(), rule).await?;
    let id = published.rule.id.to_string();
    let warning = (!published.is_parsed)
        .then_some("no engine is configured, so the patterns were not parsed: a typing error fails scans");
    let answer = PublishedOut { path: id.clone(), id, warning };
    Ok(Written::at(&app, StatusCode::OK, published.position, answer).await)
}

/// A pack of rules by name: `default`, or the name of a language
#[utoipa::path(get, path = "/c/p/{slug}", tag = "Semgrep CI", responses((status = 200, body = RulesOut)))]
pub async fn read_pack(
    State(app): State<App>,
    caller: Caller,
    Segment(pack): Segment,
) -> Result<Json<RulesOut>, Problem> {
    if pack == LINTS {
        return Ok(Json(RulesOut { rules: vec![] }));
    }
    let rules = effective_rules(&app, caller.organization()).await?;
    let products = enabled(&[], &rules);
    let speaks = |rule: &&EffectiveRule| rule.rule.languages.contains(&pack);
    let url = &app.entrance.public_url;
    let rules = match pack == DEFAULT_PACK {
        true => all_served(&rules, &products, url),
        false => all_served(rules.iter().filter(speaks), &products, url),
    };
    if rules.is_empty() && pack != DEFAULT_PACK {
        return Err(Problem::missing("pack of rules"));
    }
    Ok(Json(RulesOut { rules }))
}

/// One rule by its id
#[utoipa::path(get, path = "/c/r/{id}", tag = "Semgrep CI", responses((status = 200, body = RulesOut)))]
pub async fn read_rule(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<String>,
) -> Result<Json<RulesOut>, Problem> {
    let rules = effective_rules(&app, caller.organization()).await?;
    let found = rules.iter().find(|rule| rule.rule.id.as_str() == id && rule.mode != Mode::Disabled);
    let found = found.ok_or_else(|| Problem::missing("rule"))?;
    Ok(Json(RulesOut { rules: vec![served(found, &app.entrance.public_url)] }))
}
