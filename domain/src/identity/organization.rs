//! Organizations and who belongs to them.

use super::is_name;
use crate::decider::Decider;
use crate::id::{OrganizationId, UserId};
use crate::limits::NAME_CHARS;
use crate::log::StreamName;
use crate::stored_events;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// `organization.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationCreated {
    /// Its id.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Its name.
    #[serde(rename = "name")]
    pub name: String,
}

/// `organization.member_added`: a person belongs to it, or has another role now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAdded {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
    /// As what.
    #[serde(rename = "role")]
    pub role: OrganizationRole,
}

stored_events! {
    /// What happened to an organization.
    pub enum OrganizationEvent {
        /// It was created.
        Created(OrganizationCreated) = ("organization.created", 1),
        /// Somebody belongs to it.
        MemberAdded(MemberAdded) = ("organization.member_added", 1),
    }
}

/// What can be asked of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationCommand {
    /// Make it.
    Create(OrganizationCreated),
    /// Let a person belong to it.
    AddMember {
        /// Who.
        user: UserId,
        /// As what.
        role: OrganizationRole,
    },
}

/// Where an organization stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrganizationState {
    /// Its id, once it exists.
    pub organization: Option<OrganizationId>,
    /// Who belongs to it.
    pub members: BTreeMap<UserId, OrganizationRole>,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationRefusal {
    /// There is one already.
    #[error("the organization exists already")]
    Exists,
    /// There is none.
    #[error("the organization does not exist")]
    NotFound,
    /// Its name will not do.
    #[error("a name must be one line of 1 to {NAME_CHARS} characters")]
    BadName,
}

/// The rules of organizations.
#[derive(Debug)]
pub struct Organization;

/// The stream of an organization.
pub fn organization_stream(id: OrganizationId) -> StreamName {
    StreamName::new("organization", id)
}

impl Decider for Organization {
    type State = OrganizationState;
    type Command = OrganizationCommand;
    type Event = OrganizationEvent;
    type Refusal = OrganizationRefusal;

    fn initial() -> OrganizationState {
        OrganizationState::default()
    }

    fn evolve(mut state: OrganizationState, event: &OrganizationEvent) -> OrganizationState {
        match event {
            OrganizationEvent::Created(created) => state.organization = Some(created.organization),
            OrganizationEvent::MemberAdded(added) => {
                state.members.insert(added.user, added.role);
            }
        }
        state
    }

    fn decide(
        state: &OrganizationState,
        command: OrganizationCommand,
    ) -> Result<Vec<OrganizationEvent>, OrganizationRefusal> {
        match (state.organization, command) {
            (Some(_), OrganizationCommand::Create(_)) => Err(OrganizationRefusal::Exists),
            (None, OrganizationCommand::Create(created)) if !is_name(&created.name) => {
                Err(OrganizationRefusal::BadName)
            }
            (None, OrganizationCommand::Create(created)) => Ok(vec![created.into()]),
            (None, OrganizationCommand::AddMember { .. }) => Err(OrganizationRefusal::NotFound),
            (Some(_), OrganizationCommand::AddMember { user, role })
                if state.members.get(&user) == Some(&role) =>
            {
                Ok(vec![])
            }
            (Some(organization), OrganizationCommand::AddMember { user, role }) => {
                Ok(vec![MemberAdded { organization, user, role }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        MemberAdded, Organization, OrganizationCommand, OrganizationCreated, OrganizationEvent,
        OrganizationRefusal, OrganizationRole, organization_stream,
    };
    use crate::decider::given;
    use crate::id::{OrganizationId, UserId};
    use crate::limits::NAME_CHARS;
    use OrganizationRole::{Admin, Member, Owner};
    use uuid::Uuid;

    const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const ANA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));

    fn named(name: &str) -> OrganizationCreated {
        OrganizationCreated { organization: ACME, name: name.to_owned() }
    }

    fn created() -> OrganizationEvent {
        named("Acme").into()
    }

    fn added(user: UserId, role: OrganizationRole) -> OrganizationEvent {
        MemberAdded { organization: ACME, user, role }.into()
    }

    fn add(user: UserId, role: OrganizationRole) -> OrganizationCommand {
        OrganizationCommand::AddMember { user, role }
    }

    #[test]
    fn an_organization_is_created_once() {
        given::<Organization>([]).when(OrganizationCommand::Create(named("Acme"))).then([created()]);
        given::<Organization>([created()])
            .when(OrganizationCommand::Create(named("Acme")))
            .then_refused(OrganizationRefusal::Exists);
    }

    #[test]
    fn a_name_has_at_most_the_limit_of_characters_not_bytes() {
        let longest = "é".repeat(NAME_CHARS);
        given::<Organization>([])
            .when(OrganizationCommand::Create(named(&longest)))
            .then([named(&longest).into()]);
        given::<Organization>([])
            .when(OrganizationCommand::Create(named(&format!("{longest}x"))))
            .then_refused(OrganizationRefusal::BadName);
    }

    #[test]
    fn a_name_is_one_line_with_something_on_it() {
        for name in ["", " \u{a0}", "two\nlines", "tab\tbed", "bell\u{7}"] {
            given::<Organization>([])
                .when(OrganizationCommand::Create(named(name)))
                .then_refused(OrganizationRefusal::BadName);
        }
    }

    #[test]
    fn somebody_can_belong_to_it_as_anything() {
        for role in [Owner, Admin, Member] {
            given::<Organization>([created()]).when(add(ANA, role)).then([added(ANA, role)]);
        }
        given::<Organization>([created(), added(ANA, Owner)]).when(add(BOB, Owner)).then([added(BOB, Owner)]);
    }

    #[test]
    fn nobody_belongs_to_what_does_not_exist() {
        given::<Organization>([]).when(add(ANA, Member)).then_refused(OrganizationRefusal::NotFound);
    }

    #[test]
    fn another_role_is_an_event_and_the_same_role_is_none() {
        given::<Organization>([created(), added(ANA, Member)])
            .when(add(ANA, Admin))
            .then([added(ANA, Admin)]);
        given::<Organization>([created(), added(ANA, Member)]).when(add(ANA, Member)).then_nothing();
        given::<Organization>([created(), added(ANA, Member), added(ANA, Admin)])
            .when(add(ANA, Member))
            .then([added(ANA, Member)]);
    }

    #[test]
    fn its_stream_is_named_by_its_id() {
        assert_eq!(organization_stream(ACME).as_str(), "organization-00000000-0000-0000-0000-000000000001");
    }
}
