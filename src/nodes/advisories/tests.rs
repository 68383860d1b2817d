//! What is in force on nodes when imports fail half-way, and when what a node has is not what the log says.

use super::AdvisoryFollower;
use crate::adapters::TimeOrderedIds;
use crate::data::DataFolder;
use crate::nodes::import_advisories;
use crate::place::LogPlace;
use crate::server::{BlobPlace, Engine};
use anyhow::Result;
use scanledger_advisories::{AdvisoryStore, ImportReport};
use scanledger_commands::Context;
use scanledger_domain::advisory::{
    Advisories, AdvisoryIndex, Generation, Import, ImportedFile, advisories_stream,
};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::id::{CommandId, Ids};
use scanledger_domain::log::{Actor, Version};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Handle;

/// A node that imports, and its folder.
struct World {
    folder: TempDir,
    engine: Engine,
}

/// Another node on the same log.
struct Other {
    _folder: TempDir,
    store: Arc<AdvisoryStore>,
    follower: AdvisoryFollower,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        let engine = Engine::open(data, &LogPlace::Folder, &BlobPlace::Folder).await.unwrap();
        Self { folder, engine }
    }

    /// A file with a record of this id about left-pad.
    fn source(&self, id: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{id}.json"));
        let ranges = json!([{"type": "SEMVER", "events": [{"introduced": "0"}]}]);
        let affected = json!([{"package": {"ecosystem": "npm", "name": "left-pad"}, "ranges": ranges}]);
        let record = json!({"id": id, "modified": "2024-05-01T00:00:00Z", "affected": affected});
        fs::write(&path, record.to_string()).unwrap();
        path
    }

    async fn import(&self, id: &str) -> Result<ImportReport> {
        import_advisories(&self.engine, &context(), vec![self.source(id)], Arc::new(|_| ())).await
    }

    /// How many imports the log has.
    async fn recorded(&self) -> usize {
        let log = self.engine.event_log();
        log.read_stream(&advisories_stream(), Version::NONE, 100).await.unwrap().len()
    }

    /// A node over `store`, which was in `folder` before.
    fn other(&self, folder: TempDir) -> Other {
        let store = Arc::new(AdvisoryStore::open(&folder.path().join("advisories.db")).unwrap());
        let (log, blobs) = (self.engine.event_log(), Arc::clone(&self.engine.blobs));
        let temporary = folder.path().join("tmp");
        let follower = AdvisoryFollower::new(log, Arc::clone(&store), blobs, temporary);
        Other { _folder: folder, store, follower }
    }

    fn new_node(&self) -> Other {
        self.other(tempfile::tempdir().unwrap())
    }

    fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }
}

fn context() -> Context {
    Context::new(CommandId(TimeOrderedIds.fresh()), Actor::Operator, None)
}

/// The generation, and the records about left-pad.
fn in_force(store: &AdvisoryStore) -> (u64, Vec<String>) {
    let matches = store.matches(&Package::new(Ecosystem::Npm, "left-pad"), "1.0.0").unwrap();
    let generation = store.generation().unwrap_or(Generation(0)).0;
    (generation, matches.into_iter().map(|found| found.id).collect())
}

fn ids(generation: u64, ids: &[&str]) -> (u64, Vec<String>) {
    (generation, ids.iter().map(|id| (*id).to_owned()).collect())
}

#[tokio::test]
async fn an_import_whose_files_cannot_be_stored_changes_nothing_and_can_be_repeated() {
    let world = World::new().await;
    world.import("A-1").await.unwrap();
    // A file where there has to be a folder: nothing can be stored.
    let aside = world.folder.path().join("aside");
    fs::rename(world.blobs(), &aside).unwrap();
    fs::write(world.blobs(), "in the way").unwrap();
    let failed = world.import("B-1").await.unwrap_err();
    assert!(format!("{failed:#}").contains("while storing a source"), "{failed:#}");
    assert_eq!(in_force(&world.engine.advisories), ids(1, &["A-1"]));
    assert_eq!(world.recorded().await, 1);
    fs::remove_file(world.blobs()).unwrap();
    fs::rename(&aside, world.blobs()).unwrap();
    // Nothing has taken the number of what failed.
    world.import("C-1").await.unwrap();
    assert_eq!(world.import("B-1").await.unwrap().generation, Generation(3));
    let other = world.new_node();
    other.follower.catch_up().await.unwrap();
    for store in [&world.engine.advisories, &other.store] {
        assert_eq!(in_force(store), ids(3, &["A-1", "B-1", "C-1"]));
    }
}

#[tokio::test]
async fn a_node_that_dies_between_the_event_and_its_commit_catches_up_with_the_log() {
    let world = World::new().await;
    world.import("A-1").await.unwrap();
    let (store, ledger) = (Arc::clone(&world.engine.advisories), world.engine.ledger.clone());
    let (blobs, runtime, sources) =
        (Arc::clone(&world.engine.blobs), Handle::current(), [world.source("B-1")]);
    let importing = tokio::task::spawn_blocking(move || {
        store.import_recorded(&sources, &|_| (), &mut |report| {
            runtime.block_on(async {
                let (blob, _) = blobs.put_file(sources[0].clone()).await?;
                let files = vec![ImportedFile { blob, ecosystems: vec![Ecosystem::Npm], records: 1 }];
                let import = Import { files, changed: 1, generation: report.generation };
                let stream = advisories_stream();
                ledger.execute::<Advisories>(&context(), &stream, None, import).await?;
                Err("it was killed here".into())
            })
        })
    });
    importing.await.unwrap().unwrap_err();
    assert_eq!((in_force(&world.engine.advisories), world.recorded().await), (ids(1, &["A-1"]), 2));
    world.engine.follower.catch_up().await.unwrap();
    assert_eq!(in_force(&world.engine.advisories), ids(2, &["A-1", "B-1"]));
}

#[tokio::test]
async fn what_a_node_imported_for_itself_gives_way_to_what_the_log_says() {
    let world = World::new().await;
    world.import("A-1").await.unwrap();
    let ahead = world.new_node();
    ahead.follower.catch_up().await.unwrap();
    // Versions before this one committed, and then told the log, which they did not live to do.
    ahead.store.import(&[world.source("P-1")], &|_| ()).unwrap();
    assert_eq!(in_force(&ahead.store), ids(2, &["A-1", "P-1"]));
    let Other { _folder: folder, store, follower } = ahead;
    drop((store, follower));
    let again = world.other(folder);
    again.follower.catch_up().await.unwrap();
    assert_eq!(in_force(&again.store), ids(1, &["A-1"]));
    world.import("B-1").await.unwrap();
    again.follower.catch_up().await.unwrap();
    assert_eq!(in_force(&again.store), ids(2, &["A-1", "B-1"]));
}

#[tokio::test]
async fn another_import_under_the_same_number_is_noticed() {
    let (world, former) = (World::new().await, World::new().await);
    for (place, imports) in [(&former, ["A-1", "X-1"]), (&world, ["A-1", "B-1"])] {
        for id in imports {
            place.import(id).await.unwrap();
        }
    }
    let node = former.new_node();
    node.follower.catch_up().await.unwrap();
    assert_eq!(in_force(&node.store), ids(2, &["A-1", "X-1"]));
    // Its log is put back to an earlier state, in which something else is imported next.
    let Other { _folder: folder, store, follower } = node;
    drop((store, follower));
    let node = world.other(folder);
    node.follower.catch_up().await.unwrap();
    assert_eq!(in_force(&node.store), ids(2, &["A-1", "B-1"]));
}

#[tokio::test]
async fn who_brings_new_advisories_does_not_need_the_old_ones_that_are_gone() {
    let world = World::new().await;
    world.import("A-1").await.unwrap();
    fs::remove_dir_all(world.blobs()).unwrap();
    fs::create_dir(world.blobs()).unwrap();
    let other = world.new_node();
    let stopped = other.follower.catch_up().await.unwrap_err();
    assert!(format!("{stopped:#}").contains("does not exist"), "{stopped:#}");
    assert_eq!(in_force(&other.store), ids(0, &[]));
    drop(other.follower.alone().await.unwrap());
    assert_eq!(in_force(&other.store), ids(1, &[]));
    world.import("B-1").await.unwrap();
    other.follower.catch_up().await.unwrap();
    assert_eq!(in_force(&other.store), ids(2, &["B-1"]));
}

#[tokio::test]
async fn whoever_needs_nothing_of_an_import_does_not_wait_for_it() {
    let world = World::new().await;
    world.import("A-1").await.unwrap();
    let other = world.new_node();
    other.follower.catch_up().await.unwrap();
    let importing = other.follower.alone().await.unwrap();
    other.follower.catch_up().await.unwrap();
    world.import("B-1").await.unwrap();
    let mut waiting = tokio::spawn({
        let follower = other.follower.clone();
        async move { follower.catch_up().await }
    });
    tokio::time::timeout(Duration::from_millis(200), &mut waiting).await.unwrap_err();
    assert_eq!(in_force(&other.store), ids(1, &["A-1"]));
    drop(importing);
    waiting.await.unwrap().unwrap();
    assert_eq!(in_force(&other.store), ids(2, &["A-1", "B-1"]));
}
