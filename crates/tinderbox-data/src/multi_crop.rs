//! Several crops of two sizes.

use serde::{Deserialize, Serialize};

use crate::view::{augmented, sample};
use crate::{
    Augment, AugmentConfig, DataError, ImageItem, Preprocess, RandomResizedCrop, Sample, SampleRng,
    View,
};

/// A few large crops of much of the picture and several small ones of little of it (Caron et al. 2020, "Unsupervised Learning of
/// Visual Features by Contrasting Cluster Assignments"; Caron et al. 2021, "Emerging Properties in Self-Supervised Vision
/// Transformers").
///
/// An item becomes two samples, first the global crops, then the local ones; [`ViewCollate`](crate::ViewCollate) numbers their views
/// on, so that `view0` and `view1` are global and `view2` and so on local.
#[derive(Debug, Clone, PartialEq)]
pub struct MultiCrop {
    globals: Crops,
    locals: Crops,
}

/// The crops of one size.
#[derive(Debug, Clone, PartialEq)]
struct Crops {
    count: usize,
    /// Crop `i` takes number `i`, beginning anew after the last.
    augments: Vec<Augment>,
    preprocess: Preprocess,
}

/// How many crops of which size; [`MultiCropConfig::build`] makes a [`MultiCrop`] of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiCropConfig {
    /// Global crops.
    pub globals: usize,
    /// Height and width of a global crop.
    pub global_size: (usize, usize),
    /// Bounds of a global crop's share of the area.
    pub global_scale: (f32, f32),
    /// Local crops.
    pub locals: usize,
    /// Height and width of a local crop.
    pub local_size: (usize, usize),
    /// Bounds of a local crop's share of the area.
    pub local_scale: (f32, f32),
}

impl Default for MultiCropConfig {
    /// DINO's: 2 crops of 224 x 224 with at least 0.4 of the area, 8 of 96 x 96 with at most 0.4.
    fn default() -> Self {
        Self {
            globals: 2,
            global_size: (224, 224),
            global_scale: (0.4, 1.0),
            locals: 8,
            local_size: (96, 96),
            local_scale: (0.05, 0.4),
        }
    }
}

impl MultiCropConfig {
    /// The view. Global crops take the augmentations of `globals` in turn, since some methods treat the second crop otherwise than the
    /// first ([`AugmentConfig::dino`]), local ones those of `locals`. The scale and size of an augmentation's own crop are replaced,
    /// and so is the size of `preprocess`, which gives channels and normalisation.
    ///
    /// # Errors
    /// [`DataError::Config`] for the first setting outside of its range, and for no crops or no augmentations of a kind.
    pub fn build(
        self,
        globals: &[AugmentConfig],
        locals: &[AugmentConfig],
        preprocess: &Preprocess,
    ) -> Result<MultiCrop, DataError> {
        let crops = |name, augments: &[AugmentConfig], count, size, scale| {
            if count == 0 || augments.is_empty() {
                let got = format!("{count} with {} augmentations", augments.len());
                return Err(DataError::config(name, "at least 1 of each", got));
            }
            let augments = augments.iter().map(|augment| {
                let crop = RandomResizedCrop {
                    size: Some(size),
                    scale,
                    ..augment.crop.unwrap_or_default()
                };
                let augment = AugmentConfig {
                    crop: Some(crop),
                    ..augment.clone()
                };
                augment.build()
            });
            let preprocess = Preprocess {
                size,
                ..preprocess.clone()
            };
            preprocess.validate()?;
            Ok(Crops {
                count,
                augments: augments.collect::<Result<_, _>>()?,
                preprocess,
            })
        };
        let (global, local) = (self.global_scale, self.local_scale);
        Ok(MultiCrop {
            globals: crops("globals", globals, self.globals, self.global_size, global)?,
            locals: crops("locals", locals, self.locals, self.local_size, local)?,
        })
    }
}

impl View<ImageItem> for MultiCrop {
    type Out = Vec<Sample>;

    /// # Panics
    /// If the picture's channels cannot become those of the preprocessing.
    fn apply(&self, item: ImageItem, rng: SampleRng) -> Vec<Sample> {
        let crops = |crops: &Crops, first: usize| {
            let views = (0..crops.count).map(|number| {
                let augment = &crops.augments[number % crops.augments.len()];
                let number = (first + number) as u64;
                augmented(augment, &crops.preprocess, &item.image, &rng, number)
            });
            sample(views.collect(), &crops.preprocess, item.label, &rng)
        };
        vec![
            crops(&self.globals, 0),
            crops(&self.locals, self.globals.count),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Collate, Image, Pixels, ViewCollate};

    fn item() -> ImageItem {
        let values = (0..60 * 40 * 3).map(|value| (value % 251) as u8).collect();
        ImageItem {
            image: Image::new(60, 40, 3, Pixels::U8(values)),
            label: Some(4),
            id: "x".to_owned(),
        }
    }

    fn small() -> MultiCropConfig {
        MultiCropConfig {
            global_size: (24, 24),
            locals: 3,
            local_size: (8, 8),
            ..MultiCropConfig::default()
        }
    }

    #[test]
    fn a_batch_has_global_views_and_then_local_ones() {
        let augment = [AugmentConfig::simclr(1.0)];
        let view = small()
            .build(&augment, &augment, &Preprocess::plain((1, 1), 3))
            .unwrap();
        let made = |index| view.apply(item(), SampleRng::new(0, 0, index, SampleRng::VIEW));
        assert_eq!(made(1), made(1));
        let all: Vec<_> = made(1)
            .into_iter()
            .flat_map(|sample| sample.views)
            .collect();
        for (place, view) in all.iter().enumerate() {
            assert!(!all[..place].contains(view), "crop {place} is not its own");
        }
        let batch = ViewCollate.collate(vec![made(0), made(1)]);
        let found: Vec<_> = batch
            .tensors
            .iter()
            .map(|(name, data)| (name.as_str(), data.shape().to_vec()))
            .collect();
        let (large, little) = (vec![2, 3, 24, 24], vec![2, 3, 8, 8]);
        let expected = [
            ("view0", large.clone()),
            ("view1", large),
            ("view2", little.clone()),
            ("view3", little.clone()),
            ("view4", little),
            ("label", vec![2]),
        ];
        assert_eq!(found, expected);
        assert_eq!(batch.indices, [0, 1]);
    }

    #[test]
    fn crops_take_their_share_of_the_area() {
        // Bytes that name their row: a crop's rows span what its share of the area lets it.
        let values = (0..60 * 60).map(|place| (place / 60) as u8).collect();
        let rows = ImageItem {
            image: Image::new(60, 60, 1, Pixels::U8(values)),
            ..item()
        };
        let augment = [AugmentConfig::default()];
        let view = small()
            .build(&augment, &augment, &Preprocess::plain((1, 1), 1))
            .unwrap();
        for index in 0..50 {
            let samples = view.apply(rows.clone(), SampleRng::new(0, 0, index, SampleRng::VIEW));
            let span = |values: &Vec<f32>| {
                let most = values.iter().copied().fold(f32::MIN, f32::max);
                255.0 * (most - values.iter().copied().fold(f32::MAX, f32::min))
            };
            // Sides of shares 0.4 and 0.05 with a ratio of up to 4/3 are 33 and 12 pixels at least, 44 at most of share 0.4.
            assert!(samples[0].views.iter().all(|view| span(view) > 28.0));
            assert!(
                samples[1]
                    .views
                    .iter()
                    .all(|view| (7.0..45.0).contains(&span(view)))
            );
        }
    }

    #[test]
    fn settings_outside_of_their_range_are_named() {
        let none = MultiCropConfig {
            locals: 0,
            ..small()
        };
        let augment = [AugmentConfig::default()];
        let preprocess = Preprocess::plain((1, 1), 3);
        let error = none.build(&augment, &augment, &preprocess).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`locals` is 0 with 1 augmentations, expected at least 1 of each"
        );
        assert!(small().build(&[], &augment, &preprocess).is_err());
        let wide = MultiCropConfig {
            local_scale: (0.1, 2.0),
            ..small()
        };
        assert!(wide.build(&augment, &augment, &preprocess).is_err());
    }

    #[test]
    fn global_crops_take_their_augmentations_in_turn() {
        let grey = AugmentConfig {
            greyscale: Some(crate::RandomGreyscale { p: 1.0 }),
            ..AugmentConfig::default()
        };
        let globals = [AugmentConfig::default(), grey];
        let config = MultiCropConfig {
            globals: 3,
            ..small()
        };
        let plain = Preprocess::plain((1, 1), 3);
        let view = config.build(&globals, &globals[..1], &plain).unwrap();
        let samples = view.apply(item(), SampleRng::new(0, 0, 0, SampleRng::VIEW));
        let is_grey =
            |view: &Vec<f32>| view[..view.len() / 3] == view[view.len() / 3..view.len() / 3 * 2];
        let found: Vec<bool> = samples[0].views.iter().map(is_grey).collect();
        assert_eq!(found, [false, true, false]);
        assert!(!samples[1].views.iter().any(is_grey));
        let ([first, second], local) = AugmentConfig::dino();
        assert!(small().build(&[first, second], &[local], &plain).is_ok());
    }
}
