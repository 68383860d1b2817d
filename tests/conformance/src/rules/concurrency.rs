//! What holds when many callers append at the same time.

use crate::harness::Harness;
use crate::samples::{
    append, assert_at, assert_ordered, events, everything, history, must_append, open, stream,
};
use futures::future::join_all;
use scanledger_domain::log::{AppendError, EventLog, Version};
use std::sync::Arc;

/// Callers who write to streams of their own never stand in each other's way.
///
/// # Panics
/// When the rule is broken.
pub async fn writers_on_distinct_streams_all_land<H: Harness>(harness: &H) {
    const WRITERS: u32 = 32;
    const BATCHES: u32 = 20;
    let log = open(harness).await;
    let writers = (0..WRITERS).map(|writer| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let stream = stream(writer);
            for batch in 0..BATCHES {
                let size = 1 + batch % 2;
                let expected = history(&*log, &stream).await.len() as u64;
                let batch = events(&format!("{writer} writes {batch}"), size);
                let appended = must_append(&*log, &stream, expected, batch).await;
                let after = Version(expected);
                let added = log.read_stream(&stream, after, 10).await.expect("a stream can be read");
                assert_at(&added, appended);
            }
        })
    });
    for writer in join_all(writers).await {
        writer.expect("every writer succeeds");
    }
    let all = everything(&*log).await;
    assert_eq!(all.len(), (WRITERS * BATCHES * 3 / 2) as usize);
    assert_ordered(harness, &all);
}

/// Of the callers who want the same version exactly one gets it; the others are told a later one.
///
/// # Panics
/// When the rule is broken.
pub async fn racing_writers_win_each_version_exactly_once<H: Harness>(harness: &H) {
    let log = open(harness).await;
    let writers =
        (0..16).map(|writer| tokio::spawn(race(vec![Arc::clone(&log)], format!("racer {writer}"), 15)));
    let mut won = Vec::new();
    for writer in join_all(writers).await {
        won.extend(writer.expect("every racer gets through"));
    }
    won.sort_unstable();
    assert_eq!(won, (1..=16 * 15).collect::<Vec<u64>>(), "each version was won once");
    assert_eq!(history(&*log, &stream("contended")).await.len(), 16 * 15);
    assert_ordered(harness, &everything(&*log).await);
}

/// Two appenders on one log, as two nodes have them: no conflict without cause, and nothing gets lost.
///
/// # Panics
/// When the rule is broken.
pub async fn two_appenders_share_one_log<H: Harness>(harness: &H) {
    if !harness.capabilities().several_appenders {
        return;
    }
    let logs = [open(harness).await, open(harness).await];
    // Each racer goes from one appender to the other: what it has just written through the first, the second
    // must not take for a version that does not exist yet.
    let writers = (0..8).map(|writer| tokio::spawn(race(logs.to_vec(), format!("racer {writer}"), 10)));
    let mut won = Vec::new();
    for writer in join_all(writers).await {
        won.extend(writer.expect("every racer gets through"));
    }
    won.sort_unstable();
    assert_eq!(won, (1..=80).collect::<Vec<u64>>(), "each version was won once");
    for log in &logs {
        let all = everything(&**log).await;
        assert_eq!(all.len(), 80);
        assert_ordered(harness, &all);
    }
}

/// Conflicts, invalid batches and repeated ones do no harm to good requests that come at the same time.
///
/// # Panics
/// When the rule is broken.
pub async fn a_refused_request_takes_no_other_with_it<H: Harness>(harness: &H) {
    let log = open(harness).await;
    let old = stream("old");
    let place = must_append(&*log, &old, 0, events("old", 1)).await;
    let requests = (0..200_u32).map(|n| {
        let (log, old) = (Arc::clone(&log), old.clone());
        tokio::spawn(async move {
            let batch = events(&format!("request {n}"), 2);
            match n % 5 {
                0 => drop(must_append(&*log, &stream(n), 0, batch).await),
                1 => {
                    let late = append(&*log, &old, 7, batch).await;
                    assert!(
                        matches!(late, Err(AppendError::Conflict { actual: Version(1), .. })),
                        "{late:?}"
                    );
                }
                2 => {
                    let empty = log.append(Vec::new()).await;
                    assert!(matches!(empty, Err(AppendError::Invalid(_))), "{empty:?}");
                }
                // Known ids under the version that fits now: only the index of ids can tell.
                3 => assert_eq!(must_append(&*log, &old, 1, events("old", 1)).await, place),
                _ => {
                    let partly = append(&*log, &stream(n), 0, events("old", 2)).await;
                    assert!(matches!(partly, Err(AppendError::PartlyKnown)), "{partly:?}");
                }
            }
        })
    });
    for request in join_all(requests).await {
        request.expect("every request gets the answer it deserves");
    }
    let all = everything(&*log).await;
    assert_eq!(all.len(), 1 + 2 * 40);
    assert_ordered(harness, &all);
}

/// Wins `times` versions of the contended stream, through each of `logs` in turn; answers which.
async fn race(logs: Vec<Arc<dyn EventLog>>, name: String, times: u32) -> Vec<u64> {
    let (stream, mut version, mut won) = (stream("contended"), 0, Vec::new());
    for (time, log) in (0..times).zip(logs.iter().cycle()) {
        loop {
            match append(&**log, &stream, version, events(&format!("{name} {time}"), 1)).await {
                Ok(_) => break,
                Err(AppendError::Conflict { actual, .. }) => {
                    assert!(actual.0 > version, "{actual} was known as {version}: a conflict without cause");
                    version = actual.0;
                }
                Err(error) => panic!("a racer only loses races: {error}"),
            }
        }
        version += 1;
        won.push(version);
    }
    won
}
