//! Scans of repositories, and what they are made of (dpendx reference §2, §12).

use crate::dpendx_world::{
    INSTALLATION, WIDGETS, World, imported, mended, options_of, refused, vulnerable, wanted,
};
use crate::harness::{Api, NOBODY};
use scanledger::server::Duty;
use scanledger_api::limit::{QuotaChange, Settings};
use scanledger_domain::limits::{CONFIG_BYTES, INSTALLATION_SCANS};
use serde_json::{Value, json};
use std::time::Duration;

fn finding<'a>(body: &'a Value, package: &str) -> &'a Value {
    let findings = body["result"]["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["package"] == package).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_is_scanned_and_what_it_imports_counts() {
    let (world, _) = World::new(&imported()).await;
    let body = world.scan().await.expect(200);
    assert_eq!(body["status"], "success");
    let result = &body["result"];
    assert_eq!((&result["conclusion"], &result["imported_count"]), (&json!("failure"), &json!(1)));
    assert_eq!((&result["vulnerability_count"], &result["total_deps"]), (&json!(2), &json!(2)));
    assert_eq!(result["ecosystems"], json!(["npm"]));
    assert!(result["duration_ms"].is_u64(), "{result}");
    let lodash = json!({
        "package": "lodash", "version": "4.17.20", "ecosystem": "npm", "vulnerability_id": "GHSA-35jh-r3h4-6jhm",
        "severity": "HIGH", "is_imported": true, "fixed_version": "4.17.21",
    });
    assert_eq!(finding(&body, "lodash"), &lodash);
    assert_eq!(finding(&body, "minimatch")["is_imported"], false);
    world.assert_polite();

    // The scan is one like any other: its paths are those of the repository, without the folder of the archive.
    let scan = world.api.get(&format!("/api/scans/{}", body["scan_id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&scan["status"], &scan["branch"]), (&json!("COMPLETED"), &json!("main")));
    assert_eq!(scan["sourceType"], "GIT_CLONE");
    let queued = world.api.get("/api/audit-log?action=scan.queued").await.expect(200);
    assert_eq!(queued["entries"][0]["details"]["sourceType"], "GIT_CLONE");
    let found =
        world.api.get(&format!("/api/scans/{}/findings", scan["id"].as_str().unwrap())).await.expect(200);
    let paths: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|finding| &finding["filePath"]).collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| **path == "package-lock.json"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_imported_is_neutral_and_nothing_is_success() {
    let (world, _) = World::new(&vulnerable()).await;
    let first = world.scan().await.expect(200);
    assert_eq!(first["result"]["conclusion"], "neutral");
    world.github.world(|github| github.repository(WIDGETS).commit("heads/main", &mended()));
    let second = world.scan().await.expect(200);
    assert_eq!(
        second["result"],
        json!({
            "conclusion": "success", "vulnerability_count": 0, "imported_count": 0, "total_deps": 1,
            "ecosystems": ["npm"], "duration_ms": second["result"]["duration_ms"], "findings": [],
        })
    );
    world
        .github
        .world(|github| github.repository(WIDGETS).commit("heads/main", &[("README.md", "# widgets\n")]));
    let third = world.scan().await.expect(200);
    assert_eq!(
        (&third["result"]["conclusion"], &third["result"]["total_deps"]),
        (&json!("neutral"), &json!(0))
    );
    // All of it is one project, however the repository is written.
    let mut other = wanted();
    other["owner"] = json!("Octo-Org");
    world.api.with_key(None).post("/api/scan", &other).await.expect(200);
    let projects = world.api.get("/api/projects").await.expect(200);
    assert_eq!(projects["projects"].as_array().unwrap().len(), 1, "{projects}");
    assert_eq!(projects["projects"][0]["name"], WIDGETS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_can_be_named() {
    let (world, commit) = World::new(&imported()).await;
    world.github.world(|github| github.repository(WIDGETS).commit("heads/main", &mended()));
    let mut of_commit = wanted();
    of_commit["sha"] = json!(commit);
    let body = world.api.with_key(None).post("/api/scan", &of_commit).await.expect(200);
    assert_eq!(body["result"]["conclusion"], "failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_last_commit_of_a_branch_is_recorded_as_it() {
    let (world, old) = World::new(&imported()).await;
    let head = world.github.world(|github| {
        let repository = github.repository(WIDGETS);
        repository.refs.insert("tags/v1".to_owned(), old.clone());
        repository.commit("heads/main", &imported())
    });
    // A host finds the commits of forks too.
    let foreign = world.github.world(|github| {
        let repository = github.repository(WIDGETS);
        let commit = repository.commit("heads/fork", &imported());
        repository.refs.remove("heads/fork");
        commit
    });
    let of = |commit: &str| format!("commits/{commit}");
    for (reference, sha, branch, is_mendable) in [
        ("main", None, "main".to_owned(), true),
        ("refs/heads/main", Some(&head), "main".to_owned(), true),
        ("main", Some(&old), of(&old), false),
        ("main", Some(&foreign), of(&foreign), false),
        ("v1", None, of(&old), false),
        ("refs/tags/v1", Some(&old), of(&old), false),
        (&head, None, of(&head), false),
    ] {
        let mut body = wanted();
        body["ref"] = json!(reference);
        body["sha"] = json!(sha);
        let client = world.api.with_key(None);
        let scan = client.post("/api/scan", &body).await.expect(200)["scan_id"].clone();
        let shown = world.api.get(&format!("/api/scans/{}", scan.as_str().unwrap())).await.expect(200);
        assert_eq!(shown["branch"], branch, "{reference} {sha:?}");
        let wish = json!({ "installation_id": INSTALLATION, "scan_report_id": scan });
        // What a wish for a branch comes to is in dpendx_fix.rs.
        let answer = client.post("/api/fix", &wish).await;
        let status = answer.status;
        assert_eq!(status, if is_mendable { 200 } else { 403 }, "{reference} {sha:?}: {}", answer.text());
    }
    world.assert_polite();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_does_not_give_its_place_away() {
    let (world, _) = World::with(&imported(), |_| ()).await;
    for place in 1..=INSTALLATION_SCANS {
        // Nobody works at the scan, so the answer would take long.
        let left = tokio::time::timeout(Duration::from_millis(500), world.scan()).await;
        assert!(left.is_err());
        world
            .until("the source is here", |world| (world.github.count("/tarball/") == place).then_some(()))
            .await;
    }
    assert_eq!(refused(&world.scan().await, 429), "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_says_how_it_is_checked() {
    let mut files = imported();
    files.push((
        ".dpendx.yml",
        "version: 1\nvulnerability:\n  ignore_ids: [CVE-2021-23337]\n  block_on: all\n",
    ));
    let (world, _) = World::new(&files).await;
    let body = world.scan().await.expect(200);
    let packages: Vec<_> =
        body["result"]["findings"].as_array().unwrap().iter().map(|f| &f["package"]).collect();
    assert_eq!((packages, &body["result"]["conclusion"]), (vec![&json!("minimatch")], &json!("failure")));
    files.pop();
    files.push((".dpendx.yml", "vulnerability: [\n"));
    world.github.world(|github| github.repository(WIDGETS).commit("heads/main", &files));
    let broken = world.scan().await.expect(200);
    assert_eq!(broken["result"]["vulnerability_count"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_has_a_limit() {
    let config = "vulnerability:\n  ignore_ids: [CVE-2021-23337]\n#";
    let (world, _) = World::new(&vulnerable()).await;
    for (bytes, listed) in [(CONFIG_BYTES, 1), (CONFIG_BYTES + 1, 2)] {
        let config = format!("{config}{}", "x".repeat(bytes - config.len()));
        let mut files = vulnerable();
        files.push((".dpendx.yml", &config));
        world.github.world(|github| github.repository(WIDGETS).commit("heads/main", &files));
        assert_eq!(world.scan().await.expect(200)["result"]["vulnerability_count"], listed, "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_wrongly_is_named() {
    let (world, _) = World::with(&imported(), |_| ()).await;
    let client = world.api.with_key(None);
    for (field, bad) in [
        ("installation_id", json!(0)),
        ("installation_id", json!("42")),
        ("owner", json!("a/b")),
        ("repo", json!("..")),
        ("ref", json!("a..b")),
        ("sha", json!("abc")),
    ] {
        let mut body = wanted();
        body[field] = bad.clone();
        let answer = client.post("/api/scan", &body).await;
        assert_eq!(refused(&answer, 400), "invalid_request", "{field} {bad}");
        assert!(answer.text().contains(field), "{}", answer.text());
    }
    for field in ["installation_id", "owner", "repo", "ref"] {
        let mut body = wanted();
        body.as_object_mut().unwrap().remove(field);
        let answer = client.post("/api/scan", &body).await;
        assert_eq!(refused(&answer, 400), "invalid_request");
        assert!(answer.text().contains(field), "{}", answer.text());
    }
    assert_eq!(world.github.seen().len(), 0, "nobody is asked about what is no request");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_installation_does_not_have_is_refused() {
    let (world, _) = World::with(&imported(), |_| ()).await;
    let client = world.api.with_key(None);
    let scan = |field: &str, value: Value| {
        let mut body = wanted();
        body[field] = value;
        let client = client.clone();
        async move { client.post("/api/scan", &body).await }
    };
    assert_eq!(refused(&scan("installation_id", json!(INSTALLATION + 1)).await, 401), "invalid_installation");
    assert_eq!(world.github.seen().len(), 0);
    assert_eq!(refused(&scan("repo", json!("gadgets")).await, 404), "repo_not_found");
    assert_eq!(refused(&scan("ref", json!("nothing")).await, 404), "ref_not_found");
    world.github.world(|github| github.installations.get_mut(&INSTALLATION).unwrap().is_suspended = true);
    world.github.world(scanledger_github_stub::World::revoke_tokens);
    assert_eq!(refused(&world.scan().await, 401), "invalid_installation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_app_no_installation_is_known() {
    let api = Api::without_workers().await;
    let client = api.with_key(None);
    assert_eq!(refused(&client.post("/api/scan", &wanted()).await, 401), "invalid_installation");
    let fix = json!({ "installation_id": INSTALLATION, "scan_report_id": NOBODY });
    assert_eq!(refused(&client.post("/api/fix", &fix).await, 401), "invalid_installation");
    assert_eq!(refused(&client.get(&format!("/api/sbom/{NOBODY}")).await, 401), "invalid_installation");
    assert_eq!(refused(&client.post("/webhook", &json!({})).await, 401), "invalid_signature");
    assert_eq!(refused(&client.get("/api/scan").await, 405), "method_not_allowed");
    let health = client.get("/health").await.expect(200);
    assert_eq!((&health["status"], &health["database"]), (&json!("ok"), &json!("connected")));
    assert!(health["cache_size"].is_u64() && health["uptime_seconds"].is_u64(), "{health}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_has_a_few_scans_under_way() {
    let (world, _) = World::with(&imported(), |options| {
        options.github.as_mut().unwrap().wait = Duration::ZERO;
    })
    .await;
    for _ in 0..INSTALLATION_SCANS {
        let body = world.scan().await.expect(202);
        assert_eq!(body["status"], "accepted");
        assert!(body["scan_id"].is_string() && body["message"].is_string(), "{body}");
    }
    let answer = world.scan().await;
    assert_eq!(refused(&answer, 429), "rate_limited");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_counts_for_the_next_server_too() {
    let (world, _) = World::with(&imported(), |options| {
        options.github.as_mut().unwrap().wait = Duration::ZERO;
    })
    .await;
    for _ in 0..INSTALLATION_SCANS {
        world.scan().await.expect(202);
    }
    let world = world.again(|_| ()).await;
    assert_eq!(refused(&world.scan().await, 429), "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_has_ended_or_cannot_begin_takes_no_place() {
    let (world, _) = World::new(&vulnerable()).await;
    let mut unknown = wanted();
    unknown["ref"] = json!("nothing");
    for _ in 0..=INSTALLATION_SCANS {
        world.scan().await.expect(200);
        let answer = world.api.with_key(None).post("/api/scan", &unknown).await;
        assert_eq!(refused(&answer, 404), "ref_not_found");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_place_has_not_used_up_the_hour() {
    let quotas = [format!("checks={}/1h", INSTALLATION_SCANS + 1).parse::<QuotaChange>().unwrap()];
    let (world, _) = World::with(&imported(), |options| {
        options.github.as_mut().unwrap().wait = Duration::ZERO;
        options.limits = Settings { quotas: quotas.into_iter().collect(), ..Settings::default() };
    })
    .await;
    for _ in 0..INSTALLATION_SCANS {
        world.scan().await.expect(202);
    }
    for _ in 0..3 {
        let answer = world.scan().await;
        assert_eq!(refused(&answer, 429), "rate_limited");
        assert_eq!(answer.header("retry-after"), "10", "a place, not the hour");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_has_so_many_scans_an_hour() {
    let quotas = ["checks=2/1h".parse::<QuotaChange>().unwrap()].into_iter().collect();
    let (world, _) = World::with(&vulnerable(), |options| {
        options.duty = Duty::Everything { workers: 1 };
        options.limits = Settings { quotas, ..Settings::default() };
    })
    .await;
    for _ in 0..2 {
        world.scan().await.expect(200);
    }
    let answer = world.scan().await;
    assert_eq!(refused(&answer, 429), "rate_limited");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 60, "{}", answer.header("retry-after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_repository_is_made_of_is_an_sbom() {
    let (world, commit) = World::new(&imported()).await;
    let scan = world.scan().await.expect(200)["scan_id"].as_str().unwrap().to_owned();
    let client = world.api.with_key(None);
    let answer = client.get(&format!("/api/sbom/{scan}?format=cyclonedx")).await;
    let body = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/vnd.cyclonedx+json; version=1.5");
    assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"sbom-{scan}.json\""));
    assert_eq!((&body["bomFormat"], &body["specVersion"]), (&json!("CycloneDX"), &json!("1.5")));
    let root = json!({ "type": "application", "bom-ref": "root", "name": WIDGETS, "version": commit });
    assert_eq!(body["metadata"]["component"], root);
    let properties = |purl: &str| {
        let components = body["components"].as_array().unwrap();
        let component = components.iter().find(|component| component["purl"] == purl).unwrap();
        assert_eq!(component["bom-ref"], purl);
        assert_eq!(
            component["properties"],
            json!([
                { "name": "dpendx:ecosystem", "value": "npm" },
                { "name": "dpendx:source", "value": "package-lock.json" },
                { "name": "dpendx:scan_id", "value": scan },
            ])
        );
        component["scope"].clone()
    };
    assert_eq!(properties("pkg:npm/lodash@4.17.20"), "required");
    assert_eq!(properties("pkg:npm/minimatch@3.0.0"), "optional");
    assert_eq!(refused(&client.get(&format!("/api/sbom/{scan}?format=spdx")).await, 400), "invalid_request");
    for id in [NOBODY, "x"] {
        assert_eq!(refused(&client.get(&format!("/api/sbom/{id}")).await, 404), "scan_not_found");
    }
    // A scan that somebody uploaded is not this dialect's to show.
    let files = crate::archive::Files::default().with("package-lock.json", "{}");
    let uploaded = world.api.scanned(&files, &[]).await;
    let other = client.get(&format!("/api/sbom/{}", uploaded["id"].as_str().unwrap())).await;
    assert_eq!(refused(&other, 404), "scan_not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_of_nobody_sees_nothing() {
    let (world, _) = World::new(&imported()).await;
    let scan = world.scan().await.expect(200)["scan_id"].clone();
    let World { api, github } = world;
    github.world(|github| github.add(INSTALLATION + 1, "other-org/gadgets", &imported()));
    let api = api
        .again(|options, organization| {
            let mut github = options_of(&github, organization, Duration::ZERO);
            let other = (INSTALLATION + 1).try_into().unwrap();
            github.installations.insert(other, organization.parse().unwrap());
            options.github = Some(github);
        })
        .await;
    let fix = json!({ "installation_id": INSTALLATION + 1, "scan_report_id": scan });
    assert_eq!(refused(&api.with_key(None).post("/api/fix", &fix).await, 404), "scan_not_found");
}
