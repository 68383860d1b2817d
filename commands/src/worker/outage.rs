//! What a run does while a store is out of reach: it waits under its lease, and hands the scan back without blame.

use super::run::{Halt, Run};
use scanledger_domain::limits::SCAN_OUTAGE_SECONDS_MOST;
use scanledger_domain::scan::{Interruption, ScanCommand};
use std::time::Duration;

impl Run {
    /// Waits, if a store that is out of reach is why the run ends, and puts the scan back into the queue; nothing is held
    /// against it. If that cannot be written either, waits again, as long as the scan is this worker's.
    ///
    /// Answers what is left to do: `halt` if it has another reason, or that the scan was ended meanwhile.
    pub(super) async fn sit_out(&self, halt: Halt) -> Result<Option<Halt>, Halt> {
        let mut outage = match halt {
            Halt::Broken(fault) if fault.is_temporary() => fault,
            halt => return Ok(Some(halt)),
        };
        let (scan, attempt) = (self.life.queued.scan, self.life.attempt);
        let mut times = attempt;
        loop {
            let pause = pause(self.options.outage_pause, times);
            {
                let error = &outage as &dyn std::error::Error;
                tracing::warn!(scan.id = %scan, attempt, ?pause, error, "a scan waits for a store that is out of reach");
            }
            if let Some(ending) = self.control.ended_within(pause).await {
                return Ok(Some(Halt::Ended(ending)));
            }
            let command = ScanCommand::Interrupt { attempt, because: Interruption::Shutdown };
            match self.tell("outage", command).await {
                Ok(_) => return Ok(None),
                Err(Halt::Broken(fault)) if fault.is_temporary() => outage = fault,
                Err(ended @ Halt::Ended(_)) => return Ok(Some(ended)),
                Err(halt) => return Err(halt),
            }
            times = times.saturating_add(1);
        }
    }
}

/// How long the attempt number `attempt` waits: twice as long as the one before it, at most
/// [`SCAN_OUTAGE_SECONDS_MOST`].
fn pause(first: Duration, attempt: u32) -> Duration {
    let times = 2_u32.saturating_pow(attempt.saturating_sub(1));
    first.saturating_mul(times).min(Duration::from_secs(SCAN_OUTAGE_SECONDS_MOST))
}

#[cfg(test)]
mod tests {
    use super::pause;
    use scanledger_domain::limits::{SCAN_OUTAGE_SECONDS, SCAN_OUTAGE_SECONDS_MOST};
    use std::time::Duration;

    #[test]
    fn each_attempt_waits_twice_as_long_up_to_a_limit() {
        let seconds = |attempt| pause(Duration::from_secs(SCAN_OUTAGE_SECONDS), attempt).as_secs();
        assert_eq!([1, 2, 3].map(seconds), [1, 2, 4].map(|times| times * SCAN_OUTAGE_SECONDS));
        assert_eq!([6, 7, 33, u32::MAX].map(seconds), [160, 300, 300, 300]);
        assert_eq!(SCAN_OUTAGE_SECONDS_MOST, 300);
    }
}
