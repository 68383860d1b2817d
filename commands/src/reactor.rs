//! Reactors: what has to run in one place, on whichever node.
//!
//! A reactor runs where its lease is held. A node that dies lets the lease lapse, and another one goes on.

use crate::ports::Leases;
use scanledger_domain::time::Clock;
use scanledger_domain::{BoxFuture, Cause};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How long a lease lasts that nobody renews: at most so long, and [`TRY_AGAIN`], nobody runs a reactor after its
/// node has vanished.
pub const REACTOR_LEASE: Duration = Duration::from_secs(5);
/// How often a node that does not run a reactor asks whether it should.
pub const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How long a reactor may take to stop after it was told to.
const STOPPING: Duration = Duration::from_secs(3);

/// What runs under a lease. It ends soon after `stop` turns true; ended before, it is begun again.
pub type Work = Box<dyn Fn(watch::Receiver<bool>) -> BoxFuture<'static, Result<(), Cause>> + Send + Sync>;

/// Something that runs on one node at a time.
pub struct Reactor {
    /// The name of its lease.
    pub name: &'static str,
    /// Where leases are.
    pub leases: Arc<dyn Leases>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// This life of this node: after a restart it is another one.
    pub owner: String,
}

impl Reactor {
    /// Runs `work` whenever this node holds the lease, until `stopped`; then gives the lease back.
    pub async fn run(self, work: Work, mut stopped: watch::Receiver<bool>) {
        loop {
            match self.acquire().await {
                Ok(true) => {
                    tracing::debug!(reactor = self.name, "this node runs the reactor");
                    self.hold(&work, &mut stopped).await;
                    self.release().await;
                }
                Ok(false) => (),
                Err(error) => {
                    tracing::warn!(reactor = self.name, "the lease could not be asked for: {error}")
                }
            }
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = sleep(TRY_AGAIN) => (),
            }
        }
    }

    /// Does `work` once, while no other node does, as soon as the lease is free; `None` if it was not within
    /// `patience`. The work goes on if the lease cannot be renewed: it is short, and whoever waits comes after it.
    ///
    /// # Errors
    /// When the lease store fails.
    pub async fn once<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = T> + Send,
    ) -> Result<Option<T>, Cause> {
        let began = Instant::now();
        while !self.acquire().await? {
            if began.elapsed() >= patience {
                return Ok(None);
            }
            sleep(TRY_AGAIN).await;
        }
        let mut work = std::pin::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                () = sleep(REACTOR_LEASE / 4) => if let Err(error) = self.renew().await {
                    tracing::warn!(reactor = self.name, "the lease could not be renewed: {error}");
                },
            }
        };
        self.release().await;
        Ok(Some(done))
    }

    /// Works until it is told to stop, the work ends or the lease is lost.
    async fn hold(&self, work: &Work, stopped: &mut watch::Receiver<bool>) {
        let (stop, told) = watch::channel(false);
        let mut working = std::pin::pin!(work(told));
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                ended = &mut working => {
                    if let Err(error) = ended {
                        tracing::warn!(reactor = self.name, "the reactor failed and begins again: {error}");
                    }
                    return;
                }
                () = until_true(stopped) => break,
                () = sleep(REACTOR_LEASE / 4) => match self.renew().await {
                    Ok(true) => renewed = Instant::now(),
                    Ok(false) => {
                        tracing::warn!(reactor = self.name, "another node has taken the reactor over");
                        break;
                    }
                    // While it is not certain that the lease has lapsed, the work goes on.
                    Err(error) if renewed.elapsed() < REACTOR_LEASE => {
                        tracing::warn!(reactor = self.name, "the lease could not be renewed: {error}");
                    }
                    Err(_) => break,
                },
            }
        }
        stop.send_replace(true);
        if timeout(STOPPING, working).await.is_err() {
            tracing::warn!(reactor = self.name, "the reactor did not stop in time and is cut off");
        }
    }

    async fn acquire(&self) -> Result<bool, Cause> {
        self.ask(|leases, name, owner, clock| leases.acquire(name, owner, clock.now(), REACTOR_LEASE)).await
    }

    async fn renew(&self) -> Result<bool, Cause> {
        self.ask(|leases, name, owner, clock| leases.renew(name, owner, clock.now(), REACTOR_LEASE)).await
    }

    async fn release(&self) {
        if let Err(error) = self.ask(|leases, name, owner, _| leases.release(name, owner)).await {
            tracing::warn!(reactor = self.name, "the lease was not given back and lapses: {error}");
        }
    }

    /// Calls the lease store on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Leases, &str, &str, &dyn Clock) -> Result<T, Cause> + Send + 'static,
    ) -> Result<T, Cause> {
        let (leases, clock) = (Arc::clone(&self.leases), Arc::clone(&self.clock));
        let (name, owner) = (format!("reactor-{}", self.name), self.owner.clone());
        tokio::task::spawn_blocking(move || call(&*leases, &name, &owner, &*clock)).await?
    }
}

/// Until `flag` is true or nobody is left to set it. What watching borrows is given back at once.
pub(crate) async fn until_true(flag: &mut watch::Receiver<bool>) {
    drop(flag.wait_for(|flag| *flag).await);
}
