//! OSV advisories: import, store and matching.
//!
//! [`AdvisoryStore`] keeps advisories in one SQLite file. [`AdvisoryStore::import`] reads OSV records
//! (<https://ossf.github.io/osv-schema/>) from published zips, folders and single files into a new
//! generation; as [`AdvisoryIndex`](scanledger_domain::advisory::AdvisoryIndex) it says which of them
//! affect a version of a package. Everything that can be computed once is computed at import: severity,
//! the one-line summary, the order of a range's events.
//!
//! What is absent: no network, no clock, no rule about findings.

mod group;
mod osv;
mod pack;
mod range;
mod record;
mod report;
mod severity;
mod source;
mod store;
mod version;

pub use pack::pack;
pub use report::{FileReport, ImportError, ImportProgress, ImportReport, Problem};
pub use store::{AdvisoryStore, Standing, StoreError};
pub use version::Version;

/// The limits of this crate. Each is tested at its edge.
pub mod limits {
    /// Bytes of one OSV record; a longer one is broken.
    pub const RECORD_BYTES: u64 = 4 * 1024 * 1024;
    /// Entries of one zip; more fail the import. npm's zip has more than 200,000.
    pub const ZIP_ENTRIES: usize = 1_000_000;
    /// Unpacked bytes of the records of one source; more fail the import.
    pub const SOURCE_BYTES: u64 = 8 * 1024 * 1024 * 1024;
    /// Bytes of an advisory's id or alias.
    pub const ID_BYTES: usize = 128;
    /// Bytes of an advisory's details; the rest is cut off.
    pub const DETAILS_BYTES: usize = 64 * 1024;
    /// References kept of one record, and shown of a group.
    pub const REFERENCES: usize = 5;
    /// Problems listed for one source; further ones are counted, not kept.
    pub const PROBLEMS: usize = 20;
    /// Records between two calls of the progress function.
    pub const PROGRESS_RECORDS: u64 = 500;
    /// Bytes of decoded records kept in memory.
    pub const CACHE_BYTES: u64 = 6 * 1024 * 1024;
}
