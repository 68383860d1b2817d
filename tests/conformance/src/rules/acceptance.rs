//! Which batches are refused whatever the log holds.

use crate::harness::Harness;
use crate::samples::{event, events, everything, history, id, must_append, open, part, stream};
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::{Append, AppendError, NewEvent, StreamName};

/// A batch without events, or with a part without events, is a mistake of its writer.
///
/// # Panics
/// When the rule is broken.
pub async fn an_empty_batch_is_refused<H: Harness>(harness: &H) {
    let a = stream("a");
    assert_refused(harness, vec![]).await;
    assert_refused(harness, vec![part(&a, 0, vec![])]).await;
    assert_refused(harness, vec![part(&a, 0, events("one", 1)), part(&stream("b"), 0, vec![])]).await;
}

/// Two parts for one stream would need two versions at once.
///
/// # Panics
/// When the rule is broken.
pub async fn a_stream_named_twice_is_refused<H: Harness>(harness: &H) {
    let (a, b) = (stream("a"), stream("b"));
    let batch =
        vec![part(&a, 0, events("one", 1)), part(&b, 0, events("two", 1)), part(&a, 1, events("three", 1))];
    assert_refused(harness, batch).await;
}

/// [`StreamName::BYTES`], at its edge, and no NUL.
///
/// # Panics
/// When the rule is broken.
pub async fn a_name_that_no_store_can_index_is_refused<H: Harness>(harness: &H) {
    let log = open(harness).await;
    // Nothing that an index could shorten.
    let longest: String = (0..)
        .flat_map(|n| format!("{}", id("name", n).0.simple()).into_bytes())
        .take(StreamName::BYTES)
        .map(char::from)
        .collect();
    must_append(&*log, &StreamName::stored(&longest), 0, events("longest", 1)).await;
    assert_eq!(everything(&*log).await[0].stream.as_str(), longest);
    drop(log);
    for name in [format!("{longest}x"), "a\0b".to_owned()] {
        assert_refused(harness, vec![part(&StreamName::stored(&name), 0, events("refused", 1))]).await;
    }
}

/// An id names one event.
///
/// # Panics
/// When the rule is broken.
pub async fn an_event_id_that_stands_twice_is_refused<H: Harness>(harness: &H) {
    let twice = vec![event("one", 0), event("one", 1), event("one", 0)];
    assert_refused(harness, vec![part(&stream("a"), 0, twice)]).await;
}

/// [`BATCH_EVENTS`], at its edge; the events of all parts count together.
///
/// # Panics
/// When the rule is broken.
pub async fn a_batch_holds_a_thousand_events_and_not_one_more<H: Harness>(harness: &H) {
    let (log, a) = (open(harness).await, stream("a"));
    let full = u32::try_from(BATCH_EVENTS).expect("a batch has few events");
    must_append(&*log, &a, 0, events("full", full)).await;
    assert_eq!(history(&*log, &a).await.len(), BATCH_EVENTS);
    drop(log);

    assert_refused(harness, vec![part(&a, BATCH_EVENTS as u64, events("over", full + 1))]).await;
    let halves = vec![
        part(&stream("b"), 0, events("half", full / 2)),
        part(&stream("c"), 0, events("other half", full / 2 + 1)),
    ];
    assert_refused(harness, halves).await;
}

/// [`BATCH_BYTES`], at its edge; data and metadata of all events count together.
///
/// # Panics
/// When the rule is broken.
pub async fn a_batch_holds_512_kib_and_not_one_byte_more<H: Harness>(harness: &H) {
    let (log, a) = (open(harness).await, stream("a"));
    must_append(&*log, &a, 0, of_size("full", BATCH_BYTES)).await;
    let bytes: usize =
        history(&*log, &a).await.iter().map(|event| event.data.len() + event.metadata.len()).sum();
    assert_eq!(bytes, BATCH_BYTES);
    drop(log);

    assert_refused(harness, vec![part(&a, 2, of_size("over", BATCH_BYTES + 1))]).await;
}

/// Two events whose data and metadata are `bytes` long together.
fn of_size(command: &str, bytes: usize) -> Vec<NewEvent> {
    let mut events = events(command, 2);
    let missing = bytes - events.iter().map(NewEvent::size).sum::<usize>();
    // White space after a JSON document is part of its exact bytes.
    let data = &mut events[1].data;
    data.resize(data.len() + missing, b' ');
    events
}

async fn assert_refused<H: Harness>(harness: &H, batch: Vec<Append>) {
    let log = open(harness).await;
    let before = everything(&*log).await;
    let answer = log.append(batch).await;
    assert!(matches!(answer, Err(AppendError::Invalid(_))), "{answer:?}");
    assert_eq!(everything(&*log).await, before);
}
