//! Whether the same events still give the same rows.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

use super::{component, main_branch, query, samples, some};
use crate::support::{PROJECT, World, outcome};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::branch::{BranchEvent, Opened, Resolved, branch_id, branch_stream};
use scanledger_domain::event::Event;
use scanledger_domain::finding::TriageState;
use scanledger_domain::honeytoken::HoneytokenEvent;
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::log::{Position, StreamName};
use scanledger_domain::scan::{ResultsReceived, ScanEvent, ScanOutcome, scan_stream};
use scanledger_projections::At;
use scanledger_projections::store::table_digests;

/// The digest of every table after a fixed log, which has every event in it. If it changes and no sample was added, the
/// same events give other rows: raise `store::REVISION`, so that every node builds its views anew, and put the new
/// digests here.
#[tokio::test]
async fn a_fixed_log_gives_the_rows_of_this_revision() {
    let mut world = World::new().await;
    world.scan("main", some(0..12), vec![component("a", "1.0.0"), component("b", "1.0.0")]).await;
    let (topic, _) = world.scan("topic", some(2..15), vec![component("a", "1.1.0")]).await;
    let rows = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows;
    let (id, younger) = (rows[3].id, rows[4].id);
    world.triage(id, TriageState::Confirmed, Some("real")).await;
    world.merge(younger, id).await;
    world.triage(id, TriageState::Fixed, None).await;
    world.append(scan_stream(topic), &[ScanEvent::from(received(topic, id))]).await;
    world.scan("main", some(4..16), vec![component("b", "2.0.0")]).await;
    crate::support::identity::everybody(&mut world).await;
    crate::support::incident::everything(&mut world, PROJECT).await;
    assert_eq!(world.projector.health().parked, 0);
    every_sample(&mut world).await;
    assert_eq!(parked_kinds(&world).await, PARKED);
    let copy = world.folder.path().join("copy.db");
    scanledger_projections::store::snapshot(world.folder.path(), &copy).unwrap().unwrap();
    let tables = table_digests(&copy).unwrap();
    let empty: Vec<_> = tables.iter().filter(|table| table.rows == 0).map(|table| &table.table).collect();
    assert!(empty.is_empty(), "no event in this log writes to {empty:?}");
    let tables: Vec<String> = tables
        .iter()
        .map(|table| format!("{} {} {}", table.table, table.rows, &table.digest[..12]))
        .collect();
    let expected = [
        "advisory_generation 1 a1e808a57c5a",
        "api_key 6 9535b8d91bd5",
        "arrival 54 8ce66c0f34e3",
        "audit 172 4b5bd069db5a",
        "audit_text 284 eedd3798b683",
        "blob_use 16 e4eb5d587347",
        "branch 23 63ca22bbe0da",
        "branch_life 26 cd2e866713ec",
        "branch_scan 6 7753131ed561",
        "component 9 f4a16b47f980",
        "counter 126 1aa133edeeea",
        "counter_cell 55 6a7a01f171e6",
        "event_index 309 50b4fc576172",
        "event_kind 95 eb7ec0d43f1c",
        "finding 17 23267257be1b",
        "finding_text 53 6abdbf759055",
        "honeytoken 1 d17ceb9ad036",
        "honeytoken_event 1 db79caf511c6",
        "honeytoken_hash 2 6949d07e22af",
        "honeytoken_note 1 b867e409763e",
        "identity 1 d21ae6a033be",
        "incident 6 b008302a85ce",
        "incident_note 4 9a46bc41fbef",
        "incident_occurrence 39 d2d2d1f31d9b",
        "incident_share 4 3ef11a0035d1",
        "incident_state 22 5e321000893d",
        "invitation 4 8aea8ecb39c4",
        "member 9 a0bd6e2372dc",
        "organization 3 7ffe59d35ee5",
        "parked 16 b3cc53395a8b",
        "policy_mode 1 6a25fed59935",
        "policy_rule 1 2feee0102aa3",
        "presence 90 a723c8f1ba49",
        "project 3 ba848614c251",
        "project_detail 6 32d7d8e974ce",
        "scan 5 0b664449ba8c",
        "scan_finding 1 0cba9dc97b00",
        "scan_state 27 408f0f3be98d",
        "session 3 b08648f0dd26",
        "team 4 067855b956a8",
        "team_member 8 92589b1c78f3",
        "triage 13 995cd4a7af17",
        "user 5 e4ed970cab80",
    ];
    assert_eq!(scanledger_projections::store::REVISION, 9);
    assert_eq!(tables, expected);
}

/// What samples make once more, and decisions and merges without the finding that a row needs: these are parked, and no
/// others.
const PARKED: [&str; 16] = [
    "user.registered",
    "team.created",
    "project.created",
    "branch.opened",
    "scan.queued",
    "scan.queued",
    "scan.queued",
    "honeytoken.created",
    "finding.merged",
    "finding.merged",
    "session.started",
    "organization.invited",
    "apikey.created",
    "apikey.created",
    "incident.triaged",
    "honeytoken.triggered",
];

async fn parked_kinds(world: &World) -> Vec<String> {
    let mut kinds = Vec::new();
    for position in world.views().parked(None).await.unwrap() {
        let events = world.log.read_all(Position(position.0 - 1), 1).await.unwrap();
        kinds.push(events[0].kind.to_string());
    }
    kinds
}

/// What a client saw, who looked at changes only.
fn received(scan: ScanId, change: FindingId) -> ResultsReceived {
    let outcome = ScanOutcome { new: 1, ..outcome(&[]) };
    ResultsReceived {
        scan,
        outcome,
        seen: BlobHash::of(b"seen"),
        rules: 1,
        ignored: 0,
        changes: vec![change],
    }
}

/// Appends every sample of an event, what makes things first and what ends them last. Things that are made twice, and
/// what a sample says of others that there are not, are parked; so each has a stream of its own, where it may.
async fn every_sample(world: &mut World) {
    let mut events: Vec<Event> = samples::events().into_iter().map(|sample| sample.event).collect();
    // Its removal leaves nothing of a note, and is a sample too.
    let is_note = |event: &&Event| matches!(event, Event::Honeytoken(HoneytokenEvent::NoteAdded(_)));
    let again: Vec<Event> = events.iter().filter(is_note).cloned().collect();
    events.sort_by_key(rank);
    events.extend(again);
    let is_detected = |event: &Event| match event {
        Event::Branch(event @ BranchEvent::Detected(_)) => Some(event.clone()),
        _ => None,
    };
    let detected = events.iter().find_map(is_detected).unwrap_or_else(|| panic!("it has a sample"));
    for (number, event) in events.into_iter().enumerate() {
        let own = |aggregate: &str| StreamName::new(aggregate, number);
        macro_rules! append {
            ($($variant:ident),+) => {
                match event {
                    Event::Branch(BranchEvent::Opened(opened)) => open(world, opened).await,
                    Event::Branch(event) => on_a_branch(world, number, &detected, event).await,
                    $(Event::$variant(event) => world.append(own(stringify!($variant)), &[event]).await),+
                }
            };
        }
        append!(
            Access,
            Advisory,
            ApiKey,
            Check,
            Claim,
            Finding,
            Honeytoken,
            Incident,
            Installation,
            Organization,
            Policy,
            Project,
            Scan,
            Session,
            Team,
            User
        );
    }
}

/// Opens a branch, and before that the one that it begins with.
async fn open(world: &mut World, opened: Opened) -> Position {
    if let Some(base) = opened.base {
        let base = Opened { branch: base.branch, name: "main".to_owned(), base: None, ..opened.clone() };
        world.append(branch_stream(base.branch), &[BranchEvent::from(base)]).await;
    }
    world.append(branch_stream(opened.branch), &[BranchEvent::from(opened)]).await
}

/// On a branch of its own, on which the finding is that samples are about.
async fn on_a_branch(
    world: &mut World,
    number: usize,
    detected: &BranchEvent,
    event: BranchEvent,
) -> Position {
    let (organization, project, name) = (samples::ORGANIZATION, samples::PROJECT, format!("sample{number}"));
    let branch = branch_id(project, &name);
    let mut events = vec![BranchEvent::from(Opened { branch, organization, project, name, base: None })];
    match (&event, detected) {
        (BranchEvent::Detected(_), _) => (),
        (BranchEvent::Reopened(_), BranchEvent::Detected(first)) => {
            events.extend([detected.clone(), Resolved { finding: first.finding }.into()]);
        }
        _ => events.push(detected.clone()),
    }
    events.push(event);
    world.append(branch_stream(branch), &events).await
}

/// What is named before what names it, and what ends things at the end.
fn rank(event: &Event) -> u8 {
    let happened = event.kind().rsplit('.').next().unwrap_or_default();
    match (event, happened) {
        (Event::Organization(_) | Event::User(_), "created" | "registered") => 0,
        (Event::Project(_) | Event::Team(_), "created") => 1,
        (Event::Scan(_) | Event::Branch(_), "queued" | "opened") => 2,
        (Event::Incident(_) | Event::Honeytoken(_), "opened" | "created") => 2,
        (_, "deleted" | "erased") => 4,
        _ => 3,
    }
}
