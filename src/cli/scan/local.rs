//! Running scanners on a place of this machine.

use crate::adapters::SystemClock;
use crate::cli::output::Bar;
use crate::cli::screen::{Screen, by_severity, counted};
use crate::data::DataFolder;
use crate::operations::Progress;
use crate::place::LogPlace;
use anyhow::{Context, Result, anyhow, bail};
use scanledger_advisories::AdvisoryStore;
use scanledger_domain::advisory::Generation;
use scanledger_domain::branch::observe;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::id::{FindingId, ProjectId};
use scanledger_domain::report::{Report, ReportFinding};
use scanledger_domain::scan::{GapReason, ScannerGap};
use scanledger_domain::scanning::{
    Control, Identity, Interrupted, LeftOut, Outcome, ScanError, Scanner, ScannerKind,
};
use scanledger_domain::severity::SeverityCounts;
use scanledger_domain::source::SourceTree;
use scanledger_domain::time::Clock;
use scanledger_source::UnpackLimits;
use scanledger_state::{ServerKey, State};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

/// The project of a local scan: none. So a tree has the same findings wherever it lies.
const NO_PROJECT: ProjectId = ProjectId(Uuid::nil());

/// What is scanned.
pub(super) struct Place {
    source: SourceTree,
    name: String,
    /// Where an archive was unpacked that is too large for memory.
    _unpacked: Option<TempDir>,
}

impl Place {
    /// The folder at `path`, or what is in the archive there.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let root = path.canonicalize().with_context(|| format!("while looking for {}", path.display()))?;
        let name = root.file_name().map_or("source".to_owned(), |name| name.to_string_lossy().into_owned());
        if root.is_dir() {
            return Ok(Self { source: SourceTree::Folder(root), name, _unpacked: None });
        }
        let unpacked = scratch()?;
        let into = unpacked.path().join("source");
        let unpacking = scanledger_source::unpack(&root, Some(&name), &into, &UnpackLimits::default());
        let (source, _) = unpacking.with_context(|| {
            format!("while reading {}, which is no folder, as an archive", path.display())
        })?;
        Ok(Self { source, name, _unpacked: Some(unpacked) })
    }
}

fn scratch() -> Result<TempDir> {
    tempfile::Builder::new().prefix("scanledger-").tempdir().context("while making a temporary folder")
}

/// What came out of it.
pub(super) struct Scanned {
    /// Findings and components.
    pub(super) report: Report,
    /// Of each finding of the report: every id of its advisory, and what kind of notice it is.
    pub(super) advisories: HashMap<FindingId, (Vec<String>, Option<String>)>,
    /// What went wrong with single files: `(path, message)`.
    pub(super) warnings: Vec<(String, String)>,
    /// The advisories that dependencies were matched with.
    pub(super) generation: Option<Generation>,
    /// Ecosystems of dependencies that they know nothing of.
    pub(super) unmatched: Vec<Ecosystem>,
    left_out: LeftOut,
    files: u64,
    took: Duration,
}

impl Scanned {
    /// One line about all of it.
    pub(super) fn summary(&self, screen: Screen) -> String {
        let mut counts = SeverityCounts::default();
        for finding in &self.report.findings {
            counts.add(finding.severity, 1);
        }
        let findings = match counts.total() {
            0 => "no findings".to_owned(),
            n => format!("{} ({})", counted(n, "finding"), by_severity(screen, &counts)),
        };
        let components = counted(self.report.components.len() as u64, "component");
        let files = counted(self.files, "file");
        let left_out = self.left_out_in_words().map(|what| format!("; {what} left out")).unwrap_or_default();
        format!("{findings} in {files} and {components}, {:.1} s{left_out}", self.took.as_secs_f64())
    }

    fn left_out_in_words(&self) -> Option<String> {
        let LeftOut { folders, files } = self.left_out;
        match (counted(folders, "folder"), counted(files, "file")) {
            _ if self.left_out.is_nothing() => None,
            (folders, _) if files == 0 => Some(folders),
            (_, files) if folders == 0 => Some(files),
            (folders, files) => Some(format!("{folders} and {files}")),
        }
    }
}

/// The keys that findings of this installation are recognised by: those of the server on the log at `log`. None where
/// nobody has set one up in the folder, because then there is no server to agree with.
pub(super) async fn keys(folder: &DataFolder, log: &LogPlace) -> Result<Option<State>> {
    let is_set_up = log.is_shared() || exists(&folder.server_key())? && exists(&folder.state())?;
    if !is_set_up {
        return Ok(None);
    }
    folder.state_of(log, false).await.map(Some)
}

/// A folder that may not be looked into is no folder without the file.
fn exists(path: &Path) -> Result<bool> {
    path.try_exists().with_context(|| format!("while looking for {}", path.display()))
}

/// Runs every scanner on `place`, with the advisories of `folder`, and with keys of its own if there are none.
pub(super) fn scan(place: &Place, folder: &DataFolder, keys: Option<&State>, bar: &Bar) -> Result<Scanned> {
    let began = Instant::now();
    let spare = scratch()?;
    let scanners = scanners(folder, keys, spare.path())?;
    let watch = Watch { bar: bar.clone(), done: Mutex::default() };
    let outcomes = std::thread::scope(|scope| {
        let running: Vec<_> = scanners
            .iter()
            .map(|scanner| {
                let ear = Ear { watch: &watch, kind: scanner.kind() };
                (scanner.kind(), scope.spawn(move || scanner.scan(&place.source, &ear)))
            })
            .collect();
        running.into_iter().map(|(kind, thread)| (kind, thread.join())).collect::<Vec<_>>()
    });
    let mut gathered = Gathered::default();
    for (kind, outcome) in outcomes {
        let outcome = outcome.map_err(|_| anyhow!("the {kind} scanner broke down"))?;
        gathered.add(kind, outcome)?;
    }
    let observed = observe(NO_PROJECT, std::mem::take(&mut gathered.all.detections), &HashMap::new());
    let advisories = observed.iter().filter_map(|observed| match &observed.detection.identity {
        Identity::Advisory { group, informational, .. } => {
            Some((observed.finding, (group.clone(), informational.clone())))
        }
        Identity::Secret { .. } | Identity::Code { .. } | Identity::Upload(_) => None,
    });
    let advisories = advisories.collect();
    let mut findings: Vec<ReportFinding> = observed.into_iter().map(ReportFinding::undecided).collect();
    ReportFinding::sort(&mut findings);
    let report = Report {
        project: place.name.clone(),
        scan: None,
        branch: None,
        commit: None,
        repository: None,
        created_at: SystemClock.now(),
        findings,
        components: gathered.all.components,
        dependencies: gathered.all.dependencies,
        gaps: gathered.gaps,
    };
    let Outcome { warnings, generation, unmatched, left_out, files_scanned: files, .. } = gathered.all;
    let took = began.elapsed();
    Ok(Scanned { report, advisories, warnings, generation, unmatched, left_out, files, took })
}

/// The product's scanners, with the advisories of `folder` and with `keys`; what there is not is made in `spare`.
fn scanners(folder: &DataFolder, keys: Option<&State>, spare: &Path) -> Result<Vec<Arc<dyn Scanner>>> {
    let path = folder.advisories();
    let advisories = if exists(&path)? {
        AdvisoryStore::open_read_only(&path)
    } else {
        AdvisoryStore::open(&spare.join("advisories.db"))
    };
    let advisories =
        advisories.with_context(|| format!("while opening the advisories {}", path.display()))?;
    let vault = match keys {
        Some(keys) => Arc::clone(&keys.vault),
        None => {
            let key =
                ServerKey::create(&spare.join("server.key")).context("while making a key for this scan")?;
            State::open(&spare.join("state.db"), &key).context("while making keys for this scan")?.vault
        }
    };
    Ok(scanledger_scanners::all(Arc::new(advisories), vault as _))
}

/// What all scanners found together.
#[derive(Default)]
struct Gathered {
    all: Outcome,
    gaps: Vec<ScannerGap>,
}

impl Gathered {
    fn add(&mut self, kind: ScannerKind, outcome: Result<Outcome, ScanError>) -> Result<()> {
        match outcome {
            Ok(outcome) => {
                let offset = self.all.components.len();
                self.all.detections.extend(outcome.detections);
                self.all.components.extend(outcome.components);
                let moved = outcome.dependencies.iter().map(|(from, to)| (from + offset, to + offset));
                self.all.dependencies.extend(moved);
                // That nothing was matched is told once and with what to do about it.
                let is_unmatched = kind == ScannerKind::Sca && outcome.generation.is_none();
                let is_told = is_unmatched || !outcome.unmatched.is_empty();
                let unread = outcome.unread.count();
                if is_unmatched || unread > 0 {
                    let because = if is_unmatched { GapReason::Skipped } else { GapReason::Unread };
                    self.gaps.push(ScannerGap { scanner: kind, because, unread });
                }
                let warnings = outcome.warnings.into_iter();
                self.all.warnings.extend(warnings.filter(|(path, _)| !(is_told && path.is_empty())));
                self.all.files_scanned = self.all.files_scanned.max(outcome.files_scanned);
                self.all.generation = self.all.generation.max(outcome.generation);
                self.all.unmatched.extend(outcome.unmatched);
                self.all.left_out = self.all.left_out.and(outcome.left_out);
                Ok(())
            }
            Err(ScanError::Skipped { reason }) => {
                self.gaps.push(ScannerGap { scanner: kind, because: GapReason::Skipped, unread: 0 });
                self.all.warnings.push((String::new(), format!("the {kind} scanner was skipped: {reason}")));
                Ok(())
            }
            Err(ScanError::Interrupted(_)) => bail!("the {kind} scanner was interrupted"),
            Err(error @ ScanError::Failed { .. }) => Err(error.into()),
        }
    }
}

/// Adds up how far the scanners are.
struct Watch {
    bar: Bar,
    done: Mutex<BTreeMap<ScannerKind, (u64, u64)>>,
}

/// How one scanner tells how far it is.
struct Ear<'a> {
    watch: &'a Watch,
    kind: ScannerKind,
}

impl Control for Ear<'_> {
    fn safe_point(&self) -> Result<(), Interrupted> {
        // Ctrl-C ends the process; nobody else interrupts.
        Ok(())
    }

    fn progress(&self, files_completed: u64, files_total: u64) {
        let mut done = self.watch.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(self.kind, (files_completed, files_total));
        let (completed, total) = done.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        drop(done);
        self.watch.bar.tell(Progress {
            what: "scanning files".to_owned(),
            done: completed,
            total: Some(total),
        });
    }
}
