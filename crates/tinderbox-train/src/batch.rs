//! Where data meets objectives: plain batches from the loader become what an objective eats.

use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_data::PlainBatch;
use tinderbox_objectives::{ImageBatch, LabelledBatch, MaskedBatch, ViewBatch};

/// Builds an objective's batch from the named tensors that a `Collate` made.
pub trait FromPlain: Sized {
    /// Moves the tensors to `device`.
    ///
    /// # Panics
    /// If a tensor that the objective needs is not there: the recipe joined a collation and an
    /// objective that do not fit.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self;
}

/// The tensor called `name`.
///
/// # Panics
/// If there is none, with the names that are there.
pub fn named<'a>(batch: &'a PlainBatch, name: &str) -> &'a TensorData {
    let found = batch.tensors.iter().find(|(other, _)| other == name);
    match found {
        Some((_, data)) => data,
        None => {
            let names: Vec<_> = batch.tensors.iter().map(|(name, _)| name).collect();
            panic!("the batch has no `{name}`, only {names:?}")
        }
    }
}

impl FromPlain for ViewBatch {
    /// Takes `view0`, `view1`, and so on, each `[batch, channels, height, width]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        let views = batch
            .tensors
            .iter()
            .filter(|(name, _)| name.starts_with("view"))
            .map(|(_, data)| Tensor::from_data(data.clone(), device))
            .collect();
        Self { views }
    }
}

impl FromPlain for LabelledBatch<Tensor<4>> {
    /// Takes `view0` `[batch, channels, height, width]` and `label` `[batch]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            inputs: Tensor::from_data(named(batch, "view0").clone(), device),
            targets: Tensor::<1, Int>::from_data(named(batch, "label").clone(), device),
        }
    }
}

impl FromPlain for ImageBatch {
    /// Takes `view0` `[batch, channels, height, width]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            images: Tensor::from_data(named(batch, "view0").clone(), device),
        }
    }
}

impl FromPlain for MaskedBatch {
    /// Takes `tokens`, `segments` and `padding` (1 where a token is padding, else 0) `[batch, length]`, and
    /// `positions` and `targets` `[places]`, all of whole numbers.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        fn whole<const D: usize>(
            batch: &PlainBatch,
            name: &str,
            device: &Device,
        ) -> Tensor<D, Int> {
            Tensor::from_data(named(batch, name).clone(), device)
        }
        Self {
            tokens: whole(batch, "tokens", device),
            segments: whole(batch, "segments", device),
            padding: whole::<2>(batch, "padding", device).bool(),
            positions: whole(batch, "positions", device),
            targets: whole(batch, "targets", device),
        }
    }
}
