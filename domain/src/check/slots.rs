//! Slots: how many scans an installation of the app has under way, on whichever node (dpendx reference §1).
//!
//! An installation has a stream for every hour, so that none grows for ever. A slot lasts [`CHECK_TIME`] at most, so
//! that nobody waits for a node that is gone; what began late in the hour before is looked up first and carried over.

use super::{CheckEvent, SlotLeft, SlotTaken};
use crate::code_host::InstallationId;
use crate::decider::Decider;
use crate::limits::{CHECK_TIME, INSTALLATION_SCANS};
use crate::log::StreamName;
use crate::time::Timestamp;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// The stream with the slots that an installation takes in the hour of `at`.
pub fn slots_stream(installation: InstallationId, at: Timestamp) -> StreamName {
    StreamName::new("slots", format_args!("{installation}-{}", at.0.div_euclid(HOUR)))
}

/// The stream of the hour before, while what was taken then may still count.
pub fn slots_stream_before(installation: InstallationId, at: Timestamp) -> Option<StreamName> {
    let may_count = at.0.rem_euclid(HOUR) < micros_of_a_slot();
    may_count.then(|| slots_stream(installation, Timestamp(at.0 - HOUR)))
}

fn micros_of_a_slot() -> i64 {
    i64::try_from(CHECK_TIME.as_micros()).expect("a check takes minutes")
}

impl SlotTaken {
    fn counts_at(&self, now: Timestamp) -> bool {
        now.0.saturating_sub(self.at.0) < micros_of_a_slot()
    }
}

/// What can be asked of the slots of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotCommand {
    /// Take one.
    Take {
        /// Which, for whom and when.
        slot: SlotTaken,
        /// How many of the hour before still count.
        carried: usize,
    },
    /// Give one back.
    Leave(SlotLeft),
}

/// Why a slot is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlotRefusal {
    /// [`INSTALLATION_SCANS`] are taken.
    #[error("the installation has {max} scans under way", max = INSTALLATION_SCANS)]
    AllTaken,
}

/// Slots that were taken and not given back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenSlots(Vec<SlotTaken>);

impl TakenSlots {
    /// How many of them count at an instant.
    pub fn count_at(&self, now: Timestamp) -> usize {
        self.0.iter().filter(|slot| slot.counts_at(now)).count()
    }
}

/// The rules of slots.
#[derive(Debug)]
pub struct Slots;

impl Decider for Slots {
    type State = TakenSlots;
    type Command = SlotCommand;
    type Event = CheckEvent;
    type Refusal = SlotRefusal;

    fn initial() -> TakenSlots {
        TakenSlots::default()
    }

    fn evolve(mut state: TakenSlots, event: &CheckEvent) -> TakenSlots {
        match event {
            CheckEvent::SlotTaken(taken) => {
                state.0.retain(|slot| slot.counts_at(taken.at));
                state.0.push(*taken);
            }
            CheckEvent::SlotLeft(left) => state.0.retain(|slot| slot.scan != left.scan),
            // These are in the streams of checks.
            CheckEvent::Requested(_)
            | CheckEvent::Begun(_)
            | CheckEvent::Shown(_)
            | CheckEvent::Reported(_)
            | CheckEvent::Failed(_)
            | CheckEvent::FixRequested(_)
            | CheckEvent::Fixed(_) => (),
        }
        state
    }

    fn decide(state: &TakenSlots, command: SlotCommand) -> Result<Vec<CheckEvent>, SlotRefusal> {
        let has = |scan| state.0.iter().any(|slot| slot.scan == scan);
        let are_taken = |at, carried| carried + state.count_at(at) >= INSTALLATION_SCANS;
        match command {
            SlotCommand::Take { slot, .. } if has(slot.scan) => Ok(vec![]),
            SlotCommand::Take { slot, carried } if are_taken(slot.at, carried) => Err(SlotRefusal::AllTaken),
            SlotCommand::Take { slot, .. } => Ok(vec![slot.into()]),
            SlotCommand::Leave(left) if has(left.scan) => Ok(vec![left.into()]),
            SlotCommand::Leave(_) => Ok(vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HOUR, SlotCommand as C, SlotRefusal, Slots, slots_stream, slots_stream_before};
    use crate::check::{CheckEvent, SlotLeft, SlotTaken};
    use crate::code_host::InstallationId;
    use crate::decider::given;
    use crate::id::ScanId;
    use crate::limits::{CHECK_TIME, INSTALLATION_SCANS};
    use crate::time::Timestamp;
    use uuid::Uuid;

    const NOON: Timestamp = Timestamp(1_795_255_200_000_000);

    fn installation() -> InstallationId {
        42.try_into().unwrap()
    }

    fn slot(scan: usize, at: Timestamp) -> SlotTaken {
        SlotTaken { installation: installation(), scan: ScanId(Uuid::from_u128(scan as u128)), at }
    }

    fn left(scan: usize) -> SlotLeft {
        let SlotTaken { installation, scan, .. } = slot(scan, NOON);
        SlotLeft { installation, scan }
    }

    fn taken(count: usize) -> Vec<CheckEvent> {
        (0..count).map(|scan| slot(scan, NOON).into()).collect()
    }

    fn take(scan: usize, at: Timestamp) -> C {
        C::Take { slot: slot(scan, at), carried: 0 }
    }

    #[test]
    fn an_installation_has_so_many_slots() {
        let last = INSTALLATION_SCANS - 1;
        given::<Slots>(taken(last)).when(take(last, NOON)).then([slot(last, NOON).into()]);
        given::<Slots>(taken(INSTALLATION_SCANS)).when(take(99, NOON)).then_refused(SlotRefusal::AllTaken);
    }

    #[test]
    fn a_slot_is_taken_once() {
        given::<Slots>(taken(INSTALLATION_SCANS)).when(take(0, NOON)).then_nothing();
    }

    #[test]
    fn what_began_in_the_hour_before_counts_as_well() {
        let carrying = |carried| C::Take { slot: slot(99, NOON), carried };
        given::<Slots>(taken(2)).when(carrying(INSTALLATION_SCANS - 3)).then([slot(99, NOON).into()]);
        given::<Slots>(taken(2)).when(carrying(INSTALLATION_SCANS - 2)).then_refused(SlotRefusal::AllTaken);
    }

    #[test]
    fn who_has_a_slot_gives_it_back_once() {
        given::<Slots>(taken(1)).when(C::Leave(left(0))).then([left(0).into()]);
        given::<Slots>(taken(1)).when(C::Leave(left(1))).then_nothing();
        let mut all = taken(INSTALLATION_SCANS);
        all.push(left(0).into());
        given::<Slots>(all.clone()).when(C::Leave(left(0))).then_nothing();
        given::<Slots>(all).when(take(99, NOON)).then([slot(99, NOON).into()]);
    }

    #[test]
    fn a_slot_lasts_as_long_as_a_check_may_take() {
        let seconds = i64::try_from(CHECK_TIME.as_secs()).unwrap();
        let end = NOON.plus_seconds(seconds);
        let before = Timestamp(end.0 - 1);
        given::<Slots>(taken(INSTALLATION_SCANS)).when(take(99, before)).then_refused(SlotRefusal::AllTaken);
        given::<Slots>(taken(INSTALLATION_SCANS)).when(take(99, end)).then([slot(99, end).into()]);
    }

    #[test]
    fn every_hour_has_a_stream_and_looks_back_while_it_must() {
        let (one, seconds) = (installation(), i64::try_from(CHECK_TIME.as_secs()).unwrap());
        let hour = Timestamp(NOON.0.div_euclid(HOUR) * HOUR);
        let last_of_before = Timestamp(hour.0 - 1);
        assert_ne!(slots_stream(one, hour), slots_stream(one, last_of_before));
        assert_ne!(slots_stream(one, hour), slots_stream(7.try_into().unwrap(), hour));
        let end = hour.plus_seconds(seconds);
        for early in [hour, Timestamp(end.0 - 1)] {
            assert_eq!(slots_stream_before(one, early), Some(slots_stream(one, last_of_before)));
        }
        assert_eq!(slots_stream_before(one, end), None);
    }
}
