//! Whatever is asked for, in whatever groups: the log answers as a simple model of it does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use scanledger_domain::id::{CommandId, EventId};
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, NewEvent, Position, StreamName, Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_255_200_000_000)
    }
}

/// A part of a batch before its expected version is known.
#[derive(Debug, Clone)]
struct Part {
    stream: u8,
    /// How far the expected version is from the actual one.
    off_by: i64,
    command: u128,
    ordinals: std::ops::Range<u32>,
}

/// Requests that are handed over together; the log may be opened anew before them.
#[derive(Debug, Clone)]
struct Round {
    reopen: bool,
    requests: Vec<Vec<Part>>,
}

fn part() -> impl Strategy<Value = Part> {
    let off_by = prop_oneof![8 => Just(0), 1 => Just(-1), 1 => Just(1)];
    // Few streams and few ids, so that requests meet.
    (0..4_u8, off_by, 0..40_u128, 0..2_u32, 1..4_u32).prop_map(|(stream, off_by, command, from, count)| {
        Part { stream, off_by, command, ordinals: from..from + count }
    })
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let requests = prop::collection::vec(prop::collection::vec(part(), 1..3), 1..12);
    let round =
        (prop::bool::weighted(0.2), requests).prop_map(|(reopen, requests)| Round { reopen, requests });
    prop::collection::vec(round, 1..8)
}

/// An answer, in what the model can tell.
#[derive(Debug, PartialEq)]
enum Answer {
    At(u64, u64),
    Conflict(String, u64, u64),
    PartlyKnown,
    Invalid,
}

fn answer(answer: Result<Appended, AppendError>) -> Answer {
    match answer {
        Ok(appended) => Answer::At(appended.first.0, appended.last.0),
        Err(AppendError::Conflict { stream, expected, actual }) => {
            Answer::Conflict(stream.to_string(), expected.0, actual.0)
        }
        Err(AppendError::PartlyKnown) => Answer::PartlyKnown,
        Err(AppendError::Invalid(_)) => Answer::Invalid,
        Err(AppendError::Log(error)) => panic!("the store works: {error}"),
    }
}

/// The log as a list: stream, version and id at position 1, 2, 3, …
#[derive(Debug, Default)]
struct Model(Vec<(StreamName, u64, EventId)>);

impl Model {
    fn version(&self, stream: &StreamName) -> u64 {
        self.0.iter().filter(|(of, ..)| of == stream).count() as u64
    }

    fn batch(&self, parts: &[Part]) -> Vec<Append> {
        parts
            .iter()
            .map(|part| {
                let stream = StreamName::new("model", part.stream);
                let expected = Version(self.version(&stream).saturating_add_signed(part.off_by));
                let command = CommandId(Uuid::from_u128(part.command));
                let event = |ordinal| NewEvent {
                    id: command.event(ordinal),
                    kind: "model.tried",
                    schema: 1,
                    data: b"{}".to_vec(),
                    metadata: Arc::from(*b"{}"),
                };
                Append { stream, expected, events: part.ordinals.clone().map(event).collect() }
            })
            .collect()
    }

    fn append(&mut self, batch: &[Append]) -> Answer {
        let ids: Vec<EventId> = batch.iter().flat_map(|part| &part.events).map(|event| event.id).collect();
        let streams: HashSet<_> = batch.iter().map(|part| &part.stream).collect();
        if streams.len() < batch.len() || ids.iter().collect::<HashSet<_>>().len() < ids.len() {
            return Answer::Invalid;
        }
        let place = |id: &EventId| self.0.iter().position(|(.., of)| of == id).map(|index| index as u64 + 1);
        let known: Vec<u64> = ids.iter().filter_map(place).collect();
        if !known.is_empty() {
            let (first, last) = (*known.iter().min().unwrap(), *known.iter().max().unwrap());
            return if known.len() == ids.len() { Answer::At(first, last) } else { Answer::PartlyKnown };
        }
        for part in batch {
            let actual = self.version(&part.stream);
            if actual != part.expected.0 {
                return Answer::Conflict(part.stream.to_string(), part.expected.0, actual);
            }
        }
        let first = self.0.len() as u64 + 1;
        for part in batch {
            for event in &part.events {
                self.0.push((part.stream.clone(), self.version(&part.stream) + 1, event.id));
            }
        }
        Answer::At(first, self.0.len() as u64)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_log_answers_as_its_model(rounds in rounds()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let open = || SqliteLog::open(&path, Arc::new(StandingClock)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut log, mut model) = (open(), Model::default());
        for round in rounds {
            if round.reopen {
                drop(log);
                log = open();
            }
            let (mut requests, mut expected) = (Vec::new(), Vec::new());
            for parts in &round.requests {
                let batch = model.batch(parts);
                expected.push(model.append(&batch));
                requests.push(log.append(batch));
            }
            // Polled in order, so that they are handed over in order; how they are grouped is up to the writer.
            let answers = runtime.block_on(futures::future::join_all(requests));
            let answers: Vec<Answer> = answers.into_iter().map(answer).collect();
            prop_assert_eq!(answers, expected);
        }
        let recorded = runtime.block_on(log.read_all(Position::START, usize::MAX)).unwrap();
        let recorded: Vec<_> = recorded
            .into_iter()
            .enumerate()
            .map(|(index, event)| {
                assert_eq!(event.position.0, index as u64 + 1);
                (event.stream, event.version.0, event.id)
            })
            .collect();
        prop_assert_eq!(recorded, model.0);
    }
}
