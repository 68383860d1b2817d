//! One's own sessions: which there are, and ending one.

use crate::harness::{NOBODY, column};
use crate::pepper_browser;
use crate::trusca_browser::{Browser, PASSWORD, problem, server};
use reqwest::Method;

const PATH: &str = "/v1/users/me/sessions";

#[tokio::test]
async fn somebody_sees_their_sessions_and_ends_one() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let mut cem = Browser::registered(&api, "cem@example.org").await;
    let mut elsewhere = pepper_browser::Browser::signed_in(&api, "bea@example.org").await;

    let listed = bea.get(PATH).await.expect(200);
    assert_eq!(column(&listed["items"], "kind"), ["cookie", "tokens"], "newest first: {listed}");
    let (other, own) = (&listed["items"][0], &listed["items"][1]);
    assert_eq!((other["is_current"].as_bool(), own["is_current"].as_bool()), (Some(false), Some(true)));
    assert!(own["created_at"].as_str() < own["expires_at"].as_str(), "{own}");

    // Of others there are none.
    let path = format!("{PATH}/{}", other["id"].as_str().unwrap());
    for (browser, path) in [(&mut cem, path.clone()), (&mut bea, format!("{PATH}/{NOBODY}"))] {
        let end = browser.request(Method::DELETE, &path);
        problem(&browser.send(end).await, 404, "Session Not Found");
    }
    elsewhere.get("/auth/me").await.expect(200);
    let end = bea.request(Method::DELETE, &path);
    bea.send(end).await.expect(204);
    elsewhere.get("/auth/me").await.expect(401);
    assert_eq!(column(&bea.get(PATH).await.expect(200)["items"], "kind"), ["tokens"]);
    let again = bea.request(Method::DELETE, &path);
    problem(&bea.send(again).await, 404, "Session Not Found");

    // One's own may be ended too.
    let path = format!("{PATH}/{}", own["id"].as_str().unwrap());
    let end = bea.request(Method::DELETE, &path);
    bea.send(end).await.expect(204);
    problem(&bea.get(PATH).await, 401, "Authentication required");
    problem(&bea.refresh().await, 401, "Invalid Refresh Token");
    assert_eq!(column(&cem.get(PATH).await.expect(200)["items"], "kind"), ["tokens"]);

    // What was ended at once by another password is not listed.
    bea.login("bea@example.org", PASSWORD).await.expect(200);
    let over = bea.get(PATH).await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    let body = serde_json::json!({ "current_password": PASSWORD, "new_password": "amber meadow 12" });
    let changed = bea.post("/v1/users/me/password", &body).await.expect(200);
    bea.token = changed["token"]["access_token"].as_str().map(str::to_owned);
    assert_eq!(column(&bea.get(PATH).await.expect(200)["items"], "kind"), ["tokens"]);
    let end = bea.request(Method::DELETE, &format!("{PATH}/{over}"));
    problem(&bea.send(end).await, 404, "Session Not Found");
}
