//! What can happen to a check.

use super::{Begun, CheckEvent, CheckFailure, FixRequested, Fixed, Reported, Requested, Shown};
use crate::code_host::CheckRunId;
use crate::decider::Decider;

/// What can be asked of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckCommand {
    /// Take note that it is wanted.
    Request(Requested),
    /// Take note that its scan is in the queue; with the request if that was not recorded before.
    Begin(Begun, Option<Requested>),
    /// Take note that the code host shows it.
    Show(Shown),
    /// Take note that the code host shows its outcome.
    Report(Reported),
    /// End it without.
    Fail(CheckFailure),
    /// Take note that somebody wants a pull request.
    RequestFix(FixRequested),
    /// Take note of what came of that.
    Fix(Fixed),
}

/// Where a check stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckState {
    /// There is none.
    Missing,
    /// It is there.
    Live(Box<CheckLife>),
}

/// A check that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLife {
    /// What was asked for.
    pub requested: Requested,
    /// The scan, once it is in the queue.
    pub begun: Option<Begun>,
    /// Where the code host shows it.
    pub check_run: Option<CheckRunId>,
    /// Whether its outcome is shown, or it ended without.
    pub has_ended: bool,
    /// Whether somebody waits for a pull request.
    pub owes_fix: bool,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Let the code host show that somebody works at it.
    Show,
    /// Fetch the source and queue the scan.
    Begin,
    /// Let the code host show the outcome, as soon as the scan has one.
    Report,
    /// Make a pull request.
    Fix,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckRefusal {
    /// There is none.
    #[error("the check does not exist")]
    NotFound,
    /// There is one already.
    #[error("the check exists already")]
    Exists,
    /// It has not begun, so there is nothing to report or to mend.
    #[error("the check has no scan yet")]
    NotBegun,
    /// It has ended.
    #[error("the check has ended")]
    Ended,
}

/// The rules of checks.
#[derive(Debug)]
pub struct Check;

impl CheckLife {
    fn new(requested: Requested) -> Self {
        Self { requested, begun: None, check_run: None, has_ended: false, owes_fix: false }
    }

    /// What is to be done next, if anything.
    pub const fn owed(&self) -> Option<Owed> {
        if self.requested.pull_request.is_some() && !self.has_ended {
            return Some(match (&self.check_run, &self.begun) {
                (None, _) => Owed::Show,
                (Some(_), None) => Owed::Begin,
                (Some(_), Some(_)) => Owed::Report,
            });
        }
        if self.owes_fix { Some(Owed::Fix) } else { None }
    }

    fn apply(&mut self, event: &CheckEvent) {
        match event {
            // Slots are in a stream of their installation's.
            CheckEvent::Requested(_) | CheckEvent::SlotTaken(_) | CheckEvent::SlotLeft(_) => (),
            CheckEvent::Begun(begun) => self.begun = Some(begun.clone()),
            CheckEvent::Shown(shown) => self.check_run = Some(shown.check_run),
            CheckEvent::Reported(_) | CheckEvent::Failed(_) => self.has_ended = true,
            CheckEvent::FixRequested(_) => self.owes_fix = true,
            CheckEvent::Fixed(_) => self.owes_fix = false,
        }
    }

    fn decide(&self, command: CheckCommand) -> Result<Vec<CheckEvent>, CheckRefusal> {
        match command {
            CheckCommand::Request(requested) | CheckCommand::Begin(_, Some(requested))
                if requested != self.requested =>
            {
                Err(CheckRefusal::Exists)
            }
            CheckCommand::Request(_) => Ok(vec![]),
            CheckCommand::Begin(_, _) if self.begun.is_some() => Ok(vec![]),
            CheckCommand::Begin(_, _) | CheckCommand::Show(_) if self.has_ended => Err(CheckRefusal::Ended),
            CheckCommand::Begin(begun, _) => Ok(vec![begun.into()]),
            CheckCommand::Show(shown) if self.check_run == Some(shown.check_run) => Ok(vec![]),
            CheckCommand::Show(shown) => Ok(vec![shown.into()]),
            CheckCommand::Report(_) | CheckCommand::Fail(_) if self.has_ended => Ok(vec![]),
            CheckCommand::Report(_) | CheckCommand::RequestFix(_) if self.begun.is_none() => {
                Err(CheckRefusal::NotBegun)
            }
            CheckCommand::Report(reported) => Ok(vec![reported.into()]),
            CheckCommand::Fail(failed) => Ok(vec![failed.into()]),
            CheckCommand::RequestFix(_) if self.owes_fix => Ok(vec![]),
            CheckCommand::RequestFix(requested) => Ok(vec![requested.into()]),
            CheckCommand::Fix(fixed) => Ok(vec![fixed.into()]),
        }
    }
}

impl Decider for Check {
    type State = CheckState;
    type Command = CheckCommand;
    type Event = CheckEvent;
    type Refusal = CheckRefusal;

    fn initial() -> CheckState {
        CheckState::Missing
    }

    fn evolve(state: CheckState, event: &CheckEvent) -> CheckState {
        match (state, event) {
            (_, CheckEvent::Requested(requested)) => {
                CheckState::Live(Box::new(CheckLife::new(requested.clone())))
            }
            (CheckState::Live(mut life), event) => {
                life.apply(event);
                CheckState::Live(life)
            }
            (CheckState::Missing, _) => CheckState::Missing,
        }
    }

    fn decide(state: &CheckState, command: CheckCommand) -> Result<Vec<CheckEvent>, CheckRefusal> {
        match (state, command) {
            (CheckState::Live(life), command) => life.decide(command),
            (CheckState::Missing, CheckCommand::Request(requested)) => Ok(vec![requested.into()]),
            (CheckState::Missing, CheckCommand::Begin(begun, Some(requested))) => {
                Ok(vec![requested.into(), begun.into()])
            }
            (CheckState::Missing, _) => Err(CheckRefusal::NotFound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, CheckCommand as C, CheckLife, CheckRefusal, CheckState, Owed};
    use crate::check::samples::{begun, failed, fix_requested, fixed, reported, requested, shown};
    use crate::check::{CheckEvent, Requested};
    use crate::decider::{Decider, given};

    fn life(history: &[CheckEvent]) -> CheckLife {
        match history.iter().fold(Check::initial(), Check::evolve) {
            CheckState::Live(life) => *life,
            CheckState::Missing => panic!("there is a check"),
        }
    }

    #[test]
    fn a_check_is_requested_once() {
        given::<Check>([]).when(C::Request(requested())).then([requested().into()]);
        given::<Check>([requested().into()]).when(C::Request(requested())).then_nothing();
        let another = Requested { pull_request: None, ..requested() };
        given::<Check>([requested().into()]).when(C::Request(another)).then_refused(CheckRefusal::Exists);
    }

    #[test]
    fn a_check_that_nobody_asked_for_before_begins_with_its_request() {
        given::<Check>([])
            .when(C::Begin(begun(), Some(requested())))
            .then([requested().into(), begun().into()]);
        given::<Check>([]).when(C::Begin(begun(), None)).then_refused(CheckRefusal::NotFound);
        given::<Check>([requested().into()]).when(C::Begin(begun(), None)).then([begun().into()]);
        given::<Check>([requested().into(), begun().into()]).when(C::Begin(begun(), None)).then_nothing();
    }

    #[test]
    fn what_is_owed_to_a_pull_request_is_one_thing_after_the_other() {
        let mut history = vec![requested().into()];
        assert_eq!(life(&history).owed(), Some(Owed::Show));
        history.push(shown().into());
        assert_eq!(life(&history).owed(), Some(Owed::Begin));
        history.push(begun().into());
        assert_eq!(life(&history).owed(), Some(Owed::Report));
        history.push(reported().into());
        assert_eq!(life(&history).owed(), None);
        history.push(fix_requested().into());
        assert_eq!(life(&history).owed(), Some(Owed::Fix));
        history.push(fixed().into());
        assert_eq!(life(&history).owed(), None);
    }

    #[test]
    fn a_check_without_a_pull_request_owes_nothing() {
        let requested = Requested { pull_request: None, ..requested() };
        assert_eq!(life(&[requested.clone().into()]).owed(), None);
        assert_eq!(life(&[requested.into(), begun().into()]).owed(), None);
    }

    #[test]
    fn a_check_that_failed_owes_nothing_and_does_not_begin() {
        let history = [requested().into(), failed().into()];
        assert_eq!(life(&history).owed(), None);
        given::<Check>(history.clone()).when(C::Begin(begun(), None)).then_refused(CheckRefusal::Ended);
        given::<Check>(history.clone()).when(C::Show(shown())).then_refused(CheckRefusal::Ended);
        given::<Check>(history).when(C::Fail(failed())).then_nothing();
    }

    #[test]
    fn what_has_not_begun_is_neither_reported_nor_mended() {
        given::<Check>([requested().into()]).when(C::Report(reported())).then_refused(CheckRefusal::NotBegun);
        given::<Check>([requested().into()])
            .when(C::RequestFix(fix_requested()))
            .then_refused(CheckRefusal::NotBegun);
    }

    #[test]
    fn an_outcome_is_reported_once() {
        let history = [requested().into(), shown().into(), begun().into()];
        given::<Check>(history.clone()).when(C::Report(reported())).then([reported().into()]);
        let reported_before = history.into_iter().chain([reported().into()]);
        given::<Check>(reported_before).when(C::Report(reported())).then_nothing();
    }

    #[test]
    fn a_button_that_is_pressed_twice_makes_one_pull_request() {
        let history = [requested().into(), begun().into(), fix_requested().into()];
        given::<Check>(history).when(C::RequestFix(fix_requested())).then_nothing();
    }
}
