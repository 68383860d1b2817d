//! The audit log.

use crate::archive::leaky;
use crate::gitguardian_tokens::key;
use crate::harness::{Api, NOBODY, column, id};
use scanledger::operations::Who;
use scanledger_domain::identity::{KeyKind, Role};
use serde_json::{Value, json};

#[tokio::test]
async fn what_people_did_is_in_the_log_in_peppers_words() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(1), &[("newProjectName", "shop"), ("scanType", "SECRETS_ONLY")]).await;
    let findings = api.get(&format!("/api/scans/{}/findings", id(&scan))).await.expect(200);
    let finding = id(&findings["findings"][0]);
    let ana = key(&api, "ana", |wanted| {
        wanted.kind = KeyKind::Personal;
        wanted.person = Some(Who::Id(api.user.parse().unwrap()));
    })
    .await;
    ana.patch(&format!("/api/findings/{finding}"), &json!({ "status": "FALSE_POSITIVE" })).await.expect(200);
    let project = scan["projectId"].as_str().unwrap();
    let gate = json!({ "projectId": project, "maxHigh": 1 });
    api.patch("/api/settings/build-gates", &gate).await.expect(200);
    let again = api.post(&format!("/api/scans/{}/rescan", id(&scan)), &Value::Null).await.expect(201);
    api.ended(again["scanId"].as_str().unwrap()).await;

    let entries = api.get("/api/audit-log?limit=200").await.expect(200);
    assert_eq!(entries["nextCursor"], Value::Null);
    let mut actions = column(&entries["entries"], "action");
    // Looking at the log is in it too.
    actions.retain(|action| *action != "audit.viewed");
    assert_eq!(
        &actions[..7],
        [
            "scan.completed",
            "scan.rescanned",
            "buildgate.updated",
            "finding.status_changed",
            "apikey.created",
            "scan.completed",
            "scan.queued",
        ]
    );
    for action in ["project.created", "apikey.created", "user.created"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    let of =
        async |query: &str| api.get(&format!("/api/audit-log?{query}")).await.expect(200)["entries"].clone();
    let decided = &of("action=finding.status_changed").await[0];
    assert_eq!((&decided["resource"], &decided["resourceId"]), (&json!("finding"), &json!(finding)));
    assert_eq!(decided["details"]["status"], "FALSE_POSITIVE");
    assert_eq!(decided["details"]["previousStatus"], "OPEN");
    let ana = json!({ "id": api.user, "name": "Ana", "email": "ana@example.org" });
    assert_eq!((&decided["user"], &decided["ipAddress"]), (&ana, &json!("127.0.0.1")));
    let queued = &of("action=scan.queued").await;
    assert_eq!(queued.as_array().unwrap().len(), 1);
    assert_eq!(
        (&queued[0]["details"]["scanType"], &queued[0]["resourceId"]),
        (&json!("SECRETS_ONLY"), &scan["id"])
    );
    let made = &of("action=user.created").await[0];
    assert_eq!(made["details"], json!({ "user": api.user }));
    assert_eq!(of("action=scan.rescanned,buildgate.updated").await.as_array().unwrap().len(), 2);
    assert_eq!(of("resource=buildgate").await.as_array().unwrap().len(), 1);
    assert_eq!(of("action=user.login").await, json!([]));
    assert_eq!(of("resource=policy").await, json!([]));
    assert!(!of(&format!("userId={}", api.user)).await.as_array().unwrap().is_empty());
    assert_eq!(of(&format!("userId={NOBODY}")).await, json!([]));
    assert_eq!(of("userId=clx1").await, json!([]));
    assert_eq!(of("q=shop").await.as_array().unwrap().len(), 3);
    assert_eq!(of("q=nowhere").await, json!([]));
}

#[tokio::test]
async fn a_cursor_leads_through_the_log_without_a_gap_or_a_repeat() {
    let api = Api::without_workers().await;
    for n in 0..7 {
        api.project(&format!("project {n}")).await;
    }
    let queued = api.upload(&leaky(1), &[("newProjectName", "project 1")]).await.expect(201);
    let scan = queued["scanId"].as_str().unwrap();
    api.post(&format!("/api/scans/{scan}/rescan"), &Value::Null).await.expect(201);
    api.upload(&leaky(1), &[("newProjectName", "project 1")]).await.expect(201);
    // That somebody looks at the log is an entry of its own, once a minute.
    api.get("/api/audit-log").await.expect(200);
    api.shown().await;
    for query in ["limit=200", "limit=200&action=project.created", "limit=200&action=scan.queued"] {
        let all = api.get(&format!("/api/audit-log?{query}")).await.expect(200);
        let all: Vec<String> = column(&all["entries"], "id").into_iter().map(str::to_owned).collect();
        assert!(!all.is_empty());
        for limit in [1, 2, 3] {
            let (mut walked, mut cursor) = (Vec::new(), String::new());
            loop {
                let query = query.replace("limit=200", &format!("limit={limit}"));
                let page = api.get(&format!("/api/audit-log?{query}&cursor={cursor}")).await.expect(200);
                let ids = column(&page["entries"], "id");
                assert!(ids.len() <= limit);
                walked.extend(ids.into_iter().map(str::to_owned));
                match page["nextCursor"].as_str() {
                    Some(next) => next.clone_into(&mut cursor),
                    None => break,
                }
            }
            assert_eq!(walked, all, "{query} by {limit}");
        }
    }
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let api = Api::without_workers().await;
    for (query, path) in [
        ("action=scan.exploded", "action"),
        ("resource=spaceship", "resource"),
        ("cursor=abc", "cursor"),
        ("limit=201", "limit"),
        ("limit=0", "limit"),
    ] {
        api.get(&format!("/api/audit-log?{query}")).await.refused_for(path);
    }
    api.get(&format!("/api/audit-log?q={}", "x".repeat(201))).await.refused_for("q");
}

#[tokio::test]
async fn a_key_without_a_person_has_no_user() {
    let api = Api::without_workers().await;
    let key = api.with_role(Role::Developer, None).await;
    key.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);
    let entry = &api.get("/api/audit-log?action=project.created").await.expect(200)["entries"][0];
    assert_eq!((&entry["user"], &entry["actor"]["kind"]), (&Value::Null, &json!("key")));
}

#[tokio::test]
async fn the_log_can_be_read_as_of_a_moment() {
    let api = Api::without_workers().await;
    api.project("first").await;
    let position = api.server.app.views.position();
    api.project("second").await;
    let names = async |query: &str| {
        let entries = api.get(&format!("/api/audit-log?action=project.created{query}")).await.expect(200);
        let name = |entry: &Value| entry["details"]["details"]["name"].as_str().unwrap().to_owned();
        entries["entries"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["second", "first"]);
    assert_eq!(names(&format!("&asOf={position}")).await, ["first"]);
}
