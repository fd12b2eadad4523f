//! The transforms of a recipe, one after the other.

use serde::{Deserialize, Serialize};

use super::planes::Planes;
use super::{
    ColourJitter, GaussianBlur, HorizontalFlip, RandAugment, RandomAffine, RandomErasing,
    RandomGreyscale, RandomResizedCrop, Solarise,
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
    /// Several changes out of a list of fourteen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rand_augment: Option<RandAugment>,
    /// Changes of colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<ColourJitter>,
    /// Loss of colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greyscale: Option<RandomGreyscale>,
    /// Blur.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<GaussianBlur>,
    /// Bright values turned dark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solarise: Option<Solarise>,
    /// A rectangle without the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erase: Option<RandomErasing>,
}

impl AugmentConfig {
    /// SimCLR's views for ImageNet (appendix A) with colours changed at `strength`: crop, flip, jitter, grey, blur.
    pub fn simclr(strength: f32) -> Self {
        Self {
            crop: Some(RandomResizedCrop::default()),
            flip: Some(HorizontalFlip::default()),
            jitter: Some(ColourJitter::simclr(strength)),
            greyscale: Some(RandomGreyscale::default()),
            blur: Some(GaussianBlur::default()),
            ..Self::default()
        }
    }

    /// SimCLR's views for CIFAR-10 (appendix B.9): strength 0.5 and no blur.
    pub fn simclr_small() -> Self {
        Self {
            blur: None,
            ..Self::simclr(0.5)
        }
    }

    /// SimCLR's views for squares of so many pixels a side: those for ImageNet beyond 96, else those for CIFAR-10, where below 32 a crop
    /// keeps a fifth at least, since less is a few pixels. One channel has no colour to lose.
    pub fn simclr_for(side: usize, channels: usize) -> Self {
        let mut config = if side > 96 {
            Self::simclr(1.0)
        } else {
            Self::simclr_small()
        };
        if let Some(crop) = config.crop.as_mut().filter(|_| side < 32) {
            crop.scale.0 = 0.2;
        }
        config.greyscale = config.greyscale.filter(|_| channels > 1);
        config
    }

    /// The names of the transforms that are applied, in their order.
    pub fn names(&self) -> Vec<&'static str> {
        let named = [
            ("affine", self.affine.is_some()),
            ("crop", self.crop.is_some()),
            ("flip", self.flip.is_some()),
            ("rand_augment", self.rand_augment.is_some()),
            ("jitter", self.jitter.is_some()),
            ("greyscale", self.greyscale.is_some()),
            ("blur", self.blur.is_some()),
            ("solarise", self.solarise.is_some()),
            ("erase", self.erase.is_some()),
        ];
        let applied = named.into_iter().filter(|(_, is_there)| *is_there);
        applied.map(|(name, _)| name).collect()
    }

    /// DINO's views (Caron et al. 2021, and its code): of the two global crops and of the local crops, for
    /// [`MultiCrop`](crate::MultiCrop), which cuts them. They differ in how often they are blurred, and the second is solarised too.
    pub fn dino() -> ([Self; 2], Self) {
        let jitter = ColourJitter {
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.2,
            hue: 0.1,
            p: 0.8,
        };
        let blurred = |p: f32| Self {
            jitter: Some(jitter),
            blur: Some(GaussianBlur {
                p,
                ..GaussianBlur::default()
            }),
            ..Self::simclr(1.0)
        };
        let second = Self {
            solarise: Some(Solarise::default()),
            ..blurred(0.1)
        };
        ([blurred(1.0), second], blurred(0.5))
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
            rand_augment,
            jitter,
            greyscale,
            blur,
            solarise,
            erase,
        } = self;
        fn check<T>(
            transform: &Option<T>,
            validate: impl Fn(&T) -> Result<(), DataError>,
        ) -> Result<(), DataError> {
            transform.as_ref().map_or(Ok(()), validate)
        }
        check(affine, RandomAffine::validate)?;
        check(crop, RandomResizedCrop::validate)?;
        check(flip, HorizontalFlip::validate)?;
        check(rand_augment, RandAugment::validate)?;
        check(jitter, ColourJitter::validate)?;
        check(greyscale, RandomGreyscale::validate)?;
        check(blur, GaussianBlur::validate)?;
        check(solarise, Solarise::validate)?;
        check(erase, RandomErasing::validate)?;
        Ok(Augment {
            config: self.clone(),
        })
    }
}

/// Random transforms in a fixed order: affine, crop, flip, RandAugment, jitter, greyscale, blur, solarise, erase.
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
    pub fn apply_to_size(&self, image: Image, size: (usize, usize), rng: &mut SampleRng) -> Image {
        let channels = image.channels;
        self.planes(&image, channels, size, rng).into_image()
    }

    /// [`Augment::apply_to_size`] in planes of so many channels. Only what a crop takes is converted, unless `affine` needs all.
    ///
    /// # Panics
    /// If the picture's channels cannot become so many.
    pub(crate) fn planes(
        &self,
        image: &Image,
        channels: usize,
        size: (usize, usize),
        rng: &mut SampleRng,
    ) -> Planes {
        let config = &self.config;
        let moved = config.affine.map(|affine| {
            let mut planes = Planes::of(image);
            affine.change(&mut planes, rng);
            planes
        });
        let cut = match (config.crop, moved) {
            (None, None) => Planes::of(image),
            (None, Some(moved)) => moved,
            (Some(crop), None) => crop.cut(image, size, rng),
            (Some(crop), Some(moved)) => crop.cut(&moved.into_image(), size, rng),
        };
        // Colours mean something from here on, so the channels have to be the right ones.
        let mut planes = cut.with_channels(channels);
        if let Some(flip) = &config.flip {
            flip.change(&mut planes, rng);
        }
        if let Some(rand_augment) = &config.rand_augment {
            rand_augment.change(&mut planes, rng);
        }
        if let Some(jitter) = &config.jitter {
            jitter.change(&mut planes, rng);
        }
        if let Some(greyscale) = &config.greyscale {
            greyscale.change(&mut planes, rng);
        }
        if let Some(blur) = &config.blur {
            blur.change(&mut planes, rng);
        }
        if let Some(solarise) = &config.solarise {
            solarise.change(&mut planes, rng);
        }
        if let Some(erase) = &config.erase {
            erase.change(&mut planes, rng);
        }
        planes
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    fn all() -> AugmentConfig {
        AugmentConfig {
            affine: Some(RandomAffine::default()),
            rand_augment: Some(RandAugment::default()),
            solarise: Some(Solarise::default()),
            erase: Some(RandomErasing::default()),
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
    fn simclr_has_views_for_every_size() {
        let names = |side, channels| AugmentConfig::simclr_for(side, channels).names();
        assert_eq!(
            names(224, 3),
            ["crop", "flip", "jitter", "greyscale", "blur"]
        );
        assert_eq!(names(32, 3), ["crop", "flip", "jitter", "greyscale"]);
        assert_eq!(names(8, 1), ["crop", "flip", "jitter"]);
        let least = |side| {
            AugmentConfig::simclr_for(side, 3)
                .crop
                .map(|crop| crop.scale.0)
        };
        assert_eq!((least(16), least(32)), (Some(0.2), Some(0.08)));
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
