//! A file, written row by row.

use crate::rows::{Row, sealed};
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError as Format;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use scanledger_domain::log::Position;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Rows that are encoded together.
const BATCH_ROWS: usize = 8_192;
/// Bytes after which rows are encoded although they are fewer.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Rows of a row group, at most.
pub const GROUP_ROWS: usize = 131_072;
/// Encoded bytes after which a row group ends although it has fewer rows. Together with the batch this is what a file
/// takes in memory while it is written.
pub const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// The name under which a file says up to which position of the log it goes.
const POSITION_KEY: &str = "scanledger.position";

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {
    /// It is there already, or the disk refused it.
    #[error("the file could not be written")]
    Disk(#[from] std::io::Error),
    /// The rows could not be encoded, or the disk refused them.
    #[error("the file could not be written as Parquet")]
    Format(#[from] Format),
    /// The rows do not fit together.
    #[error("rows could not be put into columns")]
    Columns(#[from] arrow_schema::ArrowError),
}

/// A Parquet file that is being written. One that is dropped before [`ParquetFile::finish`] is incomplete, and no
/// reader takes it.
pub struct ParquetFile<R: Row> {
    writer: ArrowWriter<File>,
    schema: Arc<arrow_schema::Schema>,
    columns: <R as sealed::Row>::Columns,
    waiting_rows: usize,
    waiting_bytes: usize,
    rows: u64,
}

impl<R: Row> ParquetFile<R> {
    /// Makes a file that goes up to `position` of the log.
    ///
    /// # Errors
    /// When there is one already, or it cannot be made.
    pub fn create(path: &Path, position: Position) -> Result<Self, ParquetError> {
        let file = File::create_new(path)?;
        let schema = Arc::new(R::schema());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("scanledger version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(vec![KeyValue::new(POSITION_KEY.to_owned(), position.to_string())]))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        Ok(Self { writer, schema, columns: R::columns(), waiting_rows: 0, waiting_bytes: 0, rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be encoded or written.
    pub fn push(&mut self, row: &R) -> Result<(), ParquetError> {
        row.append(&mut self.columns);
        self.waiting_rows += 1;
        self.waiting_bytes += row.size();
        self.rows += 1;
        if self.waiting_rows >= BATCH_ROWS || self.waiting_bytes >= BATCH_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    /// Adds what every Parquet file ends with, and makes the file durable; answers how many rows it has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<u64, ParquetError> {
        self.encode()?;
        self.writer.into_inner()?.sync_all()?;
        Ok(self.rows)
    }

    fn encode(&mut self) -> Result<(), ParquetError> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), R::finish(&mut self.columns))?;
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        Ok(self.writer.write(&batch)?)
    }
}
