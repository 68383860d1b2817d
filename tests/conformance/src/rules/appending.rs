//! What an append does, one caller at a time.

use crate::harness::Harness;
use crate::samples::{
    append, assert_at, assert_ordered, events, everything, history, must_append, open, part, stream,
};
use scanledger_domain::log::{AppendError, InvalidBatch, Version};

/// The events of a batch stand in their stream in the order given, and the answer says where.
///
/// # Panics
/// When the rule is broken.
pub async fn a_batch_lands_in_its_stream_in_order<H: Harness>(harness: &H) {
    let (log, stream) = (open(harness).await, stream("ordered"));
    let first = must_append(&*log, &stream, 0, events("first", 3)).await;
    let second = must_append(&*log, &stream, 3, events("second", 2)).await;

    let recorded = history(&*log, &stream).await;
    assert_at(&recorded[..3], first);
    assert_at(&recorded[3..], second);
    let sent = [events("first", 3), events("second", 2)].concat();
    for (recorded, sent) in recorded.iter().zip(&sent) {
        assert_eq!((recorded.id, &*recorded.kind, recorded.schema), (sent.id, sent.kind, sent.schema));
    }
    assert_ordered(harness, &everything(&*log).await);
}

/// A writer with an old version learns the present one, and the log stays as it was.
///
/// # Panics
/// When the rule is broken.
pub async fn a_conflict_reports_the_actual_version_and_writes_nothing<H: Harness>(harness: &H) {
    let (log, taken) = (open(harness).await, stream("taken"));
    must_append(&*log, &taken, 0, events("first", 2)).await;
    let before = everything(&*log).await;

    for stale in [0, 1, 3, 100] {
        assert_conflict(append(&*log, &taken, stale, events("late", 1)).await, "sample-taken", stale, 2);
    }
    let missing = append(&*log, &stream("missing"), 1, events("early", 1)).await;
    assert_conflict(missing, "sample-missing", 1, 0);
    assert_eq!(everything(&*log).await, before);
    // Nothing of a refused batch is remembered: its ids are still free.
    must_append(&*log, &taken, 2, events("late", 1)).await;
}

/// What the log tells its callers is what the suite was told, and a log that writes one stream at a time refuses two.
///
/// # Panics
/// When the rule is broken.
pub async fn a_log_says_of_itself_whether_it_is_atomic_over_streams<H: Harness>(harness: &H) {
    let log = open(harness).await;
    assert_eq!(log.is_contiguous(), harness.capabilities().contiguous, "the suite was told otherwise");
    let is_atomic = harness.capabilities().atomic_over_streams;
    assert_eq!(log.is_atomic_over_streams(), is_atomic, "the suite was told otherwise");
    let two = vec![part(&stream("a"), 0, events("in a", 1)), part(&stream("b"), 0, events("in b", 1))];
    let answer = log.append(two).await;
    if is_atomic {
        answer.expect("no part stands against the batch");
    } else {
        let is_refused = matches!(answer, Err(AppendError::Invalid(InvalidBatch::SeveralStreams)));
        assert!(is_refused, "{answer:?}");
        assert_eq!(everything(&*log).await, []);
    }
}

/// A batch over several streams is written as a whole, its events side by side.
///
/// # Panics
/// When the rule is broken.
pub async fn a_batch_over_several_streams_is_written_whole<H: Harness>(harness: &H) {
    if !harness.capabilities().atomic_over_streams {
        return;
    }
    let log = open(harness).await;
    must_append(&*log, &stream("b"), 0, events("before", 1)).await;
    let [a, b, c] = ["a", "b", "c"].map(stream);
    let batch =
        vec![part(&a, 0, events("in a", 2)), part(&b, 1, events("in b", 1)), part(&c, 0, events("in c", 3))];
    let appended = log.append(batch).await.expect("no part stands against the batch");

    let recorded = everything(&*log).await;
    assert_at(&recorded[1..], appended);
    let streams: Vec<_> = recorded.iter().map(|event| &event.stream).collect();
    assert_eq!(streams, [&b, &a, &a, &b, &c, &c, &c]);
    assert_ordered(harness, &recorded);
}

/// If one stream of a batch is elsewhere, no stream of it is written.
///
/// # Panics
/// When the rule is broken.
pub async fn a_batch_with_one_conflicting_part_is_not_written_at_all<H: Harness>(harness: &H) {
    if !harness.capabilities().atomic_over_streams {
        return;
    }
    let log = open(harness).await;
    let [free, held, other] = ["free", "held", "other"].map(stream);
    must_append(&*log, &held, 0, events("holder", 1)).await;
    let before = everything(&*log).await;

    let batch = vec![
        part(&free, 0, events("in free", 1)),
        part(&held, 0, events("in held", 1)),
        part(&other, 0, events("in other", 1)),
    ];
    assert_conflict(log.append(batch).await, "sample-held", 0, 1);
    assert_eq!(everything(&*log).await, before);
    must_append(&*log, &free, 0, events("in free", 1)).await;
    must_append(&*log, &other, 0, events("in other", 1)).await;
}

#[track_caller]
fn assert_conflict<T: std::fmt::Debug>(
    answer: Result<T, AppendError>,
    name: &str,
    expected: u64,
    actual: u64,
) {
    let error = answer.expect_err("a writer with another version is refused");
    let AppendError::Conflict { stream, expected: said, actual: found } = &error else {
        panic!("expected a conflict, got {error}");
    };
    assert_eq!((stream.as_str(), *said, *found), (name, Version(expected), Version(actual)));
}
