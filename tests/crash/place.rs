//! The command as a process of its own, and the data folder that outlives it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Lines of the server's log that a failed test shows.
const SHOWN_LINES: usize = 60;

/// A place with a data folder that is set up and has advisories.
pub struct Place {
    folder: TempDir,
    /// The administrator's API key.
    pub key: String,
}

impl Place {
    /// A new place.
    pub async fn set_up() -> Self {
        let mut place = Self { folder: TempDir::new().unwrap(), key: String::new() };
        let made = place.run(&["setup", "--organization", "Acme", "--email", "ana@acme.example"]).await;
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        place.key = made["apiKey"].as_str().unwrap().to_owned();
        let advisories = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/advisories/npm.zip");
        place.run(&["advisories", "import", advisories.to_str().unwrap()]).await;
        place
    }

    /// A path beside the data folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the command to its end, which has to be a good one, and answers what it printed.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let ran = self.command(&[], arguments).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(ran.stdout), text(ran.stderr));
        assert!(ran.status.success(), "{arguments:?} ended with {}\n{out}{err}", ran.status);
        out
    }

    /// Starts a server and waits until it listens.
    pub async fn serve(&self) -> Server {
        self.serve_under(&[]).await
    }

    /// As [`Self::serve`], by a command that runs another one in its own process.
    pub async fn serve_under(&self, wrapper: &[&str]) -> Server {
        let mut child = self.spawn(wrapper);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, out.read_line(&mut line)).await.expect("a server starts").unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Server { child, url, _out: out }
    }

    /// Starts a server and kills it after a while, whether it listens by then or not.
    pub async fn kill_while_it_starts(&self, moment: Duration) {
        let mut child = self.spawn(&[]);
        tokio::time::sleep(moment).await;
        child.kill().await.unwrap();
    }

    /// What all servers here have logged: warnings and errors.
    pub fn server_log(&self) -> String {
        std::fs::read_to_string(self.server_log_file()).unwrap_or_default()
    }

    fn server_log_file(&self) -> PathBuf {
        self.beside("server.log")
    }

    fn spawn(&self, wrapper: &[&str]) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.server_log_file()).unwrap();
        let mut command = self.command(wrapper, &["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"]);
        command.stdout(Stdio::piped()).stderr(log).spawn().unwrap()
    }

    /// The command with this data folder and nothing else of the environment.
    fn command(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let mut words = wrapper.iter().chain(&[env!("CARGO_BIN_EXE_scanledger")]).chain(arguments);
        let mut command = Command::new(words.next().unwrap());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SCANLEDGER_") || ["RUST_LOG", "DATABASE_URL"].contains(&&*text) {
                command.env_remove(name);
            }
        }
        command.args(words).env("SCANLEDGER_DATA", self.beside("data")).stdin(Stdio::null());
        // The load comes from one address and under one key.
        command.env("SCANLEDGER_RATE_LIMITS", "off");
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.server_log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("the servers' log ends with:\n{}", shown.join("\n"));
            self.folder.disable_cleanup(true);
            eprintln!("everything is kept in {}", self.folder.path().display());
        }
    }
}

/// A running server; killed if it is still there at the end.
pub struct Server {
    child: Child,
    /// Its base URL.
    pub url: String,
    /// Kept open, so that it can print.
    _out: BufReader<ChildStdout>,
}

impl Server {
    /// `kill -9`.
    pub async fn kill(mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "the server ended by itself: {ended:?}");
        self.child.kill().await.unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) -> ExitStatus {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("a server ends").unwrap()
    }
}
