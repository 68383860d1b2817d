//! Reactors: what has to run in one place, on whichever node.
//!
//! A reactor runs where its lease is held. A node that dies lets the lease lapse, and another one goes on.

use crate::ports::Leases;
use scanledger_domain::time::Clock;
use scanledger_domain::{BoxFuture, Cause};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// How long a lease lasts that nobody renews: at most so long, and [`TRY_AGAIN`], nobody runs a reactor after its
/// node has vanished.
pub const REACTOR_LEASE: Duration = Duration::from_secs(5);
/// How often a node that does not run a reactor asks whether it should.
pub const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often a lease is renewed, from question to question: an answer may take as long again.
const RENEWED: Duration = Duration::from_millis(1_250);
/// How long a reactor may take to stop after it was told to. It is told so long before its lease may lapse.
const STOPPING: Duration = Duration::from_secs(2);
/// How long the lease store may take to answer for the answer to be of use.
const ANSWER: Duration = REACTOR_LEASE.saturating_sub(STOPPING);

/// What runs under a lease. It ends soon after `stop` turns true, or is cut off; ended before, it is begun again.
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
    /// Runs `work` whenever this node holds the lease, until `stopped`; then gives the lease back. No work goes on
    /// after the lease may have lapsed, however late the lease store answers.
    pub async fn run(self, work: Work, mut stopped: watch::Receiver<bool>) {
        loop {
            // The lease runs from some moment between the question and its answer.
            let asked = Instant::now();
            match timeout(ANSWER, self.acquire()).await {
                Ok(Ok(true)) => {
                    tracing::debug!(reactor = self.name, "this node runs the reactor");
                    match self.hold(&work, asked + REACTOR_LEASE, &mut stopped).await {
                        Held::Still => self.release().await,
                        // To give back late would be to give back what was taken again.
                        Held::NoLonger => (),
                    }
                }
                Ok(Ok(false)) => (),
                Ok(Err(error)) => {
                    tracing::warn!(reactor = self.name, "the lease could not be asked for: {error}");
                }
                Err(_) => tracing::warn!(reactor = self.name, "the lease could not be asked for in time"),
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

    /// Works until it is told to stop, the work ends or the lease, which runs until `until`, is lost.
    async fn hold(&self, work: &Work, mut until: Instant, stopped: &mut watch::Receiver<bool>) -> Held {
        let (stop, told) = watch::channel(false);
        let mut working = std::pin::pin!(work(told));
        let held = tokio::select! {
            ended = &mut working => {
                if let Err(error) = ended {
                    tracing::warn!(reactor = self.name, "the reactor failed and begins again: {error}");
                }
                return Held::Still;
            }
            () = until_true(stopped) => Held::Still,
            lost = self.keep(&mut until) => match lost {
                Lost::Taken => {
                    tracing::warn!(reactor = self.name, "another node has taken the reactor over");
                    return Held::NoLonger;
                }
                Lost::Late => {
                    tracing::warn!(reactor = self.name, "the lease was not renewed in time, and the reactor stops");
                    Held::NoLonger
                }
            },
        };
        stop.send_replace(true);
        if timeout_at(until.min(Instant::now() + STOPPING), working).await.is_err() {
            tracing::warn!(reactor = self.name, "the reactor did not stop in time and is cut off");
        }
        held
    }

    /// Renews the lease, and `until` with it, for as long as there is time enough to stop before it lapses.
    async fn keep(&self, until: &mut Instant) -> Lost {
        let mut asked = *until - REACTOR_LEASE;
        loop {
            let last = *until - STOPPING;
            if timeout_at(last, sleep_until(asked + RENEWED)).await.is_err() {
                return Lost::Late;
            }
            asked = Instant::now();
            match timeout_at(last, self.renew()).await {
                Ok(Ok(true)) => *until = asked + REACTOR_LEASE,
                Ok(Ok(false)) => return Lost::Taken,
                Ok(Err(error)) => {
                    tracing::warn!(reactor = self.name, "the lease could not be renewed: {error}");
                }
                Err(_) => return Lost::Late,
            }
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

/// Whether a lease is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Still,
    /// Or only perhaps.
    NoLonger,
}

/// Why a lease is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// The lease store says that somebody else has it, or that it has lapsed.
    Taken,
    /// The lease store has not answered in time, or not well.
    Late,
}

/// Until `flag` is true or nobody is left to set it. What watching borrows is given back at once.
pub(crate) async fn until_true(flag: &mut watch::Receiver<bool>) {
    drop(flag.wait_for(|flag| *flag).await);
}
