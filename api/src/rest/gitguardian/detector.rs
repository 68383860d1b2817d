//! Detectors (reference §5): what kinds of secrets are found, in the dialect's words.

use super::member::Flag;
use super::page::{Direction, Mark, Ordering, PageIn};
use super::shape::Moment;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Query, Segment};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::secret::{DetectorFacts, DetectorNature, SecretCategory, SecretFamily};
use scanledger_projections::incident::IncidentCounts;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

/// How a detector tells a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::DetectorNature)]
pub enum Nature {
    /// By what stands around it.
    Generic,
    /// By its own shape.
    Specific,
    /// By a rule of the workspace; there are none.
    Custom,
}

impl From<DetectorNature> for Nature {
    fn from(nature: DetectorNature) -> Self {
        match nature {
            DetectorNature::Generic => Self::Generic,
            DetectorNature::Specific => Self::Specific,
        }
    }
}

/// The word for what a provider is for.
pub const fn category(category: SecretCategory) -> &'static str {
    match category {
        SecretCategory::CloudProvider => "cloud_provider",
        SecretCategory::DataStorage => "data_storage",
        SecretCategory::VersionControlPlatform => "version_control_platform",
        SecretCategory::MessagingSystem => "messaging_system",
        SecretCategory::PaymentSystem => "payment_system",
        SecretCategory::Monitoring => "monitoring",
        SecretCategory::Crm => "crm",
        SecretCategory::Ai => "ai",
        SecretCategory::CollaborationTool => "collaboration_tool",
        SecretCategory::IdentityProvider => "identity_provider",
        SecretCategory::PrivateKey => "private_key",
        SecretCategory::Other => "other",
    }
}

/// The word for the part of a secret that is the secret.
pub const fn match_type(family: SecretFamily) -> &'static str {
    match family {
        SecretFamily::Credentials => "password",
        SecretFamily::ApiKey | SecretFamily::Token | SecretFamily::CryptographicKey | SecretFamily::Other => {
            "apikey"
        }
    }
}

/// The name of a detector for programs.
pub fn name(facts: &DetectorFacts) -> String {
    facts.id.to_ascii_lowercase()
}

/// The name for programs of all detectors of one provider.
pub fn group(facts: &DetectorFacts) -> String {
    let words = facts.provider.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// By what detectors are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorKey {
    /// Their name for programs.
    Name,
}

/// Which detectors.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DetectorsIn {
    /// Only those that are used, or are not. All are.
    #[param(value_type = Option<bool>)]
    is_active: Option<Flag>,
    /// Only of this nature.
    #[param(inline)]
    r#type: Option<Nature>,
    /// Only with this in one of their names, whatever the case.
    search: Option<String>,
    /// `name`, with `-` in front for the other way round.
    #[param(value_type = Option<String>, example = "-name")]
    ordering: Option<Ordering<DetectorKey>>,
}

/// A detector, and what it found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::SecretDetector)]
pub struct DetectorOut {
    name: String,
    display_name: &'static str,
    r#type: Nature,
    category: &'static str,
    is_active: bool,
    scans_code_only: bool,
    /// Whether providers are asked if a secret is valid; they are not.
    checkable: bool,
    use_with_validity_check_disabled: bool,
    is_recommended_for_business: bool,
    /// Its part of all incidents of the workspace, from 0 to 1.
    frequency: f64,
    removed_at: Option<Moment>,
    open_incidents_count: u64,
    ignored_incidents_count: u64,
    resolved_incidents_count: u64,
}

/// Every kind of secret that is found
#[utoipa::path(
    get, path = "/v1/secret_detectors", tag = "GitGuardian scans", params(DetectorsIn, PageIn),
    responses((status = 200, body = Vec<DetectorOut>))
)]
pub async fn list_detectors(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<DetectorsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let search = wanted.search.map(|text| text.to_lowercase());
    let is_wanted = |detector: &DetectorOut| {
        let says = |text: &String| {
            detector.name.contains(text) || detector.display_name.to_lowercase().contains(text)
        };
        wanted.is_active.is_none_or(|active| active == Flag::Yes)
            && wanted.r#type.is_none_or(|nature| nature == detector.r#type)
            && search.as_ref().is_none_or(says)
    };
    // They have no numbers; their places in the whole list are as good.
    let rows = (0_u128..).zip(detectors(&app, &caller).await?).filter(|(_, row)| is_wanted(row)).collect();
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page =
        page.of(rows, direction, |(place, _): &(u128, DetectorOut)| Mark { value: None, id: *place })?;
    Ok(page.map(|(_, row)| row).answer(&app, &uri))
}

/// One kind of secret
#[utoipa::path(
    get, path = "/v1/secret_detectors/{slug}", tag = "GitGuardian scans",
    responses((status = 200, body = DetectorOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_detector(
    State(app): State<App>,
    caller: Caller,
    Segment(wanted): Segment,
) -> Result<Json<DetectorOut>, Problem> {
    let found = detectors(&app, &caller).await?.into_iter().find(|detector| detector.name == wanted);
    found.map(Json).ok_or_else(|| Problem::missing("detector"))
}

/// All of them, by name.
async fn detectors(app: &App, caller: &Caller) -> Result<Vec<DetectorOut>, Problem> {
    let seen = caller.principal.visible_to(caller.action);
    let counts = app.views.incidents_by_rule(caller.organization(), seen).await?;
    let all: u64 = counts.values().map(total).sum();
    let shown =
        |facts: &'static DetectorFacts| shown(facts, counts.get(facts.id).copied().unwrap_or_default(), all);
    let mut detectors: Vec<DetectorOut> = app.documents.detectors().into_iter().map(shown).collect();
    detectors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(detectors)
}

const fn total(counts: &IncidentCounts) -> u64 {
    counts.open + counts.ignored + counts.resolved
}

fn shown(facts: &'static DetectorFacts, counts: IncidentCounts, all: u64) -> DetectorOut {
    DetectorOut {
        name: name(facts),
        display_name: facts.title,
        r#type: facts.nature.into(),
        category: category(facts.category),
        is_active: true,
        scans_code_only: false,
        checkable: false,
        use_with_validity_check_disabled: true,
        is_recommended_for_business: true,
        frequency: if all == 0 { 0.0 } else { total(&counts) as f64 / all as f64 },
        removed_at: None,
        open_incidents_count: counts.open,
        ignored_incidents_count: counts.ignored,
        resolved_incidents_count: counts.resolved,
    }
}

/// A detector as incidents show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::Detector)]
pub struct DetectorBrief {
    name: String,
    /// For people.
    pub display_name: String,
    nature: Nature,
    family: &'static str,
    category: &'static str,
    /// The same for all detectors of a provider.
    pub detector_group_name: String,
    detector_group_display_name: String,
}

/// Detectors by their id.
pub struct Kinds(HashMap<&'static str, &'static DetectorFacts>);

impl Kinds {
    /// All of them.
    pub fn of(app: &App) -> Self {
        Self(app.documents.detectors().into_iter().map(|facts| (facts.id, facts)).collect())
    }

    /// The detector with an id, which may be one that another scanner has.
    pub fn of_rule(&self, rule: &str) -> DetectorBrief {
        match self.0.get(rule) {
            Some(facts) => DetectorBrief {
                name: name(facts),
                display_name: facts.title.to_owned(),
                nature: facts.nature.into(),
                family: family(facts.family),
                category: category(facts.category),
                detector_group_name: group(facts),
                detector_group_display_name: facts.provider.to_owned(),
            },
            None => DetectorBrief {
                name: rule.to_ascii_lowercase(),
                display_name: rule.to_owned(),
                nature: Nature::Generic,
                family: family(SecretFamily::Other),
                category: category(SecretCategory::Other),
                detector_group_name: rule.to_ascii_lowercase(),
                detector_group_display_name: rule.to_owned(),
            },
        }
    }

    /// What a match of a detector is called.
    pub fn match_type(&self, rule: &str) -> &'static str {
        match_type(self.0.get(rule).map_or(SecretFamily::Other, |facts| facts.family))
    }

    /// The ids of detectors in groups.
    pub fn in_groups(&self, groups: &[String]) -> Vec<String> {
        let is_in = |facts: &&&DetectorFacts| groups.contains(&group(facts));
        self.0.values().filter(is_in).map(|facts| facts.id.to_owned()).collect()
    }
}

const fn family(family: SecretFamily) -> &'static str {
    match family {
        SecretFamily::ApiKey => "apikey",
        SecretFamily::Token => "token",
        SecretFamily::CryptographicKey => "cryptographic_key",
        SecretFamily::Credentials => "credentials",
        SecretFamily::Other => "other",
    }
}
