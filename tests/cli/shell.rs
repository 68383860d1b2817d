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

/// What commands read of the environment under names that are not ours.
const ALIASES: [&str; 8] = [
    "RUST_LOG",
    "WORKER_CONCURRENCY",
    "GITHUB_APP_ID",
    "GITHUB_PRIVATE_KEY",
    "GITHUB_WEBHOOK_SECRET",
    "SCAN_BASE_URL",
    "PORT",
    "DATABASE_URL",
];

/// A place with a data folder that may not exist yet.
pub struct Place {
    folder: TempDir,
    /// The log, if it is not in the folder.
    log: Option<String>,
}

impl Place {
    /// A new place.
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("there is a folder for temporary files"), log: None }
    }

    /// A place that is set up.
    pub fn set_up() -> Self {
        Self::new().made()
    }

    /// A place that is set up on the log at a URL.
    pub fn set_up_on(log: &str) -> Self {
        Self { log: Some(log.to_owned()), ..Self::new() }.made()
    }

    fn made(self) -> Self {
        self.run(&["setup", "--organization", "Acme", "--email", "ana@acme.example"]).done();
        self
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
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("SCANLEDGER_") || ALIASES.contains(&&*text) {
                command.env_remove(&name);
            }
        }
        if let Some(log) = &self.log {
            command.env("SCANLEDGER_LOG", log);
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

    /// Starts a server with these settings in its environment, on a free port unless they say where.
    pub fn serve_in(&self, environment: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve"]);
        command.env("SCANLEDGER_LISTEN", "127.0.0.1:0").env("SCANLEDGER_LOG_LEVEL", "warn");
        if environment.iter().any(|(name, _)| *name == "PORT") {
            command.env_remove("SCANLEDGER_LISTEN");
        }
        Server::start(command.envs(environment.iter().copied()))
    }

    /// Starts a server on a free port, with more options.
    pub fn serve_with(&self, options: &[&str]) -> Server {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--log-level", "warn"];
        Server::start(&mut self.command(&[&serve, options].concat()))
    }
}

/// A running server, killed if it is still there at the end.
pub struct Server {
    child: Child,
    /// Its base URL.
    pub url: String,
}

impl Server {
    /// Starts the server of a command, and waits until it listens.
    pub fn start(command: &mut Command) -> Self {
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
    pub fn end(self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }

    /// Sends a signal (`TERM`, `INT`).
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// Ends it with a signal, and answers what was still to be read on standard error.
    pub fn last_words(mut self, signal: &str) -> String {
        let mut err = self.child.stderr.take().expect("its errors are a pipe");
        self.end(signal);
        let mut words = String::new();
        err.read_to_string(&mut words).expect("its errors can be read");
        words
    }

    /// Waits for the end.
    pub fn ended(mut self) -> ExitStatus {
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

/// The status and the body of the answer to a request; without a body, it is a `GET`.
pub fn ask(url: &str, headers: &[(&str, &str)], body: Option<&str>) -> (u16, String) {
    let client = reqwest::Client::new();
    let request = match body {
        None => client.get(url),
        Some(body) => client.post(url).header("content-type", "application/json").body(body.to_owned()),
    };
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        let response = request.send().await.expect("the server answers");
        (response.status().as_u16(), response.text().await.expect("the answer can be read"))
    })
}

/// A path in the repository's samples.
pub fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name).display().to_string()
}

/// The sample advisories of an ecosystem.
pub fn advisories(ecosystem: &str) -> String {
    sample(&format!("advisories/{ecosystem}.zip"))
}
