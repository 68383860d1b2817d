//! What probes see of the server.

use crate::log::OpenLog;
use crate::proofs::Proofs;
use crate::server::Engine;
use scanledger_api::app::{BusHealth, Probe};
use scanledger_bus_nats::{BusError, BusState, Link};
use scanledger_domain::log::{GROUP_SIZES, LogStats, Position};
use scanledger_projections::{Health, Projector};
use scanledger_state::KeyVault;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Where the log ended when this process started, until the read models were there: from then on its end may move away
/// from whoever follows a busy one.
struct Goal {
    head_at_start: Position,
    is_reached: AtomicBool,
}

impl Goal {
    const fn new(head_at_start: Position) -> Self {
        Self { head_at_start, is_reached: AtomicBool::new(false) }
    }

    /// What read models at `position` have yet to reach.
    fn left(&self, head: Position, position: Position) -> Option<Position> {
        // A log may have lost what it had then.
        let goal = self.head_at_start.min(head);
        if position >= goal {
            self.is_reached.store(true, Ordering::Relaxed);
        }
        (!self.is_reached.load(Ordering::Relaxed)).then_some(goal)
    }
}

/// Log, projector and the metrics recorder of this process.
pub struct ServerProbe {
    log: OpenLog,
    projector: Projector,
    proofs: Proofs,
    vault: Arc<KeyVault>,
    goal: Goal,
    bus: Option<watch::Receiver<BusState>>,
    recorder: Option<metrics_exporter_prometheus::PrometheusHandle>,
}

impl ServerProbe {
    /// Over the parts of this server; without a recorder, metrics are those of log, projector and bus only.
    pub fn new(
        engine: &Engine,
        bus: Option<watch::Receiver<BusState>>,
        recorder: Option<metrics_exporter_prometheus::PrometheusHandle>,
    ) -> Self {
        Self {
            log: engine.log.clone(),
            projector: engine.projector.clone(),
            proofs: engine.proofs.clone(),
            vault: Arc::clone(&engine.state.vault),
            goal: Goal::new(engine.head_at_start),
            bus,
            recorder,
        }
    }

    /// Figures of the bus: name, kind, help, value. What this node does not know is left out.
    fn bus_figures(&self) -> Vec<(&'static str, &'static str, &'static str, u64)> {
        let Some(bus) = self.bus() else { return vec![] };
        let lag = bus.lag.map(|lag| {
            (
                "bus_lag_events",
                "gauge",
                "Events of the log that the bus has not; on the node that publishes.",
                lag,
            )
        });
        let figures = [
            ("bus_connected", "gauge", "1 if there is a connection to the bus.", u64::from(bus.is_connected)),
            (
                "bus_failed",
                "gauge",
                "1 if publishing events does not go on; /health/ready says why.",
                u64::from(bus.failure.is_some()),
            ),
            (
                "bus_checkpoints_failed",
                "gauge",
                "1 if signed checkpoints are not published; /health/ready says why.",
                u64::from(bus.checkpoint_failure.is_some()),
            ),
        ];
        figures.into_iter().chain(lag).collect()
    }
}

impl Probe for ServerProbe {
    fn head(&self) -> Position {
        *self.log.head_watch().borrow()
    }

    fn head_age(&self) -> Duration {
        self.log.head_age()
    }

    fn goal(&self) -> Option<Position> {
        self.goal.left(self.head(), self.projector.health().position)
    }

    fn projector(&self) -> Health {
        self.projector.health()
    }

    fn refusal(&self) -> Option<String> {
        self.proofs.refusal()
    }

    fn keys(&self) -> Option<String> {
        Some(self.vault.trouble()?.to_string())
    }

    fn bus(&self) -> Option<BusHealth> {
        let state = self.bus.as_ref()?.borrow().clone();
        let why = |failure: &Option<Arc<BusError>>| failure.as_ref().map(ToString::to_string);
        Some(BusHealth {
            is_connected: state.link == Link::Up,
            lag: state.lag(self.head()),
            failure: why(&state.failure),
            checkpoint_failure: why(&state.checkpoint_failure),
        })
    }

    fn metrics(&self) -> String {
        let mut text = self.recorder.as_ref().map(|recorder| recorder.render()).unwrap_or_default();
        let log = self.log.stats();
        let health = self.projector.health();
        let head = self.head().0;
        let rows = [
            ("log_appended_events_total", "counter", "Events appended since the start.", log.events),
            (
                "log_append_batches_total",
                "counter",
                "Transactions that appended, each flushed once.",
                log.groups,
            ),
            ("log_head_position", "gauge", "Position of the last event.", head),
            ("projector_position", "gauge", "Position up to which read models are built.", health.position.0),
            (
                "projector_lag_events",
                "gauge",
                "Events not in the read models yet.",
                head.saturating_sub(health.position.0),
            ),
            ("projector_applied_events_total", "counter", "Events applied since the start.", health.applied),
            ("projector_parked_events", "gauge", "Events that could not be applied.", health.parked),
            (
                "projector_broken_branches",
                "gauge",
                "Branches that are not what the log says is on them, until read models are built anew.",
                health.broken_branches,
            ),
            (
                "projector_rebuild_position",
                "gauge",
                "Position up to which new read models are built beside those that serve; 0 while none are.",
                health.rebuilding.map_or(0, |position| position.0),
            ),
        ];
        for (name, kind, help, value) in
            rows.into_iter().chain(self.proofs.figures()).chain(self.bus_figures())
        {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "# HELP scanledger_{name} {help}\n# TYPE scanledger_{name} {kind}\nscanledger_{name} {value}\n"
            );
        }
        text.push_str(&batch_sizes(&log));
        text
    }
}

/// How many requests transactions took, as a histogram in Prometheus' text format.
fn batch_sizes(log: &LogStats) -> String {
    const NAME: &str = "scanledger_log_append_batch_requests";
    let mut text = format!("# HELP {NAME} Requests that one transaction took.\n# TYPE {NAME} histogram\n");
    for size in GROUP_SIZES {
        let up_to = log.groups - log.groups_above(size);
        let _ = writeln!(text, "{NAME}_bucket{{le=\"{size}\"}} {up_to}");
    }
    let LogStats { groups, requests, .. } = log;
    let _ =
        writeln!(text, "{NAME}_bucket{{le=\"+Inf\"}} {groups}\n{NAME}_sum {requests}\n{NAME}_count {groups}");
    text
}

#[cfg(test)]
mod tests {
    use super::Goal;
    use scanledger_domain::log::Position;

    #[test]
    fn what_the_log_had_at_the_start_is_to_be_reached_once() {
        let (goal, there) = (Goal::new(Position(2)), Position(2));
        assert_eq!(goal.left(there, Position(0)), Some(there));
        assert_eq!(goal.left(Position(9), Position(1)), Some(there), "what came later does not count");
        assert_eq!(goal.left(Position(9), there), None);
        assert_eq!(goal.left(Position(9), Position(1)), None, "a log that lost its end is built up again");
    }

    #[test]
    fn what_a_log_lost_before_it_was_reached_is_not_waited_for() {
        let goal = Goal::new(Position(50));
        assert_eq!(goal.left(Position(40), Position(39)), Some(Position(40)));
        assert_eq!(goal.left(Position(40), Position(40)), None);
        assert_eq!(goal.left(Position(41), Position(40)), None);
    }

    #[test]
    fn nothing_is_to_be_reached_of_an_empty_log() {
        assert_eq!(Goal::new(Position::START).left(Position::START, Position::START), None);
    }
}
