//! Readers that follow while writers take their time, change their mind or vanish: what is committed is never passed
//! over, and there is never a hole.
//!
//! The slow writers call the functions that the adapter calls, and those that nodes of the version before call, in
//! transactions of their own; the adapter itself has none that stays open. The same writers on a table with a sequence
//! show that the readers would notice.

use crate::database::Database;
use crate::nodes::{nodes, tail};
use crate::samples::{append, assert_sound, event, everything, stream};
use scanledger_domain::id::CommandId;
use scanledger_domain::log::AppendError;
use scanledger_log_postgres::PostgresLog;
use sqlx::PgConnection;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const SLOW_WRITERS: u128 = 10;
const TRANSACTIONS: u128 = 40;
const NODE_WRITERS: u128 = 4;
const APPENDS: u128 = 60;
/// Streams that all of them write to.
const STREAMS: u128 = 5;

/// Where positions come from.
#[derive(Clone, Copy)]
enum Numbered {
    ByTheLog,
    ByASequence,
}

impl Numbered {
    const fn news(self) -> &'static str {
        match self {
            Self::ByTheLog => {
                "SELECT position, id FROM scanledger_log.events WHERE position > $1 ORDER BY position"
            }
            Self::ByASequence => "SELECT position, id FROM numbered WHERE position > $1 ORDER BY position",
        }
    }

    /// Writes events in the transaction that is open.
    async fn insert(self, connection: &mut PgConnection, ids: &[Uuid]) {
        match (self, ids) {
            (Self::ByASequence, _) => {
                let insert = "INSERT INTO numbered (id) SELECT * FROM unnest($1)";
                sqlx::query(insert).bind(ids).execute(connection).await.unwrap();
            }
            (Self::ByTheLog, [id]) => append_one(connection, *id).await,
            (Self::ByTheLog, _) => append_all(connection, ids).await,
        }
    }
}

/// Today's function, and those of before, which nodes of an older version go on calling.
const ONE: [&str; 2] = [
    "SELECT actual FROM scanledger_log.append_one($1, $2, $3, $4, 'sample.made', 1, '{}', '{}')",
    "SELECT actual FROM scanledger_log.append_event($1, $2, $3, $4, 'sample.made', 1, '{}', '{}')",
];
const SEVERAL: [&str; 3] = [
    "SELECT actual FROM scanledger_log.append_parts($1, $2, $3, $7, $8, $10, $4::uuid[], \
     array_fill(1, ARRAY[cardinality($5::text[])]), $6, \
     ARRAY(SELECT generate_series(1, cardinality($4::uuid[]))), $9)",
    "SELECT actual FROM scanledger_log.append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    "SELECT actual FROM scanledger_log.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
];

fn any(statements: &[&'static str]) -> &'static str {
    statements[fastrand::usize(..statements.len())]
}

async fn append_one(connection: &mut PgConnection, id: Uuid) {
    let name = stream(fastrand::u128(..STREAMS)).as_str().to_owned();
    let mut version = 0_i64;
    loop {
        let query = sqlx::query_scalar(any(&ONE)).bind(0_i64).bind(&name).bind(version).bind(id);
        match query.fetch_one(&mut *connection).await.unwrap() {
            // Its own transaction has the row by now, so that nobody comes in between.
            Some(actual) => version = actual,
            None => return,
        }
    }
}

async fn append_all(connection: &mut PgConnection, ids: &[Uuid]) {
    let name = stream(fastrand::u128(..STREAMS)).as_str().to_owned();
    let (count, bytes) = (ids.len(), vec![b"{}".as_slice(); ids.len()]);
    let mut from = 0_i64;
    loop {
        let versions: Vec<i64> = (from + 1..).take(count).collect();
        let query = sqlx::query_scalar(any(&SEVERAL))
            .bind(0_i64)
            .bind(vec![name.as_str()])
            .bind(vec![from])
            .bind(ids)
            .bind(vec![name.as_str(); count])
            .bind(versions)
            .bind(vec!["sample.made"; count])
            .bind(vec![1_i32; count])
            .bind(&bytes)
            .bind(&bytes);
        let actual: Option<Vec<i64>> = query.fetch_one(&mut *connection).await.unwrap();
        match actual {
            Some(actual) => from = actual[0],
            None => return,
        }
    }
}

async fn pause(longest_us: u64) {
    sleep(Duration::from_micros(fastrand::u64(..longest_us))).await;
}

async fn run(connection: &mut PgConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

/// What a slow writer did.
#[derive(Default)]
struct Written {
    committed: HashSet<Uuid>,
    rolled_back: usize,
    vanished: usize,
}

/// One transaction after the other, each with one to three events, open for a while, and not always committed.
async fn write_slowly(database: Arc<Database>, numbered: Numbered, writer: u128) -> Written {
    let (mut connection, mut written) = (database.connect().await, Written::default());
    for transaction in 0..TRANSACTIONS {
        pause(3_000).await;
        let command = CommandId(Uuid::from_u128(1_000_000 + writer * 1_000 + transaction));
        let ids: Vec<Uuid> = (0..fastrand::u32(1..=3)).map(|ordinal| command.event(ordinal).0).collect();
        run(&mut connection, "BEGIN").await;
        numbered.insert(&mut connection, &ids).await;
        pause(5_000).await;
        match fastrand::u8(..10) {
            0..6 => {
                run(&mut connection, "COMMIT").await;
                written.committed.extend(ids);
            }
            6..9 => {
                run(&mut connection, "ROLLBACK").await;
                written.rolled_back += 1;
            }
            _ => {
                // Without a goodbye.
                connection = database.connect().await;
                written.vanished += 1;
            }
        }
    }
    written
}

/// Appends through the adapter, as nodes do.
async fn write_through(log: Arc<PostgresLog>, writer: u128) -> Written {
    let mut written = Written::default();
    for number in 0..APPENDS {
        let (command, target) = (writer * 1_000 + number, fastrand::u128(..STREAMS));
        let mut version = 0;
        loop {
            pause(3_000).await;
            match append(&*log, target, version, command).await {
                Ok(_) => break,
                Err(AppendError::Conflict { actual, .. }) => version = actual.0,
                Err(error) => panic!("nothing stands against an append: {error:?}"),
            }
        }
        written.committed.insert(event(command).id.0);
    }
    written
}

/// What a reader saw that asks again and again for what comes after the last position that it knows.
#[derive(Default)]
struct Seen {
    ids: HashSet<Uuid>,
    holes: i64,
}

async fn read(mut connection: PgConnection, numbered: Numbered, is_done: Arc<AtomicBool>) -> Seen {
    let (mut seen, mut after) = (Seen::default(), 0_i64);
    loop {
        // Asked before it looks, so that the last look is at everything.
        let is_last = is_done.load(Ordering::Acquire);
        let news: Vec<(i64, Uuid)> =
            sqlx::query_as(numbered.news()).bind(after).fetch_all(&mut connection).await.unwrap();
        for (position, id) in news {
            seen.holes += position - after - 1;
            after = position;
            seen.ids.insert(id);
        }
        if is_last {
            return seen;
        }
    }
}

/// Lets all write, and reads beside them; answers what was committed, what of it was never seen, and the holes.
async fn count(
    database: &Arc<Database>,
    numbered: Numbered,
    through: &[Arc<PostgresLog>],
) -> (HashSet<Uuid>, usize, i64) {
    let is_done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read(database.connect().await, numbered, Arc::clone(&is_done)));
    let mut writers = JoinSet::new();
    for writer in 0..SLOW_WRITERS {
        writers.spawn(write_slowly(Arc::clone(database), numbered, writer));
    }
    for (writer, node) in (0..NODE_WRITERS).zip(through.iter().cycle()) {
        writers.spawn(write_through(Arc::clone(node), writer));
    }
    let mut written = Written::default();
    while let Some(writer) = writers.join_next().await {
        let Written { committed, rolled_back, vanished } = writer.unwrap();
        written.committed.extend(committed);
        written.rolled_back += rolled_back;
        written.vanished += vanished;
    }
    is_done.store(true, Ordering::Release);
    let seen = reader.await.unwrap();
    let never_seen = written.committed.difference(&seen.ids).count();
    assert!(written.rolled_back > 0 && written.vanished > 0, "not everybody commits");
    eprintln!(
        "{} events committed, {} transactions rolled back and {} left open; never seen {never_seen}, holes {}",
        written.committed.len(),
        written.rolled_back,
        written.vanished,
        seen.holes,
    );
    (written.committed, never_seen, seen.holes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_committed_late_is_passed_over_and_what_is_not_leaves_no_hole() {
    let database = Arc::new(Database::create().await);
    let nodes = nodes(&database).await;
    let (done, until) = tokio::sync::watch::channel(usize::MAX);
    let tails: Vec<_> =
        nodes.iter().map(|node| tokio::spawn(tail(Arc::clone(node), until.clone()))).collect();
    let (committed, never_seen, holes) = count(&database, Numbered::ByTheLog, &nodes).await;
    assert_eq!((never_seen, holes), (0, 0), "(never seen, holes)");

    let all = everything(&*nodes[0]).await;
    assert_sound(&all);
    assert_eq!(all.iter().map(|event| event.id.0).collect::<HashSet<_>>(), committed);
    done.send_replace(all.len());
    for tail in tails {
        let seen =
            timeout(Duration::from_secs(20), tail).await.expect("who follows gets to the end").unwrap();
        assert_eq!(seen, all, "who follows sees every event once and in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequence_in_place_of_the_row_would_be_noticed() {
    let database = Arc::new(Database::create().await);
    let mut connection = database.connect().await;
    run(&mut connection, "CREATE TABLE numbered (position bigserial PRIMARY KEY, id uuid NOT NULL)").await;
    let (_, never_seen, holes) = count(&database, Numbered::ByASequence, &[]).await;
    assert!(never_seen > 0 && holes > 0, "never seen {never_seen}, holes {holes}");
}
