//! Words of the dialect about packages (reference §5, supply chain).

use scanledger_domain::component::Ecosystem;
use scanledger_domain::finding::Transitivity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether the source uses what is vulnerable in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Exposure)]
#[serde(rename_all = "snake_case")]
pub enum ExposureWord {
    /// It does.
    Reachable,
    /// It does, whatever is done. That is not told apart here, so that no finding has it.
    AlwaysReachable,
    /// It may. That is not told apart here, so that no finding has it.
    ConditionallyReachable,
    /// It does not.
    Unreachable,
    /// Nobody knows.
    Unknown,
}

impl ExposureWord {
    /// Whether that is used; none for what no finding has.
    pub const fn used(self) -> Option<Option<bool>> {
        match self {
            Self::Reachable => Some(Some(true)),
            Self::Unreachable => Some(Some(false)),
            Self::Unknown => Some(None),
            Self::AlwaysReachable | Self::ConditionallyReachable => None,
        }
    }
}

/// The words with spaces that findings have for it.
pub const fn reachability(used: Option<bool>) -> &'static str {
    match used {
        Some(true) => "reachable",
        Some(false) => "unreachable",
        None => "no reachability analysis",
    }
}

/// How a package came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Transitivity)]
#[serde(rename_all = "snake_case")]
pub enum TransitivityWord {
    /// The project asks for it.
    Direct,
    /// Something else does.
    Transitive,
    /// Nobody knows.
    Unknown,
}

impl From<Transitivity> for TransitivityWord {
    fn from(transitivity: Transitivity) -> Self {
        match transitivity {
            Transitivity::Direct => Self::Direct,
            Transitivity::Transitive => Self::Transitive,
            Transitivity::Unknown => Self::Unknown,
        }
    }
}

impl From<TransitivityWord> for Transitivity {
    fn from(word: TransitivityWord) -> Self {
        match word {
            TransitivityWord::Direct => Self::Direct,
            TransitivityWord::Transitive => Self::Transitive,
            TransitivityWord::Unknown => Self::Unknown,
        }
    }
}

impl TransitivityWord {
    /// The word for what a lockfile says.
    pub const fn of_direct(direct: Option<bool>) -> Self {
        match direct {
            Some(true) => Self::Direct,
            Some(false) => Self::Transitive,
            None => Self::Unknown,
        }
    }
}

/// An ecosystem as clients call it.
pub const fn ecosystem(ecosystem: Ecosystem) -> &'static str {
    match ecosystem {
        Ecosystem::CratesIo => "cargo",
        Ecosystem::Go => "gomod",
        Ecosystem::Npm => "npm",
        Ecosystem::PyPi => "pypi",
    }
}
