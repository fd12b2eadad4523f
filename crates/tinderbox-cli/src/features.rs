//! Features of items with labels, some of the items in memory at a time.

use burn::tensor::Device;
use tinderbox::data::{DataError, Skipped};
use tinderbox::nn::Encoder;
use tinderbox::train::encode;
use tinderbox::transfer::{FeatureMatrix, LinearProbe, LinearProbeConfig, ProbeStage};

use crate::encoder::AnyEncoder;
use crate::error::CliError;
use crate::inputs::Inputs;
use crate::progress::Progress;

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
    /// The features of some items as they are, without random views. `encoder` is in inference mode, on `device`.
    ///
    /// # Errors
    /// An item without a label, or no item that can be read.
    pub fn of(
        encoder: &AnyEncoder,
        inputs: &Inputs,
        items: &[usize],
        device: &Device,
        progress: &mut Progress,
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
        progress.part(&format!("features of {} items", items.len()));
        for some in items.chunks(AT_ONCE) {
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

    /// Fits a linear probe to them, and tells what it is at.
    ///
    /// # Errors
    /// Features that are not finite.
    pub fn probe(
        &self,
        config: &LinearProbeConfig,
        classes: usize,
        progress: &mut Progress,
    ) -> Result<LinearProbe, CliError> {
        let mut watch = |stage: ProbeStage| match stage {
            ProbeStage::Choose { l2, number, of } => {
                let number = number + 1;
                progress.part(&format!("linear probe: penalty {l2}, {number} of {of}"));
            }
            ProbeStage::Fit { l2, rows } => {
                progress.part(&format!("linear probe: penalty {l2} on {rows} labels"));
            }
        };
        config
            .try_fit_watched(&self.matrix, &self.labels, classes, &mut watch)
            .map_err(|error| CliError::Run(error.into()))
    }
}
