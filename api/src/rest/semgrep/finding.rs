//! Findings as clients upload them (reference §11.4).

use scanledger_commands::ci::LeftOut;
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::{Columns, RuleTags, Transitivity, UploadFacts, UploadedPackage, Validation};
use scanledger_domain::limits::{
    CLIENT_NAME_CHARS, DESCRIPTION_BYTES, PATH_BYTES, REFERENCES, RULE_ID_CHARS, TITLE_BYTES,
};
use scanledger_domain::policy::Rule;
use scanledger_domain::scan::{plain_message, plain_text, plain_url};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind, Uploaded};
use scanledger_domain::secret::SecretFinder;
use scanledger_domain::severity::Severity;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;
use utoipa::ToSchema;

/// The rules that the organization runs, by id.
pub(super) type Known<'a> = HashMap<&'a str, &'a Rule>;

/// A finding as it was sent: one that cannot be read spoils no other.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum SentFinding {
    /// One that can be read.
    Finding(Box<FindingIn>),
    /// Anything else.
    Other(OtherIn),
}

/// What is looked at of a finding that cannot be read.
#[derive(Deserialize)]
pub struct OtherIn {
    #[serde(default)]
    check_id: Value,
    #[serde(default)]
    path: Value,
}

/// A finding that will not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Odd {
    /// Why, for people. Repeats nothing of it: clients print this.
    pub problem: &'static str,
    /// Where it is, as far as it says so.
    pub left: LeftOut,
}

impl SentFinding {
    /// What a client found, in our words.
    ///
    /// # Errors
    /// What cannot be read, and a name, a rule or a path that will not do.
    pub(super) fn read(self, known: &Known<'_>, finder: &dyn SecretFinder) -> Result<Detection, Odd> {
        match self {
            Self::Finding(finding) => detection(*finding, known, finder),
            Self::Other(OtherIn { check_id, path }) => {
                let text = |value: Value| value.as_str().map(str::to_owned);
                let left = LeftOut { rule: text(check_id), path: text(path) };
                Err(Odd { problem: "it cannot be read", left })
            }
        }
    }
}

/// A finding of a client.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::FindingIn)]
pub struct FindingIn {
    /// The rule.
    check_id: String,
    path: String,
    /// From 1.
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
    #[serde(default)]
    message: String,
    /// 0 low, 1 medium, 2 high, 3 critical, 4 an experiment.
    severity: u8,
    syntactic_id: Option<String>,
    /// The client's name of it.
    match_based_id: String,
    /// The rule's own.
    #[serde(default, deserialize_with = "kept")]
    #[schema(value_type = Object)]
    metadata: Value,
    sca_info: Option<ScaIn>,
    validation_state: Option<String>,
}

/// What a client says about a vulnerable package.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::ScaIn)]
pub struct ScaIn {
    #[serde(default)]
    reachable: bool,
    dependency_match: MatchIn,
}

/// A package that a rule is about.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::MatchIn)]
pub struct MatchIn {
    found_dependency: DependencyIn,
    lockfile: Option<String>,
}

/// A package of the source.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::DependencyIn)]
pub struct DependencyIn {
    package: String,
    version: String,
    ecosystem: String,
    transitivity: Option<String>,
    lockfile_path: Option<String>,
}

/// What of a rule's metadata is looked at.
const KEPT: [&str; 12] = [
    "category",
    "confidence",
    "subcategory",
    "vulnerability_class",
    "cwe",
    "owasp",
    "technology",
    "references",
    "product",
    "sca-vuln-database-identifier",
    "ghsa",
    "sca-fix-versions",
];

/// Reads what is looked at, and skips the rest: every finding repeats all metadata of its rule.
fn kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    struct Kept;
    impl<'de> Visitor<'de> for Kept {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
            let mut kept = Map::new();
            while let Some(name) = fields.next_key::<String>()? {
                if KEPT.contains(&name.as_str()) {
                    kept.insert(name, fields.next_value()?);
                } else {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
            Ok(Value::Object(kept))
        }
    }
    deserializer.deserialize_map(Kept)
}

fn detection(finding: FindingIn, known: &Known<'_>, finder: &dyn SecretFinder) -> Result<Detection, Odd> {
    let odd = |problem: &'static str| {
        let left = LeftOut { rule: Some(finding.check_id.clone()), path: Some(finding.path.clone()) };
        Err(Odd { problem, left })
    };
    let is_name = |name: &str| {
        (1..=CLIENT_NAME_CHARS).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if !is_name(&finding.match_based_id) {
        return odd("match_based_id must be hex digits, an underscore and a number");
    }
    if !(1..=RULE_ID_CHARS).contains(&finding.check_id.len())
        || finding.check_id.chars().any(char::is_control)
    {
        return odd("check_id is no id of a rule");
    }
    if finding.path.is_empty() || finding.path.len() > PATH_BYTES {
        return odd("path is empty or too long");
    }
    let rule = known.get(finding.check_id.as_str()).copied();
    let metadata = rule.map_or(&finding.metadata, |rule| &rule.definition["metadata"]);
    let tags = RuleTags::of_metadata(metadata);
    let scanner = scanner(&finding);
    let message = message(&finding, rule, scanner, finder);
    let package = finding.sca_info.as_ref().map(uploaded_package);
    let known_package = package
        .as_ref()
        .and_then(|package| Some(Package::new(ecosystem(&package.ecosystem)?, &package.name)));
    let advisories = advisories(&finding.metadata, scanner);
    let place = Place {
        path: finding.path.clone(),
        line: finding.line.filter(|line| *line > 0),
        end_line: finding.end_line.filter(|line| *line > 0),
        version: package.as_ref().map(|package| package.version.clone()),
    };
    let fixed_version = package.as_ref().and_then(|package| fix(&finding.metadata, &package.name));
    let facts = UploadFacts {
        match_based_id: finding.match_based_id,
        syntactic_id: finding.syntactic_id.filter(|id| is_name(id)),
        path: finding.path,
        validation: finding.validation_state.as_deref().and_then(validation),
        package,
        tags: tags.clone(),
    };
    let uploaded = Uploaded {
        scanner,
        facts,
        columns: finding.column.zip(finding.end_column).map(|(start, end)| Columns { start, end }),
        package: known_package,
        advisories: advisories.clone(),
    };
    Ok(Detection {
        identity: Identity::Upload(Box::new(uploaded)),
        rule: finding.check_id,
        title: cut(first_sentence(&message), TITLE_BYTES).to_owned(),
        description: cut(&message, DESCRIPTION_BYTES).to_owned(),
        severity: severity(finding.severity),
        cwe: tags.cwe(),
        cve: advisories.into_iter().find(|id| id.starts_with("CVE-")),
        confidence: tags.confidence.map_or(0.5, scanledger_domain::finding::Confidence::as_number),
        places: vec![place],
        fixed_version,
        excerpt: None,
        references: references(metadata),
    })
}

/// What kind of scanner finds such things: the client says so in three ways.
fn scanner(finding: &FindingIn) -> ScannerKind {
    if finding.sca_info.is_some() {
        ScannerKind::Sca
    } else if finding.metadata["product"] == "secrets" {
        ScannerKind::Secrets
    } else {
        ScannerKind::Sast
    }
}

const fn severity(number: u8) -> Severity {
    match number {
        0 => Severity::Low,
        1 => Severity::Medium,
        2 => Severity::High,
        3 => Severity::Critical,
        _ => Severity::Info,
    }
}

/// What a finding tells people. A client fills in what the pattern matched, which may be a password: so it is the words
/// of the rule that count, where the rule is known.
fn message(
    finding: &FindingIn,
    rule: Option<&Rule>,
    scanner: ScannerKind,
    finder: &dyn SecretFinder,
) -> String {
    match rule {
        Some(rule) => rule.message.trim().to_owned(),
        None if scanner == ScannerKind::Secrets => format!("{} found a secret.", finding.check_id),
        None => {
            let text = plain_message(&finding.message, finder);
            if text.is_empty() { finding.check_id.clone() } else { text }
        }
    }
}

fn first_sentence(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default().trim();
    line.find(". ").map_or(line, |end| &line[..end]).trim_end_matches('.')
}

/// At most `bytes` of a text, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn validation(word: &str) -> Option<Validation> {
    Some(match word {
        "CONFIRMED_VALID" => Validation::Valid,
        "CONFIRMED_INVALID" => Validation::Invalid,
        "VALIDATION_ERROR" => Validation::Error,
        "NO_VALIDATOR" => Validation::None,
        _ => return None,
    })
}

fn uploaded_package(sca: &ScaIn) -> UploadedPackage {
    let found = &sca.dependency_match.found_dependency;
    let text = |text: &str| plain_text(text).unwrap_or_default();
    let lockfile = sca.dependency_match.lockfile.as_ref().or(found.lockfile_path.as_ref());
    UploadedPackage {
        ecosystem: text(&found.ecosystem),
        name: text(&found.package),
        version: text(&found.version),
        transitivity: match found.transitivity.as_deref() {
            Some("direct") => Transitivity::Direct,
            Some("transitive") => Transitivity::Transitive,
            Some(_) | None => Transitivity::Unknown,
        },
        lockfile: lockfile.filter(|path| path.len() <= PATH_BYTES).cloned(),
        reachable: sca.reachable,
    }
}

/// The ecosystem of a client's word for it, if its packages are understood here.
fn ecosystem(word: &str) -> Option<Ecosystem> {
    Some(match word {
        "npm" => Ecosystem::Npm,
        "pypi" => Ecosystem::PyPi,
        "gomod" => Ecosystem::Go,
        "cargo" => Ecosystem::CratesIo,
        _ => return None,
    })
}

fn advisories(metadata: &Value, scanner: ScannerKind) -> Vec<String> {
    if scanner != ScannerKind::Sca {
        return vec![];
    }
    let ids =
        ["sca-vuln-database-identifier", "ghsa"].into_iter().filter_map(|field| metadata[field].as_str());
    let mut ids: Vec<String> = ids.filter_map(plain_text).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The first version that mends a package: `[{name: version}]`.
fn fix(metadata: &Value, package: &str) -> Option<String> {
    let fixes = metadata["sca-fix-versions"].as_array()?;
    plain_text(fixes.iter().find_map(|fix| fix[package].as_str())?)
}

fn references(metadata: &Value) -> Vec<String> {
    let all = metadata["references"].as_array().into_iter().flatten();
    all.filter_map(|url| plain_url(url.as_str()?)).take(REFERENCES).collect()
}

#[cfg(test)]
#[path = "finding_tests.rs"]
mod tests;
