//! People as TRUSCA's super administrators run them (reference §3.3).

use crate::harness::{NOBODY, column, id};
use crate::trusca_admin::{join, me, person, super_admin, team};
use crate::trusca_browser::{Browser, PASSWORD, invalid, problem, server};
use serde_json::{Value, json};

#[tokio::test]
async fn people_are_listed_newest_first_and_narrowed() {
    let api = server().await;
    let root = super_admin(&api).await;
    let bea = person(&api, "bea@example.org").await;
    let listed = root.get("/v1/admin/users").await.expect(200);
    assert_eq!(column(&listed["items"], "email"), ["bea@example.org", "root@example.org", "ana@example.org"]);
    assert_eq!((&listed["total"], &listed["page"], &listed["page_size"]), (&json!(3), &json!(1), &json!(50)));
    let item = &listed["items"][0];
    let expected = json!({
        "id": me(&bea).await, "email": "bea@example.org", "full_name": "Bea Okoye", "is_active": true,
        "is_superuser": false, "role": "team_admin", "team_count": 1, "last_login_at": item["last_login_at"],
        "created_at": item["created_at"],
    });
    assert_eq!(*item, expected);
    assert!(item["last_login_at"].as_str().unwrap() > item["created_at"].as_str().unwrap());
    assert_eq!(listed["items"][2]["last_login_at"], Value::Null);

    for (query, emails) in [
        ("role=super_admin", vec!["root@example.org", "ana@example.org"]),
        ("role=team_admin", vec!["bea@example.org", "root@example.org", "ana@example.org"]),
        ("role=viewer", vec![]),
        ("active=false", vec![]),
        ("active=true&page_size=1&page=2", vec!["root@example.org"]),
        ("search=BEA%40", vec!["bea@example.org"]),
        ("search=okoye&page_size=1", vec!["bea@example.org"]),
        ("search=okoye&page_size=1&page=2", vec!["root@example.org"]),
        ("search=okoye&page=3", vec![]),
        ("search=okoye&role=super_admin", vec!["root@example.org"]),
        ("search=%25", vec![]),
    ] {
        let found = root.get(&format!("/v1/admin/users?{query}")).await.expect(200);
        assert_eq!(column(&found["items"], "email"), emails, "{query}");
    }
    assert_eq!(root.get("/v1/admin/users?search=okoye&page=3").await.expect(200)["total"], 2);
    for (query, field) in [("role=owner", "role"), ("active=maybe", "active"), ("page=0", "page")] {
        invalid(&root.get(&format!("/v1/admin/users?{query}")).await, field);
    }
    invalid(&root.get(&format!("/v1/admin/users?search={}", "x".repeat(256))).await, "search");
}

#[tokio::test]
async fn who_is_deactivated_is_out_until_activated() {
    let api = server().await;
    let root = super_admin(&api).await;
    let bea = person(&api, "bea@example.org").await;
    let path = format!("/v1/admin/users/{}", me(&bea).await);
    let detail = root.get(&path).await.expect(200);
    assert_eq!((&detail["is_active"], &detail["scan_count"]), (&json!(true), &json!(0)));
    assert_eq!(column(&detail["memberships"], "role"), ["team_admin"]);
    assert!(
        detail["memberships"][0]["team_id"].is_string() && detail["memberships"][0]["team_name"].is_string()
    );

    for _ in 0..2 {
        let off = root.patch(&format!("{path}/deactivate"), &Value::Null).await.expect(200);
        assert_eq!(off["is_active"], false);
    }
    problem(&bea.get("/auth/me").await, 401, "Authentication required");
    problem(&Browser::of(&api).login("bea@example.org", PASSWORD).await, 401, "Invalid Credentials");
    assert_eq!(root.get("/v1/admin/users?active=false").await.expect(200)["total"], 1);
    for _ in 0..2 {
        let on = root.patch(&format!("{path}/activate"), &Value::Null).await.expect(200);
        assert_eq!(on["is_active"], true);
    }
    problem(&bea.get("/auth/me").await, 401, "Authentication required");
    Browser::of(&api).login("bea@example.org", PASSWORD).await.expect(200);
    for step in ["activate", "deactivate"] {
        let unknown = root.patch(&format!("/v1/admin/users/{NOBODY}/{step}"), &Value::Null).await;
        problem(&unknown, 404, "User Not Found");
    }
    problem(&root.get(&format!("/v1/admin/users/{NOBODY}")).await, 404, "User Not Found");
}

#[tokio::test]
async fn what_is_done_to_somebody_is_in_the_log_of_their_organization() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let wanted = json!({ "email": "dan@example.org", "team_id": core });
    let dan = id(&root.post("/v1/admin/users", &wanted).await.expect(201));
    root.patch(&format!("/v1/admin/users/{dan}/deactivate"), &Value::Null).await.expect(200);
    for (action, about) in [("user.deactivated", &dan), ("team.created", &core)] {
        let entries = api.get(&format!("/api/audit-log?action={action}")).await.expect(200);
        assert_eq!(entries["entries"][0]["resourceId"], json!(about), "{action}");
        assert_eq!(entries["entries"][0]["user"]["email"], "root@example.org", "{action}");
    }
}

#[tokio::test]
async fn nobody_changes_what_they_are_themselves() {
    let api = server().await;
    let root = super_admin(&api).await;
    let own = format!("/v1/admin/users/{}", me(&root).await);
    let off = root.patch(&format!("{own}/deactivate"), &Value::Null).await;
    assert_eq!(problem(&off, 422, "Cannot Modify Self")["cannot_modify_self"], true);
    let role = root.patch(&format!("{own}/role"), &json!({ "role": "super_admin" })).await;
    assert_eq!(problem(&role, 422, "Cannot Modify Self")["cannot_modify_self"], true);
    root.get(&own).await.expect(200);
}

#[tokio::test]
async fn people_become_something_else() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let bea = person(&api, "bea@example.org").await;
    let path = format!("/v1/admin/users/{}/role", me(&bea).await);

    let run = root.patch(&path, &json!({ "role": "super_admin", "team_id": NOBODY })).await.expect(200);
    assert_eq!(run["is_superuser"], true);
    bea.get("/v1/admin/teams").await.expect(200);
    let member = root.patch(&path, &json!({ "role": "viewer", "team_id": core })).await.expect(200);
    assert_eq!(member["is_superuser"], false);
    assert_eq!(member["memberships"][1]["team_id"], core);
    assert_eq!(column(&member["memberships"], "role"), ["team_admin", "viewer"]);
    problem(&bea.get("/v1/admin/teams").await, 404, "Not Found");
    let again = root.patch(&path, &json!({ "role": "developer", "team_id": core })).await.expect(200);
    assert_eq!(column(&again["memberships"], "role"), ["team_admin", "developer"]);

    for body in [json!({ "role": "developer" }), json!({ "role": "emperor", "team_id": core })] {
        problem(&root.patch(&path, &body).await, 422, "Invalid Role Assignment");
    }
    let nowhere = root.patch(&path, &json!({ "role": "developer", "team_id": NOBODY })).await;
    assert_eq!(problem(&nowhere, 422, "Team Not Found")["team_id"], NOBODY);
    invalid(&root.patch(&path, &json!({})).await, "role");
    let unknown =
        root.patch(&format!("/v1/admin/users/{NOBODY}/role"), &json!({ "role": "super_admin" })).await;
    problem(&unknown, 404, "User Not Found");
}

#[tokio::test]
async fn a_password_reset_says_nothing_and_nobody_unknown_gets_one() {
    let api = server().await;
    let root = super_admin(&api).await;
    let bea = person(&api, "bea@example.org").await;
    let reset = root.post(&format!("/v1/admin/users/{}/password-reset", me(&bea).await), &Value::Null).await;
    assert_eq!((reset.status, reset.bytes.len()), (204, 0));
    let entries = root.get("/v1/admin/audit?target_table=password_reset_tokens").await.expect(200);
    assert_eq!((&entries["total"], &entries["items"][0]["diff"]["token"]), (&json!(1), &json!("***")));
    bea.get("/auth/me").await.expect(200);
    let unknown = root.post(&format!("/v1/admin/users/{NOBODY}/password-reset"), &Value::Null).await;
    problem(&unknown, 404, "User Not Found");
}

#[tokio::test]
async fn accounts_are_made_one_by_one() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let wanted = json!({
        "email": "Dan@example.org", "full_name": "Dan", "password": PASSWORD, "role": "viewer", "team_id": core,
    });
    let made = root.post("/v1/admin/users", &wanted).await.expect(201);
    assert_eq!((&made["email"], &made["is_active"]), (&json!("dan@example.org"), &json!(true)));
    let place = json!([{ "team_id": core, "team_name": "The core", "role": "viewer" }]);
    assert_eq!(made["memberships"], place);
    Browser::of(&api).login("dan@example.org", PASSWORD).await.expect(200);
    let without = root.post("/v1/admin/users", &json!({ "email": "eva@example.org" })).await.expect(201);
    assert_eq!((&without["full_name"], &without["memberships"]), (&Value::Null, &json!([])));

    problem(&root.post("/v1/admin/users", &wanted).await, 409, "Email Already Registered");
    let nowhere = json!({ "email": "fay@example.org", "team_id": NOBODY });
    let nowhere = root.post("/v1/admin/users", &nowhere).await;
    assert_eq!(problem(&nowhere, 422, "Team Not Found")["team_id"], NOBODY);
    for role in [json!({ "role": "viewer" }), json!({ "role": "super_admin", "team_id": core })] {
        let mut body = json!({ "email": "fay@example.org" });
        body.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
        problem(&root.post("/v1/admin/users", &body).await, 422, "Invalid Role Assignment");
    }
    for (body, field) in [
        (json!({}), "email"),
        (json!({ "email": "fay" }), "email"),
        (json!({ "email": "fay@example.org", "password": "password1" }), "password"),
        (json!({ "email": "fay@example.org", "full_name": "a\u{0}" }), "full_name"),
    ] {
        invalid(&root.post("/v1/admin/users", &body).await, field);
    }
    let strange = root.post("/v1/admin/users", &json!({ "email": "fay@example.org", "x": 1 })).await;
    problem(&strange, 422, "Validation Error");
}

#[tokio::test]
async fn many_are_made_and_ended_at_once_each_by_itself() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let users = json!([
        { "email": "dan@example.org", "role": "developer", "team_id": core },
        { "email": "ana@example.org" },
        { "email": "eva@example.org", "team_id": NOBODY },
        { "email": "fay@example.org", "role": "emperor" },
        { "email": "gus@example.org", "password": "password1" },
    ]);
    let made = root.post("/v1/admin/users/bulk", &json!({ "users": users })).await.expect(200);
    assert_eq!((&made["total"], &made["succeeded"], &made["failed"]), (&json!(5), &json!(1), &json!(4)));
    let results = &made["results"];
    assert_eq!(column(results, "status"), ["created", "failed", "failed", "failed", "failed"]);
    let reasons: Vec<&Value> = results.as_array().unwrap().iter().map(|row| &row["reason"]).collect();
    assert_eq!(json!(reasons), json!([null, "email_taken", "team_not_found", "invalid_role", "failed"]));
    assert_eq!((&results[1]["identifier"], &results[1]["index"]), (&json!("ana@example.org"), &json!(1)));
    let dan = results[0]["user_id"].as_str().unwrap();
    assert_eq!(root.get(&format!("/v1/admin/users/{dan}")).await.expect(200)["email"], "dan@example.org");

    let root_id = me(&root).await;
    let ids = json!({ "user_ids": [dan, root_id, NOBODY, dan] });
    let ended = root.post("/v1/admin/users/bulk-deactivate", &ids).await.expect(200);
    assert_eq!(column(&ended["results"], "status"), ["deactivated", "failed", "failed", "skipped"]);
    let reasons: Vec<&Value> =
        ended["results"].as_array().unwrap().iter().map(|row| &row["reason"]).collect();
    assert_eq!(json!(reasons), json!([null, "cannot_modify_self", "not_found", null]));
    assert_eq!((&ended["succeeded"], &ended["failed"]), (&json!(2), &json!(2)));

    invalid(&root.post("/v1/admin/users/bulk", &json!({ "users": [] })).await, "users");
    let strange = json!({ "users": [{ "email": "x@example.org", "is_superuser": true }] });
    problem(&root.post("/v1/admin/users/bulk", &strange).await, 422, "Validation Error");
    let many: Vec<&str> = vec![NOBODY; 201];
    invalid(&root.post("/v1/admin/users/bulk-deactivate", &json!({ "user_ids": many })).await, "user_ids");
}

#[tokio::test]
async fn everybody_is_in_the_file_and_taking_it_is_recorded() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let formula = json!({ "email": "dan@example.org", "full_name": "=1+1, \"Dan\"", "team_id": core });
    let dan = root.post("/v1/admin/users", &formula).await.expect(201);
    let edge = team(&root, "edge").await;
    join(&root, &edge, &id(&dan), "viewer").await;
    let file = root.get("/v1/admin/users/export").await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"users.csv\"");
    let text = file.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "\u{feff}email,full_name,team_id,role,is_active,last_login_at");
    let name = "\"'=1+1, \"\"Dan\"\"\"";
    for (team, role) in [(&core, "developer"), (&edge, "viewer")] {
        let line = format!("dan@example.org,{name},{team},{role},true,");
        assert!(lines.contains(&line.as_str()), "{text}");
    }
    assert!(lines.iter().any(|line| line.starts_with("ana@example.org,Ana,,super_admin,true,")), "{text}");
    api.shown().await;
    let entries = root.get("/v1/admin/audit?action=access.granted&q=users").await.expect(200);
    assert_eq!(entries["items"][0]["diff"]["route"], "GET /v1/admin/users/export");
}
