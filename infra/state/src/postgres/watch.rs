//! Erasures by other nodes, noticed in time.

use super::thread::Outage;
use crate::ERASURE_DELAY;
use parking_lot::Mutex;
use scanledger_domain::Cause;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the count is looked at.
const INTERVAL: Duration = Duration::from_millis(400);

/// The count of erasures, as it was seen last.
#[derive(Default)]
pub(super) struct Watch {
    state: Mutex<State>,
}

#[derive(Default, Clone, Copy)]
struct State {
    /// The count, and when it was asked for.
    seen: Option<(i64, Instant)>,
    /// The last look failed.
    is_lost: bool,
}

impl Watch {
    /// The count, if it is young enough; `None` if somebody has to ask now.
    ///
    /// # Errors
    /// [`Outage::Down`] if it is too old, and asking was in vain a moment ago: so that not every caller finds that
    /// out by waiting.
    pub(super) fn known(&self) -> Result<Option<i64>, Outage> {
        let state = *self.state.lock();
        match state.seen {
            Some((erasures, asked)) if asked.elapsed() < ERASURE_DELAY => Ok(Some(erasures)),
            Some(_) | None if state.is_lost => Err(Outage::Down),
            Some(_) | None => Ok(None),
        }
    }

    /// The count was `erasures`, asked for at `asked`.
    pub(super) fn saw(&self, erasures: i64, asked: Instant) {
        let mut state = self.state.lock();
        state.is_lost = false;
        // Answers may overtake each other; a younger one stays.
        if state.seen.is_none_or(|(_, before)| before <= asked) {
            state.seen = Some((erasures, asked));
        }
    }

    fn lost(&self) {
        self.state.lock().is_lost = true;
    }
}

/// Looks at the count for ever.
pub(super) async fn keep_looking(pool: PgPool, watch: Arc<Watch>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let asked = Instant::now();
        match tokio::time::timeout(ERASURE_DELAY, read(&pool)).await {
            Ok(Ok(erasures)) => watch.saw(erasures, asked),
            Ok(Err(_)) | Err(_) => watch.lost(),
        }
    }
}

/// The count of erasures.
pub(super) async fn read(pool: &PgPool) -> Result<i64, Cause> {
    let count = sqlx::query_scalar("SELECT erasures FROM scanledger_state.installation");
    Ok(count.fetch_optional(pool).await?.unwrap_or(0))
}
