//! The events of an organization, as they stand in the log.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{List, Number, Query};
use crate::problem::Problem;
use crate::request::POSITION;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::Fault;
use scanledger_domain::event::Event;
use scanledger_domain::limits::{EVENT_ANSWER_BYTES, EVENT_PAGE_ROWS};
use scanledger_domain::log::{Envelope, EventLog, LogError, Position, Recorded};
use scanledger_projections::event::EventQuery;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Events in an answer if nobody says.
const PAGE: u32 = 100;
/// Of the events that are read at once, how many may belong to somebody else, for each that is wanted.
const SPARSE: u64 = 4;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsIn {
    /// Only above this position.
    #[param(default = 0)]
    after: Option<u64>,
    /// Only these types, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "finding.triaged,scan.completed")]
    types: List<String>,
    /// Events in the answer.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<Number<EVENT_PAGE_ROWS>>,
}

/// An event.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the shape for OpenAPI; `Envelope` writes it")]
pub struct EventOut {
    position: u64,
    id: Uuid,
    stream: String,
    version: u64,
    #[schema(rename = "type")]
    kind: String,
    schema: u16,
    /// Exactly as stored.
    #[schema(value_type = Object)]
    data: (),
    /// Exactly as stored; personal data is sealed.
    #[schema(value_type = Object)]
    metadata: (),
    /// RFC 3339 with microseconds, which loses nothing.
    recorded_at: String,
}

/// The events of the organization, in order
///
/// One JSON envelope a line for `Accept: application/x-ndjson`, else an array. The header `Scanledger-Position`
/// is the last position that was looked at: the next question's `after`.
#[utoipa::path(
    get, path = "/api/events", tag = "Events", params(EventsIn),
    responses((status = 200, content(
        (Vec<EventOut> = "application/json"), (String = "application/x-ndjson")
    ), headers(("Scanledger-Position" = u64, description = "The last position that was looked at."))))
)]
pub async fn list_events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(wanted): Query<EventsIn>,
) -> Result<Response, Problem> {
    let after = after(&app, wanted.after.unwrap_or_default())?;
    check_types(&wanted.types.0)?;
    let query = EventQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        kinds: wanted.types.0,
        after,
        until: None,
        limit: wanted.limit.map_or(PAGE, |limit| limit.0),
    };
    let found = app.views.event_positions(query).await?;
    let (events, is_whole) = load(&**app.ledger.log(), &found.positions).await.map_err(Fault::from)?;
    let examined = match events.last() {
        Some(last) if !is_whole => last.position,
        Some(_) | None => found.examined,
    };
    let is_lines = wants_lines(&headers);
    let body = if is_lines { lines(&events)? } else { array(&events)? };
    let media_type = if is_lines { "application/x-ndjson" } else { "application/json" };
    let position = (POSITION, examined.to_string());
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media_type.to_owned()), position], body).into_response())
}

fn after(app: &App, after: u64) -> Result<Position, Problem> {
    let head = app.views.position().max(app.probe.head());
    if after > head.0 {
        let message = format!("position {after} is beyond the head of the log at {head}");
        return Err(Problem::invalid("after", message).with_code("BEYOND_HEAD"));
    }
    Ok(Position(after))
}

fn check_types(types: &[String]) -> Result<(), Problem> {
    let known = Event::types();
    match types.iter().find(|asked| known.iter().all(|(kind, _)| kind != asked)) {
        Some(unknown) => Err(Problem::invalid("types", format!("`{unknown}` is no type of event"))),
        None => Ok(()),
    }
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|media| {
        let media = media.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("application/x-ndjson")
    })
}

/// The events at some positions, in order, and whether all of them fit into an answer.
async fn load(log: &dyn EventLog, positions: &[Position]) -> Result<(Vec<Recorded>, bool), LogError> {
    let mut events = Vec::with_capacity(positions.len());
    let mut bytes = 0;
    let mut rest = positions;
    while let Some(first) = rest.first() {
        let last = rest[dense(rest) - 1];
        let after = Position(first.0 - 1);
        let read = usize::try_from(last.0 - after.0).unwrap_or(usize::MAX);
        for event in log.read_all(after, read).await? {
            let Some(wanted) = rest.first() else { break };
            if event.position > last {
                break;
            }
            if event.position != *wanted {
                continue;
            }
            rest = &rest[1..];
            bytes += event.data.len() + event.metadata.len();
            if bytes > EVENT_ANSWER_BYTES && !events.is_empty() {
                return Ok((events, false));
            }
            events.push(event);
        }
        // What the log does not have is not asked for again.
        let skipped = rest.iter().take_while(|position| **position <= last).count();
        rest = &rest[skipped..];
    }
    Ok((events, true))
}

/// How many of the first positions lie close enough together to be read at once.
fn dense(positions: &[Position]) -> usize {
    let Some(first) = positions.first() else { return 0 };
    let is_close = |(index, position): (usize, &Position)| position.0 - first.0 <= index as u64 * SPARSE;
    positions.iter().enumerate().take_while(|entry| is_close(*entry)).count()
}

fn lines(events: &[Recorded]) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    for event in events {
        write(&mut body, event)?;
        body.push(b'\n');
    }
    Ok(body)
}

fn array(events: &[Recorded]) -> Result<Vec<u8>, Problem> {
    let mut body = vec![b'['];
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        write(&mut body, event)?;
    }
    body.push(b']');
    Ok(body)
}

fn write(body: &mut Vec<u8>, event: &Recorded) -> Result<(), Problem> {
    Envelope::write(event, body).map_err(|error| Problem::fault(&error))
}

#[cfg(test)]
mod tests {
    use super::{dense, wants_lines};
    use axum::http::{HeaderMap, HeaderValue, header};
    use scanledger_domain::log::Position;

    #[test]
    fn events_far_apart_are_read_apart() {
        let of = |positions: &[u64]| dense(&positions.iter().copied().map(Position).collect::<Vec<_>>());
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[7]), 1);
        assert_eq!(of(&[7, 8, 9, 10]), 4);
        assert_eq!(of(&[7, 11, 15]), 3);
        assert_eq!(of(&[7, 12]), 1);
        assert_eq!(of(&[7, 8, 1_000_000]), 2);
    }

    #[test]
    fn lines_are_for_those_who_ask_for_them() {
        let of =
            |value| wants_lines(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]));
        assert!(of("application/x-ndjson"));
        assert!(of("text/html, application/x-ndjson;q=0.9"));
        assert!(!of("application/json"));
        assert!(!of("*/*"));
        assert!(!wants_lines(&HeaderMap::new()));
    }
}
