//! What archives are unpacked to.

use crate::archives::{Bench, gzip, tar_of, zip_of};
use scanledger_source::{Unpacked, pack, pack_files};
use std::fs;
use std::io::Cursor;
use tar::{Builder, Header};
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

#[test]
fn tar_and_tar_gz_and_zip_give_the_same_tree() {
    let tar = tar_of(&[("app/", b'5', b""), ("app/main.rs", b'0', b"fn main() {}"), ("README", b'0', b"")]);
    let zip = zip_of(&[("app/main.rs", b"fn main() {}"), ("README", b"")]);
    for archive in [gzip(&tar), tar, zip] {
        let bench = Bench::new();
        assert_eq!(bench.unpack(&archive).unwrap(), Unpacked { files: 2, bytes: 12, skipped: 0 });
        assert_eq!(bench.read("app/main.rs"), "fn main() {}");
        assert_eq!(bench.read("README"), "");
    }
}

#[test]
fn a_gzip_in_several_members_is_one_stream() {
    let tar = tar_of(&[("a", b'0', b"first"), ("b", b'0', b"second")]);
    let (start, end) = tar.split_at(700);
    let bench = Bench::new();
    bench.unpack(&[gzip(start), gzip(end)].concat()).unwrap();
    assert_eq!(bench.read("b"), "second");
}

#[test]
fn long_names_of_gnu_and_posix_are_understood() {
    let long = format!("{}/file", "folder".repeat(30));
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o644);
    gnu.append_data(&mut header, &long, &b"gnu"[..]).unwrap();

    let mut posix = Builder::new(Vec::new());
    posix.append_pax_extensions([("path", long.as_bytes()), ("comment", b"x")]).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("shortened").unwrap();
    header.set_size(5);
    header.set_mode(0o644);
    header.set_cksum();
    posix.append(&header, &b"posix"[..]).unwrap();

    for (archive, content) in [(gnu, "gnu"), (posix, "posix")] {
        let bench = Bench::new();
        bench.unpack(&archive.into_inner().unwrap()).unwrap();
        assert_eq!(bench.read(&long), content);
    }
}

#[test]
fn a_global_header_as_git_writes_it_is_passed_over() {
    let bench = Bench::new();
    let archive = tar_of(&[
        ("pax_global_header", b'g', b"52 comment=0123456789012345678901234567890123456789\n"),
        ("file", b'0', b"x"),
    ]);
    assert_eq!(bench.unpack(&archive).unwrap().files, 1);
}

#[test]
fn links_devices_and_pipes_are_counted_and_never_made() {
    let bench = Bench::new();
    let archive = tar_of(&[
        ("hard", b'1', b""),
        ("soft", b'2', b""),
        ("char", b'3', b""),
        ("block", b'4', b""),
        ("pipe", b'6', b""),
        ("file", b'0', b"x"),
    ]);
    assert_eq!(bench.unpack(&archive).unwrap(), Unpacked { files: 1, bytes: 1, skipped: 5 });
    assert_eq!(fs::read_dir(bench.destination()).unwrap().count(), 1);
}

#[test]
fn a_link_in_a_zip_is_never_made() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link", "/etc", SimpleFileOptions::default()).unwrap();
    writer.start_file("file", SimpleFileOptions::default()).unwrap();
    let bench = Bench::new();
    let unpacked = bench.unpack(&writer.finish().unwrap().into_inner()).unwrap();
    assert_eq!(unpacked, Unpacked { files: 1, bytes: 0, skipped: 1 });
    assert!(fs::symlink_metadata(bench.destination().join("link")).is_err());
}

#[test]
fn a_later_file_of_the_same_path_wins() {
    let bench = Bench::new();
    let archive = tar_of(&[("file", b'0', b"longer"), ("file", b'0', b"new")]);
    assert_eq!(bench.unpack(&archive).unwrap(), Unpacked { files: 1, bytes: 9, skipped: 0 });
    assert_eq!(bench.read("file"), "new");
}

#[test]
fn what_is_packed_is_unpacked_again_and_always_the_same_bytes() {
    let source = TempDir::new().unwrap();
    let long = "n".repeat(120);
    for (path, content) in [("b.txt", "b"), ("a/z.txt", "z"), ("a/a.txt", "a"), (long.as_str(), "long")] {
        let path = source.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let archive = pack(source.path()).unwrap();
    assert_eq!(archive, pack(source.path()).unwrap());
    let bench = Bench::new();
    assert_eq!(bench.unpack(&archive).unwrap().files, 4);
    assert_eq!(bench.read("a/z.txt"), "z");
    assert_eq!(bench.read(&long), "long");

    let same = [("a/a.txt", "a"), ("a/z.txt", "z"), ("b.txt", "b"), (long.as_str(), "long")];
    assert_eq!(archive, pack_files(same.map(|(path, content)| (path, content.as_bytes()))).unwrap());
}
