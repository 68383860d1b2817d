//! Which types of events are entries of the audit log, told by a sample of each.

#[expect(dead_code, reason = "tests use different parts of the same samples")]
mod samples;

use samples::{Sample, events};
use scanledger_domain::audit::{audit_subject, is_audited};
use scanledger_domain::event::Event;
use std::collections::BTreeSet;

#[test]
fn types_are_audited_whose_events_are() {
    // Of steps that are taken again only some are entries, and the sample is none of those.
    let is_entry = |event: &Event| event.kind() == "scan.requeued" || audit_subject(event).is_some();
    let entries: BTreeSet<&str> = events()
        .iter()
        .filter(|Sample { event, .. }| is_entry(event))
        .map(|Sample { event, .. }| event.kind())
        .collect();
    let types: BTreeSet<&str> = Event::types().into_iter().map(|(kind, _)| kind).collect();
    let audited: BTreeSet<&str> = types.into_iter().filter(|kind| is_audited(kind)).collect();
    assert_eq!(audited, entries);
}
