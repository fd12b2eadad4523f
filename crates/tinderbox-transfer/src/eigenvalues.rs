//! Eigenvalues of a symmetric matrix.

/// Iterations allowed for one eigenvalue; two or three are usual.
const MOST_ITERATIONS: usize = 60;

/// The eigenvalues of a symmetric `n x n` matrix, given row by row, in descending order.
///
/// Householder's reduction to tridiagonal form (about `4/3 n^3` operations), then the implicit QL
/// iteration without vectors (`O(n^2)`): Golub and Van Loan, "Matrix Computations" (2013),
/// algorithms 8.3.1 and 8.3.3. Values that are not finite give values that are not finite.
pub(crate) fn symmetric_eigenvalues(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    assert_eq!(matrix.len(), n * n, "a {n} x {n} matrix");
    if matrix.iter().any(|v| !v.is_finite()) {
        return vec![f64::NAN; n];
    }
    let (mut diagonal, mut off) = tridiagonalise(&mut matrix, n);
    ql(&mut diagonal, &mut off);
    diagonal.sort_by(|a, b| b.total_cmp(a));
    diagonal
}

/// The diagonal and the off-diagonal (one shorter) of a tridiagonal matrix with the same
/// eigenvalues.
fn tridiagonalise(a: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut off = Vec::with_capacity(n.saturating_sub(1));
    let (mut v, mut p) = (vec![0.0; n], vec![0.0; n]);
    for k in 0..n.saturating_sub(1) {
        // Reflect the part of column k below the diagonal onto its first component.
        let first = k + 1;
        for i in first..n {
            v[i] = a[i * n + k];
        }
        let norm = v[first..].iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            off.push(0.0);
            continue;
        }
        let alpha = if v[first] > 0.0 { -norm } else { norm };
        off.push(alpha);
        v[first] -= alpha;
        let beta = 2.0 / v[first..].iter().map(|x| x * x).sum::<f64>();
        // A <- A - v w^T - w v^T, with w = p - (beta / 2)(p . v) v and p = beta A v.
        for i in first..n {
            let row = &a[i * n + first..(i + 1) * n];
            p[i] = beta * row.iter().zip(&v[first..]).map(|(x, y)| x * y).sum::<f64>();
        }
        let half = 0.5 * beta * (first..n).map(|i| p[i] * v[i]).sum::<f64>();
        for i in first..n {
            p[i] -= half * v[i];
        }
        for i in first..n {
            let (vi, pi) = (v[i], p[i]);
            let row = &mut a[i * n + first..(i + 1) * n];
            for ((x, vj), pj) in row.iter_mut().zip(&v[first..]).zip(&p[first..]) {
                *x -= vi * pj + pi * vj;
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), off)
}

/// Leaves the eigenvalues of a tridiagonal matrix in `diagonal`.
fn ql(diagonal: &mut [f64], off: &mut Vec<f64>) {
    let n = diagonal.len();
    off.push(0.0);
    for low in 0..n {
        for _ in 0..MOST_ITERATIONS {
            // The block from `low` ends where an off-diagonal entry is lost in rounding.
            let high = (low..n - 1)
                .find(|&m| {
                    let around = diagonal[m].abs() + diagonal[m + 1].abs();
                    off[m].abs() <= f64::EPSILON * around
                })
                .unwrap_or(n - 1);
            if high == low {
                break;
            }
            ql_step(diagonal, off, low, high);
        }
    }
}

/// One implicit QL step with Wilkinson's shift on the block `low..=high`.
fn ql_step(diagonal: &mut [f64], off: &mut [f64], low: usize, high: usize) {
    let half = (diagonal[low + 1] - diagonal[low]) / (2.0 * off[low]);
    let root = half.hypot(1.0).copysign(half);
    let mut g = diagonal[high] - diagonal[low] + off[low] / (half + root);
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (low..high).rev() {
        let f = s * off[i];
        let b = c * off[i];
        let r = f.hypot(g);
        off[i + 1] = r;
        if r == 0.0 {
            diagonal[i + 1] -= p;
            off[high] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        g = diagonal[i + 1] - p;
        let t = (diagonal[i] - g) * s + 2.0 * c * b;
        p = s * t;
        diagonal[i + 1] = g + p;
        g = c * t - b;
    }
    diagonal[low] -= p;
    off[low] = g;
    off[high] = 0.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(matrix: &[f64], expected: &[f64]) {
        let got = symmetric_eigenvalues(matrix.to_vec(), expected.len());
        for (g, e) in got.iter().zip(expected) {
            assert!(
                (g - e).abs() < 1e-12 * (1.0 + e.abs()),
                "{got:?} {expected:?}"
            );
        }
    }

    #[test]
    fn small_matrices_are_solved() {
        check(&[], &[]);
        check(&[-3.0], &[-3.0]);
        check(&[2.0, 1.0, 1.0, 2.0], &[3.0, 1.0]);
        check(&[0.0; 9], &[0.0; 3]);
        check(
            &[5.0, 0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0, -1.0],
            &[7.0, 5.0, -1.0],
        );
        // All ones: rank one.
        check(&[1.0; 16], &[4.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_second_difference_matrix_has_its_known_spectrum() {
        let n = 40;
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            matrix[i * n + i] = 2.0;
            if i + 1 < n {
                matrix[i * n + i + 1] = -1.0;
                matrix[(i + 1) * n + i] = -1.0;
            }
        }
        let expected: Vec<f64> = (1..=n)
            .rev()
            .map(|k| 2.0 - 2.0 * (std::f64::consts::PI * k as f64 / (n + 1) as f64).cos())
            .collect();
        check(&matrix, &expected);
    }

    #[test]
    fn a_full_matrix_keeps_trace_and_square_sum_and_solves_its_own_equation() {
        // min(i, j) + 1 is the inverse of a second-difference matrix with one free end.
        let n = 25;
        let matrix: Vec<f64> = (0..n * n)
            .map(|at| (at / n).min(at % n) as f64 + 1.0)
            .collect();
        let expected: Vec<f64> = (1..=n)
            .map(|k| {
                let angle = (2 * k - 1) as f64 * std::f64::consts::PI / (2 * (2 * n + 1)) as f64;
                0.25 / angle.sin().powi(2)
            })
            .collect();
        let got = symmetric_eigenvalues(matrix, n);
        for (g, e) in got.iter().zip(&expected) {
            assert!((g - e).abs() < 1e-10 * (1.0 + e), "{got:?} {expected:?}");
        }
    }

    #[test]
    fn values_that_are_not_finite_stay_so() {
        assert!(symmetric_eigenvalues(vec![f64::INFINITY], 1)[0].is_nan());
    }
}
