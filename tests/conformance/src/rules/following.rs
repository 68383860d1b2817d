//! What a subscription hands out.

use crate::harness::Harness;
use crate::samples::{assert_ordered, events, everything, following, must_append, open, stream};
use scanledger_domain::log::{EventLog, Position, Recorded, Subscription};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

const WRITERS: u32 = 4;
const BATCHES: u32 = 60;
const EVENTS: usize = (WRITERS * BATCHES * 2) as usize;

/// From what is there to what comes, there is neither a gap nor a repeat, while writers write.
///
/// # Panics
/// When the rule is broken.
pub async fn a_subscriber_started_in_the_middle_sees_every_event_once_and_in_order<H: Harness>(harness: &H) {
    let log = open(harness).await;
    let writers = write_all(&log);
    while everything(&*log).await.len() < EVENTS / 3 {
        tokio::task::yield_now().await;
    }
    let halfway = log.head().await.expect("the head can be read");
    let mut late = log.subscribe(Position(halfway.0 / 2));
    let mut whole = log.subscribe(Position::START);
    let seen = follow(whole.as_mut(), EVENTS).await;
    let skipped = seen.iter().filter(|event| event.position.0 <= halfway.0 / 2).count();
    let seen_late = follow(late.as_mut(), EVENTS - skipped).await;
    for writer in writers {
        writer.await.expect("every writer succeeds");
    }
    let all = everything(&*log).await;
    assert_eq!(seen, all);
    assert_eq!(seen_late, all[skipped..]);
    assert_ordered(harness, &all);
}

/// Who follows from the head gets what comes after it, and waits until something does.
///
/// # Panics
/// When the rule is broken.
pub async fn a_subscription_from_the_head_sees_only_what_comes<H: Harness>(harness: &H) {
    let (log, a) = (open(harness).await, stream("a"));
    let old = must_append(&*log, &a, 0, events("old", 3)).await;
    let mut subscription = log.subscribe(old.last);
    let too_early = tokio::time::timeout(Duration::from_millis(150), subscription.next()).await;
    assert!(too_early.is_err(), "nothing has come yet");

    for n in 0..3 {
        let appended = must_append(&*log, &a, 3 + n, events(&format!("new {n}"), 1)).await;
        let seen = following(subscription.as_mut()).await;
        assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), [appended.last]);
    }
}

/// A wait that is given up, at whatever moment, takes no events with it.
///
/// # Panics
/// When the rule is broken.
pub async fn a_cancelled_wait_loses_nothing<H: Harness>(harness: &H) {
    let log = open(harness).await;
    let writers = write_all(&log);
    let mut subscription = log.subscribe(Position::START);
    let (mut seen, mut patience) = (Vec::new(), 0);
    while seen.len() < EVENTS {
        // From no time at all to more than a step needs.
        patience = (patience + 37) % 2_000;
        let wait = tokio::time::timeout(Duration::from_micros(patience), subscription.next());
        if let Ok(events) = wait.await {
            seen.extend(events.expect("a subscription to an open log goes on"));
        }
    }
    for writer in writers {
        writer.await.expect("every writer succeeds");
    }
    assert_eq!(seen, everything(&*log).await);
}

/// Some writers with streams of their own, at work.
fn write_all(log: &Arc<dyn EventLog>) -> Vec<JoinHandle<()>> {
    let writer = |writer: u32| {
        let log = Arc::clone(log);
        async move {
            for batch in 0..BATCHES {
                let expected = u64::from(2 * batch);
                let batch = events(&format!("{writer} writes {batch}"), 2);
                must_append(&*log, &stream(writer), expected, batch).await;
            }
        }
    };
    (0..WRITERS).map(|number| tokio::spawn(writer(number))).collect()
}

/// The next `count` events.
async fn follow(subscription: &mut dyn Subscription, count: usize) -> Vec<Recorded> {
    let mut seen = Vec::with_capacity(count);
    while seen.len() < count {
        seen.extend(following(subscription).await);
    }
    seen
}
