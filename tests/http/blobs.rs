//! What deleted scans and projects leave in the blob store, and requests that were cut off: nothing that nobody else
//! needs. And what clients are told while it is away.

use crate::archive::leaky;
use crate::harness::{Api, column, id};
use scanledger::operations::{Operation, Outcome, perform};
use scanledger::server::{BlobPlace, Duty};
use scanledger_domain::blob::{BlobHash, OWNER};
use serde_json::Value;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// A server on which what was deleted is removed after two seconds.
async fn start() -> Api {
    Api::with(|options| {
        options.duty = Duty::Everything { workers: 1 };
        options.blob_grace = Duration::from_secs(2);
    })
    .await
}

fn source() -> BlobHash {
    BlobHash::of(&leaky(2).tar_gz())
}

fn artifacts(scan: &Value) -> Vec<BlobHash> {
    column(&scan["artifacts"], "objectKey").into_iter().map(|hash| hash.parse().unwrap()).collect()
}

async fn contains(api: &Api, blob: BlobHash) -> bool {
    api.server.app.blobs.contains(blob).await.unwrap()
}

/// Waits until a blob can no longer be had.
async fn gone(api: &Api, blob: BlobHash) {
    let waiting = async {
        while contains(api, blob).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("the blob should have been removed");
}

/// The blob that holds the excerpts of what was found.
async fn excerpts(api: &Api) -> BlobHash {
    let detected = api.get("/api/events?types=finding.detected&limit=1").await.expect(200);
    detected[0]["data"]["occurrence"]["excerpt"]["blob"].as_str().unwrap().parse().unwrap()
}

async fn delete_scan(api: &Api, scan: &Value) {
    api.delete(&format!("/api/scans/{}", id(scan))).await.expect(200);
}

async fn delete_project(api: &Api, scan: &Value) {
    api.delete(&format!("/api/projects/{}", scan["projectId"].as_str().unwrap())).await.expect(200);
}

#[tokio::test]
async fn a_blob_is_removed_with_the_last_that_needs_it() {
    let api = start().await;
    let shop = api.scanned(&leaky(2), &[("newProjectName", "shop")]).await;
    let bank = api.scanned(&leaky(2), &[("newProjectName", "bank")]).await;
    let excerpts = excerpts(&api).await;
    assert!(contains(&api, source()).await && contains(&api, excerpts).await);

    delete_scan(&api, &shop).await;
    for blob in artifacts(&shop) {
        gone(&api, blob).await;
    }
    assert!(contains(&api, source()).await, "the other scan needs it");
    assert!(contains(&api, excerpts).await, "the findings are still on both branches");
    for path in ["sarif", "log"] {
        api.get(&format!("/api/scans/{}/artifacts/{path}", id(&bank))).await.expect(200);
    }
    let again = api.post(&format!("/api/scans/{}/rescan", id(&bank)), &Value::Null).await.expect(201);
    let again = api.ended(again["scanId"].as_str().unwrap()).await;
    assert_eq!(again["status"], "COMPLETED");

    delete_scan(&api, &bank).await;
    delete_scan(&api, &again).await;
    gone(&api, source()).await;
    assert!(contains(&api, excerpts).await);

    delete_project(&api, &bank).await;
    let third = api.scanned(&leaky(3), &[("newProjectName", "third")]).await;
    delete_project(&api, &third).await;
    for blob in artifacts(&third) {
        gone(&api, blob).await;
    }
    assert!(contains(&api, excerpts).await, "the other project has the same findings");
    delete_project(&api, &shop).await;
    gone(&api, excerpts).await;
}

#[tokio::test]
async fn what_is_uploaded_again_after_it_was_deleted_stays() {
    let api = start().await;
    let first = api.scanned(&leaky(2), &[("newProjectName", "shop")]).await;
    delete_scan(&api, &first).await;
    let second = api.scanned(&leaky(2), &[("newProjectName", "shop")]).await;
    // SPDX names no scan, so within a second it is the same for the same source.
    let needed = artifacts(&second);
    let unneeded: Vec<_> = artifacts(&first).into_iter().filter(|blob| !needed.contains(blob)).collect();
    assert!(!unneeded.is_empty(), "each scan has a log of its own");
    for blob in unneeded {
        gone(&api, blob).await;
    }
    for blob in needed.into_iter().chain([source()]) {
        assert!(contains(&api, blob).await);
    }
    let again = api.post(&format!("/api/scans/{}/rescan", id(&second)), &Value::Null).await.expect(201);
    assert_eq!(api.ended(again["scanId"].as_str().unwrap()).await["status"], "COMPLETED");
}

#[tokio::test]
async fn a_scan_whose_source_is_gone_cannot_be_scanned_again() {
    let api = start().await;
    let scan = api.scanned(&leaky(2), &[]).await;
    api.server.app.blobs.remove(source()).await.unwrap();
    api.post(&format!("/api/scans/{}/rescan", id(&scan)), &Value::Null).await.refused_as(409, "SOURCE_GONE");
}

#[tokio::test]
async fn the_log_of_a_failed_scan_goes_with_it() {
    let api = start().await;
    let files = crate::archive::Files::default().with("../evil.txt", "x");
    let queued = api.upload(&files, &[]).await.expect(201);
    let failed = api.ended(queued["scanId"].as_str().unwrap()).await;
    let [log] = artifacts(&failed)[..] else { panic!("{failed}") };
    assert!(contains(&api, log).await);
    delete_scan(&api, &failed).await;
    gone(&api, log).await;
    gone(&api, BlobHash::of(&files.tar_gz())).await;
}

#[tokio::test]
async fn what_was_set_aside_before_a_restart_is_removed_after_it() {
    let api = Api::with(|options| options.duty = Duty::Everything { workers: 1 }).await;
    let scan = api.scanned(&leaky(2), &[]).await;
    delete_scan(&api, &scan).await;
    let (folder, name) = (api.server.engine.folder.blobs(), source().to_string());
    let [place, aside] =
        [folder.clone(), folder.join("aside")].map(|folder| folder.join(&name[..2]).join(&name));
    let moved = async {
        while place.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), moved).await.expect("the blob should have been set aside");
    assert!(aside.exists() && contains(&api, source()).await, "it may be wanted for a day");
    let owner = std::fs::read_to_string(folder.join(OWNER)).unwrap();
    assert_eq!(owner, api.server.engine.event_log().identity().to_string());

    let api = api.again(|options, _| options.blob_grace = Duration::from_secs(1)).await;
    gone(&api, source()).await;
    assert!(!aside.exists());
}

#[tokio::test]
async fn what_was_stored_and_never_named_is_removed_and_nothing_else_is() {
    let api = start().await;
    let cut_off = api.server.app.blobs.put(b"half of an upload".to_vec()).await.unwrap();
    let notes = api.server.engine.folder.blobs().join("notes");
    std::fs::write(&notes, b"an operator's").unwrap();
    let shop = api.scanned(&leaky(2), &[("newProjectName", "shop")]).await;
    let signed = perform(&api.server.engine, Operation::SignCheckpoint, Arc::new(|_| ())).await.unwrap();
    let Outcome::Checkpoint { note } = signed else { panic!("a checkpoint was signed") };
    let mut kept = artifacts(&shop);
    kept.extend([source(), excerpts(&api).await, BlobHash::of(note.as_bytes())]);
    gone(&api, cut_off).await;
    // Once more, since these were not old enough for the look that found it.
    let later = api.server.app.blobs.put(b"half of another".to_vec()).await.unwrap();
    gone(&api, later).await;
    for blob in kept {
        assert!(contains(&api, blob).await, "{blob}");
    }
    assert!(notes.exists() && notes.with_file_name(OWNER).exists());
}

#[tokio::test]
async fn while_the_store_is_away_an_upload_may_be_sent_again_later() {
    // The port is given back, and nobody listens there.
    let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let settings = [
        ("AWS_ENDPOINT_URL", format!("http://{nobody}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let blobs = BlobPlace::Url { url: "s3://bucket".to_owned(), settings };
    let api = Api::with(|options| options.blobs = blobs).await;
    let answer = api.upload(&leaky(2), &[]).await;
    answer.refused(503);
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(api.get("/api/scans").await.expect(200)["pagination"]["total"], 0);
}
