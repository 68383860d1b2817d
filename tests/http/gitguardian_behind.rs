//! What GitGuardian's clients are answered about what they have just made, while reads do not show it yet.

use crate::gitguardian_honeytokens::{HONEYTOKENS, access_id, made};
use crate::harness::id;
use crate::operations::hold_views;
use crate::pepper_browser::server;
use scanledger_domain::log::{Position, Recorded};
use serde_json::{Value, json};

fn last<'a>(log: &'a [Recorded], kind: &str) -> &'a Recorded {
    log.iter().rfind(|event| *event.kind == *kind).unwrap()
}

fn at(event: &Recorded) -> Value {
    json!(event.recorded_at.to_rfc3339_micros())
}

#[tokio::test]
async fn what_reads_do_not_show_yet_is_answered_as_it_was_decided() {
    let api = server(|_| ()).await;
    let laptop = made(&api, "laptop").await;
    let key = json!(api.key_id().await);
    api.shown().await;
    let _held = hold_views(&api);
    let notes = format!("{HONEYTOKENS}/{}/notes", id(&laptop));
    let (bea, wiki) = (json!({ "email": "bea@x.org" }), json!({ "name": "wiki", "description": "page one" }));
    let planted = json!({ "comment": "planted" });
    let (invited, token, note) = tokio::join!(
        api.post("/v1/invitations", &bea),
        api.post(HONEYTOKENS, &wiki),
        api.post(&notes, &planted)
    );
    let (invited, token, note) = (invited.expect(201), token.expect(201), note.expect(201));
    let log = api.server.engine.event_log().read_all(Position::START, 1_000).await.unwrap();

    let sent = last(&log, "organization.invited");
    assert_eq!((&invited["id"], &invited["date"]), (&json!(sent.position.0), &at(sent)));
    assert_eq!((&invited["email"], &invited["role"]), (&json!("bea@x.org"), &json!("member")));
    assert!(
        invited["link"].as_str().is_some_and(|link| link.contains("token=")),
        "the only time it is shown"
    );

    assert_eq!((&token["name"], &token["description"]), (&json!("wiki"), &json!("page one")));
    assert_eq!((&token["status"], &token["open_events_count"]), (&json!("active"), &json!(0)));
    assert_eq!(
        (&token["created_at"], &token["creator_api_token_id"]),
        (&at(last(&log, "honeytoken.created")), &key)
    );
    assert_eq!(access_id(&token).len(), 20);

    let added = last(&log, "honeytoken.note_added");
    let said: Value = serde_json::from_slice(&added.data).unwrap();
    assert_eq!((&note["id"], &note["honeytoken_id"]), (&said["note"], &laptop["id"]));
    assert_eq!((&note["comment"], &note["created_at"]), (&json!("planted"), &at(added)));
    assert_eq!((&note["api_token_id"], &note["updated_at"]), (&key, &Value::Null));
}
