//! Every state a scan can be in × everything that can be asked of it, as a table, and what holds in any history.

use super::tests::{SCAN, end, failure, outcome, received, verdict, wish};
use super::{Interruption, Scan, ScanCommand, ScanEvent, ScanRefusal, ScanState};
use crate::decider::{Decider, StoredEvent};
use crate::scan::{ScanStatus, Step};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::collections::HashSet;

/// What people ask. A word for an event means that this event happens; the others are refusals:
/// `exists` and `missing` by their names, `illegal` for a step that the state does not allow.
const PEOPLE: &str = "
    history             queue   pause   resume    stop     cancel     delete
    missing             queued  missing missing   missing  missing    missing
    queued              exists  illegal illegal   stopped  cancelled  deleted
    queued_after_loss   exists  illegal illegal   stopped  cancelled  deleted
    running             exists  paused  illegal   stopped  cancelled  illegal
    paused              exists  illegal resumed   stopped  cancelled  illegal
    settling            exists  illegal illegal   illegal  illegal    illegal
    settled_queued      exists  illegal illegal   illegal  illegal    illegal
    settled_running     exists  illegal illegal   illegal  illegal    illegal
    completed           exists  illegal illegal   illegal  illegal    deleted
    failed              exists  illegal illegal   illegal  illegal    deleted
    stopped_in_queue    exists  illegal requeued  illegal  illegal    deleted
    stopped_running     exists  illegal requeued  illegal  illegal    deleted
    stopped_recording   exists  illegal illegal   illegal  illegal    deleted
    stopped_kept        exists  illegal requeued  illegal  illegal    deleted
    resumed_run         exists  illegal illegal   stopped  cancelled  deleted
    cancelled           exists  illegal illegal   illegal  illegal    deleted
    deleted             exists  missing missing   missing  missing    missing
";

/// What workers ask, each with the present attempt: `busy` when nobody waits for a worker, `past` when the worker
/// was superseded or the scan ended. `lost` and `shutdown` are interruptions; `receive` and `end` are what clients ask, who
/// have no part in scans of workers.
const WORKERS: &str = "
    history             start    settle    complete   keep          fail    lost      shutdown  receive  end
    missing             missing  missing   missing    missing       missing missing   missing  missing  missing
    queued              started  past      past       past          past    past      past  past     past
    queued_after_loss   started  past      past       past          past    past      past  past     past
    running             busy     settling  past       past          failed  requeued  requeued  past     past
    paused              busy     past      past       past          past    past      past  past     past
    settling            busy     past      completed  past          failed  requeued  requeued  past     past
    settled_queued      started  past      past       past          past    past      past  past     past
    settled_running     busy     settling  past       past          failed  requeued  requeued  past     past
    completed           busy     past      past       past          past    past      past  past     past
    failed              busy     past      past       past          past    past      past  past     past
    stopped_in_queue    busy     past      past       past          past    past      past  past     past
    stopped_running     busy     settling  past       past          past    past      past  past     past
    stopped_recording   busy     settling  past       partial_kept  past    past      past  past     past
    stopped_kept        busy     past      past       past          past    past      past  past     past
    resumed_run         started  past      past       past          past    past      past  past     past
    cancelled           busy     past      past       past          past    past      past  past     past
    deleted             missing  missing   missing    missing       missing missing   missing  missing  missing
";

/// The commands that lead to a named history; each of them must be accepted.
fn history(name: &str) -> ScanState {
    let words = match name {
        "missing" => "",
        "queued" => "queue",
        "queued_after_loss" => "queue start lost",
        "running" => "queue start",
        "paused" => "queue start pause",
        "settling" => "queue start settle",
        "settled_queued" => "queue start settle lost",
        "settled_running" => "queue start settle shutdown start",
        "completed" => "queue start settle complete",
        "failed" => "queue start fail",
        "stopped_in_queue" => "queue stop",
        "stopped_running" => "queue start stop",
        "stopped_recording" => "queue start stop settle",
        "stopped_kept" => "queue start stop settle keep",
        "resumed_run" => "queue start stop settle keep resume",
        "cancelled" => "queue start cancel",
        "deleted" => "queue delete",
        other => panic!("no history is called {other}"),
    };
    words.split_whitespace().fold(Scan::initial(), |state, word| {
        let events = Scan::decide(&state, command(word, &state)).unwrap();
        events.iter().fold(state, Scan::evolve)
    })
}

fn command(word: &str, state: &ScanState) -> ScanCommand {
    let attempt = match state {
        ScanState::Live(life) => life.attempt,
        ScanState::Missing | ScanState::Deleted => 1,
    };
    match word {
        "queue" => ScanCommand::Queue(wish()),
        "start" => ScanCommand::Start { alone: false },
        "pause" => ScanCommand::Take(Step::Pause),
        "resume" => ScanCommand::Take(Step::Resume),
        "stop" => ScanCommand::Take(Step::Stop),
        "cancel" => ScanCommand::Take(Step::Cancel),
        "delete" => ScanCommand::Take(Step::Delete),
        "settle" => ScanCommand::Settle { attempt },
        "complete" => ScanCommand::Complete { attempt, outcome: outcome(), verdict: verdict() },
        "receive" => ScanCommand::Receive(received()),
        "end" => ScanCommand::End { end: end(), verdict: verdict() },
        "keep" => ScanCommand::KeepPartial { attempt, outcome: outcome() },
        "fail" => ScanCommand::Fail { attempt, failure: failure(), log: None },
        "lost" => ScanCommand::Interrupt { attempt, because: Interruption::WorkerLost },
        "shutdown" => ScanCommand::Interrupt { attempt, because: Interruption::Shutdown },
        other => panic!("no command is called {other}"),
    }
}

/// The word for an answer; a refusal must tell the truth about the state.
fn answer(state: &ScanState, command: ScanCommand) -> String {
    let refusal = match Scan::decide(state, command.clone()) {
        Ok(events) => {
            let [event] = &events[..] else { panic!("{events:?}") };
            return event.kind().strip_prefix("scan.").unwrap().to_owned();
        }
        Err(refusal) => refusal,
    };
    match (&refusal, state, &command) {
        (ScanRefusal::NotFound, _, _) => "missing",
        (ScanRefusal::Exists, _, _) => "exists",
        (ScanRefusal::NotQueued, _, _) => "busy",
        (ScanRefusal::IllegalStep { from, step }, ScanState::Live(life), ScanCommand::Take(asked)) => {
            assert_eq!((*from, step), (life.status, asked));
            "illegal"
        }
        (ScanRefusal::Superseded { status, current }, ScanState::Live(life), _) => {
            assert_eq!((*status, *current), (life.status, life.attempt));
            "past"
        }
        _ => panic!("{command:?} in {state:?} gave {refusal:?}"),
    }
    .to_owned()
}

fn rows(table: &'static str) -> (Vec<&'static str>, Vec<(&'static str, Vec<&'static str>)>) {
    let mut lines = table.lines().filter(|line| !line.trim().is_empty());
    let head = lines.next().unwrap().split_whitespace().skip(1).collect();
    let rows = lines.map(|line| {
        let mut words = line.split_whitespace();
        (words.next().unwrap(), words.collect())
    });
    (head, rows.collect())
}

fn check(table: &'static str) {
    let (commands, rows) = rows(table);
    for (name, expected) in rows {
        let state = history(name);
        let answers: Vec<_> = commands.iter().map(|word| answer(&state, command(word, &state))).collect();
        assert_eq!(answers, expected, "{name}: {commands:?}");
    }
}

#[test]
fn what_people_can_do_to_a_scan() {
    check(PEOPLE);
}

#[test]
fn what_workers_can_do_to_a_scan() {
    check(WORKERS);
}

#[test]
fn the_tables_ask_every_state_every_command() {
    let (people, states) = rows(PEOPLE);
    let (workers, same_states) = rows(WORKERS);
    let names = |rows: &[(&'static str, Vec<_>)]| rows.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(names(&states), names(&same_states));
    assert!(states.iter().all(|(_, cells)| cells.len() == people.len()));
    assert!(same_states.iter().all(|(_, cells)| cells.len() == workers.len()));
    let reached: HashSet<_> = states.iter().filter_map(|(name, _)| status(&history(name))).collect();
    assert_eq!(reached, HashSet::from(ScanStatus::ALL));
    let asked: HashSet<_> = [people, workers]
        .concat()
        .iter()
        .map(|word| match command(word, &Scan::initial()) {
            ScanCommand::Queue(_) => "queue".to_owned(),
            ScanCommand::Start { .. } => "start".to_owned(),
            ScanCommand::Take(step) => format!("{step:?}"),
            ScanCommand::Settle { .. } => "settle".to_owned(),
            ScanCommand::Complete { .. } => "complete".to_owned(),
            ScanCommand::Receive(_) => "receive".to_owned(),
            ScanCommand::End { .. } => "end".to_owned(),
            ScanCommand::KeepPartial { .. } => "keep".to_owned(),
            ScanCommand::Fail { .. } => "fail".to_owned(),
            ScanCommand::Interrupt { because, .. } => format!("{because:?}"),
        })
        .collect();
    // Ten commands, of which one has five steps and one has two reasons.
    assert_eq!(asked.len(), 10 - 2 + Step::ALL.len() + 2);
}

fn status(state: &ScanState) -> Option<ScanStatus> {
    match state {
        ScanState::Live(life) => Some(life.status),
        ScanState::Missing | ScanState::Deleted => None,
    }
}

#[test]
fn steps_taken_are_always_in_the_table_of_steps() {
    for (name, _) in rows(PEOPLE).1 {
        let state = history(name);
        let Some(status) = status(&state) else { continue };
        for step in Step::ALL {
            let is_taken = Scan::decide(&state, ScanCommand::Take(step)).is_ok();
            assert!(!is_taken || status.steps().contains(&step), "{name} {step:?}");
        }
    }
}

#[test]
fn another_attempt_than_the_present_one_changes_nothing() {
    for (name, _) in rows(WORKERS).1 {
        let state = history(name);
        let ScanState::Live(life) = &state else { continue };
        for attempt in [life.attempt + 1, life.attempt.wrapping_sub(1)] {
            for command in [
                ScanCommand::Settle { attempt },
                ScanCommand::Complete { attempt, outcome: outcome(), verdict: verdict() },
                ScanCommand::KeepPartial { attempt, outcome: outcome() },
                ScanCommand::Fail { attempt, failure: failure(), log: None },
                ScanCommand::Interrupt { attempt, because: Interruption::WorkerLost },
                ScanCommand::Interrupt { attempt, because: Interruption::Shutdown },
            ] {
                let refusal = ScanRefusal::Superseded { status: life.status, current: life.attempt };
                assert_eq!(Scan::decide(&state, command), Err(refusal), "{name}");
            }
        }
    }
}

/// Any command; small numbers, so that attempts often are the present one.
fn any_command() -> impl Strategy<Value = ScanCommand> {
    let attempt = 0..4_u32;
    prop_oneof![
        Just(ScanCommand::Queue(wish())),
        Just(ScanCommand::Receive(received())),
        Just(ScanCommand::End { end: end(), verdict: verdict() }),
        any::<bool>().prop_map(|alone| ScanCommand::Start { alone }),
        (0..Step::ALL.len()).prop_map(|step| ScanCommand::Take(Step::ALL[step])),
        attempt.clone().prop_map(|attempt| ScanCommand::Settle { attempt }),
        attempt.clone().prop_map(|attempt| ScanCommand::Complete {
            attempt,
            outcome: outcome(),
            verdict: verdict()
        }),
        attempt.clone().prop_map(|attempt| ScanCommand::KeepPartial { attempt, outcome: outcome() }),
        attempt.clone().prop_map(|attempt| ScanCommand::Fail { attempt, failure: failure(), log: None }),
        (attempt, any::<bool>()).prop_map(|(attempt, lost)| ScanCommand::Interrupt {
            attempt,
            because: if lost { Interruption::WorkerLost } else { Interruption::Shutdown }
        }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_asked_a_scan_keeps_its_rules(commands in proptest::collection::vec(any_command(), 0..60)) {
        let mut state = Scan::initial();
        let mut happened: Vec<ScanEvent> = Vec::new();
        for command in commands {
            let before = status(&state);
            let Ok(events) = Scan::decide(&state, command) else { continue };
            prop_assert_eq!(events.len(), 1);
            let stored = ScanEvent::decode(events[0].kind(), events[0].schema(), &events[0].encode()).unwrap();
            prop_assert_eq!(&stored, &events[0]);
            state = Scan::evolve(state, &stored);
            match (before, &stored) {
                (Some(ScanStatus::Completed | ScanStatus::Failed | ScanStatus::Cancelled), event) => {
                    prop_assert_eq!(event, &super::Deleted { scan: SCAN }.into());
                }
                (before, ScanEvent::Completed(_)) => prop_assert_eq!(before, Some(ScanStatus::Settling)),
                (before, ScanEvent::Started(started)) => {
                    prop_assert_eq!(before, Some(ScanStatus::Queued));
                    let earlier = happened.iter().filter(|event| matches!(event, ScanEvent::Started(_))).count();
                    prop_assert_eq!(started.attempt as usize, earlier + 1);
                }
                (_, ScanEvent::Requeued(requeued)) => {
                    let resumes = happened.iter().filter(|event| is_resume_of_a_stopped_scan(event)).count();
                    let is_resume = is_resume_of_a_stopped_scan(&stored);
                    prop_assert_eq!(requeued.run as usize, 1 + resumes + usize::from(is_resume));
                }
                _ => (),
            }
            happened.push(stored);
        }
        prop_assert!(matches!(happened.first(), None | Some(ScanEvent::Queued(_))));
    }
}

fn is_resume_of_a_stopped_scan(event: &ScanEvent) -> bool {
    matches!(event, ScanEvent::Requeued(requeued) if requeued.because == Interruption::Resumed)
}
