//! Deciding and appending: repeated commands, lost races, long streams, large results.

use crate::support::World;
use parking_lot::Mutex;
use scanledger_commands::{CommandError, Context, Fault, Ledger};
use scanledger_domain::BoxFuture;
use scanledger_domain::finding::{
    FindingEvent, Fingerprint, Triage, TriageCommand, TriageRefusal, TriageState, Triaged, finding_stream,
};
use scanledger_domain::id::{CommandId, EventId, FindingId, ProjectId};
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS, NOTE_CHARS};
use scanledger_domain::log::{
    Actor, Append, AppendError, Appended, EventLog, LogError, NewEvent, Position, Recorded, StreamName,
    Subscription, Version,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

const FINDING: FindingId = FindingId(Uuid::from_u128(0xf1));

fn command(n: u128) -> Context {
    Context::new(CommandId(Uuid::from_u128(n)), Actor::Operator, None)
}

fn triage(to: TriageState, note: &str) -> TriageCommand {
    TriageCommand {
        finding: FINDING,
        project: ProjectId(Uuid::from_u128(0xb1)),
        fingerprint: Fingerprint([7; 16]),
        to,
        note: Some(note.to_owned()),
    }
}

fn noted(note: &str) -> FindingEvent {
    Triaged {
        finding: FINDING,
        project: ProjectId(Uuid::from_u128(0xb1)),
        fingerprint: None,
        from: TriageState::Fixed,
        to: TriageState::Fixed,
        note: Some(note.to_owned()),
    }
    .into()
}

/// As [`command`], with an id as [`scanledger_domain::id::Ids::fresh`] makes them.
fn fresh(n: u128) -> Context {
    let id = Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0000 + n);
    Context::new(CommandId(id), Actor::Operator, None)
}

/// The real log, with an ear for batches and look-ups and a rival who is faster a number of times.
struct Watched {
    log: Arc<dyn EventLog>,
    batches: Mutex<Vec<(usize, usize)>>,
    rivals: AtomicU32,
    looked_up: AtomicU32,
}

impl Watched {
    fn new(world: &World, rivals: u32) -> Arc<Self> {
        Arc::new(Self {
            log: Arc::clone(&world.log),
            batches: Mutex::default(),
            rivals: AtomicU32::new(rivals),
            looked_up: AtomicU32::new(0),
        })
    }
}

impl EventLog for Watched {
    fn identity(&self) -> Uuid {
        self.log.identity()
    }

    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            let left = self.rivals.load(Ordering::Relaxed);
            if left > 0 {
                self.rivals.store(left - 1, Ordering::Relaxed);
                let event = noted(&format!("rival {left}"));
                let id = CommandId(Uuid::from_u128(u128::MAX - u128::from(left)));
                let metadata = command(1).metadata();
                let events = vec![NewEvent {
                    id: id.event(0),
                    kind: "finding.triaged",
                    schema: 1,
                    data: scanledger_domain::decider::StoredEvent::encode(&event),
                    metadata,
                }];
                let (stream, expected) = (batch[0].stream.clone(), batch[0].expected);
                self.log.append(vec![Append { stream, expected, events }]).await.unwrap();
            }
            let events = batch.iter().flat_map(|append| &append.events);
            let (count, bytes) = events.fold((0, 0), |(n, bytes), event| (n + 1, bytes + event.size()));
            let appended = self.log.append(batch).await;
            if appended.is_ok() {
                self.batches.lock().push((count, bytes));
            }
            appended
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        self.log.read_stream(stream, after, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        self.log.read_all(after, limit)
    }

    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        self.looked_up.fetch_add(1, Ordering::Relaxed);
        self.log.find(id)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        self.log.head()
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        self.log.subscribe(after)
    }
}

#[tokio::test]
async fn a_repeated_command_answers_what_happened_then_and_is_not_decided_again() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    let first = world
        .ledger
        .execute::<Triage>(&command(1), &stream, None, triage(TriageState::Fixed, "one"))
        .await
        .unwrap();
    world
        .ledger
        .execute::<Triage>(&command(2), &stream, None, triage(TriageState::Accepted, "two"))
        .await
        .unwrap();
    let again = world
        .ledger
        .execute::<Triage>(&command(1), &stream, None, triage(TriageState::Confirmed, "three"))
        .await
        .unwrap();
    assert!(again.is_repeat && !first.is_repeat);
    assert_eq!((again.position, again.recorded_at), (first.position, first.recorded_at));
    assert_eq!(again.events, first.events);
    assert_eq!((again.state.state, again.version), (TriageState::Accepted, Version(2)));
    assert_eq!(world.log.head().await.unwrap(), Position(2));
}

#[tokio::test]
async fn what_is_so_already_is_no_event_and_has_no_position() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    for n in [1, 2] {
        let done = world
            .ledger
            .execute::<Triage>(&command(n), &stream, None, triage(TriageState::Fixed, "x"))
            .await
            .unwrap();
        assert_eq!(done.position, (n == 1).then_some(Position(1)));
    }
}

#[tokio::test]
async fn a_refusal_writes_nothing() {
    let world = World::new();
    let long = "x".repeat(NOTE_CHARS + 1);
    let refused = world
        .ledger
        .execute::<Triage>(&command(1), &finding_stream(FINDING), None, triage(TriageState::Fixed, &long))
        .await;
    assert!(matches!(refused, Err(CommandError::Refused(TriageRefusal::NoteTooLong))));
    assert_eq!(world.log.head().await.unwrap(), Position::START);
}

#[tokio::test]
async fn a_lost_race_is_decided_again_on_what_the_winner_left() {
    let world = World::new();
    let ledger = Ledger::new(Watched::new(&world, 3));
    let done = ledger
        .execute::<Triage>(&command(1), &finding_stream(FINDING), None, triage(TriageState::Accepted, "mine"))
        .await
        .unwrap();
    let FindingEvent::Triaged(triaged) = &done.events[0] else { panic!("{:?}", done.events) };
    assert_eq!((triaged.from, done.version), (TriageState::Fixed, Version(4)));
}

#[tokio::test]
async fn only_a_command_that_the_log_may_know_is_looked_up() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    let watched = Watched::new(&world, 0);
    let ledger = Ledger::new(Arc::clone(&watched) as Arc<dyn EventLog>);
    let states = [TriageState::Accepted, TriageState::Fixed, TriageState::Confirmed];
    for ((context, looked_up), to) in [(fresh(1), 0), (command(1), 1), (fresh(2), 1)].iter().zip(states) {
        ledger.execute::<Triage>(context, &stream, None, triage(to, "x")).await.unwrap();
        assert_eq!(watched.looked_up.load(Ordering::Relaxed), *looked_up);
    }
    watched.rivals.store(1, Ordering::Relaxed);
    ledger.execute::<Triage>(&fresh(3), &stream, None, triage(states[0], "y")).await.unwrap();
    assert_eq!(
        watched.looked_up.load(Ordering::Relaxed),
        2,
        "after a lost race, which may have been its own"
    );
}

#[tokio::test]
async fn a_fresh_command_that_is_given_twice_is_written_once() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    for (to, is_repeat) in [(TriageState::Accepted, false), (TriageState::Fixed, true)] {
        let done = world.ledger.execute::<Triage>(&fresh(1), &stream, None, triage(to, "x")).await.unwrap();
        assert_eq!((done.position, done.is_repeat), (Some(Position(1)), is_repeat));
        assert_eq!((done.state.state, done.version), (TriageState::Accepted, Version(1)));
    }
    assert_eq!(world.log.head().await.unwrap(), Position(1));
}

#[tokio::test]
async fn a_race_that_is_lost_again_and_again_is_given_up() {
    let world = World::new();
    let ledger = Ledger::new(Watched::new(&world, u32::MAX));
    let stream = finding_stream(FINDING);
    let given_up =
        ledger.execute::<Triage>(&command(1), &stream, None, triage(TriageState::Accepted, "mine")).await;
    assert!(matches!(given_up, Err(CommandError::Contended)));
    assert_eq!(ledger.find(command(1).command).await.unwrap(), None);
}

#[tokio::test]
async fn who_decided_on_a_version_is_told_when_it_is_no_longer_the_present_one() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    let seen = |n: u128, seen| {
        let (ledger, stream) = (world.ledger.clone(), stream.clone());
        async move {
            let note = triage(TriageState::Fixed, &n.to_string());
            ledger.execute::<Triage>(&command(n), &stream, Some(Version(seen)), note).await
        }
    };
    assert_eq!(seen(1, 0).await.unwrap().version, Version(1));
    assert!(matches!(seen(2, 0).await, Err(CommandError::Stale { actual: Version(1) })));
    assert_eq!(seen(3, 1).await.unwrap().version, Version(2));
    let ledger = Ledger::new(Watched::new(&world, 1));
    let raced = ledger
        .execute::<Triage>(&command(4), &stream, Some(Version(2)), triage(TriageState::Fixed, "4"))
        .await;
    assert!(matches!(raced, Err(CommandError::Stale { actual: Version(3) })));
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_of_a_command_that_race_all_get_the_one_answer() {
    let world = World::new();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let ledger = world.ledger.clone();
            tokio::spawn(async move {
                let wanted = triage(TriageState::Fixed, "once");
                let done =
                    ledger.execute::<Triage>(&command(1), &finding_stream(FINDING), None, wanted).await;
                done.unwrap().position
            })
        })
        .collect();
    for task in tasks {
        // Whoever came after the decision and before the look-up finds it so already.
        assert!(matches!(task.await.unwrap(), Some(Position(1)) | None));
    }
    assert_eq!(world.log.head().await.unwrap(), Position(1));
}

#[tokio::test]
async fn a_long_list_is_written_in_parts_of_the_largest_number_of_events_and_read_back_whole() {
    let world = World::new();
    let watched = Watched::new(&world, 0);
    let ledger = Ledger::new(Arc::clone(&watched) as _);
    let events: Vec<_> = (0..=2 * BATCH_EVENTS).map(|n| noted(&n.to_string())).collect();
    let stream = finding_stream(FINDING);
    let appended = ledger.append_parts(&command(1), &stream, Version::NONE, &events).await.unwrap().unwrap();
    let counts: Vec<_> = watched.batches.lock().iter().map(|(count, _)| *count).collect();
    assert_eq!(counts, [BATCH_EVENTS, BATCH_EVENTS, 1]);
    assert_eq!(appended.last, Position(2 * BATCH_EVENTS as u64 + 1));
    let (status, version) = ledger.load::<Triage>(&stream).await.unwrap();
    assert_eq!(status.note, Some((2 * BATCH_EVENTS).to_string()));
    assert_eq!(version, Version(2 * BATCH_EVENTS as u64 + 1));
}

#[tokio::test]
async fn a_part_holds_as_many_bytes_as_a_batch_may_and_not_one_more() {
    let world = World::new();
    let context = command(1);
    let fixed = scanledger_domain::decider::StoredEvent::encode(&noted("")).len() + context.metadata().len();
    let filled = |bytes: usize| noted(&"x".repeat(bytes - fixed));
    for (n, second, parts) in [(1, BATCH_BYTES / 2, 1), (2, BATCH_BYTES / 2 + 1, 2)] {
        let watched = Watched::new(&world, 0);
        let ledger = Ledger::new(Arc::clone(&watched) as _);
        let events = [filled(BATCH_BYTES / 2), filled(second)];
        let stream = StreamName::new("finding", n);
        ledger.append_parts(&command(n), &stream, Version::NONE, &events).await.unwrap();
        assert_eq!(watched.batches.lock().len(), parts);
        assert!(watched.batches.lock().iter().all(|(_, bytes)| *bytes <= BATCH_BYTES));
    }
}

#[tokio::test]
async fn parts_that_the_log_knows_are_not_written_again() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    let events: Vec<_> = (0..BATCH_EVENTS + 10).map(|n| noted(&n.to_string())).collect();
    let begun = &events[..BATCH_EVENTS];
    world.ledger.append_parts(&command(1), &stream, Version::NONE, begun).await.unwrap();
    for _ in 0..2 {
        let appended = world.ledger.append_parts(&command(1), &stream, Version::NONE, &events).await.unwrap();
        assert_eq!(appended.unwrap().last, Position(events.len() as u64));
    }
    assert_eq!(world.log.head().await.unwrap(), Position(events.len() as u64));
}

#[tokio::test]
async fn parts_stop_where_somebody_else_wrote() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    world.ledger.append_parts(&command(1), &stream, Version::NONE, &[noted("first")]).await.unwrap();
    let late = world.ledger.append_parts(&command(2), &stream, Version::NONE, &[noted("late")]).await;
    assert!(matches!(late, Err(CommandError::Stale { actual: Version(1) })));
}

#[tokio::test]
async fn another_list_under_a_known_command_is_a_defect() {
    let world = World::new();
    let stream = finding_stream(FINDING);
    world.ledger.append_parts(&command(1), &stream, Version::NONE, &[noted("a")]).await.unwrap();
    let other = [noted("a"), noted("b")];
    let refused = world.ledger.append_parts(&command(1), &stream, Version::NONE, &other).await;
    assert!(matches!(refused, Err(CommandError::Fault(Fault::Batch(_)))), "{refused:?}");
}

#[tokio::test]
async fn an_empty_list_is_nothing() {
    let world = World::new();
    let none: [FindingEvent; 0] = [];
    let appended =
        world.ledger.append_parts(&command(1), &finding_stream(FINDING), Version::NONE, &none).await.unwrap();
    assert_eq!(appended, None);
}
