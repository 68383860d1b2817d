//! The scans that an installation has under way, counted in the log, so that all nodes share them (dpendx reference §1).

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use scanledger_domain::check::{
    SlotCommand, SlotLeft, SlotRefusal, SlotTaken, Slots, slots_stream, slots_stream_before,
};
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::time::Timestamp;

/// The slots of installations. Cheap to clone; all of them over one log share them, whichever node they are on.
#[derive(Debug, Clone)]
pub struct ScanSlots(Ledger);

impl ScanSlots {
    /// The slots in the log of `ledger`.
    pub const fn new(ledger: Ledger) -> Self {
        Self(ledger)
    }

    /// How many of its [`INSTALLATION_SCANS`](scanledger_domain::limits::INSTALLATION_SCANS) slots an installation has
    /// taken at an instant. One stream is read, shortly after the hour two; each has what happened within an hour.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn taken(&self, installation: InstallationId, now: Timestamp) -> Result<usize, Fault> {
        let (taken, _) = self.0.load::<Slots>(&slots_stream(installation, now)).await?;
        Ok(taken.count_at(now) + self.carried(installation, now).await?)
    }

    /// Takes a slot, which ends after [`CHECK_TIME`](scanledger_domain::limits::CHECK_TIME) or when it is left. Of the
    /// same scan it is the same slot.
    ///
    /// # Errors
    /// [`SlotRefusal::AllTaken`], or a fault.
    pub async fn take(&self, context: &Context, slot: SlotTaken) -> Result<(), CommandError<SlotRefusal>> {
        let carried = self.carried(slot.installation, slot.at).await?;
        let stream = slots_stream(slot.installation, slot.at);
        let command = SlotCommand::Take { slot, carried };
        self.0.execute::<Slots>(&context.derive("slot"), &stream, None, command).await?;
        Ok(())
    }

    /// Gives a slot back; one that was given back before is none.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn leave(&self, context: &Context, slot: &SlotTaken) -> Result<(), CommandError<SlotRefusal>> {
        let SlotTaken { scan, installation, at } = *slot;
        let command = SlotCommand::Leave(SlotLeft { scan, installation });
        let stream = slots_stream(installation, at);
        self.0.execute::<Slots>(&context.derive("slot left"), &stream, None, command).await?;
        Ok(())
    }

    /// How many slots of the hour before still count.
    async fn carried(&self, installation: InstallationId, now: Timestamp) -> Result<usize, Fault> {
        let Some(stream) = slots_stream_before(installation, now) else { return Ok(0) };
        let (taken, _) = self.0.load::<Slots>(&stream).await?;
        Ok(taken.count_at(now))
    }
}
