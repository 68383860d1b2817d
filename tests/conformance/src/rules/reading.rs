//! What reading answers.

use crate::harness::Harness;
use crate::samples::{event, events, everything, history, id, must_append, open, part, stream};
use scanledger_domain::log::{NewEvent, Position, Recorded, Version};
use std::sync::Arc;

/// A stream is read from `after`, exclusively, at most `limit` events.
///
/// # Panics
/// When the rule is broken.
pub async fn a_stream_is_read_in_pages<H: Harness>(harness: &H) {
    let (log, a, b) = (open(harness).await, stream("a"), stream("b"));
    for n in 0..5 {
        must_append(&*log, &a, 2 * n, events(&format!("a {n}"), 2)).await;
        must_append(&*log, &b, n, events(&format!("b {n}"), 1)).await;
    }
    let versions = async |after, limit| {
        let page = log.read_stream(&a, Version(after), limit).await.expect("a stream can be read");
        assert!(page.iter().all(|event| event.stream == a), "only the stream asked for");
        page.iter().map(|event| event.version.0).collect::<Vec<_>>()
    };
    assert_eq!(versions(0, 4).await, [1, 2, 3, 4]);
    assert_eq!(versions(4, 4).await, [5, 6, 7, 8]);
    assert_eq!(versions(8, 4).await, [9, 10]);
    assert_eq!(versions(0, 0).await, [0_u64; 0]);
    assert_eq!(versions(10, 4).await, [0_u64; 0]);
    assert_eq!(versions(u64::MAX, 4).await, [0_u64; 0]);
    assert_eq!(versions(7, usize::MAX).await, [8, 9, 10]);
}

/// The log is read from `after`, exclusively, at most `limit` events.
///
/// # Panics
/// When the rule is broken.
pub async fn the_log_is_read_in_pages<H: Harness>(harness: &H) {
    let log = open(harness).await;
    for n in 0..7_u32 {
        must_append(&*log, &stream(n % 3), u64::from(n / 3), events(&format!("{n}"), 1)).await;
    }
    let all = everything(&*log).await;
    assert_eq!(all.len(), 7);
    let page = async |after, limit| log.read_all(after, limit).await.expect("the log can be read");
    let mut paged: Vec<Recorded> = Vec::new();
    loop {
        let after = paged.last().map_or(Position::START, |event| event.position);
        let events = page(after, 3).await;
        assert_eq!(events.len(), 3.min(7 - paged.len()), "a page is full unless the log ends");
        if events.is_empty() {
            break;
        }
        paged.extend(events);
    }
    assert_eq!(paged, all);
    assert_eq!(page(Position::START, 0).await, []);
    assert_eq!(page(Position(u64::MAX), 3).await, []);
}

/// No stream is an empty stream.
///
/// # Panics
/// When the rule is broken.
pub async fn a_stream_that_does_not_exist_is_empty<H: Harness>(harness: &H) {
    let log = open(harness).await;
    assert_eq!(history(&*log, &stream("nothing")).await, []);
    assert_eq!(everything(&*log).await, []);
    must_append(&*log, &stream("something"), 0, events("something", 1)).await;
    assert_eq!(history(&*log, &stream("nothing")).await, []);
}

/// What was appended comes back byte by byte: it gets hashed.
///
/// # Panics
/// When the rule is broken.
pub async fn bytes_come_back_exactly<H: Harness>(harness: &H) {
    let documents = [
        "{}",
        " { \"a\" :\t1 ,\r\n\"b\":[ ] } \n",
        r#"{"z":1,"a":2,"m":3}"#,
        r#"{"twice":1,"twice":2}"#,
        r#"{"big":1e400,"small":-0.0,"exact":0.10,"long":123456789012345678901234567890,"exp":1E+2}"#,
        r#"{"escaped":"\u00e9\/\ud83d\ude00","raw":"é/😀","combining":"e\u0301 é"}"#,
        r#"{"nul":"\u0000","separator":"  "}"#,
        "null",
        r#""text""#,
    ];
    let (log, a) = (open(harness).await, stream("exact"));
    let sent: Vec<NewEvent> = (0..).zip(documents).map(|(n, document)| exact(n, document)).collect();
    must_append(&*log, &a, 0, sent.clone()).await;

    for recorded in [history(&*log, &a).await, everything(&*log).await] {
        assert_eq!(recorded.len(), sent.len());
        for (recorded, sent) in recorded.iter().zip(&sent) {
            assert_eq!(recorded.data, sent.data);
            assert_eq!(recorded.metadata[..], sent.metadata[..]);
            assert_eq!((&*recorded.kind, recorded.schema), (sent.kind, sent.schema));
        }
    }
}

/// Type, schema and metadata are each event's own, also where events beside it have the same ones: a store may keep or
/// send once what is shared.
///
/// # Panics
/// When the rule is broken.
pub async fn what_events_share_is_still_each_ones_own<H: Harness>(harness: &H) {
    let (log, a, b) = (open(harness).await, stream("a"), stream("b"));
    let [one, other]: [Arc<[u8]>; 2] = [Arc::from(*b"{\"by\":1}"), Arc::from(*b"{\"by\":2}")];
    let shapes = [
        ("sample.opened", 1, &one),
        ("sample.opened", 1, &one),
        ("sample.changed", 1, &one),
        ("sample.changed", 2, &one),
        ("sample.changed", 2, &other),
        ("sample.opened", 1, &one),
        ("sample.opened", 1, &other),
    ];
    let sent = |command| -> Vec<NewEvent> {
        let shaped = (0..).zip(shapes).map(|(n, (kind, schema, metadata))| NewEvent {
            kind,
            schema,
            metadata: Arc::clone(metadata),
            ..event(command, n)
        });
        shaped.collect()
    };
    if harness.capabilities().atomic_over_streams {
        let batch = vec![part(&a, 0, sent("a")), part(&b, 0, sent("b"))];
        log.append(batch).await.expect("a batch over several streams is written");
    } else {
        must_append(&*log, &a, 0, sent("a")).await;
        must_append(&*log, &b, 0, sent("b")).await;
    }

    for (stream, command) in [(a, "a"), (b, "b")] {
        let recorded = history(&*log, &stream).await;
        let recorded: Vec<_> = recorded.iter().map(|e| (e.id, &*e.kind, e.schema, &e.metadata[..])).collect();
        let sent = sent(command);
        let sent: Vec<_> = sent.iter().map(|e| (e.id, e.kind, e.schema, &e.metadata[..])).collect();
        assert_eq!(recorded, sent);
    }
}

/// An id leads to its position; an unknown one to none.
///
/// # Panics
/// When the rule is broken.
pub async fn an_event_is_found_by_its_id<H: Harness>(harness: &H) {
    let log = open(harness).await;
    let appended = must_append(&*log, &stream("a"), 0, events("known", 3)).await;
    let find = async |ordinal| log.find(id("known", ordinal)).await.expect("an id can be looked up");
    assert_eq!(find(0).await, Some(appended.first));
    assert_eq!(find(2).await, Some(appended.last));
    assert_eq!(find(3).await, None);
}

/// At a position is the event that was appended there; at the start and after the end there is none.
///
/// # Panics
/// When the rule is broken.
pub async fn at_a_position_is_the_event_that_got_it<H: Harness>(harness: &H) {
    let log = open(harness).await;
    let appended = must_append(&*log, &stream("a"), 0, events("known", 3)).await;
    let at =
        async |position| log.event_at(position).await.expect("the log can be read").map(|event| event.id);
    assert_eq!(at(appended.first).await, Some(id("known", 0)));
    assert_eq!(at(appended.last).await, Some(id("known", 2)));
    assert_eq!(at(Position::START).await, None);
    assert_eq!(at(Position(appended.last.0 + 1)).await, None);
}

/// The head of an empty log is before the first event; afterwards it is the last answer's position.
///
/// # Panics
/// When the rule is broken.
pub async fn the_head_is_the_last_position<H: Harness>(harness: &H) {
    let log = open(harness).await;
    assert_eq!(log.head().await.expect("the head can be read"), Position::START);
    for n in 0..3 {
        let appended = must_append(&*log, &stream("a"), 2 * n, events(&format!("{n}"), 2)).await;
        assert_eq!(log.head().await.expect("the head can be read"), appended.last);
    }
}

/// An event with these bytes as data and, for the schema number, something that fits 16 bits only unsigned.
fn exact(ordinal: u32, document: &str) -> NewEvent {
    let metadata: Arc<[u8]> = format!(" {document}").into_bytes().into();
    NewEvent { data: document.as_bytes().to_vec(), metadata, schema: u16::MAX, ..event("exact", ordinal) }
}
