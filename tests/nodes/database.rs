//! PostgreSQL: a database on the common server, or a server of a test's own, which it may kill.

use scanledger_test_ports::Port;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a killed server may take to be back: what it was given up by has to end first.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_millis(20);

/// Databases that this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A database of a test's own.
pub struct Database {
    url: String,
    /// The server, if that is the test's own too.
    server: Option<Server>,
}

impl Database {
    /// On the common server, which nobody may stop.
    pub fn create() -> Self {
        let common = std::env::var("SCANLEDGER_TEST_POSTGRES")
            .expect("SCANLEDGER_TEST_POSTGRES names no server: run the tests through `bash tests/run.sh`");
        let name = format!("nodes_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        succeed(Command::new(program("createdb")).arg(format!("--maintenance-db={common}")).arg(&name));
        let (address, _) = common.rsplit_once('/').expect("the URL names a database");
        Self { url: format!("{address}/{name}"), server: None }
    }

    /// On a server of its own.
    pub fn with_server() -> Self {
        let server = Server::start();
        Self {
            url: format!("postgres://scanledger@127.0.0.1:{}/postgres", server.port),
            server: Some(server),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a query answers, past the servers under test; one value a line.
    pub fn ask(&self, query: &str) -> Vec<String> {
        let answered = succeed(Command::new(program("psql")).args([&self.url, "-XAtc", query]));
        String::from_utf8(answered.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// The own server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("the test asked for a server of its own")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.server.is_none()
            && let Some((address, name)) = self.url.rsplit_once('/')
        {
            let mut drop = Command::new(program("dropdb"));
            drop.arg(format!("--maintenance-db={address}/postgres")).args(["--force", name]);
            // What stays behind goes with the common server.
            let _ = drop.status();
        }
    }
}

/// A server of a test's own, in a folder of its own; stopped at the end.
pub struct Server {
    folder: TempDir,
    port: Port,
    /// Not asked of `pg_ctl`, which takes a killed process for a live one until somebody has buried it.
    is_running: AtomicBool,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::reserve();
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let server = Self { folder, port, is_running: AtomicBool::new(false) };
        let made =
            server.run("initdb", &["-U", "scanledger", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        assert!(made.status.success(), "{made:?}");
        server.begin();
        server
    }

    /// Starts it, and waits until it takes connections.
    pub fn begin(&self) {
        let log = self.folder.path().join("server.log");
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c max_connections=200 -k {}",
            self.port,
            self.folder.path().display()
        );
        let began = Instant::now();
        loop {
            let started =
                self.run("pg_ctl", &["start", "-w", "-t", "60", "-l", log.to_str().unwrap(), "-o", &options]);
            if started.status.success() {
                self.is_running.store(true, Ordering::Relaxed);
                return;
            }
            // Processes of a server that was killed hold its memory for a moment longer.
            assert!(began.elapsed() < PATIENCE, "{}", std::fs::read_to_string(log).unwrap_or_default());
            std::thread::sleep(AGAIN);
        }
    }

    /// Whether it runs.
    pub fn is_there(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }

    /// Ends it in an orderly way, but without waiting for its clients.
    pub fn end(&self) {
        let ended = self.run("pg_ctl", &["stop", "-w", "-m", "fast"]);
        assert!(ended.status.success(), "{ended:?}");
        self.is_running.store(false, Ordering::Relaxed);
    }

    /// `kill -9` of all its processes.
    pub fn kill(&self) {
        self.is_running.store(false, Ordering::Relaxed);
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let all = || std::iter::once(pid.as_str()).chain(children.split_whitespace());
        // Some may be gone before their turn.
        let _ = Command::new("kill").arg("-9").args(all()).stderr(Stdio::null()).status();
        let began = Instant::now();
        while all().any(is_alive) {
            assert!(began.elapsed() < PATIENCE, "a process of the server outlives SIGKILL");
            std::thread::sleep(AGAIN);
        }
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        // PostgreSQL refuses to run as root.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program(name));
            command
        } else {
            Command::new(program(name))
        };
        command.args(arguments).arg("-D").arg(self.folder.path().join("data"));
        // A server that goes on running must not hold the ends of pipes that somebody reads to their end.
        let said = std::fs::File::create(self.folder.path().join("said")).unwrap();
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stderr(said).stdout(Stdio::null());
        let status = command.status().unwrap();
        let stderr = std::fs::read(self.folder.path().join("said")).unwrap();
        Output { status, stdout: Vec::new(), stderr }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be stopped.
        let _ = self.run("pg_ctl", &["stop", "-m", "immediate"]);
    }
}

fn program(name: &str) -> PathBuf {
    let programs = std::env::var("SCANLEDGER_TEST_POSTGRES_BIN").expect(
        "SCANLEDGER_TEST_POSTGRES_BIN names no folder of a server: run the tests through `bash tests/run.sh`",
    );
    Path::new(&programs).join(name)
}

fn succeed(command: &mut Command) -> Output {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Whether a process is there and is more than an entry that nobody has asked about.
fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|state| state.starts_with('Z')))
}
