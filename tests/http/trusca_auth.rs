//! TRUSCA's accounts and sessions (reference §3.1 and §3.22).

use crate::harness::{Api, NOBODY, column};
use crate::trusca_browser::{Browser, PASSWORD, invalid, problem, server, server_with};
use reqwest::Method;
use scanledger_api::entrance::Registration;
use scanledger_domain::id::{CommandId, UserId};
use scanledger_domain::log::Actor;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn who_registers_signs_in_and_is_somebody() {
    let api = server().await;
    let mut bea = Browser::of(&api);
    let made = bea.register(" Bea@Example.ORG ").await.expect(201);
    let created_at = made["created_at"].as_str().unwrap();
    assert_eq!((created_at.len(), &created_at[26..]), (27, "Z"), "microseconds: {created_at}");
    let expected = json!({
        "id": made["id"], "email": "bea@example.org", "full_name": "Bea Okoye", "is_active": true,
        "is_superuser": false, "created_at": created_at,
    });
    assert_eq!(made, expected);

    let signed_in = bea.login("BEA@example.org ", PASSWORD).await;
    let tokens = signed_in.expect(200);
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(1_800)));
    assert_eq!(signed_in.header("cache-control"), "no-store");
    let cookie = signed_in.header("set-cookie");
    let attributes = cookie.split_once("; ").unwrap().1;
    assert!(attributes.starts_with("Path=/auth; Max-Age=604"), "{cookie}");
    assert!(attributes.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");

    let me = bea.get("/auth/me").await.expect(200);
    assert_eq!(
        (&me["id"], &me["email"], &me["created_at"]),
        (&made["id"], &made["email"], &made["created_at"])
    );
    let memberships = me["memberships"].as_array().unwrap();
    assert_eq!(memberships.len(), 1);
    assert_eq!(memberships[0]["role"], "team_admin");
    assert!(memberships[0]["team_id"].is_string() && memberships[0]["team_name"].is_string());
}

#[tokio::test]
async fn an_account_needs_a_free_address_and_a_password_that_will_do() {
    let api = server().await;
    let mut bea = Browser::of(&api);
    bea.register("bea@example.org").await.expect(201);
    let taken = bea.register("BEA@example.org").await;
    problem(&taken, 409, "Email Already Registered");
    for (body, field) in [
        (json!({ "email": "cem", "password": PASSWORD }), "email"),
        (json!({ "password": PASSWORD }), "email"),
        (json!({ "email": "cem@example.org" }), "password"),
        (json!({ "email": "cem@example.org", "password": "short" }), "password"),
        (json!({ "email": "cem@example.org", "password": "Password123!" }), "password"),
        (json!({ "email": "cem@example.org", "password": "8675309867" }), "password"),
        (json!({ "email": "cem@example.org", "password": "x".repeat(257) }), "password"),
        (json!({ "email": "cem@example.org", "password": PASSWORD, "full_name": "a\u{0}b" }), "full_name"),
        (
            json!({ "email": "cem@example.org", "password": PASSWORD, "full_name": "x".repeat(256) }),
            "full_name",
        ),
    ] {
        let answer = bea.post("/auth/register", &body).await;
        invalid(&answer, field);
        assert!(!answer.text().contains(PASSWORD));
    }
    let nameless = json!({ "email": "cem@example.org", "password": PASSWORD, "full_name": "" });
    assert_eq!(bea.post("/auth/register", &nameless).await.expect(201)["full_name"], Value::Null);
}

#[tokio::test]
async fn nobody_registers_where_registration_is_closed() {
    let api = server_with(|options| options.entrance.registration = Registration::Closed).await;
    let refused = Browser::of(&api).register("bea@example.org").await;
    problem(&refused, 404, "Not Found");
    problem(&Browser::of(&api).login("bea@example.org", PASSWORD).await, 401, "Invalid Credentials");
}

#[tokio::test]
async fn whoever_may_not_sign_in_is_told_the_same() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    deactivate(&api, &mut bea).await;
    let mut answers = vec![];
    for (email, password) in [
        ("bea@example.org", PASSWORD),
        ("bea@example.org", "wrong harbour 7"),
        ("nobody@example.org", PASSWORD),
        ("ana@example.org", PASSWORD),
    ] {
        let answer = Browser::of(&api).login(email, password).await;
        assert_eq!(answer.header("set-cookie"), "");
        answers.push(problem(&answer, 401, "Invalid Credentials"));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    for (body, field) in [
        (json!({ "email": "bea@example.org", "password": "" }), "password"),
        (json!({ "email": "bea@example.org", "password": "x".repeat(257) }), "password"),
        (json!({ "email": "bea", "password": PASSWORD }), "email"),
    ] {
        invalid(&Browser::of(&api).post("/auth/login", &body).await, field);
    }
}

/// An administrator lets somebody sign in no more.
async fn deactivate(api: &Api, somebody: &mut Browser<'_>) {
    let me = somebody.get("/auth/me").await.expect(200);
    let user: UserId = me["id"].as_str().unwrap().parse().unwrap();
    let ana: UserId = api.user.parse().unwrap();
    let command = CommandId(Uuid::from_u128(0xdead));
    let context = scanledger_commands::Context::new(command, Actor::User(ana), None);
    api.server.engine.identities.set_active(&context, ana, user, false).await.unwrap();
    api.shown().await;
}

#[tokio::test]
async fn who_is_let_in_no_more_is_out_at_once() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    deactivate(&api, &mut bea).await;
    problem(&bea.get("/auth/me").await, 401, "Authentication required");
    problem(&bea.refresh().await, 401, "Invalid Refresh Token");
}

#[tokio::test]
async fn a_session_goes_on_with_another_token_each_time() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let (first, access) = (bea.cookie("refresh_token").to_owned(), bea.token.clone());
    let again = bea.refresh().await;
    assert_eq!(again.expect(200)["token_type"], "bearer");
    assert_ne!(bea.cookie("refresh_token"), first);
    assert_ne!(bea.token, access);
    bea.get("/auth/me").await.expect(200);
    bea.refresh().await.expect(200);
}

#[tokio::test]
async fn a_token_that_is_used_twice_ends_all_sessions_of_its_owner() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let mut cem = Browser::registered(&api, "cem@example.org").await;
    let mut thief = bea.clone();
    let mut elsewhere = Browser::of(&api);
    elsewhere.login("bea@example.org", PASSWORD).await.expect(200);
    bea.refresh().await.expect(200);

    let reused = thief.refresh().await;
    problem(&reused, 401, "Refresh Token Reuse Detected");
    assert_eq!(reused.header("set-cookie"), "");
    api.shown().await;
    for browser in [&mut bea, &mut elsewhere] {
        problem(&browser.get("/auth/me").await, 401, "Authentication required");
        problem(&browser.refresh().await, 401, "Invalid Refresh Token");
    }
    cem.get("/auth/me").await.expect(200);
    bea.login("bea@example.org", PASSWORD).await.expect(200);
    bea.get("/auth/me").await.expect(200);
}

#[tokio::test]
async fn a_cookie_that_is_not_good_goes_on_with_nothing() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let good = bea.cookie("refresh_token").to_owned();
    let (session, secret) = good.split_once('.').unwrap();
    let other_secret: String = secret.chars().rev().collect();
    let bad = [
        "x".to_owned(),
        format!("{session}."),
        format!("{session}.{other_secret}"),
        format!("{}.{secret}", NOBODY.replace('-', "")),
        bea.token.clone().unwrap(),
    ];
    problem(&Browser::of(&api).refresh().await, 401, "Invalid Refresh Token");
    for bad in bad {
        bea.set_cookie("refresh_token", &bad);
        problem(&bea.refresh().await, 401, "Invalid Refresh Token");
    }
    bea.set_cookie("refresh_token", &good);
    bea.refresh().await.expect(200);
}

#[tokio::test]
async fn who_signs_out_is_out_and_the_cookie_is_gone() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let before = bea.clone();
    let logout = bea.request(Method::POST, "/auth/logout");
    let out = bea.send(logout).await;
    out.expect(204);
    assert_eq!(out.header("set-cookie"), "refresh_token=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Lax");
    assert_eq!(bea.cookie("refresh_token"), "");
    for mut browser in [bea.clone(), before] {
        problem(&browser.get("/auth/me").await, 401, "Authentication required");
        problem(&browser.refresh().await, 401, "Invalid Refresh Token");
    }
    for mut nobody in [Browser::of(&api), bea] {
        let logout = nobody.request(Method::POST, "/auth/logout").header("cookie", "refresh_token=x");
        nobody.send(logout).await.expect(204);
    }
}

#[tokio::test]
async fn pages_of_others_do_nothing_with_the_cookie() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        for path in ["/auth/refresh", "/auth/logout"] {
            let foreign = bea.request(Method::POST, path).header(name, value);
            problem(&bea.send(foreign).await, 403, "Forbidden");
        }
    }
    let own = bea.request(Method::POST, "/auth/refresh").header("origin", api.server.url());
    bea.send(own).await.expect(200);
}

#[tokio::test]
async fn cookies_are_sent_over_https_only_where_that_is_the_address() {
    let api = server_with(|options| {
        options.entrance.public_url = Some("https://scan.example.org".parse().unwrap());
    })
    .await;
    let mut bea = Browser::of(&api);
    bea.register("bea@example.org").await.expect(201);
    let signed_in = bea.login("bea@example.org", PASSWORD).await;
    assert!(signed_in.header("set-cookie").ends_with("; Secure"), "{}", signed_in.header("set-cookie"));
}

#[tokio::test]
async fn whoever_guesses_waits_and_others_do_not() {
    let api = server().await;
    Browser::of(&api).register("bea@example.org").await.expect(201);
    for email in ["bea@example.org", "nobody@example.org"] {
        let mut tries = 0;
        let locked = loop {
            let answer = Browser::of(&api).login(email, "wrong harbour 7").await;
            if answer.status == 429 {
                break answer;
            }
            problem(&answer, 401, "Invalid Credentials");
            tries += 1;
            assert!(tries < 20, "each failure should make the next wait longer");
        };
        assert!(tries > 3, "people mistype");
        problem(&locked, 429, "Too Many Requests");
        let seconds: u32 = locked.header("retry-after").parse().unwrap();
        assert!((1..=900).contains(&seconds), "{seconds}");
    }
    Browser::registered(&api, "cem@example.org").await;
}

#[tokio::test]
async fn only_people_have_an_account_of_their_own() {
    let api = server().await;
    let no_identity = format!("/v1/users/me/oauth-identities/{NOBODY}");
    for (method, path) in [
        (Method::GET, "/auth/me"),
        (Method::GET, "/v1/users/me/notification-prefs"),
        (Method::PUT, "/v1/users/me/notification-prefs"),
        (Method::GET, "/v1/users/me/oauth-identities"),
        (Method::DELETE, no_identity.as_str()),
    ] {
        for client in
            [api.with_key(None), api.with_key(Some(api.key())), api.with_key(Some("eyJh.eyJz.c2ln"))]
        {
            let answer = client.send(client.request(method.clone(), path)).await;
            let body = problem(&answer, 401, "Authentication required");
            assert_eq!(body["detail"], "Authentication required");
        }
    }
}

#[tokio::test]
async fn the_audit_log_of_a_new_organization_begins_with_its_owner() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let user = bea.get("/auth/me").await.expect(200)["id"].clone();
    let entries = bea.get("/api/audit-log?limit=200").await.expect(200);
    let first = entries["entries"].as_array().unwrap();
    assert!(column(&entries["entries"], "action").contains(&"user.created"), "{entries}");
    assert!(first.iter().all(|entry| entry["user"]["id"] == user), "{entries}");
    let others = api.get("/api/audit-log?limit=200").await.expect(200);
    assert!(!others.to_string().contains(user.as_str().unwrap()), "{others}");
}

#[tokio::test]
async fn people_choose_where_they_are_told() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let path = "/v1/users/me/notification-prefs";
    let prefs = |email: bool, slack: bool, in_app: bool| {
        let teams = false;
        json!({
            "email_enabled": email, "slack_enabled": slack, "teams_enabled": teams, "in_app_enabled": in_app,
        })
    };
    assert_eq!(bea.get(path).await.expect(200), prefs(true, false, true));
    let mut wanted = prefs(false, true, true);
    wanted["digest"] = "daily".into();
    let put = bea.request(Method::PUT, path).json(&wanted);
    assert_eq!(bea.send(put).await.expect(200), prefs(false, true, true));
    assert_eq!(bea.get(path).await.expect(200), prefs(false, true, true));

    let silent = bea.request(Method::PUT, path).json(&prefs(true, true, false));
    let refused = problem(&bea.send(silent).await, 422, "In-app notifications are required");
    assert_eq!(refused["type"], "urn:trustedoss:problem:notification_in_app_required");
    let short = bea.request(Method::PUT, path).json(&json!({ "email_enabled": true }));
    problem(&bea.send(short).await, 422, "Validation Error");
    assert_eq!(bea.get(path).await.expect(200), prefs(false, true, true));
}

#[tokio::test]
async fn nobody_vouches_for_who_came_with_a_password() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let listed = bea.get("/v1/users/me/oauth-identities").await.expect(200);
    assert_eq!(listed, json!({ "items": [], "has_password": true }));
    let unlink = bea.request(Method::DELETE, &format!("/v1/users/me/oauth-identities/{NOBODY}"));
    let missing = bea.send(unlink).await.expect(404);
    assert_eq!(missing["type"], "urn:trustedoss:problem:oauth_identity_not_found");
}
