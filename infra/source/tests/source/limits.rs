//! How much an archive may hold, at the edge of every limit.

use crate::archives::{Bench, assert_fault, gzip, tar_of, zip_of};
use scanledger_source::{EntryFault, UnpackError, UnpackLimits};

#[test]
fn content_may_have_exactly_the_limit() {
    let limits = UnpackLimits { bytes: 100, ..UnpackLimits::default() };
    let with = |bytes: usize| {
        let content = vec![b'x'; bytes];
        [
            tar_of(&[("a", b'0', &content)]),
            gzip(&tar_of(&[("a", b'0', &content)])),
            zip_of(&[("a", &content)]),
        ]
    };
    for archive in with(100) {
        assert_eq!(Bench::new().unpack_with(&archive, &limits).unwrap().bytes, 100);
    }
    for archive in with(101) {
        let error = Bench::new().unpack_with(&archive, &limits).unwrap_err();
        assert!(matches!(error, UnpackError::TooManyBytes { limit: 100, .. }), "{error}");
        assert!(error.to_string().ends_with("100 bytes with the entry \"a\""), "{error}");
    }
}

#[test]
fn the_limit_holds_over_all_entries_and_for_those_left_out() {
    let limits = UnpackLimits { bytes: 100, ..UnpackLimits::default() };
    let archive = tar_of(&[("a", b'0', &[b'x'; 60]), ("pipe", b'6', &[b'x'; 41])]);
    let error = Bench::new().unpack_with(&archive, &limits).unwrap_err();
    assert!(matches!(error, UnpackError::TooManyBytes { limit: 100, .. }), "{error}");
    assert!(error.to_string().ends_with("with the entry \"pipe\""), "{error}");
}

#[test]
fn an_archive_may_have_exactly_as_many_entries_as_the_limit() {
    let limits = UnpackLimits { entries: 3, ..UnpackLimits::default() };
    let names = ["a", "b", "c", "d"];
    for (count, fits) in [(3, true), (4, false)] {
        let tar: Vec<_> = names[..count].iter().map(|name| (*name, b'0', &b""[..])).collect();
        let zip: Vec<_> = names[..count].iter().map(|name| (*name, &b""[..])).collect();
        for archive in [tar_of(&tar), zip_of(&zip)] {
            let result = Bench::new().unpack_with(&archive, &limits);
            assert_eq!(result.is_ok(), fits);
            assert!(fits || matches!(result, Err(UnpackError::TooManyEntries { limit: 3 })));
        }
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_beyond_the_free_bytes() {
    let limits = UnpackLimits { ratio: 10, ratio_free_bytes: 10_000, ..UnpackLimits::default() };
    let with = |bytes: usize| {
        let content = vec![0; bytes];
        [gzip(&tar_of(&[("a", b'0', &content)])), zip_of(&[("a", &content)])]
    };
    for archive in with(10_000) {
        assert!(archive.len() * 10 < 10_000, "the ratio would be exceeded without the free bytes");
        Bench::new().unpack_with(&archive, &limits).unwrap();
    }
    for archive in with(10_001) {
        let error = Bench::new().unpack_with(&archive, &limits).unwrap_err();
        assert!(matches!(error, UnpackError::RatioTooHigh { limit: 10, .. }), "{error}");
    }
}

#[test]
fn the_products_limits_stop_a_real_bomb() {
    let archive = gzip(&tar_of(&[("zeros", b'0', &vec![0; 17 * 1024 * 1024])]));
    assert!(archive.len() < 100_000);
    let error = Bench::new().unpack(&archive).unwrap_err();
    assert!(matches!(error, UnpackError::RatioTooHigh { limit: 100, .. }), "{error}");
    assert!(error.to_string().ends_with("its own size with the entry \"zeros\""), "{error}");
}

#[test]
fn a_header_that_never_ends_is_refused() {
    let archive = tar_of(&[("name", b'L', &vec![b'a'; 64 * 1024 + 1]), ("file", b'0', b"")]);
    assert_fault(&Bench::new().unpack(&archive), EntryFault::HeaderTooLong);
}

#[test]
fn what_follows_the_last_entry_is_not_endless() {
    let limits = UnpackLimits { bytes: 1000, entries: 1, ..UnpackLimits::default() };
    let mut archive = tar_of(&[("file", b'0', b"x")]);
    archive.resize(4 * 1024 * 1024, 0);
    let error = Bench::new().unpack_with(&gzip(&archive), &limits).unwrap_err();
    assert!(matches!(error, UnpackError::TooManyBytes { .. }), "{error}");
}
