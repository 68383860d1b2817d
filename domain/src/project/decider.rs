//! What can happen to a project.

use super::Gate;
use crate::address::{holds_credentials, without_credentials};
use crate::decider::Decider;
use crate::id::{OrganizationId, ProjectId, TeamId};
use crate::limits::{DESCRIPTION_CHARS, NAME_CHARS, REF_CHARS, URL_CHARS};
use crate::log::StreamName;
use crate::stored_events;
use serde::{Deserialize, Serialize};

/// The default branch of a project when nobody says another, or it is made for a scan of something else than a branch
/// (Pepper reference §7).
pub const DEFAULT_BRANCH: &str = "main";

/// What people write about a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectDetails {
    /// Shown everywhere; unique in its organization whatever the case.
    #[serde(rename = "name")]
    pub name: String,
    /// What it is.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Where its source is, in a git or a Subversion repository; none for projects that are uploaded.
    #[serde(rename = "repoUrl", skip_serializing_if = "Option::is_none", default)]
    pub repo_url: Option<String>,
    /// The branch that scans without a branch are about.
    #[serde(rename = "defaultBranch")]
    pub default_branch: String,
    /// The running application to test, for DAST.
    #[serde(rename = "dastTargetUrl", skip_serializing_if = "Option::is_none", default)]
    pub dast_target_url: Option<String>,
}

impl ProjectDetails {
    /// The same without credentials in its addresses, nor in a name that is one, as clients call projects. Events from
    /// before they were refused may have some.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        let plain = |url: &Option<String>| url.as_deref().map(|url| without_credentials(url).into_owned());
        Self {
            name: without_credentials(&self.name).into_owned(),
            repo_url: plain(&self.repo_url),
            dast_target_url: plain(&self.dast_target_url),
            ..self.clone()
        }
    }
}

/// `project.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Its id.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The team that owns it, if any.
    #[serde(rename = "team", skip_serializing_if = "Option::is_none", default)]
    pub team: Option<TeamId>,
    /// What people wrote.
    #[serde(rename = "details")]
    pub details: ProjectDetails,
    /// Its first gate.
    #[serde(rename = "gate")]
    pub gate: Gate,
}

/// `project.updated`: all details, as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updated {
    /// The project.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// What people wrote.
    #[serde(rename = "details")]
    pub details: ProjectDetails,
}

/// `project.gate_updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateUpdated {
    /// The project.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// The gate from now on.
    #[serde(rename = "gate")]
    pub gate: Gate,
}

/// `project.deleted`: hidden everywhere from now on, at every instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The project.
    #[serde(rename = "project")]
    pub project: ProjectId,
}

stored_events! {
    /// What happened to a project.
    pub enum ProjectEvent {
        /// It was created.
        Created(Created) = ("project.created", 1),
        /// Its details changed.
        Updated(Updated) = ("project.updated", 1),
        /// Its gate changed.
        GateUpdated(GateUpdated) = ("project.gate_updated", 1),
        /// It was deleted.
        Deleted(Deleted) = ("project.deleted", 1),
    }
}

/// What can be asked of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectCommand {
    /// Make it.
    Create(Created),
    /// Write something else about it.
    Update(ProjectDetails),
    /// Give it another gate.
    UpdateGate(Gate),
    /// Hide it.
    Delete {
        /// How many scans of it have not ended.
        active_scans: u64,
    },
}

/// Where a project stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectState {
    /// There is none.
    Missing,
    /// It is there.
    Live(Created),
    /// It was deleted.
    Deleted,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectRefusal {
    /// There is none, or it was deleted.
    #[error("the project does not exist")]
    NotFound,
    /// There is one already.
    #[error("the project exists already")]
    Exists,
    /// A text is empty, too long or has control characters.
    #[error("{field} {problem}")]
    BadText {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An address has a password or a token in it, which everybody would see who sees the project.
    #[error("{field} must not hold credentials")]
    HoldsCredentials {
        /// Which.
        field: &'static str,
    },
    /// Scans of it have not ended.
    #[error("the project has scans that have not ended")]
    ActiveScans,
}

/// The rules of projects.
#[derive(Debug)]
pub struct Project;

/// The stream of a project.
pub fn project_stream(id: ProjectId) -> StreamName {
    StreamName::new("project", id)
}

/// A project name made of an archive's file name: without folders, endings and what names may not have.
pub fn default_project_name(archive: &str) -> String {
    let file = archive.rsplit(['/', '\\']).next().unwrap_or_default();
    let lower = file.to_ascii_lowercase();
    let ending =
        [".tar.gz", ".tgz", ".tar", ".zip"].into_iter().find(|ending| lower.ends_with(ending)).unwrap_or("");
    let stem = &file[..file.len() - ending.len()];
    let name: String = stem.chars().filter(|c| !c.is_control()).take(NAME_CHARS - 8).collect();
    let name = name.trim();
    if name.is_empty() { "upload".to_owned() } else { name.to_owned() }
}

fn text(field: &'static str, text: &str, max: usize, may_be_empty: bool) -> Result<(), ProjectRefusal> {
    let bad = |problem| Err(ProjectRefusal::BadText { field, problem });
    if !may_be_empty && text.trim().is_empty() {
        return bad("must not be empty");
    }
    if text.chars().count() > max {
        return bad("is too long");
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return bad("has control characters");
    }
    Ok(())
}

fn line(field: &'static str, line: &str, max: usize) -> Result<(), ProjectRefusal> {
    text(field, line, max, false)?;
    if line.contains(['\n', '\r', '\t']) {
        return Err(ProjectRefusal::BadText { field, problem: "must be one line" });
    }
    Ok(())
}

/// An address with a host, one of these schemes and no credentials; `problem` is what is said of another scheme.
fn url(
    field: &'static str,
    url: &str,
    schemes: &[&str],
    problem: &'static str,
) -> Result<(), ProjectRefusal> {
    text(field, url, URL_CHARS, false)?;
    let host = url.split_once("://").filter(|(scheme, _)| schemes.contains(scheme)).map(|(_, rest)| rest);
    if host.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || rest.contains(char::is_whitespace))
    {
        return Err(ProjectRefusal::BadText { field, problem });
    }
    if holds_credentials(url) {
        return Err(ProjectRefusal::HoldsCredentials { field });
    }
    Ok(())
}

fn check(details: &ProjectDetails) -> Result<(), ProjectRefusal> {
    line("name", &details.name, NAME_CHARS)?;
    if let Some(description) = &details.description {
        text("description", description, DESCRIPTION_CHARS, true)?;
    }
    if let Some(repository) = &details.repo_url {
        let schemes = ["https", "http", "svn", "svn+ssh"];
        url("repoUrl", repository, &schemes, "must be an http, https, svn or svn+ssh URL")?;
    }
    line("defaultBranch", &details.default_branch, REF_CHARS)?;
    if let Some(target) = &details.dast_target_url {
        url("dastTargetUrl", target, &["https", "http"], "must be an http or https URL")?;
    }
    Ok(())
}

impl Decider for Project {
    type State = ProjectState;
    type Command = ProjectCommand;
    type Event = ProjectEvent;
    type Refusal = ProjectRefusal;

    fn initial() -> ProjectState {
        ProjectState::Missing
    }

    fn evolve(state: ProjectState, event: &ProjectEvent) -> ProjectState {
        match (state, event) {
            (_, ProjectEvent::Created(created)) => {
                let details = created.details.without_credentials();
                ProjectState::Live(Created { details, ..created.clone() })
            }
            (ProjectState::Live(project), ProjectEvent::Updated(updated)) => {
                ProjectState::Live(Created { details: updated.details.without_credentials(), ..project })
            }
            (ProjectState::Live(project), ProjectEvent::GateUpdated(updated)) => {
                ProjectState::Live(Created { gate: updated.gate, ..project })
            }
            (_, ProjectEvent::Deleted(_)) => ProjectState::Deleted,
            (state, ProjectEvent::Updated(_) | ProjectEvent::GateUpdated(_)) => state,
        }
    }

    fn decide(state: &ProjectState, command: ProjectCommand) -> Result<Vec<ProjectEvent>, ProjectRefusal> {
        let project = match (state, command) {
            (ProjectState::Missing, ProjectCommand::Create(created)) => {
                check(&created.details)?;
                return Ok(vec![created.into()]);
            }
            (ProjectState::Live(_) | ProjectState::Deleted, ProjectCommand::Create(_)) => {
                return Err(ProjectRefusal::Exists);
            }
            (ProjectState::Missing | ProjectState::Deleted, _) => return Err(ProjectRefusal::NotFound),
            (ProjectState::Live(project), command) => (project, command),
        };
        match project {
            (project, ProjectCommand::Update(details)) => {
                check(&details)?;
                Ok(if details == project.details {
                    vec![]
                } else {
                    vec![Updated { project: project.project, details }.into()]
                })
            }
            (project, ProjectCommand::UpdateGate(gate)) => Ok(if gate == project.gate {
                vec![]
            } else {
                vec![GateUpdated { project: project.project, gate }.into()]
            }),
            (project, ProjectCommand::Delete { active_scans: 0 }) => {
                Ok(vec![Deleted { project: project.project }.into()])
            }
            (_, ProjectCommand::Delete { .. }) => Err(ProjectRefusal::ActiveScans),
            (_, ProjectCommand::Create(_)) => Err(ProjectRefusal::Exists),
        }
    }
}

#[cfg(test)]
#[path = "decider_tests.rs"]
mod tests;
