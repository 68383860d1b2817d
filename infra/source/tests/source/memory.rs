//! What stays in memory, and what goes into a folder instead.

use crate::archives::{Bench, files, gzip, tar_of, zip_of};
use scanledger_domain::limits::{SOURCE_MEMORY_BYTES, SOURCE_MEMORY_FILES};
use scanledger_domain::source::SourceTree;
use scanledger_source::UnpackLimits;

/// Four files of 100 bytes in all; with their paths and the folder's, 115.
const ENTRIES: [(&str, u8, &[u8]); 4] =
    [("app/a", b'0', &[b'a'; 50]), ("b", b'0', &[b'b'; 30]), ("app/c", b'0', b""), ("d", b'0', &[b'd'; 20])];
const BYTES: u64 = 100 + 5 + 1 + 5 + 1 + 3;

fn is_in_memory(tree: &SourceTree) -> bool {
    matches!(tree, SourceTree::Memory(_))
}

#[test]
fn a_tree_in_memory_touches_no_disk() {
    let bench = Bench::new();
    let tree = bench.unpack_within(&gzip(&tar_of(&ENTRIES)), &UnpackLimits::default());
    assert!(is_in_memory(&tree));
    assert!(!bench.destination().exists());
}

#[test]
fn contents_and_paths_may_have_exactly_the_limit_to_stay_in_memory() {
    for (memory_bytes, fits) in [(BYTES, true), (BYTES - 1, false)] {
        let limits = UnpackLimits { memory_bytes, ..UnpackLimits::default() };
        assert_eq!(is_in_memory(&Bench::new().unpack_within(&tar_of(&ENTRIES), &limits)), fits);
    }
}

#[test]
fn exactly_as_many_files_as_the_limit_stay_in_memory() {
    for (memory_files, fits) in [(4, true), (3, false)] {
        let limits = UnpackLimits { memory_files, ..UnpackLimits::default() };
        assert_eq!(is_in_memory(&Bench::new().unpack_within(&tar_of(&ENTRIES), &limits)), fits);
    }
}

#[test]
fn wherever_memory_ends_the_tree_is_the_same() {
    let twice = [&ENTRIES[..], &[("b", b'0', b"a later one"), ("empty/", b'5', b"")]].concat();
    let zip: Vec<_> = ENTRIES.iter().map(|(path, _, content)| (*path, *content)).collect();
    for archive in [tar_of(&ENTRIES), tar_of(&twice), zip_of(&zip)] {
        let whole = files(&Bench::new().unpack_within(&archive, &UnpackLimits::default()));
        for memory_bytes in 0..=BYTES + 20 {
            let bench = Bench::new();
            let limits = UnpackLimits { memory_bytes, ..UnpackLimits::default() };
            assert_eq!(files(&bench.unpack_within(&archive, &limits)), whole, "{memory_bytes} bytes");
            bench.assert_nothing_outside();
        }
        for memory_files in 0..4 {
            let limits = UnpackLimits { memory_files, ..UnpackLimits::default() };
            assert_eq!(files(&Bench::new().unpack_within(&archive, &limits)), whole, "{memory_files} files");
        }
    }
}

#[test]
fn a_file_that_outgrows_memory_while_it_is_read_is_whole() {
    // Larger than what is read at once.
    let content: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let archive = tar_of(&[("first", b'0', b"1"), ("large", b'0', &content), ("last", b'0', b"2")]);
    let bench = Bench::new();
    let limits = UnpackLimits { memory_bytes: 150_000, ..UnpackLimits::default() };
    let tree = bench.unpack_within(&archive, &limits);
    assert_eq!(tree, SourceTree::Folder(bench.destination()));
    assert_eq!(files(&tree)["large"], content);
    assert_eq!(files(&tree).len(), 3);
}

#[test]
fn what_was_replaced_still_counts() {
    let archive = tar_of(&[("f", b'0', &[b'1'; 60]), ("f", b'0', &[b'2'; 60])]);
    for (memory_bytes, fits) in [(121, true), (120, false)] {
        let limits = UnpackLimits { memory_bytes, ..UnpackLimits::default() };
        let tree = Bench::new().unpack_within(&archive, &limits);
        assert_eq!(is_in_memory(&tree), fits);
        let SourceTree::Memory(tree) = tree else { continue };
        assert_eq!(tree.files().collect::<Vec<_>>(), [("f", &[b'2'; 60][..])]);
    }
}

#[test]
fn the_limits_are_those_of_the_product() {
    let limits = UnpackLimits::default();
    assert_eq!((limits.memory_bytes, limits.memory_files), (SOURCE_MEMORY_BYTES, SOURCE_MEMORY_FILES));
}
