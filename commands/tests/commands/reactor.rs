//! Reactors run on one node at a time, and on another when that one is gone.

use parking_lot::Mutex;
use scanledger_commands::ports::{LeaseHolder, Leases};
use scanledger_commands::reactor::{REACTOR_LEASE, Reactor, TRY_AGAIN, Work};
use scanledger_domain::Cause;
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_state::{ServerKey, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Runs as fast as the real clock, from a fixed instant.
struct Running(Instant);

impl Clock for Running {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_000_000_000_000 + i64::try_from(self.0.elapsed().as_micros()).unwrap())
    }
}

/// Nodes that share a state store.
struct Nodes {
    _folder: TempDir,
    leases: Arc<dyn Leases>,
    clock: Arc<Running>,
    /// How many nodes are at work now, and the most there ever were.
    at_work: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    /// Who began last.
    last: Arc<AtomicU32>,
}

/// A lease store that does at once what it is asked, and answers later.
struct Late {
    store: Arc<dyn Leases>,
    /// What happens to renewals, the next one first; the last one to all that follow.
    renewals: Mutex<Vec<Renewal>>,
    was_acquired: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Renewal {
    answered_after: Duration,
    is_done: bool,
}

impl Leases for Late {
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause> {
        // A store that no longer renews anything gives nothing out either.
        let is_away = self.renewals.lock().last().is_none_or(|last| !last.is_done);
        if self.was_acquired.swap(true, Ordering::SeqCst) && is_away {
            return Err(Cause::from("the database does not answer"));
        }
        self.store.acquire(name, owner, now, ttl)
    }

    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause> {
        let renewal = {
            let mut renewals = self.renewals.lock();
            if renewals.len() > 1 { renewals.remove(0) } else { renewals[0] }
        };
        let answer = match renewal.is_done {
            true => self.store.renew(name, owner, now, ttl),
            false => Err(Cause::from("the database does not answer")),
        };
        std::thread::sleep(renewal.answered_after);
        answer
    }

    fn release(&self, name: &str, owner: &str) -> Result<(), Cause> {
        self.store.release(name, owner)
    }

    fn holder(&self, name: &str) -> Result<Option<LeaseHolder>, Cause> {
        self.store.holder(name)
    }
}

struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Nodes {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        let state = State::open(&folder.path().join("state.db"), &key).unwrap();
        let leases: Arc<dyn Leases> = Arc::clone(&state.leases) as _;
        let clock = Arc::new(Running(Instant::now()));
        Self {
            _folder: folder,
            leases,
            clock,
            at_work: Arc::default(),
            most: Arc::default(),
            last: Arc::default(),
        }
    }

    fn reactor(&self, node: u32) -> Reactor {
        self.reactor_on(node, Arc::clone(&self.leases))
    }

    /// A reactor of a node that the lease store answers late, in this way.
    fn late(&self, node: u32, renewals: &[Renewal]) -> Reactor {
        let renewals = Mutex::new(renewals.to_vec());
        self.reactor_on(
            node,
            Arc::new(Late {
                store: Arc::clone(&self.leases),
                renewals,
                was_acquired: AtomicBool::new(false),
            }),
        )
    }

    fn reactor_on(&self, node: u32, leases: Arc<dyn Leases>) -> Reactor {
        Reactor { name: "test", leases, clock: Arc::clone(&self.clock) as _, owner: format!("node-{node}") }
    }

    /// A node that works until it is told to stop, or whose work fails at once.
    fn start(&self, node: u32, fails: bool) -> (JoinHandle<()>, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        let reactor = self.reactor(node);
        let (at_work, most, last) =
            (Arc::clone(&self.at_work), Arc::clone(&self.most), Arc::clone(&self.last));
        let work: Work = Box::new(move |mut stop| {
            let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            let here = AtWork(Arc::clone(&at_work));
            last.store(node, Ordering::SeqCst);
            Box::pin(async move {
                let _here = here;
                if fails {
                    return Err(Cause::from("it broke"));
                }
                drop(stop.wait_for(|stop| *stop).await);
                Ok(())
            })
        });
        (tokio::spawn(reactor.run(work, stopped)), stop)
    }

    async fn worked_by(&self, node: u32, within: Duration) -> Duration {
        let began = Instant::now();
        while self.last.load(Ordering::SeqCst) != node {
            assert!(began.elapsed() < within, "node {node} did not begin in {within:?}");
            sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_works_and_the_next_goes_on_when_it_is_stopped() {
    let nodes = Nodes::new();
    let (first, stop) = nodes.start(1, false);
    nodes.worked_by(1, TRY_AGAIN).await;
    let _second = nodes.start(2, false);
    sleep(TRY_AGAIN * 2).await;
    assert_eq!(nodes.last.load(Ordering::SeqCst), 1);
    stop.send_replace(true);
    first.await.unwrap();
    nodes.worked_by(2, TRY_AGAIN * 2).await;
    assert_eq!(nodes.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_vanished_is_replaced_when_its_lease_has_lapsed() {
    let nodes = Nodes::new();
    let (first, _stop) = nodes.start(1, false);
    nodes.worked_by(1, TRY_AGAIN).await;
    let _second = nodes.start(2, false);
    // Without a word, as a machine does that loses its power.
    first.abort();
    let took = nodes.worked_by(2, REACTOR_LEASE + TRY_AGAIN * 2).await;
    assert!(took > REACTOR_LEASE / 2, "the lease still held");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_has_ended_when_its_lease_lapses_however_late_the_store_answers() {
    let nodes = Nodes::new();
    // The lease is renewed once; the node hears of it when there is hardly anything left of it, and of no other.
    let late = Duration::from_millis(3_500);
    let renewals = [true, false].map(|is_done| Renewal { answered_after: late, is_done });
    let (at_work, most, last) =
        (Arc::clone(&nodes.at_work), Arc::clone(&nodes.most), Arc::clone(&nodes.last));
    let work: Work = Box::new(move |_heedless| {
        most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let here = AtWork(Arc::clone(&at_work));
        last.store(1, Ordering::SeqCst);
        Box::pin(async move {
            let _here = here;
            std::future::pending::<Result<(), Cause>>().await
        })
    });
    let (_stop, stopped) = watch::channel(false);
    let first = tokio::spawn(nodes.late(1, &renewals).run(work, stopped));
    nodes.worked_by(1, TRY_AGAIN).await;
    let _second = nodes.start(2, false);
    nodes.worked_by(2, REACTOR_LEASE * 3).await;
    // What the first one has not ended by now goes on for as long as it takes to stop.
    sleep(REACTOR_LEASE).await;
    assert_eq!(nodes.most.load(Ordering::SeqCst), 1, "nodes worked at the same time");
    assert_eq!(nodes.last.load(Ordering::SeqCst), 2);
    first.abort();
}

/// Works for ever, and notes the longest time in which it could not.
async fn beat(longest: Arc<Mutex<Duration>>) -> Result<(), Cause> {
    loop {
        let paused = Instant::now();
        sleep(Duration::from_millis(10)).await;
        let mut longest = longest.lock();
        *longest = paused.elapsed().max(*longest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_while_the_lease_store_takes_its_time() {
    let nodes = Nodes::new();
    let slow = Renewal { answered_after: Duration::from_secs(1), is_done: true };
    let (begun, longest) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Duration::ZERO)));
    let work: Work = Box::new({
        let (begun, longest) = (Arc::clone(&begun), Arc::clone(&longest));
        move |_| {
            begun.fetch_add(1, Ordering::SeqCst);
            Box::pin(beat(Arc::clone(&longest)))
        }
    });
    let (_stop, stopped) = watch::channel(false);
    let working = tokio::spawn(nodes.late(1, &[slow]).run(work, stopped));
    // Longer than a lease that is not renewed.
    sleep(REACTOR_LEASE * 2).await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    assert!(*longest.lock() < slow.answered_after / 2, "the work stood still for {:?}", *longest.lock());
    working.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_once_waits_until_nobody_else_does_it() {
    let nodes = Nodes::new();
    let order = Arc::new(AtomicU32::new(0));
    let does = |node: u32, lasts: Duration| {
        let order = Arc::clone(&order);
        async move {
            order.store(node, Ordering::SeqCst);
            sleep(lasts).await;
            // Nobody else began meanwhile.
            order.load(Ordering::SeqCst)
        }
    };
    let (first, second, third) = (nodes.reactor(1), nodes.reactor(2), nodes.reactor(3));
    // Longer than a lease that nobody renews.
    let long = tokio::spawn({
        let work = does(1, REACTOR_LEASE + TRY_AGAIN);
        async move { first.once(Duration::ZERO, work).await.unwrap() }
    });
    sleep(Duration::from_millis(200)).await;
    assert_eq!(third.once(Duration::ZERO, does(3, Duration::ZERO)).await.unwrap(), None);
    let after = second.once(REACTOR_LEASE * 3, does(2, Duration::ZERO)).await.unwrap();
    assert_eq!((long.await.unwrap(), after), (Some(1), Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_fails_begins_again() {
    let nodes = Nodes::new();
    let _failing = nodes.start(1, true);
    nodes.worked_by(1, TRY_AGAIN).await;
    nodes.last.store(0, Ordering::SeqCst);
    nodes.worked_by(1, TRY_AGAIN * 4).await;
}
