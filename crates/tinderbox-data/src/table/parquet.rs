//! Apache Parquet.

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::columnar::{ColumnarReader, guarded};
use super::reader::RowReader;
use crate::DataError;
use crate::inflate::{FREE, MAX_RATIO};

/// Rows that are decoded at a time.
const BATCH: usize = 1024;

/// Opens a file. Memory is that of one page of each column and of one batch.
pub(super) fn read(file: File, path: &Path) -> Result<impl RowReader + use<>, DataError> {
    let size = file
        .metadata()
        .map_err(|source| DataError::io(path, source))?
        .len();
    let builder = guarded(path, || ParquetRecordBatchReaderBuilder::try_new(file))?;
    // Pages are not larger than their column is said to be.
    let limit = FREE.saturating_add(MAX_RATIO.saturating_mul(size));
    for group in builder.metadata().row_groups() {
        let claimed = u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX);
        if claimed > limit {
            return Err(DataError::TooLarge {
                path: path.to_path_buf(),
                what: "size of a row group in bytes",
                limit,
                got: claimed,
            });
        }
    }
    let schema = builder.schema().clone();
    let batches = guarded(path, || builder.with_batch_size(BATCH).build())?;
    ColumnarReader::new(path, &schema, batches)
}
