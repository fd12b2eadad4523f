//! Labelled items in memory, and the features an encoder gives them.

use burn::data::dataset::Dataset;
use burn::tensor::Device;
use rayon::prelude::*;
use tinderbox_data::{
    Collate, DataError, ImageItem, Labelled, OneView, PlainBatch, Preprocess, SampleRng, Skipped,
    View, ViewCollate,
};
use tinderbox_nn::Encoder;
use tinderbox_transfer::{FeatureMatrix, accuracy};

use crate::batch::{PlainInput, view_data};

/// Items an encoder sees at once: large enough to be fast, small in memory.
const AT_ONCE: usize = 256;

/// Items as an encoder takes them, with their classes, for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledItems {
    /// The items, one after another, some in each batch.
    pub batches: Vec<PlainBatch>,
    /// A class for each item.
    pub labels: Vec<u32>,
    /// Index of each item in its data set.
    pub indices: Vec<usize>,
    /// Items with a label that could not be read.
    pub unreadable: usize,
}

impl LabelledItems {
    /// Reads the items at `indices` as `view` and `collate` make them for training; those that cannot be read are left
    /// out and named. The view should be one without random transforms.
    ///
    /// # Errors
    /// An item without a label, or no item that can be read.
    pub fn load<I, D, V>(
        dataset: &D,
        indices: &[usize],
        view: &V,
        collate: &impl Collate<V::Out>,
    ) -> Result<(Self, Vec<Skipped>), DataError>
    where
        D: Dataset<I, DataError> + Labelled + ?Sized,
        V: View<I>,
    {
        let (items, skipped) = Self::read(dataset, indices, view, collate)?;
        items.check_readable(&skipped)?;
        Ok((items, skipped))
    }

    /// An error if nothing could be read.
    ///
    /// # Errors
    /// [`DataError::NothingReadable`], with why the first items could not.
    pub fn check_readable(&self, skipped: &[Skipped]) -> Result<(), DataError> {
        if !self.is_empty() {
            return Ok(());
        }
        let reasons = skipped.iter().take(3);
        Err(DataError::NothingReadable {
            items: skipped.len(),
            reasons: reasons.map(|skipped| skipped.reason.clone()).collect(),
        })
    }

    /// As [`load`](Self::load), but nothing readable is no error: of a part of a data set.
    ///
    /// # Errors
    /// An item without a label.
    pub fn read<I, D, V>(
        dataset: &D,
        indices: &[usize],
        view: &V,
        collate: &impl Collate<V::Out>,
    ) -> Result<(Self, Vec<Skipped>), DataError>
    where
        D: Dataset<I, DataError> + Labelled + ?Sized,
        V: View<I>,
    {
        let mut items = Self {
            batches: Vec::new(),
            labels: Vec::with_capacity(indices.len()),
            indices: Vec::with_capacity(indices.len()),
            unreadable: 0,
        };
        let mut skipped = Vec::new();
        let read = |&index: &usize| {
            let label = dataset.label(index).ok_or_else(|| DataError::NoLabel {
                index,
                id: dataset.id(index),
            })?;
            let rng = SampleRng::new(0, 0, index as u64, SampleRng::VIEW);
            let sample = dataset.get(index).map(|item| view.apply(item, rng));
            Ok((index, label, sample))
        };
        let mut waiting = Vec::with_capacity(AT_ONCE);
        for chunk in indices.chunks(16 * AT_ONCE) {
            let chunk: Vec<_> = chunk
                .par_iter()
                .map(read)
                .collect::<Result<_, DataError>>()?;
            for (index, label, sample) in chunk {
                match sample {
                    Ok(sample) => {
                        items.labels.push(label);
                        items.indices.push(index);
                        waiting.push(sample);
                        if waiting.len() == AT_ONCE {
                            items.batches.push(collate.collate(waiting));
                            waiting = Vec::with_capacity(AT_ONCE);
                        }
                    }
                    Err(error) => skipped.push(Skipped {
                        index: index as u64,
                        reason: error.to_string(),
                    }),
                }
            }
        }
        if !waiting.is_empty() {
            items.batches.push(collate.collate(waiting));
        }
        items.unreadable = skipped.len();
        Ok((items, skipped))
    }

    /// Reads images without random transforms.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn images<D>(
        dataset: &D,
        indices: &[usize],
        preprocess: &Preprocess,
    ) -> Result<(Self, Vec<Skipped>), DataError>
    where
        D: Dataset<ImageItem, DataError> + Labelled + ?Sized,
    {
        let view = OneView {
            augment: None,
            preprocess: preprocess.clone(),
        };
        Self::load(dataset, indices, &view, &ViewCollate)
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The share of items whose class is predicted, 0 to 1. One that could not be read is a wrong one: refusing it does not make a model better.
    ///
    /// # Panics
    /// If there are not as many predictions as items that could be read.
    pub fn accuracy(&self, predicted: &[u32]) -> f64 {
        let readable = self.len() as f64;
        accuracy(predicted, &self.labels) * readable / (readable + self.unreadable as f64)
    }

    /// The items as an encoder reads them, batch by batch in order.
    pub fn inputs<'i, I: PlainInput + 'i>(&'i self, device: &'i Device) -> impl Iterator<Item = I> {
        let input = |batch| I::of_view(batch, 0, device).expect("the items have a view");
        self.batches.iter().map(input)
    }

    /// The numbers of an item, such as its pixels, as features: what a representation has to beat. Of a text these are the counts of
    /// its tokens ([`bag_of_words`](Self::bag_of_words)).
    pub fn plain(&self) -> FeatureMatrix {
        if self.batches.iter().all(|batch| tokens(batch).is_some()) {
            return self.bag_of_words();
        }
        let data = |batch| view_data(batch, 0).expect("the items have a view");
        let values: Vec<f32> = self
            .batches
            .iter()
            .flat_map(|batch| data(batch).as_slice::<f32>().expect("views hold floats"))
            .copied()
            .collect();
        FeatureMatrix {
            rows: self.len(),
            dim: values.len() / self.len(),
            values,
        }
    }
}

impl LabelledItems {
    /// Columns of a [bag of words](Self::bag_of_words); a token counts in that of its id modulo their number.
    pub const BAG: usize = 2048;

    /// `ln(1 + n)` for the `n` occurrences of each token in an item, padding aside, scaled to length 1; tokens share 2,048 columns
    /// ("hashing trick", Weinberger et al. 2009).
    ///
    /// # Panics
    /// If the items are not sequences of tokens.
    pub fn bag_of_words(&self) -> FeatureMatrix {
        let mut values = vec![0.0_f32; self.len() * Self::BAG];
        let mut rows = values.chunks_exact_mut(Self::BAG);
        for batch in &self.batches {
            let [tokens, padding] = tokens(batch).expect("the items have tokens");
            let length = tokens.len() / batch.indices.len();
            for (tokens, padding) in tokens.chunks(length).zip(padding.chunks(length)) {
                let row = rows.next().expect("a row for each item");
                for (token, _) in tokens.iter().zip(padding).filter(|(_, pad)| **pad == 0) {
                    row[*token as usize % Self::BAG] += 1.0;
                }
                let mut squares = 0.0;
                for value in row.iter_mut() {
                    *value = value.ln_1p();
                    squares += *value * *value;
                }
                let length = f32::sqrt(squares).max(f32::MIN_POSITIVE);
                row.iter_mut().for_each(|value| *value /= length);
            }
        }
        FeatureMatrix {
            rows: self.len(),
            dim: Self::BAG,
            values,
        }
    }
}

/// The tokens of a batch and where they are padding, if it has tokens.
fn tokens(batch: &PlainBatch) -> Option<[&[i64]; 2]> {
    let numbers = |name: &str| {
        let found = batch.tensors.iter().find(|(other, _)| other == name);
        found.and_then(|(_, data)| data.as_slice::<i64>().ok())
    };
    Some([numbers("tokens")?, numbers("padding")?])
}

/// Features of every item, in order. `encoder` is in inference mode, on `device`.
pub fn encode<E>(encoder: &E, items: &LabelledItems, device: &Device) -> FeatureMatrix
where
    E: Encoder<Input: PlainInput>,
{
    let dim = encoder.feature_dim();
    let mut values = Vec::with_capacity(items.len() * dim);
    for input in items.inputs(device) {
        values.extend(FeatureMatrix::from_tensor(encoder.forward(input)).values);
    }
    FeatureMatrix {
        rows: items.len(),
        dim,
        values,
    }
}
