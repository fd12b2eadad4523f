//! Changes of colour with a given strength, as torchvision defines them. Results are clamped to 0..1.

use super::planes::{Planes, grey_of};
use super::simd::{sum, vectorised};

/// Multiplies all values.
pub(super) fn brightness(planes: &mut Planes, factor: f32) {
    if factor != 1.0 {
        blend_with(&mut planes.values, factor, 0.0);
    }
}

/// Moves all values from the mean grey (of all values, where there are no three channels) by the factor.
pub(super) fn contrast(planes: &mut Planes, factor: f32) {
    if factor == 1.0 || planes.values.is_empty() {
        return;
    }
    let mean = match planes.colours() {
        Some([red, green, blue]) => grey_of(sum(red), sum(green), sum(blue)) / planes.area() as f32,
        None => sum(&planes.values) / planes.values.len() as f32,
    };
    blend_with(&mut planes.values, factor, mean * (1.0 - factor));
}

/// Moves each pixel of three channels from its own grey by the factor; pictures of other channels stay as they are.
pub(super) fn saturation(planes: &mut Planes, factor: f32) {
    if factor != 1.0
        && let Some([red, green, blue]) = planes.colours_mut()
    {
        saturate(red, green, blue, factor);
    }
}

/// Turns the hue by a share of a full turn, which leaves the largest and the smallest of the three values as they are;
/// pictures of other channels stay as they are.
pub(super) fn hue(planes: &mut Planes, turns: f32) {
    if turns != 0.0
        && let Some([red, green, blue]) = planes.colours_mut()
    {
        // In sixths of a turn, 0..6.
        turn(red, green, blue, (turns * 6.0).rem_euclid(6.0));
    }
}

vectorised! {
    fn blend_with<'a>(values: &'a mut [f32], factor: f32, other: f32) {
        for value in values {
            *value = clamped(*value * factor + other);
        }
    }
}

vectorised! {
    fn saturate<'a>(
        red: &'a mut [f32],
        green: &'a mut [f32],
        blue: &'a mut [f32],
        factor: f32,
    ) {
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            let towards = grey_of(*red, *green, *blue) * (1.0 - factor);
            *red = clamped(*red * factor + towards);
            *green = clamped(*green * factor + towards);
            *blue = clamped(*blue * factor + towards);
        }
    }
}

vectorised! {
    fn turn<'a>(
        red: &'a mut [f32],
        green: &'a mut [f32],
        blue: &'a mut [f32],
        shift: f32,
    ) {
        for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
            let high = larger(larger(*red, *green), *blue);
            let low = smaller(smaller(*red, *green), *blue);
            let chroma = high - low;
            // A branch would keep the loop from being vectors: all three are computed, and grey divides 0 by 1.
            let per_chroma = 1.0 / if chroma > 0.0 { chroma } else { 1.0 };
            let from_red = (*green - *blue) * per_chroma;
            let from_green = 2.0 + (*blue - *red) * per_chroma;
            let from_blue = 4.0 + (*red - *green) * per_chroma;
            let from_others = if high == *green { from_green } else { from_blue };
            let sixth = if high == *red { from_red } else { from_others } + shift;
            *red = channel(5.0 + sixth, high, chroma);
            *green = channel(3.0 + sixth, high, chroma);
            *blue = channel(1.0 + sixth, high, chroma);
        }
    }
}

/// The value of a channel whose hue lies `k` sixths from where it is smallest, from 0 to 18.
#[inline(always)]
fn channel(k: f32, high: f32, chroma: f32) -> f32 {
    let k = if k >= 12.0 { k - 12.0 } else { k };
    let k = if k >= 6.0 { k - 6.0 } else { k };
    high - chroma * clamped(smaller(k, 4.0 - k))
}

/// `f32::clamp`, `min` and `max` spend instructions on numbers that are none; there are none here.
#[inline(always)]
fn clamped(value: f32) -> f32 {
    smaller(larger(value, 0.0), 1.0)
}

#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;
    use crate::{Image, Pixels};

    fn pixels(values: &[f32]) -> Planes {
        Planes::of(&Image::new(
            1,
            values.len() / 3,
            3,
            Pixels::F32(values.to_vec()),
        ))
    }

    #[test]
    fn primary_colours_turn_into_each_other() {
        let there = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5];
        let third = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.5, 0.5, 0.5];
        let mut planes = pixels(&there);
        hue(&mut planes, 1.0 / 3.0);
        assert_close(&planes.values, &pixels(&third).values, 1e-6);
        hue(&mut planes, -1.0 / 3.0);
        assert_close(&planes.values, &pixels(&there).values, 1e-6);
    }

    #[test]
    fn a_turn_there_and_back_changes_nothing() {
        let original = Planes::of(&noise(16, 16, 3));
        for turns in [0.1, 0.2, 0.37, 0.5] {
            let mut planes = original.clone();
            hue(&mut planes, turns);
            hue(&mut planes, -turns);
            assert_close(&planes.values, &original.values, 1e-5);
        }
    }

    #[test]
    fn contrast_goes_from_the_mean_whatever_the_channels() {
        for channels in [1, 2, 5] {
            let mut planes = Planes::of(&noise(6, 5, channels));
            let mean = planes.values.iter().sum::<f32>() / planes.values.len() as f32;
            contrast(&mut planes, 0.0);
            assert_close(&planes.values, &vec![mean; 30 * channels], 1e-6);
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
            let mut planes = Planes::of(&Image::new(4, 4, 3, Pixels::F32(input.clone())));
            match case["change"].as_str().unwrap() {
                "brightness" => brightness(&mut planes, by),
                "contrast" => contrast(&mut planes, by),
                "saturation" => saturation(&mut planes, by),
                "hue" => hue(&mut planes, by),
                other => panic!("{other}"),
            }
            let got = planes.into_image().into_f32();
            // Single precision, of values up to 1.
            assert_close(&got, &numbers(&case["output"]), 2e-6);
        }
    }
}
