//! Versions, ordered as their ecosystem orders them.

mod go;
mod semantic;

use scanledger_domain::component::Ecosystem;
use std::str::FromStr;

/// A version that could be read. Only versions of one ecosystem are worth comparing.
///
/// The order is total, and equal versions are those the ecosystem does not tell apart: `1.0` and `1.0.0`
/// on PyPI, `1.0.0+a` and `1.0.0+b` elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Kind);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Semantic Versioning 2.0.0, build metadata dropped because it has no precedence.
    Semantic(semver::Version),
    /// PEP 440.
    Python(pep440_rs::Version),
}

impl Version {
    /// Reads `text` as a version of `ecosystem`; `None` if it is none.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Option<Self> {
        match ecosystem {
            Ecosystem::CratesIo | Ecosystem::Npm => semantic::parse(text).map(Kind::Semantic),
            Ecosystem::Go => go::parse(text).map(Kind::Semantic),
            Ecosystem::PyPi => pep440_rs::Version::from_str(text.trim()).ok().map(Kind::Python),
        }
        .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;
    use proptest::prelude::*;
    use scanledger_domain::component::Ecosystem;
    use std::cmp::Ordering;

    #[track_caller]
    fn ascending(ecosystem: Ecosystem, versions: &[&str]) {
        let parsed: Vec<_> =
            versions.iter().map(|v| Version::parse(ecosystem, v).unwrap_or_else(|| panic!("{v}"))).collect();
        for (i, a) in parsed.iter().enumerate() {
            for (j, b) in parsed.iter().enumerate() {
                assert_eq!(a.cmp(b), i.cmp(&j), "{} and {}", versions[i], versions[j]);
            }
        }
    }

    #[track_caller]
    fn equal(ecosystem: Ecosystem, pairs: &[(&str, &str)]) {
        for (a, b) in pairs {
            let (a, b) = (Version::parse(ecosystem, a).unwrap(), Version::parse(ecosystem, b).unwrap());
            assert_eq!(a.cmp(&b), Ordering::Equal, "{a:?} and {b:?}");
        }
    }

    #[track_caller]
    fn unreadable(ecosystem: Ecosystem, texts: &[&str]) {
        for text in texts {
            assert_eq!(Version::parse(ecosystem, text), None, "{text}");
        }
    }

    #[test]
    fn crates_order_by_semver_precedence() {
        ascending(
            Ecosystem::CratesIo,
            &[
                "0.0.0-0",
                "0.0.0",
                "1.0.0-alpha",
                "1.0.0-alpha.1",
                "1.0.0-alpha.beta",
                "1.0.0-beta",
                "1.0.0-beta.2",
                "1.0.0-beta.11",
                "1.0.0-rc.1",
                "1.0.0",
                "1.0.1-0",
                "1.2.0",
                "1.10.0",
            ],
        );
        equal(Ecosystem::CratesIo, &[("1.0.0+a", "1.0.0+b"), ("1.0.0", "1.0.0+20130313144700")]);
    }

    #[test]
    fn npm_versions_are_read_loosely() {
        equal(
            Ecosystem::Npm,
            &[
                ("v1.2.3", "1.2.3"),
                ("=1.2.3", "1.2.3"),
                (" = v1.2.3 ", "1.2.3"),
                ("1.2", "1.2.0"),
                ("1.2.3beta", "1.2.3-beta"),
                ("01.02.03", "1.2.3"),
                ("1.2.3-01", "1.2.3-1"),
                ("2.1.0-M1", "2.1.0-M1"),
            ],
        );
        ascending(Ecosystem::Npm, &["1.0.0-rc.9", "1.0.0-rc.10", "1.0.0", "4.17.20", "4.17.21"]);
        unreadable(
            Ecosystem::Npm,
            &["", "*", "latest", "1.2.3.4", "1..2", "1.2.3-", "1.2.3-a..b", "99999999999999999999.0.0"],
        );
    }

    #[test]
    fn go_modules_order_by_semver_with_their_prefix_and_suffixes() {
        ascending(
            Ecosystem::Go,
            &[
                "v0.0.0-20190308221718-c2843e01d9a2",
                "v0.0.0-20220525230936-793ad666bf5e",
                "v0.0.1",
                "v1.2.3-0.20200101000000-abcdefabcdef",
                "v1.2.3-pre",
                "v1.2.3-pre.0.20200101000000-abcdefabcdef",
                "v1.2.3",
                "v2.0.0+incompatible",
                "v14.0.0",
            ],
        );
        equal(Ecosystem::Go, &[("v2.0.0+incompatible", "2.0.0"), ("v1.2.3", "1.2.3")]);
    }

    #[test]
    fn go_releases_are_read_as_the_go_tool_writes_them() {
        ascending(
            Ecosystem::Go,
            &[
                "go1.9.7",
                "go1.20",
                "1.20.3",
                "1.21.0-0",
                "1.21beta1",
                "go1.21rc2",
                "1.21rc10",
                "go1.21.0",
                "1.21.1",
            ],
        );
        equal(
            Ecosystem::Go,
            &[
                ("go1.20", "1.20.0"),
                ("go1.20.3", "v1.20.3"),
                ("1.21rc2", "1.21.0-rc.2"),
                ("go1.27.0-rc.3", "1.27.0-rc.3"),
                ("go1.21.3-bigcorp", "1.21.3"),
                ("go1.22.1 X:nocoverageredesign", "1.22.1"),
                ("go1.24.4+auto", "1.24.4"),
            ],
        );
        unreadable(Ecosystem::Go, &["devel go1.23-abcdef", "go", "goo1.2", "1.2.3.4rc1"]);
    }

    #[test]
    fn python_versions_order_by_pep_440() {
        ascending(
            Ecosystem::PyPi,
            &[
                "0.9.dev1",
                "1.0.dev456",
                "1.0a1",
                "1.0a2.dev456",
                "1.0a12",
                "1.0b1.dev456",
                "1.0b2",
                "1.0b2.post345",
                "1.0rc1",
                "1.0",
                "1.0+abc.5",
                "1.0+5",
                "1.0.post456.dev34",
                "1.0.post456",
                "1.1.dev1",
                "1.10",
                "1!0.1",
            ],
        );
        equal(
            Ecosystem::PyPi,
            &[
                ("1.0", "1.0.0"),
                ("v1.0", "1.0"),
                ("1.0-1", "1.0.post1"),
                ("1.0.RC1", "1.0rc1"),
                ("1.0alpha1", "1.0a1"),
                ("0!1.0", "1.0"),
                (" 1.0 ", "1.0"),
            ],
        );
        unreadable(Ecosystem::PyPi, &["", "2019-09-12", "0.2.0-n653", "dev", "1.0.*"]);
    }

    fn versions() -> impl Strategy<Value = String> {
        "(go|v|=)?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}((-|\\.)?(a|b|rc|dev|post|beta|alpha|M)?[.-]?[0-9]{0,3}){0,2}(\\+[a-z0-9.]{1,5})?"
    }

    proptest! {
        #[test]
        fn reading_a_version_never_panics(text in "\\PC*") {
            for ecosystem in Ecosystem::ALL {
                let _ = Version::parse(ecosystem, &text);
            }
        }

        #[test]
        fn the_order_is_total(a in versions(), b in versions(), c in versions()) {
            for ecosystem in Ecosystem::ALL {
                let read = |text: &str| Version::parse(ecosystem, text);
                let (Some(a), Some(b), Some(c)) = (read(&a), read(&b), read(&c)) else { continue };
                prop_assert_eq!(a.cmp(&a), Ordering::Equal);
                prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
                prop_assert_eq!(a == b, a.cmp(&b) == Ordering::Equal);
                prop_assert!(!(a <= b && b <= c) || a <= c);
                prop_assert!(!(c <= b && b <= a) || c <= a);
            }
        }
    }
}
