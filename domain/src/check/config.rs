//! What a repository says about its checks, in `.dpendx.yml` (dpendx reference §8).
//!
//! Nothing in it can fail a check: what is unknown or not valid is told as a warning, and the default holds.

mod read;

pub use read::ConfigRead;

use crate::component::Ecosystem;
use crate::severity::Severity;
use serde::{Deserialize, Serialize};

/// Which files of a pull request count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ScanMode {
    /// All of the repository.
    #[default]
    #[serde(rename = "full")]
    Full,
    /// Files that name dependencies and that the pull request changes.
    #[serde(rename = "diff")]
    Diff,
}

/// What makes a check fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BlockOn {
    /// A vulnerable package that is imported.
    #[default]
    #[serde(rename = "imported")]
    Imported,
    /// Any vulnerable package.
    #[serde(rename = "all")]
    All,
    /// One whose vulnerability is critical.
    #[serde(rename = "critical_only")]
    CriticalOnly,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Switch {
    /// It is.
    #[default]
    #[serde(rename = "on")]
    On,
    /// It is not.
    #[serde(rename = "off")]
    Off,
}

/// What a repository says about its checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckConfig {
    /// Which files count.
    #[serde(rename = "mode", default)]
    pub mode: ScanMode,
    /// Whose packages count; empty for all.
    #[serde(rename = "ecosystems", skip_serializing_if = "Vec::is_empty", default)]
    pub ecosystems: Vec<Ecosystem>,
    /// Patterns of paths that do not count.
    #[serde(rename = "excludePaths", skip_serializing_if = "Vec::is_empty", default)]
    pub exclude_paths: Vec<String>,
    /// Whether vulnerabilities are looked for.
    #[serde(rename = "vulnerability", default)]
    pub vulnerability: Switch,
    /// What is not as bad as this is not listed.
    #[serde(rename = "threshold", default = "lowest")]
    pub threshold: Severity,
    /// What makes a check fail.
    #[serde(rename = "blockOn", default)]
    pub block_on: BlockOn,
    /// Advisories, by id or alias, that are not listed.
    #[serde(rename = "ignoreIds", skip_serializing_if = "Vec::is_empty", default)]
    pub ignore_ids: Vec<String>,
    /// Whether it counts what is imported; without it, nothing is.
    #[serde(rename = "reachability", default)]
    pub reachability: Switch,
}

const fn lowest() -> Severity {
    Severity::Low
}

impl Default for CheckConfig {
    fn default() -> Self {
        Self {
            mode: ScanMode::Full,
            ecosystems: vec![],
            exclude_paths: vec![],
            vulnerability: Switch::On,
            threshold: lowest(),
            block_on: BlockOn::Imported,
            ignore_ids: vec![],
            reachability: Switch::On,
        }
    }
}
