//! An incident as lists show it.

use crate::at::{FOREVER, Moment, NOW, holds};
use crate::project::visible;
use crate::store::column::{actor, id, json, optional_id};
use rusqlite::Row;
use rusqlite::types::Type;
use scanledger_domain::branch::SecretFacts;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{IncidentId, ShareId, UserId};
use scanledger_domain::identity::Visible;
use scanledger_domain::incident::{IgnoreReason, IncidentStatus, IncidentTag};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;

/// What is bound to `:at`.
pub(super) const fn bound_at(moment: Moment) -> i64 {
    match moment {
        Moment::Live => NOW,
        Moment::Past(position) => position,
    }
}

/// Who closed an incident, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// A link under which an incident is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareRow {
    /// The link, which opens nothing by itself.
    pub share: ShareId,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub shared_at: Timestamp,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// Its id.
    pub id: IncidentId,
    /// Its number: the position of its `incident.opened`.
    pub number: Position,
    /// What is kept of the secret.
    pub secret: SecretFacts,
    /// What kind of secret: the detector's id.
    pub rule: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was opened or last came back.
    pub triggered_at: Timestamp,
    /// What people decided.
    pub state: TriageState,
    /// Why it is ignored, if it is.
    pub reason: Option<IgnoreReason>,
    /// Who closed it, if it is closed.
    pub closed: Option<Closing>,
    /// The last note on a decision.
    pub note: Option<String>,
    /// Who decided last, and when.
    pub decided: Option<Closing>,
    /// How bad.
    pub severity: Severity,
    /// Who is to work at it.
    pub assignee: Option<UserId>,
    /// Whether it came back after it was fixed, and nobody closed it since.
    pub is_regression: bool,
    /// Whether the secret opens nothing any more, as who resolved it said.
    pub is_secret_revoked: bool,
    /// What is worth knowing about it, in the order of [`IncidentTag::ALL`].
    pub tags: Vec<IncidentTag>,
    /// Places that its secret came to stand at, of those that the caller sees.
    pub occurrences: u64,
    /// Those of them where it still stands.
    pub present: u64,
    /// The link under which it is shown; it may have ended.
    pub share: Option<ShareRow>,
}

impl IncidentRow {
    /// Where it stands.
    pub fn status(&self) -> IncidentStatus {
        IncidentStatus::of(self.state, self.assignee.is_some())
    }

    /// Who resolved it, if it is resolved.
    pub fn resolved(&self) -> Option<Closing> {
        self.closed.filter(|_| self.status() == IncidentStatus::Resolved)
    }

    /// Who had it ignored, if it is ignored.
    pub fn ignored(&self) -> Option<Closing> {
        self.closed.filter(|_| self.status() == IncidentStatus::Ignored)
    }
}

/// The rows of `incident_state` under the alias `s` that hold at a moment.
pub(super) const fn holding(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => holds!("s", live),
        Moment::Past(_) => holds!("s", past),
    }
}

/// The table of states under the alias `s`, found by organization and incident.
pub(super) const fn states(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => "incident_state s INDEXED BY incident_state_live",
        Moment::Past(_) => "incident_state s INDEXED BY incident_state_all",
    }
}

/// The status of the state `s`, as its place in [`IncidentStatus::ALL`].
pub(super) fn status() -> String {
    let place = |status| IncidentStatus::ALL.iter().position(|other| *other == status).unwrap_or_default();
    let cases: String = TriageState::ALL
        .into_iter()
        .map(|state| {
            let of = |is_assigned| place(IncidentStatus::of(state, is_assigned));
            format!(" WHEN {} THEN iif(s.assignee IS NULL, {}, {})", state.code(), of(false), of(true))
        })
        .collect();
    format!("CASE s.status{cases} END")
}

/// The places `o` of the secret of `i` up to `:at`, in projects `p` that the caller sees.
pub(super) fn places(visible: &Visible) -> String {
    format!(
        "FROM incident_occurrence o INDEXED BY incident_occurrence_incident
         JOIN project p ON p.key = o.project AND p.deleted IS NULL AND {}
         WHERE o.incident = i.id AND o.key <= :at",
        visible::of_project(visible)
    )
}

/// Whether the secret still stands at the place `o`.
pub(super) const STANDS: &str = "(o.branch IS NULL OR EXISTS (
    SELECT 1 FROM presence q INDEXED BY presence_finding WHERE q.finding = o.finding AND q.branch = o.branch
      AND q.valid_from <= :at AND q.valid_to > :at))";

/// Whether the branch of the place `o` is the default branch of its project at `:at`.
pub(super) const IS_ON_DEFAULT_BRANCH: &str = "EXISTS (
    SELECT 1 FROM branch b JOIN project_detail d ON d.project = b.project AND d.valid_from <= :at AND d.valid_to > :at
    WHERE b.key = o.branch AND b.name = d.default_branch)";

/// The tags of `i` in the state `s`, a bit for each in the order of [`IncidentTag::ALL`].
pub(super) fn tags(visible: &Visible) -> String {
    let places = places(visible);
    let bits = IncidentTag::ALL.into_iter().enumerate().map(|(bit, tag)| {
        let holds = match tag {
            IncidentTag::FromHistoricalScan => "i.is_historical".to_owned(),
            IncidentTag::Regression => "s.is_regression".to_owned(),
            IncidentTag::TestFile => format!("EXISTS (SELECT 1 {places} AND o.is_test)"),
            IncidentTag::SensitiveFile => format!("EXISTS (SELECT 1 {places} AND o.is_sensitive)"),
            IncidentTag::DefaultBranch => format!("EXISTS (SELECT 1 {places} AND {IS_ON_DEFAULT_BRANCH})"),
        };
        format!("({holds} << {bit})")
    });
    format!("({})", bits.collect::<Vec<_>>().join(" | "))
}

/// The bits of tags.
pub(super) fn mask(tags: &[IncidentTag]) -> i64 {
    IncidentTag::ALL
        .into_iter()
        .enumerate()
        .filter(|(_, tag)| tags.contains(tag))
        .fold(0, |mask, (bit, _)| mask | 1 << bit)
}

/// The tags of bits.
pub(super) fn tags_of(mask: i64) -> Vec<IncidentTag> {
    let tags = IncidentTag::ALL.into_iter().enumerate();
    tags.filter(|(bit, _)| mask & 1 << bit != 0).map(|(_, tag)| tag).collect()
}

/// What [`read`] reads, of the incident `i` in the state `s`, and what is joined for it.
pub(super) fn columns(visible: &Visible) -> String {
    let places = places(visible);
    format!(
        "i.id, i.key, i.secret, i.rule, i.opened_at, s.triggered_at, s.status, s.reason, s.resolved_at, s.ignored_at,
         s.closer_kind, s.closer_id, s.note, s.actor_kind, s.actor_id, s.decided_at, s.severity, s.assignee,
         s.is_regression, s.is_revoked, {}, (SELECT count(*) {places}), (SELECT count(*) {places} AND {STANDS}),
         h.id, h.expires_at, h.shared_at",
        tags(visible)
    )
}

/// The link `h` that shows the incident `i`.
pub(super) const SHARE: &str =
    "LEFT JOIN incident_share h ON h.incident = i.key AND h.valid_from <= :at AND h.valid_to > :at";

/// Reads a row of [`columns`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<IncidentRow> {
    let closed_at = row.get::<_, i64>(8)?.min(row.get(9)?);
    let closing = |kind: usize, at: i64| -> rusqlite::Result<Option<Closing>> {
        let Some(code) = row.get::<_, Option<u8>>(kind)? else { return Ok(None) };
        Ok(Some(Closing { actor: actor(code, row, kind + 1)?, at: Timestamp(at) }))
    };
    let share = match optional_id(row, 23)? {
        None => None,
        Some(share) => Some(ShareRow {
            share: ShareId(share),
            expires_at: row.get::<_, Option<i64>>(24)?.map(Timestamp),
            shared_at: Timestamp(row.get(25)?),
        }),
    };
    Ok(IncidentRow {
        id: IncidentId(id(row, 0)?),
        number: Position(row.get::<_, i64>(1)?.cast_unsigned()),
        secret: json(row, 2)?
            .ok_or_else(|| rusqlite::Error::InvalidColumnType(2, "secret".into(), Type::Null))?,
        rule: row.get(3)?,
        opened_at: Timestamp(row.get(4)?),
        triggered_at: Timestamp(row.get(5)?),
        state: TriageState::from_code(row.get(6)?).unwrap_or_default(),
        reason: row.get_ref(7)?.as_str_or_null()?.and_then(|reason| reason.parse().ok()),
        closed: if closed_at == FOREVER { None } else { closing(10, closed_at)? },
        note: row.get(12)?,
        decided: closing(13, row.get::<_, Option<i64>>(15)?.unwrap_or_default())?,
        severity: Severity::from_rank(row.get(16)?),
        assignee: optional_id(row, 17)?.map(UserId),
        is_regression: row.get(18)?,
        is_secret_revoked: row.get(19)?,
        tags: tags_of(row.get(20)?),
        occurrences: row.get::<_, i64>(21)?.cast_unsigned(),
        present: row.get::<_, i64>(22)?.cast_unsigned(),
        share,
    })
}
