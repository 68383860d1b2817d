//! Findings of an organization, those that came last first: now and as of earlier, by number, and page by page.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::finding::TriageState;
use scanledger_domain::identity::Visible;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::Detection;
use scanledger_domain::severity::Severity;
use scanledger_projections::At;
use scanledger_projections::finding::{EverywhereFilter, EverywhereQuery, FindingEverywhere, Stay};
use std::ops::Range;
use support::{ORGANIZATION, World, secret};

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
async fn pages_follow_each_other_by_place_and_by_number_of_rows() {
    let mut world = World::new().await;
    world.scan("main", some(0..7), vec![]).await;
    world.scan("feature", some(3..12), vec![]).await;
    let whole = list(&world, all(At::Now)).await;
    assert!(whole.is_sorted_by_key(|row| std::cmp::Reverse((
        row.finding.since,
        row.number,
        row.branch_opened
    ))));
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
