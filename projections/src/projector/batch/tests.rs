//! What is put aside for good, and what is only tried again.

use super::{Decoded, Writer, is_transient};
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::id::{EventId, OrganizationId, ScanId};
use scanledger_domain::identity::{OrganizationCreated, OrganizationEvent, organization_stream};
use scanledger_domain::log::{Actor, Metadata, Position, Recorded, StreamName, Version};
use scanledger_domain::scan::{Deleted, ScanEvent, scan_stream};
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

const ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(1));

fn recorded<E: StoredEvent>(position: u64, version: u64, stream: StreamName, event: &E) -> Decoded {
    let metadata = Metadata {
        organization: Some(ORGANIZATION),
        actor: Actor::Operator,
        correlation: Uuid::from_u128(7),
        causation: None,
        address: None,
        user_agent: None,
        request: None,
        key: None,
    };
    Decoded::of(Recorded {
        position: Position(position),
        id: EventId(Uuid::from_u128(u128::from(position))),
        stream,
        version: Version(version),
        kind: event.kind().into(),
        schema: event.schema(),
        data: event.encode(),
        metadata: metadata.encode(),
        recorded_at: Timestamp(position.cast_signed()),
    })
    .unwrap()
}

/// Of a scan that nobody has heard of.
fn deleted(position: u64) -> Decoded {
    let scan = ScanId(Uuid::from_u128(9));
    recorded(position, position, scan_stream(scan), &ScanEvent::from(Deleted { scan }))
}

/// More than fits into the pages that are there.
fn created(position: u64) -> Decoded {
    let event = OrganizationCreated { organization: ORGANIZATION, name: "Acme ".repeat(20_000) };
    recorded(position, 1, organization_stream(ORGANIZATION), &OrganizationEvent::from(event))
}

fn number(writer: &Writer, sql: &str) -> i64 {
    writer.connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_full_disk_parks_nothing_beside_a_stream_that_is_parked_already() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(&folder.path().join("views.db"), Uuid::from_u128(3)).unwrap().unwrap();
    writer.apply(&[deleted(1)]).unwrap();
    assert_eq!(writer.parked(), 1);
    let pages = number(&writer, "PRAGMA page_count");
    writer.connection.pragma_update(None, "max_page_count", pages).unwrap();

    let error = writer.apply(&[deleted(2), created(3)]).unwrap_err();

    assert!(is_transient(&error), "{error}");
    assert_eq!((writer.parked(), writer.position()), (1, Position(1)));
    assert_eq!(number(&writer, "SELECT count(*) FROM parked"), 1);
    writer.connection.pragma_update(None, "max_page_count", pages + 1_000).unwrap();
    writer.apply(&[deleted(2), created(3)]).unwrap();
    assert_eq!((writer.parked(), writer.position()), (2, Position(3)));
    assert_eq!(number(&writer, "SELECT count(*) FROM parked WHERE position = 2"), 1);
    assert_eq!(number(&writer, "SELECT count(*) FROM organization WHERE created = 3"), 1);
}
