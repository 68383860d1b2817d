//! What a local folder adds to the rules of the port.

use crate::conformance;
use domain::blob::{BlobError, BlobHash, BlobStore as _};
use scanledger_blobs::Blobs;
use scanledger_domain as domain;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

fn place(folder: &Path, hash: BlobHash) -> PathBuf {
    let name = hash.to_string();
    folder.join(&name[..2]).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path().join("not/there/yet")).unwrap();
    conformance::keeps_the_rules(Arc::new(store)).await;
}

#[tokio::test]
async fn a_blob_lies_under_the_first_two_digits_of_its_hash_and_nothing_else_remains() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    let hash = store.put(b"hello".to_vec()).await.unwrap();
    let expected = "2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(files(folder.path()), [folder.path().join(expected)]);
    assert_eq!(place(folder.path(), hash), folder.path().join(expected));
}

#[tokio::test]
async fn only_blobs_are_listed_whatever_else_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    for other in conformance::not_blobs(BlobHash::of(b"listed")) {
        let path = folder.path().join(other);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
    store.owner(Uuid::from_u128(1)).await.unwrap();
    conformance::blobs_are_listed_and_nothing_else(&store).await;
}

#[tokio::test]
async fn another_process_finds_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let hash = Blobs::local(folder.path()).unwrap().put(b"kept".to_vec()).await.unwrap();
    assert_eq!(Blobs::local(folder.path()).unwrap().load(hash).await.unwrap(), b"kept");
}

#[tokio::test]
async fn who_deletes_the_note_gives_the_store_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [1, 2].map(Uuid::from_u128);
    let store = Blobs::local(folder.path()).unwrap();
    assert_eq!(store.owner(old).await.unwrap(), old);
    assert_eq!(files(folder.path()), [folder.path().join("owner")]);
    let note = folder.path().join("owner");
    assert_eq!(Blobs::local(folder.path()).unwrap().owner(new).await.unwrap(), old);
    std::fs::remove_file(&note).unwrap();
    assert_eq!(store.owner(new).await.unwrap(), new);
    std::fs::write(note, "something else").unwrap();
    let answer = store.owner(new).await;
    assert!(matches!(answer, Err(BlobError::Failed { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_corrupt_blob_is_never_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    let hash = store.put(b"true".to_vec()).await.unwrap();
    std::fs::write(place(folder.path(), hash), b"fake").unwrap();

    let copy = folder.path().join("copy");
    let answers = [store.load(hash).await.map(drop), store.load_to_file(hash, &copy).await];

    for answer in answers {
        let Err(BlobError::Failed { doing: "verify a blob", source }) = answer else { panic!("{answer:?}") };
        assert!(source.to_string().contains(&BlobHash::of(b"fake").to_string()));
    }
    assert!(!copy.exists());
}

#[tokio::test]
async fn a_blob_that_lost_its_end_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    let hash = store.put(b"whole".to_vec()).await.unwrap();
    std::fs::write(place(folder.path(), hash), b"who").unwrap();
    assert_eq!(store.put(b"whole".to_vec()).await.unwrap(), hash);
    assert_eq!(store.load(hash).await.unwrap(), b"whole");
}

#[tokio::test]
async fn a_blob_that_is_there_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    let hash = store.put(b"once".to_vec()).await.unwrap();
    let written = || std::fs::metadata(place(folder.path(), hash)).unwrap();
    let first = written();
    store.put(b"once".to_vec()).await.unwrap();
    assert_eq!(written().modified().unwrap(), first.modified().unwrap());
    assert!(same_file(&written(), &first));
}

#[cfg(unix)]
fn same_file(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    one.ino() == other.ino()
}

#[cfg(not(unix))]
fn same_file(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    true
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    let hash = BlobHash::of(b"second try");
    let name = hash.to_string();
    std::fs::write(folder.path().join(&name[..2]).join(format!("{name}#1")), b"second").unwrap();

    assert!(!store.contains(hash).await.unwrap());
    store.put(b"second try".to_vec()).await.unwrap();
    assert_eq!(store.load(hash).await.unwrap(), b"second try");
}

#[cfg(unix)]
#[test]
fn a_new_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    Blobs::local(folder.path().join("blobs")).unwrap();
    let mode = std::fs::metadata(folder.path().join("blobs")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
