//! The installation as a whole: who runs it, so that somebody always does.

use crate::decider::Decider;
use crate::id::UserId;
use crate::log::StreamName;
use crate::stored_events;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// `installation.super_admin_added`: an active person runs the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuperAdminAdded {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `installation.super_admin_removed`: no longer, or no longer active.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuperAdminRemoved {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
}

stored_events! {
    /// What happened to the installation.
    pub enum InstallationEvent {
        /// Somebody runs it.
        SuperAdminAdded(SuperAdminAdded) = ("installation.super_admin_added", 1),
        /// Somebody no longer does.
        SuperAdminRemoved(SuperAdminRemoved) = ("installation.super_admin_removed", 1),
    }
}

/// What can be asked of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallationCommand {
    /// Let an active person run it.
    Add(UserId),
    /// Let them no longer.
    Remove(UserId),
}

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallationRefusal {
    /// Nobody would be left to run it.
    #[error("the last active super administrator has to stay")]
    LastSuperAdmin,
    /// Nobody takes their own rights away, or gives themselves others.
    #[error("administrators cannot change their own account")]
    Oneself,
}

/// Whether `by` may change what `whom` is.
///
/// # Errors
/// [`InstallationRefusal::Oneself`] if they are the same.
pub fn may_change(by: UserId, whom: UserId) -> Result<(), InstallationRefusal> {
    if by == whom { Err(InstallationRefusal::Oneself) } else { Ok(()) }
}

/// The rules of the installation; the state is who runs it: super administrators whose account is active.
#[derive(Debug)]
pub struct Installation;

/// The stream of the installation.
pub fn installation_stream() -> StreamName {
    StreamName::new("installation", "1")
}

impl Decider for Installation {
    type State = BTreeSet<UserId>;
    type Command = InstallationCommand;
    type Event = InstallationEvent;
    type Refusal = InstallationRefusal;

    fn initial() -> BTreeSet<UserId> {
        BTreeSet::new()
    }

    fn evolve(mut state: BTreeSet<UserId>, event: &InstallationEvent) -> BTreeSet<UserId> {
        match event {
            InstallationEvent::SuperAdminAdded(added) => state.insert(added.user),
            InstallationEvent::SuperAdminRemoved(removed) => state.remove(&removed.user),
        };
        state
    }

    fn decide(
        state: &BTreeSet<UserId>,
        command: InstallationCommand,
    ) -> Result<Vec<InstallationEvent>, InstallationRefusal> {
        match command {
            InstallationCommand::Add(user) if state.contains(&user) => Ok(vec![]),
            InstallationCommand::Add(user) => Ok(vec![SuperAdminAdded { user }.into()]),
            InstallationCommand::Remove(user) if !state.contains(&user) => Ok(vec![]),
            InstallationCommand::Remove(_) if state.len() == 1 => Err(InstallationRefusal::LastSuperAdmin),
            InstallationCommand::Remove(user) => Ok(vec![SuperAdminRemoved { user }.into()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Installation, InstallationCommand, InstallationEvent, InstallationRefusal, SuperAdminAdded,
        SuperAdminRemoved, installation_stream, may_change,
    };
    use crate::decider::given;
    use crate::id::UserId;
    use uuid::Uuid;

    const ANA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn added(user: UserId) -> InstallationEvent {
        SuperAdminAdded { user }.into()
    }

    #[test]
    fn people_come_and_go_but_somebody_stays() {
        given::<Installation>([]).when(InstallationCommand::Add(ANA)).then([added(ANA)]);
        given::<Installation>([added(ANA)]).when(InstallationCommand::Add(ANA)).then_nothing();
        given::<Installation>([added(ANA)])
            .when(InstallationCommand::Remove(ANA))
            .then_refused(InstallationRefusal::LastSuperAdmin);
        given::<Installation>([added(ANA)]).when(InstallationCommand::Remove(BOB)).then_nothing();
        given::<Installation>([added(ANA), added(BOB)])
            .when(InstallationCommand::Remove(ANA))
            .then([SuperAdminRemoved { user: ANA }.into()]);
    }

    #[test]
    fn nobody_changes_what_they_are_themselves() {
        assert_eq!(may_change(ANA, BOB), Ok(()));
        assert_eq!(may_change(ANA, ANA), Err(InstallationRefusal::Oneself));
    }

    #[test]
    fn there_is_one_stream() {
        assert_eq!(installation_stream().as_str(), "installation-1");
    }
}
