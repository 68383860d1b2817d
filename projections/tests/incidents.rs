//! Incidents: decided about once and shown by every finding, with their places, notes and links, now and as of earlier.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::finding::TriageState::{self, Accepted, Fixed, Untriaged};
use scanledger_domain::id::{FindingId, NoteId, ProjectId, ShareId};
use scanledger_domain::identity::{KeyHash, Visible};
use scanledger_domain::incident::{
    IgnoreReason, IncidentCommand as Ask, IncidentStatus, IncidentTag, Sharing, Sighting,
};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::scan::{Deleted, ScanEvent, scan_stream};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingRow, FindingSort, ListScope};
use scanledger_projections::incident::{
    Direction, IncidentRef, KnownSecret, OccurrenceFilter, OccurrenceQuery, OccurrenceRow, Presence, Span,
    TagFilter,
};
use scanledger_projections::store::{snapshot, table_digests};
use scanledger_projections::{At, Paging};
use std::sync::Arc;
use support::incident::{ANA, BANK, Incidents, all, everything, incident, one, opening, row, rows};
use support::{COMMIT, ORGANIZATION, PROJECT, World};
use uuid::Uuid;

async fn findings(world: &World, project: ProjectId, branch: &str, at: At) -> Vec<FindingRow> {
    let query = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Branch(project, Some(branch.to_owned())),
        at,
        filter: FindingFilter::default(),
        sort: FindingSort::File,
        paging: Paging { offset: 0, limit: 500 },
    };
    world.views().findings(query).await.unwrap().rows
}

async fn total(world: &World, project: ProjectId, branch: &str, state: TriageState, at: At) -> u64 {
    let query = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Branch(project, Some(branch.to_owned())),
        at,
        filter: FindingFilter { states: vec![state], ..Default::default() },
        sort: FindingSort::Severity,
        paging: Paging { offset: 0, limit: 0 },
    };
    world.views().findings(query).await.unwrap().total
}

async fn finding(world: &World, project: ProjectId) -> FindingId {
    findings(world, project, "main", At::Now).await[0].id
}

async fn occurrences(world: &World, filter: OccurrenceFilter, at: At) -> Vec<OccurrenceRow> {
    let query = OccurrenceQuery {
        organization: ORGANIZATION,
        visible: Visible::All,
        at,
        filter,
        direction: Direction::Ascending,
        from: None,
        is_backward: false,
        limit: 100,
    };
    world.views().occurrences(query).await.unwrap().rows
}

#[tokio::test]
async fn a_decision_shows_on_every_branch_of_every_project_and_on_those_scanned_later() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.project(BANK, None).await;
    world.saw(PROJECT, "main", [one("a", 1), one("b", 1), one("c", 2)].concat()).await;
    world.saw(PROJECT, "topic", one("a", 1)).await;
    world.saw(BANK, "main", one("x", 1)).await;
    incidents.open(&mut world, 1).await;
    let before = At::Position(incidents.open(&mut world, 2).await);
    let looked_at = finding(&world, PROJECT).await;
    incidents.decide(&mut world, (1, looked_at), Accepted, Some("known")).await;
    for (project, branch, ignored) in [(PROJECT, "main", 2), (PROJECT, "topic", 1), (BANK, "main", 1)] {
        assert_eq!(total(&world, project, branch, Accepted, At::Now).await, ignored, "{branch}");
        assert_eq!(total(&world, project, branch, Accepted, before).await, 0);
        let rows = findings(&world, project, branch, At::Now).await;
        let noted = rows.iter().filter_map(|row| row.triaged.as_ref()?.note.as_deref());
        assert_eq!(noted.count() as u64, ignored);
    }
    assert_eq!(total(&world, PROJECT, "main", Untriaged, At::Now).await, 1);
    assert_eq!(total(&world, PROJECT, "main", Untriaged, before).await, 3);

    world.saw(BANK, "later", [one("y", 1), one("z", 2)].concat()).await;
    let later = findings(&world, BANK, "later", At::Now).await;
    let states: Vec<_> = later.iter().map(|row| (row.places[0].path.as_str(), row.state)).collect();
    assert_eq!(states, [("y", Accepted), ("z", Untriaged)]);
    assert_eq!(later[0].triaged.as_ref().unwrap().note.as_deref(), Some("known"));
    assert_eq!(total(&world, BANK, "later", Accepted, At::Now).await, 1);
}

#[tokio::test]
async fn a_regression_shows_on_every_finding_and_what_was_is_still_known() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.saw(PROJECT, "main", [one("a", 1), one("b", 1)].concat()).await;
    incidents.open(&mut world, 1).await;
    let fixed = incidents.ask(&mut world, 1, Ask::Resolve { is_secret_revoked: true }).await;
    assert_eq!(total(&world, PROJECT, "main", Fixed, At::Now).await, 2);
    incidents.ask(&mut world, 1, Ask::Regress).await;
    assert_eq!(total(&world, PROJECT, "main", Untriaged, At::Now).await, 2);
    let (then, now) = (row(&world, 1, At::Position(fixed)).await, row(&world, 1, At::Now).await);
    assert_eq!(
        (then.status(), then.is_secret_revoked, then.is_regression),
        (IncidentStatus::Resolved, true, false)
    );
    assert_eq!(
        (now.status(), now.is_secret_revoked, now.is_regression),
        (IncidentStatus::Triggered, false, true)
    );
    assert!(now.triggered_at > then.triggered_at && now.opened_at == then.opened_at);
    assert!(then.resolved().is_some() && now.resolved().is_none());
    assert_eq!(now.tags, [IncidentTag::Regression, IncidentTag::DefaultBranch]);
}

#[tokio::test]
async fn an_incident_is_one_by_number_and_by_id_and_not_before_it_began() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let before = At::Position(world.saw(PROJECT, "main", one("a", 1)).await);
    let number = incidents.open(&mut world, 1).await;
    let by = |named, organization, at| {
        let views = world.views();
        async move { views.incident(organization, Visible::All, named, at).await.unwrap() }
    };
    let found = by(IncidentRef::Number(number), ORGANIZATION, At::Now).await.unwrap();
    assert_eq!(by(IncidentRef::Id(incident(1)), ORGANIZATION, At::Now).await.as_ref(), Some(&found));
    assert_eq!((found.id, found.number, found.rule.as_str()), (incident(1), number, "GENERIC_SECRET"));
    assert_eq!((found.occurrences, found.present), (1, 1));
    assert!(by(IncidentRef::Id(incident(2)), ORGANIZATION, At::Now).await.is_none());
    assert!(by(IncidentRef::Id(incident(1)), Uuid::from_u128(9).into(), At::Now).await.is_none());
    assert!(by(IncidentRef::Id(incident(1)), ORGANIZATION, before).await.is_none());
    assert!(rows(&world, all(before)).await.is_empty());
    let ids = vec![incident(1), incident(2)];
    let many = world.views().incidents_by_id(ORGANIZATION, Visible::All, ids, At::Now).await.unwrap();
    assert_eq!(many.into_values().collect::<Vec<_>>(), [found]);

    let views = world.views();
    let known = async |organization, visible, n: u32| {
        views
            .known_secrets(organization, visible, vec![incident(n), incident(2)])
            .await
            .unwrap()
            .remove(&incident(n))
    };
    assert_eq!(known(ORGANIZATION, Visible::All, 1).await, Some(KnownSecret { number, reason: None }));
    assert_eq!(known(ORGANIZATION, Visible::All, 2).await, None);
    assert_eq!(known(Uuid::from_u128(9).into(), Visible::All, 1).await, None);
    assert!(known(ORGANIZATION, Visible::Project(PROJECT), 1).await.is_some());
    assert_eq!(known(ORGANIZATION, Visible::Project(Uuid::from_u128(9).into()), 1).await, None);
    assert_eq!(views.last_decision(incident(1)).await.unwrap(), None);
    let ignored = incidents.ask(&mut world, 1, Ask::Ignore { reason: IgnoreReason::LowRisk }).await;
    incidents.ask(&mut world, 1, Ask::SetSeverity(Severity::Info)).await;
    let views = world.views();
    assert_eq!(
        views.last_decision(incident(1)).await.unwrap().map(At::Position),
        Some(At::Position(ignored))
    );
    let known = views.known_secrets(ORGANIZATION, Visible::All, vec![incident(1)]).await.unwrap();
    assert_eq!(known[&incident(1)].reason, Some(IgnoreReason::LowRisk));
}

#[tokio::test]
async fn a_deleted_scan_is_no_longer_named_by_what_it_saw() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let (scan, _) = world.scan("main", one("a", 1), vec![]).await;
    world.scan("main", one("a", 1), vec![]).await;
    let then = At::Position(incidents.open(&mut world, 1).await);
    let found = async |world: &World, commits: &[&str], at| {
        let commits = commits.iter().map(|commit| (*commit).to_owned()).collect();
        let rows = occurrences(world, OccurrenceFilter { commits, ..OccurrenceFilter::default() }, at).await;
        rows.into_iter().map(|row| row.branch.map(|on| (on.scan, on.commit))).collect::<Vec<_>>()
    };
    let named = Some((Some(scan), Some(COMMIT.to_owned())));
    assert_eq!(found(&world, &[], At::Now).await, std::slice::from_ref(&named));
    assert_eq!(found(&world, &[COMMIT], then).await, [named]);
    let deleted = Deleted { scan };
    world.append(scan_stream(scan), &[ScanEvent::from(deleted)]).await;
    for at in [At::Now, then] {
        assert_eq!(found(&world, &[], at).await, [Some((None, None))]);
        assert_eq!(found(&world, &[COMMIT], at).await, []);
    }
}

#[tokio::test]
async fn occurrences_are_where_a_secret_came_and_say_whether_it_still_stands() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.project(BANK, None).await;
    let (_, first) = world.scan("main", [one("a", 1), one("tests/b", 2)].concat(), vec![]).await;
    world.saw(PROJECT, "topic", [one("a", 1), one("c", 1)].concat()).await;
    world.saw(BANK, "main", one("x", 1)).await;
    incidents.open(&mut world, 1).await;
    incidents.open(&mut world, 2).await;
    world.scan("main", one("tests/b", 2), vec![]).await;
    let places = |rows: &[OccurrenceRow]| -> Vec<(String, String, Presence)> {
        let place = |row: &OccurrenceRow| {
            let branch = row.branch.as_ref().map_or("", |branch| branch.name.as_str());
            (branch.to_owned(), row.path.clone(), row.presence)
        };
        rows.iter().map(place).collect()
    };
    let of = |branch: &str, path: &str, presence| (branch.to_owned(), path.to_owned(), presence);
    let whole = occurrences(&world, OccurrenceFilter::default(), At::Now).await;
    use Presence::{Present, Removed};
    assert_eq!(
        places(&whole),
        [
            of("main", "a", Removed),
            of("main", "tests/b", Present),
            of("topic", "c", Present),
            of("main", "x", Present)
        ],
        "what a branch began with is no place of its own"
    );
    assert_eq!((row(&world, 1, At::Now).await.occurrences, row(&world, 1, At::Now).await.present), (3, 2));
    let scan = whole[0].branch.as_ref().unwrap().scan;
    assert!(scan.is_some() && scan == whole[1].branch.as_ref().unwrap().scan);
    assert_eq!(whole[0].line, Some(3));
    assert_eq!(whole[0].is_historical, whole[1].is_historical);
    assert!(
        whole[0].is_historical && !whole[2].is_historical,
        "only a first scan finds what was there before"
    );
    assert_eq!(
        whole[1].tags,
        [IncidentTag::FromHistoricalScan, IncidentTag::TestFile, IncidentTag::DefaultBranch]
    );

    let list = async |filter| places(&occurrences(&world, filter, At::Now).await).len();
    let number = row(&world, 1, At::Now).await.number;
    let plain = OccurrenceFilter::default;
    assert_eq!(list(OccurrenceFilter { incidents: vec![number], ..plain() }).await, 3);
    assert_eq!(list(OccurrenceFilter { presence: Some(Removed), ..plain() }).await, 1);
    assert_eq!(list(OccurrenceFilter { presence: Some(Present), ..plain() }).await, 3);
    assert_eq!(list(OccurrenceFilter { projects: vec![BANK], ..plain() }).await, 1);
    assert_eq!(list(OccurrenceFilter { paths: vec!["c".into(), "x".into()], ..plain() }).await, 2);
    assert_eq!(list(OccurrenceFilter { commits: vec!["0b1c".into()], ..plain() }).await, 0);
    assert_eq!(list(OccurrenceFilter { commits: vec![COMMIT.into()], ..plain() }).await, 2);
    let tests = TagFilter { any_of: vec![IncidentTag::TestFile], ..Default::default() };
    assert_eq!(list(OccurrenceFilter { tags: tests, ..plain() }).await, 1);
    assert_eq!(list(OccurrenceFilter { statuses: vec![IncidentStatus::Ignored], ..plain() }).await, 0);
    let later = Span { from: Some(whole[2].seen_at), before: None };
    assert_eq!(list(OccurrenceFilter { seen: later, ..plain() }).await, 2);

    let then = At::Position(Position(first.0 + 100).min(world.views().position()));
    assert_eq!(places(&occurrences(&world, plain(), then).await)[0].2, Removed);
    let opened = At::Position(row(&world, 2, At::Now).await.number);
    assert_eq!(places(&occurrences(&world, plain(), opened).await)[0].2, Present);
    assert!(occurrences(&world, plain(), At::Position(first)).await.is_empty(), "there was no incident yet");

    for (place, last) in whole.iter().enumerate() {
        for (direction, is_backward) in [
            (Direction::Ascending, false),
            (Direction::Descending, false),
            (Direction::Ascending, true),
            (Direction::Descending, true),
        ] {
            let query = OccurrenceQuery {
                organization: ORGANIZATION,
                visible: Visible::All,
                at: At::Now,
                filter: plain(),
                direction,
                from: Some(last.number),
                is_backward,
                limit: 1,
            };
            let page = world.views().occurrences(query).await.unwrap();
            let goes_up = (direction == Direction::Ascending) != is_backward;
            let expected: Vec<&OccurrenceRow> = match goes_up {
                true => whole.get(place + 1).into_iter().collect(),
                false => place.checked_sub(1).map(|before| &whole[before]).into_iter().collect(),
            };
            assert_eq!(page.rows.iter().collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test]
async fn what_came_back_where_a_branch_began_with_it_is_a_place_of_its_own() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.saw(PROJECT, "main", one("a", 1)).await;
    world.saw(PROJECT, "topic", one("a", 1)).await;
    incidents.open(&mut world, 1).await;
    assert_eq!(occurrences(&world, OccurrenceFilter::default(), At::Now).await.len(), 1);
    for _ in 0..2 {
        world.saw(PROJECT, "topic", vec![]).await;
        world.saw(PROJECT, "topic", one("a", 1)).await;
    }
    let places = occurrences(&world, OccurrenceFilter::default(), At::Now).await;
    let branches: Vec<_> = places.iter().map(|row| row.branch.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(branches, ["main", "topic"]);
}

#[tokio::test]
async fn a_scan_leaves_what_is_not_open_and_what_came_back() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let main = scanledger_domain::branch::branch_id(PROJECT, "main");
    let both = || [one("a", 1), one("b", 2)].concat();
    world.saw(PROJECT, "main", both()).await;
    let left = async |world: &World| {
        let ids = vec![incident(1), incident(2)];
        let left = world.views().unsettled_incidents(main, ids).await.unwrap();
        (left.missing, left.regressed)
    };
    assert_eq!(left(&world).await, (vec![incident(1), incident(2)], vec![]));
    incidents.open(&mut world, 1).await;
    incidents.open(&mut world, 2).await;
    assert_eq!(left(&world).await, (vec![], vec![]));
    let seen = finding(&world, PROJECT).await;
    incidents.decide(&mut world, (1, seen), Fixed, None).await;
    world.saw(PROJECT, "main", both()).await;
    assert_eq!(left(&world).await, (vec![], vec![]), "it stayed");
    world.saw(PROJECT, "main", vec![]).await;
    world.saw(PROJECT, "topic", vec![]).await;
    assert_eq!(left(&world).await, (vec![], vec![]), "it went");
    world.saw(PROJECT, "main", both()).await;
    assert_eq!(left(&world).await, (vec![], vec![incident(1)]));
    incidents.decide(&mut world, (1, seen), Fixed, Some("really")).await;
    assert_eq!(left(&world).await.1, [incident(1)], "a note is no new resolution");
    incidents.ask(&mut world, 1, Ask::Regress).await;
    incidents.decide(&mut world, (1, seen), Fixed, None).await;
    assert_eq!(left(&world).await, (vec![], vec![]));
}

#[tokio::test]
async fn notes_links_and_places_that_are_on_no_branch() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let seen = Sighting {
        project: PROJECT,
        path: "tests/wiki.md".to_owned(),
        url: Some("https://wiki.example.org".to_owned()),
        line: Some(7),
        end_line: Some(9),
    };
    incidents.ask(&mut world, 1, Ask::Occur { of: opening(1, Severity::High), seen }).await;
    let places = occurrences(&world, OccurrenceFilter::default(), At::Now).await;
    assert_eq!(places.len(), 1);
    assert_eq!(
        (places[0].branch.as_ref(), places[0].line, places[0].presence),
        (None, Some(7), Presence::Present)
    );
    assert_eq!(places[0].url.as_deref(), Some("https://wiki.example.org"));
    assert_eq!(row(&world, 1, At::Now).await.tags, [IncidentTag::TestFile]);

    let by = Actor::User(ANA);
    let note = |n| NoteId(Uuid::from_u128(n));
    let add = |n, text: &str| Ask::AddNote { note: note(n), by, text: text.to_owned() };
    incidents.ask(&mut world, 1, add(1, "one")).await;
    let two = incidents.ask(&mut world, 1, add(2, "two")).await;
    incidents.ask(&mut world, 1, Ask::EditNote { note: note(1), by, text: "first".to_owned() }).await;
    incidents.ask(&mut world, 1, Ask::RemoveNote { note: note(2), by }).await;
    let notes = async |at| {
        let notes = world.views().incident_notes(ORGANIZATION, incident(1), at).await.unwrap();
        notes.into_iter().map(|note| (note.text, note.edited_at.is_some(), note.author)).collect::<Vec<_>>()
    };
    assert_eq!(notes(At::Now).await, [("first".to_owned(), true, by)]);
    assert_eq!(
        notes(At::Position(two)).await,
        [("one".to_owned(), false, by), ("two".to_owned(), false, by)]
    );

    let share = |n: u128| {
        Ask::Share(Sharing {
            share: ShareId(Uuid::from_u128(n)),
            token_hash: KeyHash::of(&n.to_string()),
            expires_at: Some(Timestamp(2_000_000)),
            now: Timestamp(1_000_000),
        })
    };
    let first = incidents.ask(&mut world, 1, share(1)).await;
    incidents.ask(&mut world, 1, share(2)).await;
    let opened_by = |world: &World, n: u128| {
        world.views().shared_incident(&KeyHash::of(&n.to_string())).unwrap().map(|shared| shared.incident)
    };
    assert_eq!((opened_by(&world, 1), opened_by(&world, 2)), (None, Some(incident(1))));
    let shown = row(&world, 1, At::Now).await.share.unwrap();
    assert_eq!((shown.share, shown.expires_at), (ShareId(Uuid::from_u128(2)), Some(Timestamp(2_000_000))));
    let shown = row(&world, 1, At::Position(first)).await.share.unwrap();
    assert_eq!(shown.share, ShareId(Uuid::from_u128(1)));
    incidents.ask(&mut world, 1, Ask::Unshare).await;
    assert_eq!((opened_by(&world, 2), row(&world, 1, At::Now).await.share), (None, None));
}

#[tokio::test]
async fn a_rebuild_says_the_same_about_incidents() {
    let mut world = World::new().await;
    world.saw(PROJECT, "main", (0..5).flat_map(|n| one(&format!("src/{n}"), n)).collect()).await;
    world.saw(PROJECT, "topic", one("src/9", 3)).await;
    everything(&mut world, PROJECT).await;
    world.saw(PROJECT, "topic", [one("src/9", 3), one("src/x", 1)].concat()).await;
    let copy = world.folder.path().join("copy.db");
    snapshot(world.folder.path(), &copy).unwrap().unwrap();
    let before = table_digests(&copy).unwrap();
    let rows = |table: &str| before.iter().find(|digest| digest.table == table).unwrap().rows;
    for table in
        ["incident", "incident_state", "incident_note", "incident_occurrence", "incident_share", "triage"]
    {
        assert!(rows(table) > 0, "{table}");
    }
    assert_eq!(rows("parked"), 0);
    let anew = tempfile::tempdir().unwrap();
    let projector =
        scanledger_projections::Projector::open(anew.path(), Arc::clone(&world.log)).await.unwrap();
    projector.catch_up().await.unwrap();
    let second = anew.path().join("copy.db");
    snapshot(anew.path(), &second).unwrap().unwrap();
    assert_eq!(table_digests(&second).unwrap(), before);
}
