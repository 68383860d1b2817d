//! How an event comes to a new schema: an aggregate that did, in the two releases that it takes.
//!
//! Until schema 2 only people could raise a ticket. The first release reads both schemas and writes schema 1, so that
//! nodes of the release before, which run beside it, can read all there is; the second one writes schema 2.

use scanledger_domain::decider::{Decider, DecodeError, StoredEvent, fold};
use scanledger_domain::id::EventId;
use scanledger_domain::log::{Position, Recorded, StreamName, Version};
use scanledger_domain::stored_events;
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const RAISED_1: &[u8] = include_bytes!("golden/ticket.raised.1.json");
const RAISED_2: &[u8] = include_bytes!("golden/ticket.raised.2.json");
const CLOSED_1: &[u8] = include_bytes!("golden/ticket.closed.1.json");

/// `ticket.raised` in schema 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RaisedV1 {
    #[serde(rename = "title")]
    title: String,
    #[serde(rename = "reporter")]
    reporter: String,
}

/// `ticket.raised` in schema 2.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RaisedV2 {
    #[serde(rename = "title")]
    title: String,
    #[serde(rename = "by")]
    by: Raiser,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub(crate) enum Raiser {
    #[serde(rename = "person")]
    Person {
        #[serde(rename = "name")]
        name: String,
    },
    #[serde(rename = "scan")]
    Scan,
}

/// `ticket.closed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Closed {
    #[serde(rename = "reason")]
    reason: String,
}

impl From<RaisedV1> for RaisedV2 {
    fn from(RaisedV1 { title, reporter }: RaisedV1) -> Self {
        Self { title, by: Raiser::Person { name: reporter } }
    }
}

impl From<RaisedV2> for RaisedV1 {
    fn from(RaisedV2 { title, by }: RaisedV2) -> Self {
        let reporter = match by {
            Raiser::Person { name } => name,
            // The only word that the first release has for it.
            Raiser::Scan => "a scan".to_owned(),
        };
        Self { title, reporter }
    }
}

mod first_release {
    use super::{Closed, RaisedV1, RaisedV2, stored_events};

    stored_events! {
        pub enum Ticket {
            Raised(RaisedV1) = ("ticket.raised", 1) from (2 => RaisedV2),
            Closed(Closed) = ("ticket.closed", 1),
        }
    }
}

mod second_release {
    use super::{Closed, RaisedV1, RaisedV2, stored_events};

    stored_events! {
        pub enum Ticket {
            Raised(RaisedV2) = ("ticket.raised", 2) from (1 => RaisedV1),
            Closed(Closed) = ("ticket.closed", 1),
        }
    }
}

use second_release::Ticket;

/// Who raised a ticket that is open.
#[derive(Debug)]
struct Tickets;

#[derive(Debug, Clone)]
enum Never {}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
enum Refusal {}

impl Decider for Tickets {
    type State = Option<Raiser>;
    type Command = Never;
    type Event = Ticket;
    type Refusal = Refusal;

    fn initial() -> Self::State {
        None
    }

    fn evolve(_: Self::State, event: &Ticket) -> Self::State {
        match event {
            Ticket::Raised(raised) => Some(raised.by.clone()),
            Ticket::Closed(_) => None,
        }
    }

    fn decide(_: &Self::State, command: Never) -> Result<Vec<Ticket>, Refusal> {
        match command {}
    }
}

fn by_a_person() -> RaisedV2 {
    RaisedV2 { title: "A leak".to_owned(), by: Raiser::Person { name: "ana".to_owned() } }
}

fn recorded(position: u64, kind: &'static str, schema: u16, data: &[u8]) -> Recorded {
    Recorded {
        position: Position(position),
        id: EventId(Uuid::from_u128(position.into())),
        stream: StreamName::stored("ticket-1"),
        version: Version(position),
        kind: kind.into(),
        schema,
        data: data.to_vec(),
        metadata: b"{}".to_vec(),
        recorded_at: Timestamp(0),
    }
}

#[test]
fn every_schema_of_every_type_is_read_as_the_event_of_today() {
    for (kind, schema, stored, today) in [
        ("ticket.raised", 1, RAISED_1, Ticket::Raised(by_a_person())),
        ("ticket.raised", 2, RAISED_2, Ticket::Raised(by_a_person())),
        ("ticket.closed", 1, CLOSED_1, Ticket::Closed(Closed { reason: "mended".to_owned() })),
    ] {
        assert!(Ticket::TYPES.contains(&(kind, schema)));
        assert_eq!(Ticket::decode(kind, schema, stored).unwrap(), today, "{kind} {schema}");
    }
    assert_eq!(Ticket::TYPES.len(), 3);
}

#[test]
fn a_stream_of_both_schemas_folds_into_one_state() {
    let by_a_scan = Ticket::from(RaisedV2 { title: "Another".to_owned(), by: Raiser::Scan });
    let history = [
        recorded(1, "ticket.raised", 1, RAISED_1),
        recorded(2, "ticket.closed", 1, CLOSED_1),
        recorded(3, by_a_scan.kind(), by_a_scan.schema(), &by_a_scan.encode()),
    ];
    let state = |until: usize| fold::<Tickets>(None, &history[..until]).unwrap();
    assert_eq!([state(1), state(2), state(3)], [Some(by_a_person().by), None, Some(Raiser::Scan)]);
}

#[test]
fn what_one_release_writes_the_other_one_reads() {
    let first = first_release::Ticket::from(RaisedV1::from(by_a_person()));
    let second = Ticket::from(by_a_person());
    assert_eq!((first.schema(), second.schema()), (1, 2));
    assert_eq!(
        [first.encode(), second.encode()],
        [RAISED_1, RAISED_2].map(|golden| golden.trim_ascii().to_vec())
    );
    assert_eq!(Ticket::decode(first.kind(), first.schema(), &first.encode()).unwrap(), second);
    assert_eq!(
        first_release::Ticket::decode(second.kind(), second.schema(), &second.encode()).unwrap(),
        first
    );
}

#[test]
fn a_schema_is_read_as_what_it_says_and_no_other() {
    for (schema, stored) in [(1, RAISED_2), (2, RAISED_1)] {
        let refused = Ticket::decode("ticket.raised", schema, stored);
        assert!(matches!(refused, Err(DecodeError::Data { .. })), "{schema}: {refused:?}");
    }
    for (kind, schema) in [("ticket.raised", 3), ("ticket.closed", 2), ("ticket.raised", 0)] {
        let refused = Ticket::decode(kind, schema, b"{}");
        assert!(matches!(refused, Err(DecodeError::Unknown { .. })), "{kind} {schema}: {refused:?}");
    }
}
