//! A folder of records as one file, so that other nodes can import the same.

use crate::report::ImportError;
use crate::source::is_record;
use ignore::WalkBuilder;
use scanledger_domain::limits::PATH_DEPTH;
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

/// Writes the records in `folder` to a new zip at `out`, in the order in which an import of the folder reads them;
/// answers how many there are. The same folder gives the same bytes.
///
/// # Errors
/// When the folder cannot be read or the zip cannot be written.
pub fn pack(folder: &Path, out: &Path) -> Result<u64, ImportError> {
    let failed = |source: io::Error| ImportError::Unreadable { path: folder.to_owned(), source };
    let walk = WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(false)
        .max_depth(Some(PATH_DEPTH))
        .sort_by_file_name(|a, b| a.cmp(b))
        .build();
    let mut zip = ZipWriter::new(BufWriter::new(File::create_new(out).map_err(failed)?));
    // The time of packing would make other bytes each time.
    let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
    let mut records = 0;
    for entry in walk {
        let entry = entry.map_err(|error| failed(io::Error::other(error)))?;
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy();
        if !entry.file_type().is_some_and(|kind| kind.is_file()) || !is_record(&name) {
            continue;
        }
        zip.start_file(name, options).map_err(|error| failed(error.into()))?;
        let mut record = BufReader::new(File::open(entry.path()).map_err(failed)?);
        io::copy(&mut record, &mut zip).map_err(failed)?;
        records += 1;
    }
    zip.finish().map_err(|error| failed(error.into()))?;
    Ok(records)
}
