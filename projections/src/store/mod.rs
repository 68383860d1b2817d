//! The file that holds the read models, and how it is read.

pub(crate) mod column;
mod digest;
mod file;
mod snapshot;
mod views;
mod wal;

pub use digest::{TableDigest, table_digests};
pub use file::{Others, REVISION, keep_as_next, remove_other_revisions, revision};
pub(crate) use file::{
    Reading, mark_prepared, next_path, open_reader, open_writer, prune, unmark_prepared, views_path,
};
pub(crate) use snapshot::is_untried;
pub use snapshot::{Snapshot, adopt, has_views, snapshot};
pub(crate) use views::File;
pub use views::{ReadError, Shown, Views};
pub(crate) use wal::Mover;
