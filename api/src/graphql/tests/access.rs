//! Who sees what.

use super::world::{CORE, EDGE, ELSEWHERE, HOME, ROBOT, World, admin, caller, member, project};
use super::{first_finding, populated};
use scanledger_domain::identity::{Limit, Principal, Role, TeamRole};
use serde_json::{Value, json};

#[tokio::test]
async fn what_belongs_to_others_does_not_exist() {
    let mut world = World::new().await;
    let ours = world.create(HOME, 0).await;
    let theirs = world.create(ELSEWHERE, 1).await;
    let (scan, _) = world.scan(theirs, "main", 0..2).await;
    world.scan(ours, "main", 0..2).await;
    let stranger = caller(ELSEWHERE, Role::Admin, None);
    let data = world
        .data(stranger, &format!("{{ findings(project: \"{theirs}\") {{ nodes {{ id }} }} projects {{ totalCount }} scans {{ totalCount }} }}"))
        .await;
    assert_eq!((&data["projects"]["totalCount"], &data["scans"]["totalCount"]), (&json!(1), &json!(1)));
    let finding = data["findings"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    for query in [
        format!("{{ project(id: \"{theirs}\") {{ id }} }}"),
        format!("{{ scan(id: \"{scan}\") {{ id }} }}"),
        format!("{{ finding(id: \"{finding}\") {{ id }} }}"),
        format!("{{ findings(project: \"{theirs}\") {{ totalCount }} }}"),
        format!("{{ findings(scan: \"{scan}\") {{ totalCount }} }}"),
        format!("{{ scans(project: \"{theirs}\") {{ totalCount }} }}"),
        format!("{{ components(project: \"{theirs}\") {{ totalCount }} }}"),
        format!("{{ diff(project: \"{theirs}\", from: \"0\") {{ to }} }}"),
        format!("{{ projects(asOfScan: \"{scan}\") {{ totalCount }} }}"),
    ] {
        assert_eq!(world.codes(admin(), &query).await, ["NOT_FOUND"], "{query}");
    }
}

#[tokio::test]
async fn a_key_for_a_project_sees_only_that_project() {
    let (world, _) = populated(2).await;
    let (own, other) = (project(0), project(1));
    let only = caller(HOME, Role::Admin, Some(own));
    let data =
        world.data(only.clone(), "{ projects { totalCount nodes { id } } scans { totalCount } }").await;
    assert_eq!(
        data,
        json!({ "projects": { "totalCount": 1, "nodes": [{ "id": own.to_string() }] }, "scans": { "totalCount": 2 } })
    );
    let scans = world.data(admin(), &format!("{{ scans(project: \"{other}\") {{ nodes {{ id }} }} }}")).await;
    let scan = &scans["scans"]["nodes"][0]["id"];
    let finding = first_finding(&world, other).await;
    for query in [
        format!("{{ project(id: \"{other}\") {{ id }} }}"),
        format!("{{ scan(id: {scan}) {{ id }} }}"),
        format!("{{ finding(id: \"{finding}\") {{ id }} }}"),
        format!("{{ scans(project: \"{other}\") {{ totalCount }} }}"),
        format!("{{ findings(scan: {scan}) {{ totalCount }} }}"),
        format!("{{ findings(project: \"{other}\") {{ totalCount }} }}"),
        format!("{{ components(project: \"{other}\") {{ totalCount }} }}"),
        format!("{{ projects(asOfScan: {scan}) {{ totalCount }} }}"),
        format!("{{ projects(asOf: {scan}) {{ totalCount }} }}"),
    ] {
        assert_eq!(world.codes(only.clone(), &query).await, ["NOT_FOUND"], "{query}");
    }
    let entries = world.data(only, "{ auditEntries(first: 200) { totalCount nodes { resource } } }").await;
    let all = world.data(admin(), "{ auditEntries(first: 200) { totalCount } }").await;
    let count = |data: &Value| data["auditEntries"]["totalCount"].as_u64().unwrap();
    assert!(count(&entries) < count(&all));
    assert_eq!(entries["auditEntries"]["nodes"].as_array().unwrap().len() as u64, count(&entries));
}

#[tokio::test]
async fn members_see_the_projects_of_their_teams_and_of_no_team() {
    let mut world = World::new().await;
    let own = world.create_for(HOME, Some(CORE), 0).await;
    let other = world.create_for(HOME, Some(EDGE), 1).await;
    let free = world.create(HOME, 2).await;
    world.scan(own, "main", 0..2).await;
    let (scan, position) = world.scan(other, "main", 0..2).await;
    world.scan(free, "main", 0..2).await;
    let finding = first_finding(&world, other).await;
    let ana = member(&[(CORE, TeamRole::Admin)]);
    let for_core =
        Principal { limit: Limit { team: Some(CORE), ..Limit::NONE }, ..caller(HOME, Role::Admin, None) };
    let lists = |at: &str| {
        format!(
            "{{ projects(sort: NAME{at}) {{ totalCount nodes {{ id scans {{ totalCount }} }} }}
                scans(first: 50{at}) {{ totalCount nodes {{ projectId }} }} }}"
        )
    };
    for at in ["", &format!(", asOf: \"{position}\"")] {
        // As of the other team's scan, what came later is not there yet.
        let scans_of_free = i32::from(at.is_empty());
        let data = world.data(ana.clone(), &lists(at)).await;
        assert_eq!(data["projects"]["totalCount"], 2);
        assert_eq!(
            data["projects"]["nodes"],
            json!([
                { "id": own.to_string(), "scans": { "totalCount": 1 } },
                { "id": free.to_string(), "scans": { "totalCount": scans_of_free } },
            ])
        );
        assert_eq!(data["scans"]["totalCount"], 1 + scans_of_free);
        let data = world.data(for_core.clone(), &lists(at)).await;
        assert_eq!(
            data["projects"]["nodes"],
            json!([{ "id": own.to_string(), "scans": { "totalCount": 1 } }])
        );
        assert_eq!(data["scans"]["nodes"], json!([{ "projectId": own.to_string() }]));
    }
    for caller in [ana.clone(), for_core.clone()] {
        for query in [
            format!("{{ project(id: \"{other}\") {{ id }} }}"),
            format!("{{ scan(id: \"{scan}\") {{ id }} }}"),
            format!("{{ finding(id: \"{finding}\") {{ id }} }}"),
            format!("{{ scans(project: \"{other}\") {{ totalCount }} }}"),
            format!("{{ findings(scan: \"{scan}\") {{ totalCount }} }}"),
            format!("{{ findings(project: \"{other}\") {{ totalCount }} }}"),
            format!("{{ components(project: \"{other}\") {{ totalCount }} }}"),
            format!("{{ diff(project: \"{other}\", from: \"0\") {{ to }} }}"),
            format!("{{ projects(asOfScan: \"{scan}\") {{ totalCount }} }}"),
            format!("{{ projects(asOf: \"{scan}\") {{ totalCount }} }}"),
        ] {
            assert_eq!(world.codes(caller.clone(), &query).await, ["NOT_FOUND"], "{query}");
        }
    }
    let all = world.data(admin(), &lists("")).await;
    assert_eq!((&all["projects"]["totalCount"], &all["scans"]["totalCount"]), (&json!(3), &json!(3)));
}

#[tokio::test]
async fn the_audit_log_of_a_team_is_what_happened_in_the_projects_that_it_sees() {
    let mut world = World::new().await;
    let own = world.create_for(HOME, Some(CORE), 0).await;
    world.create_for(HOME, Some(EDGE), 1).await;
    let free = world.create(HOME, 2).await;
    let entries = "{ auditEntries(first: 200) { totalCount nodes { resourceId } } }";
    let ids = |data: Value| -> Vec<String> {
        let nodes = data["auditEntries"]["nodes"].as_array().unwrap();
        assert_eq!(data["auditEntries"]["totalCount"], nodes.len());
        nodes.iter().map(|node| node["resourceId"].as_str().unwrap().to_owned()).collect()
    };
    for teams in [&[(CORE, TeamRole::Admin)][..], &[(CORE, TeamRole::Admin), (EDGE, TeamRole::Viewer)]] {
        let seen = ids(world.data(member(teams), entries).await);
        assert_eq!(seen, [free.to_string(), own.to_string()], "{teams:?}");
    }
    let all = ids(world.data(admin(), entries).await);
    assert!(
        all.contains(&HOME.to_string()) && all.len() > 3,
        "what belongs to no project is for who sees all"
    );
    assert_eq!(world.codes(member(&[(CORE, TeamRole::Developer)]), entries).await, ["FORBIDDEN"]);
}

#[tokio::test]
async fn the_audit_log_and_addresses_of_people_need_the_role_security() {
    let (world, positions) = populated(1).await;
    let entries = "{ auditEntries(first: 1, filter: { actions: [\"project.created\"] }) { totalCount
        pageInfo { hasNextPage } nodes { action resource address details actor { kind name email } } } }";
    let data = world.data(caller(HOME, Role::Security, None), entries).await;
    let node = &data["auditEntries"]["nodes"][0];
    assert_eq!(node["actor"], json!({ "kind": "USER", "name": "Ana", "email": "ana@example.org" }));
    assert_eq!((&node["action"], &node["resource"]), (&json!("project.created"), &json!("PROJECT")));
    assert_eq!(node["address"], "203.0.113.7");
    assert_eq!(data["auditEntries"]["totalCount"], 1);
    assert_eq!(node["details"]["project"], project(0).to_string());
    let developer = caller(HOME, Role::Developer, None);
    assert_eq!(world.codes(developer.clone(), entries).await, ["FORBIDDEN"]);
    let triage = format!(
        "{{ findings(project: \"{}\", filter: {{ states: [ACCEPTED] }}) {{ nodes {{ triage {{ actor {{ kind id name }} }} }} }} }}",
        project(0)
    );
    let data = world.data(developer.clone(), &triage).await;
    assert_eq!(
        data["findings"]["nodes"][0]["triage"]["actor"],
        json!({ "kind": "KEY", "id": ROBOT.to_string(), "name": "robot" })
    );
    let email = triage.replace("kind id name", "email");
    assert_eq!(world.codes(developer, &email).await, ["FORBIDDEN"]);
    let past = format!(
        "{{ auditEntries(asOf: \"{}\", first: 200) {{ totalCount nodes {{ position }} }} }}",
        positions[0]
    );
    let past = world.data(admin(), &past).await;
    let now = world.data(admin(), "{ auditEntries { totalCount } }").await;
    let triaged = now["auditEntries"]["totalCount"].as_u64().unwrap() - 1;
    assert_eq!(past["auditEntries"]["totalCount"], triaged);
}

#[tokio::test]
async fn the_audit_log_is_paged_by_position() {
    let (world, _) = populated(2).await;
    let all = world.data(admin(), "{ auditEntries(first: 200) { totalCount nodes { position } } }").await;
    let all = all["auditEntries"].clone();
    let (mut seen, mut after) = (vec![], String::new());
    loop {
        let query = format!(
            "{{ auditEntries(first: 2{after}) {{ totalCount nodes {{ position }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let page = world.data(admin(), &query).await["auditEntries"].clone();
        assert_eq!(page["totalCount"], all["totalCount"]);
        seen.extend(page["nodes"].as_array().unwrap().clone());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(Value::Array(seen), all["nodes"]);
    let edges = world.data(admin(), "{ auditEntries(first: 5) { edges { cursor } } }").await;
    let cursor = |place: usize| edges["auditEntries"]["edges"][place]["cursor"].clone();
    for (size, has_more) in [(2, true), (3, false)] {
        for (way, field) in [("first", "hasNextPage"), ("last", "hasPreviousPage")] {
            let query = format!(
                "{{ auditEntries({way}: {size}, after: {}, before: {}) {{ nodes {{ position }} pageInfo {{ {field} }} }} }}",
                cursor(0),
                cursor(4)
            );
            let page = world.data(admin(), &query).await["auditEntries"].clone();
            assert_eq!(page["nodes"].as_array().unwrap().len(), size, "{way}");
            assert_eq!(page["pageInfo"][field], has_more, "{way} {size}");
        }
    }
}
