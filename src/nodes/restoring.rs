//! Restores and servers on one database. A restore replaces the keys that a server has in memory, so it does not begin
//! where a server runs; and a server that began at the same moment ends before anything is restored.

use crate::adapters::{SystemClock, TimeOrderedIds};
use crate::backup::Unfinished;
use crate::place::LogPlace;
use anyhow::{Context, Result, anyhow, bail};
use scanledger_commands::ports::{Checkpoints, Leases};
use scanledger_commands::reactor::{REACTOR_LEASE, Reactor, TRY_AGAIN};
use scanledger_domain::id::Ids;
use scanledger_state::State;
use std::sync::Arc;
use std::time::Duration;

/// The reactor that runs as long as any server does on a shared log.
pub const SHARING: &str = "views";
/// How often a server looks whether a restore has begun.
const PACE: Duration = Duration::from_secs(1);
/// How long a restore waits until every server that runs has looked.
pub const NOTICE: Duration = Duration::from_secs(2);
/// For how long the lease of a server may be there that has ended.
const LEFT: Duration = REACTOR_LEASE.saturating_add(TRY_AGAIN);

const OVERTAKEN: &str = "a restore has begun in the database of this server, which was empty before, and replaces its \
                         keys: start it again when the restore has ended";

/// Whether a restore begins in the state store that a server has open.
pub struct Restores {
    checkpoints: Arc<dyn Checkpoints>,
}

impl Restores {
    /// In the state store of the log at `log`, which was opened a moment ago. `None`: none can begin there any more,
    /// because nobody else can open it, or because there was one.
    ///
    /// # Errors
    /// When the state store fails.
    pub async fn within(log: &LogPlace, state: &State) -> Result<Option<Self>> {
        if !log.is_shared() {
            return Ok(None);
        }
        let restores = Self { checkpoints: Arc::clone(&state.checkpoints) as _ };
        Ok((!restores.has_begun().await?).then_some(restores))
    }

    /// Makes sure that none has begun by now.
    ///
    /// # Errors
    /// When one has, or the state store fails.
    pub async fn refuse(&self) -> Result<()> {
        if self.has_begun().await? {
            bail!(OVERTAKEN);
        }
        Ok(())
    }

    async fn has_begun(&self) -> Result<bool> {
        let checkpoints = Arc::clone(&self.checkpoints);
        tokio::task::spawn_blocking(move || Unfinished::was_begun(&*checkpoints)).await?
    }

    /// Waits until one has begun, and says that the server has to end. A state store that is away is asked again.
    pub async fn begun(&self) -> anyhow::Error {
        loop {
            match self.has_begun().await {
                Ok(true) => return anyhow!(OVERTAKEN),
                Ok(false) => (),
                Err(error) => tracing::debug!("it is not known whether a restore has begun: {error:#}"),
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

/// Makes sure that no server runs on a database. One that was killed is waited for until its lease lapses.
///
/// # Errors
/// When one runs, or the state store fails.
pub async fn refuse_served(leases: Arc<dyn Leases>) -> Result<()> {
    let owner = format!("restore.{}", TimeOrderedIds.fresh());
    let alone = Reactor { name: SHARING, leases, clock: Arc::new(SystemClock), owner };
    let free = alone.once(LEFT, std::future::ready(())).await;
    let free = free.map_err(anyhow::Error::from_boxed).context("while looking for servers")?;
    free.context(
        "a server runs on this database, with keys that a restore would replace: end it, and restore then",
    )
}
