//! The rules of the port, asked of any store. Every rule uses content of its own, so that one store serves all.

use domain::blob::{BlobError, BlobHash, BlobStore, Shelf};
use scanledger_domain as domain;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// More than two parts of an upload, and no multiple of one.
const LARGE_BYTES: usize = 17 * 1024 * 1024 + 3;

/// Checks all rules one after the other.
pub async fn keeps_the_rules(store: Arc<dyn BlobStore>) {
    what_was_put_can_be_loaded(&*store).await;
    the_same_bytes_have_one_hash(&*store).await;
    an_empty_blob_is_a_blob(&*store).await;
    what_is_not_there_is_missing(&*store).await;
    a_range_ends_where_the_blob_ends(&*store).await;
    a_file_is_stored_under_the_hash_of_its_content(&*store).await;
    large_files_and_large_bytes_survive(&*store).await;
    a_file_that_cannot_be_read_is_an_error(&*store).await;
    an_existing_file_is_not_overwritten(&*store).await;
    removing_twice_is_no_error(&*store).await;
    what_is_set_aside_is_still_there(&*store).await;
    what_is_put_back_stays(&*store).await;
    the_first_who_asks_owns_it(&*store).await;
    what_is_stored_anew_outlives_what_was_set_aside(&*store).await;
    blobs_are_listed_and_nothing_else(&*store).await;
    many_writers_of_one_blob_all_succeed(store).await;
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn file_with(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

async fn what_was_put_can_be_loaded(store: &dyn BlobStore) {
    let bytes = noise(1, 1000);
    assert!(!store.contains(BlobHash::of(&bytes)).await.unwrap());
    let hash = store.put(bytes.clone()).await.unwrap();
    assert_eq!(hash, BlobHash::of(&bytes));
    assert!(store.contains(hash).await.unwrap());
    assert_eq!(store.load(hash).await.unwrap(), bytes);
}

async fn the_same_bytes_have_one_hash(store: &dyn BlobStore) {
    let first = store.put(noise(2, 100)).await.unwrap();
    let again = store.put(noise(2, 100)).await.unwrap();
    let (_folder, path) = file_with(&noise(2, 100));
    assert_eq!(first, again);
    assert_eq!(store.put_file(path).await.unwrap(), (first, 100));
    store.remove(first).await.unwrap();
    assert!(!store.contains(first).await.unwrap());
}

async fn an_empty_blob_is_a_blob(store: &dyn BlobStore) {
    let hash = store.put(vec![]).await.unwrap();
    let (_folder, path) = file_with(b"");
    assert_eq!(store.put_file(path.clone()).await.unwrap(), (hash, 0));
    assert!(store.contains(hash).await.unwrap());
    assert_eq!(store.load(hash).await.unwrap(), b"");
    assert_eq!(store.load_range(hash, 0..0).await.unwrap(), b"");
    let copy = path.with_extension("copy");
    store.load_to_file(hash, &copy).await.unwrap();
    assert_eq!(std::fs::read(copy).unwrap(), b"");
}

async fn what_is_not_there_is_missing(store: &dyn BlobStore) {
    let absent = BlobHash::of(b"never stored");
    let (folder, _) = file_with(b"");
    let copy = folder.path().join("copy");
    let answers = [
        store.load(absent).await.err(),
        store.load_range(absent, 0..1).await.err(),
        store.load_range(absent, 0..0).await.err(),
        store.load_to_file(absent, &copy).await.err(),
    ];
    for answer in answers {
        assert!(matches!(answer, Some(BlobError::Missing(hash)) if hash == absent), "{answer:?}");
    }
    assert!(!copy.exists());
}

async fn a_range_ends_where_the_blob_ends(store: &dyn BlobStore) {
    let bytes = noise(3, 300);
    let hash = store.put(bytes.clone()).await.unwrap();
    for (asked, given) in
        [(0..1, 0..1), (10..300, 10..300), (299..300, 299..300), (200..9000, 200..300), (5..5, 5..5)]
    {
        let part = store.load_range(hash, asked.clone()).await.unwrap();
        assert_eq!(part, bytes[given], "{asked:?}");
    }
    for beyond in [300..301, 9000..9001] {
        let answer = store.load_range(hash, beyond.clone()).await;
        assert!(matches!(answer, Err(BlobError::Failed { .. })), "{beyond:?}: {answer:?}");
    }
}

async fn a_file_is_stored_under_the_hash_of_its_content(store: &dyn BlobStore) {
    let bytes = noise(4, 5000);
    let (folder, path) = file_with(&bytes);
    assert_eq!(store.put_file(path.clone()).await.unwrap(), (BlobHash::of(&bytes), 5000));
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the caller's file stays");
    let copy = folder.path().join("copy");
    store.load_to_file(BlobHash::of(&bytes), &copy).await.unwrap();
    assert_eq!(std::fs::read(copy).unwrap(), bytes);
}

async fn large_files_and_large_bytes_survive(store: &dyn BlobStore) {
    let end = LARGE_BYTES as u64;
    let by_file = noise(5, LARGE_BYTES);
    let (folder, path) = file_with(&by_file);
    let (hash, size) = store.put_file(path).await.unwrap();
    assert_eq!((hash, size), (BlobHash::of(&by_file), end));
    assert_eq!(store.load_range(hash, end - 3..end).await.unwrap(), by_file[LARGE_BYTES - 3..]);
    let copy = folder.path().join("copy");
    store.load_to_file(hash, &copy).await.unwrap();
    assert!(std::fs::read(copy).unwrap() == by_file);

    // An exact number of parts has an end of its own.
    let in_memory = noise(6, 16 * 1024 * 1024);
    let hash = store.put(in_memory.clone()).await.unwrap();
    assert!(store.load(hash).await.unwrap() == in_memory);
}

async fn a_file_that_cannot_be_read_is_an_error(store: &dyn BlobStore) {
    let (folder, _) = file_with(b"");
    for path in [folder.path().join("absent"), folder.path().to_owned()] {
        let answer = store.put_file(path).await;
        assert!(matches!(answer, Err(BlobError::Failed { .. })), "{answer:?}");
    }
}

async fn an_existing_file_is_not_overwritten(store: &dyn BlobStore) {
    let hash = store.put(noise(7, 10)).await.unwrap();
    let (_folder, path) = file_with(b"mine");
    let answer = store.load_to_file(hash, &path).await;
    assert!(matches!(answer, Err(BlobError::Failed { .. })), "{answer:?}");
    assert_eq!(std::fs::read(path).unwrap(), b"mine");
}

async fn removing_twice_is_no_error(store: &dyn BlobStore) {
    let hash = store.put(noise(8, 10)).await.unwrap();
    store.remove(hash).await.unwrap();
    assert!(matches!(store.load(hash).await, Err(BlobError::Missing(_))));
    store.remove(hash).await.unwrap();
    assert_eq!(store.put(noise(8, 10)).await.unwrap(), hash);
    assert_eq!(store.load(hash).await.unwrap(), noise(8, 10));
}

async fn what_is_set_aside_is_still_there(store: &dyn BlobStore) {
    let bytes = noise(10, 500);
    let hash = store.put(bytes.clone()).await.unwrap();
    for _ in 0..2 {
        store.set_aside(hash).await.unwrap();
    }
    assert!(store.contains(hash).await.unwrap());
    assert_eq!(store.load(hash).await.unwrap(), bytes);
    assert_eq!(store.load_range(hash, 10..20).await.unwrap(), bytes[10..20]);
    assert_eq!(store.load_range(hash, 5..5).await.unwrap(), b"");
    let (folder, _) = file_with(b"");
    let copy = folder.path().join("copy");
    store.load_to_file(hash, &copy).await.unwrap();
    assert_eq!(std::fs::read(copy).unwrap(), bytes);
    for _ in 0..2 {
        store.discard(hash).await.unwrap();
    }
    assert!(!store.contains(hash).await.unwrap());
    assert!(matches!(store.load(hash).await, Err(BlobError::Missing(_))));
    store.set_aside(hash).await.unwrap();
    assert!(!store.contains(hash).await.unwrap());
}

async fn what_is_put_back_stays(store: &dyn BlobStore) {
    let hash = store.put(noise(11, 500)).await.unwrap();
    store.set_aside(hash).await.unwrap();
    for _ in 0..2 {
        store.put_back(hash).await.unwrap();
    }
    store.discard(hash).await.unwrap();
    assert_eq!(store.load(hash).await.unwrap(), noise(11, 500));
}

async fn the_first_who_asks_owns_it(store: &dyn BlobStore) {
    let [first, second] = [1, 2].map(Uuid::from_u128);
    for asks in [first, second, first] {
        assert_eq!(store.owner(asks).await.unwrap(), first);
    }
}

async fn what_is_stored_anew_outlives_what_was_set_aside(store: &dyn BlobStore) {
    let hash = store.put(noise(12, 500)).await.unwrap();
    store.set_aside(hash).await.unwrap();
    assert_eq!(store.put(noise(12, 500)).await.unwrap(), hash);
    store.discard(hash).await.unwrap();
    assert_eq!(store.load(hash).await.unwrap(), noise(12, 500));
}

/// What may lie in a store beside a blob and is none: `owner`, half of an upload, what an operator put there.
pub fn not_blobs(blob: BlobHash) -> Vec<String> {
    let name = blob.to_string();
    let (first, upper) = (&name[..2], name.to_uppercase());
    vec![
        format!("erased/{}", Uuid::from_u128(1)),
        "checkpoints/1".to_owned(),
        name.clone(),
        format!("{first}/README"),
        format!("{first}/{upper}"),
        format!("{first}/{name}.sig"),
        format!("{first}/more/{name}"),
        format!("aside/{name}"),
        format!("aside/{first}/notes"),
        format!("{first}/{}", BlobHash([!blob.0[0]; 32])),
    ]
}

/// Whatever else the store has.
pub async fn blobs_are_listed_and_nothing_else(store: &dyn BlobStore) {
    let on = async |shelf, blob: BlobHash| {
        let listed = store.list(shelf, blob.0[0]).await.unwrap();
        assert!(listed.iter().all(|listed| listed.blob.0[0] == blob.0[0]));
        listed.into_iter().find(|listed| listed.blob == blob)
    };
    let hash = store.put(b"listed".to_vec()).await.unwrap();
    let before = on(Shelf::Place, hash).await.unwrap();
    assert_eq!(on(Shelf::Aside, hash).await, None);
    assert!(before.written.0 > 1_700_000_000_000_000, "microseconds since 1970");
    let others = store.list(Shelf::Place, hash.0[0]).await.unwrap();
    for other in others {
        assert!(store.contains(other.blob).await.unwrap());
    }
    store.set_aside(hash).await.unwrap();
    assert_eq!(on(Shelf::Place, hash).await, None);
    assert!(on(Shelf::Aside, hash).await.unwrap().written >= before.written);
    store.discard(hash).await.unwrap();
    assert_eq!(on(Shelf::Aside, hash).await, None);
}

async fn many_writers_of_one_blob_all_succeed(store: Arc<dyn BlobStore>) {
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.put(noise(9, 50_000)).await })
        })
        .collect();
    for writer in writers {
        assert_eq!(writer.await.unwrap().unwrap(), BlobHash::of(&noise(9, 50_000)));
    }
    assert_eq!(store.load(BlobHash::of(&noise(9, 50_000))).await.unwrap(), noise(9, 50_000));
}
