//! Random rotation, shift, size and shear.

use serde::{Deserialize, Serialize};

use super::{check_pair, check_range};
use crate::{DataError, Image, Pixels, SampleRng};

/// Rotates, shears, scales and shifts the picture about its centre at random; what comes from outside is 0.
///
/// Small grey pictures such as digits get most of their variety from it, as neither colour nor mirror images mean anything for them.
/// Values between pixels are bilinear.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomAffine {
    /// The largest rotation to either side, in degrees.
    pub degrees: f32,
    /// The largest shift to each side, as a share of height and width.
    pub translate: f32,
    /// Bounds of the factor of the size.
    pub scale: (f32, f32),
    /// The largest horizontal shear to either side, in degrees.
    pub shear: f32,
}

impl Default for RandomAffine {
    /// Mild changes that leave digits legible; no paper's.
    fn default() -> Self {
        Self {
            degrees: 10.0,
            translate: 0.1,
            scale: (0.9, 1.1),
            shear: 5.0,
        }
    }
}

impl RandomAffine {
    /// The changed picture, of the same size.
    pub fn apply(&self, image: Image, rng: &mut SampleRng) -> Image {
        let degrees = rng.range(-self.degrees..self.degrees);
        let right = rng.range(-self.translate..self.translate) * image.width as f32;
        let down = rng.range(-self.translate..self.translate) * image.height as f32;
        let scale = rng.range(self.scale.0..self.scale.1);
        let shear = rng.range(-self.shear..self.shear);
        let change = Affine::new(degrees, (down, right), scale, shear);
        let image = image.to_f32();
        if change == Affine::new(0.0, (0.0, 0.0), 1.0, 0.0) {
            return image;
        }
        change.apply(image)
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        check_range("affine.degrees", self.degrees, 0.0, 180.0)?;
        check_range("affine.translate", self.translate, 0.0, 1.0)?;
        check_pair("affine.scale", self.scale, 0.01, 100.0)?;
        check_range("affine.shear", self.shear, 0.0, 80.0)
    }
}

/// Where each output pixel comes from, relative to the centre: `x' = a x + b y`, `y' = c x + d y`, after taking the shift back.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Affine {
    a: f32,
    b: f32,
    c: f32,
    d: f32,
    down: f32,
    right: f32,
}

impl Affine {
    /// Shears, then scales, then rotates (clockwise as seen, since rows go down), then shifts.
    fn new(degrees: f32, (down, right): (f32, f32), scale: f32, shear: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let tan = shear.to_radians().tan();
        // The inverse of rotation x shear is shear with the other sign x rotation back.
        Self {
            a: (cos + tan * sin) / scale,
            b: (sin - tan * cos) / scale,
            c: -sin / scale,
            d: cos / scale,
            down,
            right,
        }
    }

    fn apply(&self, image: Image) -> Image {
        let (height, width, channels) = (image.height, image.width, image.channels);
        let values = image.into_f32();
        let mut out = vec![0.0; values.len()];
        match channels {
            1 => self.fill::<1>(&values, (height, width), &mut out),
            3 => self.fill::<3>(&values, (height, width), &mut out),
            _ => {
                // Rare numbers of channels go one plane at a time.
                let mut moved = vec![0.0; height * width];
                for channel in 0..channels {
                    let plane = values.iter().skip(channel).step_by(channels);
                    moved.fill(0.0);
                    self.fill::<1>(
                        &plane.copied().collect::<Vec<_>>(),
                        (height, width),
                        &mut moved,
                    );
                    let outs = out.iter_mut().skip(channel).step_by(channels);
                    outs.zip(&moved).for_each(|(out, value)| *out = *value);
                }
            }
        }
        Image::new(height, width, channels, Pixels::F32(out))
    }

    /// Adds the moved picture to `out`.
    fn fill<const C: usize>(
        &self,
        values: &[f32],
        (height, width): (usize, usize),
        out: &mut [f32],
    ) {
        let (pixels, _) = values.as_chunks::<C>();
        let (outs, _) = out.as_chunks_mut::<C>();
        let centre = ((height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0);
        let (rows, columns) = (height as isize, width as isize);
        for (place, out) in outs.iter_mut().enumerate() {
            let y = (place / width) as f32 - centre.0 - self.down;
            let x = (place % width) as f32 - centre.1 - self.right;
            let from_x = self.a * x + self.b * y + centre.1;
            let from_y = self.c * x + self.d * y + centre.0;
            let (left, top) = (from_x.floor(), from_y.floor());
            let (right_share, low_share) = (from_x - left, from_y - top);
            let (left, top) = (left as isize, top as isize);
            for (row, vertical) in [(top, 1.0 - low_share), (top + 1, low_share)] {
                for (column, across) in [(left, 1.0 - right_share), (left + 1, right_share)] {
                    let inside = (0..rows).contains(&row) && (0..columns).contains(&column);
                    if inside {
                        let pixel = pixels[row as usize * width + column as usize];
                        for channel in 0..C {
                            out[channel] += vertical * across * pixel[channel];
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, noise};
    use super::*;

    const NOTHING: RandomAffine = RandomAffine {
        degrees: 0.0,
        translate: 0.0,
        scale: (1.0, 1.0),
        shear: 0.0,
    };

    fn column(values: [f32; 9]) -> Image {
        Image::new(3, 3, 1, Pixels::F32(values.to_vec()))
    }

    #[track_caller]
    fn check(change: Affine, expected: [f32; 9]) {
        let image = column([1., 2., 3., 4., 5., 6., 7., 8., 9.]);
        assert_close(&change.apply(image).into_f32(), &expected, 1e-5);
    }

    #[test]
    fn no_change_is_the_identity() {
        let image = noise(7, 5, 3);
        let got = NOTHING.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got, image);
        let by_pixels = Affine::new(0.0, (0.0, 0.0), 1.0, 0.0).apply(image.clone());
        assert_eq!(by_pixels, image);
    }

    #[test]
    fn whole_steps_move_pixels() {
        let down_left = Affine::new(0.0, (1.0, -1.0), 1.0, 0.0);
        check(down_left, [0., 0., 0., 2., 3., 0., 5., 6., 0.]);
        let quarter = Affine::new(90.0, (0.0, 0.0), 1.0, 0.0);
        check(quarter, [7., 4., 1., 8., 5., 2., 9., 6., 3.]);
        let half = Affine::new(180.0, (0.0, 0.0), 1.0, 0.0);
        check(half, [9., 8., 7., 6., 5., 4., 3., 2., 1.]);
        // A shear of 45 degrees moves the lower row right and the upper one left by one pixel.
        let shear = Affine::new(0.0, (0.0, 0.0), 1.0, 45.0);
        check(shear, [2., 3., 0., 4., 5., 6., 0., 7., 8.]);
        // At twice the size only the inner half is seen.
        let twice = Affine::new(0.0, (0.0, 0.0), 2.0, 0.0);
        check(twice, [3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0]);
    }

    #[test]
    fn shear_comes_before_rotation() {
        // The two do not commute.
        let both = Affine::new(90.0, (0.0, 0.0), 1.0, 45.0);
        check(both, [0., 4., 2., 7., 5., 3., 8., 6., 0.]);
    }
}
