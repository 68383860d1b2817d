//! Running the command, and servers.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command did.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Standard output of a command that has to end well.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// Standard output of a command that has to end well, as JSON.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.done()).expect("the output is JSON")
    }

    /// Standard error of a command that has to end with `code`.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.err
    }
}

/// A place with a data folder that may not exist yet.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A new place.
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("there is a folder for temporary files") }
    }

    /// A place that is set up.
    pub fn set_up() -> Self {
        let place = Self::new();
        place.run(&["setup", "--organization", "Acme", "--email", "ana@acme.example"]).done();
        place
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Another path beside it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command with the data folder of this place and nothing else of the environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanledger"));
        let others = std::env::vars_os().map(|(name, _)| name);
        for name in
            others.filter(|name| name.to_string_lossy().starts_with("SCANLEDGER_") || name == "RUST_LOG")
        {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).env("SCANLEDGER_DATA", self.data()).args(arguments);
        command
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs it with something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // It may end without reading.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        let output = child.wait_with_output().expect("the command ends");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Imports the sample advisories.
    pub fn import(&self) -> Ran {
        let files: Vec<String> = ["Go", "PyPI", "crates.io", "npm"].map(advisories).to_vec();
        let mut arguments = vec!["advisories", "import", "--json"];
        arguments.extend(files.iter().map(String::as_str));
        self.run(&arguments)
    }

    /// Starts a server on a free port.
    pub fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// Starts a server on a free port, with more options.
    pub fn serve_with(&self, options: &[&str]) -> Server {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"];
        Server::start(self.command(&[&serve, options].concat()))
    }
}

/// A running server, killed if it is still there at the end.
pub struct Server {
    child: Child,
    /// Its base URL.
    pub url: String,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let mut first = String::new();
        let out = child.stdout.as_mut().expect("its output is a pipe");
        BufReader::new(out).read_line(&mut first).expect("its output can be read");
        let url = first.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no address in {first:?}")).to_owned();
        Self { child, url }
    }

    /// Waits for a line on standard error, and answers it.
    pub fn complaint(&mut self) -> String {
        let mut line = String::new();
        let err = self.child.stderr.as_mut().expect("its errors are a pipe");
        // Byte by byte, so that nothing after the line is taken.
        let mut byte = [0];
        while err.read(&mut byte).expect("its errors can be read") == 1 && byte != [b'\n'] {
            line.push(byte[0].into());
        }
        line
    }

    /// Sends a signal (`TERM`, `INT`), and waits for the end.
    pub fn end(mut self, signal: &str) -> ExitStatus {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a kill command").success());
        let began = Instant::now();
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return status,
                None if began.elapsed() > PATIENCE => panic!("the server did not end"),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A path in the repository's samples.
pub fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).display().to_string()
}

/// The sample advisories of an ecosystem.
pub fn advisories(ecosystem: &str) -> String {
    sample(&format!("advisories/{ecosystem}.zip"))
}
