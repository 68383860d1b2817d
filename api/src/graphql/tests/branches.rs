//! Branches of projects.

use super::world::{ELSEWHERE, HOME, World, admin, caller, project};
use scanledger_domain::branch::{BranchEvent, Closed, ClosedBecause, branch_id, branch_stream};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::ProjectId;
use scanledger_domain::identity::Role;
use scanledger_domain::limits::{PAGE_ROWS, SEARCH_CHARS};
use scanledger_domain::log::Position;
use serde_json::{Value, json};

async fn close(world: &mut World, project: ProjectId, branch: &str) -> Position {
    let branch = branch_id(project, branch);
    let closed = Closed { branch, because: ClosedBecause::Merged };
    world.append(HOME, branch_stream(branch), &[BranchEvent::from(closed)]).await
}

/// Projects with three branches each: `main` with four findings, `topic` with six and `done`, which is closed; and where
/// the log was before it was.
async fn branched(projects: u128) -> (World, Position) {
    let mut world = World::new().await;
    for number in 0..projects {
        let project = world.create(HOME, number).await;
        for (branch, findings) in [("main", 4), ("done", 9), ("topic", 6)] {
            world.scan(project, branch, 0..findings).await;
        }
    }
    let before = world.data(admin(), "{ head }").await["head"].as_str().unwrap().parse().unwrap();
    for number in 0..projects {
        close(&mut world, project(number), "done").await;
    }
    (world, Position(before))
}

/// `branches` of a project, with these arguments and fields.
async fn branches(world: &World, at: &str, arguments: &str, fields: &str) -> Value {
    let id = project(0);
    let query = format!("{{ project(id: \"{id}\"{at}) {{ branches{arguments} {{ {fields} }} }} }}");
    world.data(admin(), &query).await["project"]["branches"].clone()
}

async fn names(world: &World, at: &str, arguments: &str) -> Vec<String> {
    let list = branches(world, at, arguments, "totalCount nodes { name }").await;
    let rows = list["nodes"].as_array().unwrap();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_branch_shows_its_state_its_last_scan_and_what_is_on_it() {
    let (mut world, before) = branched(1).await;
    let finding = super::first_finding(&world, project(0)).await;
    world.triage(project(0), finding, TriageState::Accepted).await;
    let fields = "totalCount nodes { name isDefault state closedBecause closedAt openedAt lastScannedAt
        lastScan { branch } openCounts { total } counts { critical high medium total } }";
    let list = branches(&world, "", "", fields).await;
    assert_eq!(list["totalCount"], 3);
    let [topic, done, main] = &list["nodes"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!(
        (&main["name"], &main["isDefault"], &main["state"]),
        (&json!("main"), &json!(true), &json!("OPEN"))
    );
    assert_eq!(main["counts"], json!({ "critical": 2, "high": 1, "medium": 1, "total": 4 }));
    assert_eq!((&main["openCounts"]["total"], &main["closedBecause"]), (&json!(3), &Value::Null));
    assert_eq!((&topic["name"], &topic["isDefault"]), (&json!("topic"), &json!(false)));
    assert_eq!((&done["state"], &done["closedBecause"]), (&json!("CLOSED"), &json!("MERGED")));
    assert_eq!((&done["counts"]["total"], &done["lastScan"]["branch"]), (&json!(0), &json!("done")));
    assert!(done["closedAt"].as_str() > done["lastScannedAt"].as_str(), "{done}");
    let then = branches(&world, &format!(", asOf: \"{before}\""), "", fields).await;
    let done = &then["nodes"][1];
    assert_eq!((&done["state"], &done["closedAt"]), (&json!("OPEN"), &Value::Null));
    assert_eq!((&done["openCounts"]["total"], &done["counts"]["total"]), (&json!(9), &json!(9)));
}

#[tokio::test]
async fn branches_are_filtered_ordered_and_paged() {
    let (world, before) = branched(1).await;
    let then = format!(", asOf: \"{before}\"");
    for (at, arguments, expected) in [
        ("", "(sort: RECENT)", vec!["topic", "done", "main"]),
        ("", "(sort: NAME)", vec!["done", "main", "topic"]),
        ("", "(sort: FINDINGS)", vec!["topic", "main", "done"]),
        (&*then, "(sort: FINDINGS)", vec!["done", "topic", "main"]),
        ("", "(filter: { state: CLOSED })", vec!["done"]),
        (&*then, "(filter: { state: CLOSED })", vec![]),
        ("", "(filter: { state: OPEN, nameContains: \"O\" })", vec!["topic"]),
        ("", "(first: 0)", vec![]),
        ("", "(first: 2, sort: NAME)", vec!["done", "main"]),
        // Behind the first row, and behind them all.
        ("", "(first: 2, after: \"cm93OjA\", sort: NAME)", vec!["main", "topic"]),
        ("", "(first: 2, after: \"cm93OjIwMA\")", vec![]),
    ] {
        assert_eq!(names(&world, at, arguments).await, expected, "{at} {arguments}");
    }
    let page = "totalCount pageInfo { hasNextPage hasPreviousPage }";
    for (arguments, total, previous, next) in [
        ("(first: 2)", 3, false, true),
        ("(first: 2, after: \"cm93OjA\")", 3, true, false),
        ("(first: 0)", 3, false, true),
        ("(filter: { state: OPEN })", 2, false, false),
    ] {
        let info = json!({ "hasNextPage": next, "hasPreviousPage": previous });
        let found = branches(&world, "", arguments, page).await;
        assert_eq!(found, json!({ "totalCount": total, "pageInfo": info }), "{arguments}");
    }
}

#[tokio::test]
async fn the_branches_of_many_projects_are_one_question() {
    let query = "{ projects(first: 50) { nodes { branches(first: 5) { totalCount nodes { name lastScan { id } } } } } }";
    for projects in [1, 6] {
        let (world, _) = branched(projects).await;
        // Projects, branches and scans.
        let questions = world.questions(admin(), query).await;
        assert!(questions <= 3, "{questions} questions for {projects} projects");
        let data = world.data(admin(), query).await;
        for node in data["projects"]["nodes"].as_array().unwrap() {
            assert_eq!(node["branches"]["totalCount"], 3);
        }
    }
}

#[tokio::test]
async fn branches_cost_their_rows_and_have_limits() {
    let (world, _) = branched(1).await;
    let id = project(0);
    let of =
        |arguments: &str| format!("{{ project(id: \"{id}\") {{ branches({arguments}) {{ totalCount }} }} }}");
    world.data(admin(), &of(&format!("first: {PAGE_ROWS}"))).await;
    for bad in [
        format!("first: {}", PAGE_ROWS + 1),
        "first: -1".to_owned(),
        "after: \"7\"".to_owned(),
        "sort: SIDEWAYS".to_owned(),
        "filter: { state: MERGED }".to_owned(),
        format!("filter: {{ nameContains: \"{}\" }}", "x".repeat(SEARCH_CHARS + 1)),
    ] {
        assert_eq!(world.codes(admin(), &of(&bad)).await, ["BAD_INPUT"], "{bad}");
    }
    // One for the connection and 3 for each row: 39 * (1 + 3 * 169 + 3) = 19,929 and 40 * 511 = 20,440.
    let nested = |rows: u32| {
        format!(
            "{{ projects(first: {rows}) {{ nodes {{ branches(first: 169) {{ nodes {{ id name }} }} id name }} }} }}"
        )
    };
    world.data(admin(), &nested(38)).await;
    assert_eq!(world.codes(admin(), &nested(40)).await, ["BAD_INPUT"]);
}

#[tokio::test]
async fn branches_of_others_do_not_exist() {
    let (world, _) = branched(1).await;
    let query = format!("{{ project(id: \"{}\") {{ branches {{ totalCount }} }} }}", project(0));
    for stranger in [caller(ELSEWHERE, Role::Admin, None), caller(HOME, Role::Admin, Some(project(7)))] {
        assert_eq!(world.codes(stranger, &query).await, ["NOT_FOUND"]);
    }
    world.data(caller(HOME, Role::Viewer, Some(project(0))), &query).await;
}
