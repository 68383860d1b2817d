//! A bucket that nobody answers for is out of reach, and one that refuses is not.

use crate::bucket::open;
use domain::OutOfReach;
use domain::blob::{BlobError, BlobHash, BlobStore as _, Shelf};
use scanledger_blobs::Blobs;
use scanledger_domain as domain;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

fn bucket(listener: &TcpListener) -> Blobs {
    open(&format!("http://{}", listener.local_addr().unwrap()), "s3://bucket")
}

/// A server that answers every request with one status, until the process ends.
fn answering(status: &'static str) -> Blobs {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let blobs = bucket(&listener);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    blobs
}

fn is_out_of_reach<T>(answer: Result<T, BlobError>) -> bool {
    OutOfReach::is_behind(&answer.err().unwrap())
}

#[tokio::test]
async fn a_bucket_that_nobody_answers_for_is_out_of_reach_whatever_is_asked() {
    // The port is given back, and nobody listens there.
    let blobs = bucket(&TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let (hash, log) = (BlobHash::of(b"any"), uuid::Uuid::from_u128(1));
    let large = vec![7; 9 * 1024 * 1024];
    let (put, put_large, loaded, part, there, aside, discarded, listed, owner) = tokio::join!(
        blobs.put(b"any".to_vec()),
        blobs.put(large),
        blobs.load(hash),
        blobs.load_range(hash, 0..1),
        blobs.contains(hash),
        blobs.set_aside(hash),
        blobs.discard(hash),
        blobs.list(Shelf::Place, 0),
        blobs.owner(log),
    );
    assert!(is_out_of_reach(put) && is_out_of_reach(put_large));
    assert!(is_out_of_reach(loaded) && is_out_of_reach(part) && is_out_of_reach(there));
    assert!(is_out_of_reach(aside) && is_out_of_reach(discarded));
    assert!(is_out_of_reach(listed) && is_out_of_reach(owner));
}

#[tokio::test]
async fn a_bucket_that_is_too_busy_is_out_of_reach_and_one_that_refuses_is_not() {
    let (busy, refusing, wrong) =
        (answering("503 Slow Down"), answering("403 Forbidden"), answering("400 Bad Request"));
    let hash = BlobHash::of(b"any");
    let (busy, refused, wrong) = tokio::join!(busy.load(hash), refusing.load(hash), wrong.load(hash));
    assert!(is_out_of_reach(busy));
    assert!(!is_out_of_reach(refused) && !is_out_of_reach(wrong));
}
