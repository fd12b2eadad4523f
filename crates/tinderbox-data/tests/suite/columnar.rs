//! Parquet and Arrow files, whole and broken.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray,
    TimestampMillisecondArray, UInt8Array, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use tinderbox_data::DataError;
use tinderbox_data::table::{Cell, Table, TableOptions, open};

/// Two rows of every type that is read; the second has gaps where there can be.
fn batch() -> RecordBatch {
    let text = ["é", "b"];
    let dictionary: DictionaryArray<Int8Type> = [Some("x"), None].into_iter().collect();
    let decimal = Decimal128Array::from(vec![Some(-12_345), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "whole",
            Arc::new(Int64Array::from(vec![Some(i64::MAX), None])),
        ),
        ("small", Arc::new(UInt8Array::from(vec![255, 0]))),
        ("large", Arc::new(UInt64Array::from(vec![u64::MAX, 3]))),
        (
            "single",
            Arc::new(Float32Array::from(vec![Some(0.5), None])),
        ),
        ("double", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        (
            "truth",
            Arc::new(BooleanArray::from(vec![Some(true), None])),
        ),
        ("text", Arc::new(StringArray::from(vec![Some("é"), None]))),
        ("long", Arc::new(LargeStringArray::from(text.to_vec()))),
        ("view", Arc::new(StringViewArray::from(text.to_vec()))),
        ("level", Arc::new(dictionary)),
        (
            "price",
            Arc::new(decimal.with_precision_and_scale(9, 2).unwrap()),
        ),
        ("day", Arc::new(Date32Array::from(vec![Some(1), None]))),
        (
            "time",
            Arc::new(TimestampMillisecondArray::from(vec![Some(1_500), None])),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[track_caller]
fn check(path: &Path) {
    let table = read(path).unwrap();
    assert_eq!(table.columns()[..3], ["whole", "small", "large"]);
    let rows: Vec<Vec<Cell<'_>>> = table
        .rows()
        .iter()
        .map(|row| row.cells().collect())
        .collect();
    let (text, missing) = (Cell::Text, Cell::Missing);
    assert_eq!(
        rows[0],
        [
            Cell::Integer(i64::MAX),
            Cell::Integer(255),
            text("18446744073709551615"),
            Cell::Number(0.5),
            Cell::Number(0.1),
            text("true"),
            text("é"),
            text("é"),
            text("é"),
            text("x"),
            Cell::Number(-123.45),
            Cell::Integer(86_400),
            Cell::Number(1.5),
        ]
    );
    assert!(rows[1][4].is_missing());
    let others: Vec<Cell<'_>> = rows[1]
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 4)
        .map(|(_, cell)| *cell)
        .collect();
    assert_eq!(
        others,
        [
            missing,
            Cell::Integer(0),
            Cell::Integer(3),
            missing,
            missing,
            missing,
            text("b"),
            text("b"),
            missing,
            missing,
            missing,
            missing,
        ]
    );
    assert_eq!(table.rows()[1].line(), 2);
    // Batches follow one another.
    assert_eq!((table.rows().len(), table.rows()[3].line()), (4, 4));
}

fn read(path: &Path) -> Result<Table, DataError> {
    Table::read(&mut *open(path, &TableOptions::default())?)
}

fn parquet(folder: &Path, compression: Compression) -> PathBuf {
    let path = folder.join("t.parquet");
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch().schema(), Some(properties)).unwrap();
    writer.write(&batch()).unwrap();
    writer.flush().unwrap();
    writer.write(&batch()).unwrap();
    writer.close().unwrap();
    path
}

fn arrow(folder: &Path, compression: Option<CompressionType>) -> PathBuf {
    let path = folder.join("t.feather");
    let options = IpcWriteOptions::default()
        .try_with_compression(compression)
        .unwrap();
    let file = File::create(&path).unwrap();
    let mut writer = FileWriter::try_new_with_options(file, &batch().schema(), options).unwrap();
    writer.write(&batch()).unwrap();
    writer.write(&batch()).unwrap();
    writer.finish().unwrap();
    path
}

fn stream(folder: &Path) -> PathBuf {
    let path = folder.join("t.arrow");
    let file = File::create(&path).unwrap();
    let mut writer = StreamWriter::try_new(file, &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    writer.write(&batch()).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn parquet_is_read_with_the_usual_compressions() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        check(&parquet(folder.path(), compression));
    }
}

#[test]
fn arrow_files_and_streams_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [
        None,
        Some(CompressionType::LZ4_FRAME),
        Some(CompressionType::ZSTD),
    ] {
        check(&arrow(folder.path(), compression));
    }
    check(&stream(folder.path()));
}

#[test]
fn columns_of_other_types_are_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let path = folder.path().join(name);
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    };
    let raw: ArrayRef = Arc::new(arrow_array::BinaryArray::from(vec![&b"x"[..]]));
    let list: ArrayRef =
        Arc::new(arrow_array::ListArray::from_iter_primitive::<Int8Type, _, _>([Some([Some(1)])]));
    let number: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![1.5]));
    let took: ArrayRef = Arc::new(arrow_array::DurationMillisecondArray::from(vec![2500]));
    let columns = vec![
        ("raw", raw.clone()),
        ("number", number),
        ("list", list),
        ("took", took),
    ];
    let path = write("t.parquet", columns);
    let mut reader = open(&path, &TableOptions::default()).unwrap();
    let table = Table::read(&mut *reader).unwrap();
    assert_eq!(table.columns(), ["number", "took"]);
    let cells: Vec<Cell<'_>> = table.rows()[0].cells().collect();
    assert_eq!(cells, [Cell::Number(1.5), Cell::Number(2.5)]);
    let told = reader.ledger().remarks()[0].to_string();
    assert!(told.starts_with("2 of 4 columns are left out"), "{told}");
    assert!(
        told.contains("`raw` (Binary)") && told.contains("`list`"),
        "{told}"
    );

    let error = read(&write("raw.parquet", vec![("raw", raw)])).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("`raw` (Binary)"), "{error}");
}

#[test]
fn text_is_no_columnar_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["t.parquet", "t.feather"] {
        let path = folder.path().join(name);
        for text in ["", "a,b\n1,2\n", "PAR1", "ARROW1\0\0"] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(matches!(error, DataError::Format { .. }), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damage_is_an_error_or_other_values_but_no_panic(at: usize, change in 1_u8.., keep: usize, cut: bool, kind in 0_usize..3) {
        let folder = tempfile::tempdir().unwrap();
        let path = match kind {
            0 => parquet(folder.path(), Compression::SNAPPY),
            1 => arrow(folder.path(), None),
            _ => stream(folder.path()),
        };
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len();
        bytes[at % length] ^= change;
        if cut {
            bytes.truncate(keep % length);
        }
        std::fs::write(&path, bytes).unwrap();
        let _ = read(&path);
    }
}
