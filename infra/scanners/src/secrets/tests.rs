//! What is found, what is not, and what is told of it.

use super::SecretScanner;
use super::detectors::all;
use super::samples::{Fill, sample};
use super::search::{Scratch, Search};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::{ProptestConfig, any, proptest};
use scanledger_domain::id::SubjectId;
use scanledger_domain::limits::{DESCRIPTION_BYTES, EXCERPT_BYTES, PATTERN_FILE_BYTES, PLACES, TITLE_BYTES};
use scanledger_domain::scanning::{Control, Detection, Identity, Interrupted, Outcome, ScanError, Scanner};
use scanledger_domain::source::{MemoryTree, SourceTree};
use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
use sha2::{Sha256, Sha384};
use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex};
use tempfile::TempDir;

/// Hashes with a key that everybody knows; there is nothing to seal here.
struct KnownKey;

impl Vault for KnownKey {
    fn seal(&self, _: SubjectId, _: &str) -> Result<Sealed, VaultError> {
        unreachable!("a scanner seals nothing")
    }

    fn open(&self, _: &Sealed) -> Result<Option<String>, VaultError> {
        unreachable!("a scanner opens nothing")
    }

    fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8> {
        match purpose {
            HashPurpose::Secret => {
                let mut mac = Hmac::<Sha384>::new_from_slice(b"secret").unwrap();
                mac.update(bytes);
                mac.finalize().into_bytes().to_vec()
            }
            HashPurpose::LeakedSecret | HashPurpose::Claim | HashPurpose::Token => {
                let mut mac = Hmac::<Sha256>::new_from_slice(b"leaked").unwrap();
                mac.update(bytes);
                mac.finalize().into_bytes().to_vec()
            }
        }
    }
}

/// Lets a scan run for a number of files and remembers what it reported.
struct Steps {
    left: Mutex<u64>,
    reports: Mutex<Vec<(u64, u64)>>,
}

impl Steps {
    const fn limited(files: u64) -> Self {
        Self { left: Mutex::new(files), reports: Mutex::new(Vec::new()) }
    }
}

impl Control for Steps {
    fn safe_point(&self) -> Result<(), Interrupted> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or(Interrupted)?;
        Ok(())
    }

    fn progress(&self, files_completed: u64, files_total: u64) {
        self.reports.lock().unwrap().push((files_completed, files_total));
    }
}

fn tree<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> TempDir {
    let root = TempDir::new().unwrap();
    for (path, content) in files {
        let location = root.path().join(path);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(location, content).unwrap();
    }
    root
}

fn folder(root: &TempDir) -> SourceTree {
    SourceTree::Folder(root.path().to_owned())
}

fn in_memory<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> SourceTree {
    let (mut ranges, mut contents) = (vec![], vec![]);
    for (path, content) in files {
        let start = contents.len();
        contents.extend_from_slice(content);
        ranges.push((path.to_owned(), start..contents.len()));
    }
    SourceTree::Memory(MemoryTree::new(ranges, contents))
}

/// The outcome of files in a folder, which is that of files in memory.
fn scan<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Outcome {
    let files: Vec<_> = files.into_iter().collect();
    let scanner = SecretScanner::new(Arc::new(KnownKey));
    let outcome = scanner.scan(&folder(&tree(files.clone())), &Steps::limited(u64::MAX)).unwrap();
    assert_eq!(scanner.scan(&in_memory(files), &Steps::limited(u64::MAX)).unwrap(), outcome);
    outcome
}

fn scan_text(text: &str) -> Vec<Detection> {
    scan([("app/settings.py", text.as_bytes())]).detections
}

fn masked(detection: &Detection) -> &str {
    match &detection.identity {
        Identity::Secret { masked, .. } => masked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_detector_finds_its_sample_and_hides_it() {
    for detector in all() {
        let sample = sample(detector.id, &mut Fill::random(detector.id));
        let detections = scan_text(&sample.text());
        let [detection] = &detections[..] else {
            panic!("{}: {:?}", detector.id, detections.iter().map(|d| &d.rule).collect::<Vec<_>>());
        };
        assert_eq!(detection.rule, detector.id);
        let Identity::Secret { hash, leak_hash, masked, .. } = &detection.identity else { panic!() };
        assert_eq!(*hash, KnownKey.hash(HashPurpose::Secret, sample.secret.as_bytes()), "{}", detector.id);
        assert_eq!(*leak_hash, KnownKey.hash(HashPurpose::LeakedSecret, sample.secret.as_bytes()));
        assert_eq!((hash.len(), leak_hash.len()), (48, 32));
        let shown = [masked, detection.excerpt.as_ref().unwrap(), &detection.title, &detection.description];
        let hidden_part = &sample.secret[4..sample.secret.len() - 4];
        assert!(shown.iter().all(|text| !text.contains(hidden_part)), "{}: {shown:?}", detector.id);
        assert_eq!(detection.cwe.as_deref(), Some("CWE-798"));
        assert!(detection.title.len() <= TITLE_BYTES && detection.description.len() <= DESCRIPTION_BYTES);
    }
}

#[test]
fn no_detector_takes_a_placeholder_for_a_secret() {
    for detector in all() {
        let text = sample(detector.id, &mut Fill::placeholder()).text();
        assert_eq!(scan_text(&text), [], "{}: {text}", detector.id);
    }
}

#[test]
fn the_detectors_have_names_of_their_own_and_include_those_clients_know() {
    let ids: BTreeSet<&str> = all().map(|detector| detector.id).collect();
    assert_eq!(ids.len(), all().count());
    // Pepper reference §13.
    let known = "AWS_ACCESS_KEY AWS_SECRET_KEY GITHUB_TOKEN GITHUB_FINE_GRAINED GITLAB_TOKEN SLACK_TOKEN \
        SLACK_WEBHOOK PRIVATE_KEY GENERIC_API_KEY GENERIC_SECRET JWT_TOKEN GOOGLE_API_KEY STRIPE_SECRET_KEY \
        STRIPE_PUBLISHABLE_KEY SENDGRID_API_KEY TWILIO_API_KEY MAILGUN_KEY DATABASE_URL HEROKU_API_KEY NPM_TOKEN \
        AZURE_CONNECTION_STRING OPENAI_API_KEY OPENAI_PROJECT_KEY DISCORD_BOT_TOKEN DISCORD_WEBHOOK \
        OAUTH_CLIENT_SECRET AZURE_CLIENT_SECRET GCP_SERVICE_ACCOUNT DIGITALOCEAN_TOKEN SHOPIFY_TOKEN PYPI_TOKEN \
        DOCKER_AUTH HARDCODED_PASSWORD HARDCODED_CONN_STRING";
    for id in known.split_ascii_whitespace() {
        assert!(ids.contains(id), "{id}");
    }
}

#[test]
fn a_secret_on_several_lines_of_a_file_is_one_detection_with_several_places() {
    let sample = sample("GITHUB_TOKEN", &mut Fill::random("twice"));
    let text = format!("{}\n# nothing\n{}{}", sample.text(), sample.text(), sample.text());
    let detections = scan_text(&text);
    assert_eq!(detections.len(), 1);
    let lines: Vec<_> = detections[0].places.iter().map(|place| (place.line, place.end_line)).collect();
    assert_eq!(lines, [(Some(1), Some(1)), (Some(4), Some(4)), (Some(5), Some(5))]);
}

#[test]
fn at_most_fifty_places_are_kept() {
    let line = sample("GITHUB_TOKEN", &mut Fill::random("often")).text();
    assert_eq!(scan_text(&line.repeat(PLACES))[0].places.len(), PLACES);
    assert_eq!(scan_text(&line.repeat(PLACES + 1))[0].places.len(), PLACES);
}

#[test]
fn the_same_secret_in_two_files_is_two_detections() {
    let text = sample("GITHUB_TOKEN", &mut Fill::random("two files")).text();
    let outcome = scan([("b.txt", text.as_bytes()), ("a.txt", text.as_bytes())]);
    let paths: Vec<_> = outcome.detections.iter().map(|d| d.places[0].path.as_str()).collect();
    assert_eq!(paths, ["a.txt", "b.txt"]);
    assert_eq!(outcome.files_scanned, 2);
}

#[test]
fn the_specific_detector_wins_over_the_generic_one() {
    let token = sample("GITHUB_TOKEN", &mut Fill::random("specific")).secret;
    let detections = scan_text(&format!("api_key = \"{token}\"\npassword = \"{token}\""));
    let rules: Vec<_> = detections.iter().map(|d| (d.rule.as_str(), d.places.len())).collect();
    assert_eq!(rules, [("GITHUB_TOKEN", 2)]);
}

#[test]
fn a_line_with_two_secrets_shows_neither() {
    let id = sample("AWS_ACCESS_KEY", &mut Fill::random("id")).secret;
    let key = sample("AWS_SECRET_KEY", &mut Fill::random("key")).secret;
    let detections = scan_text(&format!("AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={key}\n"));
    assert_eq!(detections.len(), 2);
    for detection in detections {
        let excerpt = detection.excerpt.unwrap();
        assert!(!excerpt.contains(&id[4..16]) && !excerpt.contains(&key[4..36]), "{excerpt}");
        assert!(excerpt.starts_with(&format!("AWS_ACCESS_KEY_ID={}****", &id[..4])), "{excerpt}");
    }
}

#[test]
fn of_a_private_key_the_first_line_is_shown_and_the_whole_block_is_hashed() {
    let sample = sample("PRIVATE_KEY", &mut Fill::random("block"));
    let unix = scan_text(&sample.text());
    assert_eq!(unix[0].excerpt.as_deref(), Some(format!("-----{} RSA PRIVATE KEY-----", "BEGIN").as_str()));
    assert_eq!((unix[0].places[0].line, unix[0].places[0].end_line), (Some(2), Some(13)));
    let windows = scan_text(&sample.text().replace('\n', "\r\n"));
    assert_eq!(windows[0].identity, unix[0].identity, "line ends are no part of a key");
}

#[test]
fn documentation_of_a_key_is_no_key() {
    for body in ["...", "MIIEpAIBAAKCAQEA...", "<your key>", ""] {
        let text = format!("-----{0} PRIVATE KEY-----\n{body}\n-----{1} PRIVATE KEY-----\n", "BEGIN", "END");
        assert_eq!(scan_text(&text), [], "{body}");
    }
}

#[test]
fn ordinary_code_has_no_secrets() {
    let lines = [
        "password = os.environ['DB_PASSWORD']",
        "const apiKey = process.env.SHOP_API_KEY;",
        "token = request.headers.get(\"X-Token\")",
        "secret: ${{ secrets.DEPLOY_TOKEN }}",
        "api_key: !vault |",
        "DATABASE_URL=postgres://postgres:postgres@localhost/test",
        "DATABASE_URL=postgres://shop:$DB_PASSWORD@db/shop",
        "url = \"https://user:password@example.com/\"",
        "password: \"password_reset_form\"",
        "label_password: \"enter-your-password\"",
        "token_type = \"urn:ietf:params:oauth:token-type:jwt\"",
        "let secret_name = my_module.secret_manager.secret_name_for_service",
        "integrity sha512-2bpZ==",
        "access_key_id = self.session.credentials.access_key_id",
        "tokenizer = BertTokenizer.from_pretrained(\"bert-base-uncased\")",
        "-----BEGIN CERTIFICATE-----",
        "import { TokenService } from './auth/token.service';",
        "git clone https://github.com/example/shop.git",
        "let raw_private_key: Curve25519SeedBinary = private_key",
        "credentials = standard_b64encode(credentials)",
        "\"PasswordLastUsed\": \"2016-08-30T23:03:47Z\"",
        "PASSWORD=",
        "password = \"********\"",
        "uuid = \"123e4567-e89b-12d3-a456-426614174000\"",
    ];
    for line in lines {
        assert_eq!(scan_text(line), [], "{line}");
    }
}

#[test]
fn lock_files_bundles_and_binaries_are_not_searched() {
    let text = sample("GITHUB_TOKEN", &mut Fill::random("skipped")).text();
    let binary = [b"\x7fELF\0".as_slice(), text.as_bytes()].concat();
    let files = [
        ("package-lock.json", text.as_bytes()),
        ("web/app.min.js", text.as_bytes()),
        ("program", &binary),
        ("node_modules/a/index.js", text.as_bytes()),
    ];
    let outcome = scan(files);
    assert_eq!((outcome.detections.len(), outcome.files_scanned, outcome.warnings.len()), (0, 0, 0));
}

#[test]
fn a_file_may_have_exactly_as_many_bytes_as_the_limit() {
    let token = sample("GITHUB_TOKEN", &mut Fill::random("edge")).text();
    let mut text = vec![b' '; PATTERN_FILE_BYTES as usize - token.len()];
    text.extend_from_slice(token.as_bytes());
    assert_eq!(scan([("file", &text[..])]).detections.len(), 1);
    text.push(b'\n');
    let outcome = scan([("file", &text[..])]);
    assert_eq!(outcome.detections, []);
    assert_eq!(
        outcome.warnings,
        [("file".to_owned(), "larger than 1048576 bytes: not searched for secrets".to_owned())]
    );
}

#[test]
fn a_secret_anywhere_in_a_long_line_is_found() {
    let sample = sample("GITHUB_TOKEN", &mut Fill::random("long line"));
    for filler in ["x", "secret ", "token="] {
        let noise = filler.repeat(200_000 / filler.len());
        let detections = scan_text(&format!("{noise} {} {noise}", sample.secret));
        assert_eq!(detections.len(), 1, "{filler}");
        assert!(detections[0].excerpt.as_ref().unwrap().len() <= EXCERPT_BYTES);
    }
}

#[test]
fn text_in_an_old_encoding_is_searched_too() {
    let token = sample("GITHUB_TOKEN", &mut Fill::random("latin")).text();
    let text = [b"# Gr\xfc\xdfe\n".as_slice(), token.as_bytes()].concat();
    assert_eq!(scan([("settings", &text[..])]).detections.len(), 1);
}

#[test]
fn progress_is_told_every_fifty_files_and_at_the_end() {
    let names: Vec<String> = (0..101).map(|n| format!("{n:03}")).collect();
    let root = tree(names.iter().map(|name| (name.as_str(), &b"x"[..])));
    let control = Steps::limited(101);
    SecretScanner::new(Arc::new(KnownKey)).scan(&folder(&root), &control).unwrap();
    assert_eq!(*control.reports.lock().unwrap(), [(0, 101), (50, 101), (100, 101), (101, 101)]);
}

#[test]
fn a_scan_ends_at_the_next_file_when_it_is_interrupted() {
    let root = tree([("a", &b"x"[..]), ("b", b"x")]);
    let result = SecretScanner::new(Arc::new(KnownKey)).scan(&folder(&root), &Steps::limited(1));
    assert!(matches!(result, Err(ScanError::Interrupted(_))));
}

#[test]
fn two_scans_of_a_tree_give_the_same_outcome() {
    let text: String =
        all().map(|detector| sample(detector.id, &mut Fill::random(detector.id)).text()).collect();
    let files = [("b/x", text.as_bytes()), ("a", text.as_bytes())];
    assert_eq!(scan(files), scan(files));
}

#[test]
fn the_sample_project_has_the_secrets_that_were_planted_and_no_others() {
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/shop");
    let scanner = SecretScanner::new(Arc::new(KnownKey));
    let outcome = scanner.scan(&SourceTree::Folder(shop.into()), &Steps::limited(u64::MAX)).unwrap();
    let found: Vec<_> = outcome
        .detections
        .iter()
        .map(|found| (found.places[0].path.as_str(), found.places[0].line.unwrap(), found.rule.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("catalog/search.py", 7, "GENERIC_API_KEY"),
            ("config/deploy_key.pem", 1, "PRIVATE_KEY"),
            ("config/production.env", 2, "DATABASE_URL"),
            ("config/production.env", 3, "ENV_PASSWORD"),
            ("docs/runbook.md", 7, "GENERIC_API_KEY"),
            ("web/src/session.js", 7, "GENERIC_SECRET"),
        ]
    );
    let hash = |at: usize| match &outcome.detections[at].identity {
        Identity::Secret { hash, .. } => hash.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(hash(0), hash(4), "the same key stands in two files");
    assert_eq!(outcome.warnings, []);
}

/// The budget: 20 µs for each finding, files and hashes included. Only meaningful with optimisation.
#[test]
fn ten_thousand_secrets_in_a_thousand_files_are_found_in_half_a_second() {
    let mut fill = Fill::random("many");
    let ids: Vec<&str> = all().map(|detector| detector.id).collect();
    let files: Vec<(String, String)> = (0..1_000)
        .map(|file| {
            let secrets = (0..10).map(|n| {
                let id = ids[(file * 10 + n) % ids.len()];
                let code = "def handler(request):\n    return render(request, 'shop.html')\n".repeat(3);
                format!("{code}{}", sample(id, &mut fill).text())
            });
            (format!("{:02}/{file:04}.py", file % 40), secrets.collect())
        })
        .collect();
    let source = in_memory(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())));
    let scanner = SecretScanner::new(Arc::new(KnownKey));
    let control = Steps::limited(u64::MAX);
    let started = std::time::Instant::now();
    let outcome = scanner.scan(&source, &control).unwrap();
    let elapsed = started.elapsed();
    let found = outcome.detections.len();
    assert!((9_900..=10_100).contains(&found), "{found}");
    assert!(cfg!(debug_assertions) || elapsed.as_millis() < 500, "{elapsed:?} for {found} findings");
}

static SEARCH: LazyLock<Search> = LazyLock::new(|| Search::try_new().unwrap());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_detector_panics_on_any_bytes(text in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        SEARCH.find(&text, &mut Scratch::default());
    }

    #[test]
    fn found_places_are_sorted_and_apart(
        parts in proptest::collection::vec(("[ -~\\n]{0,30}", 0..70_usize), 0..12),
    ) {
        let ids: Vec<&str> = all().map(|detector| detector.id).collect();
        let mut fill = Fill::random("mixed");
        let text: String = parts
            .iter()
            .map(|(noise, at)| format!("{noise}{}", sample(ids[at % ids.len()], &mut fill).text()))
            .collect();
        let found = SEARCH.find(text.as_bytes(), &mut Scratch::default());
        assert!(found.windows(2).all(|two| two[0].place.end <= two[1].place.start));
        assert!(found.iter().all(|found| found.place.end <= text.len() && !found.place.is_empty()));
    }

    #[test]
    fn no_excerpt_shows_a_secret_of_the_file(
        parts in proptest::collection::vec(("[ -~]{0,20}", 0..70_usize), 1..8),
    ) {
        let ids: Vec<&str> = all().map(|detector| detector.id).collect();
        let mut fill = Fill::random("excerpts");
        let text: String = parts
            .iter()
            .map(|(noise, at)| format!("{noise}{}", sample(ids[at % ids.len()], &mut fill).text()))
            .collect();
        let found = SEARCH.find(text.as_bytes(), &mut Scratch::default());
        let detections = scan_text(&text);
        for detection in &detections {
            let excerpt = detection.excerpt.as_ref().unwrap();
            assert!(excerpt.len() <= EXCERPT_BYTES);
            for secret in found.iter().map(|found| &text[found.place.clone()]).filter(|secret| secret.len() > 8) {
                assert!(!excerpt.contains(secret), "{} shows {secret}", detection.rule);
                assert!(!masked(detection).contains(secret));
            }
        }
    }
}
