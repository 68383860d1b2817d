//! An installation: a database, blobs and a key that all nodes share, and a data folder for each node.

use crate::database::Database;
use crate::nats::Nats;
use crate::node::{Node, PATIENCE};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Lines of each node's log that a failed test shows.
const SHOWN_LINES: usize = 30;
/// The data folder of commands that no node has to do with.
const SHELL: &str = "shell";

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Api,
    /// With so many scans at the same time.
    Worker(u8),
}

/// A version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    This,
    /// One to come, whose read models have another shape (`next.rs`).
    Next,
}

impl Version {
    fn program(self) -> PathBuf {
        let this = PathBuf::from(env!("CARGO_BIN_EXE_scanledger"));
        match self {
            Self::This => this,
            Self::Next => {
                let name = format!("next{}", std::env::consts::EXE_SUFFIX);
                let next = this.with_file_name("examples").join(name);
                assert!(next.exists(), "{} is made by `cargo build --example next`", next.display());
                next
            }
        }
    }
}

/// An installation.
pub struct Place {
    folder: TempDir,
    pub database: Database,
    pub nats: Option<Nats>,
    /// The administrator's API key.
    pub key: String,
    /// The organization.
    pub organization: String,
}

impl Place {
    /// On the common database server, without a bus.
    pub async fn set_up() -> Self {
        Self::of(Database::create(), None).await
    }

    /// With a bus of its own.
    pub async fn with_nats() -> Self {
        Self::of(Database::create(), Some(Nats::start())).await
    }

    /// With a bus and a database server of its own.
    pub async fn with_own_servers() -> Self {
        Self::of(Database::with_server(), Some(Nats::start())).await
    }

    async fn of(database: Database, nats: Option<Nats>) -> Self {
        let folder = TempDir::new().unwrap();
        let mut place = Self { folder, database, nats, key: String::new(), organization: String::new() };
        let made = place.run(&["setup", "--organization", "Acme", "--email", "ana@acme.example"]).await;
        let made: Value = serde_json::from_str(&made).unwrap();
        made["apiKey"].as_str().unwrap().clone_into(&mut place.key);
        made["organizationId"].as_str().unwrap().clone_into(&mut place.organization);
        place
    }

    /// Imports the sample advisories of npm at the shell; answers the generation that is then in force.
    pub async fn import_advisories(&self, node: &str) -> u64 {
        let zip = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/advisories/npm.zip");
        let done = self.run_on(node, &["advisories", "import", "--json", zip.to_str().unwrap()]).await;
        let done: Value = serde_json::from_str(&done).unwrap();
        done["generation"].as_u64().unwrap_or_else(|| panic!("{done}"))
    }

    /// Runs the command to its end, which has to be a good one, and answers what it printed.
    pub async fn run(&self, arguments: &[&str]) -> String {
        self.run_on(SHELL, arguments).await
    }

    /// As [`Self::run`], with the data folder of a node, which may be running.
    pub async fn run_on(&self, node: &str, arguments: &[&str]) -> String {
        self.run_of(Version::This, node, arguments).await
    }

    /// As [`Self::run_on`], of this version of the program, whichever the node is of.
    pub async fn run_of(&self, version: Version, node: &str, arguments: &[&str]) -> String {
        let ran = self.command_of(version, node, arguments).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(ran.stdout), text(ran.stderr));
        assert!(ran.status.success(), "{arguments:?} on {node} ended with {}\n{out}{err}", ran.status);
        out
    }

    /// The whole log: one envelope each.
    pub async fn log(&self) -> Vec<String> {
        self.run(&["export", "events"]).await.lines().map(str::to_owned).collect()
    }

    /// Starts a node, and waits until it takes requests. One that was here before goes on with what it had.
    pub async fn start(&self, name: &'static str, role: Role) -> Node {
        let node = self.launch(name, role, &[]).await;
        node.ready().await;
        node
    }

    /// Starts a node with further settings, and waits until it listens.
    pub async fn launch(&self, name: &'static str, role: Role, settings: &[(&str, &str)]) -> Node {
        self.launch_of(Version::This, name, role, settings).await
    }

    /// As [`Self::launch`], of this version of the program.
    pub async fn launch_of(
        &self,
        version: Version,
        name: &'static str,
        role: Role,
        settings: &[(&str, &str)],
    ) -> Node {
        let (role, workers) = match role {
            Role::Api => ("api", 1),
            Role::Worker(workers) => ("worker", workers),
        };
        let log = std::fs::File::options().create(true).append(true).open(self.node_log_file(name)).unwrap();
        let mut command = self.command_of(
            version,
            name,
            &["serve", "--listen", "127.0.0.1:0", "--log-level", "info,scanledger_api=warn,sqlx=warn"],
        );
        command.env("SCANLEDGER_ROLE", role).env("SCANLEDGER_WORKERS", workers.to_string());
        command.envs(settings.iter().copied());
        if let Some(nats) = &self.nats {
            command.env("SCANLEDGER_NATS", nats.url());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, out.read_line(&mut line)).await.expect("a node starts").unwrap();
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no address in {line:?}: {}", self.node_log(name))).to_owned();
        Node::new(name, url, self.folder.path().join(name), &self.key, child, out)
    }

    /// What the node has logged in all its lives.
    pub fn node_log(&self, name: &str) -> String {
        std::fs::read_to_string(self.node_log_file(name)).unwrap_or_default()
    }

    /// Whose lease it is: the id of a node. `None` if nobody's, or if it has lapsed.
    pub fn lease_holder(&self, lease: &str) -> Option<String> {
        let query = format!(
            "SELECT owner FROM scanledger_state.lease WHERE name = '{lease}' AND until > scanledger_state.now_us()"
        );
        let owner = self.database.ask(&query).pop()?;
        Some(owner.split_once('.').map_or(owner.as_str(), |(node, _)| node).to_owned())
    }

    fn node_log_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// A path in its folder, which is that of its commands too.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command with the data folder of a node, what nodes share, and nothing else of the environment.
    pub fn command(&self, node: &str, arguments: &[&str]) -> Command {
        self.command_of(Version::This, node, arguments)
    }

    fn command_of(&self, version: Version, node: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(version.program());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SCANLEDGER_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        let blobs = format!("file://{}", self.folder.path().join("blobs").display());
        command
            .env("SCANLEDGER_DATA", self.folder.path().join(node))
            .env("SCANLEDGER_LOG", self.database.url())
            .env("SCANLEDGER_KEY_FILE", self.folder.path().join("server.key"))
            .env("SCANLEDGER_BLOBS", blobs)
            // The load comes from one address and under one key.
            .env("SCANLEDGER_RATE_LIMITS", "off");
        command.args(arguments).stdin(Stdio::null()).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for entry in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
                if entry.path().extension().is_some_and(|extension| extension == "log") {
                    let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
                    let lines: Vec<&str> = log.lines().collect();
                    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
                    eprintln!("{:?} ends with:\n{}", entry.file_name(), shown.join("\n"));
                }
            }
            self.folder.disable_cleanup(true);
            eprintln!("everything is kept in {}", self.folder.path().display());
        }
    }
}
