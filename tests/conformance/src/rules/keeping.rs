//! What is kept: time, and everything over a restart.

use crate::clock::SteppingClock;
use crate::harness::Harness;
use crate::samples::{MORNING, append, assert_ordered, events, everything, id, must_append, open, stream};
use scanledger_domain::log::{AppendError, Version};
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;

/// `recorded_at` rises by at least a microsecond per event, also when the clock stands still, goes back, or
/// was put back while the log was closed; and it follows the clock when that is ahead.
///
/// # Panics
/// When the rule is broken.
pub async fn time_increases_strictly_whatever_the_clock_does<H: Harness>(harness: &H) {
    let clock = Arc::new(SteppingClock::standing_at(MORNING));
    let open_with = async || harness.open(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let (log, a) = (open_with().await, stream("a"));
    must_append(&*log, &a, 0, events("standing still", 3)).await;
    must_append(&*log, &a, 3, events("still standing", 2)).await;
    clock.set(MORNING.plus_seconds(60));
    must_append(&*log, &a, 5, events("a minute later", 1)).await;
    clock.set(MORNING.plus_seconds(-3_600));
    must_append(&*log, &a, 6, events("an hour back", 2)).await;
    drop(log);
    let log = open_with().await;
    must_append(&*log, &a, 8, events("still an hour back", 1)).await;

    let recorded = everything(&*log).await;
    assert_ordered(harness, &recorded);
    if harness.capabilities().own_clock {
        let times: Vec<Timestamp> = recorded.iter().map(|event| event.recorded_at).collect();
        let after = |from: Timestamp, micros| Timestamp(from.0 + micros);
        let minute = MORNING.plus_seconds(60);
        let still = (0..5).map(|micros| after(MORNING, micros));
        let later = (0..4).map(|micros| after(minute, micros));
        assert_eq!(times, still.chain(later).collect::<Vec<_>>());
    }
}

/// What was acknowledged is there after the log was closed and opened, and the log goes on from there.
///
/// # Panics
/// When the rule is broken.
pub async fn reopening_keeps_everything<H: Harness>(harness: &H) {
    let log = open(harness).await;
    for n in 0..20_u32 {
        must_append(&*log, &stream(n % 4), u64::from(n / 4), events(&format!("{n}"), 1)).await;
    }
    let (before, identity) = (everything(&*log).await, log.identity());
    drop(log);

    let log = open(harness).await;
    assert_eq!(log.identity(), identity, "it is the same log");
    assert_eq!(everything(&*log).await, before);
    assert_eq!(log.head().await.expect("the head can be read"), before[19].position);
    assert_eq!(log.find(id("7", 0)).await.expect("an id can be looked up"), Some(before[7].position));
    let late = append(&*log, &stream(1), 0, events("late", 1)).await;
    assert!(matches!(late, Err(AppendError::Conflict { actual: Version(5), .. })), "{late:?}");
    must_append(&*log, &stream(1), 5, events("in time", 1)).await;
    must_append(&*log, &stream("new"), 0, events("new", 1)).await;
    let after = everything(&*log).await;
    assert_eq!(after.len(), 22);
    assert_ordered(harness, &after);
}
