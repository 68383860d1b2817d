//! Policies (reference §7): one for each product, with what each rule may do.

use super::super::account::who;
use super::super::policy::effective_rules;
use super::deployment::Named;
use super::lenient::{Repeated, Whole, rows};
use super::word::{SeverityWord, confidence_constant};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use crate::rest::{Moment, Written, shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::limits::RULE_PAGE_ROWS;
use scanledger_domain::log::Actor;
use scanledger_domain::policy::{EffectiveRule, Mode, Product, RuleOrigin, RuleSeverity, policy_id};
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

/// Rules on a page if nobody says.
const ROWS: u32 = 500;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageIn {
    /// From the answer before.
    cursor: Option<String>,
    /// Rules on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 2000, default = 500)]
    limit: Option<Whole>,
}

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Policy)]
#[serde(rename_all = "camelCase")]
pub struct PolicyOut {
    id: String,
    name: &'static str,
    slug: &'static str,
    is_default: bool,
    product_type: &'static str,
}

/// The policies of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Policies)]
pub struct PoliciesOut {
    policies: Vec<PolicyOut>,
}

/// A policy with some of its rules.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::PolicyRules)]
pub struct PolicyRulesOut {
    policy: PolicyOut,
    rules: Vec<RuleOut>,
    /// For the next page; null on the last.
    cursor: Option<String>,
}

/// What a rule may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::PolicyMode)]
pub enum ModeWord {
    /// Nothing: people see what it finds.
    #[serde(rename = "MODE_MONITOR")]
    Monitor,
    /// Say something at the pull request.
    #[serde(rename = "MODE_COMMENT")]
    Comment,
    /// Fail the build.
    #[serde(rename = "MODE_BLOCK")]
    Block,
    /// It is not run.
    #[serde(rename = "MODE_DISABLED")]
    Disabled,
}

impl From<Mode> for ModeWord {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Monitor => Self::Monitor,
            Mode::Comment => Self::Comment,
            Mode::Block => Self::Block,
            Mode::Disabled => Self::Disabled,
        }
    }
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Monitor => Self::Monitor,
            ModeWord::Comment => Self::Comment,
            ModeWord::Block => Self::Block,
            ModeWord::Disabled => Self::Disabled,
        }
    }
}

/// A rule of a policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::PolicyRule)]
#[serde(rename_all = "camelCase")]
pub struct RuleOut {
    id: String,
    /// As `id`.
    path: String,
    url: String,
    severity: &'static str,
    confidence: Option<&'static str>,
    category: Option<String>,
    policy_mode: ModeWord,
    source: &'static str,
    languages: Vec<String>,
    technologies: Vec<String>,
    /// There are none.
    rulesets: Vec<String>,
    cwe_categories: Vec<String>,
    owasp_categories: Vec<String>,
    vulnerability_class: Vec<String>,
    has_validators: bool,
    secret_type: Option<String>,
    registry_maintainer: Option<String>,
    /// When somebody last added it or decided what it may do.
    last_change_at: Option<Moment>,
    /// Who decided what it may do: `user:` or `key:` and an id.
    last_change_by: Option<String>,
}

/// What a rule shall be allowed to do.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::PolicyChange)]
#[serde(rename_all = "camelCase")]
pub struct ChangeIn {
    rule_path: String,
    policy_mode: ModeWord,
}

/// A rule that may do something else.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::PolicyChanged)]
#[serde(rename_all = "camelCase")]
pub struct ChangedOut {
    policy_id: String,
    updated_rule: RuleOut,
}

/// The policies of the organization
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/policies", tag = "Semgrep",
    responses((status = 200, body = PoliciesOut))
)]
pub async fn list_policies(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
) -> Result<Json<PoliciesOut>, Problem> {
    path.of(&app, &caller).await?;
    let policies = Product::ALL.iter().map(|product| PolicyOut::of(caller.organization(), *product));
    Ok(Json(PoliciesOut { policies: policies.collect() }))
}

/// A policy with its rules, by id
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/policies/{policy}", tag = "Semgrep", params(PageIn),
    responses((status = 200, body = PolicyRulesOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_policy(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
    Repeated(page): Repeated<PageIn>,
) -> Result<Json<PolicyRulesOut>, Problem> {
    path.of(&app, &caller).await?;
    let product = product(&caller, &path.rest[0])?;
    let limit = rows("limit", page.limit, ROWS, RULE_PAGE_ROWS)? as usize;
    let all = effective_rules(&app, caller.organization()).await?;
    let follows = |rule: &&EffectiveRule| {
        rule.rule.product == product && page.cursor.as_deref().is_none_or(|last| rule.rule.id.as_str() > last)
    };
    let wanted: Vec<&EffectiveRule> = all.iter().filter(follows).take(limit + 1).collect();
    let has_more = wanted.len() > limit;
    let wanted = &wanted[..wanted.len().min(limit)];
    let last = wanted.last().filter(|_| has_more);
    let cursor = last.map(|last| last.rule.id.to_string());
    let changes = Changes::of(&app, caller.organization()).await?;
    let rules = wanted.iter().map(|rule| RuleOut::of(rule, &changes, &app)).collect();
    Ok(Json(PolicyRulesOut { policy: PolicyOut::of(caller.organization(), product), rules, cursor }))
}

/// Decides what a rule may do
#[utoipa::path(
    put, path = "/api/v1/deployments/{deployment}/policies/{policy}", tag = "Semgrep", request_body = ChangeIn,
    responses((status = 200, body = ChangedOut), (status = 404, body = crate::problem::ProblemBody),
              (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn change_policy(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
    body: Body<ChangeIn>,
) -> Result<Written<ChangedOut>, Problem> {
    path.of(&app, &caller).await?;
    let organization = caller.organization();
    let product = product(&caller, &path.rest[0])?;
    let ChangeIn { rule_path, policy_mode } = body.value;
    let missing = || Problem::missing("rule");
    let rule = rule_path.parse().map_err(|_| missing())?;
    let context = caller.command(&app, body.digest).await?;
    let position = app.policies.set_mode(&context, organization, product, rule, policy_mode.into()).await?;
    shown(&app, position).await;
    let all = effective_rules(&app, organization).await?;
    let is_meant = |rule: &&EffectiveRule| rule.rule.product == product && rule.rule.id.as_str() == rule_path;
    let rule = all.iter().find(is_meant).ok_or_else(missing)?;
    let changes = Changes::of(&app, organization).await?;
    let answer = ChangedOut {
        policy_id: policy_id(organization, product).to_string(),
        updated_rule: RuleOut::of(rule, &changes, &app),
    };
    Ok(Written::at(&app, StatusCode::OK, position, answer).await)
}

/// The product whose policy has this id or slug in the caller's organization.
fn product(caller: &Caller, policy: &str) -> Result<Product, Problem> {
    let is_meant = |product: &&Product| {
        product.as_str() == policy || policy_id(caller.organization(), **product).to_string() == policy
    };
    Product::ALL.iter().find(is_meant).copied().ok_or_else(|| Problem::missing("policy"))
}

impl PolicyOut {
    fn of(organization: OrganizationId, product: Product) -> Self {
        let (name, product_type) = match product {
            Product::Code => ("Code", "PRODUCT_TYPE_SAST"),
            Product::Secrets => ("Secrets", "PRODUCT_TYPE_SECRETS"),
            Product::SupplyChain => ("Supply Chain", "PRODUCT_TYPE_SCA"),
        };
        let id = policy_id(organization, product).to_string();
        Self { id, name, slug: product.as_str(), is_default: true, product_type }
    }
}

/// When rules of an organization last changed, and who decided.
struct Changes(HashMap<(Product, String), (Timestamp, Option<Actor>)>);

impl Changes {
    async fn of(app: &App, organization: OrganizationId) -> Result<Self, Problem> {
        let rows = app.views.policy(organization, At::Now).await?;
        let added =
            rows.rules.into_iter().map(|row| ((row.product, row.rule.to_string()), (row.added_at, None)));
        let mut changes: HashMap<_, _> = added.collect();
        for row in rows.modes {
            let change = changes.entry((row.product, row.rule.to_string())).or_insert((row.changed_at, None));
            *change = (change.0.max(row.changed_at), Some(row.by));
        }
        Ok(Self(changes))
    }
}

impl RuleOut {
    fn of(effective: &EffectiveRule, changes: &Changes, app: &App) -> Self {
        let rule = &effective.rule;
        let tags = rule.tags.clone();
        let changed = changes.0.get(&(rule.product, rule.id.to_string())).copied();
        Self {
            id: rule.id.to_string(),
            path: rule.id.to_string(),
            url: format!("{}/c/r/{}", app.entrance.public_url, rule.id),
            severity: severity(rule.severity).constant(),
            confidence: tags.confidence.map(confidence_constant),
            category: tags.category,
            policy_mode: effective.mode.into(),
            source: match effective.origin {
                RuleOrigin::Starter => "SOURCE_COMMUNITY",
                RuleOrigin::Custom => "SOURCE_CUSTOM",
            },
            languages: rule.languages.clone(),
            technologies: tags.technologies,
            rulesets: vec![],
            cwe_categories: tags.cwes,
            owasp_categories: tags.owasps,
            vulnerability_class: tags.vulnerability_classes,
            has_validators: false,
            secret_type: (rule.product == Product::Secrets).then(|| rule.id.to_string()),
            registry_maintainer: None,
            last_change_at: changed.map(|(at, _)| Moment(at)),
            last_change_by: changed.and_then(|(_, by)| by).map(who),
        }
    }
}

const fn severity(severity: RuleSeverity) -> SeverityWord {
    match severity {
        RuleSeverity::Low => SeverityWord::Low,
        RuleSeverity::Medium => SeverityWord::Medium,
        RuleSeverity::High => SeverityWord::High,
        RuleSeverity::Critical => SeverityWord::Critical,
    }
}
