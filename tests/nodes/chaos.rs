//! Anything is killed at any moment, again and again, under load.

use crate::balancer::Balancer;
use crate::checks;
use crate::export::Log;
use crate::load::Load;
use crate::node::Node;
use crate::order::is_the_same_everywhere;
use crate::place::{Place, Role};
use futures::future::join_all;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// How many rounds there are, unless `SCANLEDGER_CHAOS_ROUNDS` says otherwise.
const ROUNDS: u32 = 3;
/// The latest moment of the first kill of a round, in milliseconds after everything runs.
const LATEST_MS: u64 = 2_000;
/// The longest time from one kill to the next, and until what was killed is started again.
const PAUSE_MS: u64 = 700;
/// Things killed in a round, at most.
const VICTIMS: usize = 3;

/// The nodes.
const NODES: [(&str, Role); 4] =
    [("a", Role::Api), ("b", Role::Api), ("one", Role::Worker(2)), ("other", Role::Worker(2))];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// Of [`NODES`].
    Node(usize),
    Postgres,
    Nats,
}

impl Victim {
    fn name(self) -> &'static str {
        match self {
            Self::Node(number) => NODES[number].0,
            Self::Postgres => "postgres",
            Self::Nats => "nats",
        }
    }
}

/// An installation under load.
struct World {
    place: Place,
    /// Those of [`NODES`] that run.
    nodes: [Option<Node>; 4],
    balancer: Balancer,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_nothing_acknowledged_is_lost_or_doubled_and_all_see_one_order() {
    let rounds = checks::environment("SCANLEDGER_CHAOS_ROUNDS").unwrap_or(ROUNDS);
    let seed = checks::environment("SCANLEDGER_CHAOS_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    eprintln!("{rounds} rounds, SCANLEDGER_CHAOS_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let place = Place::with_own_servers().await;
    place.import_advisories("shell").await;
    let mut world = World { place, nodes: [const { None }; 4], balancer: Balancer::start().await };
    let mut load = Load::start(&world.place.key, &mut random);
    let mut killed = 0;
    for round in 1..=rounds {
        world.start_all().await;
        load.aim(&world.balancer.url);
        let victims = victims(&mut random);
        killed += victims.len();
        let names: Vec<&str> = victims.iter().map(|victim| victim.name()).collect();
        eprintln!("round {round}: kills {}", names.join(", "));
        tokio::time::sleep(Duration::from_millis(random.u64(..=LATEST_MS))).await;
        for victim in victims {
            world.kill(victim).await;
            tokio::time::sleep(Duration::from_millis(random.u64(..=PAUSE_MS))).await;
        }
        world.start_all().await;
        load.nothing_is_gone().await;
        load.hold();
        // What was sent before may still be acknowledged while the log is read.
        let acknowledged = load.acknowledged();
        checks::log_has(&Log::export(&world.place).await, &acknowledged);
        is_the_same_everywhere(&world.place, &world.apis()).await;
        // Beside nodes that go on; their own read models are looked at when they have ended.
        world.place.run(&["verify"]).await;
    }
    load.aim(&world.balancer.url);
    let (acknowledged, client) = load.finish().await;
    checks::decisions_stand(&acknowledged, &client).await;
    is_the_same_everywhere(&world.place, &world.apis()).await;
    let log = Log::export(&world.place).await;
    checks::log_has(&log, &acknowledged);
    checks::nothing_happened_twice(&log, &acknowledged);
    for (node, (name, _)) in world.nodes.into_iter().zip(NODES) {
        node.unwrap().end().await;
        world.place.run_on(name, &["verify"]).await;
        assert!(!world.place.node_log(name).contains("panicked"), "node {name}");
    }
    eprintln!(
        "{rounds} rounds, {killed} kills, {} events; acknowledged: {} scans, {} decisions; {} times a scan was \
         interrupted; nothing lost, nothing doubled, one order everywhere",
        log.len(),
        acknowledged.queued.len(),
        acknowledged.decided.len(),
        log.of_kind("scan.requeued").count(),
    );
    assert!(acknowledged.decided.len() > acknowledged.queued.len(), "decisions were made all the time");
}

/// Who is killed in a round.
fn victims(random: &mut fastrand::Rng) -> Vec<Victim> {
    let nodes = (0..NODES.len()).map(Victim::Node);
    let mut all: Vec<Victim> = nodes.chain([Victim::Postgres, Victim::Nats]).collect();
    random.shuffle(&mut all);
    all.truncate(random.usize(1..=VICTIMS));
    all
}

impl World {
    /// Starts whatever does not run.
    async fn start_all(&mut self) {
        let database = self.place.database.server();
        if !database.is_there() {
            database.begin();
        }
        if let Some(nats) = &mut self.place.nats
            && !nats.is_there()
        {
            nats.begin();
        }
        let missing: Vec<usize> = (0..NODES.len()).filter(|number| self.nodes[*number].is_none()).collect();
        let place = &self.place;
        let started =
            join_all(missing.iter().map(|number| place.start(NODES[*number].0, NODES[*number].1))).await;
        for (number, node) in missing.into_iter().zip(started) {
            self.nodes[number] = Some(node);
        }
        self.aim();
    }

    async fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Node(number) => {
                if let Some(node) = self.nodes[number].take() {
                    node.kill().await;
                }
                self.aim();
            }
            Victim::Postgres => self.place.database.server().kill(),
            Victim::Nats => self.place.nats.as_mut().unwrap().kill(),
        }
    }

    /// Tells the balancer which nodes there are.
    fn aim(&self) {
        self.balancer.aim(self.apis().into_iter().map(|node| node.url.as_str()));
    }

    /// The nodes that answer.
    fn apis(&self) -> Vec<&Node> {
        self.nodes[..2].iter().flatten().collect()
    }
}
