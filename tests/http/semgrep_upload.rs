//! How much a scan of Semgrep's client may upload at a time.

use crate::harness::Api;
use crate::semgrep_ci::{Run, finding, present, project, results};
use reqwest::Method;
use scanledger_domain::limits::{
    CLIENT_NAME_CHARS, LEFT_OUT_FINDINGS, RESULTS_BYTES, RESULTS_FINDINGS, RESULTS_LIST,
};
use serde_json::{Value, json};

#[tokio::test]
async fn an_upload_has_so_many_findings_and_says_which_part_will_not_do() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    let mut upload = results(&["a"], &[]);
    upload["rule_ids"] = json!([1]);
    run.send("results", &upload).await.refused_for("rule_ids[0]");
    let ignored =
        |count: usize| json!({ "findings": [], "ignores": vec![json!({}); count], "rule_ids": ["a"] });
    run.send("results", &ignored(RESULTS_FINDINGS + 1)).await.refused(413);
    run.send("results", &ignored(RESULTS_FINDINGS)).await.expect(200);
}

#[tokio::test]
async fn the_lists_of_an_upload_have_so_many_entries() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    let lists = ["searched_paths", "skipped_paths", "rule_ids"];
    let mut upload = results(&[], &[]);
    for list in lists {
        upload[list] = vec!["a"; RESULTS_LIST + 1].into();
        let refused = run.send("results", &upload).await.refused(413);
        assert!(refused["error"].as_str().unwrap().starts_with(list), "{refused}");
        upload[list] = vec!["a"; RESULTS_LIST].into();
    }
    run.send("results", &upload).await.expect(200);
}

#[tokio::test]
async fn an_upload_has_so_many_bytes() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    let upload = results(&["a"], &[finding("a", "a.py", 3)]).to_string();
    let send = async |bytes: usize| {
        let path = format!("/api/agent/scans/{}/results", run.number);
        let body = format!("{}{upload}", " ".repeat(bytes - upload.len()));
        let request = api.request(Method::POST, &path).header("content-type", "application/json");
        api.send(request.body(body)).await
    };
    send(RESULTS_BYTES).await.expect(200);
    send(RESULTS_BYTES + 1).await.refused(413);
    run.complete().await;
    assert_eq!(present(&api, "acme/shop").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn findings_that_are_left_out_are_named_up_to_a_number() {
    let api = Api::without_workers().await;
    for (count, named) in
        [(LEFT_OUT_FINDINGS, LEFT_OUT_FINDINGS), (LEFT_OUT_FINDINGS + 1, LEFT_OUT_FINDINGS + 1)]
    {
        let run = Run::begin(&api, "acme/shop").await;
        let mut nameless = finding("a", "a.py", 1);
        nameless["match_based_id"] = json!("");
        let upload = results(&["a"], &vec![nameless; count]);
        let errors = run.send("results", &upload).await.expect(200)["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), named);
        let last = errors[LEFT_OUT_FINDINGS.min(named - 1)]["message"].as_str().unwrap();
        assert_eq!(last == "and 1 more are left out", count > LEFT_OUT_FINDINGS, "{last}");
    }
}

#[tokio::test]
async fn a_clients_name_of_a_finding_has_so_many_characters() {
    let api = Api::without_workers().await;
    for (chars, left_out) in [(CLIENT_NAME_CHARS, 0), (CLIENT_NAME_CHARS + 1, 1)] {
        let run = Run::begin(&api, "acme/shop").await;
        let mut named = finding("a", "a.py", 1);
        named["match_based_id"] = json!("a".repeat(chars));
        let errors = run.send("results", &results(&["a"], &[named])).await.expect(200)["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), left_out, "{errors}");
    }
}

#[tokio::test]
async fn many_findings_are_recorded_in_one_request() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    let many: Vec<Value> = (1..=2_500).map(|number| finding("a", "a.py", number)).collect();
    run.results(&["a"], &many).await;
    run.complete().await;
    let project = project(&api, "acme/shop").await;
    let page = api.get(&format!("/api/projects/{project}/findings")).await.expect(200);
    assert_eq!(page["pagination"]["total"], 2_500);
}
