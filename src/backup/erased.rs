//! Who was erased after a backup was made: neither it nor the keys of the same day can know it.

use super::Restore;
use crate::server::BlobPlace;
use anyhow::{Context, Result};
use scanledger_domain::id::SubjectId;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Who was erased, as far as a list says it, or the bucket that blobs go to: it may have been the old installation's.
pub(super) async fn elsewhere(wanted: &Restore) -> Result<BTreeSet<SubjectId>> {
    let mut erased = match &wanted.erased {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("while opening {}", path.display()))?;
            read(path, BufReader::new(file))?
        }
        None => BTreeSet::new(),
    };
    match &wanted.blobs {
        // It is in the folder that has to be empty.
        BlobPlace::Folder => (),
        BlobPlace::Url { .. } => {
            let noted = wanted.blobs.open(&wanted.folder)?.erased().await;
            erased.extend(noted.context("while reading in the blob store who was erased")?);
        }
    }
    Ok(erased)
}

/// Reads ids, one a line.
fn read(path: &Path, file: impl BufRead) -> Result<BTreeSet<SubjectId>> {
    let id = |(number, line): (u64, io::Result<String>)| -> Result<Option<SubjectId>> {
        let doing = || format!("while reading line {number} of {}", path.display());
        let line = line.with_context(doing)?;
        match line.trim() {
            "" => Ok(None),
            id => Ok(Some(SubjectId(id.parse().context("this is no id").with_context(doing)?))),
        }
    };
    (1..).zip(file.lines()).map(id).filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::read;
    use scanledger_domain::id::SubjectId;
    use std::path::Path;
    use uuid::Uuid;

    const ANA: &str = "018f0000-0000-7000-8000-000000000001";

    #[test]
    fn ids_are_read_one_a_line() {
        let read = |text: &str| read(Path::new("erased.txt"), text.as_bytes());
        let ana = SubjectId(ANA.parse::<Uuid>().unwrap());
        assert_eq!(read(&format!("{ANA}\r\n\n {ANA} ")).unwrap(), [ana].into());
        assert_eq!(read("").unwrap(), [].into());
        for wrong in ["Ana", "018f0000", "x 018f0000-0000-7000-8000-000000000001"] {
            let why = format!("{:#}", read(&format!("{ANA}\n{wrong}\n")).unwrap_err());
            assert!(why.contains("line 2 of erased.txt: this is no id"), "{why}");
        }
    }
}
