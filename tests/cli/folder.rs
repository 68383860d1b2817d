//! Which folders are taken for data, and what is left alone in them.

use crate::shell::Place;
use std::path::Path;

const SETUP: [&str; 5] = ["setup", "--organization", "Acme", "--email", "ana@acme.example"];

fn put(path: &Path) {
    std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder can be made");
    std::fs::write(path, b"of somebody else").expect("a file can be written");
}

/// Everything in a folder, whatever it is.
fn all_of(folder: &Path) -> Vec<String> {
    let mut all = vec![];
    for entry in std::fs::read_dir(folder).expect("a folder can be read").flatten() {
        if entry.path().is_dir() {
            all.extend(all_of(&entry.path()));
        }
        all.push(entry.path().display().to_string());
    }
    all.sort();
    all
}

#[test]
fn a_folder_of_somebody_else_is_neither_taken_nor_touched() {
    let place = Place::new();
    for file in ["Cargo.toml", "tmp/cache/precious", "tmp/uploads/photo.jpg"] {
        put(&place.data().join(file));
    }
    let before = all_of(&place.data());
    let data = place.data().display().to_string();
    let listen = ["--listen", "127.0.0.1:0"];
    for arguments in [
        &SETUP[..],
        &[&["serve"][..], &listen].concat(),
        &[&["demo", "--exit", "--data", &data][..], &listen].concat(),
    ] {
        let why = place.run(arguments).fails(4);
        assert!(why.contains("is no data folder of Scanledger") && why.contains("--data"), "{why}");
        assert_eq!(all_of(&place.data()), before, "{arguments:?}");
    }
}

#[test]
fn what_every_file_system_or_editor_leaves_is_in_nobodys_way() {
    let place = Place::new();
    for file in [".DS_Store", "lost+found/0"] {
        put(&place.data().join(file));
    }
    place.run(&SETUP).done();
    place.run(&["verify"]).done();
}

#[test]
fn a_server_removes_its_own_temporary_files_and_no_others() {
    let place = Place::set_up();
    let temporary = place.data().join("tmp");
    let ours = ["uploads/upload-AbCdEf", "scans/scan-0123-AbCdEf/archive", ".tmpAbCdEf/views.db"];
    let theirs = ["notes.txt", "uploads/photo.jpg"];
    for file in ours.iter().chain(&theirs) {
        put(&temporary.join(file));
    }
    let server = place.serve();
    assert_eq!(server.end("TERM").code(), Some(0));
    assert!(ours.iter().all(|file| !temporary.join(file).exists()), "{:?}", all_of(&temporary));
    assert!(theirs.iter().all(|file| temporary.join(file).exists()), "{:?}", all_of(&temporary));
}
