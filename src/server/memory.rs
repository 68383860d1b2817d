//! Giving memory back to the system.

use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What starting took and freed is given back so long after it: longer than the allocator keeps it for whoever asks
/// next, which is a second.
const FIRST: Duration = Duration::from_millis(1_500);
/// How often after that.
const EVERY: Duration = Duration::from_secs(30);

/// Lets the allocator give back what has been free for a while. It does so by itself only when a thread that needs more
/// memory asks, or when one ends; a server that has become idle does neither, and keeps what the load before took.
pub(super) fn spawn_returning(stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(repeat(FIRST, EVERY, give_back, stopped))
}

/// Ends a thread that did next to nothing.
fn give_back() {
    // A system that has no thread to give has more urgent troubles than this one.
    drop(std::thread::Builder::new().name("memory".to_owned()).spawn(|| drop(Box::new(0_u8))));
}

/// Does something after a while, and again and again, until `stopped` says so or nobody is there who could.
async fn repeat(first: Duration, every: Duration, act: impl Fn(), mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval_at(Instant::now() + first, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = ticks.tick() => act(),
        }
    }
}

// What the allocator gives back is not looked at here: it is that of the binary, which these tests do without.
#[cfg(test)]
mod tests {
    use super::{repeat, spawn_returning};
    use std::time::Duration;
    use tokio::sync::{mpsc, watch};

    const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
    const SOON: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn it_goes_on_until_the_server_stops() {
        let (stop, stopped) = watch::channel(false);
        let (done, mut times) = mpsc::unbounded_channel();
        let act = move || done.send(()).unwrap();
        let running = tokio::spawn(repeat(SOON, SOON, act, stopped));
        for _ in 0..3 {
            times.recv().await.expect("it does not end by itself");
        }
        stop.send(true).unwrap();
        running.await.unwrap();
        while times.recv().await.is_some() {}
    }

    #[tokio::test]
    async fn it_waits_for_its_first_time_and_ends_while_it_does() {
        let (stop, stopped) = watch::channel(false);
        let (done, mut times) = mpsc::unbounded_channel::<()>();
        let running = tokio::spawn(repeat(NEVER, SOON, move || done.send(()).unwrap(), stopped));
        stop.send(true).unwrap();
        running.await.unwrap();
        assert_eq!(times.recv().await, None);
    }

    #[tokio::test]
    async fn it_waits_between_its_times() {
        let (stop, stopped) = watch::channel(false);
        let (done, mut times) = mpsc::unbounded_channel();
        let running = tokio::spawn(repeat(SOON, NEVER, move || done.send(()).unwrap(), stopped));
        times.recv().await.expect("it has a first time");
        stop.send(true).unwrap();
        running.await.unwrap();
        assert_eq!(times.recv().await, None, "there was one time only");
    }

    #[tokio::test]
    async fn a_server_that_is_gone_needs_it_no_more() {
        let (stop, stopped) = watch::channel(false);
        let running = spawn_returning(stopped);
        drop(stop);
        running.await.unwrap();
    }
}
