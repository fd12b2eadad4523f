//! Mixing the pictures of a batch with each other, for supervised training.
//!
//! Both take a collated batch of views and labels and give one of mixed views and soft targets. Each item is mixed with the one before it
//! in the batch (the first with the last), as in torchvision; batches are shuffled anyway. Mixing after normalisation is the same as
//! before it. In a [`Loader`](crate::Loader), [`Mixed`] does it to every batch.

use burn::tensor::TensorData;

use crate::{Collate, DataError, PlainBatch, SampleRng};

/// How pictures are mixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mix {
    /// Weighted sums of whole pictures (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").
    MixUp {
        /// Both parameters of the Beta distribution of the weight; the paper takes 0.2 for ImageNet and 1 for CIFAR-10.
        alpha: f32,
    },
    /// A rectangle from the other picture (Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with
    /// Localizable Features").
    CutMix {
        /// Both parameters of the Beta distribution of the area that stays; the paper takes 1.
        alpha: f32,
    },
}

impl Mix {
    /// Checks the parameter.
    ///
    /// # Errors
    /// [`DataError::Config`] for an `alpha` that is not positive and finite.
    pub fn validate(&self) -> Result<(), DataError> {
        let (Self::MixUp { alpha } | Self::CutMix { alpha }) = *self;
        if alpha > 0.0 && alpha.is_finite() {
            return Ok(());
        }
        Err(DataError::config("alpha", "a positive number", alpha))
    }

    /// Mixes all views (tensors `view0`, `view1` and so on, `[batch, channels, height, width]`), each view with its own place of the
    /// rectangle but all with one weight, and replaces `label` by `target`, `[batch, classes]` of `f32`, whose rows sum to 1.
    ///
    /// # Errors
    /// [`DataError::Config`] when there is no label, or one that is not below `classes`.
    ///
    /// # Panics
    /// If a view has not four dimensions of `f32`, or if the mix is not valid.
    pub fn apply(
        &self,
        batch: PlainBatch,
        classes: usize,
        mut rng: SampleRng,
    ) -> Result<PlainBatch, DataError> {
        let labels = batch.tensors.iter().find(|(name, _)| name == "label");
        let labels: Vec<i64> = labels
            .and_then(|(_, data)| data.try_to_vec().ok())
            .ok_or_else(|| DataError::config("batch", "a label for each item", "none"))?;
        let in_range = |label: &&i64| !(0..classes as i64).contains(*label);
        if let Some(label) = labels.iter().find(in_range) {
            let expected = format!("0 to {}", classes.saturating_sub(1));
            return Err(DataError::config("label", expected, label));
        }
        let (Self::MixUp { alpha } | Self::CutMix { alpha }) = *self;
        let weight = beta(alpha, &mut rng);
        // The place of the rectangle, as shares of the sides.
        let place = (rng.uniform(), rng.uniform());
        Ok(self.with(weight, place, batch, &labels, classes))
    }

    /// [`Mix::apply`] with what is drawn.
    fn with(
        &self,
        weight: f32,
        place: (f32, f32),
        batch: PlainBatch,
        labels: &[i64],
        classes: usize,
    ) -> PlainBatch {
        let mut own_share = weight;
        let mut tensors = Vec::with_capacity(batch.tensors.len());
        for (name, data) in batch.tensors {
            if name == "label" {
                continue;
            }
            if !name.starts_with("view") {
                tensors.push((name, data));
                continue;
            }
            let shape: [usize; 4] = data
                .shape()
                .to_vec()
                .try_into()
                .expect("a view has four dimensions");
            let mut values: Vec<f32> = data.try_into_vec().expect("a view is of f32");
            match self {
                Self::MixUp { .. } => mix_up(&mut values, shape[0], weight),
                Self::CutMix { .. } => {
                    let part = Rectangle::new(weight, place, (shape[2], shape[3]));
                    cut_mix(&mut values, shape, part);
                    own_share = 1.0 - part.share((shape[2], shape[3]));
                }
            }
            tensors.push((name, TensorData::new(values, shape)));
        }
        let count = labels.len();
        let mut targets = vec![0.0_f32; count * classes];
        for (item, row) in targets.chunks_exact_mut(classes).enumerate() {
            row[labels[item] as usize] += own_share;
            row[labels[(item + count - 1) % count] as usize] += 1.0 - own_share;
        }
        tensors.push((
            "target".to_owned(),
            TensorData::new(targets, [count, classes]),
        ));
        PlainBatch { tensors, ..batch }
    }
}

/// Rows and columns that come from the other picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rectangle {
    rows: (usize, usize),
    columns: (usize, usize),
}

impl Rectangle {
    /// Centred on a pixel and cut at the border, so that its area is at most `1 - weight`.
    fn new(weight: f32, (y, x): (f32, f32), (height, width): (usize, usize)) -> Self {
        let half = 0.5 * (1.0 - weight).max(0.0).sqrt();
        let line = |place: f32, side: usize| {
            let centre = (place * side as f32) as usize;
            let reach = (half * side as f32) as usize;
            (centre.saturating_sub(reach), (centre + reach).min(side))
        };
        Self {
            rows: line(y, height),
            columns: line(x, width),
        }
    }

    fn share(self, (height, width): (usize, usize)) -> f32 {
        let area = (self.rows.1 - self.rows.0) * (self.columns.1 - self.columns.0);
        area as f32 / (height * width) as f32
    }
}

fn mix_up(values: &mut [f32], count: usize, weight: f32) {
    let each = values.len() / count.max(1);
    let original = values.to_vec();
    let others = original
        .chunks_exact(each.max(1))
        .cycle()
        .skip(count.max(1) - 1);
    for (item, other) in values.chunks_exact_mut(each.max(1)).zip(others) {
        for (value, other) in item.iter_mut().zip(other) {
            *value = *value * weight + other * (1.0 - weight);
        }
    }
}

fn cut_mix(values: &mut [f32], [count, channels, height, width]: [usize; 4], part: Rectangle) {
    let original = values.to_vec();
    let each = channels * height * width;
    for item in 0..count {
        let other = (item + count - 1) % count;
        for channel in 0..channels {
            for row in part.rows.0..part.rows.1 {
                let line = (channel * height + row) * width;
                let (from, to) = (other * each + line, item * each + line);
                values[to + part.columns.0..to + part.columns.1]
                    .copy_from_slice(&original[from + part.columns.0..from + part.columns.1]);
            }
        }
    }
}

/// A draw from the Beta distribution with both parameters `alpha` (Jöhnk 1964), in logarithms, so that it also holds for small ones.
fn beta(alpha: f32, rng: &mut SampleRng) -> f32 {
    if alpha <= 1.0 {
        loop {
            // 1 - u lies in (0, 1], so that the logarithm is finite.
            let power =
                |rng: &mut SampleRng| f64::from(1.0 - rng.uniform()).ln() / f64::from(alpha);
            let (x, y) = (power(rng), power(rng));
            let larger = x.max(y);
            let sum = larger + ((x - larger).exp() + (y - larger).exp()).ln();
            if sum <= 0.0 {
                return (x - sum).exp() as f32;
            }
        }
    }
    let (x, y) = (gamma(alpha, rng), gamma(alpha, rng));
    (x / (x + y)) as f32
}

/// A draw from the Gamma distribution with a shape of at least 1 (Marsaglia and Tsang 2000, "A Simple Method for Generating Gamma
/// Variables").
fn gamma(shape: f32, rng: &mut SampleRng) -> f64 {
    let d = f64::from(shape) - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = f64::from(rng.normal());
        let v = (1.0 + c * x).powi(3);
        let u = f64::from(1.0 - rng.uniform());
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Collates by another collation and mixes the batch.
///
/// ```
/// use std::sync::Arc;
/// use tinderbox_data::mix::{Mix, Mixed};
/// use tinderbox_data::{ViewCollate, Loader, LoaderConfig, OneView, Preprocess, digits};
///
/// let view = OneView { augment: None, preprocess: Preprocess::plain((8, 8), 1) };
/// let collate = Mixed::new(ViewCollate, Mix::CutMix { alpha: 1.0 }, 10, 0)?;
/// let config = LoaderConfig { batch: 16, seed: 1, threads: 0, prefetch: 0, shuffle: true, max_bad: 0 };
/// let mut loader = Loader::new(Arc::new(digits()), view, collate, config)?;
/// let batch = loader.next_batch()?;
/// let (name, target) = &batch.tensors[1];
/// assert_eq!((name.as_str(), &target.shape()[..]), ("target", &[16, 10][..]));
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixed<C> {
    collate: C,
    mix: Mix,
    classes: usize,
    seed: u64,
}

impl<C> Mixed<C> {
    /// Mixes what `collate` gives. A batch's weight and rectangle are keyed by `seed` and the batch's items in their order.
    ///
    /// # Errors
    /// As [`Mix::validate`].
    pub fn new(collate: C, mix: Mix, classes: usize, seed: u64) -> Result<Self, DataError> {
        mix.validate()?;
        Ok(Self {
            collate,
            mix,
            classes,
            seed,
        })
    }
}

impl<S, C: Collate<S>> Collate<S> for Mixed<C> {
    /// # Panics
    /// As [`Mix::apply`], and where that gives an error: the loader makes it one of its own.
    fn collate(&self, samples: Vec<S>) -> PlainBatch {
        let batch = self.collate.collate(samples);
        // The order of the items differs from epoch to epoch, and so does its hash.
        let mut hasher = blake3::Hasher::new();
        for index in &batch.indices {
            hasher.update(&index.to_le_bytes());
        }
        let hash = hasher.finalize();
        let (first, _) = hash.as_bytes().split_at(8);
        let key = first
            .iter()
            .fold(0, |key, byte| key << 8 | u64::from(*byte));
        let rng = SampleRng::new(self.seed, 0, key, SampleRng::MIX);
        match self.mix.apply(batch, self.classes, rng) {
            Ok(batch) => batch,
            Err(error) => panic!("{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(labels: &[i64], [channels, height, width]: [usize; 3]) -> PlainBatch {
        let count = labels.len();
        let each = channels * height * width;
        let values: Vec<f32> = (0..count * each)
            .map(|place| (place / each) as f32)
            .collect();
        let shape = [count, channels, height, width];
        PlainBatch {
            indices: (0..count as u64).collect(),
            tensors: vec![
                ("view0".to_owned(), TensorData::new(values, shape)),
                (
                    "label".to_owned(),
                    TensorData::new(labels.to_vec(), [count]),
                ),
            ],
        }
    }

    /// The numbers are torchvision's, for the same draws.
    #[test]
    fn mixed_batches_agree_with_the_fixture() {
        let text = include_str!("../tests/fixtures/mixing.json");
        let fixture: serde_json::Value = serde_json::from_str(text).unwrap();
        let numbers = |value: &serde_json::Value| -> Vec<f32> {
            serde_json::from_value(value.clone()).unwrap()
        };
        let [count, channels, height, width]: [usize; 4] =
            serde_json::from_value(fixture["shape"].clone()).unwrap();
        let labels: Vec<i64> = serde_json::from_value(fixture["labels"].clone()).unwrap();
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 6);
        for case in cases {
            let shape = [count, channels, height, width];
            let view = TensorData::new(numbers(&fixture["images"]), shape);
            let batch = PlainBatch {
                indices: vec![0, 1, 2],
                tensors: vec![("view0".to_owned(), view)],
            };
            let mix = match case["mix"].as_str() {
                Some("mixup") => Mix::MixUp { alpha: 1.0 },
                _ => Mix::CutMix { alpha: 1.0 },
            };
            // The middle of the pixel that was drawn.
            let share = |name: &str, side: usize| {
                (case[name].as_u64().unwrap_or(0) as f32 + 0.5) / side as f32
            };
            let place = (share("y", height), share("x", width));
            let weight = case["weight"].as_f64().unwrap() as f32;
            let got = mix.with(weight, place, batch, &labels, 4);
            for ((_, got), name) in got.tensors.iter().zip(["view", "target"]) {
                let got = got.try_to_vec::<f32>().unwrap();
                let expected = numbers(&case[name]);
                assert_eq!(got.len(), expected.len());
                // Two products in single precision.
                let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
                assert!(got.iter().zip(&expected).all(close), "{name} of {case}");
            }
        }
    }

    fn mixed(mix: Mix, index: u64) -> (Vec<f32>, Vec<f32>) {
        let rng = SampleRng::new(0, 0, index, SampleRng::MIX);
        let got = mix.apply(batch(&[0, 2, 2], [2, 6, 5]), 3, rng).unwrap();
        let names: Vec<_> = got.tensors.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["view0", "target"]);
        let values = |place: usize| got.tensors[place].1.try_to_vec::<f32>().unwrap();
        assert_eq!(&got.tensors[1].1.shape()[..], [3, 3]);
        (values(0), values(1))
    }

    #[test]
    fn mixup_weights_pictures_and_targets_alike() {
        for index in 0..50 {
            let (view, target) = mixed(Mix::MixUp { alpha: 1.0 }, index);
            let weight = target[0];
            // Items hold their number: each is mixed with the one before.
            for (item, before) in [(0, 2.0), (1, 0.0), (2, 1.0)] {
                let expected = weight * item as f32 + (1.0 - weight) * before;
                let values = &view[item * 60..(item + 1) * 60];
                assert!(values.iter().all(|value| (value - expected).abs() < 1e-6));
            }
            let rest = 1.0 - weight;
            assert_eq!(
                target,
                [weight, 0.0, rest, rest, 0.0, weight, 0.0, 0.0, 1.0]
            );
        }
    }

    #[test]
    fn cutmix_targets_are_the_shares_of_the_pixels() {
        let mut shares = Vec::new();
        for index in 0..200 {
            let (view, target) = mixed(Mix::CutMix { alpha: 1.0 }, index);
            let own = view[60..120].iter().filter(|value| **value == 1.0).count();
            let other = view[60..120].iter().filter(|value| **value == 0.0).count();
            assert_eq!(own + other, 60);
            assert!((target[5] - own as f32 / 60.0).abs() < 1e-6);
            assert!((target[3] + target[5] - 1.0).abs() < 1e-6);
            // Both channels have the same rectangle.
            assert_eq!(view[60..90], view[90..120]);
            shares.push(own);
        }
        assert!(shares.contains(&60) && shares.iter().any(|share| *share < 30));
    }

    #[test]
    fn beta_has_its_moments() {
        for alpha in [0.2_f32, 1.0, 4.0] {
            let draws: Vec<f64> = (0..40_000)
                .map(|index| f64::from(beta(alpha, &mut SampleRng::new(3, 0, index, 0))))
                .collect();
            assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)));
            let count = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / count;
            let variance = draws.iter().map(|draw| (draw - 0.5).powi(2)).sum::<f64>() / count;
            let expected = 1.0 / (4.0 * (2.0 * f64::from(alpha) + 1.0));
            // Five standard errors of the mean; of the variance at most as much, since squares lie below 1/4.
            let error = 5.0 * (expected / count).sqrt();
            assert!((mean - 0.5).abs() < error, "{alpha}: {mean}");
            assert!((variance - expected).abs() < error, "{alpha}: {variance}");
        }
    }

    #[test]
    fn what_cannot_be_mixed_is_said() {
        let rng = || SampleRng::new(0, 0, 0, SampleRng::MIX);
        let mix = Mix::MixUp { alpha: 1.0 };
        let error = mix.apply(batch(&[0, 3], [1, 2, 2]), 3, rng()).unwrap_err();
        assert_eq!(error.to_string(), "`label` is 3, expected 0 to 2");
        let mut bare = batch(&[0, 1], [1, 2, 2]);
        bare.tensors.pop();
        assert!(mix.apply(bare, 3, rng()).is_err());
        for alpha in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(Mix::CutMix { alpha }.validate().is_err());
        }
    }

    #[test]
    fn a_mixed_collation_repeats_and_differs_by_its_items() {
        struct Pass;
        impl Collate<i64> for Pass {
            fn collate(&self, labels: Vec<i64>) -> PlainBatch {
                let mut made = batch(&labels, [1, 4, 4]);
                made.indices = labels.iter().map(|label| *label as u64).collect();
                made
            }
        }
        let mixed = Mixed::new(Pass, Mix::MixUp { alpha: 1.0 }, 4, 0).unwrap();
        assert_eq!(mixed.collate(vec![0, 1, 2]), mixed.collate(vec![0, 1, 2]));
        let weight = |items: Vec<i64>| {
            mixed.collate(items).tensors[1]
                .1
                .try_to_vec::<f32>()
                .unwrap()[0]
        };
        assert_ne!(weight(vec![0, 1, 2]), weight(vec![0, 2, 1]));
    }
}
