//! What GraphQL promises, on a real log and real read models.

mod access;
mod branches;
mod limits;
mod subscriptions;
mod world;

use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{FindingId, ProjectId};
use scanledger_domain::log::Position;
use serde_json::{Value, json};
use world::{HOME, World, admin, project};

/// Projects of the home organization, each with two scans, ten findings of which two have gone, and one decision.
async fn populated(projects: u128) -> (World, Vec<Position>) {
    let mut world = World::new().await;
    let mut positions = vec![];
    for number in 0..projects {
        let project = world.create(HOME, number).await;
        world.scan(project, "main", 0..10).await;
        let (_, position) = world.scan(project, "main", 2..12).await;
        positions.push(position);
        let first = first_finding(&world, project).await;
        positions.push(world.triage(project, first, TriageState::Accepted).await);
    }
    (world, positions)
}

async fn first_finding(world: &World, project: ProjectId) -> FindingId {
    let data = world
        .data(admin(), &format!(r#"{{ findings(project: "{project}", first: 1) {{ nodes {{ id }} }} }}"#))
        .await;
    data["findings"]["nodes"][0]["id"].as_str().unwrap().parse().unwrap()
}

const DEEP: &str = "{ projects(first: 50) { totalCount nodes {
    name counts { total }
    latestScan { id project { name } }
    scans(first: 2) { totalCount nodes { id requestedBy { name } findings(first: 3) { nodes { title triage { actor { name } } } } } }
    findings(first: 5) { totalCount nodes { title project { name } triage { note actor { kind name } } incident { id occurrences } } }
    components(first: 4) { totalCount nodes { name } }
} } }";

#[tokio::test]
async fn every_level_is_one_question_however_many_objects_it_is_asked_for() {
    // Lists and objects that the query names: projects, latestScan, its project, scans, who requested them, their
    // findings, who triaged those, findings, their project, who triaged them, their incidents, components.
    const LEVELS: usize = 12;
    for projects in [1, 6] {
        let (world, _) = populated(projects).await;
        let questions = world.questions(admin(), DEEP).await;
        assert!(questions <= LEVELS, "{questions} questions for {projects} projects");
    }
}

#[tokio::test]
async fn lists_inside_objects_say_what_the_same_lists_at_the_root_say() {
    let (world, positions) = populated(3).await;
    let fields = "totalCount pageInfo { hasNextPage hasPreviousPage endCursor } \
                  nodes { id title severity state path line triage { note } isNew }";
    let filters = [
        "",
        "sort: FILE",
        "sort: CREATED",
        "filter: { severities: [HIGH, MEDIUM] }",
        "filter: { states: [ACCEPTED] }",
        "filter: { states: [UNTRIAGED], scanners: [SECRETS] }, sort: FILE",
        "filter: { scanners: [SCA] }",
        "filter: { text: \"number1*\" }",
        "filter: { text: \"%\" }",
        "filter: { pathContains: \"FILE-4\" }",
    ];
    let moments = [
        "asOf: null".to_owned(),
        format!(r#"asOf: "{}""#, positions[0]),
        format!(r#"asOf: "{}""#, positions[0].0 - 3),
    ];
    for filter in filters {
        for moment in &moments {
            for page in ["first: 3", "first: 3, after: \"cm93OjI\"", "first: 100", "first: 0"] {
                let nested = world
                    .data(
                        admin(),
                        &format!("{{ projects(first: 3, sort: NAME, {moment}) {{ nodes {{ id findings({page}, {filter}) {{ {fields} }} }} }} }}"),
                    )
                    .await;
                for node in nested["projects"]["nodes"].as_array().unwrap() {
                    let id = node["id"].as_str().unwrap();
                    let root = format!(
                        "{{ findings(project: \"{id}\", {page}, {filter}, {moment}) {{ {fields} }} }}"
                    );
                    let root = world.data(admin(), &root).await;
                    assert_eq!(node["findings"], root["findings"], "{filter} {moment} {page}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_findings_of_scans_are_the_same_one_by_one_and_together() {
    let (world, positions) = populated(2).await;
    let fields = "totalCount nodes { id state triage { note } }";
    for moment in ["asOf: null".to_owned(), format!(r#"asOf: "{}""#, positions[0])] {
        let together = world
            .data(
                admin(),
                &format!("{{ scans({moment}) {{ nodes {{ id findings(first: 50) {{ {fields} }} }} }} }}"),
            )
            .await;
        let scans = together["scans"]["nodes"].as_array().unwrap();
        assert!(scans.len() >= 2);
        for scan in scans {
            let id = scan["id"].as_str().unwrap();
            let alone = format!("{{ findings(scan: \"{id}\", first: 50, {moment}) {{ {fields} }} }}");
            let alone = world.data(admin(), &alone).await;
            assert_eq!(scan["findings"], alone["findings"], "{moment}");
            assert_eq!(scan["findings"]["totalCount"], 10);
        }
    }
}

#[tokio::test]
async fn components_and_scans_inside_projects_are_those_at_the_root() {
    let (world, positions) = populated(2).await;
    let moments = ["asOf: null".to_owned(), format!(r#"asOf: "{}""#, positions[0].0 - 3)];
    let components = "totalCount nodes { purl since }";
    let scans = "totalCount nodes { id status branch }";
    for moment in &moments {
        let nested = format!(
            "{{ projects({moment}) {{ nodes {{ id scanCount components(first: 4) {{ {components} }} scans(first: 1) {{ {scans} }} }} }} }}"
        );
        let nested = world.data(admin(), &nested).await;
        for node in nested["projects"]["nodes"].as_array().unwrap() {
            let id = node["id"].as_str().unwrap();
            let root = format!(
                "{{ components(project: \"{id}\", first: 4, {moment}) {{ {components} }} scans(project: \"{id}\", first: 1, {moment}) {{ {scans} }} }}"
            );
            let root = world.data(admin(), &root).await;
            assert_eq!(node["components"], root["components"], "{moment}");
            assert_eq!(node["scans"], root["scans"], "{moment}");
            assert_eq!(node["scanCount"], root["scans"]["totalCount"], "{moment}");
        }
    }
}

#[tokio::test]
async fn one_project_alone_is_the_one_in_the_list() {
    let (world, positions) = populated(2).await;
    let fields = "id name scanCount counts { critical high medium total } gate { maxHigh maxLow } updatedAt latestScan { id }";
    for moment in [String::new(), format!(r#", asOf: "{}""#, positions[0])] {
        let list = world
            .data(admin(), &format!("{{ projects(first: 10{moment}) {{ nodes {{ {fields} }} }} }}"))
            .await;
        for node in list["projects"]["nodes"].as_array().unwrap() {
            let id = node["id"].as_str().unwrap();
            let one =
                world.data(admin(), &format!("{{ project(id: \"{id}\"{moment}) {{ {fields} }} }}")).await;
            assert_eq!(&one["project"], node, "{moment}");
        }
    }
}

#[tokio::test]
async fn a_query_is_answered_as_of_a_position_an_instant_or_a_scan() {
    let mut world = World::new().await;
    let project = world.create(HOME, 0).await;
    let (scan, position) = world.scan(project, "main", 0..4).await;
    world.scan(project, "main", 0..9).await;
    let count = |moment: String| {
        let world = &world;
        async move {
            let query = format!("{{ findings(project: \"{project}\", first: 1{moment}) {{ totalCount }} }}");
            world.data(admin(), &query).await["findings"]["totalCount"].clone()
        }
    };
    assert_eq!(count(String::new()).await, 9);
    assert_eq!(count(format!(", asOf: \"{position}\"")).await, 4);
    assert_eq!(count(format!(", asOf: \"{scan}\"")).await, 4);
    assert_eq!(count(format!(", asOfScan: \"{scan}\"")).await, 4);
    assert_eq!(count(", asOf: \"1970-01-01T00:00:00Z\"".to_owned()).await, 0);
    assert_eq!(count(", asOf: \"2100-01-01T00:00:00Z\"".to_owned()).await, 9);
    assert_eq!(count(", asOf: \"0\"".to_owned()).await, 0);
    let head = world.data(admin(), "{ head }").await["head"].clone();
    assert_eq!(count(format!(", asOf: {head}")).await, 9);
    for bad in [
        "asOf: \"999999999999999999999\"",
        "asOf: \"9999\"",
        "asOf: \"soon\"",
        "asOf: \"1\", asOfScan: \"1\"",
        "asOfScan: \"x\"",
    ] {
        let query = format!("{{ projects({bad}) {{ totalCount }} }}");
        assert_eq!(world.codes(admin(), &query).await, ["BAD_INPUT"], "{bad}");
    }
    let unknown = format!("{{ projects(asOfScan: \"{}\") {{ totalCount }} }}", uuid::Uuid::nil());
    assert_eq!(world.codes(admin(), &unknown).await, ["NOT_FOUND"]);
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions() {
    let (world, _) = populated(1).await;
    let id = project(0);
    let all = world
        .data(admin(), &format!("{{ findings(project: \"{id}\", first: 500) {{ nodes {{ id }} }} }}"))
        .await;
    let all: Vec<Value> = all["findings"]["nodes"].as_array().unwrap().clone();
    for (size, before, after) in [("first: 3", "", "after"), ("last: 3", "before", "")] {
        let (mut seen, mut cursor) = (vec![], Value::Null);
        loop {
            let argument = if after.is_empty() { before } else { after };
            let place = if cursor.is_null() { String::new() } else { format!(", {argument}: {cursor}") };
            let query = format!(
                "{{ findings(project: \"{id}\", {size}{place}) {{ totalCount nodes {{ id }}
                   pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
            );
            let page = world.data(admin(), &query).await["findings"].clone();
            assert_eq!(page["totalCount"], 10);
            let rows = page["nodes"].as_array().unwrap().clone();
            let info = &page["pageInfo"];
            let goes_on = if after.is_empty() {
                seen.splice(0..0, rows);
                cursor = info["startCursor"].clone();
                &info["hasPreviousPage"]
            } else {
                seen.extend(rows);
                cursor = info["endCursor"].clone();
                &info["hasNextPage"]
            };
            if goes_on == &json!(false) {
                break;
            }
        }
        assert_eq!(seen, all, "{size}");
    }
}

#[tokio::test]
async fn a_page_between_two_cursors_ends_the_way_it_goes() {
    let (world, _) = populated(1).await;
    let id = project(0);
    // Of ten rows: `row:1`, `row:5` and `row:200`.
    let (second, sixth, behind) = ("cm93OjE", "cm93OjU", "cm93OjIwMA");
    for (page, rows, has_previous, has_next) in [
        (format!("first: 2, after: \"{second}\", before: \"{sixth}\""), 2..4, true, true),
        (format!("first: 3, after: \"{second}\", before: \"{sixth}\""), 2..5, true, false),
        (format!("last: 2, after: \"{second}\", before: \"{sixth}\""), 3..5, true, true),
        (format!("last: 3, after: \"{second}\", before: \"{sixth}\""), 2..5, false, true),
        (format!("before: \"{sixth}\""), 0..5, false, true),
        // A cursor that is behind the end by now means the end.
        (format!("last: 3, before: \"{behind}\""), 7..10, true, false),
        (format!("last: 20, after: \"{second}\", before: \"{behind}\""), 2..10, false, false),
    ] {
        let query = |page: &str| {
            format!(
                "{{ findings(project: \"{id}\", {page}) {{ nodes {{ id }} pageInfo {{ hasPreviousPage hasNextPage }} }} }}"
            )
        };
        let all = world.data(admin(), &query("first: 500")).await["findings"]["nodes"].clone();
        let found = world.data(admin(), &query(&page)).await["findings"].clone();
        assert_eq!(found["nodes"].as_array().unwrap(), &all.as_array().unwrap()[rows], "{page}");
        let info = json!({ "hasPreviousPage": has_previous, "hasNextPage": has_next });
        assert_eq!(found["pageInfo"], info, "{page}");
    }
}

#[tokio::test]
async fn a_difference_lists_what_came_went_and_changed() {
    let mut world = World::new().await;
    let project = world.create(HOME, 0).await;
    let (_, before) = world.scan(project, "main", 0..10).await;
    world.scan(project, "main", 2..13).await;
    let finding = first_finding(&world, project).await;
    world.triage(project, finding, TriageState::Confirmed).await;
    let query = format!(
        "{{ diff(project: \"{project}\", from: \"{before}\") {{ from
            findingsAdded {{ totalCount nodes {{ title project {{ name }} }} }} findingsRemoved {{ totalCount }}
            findingsChanged {{ totalCount nodes {{ before {{ state }} after {{ state }} }} }}
            componentsAdded {{ totalCount nodes {{ name }} }} componentsRemoved {{ totalCount }} }} }}"
    );
    let diff = world.data(admin(), &query).await["diff"].clone();
    assert_eq!(diff["from"], before.to_string());
    assert_eq!(diff["findingsAdded"]["totalCount"], 3);
    assert_eq!(diff["findingsAdded"]["nodes"][0]["project"]["name"], "project 0");
    assert_eq!(diff["findingsRemoved"]["totalCount"], 2);
    assert_eq!(
        diff["findingsChanged"]["nodes"],
        json!([{ "before": { "state": "UNTRIAGED" }, "after": { "state": "CONFIRMED" } }])
    );
    assert_eq!(diff["componentsAdded"]["totalCount"], 3);
    assert_eq!(diff["componentsRemoved"]["totalCount"], 2);
}
