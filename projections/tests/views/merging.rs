//! Findings that turn out to be others show what people decide about those, from there on.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

use super::learning::{agrees, branch, shown, vulnerable};
use super::query;
use crate::support::{PROJECT, World};
use scanledger_domain::branch::{Merge, merges};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::Detection;
use scanledger_projections::At;
use scanledger_projections::finding::{FindingFilter, FindingQuery};
use std::collections::HashMap;

const BRANCHES: [&str; 2] = ["main", "topic"];

fn of(ids: &[&str]) -> Detection {
    vulnerable("lodash", ids, "command injection")
}

/// The findings of `ids`, in order of first sight, on every branch.
async fn found(world: &mut World, ids: &[&str]) -> Vec<FindingId> {
    for name in BRANCHES {
        world.scan(name, ids.iter().map(|&id| of(&[id])).collect(), vec![]).await;
    }
    let rows = shown(&world.views(), "main").await;
    let by_id: HashMap<&str, FindingId> = rows.iter().map(|row| (row.rule.as_str(), row.id)).collect();
    ids.iter().map(|id| by_id[id]).collect()
}

/// State and note of a finding on a branch, and when somebody said so.
async fn state(
    world: &World,
    name: &str,
    finding: FindingId,
    at: At,
) -> (TriageState, Option<(Option<String>, i64)>) {
    let rows = world.views().findings(query(branch(name), at)).await.unwrap().rows;
    let row = rows.into_iter().find(|row| row.id == finding).unwrap();
    (row.state, row.triaged.map(|triaged| (triaged.note, triaged.at.0)))
}

/// How many findings of a branch are in a state, as lists and their totals say.
async fn counted(world: &World, name: &str, state: TriageState, at: At) -> u64 {
    let filter = FindingFilter { states: vec![state], ..FindingFilter::default() };
    let list = world.views().findings(FindingQuery { filter, ..query(branch(name), at) }).await.unwrap();
    assert_eq!(list.rows.len() as u64, list.total);
    list.total
}

fn merged(world: &World) -> Position {
    assert_eq!(world.projector.health().parked, 0);
    world.views().position()
}

#[tokio::test]
async fn a_merged_finding_shows_the_decisions_about_the_elder_on_every_branch_and_the_past_stays() {
    let mut world = World::new().await;
    let [elder, younger] = found(&mut world, &["GHSA-1", "CVE-1"]).await[..] else { panic!("two findings") };
    world.triage(younger, TriageState::FalsePositive, Some("never called")).await;
    let before = world.triage(elder, TriageState::Confirmed, Some("real")).await;
    let own = state(&world, "main", younger, At::Now).await;
    assert_eq!(own.0, TriageState::FalsePositive);

    world.merge(younger, elder).await;
    let then = merged(&world);
    for name in BRANCHES {
        let held = state(&world, name, elder, At::Now).await;
        assert_eq!((held.0, held.1.as_ref().unwrap().0.as_deref()), (TriageState::Confirmed, Some("real")));
        assert_eq!(state(&world, name, younger, At::Now).await, held, "{name}");
        assert_eq!(state(&world, name, younger, At::Position(before)).await, own, "{name}");
        let totals = [TriageState::Confirmed, TriageState::FalsePositive];
        for (state, now, past) in [(totals[0], 2, 1), (totals[1], 0, 1)] {
            assert_eq!(counted(&world, name, state, At::Now).await, now, "{name} {state}");
            assert_eq!(counted(&world, name, state, At::Position(before)).await, past, "{name} {state}");
        }
    }

    world.triage(elder, TriageState::Fixed, None).await;
    for name in BRANCHES {
        let held = state(&world, name, elder, At::Now).await;
        assert_eq!((held.0, held.1.as_ref().unwrap().0.as_deref()), (TriageState::Fixed, Some("real")));
        assert_eq!(state(&world, name, younger, At::Now).await, held, "{name}");
        assert_eq!(counted(&world, name, TriageState::Fixed, At::Now).await, 2, "{name}");
        assert_eq!(counted(&world, name, TriageState::Confirmed, At::Position(then)).await, 2, "{name}");
    }
    agrees(&world, &BRANCHES).await;
}

#[tokio::test]
async fn what_was_decided_about_the_younger_no_longer_holds_if_nobody_decided_about_the_elder() {
    let mut world = World::new().await;
    let all = found(&mut world, &["GHSA-1", "CVE-1", "OSV-1"]).await;
    let [elder, younger, other] = all[..] else { panic!("{all:?}") };
    let before = world.triage(younger, TriageState::Accepted, Some("for now")).await;
    world.merge(younger, elder).await;
    world.merge(other, elder).await;
    merged(&world);
    let (now, said) = state(&world, "topic", younger, At::Now).await;
    assert_eq!((now, said.unwrap().0), (TriageState::Untriaged, None));
    assert_eq!(state(&world, "topic", other, At::Now).await, (TriageState::Untriaged, None));
    let past = state(&world, "topic", younger, At::Position(before)).await;
    assert_eq!((past.0, past.1.unwrap().0.as_deref()), (TriageState::Accepted, Some("for now")));
    world.triage(elder, TriageState::Investigating, Some("soon")).await;
    let held = state(&world, "topic", elder, At::Now).await;
    for merged in [younger, other] {
        assert_eq!(state(&world, "topic", merged, At::Now).await, held);
    }
    assert_eq!(counted(&world, "main", TriageState::Investigating, At::Now).await, 3);
    agrees(&world, &BRANCHES).await;
}

#[tokio::test]
async fn what_was_merged_into_an_elder_follows_it_into_one_that_is_elder_still() {
    let mut world = World::new().await;
    let all = found(&mut world, &["RUSTSEC-1", "GHSA-1", "CVE-1"]).await;
    let [first, second, third] = all[..] else { panic!("{all:?}") };
    world.triage(first, TriageState::NotAffected, Some("behind a flag")).await;
    world.triage(second, TriageState::Confirmed, None).await;
    world.merge(third, second).await;
    assert_eq!(state(&world, "topic", third, At::Now).await.0, TriageState::Confirmed);
    world.merge(second, first).await;
    let held = state(&world, "topic", first, At::Now).await;
    for merged in [second, third] {
        assert_eq!(state(&world, "topic", merged, At::Now).await, held);
    }
    world.triage(first, TriageState::Fixed, None).await;
    assert_eq!(counted(&world, "topic", TriageState::Fixed, At::Now).await, 3);
    world.merge(third, first).await;
    merged(&world);
    world.triage(first, TriageState::Accepted, None).await;
    assert_eq!(counted(&world, "topic", TriageState::Accepted, At::Now).await, 3);
    agrees(&world, &BRANCHES).await;
}

#[tokio::test]
async fn ids_of_a_merged_finding_lead_to_the_elder_and_nothing_is_merged_twice() {
    let mut world = World::new().await;
    let views = world.views();
    let [elder, younger] = found(&mut world, &["GHSA-1", "CVE-1"]).await[..] else { panic!("two findings") };
    let joined = || vec![of(&["CVE-1", "GHSA-1"])];
    let lodash = Package::new(Ecosystem::Npm, "lodash");
    let known = views.known_advisories(PROJECT, vec![lodash.clone()]).await.unwrap();
    let [merge] = merges(&joined(), &known)[..] else { panic!("{known:?}") };
    assert_eq!((merge.younger, merge.elder), (younger, elder));
    world.scan("main", joined(), vec![]).await;
    // Whoever is lost before the merge leaves it to the next scan, whatever that sees.
    let known = views.known_advisories(PROJECT, vec![lodash.clone()]).await.unwrap();
    assert_eq!(merges(&[], &known), [merge]);
    world.merge(merge.younger, merge.elder).await;
    let known = views.known_advisories(PROJECT, vec![lodash.clone()]).await.unwrap();
    let told: Vec<_> = known[&lodash].iter().map(|known| (known.finding, known.merged_into)).collect();
    assert_eq!(told, [(elder, None), (younger, Some(elder))]);
    assert_eq!(merges(&joined(), &known), [] as [Merge; 0]);

    let on = async |name: &str| shown(&views, name).await.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!((on("main").await, on("topic").await), (vec![elder], vec![elder, younger]));
    world.scan("topic", vec![of(&["CVE-1"])], vec![]).await;
    assert_eq!(on("topic").await, [elder]);
    agrees(&world, &BRANCHES).await;
}
