//! How much an archive may hold.

use scanledger_domain::limits;

/// How much an archive may hold. [`Default`] gives the product's limits; tests give smaller ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of content in total.
    pub bytes: u64,
    /// Entries of every kind.
    pub entries: u64,
    /// How many times larger than the archive its content may be, once it exceeds [`Self::ratio_free_bytes`].
    pub ratio: u64,
    /// Bytes of content up to which the ratio is not looked at.
    pub ratio_free_bytes: u64,
    /// Folders within folders.
    pub depth: usize,
    /// Bytes of one path.
    pub path_bytes: usize,
    /// Bytes of contents and paths up to which everything stays in memory.
    pub memory_bytes: u64,
    /// Files up to which everything stays in memory.
    pub memory_files: usize,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            bytes: limits::UNPACKED_BYTES,
            entries: limits::ARCHIVE_ENTRIES,
            ratio: limits::ARCHIVE_RATIO,
            ratio_free_bytes: limits::RATIO_FREE_BYTES,
            depth: limits::PATH_DEPTH,
            path_bytes: limits::PATH_BYTES,
            memory_bytes: limits::SOURCE_MEMORY_BYTES,
            memory_files: limits::SOURCE_MEMORY_FILES,
        }
    }
}
