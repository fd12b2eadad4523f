//! Random rotation, shift, size and shear.

use serde::{Deserialize, Serialize};

use super::planes::{Planes, by_planes};
use super::{check_pair, check_range};
use crate::{DataError, Image, SampleRng};

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
        by_planes(image, |planes| self.change(planes, rng))
    }

    pub(super) fn change(&self, planes: &mut Planes, rng: &mut SampleRng) {
        let degrees = rng.range(-self.degrees..self.degrees);
        let right = rng.range(-self.translate..self.translate) * planes.width as f32;
        let down = rng.range(-self.translate..self.translate) * planes.height as f32;
        let scale = rng.range(self.scale.0..self.scale.1);
        let shear = rng.range(-self.shear..self.shear);
        let change = Affine::new(degrees, (down, right), scale, shear);
        if change != Affine::new(0.0, (0.0, 0.0), 1.0, 0.0) {
            change.apply(planes);
        }
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

    fn apply(&self, planes: &mut Planes) {
        let (height, width) = (planes.height, planes.width);
        let centre = ((height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0);
        let original = planes.values.clone();
        let originals = original.chunks_exact((height * width).max(1));
        for (original, plane) in originals.zip(planes.planes_mut()) {
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let y = y as f32 - centre.0 - self.down;
                for (x, out) in row.iter_mut().enumerate() {
                    let x = x as f32 - centre.1 - self.right;
                    let from_x = self.a * x + self.b * y + centre.1;
                    let from_y = self.c * x + self.d * y + centre.0;
                    *out = bilinear(original, (height, width), (from_y, from_x));
                }
            }
        }
    }
}

/// The value at a place between pixels, 0 outside of the plane.
fn bilinear(plane: &[f32], (height, width): (usize, usize), (y, x): (f32, f32)) -> f32 {
    let (rows, columns) = (height as isize, width as isize);
    let (left, top) = (x.floor(), y.floor());
    let (right_share, low_share) = (x - left, y - top);
    let (left, top) = (left as isize, top as isize);
    let mut sum = 0.0;
    for (row, vertical) in [(top, 1.0 - low_share), (top + 1, low_share)] {
        for (column, across) in [(left, 1.0 - right_share), (left + 1, right_share)] {
            if (0..rows).contains(&row) && (0..columns).contains(&column) {
                sum += vertical * across * plane[row as usize * width + column as usize];
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, noise};
    use super::*;
    use crate::Pixels;

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
        let got = by_planes(image, |planes| change.apply(planes));
        assert_close(&got.into_f32(), &expected, 1e-5);
    }

    #[test]
    fn no_change_is_the_identity() {
        let image = noise(7, 5, 3);
        let got = NOTHING.apply(image.clone(), &mut SampleRng::new(0, 0, 0, 0));
        assert_eq!(got, image);
        let nothing = Affine::new(0.0, (0.0, 0.0), 1.0, 0.0);
        let by_pixels = by_planes(image.clone(), |planes| nothing.apply(planes));
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
