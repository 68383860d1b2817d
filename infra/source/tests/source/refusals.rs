//! Which archives are refused, and what is said about them.

use crate::archives::{Bench, assert_fault, gzip, raw_zip, tar_of, zip_of};
use scanledger_source::{EntryFault, UnpackError, UnpackLimits, unpack};
use std::fs;
use tempfile::TempDir;

#[test]
fn a_long_name_cannot_hide_an_escape() {
    for kind in [b'L', b'x'] {
        let description: &[u8] = if kind == b'L' { b"../evil\0" } else { b"16 path=../evil\n" };
        let bench = Bench::new();
        let archive = tar_of(&[("name", kind, description), ("harmless", b'0', b"!")]);
        assert_fault(&bench.unpack(&archive), EntryFault::ClimbsOut);
        bench.assert_nothing_outside();
    }
}

#[test]
fn paths_that_escape_are_refused_in_both_formats() {
    let cases = [
        ("../evil", EntryFault::ClimbsOut),
        ("a/../../evil", EntryFault::ClimbsOut),
        ("/evil", EntryFault::Absolute),
        ("C:/evil", EntryFault::DriveLetter),
        ("..\\evil", EntryFault::Backslash),
    ];
    for (name, fault) in cases {
        for archive in [tar_of(&[(name, b'0', b"!")]), gzip(&tar_of(&[(name, b'0', b"!")])), raw_zip(name)] {
            let bench = Bench::new();
            assert_fault(&bench.unpack(&archive), fault);
            bench.assert_nothing_outside();
        }
    }
}

#[test]
fn a_refusal_names_the_entry() {
    let error = Bench::new().unpack(&tar_of(&[("../e\nvil", b'0', b"!")])).unwrap_err();
    assert_eq!(error.to_string(), "the archive entry \"../e\\u{a}vil\" points outside of the archive");
}

#[test]
fn a_link_cannot_be_written_through() {
    let bench = Bench::new();
    let archive = tar_of(&[("out", b'2', b""), ("out/evil", b'0', b"!")]);
    bench.unpack(&archive).unwrap();
    assert_eq!(bench.read("out/evil"), "!");
    bench.assert_nothing_outside();
}

#[test]
fn a_link_that_stands_in_the_destination_is_not_followed() {
    let bench = Bench::new();
    fs::create_dir(bench.destination()).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", bench.destination().join("out")).unwrap();
    let archive = tempfile::NamedTempFile::new().unwrap();
    fs::write(archive.path(), tar_of(&[("out/evil", b'0', b"!")])).unwrap();
    let limits = UnpackLimits { memory_bytes: 0, ..UnpackLimits::default() };
    let unpacked = unpack(archive.path(), None, &bench.destination(), &limits);
    #[cfg(unix)]
    assert_fault(&unpacked.map(|(_, facts)| facts), EntryFault::KindClash);
    bench.assert_nothing_outside();
}

#[test]
fn an_entry_cannot_be_a_file_and_a_folder() {
    let clashes: [&[(&str, u8, &[u8])]; 4] = [
        &[("a", b'0', b"x"), ("a/b", b'0', b"y")],
        &[("a/b", b'0', b"y"), ("a", b'0', b"x")],
        &[("a", b'0', b"x"), ("a/", b'5', b"")],
        &[("./", b'5', b""), (".", b'0', b"x")],
    ];
    for entries in clashes {
        assert_fault(&Bench::new().unpack(&tar_of(entries)), EntryFault::KindClash);
    }
}

#[test]
fn sparse_files_are_refused() {
    let gnu = tar_of(&[("hole", b'S', b"")]);
    let posix = tar_of(&[("h", b'x', b"22 GNU.sparse.major=1\n"), ("hole", b'0', b"x")]);
    for archive in [gnu, posix] {
        assert_fault(&Bench::new().unpack(&archive), EntryFault::Sparse);
    }
}

#[test]
fn headers_that_disagree_about_a_size_are_refused() {
    let archive = tar_of(&[("h", b'x', b"10 size=0\n"), ("file", b'0', b"x")]);
    assert_fault(&Bench::new().unpack(&archive), EntryFault::SizesDisagree);
}

#[test]
fn an_encrypted_zip_is_refused() {
    let mut archive = zip_of(&[("secret.txt", b"x")]);
    // Bit 0 of the general purpose flags (APPNOTE 4.4.4), in the local and in the central header.
    archive[6] |= 1;
    let central = archive.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    archive[central + 8] |= 1;
    assert_fault(&Bench::new().unpack(&archive), EntryFault::Encrypted);
}

#[test]
fn an_unknown_compression_is_refused() {
    let mut archive = zip_of(&[("file", b"x")]);
    let central = archive.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    archive[8] = 98;
    archive[central + 10] = 98;
    assert_fault(&Bench::new().unpack(&archive), EntryFault::UnsupportedCompression);
}

#[test]
fn a_cut_off_archive_is_refused() {
    let content: Vec<u8> =
        (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let tar = tar_of(&[("a", b'0', &content)]);
    for archive in [gzip(&tar), zip_of(&[("a", &content)]), tar[..tar.len() - 2_000].to_vec()] {
        let error = Bench::new().unpack(&archive[..archive.len() - 5]).unwrap_err();
        assert!(matches!(error, UnpackError::Corrupt(_)), "{error:?}");
        assert!(error.is_input_fault());
    }
}

#[test]
fn damaged_content_is_refused() {
    let content: Vec<u8> =
        (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let tar = tar_of(&[("a", b'0', &content)]);
    for mut archive in [gzip(&tar), zip_of(&[("a", &content)])] {
        let middle = archive.len() / 2;
        archive[middle] ^= 0x55;
        let error = Bench::new().unpack(&archive).unwrap_err();
        assert!(matches!(error, UnpackError::Corrupt(_)), "{error:?}");
    }
}

#[test]
fn an_archive_without_files_is_refused() {
    for archive in
        [vec![0; 10_240], gzip(&[]), gzip(&vec![0; 10_240]), zip_of(&[]), tar_of(&[("a/", b'5', b"")])]
    {
        let error = Bench::new().unpack(&archive).unwrap_err();
        assert!(matches!(error, UnpackError::NoFiles), "{error:?}");
    }
}

#[test]
fn what_is_no_archive_is_refused() {
    for file in [&b""[..], b"just text", b"BZh91AY&SY"] {
        let error = Bench::new().unpack(file).unwrap_err();
        assert!(matches!(error, UnpackError::NotAnArchive { .. }), "{error:?}");
    }
    let error = Bench::new().unpack(&gzip(b"text, no tar")).unwrap_err();
    assert!(matches!(error, UnpackError::Corrupt(_)), "{error:?}");
}

#[test]
fn a_missing_archive_is_our_fault() {
    let folder = TempDir::new().unwrap();
    let error = unpack(
        &folder.path().join("absent"),
        Some("source.zip"),
        &folder.path().join("destination"),
        &UnpackLimits::default(),
    );
    assert!(!error.unwrap_err().is_input_fault());
}
