//! What is a secret and what is none, detector by detector.

use super::{KnownKey, scan_text};
use crate::secrets::Patterns;
use crate::secrets::detectors::{Reach, all};
use crate::secrets::samples::{Fill, near_misses, sample};
use scanledger_domain::limits::{DESCRIPTION_BYTES, TITLE_BYTES};
use scanledger_domain::scanning::Identity;
use scanledger_domain::secret::{DetectorNature, SecretFinder};
use scanledger_domain::vault::{HashPurpose, Vault};
use std::collections::BTreeSet;

#[test]
fn every_detector_finds_its_sample_and_hides_it() {
    for detector in all() {
        let sample = sample(detector.facts.id, &mut Fill::random(detector.facts.id));
        let detections = scan_text(&sample.text());
        let [detection] = &detections[..] else {
            panic!("{}: {:?}", detector.facts.id, detections.iter().map(|d| &d.rule).collect::<Vec<_>>());
        };
        assert_eq!(detection.rule, detector.facts.id);
        let Identity::Secret { hash, leak_hash, masked, .. } = &detection.identity else { panic!() };
        assert_eq!(
            *hash,
            KnownKey.hash(HashPurpose::Secret, sample.secret.as_bytes()),
            "{}",
            detector.facts.id
        );
        assert_eq!(*leak_hash, KnownKey.hash(HashPurpose::LeakedSecret, sample.secret.as_bytes()));
        assert_eq!((hash.len(), leak_hash.len()), (48, 32));
        let shown = [masked, detection.excerpt.as_ref().unwrap(), &detection.title, &detection.description];
        let hidden_part = &sample.secret[4..sample.secret.len() - 4];
        assert!(shown.iter().all(|text| !text.contains(hidden_part)), "{}: {shown:?}", detector.facts.id);
        assert_eq!(detection.cwe.as_deref(), Some("CWE-798"));
        assert!(detection.title.len() <= TITLE_BYTES && detection.description.len() <= DESCRIPTION_BYTES);
    }
}

#[test]
fn no_detector_takes_a_placeholder_for_a_secret() {
    for detector in all() {
        let text = sample(detector.facts.id, &mut Fill::placeholder()).text();
        assert_eq!(scan_text(&text), [], "{}: {text}", detector.facts.id);
    }
}

#[test]
fn no_detector_takes_what_is_nearly_a_secret_for_one() {
    let mut wrong = Vec::new();
    for detector in all() {
        let id = detector.facts.id;
        let sample = sample(id, &mut Fill::random(id));
        let misses = near_misses(id, &sample, detector.reach == Reach::Start);
        assert!(misses.len() >= 2, "{id}");
        let is_found = |miss: &String| Patterns.find(miss).iter().any(|found| found.detector.id == id);
        wrong.extend(misses.into_iter().filter(is_found).map(|miss| (id, miss)));
    }
    assert_eq!(wrong, []);
}

/// GitHub, npm, Grafana and age: one other character, of the same alphabet, and it is no token.
#[test]
fn a_wrong_checksum_is_no_secret() {
    for id in ["GITHUB_TOKEN", "NPM_TOKEN", "GRAFANA_TOKEN", "AGE_SECRET_KEY"] {
        let sample = sample(id, &mut Fill::random(id));
        let last = sample.secret.chars().next_back().unwrap();
        let other = if last == '2' { "3" } else { "2" };
        let changed = format!("{}{other}", &sample.secret[..sample.secret.len() - 1]);
        assert_eq!(Patterns.find(&sample.with(&changed)), [], "{id}");
        assert_eq!(Patterns.find(&sample.text()).len(), 1, "{id}");
    }
}

#[test]
fn there_are_more_than_a_hundred_providers() {
    let specific = all().filter(|detector| detector.facts.nature == DetectorNature::Specific);
    let providers: BTreeSet<&str> = specific.map(|detector| detector.facts.provider).collect();
    assert!(providers.len() >= 120, "{}", providers.len());
    assert!(all().all(|detector| !detector.facts.title.is_empty() && !detector.keywords.is_empty()));
}

#[test]
fn the_detectors_have_names_of_their_own_and_include_those_clients_know() {
    let ids: BTreeSet<&str> = all().map(|detector| detector.facts.id).collect();
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
        "password1_field_name=\"password1\"",
        "AuthPlugin::Sha256Password => \"sha256_password\"",
        "hashed_password: \"$argon2id$v=19$m=65536,t=3,p=4$C29tZXNhbHQ$eW91bGxORXZlckd1\"",
        "let traffic_secret = TLS13_CHACHA20_POLY1305_SHA256_INTERNAL",
        "postgresql://[user[:password]@]host",
        "url = \"smtps://ana:s3cret@relay.internal\"",
        "uuid = \"123e4567-e89b-12d3-a456-426614174000\"",
    ];
    for line in lines {
        assert_eq!(scan_text(line), [], "{line}");
    }
}
