//! Pages of rows.

/// Which rows of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Rows before the first one wanted.
    pub offset: u64,
    /// Rows wanted.
    pub limit: u32,
}

/// Some rows of a list, and how many there are in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// How many there are without paging; exact.
    pub total: u64,
}
