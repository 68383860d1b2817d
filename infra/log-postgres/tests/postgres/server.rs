//! A server of a test's own, which it may stop.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A PostgreSQL server in a folder of its own, stopped at the end.
pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    is_root: bool,
}

impl Server {
    pub(crate) fn start() -> Self {
        let programs = std::env::var("SCANLEDGER_TEST_POSTGRES_BIN").expect(
            "SCANLEDGER_TEST_POSTGRES_BIN names no folder of a server: run the tests through `bash tests/run.sh`",
        );
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        // PostgreSQL refuses to run as root.
        let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        if is_root {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let server = Self { folder, programs: programs.into(), port, is_root };
        server.run("initdb", &["-U", "scanledger", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        server.control(&["start"]);
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://scanledger@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts or stops it: `pg_ctl` with these arguments, which waits until that is done.
    pub(crate) fn control(&self, arguments: &[&str]) {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -k {}", self.port, self.folder.path().display());
        let log = self.folder.path().join("server.log");
        let log = log.to_str().unwrap();
        self.run("pg_ctl", &[&["-w", "-t", "60", "-l", log, "-o", &options], arguments].concat());
    }

    /// Copies a folder beside its data to another name, with the owners of the files; it is there at once.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        let mut command = Command::new("cp");
        let arriving = format!("{to}.part");
        command.args(["-a", from, &arriving]).current_dir(self.folder.path());
        assert!(command.status().unwrap().success(), "{command:?}");
        std::fs::rename(self.folder.path().join(arriving), self.folder.path().join(to)).unwrap();
    }

    /// Starts it, stopped before, with the data of a backup. It replays what comes into the folder `archive`, until it is
    /// promoted.
    pub(crate) fn put_back(&self, backup: &str, archive: &str) {
        let at = |name: &str| self.folder.path().join(name);
        std::fs::remove_dir_all(at("data")).unwrap();
        std::fs::rename(at(backup), at("data")).unwrap();
        std::fs::write(at("data/standby.signal"), "").unwrap();
        let mut settings =
            std::fs::OpenOptions::new().append(true).open(at("data/postgresql.auto.conf")).unwrap();
        let archive = at(archive).display().to_string();
        let restore =
            format!("restore_command = 'cp {archive}/%f %p'\nwal_retrieve_retry_interval = '100ms'\n");
        settings.write_all(restore.as_bytes()).unwrap();
        self.control(&["start"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let data = self.folder.path().join("data");
        let status = command
            .args(arguments)
            .arg("-D")
            .arg(data)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{command:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.control(&["stop", "-m", "immediate"]);
            return;
        }
        // A second panic would hide the first one.
        let _ = std::panic::catch_unwind(|| self.control(&["stop", "-m", "immediate"]));
    }
}
