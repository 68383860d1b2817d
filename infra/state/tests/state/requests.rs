//! Requests that came with an idempotency key.

use crate::world::{World, block_on};
use scanledger_commands::ports::{IdempotencyStore, Seen};
use scanledger_domain::id::CommandId;
use scanledger_domain::time::Timestamp;
use scanledger_state::{REQUEST_MEMORY, State};
use std::sync::Barrier;
use uuid::Uuid;

on_both! {
    a_repeated_request_is_known_by_its_body,
    of_many_requests_at_once_one_is_the_first,
    a_request_is_forgotten_when_it_is_older_than_a_day,
    a_clock_that_is_ahead_forgets_nothing_early,
}

const COMMAND: CommandId = CommandId(Uuid::from_u128(1));

fn remember(state: &State, command: CommandId, body: u8) -> Seen {
    block_on(state.requests.remember(command, [body; 32])).unwrap()
}

fn a_repeated_request_is_known_by_its_body(world: &World) {
    let state = world.open();
    assert_eq!(remember(&state, COMMAND, 1), Seen::New);
    assert_eq!(remember(&state, CommandId(Uuid::from_u128(2)), 2), Seen::New);
    for state in [state, world.open()] {
        assert_eq!(remember(&state, COMMAND, 1), Seen::Same);
        assert_eq!(remember(&state, COMMAND, 2), Seen::Different);
    }
}

fn of_many_requests_at_once_one_is_the_first(world: &World) {
    let states: Vec<_> = (0..4).map(|_| world.open()).collect();
    let start = Barrier::new(states.len());
    let seen = std::thread::scope(|scope| {
        let callers: Vec<_> = states
            .iter()
            .zip(0..)
            .map(|(state, body)| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    remember(state, COMMAND, body)
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(seen.iter().filter(|seen| **seen == Seen::New).count(), 1);
    assert_eq!(seen.iter().filter(|seen| **seen == Seen::Different).count(), 3);
}

fn a_request_is_forgotten_when_it_is_older_than_a_day(world: &World) {
    // In the past for the store's own clock, too.
    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
    let day = i64::try_from(REQUEST_MEMORY.as_micros()).unwrap();
    let state = world.open();
    remember(&state, COMMAND, 1);
    world.execute(&format!("UPDATE request SET seen_at = {}", NOW.0 - day));
    assert_eq!(state.tidy(NOW).unwrap(), 0);
    assert_eq!(remember(&state, COMMAND, 2), Seen::Different);
    assert_eq!(state.tidy(Timestamp(NOW.0 + 1)).unwrap(), 1);
    assert_eq!(remember(&state, COMMAND, 2), Seen::New);
}

fn a_clock_that_is_ahead_forgets_nothing_early(world: &World) {
    let state = world.open();
    remember(&state, COMMAND, 1);
    assert_eq!(state.tidy(Timestamp(i64::MAX)).unwrap(), 0);
    assert_eq!(remember(&state, COMMAND, 1), Seen::Same);
}
