//! Antialiased resampling of a part of a picture.

use serde::{Deserialize, Serialize};

use super::planes::Planes;
use super::simd::weighted_lines;
use crate::{Image, Pixels};

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Rectangle {
    /// All of a picture.
    pub(crate) fn whole(image: &Image) -> Self {
        Self {
            top: 0,
            left: 0,
            height: image.height,
            width: image.width,
        }
    }
}

/// By what a new pixel is made of the old ones near it; both as in Pillow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResizeFilter {
    /// The triangle, 1 - |x|.
    #[default]
    Bilinear,
    /// Keys' cubic with a = -0.5, sharper; what overshoots is cut off at 0 and 1.
    Bicubic,
}

impl ResizeFilter {
    /// How far from its middle it reaches.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The weight at a distance, which is not negative.
    fn weight(self, distance: f64) -> f64 {
        let x = distance;
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}

/// For each output place the first input place and the weights of the inputs from there on.
struct Axis {
    first: Vec<usize>,
    /// `taps` weights for each output place, padded with zeros.
    weights: Vec<f32>,
    taps: usize,
}

impl Axis {
    /// The filter, widened by the factor of shrinking and never narrower than one pixel, with its weights
    /// normalised where it is cut at the border; this is Pillow's.
    fn new(from: usize, to: usize, filter: ResizeFilter) -> Self {
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let steepness = 1.0 / stretch;
        // As many places as can lie nearer to a centre than the support.
        let taps = ((2.0 * support).ceil() as usize).min(from);
        let mut first = Vec::with_capacity(to);
        let mut weights = vec![0.0; to * taps];
        for (place, weights) in weights.chunks_exact_mut(taps).enumerate() {
            let centre = (place as f64 + 0.5) * scale;
            let low = ((centre - support - 0.5).floor() + 1.0).max(0.0) as usize;
            let high = ((centre + support - 0.5).ceil() as usize).min(from);
            // The padding must stay within the picture too.
            let low = low.min(from - taps);
            let mut sum = 0.0;
            for (weight, input) in weights.iter_mut().zip(low..high) {
                let distance = (input as f64 + 0.5 - centre).abs() * steepness;
                *weight = filter.weight(distance) as f32;
                sum += *weight;
            }
            let share = 1.0 / sum;
            for weight in weights.iter_mut() {
                *weight *= share;
            }
            first.push(low);
        }
        Self {
            first,
            weights,
            taps,
        }
    }

    fn places(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let firsts = self.first.iter().copied();
        firsts.zip(self.weights.chunks_exact(self.taps))
    }
}

/// Cuts `part` out of a picture and resamples it to `size` (height, width). Nothing outside of the part is converted.
///
/// # Panics
/// If a size is 0 or the part is not within the picture.
pub(crate) fn resample(
    image: &Image,
    part: Rectangle,
    size: (usize, usize),
    filter: ResizeFilter,
) -> Planes {
    image.check();
    assert!(
        part.height * part.width * size.0 * size.1 > 0,
        "a picture of {} x {} cannot be resized to {} x {}",
        part.height,
        part.width,
        size.0,
        size.1
    );
    let mut planes = match &image.pixels {
        Pixels::U8(values) => resample_values(image, values, 255.0, part, size, filter),
        Pixels::F32(values) => resample_values(image, values, 1.0, part, size, filter),
    };
    if filter == ResizeFilter::Bicubic {
        for value in &mut planes.values {
            *value = value.clamp(0.0, 1.0);
        }
    }
    planes
}

/// `full` is the value that becomes 1.
fn resample_values<T: Copy + Into<f32>>(
    image: &Image,
    values: &[T],
    full: f32,
    part: Rectangle,
    (height, width): (usize, usize),
    filter: ResizeFilter,
) -> Planes {
    let channels = image.channels;
    let row = image.width * channels;
    let rows = values[part.top * row..]
        .chunks(row)
        .take(part.height)
        .map(|line| &line[part.left * channels..][..part.width * channels]);
    let across = Axis::new(part.width, width, filter);
    // A plane after the other, each still as high as the part.
    let mut narrow = vec![0.0; channels * part.height * width];
    let mut shares = vec![0.0; part.width * channels + LANES];
    for (y, line) in rows.enumerate() {
        for (share, value) in shares.iter_mut().zip(line) {
            *share = (*value).into() / full;
        }
        let outs = &mut narrow[y * width..];
        let stride = part.height * width;
        match channels {
            1 => narrow_row::<1>(&shares, channels, &across, outs, stride),
            _ => narrow_row::<LANES>(&shares, channels, &across, outs, stride),
        }
    }
    let planes = |values| Planes {
        height,
        width,
        channels,
        values,
    };
    if part.height == height {
        return planes(narrow);
    }
    let down = Axis::new(part.height, height, filter);
    let mut values = vec![0.0; channels * height * width];
    let mut starts = Vec::with_capacity(down.taps);
    for (channel, plane) in values.chunks_exact_mut(height * width).enumerate() {
        for (out, (first, weights)) in plane.chunks_exact_mut(width).zip(down.places()) {
            let lines = channel * part.height + first;
            starts.clear();
            starts.extend((lines..lines + down.taps).map(|line| line * width));
            weighted_lines(out, &narrow, &starts, weights);
        }
    }
    planes(values)
}

/// Channels that are summed together; a row has as many values too many, so that the last pixel can be read so too.
const LANES: usize = 4;

/// Resamples a row of interleaved values to a row of each plane; the planes lie `stride` apart in `outs`.
fn narrow_row<const L: usize>(
    row: &[f32],
    channels: usize,
    across: &Axis,
    outs: &mut [f32],
    stride: usize,
) {
    for low in (0..channels).step_by(L) {
        let together = L.min(channels - low);
        for (x, (first, weights)) in across.places().enumerate() {
            let mut sums = [0.0_f32; L];
            let mut at = first * channels + low;
            for weight in weights {
                let pixel: &[f32; L] = row[at..].first_chunk().expect("the row is padded");
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += value * weight;
                }
                at += channels;
            }
            for (channel, sum) in sums[..together].iter().enumerate() {
                outs[(low + channel) * stride + x] = *sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, numbers};
    use super::*;

    /// The numbers are Pillow's.
    #[test]
    fn parts_and_sizes_agree_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/resize.json"));
        let input = numbers(&fixture["input"]);
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let of =
                |name: &str| -> Vec<usize> { serde_json::from_value(case[name].clone()).unwrap() };
            let (part, size) = (of("part"), of("size"));
            let part = Rectangle {
                top: part[0],
                left: part[1],
                height: part[2],
                width: part[3],
            };
            let expected = numbers(&case["output"]);
            let size = (size[0], size[1]);
            let grey = Image::new(13, 10, 1, Pixels::F32(input.clone()));
            // Sums of up to 27 products in single precision, in another order.
            let by = |filter| resample(&grey, part, size, filter).values;
            assert_close(&by(ResizeFilter::Bilinear), &expected, 1e-6);
            // Pillow leaves what overshoots as it is in floats, and cuts it off in bytes.
            let bicubic = numbers(&case["bicubic"]).into_iter();
            let bicubic: Vec<f32> = bicubic.map(|value| value.clamp(0.0, 1.0)).collect();
            assert_close(&by(ResizeFilter::Bicubic), &bicubic, 1e-6);
            // Any number of channels goes the same way, each channel by itself.
            for channels in 2..=6 {
                let values = input.iter().flat_map(|value| {
                    (0..channels).map(move |channel| {
                        if channel % 2 == 0 {
                            *value
                        } else {
                            1.0 - value
                        }
                    })
                });
                let image = Image::new(13, 10, channels, Pixels::F32(values.collect()));
                let mut got = resample(&image, part, size, ResizeFilter::Bilinear);
                for (channel, plane) in got.planes_mut().enumerate() {
                    if channel % 2 == 1 {
                        plane.iter_mut().for_each(|value| *value = 1.0 - *value);
                    }
                    assert_close(plane, &expected, 1e-6);
                }
            }
        }
    }

    /// Weights of networks that were trained before there was another filter depend on every bit of these.
    #[test]
    fn bilinear_weights_are_those_of_the_triangle_to_the_last_bit() {
        for (from, to) in [
            (1, 1),
            (1, 7),
            (5, 3),
            (9, 32),
            (33, 32),
            (64, 8),
            (251, 96),
            (1000, 3),
        ] {
            let scale = from as f64 / to as f64;
            let support = scale.max(1.0);
            let steepness = 1.0 / support;
            let axis = Axis::new(from, to, ResizeFilter::Bilinear);
            assert_eq!(axis.taps, ((2.0 * support).ceil() as usize).min(from));
            for (place, (low, weights)) in axis.places().enumerate() {
                let centre = (place as f64 + 0.5) * scale;
                let high = ((centre + support - 0.5).ceil() as usize).min(from);
                let triangle = |input: usize| match input < high {
                    true => (1.0 - (input as f64 + 0.5 - centre).abs() * steepness).max(0.0) as f32,
                    false => 0.0,
                };
                let plain: Vec<f32> = (low..low + axis.taps).map(triangle).collect();
                let share = 1.0 / plain.iter().sum::<f32>();
                let bits = |weight: &f32| weight.to_bits();
                let expected: Vec<u32> =
                    plain.iter().map(|weight| bits(&(weight * share))).collect();
                assert_eq!(
                    weights.iter().map(bits).collect::<Vec<_>>(),
                    expected,
                    "{from} to {to}"
                );
            }
        }
    }
}
