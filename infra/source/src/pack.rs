//! Packs folders into archives that [`crate::unpack`] takes.

use flate2::{Compression, GzBuilder, write::GzEncoder};
use std::fs;
use std::io;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// Packs the regular files below `folder` into a `.tar.gz`. The same files give the same bytes: sorted by
/// path, without times, owners and permissions. Links are left out.
///
/// # Errors
/// When the folder cannot be read, or a path in it is not Unicode.
pub fn pack(folder: &Path) -> io::Result<Vec<u8>> {
    let mut paths = Vec::new();
    collect(folder, "", &mut paths)?;
    paths.sort();
    let mut archive = start();
    for path in paths {
        append(&mut archive, &path, &fs::read(folder.join(&path))?)?;
    }
    archive.into_inner()?.finish()
}

/// Packs files that are in memory, as `(path with slashes, content)`, into a `.tar.gz`, in the given order.
///
/// # Errors
/// When a path is empty or absolute, or contains `..`.
pub fn pack_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    let mut archive = start();
    for (path, content) in files {
        append(&mut archive, path, content)?;
    }
    archive.into_inner()?.finish()
}

fn start() -> Builder<GzEncoder<Vec<u8>>> {
    Builder::new(GzBuilder::new().mtime(0).write(Vec::new(), Compression::default()))
}

fn append(archive: &mut Builder<GzEncoder<Vec<u8>>>, path: &str, content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, path, content)
}

fn collect(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a file name is not Unicode"))?;
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}
