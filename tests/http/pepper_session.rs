//! Sessions of browsers, as Pepper's web client uses them.

use crate::harness::{Answer, Api, column};
use crate::pepper_browser::{Browser, PASSWORD, registered, server};
use reqwest::Method;
use reqwest::header::{ORIGIN, SET_COOKIE};
use scanledger_api::entrance::Registration;
use serde_json::json;

const BEA: &str = "bea@example.org";
const SESSION: &str = "next-auth.session-token";

/// The line that sets a cookie whose name ends like this.
fn set_cookie(answer: &Answer, name: &str) -> String {
    let lines = answer.headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    lines.into_iter().find(|line| line.split('=').next().unwrap().ends_with(name)).unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_is_signed_in_until_it_signs_out() {
    let api = server(|_| ()).await;
    let user = registered(&api, "Bea@Example.org").await;
    let mut browser = Browser::of(&api);
    assert_eq!(browser.get("/api/auth/session").await.expect(200), json!({}));

    let answer = browser.sign_in(BEA, PASSWORD).await;
    assert_eq!(answer.expect(200), json!({ "url": format!("{}/", api.server.url()) }));
    let cookie = set_cookie(&answer, SESSION);
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");

    let session = browser.get("/api/auth/session").await.expect(200);
    let membership = &session["user"]["memberships"][0];
    assert_eq!((&session["user"]["id"], &session["user"]["email"]), (&json!(user), &json!(BEA)));
    assert_eq!((&session["user"]["name"], &membership["role"]), (&json!("Bea"), &json!("ADMIN")));
    assert_eq!(
        (&membership["organizationName"], &membership["organizationSlug"]),
        (&json!("Personal"), &json!("personal"))
    );
    assert!(session["expires"].as_str().unwrap().ends_with('Z'));
    browser.get("/api/projects").await.expect(200);
    let made = browser.post("/api/projects", &json!({ "name": "shop" })).await;
    made.expect(201);

    let old = browser.clone();
    browser.sign_out().await.expect(200);
    assert!(!browser.cookies.contains_key(SESSION));
    assert_eq!(browser.get("/api/auth/session").await.expect(200), json!({}));
    let mut old = old;
    old.get("/api/projects").await.refused(401);
    assert_eq!(old.get("/api/auth/session").await.expect(200), json!({}));
    assert!(!old.cookies.contains_key(SESSION), "a cookie that is over is taken away");
}

#[tokio::test]
async fn a_session_changes_nothing_for_pages_of_somebody_else() {
    let api = server(|_| ()).await;
    registered(&api, BEA).await;
    let mut browser = Browser::signed_in(&api, BEA).await;
    let from = |browser: &Browser<'_>, path: &str, origin: &str| {
        browser.request(Method::POST, path).header(ORIGIN, origin).json(&json!({ "name": "shop" }))
    };
    let foreign = from(&browser, "/api/projects", "https://evil.example");
    browser.send(foreign).await.refused_as(403, "FOREIGN_ORIGIN");
    let own = from(&browser, "/api/projects", &api.server.url());
    browser.send(own).await.expect(201);
    for path in ["/api/auth/callback/credentials", "/api/auth/signout"] {
        let foreign = from(&browser, path, "https://evil.example");
        browser.send(foreign).await.refused_as(403, "FOREIGN_ORIGIN");
    }
    let register = browser.request(Method::POST, "/api/auth/register").header(ORIGIN, "https://evil.example");
    let register = register.json(&json!({ "email": "eve@example.org", "password": PASSWORD }));
    browser.send(register).await.refused_as(403, "FOREIGN_ORIGIN");
}

#[tokio::test]
async fn a_form_carries_the_token_of_its_browser() {
    let api = server(|_| ()).await;
    registered(&api, BEA).await;
    let (mut browser, mut other) = (Browser::of(&api), Browser::of(&api));
    let (own, foreign) = (browser.csrf().await, other.csrf().await);
    assert_ne!(own, foreign);
    assert_eq!(browser.csrf().await, own, "a browser keeps its token");
    let credentials = [("email", BEA), ("password", PASSWORD), ("json", "true")];
    for token in [None, Some(""), Some(foreign.as_str())] {
        let mut fields = credentials.to_vec();
        fields.extend(token.map(|token| ("csrfToken", token)));
        browser.form("/api/auth/callback/credentials", &fields).await.refused_as(403, "CSRF_TOKEN");
        browser.form("/api/auth/signout", &fields).await.refused_as(403, "CSRF_TOKEN");
    }
    let body = json!({ "csrfToken": own, "email": BEA, "password": PASSWORD });
    let mut without_cookie = Browser::of(&api);
    without_cookie.post("/api/auth/callback/credentials", &body).await.refused_as(403, "CSRF_TOKEN");
    browser.post("/api/auth/callback/credentials", &body).await.expect(200);
    browser.get("/api/projects").await.expect(200);
}

#[tokio::test]
async fn who_is_not_let_in_is_not_told_why() {
    let api = server(|_| ()).await;
    registered(&api, BEA).await;
    let mut browser = Browser::of(&api);
    let wrong = browser.sign_in(BEA, "wrong").await.expect(401);
    let unknown = browser.sign_in("nobody@example.org", PASSWORD).await.expect(401);
    assert_eq!(wrong, unknown);
    assert!(wrong["url"].as_str().unwrap().contains("error=CredentialsSignin"), "{wrong}");
    assert!(!browser.cookies.contains_key(SESSION));
    for bad in ["csrfToken=%FF", "email"] {
        let request = browser.request(Method::POST, "/api/auth/callback/credentials").body(bad);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        assert!([400, 403].contains(&browser.send(request).await.status), "{bad}");
    }
}

#[tokio::test]
async fn a_browser_is_sent_on_within_the_server() {
    let api = server(|_| ()).await;
    registered(&api, BEA).await;
    let home = api.server.url();
    for (callback, expected) in [
        ("/projects?x=1", format!("{home}/projects?x=1")),
        ("https://evil.example/", format!("{home}/")),
        ("//evil.example/", format!("{home}/")),
    ] {
        let mut browser = Browser::of(&api);
        let token = browser.csrf().await;
        let fields = [
            ("csrfToken", token.as_str()),
            ("email", BEA),
            ("password", PASSWORD),
            ("callbackUrl", callback),
        ];
        let answer = browser.form("/api/auth/callback/credentials", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (302, expected.as_str()));
        browser.get("/api/projects").await.expect(200);
        let token = browser.csrf().await;
        let answer =
            browser.form("/api/auth/signout", &[("csrfToken", &token), ("callbackUrl", callback)]).await;
        assert_eq!((answer.status, answer.header("location")), (302, expected.as_str()));
    }
    let mut browser = Browser::of(&api);
    let token = browser.csrf().await;
    let fields = [("csrfToken", token.as_str()), ("email", BEA), ("password", "wrong")];
    let answer = browser.form("/api/auth/callback/credentials", &fields).await;
    assert_eq!(answer.status, 302);
    assert!(answer.header("location").starts_with(&home), "{}", answer.header("location"));
    assert!(answer.header("location").contains("error=CredentialsSignin"));
}

#[tokio::test]
async fn over_https_cookies_stay_there() {
    let api = server(|options| options.entrance.public_url = "https://scan.example.org".parse().ok()).await;
    registered(&api, BEA).await;
    let mut browser = Browser::of(&api);
    let answer = browser.sign_in(BEA, PASSWORD).await;
    answer.expect(200);
    assert!(browser.cookies.contains_key("__Host-next-auth.csrf-token"), "{:?}", browser.cookies.keys());
    let cookie = set_cookie(&answer, SESSION);
    assert!(
        cookie.starts_with("__Secure-next-auth.session-token=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    browser.get("/api/projects").await.expect(200);
    let providers = browser.get("/api/auth/providers").await.expect(200);
    let callback = "https://scan.example.org/api/auth/callback/credentials";
    assert_eq!(providers["credentials"]["callbackUrl"], callback);
    // One that somebody else could have put there is no session, and does not become one.
    let token = browser.cookies.remove("__Secure-next-auth.session-token").unwrap();
    browser.cookies.insert("next-auth.session-token".to_owned(), token);
    browser.get("/api/projects").await.refused(401);
    assert_eq!(browser.get("/api/auth/session").await.expect(200), json!({}));
    assert!(!browser.cookies.contains_key("__Secure-next-auth.session-token"));
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let api = server(|_| ()).await;
    registered(&api, BEA).await;
    let mut browser = Browser::of(&api);
    for _ in 0..8 {
        let answer = browser.sign_in(BEA, "wrong").await;
        if answer.status == 429 {
            break;
        }
        answer.expect(401);
    }
    let answer = browser.sign_in(BEA, PASSWORD).await;
    answer.refused_as(429, "TOO_MANY_FAILURES");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
}

#[tokio::test]
async fn an_account_needs_an_address_of_its_own_and_a_password_that_will_do() {
    let api = server(|_| ()).await;
    registered(&api, BEA).await;
    let nobody = api.with_key(None);
    let taken = json!({ "email": "BEA@example.org", "password": PASSWORD });
    nobody.post("/api/auth/register", &taken).await.refused_as(409, "EMAIL_TAKEN");
    for (body, path) in [
        (json!({ "password": PASSWORD }), "email"),
        (json!({ "email": "bea", "password": PASSWORD }), "email"),
        (json!({ "email": "new@example.org" }), "password"),
        (json!({ "email": "new@example.org", "password": "short" }), "password"),
        (json!({ "email": "new@example.org", "password": PASSWORD, "name": "a\nb" }), "name"),
    ] {
        nobody.post("/api/auth/register", &body).await.refused_for(path);
    }
}

#[tokio::test]
async fn closed_registration_lets_nobody_in_who_was_not_invited() {
    let api = server(|options| options.entrance.registration = Registration::Closed).await;
    let nobody = api.with_key(None);
    let wanted = json!({ "email": BEA, "password": PASSWORD });
    nobody.post("/api/auth/register", &wanted).await.refused_as(403, "REGISTRATION_CLOSED");
    let invited = api.post("/api/users", &json!({ "email": BEA, "role": "VIEWER" })).await.expect(201);
    let (_, token) = invited["link"].as_str().unwrap().split_once("token=").unwrap();
    let wanted = json!({ "invitationToken": token, "password": PASSWORD });
    let made = nobody.post("/api/auth/register", &wanted).await.expect(201);
    assert_eq!((&made["user"]["email"], &made["user"]["name"]), (&json!(BEA), &json!(null)));
    Browser::signed_in(&api, BEA).await;
}

#[tokio::test]
async fn sessions_and_members_are_in_the_audit_log_in_peppers_words() {
    let api = server(|_| ()).await;
    let member = invite_bea(&api).await;
    let mut browser = Browser::signed_in(&api, BEA).await;
    browser.sign_out().await.expect(200);
    browser.sign_in(BEA, "wrong").await.expect(401);
    let path = format!("/api/users/{member}");
    api.patch(&path, &json!({ "role": "ADMIN" })).await.expect(200);
    api.delete(&path).await.expect(200);

    let entries = api.get("/api/audit-log?limit=200").await.expect(200);
    let actions = column(&entries["entries"], "action");
    for action in [
        "user.login",
        "user.logout",
        "user.login_failed",
        "user.invited",
        "user.role_changed",
        "user.removed",
    ] {
        assert!(actions.contains(&action), "{action} is not among {actions:?}");
        let found = api.get(&format!("/api/audit-log?action={action}")).await.expect(200);
        assert!(column(&found["entries"], "action").iter().all(|found| *found == action), "{found}");
    }
    let login = &api.get("/api/audit-log?action=user.login").await.expect(200)["entries"][0];
    assert_eq!((&login["resource"], &login["resourceId"]), (&json!("user"), &json!(member)));
    assert_eq!((&login["user"]["email"], &login["ipAddress"]), (&json!(BEA), &json!("127.0.0.1")));
    let text = entries.to_string();
    assert!(!text.contains("\"token\":") && !text.contains(PASSWORD), "{text}");
}

/// Lets Bea come into the organization, and answers her id.
async fn invite_bea(api: &Api) -> String {
    let invited = api.post("/api/users", &json!({ "email": BEA, "role": "DEVELOPER" })).await.expect(201);
    let (_, token) = invited["link"].as_str().unwrap().split_once("token=").unwrap();
    let wanted = json!({ "invitationToken": token, "password": PASSWORD, "name": "Bea" });
    let made = api.with_key(None).post("/api/auth/register", &wanted).await.expect(201);
    made["user"]["id"].as_str().unwrap().to_owned()
}
