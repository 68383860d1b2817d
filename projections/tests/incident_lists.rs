//! Lists of incidents: in every order and from either end, narrowed, and of what a caller sees.

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::id::{OrganizationId, TeamId};
use scanledger_domain::identity::{Teamless, Visible};
use scanledger_domain::incident::{IgnoreReason, IncidentCommand as Ask, IncidentStatus, IncidentTag};
use scanledger_domain::limits::PERIMETER_FILES;
use scanledger_domain::log::Actor;
use scanledger_domain::severity::Severity;
use scanledger_projections::At;
use scanledger_projections::incident::{
    Direction, IncidentFilter, IncidentOrder, IncidentQuery, IncidentRef, IncidentSort, Span, TagFilter,
};
use std::collections::{BTreeSet, HashSet};
use support::incident::{
    ANA, BANK, BEN, CORE, Incidents, all, filtered, incident, numbers, one, opening, row, rows,
};
use support::{ORGANIZATION, PROJECT, World};
use uuid::Uuid;

/// Nine incidents: every third is resolved by Ana, every third after it ignored by Ben, in the opposite order.
async fn nine(world: &mut World, incidents: &mut Incidents) {
    world.saw(PROJECT, "main", (0..9).flat_map(|n| one(&format!("src/{n}"), n)).collect()).await;
    for n in 0..9 {
        incidents.open(world, n).await;
    }
    for n in [6, 3, 0] {
        world.actor = Actor::User(ANA);
        incidents.ask(world, n, Ask::Resolve { is_secret_revoked: false }).await;
        world.actor = Actor::User(BEN);
        incidents.ask(world, n + 1, Ask::Ignore { reason: IgnoreReason::LowRisk }).await;
    }
    world.actor = Actor::Operator;
}

#[tokio::test]
async fn pages_in_every_order_and_from_either_end_are_slices_of_the_whole() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    nine(&mut world, &mut incidents).await;
    incidents.ask(&mut world, 5, Ask::SetSeverity(Severity::Critical)).await;
    let now = world.views().position();
    incidents.ask(&mut world, 8, Ask::Resolve { is_secret_revoked: false }).await;
    use IncidentSort::{Ignored, Number, Resolved, Severity as BySeverity, Triggered};
    for (by, expected) in [
        (Number, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (Triggered, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (Resolved, [6, 3, 0, 1, 2, 4, 5, 7, 8]),
        (Ignored, [7, 4, 1, 0, 2, 3, 5, 6, 8]),
        (BySeverity, [5, 0, 1, 2, 3, 4, 6, 7, 8]),
    ] {
        for (direction, at) in [Direction::Ascending, Direction::Descending]
            .into_iter()
            .flat_map(|direction| [(direction, At::Position(now)), (direction, At::Now)])
        {
            let order = IncidentOrder { by, direction };
            let query = IncidentQuery { order, ..all(at) };
            let whole = rows(&world, query.clone()).await;
            let mut expected = expected.to_vec();
            if direction == Direction::Descending {
                expected.reverse();
            }
            if at != At::Now {
                assert_eq!(numbers(&whole), expected, "{order:?}");
            }
            for (place, last) in whole.iter().enumerate() {
                let from = Some(order.mark(last));
                let page = IncidentQuery { from, limit: 2, ..query.clone() };
                let next = world.views().incidents(page.clone()).await.unwrap();
                let end = (place + 3).min(whole.len());
                assert_eq!(next.rows, whole[place + 1..end], "{order:?} after {place}");
                assert_eq!(next.has_more, end < whole.len());
                let to = whole.get(place + 3).map(|row| order.mark(row));
                let between = IncidentQuery { to, ..page.clone() };
                let between = world.views().incidents(between).await.unwrap();
                assert_eq!((between.rows, between.has_more), (next.rows, false), "{order:?} after {place}");
                let back = IncidentQuery { is_backward: true, ..page };
                let to = place.checked_sub(3).map(|place| order.mark(&whole[place]));
                let between = IncidentQuery { to, ..back.clone() };
                let between = world.views().incidents(between).await.unwrap();
                let back = world.views().incidents(back).await.unwrap();
                assert_eq!((&between.rows, between.has_more), (&back.rows, false), "{order:?} at {place}");
                assert_eq!(back.rows, whole[place.saturating_sub(2)..place], "{order:?} before {place}");
                assert_eq!(back.has_more, place > 2);
            }
            let end = IncidentQuery { is_backward: true, limit: 2, ..query };
            assert_eq!(world.views().incidents(end).await.unwrap().rows, whole[7..]);
        }
    }
}

#[tokio::test]
async fn filters_narrow() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    nine(&mut world, &mut incidents).await;
    incidents.ask(&mut world, 2, Ask::Assign(ANA)).await;
    incidents.ask(&mut world, 5, Ask::SetSeverity(Severity::Low)).await;
    let list = async |filter| filtered(&world, filter).await;
    let of =
        |statuses: &[IncidentStatus]| IncidentFilter { statuses: statuses.to_vec(), ..Default::default() };
    assert_eq!(list(of(&[IncidentStatus::Triggered])).await, [5, 8]);
    assert_eq!(list(of(&[IncidentStatus::Assigned, IncidentStatus::Resolved])).await, [0, 2, 3, 6]);
    assert_eq!(list(of(&[IncidentStatus::Ignored])).await, [1, 4, 7]);
    assert_eq!(list(IncidentFilter { severities: vec![Severity::Low], ..Default::default() }).await, [5]);
    let rules = |rule: &str| IncidentFilter { rules: vec![rule.to_owned()], ..Default::default() };
    assert_eq!(list(rules("GENERIC_SECRET")).await.len(), 9);
    assert!(list(rules("OTHER")).await.is_empty());
    assert_eq!(list(IncidentFilter { assignees: vec![ANA, BEN], ..Default::default() }).await, [2]);
    let ignorers = |user| IncidentFilter { ignorers: vec![Actor::User(user)], ..Default::default() };
    assert_eq!(list(ignorers(BEN)).await, [1, 4, 7]);
    assert!(list(ignorers(ANA)).await.is_empty());
    let resolvers = |user| IncidentFilter { resolvers: vec![Actor::User(user)], ..Default::default() };
    assert_eq!(list(resolvers(ANA)).await, [0, 3, 6]);
    assert!(list(resolvers(BEN)).await.is_empty());
    let fourth = row(&world, 4, At::Now).await.opened_at;
    let before = Span { from: None, before: Some(fourth) };
    assert_eq!(list(IncidentFilter { opened: before, ..Default::default() }).await, [0, 1, 2, 3]);
    let from = Span { from: Some(fourth), before: None };
    assert_eq!(list(IncidentFilter { triggered: from, ..Default::default() }).await, [4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn tags_say_where_a_secret_stands() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    let all = [one("src/a", 1), one("tests/a", 2), one("deploy/.env", 3), one("tests/.env", 4)].concat();
    world.saw(PROJECT, "main", all.clone()).await;
    world.saw(PROJECT, "topic", [all, one("src/b", 5)].concat()).await;
    for n in 1..6 {
        let of = scanledger_domain::incident::Opening { is_historical: n == 1, ..opening(n, Severity::High) };
        incidents.ask(&mut world, n, Ask::Open(of)).await;
    }
    use IncidentTag::{DefaultBranch, FromHistoricalScan, SensitiveFile, TestFile};
    let expected: [(u32, &[IncidentTag]); 5] = [
        (1, &[FromHistoricalScan, DefaultBranch]),
        (2, &[TestFile, DefaultBranch]),
        (3, &[SensitiveFile, DefaultBranch]),
        (4, &[TestFile, SensitiveFile, DefaultBranch]),
        (5, &[]),
    ];
    for (n, tags) in expected {
        assert_eq!(row(&world, n, At::Now).await.tags, tags, "{n}");
    }
    let list = async |tags: TagFilter| filtered(&world, IncidentFilter { tags, ..Default::default() }).await;
    let any_of =
        |tags: &[IncidentTag], or_untagged| TagFilter { any_of: tags.to_vec(), or_untagged, none_of: vec![] };
    assert_eq!(list(any_of(&[TestFile], false)).await, [2, 4]);
    assert_eq!(list(any_of(&[TestFile, SensitiveFile], false)).await, [2, 3, 4]);
    assert_eq!(list(any_of(&[FromHistoricalScan], true)).await, [1, 5]);
    assert_eq!(list(any_of(&[], true)).await, [5]);
    let none_of = |tags: &[IncidentTag]| TagFilter { none_of: tags.to_vec(), ..Default::default() };
    assert_eq!(list(none_of(&[TestFile])).await, [1, 3, 5]);
    assert_eq!(list(none_of(&[DefaultBranch])).await, [5]);
}

#[tokio::test]
async fn who_sees_some_projects_sees_the_secrets_that_stand_there() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.project(BANK, Some(CORE)).await;
    world.saw(PROJECT, "main", [one("a", 1), one("b", 2)].concat()).await;
    world.saw(BANK, "main", [one("tests/x", 2), one("y", 3)].concat()).await;
    for n in 1..4 {
        incidents.open(&mut world, n).await;
    }
    let of_core = Visible::Teams(BTreeSet::from([CORE]), Teamless::Not);
    for (visible, seen) in [
        (Visible::All, vec![1, 2, 3]),
        (of_core.clone(), vec![2, 3]),
        (Visible::Teams(BTreeSet::new(), Teamless::Too), vec![1, 2]),
        (Visible::Project(BANK), vec![2, 3]),
        (Visible::Teams(BTreeSet::new(), Teamless::Not), vec![]),
    ] {
        let query = IncidentQuery { visible: visible.clone(), ..all(At::Now) };
        assert_eq!(numbers(&rows(&world, query).await), seen, "{visible:?}");
        let ids = (1..4).map(incident).collect();
        let found = world.views().incidents_by_id(ORGANIZATION, visible.clone(), ids, At::Now).await.unwrap();
        assert_eq!(found.len(), seen.len());
        for n in 1..4 {
            let named = IncidentRef::Id(incident(n));
            let found = world.views().incident(ORGANIZATION, visible.clone(), named, At::Now).await.unwrap();
            assert_eq!(found.is_some(), seen.contains(&n));
        }
        let by_rule = world.views().incidents_by_rule(ORGANIZATION, visible).await.unwrap();
        assert_eq!(by_rule.get("GENERIC_SECRET").map_or(0, |counts| counts.open), seen.len() as u64);
    }
    let named = IncidentRef::Id(incident(2));
    let elsewhere = Visible::Teams(BTreeSet::new(), Teamless::Too);
    let found = world.views().incident(ORGANIZATION, elsewhere, named, At::Now).await.unwrap().unwrap();
    assert_eq!(
        (found.occurrences, found.tags),
        (1, vec![IncidentTag::DefaultBranch]),
        "of what the caller sees"
    );
    let filter = IncidentFilter { projects: vec![BANK], ..Default::default() };
    assert_eq!(filtered(&world, filter).await, [2, 3]);
    incidents.ask(&mut world, 3, Ask::Resolve { is_secret_revoked: false }).await;
    let counts = world.views().incidents_by_project(ORGANIZATION, vec![PROJECT, BANK]).await.unwrap();
    assert_eq!((counts[&PROJECT].open, counts[&BANK].open, counts[&BANK].resolved), (2, 1, 1));
    let owner = world.views().incident_projects(incident(2)).await.unwrap().unwrap();
    let projects: HashSet<_> = owner.projects.iter().map(|scope| scope.project).collect();
    assert_eq!((owner.organization, projects), (ORGANIZATION, HashSet::from([PROJECT, BANK])));
    assert!(world.views().incident_projects(incident(9)).await.unwrap().is_none());
}

/// A list about some projects begins at the places in these or goes through all incidents, whichever is less.
#[tokio::test]
async fn a_project_with_many_places_has_the_list_that_it_had_with_few() {
    let (mut world, mut incidents) = (World::new().await, Incidents::default());
    world.project(BANK, Some(CORE)).await;
    nine(&mut world, &mut incidents).await;
    let some: Vec<_> = [1, 3, 4, 6, 8].into_iter().flat_map(|n| one("x", n)).collect();
    let few = world.saw(BANK, "main", some.clone()).await;
    let filters = [
        IncidentFilter { projects: vec![BANK], ..Default::default() },
        IncidentFilter { team: Some(CORE), ..Default::default() },
        IncidentFilter { team: Some(CORE), projects: vec![BANK, PROJECT], ..Default::default() },
    ];
    let mut pages = vec![];
    for filter in filters {
        for by in [
            IncidentSort::Number,
            IncidentSort::Triggered,
            IncidentSort::Resolved,
            IncidentSort::Ignored,
            IncidentSort::Severity,
        ] {
            for direction in [Direction::Ascending, Direction::Descending] {
                let query = IncidentQuery {
                    filter: filter.clone(),
                    order: IncidentOrder { by, direction },
                    ..all(At::Now)
                };
                let whole = rows(&world, query.clone()).await;
                let mut found: Vec<u32> = numbers(&whole);
                found.sort_unstable();
                assert_eq!(found, [1, 3, 4, 6, 8]);
                for last in &whole {
                    let from = Some(query.order.mark(last));
                    pages.push(IncidentQuery { from, limit: 2, ..query.clone() });
                    pages.push(IncidentQuery { from, limit: 2, is_backward: true, ..query.clone() });
                }
            }
        }
    }
    let mut before = vec![];
    for page in &pages {
        before.push(numbers(&rows(&world, page.clone()).await));
    }
    let many = (0..1_001).flat_map(|n| one(&format!("copies/{n}"), 3));
    world.saw(BANK, "main", some.into_iter().chain(many).collect()).await;
    for (page, before) in pages.into_iter().zip(before) {
        assert_eq!(numbers(&rows(&world, page.clone()).await), before, "{page:?}");
        let then = IncidentQuery { at: At::Position(few), ..page.clone() };
        assert_eq!(numbers(&rows(&world, then).await), before, "{page:?} as of earlier");
    }
    for nobody in [TeamId(Uuid::from_u128(9)), CORE] {
        let filter = IncidentFilter { team: Some(nobody), ..Default::default() };
        let visible = Visible::Teams(BTreeSet::new(), Teamless::Too);
        let query = IncidentQuery { filter, visible, ..all(At::Now) };
        assert_eq!(numbers(&rows(&world, query).await), [0; 0], "the caller does not see that team's");
    }
}

#[tokio::test]
async fn the_files_of_an_incident_are_those_that_came_first_up_to_a_limit() {
    let mut world = World::new().await;
    let number = Incidents::default().open(&mut world, 1).await;
    world.project(BANK, Some(CORE)).await;
    let paths = |count: u32| (0..count).flat_map(|n| one(&format!("src/{n:04}"), 1)).collect::<Vec<_>>();
    world.saw(BANK, "main", one("vault", 1)).await;
    world.saw(PROJECT, "main", paths(PERIMETER_FILES - 1)).await;
    // The same file again is none more.
    world.saw(PROJECT, "other", paths(1)).await;
    let files = async |world: &World, visible| {
        let files = world.views().incident_files(ORGANIZATION, visible, number).await.unwrap();
        let count = |project| files.get(&project).map_or(0, |files| u32::try_from(files.len()).unwrap());
        (count(BANK), count(PROJECT))
    };
    assert_eq!(files(&world, Visible::All).await, (1, PERIMETER_FILES - 1));
    world.saw(PROJECT, "other", one("src/last", 1)).await;
    assert_eq!(files(&world, Visible::All).await, (1, PERIMETER_FILES - 1));
    let core = Visible::Teams(BTreeSet::from([CORE]), Teamless::Not);
    assert_eq!(files(&world, core).await, (1, 0));
    assert_eq!(files(&world, Visible::Project(PROJECT)).await, (0, PERIMETER_FILES));
    let stranger = world.views().incident_files(OrganizationId(Uuid::nil()), Visible::All, number).await;
    assert!(stranger.unwrap().is_empty());
}
