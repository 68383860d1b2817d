//! How far reactors have come.

use crate::world::World;
use std::sync::Barrier;

on_both! {
    a_checkpoint_is_what_was_put_last,
    a_checkpoint_is_replaced_only_if_it_is_what_was_seen,
    of_many_who_replace_the_same_value_one_succeeds,
}

fn a_checkpoint_is_what_was_put_last(world: &World) {
    let checkpoints = world.open().checkpoints;
    assert_eq!(checkpoints.find("bus").unwrap(), None);
    checkpoints.put("bus", b"12").unwrap();
    checkpoints.put("mail", b"").unwrap();
    checkpoints.put("bus", &[0, 255]).unwrap();
    let again = world.open().checkpoints;
    assert_eq!(again.find("bus").unwrap(), Some(vec![0, 255]));
    assert_eq!(again.find("mail").unwrap(), Some(vec![]));
}

fn a_checkpoint_is_replaced_only_if_it_is_what_was_seen(world: &World) {
    let checkpoints = world.open().checkpoints;
    assert!(!checkpoints.replace("bus", Some(b"1"), b"2").unwrap());
    assert_eq!(checkpoints.find("bus").unwrap(), None);
    assert!(checkpoints.replace("bus", None, b"1").unwrap());
    assert!(!checkpoints.replace("bus", None, b"2").unwrap());
    assert!(!checkpoints.replace("bus", Some(b""), b"2").unwrap());
    assert_eq!(checkpoints.find("bus").unwrap(), Some(b"1".to_vec()));
    assert!(checkpoints.replace("bus", Some(b"1"), b"1").unwrap());
    assert!(checkpoints.replace("bus", Some(b"1"), b"").unwrap());
    assert!(checkpoints.replace("bus", Some(b""), b"3").unwrap());
    assert_eq!(checkpoints.find("bus").unwrap(), Some(b"3".to_vec()));
}

fn of_many_who_replace_the_same_value_one_succeeds(world: &World) {
    let states: Vec<_> = (0..4).map(|_| world.open()).collect();
    for before in [None, Some(b"0".as_slice())] {
        let start = Barrier::new(states.len());
        let successes = std::thread::scope(|scope| {
            let replacers: Vec<_> = states
                .iter()
                .map(|state| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        state.checkpoints.replace("bus", before, b"1").unwrap()
                    })
                })
                .collect();
            replacers.into_iter().map(|replacer| replacer.join().unwrap()).filter(|it| *it).count()
        });
        assert_eq!(successes, 1);
        states[0].checkpoints.put("bus", b"0").unwrap();
    }
}
