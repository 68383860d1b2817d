//! What a caller may do, in one word.

use serde::{Deserialize, Serialize};

/// What a caller may do, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Looks.
    #[serde(rename = "viewer")]
    Viewer,
    /// Scans and triages.
    #[serde(rename = "developer")]
    Developer,
    /// Sets gates and policies; runs a team.
    #[serde(rename = "security")]
    Security,
    /// Runs the organization.
    #[serde(rename = "admin")]
    Admin,
}

impl Role {
    /// All of them, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Security, Self::Admin];
}
