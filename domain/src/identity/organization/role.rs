//! What people are in an organization, and who may change it.

use super::OrganizationRefusal;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// What a person is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OrganizationRole {
    /// May do everything, and cannot be removed by others.
    #[serde(rename = "owner")]
    Owner,
    /// May do everything inside it.
    #[serde(rename = "admin")]
    Admin,
    /// May do what teams allow.
    #[serde(rename = "member")]
    Member,
}

impl OrganizationRole {
    /// All of them, strongest first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// Its name in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

impl FromStr for OrganizationRole {
    type Err = UnknownOrganizationRole;

    fn from_str(text: &str) -> Result<Self, UnknownOrganizationRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownOrganizationRole)
    }
}

/// A word that names no role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role in an organization is owner, admin or member")]
pub struct UnknownOrganizationRole;

/// Who changes what somebody is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Changer {
    /// An owner of it, or somebody who runs the installation.
    Owner,
    /// Somebody who runs it without owning it, such as a key that may be used for everything.
    Admin,
    /// A key that may be used for some things only, and must not make itself somebody who may do everything.
    Delegate,
}

/// Whether somebody who is `present` in an organization, if anything, may be made `wanted`, or nothing: only owners
/// make owners, and change what owners are.
///
/// # Errors
/// [`OrganizationRefusal::OwnersOnly`].
pub fn may_change_member(
    by: Changer,
    present: Option<OrganizationRole>,
    wanted: Option<OrganizationRole>,
) -> Result<(), OrganizationRefusal> {
    let is_about_owners = [present, wanted].contains(&Some(OrganizationRole::Owner));
    let is_about_members = [present, wanted].iter().flatten().all(|role| *role == OrganizationRole::Member);
    match by {
        Changer::Admin if is_about_owners => Err(OrganizationRefusal::OwnersOnly),
        Changer::Delegate if !is_about_members => Err(OrganizationRefusal::PeopleOnly),
        Changer::Owner | Changer::Admin | Changer::Delegate => Ok(()),
    }
}
