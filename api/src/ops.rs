//! How the server is doing, for people and for whatever keeps it running.

use crate::app::{App, BusHealth};
use crate::problem::Problem;
use crate::rest::Instant;
use crate::routes::{Access, Routes};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_domain::limits::AUTHENTICATION_LAG;
use scanledger_domain::log::Position;
use scanledger_projections::Health;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// The version of this server.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Events that the read model may be behind, once it has caught up, before a server takes no requests: at 50,000 a
/// second, 0.2 s.
const READY_LAG: u64 = 10_000;
/// What stands where `ready` would.
const NOT_READY: &str = "not ready";
/// As TRUSCA's clients know it.
const NOT_READY_TYPE: &str = "urn:trustedoss:problem:schema-not-ready";
/// As TRUSCA's clients know it.
const NOT_READY_TITLE: &str = "Service Not Ready";

/// Routes that need no key.
pub fn routes() -> Routes {
    Routes::default()
        .add(Access::Open, routes!(health))
        .add(Access::Open, routes!(pepper_health))
        .add(Access::Open, routes!(ready))
        .add(Access::Open, routes!(metrics))
}

/// That the server answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthOut {
    /// `ok`, or `healthy` where Pepper's clients look.
    status: &'static str,
    timestamp: Instant,
    version: &'static str,
    /// Whether it only answers: a mode that TRUSCA's portal asks for, and that there is none of here.
    demo_read_only: bool,
    /// Whether scans of the demo are pretended: there are none of these either.
    demo_sandbox_scans: bool,
    /// Answers of an outside advisory service that are kept, for dpendx's clients: none, because advisories are here.
    cache_size: u64,
    /// Since this server started.
    uptime_seconds: u64,
    /// Whether the read models follow the log: `connected` or `disconnected`.
    database: &'static str,
}

impl HealthOut {
    fn new(app: &App, status: &'static str) -> Self {
        let timestamp = Instant(app.clock.now());
        let uptime = (app.clock.now().0 - app.started_at.0) / 1_000_000;
        let is_connected = app.probe.projector().stopped.is_none();
        Self {
            status,
            timestamp,
            version: VERSION,
            demo_read_only: false,
            demo_sandbox_scans: false,
            cache_size: 0,
            uptime_seconds: uptime.max(0).cast_unsigned(),
            database: if is_connected { "connected" } else { "disconnected" },
        }
    }
}

/// Whether the server can take requests; with the members of RFC 9457 that TRUSCA's clients look for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadyOut {
    status: &'static str,
    /// `urn:trustedoss:problem:schema-not-ready` while it cannot.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// `Service Not Ready` while it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    /// Whether it can.
    ready: bool,
    /// What is wrong, if it is not ready.
    reasons: Vec<String>,
    /// The last event in the read model.
    position: u64,
    /// The last event in the log.
    head: u64,
    /// Events between the two.
    lag: u64,
    /// Events that could not be applied and were put aside; everything else is there.
    parked: u64,
    /// Branches that are not what the log says is on them, until the read models are built anew.
    broken_branches: u64,
    /// The position that a rebuild of the read model beside this one has reached, if there is one; it ends at `head`.
    rebuilding: Option<u64>,
    /// Why no checkpoint is signed any more, if the log contradicts what was; the server answers all the same.
    refusal: Option<String>,
    /// How publishing to the bus is doing, if there is one; the server answers all the same.
    bus: Option<BusOut>,
}

/// How publishing to the bus is doing on this node.
#[derive(Debug, Serialize, ToSchema)]
pub struct BusOut {
    /// Whether there is a connection.
    connected: bool,
    /// Events of the log that the bus has not yet; null on a node that publishes none.
    lag: Option<u64>,
    /// Why publishing events does not go on, if it does not.
    failure: Option<String>,
    /// Why signed checkpoints are not published, if they are not.
    checkpoint_failure: Option<String>,
}

impl From<BusHealth> for BusOut {
    fn from(health: BusHealth) -> Self {
        let BusHealth { is_connected, lag, failure, checkpoint_failure } = health;
        Self { connected: is_connected, lag, failure, checkpoint_failure }
    }
}

impl ReadyOut {
    /// Not ready if there is a further reason.
    fn unless(mut self, why: Option<String>) -> Self {
        let Some(why) = why else { return self };
        self.reasons.push(why);
        Self {
            status: NOT_READY,
            kind: Some(NOT_READY_TYPE),
            title: Some(NOT_READY_TITLE),
            ready: false,
            ..self
        }
    }
}

/// Whether the server answers at all
#[utoipa::path(get, path = "/health", tag = "Operations", responses((status = 200, body = HealthOut)))]
pub async fn health(State(app): State<App>) -> Json<HealthOut> {
    Json(HealthOut::new(&app, "ok"))
}

/// Whether the server answers, as Pepper's clients ask
#[utoipa::path(
    get, path = "/api/health", tag = "Operations",
    responses((status = 200, body = HealthOut), (status = 503, body = crate::problem::ProblemBody))
)]
pub async fn pepper_health(State(app): State<App>) -> Result<Json<HealthOut>, Problem> {
    if app.probe.projector().stopped.is_some() {
        return Err(Problem::unavailable("the read model has stopped; the server's log says why"));
    }
    Ok(Json(HealthOut::new(&app, "healthy")))
}

/// Whether the server can take requests: its read model is caught up, and it has the key for what is personal
#[utoipa::path(
    get, path = "/health/ready", tag = "Operations",
    responses((status = 200, body = ReadyOut), (status = 503, body = ReadyOut))
)]
pub async fn ready(State(app): State<App>) -> Response {
    let ready = ReadyOut {
        refusal: app.probe.refusal(),
        bus: app.probe.bus().map(BusOut::from),
        ..readiness(app.probe.goal(), app.probe.head(), app.probe.projector())
    }
    .unless(app.probe.keys())
    .unless(silence(app.probe.head_age()));
    let status = if ready.reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

/// Why a node that has not heard of the log for `age` lets nobody in.
fn silence(age: Duration) -> Option<String> {
    match age {
        Duration::MAX => Some("the log has not been heard of yet".to_owned()),
        age if age > AUTHENTICATION_LAG => Some(format!("the log was last heard of {} s ago", age.as_secs())),
        _ => None,
    }
}

/// With a `goal`, nothing else counts: it is where the log ended at the start.
fn readiness(goal: Option<Position>, head: Position, projector: Health) -> ReadyOut {
    let lag = head.0.saturating_sub(projector.position.0);
    let mut reasons = Vec::new();
    if let Some(Position(goal)) = goal {
        let reached = projector.position.0;
        reasons.push(format!(
            "the read model is at {reached}, and has yet to reach {goal}, where the log ended when this server started"
        ));
    } else if lag > READY_LAG {
        reasons.push(format!("the read model is {lag} events behind the log"));
    }
    if let Some(why) = projector.stopped {
        reasons.push(format!("the read model has stopped: {why}"));
    }
    let ready = reasons.is_empty();
    ReadyOut {
        status: if ready { "ready" } else { NOT_READY },
        kind: (!ready).then_some(NOT_READY_TYPE),
        title: (!ready).then_some(NOT_READY_TITLE),
        ready,
        reasons,
        position: projector.position.0,
        head: head.0,
        lag,
        parked: projector.parked,
        broken_branches: projector.broken_branches,
        rebuilding: projector.rebuilding.map(|position| position.0),
        refusal: None,
        bus: None,
    }
}

/// Metrics in Prometheus' text format
#[utoipa::path(
    get, path = "/metrics", tag = "Operations",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub async fn metrics(State(app): State<App>) -> Response {
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], app.probe.metrics()).into_response()
}

#[cfg(test)]
mod tests {
    use super::{
        AUTHENTICATION_LAG, Duration, NOT_READY_TITLE, NOT_READY_TYPE, READY_LAG, ReadyOut, readiness,
        silence,
    };
    use scanledger_domain::log::Position;
    use scanledger_projections::Health;

    fn at(position: u64) -> Health {
        Health { position: Position(position), ..Health::default() }
    }

    /// Of a server that has all that was there when it started.
    fn of_new_log(head: Position, projector: Health) -> ReadyOut {
        readiness(None, head, projector)
    }

    #[test]
    fn a_server_is_ready_while_its_read_model_is_close_to_the_head() {
        assert_eq!(of_new_log(Position(READY_LAG), at(0)).status, "ready");
        assert_eq!(of_new_log(Position(READY_LAG + 1), at(0)).status, "not ready");
        assert_eq!(of_new_log(Position(5), at(9)).lag, 0);
    }

    #[test]
    fn a_server_is_not_ready_until_it_has_what_was_there_at_its_start_however_little_that_is() {
        let ready = readiness(Some(Position(2)), Position(2), at(1));
        let expected =
            "the read model is at 1, and has yet to reach 2, where the log ended when this server started";
        assert_eq!((ready.ready, ready.reasons), (false, vec![expected.to_owned()]));
        assert!(readiness(None, Position(2), at(1)).ready);
    }

    #[test]
    fn a_server_that_has_not_heard_of_the_log_for_as_long_as_it_lets_nobody_in_is_not_ready() {
        assert_eq!(silence(AUTHENTICATION_LAG), None);
        let why = silence(AUTHENTICATION_LAG + Duration::from_millis(1));
        assert_eq!(why.as_deref(), Some("the log was last heard of 10 s ago"));
        assert_eq!(silence(Duration::MAX).as_deref(), Some("the log has not been heard of yet"));
    }

    #[test]
    fn a_server_whose_read_model_has_stopped_is_not_ready_and_says_why() {
        let stopped = Health { stopped: Some("an event of a newer version".to_owned()), ..at(7) };
        let ready = of_new_log(Position(7), stopped);
        assert_eq!(ready.reasons, ["the read model has stopped: an event of a newer version"]);
    }

    #[test]
    fn a_server_without_the_present_key_is_not_ready_however_well_its_read_model_is() {
        let ready = of_new_log(Position(7), at(7));
        assert!(ready.ready);
        let ready = ready.unless(Some("the key is another one".to_owned()));
        assert_eq!((ready.status, ready.ready), ("not ready", false));
        assert_eq!(ready.reasons, ["the key is another one"]);
        assert_eq!((ready.kind, ready.title), (Some(NOT_READY_TYPE), Some(NOT_READY_TITLE)));
        let behind = of_new_log(Position(READY_LAG + 1), at(0)).unless(Some("another".to_owned()));
        assert_eq!(behind.reasons.len(), 2);
        assert!(of_new_log(Position(7), at(7)).unless(None).ready);
    }

    #[test]
    fn events_that_were_put_aside_are_shown_and_do_not_end_readiness() {
        let ready = of_new_log(Position(7), Health { parked: 2, ..at(7) });
        assert_eq!((ready.status, ready.parked), ("ready", 2));
    }

    #[test]
    fn branches_that_are_not_what_the_log_says_are_shown_and_do_not_end_readiness() {
        let ready = of_new_log(Position(7), Health { broken_branches: 3, ..at(7) });
        assert_eq!((ready.status, ready.broken_branches), ("ready", 3));
    }
}
