//! Arrow's interprocess format: files, which are also called Feather 2, and streams.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::ArrowError;

use super::columnar::{ColumnarReader, guarded};
use super::reader::RowReader;
use crate::DataError;

/// What a file begins with, and a stream does not.
const MAGIC: [u8; 6] = *b"ARROW1";

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Opens a file or a stream. Memory is that of one batch.
pub(super) fn read(mut file: File, path: &Path) -> Result<impl RowReader + use<>, DataError> {
    let io = |source| DataError::io(path, source);
    let mut start = Vec::new();
    (&mut file).take(6).read_to_end(&mut start).map_err(io)?;
    file.rewind().map_err(io)?;
    let reader = BufReader::new(file);
    let (schema, batches): (_, Batches) = if start == MAGIC {
        let reader = guarded(path, || FileReader::try_new(reader, None))?;
        (reader.schema(), Box::new(reader))
    } else {
        let reader = guarded(path, || StreamReader::try_new(reader, None))?;
        (reader.schema(), Box::new(reader))
    };
    ColumnarReader::new(path, &schema, batches)
}
