//! Labelled images in memory, and the features an encoder gives them.

use std::ops::Range;

use burn::data::dataset::Dataset;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use tinderbox_data::{DataError, ImageItem, Labelled, Preprocess, Skipped};
use tinderbox_nn::Encoder;
use tinderbox_transfer::FeatureMatrix;

/// Images an encoder sees at once in [`encode`]: large enough to be fast, small in memory.
const ENCODE_BATCH: usize = 256;

/// Pre-processed images with their classes, for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledImages {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// Images one after another, each `[channels, height, width]`.
    pub values: Vec<f32>,
    /// A class for each image.
    pub labels: Vec<u32>,
    /// Index of each image in its data set.
    pub indices: Vec<usize>,
}

impl LabelledImages {
    /// Reads the images at `indices`; those that cannot be read are left out and named.
    ///
    /// # Errors
    /// An image without a label, or no image that can be read.
    pub fn load<D>(
        dataset: &D,
        indices: &[usize],
        preprocess: &Preprocess,
    ) -> Result<(Self, Vec<Skipped>), DataError>
    where
        D: Dataset<ImageItem, DataError> + Labelled + ?Sized,
    {
        let read: Vec<_> = indices
            .par_iter()
            .map(|&index| {
                let label = dataset.label(index).ok_or_else(|| DataError::NoLabel {
                    index,
                    id: dataset.id(index),
                })?;
                let values = dataset
                    .get(index)
                    .map(|item| preprocess.apply_owned(item.image));
                Ok((index, label, values))
            })
            .collect::<Result<_, DataError>>()?;
        let (height, width) = preprocess.size;
        let mut images = Self {
            shape: [preprocess.channels, height, width],
            values: Vec::with_capacity(read.len() * preprocess.channels * height * width),
            labels: Vec::with_capacity(read.len()),
            indices: Vec::with_capacity(read.len()),
        };
        let mut skipped = Vec::new();
        for (index, label, values) in read {
            match values {
                Ok(values) => {
                    images.values.extend(values);
                    images.labels.push(label);
                    images.indices.push(index);
                }
                Err(error) => skipped.push(Skipped {
                    index: index as u64,
                    reason: error.to_string(),
                }),
            }
        }
        if images.is_empty() {
            let bad = skipped.len();
            return Err(DataError::TooFew {
                items: 0,
                batch: bad.max(1),
            });
        }
        Ok((images, skipped))
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images of a range on a device, `[range, channels, height, width]`.
    pub fn tensor(&self, range: Range<usize>, device: &Device) -> Tensor<4> {
        let [channels, height, width] = self.shape;
        let size = channels * height * width;
        let values = self.values[range.start * size..range.end * size].to_vec();
        let data = TensorData::new(values, [range.len(), channels, height, width]);
        Tensor::from_data(data, device)
    }

    /// The pixels as features: what a representation has to beat.
    pub fn pixels(&self) -> FeatureMatrix {
        FeatureMatrix {
            rows: self.len(),
            dim: self.shape.iter().product(),
            values: self.values.clone(),
        }
    }
}

/// Features of every image, in order. `encoder` is in inference mode, on `device`.
pub fn encode<E>(encoder: &E, images: &LabelledImages, device: &Device) -> FeatureMatrix
where
    E: Encoder<Input = Tensor<4>>,
{
    let dim = encoder.feature_dim();
    let mut values = Vec::with_capacity(images.len() * dim);
    for start in (0..images.len()).step_by(ENCODE_BATCH) {
        let end = (start + ENCODE_BATCH).min(images.len());
        let features = encoder.forward(images.tensor(start..end, device));
        values.extend(FeatureMatrix::from_tensor(features).values);
    }
    FeatureMatrix {
        rows: images.len(),
        dim,
        values,
    }
}
