//! Whether the same events still give the same rows.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

use super::{component, main_branch, query, samples, some};
use crate::support::{PROJECT, World};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::branch::{BranchEvent, Opened, Resolved, branch_id, branch_stream};
use scanledger_domain::event::Event;
use scanledger_domain::finding::TriageState;
use scanledger_domain::honeytoken::HoneytokenEvent;
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::log::{Position, StreamName};
use scanledger_domain::scan::{ResultsReceived, ScanEvent, ScanOutcome, scan_stream};
use scanledger_domain::severity::SeverityCounts;
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
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[3].id;
    world.triage(id, TriageState::Confirmed, Some("real")).await;
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
        "advisory_generation 1 88555014f632",
        "api_key 6 e894f7cc80b4",
        "arrival 48 c801ae4df92e",
        "audit 171 5c6619d7eeb9",
        "audit_text 278 9f1349d5d948",
        "blob_use 16 e4eb5d587347",
        "branch 18 4b43983feeb9",
        "branch_scan 6 1616fd14fe6a",
        "component 9 41df4cbeb862",
        "counter 104 5d04d1df9f07",
        "counter_cell 45 7df8cc3913f7",
        "event_index 292 3ac52b963c92",
        "event_kind 93 a4592c560f52",
        "finding 17 ed9f9100ff3d",
        "finding_text 53 6abdbf759055",
        "honeytoken 1 6b3812f2efa0",
        "honeytoken_event 1 b7bc1e75d993",
        "honeytoken_hash 2 6949d07e22af",
        "honeytoken_note 1 11beb617c255",
        "identity 1 6c7c592e6141",
        "incident 6 2d0649fa09f7",
        "incident_note 4 e9843baa992d",
        "incident_occurrence 34 488a5235ef83",
        "incident_share 4 fb8ba5796703",
        "incident_state 22 0952e2cc3839",
        "invitation 4 150d79c221da",
        "member 9 8d45997df3c2",
        "organization 3 7d6159bc8439",
        "parked 14 5c4564dddb7c",
        "policy_mode 1 2438acc484e8",
        "policy_rule 1 23e66f7d4b17",
        "presence 76 fd575661c76c",
        "project 3 f67a2726fe7d",
        "project_detail 6 e37b38e524c3",
        "scan 5 50cadf48f25b",
        "scan_finding 1 0cba9dc97b00",
        "scan_state 27 c47b084ee95c",
        "session 3 3e6af44eb1ff",
        "team 4 a656c18a7ccf",
        "team_member 8 35f5fb38e86b",
        "triage 11 25182372c1c0",
        "user 5 d5311ee4a9b9",
    ];
    assert_eq!(scanledger_projections::store::REVISION, 6);
    assert_eq!(tables, expected);
}

/// What samples make once more, and a decision without the finding that a row needs: these are parked, and no others.
const PARKED: [&str; 14] = [
    "user.registered",
    "team.created",
    "project.created",
    "branch.opened",
    "scan.queued",
    "scan.queued",
    "scan.queued",
    "honeytoken.created",
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
    let outcome = ScanOutcome {
        counts: SeverityCounts::default(),
        new: 1,
        fixed: 0,
        unchanged: 0,
        files: 1,
        components: 0,
        scanners: vec![],
        gaps: vec![],
        generation: None,
        artifacts: vec![],
        client: None,
    };
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
