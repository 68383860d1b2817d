//! What of a run is in the branch's stream already, read from its end.

use crate::error::Fault;
use crate::ledger::Ledger;
use scanledger_domain::branch::{BranchEvent, Scanned};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::log::{Position, StreamName, Version};
use std::collections::HashSet;

/// Events read at a time.
const PAGE: u64 = 1_000;

/// What an interrupted attempt recorded.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    /// Findings that it recorded as new.
    pub(super) new: HashSet<FindingId>,
    /// The end of the run and its position, if it was recorded.
    pub(super) scanned: Option<(Scanned, Position)>,
}

/// Reads backwards from `version` what was recorded for `scan` and `run`: everything since the scan before it.
///
/// `can_be_new` is whether findings that come back count as new on this branch.
pub(super) async fn earlier(
    ledger: &Ledger,
    stream: &StreamName,
    version: Version,
    (scan, run): (ScanId, u32),
    can_be_new: bool,
) -> Result<Earlier, Fault> {
    let mut earlier = Earlier::default();
    let mut is_cut_off = false;
    let mut end = version.0;
    while end > 0 {
        let start = end.saturating_sub(PAGE);
        let limit = usize::try_from(end - start).unwrap_or(usize::MAX);
        let page = ledger.log().read_stream(stream, Version(start), limit).await?;
        for recorded in page.iter().rev() {
            match BranchEvent::decode(&recorded.kind, recorded.schema, &recorded.data)? {
                BranchEvent::Scanned(scanned) if (scanned.scan, scanned.run) == (scan, run) => {
                    // What came after the end of this run belongs to another.
                    earlier = Earlier { scanned: Some((scanned, recorded.position)), ..Earlier::default() };
                    is_cut_off = false;
                }
                BranchEvent::Scanned(_) => return Ok(earlier),
                // What was there before the branch was closed is recorded again; only an end holds beyond that.
                BranchEvent::Closed(_) if earlier.scanned.is_some() => return Ok(earlier),
                BranchEvent::Closed(_) => is_cut_off = true,
                BranchEvent::Detected(_) | BranchEvent::Reopened(_) if is_cut_off => (),
                BranchEvent::Detected(detected) if detected.is_new => {
                    earlier.new.insert(detected.finding);
                }
                BranchEvent::Reopened(reopened) if can_be_new => {
                    earlier.new.insert(reopened.finding);
                }
                BranchEvent::Opened(_)
                | BranchEvent::Detected(_)
                | BranchEvent::Reopened(_)
                | BranchEvent::Resolved(_)
                | BranchEvent::FindingsUpdated(_)
                | BranchEvent::ComponentsChanged(_) => (),
            }
        }
        end = start;
    }
    Ok(earlier)
}
