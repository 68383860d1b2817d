//! Which read models are shared, and who goes on with them.

use super::{Copies, Shared, Sharing, join, revision, try_parked};
use crate::adapters::TimeOrderedIds;
use crate::data::{DataFolder, node_id};
use crate::nodes::Erasures;
use crate::nodes::erasure::reached;
use crate::place::LogPlace;
use crate::server::{BlobPlace, Engine};
use scanledger_commands::Context;
use scanledger_commands::identity::SetUp;
use scanledger_domain::decider::Decider;
use scanledger_domain::finding::{Fingerprint, Triage, TriageCommand, TriageState, finding_stream};
use scanledger_domain::id::{CommandId, FindingId, Ids, OrganizationId, ProjectId, UserId};
use scanledger_domain::identity::{User, UserCommand, user_stream};
use scanledger_domain::log::{Actor, Position, StreamName};
use serde_json::{Value, json};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

/// What an engine has in `root`, with an organization and a person.
async fn engine(root: &Path) -> (Engine, OrganizationId, UserId) {
    let engine = Engine::open(DataFolder::new(root), &LogPlace::Folder, &BlobPlace::Folder).await.unwrap();
    let request = SetUp {
        organization: "Acme".to_owned(),
        name: "Ana Lopez".to_owned(),
        email: "ana@acme.example".to_owned(),
        password: None,
        key_name: "setup".to_owned(),
    };
    let done = engine.identities.set_up(&context(None), request).await.unwrap();
    engine.projector.catch_up().await.unwrap();
    (engine, done.organization, done.user)
}

fn context(organization: Option<OrganizationId>) -> Context {
    Context::new(CommandId(TimeOrderedIds.fresh()), Actor::Operator, organization)
}

fn sharing(engine: &Engine) -> Sharing {
    Sharing::new(engine, NonZeroU64::MIN)
}

fn copies(engine: &Engine) -> Copies {
    Copies::new(Arc::clone(&engine.state.checkpoints) as _, Arc::clone(&engine.blobs))
}

/// The list, as it is stored.
fn list(engine: &Engine) -> Value {
    let stored = engine.state.checkpoints.find("views/copies").unwrap();
    stored.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
}

/// Does something that is one event, and answers where that is.
async fn execute<D: Decider>(
    engine: &Engine,
    organization: OrganizationId,
    stream: StreamName,
    command: D::Command,
) -> Position {
    let context = context(Some(organization));
    let done = engine.ledger.execute::<D>(&context, &stream, None, command).await.unwrap();
    engine.projector.catch_up().await.unwrap();
    done.position.unwrap()
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_asked_less_often_and_leaves_nothing_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, organization, user) = engine(folder.path()).await;
    let (blobs, aside) = (engine.folder.blobs(), folder.path().join("aside"));
    std::fs::rename(&blobs, &aside).unwrap();
    // Nothing can be stored in a file.
    std::fs::write(&blobs, b"").unwrap();
    let (stop, stopped) = watch::channel(false);
    let sharing_goes_on = tokio::spawn(sharing(&engine).run(stopped));
    let withdrawn = async {
        while list(&engine)["removed"].as_array().is_none_or(Vec::is_empty) {
            assert!(!sharing_goes_on.is_finished());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, withdrawn).await.unwrap();
    let left = list(&engine);
    assert_eq!((&left["making"], &left["unwanted"], &left["copies"]), (&json!(null), &json!([]), &json!([])));
    // The same read models are not stored again while what was sent may still arrive.
    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::InVain);
    stop.send_replace(true);
    sharing_goes_on.await.unwrap().unwrap();

    std::fs::remove_file(&blobs).unwrap();
    std::fs::rename(&aside, &blobs).unwrap();
    execute::<User>(&engine, organization, user_stream(user), UserCommand::EndSessions).await;
    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::Done);
    let newest = copies(&engine).newest(revision()).await.unwrap().unwrap();
    assert_eq!(newest.copy.position, engine.projector.views().position());
    engine.close().await.unwrap();
}

/// Takes over what the engine shares, in a folder of its own.
async fn join_in(root: &Path, engine: &Engine) -> DataFolder {
    let folder = DataFolder::new(root);
    std::fs::create_dir(folder.root()).unwrap();
    let checkpoints = Arc::clone(&engine.state.checkpoints);
    let joined = join(&folder, checkpoints as _, Arc::clone(&engine.blobs)).await.unwrap();
    assert_eq!(joined, Some(engine.projector.views().position().0));
    folder
}

/// As after its database lost its last events: the copy ends with one that is not there.
#[tokio::test]
async fn a_copy_of_events_that_the_log_has_lost_is_taken_off_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, ..) = engine(folder.path()).await;
    let (sharing, copies) = (sharing(&engine), copies(&engine));
    sharing.share(&copies).await.unwrap();
    let shared = sharing.newest(&copies).await.unwrap().unwrap();
    let last = engine.event_log().read_all(Position(shared.position.0 - 1), 1).await.unwrap();
    assert_eq!(shared.event, Some(last[0].id), "it is kept while the log has its last event");

    let mut stored = list(&engine);
    stored["copies"][0]["event"] = json!(TimeOrderedIds.fresh());
    engine.state.checkpoints.put("views/copies", &serde_json::to_vec(&stored).unwrap()).unwrap();
    assert_eq!(sharing.newest(&copies).await.unwrap(), None);
    assert_eq!(copies.newest(revision()).await.unwrap(), None, "nor does a node start from it that joins");
    assert_eq!(list(&engine)["unwanted"], json!([shared.blob]));
    engine.close().await.unwrap();
}

/// A standby that stands in for its server may have less than it for a moment.
#[tokio::test]
async fn a_copy_that_ends_beyond_the_log_is_taken_off_the_list_at_the_second_look() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, ..) = engine(folder.path()).await;
    let (sharing, copies) = (sharing(&engine), copies(&engine));
    sharing.share(&copies).await.unwrap();
    let there = list(&engine);
    let mut beyond = there.clone();
    beyond["copies"][0]["position"] = json!(1_000_000);
    let store = |list: &Value| {
        engine.state.checkpoints.put("views/copies", &serde_json::to_vec(list).unwrap()).unwrap();
    };
    // The log has it again in between: then it counts anew.
    for stored in [&beyond, &there, &beyond] {
        store(stored);
        assert!(sharing.newest(&copies).await.unwrap().is_some());
        assert_eq!(list(&engine)["unwanted"], json!([]));
    }
    assert_eq!(sharing.newest(&copies).await.unwrap(), None);
    assert_eq!(list(&engine)["unwanted"], json!([there["copies"][0]["blob"]]));
    engine.close().await.unwrap();
}

/// As between the loss and the end of building them anew.
#[tokio::test]
async fn read_models_with_an_event_that_the_log_has_lost_are_not_shared() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, organization, user) = engine(folder.path()).await;
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_views = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("views-") && name.ends_with(".db")
    };
    let files: Vec<_> = files.filter(|path| is_views(path)).collect();
    let [file] = &files[..] else { panic!("there is one file") };
    let another = TimeOrderedIds.fresh().into_bytes();
    let lost =
        rusqlite::Connection::open(file).unwrap().execute("UPDATE checkpoint SET event = ?1", [another]);
    assert_eq!(lost.unwrap(), 1);
    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::InVain);
    assert_eq!(list(&engine), Value::Null, "nothing is noted, so nothing was stored");

    execute::<User>(&engine, organization, user_stream(user), UserCommand::EndSessions).await;
    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::Done);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn events_that_could_not_be_applied_are_tried_by_who_takes_over_the_read_models() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, organization, _) = engine(folder.path()).await;
    // Nobody has ever seen it.
    let finding = FindingId(TimeOrderedIds.fresh());
    let command = TriageCommand {
        finding,
        project: ProjectId(Uuid::nil()),
        fingerprint: Fingerprint([0; 16]),
        to: TriageState::Accepted,
        note: None,
    };
    execute::<Triage>(&engine, organization, finding_stream(finding), command).await;
    assert_eq!((engine.projector.health().parked, engine.projector.health().is_untried), (1, false));
    // One that was parked although nothing is wrong with it.
    let views = |folder: &DataFolder| {
        let files = std::fs::read_dir(folder.root()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "db"));
        files
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("views-"))
            .collect::<Vec<_>>()
    };
    let files = views(&engine.folder);
    let [file] = &files[..] else { panic!("there is one file") };
    let by_accident = "INSERT INTO parked VALUES (1, 'organization-1', 'organization.created', 'no reason')";
    rusqlite::Connection::open(file).unwrap().execute(by_accident, []).unwrap();

    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::Done);
    let joined = join_in(&folder.path().join("joined"), &engine).await;
    engine.close().await.unwrap();
    drop(engine);
    let copies = views(&joined);
    let [copy] = &copies[..] else { panic!("there is one file") };
    std::fs::rename(copy, file).unwrap();
    for is_new in [true, false] {
        let engine =
            Engine::open(DataFolder::new(folder.path()), &LogPlace::Folder, &BlobPlace::Folder).await;
        let engine = Arc::new(engine.unwrap());
        let health = || (engine.projector.health().parked, engine.projector.health().is_untried);
        assert_eq!(health(), if is_new { (2, true) } else { (1, false) });
        let (_stop, stopped) = watch::channel(false);
        try_parked(Arc::clone(&engine), stopped).await;
        assert_eq!(health(), (1, false));
        engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_built_after_an_erasure_is_not_built_again_by_who_takes_it_over() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, organization, user) = engine(folder.path()).await;
    let joins = async |name: &str| {
        let folder = DataFolder::new(folder.path().join(name));
        std::fs::create_dir(folder.root()).unwrap();
        for name in ["views-00000000bbbb-1.db", "views-00000000bbbb.prepared"] {
            std::fs::write(folder.root().join(name), b"").unwrap();
        }
        let checkpoints = Arc::clone(&engine.state.checkpoints);
        let joined = join(&folder, Arc::clone(&checkpoints) as _, Arc::clone(&engine.blobs)).await;
        let node = node_id(&folder, || TimeOrderedIds.fresh()).unwrap();
        let left = folder.root().join("views-00000000bbbb-1.db").exists();
        (joined.unwrap(), reached(&*checkpoints, node).unwrap(), left)
    };
    let head = |engine: &Engine| Some(engine.projector.views().position().0);
    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::Done);
    assert_eq!(joins("before").await, (head(&engine), Position::START, true));

    let erase = UserCommand::Erase { keys: [].into(), marks: [].into() };
    let erased = execute::<User>(&engine, organization, user_stream(user), erase).await;
    assert_eq!(Erasures::new(&engine).catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
    // There is none to take over yet.
    assert_eq!(joins("between").await, (None, Position::START, true));
    engine.projector.catch_up().await.unwrap();
    assert_eq!(sharing(&engine).share(&copies(&engine)).await.unwrap(), Shared::Done);
    // What other versions left there may have the person in it.
    assert_eq!(joins("after").await, (head(&engine), erased, false));
    engine.close().await.unwrap();
}
