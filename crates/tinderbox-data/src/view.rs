//! From an item to the sample that a batch is made of.

use crate::{Augment, Image, ImageItem, Preprocess, Sample, SampleRng};

/// A random transform of an item, called by the loader.
pub trait View<I>: Send + Sync {
    /// What it makes of an item.
    type Out: Send;

    /// Makes it; all randomness comes from `rng`, which also knows the item's index.
    fn apply(&self, item: I, rng: SampleRng) -> Self::Out;
}

/// Two random views of each picture, for contrastive objectives.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoViews {
    /// The random transforms; a crop without a size crops to the size of `preprocess`.
    pub augment: Augment,
    /// Size, channels and normalisation of the result.
    pub preprocess: Preprocess,
}

impl View<ImageItem> for TwoViews {
    type Out = Sample;

    /// # Panics
    /// If the picture's channels cannot become those of `preprocess`.
    fn apply(&self, item: ImageItem, rng: SampleRng) -> Sample {
        let view = |number| augmented(&self.augment, &self.preprocess, &item.image, &rng, number);
        sample(vec![view(0), view(1)], &self.preprocess, item.label, &rng)
    }
}

/// One view of each picture, random or plain, for supervised objectives and for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct OneView {
    /// The random transforms, or `None` for the picture as it is.
    pub augment: Option<Augment>,
    /// Size, channels and normalisation of the result.
    pub preprocess: Preprocess,
}

impl View<ImageItem> for OneView {
    type Out = Sample;

    /// # Panics
    /// If the picture's channels cannot become those of `preprocess`.
    fn apply(&self, item: ImageItem, rng: SampleRng) -> Sample {
        let view = match &self.augment {
            None => self.preprocess.apply(&item.image),
            Some(augment) => augmented(augment, &self.preprocess, &item.image, &rng, 0),
        };
        sample(vec![view], &self.preprocess, item.label, &rng)
    }
}

/// View `number` of a picture, as a model takes it.
pub(crate) fn augmented(
    augment: &Augment,
    preprocess: &Preprocess,
    image: &Image,
    rng: &SampleRng,
    number: u64,
) -> Vec<f32> {
    let (channels, size) = (preprocess.channels, preprocess.size);
    preprocess.finish(augment.planes(image, channels, size, &mut rng.stream(number)))
}

pub(crate) fn sample(
    views: Vec<Vec<f32>>,
    preprocess: &Preprocess,
    label: Option<u32>,
    rng: &SampleRng,
) -> Sample {
    let (height, width) = preprocess.size;
    Sample {
        views,
        shape: [preprocess.channels, height, width],
        label,
        index: rng.index(),
    }
}
