//! Which scan comes next: fair between organizations, first come first served within one.

use crate::ports::RunnableScan;
use scanledger_domain::id::OrganizationId;
use std::collections::HashMap;

/// Among how many of the oldest scans of an organization the choice is random, so that workers on several
/// nodes seldom race for the same one.
pub(super) const OLDEST: usize = 3;

/// One of the oldest scans of the organization with the fewest running ones; of several such organizations, the
/// one that has waited longest. `random` decides among the oldest.
pub(super) fn pick(
    runnable: &[RunnableScan],
    running: &HashMap<OrganizationId, u64>,
    random: u64,
) -> Option<RunnableScan> {
    let organization = runnable
        .iter()
        .min_by_key(|scan| (running.get(&scan.organization).copied().unwrap_or(0), scan.queued_at))?
        .organization;
    let mut oldest: Vec<&RunnableScan> =
        runnable.iter().filter(|scan| scan.organization == organization).collect();
    oldest.sort_unstable_by_key(|scan| scan.queued_at);
    oldest.truncate(OLDEST);
    let chosen = usize::try_from(random % oldest.len() as u64).unwrap_or(0);
    oldest.get(chosen).map(|scan| **scan)
}

#[cfg(test)]
mod tests {
    use super::pick;
    use crate::ports::RunnableScan;
    use scanledger_domain::id::{OrganizationId, ScanId};
    use scanledger_domain::log::Position;
    use std::collections::HashMap;
    use uuid::Uuid;

    const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const BANK: OrganizationId = OrganizationId(Uuid::from_u128(2));

    fn scan(organization: OrganizationId, queued_at: u64) -> RunnableScan {
        RunnableScan {
            scan: ScanId(Uuid::from_u128(queued_at.into())),
            organization,
            must_run_alone: false,
            queued_at: Position(queued_at),
        }
    }

    #[test]
    fn an_empty_queue_has_no_next() {
        assert_eq!(pick(&[], &HashMap::new(), 7), None);
    }

    #[test]
    fn the_organization_with_the_fewest_running_scans_comes_first() {
        let queue = [scan(ACME, 1), scan(ACME, 2), scan(BANK, 9)];
        assert_eq!(pick(&queue, &HashMap::from([(ACME, 2), (BANK, 1)]), 0), Some(scan(BANK, 9)));
        assert_eq!(pick(&queue, &HashMap::from([(BANK, 1)]), 0), Some(scan(ACME, 1)));
    }

    #[test]
    fn of_equals_the_one_that_waited_longest_comes_first() {
        assert_eq!(pick(&[scan(BANK, 5), scan(ACME, 4)], &HashMap::new(), 0), Some(scan(ACME, 4)));
    }

    #[test]
    fn the_choice_is_among_the_three_oldest_only() {
        let queue = [scan(ACME, 4), scan(ACME, 1), scan(ACME, 3), scan(ACME, 2)];
        let chosen: Vec<_> = (0..6).filter_map(|n| pick(&queue, &HashMap::new(), n)).collect();
        let expected = [1, 2, 3, 1, 2, 3].map(|n| scan(ACME, n));
        assert_eq!(chosen, expected);
    }
}
