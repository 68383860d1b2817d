//! Components: the packages a project is made of, and how they are named.

mod ecosystem;

pub use ecosystem::{Ecosystem, NotAnEcosystem};

use serde::{Deserialize, Serialize};

/// A package in an ecosystem, under its normalised name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Package {
    /// Whose package it is.
    #[serde(rename = "ecosystem")]
    pub ecosystem: Ecosystem,
    /// Normalised as the ecosystem says (PyPI: PEP 503), so that equal packages have equal names.
    #[serde(rename = "name")]
    pub name: String,
}

impl Package {
    /// The package, with its name normalised.
    pub fn new(ecosystem: Ecosystem, name: &str) -> Self {
        Self { ecosystem, name: ecosystem.normalize(name) }
    }

    /// Canonical purl without a version (purl-spec; see the types table of ECMA-427).
    pub fn purl(&self) -> String {
        self.purl_of(None)
    }

    /// Canonical purl with `version`.
    pub fn purl_at(&self, version: &str) -> String {
        self.purl_of(Some(version))
    }

    fn purl_of(&self, version: Option<&str>) -> String {
        let (namespace, name) = match self.ecosystem {
            Ecosystem::Go | Ecosystem::Npm => match self.name.rsplit_once('/') {
                Some((namespace, name)) => (Some(namespace), name),
                None => (None, self.name.as_str()),
            },
            Ecosystem::CratesIo | Ecosystem::PyPi => (None, self.name.as_str()),
        };
        let mut purl = format!("pkg:{}/", self.ecosystem.purl_type());
        if let Some(namespace) = namespace {
            for segment in namespace.split('/') {
                encode_into(&mut purl, &self.purl_case(segment));
                purl.push('/');
            }
        }
        encode_into(&mut purl, &self.purl_case(name));
        if let Some(version) = version {
            purl.push('@');
            // Go versions keep their `v` in purls, as every tool of that ecosystem writes them.
            if self.ecosystem == Ecosystem::Go && version.starts_with(|c: char| c.is_ascii_digit()) {
                purl.push('v');
            }
            encode_into(&mut purl, version);
        }
        purl
    }

    fn purl_case(&self, part: &str) -> String {
        match self.ecosystem {
            Ecosystem::Go => part.to_lowercase(),
            Ecosystem::Npm | Ecosystem::CratesIo | Ecosystem::PyPi => part.to_owned(),
        }
    }
}

/// Percent-encodes everything but the characters that purl leaves alone.
fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' | b':' => {
                out.push(byte as char)
            }
            _ => {
                out.push('%');
                out.push(hex_digit(byte >> 4));
                out.push(hex_digit(byte & 15));
            }
        }
    }
}

const fn hex_digit(nibble: u8) -> char {
    (if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }) as char
}

/// What a component is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Needed when the product runs.
    #[serde(rename = "runtime")]
    Runtime,
    /// Needed to build or test it.
    #[serde(rename = "development")]
    Development,
    /// Used if present.
    #[serde(rename = "optional")]
    Optional,
}

/// A package at a version, as a lockfile names it. Identified by package, version and path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Component {
    /// The package.
    #[serde(rename = "package")]
    pub package: Package,
    /// The version as the lockfile writes it, without Go's `v`.
    #[serde(rename = "version")]
    pub version: String,
    /// The lockfile, relative to the root of the source, with `/`.
    #[serde(rename = "path")]
    pub path: String,
    /// What it is needed for.
    #[serde(rename = "scope")]
    pub scope: Scope,
    /// Whether the project itself asks for it; `None` where the lockfile does not say.
    #[serde(rename = "direct", skip_serializing_if = "Option::is_none", default)]
    pub direct: Option<bool>,
}

impl Component {
    /// Canonical purl with version.
    pub fn purl(&self) -> String {
        self.package.purl_at(&self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ecosystem, Package};

    #[test]
    fn purls_are_canonical() {
        let cases = [
            (Ecosystem::Npm, "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
            (Ecosystem::Npm, "lodash", "4.17.0", "pkg:npm/lodash@4.17.0"),
            (Ecosystem::PyPi, "Foo_Bar.baz", "1.0+local", "pkg:pypi/foo-bar-baz@1.0%2Blocal"),
            (Ecosystem::CratesIo, "serde_json", "1.0.1", "pkg:cargo/serde_json@1.0.1"),
            (
                Ecosystem::Go,
                "github.com/Masterminds/semver/v3",
                "3.1.0",
                "pkg:golang/github.com/masterminds/semver/v3@v3.1.0",
            ),
            (Ecosystem::Go, "stdlib", "1.20", "pkg:golang/stdlib@v1.20"),
        ];
        for (ecosystem, name, version, purl) in cases {
            assert_eq!(Package::new(ecosystem, name).purl_at(version), purl);
        }
    }
}
