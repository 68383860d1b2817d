//! How far the removal of blobs has come.

use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// What is set aside within such a part of the grace is discarded together, so that few times have to be kept.
pub(super) const PARTS: u32 = 24;

/// How far this has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Blobs of what was deleted up to here are set aside.
    pub(super) set_aside: Position,
    /// Blobs of what was deleted up to here are discarded.
    pub(super) discarded: Position,
    /// Since when they are set aside, where they are not yet discarded, in order.
    pub(super) waves: VecDeque<Wave>,
    /// Deletions that both steps are done again for.
    #[serde(default)]
    pub(super) again: Vec<Again>,
}

/// Deletions whose blobs are discarded together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wave {
    /// The last of them.
    pub(super) until: Position,
    /// When the first of them was worked at, in microseconds since 1970 UTC.
    pub(super) began: i64,
    /// When the last of their blobs had been set aside, in the same unit.
    pub(super) ended: i64,
}

/// A page of deletions, at the second look at which a blob lay in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Again {
    /// They come after it.
    pub(super) after: Position,
    /// The last of them.
    pub(super) until: Position,
    /// When the last of their blobs had been set aside, in microseconds since 1970 UTC; `None`: they are not yet.
    pub(super) ended: Option<i64>,
}

impl Reached {
    /// Blobs of deletions up to `until` are set aside `now`.
    pub(super) fn note(&mut self, until: Position, now: Timestamp, grace: Duration) {
        self.set_aside = until;
        let part = micros(grace / PARTS);
        match self.waves.back_mut() {
            Some(last) if now.0.saturating_sub(last.began) < part => {
                last.until = until;
                last.ended = now.0;
            }
            Some(_) | None => self.waves.push_back(Wave { until, began: now.0, ended: now.0 }),
        }
    }

    /// The first wave, if everybody who stored one of its blobs before must have recorded what for.
    pub(super) fn due(&self, now: Timestamp, grace: Duration) -> Option<Position> {
        let first = self.waves.front()?;
        (now.0.saturating_sub(first.ended) >= micros(grace)).then_some(first.until)
    }

    /// Whether both steps are done for a deletion.
    pub(super) fn is_done_with(&self, deletion: Position) -> bool {
        let again = |again: &Again| again.after < deletion && deletion <= again.until;
        deletion <= self.discarded && !self.again.iter().any(again)
    }

    /// The first deletions to be looked at again by now.
    pub(super) fn due_again(&self, now: Timestamp, grace: Duration) -> Option<usize> {
        let is_due =
            |again: &Again| again.ended.is_none_or(|ended| now.0.saturating_sub(ended) >= micros(grace));
        self.again.iter().position(is_due)
    }
}

/// In the unit of times.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Again, Reached, Wave};
    use scanledger_domain::log::Position;
    use scanledger_domain::time::Timestamp;
    use std::time::Duration;

    const GRACE: Duration = Duration::from_micros(24_000);

    #[test]
    fn a_wave_is_due_a_grace_after_the_last_of_it_was_set_aside() {
        let mut reached = Reached::default();
        reached.note(Position(4), Timestamp(0), GRACE);
        reached.note(Position(7), Timestamp(999), GRACE);
        assert_eq!(reached.waves, [Wave { until: Position(7), began: 0, ended: 999 }]);
        assert_eq!(reached.due(Timestamp(24_998), GRACE), None);
        assert_eq!(reached.due(Timestamp(24_999), GRACE), Some(Position(7)));
    }

    #[test]
    fn deletions_that_never_end_hold_no_wave_up() {
        let mut reached = Reached::default();
        for step in 0..50 {
            reached.note(Position(step), Timestamp(step.cast_signed() * 500), GRACE);
        }
        assert_eq!(reached.waves.len(), 25);
        assert_eq!(reached.waves[0], Wave { until: Position(1), began: 0, ended: 500 });
        assert_eq!(reached.due(Timestamp(24_500), GRACE), Some(Position(1)));
        assert_eq!(reached.set_aside, Position(49));
    }

    #[test]
    fn what_is_done_again_waits_for_its_grace_and_holds_nothing_else_up() {
        let again = |until, ended| Again { after: Position(until - 1), until: Position(until), ended };
        let mut reached = Reached { again: vec![again(1, Some(5)), again(2, None)], ..Reached::default() };
        assert_eq!(reached.due_again(Timestamp(6), GRACE), Some(1));
        reached.again[1].ended = Some(6);
        assert_eq!(reached.due_again(Timestamp(24_004), GRACE), None);
        assert_eq!(reached.due_again(Timestamp(24_005), GRACE), Some(0));
        // As it was kept before there was any.
        let kept = r#"{"set_aside":4,"discarded":3,"waves":[]}"#;
        let before = Reached { set_aside: Position(4), discarded: Position(3), ..Reached::default() };
        assert_eq!(serde_json::from_str::<Reached>(kept).unwrap(), before);
    }
}
