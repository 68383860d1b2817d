//! Who was erased, noted beside the blobs.

use domain::blob::BlobStore as _;
use domain::id::SubjectId;
use scanledger_blobs::Blobs;
use scanledger_domain as domain;
use std::collections::BTreeSet;
use uuid::Uuid;

fn people(numbers: impl IntoIterator<Item = u128>) -> BTreeSet<SubjectId> {
    numbers.into_iter().map(|number| SubjectId(Uuid::from_u128(number))).collect()
}

#[tokio::test]
async fn who_was_erased_stays_noted_whoever_notes_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    assert_eq!(store.erased().await.unwrap(), people([]));
    store.note_erased(&people([1, 2])).await.unwrap();
    // Two nodes at the same time, of which each knows another part.
    let other = Blobs::local(folder.path()).unwrap();
    let (some, others) = (people([2, 3]), people(3..60));
    let (first, second) = tokio::join!(store.note_erased(&some), other.note_erased(&others));
    first.and(second).unwrap();
    store.note_erased(&people([])).await.unwrap();
    let again = Blobs::local(folder.path()).unwrap();
    assert_eq!(again.erased().await.unwrap(), people(1..60));
    // They are no blobs, and say nothing but who.
    again.put(b"a blob".to_vec()).await.unwrap();
    assert_eq!(again.erased().await.unwrap().len(), 59);
    let one = folder.path().join("erased").join(Uuid::from_u128(1).to_string());
    assert_eq!(std::fs::read(one).unwrap(), b"");
}

#[tokio::test]
async fn what_is_no_id_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = Blobs::local(folder.path()).unwrap();
    store.note_erased(&people([1])).await.unwrap();
    std::fs::write(folder.path().join("erased/somebody"), b"").unwrap();
    store.erased().await.unwrap_err();
}
