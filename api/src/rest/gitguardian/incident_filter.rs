//! Which incidents a list shows (reference §4.2).

use super::detector::Kinds;
use super::member::Flag;
use super::page::{Direction, Keyset, Mark, Ordering, Page, PageIn};
use super::people::{direction, member_by_email, member_by_number};
use super::word::{SeverityWord, StatusWord, TagWord, ValidityWord};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{List, parse_instant};
use crate::problem::Problem;
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::incident::IncidentTag;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use scanledger_projections::incident::{
    IncidentFilter, IncidentMark, IncidentOrder, IncidentQuery, IncidentRow, IncidentSort, Span, TagFilter,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

/// By what incidents are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKey {
    /// When they were opened or last came back.
    Date,
    /// When they were resolved.
    ResolvedAt,
    /// When they were ignored.
    IgnoredAt,
    /// How bad they are.
    RiskScore,
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IncidentsIn {
    /// Only opened or come back before this instant (RFC 3339).
    date_before: Option<String>,
    /// Only opened or come back at or after this instant.
    date_after: Option<String>,
    /// Only opened before this instant.
    triggered_at_before: Option<String>,
    /// Only opened at or after this instant.
    triggered_at_after: Option<String>,
    /// Only of this member.
    assignee_id: Option<u64>,
    /// Only of this member.
    assignee_email: Option<String>,
    /// Only with one of these, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "TRIGGERED,ASSIGNED")]
    status: List<StatusWord>,
    /// Only with one of these.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "critical,high")]
    severity: List<SeverityWord>,
    /// Only with one of these; all are `no_checker`.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "no_checker")]
    validity: List<ValidityWord>,
    /// Only with one of these; `NONE` stands for no tag at all.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "REGRESSION,NONE")]
    tags: List<TagWord>,
    /// Only with none of these.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "TEST_FILE")]
    exclude_tags: List<TagWord>,
    /// `date`, `resolved_at`, `ignored_at` or `risk_score`, with `-` in front for the other way round; by id if absent.
    #[param(value_type = Option<String>, example = "-date")]
    ordering: Option<Ordering<IncidentKey>>,
    /// Only of detectors of these providers.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "github")]
    detector_group_name: List<String>,
    /// Only ignored by this member.
    ignorer_id: Option<u64>,
    /// Only ignored with this token.
    ignorer_api_token_id: Option<Uuid>,
    /// Only resolved by this member.
    resolver_id: Option<u64>,
    /// Only resolved with this token.
    resolver_api_token_id: Option<Uuid>,
    /// Only with or without what somebody outside said. Nobody is asked.
    #[param(value_type = Option<bool>)]
    feedback: Option<Flag>,
    /// Only of this risk or more.
    risk_score_min: Option<u8>,
    /// Only of this risk or less.
    risk_score_max: Option<u8>,
    /// Only with one of these tags of the workspace. There are none.
    custom_tags: Option<String>,
    /// Only with a tag of the workspace of this name. There are none.
    custom_tag_key: Option<String>,
    /// Only with a tag of the workspace of this value. There are none.
    custom_tag_value: Option<String>,
}

/// What narrows a list besides what the client asks for.
#[derive(Debug, Clone, Default)]
pub struct Narrowed {
    /// Only in these projects.
    pub projects: Vec<ProjectId>,
    /// Only in projects of this team.
    pub team: Option<TeamId>,
    /// Only of this person.
    pub assignee: Option<UserId>,
}

/// A page of the incidents that are meant.
pub async fn incidents(
    app: &App,
    caller: &Caller,
    wanted: &IncidentsIn,
    page: &PageIn,
    narrowed: Narrowed,
) -> Result<Page<IncidentRow>, Problem> {
    let keyset = page.keyset()?;
    let order = wanted.order();
    let mark = |row: &IncidentRow| {
        let IncidentMark { value, number } = order.mark(row);
        Mark { value, id: number.0.into() }
    };
    let Some(filter) = wanted.filter(app, caller.organization(), narrowed).await? else {
        return Ok(keyset.page(vec![], false, mark));
    };
    let query = IncidentQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        at: At::Now,
        filter,
        order,
        from: from(keyset)?,
        to: None,
        is_backward: keyset.is_backward,
        limit: keyset.limit(),
    };
    let found = app.views.incidents(query).await?;
    Ok(keyset.page(found.rows, found.has_more, mark))
}

fn from(keyset: Keyset) -> Result<Option<IncidentMark>, Problem> {
    let wrong = |_| Problem::invalid("cursor", "must be from the header Link of another page");
    let mark = |mark: Mark| {
        let number = u64::try_from(mark.id).map_err(wrong)?;
        Ok(IncidentMark { value: mark.value, number: Position(number) })
    };
    keyset.from.map(mark).transpose()
}

impl IncidentsIn {
    fn order(&self) -> IncidentOrder {
        let by = match self.ordering.map(|ordering| ordering.by) {
            None => IncidentSort::Number,
            Some(IncidentKey::Date) => IncidentSort::Triggered,
            Some(IncidentKey::ResolvedAt) => IncidentSort::Resolved,
            Some(IncidentKey::IgnoredAt) => IncidentSort::Ignored,
            Some(IncidentKey::RiskScore) => IncidentSort::Severity,
        };
        let towards = self.ordering.map_or(Direction::default(), |ordering| ordering.direction);
        // The worst comes first by severity, and last by risk.
        let towards = match (by, towards) {
            (IncidentSort::Severity, Direction::Ascending) => Direction::Descending,
            (IncidentSort::Severity, Direction::Descending) => Direction::Ascending,
            (_, towards) => towards,
        };
        IncidentOrder { by, direction: direction(towards) }
    }

    /// None if nothing can be meant.
    async fn filter(
        &self,
        app: &App,
        organization: OrganizationId,
        narrowed: Narrowed,
    ) -> Result<Option<IncidentFilter>, Problem> {
        let triggered = span("date", self.date_after.as_deref(), self.date_before.as_deref())?;
        let after = self.triggered_at_after.as_deref();
        let opened = span("triggered_at", after, self.triggered_at_before.as_deref())?;
        let has_no_tag = self.custom_tags.is_none()
            && self.custom_tag_key.is_none()
            && self.custom_tag_value.is_none()
            && self.feedback != Some(Flag::Yes);
        let is_checked = self.validity.0.is_empty() || self.validity.0.contains(&ValidityWord::NoChecker);
        let (severities, rules) = (self.severities(), self.rules(app));
        let Some(tags) = tags(&self.tags.0, &self.exclude_tags.0) else { return Ok(None) };
        let Some(assignees) = self.assignees(app, organization, narrowed.assignee).await? else {
            return Ok(None);
        };
        let ignorers = actors(app, organization, self.ignorer_id, self.ignorer_api_token_id).await?;
        let resolvers = actors(app, organization, self.resolver_id, self.resolver_api_token_id).await?;
        let (Some(severities), Some(rules), Some(ignorers), Some(resolvers), true, true) =
            (severities, rules, ignorers, resolvers, has_no_tag, is_checked)
        else {
            return Ok(None);
        };
        Ok(Some(IncidentFilter {
            triggered,
            opened,
            statuses: self.status.0.iter().map(|word| (*word).into()).collect(),
            severities: severities.into_iter().map(Into::into).collect(),
            rules,
            assignees,
            ignorers,
            resolvers,
            projects: narrowed.projects,
            team: narrowed.team,
            tags,
        }))
    }

    /// The severities that are meant, and whose risk is; none if there is none.
    fn severities(&self) -> Option<Vec<SeverityWord>> {
        if self.risk_score_min.is_none() && self.risk_score_max.is_none() {
            return Some(self.severity.0.clone());
        }
        let risks = self.risk_score_min.unwrap_or_default()..=self.risk_score_max.unwrap_or(u8::MAX);
        let meant = SeverityWord::ALL.into_iter().filter(|word| {
            risks.contains(&word.risk_score())
                && (self.severity.0.is_empty() || self.severity.0.contains(word))
        });
        let meant: Vec<SeverityWord> = meant.collect();
        (!meant.is_empty()).then_some(meant)
    }

    fn rules(&self, app: &App) -> Option<Vec<String>> {
        let groups = &self.detector_group_name.0;
        if groups.is_empty() {
            return Some(vec![]);
        }
        let rules = Kinds::of(app).in_groups(groups);
        (!rules.is_empty()).then_some(rules)
    }

    /// None if nobody can be meant.
    async fn assignees(
        &self,
        app: &App,
        organization: OrganizationId,
        narrowed: Option<UserId>,
    ) -> Result<Option<Vec<UserId>>, Problem> {
        let mut meant = narrowed;
        let by_number = match self.assignee_id {
            Some(number) => Some(member_by_number(app, organization, number).await?),
            None => None,
        };
        let by_email = match &self.assignee_email {
            Some(email) => Some(member_by_email(app, organization, email).await?),
            None => None,
        };
        for wanted in [by_number, by_email].into_iter().flatten() {
            match (wanted, meant) {
                (Some(wanted), None) => meant = Some(wanted),
                (Some(wanted), Some(other)) if wanted == other => (),
                _ => return Ok(None),
            }
        }
        Ok(Some(meant.into_iter().collect()))
    }
}

/// Who is meant by a number, a token or both; none if nobody can be.
pub async fn actors(
    app: &App,
    organization: OrganizationId,
    number: Option<u64>,
    key: Option<Uuid>,
) -> Result<Option<Vec<Actor>>, Problem> {
    let person = match number {
        Some(number) => match member_by_number(app, organization, number).await? {
            Some(user) => Some(Actor::User(user)),
            None => return Ok(None),
        },
        None => None,
    };
    Ok(match (person, key.map(|key| Actor::Key(ApiKeyId(key)))) {
        (Some(_), Some(_)) => None,
        (person, key) => Some(person.or(key).into_iter().collect()),
    })
}

/// None if no incident can have such tags.
pub fn tags(any_of: &[TagWord], none_of: &[TagWord]) -> Option<TagFilter> {
    let or_untagged = any_of.contains(&TagWord::None);
    let filter = TagFilter { any_of: ours(any_of), or_untagged, none_of: ours(none_of) };
    let is_possible = any_of.is_empty() || or_untagged || !filter.any_of.is_empty();
    is_possible.then_some(filter)
}

fn ours(words: &[TagWord]) -> Vec<IncidentTag> {
    let tags = words.iter().filter_map(|word| match word {
        TagWord::Ours(tag) => Some(*tag),
        TagWord::None | TagWord::Never => None,
    });
    tags.collect()
}

/// From one instant to another.
pub fn span(name: &str, after: Option<&str>, before: Option<&str>) -> Result<Span, Problem> {
    let instant = |suffix: &str, text: Option<&str>| -> Result<Option<Timestamp>, Problem> {
        text.map(|text| parse_instant(&format!("{name}_{suffix}"), text)).transpose()
    };
    Ok(Span { from: instant("after", after)?, before: instant("before", before)? })
}
