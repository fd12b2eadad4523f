//! Random changes of colour.

use serde::{Deserialize, Serialize};

use super::{check_probability, check_range, map_values};
use crate::image::grey;
use crate::{DataError, Image, SampleRng};

/// Changes brightness, contrast, saturation and hue at random, in random order.
///
/// Factors are uniform in `[max(0, 1 - b), 1 + b]`, the shift of the hue in `[-hue, hue]` turns; each result is clamped to 0..1. These
/// are torchvision's definitions. Saturation and hue exist for 3 channels only; brightness and contrast for any, where the grey
/// towards which contrast goes is the mean of all values (of the weighted grey for 3 channels).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColourJitter {
    /// Strength of the change of brightness, not negative.
    pub brightness: f32,
    /// Strength of the change of contrast, not negative.
    pub contrast: f32,
    /// Strength of the change of saturation, not negative.
    pub saturation: f32,
    /// The largest shift of the hue, in turns, 0 to 0.5.
    pub hue: f32,
    /// The probability that anything is changed.
    pub p: f32,
}

impl Default for ColourJitter {
    /// SimCLR, appendix A, at its strength 1.
    fn default() -> Self {
        Self::simclr(1.0)
    }
}

impl ColourJitter {
    /// SimCLR, appendix A: brightness, contrast, saturation 0.8 s, hue 0.2 s, in 0.8 of the cases. The paper takes `s` = 1 for
    /// ImageNet and 0.5 for CIFAR-10.
    pub fn simclr(strength: f32) -> Self {
        Self {
            brightness: 0.8 * strength,
            contrast: 0.8 * strength,
            saturation: 0.8 * strength,
            hue: 0.2 * strength,
            p: 0.8,
        }
    }

    /// The picture, changed or not.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        if !rng.bool(self.p) {
            return image.to_f32();
        }
        let mut order = [0, 1, 2, 3];
        rng.shuffle(&mut order);
        let mut factor = |strength: f32| rng.range((1.0 - strength).max(0.0)..1.0 + strength);
        let by = [self.brightness, self.contrast, self.saturation].map(&mut factor);
        let turns = rng.range(-self.hue..self.hue);
        let channels = image.channels;
        map_values(image, |values| {
            for change in order {
                match change {
                    0 => brightness(values, by[0]),
                    1 => contrast(values, channels, by[1]),
                    2 if channels == 3 => saturation(values, by[2]),
                    3 if channels == 3 => hue(values, turns),
                    _ => {}
                }
            }
        })
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_range("jitter.brightness", self.brightness, 0.0, 1e3)?;
        check_range("jitter.contrast", self.contrast, 0.0, 1e3)?;
        check_range("jitter.saturation", self.saturation, 0.0, 1e3)?;
        check_range("jitter.hue", self.hue, 0.0, 0.5)?;
        check_probability("jitter.p", self.p)
    }
}

fn brightness(values: &mut [f32], factor: f32) {
    if factor != 1.0 {
        for value in values {
            *value = (*value * factor).clamp(0.0, 1.0);
        }
    }
}

fn contrast(values: &mut [f32], channels: usize, factor: f32) {
    if factor == 1.0 || values.is_empty() {
        return;
    }
    let sum = if channels == 3 {
        values
            .as_chunks::<3>()
            .0
            .iter()
            .map(|rgb| grey(rgb))
            .sum::<f32>()
            * 3.0
    } else {
        values.iter().sum::<f32>()
    };
    let towards = sum / values.len() as f32 * (1.0 - factor);
    for value in values {
        *value = (*value * factor + towards).clamp(0.0, 1.0);
    }
}

fn saturation(values: &mut [f32], factor: f32) {
    if factor != 1.0 {
        for pixel in values.as_chunks_mut::<3>().0 {
            let towards = grey(pixel) * (1.0 - factor);
            *pixel = pixel.map(|value| (value * factor + towards).clamp(0.0, 1.0));
        }
    }
}

/// Turns the hue, which leaves the largest and the smallest of the three values as they are.
fn hue(values: &mut [f32], turns: f32) {
    if turns == 0.0 {
        return;
    }
    // In sixths of a turn, 0..6.
    let shift = (turns * 6.0).rem_euclid(6.0);
    for pixel in values.as_chunks_mut::<3>().0 {
        let [red, green, blue] = *pixel;
        let high = red.max(green).max(blue);
        let chroma = high - red.min(green).min(blue);
        if chroma <= 0.0 {
            continue;
        }
        let (base, difference) = if high == red {
            (0.0, green - blue)
        } else if high == green {
            (2.0, blue - red)
        } else {
            (4.0, red - green)
        };
        // From -1 to 11, of which the channels below need a value from -6 to 12.
        let sixth = base + difference / chroma + shift;
        *pixel = [5.0, 3.0, 1.0].map(|channel| {
            let mut k = channel + sixth;
            k -= if k >= 12.0 {
                12.0
            } else if k >= 6.0 {
                6.0
            } else {
                0.0
            };
            high - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;
    use crate::Pixels;

    #[test]
    fn strength_0_and_p_0_are_the_identity() {
        let mut rng = SampleRng::new(0, 0, 0, 0);
        let never = ColourJitter {
            p: 0.0,
            ..ColourJitter::default()
        };
        let nothing = ColourJitter {
            p: 1.0,
            ..ColourJitter::simclr(0.0)
        };
        for channels in [1, 2, 3] {
            let image = noise(6, 5, channels);
            assert_eq!(never.apply(image.clone(), &mut rng), image);
            assert_eq!(nothing.apply(image.clone(), &mut rng), image);
        }
    }

    #[test]
    fn results_stay_within_0_and_1() {
        let jitter = ColourJitter {
            p: 1.0,
            ..ColourJitter::simclr(1.0)
        };
        for index in 0..200 {
            let mut rng = SampleRng::new(0, 0, index, 0);
            for channels in [1, 3] {
                let got = jitter.apply(noise(6, 5, channels), &mut rng).into_f32();
                assert!(got.iter().all(|value| (0.0..=1.0).contains(value)));
            }
        }
    }

    #[test]
    fn primary_colours_turn_into_each_other() {
        let mut values = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5];
        hue(&mut values, 1.0 / 3.0);
        let third = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.5, 0.5];
        assert_close(&values, &third, 1e-6);
        hue(&mut values, -1.0 / 3.0);
        let back = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5];
        assert_close(&values, &back, 1e-6);
    }

    #[test]
    fn a_whole_turn_and_back_changes_nothing() {
        let image = noise(16, 16, 3).into_f32();
        for turns in [0.1, 0.2, 0.37, 0.5] {
            let mut values = image.clone();
            hue(&mut values, turns);
            hue(&mut values, -turns);
            assert_close(&values, &image, 1e-5);
        }
    }

    /// The numbers come from `tests/fixtures/views.py`, which uses Python's own `colorsys` and no code of this crate.
    #[test]
    fn each_change_agrees_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/jitter.json"));
        let input = numbers(&fixture["input"]);
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 13);
        for case in cases {
            let by = case["by"].as_f64().unwrap() as f32;
            let image = Image::new(4, 4, 3, Pixels::F32(input.clone()));
            let got = map_values(image, |values| match case["change"].as_str().unwrap() {
                "brightness" => brightness(values, by),
                "contrast" => contrast(values, 3, by),
                "saturation" => saturation(values, by),
                "hue" => hue(values, by),
                other => panic!("{other}"),
            });
            // Single precision, of values up to 1.
            assert_close(&got.into_f32(), &numbers(&case["output"]), 2e-6);
        }
    }
}
