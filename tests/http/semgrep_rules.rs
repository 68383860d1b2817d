//! Rules that clients run: those that everybody starts with and those that people publish.

use crate::harness::{Api, column};
use crate::semgrep_ci::{Run, finding, ran};
use scanledger_domain::identity::Role;
use scanledger_domain::policy::{Mode, Product};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

fn rule(id: &str) -> Value {
    json!({
        "id": id, "message": "No eval.", "severity": "ERROR", "languages": ["python"], "pattern": "eval($X)",
        "metadata": { "confidence": "LOW" },
    })
}

fn publication(rule: Value) -> Value {
    json!({ "definition": { "rules": [rule] }, "visibility": "org_private", "language": "python", "deployment_id": 1 })
}

/// The rules that a client of the organization runs, by id.
async fn served(api: &Api) -> Vec<Value> {
    let run = Run::begin(api, "acme/shop").await;
    run.config().await["rules"]["rules"].as_array().unwrap().clone()
}

async fn actions_of(api: &Api, id: &str) -> Option<Value> {
    let rules = served(api).await;
    let found = rules.iter().find(|rule| rule["id"] == id)?;
    Some(found["metadata"]["dev.semgrep.actions"].clone())
}

async fn set_mode(api: &Api, rule: &str, mode: Mode) {
    let app = &api.server.app;
    let organization = api.organization.parse().unwrap();
    let context = scanledger_commands::Context::new(
        scanledger_domain::id::CommandId(app.ids.fresh()),
        scanledger_domain::log::Actor::Operator,
        Some(organization),
    );
    app.policies.set_mode(&context, organization, Product::Code, rule.parse().unwrap(), mode).await.unwrap();
    api.shown().await;
}

#[tokio::test]
async fn a_published_rule_is_run_by_the_next_client() {
    let api = Api::without_workers().await;
    let before = served(&api).await.len();
    let published = api.post("/api/registry/rules", &publication(rule("acme.no-eval"))).await.expect(200);
    assert_eq!((&published["id"], &published["path"]), (&json!("acme.no-eval"), &json!("acme.no-eval")));
    assert!(published["warning"].as_str().unwrap().contains("no engine"));
    assert_eq!(served(&api).await.len(), before + 1);
    assert_eq!(actions_of(&api, "acme.no-eval").await, Some(json!([])));
    // The same again is nothing new, and another definition takes its place.
    api.post("/api/registry/rules", &publication(rule("acme.no-eval"))).await.expect(200);
    let mut sure = rule("acme.no-eval");
    sure["metadata"]["confidence"] = json!("HIGH");
    api.post("/api/registry/rules", &publication(sure)).await.expect(200);
    assert_eq!(served(&api).await.len(), before + 1);
    assert_eq!(actions_of(&api, "acme.no-eval").await, Some(json!(["block"])));
    let foreigner = api.foreigner().await;
    let run = Run::begin(&foreigner, "acme/shop").await;
    assert_eq!(run.config().await["rules"]["rules"].as_array().unwrap().len(), before);
}

#[tokio::test]
async fn a_rule_that_would_break_scans_is_refused_with_the_place() {
    let api = Api::without_workers().await;
    let before = served(&api).await;
    let mut bad = rule("acme.bad");
    bad["languages"] = json!(["klingon"]);
    let refused = api.post("/api/registry/rules", &publication(bad)).await.refused(400);
    assert_eq!(refused["details"][0]["path"], "definition.rules.0.languages.0");
    let two = json!({ "definition": { "rules": [rule("a"), rule("b")] } });
    api.post("/api/registry/rules", &two).await.refused_for("definition.rules");
    let mut public = publication(rule("acme.public"));
    public["visibility"] = json!("public");
    api.post("/api/registry/rules", &public).await.refused_for("visibility");
    let starter = column(&json!(before), "id")[0].to_owned();
    api.post("/api/registry/rules", &publication(rule(&starter))).await.refused(409);
    let developer = api.with_role(Role::Developer, None).await;
    developer.post("/api/registry/rules", &publication(rule("acme.mine"))).await.refused(403);
    assert_eq!(served(&api).await, before);
}

#[tokio::test]
async fn a_mode_that_somebody_set_counts() {
    let api = Api::without_workers().await;
    let id = column(&json!(served(&api).await), "id")[0].to_owned();
    for (mode, actions) in
        [(Mode::Block, Some(json!(["block"]))), (Mode::Comment, Some(json!([]))), (Mode::Disabled, None)]
    {
        set_mode(&api, &id, mode).await;
        assert_eq!(actions_of(&api, &id).await, actions, "{mode}");
    }
    // In the words of the dialect that is asked.
    let audit = api.get("/api/audit-log?limit=200&action=policy.updated").await.expect(200);
    assert_eq!(column(&audit["entries"], "action"), ["policy.updated"; 3]);
}

#[tokio::test]
async fn packs_are_what_the_organization_runs() {
    let api = Api::without_workers().await;
    api.post("/api/registry/rules", &publication(rule("acme.no-eval"))).await.expect(200);
    let all = served(&api).await;
    let pack = async |name: &str| -> Vec<Value> {
        api.get(&format!("/c/p/{name}")).await.expect(200)["rules"].as_array().unwrap().clone()
    };
    assert_eq!(pack("default").await, all);
    assert_eq!(api.get("/p/default").await.expect(200)["rules"], json!(all));
    let python = pack("python").await;
    assert!(python.len() < all.len() && column(&json!(python), "id").contains(&"acme.no-eval"));
    assert_eq!(pack("semgrep-rule-lints").await, Vec::<Value>::new());
    api.get("/c/p/klingon").await.refused(404);
    let one = api.get("/c/r/acme.no-eval").await.expect(200);
    assert_eq!(column(&one["rules"], "id"), ["acme.no-eval"]);
    api.get("/c/r/acme.nothing").await.refused(404);
}

#[tokio::test]
async fn the_words_of_a_known_rule_are_shown_and_not_those_of_the_client() {
    let api = Api::without_workers().await;
    let mut no_eval = rule("acme.no-eval");
    no_eval["message"] = json!("Never run $X. It may be anything.");
    api.post("/api/registry/rules", &publication(no_eval)).await.expect(200);
    ran(&api, "acme/shop", &["acme.no-eval"], &[finding("acme.no-eval", "a.py", 1)]).await;
    let found = crate::semgrep_ci::present(&api, "acme/shop").await;
    assert_eq!(found[0]["title"], "Never run $X");
    assert_eq!(found[0]["description"], "Never run $X. It may be anything.");
}

#[tokio::test]
async fn with_an_engine_its_word_counts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = folder.path().join("engine");
    // It can read what has no parenthesis too many.
    let script = "#!/bin/sh\ngrep -q 'eval((' rules.json || exit 0\necho '{\"errors\":[{\"message\":\"Invalid pattern\"}]}'\nexit 2\n";
    std::fs::write(&engine, script).unwrap();
    std::fs::set_permissions(&engine, std::fs::Permissions::from_mode(0o700)).unwrap();
    let api = Api::with(|options| options.semgrep = Some(engine)).await;
    let published = api.post("/api/registry/rules", &publication(rule("acme.good"))).await.expect(200);
    assert_eq!(published.get("warning"), None);
    let mut bad = rule("acme.bad");
    bad["pattern"] = json!("eval(($X)");
    let refused = api.post("/api/registry/rules", &publication(bad)).await.refused(400);
    assert!(refused["error"].as_str().unwrap().contains("Invalid pattern"), "{refused}");
    assert_eq!(actions_of(&api, "acme.bad").await, None);
}
