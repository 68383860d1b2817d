//! What is said about an address or option that cannot be used.

use domain::blob::BlobStore as _;
use scanledger_blobs::{AddressError, Blobs};
use scanledger_domain as domain;
use std::error::Error as _;

fn refused(url: &str, options: &[(&str, &str)]) -> AddressError {
    Blobs::from_url(url, options.iter().copied()).expect_err(url)
}

#[tokio::test]
async fn a_file_url_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let url = url::Url::from_directory_path(folder.path().join("with space")).unwrap();
    let hash = Blobs::from_url(url.as_str(), [("", ""); 0]).unwrap().put(b"x".to_vec()).await.unwrap();
    let same = Blobs::local(folder.path().join("with space")).unwrap();
    assert_eq!(same.load(hash).await.unwrap(), b"x");
}

#[test]
fn an_unusable_address_is_named_before_anything_is_sent() {
    let cases = [
        ("blobs", "the address of the blob store is not a URL"),
        (
            "gs://bucket",
            "the blob store cannot be reached by gs: expected file:///folder or s3://bucket/prefix",
        ),
        ("s3://", "the address of the blob store names no bucket"),
        ("s3:///prefix", "the address of the blob store names no bucket"),
        ("s3://key:secret@bucket", "the address of the blob store must not have a user or password"),
        ("s3://bucket?region=x", "the address of the blob store must not have a query or fragment"),
        ("s3://bucket/a//b", "the address of the blob store has an invalid prefix"),
        ("file://elsewhere/blobs", "the address of the blob store must not have a host"),
    ];
    for (url, message) in cases {
        assert_eq!(refused(url, &[]).to_string(), message, "{url}");
    }
    assert!(refused("s3://bucket:9000", &[]).to_string().ends_with("AWS_ENDPOINT_URL"));
}

#[test]
fn an_option_that_nothing_reads_is_an_error() {
    let error = refused("s3://bucket", &[("AWS_REGION", "eu-central-1"), ("regoin", "x")]);
    assert_eq!(error.to_string(), "the blob store has no option regoin");
    assert!(matches!(refused("s3://bucket", &[("AWS_BUCKET", "other")]), AddressError::Unexpected(_)));
}

#[test]
fn settings_of_other_programs_are_left_out() {
    let options = [("AWS_PAGER", "less"), ("AWS_ACCESS_KEY_ID", "a"), ("aws_secret_access_key", "b")];
    assert!(Blobs::from_url("s3://bucket/prefix", options).is_ok());
}

#[test]
fn an_unencrypted_endpoint_has_to_be_asked_for() {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "endpoint"] {
        let endpoint = (name, "HTTP://127.0.0.1:9000");
        assert!(matches!(refused("s3://bucket", &[endpoint]), AddressError::Unencrypted), "{name}");
        assert!(Blobs::from_url("s3://bucket", [endpoint, ("AWS_ALLOW_HTTP", "true")]).is_ok(), "{name}");
        assert!(Blobs::from_url("s3://bucket", [(name, "https://127.0.0.1:9000")]).is_ok(), "{name}");
    }
}

#[test]
fn a_value_that_an_option_cannot_have_is_an_error_with_its_cause() {
    let error = refused("s3://bucket", &[("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "perhaps")]);
    assert_eq!(error.to_string(), "the options of the blob store are not valid");
    assert!(error.source().unwrap().to_string().contains("perhaps"));
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "").unwrap();
    let error = Blobs::local(&path).unwrap_err();
    assert!(error.to_string().contains("cannot be used"));
    assert!(error.source().is_some());
}

#[test]
fn what_is_logged_of_a_store_holds_no_secret() {
    let options = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hidden-value")];
    let shown = format!("{:?}", Blobs::from_url("s3://bucket/prefix", options).unwrap());
    assert!(shown.contains("bucket") && !shown.contains("hidden-value") && !shown.contains("AKIAEXAMPLE"));
}
