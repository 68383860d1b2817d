//! The measured process: starting it, its processor time and its memory.

use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ticks of `utime` and `stime` in a second: fixed in the kernel's interface to user space.
const TICKS: f64 = 100.0;
/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command with the data folder `data` and nothing else of the environment's settings.
pub fn scanledger(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanledger"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCANLEDGER_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    // The load comes from one address and under one key.
    command.env("SCANLEDGER_DATA", data).env("SCANLEDGER_RATE_LIMITS", "off").args(arguments);
    command
}

/// A running server.
pub struct Server {
    child: Child,
    /// `127.0.0.1:…`.
    pub address: String,
    /// When it was started.
    pub began: Instant,
}

impl Server {
    /// Starts one on a free port.
    pub fn start(data: &Path) -> Result<Self> {
        let began = Instant::now();
        let mut child = scanledger(data, &["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"])
            .stdout(Stdio::piped())
            .spawn()
            .context("while starting the server")?;
        let mut first = String::new();
        let out = child.stdout.as_mut().context("its output is a pipe")?;
        BufReader::new(out).read_line(&mut first)?;
        let address = first.split_whitespace().find_map(|word| word.strip_prefix("http://"));
        let address = address.with_context(|| format!("no address in {first:?}"))?.to_owned();
        Ok(Self { child, address, began })
    }

    /// Processor time of all its threads so far, in seconds; a step is 10 ms.
    pub fn cpu(&self) -> Result<f64> {
        Ok(stat(self.child.id())?.1)
    }

    /// Its memory.
    pub fn memory(&self) -> Result<Memory> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        let rollup = read("smaps_rollup")?;
        let status = read("status")?;
        let private = kib(&rollup, "Private_Clean:")? + kib(&rollup, "Private_Dirty:")?;
        let resident = kib(&rollup, "Rss:")?;
        Ok(Memory { resident, shared_out: kib(&rollup, "Pss:")?, private, peak: kib(&status, "VmHWM:")? })
    }

    /// Ends it as an operator does.
    pub fn end(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the server did not end")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Memory of a process, in megabytes of 1,000,000 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// RSS: everything in memory, pages of the program file included.
    pub resident: f64,
    /// PSS: the same with shared pages divided by who shares them.
    pub shared_out: f64,
    /// Pages that no other process has.
    pub private: f64,
    /// The largest RSS so far.
    pub peak: f64,
}

fn kib(text: &str, name: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let number = line.split_whitespace().next().context("no number")?;
    Ok(number.parse::<f64>()? * 1_024.0 / 1e6)
}

/// Processor time of this process so far, in seconds.
pub fn own_cpu() -> Result<f64> {
    Ok(stat(std::process::id())?.1)
}

/// Runs a command to its end; answers its processor time in seconds.
pub fn cpu_of(mut command: Command) -> Result<f64> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    // It stays a zombie, with its times, until somebody waits for it.
    let spent = loop {
        let (state, spent) = stat(child.id())?;
        if state == 'Z' {
            break spent;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    child.wait()?;
    Ok(spent)
}

/// State and processor time in seconds, of all threads, ended ones included.
fn stat(process: u32) -> Result<(char, f64)> {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name before it may contain anything.
    let (_, fields) = line.rsplit_once(')').context("a line of /proc/…/stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let state = fields[0].chars().next().context("a state")?;
    Ok((state, (fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / TICKS))
}
