//! When API keys were last used.

use crate::world::World;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use uuid::Uuid;

on_both! {
    last_used_times_are_seen_at_once_and_kept_when_flushed,
    times_that_could_not_be_written_are_kept_for_the_next_flush,
    more_keys_than_one_statement_takes_are_written,
}

fn key(number: u128) -> ApiKeyId {
    ApiKeyId(Uuid::from_u128(number))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(1_795_255_200_000_000).plus_seconds(seconds)
}

fn last_used_times_are_seen_at_once_and_kept_when_flushed(world: &World) {
    let [a, b, c] = [1, 2, 3].map(key);
    let state = world.open();
    state.key_uses.touch_key(a, at(1));
    state.key_uses.touch_key(a, at(5));
    state.key_uses.touch_key(a, at(3));
    state.key_uses.touch_key(b, at(2));
    let both = HashMap::from([(a, at(5)), (b, at(2))]);
    assert_eq!(state.key_uses.last_used(&[a, b, c]).unwrap(), both);
    assert_eq!(world.open().key_uses.last_used(&[a, b, c]).unwrap(), HashMap::new());

    state.key_uses.flush().unwrap();
    assert_eq!(world.open().key_uses.last_used(&[a, b, c]).unwrap(), both);
    state.key_uses.touch_key(b, at(1));
    state.key_uses.touch_key(c, at(9));
    state.key_uses.flush().unwrap();
    state.key_uses.flush().unwrap();
    let all = HashMap::from([(a, at(5)), (b, at(2)), (c, at(9))]);
    assert_eq!(world.open().key_uses.last_used(&[a, b, c]).unwrap(), all);
    assert_eq!(state.key_uses.last_used(&[c]).unwrap(), HashMap::from([(c, at(9))]));
}

fn times_that_could_not_be_written_are_kept_for_the_next_flush(world: &World) {
    let state = world.open();
    state.key_uses.touch_key(key(1), at(1));
    world.execute("ALTER TABLE key_use RENAME TO elsewhere");
    assert!(state.key_uses.flush().is_err());
    world.execute("ALTER TABLE elsewhere RENAME TO key_use");
    state.key_uses.flush().unwrap();
    assert_eq!(world.open().key_uses.last_used(&[key(1)]).unwrap(), HashMap::from([(key(1), at(1))]));
}

fn more_keys_than_one_statement_takes_are_written(world: &World) {
    let state = world.open();
    let keys: Vec<_> = (0..2_001).map(key).collect();
    for key in &keys {
        state.key_uses.touch_key(*key, at(1));
    }
    state.key_uses.flush().unwrap();
    assert_eq!(world.open().key_uses.last_used(&keys).unwrap().len(), 2_001);
}
