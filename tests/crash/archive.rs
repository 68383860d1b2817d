//! Small projects to scan, made in memory.

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use serde_json::json;
use std::collections::BTreeSet;

/// How many secrets there are to choose from.
const SECRETS: u64 = 12;
/// Findings in the lockfile: one advisory each for minimatch, moment and morgan, two for the older lodash.
const OLDER_FINDINGS: u64 = 5;
/// As [`OLDER_FINDINGS`], with the mended lodash.
const NEWER_FINDINGS: u64 = 3;

/// A project: a lockfile with known-vulnerable versions, and some secrets, one a file.
#[derive(Debug, Clone)]
pub struct Project {
    /// The first of the numbers that its secrets have: what is decided about a secret holds wherever it stands, so
    /// that projects with one writer for each finding share none.
    first: u64,
    secrets: BTreeSet<u64>,
    has_newer_lodash: bool,
}

impl Project {
    /// One of the many that there are; those of another `family` have other secrets.
    pub fn random(random: &mut fastrand::Rng, family: u64) -> Self {
        let secrets = (0..SECRETS).filter(|_| random.bool()).collect();
        Self { first: family * SECRETS, secrets, has_newer_lodash: random.bool() }
    }

    /// How many findings a scan of it has.
    pub fn findings(&self) -> u64 {
        let in_lockfile = if self.has_newer_lodash { NEWER_FINDINGS } else { OLDER_FINDINGS };
        self.secrets.len() as u64 + in_lockfile
    }

    /// It as `.tar.gz`; the same bytes every time.
    pub fn tar_gz(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut add = |path: &str, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, content).unwrap();
        };
        add("package-lock.json", self.lockfile().as_bytes());
        for secret in &self.secrets {
            let line = format!("const access = \"{}\";\n", token(self.first + secret));
            add(&format!("src/file{secret}.js"), line.as_bytes());
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    fn lockfile(&self) -> String {
        let lodash = if self.has_newer_lodash { "4.17.21" } else { "4.17.15" };
        json!({
            "name": "shop",
            "lockfileVersion": 3,
            "packages": {
                "": { "name": "shop", "version": "1.0.0" },
                "node_modules/lodash": { "version": lodash },
                "node_modules/minimatch": { "version": "3.0.0" },
                "node_modules/moment": { "version": "2.10.0" },
                "node_modules/morgan": { "version": "1.8.0" },
            },
        })
        .to_string()
    }
}

/// A token in GitHub's form that nobody ever used: the same for the same number, different for others.
fn token(number: u64) -> String {
    let mut random = fastrand::Rng::with_seed(number);
    let random: String = (0..30).map(|_| random.alphanumeric()).collect();
    format!("ghp_{random}{}", checksum(&random))
}

/// GitHub's checksum: CRC32 in six digits of base62.
fn checksum(random: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = Crc::new();
    crc.update(random.as_bytes());
    let digit = |at| DIGITS[crc.sum() as usize / 62_usize.pow(at) % 62];
    (0..6).rev().map(|at| char::from(digit(at))).collect()
}
