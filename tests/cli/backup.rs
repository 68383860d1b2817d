//! `backup` and `restore`.

use crate::people::{anas_place, make_project};
use crate::replay::demo;
use crate::shell::{Place, Ran};
use rusqlite::Connection;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Backs a place up into `backup.tar` and `keys.json` beside it.
fn back_up(place: &Place) -> Value {
    place.run(&["backup", "--out", "backup.tar", "--keys-out", "keys.json", "--json"]).json()
}

/// A place with the server's key of another one, and a backup of it beside.
fn with_backup_of(old: &Place) -> Place {
    let new = with_key_of(old);
    for file in ["backup.tar", "keys.json"] {
        std::fs::copy(old.beside(file), new.beside(file)).expect("a file can be copied");
    }
    new
}

fn with_key_of(old: &Place) -> Place {
    let new = Place::new();
    std::fs::create_dir(new.data()).expect("a folder can be made");
    std::fs::copy(old.data().join("server.key"), new.data().join("server.key"))
        .expect("a file can be copied");
    new
}

fn restore(place: &Place) -> Ran {
    place.run(&["restore", "backup.tar", "--keys", "keys.json", "--json"])
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder can be read").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Why a restore of what is beside `place` is refused; it leaves what was there.
fn refused(place: &Place) -> String {
    let there = || (names(&place.data()), names(&place.beside(".")));
    let before = there();
    let why = restore(place).fails(4);
    assert_eq!(there(), before, "{why}");
    why
}

#[test]
fn what_is_restored_is_verified_and_says_the_same_in_every_table() {
    let old = demo();
    old.run(&["audit", "checkpoint", "--now"]).done();
    let done = back_up(&old);
    assert!(done["checkpoints"].as_u64() > Some(0) && done["blobs"].as_u64() > Some(3), "{done}");
    let new = with_backup_of(&old);
    let restored = restore(&new).json();
    assert_eq!((&restored["position"], &restored["blobs"]), (&done["position"], &done["blobs"]));
    assert_eq!(new.run(&["export", "events"]).done(), old.run(&["export", "events"]).done());
    let [before, after] = [&old, &new].map(|place| place.run(&["verify", "--json"]).json());
    assert_eq!((&before["differences"], &after["differences"]), (&0.into(), &0.into()), "{after}");
    assert!(before["tables"].as_array().unwrap().len() > 20);
    for same in ["tables", "checkpoints", "signed", "position", "streams"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(new.run(&["audit", "key"]).done(), old.run(&["audit", "key"]).done());
    assert_eq!(new.run(&["people", "list"]).done(), old.run(&["people", "list"]).done());
    // Whose blobs these are is written by whoever removes some.
    let [before, after] = [&old, &new].map(|place| names(&place.data().join("blobs")));
    assert_eq!(after, before.into_iter().filter(|name| name != "owner").collect::<Vec<_>>());
    let left: Vec<_> = names(&new.data()).into_iter().filter(|name| name.starts_with("restoring-")).collect();
    assert_eq!(left, Vec::<String>::new());
    // It goes on: the checkpoint is signed with the same key, over the same log.
    new.run(&["key", "create", "--name", "later"]).done();
    new.run(&["audit", "checkpoint", "--now"]).done();
    new.run(&["verify"]).done();
}

#[test]
fn a_backup_is_for_its_owner_and_its_sums_are_those_of_sha256sum() {
    let place = demo();
    back_up(&place);
    let file = place.beside("backup.tar");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let unpacked = place.beside("unpacked");
    tar::Archive::new(std::fs::File::open(&file).unwrap()).unpack(&unpacked).unwrap();
    let checked = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&unpacked)
        .status();
    assert!(checked.unwrap().success());
    let manifest = std::fs::read_to_string(unpacked.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!((&manifest["format"], &manifest["version"]), (&"scanledger backup".into(), &1.into()));
    assert_eq!(names(&place.beside(".")), ["backup.tar", "data", "keys.json", "unpacked"]);
}

#[test]
fn a_server_goes_on_while_it_is_backed_up() {
    let (place, _, key) = anas_place();
    let server = place.serve();
    let done = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 0..40 {
                assert_eq!(make_project(&server, &key, &format!("project {number}")).0, 201);
            }
        });
        let done = back_up(&place);
        writing.join().unwrap();
        done
    });
    drop(server);
    let new = with_backup_of(&place);
    restore(&new).done();
    let events = place.run(&["export", "events", "--to", &done["position"].to_string()]).done();
    assert_eq!(new.run(&["export", "events"]).done(), events);
    assert_eq!(new.run(&["verify", "--json"]).json()["differences"], 0);
}

#[test]
fn without_blobs_they_are_only_listed() {
    let place = demo();
    let whole = back_up(&place);
    let out = ["backup", "--out", "small.tar", "--without-blobs", "--json"];
    let ran = place.run(&out);
    assert!(ran.err.contains("the keys are not in it"), "{}", ran.err);
    let listed = ran.json();
    assert_eq!(listed["blobs"], whole["blobs"]);
    assert!(listed["bytes"].as_u64() < whole["bytes"].as_u64());
    let new = with_backup_of(&place);
    std::fs::rename(place.beside("small.tar"), new.beside("backup.tar")).unwrap();
    assert_eq!(restore(&new).json()["blobs"], 0);
    assert_eq!(new.run(&["verify", "--json"]).json()["differences"], 0);
}

#[test]
fn who_was_erased_since_stays_erased_with_the_newest_keys() {
    let (old, user, _) = anas_place();
    back_up(&old);
    old.run(&["people", "erase", &user]).done();
    std::fs::remove_file(old.beside("keys.json")).unwrap();
    old.run(&["keys", "backup", "--out", "keys.json"]).done();
    let new = with_backup_of(&old);
    assert_eq!(restore(&new).json()["erased"], 2, "she, and what others say of her");
    assert!(!new.run(&["export", "events"]).done().contains("user.erased"));
    assert_eq!(new.run(&["people", "list"]).done(), format!("{user}  erased person\n"));
}

#[test]
fn who_was_erased_since_stays_erased_with_keys_of_the_same_day_where_it_is_known() {
    let (old, user, _) = anas_place();
    back_up(&old);
    old.run(&["people", "erase", &user]).done();
    let noted = old.data().join("blobs/erased");
    assert_eq!(
        (names(&noted).len(), noted.join(&user).exists()),
        (2, true),
        "she, and what others say of her"
    );
    let list = format!("{}\n", names(&noted).join("\n"));

    // Neither file of that day can know it.
    let new = with_backup_of(&old);
    assert_eq!(restore(&new).json()["erased"], 0);
    let blobs = format!("file://{}", old.data().join("blobs").display());
    for knows in [["--blobs", &blobs], ["--erased", "erased.txt"]] {
        let new = with_backup_of(&old);
        std::fs::write(new.beside("erased.txt"), &list).unwrap();
        let restore = ["restore", "backup.tar", "--keys", "keys.json", "--json"];
        assert_eq!(new.run(&[&restore[..], &knows].concat()).json()["erased"], 2, "{knows:?}");
        assert_eq!(new.run(&["people", "list"]).done(), format!("{user}  erased person\n"), "{knows:?}");
        // Whoever restores the same into its store knows it from then on.
        assert_eq!(new.data().join("blobs/erased").join(&user).exists(), knows[0] == "--erased");
    }
    let new = with_backup_of(&old);
    std::fs::write(new.beside("erased.txt"), "Ana\n").unwrap();
    let why = new.run(&["restore", "backup.tar", "--keys", "keys.json", "--erased", "erased.txt"]).fails(4);
    assert!(why.contains("line 1 of erased.txt: this is no id"), "{why}");
}

#[test]
fn whom_the_log_says_to_forget_gets_no_key_from_older_keys() {
    let (old, user, _) = anas_place();
    old.run(&["keys", "backup", "--out", "older.json"]).done();
    old.run(&["people", "erase", &user]).done();
    back_up(&old);
    std::fs::rename(old.beside("older.json"), old.beside("keys.json")).unwrap();
    let new = with_backup_of(&old);
    assert_eq!(restore(&new).json()["erased"], 2, "she, and what others say of her");
    assert_eq!(new.run(&["people", "list"]).done(), format!("{user}  erased person\n"));
}

#[test]
fn nothing_is_written_over() {
    let place = Place::set_up();
    back_up(&place);
    for out in ["backup.tar", "keys.json"] {
        let why = place.run(&["backup", "--out", "other.tar", "--keys-out", out]).fails(4);
        assert!(why.contains(&format!("{out} is there already")), "{why}");
        let why = place.run(&["backup", "--out", out]).fails(4);
        assert!(why.contains(&format!("{out} is there already")), "{why}");
    }
    let why = refused(&place);
    assert!(why.contains("is not empty") && why.contains("nothing is written over"), "{why}");
    assert_eq!(names(&place.beside(".")), ["backup.tar", "data", "keys.json"]);
}

#[test]
fn the_servers_key_has_to_be_there_and_to_be_the_one() {
    let old = Place::set_up();
    back_up(&old);
    let new = with_backup_of(&old);
    std::fs::remove_file(new.data().join("server.key")).unwrap();
    let why = refused(&new);
    assert!(why.contains("copy it to") && why.contains("--key-file"), "{why}");
    std::fs::remove_dir(new.data()).unwrap();
    restore(&new).fails(4);
    assert!(!new.data().exists());
    std::fs::create_dir(new.data()).expect("a folder can be made");
    std::fs::copy(Place::set_up().data().join("server.key"), new.data().join("server.key")).unwrap();
    let why = refused(&new);
    assert!(why.contains("another server key"), "{why}");
}

#[test]
fn the_servers_key_may_be_elsewhere() {
    let old = Place::set_up();
    back_up(&old);
    let new = with_backup_of(&old);
    std::fs::rename(new.data().join("server.key"), new.beside("elsewhere.key")).unwrap();
    let restore = ["restore", "backup.tar", "--keys", "keys.json", "--key-file", "elsewhere.key"];
    let said = new.run(&restore).done();
    assert!(said.starts_with("restored ") && !new.data().join("server.key").exists(), "{said}");
    new.run(&["verify", "--key-file", "elsewhere.key"]).done();
}

#[test]
fn keys_that_are_older_than_the_backup_are_refused() {
    let old = Place::set_up();
    back_up(&old);
    let new = with_backup_of(&old);
    let text = std::fs::read_to_string(old.beside("keys.json")).unwrap();
    let mut keys: Value = serde_json::from_str(&text).unwrap();
    // As they were before there was anybody.
    keys["subject_keys"] = Value::Array(vec![]);
    std::fs::write(new.beside("keys.json"), keys.to_string()).unwrap();
    let why = refused(&new);
    assert!(why.contains("are of another installation, or older than the backup"), "{why}");
    std::fs::write(new.beside("keys.json"), text).unwrap();
    restore(&new).done();
}

#[test]
fn the_keys_of_another_installation_are_refused() {
    let (old, other) = (Place::set_up(), Place::set_up());
    back_up(&old);
    back_up(&other);
    let new = with_backup_of(&old);
    std::fs::copy(other.beside("keys.json"), new.beside("keys.json")).unwrap();
    let why = refused(&new);
    assert!(why.contains("belongs to another server key"), "{why}");
}

#[test]
fn what_was_cut_off_or_altered_or_is_something_else_is_refused_and_leaves_nothing() {
    let old = demo();
    back_up(&old);
    let new = with_backup_of(&old);
    let whole = std::fs::read(old.beside("backup.tar")).unwrap();
    let put = |bytes: &[u8]| std::fs::write(new.beside("backup.tar"), bytes).unwrap();
    // Somewhere in each entry, and between them.
    for part in [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 99] {
        put(&whole[..whole.len() * part / 100]);
        let why = refused(&new);
        assert!(why.contains("backup.tar is damaged") || why.contains("is no backup"), "{part} %: {why}");
    }
    for part in [1, 10, 30, 50, 70, 90] {
        let mut altered = whole.clone();
        let at = whole.len() * part / 100;
        // Padding between entries is nothing that a backup says.
        let at = (at..).find(|at| whole[*at] != 0).unwrap();
        altered[at] ^= 1;
        put(&altered);
        let why = refused(&new);
        assert!(why.contains("backup.tar is damaged") || why.contains("is no backup"), "{part} %: {why}");
    }
    for foreign in [&b""[..], b"events", &std::fs::read(old.data().join("log.db")).unwrap()] {
        put(foreign);
        let why = refused(&new);
        assert!(why.contains("backup.tar is no backup of Scanledger"), "{why}");
    }
    put(&whole);
    let keys = std::fs::read(new.beside("keys.json")).unwrap();
    std::fs::write(new.beside("keys.json"), &keys[..keys.len() / 2]).unwrap();
    let why = refused(&new);
    assert!(why.contains("not a backup of keys"), "{why}");
    std::fs::write(new.beside("keys.json"), &keys).unwrap();
    restore(&new).done();
}

#[test]
fn what_a_restore_left_that_was_killed_is_in_nobodys_way() {
    let old = Place::set_up();
    back_up(&old);
    let new = with_backup_of(&old);
    // As it was before anything was moved to its place.
    let scratch = new.data().join("restoring-aBcDeF");
    std::fs::create_dir(&scratch).expect("a folder can be made");
    for file in [scratch.join("log.db"), scratch.join("state.db"), new.data().join("lock")] {
        std::fs::write(file, b"").expect("a file can be written");
    }
    restore(&new).done();
    assert!(!scratch.exists());
    new.run(&["verify"]).done();
}

#[test]
fn half_a_restore_is_not_served_and_begins_anew_in_an_emptied_folder() {
    let old = Place::set_up();
    back_up(&old);
    for left in [&["state.db"][..], &["state.db", "log.db"]] {
        let new = with_backup_of(&old);
        restore(&new).done();
        // As it was before these were moved to their places.
        let scratch = new.data().join("restoring-aBcDeF");
        std::fs::create_dir(&scratch).expect("a folder can be made");
        for file in left {
            std::fs::rename(new.data().join(file), scratch.join(file)).expect("a file can be moved");
        }
        let before = names(&new.data());
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "create", "--name", "mine"]] {
            let why = new.run(arguments).fails(4);
            // Without a log it looks like nothing to whoever asks for data first.
            let is_half = why.contains("empty the folder but for the server's key");
            let is_nothing = left.contains(&"log.db") && arguments[0] == "key" && why.contains("no data in");
            assert!(is_half || is_nothing, "{why}");
        }
        assert_eq!(names(&new.data()), before);
        let why = refused(&new);
        assert!(why.contains("empty the folder but for the server's key"), "{why}");
        for name in before.iter().filter(|name| *name != "server.key") {
            let path = new.data().join(name);
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
                .expect("what is in a folder can be removed");
        }
        restore(&new).done();
        assert_eq!(new.run(&["verify", "--json"]).json()["differences"], 0);
    }
}

#[test]
fn what_is_marked_as_half_a_restore_is_not_served() {
    let old = Place::set_up();
    back_up(&old);
    let new = with_backup_of(&old);
    restore(&new).done();
    let state = Connection::open(new.data().join("state.db")).unwrap();
    let begun = r#"{"log":"00000000-0000-0000-0000-000000000001","position":5}"#;
    let marked = state.execute(
        "UPDATE checkpoint SET value = CAST(?1 AS BLOB) WHERE name = 'restore/unfinished' AND value = x''",
        [begun],
    );
    assert_eq!(marked.unwrap(), 1);
    drop(state);
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "create", "--name", "mine"]] {
        let why = new.run(arguments).fails(4);
        assert!(why.contains("up to position 5 was begun here and did not end"), "{why}");
    }
}

#[test]
fn there_is_nothing_to_back_up_without_data() {
    let place = Place::new();
    assert!(place.run(&["backup", "--out", "backup.tar"]).fails(4).contains("there is no data in"));
    assert!(!place.data().exists() && !place.beside("backup.tar").exists());
}
