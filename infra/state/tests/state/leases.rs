//! Who works on what.

use crate::world::World;
use scanledger_state::{Holder, Lease, State};
use std::sync::Barrier;

on_both! {
    a_lease_that_is_held_is_not_given_to_another,
    a_lapsed_lease_goes_to_the_next_who_asks_as_a_further_attempt,
    an_owner_that_asks_again_keeps_its_attempt_and_never_loses_time,
    only_its_holder_renews_a_lease_and_only_before_it_lapses,
    only_its_owner_releases_a_lease_and_attempts_then_start_again,
    lapsed_leases_are_listed_the_longest_lapsed_first,
    of_many_who_want_a_lease_at_once_one_gets_it,
}

/// A worker's view: attempts, and whole seconds until the lease lapses.
struct Worker<'a> {
    world: &'a World,
    state: State,
}

impl<'a> Worker<'a> {
    fn of(world: &'a World) -> Self {
        let worker = Self { world, state: world.open() };
        // As a server does at its start.
        worker.state.tidy(world.now()).unwrap();
        worker
    }

    fn acquire(&self, name: &str, owner: &str, ttl_s: u32) -> Option<(u32, i64)> {
        let lease = self.state.leases.acquire(name, owner, self.world.now(), ttl_s * 1_000).unwrap();
        lease.map(|lease| (lease.attempt, self.seconds(lease)))
    }

    fn renew(&self, name: &str, owner: &str, ttl_s: u32) -> Option<(u32, i64)> {
        let lease = self.state.leases.renew(name, owner, self.world.now(), ttl_s * 1_000).unwrap();
        lease.map(|lease| (lease.attempt, self.seconds(lease)))
    }

    fn lapsed(&self) -> Vec<(String, i64)> {
        let lapsed = self.state.leases.lapsed(self.world.now()).unwrap();
        lapsed.into_iter().map(|Holder { name, lease, .. }| (name, self.seconds(lease))).collect()
    }

    fn seconds(&self, lease: Lease) -> i64 {
        (lease.until.0 - self.world.now().0 + 500_000).div_euclid(1_000_000)
    }
}

fn a_lease_that_is_held_is_not_given_to_another(world: &World) {
    let worker = Worker::of(world);
    assert_eq!(worker.acquire("scan 1", "ana", 30), Some((1, 30)));
    world.pass(29);
    assert_eq!(Worker::of(world).acquire("scan 1", "bo", 30), None);
    assert_eq!(Worker::of(world).acquire("scan 2", "bo", 30), Some((1, 30)));
}

fn a_lapsed_lease_goes_to_the_next_who_asks_as_a_further_attempt(world: &World) {
    let worker = Worker::of(world);
    worker.acquire("scan 1", "ana", 30);
    world.pass(30);
    assert_eq!(worker.acquire("scan 1", "bo", 30), Some((2, 30)));
    world.pass(1);
    assert_eq!(worker.acquire("scan 1", "ana", 30), None);
    world.pass(29);
    assert_eq!(worker.acquire("scan 1", "bo", 30), Some((3, 30)));
}

fn an_owner_that_asks_again_keeps_its_attempt_and_never_loses_time(world: &World) {
    let worker = Worker::of(world);
    worker.acquire("scan 1", "ana", 30);
    world.pass(10);
    assert_eq!(worker.acquire("scan 1", "ana", 30), Some((1, 30)));
    assert_eq!(worker.acquire("scan 1", "ana", 1), Some((1, 30)));
    assert_eq!(worker.renew("scan 1", "ana", 1), Some((1, 30)));
}

fn only_its_holder_renews_a_lease_and_only_before_it_lapses(world: &World) {
    let worker = Worker::of(world);
    worker.acquire("scan 1", "ana", 30);
    world.pass(29);
    assert_eq!(worker.renew("scan 1", "ana", 30), Some((1, 30)));
    assert_eq!(worker.renew("scan 1", "bo", 30), None);
    assert_eq!(worker.renew("scan 2", "ana", 30), None);
    world.pass(30);
    assert_eq!(worker.renew("scan 1", "ana", 30), None);
}

fn only_its_owner_releases_a_lease_and_attempts_then_start_again(world: &World) {
    let worker = Worker::of(world);
    let leases = &worker.state.leases;
    worker.acquire("scan 1", "ana", 30);
    world.pass(40);
    worker.acquire("scan 1", "bo", 30);
    assert!(!leases.release("scan 1", "ana").unwrap());
    assert!(leases.release("scan 1", "bo").unwrap());
    assert!(!leases.release("scan 1", "bo").unwrap());
    assert_eq!(leases.holder("scan 1").unwrap(), None);
    assert_eq!(worker.acquire("scan 1", "ana", 30), Some((1, 30)));
}

fn lapsed_leases_are_listed_the_longest_lapsed_first(world: &World) {
    let worker = Worker::of(world);
    for (name, ttl_s) in [("slow", 20), ("fast", 10), ("alive", 60)] {
        worker.acquire(name, "ana", ttl_s);
    }
    world.pass(9);
    assert_eq!(worker.lapsed(), []);
    world.pass(1);
    assert_eq!(worker.lapsed(), [("fast".to_owned(), 0)]);
    world.pass(20);
    assert_eq!(worker.lapsed(), [("fast".to_owned(), -20), ("slow".to_owned(), -10)]);
    let holder = worker.state.leases.holder("fast").unwrap().unwrap();
    assert_eq!((holder.name.as_str(), holder.owner.as_str(), holder.lease.attempt), ("fast", "ana", 1));
    assert_eq!(worker.seconds(holder.lease), -20);
    assert_eq!(worker.state.leases.holder("none").unwrap(), None);
}

fn of_many_who_want_a_lease_at_once_one_gets_it(world: &World) {
    let states: Vec<_> = (0..8).map(|_| world.open()).collect();
    let now = world.now();
    let start = Barrier::new(states.len());
    let won = std::thread::scope(|scope| {
        let contenders: Vec<_> = states
            .iter()
            .enumerate()
            .map(|(number, state)| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    state.leases.acquire("scan 1", &format!("worker {number}"), now, 30_000).unwrap()
                })
            })
            .collect();
        contenders.into_iter().filter_map(|contender| contender.join().unwrap()).count()
    });
    assert_eq!(won, 1);
}
