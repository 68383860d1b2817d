//! What holds for any bytes at all.

use crate::archives::{Bench, gzip, tar_of, zip_of};
use proptest::prelude::{ProptestConfig, any, proptest};
use std::fs;
use std::path::Path;

fn assert_all_within(folder: &Path) {
    if !folder.exists() {
        return;
    }
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        assert!(kind.is_file() || kind.is_dir());
        if kind.is_dir() {
            assert_all_within(&entry.path());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn arbitrary_bytes_never_panic_and_write_nothing_outside(
        magic in 0..4_usize,
        noise in proptest::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let start: [&[u8]; 4] = [b"", b"PK\x03\x04", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &[0; 512]];
        let bench = Bench::new();
        let _ = bench.unpack(&[start[magic], &noise].concat());
        bench.assert_nothing_outside();
    }

    #[test]
    fn damaged_archives_never_panic_and_write_nothing_outside(
        which in 0..3_usize,
        damages in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let tar = tar_of(&[("a/b", b'0', b"content"), ("l", b'2', b""), ("n", b'L', b"long\0"), ("c", b'0', b"x")]);
        let mut archive = match which {
            0 => tar,
            1 => gzip(&tar),
            _ => zip_of(&[("a/b", b"content"), ("c", b"x")]),
        };
        for (at, byte) in damages {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        let bench = Bench::new();
        let _ = bench.unpack(&archive);
        bench.assert_nothing_outside();
        assert_all_within(&bench.destination());
    }

    #[test]
    fn tars_of_arbitrary_names_write_nothing_outside(
        entries in proptest::collection::vec(("[a./\\\\:]{1,12}", proptest::sample::select(vec![b'0', b'5', b'2', b'1'])), 1..6),
    ) {
        let entries: Vec<_> = entries.iter().map(|(name, kind)| (name.as_str(), *kind, &b"x"[..])).collect();
        let bench = Bench::new();
        let _ = bench.unpack(&tar_of(&entries));
        bench.assert_nothing_outside();
        assert_all_within(&bench.destination());
    }
}
