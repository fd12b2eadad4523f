//! The loops over rows of features. A ReLU that follows makes `lowest` 0.

use crate::flex::math::vectorised;

vectorised! {
    pub(super) fn affine<'a>(
        x: &'a [f32], scale: &'a [f32], shift: &'a [f32], lowest: f32, y: &'a mut [f32],
    ) {
        let features = scale.len();
        let shift = &shift[..features];
        for (y, x) in y.chunks_exact_mut(features).zip(x.chunks_exact(features)) {
            for c in 0..features {
                y[c] = (x[c] * scale[c] + shift[c]).max(lowest);
            }
        }
    }
}

vectorised! {
    pub(super) fn affine_sum<'a>(
        x: &'a [f32], added: &'a [f32], scale: &'a [f32], shift: &'a [f32], lowest: f32,
        y: &'a mut [f32],
    ) {
        let features = scale.len();
        let shift = &shift[..features];
        let rows = y.chunks_exact_mut(features).zip(x.chunks_exact(features));
        for ((y, x), added) in rows.zip(added.chunks_exact(features)) {
            for c in 0..features {
                y[c] = (x[c] * scale[c] + shift[c] + added[c]).max(lowest);
            }
        }
    }
}

vectorised! {
    /// Mean, sum of squared deviations, and the sum of deviations by which the mean was rounded.
    pub(super) fn moments<'a>(
        rows: &'a [f32], mean: &'a mut [f32], squares: &'a mut [f32], drift: &'a mut [f32],
    ) {
        let features = mean.len();
        let (squares, drift) = (&mut squares[..features], &mut drift[..features]);
        let count = (rows.len() / features) as f32;
        mean.fill(0.0);
        squares.fill(0.0);
        drift.fill(0.0);
        for row in rows.chunks_exact(features) {
            for c in 0..features {
                mean[c] += row[c];
            }
        }
        for mean in mean.iter_mut() {
            *mean /= count;
        }
        for row in rows.chunks_exact(features) {
            for c in 0..features {
                let deviation = row[c] - mean[c];
                squares[c] += deviation * deviation;
                drift[c] += deviation;
            }
        }
        for c in 0..features {
            mean[c] += drift[c] / count;
            squares[c] -= drift[c] * drift[c] / count;
        }
    }
}

vectorised! {
    pub(super) fn all_sums<'a>(
        dy: &'a [f32], x: &'a [f32], mean: &'a [f32], deviation: &'a [f32],
        sums: &'a mut [f32], products: &'a mut [f32],
    ) {
        let features = mean.len();
        let (sums, products) = (&mut sums[..features], &mut products[..features]);
        let deviation = &deviation[..features];
        sums.fill(0.0);
        products.fill(0.0);
        for (dy, x) in dy.chunks_exact(features).zip(x.chunks_exact(features)) {
            for c in 0..features {
                sums[c] += dy[c];
                products[c] += dy[c] * (x[c] - mean[c]);
            }
        }
        for c in 0..features {
            products[c] *= deviation[c];
        }
    }
}

vectorised! {
    pub(super) fn passed_sums<'a>(
        dy: &'a [f32], x: &'a [f32], y: &'a [f32], mean: &'a [f32], deviation: &'a [f32],
        sums: &'a mut [f32], products: &'a mut [f32],
    ) {
        let features = mean.len();
        let (sums, products) = (&mut sums[..features], &mut products[..features]);
        let deviation = &deviation[..features];
        sums.fill(0.0);
        products.fill(0.0);
        let rows = dy.chunks_exact(features).zip(x.chunks_exact(features));
        for ((dy, x), y) in rows.zip(y.chunks_exact(features)) {
            for c in 0..features {
                let passed = if y[c] > 0.0 { dy[c] } else { 0.0 };
                sums[c] += passed;
                products[c] += passed * (x[c] - mean[c]);
            }
        }
        for c in 0..features {
            products[c] *= deviation[c];
        }
    }
}

vectorised! {
    pub(super) fn gradients<'a>(
        dy: &'a [f32], x: &'a [f32], line: [&'a [f32]; 3], dx: &'a mut [f32],
    ) {
        let features = line[0].len();
        let [slope, along, constant] = [line[0], &line[1][..features], &line[2][..features]];
        let rows = dy.chunks_exact(features).zip(x.chunks_exact(features));
        for (dx, (dy, x)) in dx.chunks_exact_mut(features).zip(rows) {
            for c in 0..features {
                dx[c] = slope[c] * dy[c] + along[c] * x[c] + constant[c];
            }
        }
    }
}

vectorised! {
    pub(super) fn relu_gradients<'a>(
        dy: &'a [f32], x: &'a [f32], y: &'a [f32], line: [&'a [f32]; 3], dx: &'a mut [f32],
    ) {
        let features = line[0].len();
        let [slope, along, constant] = [line[0], &line[1][..features], &line[2][..features]];
        let rows = dy.chunks_exact(features).zip(x.chunks_exact(features));
        let rows = rows.zip(y.chunks_exact(features));
        for (dx, ((dy, x), y)) in dx.chunks_exact_mut(features).zip(rows) {
            for c in 0..features {
                let g = if y[c] > 0.0 { dy[c] } else { 0.0 };
                dx[c] = slope[c] * g + along[c] * x[c] + constant[c];
            }
        }
    }
}

vectorised! {
    pub(super) fn passed_gradients<'a>(
        dy: &'a [f32], x: &'a [f32], y: &'a [f32], line: [&'a [f32]; 3],
        dx: &'a mut [f32], passed: &'a mut [f32],
    ) {
        let features = line[0].len();
        let [slope, along, constant] = [line[0], &line[1][..features], &line[2][..features]];
        let rows = dy.chunks_exact(features).zip(x.chunks_exact(features));
        let rows = rows.zip(y.chunks_exact(features));
        let out = dx.chunks_exact_mut(features).zip(passed.chunks_exact_mut(features));
        for ((dx, passed), ((dy, x), y)) in out.zip(rows) {
            for c in 0..features {
                let g = if y[c] > 0.0 { dy[c] } else { 0.0 };
                passed[c] = g;
                dx[c] = slope[c] * g + along[c] * x[c] + constant[c];
            }
        }
    }
}
