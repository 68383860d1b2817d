//! Scans that installations of an app have under way are counted over all nodes.

use crate::support::{ACME, World};
use scanledger_commands::hosted::ScanSlots;
use scanledger_commands::{CommandError, Context, Ledger};
use scanledger_domain::check::{SlotRefusal, SlotTaken};
use scanledger_domain::id::{CommandId, ScanId};
use scanledger_domain::limits::{CHECK_TIME, INSTALLATION_SCANS};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use tokio::task::JoinSet;
use uuid::Uuid;

/// 10:30, in the middle of an hour.
const LATE: Timestamp = Timestamp(1_795_257_000_000_000);
/// The last second of that hour.
const LAST: Timestamp = Timestamp(1_795_258_799_000_000);

/// Two nodes over one log.
fn nodes(world: &World) -> [ScanSlots; 2] {
    [0, 1].map(|_| ScanSlots::new(Ledger::new(Arc::clone(&world.log))))
}

fn slot(scan: usize, at: Timestamp) -> SlotTaken {
    SlotTaken { scan: ScanId(Uuid::from_u128(scan as u128)), installation: 42.try_into().unwrap(), at }
}

fn context(scan: usize) -> Context {
    Context::new(CommandId(Uuid::from_u128(0xc0 << 64 | scan as u128)), Actor::System, Some(ACME))
}

async fn take(node: &ScanSlots, slots: std::ops::Range<usize>, at: Timestamp) {
    for scan in slots {
        node.take(&context(scan), slot(scan, at)).await.unwrap();
    }
}

async fn is_full(node: &ScanSlots, scan: usize, at: Timestamp) -> bool {
    match node.take(&context(scan), slot(scan, at)).await {
        Ok(()) => false,
        Err(CommandError::Refused(SlotRefusal::AllTaken)) => true,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_share_the_slots_of_an_installation() {
    let world = World::new();
    let nodes = nodes(&world);
    let mut taking = JoinSet::new();
    for scan in 0..2 * INSTALLATION_SCANS {
        let node = nodes[scan % 2].clone();
        taking.spawn(async move { is_full(&node, scan, LATE).await });
    }
    let refused = taking.join_all().await.into_iter().filter(|is_full| *is_full).count();
    assert_eq!(refused, INSTALLATION_SCANS);
    for node in &nodes {
        assert_eq!(node.taken(42.try_into().unwrap(), LATE).await.unwrap(), INSTALLATION_SCANS);
        assert_eq!(node.taken(43.try_into().unwrap(), LATE).await.unwrap(), 0, "of another installation");
    }
}

#[tokio::test]
async fn what_one_node_gives_back_another_takes() {
    let world = World::new();
    let [one, other] = nodes(&world);
    take(&one, 0..INSTALLATION_SCANS, LATE).await;
    assert!(is_full(&other, 99, LATE).await);
    for _ in 0..2 {
        one.leave(&context(0), &slot(0, LATE)).await.unwrap();
    }
    assert!(!is_full(&other, 98, LATE).await);
    assert!(is_full(&one, 97, LATE).await, "what is given back twice is one slot");
}

#[tokio::test]
async fn what_began_in_the_hour_before_counts_as_long_as_it_may_take() {
    let world = World::new();
    let [one, other] = nodes(&world);
    take(&one, 0..INSTALLATION_SCANS, LAST).await;
    let seconds = i64::try_from(CHECK_TIME.as_secs()).unwrap();
    let (next_hour, end) = (LAST.plus_seconds(1), LAST.plus_seconds(seconds));
    assert!(is_full(&other, 99, next_hour).await);
    assert!(is_full(&other, 98, Timestamp(end.0 - 1)).await);
    one.leave(&context(0), &slot(0, LAST)).await.unwrap();
    assert!(!is_full(&other, 97, next_hour).await);
    assert!(is_full(&other, 96, next_hour).await);
    // A node that is gone gives nothing back.
    assert_eq!(other.taken(42.try_into().unwrap(), end).await.unwrap(), 1);
    assert!(!is_full(&other, 95, end).await);
}
