//! What a repeated append does.

use crate::harness::Harness;
use crate::samples::{append, event, events, everything, must_append, open, part, stream};
use futures::future::join_all;
use scanledger_domain::log::AppendError;
use std::sync::Arc;

/// A batch that the log has is not written again, whatever version its writer expects by now.
///
/// # Panics
/// When the rule is broken.
pub async fn a_repeated_batch_answers_its_old_place<H: Harness>(harness: &H) {
    let (log, a) = (open(harness).await, stream("a"));
    let first = must_append(&*log, &a, 0, events("first", 3)).await;
    must_append(&*log, &a, 3, events("second", 1)).await;
    let before = everything(&*log).await;

    for expected in [0, 1, 4, 9] {
        assert_eq!(must_append(&*log, &a, expected, events("first", 3)).await, first);
    }
    if harness.capabilities().atomic_over_streams {
        let [b, c] = ["b", "c"].map(stream);
        let batch = || vec![part(&b, 0, events("in b", 2)), part(&c, 0, events("in c", 1))];
        let written = log.append(batch()).await.expect("no part stands against the batch");
        let repeated = log.append(batch()).await.expect("a repeated batch is harmless");
        assert_eq!(repeated, written);
        assert_eq!(everything(&*log).await.len(), before.len() + 3);
    } else {
        assert_eq!(everything(&*log).await, before);
    }
}

/// Requests that arrive twice at the same moment are one.
///
/// # Panics
/// When the rule is broken.
pub async fn a_batch_repeated_at_the_same_time_is_written_once<H: Harness>(harness: &H) {
    let log = open(harness).await;
    for round in 0..10 {
        let attempts = (0..16).map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                must_append(&*log, &stream(round), 0, events(&format!("round {round}"), 3)).await
            })
        });
        let mut places = Vec::new();
        for attempt in join_all(attempts).await {
            places.push(attempt.expect("every attempt is answered with the place"));
        }
        assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    }
    assert_eq!(everything(&*log).await.len(), 30);
}

/// A batch of which the log has only a part is refused: something is wrong with its ids.
///
/// # Panics
/// When the rule is broken.
pub async fn a_partly_known_batch_is_refused<H: Harness>(harness: &H) {
    let (log, a) = (open(harness).await, stream("a"));
    must_append(&*log, &a, 0, events("first", 2)).await;
    let before = everything(&*log).await;

    let longer = || events("first", 3);
    let mixed = || vec![event("new", 0), event("first", 1), event("new", 1)];
    for (stream, expected) in [(&a, 0), (&a, 2), (&stream("elsewhere"), 0)] {
        for batch in [longer(), mixed()] {
            let answer = append(&*log, stream, expected, batch).await;
            assert!(matches!(answer, Err(AppendError::PartlyKnown)), "{answer:?}");
        }
    }
    assert_eq!(everything(&*log).await, before);
    must_append(&*log, &a, 2, events("new", 2)).await;
}
