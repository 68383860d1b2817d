//! Secrets (reference §8). What they are is never shown.

use super::super::policy::effective_rules;
use super::deployment::Named;
use super::lenient::{Many, Repeated, Whole, rows};
use super::place::{LocationOut, line_url, reference};
use super::policy::ModeWord;
use super::shape::{NOTHING, Nothing};
use super::word::{
    IssueType, SeverityWord, StatusWord, ValidationWord, confidence_constant, validation_constant,
};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::parse_instant;
use crate::problem::Problem;
use crate::rest::Moment;
use axum::Json;
use axum::extract::State;
use scanledger_domain::code_host::HostKind;
use scanledger_domain::finding::Validation;
use scanledger_domain::limits::SECRET_PAGE_ROWS;
use scanledger_domain::log::Position;
use scanledger_domain::policy::{Mode, Product};
use scanledger_projections::At;
use scanledger_projections::finding::{EverywhereFilter, EverywhereMark, EverywhereQuery, FindingEverywhere};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

/// Secrets on a page if nobody says.
const ROWS: u32 = 100;

/// How a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::SecretStatus)]
pub enum SecretStatus {
    /// However.
    #[serde(rename = "FINDING_STATUS_UNSPECIFIED")]
    Unspecified,
    /// It is there, and nobody has decided that nothing is to be done.
    #[serde(rename = "FINDING_STATUS_OPEN")]
    Open,
    /// People want nothing done about it.
    #[serde(rename = "FINDING_STATUS_IGNORED")]
    Ignored,
    /// It is gone.
    #[serde(rename = "FINDING_STATUS_FIXED")]
    Fixed,
    /// Its project is gone; such are not shown.
    #[serde(rename = "FINDING_STATUS_REMOVED")]
    Removed,
    /// None has it.
    #[serde(rename = "FINDING_STATUS_UNKNOWN")]
    Unknown,
    /// None has it.
    #[serde(rename = "FINDING_STATUS_PROVISIONALLY_IGNORED")]
    ProvisionallyIgnored,
}

impl SecretStatus {
    const fn of(status: StatusWord) -> Self {
        match status {
            StatusWord::Open | StatusWord::Reviewing | StatusWord::Fixing => Self::Open,
            StatusWord::Ignored => Self::Ignored,
            StatusWord::ProvisionallyIgnored => Self::ProvisionallyIgnored,
            StatusWord::Fixed => Self::Fixed,
        }
    }
}

/// How bad, in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = semgrep::web::SeverityName)]
pub enum SeverityName {
    /// Low.
    #[serde(rename = "SEVERITY_LOW")]
    Low,
    /// Medium.
    #[serde(rename = "SEVERITY_MEDIUM")]
    Medium,
    /// High.
    #[serde(rename = "SEVERITY_HIGH")]
    High,
    /// Critical.
    #[serde(rename = "SEVERITY_CRITICAL")]
    Critical,
}

impl From<SeverityName> for SeverityWord {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Low => Self::Low,
            SeverityName::Medium => Self::Medium,
            SeverityName::High => Self::High,
            SeverityName::Critical => Self::Critical,
        }
    }
}

/// Which secrets.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct SecretsIn {
    /// From the answer before.
    cursor: Option<String>,
    /// Secrets on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<Whole>,
    /// Only that came at this instant (RFC 3339) or later.
    since: Option<String>,
    /// Only of these repositories.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    repo: Many<String>,
    /// Only that stand so.
    #[param(inline)]
    status: Option<SecretStatus>,
    /// Only of these severities.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    severity: Many<SeverityName>,
    /// Only with one of these results of trying it out.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>)]
    validation_state: Many<ValidationWord>,
}

/// Secrets on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Secrets)]
pub struct SecretsOut {
    findings: Vec<SecretOut>,
    /// For the next page; null on the last.
    cursor: Option<String>,
    previous: Nothing,
}

/// A secret on a branch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Secret)]
#[serde(rename_all = "camelCase")]
pub struct SecretOut {
    id: String,
    /// The rule that finds such secrets.
    r#type: String,
    /// `path:line`.
    finding_path: String,
    finding_path_url: Option<String>,
    r#ref: String,
    ref_url: Option<String>,
    repository: SecretRepositoryOut,
    severity: &'static str,
    confidence: &'static str,
    status: SecretStatus,
    validation_state: &'static str,
    /// What the rule may do; rules that are in no policy say what they find.
    mode: ModeWord,
    rule_hash_id: String,
    created_at: Moment,
    updated_at: Moment,
    historical_info: Nothing,
    external_ticket: Nothing,
    #[schema(value_type = Vec<Object>)]
    review_comments: [(); 0],
    autotriage: Nothing,
}

/// The repository of a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::SecretRepository)]
#[serde(rename_all = "camelCase")]
pub struct SecretRepositoryOut {
    name: String,
    url: Option<String>,
    visibility: &'static str,
    scm_type: &'static str,
}

/// Secrets, those that came last first; a row for each branch
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/secrets", tag = "Semgrep", params(SecretsIn),
    responses((status = 200, body = SecretsOut))
)]
pub async fn list_secrets(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    Repeated(wanted): Repeated<SecretsIn>,
) -> Result<Json<SecretsOut>, Problem> {
    path.of(&app, &caller).await?;
    let limit = rows("limit", wanted.limit, ROWS, SECRET_PAGE_ROWS)?;
    let after = wanted.cursor.as_deref().map(mark).transpose()?;
    let Some(filter) = wanted.filter()? else {
        return Ok(Json(SecretsOut { findings: vec![], cursor: None, previous: NOTHING }));
    };
    let query = EverywhereQuery {
        organization: caller.organization(),
        visible: caller.visible(),
        at: At::Now,
        filter,
        once: false,
        after,
        skip: 0,
        // One more, to see whether there is one.
        limit: limit + 1,
    };
    let mut found = app.views.findings_everywhere(query).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let cursor = found.last().filter(|_| has_more).map(|last| cursor(last.mark()));
    let rules = effective_rules(&app, caller.organization()).await?;
    let of_secrets = rules.iter().filter(|rule| rule.rule.product == Product::Secrets);
    let modes: HashMap<&str, Mode> = of_secrets.map(|rule| (rule.rule.id.as_str(), rule.mode)).collect();
    let findings = found.into_iter().map(|row| SecretOut::new(row, &modes)).collect();
    Ok(Json(SecretsOut { findings, cursor, previous: NOTHING }))
}

fn cursor(mark: EverywhereMark) -> String {
    format!("{}-{}", mark.since, mark.number)
}

fn mark(cursor: &str) -> Result<EverywhereMark, Problem> {
    let wrong = || Problem::invalid("cursor", "must be from the answer before");
    let positions = cursor.split('-').map(|part| part.parse().map(Position).map_err(|_| wrong()));
    let positions: Vec<Position> = positions.collect::<Result<_, _>>()?;
    let [since, number] = positions.try_into().map_err(|_| wrong())?;
    Ok(EverywhereMark { since, number })
}

impl SecretsIn {
    /// The findings that are meant; none if nothing can be.
    fn filter(&self) -> Result<Option<EverywhereFilter>, Problem> {
        let statuses: &[StatusWord] = match self.status {
            None | Some(SecretStatus::Unspecified) => &[],
            Some(SecretStatus::Open) => &[StatusWord::Open, StatusWord::Reviewing, StatusWord::Fixing],
            Some(SecretStatus::Ignored) => &[StatusWord::Ignored],
            Some(SecretStatus::Fixed) => &[StatusWord::Fixed],
            Some(SecretStatus::Removed | SecretStatus::Unknown | SecretStatus::ProvisionallyIgnored) => {
                return Ok(None);
            }
        };
        let severities = self.severity.0.iter().flat_map(|name| SeverityWord::from(*name).meant());
        let since = self.since.as_deref().map(|since| parse_instant("since", since)).transpose()?;
        Ok(Some(EverywhereFilter {
            stay: statuses.first().map(|status| status.stay()),
            scanners: IssueType::Secrets.scanners().to_vec(),
            states: statuses.iter().flat_map(|status| status.states()).collect(),
            severities: severities.collect(),
            since,
            project_names: self.repo.0.clone(),
            validations: self.validation_state.0.iter().map(|word| (*word).into()).collect(),
            ..EverywhereFilter::default()
        }))
    }
}

impl SecretOut {
    fn new(row: FindingEverywhere, modes: &HashMap<&str, Mode>) -> Self {
        let place = LocationOut::of(&row.finding);
        let finding_path_url = line_url(&row, place.as_ref());
        let line = place.as_ref().and_then(|place| place.line).map(|line| format!(":{line}"));
        let path = place.map(|place| place.file_path).unwrap_or_default();
        let confidence = confidence_constant(row.confidence());
        let FindingEverywhere { finding, .. } = row;
        let validation = finding.upload.as_ref().and_then(|upload| upload.validation);
        let changed = [Some(row.came_at), row.gone_at, finding.triaged.as_ref().map(|triaged| triaged.at)];
        let updated_at = changed.into_iter().flatten().max().unwrap_or(finding.detected_at);
        Self {
            id: row.number.to_string(),
            finding_path: format!("{path}{}", line.unwrap_or_default()),
            finding_path_url,
            r#ref: reference(&row.branch),
            ref_url: None,
            repository: SecretRepositoryOut {
                name: row.project_name,
                scm_type: scm(row.repo_url.as_deref()),
                url: row.repo_url,
                visibility: "REPOSITORY_VISIBILITY_UNKNOWN",
            },
            severity: SeverityWord::of(finding.severity).constant(),
            confidence,
            status: SecretStatus::of(StatusWord::of(row.stay, finding.state)),
            validation_state: validation_constant(validation.unwrap_or(Validation::None)),
            mode: modes.get(finding.rule.as_str()).copied().unwrap_or(Mode::Monitor).into(),
            rule_hash_id: finding.rule.clone(),
            r#type: finding.rule,
            created_at: Moment(finding.detected_at),
            updated_at: Moment(updated_at),
            historical_info: NOTHING,
            external_ticket: NOTHING,
            review_comments: [],
            autotriage: NOTHING,
        }
    }
}

fn scm(repo_url: Option<&str>) -> &'static str {
    match repo_url.and_then(HostKind::of_address) {
        Some(HostKind::GitHub) => "SCM_TYPE_GITHUB",
        Some(HostKind::GitLab) => "SCM_TYPE_GITLAB",
        Some(HostKind::Bitbucket) => "SCM_TYPE_BITBUCKET",
        Some(HostKind::AzureDevOps) | None => "SCM_TYPE_UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::{cursor, mark};
    use scanledger_domain::log::Position;
    use scanledger_projections::finding::EverywhereMark;

    #[test]
    fn cursors_lead_back_to_their_rows() {
        let row = EverywhereMark { since: Position(7), number: Position(5) };
        assert_eq!(mark(&cursor(row)).unwrap(), row);
        for bad in ["", "1", "1-2-3", "a-b", "-1-2"] {
            assert!(mark(bad).is_err(), "{bad}");
        }
    }
}
