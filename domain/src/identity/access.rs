//! What changes nothing but has to be known: sign-ins that failed, refusals, and who took data out.
//!
//! Each is a stream of its own with one event, so that recording one never waits for another.

use super::Action;
use crate::decider::Decider;
use crate::id::{AccessId, OrganizationId, ProjectId, ScanId, UserId};
use crate::log::StreamName;
use crate::report::ArtifactKind;
use crate::stored_events;
use serde::{Deserialize, Serialize};

/// Why somebody could not sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SignInFailure {
    /// Nobody has this address, or this identity.
    #[serde(rename = "unknown")]
    Unknown,
    /// The password is not theirs.
    #[serde(rename = "password")]
    Password,
    /// Their account is not active, or has been erased.
    #[serde(rename = "inactive")]
    Inactive,
    /// Too many have failed before.
    #[serde(rename = "locked")]
    Locked,
    /// A provider did not vouch for them.
    #[serde(rename = "provider")]
    Provider,
}

/// `access.sign_in_failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInFailed {
    /// Its id.
    #[serde(rename = "access")]
    pub access: AccessId,
    /// Whose account it was about, if there is one.
    #[serde(rename = "user", skip_serializing_if = "Option::is_none", default)]
    pub user: Option<UserId>,
    /// Why.
    #[serde(rename = "reason")]
    pub reason: SignInFailure,
}

/// `access.denied`: somebody tried to do what is not theirs to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessDenied {
    /// Its id.
    #[serde(rename = "access")]
    pub access: AccessId,
    /// What ([`Action::as_str`]).
    #[serde(rename = "action")]
    pub action: ActionWord,
    /// The method and the path of the request, without parameters' values.
    #[serde(rename = "route")]
    pub route: String,
    /// The organization that they asked to work in, where that is what was refused.
    #[serde(rename = "organization", skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<OrganizationId>,
}

/// `access.granted`: data was taken out, or the audit log was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGranted {
    /// Its id.
    #[serde(rename = "access")]
    pub access: AccessId,
    /// What ([`Action::as_str`]).
    #[serde(rename = "action")]
    pub action: ActionWord,
    /// The method and the path of the request, without parameters' values.
    #[serde(rename = "route")]
    pub route: String,
    /// The project, where it was about one.
    #[serde(rename = "project", skip_serializing_if = "Option::is_none", default)]
    pub project: Option<ProjectId>,
    /// The scan, where it was about what one found.
    #[serde(rename = "scan", skip_serializing_if = "Option::is_none", default)]
    pub scan: Option<ScanId>,
    /// Which of the scan's files, where it was one of them.
    #[serde(rename = "artifact", skip_serializing_if = "Option::is_none", default)]
    pub artifact: Option<ArtifactKind>,
}

/// What is given to who takes it out or looks at it, as far as it is one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Given {
    /// The project.
    pub project: Option<ProjectId>,
    /// The scan.
    pub scan: Option<ScanId>,
    /// Which of the scan's files.
    pub artifact: Option<ArtifactKind>,
}

impl AccessGranted {
    /// That `given` was given.
    pub fn of(access: AccessId, action: Action, route: String, given: Given) -> Self {
        let Given { project, scan, artifact } = given;
        Self { access, action: action.into(), route, project, scan, artifact }
    }
}

/// The word of an action as stored; actions may go, words in the log stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionWord(pub String);

impl From<Action> for ActionWord {
    fn from(action: Action) -> Self {
        Self(action.as_str().to_owned())
    }
}

stored_events! {
    /// What is recorded about access.
    pub enum AccessEvent {
        /// A sign-in failed.
        SignInFailed(SignInFailed) = ("access.sign_in_failed", 1),
        /// Something was refused.
        Denied(AccessDenied) = ("access.denied", 1),
        /// Something was looked at.
        Granted(AccessGranted) = ("access.granted", 1),
    }
}

/// Whether it is recorded already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessState {
    /// It is not.
    Missing,
    /// It is.
    Recorded,
}

/// Recording has no rules; nothing is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {}

/// Records each access once.
#[derive(Debug)]
pub struct Access;

/// The stream of an access.
pub fn access_stream(id: AccessId) -> StreamName {
    StreamName::new("access", id)
}

impl Decider for Access {
    type State = AccessState;
    type Command = AccessEvent;
    type Event = AccessEvent;
    type Refusal = AccessRefusal;

    fn initial() -> AccessState {
        AccessState::Missing
    }

    fn evolve(_: AccessState, _: &AccessEvent) -> AccessState {
        AccessState::Recorded
    }

    fn decide(state: &AccessState, command: AccessEvent) -> Result<Vec<AccessEvent>, AccessRefusal> {
        Ok(match state {
            AccessState::Missing => vec![command],
            AccessState::Recorded => vec![],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, AccessDenied, AccessEvent, SignInFailed, SignInFailure, access_stream};
    use crate::decider::given;
    use crate::id::AccessId;
    use crate::identity::Action;
    use uuid::Uuid;

    const ACCESS: AccessId = AccessId(Uuid::from_u128(1));

    fn denied() -> AccessEvent {
        let route = "GET /v1/admin/users".to_owned();
        AccessDenied { access: ACCESS, action: Action::Administer.into(), route, organization: None }.into()
    }

    #[test]
    fn each_access_is_recorded_once() {
        given::<Access>([]).when(denied()).then([denied()]);
        let failed = SignInFailed { access: ACCESS, user: None, reason: SignInFailure::Unknown };
        given::<Access>([denied()]).when(AccessEvent::from(failed)).then_nothing();
    }

    #[test]
    fn its_stream_is_named_by_its_id() {
        assert_eq!(access_stream(ACCESS).as_str(), "access-00000000-0000-0000-0000-000000000001");
    }
}
