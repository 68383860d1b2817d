//! A server of a test's own, which it may kill.

use scanledger_test_ports::Port;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A NATS server with JetStream in a folder of its own, on a port that stays the same; killed at the end.
pub(crate) struct Server {
    folder: TempDir,
    pub(crate) port: Port,
    settings: String,
    child: Option<Child>,
}

impl Server {
    /// One that does not run yet, with these lines in its configuration.
    pub(crate) fn stopped(settings: impl Into<String>) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            port: Port::reserve(),
            settings: settings.into(),
            child: None,
        }
    }

    pub(crate) fn started() -> Self {
        let mut server = Self::stopped("");
        server.start();
        server
    }

    pub(crate) fn start(&mut self) {
        let program = std::env::var("SCANLEDGER_TEST_NATS_BIN").expect(
            "SCANLEDGER_TEST_NATS_BIN names no NATS server: run the tests through `bash tests/run.sh`",
        );
        let config = self.folder.path().join("server.conf");
        let data = self.folder.path().join("data");
        let text =
            format!("jetstream {{ store_dir: {:?} }}\n{}\n", data.display().to_string(), self.settings);
        std::fs::write(&config, text).unwrap();
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-c"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let child = self.child.insert(child);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port.number())).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "the NATS server ended");
            assert!(begun.elapsed() < Duration::from_secs(20), "the NATS server did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it as a crash would (SIGKILL); its data stay.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("a server that runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
