//! A generated source tree full of secrets that nobody ever used.

use anyhow::Result;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

/// Secrets in a file.
pub const SECRETS_A_FILE: usize = 10;
/// Findings in a folder `group…`.
pub const FINDINGS_A_GROUP: usize = 100;

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8] = b"0123456789abcdef";

/// What stands before a random part, what it is made of, and how long it is: one for each detector, with severities
/// from low to critical.
const SHAPES: [(&str, &[u8], usize); SECRETS_A_FILE] = [
    ("ghp_", ALPHANUMERIC, 30),
    ("glpat-", ALPHANUMERIC, 20),
    ("AKIA", BASE32, 16),
    ("AIza", ALPHANUMERIC, 35),
    ("npm_", ALPHANUMERIC, 30),
    ("dop_v1_", HEX, 64),
    ("GOCSPX-", ALPHANUMERIC, 28),
    ("glptt-", HEX, 40),
    ("sntryu_", HEX, 64),
    ("phc_", ALPHANUMERIC, 43),
];

/// Those that end with a checksum of their random part.
const CHECKED: [&str; 2] = ["ghp_", "npm_"];

/// A tree of `files` files with ten secrets each.
#[derive(Debug, Clone, Copy)]
pub struct Tree {
    /// Different trees share no secret.
    pub seed: u64,
    /// How many files it has.
    pub files: usize,
    /// Files from the first on that are left out.
    pub without: usize,
}

impl Tree {
    /// As `.tar.gz`.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for file in self.without..self.files {
            let content = self.content(file);
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path(file, self.files), content.as_bytes())?;
        }
        Ok(tar.into_inner()?.finish()?)
    }

    /// A file with `secrets` secrets, at most ten, and then code, of `bytes` bytes together.
    pub fn document(&self, file: usize, secrets: usize, bytes: usize) -> String {
        const WORDS: [&str; 12] = [
            "order", "customer", "total", "await", "const", "return", "fetch", "token", "address", "items",
            "key", "price",
        ];
        let mut random = Random::new(self.seed, file as u64);
        let mut text = self.with_secrets(file, secrets);
        while text.len() < bytes {
            text.push_str("    ");
            for _ in 0..8 {
                text.push_str(WORDS[usize::from(random.one_of(ALPHANUMERIC)) % WORDS.len()]);
                text.push([' ', '.', '(', ')', '=', ',', ';', '"'][usize::from(random.one_of(BASE32)) % 8]);
            }
            text.push('\n');
        }
        text.truncate(bytes);
        text
    }

    fn content(&self, file: usize) -> String {
        self.with_secrets(file, SECRETS_A_FILE)
    }

    fn with_secrets(&self, file: usize, secrets: usize) -> String {
        let mut random = Random::new(self.seed, file as u64);
        let mut text =
            String::from("// Settings of a part of the shop.\nimport { connect } from \"./net\";\n\n");
        for (n, (prefix, alphabet, length)) in SHAPES.into_iter().take(secrets).enumerate() {
            text.push_str(&format!("export const access{n} = \"{prefix}"));
            for _ in 0..length {
                // Nothing is repeated soon, because a detector may take what repeats itself for an example.
                let near = text.len().saturating_sub(8);
                let mut next = char::from(random.one_of(alphabet));
                while text[near..].contains(next) {
                    next = char::from(random.one_of(alphabet));
                }
                text.push(next);
            }
            if CHECKED.contains(&prefix) {
                let checksum = checksum(&text[text.len() - length..]);
                text.push_str(&checksum);
            }
            text.push_str("\";\nexport const timeout = 30_000; // how long we wait for the other side\n");
        }
        text.push_str("connect(access0);\n");
        text
    }
}

/// One half of the files is `left`, the other `right`; ten files have one group.
fn path(file: usize, files: usize) -> String {
    let half = if file.is_multiple_of(2) { "left" } else { "right" };
    let groups = (files * SECRETS_A_FILE / FINDINGS_A_GROUP).max(1);
    format!("src/{half}/group{}/file{file}.ts", file % groups)
}

/// Numbers without pattern, the same for the same seed (xorshift).
struct Random(u64);

/// The checksum of GitHub and npm: CRC32 in six digits of base62.
fn checksum(random: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = Crc::new();
    crc.update(random.as_bytes());
    let digit = |at| DIGITS[crc.sum() as usize / 62_usize.pow(at) % 62];
    (0..6).rev().map(|at| char::from(digit(at))).collect()
}

impl Random {
    fn new(seed: u64, file: u64) -> Self {
        let mixed = ((seed << 32) | file).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    fn one_of(&mut self, alphabet: &[u8]) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        alphabet[(self.0 >> 33) as usize % alphabet.len()]
    }
}
