//! What is too much.

use super::populated;
use super::world::{HOME, World, admin, caller, project};
use scanledger_domain::identity::Role;
use scanledger_domain::limits::{AUDIT_PAGE_ROWS, GRAPHQL_DEPTH, PAGE_ROWS, SEARCH_CHARS};

#[tokio::test]
async fn what_goes_beyond_a_limit_is_bad_input() {
    let (world, _) = populated(1).await;
    let id = project(0);
    let long = "x".repeat(SEARCH_CHARS + 1);
    for bad in [
        format!("{{ projects(first: {}) {{ totalCount }} }}", PAGE_ROWS + 1),
        "{ projects(first: -1) { totalCount } }".to_owned(),
        "{ projects(first: 1, last: 1) { totalCount } }".to_owned(),
        "{ projects(after: \"7\") { totalCount } }".to_owned(),
        format!("{{ auditEntries(first: {}) {{ totalCount }} }}", AUDIT_PAGE_ROWS + 1),
        format!("{{ findings(project: \"{id}\", filter: {{ text: \"{long}\" }}) {{ totalCount }} }}"),
        "{ findings { totalCount } }".to_owned(),
        format!("{{ findings(project: \"{id}\", scan: \"{id}\") {{ totalCount }} }}"),
        "{ project(id: \"7\") { id } }".to_owned(),
        "{ nothing }".to_owned(),
        "{".to_owned(),
        "{ findings(project: \"x\", filter: { severities: [WORST] }) { totalCount } }".to_owned(),
    ] {
        assert_eq!(world.codes(admin(), &bad).await, ["BAD_INPUT"], "{bad}");
    }
    world.data(admin(), &format!("{{ projects(first: {PAGE_ROWS}) {{ totalCount }} }}")).await;
    world.data(admin(), &format!("{{ auditEntries(first: {AUDIT_PAGE_ROWS}) {{ totalCount }} }}")).await;
}

/// A query this many fields deep.
fn nested(depth: usize) -> String {
    assert!(depth >= 3 && depth % 2 == 1);
    let levels = (depth - 3) / 2;
    let mut query = format!("{{ project(id: \"{}\") {{ latestScan {{ ", project(0));
    query.push_str(&"project { latestScan { ".repeat(levels));
    query.push_str("id ");
    query.push_str(&"} } ".repeat(levels));
    query.push_str("} } }");
    query
}

#[tokio::test]
async fn queries_may_be_as_deep_as_the_limit_and_no_deeper() {
    let (world, _) = populated(1).await;
    world.data(admin(), &nested(GRAPHQL_DEPTH)).await;
    assert_eq!(world.codes(admin(), &nested(GRAPHQL_DEPTH + 2)).await, ["BAD_INPUT"]);
}

#[tokio::test]
async fn a_query_costs_its_fields_times_the_rows_of_its_pages() {
    let (world, _) = populated(1).await;
    // One for the connection and 3 for each row: 39 * (1 + 3 * 169 + 3) = 19,929 and 40 * 511 = 20,440.
    let query = |rows: u32| {
        format!(
            "{{ projects(first: {rows}) {{ nodes {{ scans(first: 169) {{ nodes {{ id branch }} }} id name }} }} }}"
        )
    };
    world.data(admin(), &query(38)).await;
    assert_eq!(world.codes(admin(), &query(40)).await, ["BAD_INPUT"]);
    let many: String = (0..50).map(|n| format!("a{n}: projects(first: 500) {{ nodes {{ id }} }} ")).collect();
    assert_eq!(world.codes(admin(), &format!("{{ {many} }}")).await, ["BAD_INPUT"]);
}

#[tokio::test]
async fn a_difference_costs_the_rows_of_its_six_lists() {
    let (world, _) = populated(1).await;
    let id = project(0);
    let query = |count: usize, first: &str, fields: &str| {
        let many =
            (0..count).map(|n| format!("a{n}: diff(project: \"{id}\", from: \"0\"{first}) {{ {fields} }} "));
        format!("{{ {} }}", many.collect::<String>())
    };
    // 100 rows of each unless somebody says how many: 33 * (1 + 6 * 100) = 19,833.
    world.data(admin(), &query(33, "", "to")).await;
    assert_eq!(world.codes(admin(), &query(34, "", "to")).await, ["BAD_INPUT"]);
    world.data(admin(), &query(34, ", first: 50", "to")).await;
    // Fields of rows count once for each row: 10 * (1 + 19 * 100) = 19,010 and 11 * 1,901 = 20,911.
    let list = |kind: &str| format!("{kind} {{ totalCount nodes {{ id title path line }} }} ");
    let fields = format!("to {}{}", list("findingsAdded"), list("findingsRemoved"));
    let fields = format!("{fields} componentsAdded {{ totalCount nodes {{ name }} }}");
    world.data(admin(), &query(10, "", &fields)).await;
    assert_eq!(world.codes(admin(), &query(11, "", &fields)).await, ["BAD_INPUT"]);
}

#[tokio::test]
async fn clients_may_ask_for_the_schema() {
    let world = World::new().await;
    let query = "{ __schema { queryType { name } subscriptionType { name } types { name kind
        fields { name args { name type { kind name ofType { kind name ofType { kind name ofType { kind name
          ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
          ofType { kind name } } } } } } } } } } } } } } }";
    let data = world.data(caller(HOME, Role::Viewer, None), query).await;
    assert_eq!(data["__schema"]["queryType"]["name"], "Query");
    assert_eq!(data["__schema"]["subscriptionType"]["name"], "Subscription");
}
