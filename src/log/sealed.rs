//! Whether keys are those of a log: what it has sealed opens with no others.

use anyhow::{Context, Result};
use scanledger_domain::event::Event;
use scanledger_domain::identity::UserEvent;
use scanledger_domain::log::Recorded;
use scanledger_domain::vault::{Sealed, Vault, VaultError};
use scanledger_state::SealError;

/// Events at the beginning of a log among which somebody registers: setting it up takes fewer.
pub(crate) const FIRST_EVENTS: usize = 100;

/// Whether `vault` has the key of the first person who registers in `events`, or knows that they were erased; so if
/// nobody does. Blocks.
///
/// # Errors
/// When the vault fails.
pub(crate) fn is_opened_by(events: &[Recorded], vault: &dyn Vault) -> Result<bool> {
    let Some(name) = events.iter().find_map(name_of) else { return Ok(true) };
    match vault.open(&name) {
        Ok(_) => Ok(true),
        Err(VaultError::Failed { source, .. }) if matches!(source.downcast_ref(), Some(SealError::NoKey)) => {
            Ok(false)
        }
        Err(error) => Err(error).context("while comparing the keys with the log"),
    }
}

fn name_of(event: &Recorded) -> Option<Sealed> {
    // What this version cannot read is for others to complain about.
    let Ok(Event::User(UserEvent::Registered(registered))) = Event::of(event) else { return None };
    Some(registered.name)
}
