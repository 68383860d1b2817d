//! Streams of branches, folded page by page: what is on a branch as the log says it.

use crate::error::Fault;
use crate::thread::on_thread;
use scanledger_domain::branch::{BaseBranch, BranchEvent, Folded, branch_stream};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::BranchId;
use scanledger_domain::log::{EventLog, Position, Recorded, Version};
use scanledger_domain::scanning::ScannerKind;
use std::collections::{HashMap, VecDeque};

/// What a fault stood in the way of.
pub(super) const DOING: &str = "fold the stream of a branch";
/// Events read from a stream at a time.
const PAGE: usize = 1_000;

/// Up to where a stream is folded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// This version, which it has.
    Version(Version),
    /// This position of the log.
    Position(Position),
    /// Its end.
    End,
}

impl Until {
    fn is_before(self, recorded: &Recorded) -> bool {
        match self {
            Self::Version(version) => recorded.version > version,
            Self::Position(position) => recorded.position > position,
            Self::End => false,
        }
    }
}

/// Folds streams of branches. A branch that was opened from another takes what was there at that position, so that one is
/// folded first, and whatever it was opened from. Each of these lies before the event that names it, so there is an end.
pub(super) struct Fold<'a> {
    log: &'a dyn EventLog,
    scanners: Vec<ScannerKind>,
    /// Branches that others started from, as far as they were needed: a branch that is opened again and again starts from
    /// later and later positions of the same.
    bases: HashMap<BranchId, Reading>,
}

impl<'a> Fold<'a> {
    /// How findings look is kept of what `scanners` found.
    pub(super) fn new(log: &'a dyn EventLog, scanners: Vec<ScannerKind>) -> Self {
        Self { log, scanners, bases: HashMap::new() }
    }

    /// A branch that has had no results.
    pub(super) fn nothing(&self) -> Folded {
        Folded::watching(self.scanners.clone())
    }

    /// What is on a branch.
    ///
    /// # Errors
    /// When the log cannot be read, or does not have what is asked for.
    pub(super) async fn branch(&mut self, branch: BranchId, until: Until) -> Result<Folded, Fault> {
        let mut waiting: Vec<Reading> = vec![];
        let mut reading = Reading::begin(branch, until, self.nothing());
        loop {
            let (further, next) = reading.go_on(self.log).await?;
            reading = match next {
                Next::Base(base) => {
                    waiting.push(further);
                    self.base(base)
                }
                Next::Done => match waiting.pop() {
                    Some(opened) => {
                        let copied = on_thread(DOING, move || (further.folded.clone(), further));
                        let (base, further) = copied.await?;
                        self.bases.insert(further.branch, further);
                        Reading { base: Some(base), ..opened }
                    }
                    None => return Ok(further.folded),
                },
            };
        }
    }

    /// A base up to a position: further on from where it was folded to last, unless that is beyond it.
    fn base(&mut self, base: BaseBranch) -> Reading {
        let until = Until::Position(base.position);
        match self.bases.remove(&base.branch).filter(|reading| reading.folded_to <= base.position) {
            Some(reading) => Reading { until, ..reading },
            None => Reading::begin(base.branch, until, self.nothing()),
        }
    }
}

/// A stream that is being folded.
struct Reading {
    branch: BranchId,
    until: Until,
    folded: Folded,
    /// The last event that is folded.
    folded_to: Position,
    /// The last event that was read.
    read_to: Version,
    /// What was read and is not folded.
    page: VecDeque<Recorded>,
    /// What the next event opens the branch from.
    base: Option<Folded>,
}

/// What a stream needs to be folded further.
enum Next {
    /// What was on a branch at a position.
    Base(BaseBranch),
    /// Nothing.
    Done,
}

/// Why the folding of a page ended.
enum PageEnd {
    /// It is folded.
    Read,
    /// The next event is beyond what was asked for, or needs something.
    Next(Next),
}

impl Reading {
    const fn begin(branch: BranchId, until: Until, folded: Folded) -> Self {
        Self {
            branch,
            until,
            folded,
            folded_to: Position::START,
            read_to: Version::NONE,
            page: VecDeque::new(),
            base: None,
        }
    }

    async fn go_on(mut self, log: &dyn EventLog) -> Result<(Self, Next), Fault> {
        let stream = branch_stream(self.branch);
        loop {
            if self.page.is_empty() {
                let wanted = match self.until {
                    Until::Version(version) => version.0.saturating_sub(self.read_to.0),
                    Until::Position(_) | Until::End => u64::MAX,
                };
                if wanted == 0 {
                    return Ok((self, Next::Done));
                }
                let limit = usize::try_from(wanted).unwrap_or(PAGE).min(PAGE);
                self.page = log.read_stream(&stream, self.read_to, limit).await?.into();
                match (self.page.back(), self.until) {
                    (Some(last), _) => self.read_to = last.version,
                    (None, Until::Position(_) | Until::End) => return Ok((self, Next::Done)),
                    (None, Until::Version(_)) => {
                        let why = "the read model is ahead of its log";
                        return Err(Fault::other(DOING, why));
                    }
                }
            }
            // Decoding costs microseconds an event, and a stream may have hundreds of thousands.
            let end;
            (self, end) = on_thread(DOING, move || self.fold_page()).await??;
            if let PageEnd::Next(next) = end {
                return Ok((self, next));
            }
        }
    }

    fn fold_page(mut self) -> Result<(Self, PageEnd), Fault> {
        while let Some(recorded) = self.page.front() {
            if self.until.is_before(recorded) {
                return Ok((self, PageEnd::Next(Next::Done)));
            }
            let event = BranchEvent::decode(&recorded.kind, recorded.schema, &recorded.data)?;
            if let BranchEvent::Opened(opened) = &event
                && let Some(BaseBranch { branch, position }) = opened.base
            {
                let Some(base) = self.base.take() else {
                    // Only what lies before it can be what it starts from.
                    let position = position.min(Position(recorded.position.0.saturating_sub(1)));
                    return Ok((self, PageEnd::Next(Next::Base(BaseBranch { branch, position }))));
                };
                self.folded = self.folded.starting_from(base);
            }
            self.folded.apply(&event);
            self.folded_to = recorded.position;
            self.page.pop_front();
        }
        Ok((self, PageEnd::Read))
    }
}
