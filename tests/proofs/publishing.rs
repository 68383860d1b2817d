//! Checkpoints that could not be stored when they were signed.

use crate::signing::Place;
use scanledger::nodes::CheckpointPublisher;
use scanledger_domain::blob::BlobStore;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_checkpoint_that_could_not_be_stored_is_stored_when_the_next_one_is_signed() {
    let mut place = Place::new();
    let (proofs, _published) = place.proofs().await;
    place.append(3).await;
    // A file where there has to be a folder: nothing can be stored.
    let folder = place.blob_folder();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "in the way").unwrap();
    assert_eq!(proofs.sign().await.unwrap().blob, None);

    let signed = Arc::new(Notify::new());
    let publisher = CheckpointPublisher {
        list: place.store(),
        blobs: Arc::new(place.blobs.clone()),
        bus: None,
        signed: Arc::clone(&signed),
    };
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(publisher.run(stopped));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(place.store().find(3).unwrap().unwrap().blob, None, "it cannot be stored");

    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    place.append(2).await;
    let second = proofs.sign().await.unwrap();
    signed.notify_one();
    let both = async {
        while place.store().all().unwrap().iter().any(|kept| kept.blob.is_none()) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, both).await.unwrap();
    let all = place.store().all().unwrap();
    assert_eq!((all[0].size(), &all[1], all.len()), (3, &second, 2));
    for kept in &all {
        let blob = place.blobs.load(kept.blob.unwrap()).await.unwrap();
        assert_eq!(String::from_utf8(blob).unwrap(), kept.signed.note.to_string());
    }
    stop.send_replace(true);
    timeout(PATIENCE, running).await.unwrap().unwrap();
    // The list goes on behind it.
    place.append(1).await;
    assert_eq!(proofs.sign().await.unwrap().previous, Some(5));
}

#[tokio::test]
async fn what_was_signed_last_is_stored_before_a_process_ends() {
    let mut place = Place::new();
    let (proofs, _published) = place.proofs().await;
    place.append(1).await;
    let folder = place.blob_folder();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "in the way").unwrap();
    assert_eq!(proofs.sign().await.unwrap().blob, None);
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    let publisher = CheckpointPublisher {
        list: place.store(),
        blobs: Arc::new(place.blobs.clone()),
        bus: None,
        signed: Arc::default(),
    };
    let (_stop, stopped) = watch::channel(true);
    timeout(PATIENCE, publisher.run(stopped)).await.unwrap();
    assert!(place.store().latest().unwrap().unwrap().blob.is_some());
}
