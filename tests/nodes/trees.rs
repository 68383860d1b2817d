//! Sources to scan: small ones, large ones, and how they are uploaded.

use crate::node::{Answer, Node, send};
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use reqwest::Method;
use reqwest::multipart::{Form, Part};

/// A `.tar.gz` of a lockfile with vulnerable versions, and so many files with a secret each.
pub fn leaky(secrets: u64) -> Vec<u8> {
    packed(secrets, 0)
}

/// As [`leaky`], with `filler` files more that take time to look at, for what looks like a secret and is none.
pub fn large(secrets: u64, filler: u64) -> Vec<u8> {
    packed(secrets, filler)
}

/// Uploads it to a node as the project `name`.
pub async fn upload(node: &Node, name: &str, archive: Vec<u8>) -> Answer {
    send(request(node, name, archive)).await
}

/// An upload that is still to be sent.
pub fn request(node: &Node, name: &str, archive: Vec<u8>) -> reqwest::RequestBuilder {
    let part = Part::bytes(archive).file_name("shop.tar.gz");
    let form = Form::new().part("source", part).text("newProjectName", name.to_owned());
    node.request(Method::POST, "/api/scans").multipart(form)
}

/// The scan that an upload was answered with.
#[track_caller]
pub fn scan_of(answer: &Answer) -> String {
    answer.expect(201)["scanId"].as_str().unwrap().to_owned()
}

fn packed(secrets: u64, filler: u64) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut add = |path: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content).unwrap();
    };
    let lockfile = serde_json::json!({
        "name": "shop",
        "lockfileVersion": 3,
        "packages": {
            "": { "name": "shop", "version": "1.0.0" },
            "node_modules/minimatch": { "version": "3.0.0" },
            "node_modules/moment": { "version": "2.10.0" },
        },
    });
    add("package-lock.json", lockfile.to_string().as_bytes());
    // Several in a file, because the number of files is limited.
    for file in 0..secrets.div_ceil(100) {
        let lines = file * 100..secrets.min((file + 1) * 100);
        let text: String = lines.map(|number| format!("const access = \"{}\";\n", token(number))).collect();
        add(&format!("src/file{file}.js"), text.as_bytes());
    }
    for file in 0..filler {
        let text: String = (0..800)
            .map(|line| {
                format!("const apiKey{line} = process.env.API_KEY || secret(password, token, \"{file}\");\n")
            })
            .collect();
        add(&format!("lib/part{file}.js"), text.as_bytes());
    }
    tar.into_inner().unwrap().finish().unwrap()
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
