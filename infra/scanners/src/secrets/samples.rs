//! An example of every kind of secret, put together when the tests run, so that no scanner takes this
//! repository for a leak.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const HEX: &str = "0123456789abcdef";
const DIGITS: &str = "123456789";

/// Fills places in a token: with characters that look random, or with one that does not.
pub(super) struct Fill {
    state: Option<u64>,
}

impl Fill {
    /// Always the same for a seed.
    pub(super) fn random(seed: &str) -> Self {
        let state = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { state: Some(state | 1) }
    }

    /// The first character of the alphabet again and again.
    pub(super) const fn placeholder() -> Self {
        Self { state: None }
    }

    pub(super) fn of(&mut self, alphabet: &str, length: usize) -> String {
        let characters = alphabet.as_bytes();
        (0..length)
            .map(|_| {
                let at = self.state.as_mut().map_or(0, |state| {
                    *state ^= *state << 13;
                    *state ^= *state >> 7;
                    *state ^= *state << 17;
                    (*state >> 33) as usize % characters.len()
                });
                char::from(characters[at])
            })
            .collect()
    }

    fn pem(&mut self, kind: &str, line_break: &str) -> String {
        let body: Vec<String> = (0..10).map(|_| self.of(ALPHANUMERIC, 64)).collect();
        let marker = |word: &str| format!("-----{word} {kind}PRIVATE KEY-----");
        format!("{}{line_break}{}{line_break}{}", marker("BEGIN"), body.join(line_break), marker("END"))
    }
}

/// A secret and the text around it.
pub(super) struct Sample {
    pub before: String,
    pub secret: String,
    pub after: String,
}

impl Sample {
    pub(super) fn text(&self) -> String {
        format!("{}{}{}", self.before, self.secret, self.after)
    }
}

/// A secret of the detector `id`.
pub(super) fn sample(id: &str, fill: &mut Fill) -> Sample {
    let assigned =
        |secret: String| Sample { before: "value: \"".to_owned(), secret, after: "\"\n".to_owned() };
    let named = |name: &str, secret: String| Sample {
        before: format!("{name} = \""),
        secret,
        after: "\"\n".to_owned(),
    };
    match id {
        "GCP_SERVICE_ACCOUNT" => Sample {
            before: "{\n  \"type\": \"service_account\",\n  \"project_id\": \"shop\",\n  \"private_key\": \""
                .to_owned(),
            secret: fill.pem("", "\\n"),
            after: "\\n\"\n}\n".to_owned(),
        },
        "PRIVATE_KEY" => {
            Sample { before: "# key\n".to_owned(), secret: fill.pem("RSA ", "\n"), after: "\n".to_owned() }
        }
        "AGE_SECRET_KEY" => assigned(format!("AGE-SECRET-KEY-1{}", fill.of(BECH32, 58))),
        "AWS_SECRET_KEY" => named("aws_secret_access_key", fill.of(ALPHANUMERIC, 40)),
        "AWS_ACCESS_KEY" => assigned(format!("AKIA{}", fill.of(BASE32, 16))),
        "GOOGLE_API_KEY" => assigned(format!("AIza{}", fill.of(ALPHANUMERIC, 35))),
        "GOOGLE_OAUTH_SECRET" => assigned(format!("GOCSPX-{}", fill.of(ALPHANUMERIC, 28))),
        "AZURE_CONNECTION_STRING" => Sample {
            before: "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=".to_owned(),
            secret: format!("{}==", fill.of(ALPHANUMERIC, 86)),
            after: ";EndpointSuffix=core.windows.net\n".to_owned(),
        },
        "AZURE_SHARED_ACCESS_KEY" => Sample {
            before: "Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKey=".to_owned(),
            secret: format!("{}=", fill.of(ALPHANUMERIC, 43)),
            after: "\n".to_owned(),
        },
        "AZURE_CLIENT_SECRET" => {
            assigned(format!("{}8Q~{}", fill.of(ALPHANUMERIC, 3), fill.of(ALPHANUMERIC, 34)))
        }
        "DIGITALOCEAN_TOKEN" => assigned(format!("dop_v1_{}", fill.of(HEX, 64))),
        "HEROKU_API_KEY" => {
            let parts = [8, 4, 4, 4, 12].map(|length| fill.of(HEX, length));
            named("HEROKU_KEY", parts.join("-"))
        }
        "HEROKU_PLATFORM_TOKEN" => assigned(format!("HRKU-AA{}", fill.of(ALPHANUMERIC, 58))),
        "CLOUDFLARE_ORIGIN_CA_KEY" => assigned(format!("v1.0-{}-{}", fill.of(HEX, 24), fill.of(HEX, 146))),
        "CLOUDFLARE_API_TOKEN" => named("cloudflare_dns", fill.of(ALPHANUMERIC, 40)),
        "DATABRICKS_TOKEN" => assigned(format!("dapi{}", fill.of(HEX, 32))),
        "VAULT_TOKEN" => assigned(format!("hvs.{}", fill.of(ALPHANUMERIC, 90))),
        "TERRAFORM_CLOUD_TOKEN" => {
            assigned(format!("{}.atlasv1.{}", fill.of(ALPHANUMERIC, 14), fill.of(ALPHANUMERIC, 67)))
        }
        "PULUMI_TOKEN" => assigned(format!("pul-{}", fill.of(HEX, 40))),
        "DOPPLER_TOKEN" => assigned(format!("dp.pt.{}", fill.of(ALPHANUMERIC, 43))),
        "TAILSCALE_KEY" => {
            assigned(format!("tskey-auth-{}-{}", fill.of(ALPHANUMERIC, 16), fill.of(ALPHANUMERIC, 32)))
        }
        "GRAFANA_TOKEN" => assigned(format!("glsa_{}_{}", fill.of(ALPHANUMERIC, 32), fill.of(HEX, 8))),
        "GRAFANA_CLOUD_TOKEN" => assigned(format!("glc_eyJ{}", fill.of(ALPHANUMERIC, 100))),
        "NEW_RELIC_KEY" => assigned(format!("NRAK-{}", fill.of(UPPER, 27))),
        "DATADOG_KEY" => named("DATADOG_API", fill.of(HEX, 32)),
        "PLANETSCALE_TOKEN" => assigned(format!("pscale_tkn_{}", fill.of(ALPHANUMERIC, 43))),
        "SUPABASE_TOKEN" => assigned(format!("sbp_{}", fill.of(HEX, 40))),
        "DOCKER_PAT" => assigned(format!("dckr_pat_{}", fill.of(ALPHANUMERIC, 27))),
        "MAPBOX_SECRET_TOKEN" => {
            assigned(format!("sk.eyJ{}.{}", fill.of(ALPHANUMERIC, 80), fill.of(ALPHANUMERIC, 22)))
        }
        "SENTRY_TOKEN" => assigned(format!("sntryu_{}", fill.of(HEX, 64))),
        "ALGOLIA_ADMIN_KEY" => named("ALGOLIA_ADMIN", fill.of(HEX, 32)),
        "POSTHOG_PROJECT_KEY" => assigned(format!("phc_{}", fill.of(ALPHANUMERIC, 43))),
        "GITHUB_FINE_GRAINED" => {
            assigned(format!("github_pat_{}_{}", fill.of(ALPHANUMERIC, 22), fill.of(ALPHANUMERIC, 59)))
        }
        "GITHUB_TOKEN" => assigned(format!("ghp_{}", fill.of(ALPHANUMERIC, 36))),
        "GITLAB_TOKEN" => assigned(format!("glpat-{}", fill.of(ALPHANUMERIC, 20))),
        "GITLAB_DEPLOY_TOKEN" => assigned(format!("gldt-{}", fill.of(ALPHANUMERIC, 20))),
        "GITLAB_RUNNER_TOKEN" => assigned(format!("glrt-{}", fill.of(ALPHANUMERIC, 20))),
        "GITLAB_TRIGGER_TOKEN" => assigned(format!("glptt-{}", fill.of(HEX, 40))),
        "BITBUCKET_APP_PASSWORD" => assigned(format!("ATBB{}", fill.of(ALPHANUMERIC, 32))),
        "ATLASSIAN_TOKEN" => assigned(format!("ATATT3{}", fill.of(ALPHANUMERIC, 180))),
        "NPM_TOKEN" => assigned(format!("npm_{}", fill.of(ALPHANUMERIC, 36))),
        "PYPI_TOKEN" => assigned(format!("pypi-AgE{}", fill.of(ALPHANUMERIC, 160))),
        "CRATES_IO_TOKEN" => assigned(format!("cio{}", fill.of(ALPHANUMERIC, 32))),
        "RUBYGEMS_TOKEN" => assigned(format!("rubygems_{}", fill.of(HEX, 48))),
        "BUILDKITE_TOKEN" => assigned(format!("bkua_{}", fill.of(HEX, 40))),
        "ANTHROPIC_API_KEY" => assigned(format!("sk-ant-api03-{}AA", fill.of(ALPHANUMERIC, 93))),
        "OPENAI_PROJECT_KEY" => assigned(format!("sk-proj-{}", fill.of(ALPHANUMERIC, 120))),
        "OPENAI_API_KEY" => assigned(format!("sk-{}", fill.of(ALPHANUMERIC, 48))),
        "OPENROUTER_API_KEY" => assigned(format!("sk-or-v1-{}", fill.of(HEX, 64))),
        "GROQ_API_KEY" => assigned(format!("gsk_{}", fill.of(ALPHANUMERIC, 52))),
        "HUGGINGFACE_TOKEN" => assigned(format!("hf_{}", fill.of(ALPHANUMERIC, 34))),
        "REPLICATE_TOKEN" => assigned(format!("r8_{}", fill.of(ALPHANUMERIC, 37))),
        "POSTMAN_API_KEY" => assigned(format!("PMAK-{}-{}", fill.of(HEX, 24), fill.of(HEX, 34))),
        "LINEAR_API_KEY" => assigned(format!("lin_api_{}", fill.of(ALPHANUMERIC, 40))),
        "NOTION_TOKEN" => assigned(format!("ntn_{}{}", fill.of(DIGITS, 11), fill.of(ALPHANUMERIC, 35))),
        "FIGMA_TOKEN" => assigned(format!("figd_{}", fill.of(ALPHANUMERIC, 40))),
        "SLACK_WEBHOOK" => {
            let parts = [fill.of(UPPER, 9), fill.of(UPPER, 9), fill.of(ALPHANUMERIC, 24)];
            assigned(format!("https://hooks.slack.com/services/{}", parts.join("/")))
        }
        "SLACK_APP_TOKEN" => {
            assigned(format!("xapp-1-{}-{}-{}", fill.of(UPPER, 11), fill.of(DIGITS, 13), fill.of(HEX, 64)))
        }
        "SLACK_TOKEN" => assigned(format!(
            "xoxb-{}-{}-{}",
            fill.of(DIGITS, 12),
            fill.of(DIGITS, 12),
            fill.of(ALPHANUMERIC, 24)
        )),
        "DISCORD_WEBHOOK" => assigned(format!(
            "https://discord.com/api/webhooks/{}/{}",
            fill.of(DIGITS, 18),
            fill.of(ALPHANUMERIC, 68)
        )),
        "DISCORD_BOT_TOKEN" => named(
            "discord_bot",
            format!(
                "M{}.{}.{}",
                fill.of(ALPHANUMERIC, 23),
                fill.of(ALPHANUMERIC, 6),
                fill.of(ALPHANUMERIC, 38)
            ),
        ),
        "TELEGRAM_BOT_TOKEN" => assigned(format!("{}:AA{}", fill.of(DIGITS, 10), fill.of(ALPHANUMERIC, 33))),
        "TWILIO_API_KEY" => named("TWILIO_SID", format!("SK{}", fill.of(HEX, 32))),
        "TWILIO_AUTH_TOKEN" => named("TWILIO_AUTH_TOKEN", fill.of(HEX, 32)),
        "SENDGRID_API_KEY" => {
            assigned(format!("SG.{}.{}", fill.of(ALPHANUMERIC, 22), fill.of(ALPHANUMERIC, 43)))
        }
        "MAILGUN_KEY" => assigned(format!("key-{}", fill.of(HEX, 32))),
        "MAILCHIMP_API_KEY" => assigned(format!("{}-us12", fill.of(HEX, 32))),
        "STRIPE_SECRET_KEY" => assigned(format!("sk_live_{}", fill.of(ALPHANUMERIC, 24))),
        "STRIPE_TEST_KEY" => assigned(format!("sk_test_{}", fill.of(ALPHANUMERIC, 24))),
        "STRIPE_PUBLISHABLE_KEY" => assigned(format!("pk_live_{}", fill.of(ALPHANUMERIC, 24))),
        "STRIPE_WEBHOOK_SECRET" => assigned(format!("whsec_{}", fill.of(ALPHANUMERIC, 32))),
        "SQUARE_TOKEN" => assigned(format!("sq0csp-{}", fill.of(ALPHANUMERIC, 43))),
        "BRAINTREE_TOKEN" => {
            assigned(format!("access_token$production${}${}", fill.of(LOWER, 16), fill.of(HEX, 32)))
        }
        "SHOPIFY_TOKEN" => assigned(format!("shpat_{}", fill.of(HEX, 32))),
        "JWT_TOKEN" => {
            let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
            let header = part("{\"alg\":\"HS256\"}");
            let payload = part(&format!("{{\"sub\":\"{}\"}}", fill.of(LOWER, 40)));
            assigned(format!("{header}.{payload}.{}", fill.of(ALPHANUMERIC, 43)))
        }
        "DOCKER_AUTH" => Sample {
            before: "{\"auths\": {\"registry\": {\"auth\": \"".to_owned(),
            secret: STANDARD.encode(format!("u:{}", fill.of(ALPHANUMERIC, 24))),
            after: "\"}}}\n".to_owned(),
        },
        "DATABASE_URL" => Sample {
            before: "DB=postgresql+psycopg2://shop:".to_owned(),
            secret: fill.of(ALPHANUMERIC, 12),
            after: "@db.internal:5432/shop\n".to_owned(),
        },
        "HARDCODED_CONN_STRING" => Sample {
            before: "Server=db.internal;Database=shop;User Id=shop;Password=".to_owned(),
            secret: fill.of(ALPHANUMERIC, 12),
            after: ";Encrypt=true\n".to_owned(),
        },
        "URL_CREDENTIALS" => Sample {
            before: "mirror = https://shop:".to_owned(),
            secret: fill.of(ALPHANUMERIC, 16),
            after: "@mirror.internal/simple\n".to_owned(),
        },
        "OAUTH_CLIENT_SECRET" => named("clientSecret", fill.of(ALPHANUMERIC, 32)),
        "GENERIC_API_KEY" => named("shop_api_key", fill.of(ALPHANUMERIC, 32)),
        "GENERIC_SECRET" => named("session_secret", fill.of(ALPHANUMERIC, 32)),
        "HARDCODED_PASSWORD" => named("db_password", fill.of(ALPHANUMERIC, 12)),
        "ENV_PASSWORD" => Sample {
            before: "SHOP=1\nDB_PASSWORD=".to_owned(),
            secret: fill.of(ALPHANUMERIC, 14),
            after: "\n".to_owned(),
        },
        other => panic!("there is no sample of {other}"),
    }
}
