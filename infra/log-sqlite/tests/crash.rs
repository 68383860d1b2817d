//! A process that is killed while it appends loses nothing that it acknowledged.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use scanledger_domain::id::CommandId;
use scanledger_domain::log::{Append, EventLog, NewEvent, Position, Recorded, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use uuid::Uuid;

/// Tells the child process where the log is.
const LOG: &str = "SCANLEDGER_TEST_CRASHING_LOG";

const WRITERS: u64 = 8;
const CRASHES: u64 = 6;

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_255_200_000_000)
    }
}

/// An acknowledged append, as the child reports it: stream, version and position of its last event.
type Acknowledged = (String, u64, u64);

#[test]
fn what_a_killed_process_acknowledged_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    for _ in 0..CRASHES {
        // Any number will do, so long as it is another one each time.
        let patience = 1 + RandomState::new().hash_one(0) % 400;
        acknowledged.extend(append_until_killed(&path, patience));

        let recorded = read(&path);
        let positions: Vec<u64> = recorded.iter().map(|event| event.position.0).collect();
        assert_eq!(positions, (1..=recorded.len() as u64).collect::<Vec<_>>(), "positions are contiguous");
        let mut versions: HashMap<&StreamName, u64> = HashMap::new();
        for event in &recorded {
            let version = versions.entry(&event.stream).or_default();
            *version += 1;
            assert_eq!(event.version, Version(*version), "versions of {} count up", event.stream);
        }
        assert!(versions.values().all(|version| version % 2 == 0), "no batch of two was written by half");
        for (stream, version, position) in &acknowledged {
            let event = &recorded[usize::try_from(*position).unwrap() - 1];
            assert_eq!((event.stream.as_str(), event.version), (&**stream, Version(*version)));
        }
    }
    assert!(acknowledged.len() as u64 >= CRASHES, "every child got to acknowledge something");
}

/// Starts this test binary again as the process that gets killed; answers what it acknowledged.
fn append_until_killed(path: &Path, patience: u64) -> Vec<Acknowledged> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["appends_until_it_is_killed", "--exact", "--nocapture"])
        .env(LOG, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let acknowledged: Vec<Acknowledged> = lines
        .by_ref()
        .filter_map(|line| acknowledgement(&line.unwrap()))
        .take(usize::try_from(patience).unwrap())
        .collect();
    // SIGKILL: the process gets no chance to tidy up.
    child.kill().unwrap();
    child.wait().unwrap();
    // What stood in the pipe was acknowledged too; the last line may be cut off.
    let rest = lines.map_while(Result::ok).filter_map(|line| acknowledgement(&line));
    let acknowledged: Vec<_> = acknowledged.into_iter().chain(rest).collect();
    assert!(acknowledged.len() as u64 >= patience, "the child was killed while it was appending");
    acknowledged
}

/// A complete line of the child; the test harness prints others.
fn acknowledgement(line: &[u8]) -> Option<Acknowledged> {
    let line = std::str::from_utf8(line).ok()?.strip_prefix("acknowledged ")?.strip_suffix(" end")?;
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn read(path: &Path) -> Vec<Recorded> {
    let log = SqliteLog::open(path, Arc::new(StandingClock)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.read_all(Position::START, usize::MAX)).unwrap()
}

/// The child. Does nothing when it runs as one of the tests.
#[test]
fn appends_until_it_is_killed() {
    let Some(path) = std::env::var_os(LOG) else { return };
    let log = Arc::new(SqliteLog::open(Path::new(&path), Arc::new(StandingClock)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(append_forever(Arc::clone(&log), writer));
        }
        writers.join_all().await;
    });
}

async fn append_forever(log: Arc<SqliteLog>, writer: u64) {
    let stream = StreamName::new("writer", writer);
    let mut version = log.read_stream(&stream, Version::NONE, usize::MAX).await.unwrap().len() as u64;
    loop {
        let command = CommandId(Uuid::from_u64_pair(writer, version));
        let event = |ordinal| NewEvent {
            id: command.event(ordinal),
            kind: "writer.wrote",
            schema: 1,
            data: br#"{"text":"hold on"}"#.to_vec(),
            metadata: Arc::from(*b"{}"),
        };
        let events = vec![event(0), event(1)];
        let batch = vec![Append { stream: stream.clone(), expected: Version(version), events }];
        let appended = log.append(batch).await.unwrap();
        version += 2;
        let line = format!("acknowledged {stream} {version} {} end\n", appended.last);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}
