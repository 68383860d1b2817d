//! The file of the server's key.

use crate::world::World;
use scanledger_state::{KeyFileError, ServerKey};

#[test]
fn a_server_key_is_made_once_and_loads_as_it_was_made() {
    let world = World::in_a_file();
    let path = world.path("server.key");
    let before = std::fs::read_to_string(&path).unwrap();
    assert_eq!(before.len(), 65);
    assert!(before.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(matches!(ServerKey::create(&path), Err(KeyFileError::Exists)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    let missing = ServerKey::load(&world.path("none.key"));
    assert!(matches!(missing, Err(KeyFileError::Io { .. })));
}

#[cfg(unix)]
#[test]
fn a_server_key_that_others_may_touch_is_refused() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    let world = World::in_a_file();
    let path = world.path("server.key");
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    for open in [0o640, 0o604, 0o620, 0o601, 0o666] {
        std::fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
        let refused = ServerKey::load(&path);
        assert!(matches!(refused, Err(KeyFileError::OpenToOthers { mode }) if mode == open));
    }
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(ServerKey::load(&path).is_ok());
}

#[test]
fn what_is_no_server_key_is_refused() {
    let world = World::in_a_file();
    let path = world.path("server.key");
    let good = std::fs::read_to_string(&path).unwrap();
    let cases = [
        String::new(),
        good[..63].to_owned(),
        format!("{}0\n", good.trim_end()),
        format!("{good}{good}"),
        good.replacen(|_: char| true, "g", 1),
        format!(" {good}"),
    ];
    for case in cases {
        std::fs::write(&path, &case).unwrap();
        assert!(matches!(ServerKey::load(&path), Err(KeyFileError::Malformed)), "{case:?}");
    }
    for case in [good.trim_end().to_owned(), good.to_uppercase(), format!("{}\r\n", good.trim_end())] {
        std::fs::write(&path, &case).unwrap();
        assert!(ServerKey::load(&path).is_ok(), "{case:?}");
    }
}
