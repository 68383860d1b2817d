//! How often documents were searched.

use crate::world::World;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

on_both! {
    requests_are_counted_at_once_and_kept_when_flushed,
    counts_that_could_not_be_written_are_kept_for_the_next_flush,
    days_that_are_over_are_forgotten,
}

fn organization(number: u128) -> OrganizationId {
    OrganizationId(Uuid::from_u128(number))
}

/// Noon of a day.
fn day(number: i64) -> Timestamp {
    Timestamp(1_795_262_400_000_000).plus_seconds(number * 86_400)
}

fn requests_are_counted_at_once_and_kept_when_flushed(world: &World) {
    let (one, other) = (organization(1), organization(2));
    let (state, second) = (world.open(), world.open());
    for at in [day(0), day(1), day(1)] {
        state.document_calls.note(one, at);
    }
    state.document_calls.note(other, day(1));
    assert_eq!(state.document_calls.count(one, day(0)).unwrap(), 3);
    assert_eq!(state.document_calls.count(one, day(1)).unwrap(), 2);
    assert_eq!(second.document_calls.count(one, day(0)).unwrap(), 0);
    state.document_calls.flush().unwrap();
    state.document_calls.flush().unwrap();
    assert_eq!(state.document_calls.count(one, day(0)).unwrap(), 3);
    // Another node counts on.
    second.document_calls.note(one, day(1));
    assert_eq!(second.document_calls.count(one, day(0)).unwrap(), 4);
    second.document_calls.flush().unwrap();
    assert_eq!(state.document_calls.count(one, day(1).plus_seconds(3_600)).unwrap(), 3);
    assert_eq!(state.document_calls.count(one, day(2)).unwrap(), 0);
    assert_eq!(state.document_calls.count(other, day(0)).unwrap(), 1);
}

fn counts_that_could_not_be_written_are_kept_for_the_next_flush(world: &World) {
    let state = world.open();
    state.document_calls.note(organization(1), day(0));
    world.execute("ALTER TABLE document_call RENAME TO elsewhere");
    assert!(state.document_calls.flush().is_err());
    world.execute("ALTER TABLE elsewhere RENAME TO document_call");
    state.document_calls.flush().unwrap();
    assert_eq!(world.open().document_calls.count(organization(1), day(0)).unwrap(), 1);
}

fn days_that_are_over_are_forgotten(world: &World) {
    let state = world.open();
    state.document_calls.note(organization(1), day(0));
    state.document_calls.note(organization(1), day(1));
    state.document_calls.flush().unwrap();
    state.document_calls.forget(day(1)).unwrap();
    assert_eq!(state.document_calls.count(organization(1), day(-9)).unwrap(), 1);
}
