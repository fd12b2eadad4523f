//! Antialiased bilinear resampling of a part of a picture.

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// For each output place the first input place and the weights of the inputs from there on.
struct Axis {
    first: Vec<u32>,
    /// `taps` weights for each output place, padded with zeros.
    weights: Vec<f32>,
    taps: usize,
}

impl Axis {
    /// The triangle filter, widened by the factor of shrinking and never narrower than one pixel, with its weights
    /// normalised where it is cut at the border; this is Pillow's `BILINEAR`.
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let support = scale.max(1.0);
        let taps = (2 * support.ceil() as usize + 1).min(from);
        let mut first = Vec::with_capacity(to);
        let mut weights = vec![0.0; to * taps];
        for (place, weights) in weights.chunks_exact_mut(taps).enumerate() {
            let centre = (place as f64 + 0.5) * scale;
            let low = (centre - support + 0.5).max(0.0) as usize;
            let high = ((centre + support + 0.5) as usize).min(from);
            // The padding must stay within the picture too.
            let low = low.min(from - taps);
            let mut sum = 0.0;
            for (weight, input) in weights.iter_mut().zip(low..high) {
                let distance = (input as f64 + 0.5 - centre).abs() / support;
                *weight = (1.0 - distance).max(0.0) as f32;
                sum += *weight;
            }
            for weight in weights.iter_mut() {
                *weight /= sum;
            }
            first.push(low as u32);
        }
        Self {
            first,
            weights,
            taps,
        }
    }

    fn places(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let firsts = self.first.iter().map(|first| *first as usize);
        firsts.zip(self.weights.chunks_exact(self.taps))
    }
}

/// Resamples `part` of a picture that is `width` wide to `size` (height, width).
///
/// # Panics
/// If a size is 0 or the part is not within the picture.
pub(super) fn resample(
    values: &[f32],
    width: usize,
    channels: usize,
    part: Rectangle,
    size: (usize, usize),
) -> Vec<f32> {
    match channels {
        1 => resample_n::<1>(values, width, part, size),
        3 => resample_n::<3>(values, width, part, size),
        _ => {
            // Rare numbers of channels go one plane at a time.
            let mut out = vec![0.0; size.0 * size.1 * channels];
            for channel in 0..channels {
                let plane: Vec<f32> = values
                    .iter()
                    .skip(channel)
                    .step_by(channels)
                    .copied()
                    .collect();
                let plane = resample_n::<1>(&plane, width, part, size);
                for (out, value) in out.iter_mut().skip(channel).step_by(channels).zip(plane) {
                    *out = value;
                }
            }
            out
        }
    }
}

fn resample_n<const C: usize>(
    values: &[f32],
    width: usize,
    part: Rectangle,
    (out_height, out_width): (usize, usize),
) -> Vec<f32> {
    let row = width * C;
    let start = part.top * row + part.left * C;
    let rows = values[start..].chunks(row).take(part.height);
    if (part.height, part.width) == (out_height, out_width) {
        return rows
            .flat_map(|line| &line[..part.width * C])
            .copied()
            .collect();
    }
    // Along the rows first, of which only those in the part are needed.
    let across = Axis::new(part.width, out_width);
    let mut narrow = vec![0.0; part.height * out_width * C];
    for (line, out) in rows.zip(narrow.chunks_exact_mut(out_width * C)) {
        let (pixels, _) = line[..part.width * C].as_chunks::<C>();
        let (out, _) = out.as_chunks_mut::<C>();
        for (out, (first, weights)) in out.iter_mut().zip(across.places()) {
            let mut sum = [0.0; C];
            for (pixel, weight) in pixels[first..first + weights.len()].iter().zip(weights) {
                for channel in 0..C {
                    sum[channel] += pixel[channel] * weight;
                }
            }
            *out = sum;
        }
    }
    if part.height == out_height {
        return narrow;
    }
    let down = Axis::new(part.height, out_height);
    let line = out_width * C;
    let mut result = vec![0.0; out_height * line];
    for (out, (first, weights)) in result.chunks_exact_mut(line).zip(down.places()) {
        let inputs = narrow[first * line..].chunks_exact(line);
        for (input, weight) in inputs.zip(weights) {
            if *weight != 0.0 {
                for (out, input) in out.iter_mut().zip(input) {
                    *out += input * weight;
                }
            }
        }
    }
    result
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
            // Sums of up to 27 products in single precision, in another order.
            assert_close(&resample(&input, 10, 1, part, size), &expected, 1e-6);
            let colour: Vec<f32> = input
                .iter()
                .flat_map(|value| [*value, 0.5, 1.0 - value])
                .collect();
            let got = resample(&colour, 10, 3, part, size);
            let red: Vec<f32> = got.iter().step_by(3).copied().collect();
            assert_close(&red, &expected, 1e-6);
            let blue: Vec<f32> = got
                .iter()
                .skip(2)
                .step_by(3)
                .map(|value| 1.0 - value)
                .collect();
            assert_close(&blue, &expected, 1e-6);
        }
    }
}
