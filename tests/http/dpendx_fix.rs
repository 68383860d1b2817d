//! Pull requests that mend (dpendx reference §3).

use crate::dpendx_world::{INSTALLATION, WIDGETS, World, imported, mended, refused};
use crate::harness::{Answer, NOBODY};
use scanledger::server::Duty;
use scanledger_api::limit::{QuotaChange, Settings};
use scanledger_domain::limits::{FIX_FILES, MANIFEST_BYTES};
use serde_json::{Value, json};
use std::time::Duration;

impl World {
    async fn fix(&self, scan: &Value) -> Answer {
        let body = json!({ "installation_id": INSTALLATION, "scan_report_id": scan });
        self.api.with_key(None).post("/api/fix", &body).await
    }

    /// The branch of a pull request.
    fn branch_of(&self, pull: &Value) -> String {
        let number = pull["number"].as_u64().unwrap();
        self.github.world(|github| github.repository(WIDGETS).pulls[&number].head.0.clone())
    }

    fn file(&self, branch: &str, path: &str) -> String {
        self.github.world(|github| {
            let repository = github.repository(WIDGETS);
            let head = &repository.refs[&format!("heads/{branch}")];
            String::from_utf8(repository.files(head)[path].clone()).unwrap()
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_found_is_mended_in_a_pull_request() {
    let mut files = imported();
    files.push((
        "requirements.txt",
        "# pinned\nurllib3==1.24.1 ; python_version > \"3\"  # why\nflask>=0.1,<9\n",
    ));
    files.push(("go.mod", "module example.org/x\n\ngo 1.21\n\nrequire gopkg.in/yaml.v2 v2.2.1 // why\n"));
    let (world, _) = World::new(&files).await;
    let scan = world.scan().await.expect(200)["scan_id"].clone();
    let body = world.fix(&scan).await.expect(200);
    assert_eq!(body["status"], "success", "{body}");
    let pull = &body["pull_request"];
    assert_eq!(pull["title"], "fix(deps): update 3 vulnerable dependencies");
    assert_eq!(pull["fixes_count"], 3);
    let number = pull["number"].as_u64().unwrap();
    assert!(pull["url"].as_str().unwrap().ends_with(&format!("/pull/{number}")), "{pull}");
    let opened = world.github.world(|github| github.repository(WIDGETS).pulls[&number].clone());
    assert_eq!(opened.base.0, "main");
    assert!(
        opened.body.contains("| lodash | 4.17.20 | 4.17.21 | CVE-2021-23337 | HIGH |"),
        "{}",
        opened.body
    );
    let branch = opened.head.0;
    let name = branch.strip_prefix("dpendx/fix-").unwrap();
    assert!(name.len() == 16 && name.bytes().all(|c| c.is_ascii_hexdigit()), "{branch}");
    assert!(
        !scan.as_str().unwrap().replace('-', "").contains(name),
        "{branch} tells what the scan is called"
    );
    assert_eq!(world.file(&branch, "package.json"), files[0].1.replace("^4.17.20", "^4.17.21"));
    assert_eq!(world.file(&branch, "package-lock.json"), files[1].1);
    let requirements = world.file(&branch, "requirements.txt");
    assert_eq!(requirements, files[3].1.replace("urllib3==1.24.1", "urllib3==1.24.3"));
    assert_eq!(world.file(&branch, "go.mod"), files[4].1.replace("v2.2.1", "v2.2.8"));
    // Asked again, it is the same pull request.
    assert_eq!(world.fix(&scan).await.expect(200)["pull_request"]["number"], number);
    world.assert_polite();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_no_mending_gets_no_pull_request() {
    let (world, _) = World::new(&mended()).await;
    let scan = world.scan().await.expect(200)["scan_id"].clone();
    let body = world.fix(&scan).await.expect(200);
    assert_eq!((&body["status"], &body["pull_request"]), (&json!("success"), &Value::Null));
    assert!(body["message"].is_string(), "{body}");
    assert_eq!(world.github.world(|github| github.repository(WIDGETS).pulls.len()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fix_needs_a_scan_and_the_right_to_write() {
    let (world, _) = World::new(&imported()).await;
    assert_eq!(refused(&world.fix(&json!(NOBODY)).await, 404), "scan_not_found");
    assert_eq!(refused(&world.fix(&json!("x")).await, 400), "invalid_request");
    assert_eq!(refused(&world.fix(&Value::Null).await, 400), "invalid_request");
    let scan = world.scan().await.expect(200)["scan_id"].clone();
    world.github.world(|github| {
        let installation = github.installations.get_mut(&INSTALLATION).unwrap();
        installation.permissions = ["contents:read", "checks:write"].into();
    });
    assert_eq!(refused(&world.fix(&scan).await, 403), "no_write_access");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_has_not_ended_is_not_mended() {
    let (world, _) = World::with(&imported(), |options| {
        options.github.as_mut().unwrap().wait = Duration::ZERO;
    })
    .await;
    let scan = world.scan().await.expect(202)["scan_id"].clone();
    assert_eq!(refused(&world.fix(&scan).await, 422), "scan_not_completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_too_long_are_left_alone() {
    let files = imported();
    let (manifest, lock) = (files[0].1, files[1].1);
    let padded = |bytes: usize| format!("{manifest}{}", " ".repeat(bytes - manifest.len()));
    let (longest, too_long) = (padded(MANIFEST_BYTES), padded(MANIFEST_BYTES + 1));
    let files = [
        ("a/package.json", longest.as_str()),
        ("a/package-lock.json", lock),
        ("b/package.json", &too_long),
        ("b/package-lock.json", lock),
    ];
    let (world, _) = World::new(&files).await;
    let scan = world.scan().await.expect(200)["scan_id"].clone();
    let pull = world.fix(&scan).await.expect(200)["pull_request"].clone();
    assert_eq!(pull["fixes_count"], 1);
    let branch = world.branch_of(&pull);
    assert_eq!(world.file(&branch, "a/package.json"), longest.replace("^4.17.20", "^4.17.21"));
    assert_eq!(world.file(&branch, "b/package.json"), too_long);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_mends_so_many_files() {
    let content = imported();
    for (folders, left) in [(FIX_FILES, 0), (FIX_FILES + 1, 1)] {
        let paths: Vec<[String; 2]> = (0..folders)
            .map(|n| [format!("p{n:02}/package.json"), format!("p{n:02}/package-lock.json")])
            .collect();
        let files = paths
            .iter()
            .flat_map(|[manifest, lock]| [(manifest.as_str(), content[0].1), (lock.as_str(), content[1].1)]);
        let (world, _) = World::new(&files.collect::<Vec<_>>()).await;
        let scan = world.scan().await.expect(200)["scan_id"].clone();
        let pull = world.fix(&scan).await.expect(200)["pull_request"].clone();
        // One package, in however many files.
        assert_eq!(pull["fixes_count"], 1);
        let branch = world.branch_of(&pull);
        let is_left = |[manifest, _]: &&[String; 2]| world.file(&branch, manifest) == content[0].1;
        assert_eq!(paths.iter().filter(is_left).count(), left, "{folders}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_has_so_many_fixes_an_hour() {
    let quotas = ["fixes=1/1h".parse::<QuotaChange>().unwrap()].into_iter().collect();
    let (world, _) = World::with(&mended(), |options| {
        options.duty = Duty::Everything { workers: 1 };
        options.limits = Settings { quotas, ..Settings::default() };
    })
    .await;
    let scan = world.scan().await.expect(200)["scan_id"].clone();
    world.fix(&scan).await.expect(200);
    assert_eq!(refused(&world.fix(&scan).await, 429), "rate_limited");
}
