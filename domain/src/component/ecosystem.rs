//! Package ecosystems, named as OSV names them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An ecosystem whose lockfiles and versions are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ecosystem {
    /// Rust.
    #[serde(rename = "crates.io")]
    CratesIo,
    /// Go modules, with `stdlib` and `toolchain`.
    #[serde(rename = "Go")]
    Go,
    /// JavaScript.
    #[serde(rename = "npm")]
    Npm,
    /// Python.
    #[serde(rename = "PyPI")]
    PyPi,
}

/// A word that names no known ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a known ecosystem: expected crates.io, Go, npm or PyPI")]
pub struct NotAnEcosystem;

impl Ecosystem {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CratesIo, Self::Go, Self::Npm, Self::PyPi];

    /// The name in OSV records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CratesIo => "crates.io",
            Self::Go => "Go",
            Self::Npm => "npm",
            Self::PyPi => "PyPI",
        }
    }

    /// The purl type.
    pub const fn purl_type(self) -> &'static str {
        match self {
            Self::CratesIo => "cargo",
            Self::Go => "golang",
            Self::Npm => "npm",
            Self::PyPi => "pypi",
        }
    }

    /// The one spelling of a package name: PEP 503 for PyPI, as published elsewhere.
    pub fn normalize(self, name: &str) -> String {
        match self {
            Self::CratesIo | Self::Go | Self::Npm => name.to_owned(),
            Self::PyPi => {
                let mut normalized = String::with_capacity(name.len());
                for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
                    if !normalized.is_empty() {
                        normalized.push('-');
                    }
                    normalized.push_str(&part.to_ascii_lowercase());
                }
                normalized
            }
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Ecosystem {
    type Err = NotAnEcosystem;
    /// Accepts an OSV ecosystem; a suffix after `:` (a release) is ignored.
    fn from_str(text: &str) -> Result<Self, NotAnEcosystem> {
        let name = text.split_once(':').map_or(text, |(name, _)| name);
        Self::ALL.into_iter().find(|e| e.as_str() == name).ok_or(NotAnEcosystem)
    }
}
