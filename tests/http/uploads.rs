//! Queueing scans.

use crate::archive::{Files, leaky};
use crate::harness::{Api, NOBODY, form};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use scanledger_domain::limits::{JSON_BODY_BYTES, NAME_CHARS, UPLOAD_BYTES};
use serde_json::{Value, json};

fn archive() -> Part {
    Part::bytes(leaky(1).tar_gz()).file_name("shop.tar.gz")
}

#[tokio::test]
async fn both_forms_of_an_upload_queue_the_same_scan() {
    let api = Api::without_workers().await;
    let fields =
        [("scanType", "SECRETS_ONLY"), ("branch", "dev"), ("commitSha", "abc123"), ("baseSha", "abc122")];
    let documented = api.upload(&leaky(1), &fields).await.expect(201);
    let data = json!({
        "scanType": "SECRETS_ONLY", "branch": "dev", "commitSha": "abc123", "baseSha": "abc122",
        "projectId": documented["projectId"],
    });
    let form = Form::new().text("data", data.to_string()).part("file", archive());
    let observed = api.upload_form(form).await;
    let position = observed.header("scanledger-position").to_owned();
    let observed = observed.expect(201);
    assert!(position.parse::<u64>().unwrap() > 0);
    assert_eq!(observed["status"], "QUEUED");
    for queued in [&documented, &observed] {
        let scan = api.get(&format!("/api/scans/{}", queued["scanId"].as_str().unwrap())).await.expect(200);
        assert_eq!((&scan["status"], &scan["scanType"]), (&json!("QUEUED"), &json!("SECRETS_ONLY")));
        assert_eq!((&scan["branch"], &scan["commitSha"]), (&json!("dev"), &json!("abc123")));
        assert_eq!((&scan["baseSha"], &scan["sourceType"]), (&json!("abc122"), &json!("UPLOAD")));
        assert_eq!((&scan["sourceRef"], &scan["gateResult"]), (&json!("shop.tar.gz"), &json!("PENDING")));
        assert_eq!((&scan["scannerProgress"], &scan["startedAt"]), (&json!({}), &Value::Null));
        assert_eq!(scan["triggeredBy"], api.key_id().await);
    }
}

#[tokio::test]
async fn an_upload_finds_its_project() {
    let api = Api::without_workers().await;
    let project = async |fields: &[(&str, &str)]| {
        let queued = api.upload(&leaky(1), fields).await.expect(201);
        let project = queued["projectId"].as_str().unwrap().to_owned();
        let named = api.get(&format!("/api/projects/{project}")).await.expect(200);
        (project, named["name"].as_str().unwrap().to_owned())
    };
    let (first, name) = project(&[]).await;
    assert_eq!(name, "shop");
    let (second, name) = project(&[]).await;
    assert_eq!(name, "shop 2");
    assert_ne!(first, second);
    let (named, name) = project(&[("newProjectName", "<b>bank</b>")]).await;
    assert_eq!(name, "bank");
    assert_eq!(project(&[("newProjectName", "BANK")]).await.0, named);
    assert_eq!(project(&[("projectId", &first)]).await.0, first);
    for address in ["svn://example.org/x/trunk", "https://example.org/svn/x"] {
        let (of_svn, _) = project(&[("svnUrl", address)]).await;
        assert_eq!(project(&[("svnUrl", address), ("newProjectName", "z")]).await.0, of_svn, "{address}");
        let shown = api.get(&format!("/api/projects/{of_svn}")).await.expect(200);
        assert_eq!(shown["repoUrl"], address);
    }
    let (of_repository, _) = project(&[("repoUrl", "https://example.org/x.git")]).await;
    assert_eq!(
        project(&[("repoUrl", "https://example.org/x.git"), ("newProjectName", "y")]).await.0,
        of_repository
    );
}

#[tokio::test]
async fn sources_that_cannot_be_fetched_yet_say_so_when_they_are_valid() {
    let api = Api::without_workers().await;
    for body in [
        json!({ "repoUrl": "https://example.org/a.git", "repoToken": "t", "branch": "main" }),
        json!({ "svnUrl": "svn://example.org/a", "svnRevision": 7 }),
        json!({ "svnUrl": "https://example.org/a", "svnRevision": "{2026-11-21}", "svnUsername": "u" }),
    ] {
        api.post("/api/scans", &body).await.refused_as(503, "SOURCE_UNAVAILABLE");
        let parts = body.as_object().unwrap().iter().fold(Form::new(), |form, (name, value)| {
            form.text(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        api.upload_form(parts).await.refused_as(503, "SOURCE_UNAVAILABLE");
        let data = Form::new().text("data", body.to_string());
        api.upload_form(data).await.refused_as(503, "SOURCE_UNAVAILABLE");
    }
    api.upload_form(Form::new().text("svnUrl", "file:///etc")).await.refused_for("svnUrl");
    let incremental = [("scanType", "INCREMENTAL")];
    api.upload(&leaky(1), &incremental).await.refused_as(503, "SOURCE_UNAVAILABLE");
    let both = json!({ "repoUrl": "https://example.org/a.git", "svnUrl": "svn://example.org/a" });
    api.post("/api/scans", &both).await.refused_for("svnUrl");
    api.post("/api/scans", &json!({})).await.refused_for("source");
    api.post("/api/scans", &json!({ "repoUrl": "http://example.org/a" })).await.refused_for("repoUrl");
    api.post("/api/scans", &json!({ "svnUrl": "file:///etc" })).await.refused_for("svnUrl");
    let revision = json!({ "svnUrl": "svn://example.org/a", "svnRevision": "newest" });
    api.post("/api/scans", &revision).await.refused_for("svnRevision");
    let missing = json!({ "repoUrl": "https://example.org/a.git", "projectId": NOBODY });
    api.post("/api/scans", &missing).await.refused(404);
    assert_eq!(api.get("/api/scans").await.expect(200)["scans"], json!([]));
}

#[tokio::test]
async fn a_scan_type_without_scanners_says_so_and_makes_nothing() {
    let api = Api::without_workers().await;
    for scan_type in ["DAST_ONLY", "CONTAINER_ONLY", "IAC_ONLY", "ZERO_DAY_ONLY", "SAST_ONLY"] {
        api.upload(&leaky(1), &[("scanType", scan_type)]).await.refused_as(503, "SCANNER_UNAVAILABLE");
    }
    api.upload(&leaky(1), &[("scanType", "EVERYTHING")]).await.refused_for("scanType");
    assert_eq!(api.get("/api/projects").await.expect(200)["projects"], json!([]));
}

#[tokio::test]
async fn only_archives_are_taken() {
    let api = Api::without_workers().await;
    let part = |name: &'static str, mime: &'static str| {
        Form::new().part("source", Part::bytes(vec![1]).file_name(name).mime_str(mime).unwrap())
    };
    for (name, mime) in
        [("shop.rar", "application/zip"), ("shop", "application/zip"), ("shop.zip", "image/png")]
    {
        api.upload_form(part(name, mime)).await.refused_for("source");
    }
    api.upload_form(Form::new().part("source", Part::bytes(vec![]).file_name("a.zip")))
        .await
        .refused_for("source");
    api.upload_form(Form::new().text("source", "a.zip")).await.refused_for("source");
    api.upload_form(Form::new().text("scanType", "FULL")).await.refused_for("source");
    let twice = Form::new().part("source", archive()).part("file", archive());
    api.upload_form(twice).await.refused_for("file");
    api.upload(&leaky(1), &[("projectId", NOBODY)]).await.refused(404);
    api.upload(&leaky(1), &[("projectId", "clx123")]).await.refused(404);
    for (bytes, name) in [
        (b"no archive".to_vec(), "shop.zip"),
        (b"<html>".repeat(200), "shop.tar"),
        (b"BZh91AY&SY".to_vec(), "shop.tar.gz"),
    ] {
        let form = Form::new().part("source", Part::bytes(bytes).file_name(name));
        api.upload_form(form).await.refused_for("source");
    }
    assert_eq!(
        api.get("/api/projects").await.expect(200)["projects"],
        json!([]),
        "nothing was made for them"
    );
    for name in ["SHOP.TGZ", "shop.tar", "shop.zip"] {
        let part = Part::bytes(leaky(1).tar_gz()).file_name(name);
        api.upload_form(Form::new().part("source", part)).await.expect(201);
    }
}

#[tokio::test]
async fn an_upload_has_limits_and_passing_them_leaves_nothing_behind() {
    let api = Api::without_workers().await;
    let zeros = |bytes: u64| {
        let zeros = vec![0_u8; usize::try_from(bytes).unwrap()];
        Form::new().part("source", Part::bytes(zeros).file_name("big.tar"))
    };
    api.upload_form(zeros(UPLOAD_BYTES + 1)).await.refused_for("source");
    api.upload_form(zeros(UPLOAD_BYTES)).await.expect(201);
    let long = "x".repeat(JSON_BODY_BYTES + 1);
    api.upload(&leaky(1), &[("branch", &long)]).await.refused_for("branch");
    api.upload(&leaky(1), &[("commitSha", &"x".repeat(256))]).await.refused_for("commitSha");
    let longer = "é".repeat(NAME_CHARS + 1);
    api.upload(&leaky(1), &[("newProjectName", &longer)]).await.refused_for("newProjectName");
    api.upload(&leaky(1), &[("newProjectName", "two\nlines")]).await.refused_for("newProjectName");
    let told = [("svnUrl", "https://ana:secret@example.org/svn/x")];
    api.upload(&leaky(1), &told).await.refused_for("svnUrl");
    let projects = api.get("/api/projects").await.expect(200)["projects"].as_array().unwrap().len();
    assert_eq!(projects, 1, "only the upload that was taken has made one");
    let longest = "é".repeat(NAME_CHARS);
    api.upload(&leaky(1), &[("newProjectName", &longest)]).await.expect(201);
    let many = (0..40).fold(form(&leaky(1), &[]), |form, n| form.text(format!("field{n}"), "x"));
    api.upload_form(many).await.refused(400);
    let left = std::fs::read_dir(&api.server.app.upload_folder).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let api = Api::without_workers().await;
    let send = async |content_type: &str, body: Vec<u8>| {
        let request = api.request(Method::POST, "/api/scans").header("content-type", content_type.to_owned());
        api.send(request.body(body)).await
    };
    send("multipart/form-data", b"x".to_vec()).await.refused(400);
    send("multipart/form-data; boundary=b", b"--b\r\nnonsense".to_vec()).await.refused(400);
    let cut =
        b"--b\r\nContent-Disposition: form-data; name=\"source\"; filename=\"a.zip\"\r\n\r\nPK".to_vec();
    send("multipart/form-data; boundary=b", cut).await.refused(400);
    let bytes = b"--b\r\nContent-Disposition: form-data; name=\"branch\"\r\n\r\n\xff\r\n--b--\r\n".to_vec();
    send("multipart/form-data; boundary=b", bytes).await.refused_for("branch");
    send("text/plain", b"x".to_vec()).await.refused(415);
    let data = Form::new().text("data", "{").part("file", archive());
    api.upload_form(data).await.refused_as(400, "MALFORMED_JSON");
    let data = Form::new().text("data", r#"{"scanType":"NONE"}"#).part("file", archive());
    api.upload_form(data).await.refused_for("scanType");
}

#[tokio::test]
async fn a_repeated_upload_is_one_scan_whatever_its_boundary() {
    let api = Api::without_workers().await;
    let send = async |files: &Files, key: &str| {
        let request = api.request(Method::POST, "/api/scans").header("idempotency-key", key);
        api.send(request.multipart(form(files, &[]))).await
    };
    let first = send(&leaky(1), "build-7").await.expect(201);
    let again = send(&leaky(1), "build-7").await.expect(201);
    assert_eq!(first, again);
    send(&leaky(2), "build-7").await.refused_as(422, "IDEMPOTENCY_KEY_REUSED");
    assert_ne!(send(&leaky(1), "build-8").await.expect(201)["scanId"], first["scanId"]);
    assert_eq!(api.get("/api/scans").await.expect(200)["pagination"]["total"], 2);
}
