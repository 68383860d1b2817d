//! Findings of an organization, those that came last first: now and as of earlier, by number, and page by page.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{ProjectId, TeamId};
use scanledger_domain::identity::{ProjectScope, Teamless, Visible};
use scanledger_domain::log::Position;
use scanledger_domain::scan::{Deleted, ScanEvent, scan_stream};
use scanledger_domain::scanning::Detection;
use scanledger_domain::severity::Severity;
use scanledger_projections::At;
use scanledger_projections::finding::{EverywhereFilter, EverywhereQuery, FindingEverywhere, Stay};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use support::{ORGANIZATION, World, secret};
use uuid::Uuid;

fn some(range: Range<u32>) -> Vec<Detection> {
    range.map(|number| secret(&format!("src/{number}.py"), number, Severity::High)).collect()
}

fn all(at: At) -> EverywhereQuery {
    EverywhereQuery {
        organization: ORGANIZATION,
        visible: Visible::All,
        at,
        filter: EverywhereFilter::default(),
        once: false,
        after: None,
        skip: 0,
        limit: 1_000,
    }
}

async fn list(world: &World, query: EverywhereQuery) -> Vec<FindingEverywhere> {
    world.views().findings_everywhere(query).await.unwrap()
}

/// Questions that begin in different ways.
fn questions(numbers: &[u64]) -> Vec<(EverywhereFilter, bool)> {
    let stay = |stay| EverywhereFilter { stay: Some(stay), ..EverywhereFilter::default() };
    let states = |state, stay| EverywhereFilter { states: vec![state], stay, ..EverywhereFilter::default() };
    let named = EverywhereFilter { numbers: Some(numbers.to_vec()), ..EverywhereFilter::default() };
    vec![
        (EverywhereFilter::default(), false),
        (EverywhereFilter::default(), true),
        (stay(Stay::There), false),
        (stay(Stay::Gone), false),
        (states(TriageState::Accepted, None), false),
        (states(TriageState::Untriaged, Some(Stay::There)), true),
        (states(TriageState::Accepted, Some(Stay::Gone)), false),
        (named, false),
    ]
}

#[tokio::test]
async fn what_was_shown_then_is_shown_as_of_then() {
    let mut world = World::new().await;
    let mut shown: Vec<(Position, Vec<Vec<FindingEverywhere>>)> = vec![];
    let mut numbers = vec![];
    for step in 0..9 {
        let position = match step {
            0 => world.scan("main", some(0..4), vec![]).await.1,
            1 => world.scan("feature", some(1..6), vec![]).await.1,
            2 | 5 | 7 => {
                let state = if step == 5 { TriageState::Untriaged } else { TriageState::Accepted };
                let found = list(&world, all(At::Now)).await;
                let finding = found.iter().max_by_key(|row| row.number).unwrap().finding.id;
                world.triage(finding, state, Some("because")).await
            }
            3 => world.scan("main", some(2..5), vec![]).await.1,
            4 => world.scan("main", some(0..5), vec![]).await.1,
            6 => world.scan("feature", vec![], vec![]).await.1,
            _ => world.scan("main", some(3..4), vec![]).await.1,
        };
        if step == 1 {
            numbers = list(&world, all(At::Now)).await.iter().step_by(2).map(|row| row.number.0).collect();
        }
        let mut answers = vec![];
        for (filter, once) in questions(&numbers) {
            answers.push(list(&world, EverywhereQuery { filter, once, ..all(At::Now) }).await);
        }
        shown.push((position, answers));
    }
    assert!(shown.iter().any(|(_, answers)| answers.iter().all(|answer| !answer.is_empty())));
    for (position, answers) in shown.into_iter().skip(1) {
        for ((filter, once), answer) in questions(&numbers).into_iter().zip(answers) {
            let then =
                list(&world, EverywhereQuery { filter: filter.clone(), once, ..all(At::Position(position)) });
            assert_eq!(then.await, answer, "{filter:?} as of {position}");
        }
    }
}

#[tokio::test]
async fn a_deleted_scan_is_no_longer_the_first_that_saw_something() {
    let mut world = World::new().await;
    let (scan, position) = world.scan("main", some(0..1), vec![]).await;
    world.scan("main", some(0..2), vec![]).await;
    let first = async |world: &World, at| {
        let found = list(world, all(at)).await;
        found.into_iter().map(|row| row.first_scan.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(first(&world, At::Now).await, [true, true]);
    world.append(scan_stream(scan), &[ScanEvent::from(Deleted { scan })]).await;
    assert_eq!(first(&world, At::Now).await, [true, false]);
    assert_eq!(first(&world, At::Position(position)).await, [false]);
}

#[tokio::test]
async fn pages_follow_each_other_by_place_and_by_number_of_rows() {
    let mut world = World::new().await;
    world.scan("main", some(0..7), vec![]).await;
    world.scan("feature", some(3..12), vec![]).await;
    let whole = list(&world, all(At::Now)).await;
    let place = |row: &FindingEverywhere| Reverse((row.finding.since, row.number, row.branch_opened));
    assert!(whole.is_sorted_by_key(place));
    let (mut by_mark, mut by_skip) = (vec![], vec![]);
    loop {
        let after = by_mark.last().map(FindingEverywhere::mark);
        let page = list(&world, EverywhereQuery { after, limit: 3, ..all(At::Now) }).await;
        let skip = by_skip.len() as u64;
        by_skip.extend(list(&world, EverywhereQuery { skip, limit: 3, ..all(At::Now) }).await);
        if page.is_empty() {
            break;
        }
        by_mark.extend(page);
    }
    assert_eq!(by_mark, whole);
    assert_eq!(by_skip, whole);
}

#[tokio::test]
async fn findings_are_found_by_their_numbers_and_by_no_other() {
    let mut world = World::new().await;
    world.scan("main", some(0..40), vec![]).await;
    let whole = list(&world, all(At::Now)).await;
    let of = |numbers: Vec<u64>| {
        let filter = EverywhereFilter { numbers: Some(numbers), ..EverywhereFilter::default() };
        list(&world, EverywhereQuery { filter, ..all(At::Now) })
    };
    for row in &whole {
        assert_eq!(of(vec![row.number.0]).await, std::slice::from_ref(row));
    }
    let (first, last) = (whole.last().unwrap().number.0, whole[0].number.0);
    for nothing in [vec![], vec![0], vec![first - 1], vec![last + 1, u64::MAX]] {
        assert_eq!(of(nothing).await, []);
    }
    let every: Vec<u64> = (0..=last + 3).rev().chain([first, first]).collect();
    assert_eq!(of(every).await, whole);
}

/// What is shown of each finding when it is shown once.
fn best(rows: &[FindingEverywhere]) -> Vec<FindingEverywhere> {
    let rank = |row: &FindingEverywhere| {
        (row.stay == Stay::There, row.branch == "main", row.finding.since, Reverse(row.branch_opened))
    };
    let mut best: BTreeMap<Position, &FindingEverywhere> = BTreeMap::new();
    for row in rows {
        let shown = best.entry(row.number).or_insert(row);
        if rank(row) > rank(shown) {
            *shown = row;
        }
    }
    let mut best: Vec<FindingEverywhere> = best.into_values().cloned().collect();
    best.sort_by_key(|row| Reverse((row.finding.since, row.number, row.branch_opened)));
    best
}

#[tokio::test]
async fn a_finding_that_is_shown_once_is_shown_where_it_matters_most() {
    let mut world = World::new().await;
    world.scan("main", some(0..6), vec![]).await;
    world.scan("feature", some(2..9), vec![]).await;
    world.scan("topic", some(4..12), vec![]).await;
    world.scan("main", some(1..3), vec![]).await;
    world.scan("feature", some(3..7), vec![]).await;
    world.scan("main", some(1..4), vec![]).await;
    let finding = list(&world, all(At::Now)).await[3].finding.id;
    world.triage(finding, TriageState::Accepted, None).await;
    let plain = EverywhereFilter::default;
    for filter in [
        plain(),
        EverywhereFilter { stay: Some(Stay::There), ..plain() },
        EverywhereFilter { stay: Some(Stay::Gone), ..plain() },
        EverywhereFilter { states: vec![TriageState::Accepted], ..plain() },
        EverywhereFilter { states: vec![TriageState::Untriaged], ..plain() },
        EverywhereFilter { branch: Some("feature".to_owned()), ..plain() },
        EverywhereFilter { severities: vec![Severity::Low], ..plain() },
    ] {
        let whole = list(&world, EverywhereQuery { filter: filter.clone(), ..all(At::Now) }).await;
        let once = EverywhereQuery { filter: filter.clone(), once: true, ..all(At::Now) };
        let best = best(&whole);
        assert_eq!(list(&world, once.clone()).await, best, "{filter:?}");
        for (place, last) in best.iter().enumerate() {
            let page = EverywhereQuery { after: Some(last.mark()), limit: 2, ..once.clone() };
            let end = (place + 3).min(best.len());
            assert_eq!(list(&world, page).await, best[place + 1..end], "{filter:?} after {place}");
        }
    }
}

/// A list page by page.
async fn walked(world: &World, query: EverywhereQuery) -> Vec<FindingEverywhere> {
    let mut walked = vec![];
    loop {
        let after = walked.last().map(FindingEverywhere::mark);
        let page = list(world, EverywhereQuery { after, ..query.clone() }).await;
        if page.is_empty() {
            return walked;
        }
        walked.extend(page);
    }
}

/// Few projects are merged, of more the organization is gone through; either way it is the same list.
#[tokio::test]
async fn some_projects_have_what_the_whole_list_has_of_them() {
    let mut world = World::new().await;
    let projects: Vec<ProjectId> = (10..16).map(|number| ProjectId(Uuid::from_u128(number))).collect();
    for (number, project) in (0..).zip(&projects) {
        world.project(*project, None).await;
        world.saw(*project, "main", some(number * 10..number * 10 + 3)).await;
    }
    let then = At::Position(world.views().position());
    for (number, project) in (0..).zip(&projects) {
        world.saw(*project, "main", some(number * 10 + 1..number * 10 + 5)).await;
        world.saw(*project, "topic", some(number * 10 + 2..number * 10 + 7)).await;
    }
    for at in [At::Now, then] {
        let whole = list(&world, all(at)).await;
        for count in [0, 1, 3, 4, 5, 6] {
            let of = |row: &&FindingEverywhere| projects[..count].contains(&row.finding.project);
            let expected: Vec<FindingEverywhere> = whole.iter().filter(of).cloned().collect();
            let named = |row: &FindingEverywhere| (row.project_name.clone(), row.project_number);
            let (mut names, mut numbers): (Vec<String>, Vec<u64>) = expected.iter().map(named).unzip();
            if count == 0 {
                (names, numbers) = (vec!["nothing".to_owned()], vec![0]);
            }
            for filter in [
                EverywhereFilter { project_names: names, ..EverywhereFilter::default() },
                EverywhereFilter { projects: numbers, ..EverywhereFilter::default() },
            ] {
                let query = EverywhereQuery { filter: filter.clone(), limit: 4, ..all(at) };
                let walked = walked(&world, query).await;
                assert_eq!(walked, expected, "{filter:?} at {at:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_caller_sees_what_the_whole_list_has_of_their_projects() {
    let mut world = World::new().await;
    let [few, many, none] = [TeamId(Uuid::from_u128(1)), TeamId(Uuid::from_u128(2)), TeamId(Uuid::nil())];
    let owners = [Some(few), Some(many), None, Some(many), Some(few), Some(many), Some(many), Some(many)];
    let projects: Vec<ProjectId> = (10..18).map(|number| ProjectId(Uuid::from_u128(number))).collect();
    let mut then = At::Now;
    for (number, (project, owner)) in (0..).zip(projects.iter().zip(owners)) {
        world.project(*project, owner).await;
        world.saw(*project, "main", some(number * 10..number * 10 + 3)).await;
        if number == 4 {
            then = At::Position(world.views().position());
        }
    }
    let team_of =
        |project| projects.iter().position(|other| *other == project).and_then(|place| owners[place]);
    let teams = |teams: &[TeamId], teamless| Visible::Teams(teams.iter().copied().collect(), teamless);
    for visible in [
        Visible::Project(projects[3]),
        // One that was not there yet, and one that is nowhere.
        Visible::Project(projects[7]),
        Visible::Project(ProjectId(Uuid::nil())),
        teams(&[few], Teamless::Not),
        teams(&[few], Teamless::Too),
        teams(&[many], Teamless::Not),
        teams(&[few, many], Teamless::Too),
        teams(&[none], Teamless::Not),
        teams(&[], Teamless::Too),
    ] {
        let sees = |row: &&FindingEverywhere| {
            let project = row.finding.project;
            visible.shows(ProjectScope { organization: ORGANIZATION, team: team_of(project), project })
        };
        for at in [At::Now, then] {
            let whole = list(&world, all(at)).await;
            let names = whole.iter().step_by(2).map(|row| row.project_name.clone()).collect();
            let numbers = whole.iter().step_by(2).map(|row| row.number.0).collect();
            for filter in [
                EverywhereFilter::default(),
                EverywhereFilter { project_names: names, ..EverywhereFilter::default() },
                EverywhereFilter { numbers: Some(numbers), ..EverywhereFilter::default() },
            ] {
                let query = EverywhereQuery { filter, limit: 4, ..all(at) };
                let asked = walked(&world, query.clone()).await;
                let expected: Vec<FindingEverywhere> = asked.iter().filter(sees).cloned().collect();
                let seen = walked(&world, EverywhereQuery { visible: visible.clone(), ..query }).await;
                assert_eq!(seen, expected, "{visible:?} at {at:?}");
            }
        }
    }
}
