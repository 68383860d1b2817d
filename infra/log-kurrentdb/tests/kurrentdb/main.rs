//! The suite that every event log passes, on the KurrentDB that `SCANLEDGER_TEST_KURRENTDB` names, such as
//! `kurrentdb://localhost:2113?tls=false`. Without one there is nothing to hold it to, and the test says so.

use scanledger_conformance::{Capabilities, Harness, run_all};
use scanledger_domain::BoxFuture;
use scanledger_domain::id::Ids;
use scanledger_domain::log::{EventLog, LogError};
use scanledger_domain::time::Clock;
use scanledger_log_kurrentdb::{KurrentLog, KurrentOptions, Namespace};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// Names a server for the suite.
const SERVER: &str = "SCANLEDGER_TEST_KURRENTDB";

struct Random;

impl Ids for Random {
    fn fresh(&self) -> Uuid {
        Uuid::from_u128(fastrand::u128(..))
    }
}

/// A log in a namespace and a folder of its own.
struct OnServer {
    options: KurrentOptions,
    _folder: TempDir,
}

impl OnServer {
    fn new(connection: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let namespace = Namespace::new(&format!("test_{:016x}", fastrand::u64(..))).expect("a namespace");
        let places = folder.path().join("places.db");
        Self {
            options: KurrentOptions { connection: connection.to_owned(), namespace, places },
            _folder: folder,
        }
    }
}

impl Harness for OnServer {
    fn capabilities(&self) -> Capabilities {
        Capabilities { contiguous: false, atomic_over_streams: false, own_clock: false, ..Capabilities::ALL }
    }

    fn open(&self, _: Arc<dyn Clock>) -> BoxFuture<'_, Arc<dyn EventLog>> {
        Box::pin(async {
            let log = KurrentLog::connect(&self.options, &Random).await.expect("the server can be reached");
            Arc::new(log) as Arc<dyn EventLog>
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_of_every_log_on_a_server() {
    let Ok(connection) = std::env::var(SERVER) else {
        eprintln!("left out: {SERVER} names no server");
        return;
    };
    run_all(|| OnServer::new(&connection)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_unavailable_and_no_secret_is_told() {
    let unreachable =
        "kurrentdb://admin:hunter2@127.0.0.1:1?tls=false&maxDiscoverAttempts=1&gossipTimeout=500";
    let connecting = async {
        let harness = OnServer::new(unreachable);
        KurrentLog::connect(&harness.options, &Random).await
    };
    let answer = tokio::time::timeout(Duration::from_secs(60), connecting).await.expect("an answer in time");
    let error = answer.expect_err("nobody listens there");
    assert!(matches!(error, LogError::Unavailable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_connection_string_that_is_none_is_refused_without_being_repeated() {
    let harness = OnServer::new("postgres://admin:hunter2@host/db");
    let error = KurrentLog::connect(&harness.options, &Random).await.expect_err("that is no KurrentDB");
    assert!(matches!(error, LogError::Broken { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
