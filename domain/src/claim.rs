//! Claims: small streams that make something unique (a name, an e-mail, the set-up of an installation).

use crate::decider::Decider;
use crate::log::StreamName;
use crate::stored_events;
use crate::vault::{HashPurpose, Vault};
use serde::{Deserialize, Serialize};

/// `claim.taken`: a holder has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The stream that holds it.
    #[serde(rename = "holder")]
    pub holder: StreamName,
}

/// `claim.released`: nobody has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The stream that held it.
    #[serde(rename = "holder")]
    pub holder: StreamName,
}

stored_events! {
    /// What happened to a claim.
    pub enum ClaimEvent {
        /// Somebody has it.
        Taken(Taken) = ("claim.taken", 1),
        /// Nobody has it.
        Released(Released) = ("claim.released", 1),
    }
}

/// What can be asked of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimCommand {
    /// Take it.
    Take {
        /// The stream that will hold it.
        holder: StreamName,
    },
    /// Give it back.
    Release {
        /// The stream that holds it.
        holder: StreamName,
    },
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// Somebody else has it.
    #[error("it is taken")]
    TakenBy {
        /// The stream that holds it.
        holder: StreamName,
    },
}

/// The rules of claims; the state is the holder.
#[derive(Debug)]
pub struct Claim;

impl Decider for Claim {
    type State = Option<StreamName>;
    type Command = ClaimCommand;
    type Event = ClaimEvent;
    type Refusal = ClaimRefusal;

    fn initial() -> Option<StreamName> {
        None
    }

    fn evolve(_: Option<StreamName>, event: &ClaimEvent) -> Option<StreamName> {
        match event {
            ClaimEvent::Taken(taken) => Some(taken.holder.clone()),
            ClaimEvent::Released(_) => None,
        }
    }

    fn decide(state: &Option<StreamName>, command: ClaimCommand) -> Result<Vec<ClaimEvent>, ClaimRefusal> {
        match (state, command) {
            (None, ClaimCommand::Take { holder }) => Ok(vec![Taken { holder }.into()]),
            (Some(by), ClaimCommand::Take { holder }) if *by == holder => Ok(vec![]),
            (Some(by), ClaimCommand::Take { .. }) => Err(ClaimRefusal::TakenBy { holder: by.clone() }),
            (Some(by), ClaimCommand::Release { holder }) if *by == holder => {
                Ok(vec![Released { holder }.into()])
            }
            (_, ClaimCommand::Release { .. }) => Ok(vec![]),
        }
    }
}

/// What is unique, and within what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique<'a> {
    /// The set-up of an installation.
    Setup,
    /// An e-mail address, whatever its case.
    Email(&'a str),
    /// The name of a project in an organization, whatever its case.
    ProjectName(crate::id::OrganizationId, &'a str),
    /// The name of a honeytoken in an organization, whatever its case.
    HoneytokenName(crate::id::OrganizationId, &'a str),
    /// The slug of a team in an organization.
    TeamSlug(crate::id::OrganizationId, &'a str),
    /// What a provider calls a person.
    Identity(crate::identity::Provider, &'a str),
    /// The token of an invitation, so that whoever has it finds the organization; given as its hash.
    Invitation(&'a crate::identity::KeyHash),
}

/// The stream that claims something; its name is a keyed hash, so that it tells nothing about a person.
pub fn claim_stream(vault: &dyn Vault, what: Unique<'_>) -> StreamName {
    let clear = match what {
        Unique::Setup => "setup".to_owned(),
        Unique::Email(email) => format!("email\0{}", crate::identity::plain_email(email)),
        Unique::ProjectName(organization, name) => {
            format!("project-name\0{organization}\0{}", name.trim().to_lowercase())
        }
        Unique::HoneytokenName(organization, name) => {
            format!("honeytoken-name\0{organization}\0{}", name.trim().to_lowercase())
        }
        Unique::TeamSlug(organization, slug) => format!("team-slug\0{organization}\0{slug}"),
        Unique::Identity(provider, subject) => format!("identity\0{provider}\0{subject}"),
        Unique::Invitation(token) => format!("invitation\0{}", token.0),
    };
    StreamName::new("claim", hex::encode(vault.hash(HashPurpose::Claim, clear.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{Claim, ClaimCommand, ClaimEvent, ClaimRefusal, Released, Taken};
    use crate::decider::given;
    use crate::log::StreamName;

    fn ana() -> StreamName {
        StreamName::stored("user-ana")
    }

    fn bob() -> StreamName {
        StreamName::stored("user-bob")
    }

    fn taken(holder: StreamName) -> ClaimEvent {
        Taken { holder }.into()
    }

    fn released(holder: StreamName) -> ClaimEvent {
        Released { holder }.into()
    }

    #[test]
    fn the_first_gets_it() {
        given::<Claim>([]).when(ClaimCommand::Take { holder: ana() }).then([taken(ana())]);
    }

    #[test]
    fn the_second_does_not() {
        given::<Claim>([taken(ana())])
            .when(ClaimCommand::Take { holder: bob() })
            .then_refused(ClaimRefusal::TakenBy { holder: ana() });
    }

    #[test]
    fn the_holder_has_it_already() {
        given::<Claim>([taken(ana())]).when(ClaimCommand::Take { holder: ana() }).then_nothing();
    }

    #[test]
    fn only_the_holder_gives_it_back() {
        given::<Claim>([taken(ana())]).when(ClaimCommand::Release { holder: ana() }).then([released(ana())]);
        given::<Claim>([taken(ana())]).when(ClaimCommand::Release { holder: bob() }).then_nothing();
    }

    #[test]
    fn what_was_given_back_can_be_taken() {
        given::<Claim>([taken(ana()), released(ana())])
            .when(ClaimCommand::Take { holder: bob() })
            .then([taken(bob())]);
    }
}
