//! The transforms of a recipe, one after the other.

use serde::{Deserialize, Serialize};

use super::{
    ColourJitter, GaussianBlur, HorizontalFlip, RandomAffine, RandomGreyscale, RandomResizedCrop,
};
use crate::{DataError, Image, SampleRng};

/// Which random transforms are applied; those left out are not.
///
/// Each transform that is named takes the defaults that its type documents for what it leaves out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Rotation, shift, size and shear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affine: Option<RandomAffine>,
    /// Random crop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<RandomResizedCrop>,
    /// Mirror image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<HorizontalFlip>,
    /// Changes of colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<ColourJitter>,
    /// Loss of colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greyscale: Option<RandomGreyscale>,
    /// Blur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<GaussianBlur>,
}

impl AugmentConfig {
    /// SimCLR's views for ImageNet (appendix A) with colours changed at `strength`: crop, flip, jitter, grey, blur.
    pub fn simclr(strength: f32) -> Self {
        Self {
            affine: None,
            crop: Some(RandomResizedCrop::default()),
            flip: Some(HorizontalFlip::default()),
            jitter: Some(ColourJitter::simclr(strength)),
            greyscale: Some(RandomGreyscale::default()),
            blur: Some(GaussianBlur::default()),
        }
    }

    /// SimCLR's views for CIFAR-10 (appendix B.9): strength 0.5 and no blur.
    pub fn simclr_small() -> Self {
        Self {
            blur: None,
            ..Self::simclr(0.5)
        }
    }

    /// The transforms, checked.
    ///
    /// # Errors
    /// [`DataError::Config`] with the first setting outside of its range.
    pub fn build(&self) -> Result<Augment, DataError> {
        let Self {
            affine,
            crop,
            flip,
            jitter,
            greyscale,
            blur,
        } = self;
        affine.as_ref().map_or(Ok(()), RandomAffine::validate)?;
        crop.as_ref().map_or(Ok(()), RandomResizedCrop::validate)?;
        flip.as_ref().map_or(Ok(()), HorizontalFlip::validate)?;
        jitter.as_ref().map_or(Ok(()), ColourJitter::validate)?;
        greyscale
            .as_ref()
            .map_or(Ok(()), RandomGreyscale::validate)?;
        blur.as_ref().map_or(Ok(()), GaussianBlur::validate)?;
        Ok(Augment {
            config: self.clone(),
        })
    }
}

/// Random transforms in a fixed order: affine, crop, flip, jitter, greyscale, blur.
#[derive(Debug, Clone, PartialEq)]
pub struct Augment {
    config: AugmentConfig,
}

impl Augment {
    /// What it was built from.
    pub fn config(&self) -> &AugmentConfig {
        &self.config
    }

    /// A random version of the picture, with values in 0..1.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        let size = (image.height, image.width);
        self.apply_to_size(image, size, rng)
    }

    /// [`Augment::apply`], where a crop without a size of its own crops to `size`, so that nothing is resized twice.
    pub fn apply_to_size(
        &self,
        mut image: Image,
        size: (usize, usize),
        rng: &mut SampleRng,
    ) -> Image {
        let config = &self.config;
        image = image.to_f32();
        if let Some(affine) = &config.affine {
            image = affine.apply(image, rng);
        }
        if let Some(crop) = config.crop {
            let size = crop.size.or(Some(size));
            image = RandomResizedCrop { size, ..crop }.apply(image, rng);
        }
        if let Some(flip) = &config.flip {
            image = flip.apply(image, rng);
        }
        if let Some(jitter) = &config.jitter {
            image = jitter.apply(image, rng);
        }
        if let Some(greyscale) = &config.greyscale {
            image = greyscale.apply(image, rng);
        }
        if let Some(blur) = &config.blur {
            image = blur.apply(image, rng);
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    fn all() -> AugmentConfig {
        AugmentConfig {
            affine: Some(RandomAffine::default()),
            ..AugmentConfig::simclr(1.0)
        }
    }

    #[test]
    fn equal_keys_give_equal_views_and_others_do_not() {
        let augment = all().build().unwrap();
        let view = |index| {
            let mut rng = SampleRng::new(1, 2, index, SampleRng::VIEW);
            augment.apply(noise(32, 24, 3), &mut rng)
        };
        assert_eq!(view(5), view(5));
        assert_ne!(view(5), view(6));
    }

    #[test]
    fn values_stay_within_0_and_1() {
        let augment = all().build().unwrap();
        for channels in [1, 2, 3] {
            for index in 0..50 {
                let mut rng = SampleRng::new(1, 2, index, SampleRng::VIEW);
                let image = augment.apply_to_size(noise(40, 25, channels), (24, 20), &mut rng);
                assert_eq!((image.height, image.width), (24, 20));
                let values = image.into_f32();
                // Sums of weights that round to 1 may pass it by a few units in the last place.
                assert!(values.iter().all(|value| (0.0..=1.000_001).contains(value)));
            }
        }
    }

    #[test]
    fn nothing_named_is_the_identity() {
        let augment = AugmentConfig::default().build().unwrap();
        let image = noise(5, 4, 3);
        let got = augment.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got, image);
    }

    #[test]
    fn a_recipe_names_what_differs_from_the_defaults() {
        let text = r#"{"crop": {"scale": [0.2, 1.0]}, "flip": {}}"#;
        let config: AugmentConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.crop.unwrap().scale, (0.2, 1.0));
        assert_eq!(config.crop.unwrap().ratio.0, 0.75);
        assert_eq!(config.flip, Some(HorizontalFlip { p: 0.5 }));
        assert_eq!(config.jitter, None);
        for text in [r#"{"flipp": {}}"#, r#"{"flip": {"q": 1}}"#] {
            assert!(serde_json::from_str::<AugmentConfig>(text).is_err());
        }
    }

    #[test]
    fn settings_outside_of_their_range_are_named() {
        let mut config = all();
        config.jitter.as_mut().unwrap().hue = 0.6;
        let error = config.build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`jitter.hue` is 0.6, expected a number from 0 to 0.5"
        );
        let mut config = all();
        config.crop.as_mut().unwrap().scale = (0.0, f32::NAN);
        assert!(config.build().is_err());
        let mut config = all();
        config.crop.as_mut().unwrap().scale = (0.9, 0.1);
        assert!(config.build().is_err());
    }
}
