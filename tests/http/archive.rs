//! Archives made in memory, with secrets that nobody ever used.

use flate2::write::GzEncoder;
use flate2::{Compression, Crc};

/// Files for an archive.
#[derive(Default, Clone)]
pub struct Files(Vec<(String, Vec<u8>)>);

impl Files {
    /// With one more file.
    pub fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.0.push((path.to_owned(), content.into()));
        self
    }

    /// With a source file that holds the secret number `n`.
    pub fn with_secret(self, path: &str, n: u64) -> Self {
        self.with(path, format!("const access = \"{}\";\n", token(n)))
    }

    /// With every file under a folder of this repository.
    pub fn with_folder(mut self, folder: &str) -> Self {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                    self.0.push((name, std::fs::read(&path).unwrap()));
                }
            }
        }
        self
    }

    /// As `.tar.gz`.
    pub fn tar_gz(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in &self.0 {
            let mut header = tar::Header::new_gnu();
            // Written past `set_path`, which refuses the escapes that some tests are about.
            let name = &mut header.as_old_mut().name;
            name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            tar.append(&header, content.as_slice()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }
}

/// A token in GitHub's form: the same for the same number, different for others.
pub fn token(n: u64) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ALPHABET[(state >> 33) as usize % ALPHABET.len()] as char
    };
    let random: String = (0..30).map(|_| next()).collect();
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

/// A project with `count` secrets, one a file.
pub fn leaky(count: u64) -> Files {
    (0..count).fold(Files::default().with("README.md", "# shop\n"), |files, n| {
        files.with_secret(&format!("src/file{n:02}.js"), n)
    })
}
