//! Build gates (reference §6).

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Query};
use crate::problem::Problem;
use crate::rest::Written;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::project::GatePatch;
use scanledger_domain::id::ProjectId;
use scanledger_domain::project::{Gate, Limit};
use scanledger_projections::At;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The gate of a project. -1 means unlimited.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateOut {
    /// The project's id: a project has one gate.
    id: Uuid,
    project_id: Uuid,
    #[schema(value_type = i64, minimum = -1)]
    max_critical: Limit,
    #[schema(value_type = i64, minimum = -1)]
    max_high: Limit,
    /// Includes findings of unknown severity.
    #[schema(value_type = i64, minimum = -1)]
    max_medium: Limit,
    #[schema(value_type = i64, minimum = -1)]
    max_low: Limit,
    fail_on_new: bool,
}

impl GateOut {
    /// The gate of `project`.
    pub fn new(project: ProjectId, gate: Gate) -> Self {
        Self {
            id: project.0,
            project_id: project.0,
            max_critical: gate.max_critical,
            max_high: gate.max_high,
            max_medium: gate.max_medium,
            max_low: gate.max_low,
            fail_on_new: gate.fail_on_new,
        }
    }
}

/// Whose gate.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct GateOf {
    /// The project.
    project_id: Option<String>,
}

/// What shall be different about a gate; absent fields stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateIn {
    /// The project, unless the query names it.
    project_id: Option<String>,
    #[schema(value_type = Option<i64>, minimum = -1)]
    max_critical: Option<Limit>,
    #[schema(value_type = Option<i64>, minimum = -1)]
    max_high: Option<Limit>,
    #[schema(value_type = Option<i64>, minimum = -1)]
    max_medium: Option<Limit>,
    #[schema(value_type = Option<i64>, minimum = -1)]
    max_low: Option<Limit>,
    fail_on_new: Option<bool>,
}

impl From<&GateIn> for GatePatch {
    fn from(gate: &GateIn) -> Self {
        Self {
            max_critical: gate.max_critical,
            max_high: gate.max_high,
            max_medium: gate.max_medium,
            max_low: gate.max_low,
            fail_on_new: gate.fail_on_new,
        }
    }
}

/// The gate of a project
#[utoipa::path(
    get, path = "/api/settings/build-gates", tag = "Build gates", params(GateOf),
    responses((status = 200, body = GateOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_gate(
    State(app): State<App>,
    caller: Caller,
    Query(of): Query<GateOf>,
) -> Result<Json<GateOut>, Problem> {
    let project = project(of.project_id, None)?;
    caller.may_project(&app, project).await?;
    let row = app.views.project(caller.organization(), project, At::Now).await?;
    Ok(Json(GateOut::new(project, row.gate)))
}

/// Changes the gate of a project
#[utoipa::path(
    patch, path = "/api/settings/build-gates", tag = "Build gates", params(GateOf), request_body = GateIn,
    responses((status = 200, body = GateOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn patch_gate(
    State(app): State<App>,
    caller: Caller,
    of: Query<GateOf>,
    body: Body<GateIn>,
) -> Result<Written<GateOut>, Problem> {
    write(&app, &caller, of.0, body).await
}

/// Changes the gate of a project, as PATCH does
#[utoipa::path(
    put, path = "/api/settings/build-gates", tag = "Build gates", params(GateOf), request_body = GateIn,
    responses((status = 200, body = GateOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn put_gate(
    State(app): State<App>,
    caller: Caller,
    of: Query<GateOf>,
    body: Body<GateIn>,
) -> Result<Written<GateOut>, Problem> {
    write(&app, &caller, of.0, body).await
}

async fn write(
    app: &App,
    caller: &Caller,
    of: GateOf,
    body: Body<GateIn>,
) -> Result<Written<GateOut>, Problem> {
    let patch = GatePatch::from(&body.value);
    let project = project(of.project_id, body.value.project_id)?;
    caller.may_project(app, project).await?;
    let context = caller.command(app, body.digest).await?;
    let written = app.projects.update_gate(&context, project, patch).await?;
    let gate = GateOut::new(project, written.project.gate);
    Ok(Written::at(app, StatusCode::OK, written.position, gate).await)
}

/// The project that query or body names; both must agree.
fn project(query: Option<String>, body: Option<String>) -> Result<ProjectId, Problem> {
    let named = match (query, body) {
        (Some(query), Some(body)) if query != body => {
            return Err(Problem::invalid("projectId", "query and body name different projects"));
        }
        (Some(named), _) | (None, Some(named)) => named,
        (None, None) => return Err(Problem::invalid("projectId", "must be in the query or the body")),
    };
    named.parse().map_err(|_| Problem::missing("project"))
}

#[cfg(test)]
mod tests {
    use super::{GateIn, project};
    use crate::extract::parse_json;
    use scanledger_domain::project::Limit;

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    #[test]
    fn the_project_is_in_the_query_or_the_body() {
        let status = |query: Option<&str>, body: Option<&str>| {
            let found = project(query.map(str::to_owned), body.map(str::to_owned));
            found.map(|id| id.to_string()).map_err(|problem| problem.status().as_u16())
        };
        for (query, body) in [(Some(ID), None), (None, Some(ID)), (Some(ID), Some(ID))] {
            assert_eq!(status(query, body), Ok(ID.to_owned()));
        }
        assert_eq!(status(None, None), Err(400));
        assert_eq!(status(Some(ID), Some("other")), Err(400));
        assert_eq!(status(Some("clx123"), None), Err(404));
    }

    #[test]
    fn a_limit_is_unlimited_from_minus_one_and_never_below() {
        let of = |json: &str| parse_json::<GateIn>(json.as_bytes());
        assert_eq!(of(r#"{"maxLow":-1}"#).unwrap().max_low, Some(Limit::Unlimited));
        assert_eq!(of(r#"{"maxLow":0}"#).unwrap().max_low, Some(Limit::AtMost(0)));
        for bad in [r#"{"maxLow":-2}"#, r#"{"maxLow":1.5}"#, r#"{"maxLow":"3"}"#, r#"{"maxLow":4294967296}"#]
        {
            let problem = of(bad).unwrap_err();
            assert_eq!(
                (problem.status().as_u16(), &*problem.body().details[0].path),
                (400, "maxLow"),
                "{bad}"
            );
        }
    }
}
