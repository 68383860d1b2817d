//! Branches are closed once, by whoever says so, and by silence.

use crate::support::{ACME, World};
use scanledger_commands::branch::{Branches, SilenceReactor};
use scanledger_commands::{CommandError, Context};
use scanledger_domain::branch::{
    BranchEvent, CloseReason, CloseRefusal, Closed, ClosedBecause, Opened, branch_id, branch_stream,
};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{BranchId, CommandId, ProjectId};
use scanledger_domain::limits::{SILENT_BRANCH_DAYS, SILENT_BRANCHES};
use scanledger_domain::log::{Actor, Append, NewEvent, Version};
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

fn branches(world: &World) -> Branches {
    Branches::new(world.ledger.clone(), Arc::clone(&world.views))
}

fn delivery(number: u128) -> Context {
    Context::new(CommandId(Uuid::from_u128(0xde << 64 | number)), Actor::System, Some(ACME))
}

/// Opens branches of these names, as the first results of scans do.
async fn open(world: &World, project: ProjectId, names: &[String]) {
    for part in names.chunks(500) {
        let batch = part.iter().map(|name| {
            let branch = branch_id(project, name);
            let opened = Opened { branch, organization: ACME, project, name: name.clone(), base: None };
            let (event, context) = (BranchEvent::from(opened), world.fresh());
            let new = NewEvent {
                id: context.command.event(0),
                kind: event.kind(),
                schema: event.schema(),
                data: event.encode(),
                metadata: context.metadata(),
            };
            Append { stream: branch_stream(branch), expected: Version::NONE, events: vec![new] }
        });
        world.log.append(batch.collect()).await.unwrap();
    }
}

/// Opens a branch once more, as a scan of it does.
async fn open_again(world: &World, project: ProjectId, name: &str) {
    let snapshot = world.views.inventory(project, name).await.unwrap();
    assert_eq!(snapshot.inventory.opened, None, "it is open");
    let branch = branch_id(project, name);
    let opened = Opened { branch, organization: ACME, project, name: name.into(), base: None };
    let events = [BranchEvent::from(opened)];
    let stream = branch_stream(branch);
    world.ledger.append_parts(&world.fresh(), &stream, snapshot.version, &events).await.unwrap();
}

/// Which branches were closed, in order.
async fn closed(world: &World) -> Vec<Closed> {
    let events = world.events().await;
    let of_branches = events.iter().filter(|recorded| &*recorded.kind == "branch.closed");
    let decoded = of_branches.map(|recorded| {
        match BranchEvent::decode(&recorded.kind, recorded.schema, &recorded.data).unwrap() {
            BranchEvent::Closed(closed) => closed,
            other => panic!("unexpected {other:?}"),
        }
    });
    decoded.collect()
}

async fn is_open(world: &World, project: ProjectId, name: &str) -> bool {
    world.views.open_branch(project, name).await.unwrap().is_some()
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn what_is_told_twice_is_done_once() {
    let world = World::new();
    let shop = world.project("shop").await;
    open(&world, shop, &names(["main", "topic"])).await;
    let branches = branches(&world);
    let first = branches.close(&delivery(1), shop, "topic", CloseReason::Merged).await.unwrap();
    assert!(first.is_some() && !is_open(&world, shop, "topic").await);
    // Told in another way, there is nothing to do.
    assert_eq!(branches.close(&delivery(2), shop, "topic", CloseReason::Deleted).await.unwrap(), None);
    open_again(&world, shop, "topic").await;
    // A delivery that comes once more is about the branch that was.
    let again = branches.close(&delivery(1), shop, "topic", CloseReason::Merged).await.unwrap();
    assert_eq!(again, first);
    assert!(is_open(&world, shop, "topic").await);
    let later = branches.close(&delivery(3), shop, "topic", CloseReason::Deleted).await.unwrap();
    assert!(later > first && !is_open(&world, shop, "topic").await);
    let branch = branch_id(shop, "topic");
    let both = [ClosedBecause::Merged, ClosedBecause::Deleted].map(|because| Closed { branch, because });
    assert_eq!(closed(&world).await, both);
}

#[tokio::test]
async fn a_branch_that_nobody_scanned_has_nothing_to_close() {
    let world = World::new();
    let shop = world.project("shop").await;
    let branches = branches(&world);
    assert_eq!(branches.close(&delivery(1), shop, "topic", CloseReason::Deleted).await.unwrap(), None);
    assert_eq!(closed(&world).await, []);
}

#[tokio::test]
async fn the_default_branch_stays_whatever_is_said() {
    let world = World::new();
    let shop = world.project("shop").await;
    open(&world, shop, &names(["main"])).await;
    for (number, reason) in [(1, CloseReason::Merged), (2, CloseReason::Deleted)] {
        let refused = branches(&world).close(&delivery(number), shop, "main", reason).await;
        assert!(matches!(refused, Err(CommandError::Refused(CloseRefusal::IsDefault))), "{refused:?}");
    }
    assert!(is_open(&world, shop, "main").await);
}

#[tokio::test]
async fn nodes_that_close_a_branch_at_once_close_it_once() {
    let world = World::new();
    let shop = world.project("shop").await;
    open(&world, shop, &names(["topic"])).await;
    let now = world.clock.now().plus_days(SILENT_BRANCH_DAYS + 1);
    let (one, other) = (branches(&world), branches(&world));
    let by_hand = delivery(1);
    let (a, b, c) = tokio::join!(
        one.close_silent(now),
        other.close_silent(now),
        one.close(&by_hand, shop, "topic", CloseReason::Deleted)
    );
    a.unwrap();
    b.unwrap();
    c.unwrap();
    assert_eq!(closed(&world).await.len(), 1);
}

#[tokio::test]
async fn branches_that_were_silent_for_so_long_are_closed_and_no_others() {
    let world = World::new();
    let shop = world.project("shop").await;
    open(&world, shop, &names(["main", "topic", "other"])).await;
    let heard_at = world.views.open_branch(shop, "topic").await.unwrap().unwrap().heard_at;
    let branches = branches(&world);
    let end = heard_at.plus_days(SILENT_BRANCH_DAYS);
    assert_eq!(branches.close_silent(Timestamp(end.0 - 1_000_000)).await.unwrap(), 0);
    // The log's clock gives each event a time of its own, so `other` was heard of later.
    assert_eq!(branches.close_silent(end).await.unwrap(), 1);
    assert!(!is_open(&world, shop, "topic").await && is_open(&world, shop, "other").await);
    assert_eq!(branches.close_silent(end.plus_days(1)).await.unwrap(), 1);
    assert_eq!(branches.close_silent(end.plus_days(2)).await.unwrap(), 0);
    assert!(is_open(&world, shop, "main").await, "the default branch");
    let told = closed(&world).await;
    assert!(told.iter().all(|closed| closed.because == ClosedBecause::Silent), "{told:?}");
    open_again(&world, shop, "topic").await;
    assert_eq!(branches.close_silent(end).await.unwrap(), 0, "it was heard of again");
    assert_eq!(branches.close_silent(end.plus_days(SILENT_BRANCH_DAYS + 1)).await.unwrap(), 1);
}

#[tokio::test]
async fn more_silent_branches_than_are_looked_up_at_a_time_are_all_closed() {
    let world = World::new();
    let shop = world.project("shop").await;
    let many: Vec<String> = (0..2 * SILENT_BRANCHES).map(|n| format!("topic-{n}")).collect();
    open(&world, shop, &[names(["main"]), many].concat()).await;
    let now = world.clock.now().plus_days(SILENT_BRANCH_DAYS + 1);
    assert_eq!(branches(&world).close_silent(now).await.unwrap(), u64::from(2 * SILENT_BRANCHES));
    let mut all: Vec<BranchId> = closed(&world).await.into_iter().map(|closed| closed.branch).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2 * SILENT_BRANCHES as usize);
    assert!(!all.contains(&branch_id(shop, "main")));
}

/// A clock that is so many days ahead.
struct Ahead(Arc<dyn Clock>, i64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now().plus_days(self.1)
    }
}

#[tokio::test]
async fn the_reactor_looks_at_once_and_ends_when_it_is_told() {
    let world = World::new();
    let shop = world.project("shop").await;
    open(&world, shop, &names(["topic"])).await;
    for (days, is_closed) in [(SILENT_BRANCH_DAYS - 1, false), (SILENT_BRANCH_DAYS + 1, true)] {
        let clock = Arc::new(Ahead(Arc::clone(&world.clock), days));
        let (stop, stopped) = watch::channel(false);
        let working = tokio::spawn(SilenceReactor::new(branches(&world), clock).run(stopped));
        if is_closed {
            let gone = async {
                while is_open(&world, shop, "topic").await {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
        } else {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.send_replace(true);
        working.await.unwrap().unwrap();
        assert_eq!(is_open(&world, shop, "topic").await, !is_closed);
    }
}
