//! The log, as `scanledger export events` prints it.

use crate::place::Place;
use serde::Deserialize;
use serde_json::Value;

/// An event of the log.
#[derive(Debug, Deserialize)]
pub struct Exported {
    pub position: u64,
    pub stream: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Value,
}

impl Exported {
    /// Whether somebody decided about a finding: about a secret, in the stream of its incident.
    fn is_decision(&self) -> bool {
        matches!(self.kind.as_str(), "finding.triaged" | "incident.triaged")
    }
}

/// The whole log.
pub struct Log(Vec<Exported>);

impl Log {
    /// Exports it; positions have to count up from 1 without a hole.
    pub async fn export(place: &Place) -> Self {
        let lines = place.run(&["export", "events"]).await;
        let events: Vec<Exported> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for (event, position) in events.iter().zip(1..) {
            assert_eq!(event.position, position, "positions are contiguous");
        }
        Self(events)
    }

    /// How many events there are.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Events of one type.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Exported> {
        self.0.iter().filter(move |event| event.kind == kind)
    }

    /// Decisions about findings, in whichever stream they stand.
    pub fn decisions(&self) -> impl Iterator<Item = &Exported> {
        self.0.iter().filter(|event| event.is_decision())
    }

    /// The decision at a position about a finding, which has to be there.
    #[track_caller]
    pub fn decision_at(&self, position: u64, finding: &str) -> &Exported {
        let event = self.event(position, "a decision");
        assert!(event.is_decision() && event.data["finding"] == finding, "at position {position}: {event:?}");
        event
    }

    /// The event at a position, which has to be there and of this type.
    #[track_caller]
    pub fn at(&self, position: u64, kind: &str) -> &Exported {
        let event = self.event(position, kind);
        assert_eq!(event.kind, kind, "at position {position}");
        event
    }

    #[track_caller]
    fn event(&self, position: u64, what: &str) -> &Exported {
        let event = usize::try_from(position).unwrap().checked_sub(1).and_then(|index| self.0.get(index));
        event.unwrap_or_else(|| panic!("{what} was acknowledged at {position} and is gone"))
    }
}
