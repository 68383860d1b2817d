//! Runs the scanners of a scan side by side and puts together what they found.

use super::control::{Ending, ScannerControl, Signal};
use super::run::{Halt, Run};
use crate::error::{Fault, is_out_of_reach};
use crate::progress::{ScannerProgress, ScannerStatus};
use scanledger_domain::OutOfReach;
use scanledger_domain::advisory::Generation;
use scanledger_domain::branch::ScannerCoverage;
use scanledger_domain::component::Component;
use scanledger_domain::scan::{Failure, FailureCode, GapReason, ScannerGap, ScannerReport};
use scanledger_domain::scanning::{Detection, Outcome, ScanError, Scanner, ScannerKind};
use scanledger_domain::source::SourceTree;
use std::sync::Arc;

/// What the scanners found together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Scanners whose findings are complete, but for what they could not read: only their findings can be resolved.
    pub(super) coverage: ScannerCoverage,
    /// What was found, scanner by scanner.
    pub(super) detections: Vec<Detection>,
    /// What the source is made of; `None` if nobody looked.
    pub(super) components: Option<Vec<Component>>,
    /// Which component needs which.
    pub(super) dependencies: Vec<(usize, usize)>,
    /// What dependencies were matched with.
    pub(super) generation: Option<Generation>,
    /// What each scanner did.
    pub(super) reports: Vec<ScannerReport>,
    /// Scanners that did not do all of it.
    pub(super) gaps: Vec<ScannerGap>,
    /// Files looked at, by the scanner that looked at most.
    pub(super) files: u64,
    /// Why scanners that ended by themselves have no outcome.
    problems: Vec<String>,
}

impl Gathered {
    /// Whether there is anything to record.
    pub(super) fn is_empty(&self) -> bool {
        self.coverage.scanners.is_empty() && self.components.is_none()
    }

    /// Adds what a scanner found, and says how it did.
    fn add(&mut self, scanner: ScannerKind, outcome: Outcome) -> ScannerStatus {
        let Outcome { detections, components, dependencies, files_scanned, generation, unread, .. } = outcome;
        self.files = self.files.max(files_scanned);
        if scanner == ScannerKind::Sca || !components.is_empty() {
            let known = self.components.get_or_insert_default();
            let offset = known.len();
            known.extend(components);
            self.dependencies.extend(dependencies.iter().map(|(from, to)| (from + offset, to + offset)));
            self.coverage.unread_components.extend(unread.clone());
        }
        // Without advisories nothing was matched, so an empty result does not mean that findings are gone.
        if scanner == ScannerKind::Sca && generation.is_none() {
            self.gaps.push(ScannerGap { scanner, because: GapReason::Skipped, unread: unread.count() });
            return ScannerStatus::Skipped;
        }
        self.reports.push(ScannerReport { scanner, findings: detections.len() as u64, files: files_scanned });
        self.generation = self.generation.max(generation);
        self.coverage.scanners.push(scanner);
        if !unread.is_empty() {
            self.gaps.push(ScannerGap { scanner, because: GapReason::Unread, unread: unread.count() });
            self.coverage.unread.insert(scanner, unread);
        }
        self.detections.extend(detections);
        ScannerStatus::Done
    }

    /// Notes that a scanner has no outcome.
    fn miss(&mut self, scanner: ScannerKind, because: GapReason, problem: String) {
        self.gaps.push(ScannerGap { scanner, because, unread: 0 });
        self.problems.push(problem);
    }
}

impl Run {
    /// Runs every scanner that the scan asks for and this server has.
    pub(super) async fn gather(&mut self, source: &Arc<SourceTree>) -> Result<Gathered, Halt> {
        let wanted = self.life.queued.scan_type.scanners();
        let scanners: Vec<Arc<dyn Scanner>> =
            self.deps.scanners.iter().filter(|scanner| wanted.contains(&scanner.kind())).cloned().collect();
        let has = |wanted: ScannerKind| scanners.iter().any(|scanner| scanner.kind() == wanted);
        let missing: Vec<&str> =
            wanted.iter().filter(|kind| !has(**kind)).map(|kind| kind.as_str()).collect();
        if !missing.is_empty() {
            let message = "the scan asks for scanners that this server does not have";
            self.log.warn(message, &[("scanners", missing.into())]);
        }
        let running: Vec<_> = scanners
            .into_iter()
            .map(|scanner| {
                let (source, control) = (Arc::clone(source), self.ear(scanner.kind()));
                let kind = scanner.kind();
                (kind, tokio::task::spawn_blocking(move || scanner.scan(&source, &control)))
            })
            .collect();
        let mut gathered = Gathered::default();
        let mut is_retried = false;
        for (kind, task) in running {
            let outcome = task
                .await
                .unwrap_or_else(|panic| Err(ScanError::Failed { scanner: kind, source: panic.into() }));
            // What a scanner does not find for want of a store is not gone: the scan has to be run again.
            is_retried |= matches!(&outcome, Err(error @ ScanError::Failed { .. }) if is_out_of_reach(error));
            self.take(kind, outcome, &mut gathered);
        }
        match self.control.signal() {
            Signal::End(ending @ (Ending::Cancelled | Ending::Superseded | Ending::Shutdown)) => {
                Err(Halt::Ended(ending))
            }
            Signal::End(Ending::Stopped) => Ok(gathered),
            Signal::Run | Signal::Pause if is_retried => {
                let cause = OutOfReach("the store of a scanner did not answer".into());
                Err(Fault::other("run a scanner", cause).into())
            }
            Signal::Run | Signal::Pause if gathered.is_empty() => {
                let why = if gathered.problems.is_empty() {
                    "this server has none of the scanners that it asks for".to_owned()
                } else {
                    gathered.problems.join("; ")
                };
                let message = format!("no scanner could work: {why}");
                Err(Halt::Failed(Failure { code: FailureCode::ScannersFailed, message }))
            }
            Signal::Run | Signal::Pause => Ok(gathered),
        }
    }

    fn ear(&self, scanner: ScannerKind) -> ScannerControl {
        let scan = self.life.queued.scan;
        self.deps.progress.publish(scan, scanner, ScannerProgress::default());
        ScannerControl {
            run: Arc::clone(&self.control),
            progress: Arc::clone(&self.deps.progress),
            scan,
            scanner,
        }
    }

    fn take(&mut self, kind: ScannerKind, outcome: Result<Outcome, ScanError>, gathered: &mut Gathered) {
        let name = ("scanner", kind.as_str().into());
        let (status, findings) = match outcome {
            Ok(outcome) => {
                for (path, message) in &outcome.warnings {
                    self.log.warn(message, &[name.clone(), ("path", path.as_str().into())]);
                }
                let findings = outcome.detections.len() as u64;
                let mut fields =
                    vec![name, ("findings", findings.into()), ("files", outcome.files_scanned.into())];
                if let Some(generation) = outcome.generation {
                    fields.push(("advisories", generation.0.into()));
                }
                if !outcome.left_out.is_nothing() {
                    fields.push(("foldersLeftOut", outcome.left_out.folders.into()));
                    fields.push(("filesLeftOut", outcome.left_out.files.into()));
                }
                self.log.info("the scanner is done", &fields);
                if kind == ScannerKind::Sca && outcome.generation.is_none() && outcome.unmatched.is_empty() {
                    let message = "no advisories were imported, so dependencies were listed but not matched";
                    self.log.warn(message, &[]);
                }
                match gathered.add(kind, outcome) {
                    ScannerStatus::Done => (ScannerStatus::Done, Some(findings)),
                    other => (other, None),
                }
            }
            Err(ScanError::Interrupted(_)) => {
                self.log.info("the scanner was interrupted", &[name]);
                return;
            }
            Err(ScanError::Skipped { reason }) => {
                self.log.warn("the scanner was skipped", &[name, ("reason", reason.as_str().into())]);
                gathered.miss(kind, GapReason::Skipped, format!("{kind} was skipped: {reason}"));
                (ScannerStatus::Skipped, None)
            }
            Err(error @ ScanError::Failed { .. }) => {
                let scan = self.life.queued.scan;
                let error = &error as &dyn std::error::Error;
                tracing::error!(scan.id = %scan, scanner = %kind, error, "a scanner failed");
                self.log.warn("the scanner failed; the server's log says more", &[name]);
                gathered.miss(kind, GapReason::Failed, format!("{kind} failed"));
                (ScannerStatus::Failed, None)
            }
        };
        let scan = self.life.queued.scan;
        let before = self.deps.progress.of(scan).get(&kind).copied().unwrap_or_default();
        self.deps.progress.publish(scan, kind, ScannerProgress { status, findings, ..before });
    }
}

#[cfg(test)]
mod tests {
    use super::Gathered;
    use scanledger_domain::advisory::Generation;
    use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
    use scanledger_domain::scan::{GapReason, ScannerGap};
    use scanledger_domain::scanning::{Outcome, ScannerKind};

    fn component(name: &str) -> Component {
        Component {
            package: Package::new(Ecosystem::Npm, name),
            version: "1.0.0".into(),
            path: "package-lock.json".into(),
            scope: Scope::Runtime,
            direct: None,
        }
    }

    #[test]
    fn dependencies_that_were_not_matched_are_listed_but_cover_no_findings() {
        let mut gathered = Gathered::default();
        gathered
            .add(ScannerKind::Sca, Outcome { components: vec![component("lodash")], ..Outcome::default() });
        assert_eq!(gathered.coverage.scanners, []);
        assert_eq!(gathered.reports, []);
        let gap = ScannerGap { scanner: ScannerKind::Sca, because: GapReason::Skipped, unread: 0 };
        assert_eq!(gathered.gaps, [gap]);
        assert_eq!(gathered.components, Some(vec![component("lodash")]));
        assert!(!gathered.is_empty());
    }

    #[test]
    fn a_source_without_dependencies_is_known_to_have_none() {
        let mut gathered = Gathered::default();
        gathered.add(ScannerKind::Sca, Outcome { generation: Some(Generation(3)), ..Outcome::default() });
        assert_eq!(gathered.coverage.scanners, [ScannerKind::Sca]);
        assert_eq!((gathered.components, gathered.generation), (Some(vec![]), Some(Generation(3))));
    }

    #[test]
    fn components_of_several_scanners_keep_their_dependencies() {
        let mut gathered = Gathered::default();
        let outcome = |a: &str, b: &str| Outcome {
            components: vec![component(a), component(b)],
            dependencies: vec![(0, 1)],
            generation: Some(Generation(1)),
            ..Outcome::default()
        };
        gathered.add(ScannerKind::Sca, outcome("a", "b"));
        gathered.add(ScannerKind::Container, outcome("c", "d"));
        assert_eq!(gathered.dependencies, [(0, 1), (2, 3)]);
    }

    #[test]
    fn a_scanner_of_files_says_nothing_about_components() {
        let mut gathered = Gathered::default();
        gathered.add(ScannerKind::Secrets, Outcome { files_scanned: 4, ..Outcome::default() });
        assert_eq!((gathered.coverage.scanners, gathered.components), (vec![ScannerKind::Secrets], None));
        assert_eq!(gathered.files, 4);
    }

    #[test]
    fn lockfiles_that_were_not_read_keep_their_components_although_nothing_was_matched() {
        let mut gathered = Gathered::default();
        let unread = || ["package-lock.json"].into_iter().collect();
        gathered.add(ScannerKind::Sca, Outcome { unread: unread(), ..Outcome::default() });
        assert_eq!(gathered.coverage.unread_components, unread());
        gathered
            .add(ScannerKind::Secrets, Outcome { unread: ["a"].into_iter().collect(), ..Outcome::default() });
        assert_eq!(gathered.coverage.unread_components, unread());
        assert_eq!(gathered.coverage.hindered().collect::<Vec<_>>(), [ScannerKind::Secrets]);
    }
}
