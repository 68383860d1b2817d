//! Checks: what is said beside a commit at a code host about its dependencies, and how it comes to that (dpendx
//! reference §4, §5).
//!
//! A check is a stream of its own, named after the scan that it is about. What is still owed to the code host follows
//! from it ([`CheckLife::owed`]), so that nothing is forgotten when a server ends in between. At the code host it is
//! known by a [`CheckKey`] and not by its scan ([`ShownAs`]).

mod config;
mod decider;
mod fix;
mod key;
mod manifest;
mod place;
mod review;
mod slots;
mod stored;
mod version;

pub use config::{BlockOn, CheckConfig, ConfigRead, ScanMode, Switch};
pub use decider::{Check, CheckCommand, CheckLife, CheckRefusal, CheckState, Owed};
pub use fix::{Upgrade, upgrades};
pub use key::{CheckKey, CheckOrigin, NotACheckKey, ShownAs};
pub use manifest::{Manifest, edit, manifests_of};
pub use place::{HostedBranch, TooManyChanges, as_branch, keep_changed, target_of};
pub use review::{CheckFinding, Examined, Review, Seen, review};
pub use slots::{SlotCommand, SlotRefusal, Slots, TakenSlots, slots_stream, slots_stream_before};
pub use stored::{
    Begun, CheckEvent, CheckFailure, FailureKind, FixRequested, Fixed, Reported, Requested, Shown, SlotLeft,
    SlotTaken,
};

use crate::id::ScanId;
use crate::log::StreamName;

/// The stream of the check about a scan.
pub fn check_stream(scan: ScanId) -> StreamName {
    StreamName::new("check", scan)
}

#[cfg(test)]
mod samples;
