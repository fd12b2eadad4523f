//! Linear moves to the nearest pixel, as torchvision's RandAugment makes them.

use super::planes::Planes;

/// Where each output pixel comes from, relative to the centre: `x' = a x + b y + right`, `y' = c x + d y + down`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Warp {
    a: f32,
    b: f32,
    c: f32,
    d: f32,
    /// Whether the shear keeps the upper left corner where it is, as PIL's matrices do, and not the centre.
    corner: bool,
    right: f32,
    down: f32,
}

const NOTHING: Warp = Warp {
    a: 1.0,
    b: 0.0,
    c: 0.0,
    d: 1.0,
    corner: false,
    right: 0.0,
    down: 0.0,
};

impl Warp {
    /// Each row comes from `by` pixels further right than the row above it.
    pub(super) fn shear_x(by: f32) -> Self {
        Self {
            b: by,
            corner: true,
            ..NOTHING
        }
    }

    /// Each column comes from `by` pixels further down than the column left of it.
    pub(super) fn shear_y(by: f32) -> Self {
        Self {
            c: by,
            corner: true,
            ..NOTHING
        }
    }

    /// So many pixels to the right and down.
    pub(super) fn shift(right: f32, down: f32) -> Self {
        Self {
            right: -right,
            down: -down,
            ..NOTHING
        }
    }

    /// Counter-clockwise as seen.
    pub(super) fn rotation(degrees: f32) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self {
            a: cos,
            b: -sin,
            c: sin,
            d: cos,
            ..NOTHING
        }
    }

    /// Moves the picture; what comes from outside is 0.
    pub(super) fn apply(self, planes: &mut Planes) {
        let (height, width) = (planes.height, planes.width);
        let half = (height as f32 / 2.0, width as f32 / 2.0);
        let (right, down) = if self.corner {
            (self.b * half.0, self.c * half.1)
        } else {
            (self.right, self.down)
        };
        let original = planes.values.clone();
        let originals = original.chunks_exact((height * width).max(1));
        for (original, plane) in originals.zip(planes.planes_mut()) {
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let y = y as f32 + 0.5 - half.0;
                for (x, out) in row.iter_mut().enumerate() {
                    let x = x as f32 + 0.5 - half.1;
                    let from_x = self.a * x + self.b * y + right + half.1 - 0.5;
                    let from_y = self.c * x + self.d * y + down + half.0 - 0.5;
                    // Numbers below 0 become huge ones and lie outside too.
                    let column = from_x.round_ties_even() as isize as usize;
                    let line = from_y.round_ties_even() as isize as usize;
                    *out = if column < width && line < height {
                        original[line * width + column]
                    } else {
                        0.0
                    };
                }
            }
        }
    }
}
