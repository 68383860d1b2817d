//! Claims and their holders on a log that writes one stream at a time, with crashes between the steps.

mod one_at_a_time;

use crate::support::{ACME, World, details};
use one_at_a_time::{Ahead, Meanwhile, OneAtATime};
use parking_lot::Mutex;
use scanledger_commands::ledger::HOLDER_SECONDS;
use scanledger_commands::{CommandError, Committed, Context, Fault, Ledger, Races};
use scanledger_domain::claim::{Claim, ClaimCommand, ClaimRefusal};
use scanledger_domain::finding::{Fingerprint, Triage, TriageCommand, TriageState, finding_stream};
use scanledger_domain::id::{CommandId, FindingId, ProjectId};
use scanledger_domain::log::{Actor, LogError, Position, StreamName};
use scanledger_domain::project::{
    Created, Gate, Project, ProjectCommand, ProjectRefusal, ProjectState, project_stream,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use uuid::Uuid;

const ANAS: ProjectId = ProjectId(Uuid::from_u128(0xa));
const BOBS: ProjectId = ProjectId(Uuid::from_u128(0xb));

/// Writers on one log, and how far their clock is ahead.
struct Writers {
    world: World,
    seconds: Arc<AtomicI64>,
}

/// One of them.
#[derive(Clone)]
struct Writer {
    ledger: Ledger,
    log: Arc<OneAtATime>,
}

/// The claim on a name; the services name it by a keyed hash.
fn claim(name: &str) -> StreamName {
    StreamName::new("claim", name)
}

impl Writers {
    fn new() -> Self {
        Self { world: World::new(), seconds: Arc::default() }
    }

    fn writer(&self, appends: u32) -> Writer {
        let log = Arc::new(OneAtATime {
            log: Arc::clone(&self.world.log),
            appends_left: AtomicU32::new(appends),
            meanwhile: Mutex::default(),
        });
        let clock = Arc::new(Ahead(Arc::clone(&self.world.clock), Arc::clone(&self.seconds)));
        Writer { ledger: Ledger::new(Arc::clone(&log) as _).with_clock(clock), log }
    }

    /// One that never fails.
    fn steady(&self) -> Writer {
        self.writer(u32::MAX)
    }

    fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Streams and types of the whole log.
    async fn history(&self) -> Vec<(String, String)> {
        let events = self.world.log.read_all(Position::START, 1_000).await.unwrap();
        events.iter().map(|event| (event.stream.to_string(), event.kind.to_string())).collect()
    }
}

type Done = Result<Position, CommandError<ClaimRefusal>>;

fn command(n: u128) -> Context {
    Context::new(CommandId(Uuid::from_u128(n)), Actor::Operator, None)
}

fn created(project: ProjectId, name: &str) -> Created {
    let (details, gate) = (details(name), Gate::default());
    Created { project, organization: ACME, team: None, details, gate }
}

fn has(name: &str) -> impl Fn(&ProjectState) -> bool + Send + Sync {
    let name = name.to_owned();
    move |state| matches!(state, ProjectState::Live(project) if project.details.name == name)
}

fn no_refusal(error: CommandError<ProjectRefusal>) -> CommandError<ClaimRefusal> {
    error.map_refused(|refusal| panic!("the project's own rules allow it: {refusal}"))
}

impl Writer {
    /// As the services do it: decide every part, commit, and again if the race was lost.
    async fn write(&self, context: &Context, project: ProjectId, name: &str, old: Option<&str>) -> Done {
        let stream = project_stream(project);
        let mut races = Races::default();
        loop {
            if let Some(position) = self.ledger.find(context.command).await? {
                return Ok(position);
            }
            let mut batch = self.ledger.batch(context);
            let what = match old {
                None => ProjectCommand::Create(created(project, name)),
                Some(_) => ProjectCommand::Update(details(name)),
            };
            batch.decide::<Project>(stream.clone(), what).await.map_err(no_refusal)?;
            batch.take::<Project>(claim(name), &stream, has(name)).await?;
            if let Some(old) = old {
                let release = ClaimCommand::Release { holder: stream.clone() };
                batch.decide::<Claim>(claim(old), release).await?;
            }
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(position),
                Committed::Nothing | Committed::Raced => races.lost()?,
            }
        }
    }

    async fn create(&self, n: u128, project: ProjectId, name: &str) -> Done {
        self.write(&command(n), project, name, None).await
    }

    async fn rename(&self, n: u128, project: ProjectId, from: &str, to: &str) -> Done {
        self.write(&command(n), project, to, Some(from)).await
    }

    async fn state(&self, project: ProjectId) -> ProjectState {
        self.ledger.load::<Project>(&project_stream(project)).await.unwrap().0
    }

    async fn is_called(&self, project: ProjectId, name: &str) -> bool {
        has(name)(&self.state(project).await)
    }
}

fn crashed(done: Done) {
    assert!(matches!(&done, Err(CommandError::Fault(Fault::Log(LogError::Unavailable { .. })))), "{done:?}");
}

fn taken_by(done: Done, project: ProjectId) {
    let Err(CommandError::Refused(ClaimRefusal::TakenBy { holder })) = done else { panic!("{done:?}") };
    assert_eq!(holder, project_stream(project));
}

fn events(expected: &[(&str, ProjectId, &str)]) -> Vec<(String, String)> {
    let stream = |name: &str, project| match name {
        "" => project_stream(project).to_string(),
        name => claim(name).to_string(),
    };
    expected.iter().map(|(name, project, kind)| (stream(name, *project), (*kind).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_is_written_before_its_holder_and_given_back_after() {
    let writers = Writers::new();
    let ana = writers.steady();
    let position = ana.create(1, ANAS, "shop").await.unwrap();
    assert_eq!(ana.ledger.find(CommandId(Uuid::from_u128(1))).await.unwrap(), Some(position));
    ana.rename(2, ANAS, "shop", "store").await.unwrap();
    let expected = events(&[
        ("shop", ANAS, "claim.taken"),
        ("", ANAS, "project.created"),
        ("store", ANAS, "claim.taken"),
        ("", ANAS, "project.updated"),
        ("shop", ANAS, "claim.released"),
    ]);
    assert_eq!(writers.history().await, expected);
    // What was given back is free at once.
    writers.steady().create(3, BOBS, "shop").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_crashed_after_its_claim_is_finished_by_repeating_it() {
    let writers = Writers::new();
    crashed(writers.writer(1).create(1, ANAS, "shop").await);
    assert_eq!(writers.history().await, events(&[("shop", ANAS, "claim.taken")]));

    let again = writers.steady();
    assert_eq!(again.ledger.find(CommandId(Uuid::from_u128(1))).await.unwrap(), None, "it is not done");
    let position = again.create(1, ANAS, "shop").await.unwrap();
    assert!(again.is_called(ANAS, "shop").await);
    assert_eq!(again.create(1, ANAS, "shop").await.unwrap(), position);
    let projects = writers.history().await.into_iter().filter(|(_, kind)| kind == "project.created");
    assert_eq!(projects.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_without_a_holder_holds_for_a_minute_and_is_broken_then() {
    let writers = Writers::new();
    crashed(writers.writer(1).create(1, ANAS, "shop").await);
    let bob = writers.steady();
    writers.wait(HOLDER_SECONDS - 5);
    taken_by(bob.create(2, BOBS, "shop").await, ANAS);

    writers.wait(5);
    bob.create(3, BOBS, "shop").await.unwrap();
    let expected = events(&[
        ("shop", ANAS, "claim.taken"),
        ("", ANAS, "claim.released"),
        ("shop", ANAS, "claim.released"),
        ("shop", BOBS, "claim.taken"),
        ("", BOBS, "project.created"),
    ]);
    assert_eq!(writers.history().await, expected);
    // Whoever comes back after that learns it, and makes nothing.
    taken_by(writers.steady().create(1, ANAS, "shop").await, BOBS);
    assert_eq!(bob.state(ANAS).await, ProjectState::Missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_owner_gets_the_conflict_when_the_claim_was_broken_meanwhile() {
    let writers = Writers::new();
    let (slow, bob) = (writers.writer(100), writers.steady());
    let seconds = Arc::clone(&writers.seconds);
    let breaks: Meanwhile = {
        let bob = bob.clone();
        Box::pin(async move {
            seconds.fetch_add(HOLDER_SECONDS, Ordering::Relaxed);
            bob.create(2, BOBS, "shop").await.unwrap();
        })
    };
    // The claim was the 100th append from the end; the project is the 99th.
    *slow.log.meanwhile.lock() = Some((99, breaks));
    taken_by(slow.create(1, ANAS, "shop").await, BOBS);
    assert_eq!(bob.state(ANAS).await, ProjectState::Missing);
    assert!(bob.is_called(BOBS, "shop").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_is_stopped_but_still_has_the_claim_takes_it_anew_and_wins() {
    let writers = Writers::new();
    let (ana, bob) = (writers.steady(), writers.writer(100));
    crashed(writers.writer(1).create(1, ANAS, "shop").await);
    writers.wait(HOLDER_SECONDS);
    // Bob stops Ana (100th), and before he takes the claim (99th) she repeats her command.
    let returns: Meanwhile = Box::pin(async move {
        ana.create(1, ANAS, "shop").await.unwrap();
    });
    *bob.log.meanwhile.lock() = Some((99, returns));
    taken_by(bob.create(2, BOBS, "shop").await, ANAS);
    assert!(bob.is_called(ANAS, "shop").await);
    assert_eq!(bob.state(BOBS).await, ProjectState::Missing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_breaks_a_claim_may_crash_at_any_step_and_nobody_is_locked_out() {
    for appends in 1..=2 {
        let writers = Writers::new();
        crashed(writers.writer(1).create(1, ANAS, "shop").await);
        writers.wait(HOLDER_SECONDS);
        crashed(writers.writer(appends).create(2, BOBS, "shop").await);
        writers.wait(HOLDER_SECONDS);
        let third = ProjectId(Uuid::from_u128(0xc));
        let writer = writers.steady();
        writer.create(3, third, "shop").await.unwrap();
        let owner = third;
        taken_by(writers.steady().create(1, ANAS, "shop").await, owner);
        taken_by(writers.steady().create(2, BOBS, "shop").await, owner);
        assert!(writer.is_called(third, "shop").await, "after a crash behind {appends} appends");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_its_holder_has_never_expires() {
    let writers = Writers::new();
    writers.steady().create(1, ANAS, "shop").await.unwrap();
    writers.wait(1_000 * HOLDER_SECONDS);
    taken_by(writers.steady().create(2, BOBS, "shop").await, ANAS);
    assert_eq!(writers.history().await.len(), 2, "and nobody is stopped for it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renaming_that_crashed_blocks_neither_name_for_good() {
    // After the claim on the new name; and after the project, before the old name is given back.
    for (appends, name, free) in [(1, "shop", "store"), (2, "store", "shop")] {
        let writers = Writers::new();
        let ana = writers.steady();
        ana.create(1, ANAS, "shop").await.unwrap();
        let renamed = writers.writer(appends).rename(2, ANAS, "shop", "store").await;
        assert_eq!(renamed.is_ok(), appends == 2, "done is done, whatever is left to give back");
        taken_by(writers.steady().create(3, BOBS, free).await, ANAS);
        writers.wait(HOLDER_SECONDS);
        writers.steady().create(4, BOBS, free).await.unwrap();
        // The project that was stopped for it goes on under the name that it has.
        assert!(ana.is_called(ANAS, name).await);
        ana.rename(5, ANAS, name, "kiosk").await.unwrap();
        assert!(ana.is_called(ANAS, "kiosk").await);
        taken_by(ana.rename(6, ANAS, "kiosk", free).await, BOBS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_clock_no_claim_expires() {
    let writers = Writers::new();
    crashed(writers.writer(1).create(1, ANAS, "shop").await);
    writers.wait(1_000 * HOLDER_SECONDS);
    let steady = writers.steady();
    let timeless = Writer { ledger: Ledger::new(Arc::clone(&steady.log) as _), ..steady };
    taken_by(timeless.create(2, BOBS, "shop").await, ANAS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_atomic_log_writes_claim_and_holder_at_once_and_never_breaks_a_claim() {
    let writers = Writers::new();
    let clock = Arc::new(Ahead(Arc::clone(&writers.world.clock), Arc::clone(&writers.seconds)));
    let writer = Writer { ledger: writers.world.ledger.clone().with_clock(clock), ..writers.steady() };
    writer.create(1, ANAS, "shop").await.unwrap();
    let expected = events(&[("", ANAS, "project.created"), ("shop", ANAS, "claim.taken")]);
    assert_eq!(writers.history().await, expected);
    crashed(writers.writer(1).create(2, BOBS, "store").await);
    writers.wait(HOLDER_SECONDS);
    taken_by(writer.create(3, ProjectId(Uuid::from_u128(0xc)), "store").await, BOBS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_want_an_expired_claim_it_has_one_holder_in_the_end() {
    let writers = Writers::new();
    crashed(writers.writer(1).create(1, ANAS, "shop").await);
    writers.wait(HOLDER_SECONDS);
    let racers = (2..10_u128).map(|n| {
        let writer = writers.steady();
        tokio::spawn(
            async move { writer.create(n, ProjectId(Uuid::from_u128(n << 8)), "shop").await.is_ok() },
        )
    });
    let mut won = 0;
    for racer in racers.collect::<Vec<_>>() {
        won += usize::from(racer.await.unwrap());
    }
    // Each claim of theirs has expired when it is made: so they may all lose, and never do two of them win.
    assert!(won <= 1);
    let last = writers.steady().create(99, BOBS, "shop").await;
    assert_eq!(last.is_ok(), won == 0);
    let made = writers.history().await.into_iter().filter(|(_, kind)| kind == "project.created");
    assert_eq!(made.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_over_several_streams_are_finished_by_repeating_the_command() {
    let findings: [FindingId; 4] = [1, 2, 3, 4].map(|n| FindingId(Uuid::from_u128(n)));
    let decide = async |writer: Writer| {
        let context = command(7);
        let mut batch = writer.ledger.batch(&context);
        for finding in findings {
            let triage = TriageCommand {
                finding,
                project: ANAS,
                fingerprint: Fingerprint([7; 16]),
                to: TriageState::Accepted,
                note: None,
            };
            batch.decide::<Triage>(finding_stream(finding), triage).await.unwrap();
        }
        batch.commit().await
    };
    for appends in 0..=4 {
        let writers = Writers::new();
        let first = decide(writers.writer(appends)).await;
        let known = writers.world.ledger.find(command(7).command).await.unwrap();
        assert_eq!(known.is_some(), appends == 4, "it is known when all of it is written");
        assert_eq!(first.is_ok(), appends == 4);
        let again = decide(writers.steady()).await.unwrap();
        assert_eq!(again == Committed::Nothing, appends == 4);
        assert_eq!(writers.history().await.len(), 4, "each was decided once, after {appends} appends");
        assert!(writers.world.ledger.find(command(7).command).await.unwrap().is_some());
    }
}
