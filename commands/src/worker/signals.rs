//! Follows the log for what concerns workers: scans that wait, and what people do to running ones.

use super::WorkerDeps;
use super::control::{Ending, Runs, Signal};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::log::{LogError, Position, Recorded, Subscription};
use scanledger_domain::scan::ScanEvent;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait before a subscription that failed is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Follows the log from `after` on, for ever; the last position at which a scan began to wait goes to `queue`.
pub(super) async fn follow(
    deps: WorkerDeps,
    after: Position,
    runs: Arc<Runs>,
    queue: watch::Sender<Position>,
) {
    let mut subscription: Box<dyn Subscription> = deps.ledger.log().subscribe(after);
    loop {
        match subscription.next().await {
            Ok(events) => {
                for recorded in events.iter().filter(|recorded| recorded.kind.starts_with("scan.")) {
                    hear(recorded, &runs, &queue);
                }
            }
            Err(lost @ LogError::Diverged { .. }) => {
                tracing::error!(
                    error = &lost as &dyn std::error::Error,
                    "workers follow the log from its present end on, because it has another history"
                );
                let end = end_of(&deps).await;
                subscription = deps.ledger.log().subscribe(end);
                // What waits now is in the log, and perhaps nothing that comes after this tells of it; the read model
                // may never come to where the last one was. Results of scans that run are refused by their streams, if
                // these are not what they were.
                queue.send_replace(end);
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "workers cannot follow the log at the moment"
                );
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Where the log ends, as soon as it says so.
async fn end_of(deps: &WorkerDeps) -> Position {
    loop {
        match deps.ledger.log().head().await {
            Ok(head) => return head,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "workers cannot follow the log at the moment"
                );
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn hear(recorded: &Recorded, runs: &Runs, queue: &watch::Sender<Position>) {
    let event = match ScanEvent::decode(&recorded.kind, recorded.schema, &recorded.data) {
        Ok(event) => event,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(position = recorded.position.0, error, "a scan event cannot be read");
            return;
        }
    };
    let any = |_| true;
    match event {
        ScanEvent::Queued(_) => drop(queue.send_replace(recorded.position)),
        // Names no attempt, and may be heard after the next one began, so it ends nothing here: a superseded
        // worker hears of the next start, and the decider refuses its results in any case.
        ScanEvent::Requeued(_) => drop(queue.send_replace(recorded.position)),
        ScanEvent::Started(started) => {
            runs.tell(started.scan, Signal::End(Ending::Superseded), |own| own < started.attempt);
        }
        ScanEvent::Paused(paused) => {
            runs.tell(paused.scan, Signal::Pause, any);
            // It needs no worker until it goes on, so another one may begin.
            queue.send_modify(|_| ());
        }
        ScanEvent::Resumed(resumed) => runs.tell(resumed.scan, Signal::Run, any),
        ScanEvent::Stopped(stopped) => runs.tell(stopped.scan, Signal::End(Ending::Stopped), any),
        ScanEvent::Cancelled(cancelled) => runs.tell(cancelled.scan, Signal::End(Ending::Cancelled), any),
        ScanEvent::Failed(failed) => runs.tell(failed.scan, Signal::End(Ending::Superseded), any),
        ScanEvent::Settling(_)
        | ScanEvent::ResultsReceived(_)
        | ScanEvent::Completed(_)
        | ScanEvent::PartialKept(_)
        | ScanEvent::Deleted(_) => (),
    }
}
