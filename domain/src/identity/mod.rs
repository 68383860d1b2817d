//! Who there is: organizations, people, teams, sessions, API keys, and what each may do.

mod access;
mod action;
mod apikey;
#[cfg(test)]
mod apikey_tests;
mod authorize;
#[cfg(test)]
mod authorize_tests;
mod installation;
mod key_rules;
mod mark;
mod organization;
mod password;
mod principal;
mod role;
mod scope;
mod session;
mod team;
#[cfg(test)]
mod team_tests;
mod user;

pub use access::{
    Access, AccessDenied, AccessEvent, AccessGranted, AccessRefusal, AccessState, ActionWord, Given,
    SignInFailed, SignInFailure, access_stream,
};
pub use action::{Action, Asker, Effect, Needs, Reach};
pub use apikey::{
    ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyEvent, ApiKeyNarrowed, ApiKeyRefusal, ApiKeyRevoked,
    ApiKeyState, Breadth, KeyForm, KeyHash, KeyKind, UnknownForm, apikey_stream,
};
pub use authorize::{Denied, ProjectScope, Resource, authorize};
pub use installation::{
    Installation, InstallationCommand, InstallationEvent, InstallationRefusal, SuperAdminAdded,
    SuperAdminRemoved, installation_stream, may_change,
};
pub use key_rules::{KeyFacts, KeyPlace, KeysSeen, key_end, may_end, may_issue};
pub use mark::{Mark, plain_login};
pub use organization::{
    Changer, InvitationAccepted, InvitationRevoked, Invited, InvitedTeam, MemberAdded, MemberRemoved,
    Organization, OrganizationCommand, OrganizationCreated, OrganizationEvent, OrganizationRefusal,
    OrganizationRole, OrganizationState, UnknownOrganizationRole, may_change_member, organization_stream,
};
pub use password::{WeakPassword, check_password};
pub use principal::{Authority, Belonging, Credential, Limit, Principal, Standing, Teamless, Visible};
pub use role::Role;
pub use scope::{Scope, Scopes, UnknownScope};
pub use session::{
    Method, Session, SessionCommand, SessionContinued, SessionEnd, SessionEnded, SessionEvent, SessionKind,
    SessionLife, SessionRefusal, SessionStarted, SessionState, session_stream,
};
pub use team::{
    Team, TeamCommand, TeamCreated, TeamDeleted, TeamDetails, TeamEvent, TeamLife, TeamMemberAdded,
    TeamMemberRemoved, TeamRefusal, TeamRole, TeamState, TeamUpdated, UnknownTeamRole, is_slug, team_stream,
};
pub use user::{
    Account, AddressProof, Channels, LinkedIdentity, PasswordReset, PasswordSetter, Provider, Rank,
    UnknownProvider, User, UserActivated, UserChannelsSet, UserCommand, UserDeactivated, UserErased,
    UserEvent, UserIdentityLinked, UserIdentityUnlinked, UserPasswordSet, UserRankChanged, UserRefusal,
    UserRegistered, UserResetRequested, UserSessionsEnded, UserState, Wanted, is_email, plain_email,
    user_stream,
};

use crate::limits::{LONG_NAME_CHARS, NAME_CHARS};

/// Whether `name` can be the name of a key: one line of 1 to [`NAME_CHARS`] characters that are not only white space.
pub fn is_name(name: &str) -> bool {
    is_line(name, NAME_CHARS)
}

/// Whether `name` can be the name of an organization, team or person: one line of 1 to [`LONG_NAME_CHARS`]
/// characters that are not only white space.
pub fn is_long_name(name: &str) -> bool {
    is_line(name, LONG_NAME_CHARS)
}

fn is_line(text: &str, characters: usize) -> bool {
    text.chars().count() <= characters && !text.trim().is_empty() && !text.chars().any(char::is_control)
}
