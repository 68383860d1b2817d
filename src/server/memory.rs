//! Giving memory back to the system.

use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

/// What starting took and freed is given back so long after it: longer than the allocator keeps it for whoever asks
/// next, which is a second.
const FIRST: Duration = Duration::from_millis(1_500);
/// How often after that.
const EVERY: Duration = Duration::from_secs(30);

/// Lets the allocator give back what has been free for a while. It does so by itself only when a thread that needs more
/// memory asks, or when one ends; a server that has become idle does neither, and keeps what the load before took.
pub(super) fn spawn_returning(mut stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            () = sleep(FIRST) => (),
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        let mut ticks = interval_at(tokio::time::Instant::now(), EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => (),
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            // A system that has no thread to give has more urgent troubles than this one.
            drop(std::thread::Builder::new().name("memory".to_owned()).spawn(|| drop(Box::new(0_u8))));
        }
    })
}
