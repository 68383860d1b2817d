//! How much of what clients upload about their scans is in memory at a time.

use parking_lot::Mutex;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::limits::{RESULTS_BYTES, RESULTS_MEMORY_BYTES};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// In what memory is given out.
const KIB: usize = 1024;

/// Memory for uploads: [`RESULTS_MEMORY_BYTES`] for all of them, and half of that for those of one organization, so that
/// nobody who uploads slowly stops everybody else.
pub struct UploadMemory {
    all: Semaphore,
    shares: Mutex<HashMap<OrganizationId, Weak<Semaphore>>>,
}

/// Memory that an upload holds until this is dropped.
pub struct Held<'a> {
    _share: OwnedSemaphorePermit,
    _all: SemaphorePermit<'a>,
}

impl Default for UploadMemory {
    fn default() -> Self {
        Self { all: Semaphore::new(RESULTS_MEMORY_BYTES / KIB), shares: Mutex::default() }
    }
}

impl UploadMemory {
    /// Waits until there is memory for an upload of so many bytes. Of one that does not say how long it is, the longest
    /// is expected.
    pub async fn hold(&self, organization: OrganizationId, bytes: Option<usize>) -> Held<'_> {
        let bytes = bytes.unwrap_or(RESULTS_BYTES).min(RESULTS_BYTES);
        let wanted = u32::try_from(bytes.div_ceil(KIB)).expect("the longest upload has few KiB");
        // First of their own: whoever waits for that holds nothing that others need.
        let share = self.share(organization).acquire_many_owned(wanted).await.expect("nobody closes it");
        let all = self.all.acquire_many(wanted).await.expect("nobody closes it");
        Held { _share: share, _all: all }
    }

    fn share(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock();
        if let Some(share) = shares.get(&organization).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(RESULTS_MEMORY_BYTES / KIB / 2));
        shares.insert(organization, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::UploadMemory;
    use scanledger_domain::id::OrganizationId;
    use scanledger_domain::limits::{RESULTS_BYTES, RESULTS_MEMORY_BYTES};
    use std::time::Duration;
    use tokio::time::timeout;
    use uuid::Uuid;

    const SOON: Duration = Duration::from_millis(20);

    const fn organization(n: u128) -> OrganizationId {
        OrganizationId(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn an_organization_holds_at_most_half_and_all_of_them_at_most_all() {
        let memory = UploadMemory::default();
        let half = RESULTS_MEMORY_BYTES / RESULTS_BYTES / 2;
        let mut held = vec![];
        for n in 0..half * 2 {
            let whose = organization((n / half) as u128);
            held.push(timeout(SOON, memory.hold(whose, None)).await.unwrap());
            let is_full = timeout(SOON, memory.hold(whose, Some(1))).await.is_err();
            assert_eq!(is_full, n % half == half - 1, "{n}");
        }
        assert!(timeout(SOON, memory.hold(organization(9), Some(1))).await.is_err());
        held.pop();
        drop(timeout(SOON, memory.hold(organization(9), Some(usize::MAX))).await.unwrap());
        held.clear();
        drop(timeout(SOON, memory.hold(organization(0), None)).await.unwrap());
        assert_eq!(memory.shares.lock().len(), 1);
    }
}
