//! Incidents as answers show them (reference §4.1): every key is there, always.

use super::detector::{DetectorBrief, Kinds};
use super::occurrence_shape::OccurrenceOut;
use super::people::{Doers, token};
use super::shape::Moment;
use super::word::{ReasonWord, SeverityWord, StatusWord, ValidityWord, tag};
use crate::app::App;
use crate::problem::Problem;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::Position;
use scanledger_projections::incident::IncidentRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A secret in the workspace, and what people decided about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Incident)]
pub struct IncidentOut {
    id: u64,
    /// When it was opened or last came back.
    date: Moment,
    /// When it was opened.
    triggered_at: Moment,
    detector: DetectorBrief,
    /// The same as `id`: an incident is about one secret.
    secret_id: u64,
    /// A keyed hash: the same for the same secret, and only here.
    secret_hash: String,
    /// Another keyed hash.
    hmsl_hash: String,
    gitguardian_url: String,
    /// Whether it came back after it was resolved.
    regression: bool,
    status: StatusWord,
    assignee_id: Option<u64>,
    assignee_email: Option<String>,
    occurrences_count: u64,
    /// Null in lists.
    occurrences: Option<Vec<OccurrenceOut>>,
    ignore_reason: Option<ReasonWord>,
    severity: SeverityWord,
    validity: ValidityWord,
    ignored_at: Option<Moment>,
    ignorer_id: Option<u64>,
    ignorer_api_token_id: Option<Uuid>,
    resolver_id: Option<u64>,
    resolver_api_token_id: Option<Uuid>,
    /// Whether the secret opens nothing any more, as who resolved it said.
    secret_revoked: bool,
    resolved_at: Option<Moment>,
    tags: Vec<String>,
    /// Null: a link is shown when it is made, and only a hash of it is kept.
    share_url: Option<String>,
    /// Empty: there are none.
    custom_tags: Vec<CustomTagOut>,
    /// Empty: nobody is asked.
    feedback_list: Vec<FeedbackOut>,
    incident_name: String,
    /// From 0 to 100, by severity.
    #[schema(minimum = 0, maximum = 100)]
    risk_score: u8,
    severity_rule_id: Option<u64>,
    is_vaulted: bool,
    secret_presence: SecretPresenceOut,
    public_exposure: PublicExposureOut,
    /// Empty: no tickets are opened.
    destination_tickets: Vec<TicketOut>,
}

/// A tag of the workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::CustomTag)]
pub struct CustomTagOut {
    id: Uuid,
    key: String,
    value: Option<String>,
}

/// What somebody outside said about an incident.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Feedback)]
pub struct FeedbackOut {
    created_at: Moment,
    updated_at: Moment,
    member_id: Option<u64>,
    email: String,
    answers: Vec<String>,
}

/// A ticket about an incident.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Ticket)]
pub struct TicketOut {
    id: u64,
    r#type: String,
    link: String,
}

/// In how many places a secret stands.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = gitguardian::SecretPresence)]
pub struct SecretPresenceOut {
    /// Where it stands.
    files_requiring_code_fix: u64,
    files_pending_merge: u64,
    /// Where it stood.
    files_fixed: u64,
    outside_vcs: u64,
    removed_outside_vcs: u64,
    in_vcs: u64,
    removed_in_vcs: u64,
}

impl SecretPresenceOut {
    /// Of an incident.
    pub fn of(row: &IncidentRow) -> Self {
        let removed = row.occurrences.saturating_sub(row.present);
        Self {
            files_requiring_code_fix: row.present,
            files_fixed: removed,
            in_vcs: row.present,
            removed_in_vcs: removed,
            ..Self::default()
        }
    }
}

/// Whether others can see a secret; what is outside is not looked at.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = gitguardian::PublicExposure)]
pub struct PublicExposureOut {
    source_publicly_visible: bool,
    public_incident_linked: bool,
    leaked_outside_perimeter: bool,
}

/// Where an incident is: clients take its number from the end.
pub fn url_of(app: &App, number: Position) -> String {
    format!("{}/v1/incidents/secrets/{number}", app.entrance.public_url)
}

/// Incidents without their occurrences, in their order.
pub async fn shown(
    app: &App,
    organization: OrganizationId,
    rows: &[IncidentRow],
) -> Result<Vec<IncidentOut>, Problem> {
    let kinds = Kinds::of(app);
    let closers = rows.iter().filter_map(|row| row.closed.map(|closing| closing.actor));
    let doers = Doers::of(app, organization, rows.iter().filter_map(|row| row.assignee), closers).await?;
    Ok(rows.iter().map(|row| incident(app, &kinds, &doers, row)).collect())
}

/// An incident with occurrences of it.
pub async fn with_occurrences(
    app: &App,
    organization: OrganizationId,
    row: &IncidentRow,
    occurrences: Vec<OccurrenceOut>,
) -> Result<IncidentOut, Problem> {
    let shown = shown(app, organization, std::slice::from_ref(row)).await?.pop();
    let shown = shown.ok_or_else(|| Problem::missing("incident"))?;
    Ok(IncidentOut { occurrences: Some(occurrences), ..shown })
}

fn incident(app: &App, kinds: &Kinds, doers: &Doers, row: &IncidentRow) -> IncidentOut {
    let kind = kinds.of_rule(&row.rule);
    let assignee = row.assignee.and_then(|user| doers.person(user));
    let (ignored, resolved) = (row.ignored(), row.resolved());
    let (ignorer, resolver) = (ignored.map(|by| by.actor), resolved.map(|by| by.actor));
    let severity = SeverityWord::from(row.severity);
    IncidentOut {
        id: row.number.0,
        date: Moment(row.triggered_at),
        triggered_at: Moment(row.opened_at),
        incident_name: kind.display_name.clone(),
        detector: kind,
        secret_id: row.number.0,
        // Written by us, as hex; clients want the 64 characters that the same bytes have in base64.
        secret_hash: hex::decode(&row.secret.hash)
            .map_or_else(|_| row.secret.hash.clone(), |bytes| BASE64_STANDARD.encode(bytes)),
        hmsl_hash: row.secret.leak_hash.clone(),
        gitguardian_url: url_of(app, row.number),
        regression: row.is_regression,
        status: row.status().into(),
        assignee_id: assignee.map(|shown| shown.number),
        assignee_email: assignee.and_then(|shown| shown.person.email.clone()),
        occurrences_count: row.occurrences,
        occurrences: None,
        ignore_reason: row.reason.map(ReasonWord::from),
        severity,
        validity: ValidityWord::NoChecker,
        ignored_at: ignored.map(|closing| Moment(closing.at)),
        ignorer_id: doers.member(ignorer),
        ignorer_api_token_id: token(ignorer),
        resolver_id: doers.member(resolver),
        resolver_api_token_id: token(resolver),
        secret_revoked: row.is_secret_revoked,
        resolved_at: resolved.map(|closing| Moment(closing.at)),
        tags: row.tags.iter().map(|one| tag(*one)).collect(),
        share_url: None,
        custom_tags: vec![],
        feedback_list: vec![],
        risk_score: severity.risk_score(),
        severity_rule_id: None,
        is_vaulted: false,
        secret_presence: SecretPresenceOut::of(row),
        public_exposure: PublicExposureOut::default(),
        destination_tickets: vec![],
    }
}
