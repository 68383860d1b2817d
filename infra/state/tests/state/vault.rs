//! What the vault promises of personal data and of its keys.

use crate::world::{World, reason, refusal, subject};
use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
use scanledger_state::{ERASURE_DELAY, KeyVault, SealError, ServerKey, Unusable};
use std::sync::Barrier;
use std::time::{Duration, Instant};

on_both! {
    what_was_sealed_opens_also_after_a_restart,
    an_erased_subject_is_forgotten_and_nobody_else,
    who_is_erased_by_another_process_is_forgotten_here_in_time,
    a_subject_has_one_key_however_many_make_it,
    nobody_gets_a_key_while_being_erased,
    a_wrapped_key_cannot_be_given_to_another_subject,
    hashes_differ_by_purpose_and_installation_and_survive_a_restart,
    the_signing_seed_is_the_same_for_ever_and_nobody_elses,
    a_store_under_another_server_key_is_refused_and_left_alone,
    first_openers_at_the_same_time_make_one_store,
}

fn what_was_sealed_opens_also_after_a_restart(world: &World) {
    let texts = ["ana@example.org", "", "Zoë 😀\n\u{0}"];
    let state = world.open();
    let sealed = texts.map(|text| state.vault.seal(subject(1), text).unwrap());
    drop(state);
    let state = world.open();
    for (text, sealed) in texts.iter().zip(&sealed) {
        assert_eq!(state.vault.open(sealed).unwrap().as_deref(), Some(*text));
    }
}

fn an_erased_subject_is_forgotten_and_nobody_else(world: &World) {
    let vault = world.open().vault;
    let [ana, bo] = [1, 2].map(|number| vault.seal(subject(number), "text").unwrap());
    vault.erase(subject(1)).unwrap();
    vault.erase(subject(1)).unwrap();
    vault.erase(subject(9)).unwrap();
    vault.erase(subject(3)).unwrap();
    for vault in [vault, world.open().vault] {
        assert_eq!(vault.open(&ana).unwrap(), None);
        assert_eq!(vault.open(&bo).unwrap().as_deref(), Some("text"));
        for number in [1, 9, 3] {
            let refused = vault.seal(subject(number), "text").unwrap_err();
            assert!(matches!(refused, VaultError::Erased), "{refused:?}");
        }
        assert_eq!(vault.erased().unwrap(), [1, 9, 3].map(subject));
    }
    assert_eq!(world.number("SELECT count(*) FROM subject_key"), 1);
}

fn who_is_erased_by_another_process_is_forgotten_here_in_time(world: &World) {
    let [here, there] = [world.open().vault, world.open().vault];
    let sealed = here.seal(subject(1), "text").unwrap();
    assert_eq!(there.open(&sealed).unwrap().as_deref(), Some("text"));
    there.erase(subject(1)).unwrap();
    let erased = Instant::now();
    if world.is_in_a_file() {
        assert_eq!(here.open(&sealed).unwrap(), None);
    }
    while here.open(&sealed).unwrap().is_some() {
        assert!(
            erased.elapsed() < ERASURE_DELAY + Duration::from_millis(200),
            "the key is used for too long"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let refused = here.seal(subject(1), "text").unwrap_err();
    assert!(matches!(refused, VaultError::Erased), "{refused:?}");
}

fn a_subject_has_one_key_however_many_make_it(world: &World) {
    let states: Vec<_> = (0..4).map(|_| world.open()).collect();
    let start = Barrier::new(states.len());
    let sealed = std::thread::scope(|scope| {
        let sealers: Vec<_> = states
            .iter()
            .map(|state| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    [1, 2, 3].map(|number| state.vault.seal(subject(number), "text").unwrap())
                })
            })
            .collect();
        sealers.into_iter().flat_map(|sealer| sealer.join().unwrap()).collect::<Vec<_>>()
    });
    let vault = world.open().vault;
    for sealed in sealed {
        assert_eq!(vault.open(&sealed).unwrap().as_deref(), Some("text"));
    }
    assert_eq!(world.number("SELECT count(*) FROM subject_key"), 3);
}

fn nobody_gets_a_key_while_being_erased(world: &World) {
    const SUBJECTS: u128 = 100;
    let [sealing, erasing] = [world.open().vault, world.open().vault];
    let start = Barrier::new(2);
    for number in 0..SUBJECTS {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                if let Err(error) = sealing.seal(subject(number), "text") {
                    assert!(matches!(error, VaultError::Erased), "{error:?}");
                }
            });
            start.wait();
            erasing.erase(subject(number)).unwrap();
        });
    }
    assert_eq!(world.number("SELECT count(*) FROM subject_key"), 0);
    assert_eq!(world.number("SELECT count(*) FROM erased_subject"), SUBJECTS as i64);
}

fn a_wrapped_key_cannot_be_given_to_another_subject(world: &World) {
    let vault = world.open().vault;
    vault.seal(subject(1), "ana").unwrap();
    let sealed = vault.seal(subject(2), "bo").unwrap();
    drop(vault);
    world.execute(
        "UPDATE subject_key SET wrapped = (SELECT wrapped FROM subject_key ORDER BY subject LIMIT 1)",
    );
    let error = world.open().vault.open(&sealed).unwrap_err();
    assert_eq!(reason::<SealError>(&error), SealError::Tampered);
}

fn hashes(vault: &KeyVault) -> [Vec<u8>; 5] {
    [
        HashPurpose::Claim,
        HashPurpose::Secret,
        HashPurpose::LeakedSecret,
        HashPurpose::Token,
        HashPurpose::Check,
    ]
    .map(|purpose| vault.hash(purpose, b"AKIA0123456789"))
}

fn hashes_differ_by_purpose_and_installation_and_survive_a_restart(world: &World) {
    let ours = hashes(&world.open().vault);
    assert_eq!(ours, hashes(&world.open().vault));
    let theirs = hashes(&world.sibling().open().vault);
    assert_eq!(ours.each_ref().map(Vec::len), [32, 48, 32, 32, 32]);
    for (number, hash) in ours.iter().enumerate() {
        let others = ours.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, hash)| hash);
        assert!(others.chain(&theirs).all(|other| other[..32] != hash[..32]));
    }
}

fn the_signing_seed_is_the_same_for_ever_and_nobody_elses(world: &World) {
    let seed = world.open().vault.signing_seed().unwrap();
    assert_eq!(world.open().vault.signing_seed().unwrap(), seed);
    assert_ne!(world.sibling().open().vault.signing_seed().unwrap(), seed);
    assert_ne!(*seed, [0; 32]);
}

fn a_store_under_another_server_key_is_refused_and_left_alone(world: &World) {
    let sealed = world.open().vault.seal(subject(1), "text").unwrap();
    let stranger = ServerKey::create(&world.path("other.key")).unwrap();
    let refused = refusal(world.try_open(&stranger));
    assert_eq!(refused, Unusable::OtherServerKey);
    assert_eq!(refused.to_string(), "the state store belongs to another server key");
    assert_eq!(world.open().vault.open(&sealed).unwrap().as_deref(), Some("text"));
}

fn first_openers_at_the_same_time_make_one_store(world: &World) {
    let start = Barrier::new(4);
    let key = world.key();
    let target = world.target();
    let seeds = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4)
            .map(|_| {
                let (start, key, target) = (&start, &key, &target);
                scope.spawn(move || {
                    start.wait();
                    target.open(key).unwrap().vault.signing_seed().unwrap()
                })
            })
            .collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(seeds.iter().all(|seed| *seed == seeds[0]));
}

#[test]
fn a_sealed_text_names_its_form_and_subject_and_hides_the_rest() {
    let vault = World::in_a_file().open().vault;
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
    let vault = World::in_a_file().open().vault;
    vault.seal(subject(2), "bo").unwrap();
    let sealed = vault.seal(subject(1), "ana").unwrap().0;
    let moved = sealed.replacen(&subject(1).0.simple().to_string(), &subject(2).0.simple().to_string(), 1);
    assert_eq!(reason::<SealError>(&vault.open(&Sealed(moved)).unwrap_err()), SealError::Tampered);
}

#[test]
fn what_is_no_sealed_text_is_refused() {
    let vault = World::in_a_file().open().vault;
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
        let refused = reason::<SealError>(&vault.open(&Sealed(case.clone())).unwrap_err());
        assert!(matches!(refused, SealError::Malformed | SealError::Tampered), "{case}: {refused}");
    }
    let foreign = Sealed(sealed.replacen("01.", "02.", 1));
    assert_eq!(reason::<SealError>(&vault.open(&foreign).unwrap_err()), SealError::NoKey);
}

#[test]
fn more_subjects_than_are_remembered_keep_their_keys() {
    /// More than the 4,096 keys that the vault keeps in memory.
    const SUBJECTS: u128 = 4_100;
    let vault = World::in_a_file().open().vault;
    let sealed: Vec<_> =
        (0..SUBJECTS).map(|number| vault.seal(subject(number), &number.to_string()).unwrap()).collect();
    for (number, sealed) in sealed.iter().enumerate() {
        assert_eq!(vault.open(sealed).unwrap(), Some(number.to_string()));
    }
}
