//! A server that is put back from a base backup and its archive: until all of that is replayed it answers, and has less
//! than was read of it before. Nothing is lost.

use crate::samples::{append, clock};
use crate::server::Server;
use scanledger_domain::log::{EventLog, LogError, Position, Recorded, Subscription};
use scanledger_log_postgres::PostgresLog;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// For what has to happen; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// What somebody hears next of a server that may be out of reach meanwhile.
async fn next(subscription: &mut dyn Subscription) -> Vec<Recorded> {
    loop {
        match subscription.next().await {
            Ok(events) => return events,
            Err(LogError::Unavailable { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn write(log: &PostgresLog, numbers: std::ops::RangeInclusive<u128>) {
    for number in numbers {
        append(log, number, 0, number).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_replays_has_lost_nothing_however_long_that_takes() {
    let server = Server::start();
    let log = PostgresLog::open(&server.url(), clock()).await.unwrap();
    write(&log, 1..=3).await;
    server.control(&["stop", "-m", "fast"]);
    server.copy("data", "backup");
    server.control(&["start"]);
    write(&log, 4..=6).await;
    let mut subscription = log.subscribe(Position::START);
    let mut seen = 0;
    while seen < 6 {
        seen = next(&mut *subscription).await.last().unwrap().position.0;
    }

    server.control(&["stop", "-m", "fast"]);
    server.copy("data", "original");
    server.put_back("backup", "archive");
    let replays = Instant::now() + Duration::from_secs(8);
    let heard = timeout_at(replays, next(&mut *subscription)).await;
    assert!(heard.is_err(), "it is only late: {heard:?}");
    assert_eq!(*log.head_watch().borrow(), Position(6));
    assert!(log.head_age() > Duration::from_secs(3), "others may have appended: {:?}", log.head_age());
    let read = log.read_all(Position(5), 1).await;
    assert!(matches!(read, Err(LogError::Unavailable { .. })), "{read:?}");
    assert_eq!(log.read_all(Position::START, 9).await.unwrap().len(), 3);

    server.copy("original/pg_wal", "archive");
    let again = async {
        while log.head_age() > Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("it has all again");
    server.control(&["promote"]);
    write(&log, 7..=7).await;
    let heard = timeout(PATIENCE, next(&mut *subscription)).await.expect("it goes on");
    assert_eq!(heard.iter().map(|event| event.position).collect::<Vec<_>>(), [Position(7)]);
}
