//! Lists of GraphQL, gone through from both ends and in every order.

use crate::archive::leaky;
use crate::harness::Api;
use serde_json::{Value, json};

/// From which end a list is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

async fn ask(api: &Api, document: &str) -> Value {
    let answer = api.post("/graphql", &json!({ "query": document })).await.expect(200);
    assert_eq!(answer["errors"], Value::Null, "{document}: {answer}");
    answer["data"].clone()
}

/// The field `key` of all rows of a list, as one page.
async fn whole(api: &Api, list: &str, arguments: &str, key: &str) -> Vec<Value> {
    let document = format!("{{ {list}(first: 100, {arguments}) {{ totalCount nodes {{ {key} }} }} }}");
    let page = ask(api, &document).await[list].clone();
    let rows = page["nodes"].as_array().unwrap();
    assert_eq!(page["totalCount"], rows.len(), "{list} fits on a page");
    rows.iter().map(|row| row[key].clone()).collect()
}

/// The same in pages of two, in the order of the list.
async fn walked(api: &Api, list: &str, arguments: &str, key: &str, from: Side) -> Vec<Value> {
    let (mut rows, mut place) = (vec![], String::new());
    loop {
        let size = if from == Side::Start { "first: 2" } else { "last: 2" };
        let document = format!(
            "{{ {list}({size}{place}, {arguments}) {{ nodes {{ {key} }}
               pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        );
        let page = ask(api, &document).await[list].clone();
        let keys: Vec<_> = page["nodes"].as_array().unwrap().iter().map(|row| row[key].clone()).collect();
        assert!((1..=2).contains(&keys.len()), "{document}: {page}");
        let info = &page["pageInfo"];
        let (goes_on, came_from) = match from {
            Side::Start => {
                rows.extend(keys);
                place = format!(", after: {}", info["endCursor"]);
                (&info["hasNextPage"], &info["hasPreviousPage"])
            }
            Side::End => {
                rows.splice(0..0, keys);
                place = format!(", before: {}", info["startCursor"]);
                (&info["hasPreviousPage"], &info["hasNextPage"])
            }
        };
        assert_eq!(came_from, &json!(rows.len() > 2), "{document}: {page}");
        if goes_on == &json!(false) {
            return rows;
        }
    }
}

/// A project with three scans, the last of which found two secrets and two components more.
async fn scanned() -> (Api, String) {
    let api = Api::start().await;
    let requirements = |packages: &str| leaky(3).with("requirements.txt", packages);
    let first = requirements("django==4.2.1\nflask==2.3.2\nzope==5.0\n");
    let second =
        leaky(5).with("requirements.txt", "aiohttp==3.8.4\ndjango==4.2.1\nflask==2.3.3\nzope==5.0\n");
    let mut project = String::new();
    for files in [&first, &first, &second] {
        let scan = api.scanned(files, &[("newProjectName", "shop")]).await;
        project = scan["projectId"].as_str().unwrap().to_owned();
    }
    (api, project)
}

#[tokio::test]
async fn every_list_is_the_same_from_both_ends() {
    let (api, project) = scanned().await;
    // Reading the audit log is an entry of it: as of now, whatever is read meanwhile.
    let now = ask(&api, "{ head }").await["head"].as_str().unwrap().to_owned();
    let of_project = format!("project: \"{project}\", asOf: \"{now}\"");
    let at = format!("asOf: \"{now}\"");
    for (list, arguments, key, sorts) in [
        ("scans", &at, "position", ["NEWEST", "OLDEST"]),
        ("scans", &of_project, "position", ["NEWEST", "OLDEST"]),
        ("auditEntries", &at, "position", ["NEWEST", "OLDEST"]),
        ("incidents", &at, "number", ["NEWEST", "OLDEST"]),
        ("components", &of_project, "purl", ["PACKAGE", "NEWEST"]),
    ] {
        for sort in sorts {
            let arguments = format!("{arguments}, sort: {sort}");
            let all = whole(&api, list, &arguments, key).await;
            assert!(all.len() >= 3, "{list}: {all:?}");
            for from in [Side::Start, Side::End] {
                assert_eq!(walked(&api, list, &arguments, key, from).await, all, "{list} {sort} {from:?}");
            }
        }
        let usual = whole(&api, list, arguments, key).await;
        assert_eq!(
            usual,
            whole(&api, list, &format!("{arguments}, sort: {}", sorts[0]), key).await,
            "{list}"
        );
    }
}

#[tokio::test]
async fn the_oldest_first_is_the_newest_first_turned_round() {
    let (api, project) = scanned().await;
    let now = ask(&api, "{ head }").await["head"].as_str().unwrap().to_owned();
    for (list, key) in [("scans", "position"), ("auditEntries", "position"), ("incidents", "number")] {
        let sorted =
            async |sort: &str| whole(&api, list, &format!("asOf: \"{now}\", sort: {sort}"), key).await;
        let (newest, mut oldest) = (sorted("NEWEST").await, sorted("OLDEST").await);
        let numbers: Vec<u64> =
            oldest.iter().map(|number| number.as_str().unwrap().parse().unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.len() >= 3, "{list}: {numbers:?}");
        oldest.reverse();
        assert_eq!(newest, oldest, "{list}");
    }
    let nested = format!(
        "{{ project(id: \"{project}\") {{ scans(sort: OLDEST) {{ nodes {{ position }} }}
            components(sort: NEWEST) {{ nodes {{ purl }} }} }} }}"
    );
    let nested = ask(&api, &nested).await["project"].clone();
    let of_project = format!("project: \"{project}\"");
    for (list, key, sort) in [("scans", "position", "OLDEST"), ("components", "purl", "NEWEST")] {
        let root = whole(&api, list, &format!("{of_project}, sort: {sort}"), key).await;
        let rows = nested[list]["nodes"].as_array().unwrap();
        assert_eq!(rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>(), root, "{list}");
    }
}

#[tokio::test]
async fn components_that_came_last_come_first_if_asked_for() {
    let (api, project) = scanned().await;
    let of = |sort: &str| format!("project: \"{project}\", sort: {sort}");
    let names = |purls: Vec<Value>| -> Vec<String> {
        purls.iter().map(|purl| purl.as_str().unwrap().trim_start_matches("pkg:pypi/").to_owned()).collect()
    };
    let by_package = names(whole(&api, "components", &of("PACKAGE"), "purl").await);
    assert_eq!(by_package, ["aiohttp@3.8.4", "django@4.2.1", "flask@2.3.3", "zope@5.0"]);
    let newest = names(whole(&api, "components", &of("NEWEST"), "purl").await);
    assert_eq!(newest, ["aiohttp@3.8.4", "flask@2.3.3", "django@4.2.1", "zope@5.0"]);
}

#[tokio::test]
async fn what_is_between_two_cursors_is_on_a_page_and_what_is_no_page_is_refused() {
    let (api, _) = scanned().await;
    for (list, most) in [("auditEntries", 200), ("incidents", 500)] {
        for sort in ["NEWEST", "OLDEST"] {
            let document = format!("{{ {list}(first: 5, sort: {sort}) {{ edges {{ cursor }} }} }}");
            let page = ask(&api, &document).await[list].clone();
            let cursors: Vec<&Value> =
                page["edges"].as_array().unwrap().iter().map(|edge| &edge["cursor"]).collect();
            let place = format!("after: {}, before: {}, sort: {sort}", cursors[0], cursors[4]);
            for (size, expected) in
                [("first: 2", &cursors[1..3]), ("last: 2", &cursors[2..4]), ("last: 9", &cursors[1..4])]
            {
                let document = format!("{{ {list}({size}, {place}) {{ edges {{ cursor }} }} }}");
                let page = ask(&api, &document).await[list].clone();
                let found: Vec<&Value> =
                    page["edges"].as_array().unwrap().iter().map(|edge| &edge["cursor"]).collect();
                assert_eq!(found, expected, "{list} {sort} {size}");
            }
        }
        ask(&api, &format!("{{ {list}(last: {most}) {{ totalCount }} }}")).await;
        for wrong in [
            format!("last: {}", most + 1),
            "last: -1".to_owned(),
            "first: 1, last: 1".to_owned(),
            "before: \"5\"".to_owned(),
            "sort: SIDEWAYS".to_owned(),
        ] {
            let document = json!({ "query": format!("{{ {list}({wrong}) {{ totalCount }} }}") });
            let answer = api.post("/graphql", &document).await.expect(200);
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT", "{list}({wrong})");
        }
    }
}
