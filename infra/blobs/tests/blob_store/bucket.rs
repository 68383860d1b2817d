//! The rules of the port against an S3 server: `with-moto.sh` starts one and names it in `SCANLEDGER_TEST_S3`.

use crate::conformance;
use domain::blob::{BlobError, BlobHash, BlobStore as _};
use object_store::ObjectStoreExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use scanledger_blobs::Blobs;
use scanledger_domain as domain;
use std::sync::Arc;
use uuid::Uuid;

/// The bucket that `with-moto.sh` makes.
const BUCKET: &str = "scanledger-test";

fn endpoint() -> Option<String> {
    let endpoint = std::env::var("SCANLEDGER_TEST_S3").ok();
    if endpoint.is_none() {
        eprintln!("skipped: SCANLEDGER_TEST_S3 names no endpoint; run it under tests/with-moto.sh");
    }
    endpoint
}

pub fn open(endpoint: &str, address: &str) -> Blobs {
    let options = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    Blobs::from_url(address, options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_keeps_the_rules() {
    let Some(endpoint) = endpoint() else { return };
    for prefix in ["", "/rules", "/a prefix/with%20space"] {
        let store = open(&endpoint, &format!("s3://{BUCKET}{prefix}"));
        conformance::keeps_the_rules(Arc::new(store)).await;
    }
}

#[tokio::test]
async fn a_blob_lies_below_the_prefix_and_a_corrupt_one_is_never_handed_out() {
    let Some(endpoint) = endpoint() else { return };
    let store = open(&endpoint, &format!("s3://{BUCKET}/corrupt"));
    let hash = store.put(b"true".to_vec()).await.unwrap();
    let name = hash.to_string();
    let key = Key::from(format!("corrupt/{}/{name}", &name[..2]));
    let behind = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build()
        .unwrap();
    assert_eq!(behind.get(&key).await.unwrap().bytes().await.unwrap(), b"true".as_slice());

    behind.put(&key, b"fake".as_slice().into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let answers = [store.load(hash).await.map(drop), store.load_to_file(hash, &copy).await];

    for answer in answers {
        assert!(matches!(answer, Err(BlobError::Failed { doing: "verify a blob", .. })), "{answer:?}");
    }
    assert!(!copy.exists());
}

#[tokio::test]
async fn only_blobs_are_listed_and_only_those_of_the_prefix() {
    let Some(endpoint) = endpoint() else { return };
    let behind = AmazonS3Builder::new()
        .with_endpoint(endpoint.clone())
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build()
        .unwrap();
    for (name, prefix) in [("list", "list"), ("a list%20here", "a list here")] {
        let store = open(&endpoint, &format!("s3://{BUCKET}/{name}"));
        let others = conformance::not_blobs(BlobHash::of(b"listed"));
        for other in others {
            let key = Key::from_iter(prefix.split('/').chain(other.split('/')));
            behind.put(&key, b"".as_slice().into()).await.unwrap();
        }
        store.owner(Uuid::from_u128(1)).await.unwrap();
        conformance::blobs_are_listed_and_nothing_else(&store).await;
    }
}

#[tokio::test]
async fn nothing_is_stored_in_a_bucket_that_does_not_exist() {
    let Some(endpoint) = endpoint() else { return };
    let answer = open(&endpoint, "s3://no-such-bucket").put(b"lost".to_vec()).await;
    assert!(matches!(answer, Err(BlobError::Failed { doing: "write a blob", .. })), "{answer:?}");
}
