//! Safetensors bytes and files.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use burn::tensor::{DType, TensorData, bf16, f16};
use burn_pack::AtomicFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};

use super::error::WeightsError;
use super::state_dict::StateDict;

impl StateDict {
    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`WeightsError::Read`], or [`WeightsError::InFile`] with what
    /// [`from_safetensors_bytes`](Self::from_safetensors_bytes) finds.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| WeightsError::Read {
            path: path.into(),
            source,
        })?;
        Self::from_safetensors_bytes(&bytes).map_err(|error| WeightsError::InFile {
            path: path.into(),
            source: Box::new(error),
        })
    }

    /// Reads the content of a safetensors file: `F32`, `F64`, `F16` and `BF16` as `f32`, `BOOL` and
    /// integers as `i64` (`U64` by its bits).
    ///
    /// # Errors
    /// [`WeightsError::Malformed`] or [`WeightsError::UnsupportedType`].
    pub fn from_safetensors_bytes(bytes: &[u8]) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Malformed {
            reason: error.to_string(),
        })?;
        let mut dict = Self::default();
        for (name, view) in file.iter() {
            dict.insert(name, decode(name, &view)?);
        }
        Ok(dict)
    }

    /// The content of a safetensors file. Equal dictionaries give equal bytes: tensors are sorted by
    /// type, then name, and there is no metadata.
    ///
    /// # Panics
    /// If the names and shapes take more than the format's 100 MB.
    pub fn to_safetensors_bytes(&self) -> Vec<u8> {
        let tensors = self.iter().map(|(name, data)| (name, Encoded(data)));
        safetensors::serialize(tensors, None)
            .expect("names and shapes are within the format's limits")
    }

    /// Writes a safetensors file, whole or not at all: the bytes go to a temporary file beside it, which
    /// is synced and then takes its name.
    ///
    /// # Errors
    /// [`WeightsError::Write`]; what was at `path` before is then still there.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), WeightsError> {
        write_atomic(path.as_ref(), &self.to_safetensors_bytes())
    }
}

/// Writes a file, whole or not at all.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WeightsError> {
    let failed = |reason: String| WeightsError::Write {
        path: path.into(),
        reason,
    };
    let (scratch, mut file) =
        AtomicFile::create(path).map_err(|error| failed(error.to_string()))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(error.to_string()))?;
    drop(file);
    scratch.commit().map_err(|error| failed(error.to_string()))
}

/// Elements from their little-endian bytes.
fn elements<const N: usize, T>(view: &TensorView, read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = view.data().as_chunks::<N>();
    chunks.iter().map(|&chunk| read(chunk)).collect()
}

fn decode(name: &str, view: &TensorView) -> Result<TensorData, WeightsError> {
    let shape = view.shape().to_vec();
    let floats = |values: Vec<f32>| TensorData::new(values, shape.clone());
    let integers = |values: Vec<i64>| TensorData::new(values, shape.clone());
    Ok(match view.dtype() {
        Dtype::F32 => floats(elements(view, f32::from_le_bytes)),
        // Narrowing rounds to the nearest, as PyTorch's conversion.
        Dtype::F64 => floats(elements(view, |b| f64::from_le_bytes(b) as f32)),
        Dtype::F16 => floats(elements(view, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => floats(elements(view, |b| bf16::from_le_bytes(b).to_f32())),
        Dtype::BOOL => integers(elements(view, |[b]| i64::from(b != 0))),
        Dtype::U8 => integers(elements(view, |[b]| i64::from(b))),
        Dtype::I8 => integers(elements(view, |b| i64::from(i8::from_le_bytes(b)))),
        Dtype::U16 => integers(elements(view, |b| i64::from(u16::from_le_bytes(b)))),
        Dtype::I16 => integers(elements(view, |b| i64::from(i16::from_le_bytes(b)))),
        Dtype::U32 => integers(elements(view, |b| i64::from(u32::from_le_bytes(b)))),
        Dtype::I32 => integers(elements(view, |b| i64::from(i32::from_le_bytes(b)))),
        Dtype::I64 | Dtype::U64 => integers(elements(view, i64::from_le_bytes)),
        other => {
            return Err(WeightsError::UnsupportedType {
                name: name.to_owned(),
                dtype: format!("{other:?}"),
            });
        }
    })
}

/// A tensor as the safetensors writer wants it; its bytes are made one tensor at a time.
struct Encoded<'a>(&'a TensorData);

impl View for Encoded<'_> {
    fn dtype(&self) -> Dtype {
        // `StateDict::insert` admits these two.
        match self.0.dtype() {
            DType::F32 => Dtype::F32,
            _ => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        self.0.shape().as_slice()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = match self.0.as_slice::<f32>() {
            Ok(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Err(_) => self.0.iter::<i64>().flat_map(i64::to_le_bytes).collect(),
        };
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.0.as_bytes().len()
    }
}
