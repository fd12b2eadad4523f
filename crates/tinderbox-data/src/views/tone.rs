//! Changes of tone without a random part, as torchvision makes them of floats.

use super::planes::Planes;

/// Moves each inner pixel away from (`factor` above 1) or towards a blur of its 3 x 3 neighbours, in which it counts five times.
pub(super) fn sharpness(planes: &mut Planes, factor: f32) {
    let (height, width) = (planes.height, planes.width);
    if height <= 2 || width <= 2 || factor == 1.0 {
        return;
    }
    let original = planes.values.clone();
    let originals = original.chunks_exact(height * width);
    for (original, plane) in originals.zip(planes.planes_mut()) {
        for y in 1..height - 1 {
            for x in 1..width - 1 {
                let at = y * width + x;
                let row = |from: usize| original[from - 1..=from + 1].iter().sum::<f32>();
                let around = row(at - width) + row(at) + row(at + width);
                let blurred = (around + 4.0 * original[at]) / 13.0;
                plane[at] += (blurred - original[at]) * (1.0 - factor);
            }
        }
    }
    let clamp = |value: &mut f32| *value = value.clamp(0.0, 1.0);
    planes.values.iter_mut().for_each(clamp);
}

/// Leaves `2^bits` levels, each rounded down.
pub(super) fn posterise(planes: &mut Planes, bits: u32) {
    let levels = (1_u32 << bits) as f32;
    for value in &mut planes.values {
        *value = (*value * levels).floor().clamp(0.0, levels - 1.0) / levels;
    }
}

/// Stretches each channel from its least value to its largest; a channel that does not vary stays as it is.
pub(super) fn auto_contrast(planes: &mut Planes) {
    for plane in planes.planes_mut() {
        let least = plane.iter().copied().fold(f32::INFINITY, f32::min);
        let most = plane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if most > least {
            for value in plane {
                *value = ((*value - least) / (most - least)).clamp(0.0, 1.0);
            }
        }
    }
}

/// Rounds each channel down to bytes and makes their histogram even, as PIL does; a channel with too few values is only rounded.
pub(super) fn equalise(planes: &mut Planes) {
    for plane in planes.planes_mut() {
        let byte = |value: f32| (value * 255.999) as u8;
        let mut histogram = [0_usize; 256];
        for value in plane.iter() {
            histogram[usize::from(byte(*value))] += 1;
        }
        let most = histogram.iter().rposition(|count| *count > 0).unwrap_or(0);
        let step = (plane.len() - histogram[most]) / 255;
        let mut table = [0.0_f32; 256];
        let mut below = 0;
        for (value, (out, count)) in table.iter_mut().zip(histogram).enumerate() {
            let level = (below + step / 2).checked_div(step);
            *out = level.map_or(value, |level| level.min(255)) as f32 / 255.0;
            below += count;
        }
        for value in plane {
            *value = table[usize::from(byte(*value))];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, fixture, noise, numbers};
    use super::*;

    #[test]
    fn equalising_enough_pixels_agrees_with_the_fixture() {
        let fixture = fixture(include_str!("../../tests/fixtures/rand_augment.json"));
        let case = &fixture["equalised"];
        let mut planes = Planes {
            height: 20,
            width: 18,
            channels: 1,
            values: numbers(&case["input"]),
        };
        equalise(&mut planes);
        // Whole levels, each rounded once.
        assert_close(&planes.values, &numbers(&case["output"]), 1e-6);
    }

    #[test]
    fn what_does_not_vary_stays() {
        let flat = Planes {
            height: 4,
            width: 4,
            channels: 3,
            values: vec![0.2; 48],
        };
        let mut stretched = flat.clone();
        auto_contrast(&mut stretched);
        assert_eq!(stretched, flat);
        let mut even = flat.clone();
        equalise(&mut even);
        assert_eq!(even, flat);
    }

    #[test]
    fn equalised_noise_is_even() {
        let mut planes = Planes::of(&noise(64, 64, 1));
        planes.values.iter_mut().for_each(|value| *value *= *value);
        equalise(&mut planes);
        let mean = planes.values.iter().sum::<f32>() / 4_096.0;
        // Before it is 1/3. The table is monotonic, and its mean a half, up to half a step.
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    #[test]
    fn small_pictures_cannot_be_sharpened() {
        let mut planes = Planes::of(&noise(2, 9, 3));
        let before = planes.clone();
        sharpness(&mut planes, 2.0);
        assert_eq!(planes, before);
    }
}
