//! Occurrences as answers show them (reference §4.3): places where a secret stands or stood.

use super::detector::Kinds;
use super::shape::Moment;
use super::source_shape::{SourceOut, sources_by_id};
use super::word::tag;
use crate::app::App;
use crate::problem::Problem;
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_projections::incident::{OccurrenceRow, Presence};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use utoipa::ToSchema;

/// Whether a secret still stands where it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::Presence)]
pub enum PresenceWord {
    /// It does.
    Present,
    /// It does not.
    Removed,
}

impl From<PresenceWord> for Presence {
    fn from(word: PresenceWord) -> Self {
        match word {
            PresenceWord::Present => Self::Present,
            PresenceWord::Removed => Self::Removed,
        }
    }
}

/// Whether a secret was there before anybody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::OccurrenceKind)]
pub enum KindWord {
    /// It came while somebody looked.
    Realtime,
    /// It was there.
    Historical,
}

/// A place where a secret stands or stood.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Occurrence)]
pub struct OccurrenceOut {
    id: u64,
    incident_id: u64,
    incident_name: String,
    kind: KindWord,
    presence: PresenceWord,
    date: Moment,
    /// Where people can look at it; the project, if nobody said.
    url: String,
    /// Empty: who wrote a line is not looked at.
    author_name: String,
    /// Empty.
    author_info: String,
    sha: Option<String>,
    filepath: Option<String>,
    change_type: Option<&'static str>,
    source: SourceOut,
    source_id: u64,
    matches: Vec<OccurrenceMatchOut>,
    tags: Vec<String>,
}

/// Where in the file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::OccurrenceMatch)]
pub struct OccurrenceMatchOut {
    name: &'static str,
    /// 0: lines are kept, and characters are not.
    indice_start: u64,
    /// 0.
    indice_end: u64,
    pre_line_start: Option<u32>,
    pre_line_end: Option<u32>,
    /// From 1.
    post_line_start: Option<u32>,
    post_line_end: Option<u32>,
}

/// Occurrences in their order; those in projects that there are no more are left out.
pub async fn shown(
    app: &App,
    organization: OrganizationId,
    rows: &[OccurrenceRow],
) -> Result<Vec<OccurrenceOut>, Problem> {
    let projects: HashSet<ProjectId> = rows.iter().map(|row| row.project).collect();
    let sources = sources_by_id(app, organization, projects.into_iter().collect()).await?;
    let kinds = Kinds::of(app);
    Ok(rows.iter().filter_map(|row| occurrence(&kinds, &sources, row)).collect())
}

fn occurrence(
    kinds: &Kinds,
    sources: &HashMap<ProjectId, SourceOut>,
    row: &OccurrenceRow,
) -> Option<OccurrenceOut> {
    let source = sources.get(&row.project)?.clone();
    let place = OccurrenceMatchOut {
        name: kinds.match_type(&row.rule),
        indice_start: 0,
        indice_end: 0,
        pre_line_start: None,
        pre_line_end: None,
        post_line_start: row.line,
        post_line_end: row.end_line.or(row.line),
    };
    Some(OccurrenceOut {
        id: row.number.0,
        incident_id: row.incident_number.0,
        incident_name: kinds.of_rule(&row.rule).display_name,
        kind: if row.is_historical { KindWord::Historical } else { KindWord::Realtime },
        presence: match row.presence {
            Presence::Present => PresenceWord::Present,
            Presence::Removed => PresenceWord::Removed,
        },
        date: Moment(row.seen_at),
        url: row.url.clone().unwrap_or_else(|| source.url().to_owned()),
        author_name: String::new(),
        author_info: String::new(),
        sha: row.branch.as_ref().and_then(|branch| branch.commit.clone()),
        filepath: Some(row.path.clone()),
        change_type: None,
        source_id: source.id,
        source,
        matches: vec![place],
        tags: row.tags.iter().map(|one| tag(*one)).collect(),
    })
}
