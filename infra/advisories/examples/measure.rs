//! Measures import and matching with real data: `measure OSV.zip...`.

use anyhow::{Error, Result};
use scanledger_advisories::AdvisoryStore;
use scanledger_domain::advisory::AdvisoryIndex;
use scanledger_domain::component::{Ecosystem, Package};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

const ROUNDS: u32 = 100_000;

fn main() -> Result<()> {
    let sources: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("advisories.db");
    let mut out = std::io::stdout().lock();

    for round in ["first import", "the same again"] {
        let store = AdvisoryStore::open(&path)?;
        let started = Instant::now();
        let report = store.import(&sources, &|_| ())?;
        writeln!(out, "{round}: {:?}, generation {}", started.elapsed(), report.generation.0)?;
        for file in &report.files {
            writeln!(
                out,
                "  {}: {:?} {} records, {} added, {} withdrawn, {} unchanged, {} skipped, {} broken",
                file.path.display(),
                file.ecosystems,
                file.records,
                file.added,
                file.withdrawn,
                file.unchanged,
                file.skipped,
                file.broken
            )?;
        }
    }
    writeln!(out, "file: {} KiB, {} after importing", fs::metadata(&path)?.len() / 1024, resident()?)?;

    let started = Instant::now();
    let store = AdvisoryStore::open_read_only(&path)?;
    writeln!(out, "opened in {:?}", started.elapsed())?;
    let asked = [
        (Ecosystem::CratesIo, "no-such-crate", "1.0.0"),
        (Ecosystem::CratesIo, "smallvec", "1.6.0"),
        (Ecosystem::CratesIo, "smallvec", "1.99.0"),
        (Ecosystem::Npm, "lodash", "4.17.20"),
        (Ecosystem::PyPi, "tensorflow", "2.4.0"),
        (Ecosystem::PyPi, "django", "1.11"),
        (Ecosystem::Go, "stdlib", "go1.20.3"),
    ];
    for (ecosystem, name, version) in asked {
        let package = Package::new(ecosystem, name);
        let started = Instant::now();
        let matches = store.matches(&package, version).map_err(Error::from_boxed)?.len();
        let first = started.elapsed();
        let rounds = if matches > 0 { ROUNDS / 100 } else { ROUNDS };
        let started = Instant::now();
        for _ in 0..rounds {
            store.matches(&package, version).map_err(Error::from_boxed)?;
        }
        writeln!(
            out,
            "{ecosystem} {name} {version}: {matches} matches, {first:?} at first, then {:?}",
            started.elapsed() / rounds
        )?;
    }
    writeln!(out, "{} after matching", resident()?)?;
    Ok(())
}

/// The memory of this process, as Linux tells it.
fn resident() -> Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("VmRSS: unknown");
    Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
}
