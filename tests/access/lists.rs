//! Lists hold what their reader may see, and no trace of anything else.

use crate::callers::{Barrier, Caller, callers};
use crate::expected::Answer;
use crate::graphql::query;
use crate::matrix::{AT_ONCE, show};
use crate::place::{Place, Things};
use crate::rows::{About, Row, rows};
use crate::send::{request, send};
use crate::world::World;
use futures::{StreamExt as _, stream};
use scanledger_api::route_table;
use scanledger_domain::identity::{Action, Principal, Resource, authorize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Whether a caller may know of a thing. Super administrators may know of everything.
fn sees(principal: &Principal, things: &Things) -> bool {
    let is_own = things.scope.organization == principal.organization;
    is_own && principal.visible().shows(things.scope)
        || principal.person().is_some_and(|standing| standing.is_super_admin())
}

/// The values of a field of all rows of a list.
fn column(list: &Value, field: &str) -> BTreeSet<String> {
    let rows = list.as_array().unwrap().iter();
    rows.map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

/// The projects of the caller's organization that it sees, and the scans of these.
fn seen(world: &World, principal: &Principal) -> (BTreeSet<String>, BTreeSet<String>) {
    let things = Place::REAL.into_iter().filter_map(|place| world.things(place));
    let own = things.filter(|things| things.scope.organization == principal.organization);
    let (mut projects, mut scans) = (BTreeSet::new(), BTreeSet::new());
    for things in own.filter(|things| principal.visible().shows(things.scope)) {
        assert_eq!(things.scans.len(), 2);
        projects.insert(things.project().to_string());
        scans.extend(things.scans.iter().cloned());
    }
    (projects, scans)
}

/// Routes that list something, with all rows on one page.
fn lists() -> Vec<(Row, String)> {
    let rows = route_table().into_iter().flat_map(|rule| rows(&rule));
    let lists = rows.filter(|row| {
        let is_list = matches!(row.about, About::Nothing | About::AuditOfTeams);
        row.rule.method == "GET" && is_list && row.open == Answer::Through
    });
    lists.map(|row| (row.clone(), row.path(""))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_list_shows_a_trace_of_what_its_reader_may_not_see() {
    let world = World::new().await;
    let callers = callers(&world).await;
    let lists = lists();
    assert!(lists.len() > 15, "{}", lists.len());
    let known = callers.iter().filter_map(|caller| Some((caller, caller.principal.as_ref()?)));
    let asked = known.flat_map(|(caller, principal)| {
        lists.iter().map(move |(row, path)| (caller, principal, row, path.as_str()))
    });
    let graphql = [
        "{ projects(first: 100) { nodes { id name scans { nodes { id } } findings { nodes { id } } } } }",
        "{ scans(first: 100) { nodes { id projectId } } }",
        "{ auditEntries(first: 200) { nodes { resourceId details } } }",
    ];
    let world = &world;
    let answers = stream::iter(asked).map(|(caller, principal, row, path)| async move {
        let reply = send(request(world, caller, row.rule.method, path)).await;
        (caller, principal, row.label(), reply)
    });
    let mut answers: Vec<_> = answers.buffer_unordered(AT_ONCE).collect().await;
    for (caller, principal) in callers.iter().filter_map(|caller| Some((caller, caller.principal.as_ref()?)))
    {
        for document in graphql {
            answers.push((caller, principal, document.to_owned(), query(world, caller, document).await));
        }
    }
    let (mut shown, mut hidden) = (0, 0);
    for (caller, principal, list, reply) in &answers {
        for things in Place::REAL.into_iter().filter_map(|place| world.things(place)) {
            let traces: Vec<String> = things.marks().filter(|mark| reply.body.contains(mark)).collect();
            if sees(principal, things) {
                shown += traces.len();
            } else {
                hidden += 1;
                assert_eq!(traces, [""; 0], "{list} as {}: {}", caller.name, reply.body);
            }
        }
    }
    show(&format!("{} lists, {shown} traces shown, {hidden} looked for in vain", answers.len()));
    assert!(shown > 500 && hidden > 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_projects_and_scans_are_exactly_what_their_reader_may_see() {
    let world = World::new().await;
    let readers: Vec<Caller> = callers(&world).await;
    let (mut sets, mut audited) = (BTreeSet::new(), BTreeSet::new());
    for caller in readers.iter().filter(|caller| caller.barrier == Barrier::None) {
        let Some(principal) = &caller.principal else { continue };
        let reply = send(request(&world, caller, "GET", "/api/projects?limit=100")).await;
        if reply.status != 200 {
            continue;
        }
        let (projects, scans) = seen(&world, principal);
        let body = reply.json();
        assert_eq!(column(&body["projects"], "id"), projects, "{}", caller.name);
        assert_eq!(body["pagination"]["total"], projects.len(), "{}", caller.name);
        let body = send(request(&world, caller, "GET", "/api/scans?limit=100")).await.json();
        assert_eq!(column(&body["scans"], "id"), scans, "{}", caller.name);
        assert_eq!(body["pagination"]["total"], scans.len(), "{}", caller.name);
        let both = "{ projects { totalCount nodes { id } } scans { totalCount nodes { id } } }";
        let body = query(&world, caller, both).await.json();
        for (list, wanted) in [("projects", &projects), ("scans", &scans)] {
            let list = &body["data"][list];
            assert_eq!(column(&list["nodes"], "id"), *wanted, "{}", caller.name);
            assert_eq!(list["totalCount"], wanted.len(), "{}", caller.name);
        }
        sets.insert(projects);
        audited.extend(audit_shows_what_it_should(&world, caller, principal).await);
    }
    // Everything, a team's and what is no team's, a team's, one project, no team's, and another organization's.
    assert!(sets.len() >= 6 && audited.len() >= 5, "{} {}", sets.len(), audited.len());
}

/// Which projects' making the audit log and the events show, if the caller may see them at all.
async fn audit_shows_what_it_should(
    world: &World,
    caller: &Caller,
    principal: &Principal,
) -> Option<BTreeSet<String>> {
    let organization = Resource::Organization(principal.organization);
    authorize(principal, Action::ReadAudit, organization).ok()?;
    let things = Place::REAL.into_iter().filter_map(|place| world.things(place));
    let own = things.filter(|things| things.scope.organization == principal.organization);
    let seen = principal.visible_to(Action::ReadAudit);
    let seen = own.filter(|things| seen.shows(things.scope)).map(|things| things.project().to_string());
    let seen: BTreeSet<String> = seen.collect();
    let read = async |path| send(request(world, caller, "GET", path)).await.json();
    let entries = read("/api/audit-log?limit=200&action=project.created").await;
    assert_eq!(column(&entries["entries"], "resourceId"), seen, "{}", caller.name);
    let events = read("/api/events?limit=1000&types=project.created").await;
    let events = events.as_array().unwrap().iter().map(|event| event["data"].clone());
    assert_eq!(column(&events.collect(), "project"), seen, "{}", caller.name);
    let filtered = "{ auditEntries(first: 200, filter: { actions: [\"project.created\"] }) { totalCount nodes { resourceId } } }";
    let body = query(world, caller, filtered).await.json();
    let entries = &body["data"]["auditEntries"];
    assert_eq!(column(&entries["nodes"], "resourceId"), seen, "{}", caller.name);
    assert_eq!(entries["totalCount"], seen.len(), "{}", caller.name);
    Some(seen)
}
