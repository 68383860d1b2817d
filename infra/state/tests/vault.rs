//! What the vault promises of personal data, of its keys, and of the file they are in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rusqlite::Connection;
use scanledger_domain::id::SubjectId;
use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
use scanledger_state::{KeyFileError, KeyVault, SealError, ServerKey, State, Unusable};
use std::path::PathBuf;
use std::sync::{Arc, Barrier};
use tempfile::TempDir;
use uuid::Uuid;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        ServerKey::create(&folder.key()).unwrap();
        folder
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("server.key")
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state.db")
    }

    fn open(&self) -> Arc<KeyVault> {
        State::open(&self.state(), &ServerKey::load(&self.key()).unwrap()).unwrap().vault
    }

    /// What the files of the store hold, as an intruder sees them.
    fn bytes(&self) -> Vec<u8> {
        let files = ["state.db", "state.db-wal"].map(|name| std::fs::read(self.0.path().join(name)));
        files.into_iter().flatten().flatten().collect()
    }
}

fn subject(number: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(number))
}

#[track_caller]
fn reason(error: &VaultError) -> SealError {
    *error.source.downcast_ref().unwrap_or_else(|| panic!("the text is at fault, not {error:?}"))
}

#[test]
fn what_was_sealed_opens_also_after_a_restart() {
    let folder = Folder::new();
    let vault = folder.open();
    let texts = ["ana@example.org", "", "Zoë 😀\n\u{0}"];
    let sealed = texts.map(|text| vault.seal(subject(1), text).unwrap());
    drop(vault);
    let vault = folder.open();
    for (text, sealed) in texts.iter().zip(&sealed) {
        assert_eq!(vault.open(sealed).unwrap().as_deref(), Some(*text));
    }
}

#[test]
fn a_sealed_text_names_its_form_and_subject_and_hides_the_rest() {
    let vault = Folder::new().open();
    let sealed = vault.seal(subject(0xa1), "ana@example.org").unwrap().0;
    let (head, body) = sealed.rsplit_once('.').unwrap();
    assert_eq!(head, "v1.000000000000000000000000000000a1");
    // 12 bytes of nonce, 15 of text and 16 of tag.
    assert_eq!(body.len(), (12_usize + 15 + 16).div_ceil(3) * 4 - 2);
    assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    let again = vault.seal(subject(0xa1), "ana@example.org").unwrap().0;
    assert_ne!(sealed, again, "equal texts do not look equal");
}

#[test]
fn a_text_does_not_open_under_another_subjects_name() {
    let vault = Folder::new().open();
    vault.seal(subject(2), "bo").unwrap();
    let sealed = vault.seal(subject(1), "ana").unwrap().0;
    let moved = sealed.replacen(&subject(1).0.simple().to_string(), &subject(2).0.simple().to_string(), 1);
    assert_eq!(reason(&vault.open(&Sealed(moved)).unwrap_err()), SealError::Tampered);
}

#[test]
fn what_is_no_sealed_text_is_refused() {
    let vault = Folder::new().open();
    let sealed = vault.seal(subject(1), "ana").unwrap().0;
    let cases = [
        String::new(),
        "ana@example.org".to_owned(),
        "v1.00000000000000000000000000000001.".to_owned(),
        "v1.00000000-0000-0000-0000-000000000001.AAAA".to_owned(),
        sealed.replacen("v1", "v2", 1),
        format!("{sealed}="),
        format!("{sealed}.x"),
        sealed[..sealed.len() - 40].to_owned(),
    ];
    for case in cases {
        let refused = reason(&vault.open(&Sealed(case.clone())).unwrap_err());
        assert!(matches!(refused, SealError::Malformed | SealError::Tampered), "{case}: {refused}");
    }
    let foreign = Sealed(sealed.replacen("01.", "02.", 1));
    assert_eq!(reason(&vault.open(&foreign).unwrap_err()), SealError::NoKey);
}

#[test]
fn an_erased_subject_is_forgotten_and_nobody_else() {
    let folder = Folder::new();
    let vault = folder.open();
    let [ana, bo] = [1, 2].map(|number| vault.seal(subject(number), "text").unwrap());
    vault.erase(subject(1)).unwrap();
    vault.erase(subject(1)).unwrap();
    vault.erase(subject(9)).unwrap();
    for vault in [vault, folder.open()] {
        assert_eq!(vault.open(&ana).unwrap(), None);
        assert_eq!(vault.open(&bo).unwrap().as_deref(), Some("text"));
        assert_eq!(reason(&vault.seal(subject(1), "text").unwrap_err()), SealError::Erased);
        assert_eq!(reason(&vault.seal(subject(9), "text").unwrap_err()), SealError::Erased);
        assert_eq!(vault.erased().unwrap(), [subject(1), subject(9)]);
    }
}

#[test]
fn an_erased_key_is_gone_from_the_files() {
    let folder = Folder::new();
    let vault = folder.open();
    vault.seal(subject(1), "text").unwrap();
    let wrapped: Vec<u8> = Connection::open(folder.state())
        .unwrap()
        .query_row("SELECT wrapped FROM subject_key", [], |row| row.get(0))
        .unwrap();
    let holds_key = || folder.bytes().windows(wrapped.len()).any(|bytes| bytes == wrapped);
    assert!(holds_key());
    vault.erase(subject(1)).unwrap();
    assert!(!holds_key());
}

#[test]
fn who_is_erased_by_another_process_is_forgotten_here_at_once() {
    let folder = Folder::new();
    let [server, command_line] = [folder.open(), folder.open()];
    let sealed = server.seal(subject(1), "text").unwrap();
    assert_eq!(command_line.open(&sealed).unwrap().as_deref(), Some("text"));
    command_line.erase(subject(1)).unwrap();
    assert_eq!(server.open(&sealed).unwrap(), None);
    assert_eq!(reason(&server.seal(subject(1), "text").unwrap_err()), SealError::Erased);
}

#[test]
fn a_subject_has_one_key_however_many_make_it() {
    let folder = Folder::new();
    let start = Barrier::new(4);
    let sealed = std::thread::scope(|scope| {
        let sealers: Vec<_> = (0..4)
            .map(|_| {
                let (vault, start) = (folder.open(), &start);
                scope.spawn(move || {
                    start.wait();
                    [1, 2, 3].map(|number| vault.seal(subject(number), "text").unwrap())
                })
            })
            .collect();
        sealers.into_iter().flat_map(|sealer| sealer.join().unwrap()).collect::<Vec<_>>()
    });
    let vault = folder.open();
    for sealed in sealed {
        assert_eq!(vault.open(&sealed).unwrap().as_deref(), Some("text"));
    }
}

#[test]
fn more_subjects_than_are_remembered_keep_their_keys() {
    /// More than the 4,096 keys that the vault keeps in memory.
    const SUBJECTS: u128 = 4_100;
    let vault = Folder::new().open();
    let sealed: Vec<_> =
        (0..SUBJECTS).map(|number| vault.seal(subject(number), &number.to_string()).unwrap()).collect();
    for (number, sealed) in sealed.iter().enumerate() {
        assert_eq!(vault.open(sealed).unwrap(), Some(number.to_string()));
    }
}

#[test]
fn a_wrapped_key_cannot_be_given_to_another_subject() {
    let folder = Folder::new();
    let vault = folder.open();
    vault.seal(subject(1), "ana").unwrap();
    let sealed = vault.seal(subject(2), "bo").unwrap();
    drop(vault);
    Connection::open(folder.state())
        .unwrap()
        .execute_batch(
            "UPDATE subject_key SET wrapped = (SELECT wrapped FROM subject_key ORDER BY subject LIMIT 1)",
        )
        .unwrap();
    assert_eq!(reason(&folder.open().open(&sealed).unwrap_err()), SealError::Tampered);
}

#[test]
fn hashes_differ_by_purpose_and_installation_and_survive_a_restart() {
    let [here, elsewhere] = [Folder::new(), Folder::new()];
    let hashes = |folder: &Folder| {
        let vault = folder.open();
        [HashPurpose::Claim, HashPurpose::Secret, HashPurpose::LeakedSecret]
            .map(|purpose| vault.hash(purpose, b"AKIA0123456789"))
    };
    let ours = hashes(&here);
    assert_eq!(ours, hashes(&here));
    let theirs = hashes(&elsewhere);
    assert_eq!(ours.each_ref().map(Vec::len), [32, 48, 32]);
    for (number, hash) in ours.iter().enumerate() {
        let others = ours.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, hash)| hash);
        assert!(others.chain(&theirs).all(|other| other[..32] != hash[..32]));
    }
}

#[test]
fn a_store_under_another_server_key_is_refused() {
    let folder = Folder::new();
    let sealed = folder.open().seal(subject(1), "text").unwrap();
    let stranger = ServerKey::create(&folder.0.path().join("other.key")).unwrap();
    let Err(error) = State::open(&folder.state(), &stranger) else { panic!("the key does not fit") };
    assert_eq!(error.source.downcast_ref(), Some(&Unusable::OtherServerKey));
    assert_eq!(error.source.to_string(), "the state store belongs to another server key");
    assert_eq!(folder.open().open(&sealed).unwrap().as_deref(), Some("text"));
}

#[test]
fn a_server_key_is_made_once_and_loads_as_it_was_made() {
    let folder = Folder::new();
    let before = std::fs::read_to_string(folder.key()).unwrap();
    assert_eq!(before.len(), 65);
    assert!(before.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(matches!(ServerKey::create(&folder.key()), Err(KeyFileError::Exists)));
    assert_eq!(std::fs::read_to_string(folder.key()).unwrap(), before);
    let missing = ServerKey::load(&folder.0.path().join("none.key"));
    assert!(matches!(missing, Err(KeyFileError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn a_server_key_that_others_may_touch_is_refused() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let mode = || std::fs::metadata(folder.key()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    for open in [0o640, 0o604, 0o620, 0o601, 0o666] {
        std::fs::set_permissions(folder.key(), Permissions::from_mode(open)).unwrap();
        let refused = ServerKey::load(&folder.key());
        assert!(matches!(refused, Err(KeyFileError::OpenToOthers { mode }) if mode == open));
    }
    std::fs::set_permissions(folder.key(), Permissions::from_mode(0o400)).unwrap();
    assert!(ServerKey::load(&folder.key()).is_ok());
}

#[test]
fn what_is_no_server_key_is_refused() {
    let folder = Folder::new();
    let good = std::fs::read_to_string(folder.key()).unwrap();
    let cases = [
        String::new(),
        good[..63].to_owned(),
        format!("{}0\n", good.trim_end()),
        format!("{good}{good}"),
        good.replacen(|_: char| true, "g", 1),
        format!(" {good}"),
    ];
    for case in cases {
        std::fs::write(folder.key(), &case).unwrap();
        assert!(matches!(ServerKey::load(&folder.key()), Err(KeyFileError::Malformed)), "{case:?}");
    }
    for case in [good.trim_end().to_owned(), good.to_uppercase(), format!("{}\r\n", good.trim_end())] {
        std::fs::write(folder.key(), &case).unwrap();
        assert!(ServerKey::load(&folder.key()).is_ok(), "{case:?}");
    }
}
