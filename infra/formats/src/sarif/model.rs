//! The parts of SARIF 2.1.0 that are written, in the words of the standard.

use crate::uri::Relative;
use serde::{Serialize, Serializer};
use std::fmt;
use uuid::Uuid;

pub(super) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name that other tools use for the root of the source.
pub(super) const ROOT: &str = "%SRCROOT%";

pub(super) const BASES: Bases =
    Bases { root: Described { description: Plain { text: "The root of the scanned source." } } };

#[derive(Serialize)]
pub(super) struct Log<'a, R> {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub version: &'static str,
    pub runs: [Run<'a, R>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'a, R> {
    pub tool: Tool<'a>,
    pub invocations: [Invocation; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_control_provenance: Option<[Provenance<'a>; 1]>,
    pub automation_details: AutomationDetails,
    pub original_uri_base_ids: Bases,
    pub results: R,
    pub properties: RunProperties<'a>,
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    pub driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Driver<'a> {
    pub name: &'static str,
    pub version: &'static str,
    pub semantic_version: &'static str,
    pub rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    pub id: &'a str,
    pub short_description: Plain<'a>,
    pub full_description: Plain<'a>,
    pub help: Message<Help<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_uri: Option<String>,
    pub default_configuration: Configuration,
    pub properties: RuleProperties,
}

#[derive(Serialize)]
pub(super) struct Configuration {
    pub level: Level,
}

#[derive(Serialize)]
pub(super) struct RuleProperties {
    pub tags: Vec<String>,
    pub precision: &'static str,
    #[serde(rename = "problem.severity")]
    pub problem_severity: &'static str,
    #[serde(rename = "security-severity")]
    pub security_severity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub execution_successful: bool,
    pub end_time_utc: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_execution_notifications: Vec<Notification>,
}

/// What the run says about itself (SARIF §3.58).
#[derive(Serialize)]
pub(super) struct Notification {
    pub level: &'static str,
    pub message: Told,
}

#[derive(Serialize)]
pub(super) struct Told {
    pub text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provenance<'a> {
    pub repository_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<&'a str>,
    pub mapped_to: BaseId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BaseId {
    pub uri_base_id: &'static str,
}

#[derive(Serialize)]
pub(super) struct AutomationDetails {
    pub id: String,
}

#[derive(Serialize)]
pub(super) struct Bases {
    #[serde(rename = "%SRCROOT%")]
    pub root: Described,
}

#[derive(Serialize)]
pub(super) struct Described {
    pub description: Plain<'static>,
}

#[derive(Serialize)]
pub(super) struct RunProperties<'a> {
    pub project: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult<'a, L> {
    pub rule_id: &'a str,
    pub rule_index: usize,
    pub level: Level,
    pub message: Message<Text<'a>>,
    pub locations: L,
    pub partial_fingerprints: Fingerprints<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_guid: Option<Uuid>,
    /// Always there: a run must know the suppressions of all its results or of none (SARIF §3.27.23).
    #[serde(serialize_with = "none_or_one")]
    pub suppressions: Option<Suppression<'a>>,
    /// What a run that is compared with none leaves out (SARIF §3.27.24).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_state: Option<Baseline>,
    pub properties: ResultProperties<'a>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Error,
    Warning,
    Note,
}

/// What became of a result since the run before.
#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(super) enum Baseline {
    New,
    Unchanged,
}

#[derive(Serialize)]
pub(super) struct Message<T> {
    pub text: T,
}

#[derive(Serialize)]
pub(super) struct Plain<'a> {
    pub text: &'a str,
}

#[derive(Serialize)]
pub(super) struct Fingerprints<'a> {
    #[serde(rename = "scanledger/v1")]
    pub own: &'a str,
    #[serde(rename = "primaryLocationLineHash")]
    pub line_hash: LineHash<'a>,
}

#[derive(Serialize)]
pub(super) struct Suppression<'a> {
    pub kind: &'static str,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultProperties<'a> {
    pub finding: Uuid,
    pub scanner: &'static str,
    pub severity: &'static str,
    pub state: &'static str,
    pub confidence: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cve: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub references: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical_location: Option<PhysicalLocation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<Version<'a>>,
}

#[derive(Serialize)]
pub(super) struct Version<'a> {
    pub version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation<'a> {
    pub artifact_location: ArtifactLocation<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation<'a> {
    pub uri: Address<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Address<'a> {
    File(Relative<'a>),
    Web(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region<'a> {
    pub start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Plain<'a>>,
}

/// An array whose items are made while they are written.
pub(super) struct Sequence<F>(pub F);

impl<F, I> Serialize for Sequence<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The message of a result: the title, and the description unless it says the same.
pub(super) struct Text<'a> {
    pub title: &'a str,
    pub description: &'a str,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title)?;
        if self.description.is_empty() || self.description == self.title {
            return Ok(());
        }
        write!(f, "\n\n{}", self.description)
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The help of a rule: its description and where to read more.
pub(super) struct Help<'a> {
    pub description: &'a str,
    pub references: &'a [String],
}

impl Serialize for Help<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Help<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description)?;
        self.references.iter().try_for_each(|reference| write!(f, "\n{reference}"))
    }
}

/// What GitHub recognises a finding by: 16 digits, `:` and the number among equal ones.
///
/// GitHub's own is the hash of the line; ours is the fingerprint, which also survives a change of the line's
/// surroundings and tells apart what was found on one line of a lockfile.
pub(super) struct LineHash<'a>(pub &'a str);

impl Serialize for LineHash<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:1", self.0.get(..16).unwrap_or(self.0)))
    }
}

fn none_or_one<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(value)
}
