//! How a running scan hears that it is to pause, to go on, or to end.

use crate::progress::{ScanProgress, ScannerProgress};
use parking_lot::{Condvar, Mutex};
use scanledger_domain::id::ScanId;
use scanledger_domain::scanning::{Control, Interrupted, ScannerKind};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Why a run ends before it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Somebody ended the scan and keeps what was found.
    Stopped,
    /// Somebody discarded the scan.
    Cancelled,
    /// The scan is no longer this worker's.
    Superseded,
    /// The process ends.
    Shutdown,
}

/// What a run is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Work.
    Run,
    /// Wait at the next safe point.
    Pause,
    /// End at the next safe point.
    End(Ending),
}

/// The ear of one run.
#[derive(Debug)]
pub(super) struct RunControl {
    signal: Mutex<Signal>,
    changed: Condvar,
    watch: watch::Sender<Signal>,
}

impl RunControl {
    pub(super) fn new() -> Self {
        Self {
            signal: Mutex::new(Signal::Run),
            changed: Condvar::new(),
            watch: watch::Sender::new(Signal::Run),
        }
    }

    /// Tells the run. An ending is final.
    pub(super) fn set(&self, signal: Signal) {
        let mut present = self.signal.lock();
        if matches!(*present, Signal::End(_)) {
            return;
        }
        *present = signal;
        self.changed.notify_all();
        self.watch.send_replace(signal);
    }

    pub(super) fn signal(&self) -> Signal {
        *self.signal.lock()
    }

    /// Waits while the run is paused.
    pub(super) async fn unpaused(&self) -> Signal {
        let mut watch = self.watch.subscribe();
        loop {
            let signal = *watch.borrow_and_update();
            if signal != Signal::Pause {
                return signal;
            }
            // The sender lives in `self`, so there is always another change to wait for.
            if watch.changed().await.is_err() {
                return self.signal();
            }
        }
    }

    /// Waits for the end of the run, but no longer than `time`; `None` if it did not come.
    pub(super) async fn ended_within(&self, time: Duration) -> Option<Ending> {
        let mut watch = self.watch.subscribe();
        let ended =
            tokio::time::timeout(time, watch.wait_for(|signal| matches!(signal, Signal::End(_)))).await;
        match ended {
            Ok(Ok(signal)) => match *signal {
                Signal::End(ending) => Some(ending),
                Signal::Run | Signal::Pause => None,
            },
            // The sender lives in `self`.
            Ok(Err(_)) | Err(_) => None,
        }
    }

    fn block_while_paused(&self) -> Result<(), Interrupted> {
        let mut signal = self.signal.lock();
        loop {
            match *signal {
                Signal::Run => return Ok(()),
                Signal::End(_) => return Err(Interrupted),
                Signal::Pause => self.changed.wait(&mut signal),
            }
        }
    }
}

/// What one scanner of a run talks with.
pub(super) struct ScannerControl {
    pub(super) run: Arc<RunControl>,
    pub(super) progress: Arc<ScanProgress>,
    pub(super) scan: ScanId,
    pub(super) scanner: ScannerKind,
}

impl Control for ScannerControl {
    fn safe_point(&self) -> Result<(), Interrupted> {
        self.run.block_while_paused()
    }

    fn progress(&self, files_completed: u64, files_total: u64) {
        let progress = ScannerProgress { files_completed, files_total, ..ScannerProgress::default() };
        self.progress.publish(self.scan, self.scanner, progress);
    }
}

/// The runs of this process.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Mutex<HashMap<ScanId, (u32, Arc<RunControl>)>>,
}

impl Runs {
    pub(super) fn insert(&self, scan: ScanId, attempt: u32) -> Arc<RunControl> {
        let control = Arc::new(RunControl::new());
        self.runs.lock().insert(scan, (attempt, Arc::clone(&control)));
        control
    }

    pub(super) fn remove(&self, scan: ScanId) {
        self.runs.lock().remove(&scan);
    }

    pub(super) fn contains(&self, scan: ScanId) -> bool {
        self.runs.lock().contains_key(&scan)
    }

    /// Whether a scan runs here and does not wait for somebody to resume it.
    pub(super) fn is_at_work(&self, scan: ScanId) -> bool {
        self.runs.lock().get(&scan).is_some_and(|(_, control)| control.signal() != Signal::Pause)
    }

    /// How many runs wait for somebody to resume their scan.
    pub(super) fn paused(&self) -> usize {
        let runs = self.runs.lock();
        runs.values().filter(|(_, control)| control.signal() == Signal::Pause).count()
    }

    /// Tells a scan's run, if it runs here in an attempt that `of` accepts.
    pub(super) fn tell(&self, scan: ScanId, signal: Signal, of: impl FnOnce(u32) -> bool) {
        if let Some((attempt, control)) = self.runs.lock().get(&scan)
            && of(*attempt)
        {
            control.set(signal);
        }
    }

    pub(super) fn tell_all(&self, signal: Signal) {
        for (_, control) in self.runs.lock().values() {
            control.set(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, RunControl, Runs, ScannerControl, Signal};
    use crate::progress::ScanProgress;
    use scanledger_domain::id::ScanId;
    use scanledger_domain::scanning::{Control as _, Interrupted, ScannerKind};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;
    use uuid::Uuid;

    const SCAN: ScanId = ScanId(Uuid::from_u128(1));

    fn ear(run: &Arc<RunControl>) -> ScannerControl {
        ScannerControl {
            run: Arc::clone(run),
            progress: Arc::new(ScanProgress::default()),
            scan: SCAN,
            scanner: ScannerKind::Sca,
        }
    }

    #[test]
    fn a_scanner_waits_at_a_safe_point_until_the_scan_goes_on() {
        let run = Arc::new(RunControl::new());
        let ear = ear(&run);
        run.set(Signal::Pause);
        let (passed, passes) = mpsc::channel();
        let thread = std::thread::spawn(move || passed.send(ear.safe_point()).unwrap());
        assert!(passes.recv_timeout(Duration::from_millis(50)).is_err());
        run.set(Signal::Run);
        assert_eq!(passes.recv_timeout(Duration::from_secs(5)), Ok(Ok(())));
        thread.join().unwrap();
    }

    #[test]
    fn a_paused_scanner_ends_when_the_scan_is_stopped() {
        let run = Arc::new(RunControl::new());
        let ear = ear(&run);
        run.set(Signal::Pause);
        let thread = std::thread::spawn(move || ear.safe_point());
        run.set(Signal::End(Ending::Stopped));
        assert_eq!(thread.join().unwrap(), Err(Interrupted));
    }

    #[test]
    fn an_ending_is_final() {
        let run = RunControl::new();
        run.set(Signal::End(Ending::Cancelled));
        run.set(Signal::Run);
        run.set(Signal::End(Ending::Shutdown));
        assert_eq!(run.signal(), Signal::End(Ending::Cancelled));
    }

    #[test]
    fn only_the_attempt_that_is_meant_hears_it() {
        let runs = Runs::default();
        let control = runs.insert(SCAN, 2);
        runs.tell(SCAN, Signal::End(Ending::Superseded), |attempt| attempt < 2);
        assert_eq!(control.signal(), Signal::Run);
        runs.tell(SCAN, Signal::End(Ending::Superseded), |attempt| attempt < 3);
        assert_eq!(control.signal(), Signal::End(Ending::Superseded));
    }
}
