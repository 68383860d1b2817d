//! Events, findings and scans as Parquet files.
//!
//! Each kind of row is a struct whose fields are the columns of its file, in order. A [`ParquetFile`] takes rows one
//! at a time and holds at most one row group in memory, however many there are.
//!
//! Positions are 64-bit integers; instants are UTC timestamps in microseconds; ids and enumerations are text, as in
//! events. Format: <https://parquet.apache.org/docs/file-format/>.

mod file;
mod rows;
mod value;

pub use file::{GROUP_BYTES, GROUP_ROWS, ParquetError, ParquetFile};
pub use rows::{EventRow, FindingRow, Row, ScanRow};
