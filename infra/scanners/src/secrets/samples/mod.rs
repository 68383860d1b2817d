//! An example of every kind of secret, put together when the tests run, so that no scanner takes this
//! repository for a leak.

mod keys;
mod templates;

use super::checks::{base62_checksum, bech32_checksum, grafana_checksum};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use keys::pem;

const HEX: &str = "0123456789abcdef";
const BECH32: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
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

    fn below(&mut self, limit: usize) -> usize {
        self.state.as_mut().map_or(0, |state| {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            (*state >> 33) as usize % limit
        })
    }

    pub(super) fn of(&mut self, alphabet: &str, length: usize) -> String {
        let characters = alphabet.as_bytes();
        (0..length).map(|_| char::from(characters[self.below(characters.len())])).collect()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }

    /// `template` with `{A36}` replaced by 36 characters of the alphabet `A`, and so on.
    fn template(&mut self, template: &str) -> String {
        let mut parts = template.split('{');
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            let (place, rest) = part.split_once('}').unwrap();
            let length = || place[1..].parse().unwrap();
            text += &match &place[..1] {
                "A" => self.of(ALPHANUMERIC, length()),
                "L" => self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", length()),
                "U" => self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", length()),
                "l" => self.of("abcdefghijklmnopqrstuvwxyz0123456789", length()),
                "b" => self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length()),
                "h" => self.of(HEX, length()),
                "d" => self.of(DIGITS, length()),
                "u" => [8, 4, 4, 4, 12].map(|length| self.of(HEX, length)).join("-"),
                other => panic!("there is no alphabet {other}"),
            };
            text += rest;
        }
        text
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

    /// A text like this one with another value in place of the secret.
    pub(super) fn with(&self, secret: &str) -> String {
        format!("{}{secret}{}", self.before, self.after)
    }

    fn within(before: &str, secret: String, after: &str) -> Self {
        Self { before: before.to_owned(), secret, after: after.to_owned() }
    }
}

/// A secret of the detector `id`, as short as it can be.
pub(super) fn sample(id: &str, fill: &mut Fill) -> Sample {
    if let Some((_, name, template)) = templates::LIST.iter().find(|(of, ..)| *of == id) {
        let before = if name.is_empty() { "value: \"".to_owned() } else { format!("{name} = \"") };
        return Sample::within(&before, fill.template(template), "\"\n");
    }
    let secret = computed(id, fill);
    match id {
        "GCP_SERVICE_ACCOUNT" => {
            let before = "{\n  \"type\": \"service_account\",\n  \"private_key\": \"";
            Sample::within(before, secret, "\\n\"\n}\n")
        }
        "PRIVATE_KEY" | "ENCRYPTED_PRIVATE_KEY" => Sample::within("# key\n", secret, "\n"),
        "WIREGUARD_KEY" => Sample::within("[Interface]\nPrivateKey = ", secret, "\n"),
        "AZURE_CONNECTION_STRING" => Sample::within(
            "DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=",
            secret,
            ";EndpointSuffix=core.windows.net\n",
        ),
        "AZURE_SHARED_ACCESS_KEY" => {
            Sample::within("Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKey=", secret, "\n")
        }
        "CLOUDINARY_URL" => Sample::within("URL=cloudinary://123459876012345:", secret, "@shop\n"),
        "DINGTALK_WEBHOOK" => {
            Sample::within("https://oapi.dingtalk.com/robot/send?access_token=", secret, "\n")
        }
        "WECOM_WEBHOOK" => {
            Sample::within("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", secret, "\n")
        }
        "LARK_WEBHOOK" => Sample::within("https://open.feishu.cn/open-apis/bot/v2/hook/", secret, "\n"),
        "DOCKER_AUTH" => Sample::within("{\"auths\": {\"registry\": {\"auth\": \"", secret, "\"}}}\n"),
        "DATABASE_URL" => {
            Sample::within("DB=postgresql+psycopg2://shop:", secret, "@db.internal:5432/shop\n")
        }
        "HARDCODED_CONN_STRING" => Sample::within(
            "Server=db.internal;Database=shop;User Id=shop;Password=",
            secret,
            ";Encrypt=true\n",
        ),
        "URL_CREDENTIALS" => Sample::within("mirror = https://shop:", secret, "@mirror.internal/simple\n"),
        "ENV_PASSWORD" => Sample::within("SHOP=1\nDB_PASSWORD=", secret, "\n"),
        "DISCORD_BOT_TOKEN" => Sample::within("discord_bot = \"", secret, "\"\n"),
        _ => Sample::within("value: \"", secret, "\"\n"),
    }
}

/// Secrets that have a checksum or something encoded in them, and those that stand in a text of their own.
fn computed(id: &str, fill: &mut Fill) -> String {
    let json_of = |random: String| URL_SAFE_NO_PAD.encode(format!("{{\"u\":\"shop\",\"a\":\"{random}\"}}"));
    match id {
        "GCP_SERVICE_ACCOUNT" => pem(fill, "", "\\n"),
        "PRIVATE_KEY" => pem(fill, "RSA ", "\n"),
        "ENCRYPTED_PRIVATE_KEY" => pem(fill, "ENCRYPTED ", "\n"),
        "AGE_SECRET_KEY" => {
            let data = fill.of(BECH32, 52);
            let checksum = bech32_checksum(data.as_bytes());
            format!("AGE-SECRET-KEY-1{data}{checksum}")
        }
        "WIREGUARD_KEY" => fill.template("{A42}A="),
        "GITHUB_TOKEN" => with_checksum("ghp_", fill),
        "NPM_TOKEN" => with_checksum("npm_", fill),
        "GRAFANA_TOKEN" => {
            let rest = fill.template("glsa_{A32}");
            let checksum = grafana_checksum(rest.as_bytes());
            format!("{rest}_{checksum}")
        }
        "GRAFANA_CLOUD_TOKEN" => {
            format!("glc_{}", STANDARD_NO_PAD.encode(format!("{{\"k\":\"{}\"}}", fill.of(ALPHANUMERIC, 32))))
        }
        "PYPI_TOKEN" => {
            let start = URL_SAFE_NO_PAD.encode([b"\x02\x01\x08pypi.org".as_slice(), b"\x02"].concat());
            format!("pypi-{start}{}", fill.of(ALPHANUMERIC, 53 - start.len()))
        }
        "MAPBOX_SECRET_TOKEN" => format!("sk.{}.{}", json_of(fill.template("{l24}")), fill.template("{A20}")),
        "ONEPASSWORD_TOKEN" => format!("ops_{}", json_of(fill.template("{A200}"))),
        "INTERCOM_TOKEN" => STANDARD.encode(fill.template("tok:{h8}_{h4}_{h4}_{h4}_{h12}:1:0")),
        "JFROG_REFERENCE_TOKEN" => STANDARD.encode(fill.template("reftkn:01:{d10}:{A27}")),
        "AWS_BEDROCK_KEY" => {
            format!("ABSK{}", STANDARD_NO_PAD.encode(fill.template("BedrockAPIKey-{l4}-at-{d12}:{A47}")))
        }
        "DISCORD_BOT_TOKEN" => {
            let number = URL_SAFE_NO_PAD.encode(fill.template("1{d17}"));
            format!("{number}.{}", fill.template("{A6}.{A27}"))
        }
        "AZURE_CONNECTION_STRING" => fill.template("{A86}=="),
        "AZURE_SHARED_ACCESS_KEY" => fill.template("{A43}="),
        "CLOUDINARY_URL" => fill.template("{A27}"),
        "DINGTALK_WEBHOOK" => fill.template("{h64}"),
        "WECOM_WEBHOOK" | "LARK_WEBHOOK" => fill.template("{u}"),
        "JWT_TOKEN" => {
            let header = URL_SAFE_NO_PAD.encode("{\"alg\":\"HS256\"}");
            format!("{header}.{}.{}", json_of(fill.template("{l40}")), fill.template("{A20}"))
        }
        "DOCKER_AUTH" => STANDARD.encode(fill.template("u:{A24}")),
        "DATABASE_URL" | "HARDCODED_CONN_STRING" | "URL_CREDENTIALS" | "ENV_PASSWORD" => {
            fill.template("{L5}7{L6}4{A1}")
        }
        other => panic!("there is no sample of {other}"),
    }
}

fn with_checksum(prefix: &str, fill: &mut Fill) -> String {
    let random = fill.of(ALPHANUMERIC, 30);
    let checksum = base62_checksum(random.as_bytes());
    format!("{prefix}{random}{}", str::from_utf8(&checksum).unwrap())
}

/// Texts that are nearly like the sample of `id` and hold no secret of its kind.
pub(super) fn near_misses(id: &str, sample: &Sample, opens_word: bool) -> Vec<String> {
    let secret = &sample.secret;
    let other = match id {
        // A default that images have, or a variable.
        "DATABASE_URL" => Some(["postgres", "${PASSWORD}"]),
        "HARDCODED_CONN_STRING" => Some(["password", "%PASS%WORD"]),
        "URL_CREDENTIALS" => Some(["username", "$TOKEN"]),
        // A word, or something that is computed.
        "ENV_PASSWORD" | "HARDCODED_PASSWORD" => Some(["passwordfield", "read(0x1)"]),
        // No user, no password.
        "DOCKER_AUTH" => Some(["c2hvcHNob3BzaG9wc2hvcA", "c2hvcDo3"]),
        _ => None,
    };
    if let Some(others) = other {
        return others.map(|other| sample.with(other)).into();
    }
    let shorter = &secret[..secret.len() - 1];
    let mut other_alphabet = secret.clone();
    other_alphabet.replace_range(secret.len() / 2..=secret.len() / 2, "!");
    let mut misses = vec![sample.with(shorter), sample.with(&other_alphabet)];
    if opens_word {
        misses.push(sample.with(&format!("x{secret}")));
    }
    misses
}
