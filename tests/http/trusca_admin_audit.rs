//! The audit log in TRUSCA's words (reference §3.3, §3.6, §12.1).

use crate::harness::{NOBODY, column, id};
use crate::trusca_admin::{join, me, person, project_of, super_admin, team};
use crate::trusca_browser::{invalid, problem, server};
use serde_json::{Value, json};

/// SHA-256 of `bea@example.org`.
const BEA: &str = "27b745b2e92331579b40194e9d232d1fb3fba7a39a7303a63b064ea73917000f";

#[tokio::test]
async fn everything_that_people_did_is_in_the_log_without_who_they_are() {
    let api = server().await;
    let root = super_admin(&api).await;
    let bea = person(&api, "bea@example.org").await;
    let core = team(&root, "core").await;
    let bea_id = me(&bea).await;
    join(&root, &core, &bea_id, "developer").await;

    let of = async |query: &str| root.get(&format!("/v1/admin/audit?{query}")).await.expect(200);
    let made = of("target_table=teams&action=create&page_size=1").await;
    let item = &made["items"][0];
    let expected = json!({
        "id": item["id"], "created_at": item["created_at"], "actor_user_id": me(&root).await,
        "actor_email": "root@example.org", "team_id": core, "target_table": "teams", "target_id": core,
        "action": "create", "request_id": item["request_id"],
        "diff": { "team": core, "organization": api.organization, "name": "The core", "slug": "core" },
    });
    assert_eq!(*item, expected);
    assert_eq!(item["created_at"].as_str().unwrap().len(), 27);
    assert_eq!(item["id"].as_str().unwrap().len(), 36);
    assert!(item["request_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!((&made["page"], &made["page_size"], &made["has_more"]), (&json!(1), &json!(1), &json!(true)));

    let people = of("target_table=users&action=CREATE").await;
    assert_eq!(people["items"][0]["diff"]["email"], json!({ "sha256": BEA }));
    assert_eq!(people["items"][0]["diff"]["password"], "***");
    let joined = of(&format!("target_table=memberships&actor_user_id={}", me(&root).await)).await;
    assert_eq!((&joined["total"], &joined["has_more"]), (&json!(2), &json!(false)));
    assert_eq!(joined["items"][0]["diff"]["user"], bea_id);
    let session = &of(&format!("target_table=refresh_tokens&actor_user_id={bea_id}")).await["items"][0];
    assert_eq!((&session["action"], &session["diff"]["token"]), (&json!("create"), &json!("***")));
    assert_eq!(session["target_id"], session["diff"]["session"]);

    let all = root.get("/v1/admin/audit?page_size=200").await;
    let body = all.expect(200);
    assert!(
        !all.text().contains("v1.")
            && body["total"].as_u64() == body["items"].as_array().map(|i| i.len() as u64)
    );
    let order = column(&body["items"], "id");
    assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
}

#[tokio::test]
async fn the_log_is_narrowed_and_paged() {
    let api = server().await;
    let root = super_admin(&api).await;
    for slug in ["one", "two", "three"] {
        team(&root, slug).await;
    }
    let of = async |query: &str| root.get(&format!("/v1/admin/audit?{query}")).await.expect(200);
    let teams = "actor_user_id=".to_owned() + &me(&root).await + "&target_table=teams";
    let slugs = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["diff"]["slug"].as_str().unwrap().to_owned()).collect()
    };
    // The first one is the personal team that came with the account.
    let all = of(&teams).await;
    assert_eq!(slugs(&all), ["three", "two", "one", "personal"]);
    assert_eq!(slugs(&of(&format!("{teams}&page=2&page_size=3")).await), ["personal"]);
    let past = of(&format!("{teams}&page=9")).await;
    assert_eq!((&past["items"], &past["total"], &past["has_more"]), (&json!([]), &json!(4), &json!(false)));
    let two = &all["items"][1]["created_at"];
    let two = two.as_str().unwrap();
    assert_eq!(slugs(&of(&format!("{teams}&from={two}")).await), ["three", "two"]);
    assert_eq!(slugs(&of(&format!("{teams}&to={two}")).await), ["two", "one", "personal"]);
    assert_eq!(slugs(&of(&format!("{teams}&from={two}&to={two}&q=two")).await), ["two"]);
    assert_eq!(of(&format!("{teams}&q=nowhere")).await["total"], 0);
    for empty in [
        "action=archive".to_owned(),
        "action=%25".to_owned(),
        "target_table=licenses".to_owned(),
        format!("actor_user_id={NOBODY}"),
        "to=2001-01-01T00:00:00Z".to_owned(),
    ] {
        assert_eq!(of(&empty).await["items"], json!([]), "{empty}");
    }
    assert_eq!(of(&format!("{teams}&action=&q=%20")).await["total"], 4);
    for (query, field) in [
        ("target_table=cars", "target_table"),
        ("actor_user_id=x", "actor_user_id"),
        ("from=yesterday", "from"),
        ("to=1", "to"),
        ("action=a%00b", "action"),
        ("q=a%0Ab", "q"),
        ("page_size=0", "page_size"),
    ] {
        invalid(&root.get(&format!("/v1/admin/audit?{query}")).await, field);
    }
}

#[tokio::test]
async fn the_log_is_a_file_and_taking_it_is_recorded() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let path = "/v1/admin/audit/export.csv";
    let file = root.get(&format!("{path}?target_table=teams&from=2026-01-02T00:00:00Z")).await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    let name = "attachment; filename=\"audit_export_20260102_all.csv\"";
    assert_eq!(file.header("content-disposition"), name);
    let text = file.text();
    let lines: Vec<&str> = text.split('\n').collect();
    let columns = "created_at,actor_user_id,actor_email,team_id,target_table,target_id,action,request_id";
    assert_eq!(lines[0], format!("\u{feff}{columns}"));
    let root_id = me(&root).await;
    let row = format!("Z,{root_id},root@example.org,{core},teams,{core},create,");
    assert!(lines[1].contains(&row), "{text}");
    assert_eq!(lines.last(), Some(&""));
    assert!(!text.contains("The core"), "the file holds no diff");

    api.shown().await;
    let granted = "/v1/admin/audit?action=access.granted&target_table=access&q=";
    let taken = root.get(&format!("{granted}export")).await.expect(200);
    assert_eq!((&taken["total"], &taken["items"][0]["actor_user_id"]), (&json!(1), &json!(root_id)));
    assert_eq!(taken["items"][0]["diff"]["action"], "export_audit");
    api.shown().await;
    let looked = root.get(&format!("{granted}read_audit")).await.expect(200);
    assert_eq!((&looked["total"], &looked["items"][0]["diff"]["action"]), (&json!(1), &json!("read_audit")));
    invalid(&root.get(&format!("{path}?target_table=cars")).await, "target_table");
}

#[tokio::test]
async fn a_team_administrator_sees_what_is_about_the_team() {
    let api = server().await;
    let root = super_admin(&api).await;
    let (core, edge) = (team(&root, "core").await, team(&root, "edge").await);
    let (bea, cem) = (person(&api, "bea@example.org").await, person(&api, "cem@example.org").await);
    join(&root, &core, &me(&bea).await, "team_admin").await;
    join(&root, &edge, &me(&cem).await, "team_admin").await;
    let project = project_of(&api, &bea, "shop").await;
    let key = json!({ "name": "CI", "scope": "project", "project_id": project });
    let key = id(&bea.post("/v1/api-keys", &key).await.expect(201));

    let of_bea = bea.get("/v1/audit?page_size=200").await.expect(200);
    let own = json!(me(&bea).await);
    for item in of_bea["items"].as_array().unwrap() {
        assert!(item["team_id"] == json!(core) || item["actor_user_id"] == own, "{item}");
        assert!(item["team_id"].is_string(), "{item}");
    }
    let targets = column(&of_bea["items"], "target_id");
    for seen in [&core, &project, &key] {
        assert!(targets.contains(&seen.as_str()), "{of_bea}");
    }
    assert!(!targets.contains(&edge.as_str()));
    let projects = bea.get("/v1/audit?target_table=projects").await.expect(200);
    assert_eq!((&projects["total"], &projects["items"][0]["team_id"]), (&json!(1), &json!(core)));

    let of_cem = cem.get("/v1/audit?page_size=200").await.expect(200);
    let targets = column(&of_cem["items"], "target_id");
    assert!(targets.contains(&edge.as_str()) && !targets.contains(&core.as_str()));
    assert_eq!(cem.get("/v1/audit?target_table=projects").await.expect(200)["total"], 0);

    // Entries about no team are for who runs the installation.
    assert_eq!(bea.get("/v1/audit?target_table=users").await.expect(200)["total"], 0);
    assert_ne!(root.get("/v1/audit?target_table=users").await.expect(200)["total"], 0);
}

#[tokio::test]
async fn who_runs_no_team_reads_no_audit_log() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let wanted = json!({
        "email": "dan@example.org", "password": crate::trusca_browser::PASSWORD, "team_id": core,
    });
    root.post("/v1/admin/users", &wanted).await.expect(201);
    let mut dan = crate::trusca_browser::Browser::of(&api);
    dan.login("dan@example.org", crate::trusca_browser::PASSWORD).await.expect(200);
    problem(&dan.get("/v1/audit").await, 403, "Requires role >= team_admin");
    problem(&api.with_key(None).get("/v1/audit").await, 401, "Authentication required");
}
