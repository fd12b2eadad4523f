//! Features of items with labels, some of the items in memory at a time.

use burn::tensor::Device;
use tinderbox::data::{DataError, Skipped};
use tinderbox::nn::Encoder;
use tinderbox::train::encode;
use tinderbox::transfer::FeatureMatrix;

use crate::encoder::AnyEncoder;
use crate::inputs::Inputs;

/// Items that are in memory at once: a whole number of what an encoder sees at once, so that features do not depend on it.
const AT_ONCE: usize = 1024;

/// What an encoder makes of items.
#[derive(Debug, Clone)]
pub struct Features {
    /// A row for each item that could be read, in order.
    pub matrix: FeatureMatrix,
    /// The classes of these.
    pub labels: Vec<u32>,
    /// The items that could not be read.
    pub skipped: Vec<Skipped>,
}

impl Features {
    /// The features of some items as they are, without random views. `encoder` is in inference mode, on `device`; `watch` hears how many
    /// items are done.
    ///
    /// # Errors
    /// An item without a label, or no item that can be read.
    pub fn of(
        encoder: &AnyEncoder,
        inputs: &Inputs,
        items: &[usize],
        device: &Device,
        watch: &mut dyn FnMut(usize),
    ) -> Result<Self, DataError> {
        let dim = encoder.feature_dim();
        let mut all = Self {
            matrix: FeatureMatrix {
                rows: 0,
                dim,
                values: Vec::with_capacity(items.len() * dim),
            },
            labels: Vec::with_capacity(items.len()),
            skipped: Vec::new(),
        };
        for (part, some) in items.chunks(AT_ONCE).enumerate() {
            watch(part * AT_ONCE);
            let (loaded, skipped) = inputs.load_some(some)?;
            all.skipped.extend(skipped);
            if loaded.is_empty() {
                continue;
            }
            let features = encode(encoder, &loaded, device);
            let appended = all.matrix.append(features);
            appended.expect("the encoder gives all items as many features");
            all.labels.extend(loaded.labels);
        }
        if all.labels.is_empty() {
            let reasons = all.skipped.iter().take(3);
            return Err(DataError::NothingReadable {
                items: items.len(),
                reasons: reasons.map(|skipped| skipped.reason.clone()).collect(),
            });
        }
        Ok(all)
    }
}
