//! Takes scans from the queue and lets them run, as many as there are workers.

use super::control::{Ending, RunControl, Runs, Signal};
use super::lease::{Attached, blocking, lease_name, lease_owner, release};
use super::pick::{OLDEST, pick};
use super::run::{Run, VIEW_TIMEOUT};
use super::scanlog::ScanLog;
use super::{WorkerDeps, WorkerOptions, reaper, signals, source};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ports::RunnableScan;
use scanledger_domain::id::{CommandId, ScanId};
use scanledger_domain::log::{Actor, LogError, Metadata, Position, Version};
use scanledger_domain::scan::{Scan, ScanCommand, ScanLife, ScanState, ScanStatus, scan_stream};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The workers of a node. Dropping it is like losing the process: what ran keeps its lease until that lapses.
#[derive(Debug)]
pub struct WorkerPool {
    runs: Arc<Runs>,
    shutdown: watch::Sender<bool>,
    dispatcher: Option<JoinHandle<()>>,
    _followers: [Attached; 2],
}

impl WorkerPool {
    /// Starts the workers of this node. Scans that ran under leases of its former life are requeued first.
    ///
    /// Two pools of one process need two nodes.
    ///
    /// # Errors
    /// When the log cannot be read or the temp folder cannot be written.
    pub async fn start(deps: WorkerDeps, options: WorkerOptions) -> Result<Self, Fault> {
        let (temp_dir, node) = (options.temp_dir.clone(), options.node);
        tokio::task::spawn_blocking(move || source::sweep(&temp_dir, node))
            .await
            .map_err(|error| Fault::other("clear the temp folder", error))?
            .map_err(|error| Fault::other("clear the temp folder", error))?;
        let head = deps.ledger.log().head().await?;
        let runs = Arc::new(Runs::default());
        let queue = watch::Sender::new(head);
        let (shutdown, ends) = watch::channel(false);
        let dispatcher = Dispatcher {
            deps: deps.clone(),
            options: options.clone(),
            runs: Arc::clone(&runs),
            tasks: JoinSet::new(),
            alone: None,
        };
        let (waiting, reaped) = (queue.subscribe(), watch::Sender::new(false));
        let is_reaped = reaped.subscribe();
        let followers = [
            Attached::spawn(signals::follow(deps.clone(), head, Arc::clone(&runs), queue)),
            Attached::spawn(reaper::reap(deps, options, head, Arc::clone(&runs), reaped)),
        ];
        let dispatcher = tokio::spawn(Box::pin(dispatcher.dispatch(waiting, is_reaped, ends)));
        Ok(Self { runs, shutdown, dispatcher: Some(dispatcher), _followers: followers })
    }

    /// Takes no more scans, lets those finish whose results are being recorded, hands the others back to the
    /// queue, and answers when all of that is done.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        if let Some(dispatcher) = self.dispatcher.take()
            && let Err(error) = dispatcher.await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "the workers ended badly");
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.abort();
            // Scanners work on threads that cannot be aborted.
            self.runs.tell_all(Signal::End(Ending::Superseded));
        }
    }
}

struct Dispatcher {
    deps: WorkerDeps,
    options: WorkerOptions,
    runs: Arc<Runs>,
    tasks: JoinSet<ScanId>,
    /// The scan that runs while nothing else begins.
    alone: Option<ScanId>,
}

/// What a look at the queue came to.
enum Taken {
    /// A scan runs.
    Started,
    /// There is nothing to run at the moment.
    Nothing,
}

impl Dispatcher {
    async fn dispatch(
        mut self,
        mut queue: watch::Receiver<Position>,
        mut is_reaped: watch::Receiver<bool>,
        mut ends: watch::Receiver<bool>,
    ) {
        let may_start = async { is_reaped.wait_for(|is_reaped| *is_reaped).await.is_ok() };
        let mut ends_early = ends.clone();
        tokio::select! {
            _ = may_start => (),
            _ = ends_early.wait_for(|ends| *ends) => return,
        }
        loop {
            let wanted = *queue.borrow_and_update();
            if let Err(error) = self.fill(wanted).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "workers cannot take scans from the queue at the moment");
            }
            tokio::select! {
                _ = ends.wait_for(|ends| *ends) => break,
                Ok(()) = queue.changed() => (),
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                () = tokio::time::sleep(self.options.poll_interval) => (),
            }
        }
        self.runs.tell_all(Signal::End(Ending::Shutdown));
        while let Some(ended) = self.tasks.join_next().await {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<ScanId, tokio::task::JoinError>) {
        match ended {
            Ok(scan) => {
                self.runs.remove(scan);
                self.alone.take_if(|alone| *alone == scan);
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a worker ended badly");
            }
        }
        if self.tasks.is_empty() {
            self.alone = None;
        }
    }

    /// Starts scans until every worker has one, or none waits.
    async fn fill(&mut self, wanted: Position) -> Result<(), Fault> {
        let mut lost = HashSet::new();
        let mut has_waited = false;
        while self.busy() < self.options.workers && !self.is_kept_free() {
            if !has_waited {
                self.deps.views.wait_for(wanted, VIEW_TIMEOUT).await?;
                has_waited = true;
            }
            match self.take_next(&mut lost).await? {
                Taken::Started => (),
                Taken::Nothing => break,
            }
        }
        Ok(())
    }

    /// Whether a scan is at work that runs alone. While it is paused others may begin: nobody knows how long that takes.
    fn is_kept_free(&self) -> bool {
        self.alone.is_some_and(|scan| self.runs.is_at_work(scan))
    }

    /// Workers that have something to do. Paused scans wait without a worker, up to one for each; otherwise a few
    /// of them would block the queue for as long as somebody likes.
    fn busy(&self) -> usize {
        self.tasks.len().saturating_sub(self.runs.paused().min(self.options.workers))
    }

    /// Claims the next scan; `lost` holds those that others have.
    async fn take_next(&mut self, lost: &mut HashSet<ScanId>) -> Result<Taken, Fault> {
        // The read model may still show scans as waiting that run here or were lost.
        let mut runnable = self.deps.views.runnable_scans(OLDEST + self.tasks.len() + lost.len()).await?;
        runnable.retain(|scan| !lost.contains(&scan.scan) && !self.runs.contains(scan.scan));
        let running = self.deps.views.running_by_organization().await?;
        loop {
            let mut random = [0; 8];
            let filled = self.deps.entropy.fill(&mut random);
            filled.map_err(|source| Fault::Other { doing: "choose a scan", source })?;
            let Some(next) = pick(&runnable, &running, u64::from_le_bytes(random)) else {
                return Ok(Taken::Nothing);
            };
            if next.must_run_alone && !self.tasks.is_empty() && self.runs.paused() == 0 {
                // Whatever runs ends first; meanwhile nothing else starts, or its turn would never come.
                return Ok(Taken::Nothing);
            }
            // Nobody knows when a paused scan ends, so others are not kept waiting for that.
            let must_wait = next.must_run_alone && !self.tasks.is_empty();
            if !must_wait && let Some(run) = self.claim(&next).await? {
                let scan = next.scan;
                if next.must_run_alone {
                    self.alone = Some(scan);
                }
                self.tasks.spawn(Box::pin(async move {
                    run.run().await;
                    scan
                }));
                return Ok(Taken::Started);
            }
            lost.insert(next.scan);
            runnable.retain(|scan| scan.scan != next.scan);
        }
    }

    /// Takes the lease of a scan and appends `scan.started`; `None` if somebody else has it.
    ///
    /// The lease comes first: a running scan without one would look lost.
    async fn claim(&self, next: &RunnableScan) -> Result<Option<Run>, Fault> {
        let stream = scan_stream(next.scan);
        let (state, version) = self.deps.ledger.load::<Scan>(&stream).await?;
        let attempt = match &state {
            ScanState::Live(life) if life.status == ScanStatus::Queued => life.attempt + 1,
            ScanState::Live(_) | ScanState::Missing | ScanState::Deleted => return Ok(None),
        };
        let (name, owner) = (lease_name(next.scan), lease_owner(self.options.node, attempt));
        let (own, now, ttl) = (owner.clone(), self.deps.clock.now(), self.options.lease_ttl);
        let taken = blocking(&self.deps.leases, "take the lease of a scan", move |leases| {
            leases.acquire(&name, &own, now, ttl)
        });
        let is_ours = taken.await?;
        if !is_ours {
            return Ok(None);
        }
        let control = self.runs.insert(next.scan, attempt);
        match self.start(next, version).await {
            Ok(Some((life, context))) => Ok(Some(self.run(life, context, control))),
            lost => {
                self.runs.remove(next.scan);
                release(&self.deps.leases, next.scan, owner).await;
                lost.map(|_| None)
            }
        }
    }

    async fn start(
        &self,
        next: &RunnableScan,
        version: Version,
    ) -> Result<Option<(ScanLife, Context)>, Fault> {
        let context = self.context(next).await?;
        let alone = next.must_run_alone || (self.options.workers == 1 && self.tasks.is_empty());
        let stream = scan_stream(next.scan);
        let command = ScanCommand::Start { alone };
        match self.deps.ledger.execute::<Scan>(&context, &stream, Some(version), command).await {
            Ok(done) => Ok(match done.state {
                ScanState::Live(life) => Some((*life, context)),
                ScanState::Missing | ScanState::Deleted => None,
            }),
            Err(CommandError::Fault(fault)) => Err(fault),
            Err(CommandError::Refused(_) | CommandError::Stale { .. } | CommandError::Contended) => Ok(None),
        }
    }

    /// What a worker does follows from the request that queued the scan.
    async fn context(&self, next: &RunnableScan) -> Result<Context, Fault> {
        let mut context =
            Context::new(CommandId(self.deps.ids.fresh()), Actor::System, Some(next.organization));
        let stream = scan_stream(next.scan);
        let first: Result<_, LogError> = self.deps.ledger.log().read_stream(&stream, Version::NONE, 1).await;
        if let Some(queued) = first?.first() {
            context.causation = Some(queued.id.0);
            if let Ok(metadata) = Metadata::decode(&queued.metadata) {
                context.correlation = metadata.correlation;
            }
        }
        Ok(context)
    }

    fn run(&self, life: ScanLife, context: Context, control: Arc<RunControl>) -> Run {
        let log = ScanLog::new(Arc::clone(&self.deps.clock));
        let (deps, options) = (self.deps.clone(), self.options.clone());
        Run { deps, options, life, context, control, log }
    }
}
