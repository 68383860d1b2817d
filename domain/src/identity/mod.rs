//! Who there is: organizations, people, teams, API keys, and what each may do.

mod apikey;
mod authorize;
mod organization;
mod team;
mod user;

pub use apikey::{
    ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyEvent, ApiKeyRefusal, ApiKeyRevoked, ApiKeyState, KeyForm,
    KeyHash, apikey_stream,
};
pub use authorize::{Action, Denied, Principal, Resource, Role, authorize};
pub use organization::{
    MemberAdded, Organization, OrganizationCommand, OrganizationCreated, OrganizationEvent,
    OrganizationRefusal, OrganizationRole, OrganizationState, organization_stream,
};
pub use team::{
    Team, TeamCommand, TeamCreated, TeamEvent, TeamMemberAdded, TeamMemberRemoved, TeamRefusal, TeamRole,
    TeamState, team_stream,
};
pub use user::{
    User, UserCommand, UserErased, UserEvent, UserRefusal, UserRegistered, UserState, is_email, user_stream,
};

/// Whether `name` can be the name of an organization, team or key: one line of 1 to
/// [`crate::limits::NAME_CHARS`] characters that are not only white space.
pub(crate) fn is_name(name: &str) -> bool {
    let length = name.chars().count();
    length <= crate::limits::NAME_CHARS && !name.trim().is_empty() && !name.chars().any(char::is_control)
}
