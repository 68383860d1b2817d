//! Which vulnerable packages of a repository are imported, read while its source is there.

use super::control::{Ending, ScannerControl, Signal};
use super::gather::Gathered;
use super::run::{Halt, Run};
use crate::error::Fault;
use scanledger_domain::branch::Observed;
use scanledger_domain::component::Package;
use scanledger_domain::reachability::{ImportError, Imports};
use scanledger_domain::scan::SourceKind;
use scanledger_domain::scanning::{Identity, ScannerKind};
use scanledger_domain::source::SourceTree;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Which packages are imported, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Imported(HashMap<Package, bool>);

impl Imported {
    /// Tells findings about packages whether those are imported.
    pub(super) fn tell(&self, observed: &mut [Observed]) {
        for observed in observed {
            if let Identity::Advisory { package, .. } = &observed.detection.identity {
                observed.imported = self.0.get(package).copied();
            }
        }
    }
}

impl Run {
    /// Reads imports for the vulnerable packages of a repository. A reader that fails leaves them unknown.
    pub(super) async fn imported(
        &mut self,
        source: &Arc<SourceTree>,
        gathered: &Gathered,
    ) -> Result<Imported, Halt> {
        let packages: BTreeSet<&Package> = gathered.detections.iter().filter_map(package).collect();
        if self.life.queued.source.kind != SourceKind::Repository || packages.is_empty() {
            return Ok(Imported::default());
        }
        let mut imported = HashMap::new();
        for reader in self.deps.imports.clone() {
            let ours: Vec<&Package> = packages
                .iter()
                .copied()
                .filter(|package| reader.ecosystems().contains(&package.ecosystem))
                .collect();
            if ours.is_empty() {
                continue;
            }
            let source = Arc::clone(source);
            let control = ScannerControl {
                run: Arc::clone(&self.control),
                progress: Arc::clone(&self.deps.progress),
                scan: self.life.queued.scan,
                scanner: ScannerKind::Sca,
            };
            let read = tokio::task::spawn_blocking(move || reader.imports(&source, &control)).await;
            match read.unwrap_or_else(|panic| Err(ImportError::Failed(panic.into()))) {
                Ok(imports) => self.tell_imports(&imports, &ours, &mut imported),
                Err(ImportError::Interrupted(_)) => break,
                Err(error @ ImportError::Failed(_)) => {
                    let error = Fault::other("read imports", error);
                    let scan = self.life.queued.scan;
                    tracing::error!(scan.id = %scan, error = &error as &dyn std::error::Error, "imports were not read");
                    self.log.warn("imports could not be read; the server's log says more", &[]);
                }
            }
        }
        match self.control.signal() {
            Signal::End(ending @ (Ending::Cancelled | Ending::Superseded | Ending::Shutdown)) => {
                Err(Halt::Ended(ending))
            }
            Signal::End(Ending::Stopped) | Signal::Run | Signal::Pause => Ok(Imported(imported)),
        }
    }

    fn tell_imports(
        &mut self,
        imports: &Imports,
        packages: &[&Package],
        imported: &mut HashMap<Package, bool>,
    ) {
        for (path, reason) in imports.left_out() {
            self.log.warn(reason, &[("path", path.as_str().into())]);
        }
        for &package in packages {
            if let Some(known) = imports.reachability(package).is_imported() {
                imported.insert(package.clone(), known);
            }
        }
        let (all, known) = (packages.len() as u64, imported.len() as u64);
        self.log.info(
            "imports of vulnerable packages are read",
            &[("packages", all.into()), ("known", known.into())],
        );
    }
}

const fn package(detection: &scanledger_domain::scanning::Detection) -> Option<&Package> {
    match &detection.identity {
        Identity::Advisory { package, .. } => Some(package),
        Identity::Secret { .. } | Identity::Code { .. } | Identity::Upload(_) => None,
    }
}
