//! What belongs to another organization is answered as what is not there: the same status, the same body, as fast.
//! Where a dialect's contract says 403 instead, it is listed here with the place in its reference.

use crate::callers::{Caller, callers};
use crate::expected::Answer;
use crate::graphql::query;
use crate::matrix::{ask, show};
use crate::place::{NOBODY, Place, Things};
use crate::rows::{About, Row, rows};
use crate::send::Reply;
use crate::world::World;
use scanledger_api::route_table;
use scanledger_api::routes::Access;
use std::time::{Duration, Instant};

/// How often each is asked when time is measured.
const TIMES: usize = 31;
/// By how much the medians may differ: a question to the read models takes a tenth of it.
const SAME: Duration = Duration::from_millis(5);

/// Why a route tells what is somebody else's from what is not there, if its contract says so.
fn contract(row: &Row) -> Option<&'static str> {
    match row.about {
        About::Project | About::Scan | About::Finding | About::Key => {
            Some("Pepper reference, where no union is possible (9): foreign id 403, unknown id 404")
        }
        About::KeyForProject => {
            Some("TRUSCA reference §3.4: without the right to issue 403, unknown project 404")
        }
        _ => None,
    }
}

/// An answer without the id that was asked for and without the request's own.
fn plain(world: &World, reply: &Reply, row: &Row) -> (u16, String) {
    let mut body = reply.body.replace(NOBODY, "ID").replace(&u32::MAX.to_string(), "NUMBER");
    if let Some(things) = world.things(Place::Elsewhere) {
        let ids = [things.key.to_string(), things.owned_key.to_string(), things.user.to_string()];
        let more = [things.invitation.to_string(), things.team.to_string(), things.event.clone()];
        for id in ids.iter().chain(&more) {
            body = body.replace(id, "ID");
        }
        if row.about == About::SourceOfDocument {
            // The dialect's words for it name the source.
            body = body.replace(&things.project().to_string(), "ID");
        }
    }
    if row.about == About::MemberNumber {
        // The address of the request is in the answer of some dialects, and numbers differ.
        body = body.chars().filter(|c| !c.is_ascii_digit()).collect();
    }
    (reply.status, body)
}

fn pairs() -> Vec<Row> {
    let guarded = route_table().into_iter().filter(|rule| rule.access != Access::Open);
    let rows = guarded.flat_map(|rule| rows(&rule));
    rows.filter(|row| row.about.has_id() && row.about != About::SomebodyElses).collect()
}

fn named<'a>(callers: &'a [Caller], name: &str) -> &'a Caller {
    callers.iter().find(|caller| caller.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_id_is_a_missing_one_except_where_a_contract_says_403() {
    let world = World::new().await;
    let callers = callers(&world).await;
    // Whoever has all rights in one organization and none in the other.
    let (key, owner) = (named(&callers, "key Admin"), named(&callers, "owner"));
    let (mut alike, mut apart) = (vec![], vec![]);
    for row in pairs() {
        for caller in [key, owner] {
            let foreign = ask(&world, &row, caller, Place::Elsewhere, false).await;
            let missing = ask(&world, &row, caller, Place::Nowhere, false).await;
            let (foreign, missing) = (plain(&world, &foreign, &row), plain(&world, &missing, &row));
            let label = format!("{} as {}", row.label(), caller.name);
            match contract(&row) {
                Some(why) if foreign != missing => {
                    let found = Answer::of(missing.0);
                    assert_eq!((foreign.0, found), (403, Some(row.nowhere)), "{label}: {why}");
                    apart.push(format!("{label}: {why}"));
                }
                _ => {
                    assert_eq!(foreign, missing, "{label}");
                    alike.push(label);
                }
            }
        }
    }
    show(&format!("{} alike\n{}\n", alike.len(), alike.join("\n")));
    show(&format!("{} apart\n{}", apart.len(), apart.join("\n")));
    assert!(alike.len() > 20 && apart.len() > 40, "{} {}", alike.len(), apart.len());
}

/// Documents that name a thing, and which.
fn documents(things: &Things) -> [(&'static str, String); 9] {
    let (project, scan) = (things.project().to_string(), things.scan.clone());
    [
        ("{ project(id: \"$id\") { id } }", project.clone()),
        ("{ scan(id: \"$id\") { id } }", scan.clone()),
        ("{ finding(id: \"$id\") { id } }", things.findings[0].clone()),
        ("{ findings(project: \"$id\") { totalCount } }", project.clone()),
        ("{ findings(scan: \"$id\") { totalCount } }", scan.clone()),
        ("{ scans(project: \"$id\") { totalCount } }", project.clone()),
        ("{ components(project: \"$id\") { totalCount } }", project.clone()),
        ("{ diff(project: \"$id\", from: \"0\") { from } }", project),
        ("{ projects(asOfScan: \"$id\") { totalCount } }", scan),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn graphql_does_not_tell_what_is_foreign_or_of_another_team_from_what_is_missing() {
    let world = World::new().await;
    let callers = callers(&world).await;
    for (name, place) in [("key Admin", Place::Elsewhere), ("team admin of core", Place::Edge)] {
        let caller = named(&callers, name);
        for (document, id) in documents(world.things(place).unwrap()) {
            let foreign = query(&world, caller, &document.replace("$id", &id)).await;
            let missing = query(&world, caller, &document.replace("$id", NOBODY)).await;
            assert_eq!(foreign.json()["errors"][0]["extensions"]["code"], "NOT_FOUND", "{}", foreign.body);
            assert_eq!(foreign.body, missing.body, "{document} as {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_id_takes_as_long_as_a_missing_one() {
    let world = World::new().await;
    let callers = callers(&world).await;
    let key = named(&callers, "key Admin");
    for row in pairs().into_iter().filter(|row| row.rule.method == "GET" && contract(row).is_none()) {
        let (mut foreign, mut missing) = (vec![], vec![]);
        for _ in 0..TIMES {
            // By turns, so that whatever else happens on the machine happens to both.
            foreign.push(time(ask(&world, &row, key, Place::Elsewhere, false)).await);
            missing.push(time(ask(&world, &row, key, Place::Nowhere, false)).await);
        }
        are_alike(&row.label(), foreign, missing);
    }
    for (document, id) in documents(world.things(Place::Elsewhere).unwrap()) {
        let (there, nowhere) = (document.replace("$id", &id), document.replace("$id", NOBODY));
        let (mut foreign, mut missing) = (vec![], vec![]);
        for _ in 0..TIMES {
            foreign.push(time(query(&world, key, &there)).await);
            missing.push(time(query(&world, key, &nowhere)).await);
        }
        are_alike(document, foreign, missing);
    }
}

async fn time<T>(work: impl Future<Output = T>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

#[track_caller]
fn are_alike(what: &str, foreign: Vec<Duration>, missing: Vec<Duration>) {
    let (foreign, missing) = (median(foreign), median(missing));
    assert!(foreign.abs_diff(missing) < SAME, "{what}: {foreign:?} and {missing:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
