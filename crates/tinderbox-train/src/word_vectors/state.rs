//! The state of a training in a file, to go on from.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use tinderbox_kernels::word_vectors::Table;

use super::glove::GloveTrainer;
use super::word2vec::Word2VecTrainer;
use crate::error::TrainError;
use crate::run_dir::write_atomic;

/// The keys of the file's metadata.
const TRAINING: &str = "training";
const DONE: &str = "done";
const DIGEST: &str = "digest";

/// What a file is of, how far it is, and its tables.
struct State<'a> {
    /// Kind, settings and fingerprint of the data; all have to be equal to go on.
    training: String,
    done: u64,
    tables: [(&'static str, &'a Table); 2],
}

impl State<'_> {
    fn save(&self, path: &Path) -> Result<(), TrainError> {
        let bytes = self.tables.map(|(_, table)| {
            table
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>()
        });
        let mut views = Vec::new();
        for ((name, table), bytes) in self.tables.iter().zip(&bytes) {
            let view = TensorView::new(Dtype::F32, vec![table.len()], bytes);
            views.push((
                *name,
                view.map_err(|error| TrainError::incompatible(path, error))?,
            ));
        }
        let metadata = HashMap::from([
            (TRAINING.to_owned(), self.training.clone()),
            (DONE.to_owned(), self.done.to_string()),
            (DIGEST.to_owned(), digest(&bytes[0], &bytes[1])),
        ]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|error| TrainError::incompatible(path, error))?;
        write_atomic(path, &file)
    }
}

/// Fills the tables from the file and gives how far it is; changes nothing if it is of another training or damaged.
fn load(
    path: &Path,
    training: &str,
    tables: [(&'static str, &mut Table); 2],
) -> Result<u64, TrainError> {
    let bytes = std::fs::read(path).map_err(TrainError::io("reading", path))?;
    let wrong = |reason: &dyn std::fmt::Display| TrainError::incompatible(path, reason);
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| wrong(&error))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(&error))?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let key = |name: &str| {
        metadata
            .get(name)
            .cloned()
            .ok_or_else(|| wrong(&format!("it has no `{name}`")))
    };
    if key(TRAINING)? != training {
        return Err(wrong(&format!(
            "it is of another training: {}",
            key(TRAINING)?
        )));
    }
    let done = key(DONE)?
        .parse()
        .map_err(|error: std::num::ParseIntError| wrong(&error))?;
    let mut values = Vec::new();
    for (name, table) in &tables {
        let view = file.tensor(name).map_err(|error| wrong(&error))?;
        if view.dtype() != Dtype::F32 || view.shape() != [table.len()] {
            let got = format!(
                "`{name}` is {:?} of {:?}, expected F32 of {}",
                view.dtype(),
                view.shape(),
                table.len()
            );
            return Err(wrong(&got));
        }
        values.push(view.data().to_vec());
    }
    if digest(&values[0], &values[1]) != key(DIGEST)? {
        return Err(wrong(&"it is damaged: the digest of its tables differs"));
    }
    for ((_, table), values) in tables.into_iter().zip(values) {
        let (floats, _) = values.as_chunks::<4>();
        for (value, bytes) in table.iter_mut().zip(floats) {
            *value = f32::from_le_bytes(*bytes);
        }
    }
    Ok(done)
}

fn digest(first: &[u8], second: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(first).update(second);
    hasher.finalize().to_hex().to_string()
}

/// Kind and settings, and the fingerprint of the data.
fn training(kind: &str, config: &impl Serialize, data: &str) -> Result<String, serde_json::Error> {
    Ok(format!("{kind} {} {data}", serde_json::to_string(config)?))
}

impl Word2VecTrainer<'_> {
    fn training(&self, path: &Path) -> Result<String, TrainError> {
        training("word2vec", &self.config, &self.fingerprint())
            .map_err(|error| TrainError::incompatible(path, error))
    }

    /// Writes the state between two rounds. A training that goes on from it ends as this one does, bit for bit, on a processor with the
    /// same vectors.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        State {
            training: self.training(path)?,
            done: self.done,
            tables: [("inputs", &self.inputs), ("outputs", &self.outputs)],
        }
        .save(path)
    }

    /// Goes on from a state that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be read; [`TrainError::Incompatible`] if it is damaged, or of other settings, another vocabulary or
    /// another corpus. The trainer is then as it was.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        let training = self.training(path)?;
        let tables = [("inputs", &mut self.inputs), ("outputs", &mut self.outputs)];
        self.done = load(path, &training, tables)?;
        Ok(())
    }
}

impl GloveTrainer<'_> {
    fn training(&self, path: &Path) -> Result<String, TrainError> {
        training("glove", &self.config, &self.fingerprint())
            .map_err(|error| TrainError::incompatible(path, error))
    }

    /// Writes the state between two passes. A training that goes on from it ends as this one does, bit for bit, on a processor with the
    /// same vectors.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        State {
            training: self.training(path)?,
            done: self.done,
            tables: [("centres", &self.centres), ("contexts", &self.contexts)],
        }
        .save(path)
    }

    /// Goes on from a state that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`TrainError::Io`] if it cannot be read; [`TrainError::Incompatible`] if it is damaged, or of other settings, another vocabulary or
    /// other pairs. The trainer is then as it was.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let path = path.as_ref();
        let training = self.training(path)?;
        let tables = [
            ("centres", &mut self.centres),
            ("contexts", &mut self.contexts),
        ];
        self.done = load(path, &training, tables)?;
        Ok(())
    }
}
