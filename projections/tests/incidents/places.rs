//! Where the secret of an incident came, and what is noted and shared about it.

use crate::support::incident::{ANA, BANK, Incidents, incident, one, opening, row};
use crate::support::{COMMIT, ORGANIZATION, PROJECT, World};
use scanledger_domain::id::{NoteId, ShareId};
use scanledger_domain::identity::{KeyHash, Visible};
use scanledger_domain::incident::{IncidentCommand as Ask, IncidentStatus, IncidentTag, Sharing, Sighting};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::scan::{Deleted, ScanEvent, scan_stream};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use scanledger_projections::incident::{
    Direction, OccurrenceFilter, OccurrenceQuery, OccurrenceRow, Presence, Span, TagFilter,
};
use uuid::Uuid;

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
