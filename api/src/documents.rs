//! Searching documents that clients send: with what, how many at a time, and how often an organization may.

use parking_lot::Mutex;
use scanledger_domain::Cause;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::limits::{DOCUMENTS_BODY_BYTES, DOCUMENTS_MEMORY_BYTES, DOCUMENTS_SHARE_BYTES};
use scanledger_domain::secret::{Allowance, DetectorFacts, SecretFinder};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Arc, Weak};
use std::thread::available_parallelism;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// In what memory is given out.
const KIB: usize = 1024;

/// How often organizations had documents searched: by days, coarse, and never an event.
pub trait DocumentCalls: Send + Sync {
    /// Counts a request. Must not block.
    fn note(&self, organization: OrganizationId, at: Timestamp);

    /// Requests of an organization from the day of `since` on. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    fn count(&self, organization: OrganizationId, since: Timestamp) -> Result<u64, Cause>;
}

/// Memory for a body, until it is dropped.
pub struct Memory<'a> {
    _of_all: SemaphorePermit<'a>,
    _of_organization: OwnedSemaphorePermit,
}

/// What searches documents.
pub struct Documents {
    finder: Arc<dyn SecretFinder>,
    calls: Arc<dyn DocumentCalls>,
    limit: u64,
    memory: Semaphore,
    /// What each organization has of it, while it has any.
    shares: Mutex<HashMap<OrganizationId, Weak<Semaphore>>>,
    cores: Semaphore,
}

impl Documents {
    /// Searches with `finder`, so many requests of an organization as `limit` says in
    /// [`DOCUMENT_CALLS_DAYS`](scanledger_domain::limits::DOCUMENT_CALLS_DAYS) days.
    pub fn new(finder: Arc<dyn SecretFinder>, calls: Arc<dyn DocumentCalls>, limit: u64) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let memory = Semaphore::new(DOCUMENTS_MEMORY_BYTES / KIB);
        Self { finder, calls, limit, memory, shares: Mutex::default(), cores: Semaphore::new(cores) }
    }

    /// Every kind of secret that is found.
    pub fn detectors(&self) -> Vec<&'static DetectorFacts> {
        self.finder.detectors()
    }

    /// Counts a request of an organization.
    pub fn note(&self, organization: OrganizationId, now: Timestamp) {
        self.calls.note(organization, now);
    }

    /// How often an organization may still have documents searched.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn allowance(&self, organization: OrganizationId, now: Timestamp) -> Result<Allowance, Cause> {
        let calls = Arc::clone(&self.calls);
        let since = Allowance::since(now);
        let used = tokio::task::spawn_blocking(move || calls.count(organization, since)).await??;
        Ok(Allowance { limit: self.limit, used })
    }

    /// Waits until there is memory for a body of so many bytes; it is taken until the answer is dropped. Of a body
    /// that does not say how long it is, the longest is expected. Nobody waits for another organization alone: each
    /// has [`DOCUMENTS_SHARE_BYTES`] at most.
    pub async fn memory_for(&self, organization: OrganizationId, bytes: Option<usize>) -> Memory<'_> {
        let bytes = bytes.unwrap_or(DOCUMENTS_BODY_BYTES).min(DOCUMENTS_BODY_BYTES);
        let wanted = u32::try_from(bytes.div_ceil(KIB)).expect("the longest body has few KiB");
        let share = self.share_of(organization);
        let of_organization = share.acquire_many_owned(wanted).await.expect("nobody closes it");
        let of_all = self.memory.acquire_many(wanted).await.expect("nobody closes it");
        Memory { _of_all: of_all, _of_organization: of_organization }
    }

    fn share_of(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock();
        if let Some(share) = shares.get(&organization).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(DOCUMENTS_SHARE_BYTES / KIB));
        shares.insert(organization, Arc::downgrade(&share));
        share
    }

    /// Runs `work` with the finder where it may take a while: as many at a time as there are cores, so that whatever
    /// is quick does not wait for it.
    ///
    /// # Errors
    /// When it panics.
    pub async fn search<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn SecretFinder) -> T + Send + 'static,
    ) -> Result<T, Cause> {
        let finder = Arc::clone(&self.finder);
        let _core = self.cores.acquire().await?;
        Ok(tokio::task::spawn_blocking(move || work(&*finder)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{DocumentCalls, Documents};
    use scanledger_domain::Cause;
    use scanledger_domain::id::OrganizationId;
    use scanledger_domain::limits::{DOCUMENTS_BODY_BYTES, DOCUMENTS_MEMORY_BYTES, DOCUMENTS_SHARE_BYTES};
    use scanledger_domain::secret::{DetectorFacts, SecretFinder, SecretMatch};
    use scanledger_domain::time::Timestamp;
    use std::sync::Arc;
    use std::time::Duration;

    /// Finds nothing and counts nothing: what is tested is who has to wait.
    struct Nothing;

    impl SecretFinder for Nothing {
        fn detectors(&self) -> Vec<&'static DetectorFacts> {
            vec![]
        }

        fn find(&self, _: &str) -> Vec<SecretMatch> {
            vec![]
        }
    }

    impl DocumentCalls for Nothing {
        fn note(&self, _: OrganizationId, _: Timestamp) {}

        fn count(&self, _: OrganizationId, _: Timestamp) -> Result<u64, Cause> {
            Ok(0)
        }
    }

    #[tokio::test]
    async fn as_many_bodies_as_there_is_memory_for_are_read_at_a_time() {
        let documents = Documents::new(Arc::new(Nothing), Arc::new(Nothing), 1);
        let organization = |n: usize| OrganizationId(uuid::Uuid::from_u128(n as u128));
        let soon = Duration::from_millis(20);
        let is_kept_waiting = async |n: usize, bytes: usize| {
            tokio::time::timeout(soon, documents.memory_for(organization(n), Some(bytes))).await.is_err()
        };
        let share = DOCUMENTS_SHARE_BYTES / DOCUMENTS_BODY_BYTES;
        let mut taken = Vec::new();
        for n in 0..share {
            assert!(!is_kept_waiting(0, usize::MAX).await, "{n}");
            taken.push(documents.memory_for(organization(0), None).await);
        }
        assert!(is_kept_waiting(0, 1).await);
        for n in share..DOCUMENTS_MEMORY_BYTES / DOCUMENTS_BODY_BYTES {
            assert!(!is_kept_waiting(n / share, usize::MAX).await, "{n}");
            taken.push(documents.memory_for(organization(n / share), None).await);
        }
        assert!(is_kept_waiting(9, 1).await);
        taken.pop();
        let small = documents.memory_for(organization(9), Some(1)).await;
        assert!(is_kept_waiting(9, usize::MAX).await);
        drop(small);
        assert!(!is_kept_waiting(9, usize::MAX).await);
        drop(taken);
        drop(documents.memory_for(organization(8), None).await);
        drop(documents.memory_for(organization(7), None).await);
        assert_eq!(documents.shares.lock().len(), 1, "what nobody has is forgotten");
    }

    #[tokio::test]
    async fn work_that_panics_is_a_fault() {
        let documents = Documents::new(Arc::new(Nothing), Arc::new(Nothing), 1);
        assert_eq!(documents.search(|finder| finder.find("x").len()).await.unwrap(), 0);
        assert!(documents.search(|_| -> () { panic!("as a finder must not") }).await.is_err());
    }
}
