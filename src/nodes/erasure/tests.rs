//! Erasures that were interrupted, and who finishes them.

use super::Erasures;
use crate::adapters::TimeOrderedIds;
use crate::data::DataFolder;
use crate::operations::{KeyWanted, Operation, Outcome, Standing, Who, perform};
use crate::place::LogPlace;
use crate::server::{BlobPlace, Engine};
use scanledger_commands::Context;
use scanledger_commands::identity::SetUp;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::id::{CommandId, Ids, SubjectId, UserId};
use scanledger_domain::identity::{KeyKind, Role, User, UserCommand, UserErased, user_stream};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::vault::Vault;
use scanledger_projections::Shown;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

async fn open(root: &Path) -> Engine {
    let engine = Engine::open(DataFolder::new(root), &LogPlace::Folder, &BlobPlace::Folder).await.unwrap();
    engine.projector.catch_up().await.unwrap();
    engine
}

fn context() -> Context {
    Context::new(CommandId(TimeOrderedIds.fresh()), Actor::Operator, None)
}

/// A folder whose log says that Ana is to be forgotten, as a process leaves it that died right after that.
async fn interrupted(root: &Path) -> UserId {
    let engine = open(root).await;
    let request = SetUp {
        organization: "Acme".to_owned(),
        name: "Ana Lopez".to_owned(),
        email: "ana@acme.example".to_owned(),
        password: None,
        key_name: "setup".to_owned(),
    };
    let done = engine.identities.set_up(&context(), request).await.unwrap();
    engine.projector.catch_up().await.unwrap();
    let hers = KeyWanted {
        kind: KeyKind::Personal,
        person: Some(Who::Id(done.user)),
        ..KeyWanted::new("hers", Role::Admin)
    };
    perform(&engine, Operation::CreateKey(hers), Arc::new(|_| ())).await.unwrap();
    let context = Context { organization: Some(done.organization), ..context() };
    let erase = UserCommand::Erase { keys: [].into(), marks: [].into() };
    engine.ledger.execute::<User>(&context, &user_stream(done.user), None, erase).await.unwrap();
    engine.close().await.unwrap();
    done.user
}

fn is_readable(engine: &Engine, user: UserId) -> bool {
    let subject = SubjectId(user.0);
    !engine.state.vault.erased().unwrap().contains(&subject)
}

/// Of the only person.
async fn standing(engine: &Engine) -> Standing {
    let done = perform(engine, Operation::ListPeople, Arc::new(|_| ())).await.unwrap();
    let Outcome::People { people } = done else { panic!("it is another outcome") };
    assert_eq!(people.len(), 1);
    people[0].standing
}

async fn name(engine: &Engine, user: UserId) -> Option<String> {
    let people = engine.projector.views().people(vec![user]).await.unwrap();
    engine.state.vault.open(&people[&user].name).unwrap()
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_after_its_event_is_finished_by_whoever_opens_the_folder_next() {
    let folder = tempfile::tempdir().unwrap();
    let ana = interrupted(folder.path()).await;
    let engine = open(folder.path()).await;
    assert_eq!(name(&engine, ana).await.as_deref(), Some("Ana Lopez"));
    assert_eq!(standing(&engine).await, Standing::BeingErased);
    let erasures = Erasures::new(&engine);
    assert_eq!(erasures.views_files(), 1);
    assert_eq!(erasures.catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
    assert!(!is_readable(&engine, ana));
    assert_eq!(name(&engine, ana).await, None);
    assert_eq!(standing(&engine).await, Standing::Erased);
    assert_eq!(erasures.views_files(), 1);
    // Her API keys ended with her.
    engine.projector.catch_up().await.unwrap();
    let views = engine.projector.views();
    let organization = views.organizations().await.unwrap()[0].0;
    let keys = views.keys(organization).await.unwrap();
    assert_eq!(keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["setup"]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn somebody_is_erased_whose_events_could_not_be_applied() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let request = SetUp {
        organization: "Acme".to_owned(),
        name: "Ana Lopez".to_owned(),
        email: "ana@acme.example".to_owned(),
        password: None,
        key_name: "setup".to_owned(),
    };
    let ana = engine.identities.set_up(&context(), request).await.unwrap().user;
    engine.projector.catch_up().await.unwrap();
    engine.close().await.unwrap();
    drop(engine);
    // As if one of them had been.
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let is_views = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("views-") && name.ends_with(".db")
    };
    let files: Vec<_> = files.filter(|path| is_views(path)).collect();
    let [file] = &files[..] else { panic!("there is one file") };
    let parked = "INSERT INTO parked VALUES (1, ?1, 'user.registered', 'no reason')";
    rusqlite::Connection::open(file).unwrap().execute(parked, [user_stream(ana).as_str()]).unwrap();

    let engine = open(folder.path()).await;
    let context =
        Context { organization: engine.identities.first_organization().await.unwrap(), ..context() };
    let erase = UserCommand::Erase { keys: [].into(), marks: [].into() };
    engine.ledger.execute::<User>(&context, &user_stream(ana), None, erase).await.unwrap();
    engine.projector.catch_up().await.unwrap();
    let parked = engine.projector.views().parked(Some("user.erased")).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert!(is_readable(&engine, ana));
    assert_eq!(Erasures::new(&engine).catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
    assert!(!is_readable(&engine, ana));
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_is_finished_by_asking_again() {
    let folder = tempfile::tempdir().unwrap();
    let ana = interrupted(folder.path()).await;
    let engine = open(folder.path()).await;
    let before = engine.event_log().head().await.unwrap();
    let again = Operation::ErasePerson(ana.into());
    perform(&engine, again, Arc::new(|_| ())).await.unwrap();
    assert_eq!(standing(&engine).await, Standing::Erased);
    let since = engine.event_log().read_all(before, 10).await.unwrap();
    // What stood there is from before others' words were erased too, and her address could still be read.
    let kinds: Vec<_> = since.iter().map(|event| &*event.kind).collect();
    assert_eq!(kinds, ["user.erased", "apikey.revoked"]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_was_finished_is_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    interrupted(folder.path()).await;
    for due in [1, 0] {
        let engine = open(folder.path()).await;
        assert_eq!(Erasures::new(&engine).catch_up(Arc::new(|_, _| ())).await.unwrap(), due);
        engine.close().await.unwrap();
    }
}

/// The files of read models.
fn views(root: &Path) -> Vec<String> {
    let names = std::fs::read_dir(root).unwrap().flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    names.filter(|name| name.starts_with("views-") && name.ends_with(".db")).collect()
}

#[tokio::test]
async fn an_erasure_in_a_log_that_lost_a_later_one_leaves_no_read_models_from_before_it() {
    let folder = tempfile::tempdir().unwrap();
    interrupted(folder.path()).await;
    let engine = open(folder.path()).await;
    let erasures = Erasures::new(&engine);
    // As this process remembers one that the log has lost since.
    let history = engine.projector.views().shown().history + 1;
    *erasures.built.lock() = Shown { history, position: Position(1_000) };
    let before = views(folder.path());
    assert_eq!(erasures.catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
    let built = views(folder.path());
    assert!(built.len() == 1 && built != before, "{before:?} {built:?}");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_blob_store_that_keeps_a_copy_is_in_the_way_of_no_other_part() {
    let folder = tempfile::tempdir().unwrap();
    interrupted(folder.path()).await;
    let engine = open(folder.path()).await;
    let erasures = Erasures::new(&engine);
    // A folder cannot be removed as a file is.
    let copy = BlobHash::of(b"views");
    assert!(erasures.copies.claim(copy, Position::START).await.unwrap());
    let name = copy.to_string();
    let in_the_way = engine.folder.blobs().join(&name[..2]).join(&name);
    std::fs::create_dir_all(&in_the_way).unwrap();
    let before = views(folder.path());
    let error = erasures.catch_up(Arc::new(|_, _| ())).await.unwrap_err();
    assert!(format!("{error:#}").contains("while removing a copy of read models"), "{error:#}");
    let built = views(folder.path());
    assert!(built.len() == 1 && built != before, "{before:?} {built:?}");
    assert_eq!(erasures.reached().await.unwrap(), Position::START);
    // What was done is not done again.
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(erasures.catch_up(Arc::new(|_, _| ())).await.unwrap(), 1);
    assert_eq!(views(folder.path()), built);
    assert!(erasures.reached().await.unwrap() > Position::START);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_node_that_follows_the_log_finishes_what_another_one_began() {
    let folder = tempfile::tempdir().unwrap();
    let ana = interrupted(folder.path()).await;
    let engine = open(folder.path()).await;
    let (stop, stopped) = watch::channel(false);
    let following = tokio::spawn(Erasures::new(&engine).run(stopped));
    let gone = async {
        while is_readable(&engine, ana) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
    stop.send_replace(true);
    following.await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test]
async fn many_erasures_are_all_found() {
    let folder = tempfile::tempdir().unwrap();
    let ana = interrupted(folder.path()).await;
    let engine = open(folder.path()).await;
    let organization = engine.projector.views().organizations().await.unwrap()[0].0;
    let further = 400;
    for _ in 0..further {
        let context = Context { organization: Some(organization), ..context() };
        let key = scanledger_domain::id::ApiKeyId(TimeOrderedIds.fresh());
        let erase = UserCommand::Erase { keys: [key].into(), marks: [].into() };
        let done = engine.ledger.execute::<User>(&context, &user_stream(ana), None, erase).await.unwrap();
        assert_eq!(done.events, [UserErased { user: ana, keys: [key].into(), marks: [].into() }.into()]);
    }
    engine.projector.catch_up().await.unwrap();
    assert_eq!(Erasures::new(&engine).catch_up(Arc::new(|_, _| ())).await.unwrap(), further + 1);
    assert_eq!(engine.state.vault.erased().unwrap().len(), further + 1);
    engine.close().await.unwrap();
}
