//! Minimisation of a smooth function by limited-memory BFGS.

use std::collections::VecDeque;

use crate::vector::{axpy, dot};

/// Pairs of steps and gradient changes that model the curvature.
const MEMORY: usize = 10;

/// Sufficient decrease and curvature of the weak Wolfe conditions (Nocedal and Wright 2006, section
/// 3.1).
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

/// Trials of a line search; 60 halvings exhaust the precision of `f64`.
const LINE_TRIALS: usize = 60;

/// Where a minimisation ended.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    /// The point.
    pub(crate) x: Vec<f64>,
    /// Largest absolute component of the gradient there.
    pub(crate) gradient_norm: f64,
    /// Iterations done.
    pub(crate) iterations: usize,
    /// Whether `gradient_norm` reached the tolerance.
    pub(crate) converged: bool,
}

/// Minimises `f`, which returns its value at a point and writes its gradient.
///
/// Nocedal and Wright, "Numerical Optimization" (2006), algorithms 7.4 and 7.5, with a line search
/// by bisection for the weak Wolfe conditions (Lewis and Overton 2013, algorithm 2.6). Stops when
/// no component of the gradient exceeds `tolerance`, after `max_iter` iterations, or when the
/// function no longer decreases in `f64`. `precondition` divides a gradient by an estimate of the
/// Hessian, where there is one: the curvature model begins with it.
pub(crate) fn minimise(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    precondition: Option<impl Fn(&mut [f64])>,
    start: Vec<f64>,
    max_iter: usize,
    tolerance: f64,
) -> Minimum {
    let mut x = start;
    let mut gradient = vec![0.0; x.len()];
    let mut value = f(&x, &mut gradient);
    let mut history = History::default();
    let mut iterations = 0;

    while max_abs(&gradient) > tolerance && iterations < max_iter {
        let mut direction = history.direction(&gradient, precondition.as_ref());
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            // The model of the curvature is spoilt by rounding: start it anew.
            history.clear();
            direction = history.direction(&gradient, precondition.as_ref());
            slope = dot(&direction, &gradient);
        }
        // Without a model of the curvature, the gradient says nothing of the length of a step.
        let first = if history.is_empty() && precondition.is_none() {
            (1.0 / dot(&gradient, &gradient).sqrt()).min(1.0)
        } else {
            1.0
        };
        let Some(step) = line_search(&mut f, &x, value, &direction, slope, first) else {
            if history.is_empty() {
                break;
            }
            history.clear();
            continue;
        };
        iterations += 1;
        let moved: Vec<f64> = step.x.iter().zip(&x).map(|(n, o)| n - o).collect();
        let bent: Vec<f64> = step
            .gradient
            .iter()
            .zip(&gradient)
            .map(|(n, o)| n - o)
            .collect();
        history.push(moved, bent);
        (x, gradient, value) = (step.x, step.gradient, step.value);
    }
    let gradient_norm = max_abs(&gradient);
    Minimum {
        x,
        gradient_norm,
        iterations,
        converged: gradient_norm <= tolerance,
    }
}

fn max_abs(v: &[f64]) -> f64 {
    v.iter().fold(0.0, |top, g| {
        // Not `max`, which would drop a NaN.
        if top.is_nan() || g.abs() <= top {
            top
        } else {
            g.abs()
        }
    })
}

/// An accepted point.
struct Step {
    x: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
}

/// A point along `direction` that satisfies the weak Wolfe conditions, if one is found.
fn line_search(
    f: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
    x: &[f64],
    value: f64,
    direction: &[f64],
    slope: f64,
    first: f64,
) -> Option<Step> {
    // Near the minimum a true decrease is smaller than the rounding of the value.
    let slack = 4.0 * f64::EPSILON * value.abs();
    let (mut low, mut high, mut t) = (0.0, f64::INFINITY, first);
    let mut gradient = vec![0.0; x.len()];
    for _ in 0..LINE_TRIALS {
        let mut at = x.to_vec();
        axpy(t, direction, &mut at);
        let new = f(&at, &mut gradient);
        let decreased = new <= value + DECREASE * t * slope + slack;
        if !decreased {
            high = t;
        } else if dot(&gradient, direction) < CURVATURE * slope {
            low = t;
        } else {
            return Some(Step {
                x: at,
                gradient,
                value: new,
            });
        }
        t = if high.is_finite() {
            0.5 * (low + high)
        } else {
            2.0 * low
        };
    }
    None
}

/// The last steps and how the gradient changed along them.
#[derive(Default)]
struct History {
    pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
}

impl History {
    fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn clear(&mut self) {
        self.pairs.clear();
    }

    fn push(&mut self, moved: Vec<f64>, bent: Vec<f64>) {
        let product = dot(&moved, &bent);
        // Only positive curvature keeps the model positive definite.
        if product > f64::EPSILON * dot(&bent, &bent) {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.pairs.push_back((moved, bent, 1.0 / product));
        }
    }

    /// Minus the modelled inverse Hessian times the gradient, by the two-loop recursion.
    fn direction(&self, gradient: &[f64], precondition: Option<&impl Fn(&mut [f64])>) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for (moved, bent, rho) in self.pairs.iter().rev() {
            let alpha = rho * dot(moved, &q);
            axpy(-alpha, bent, &mut q);
            alphas.push(alpha);
        }
        let solve = |v: &mut [f64]| {
            if let Some(precondition) = precondition {
                precondition(v);
            }
        };
        solve(&mut q);
        if let Some((_, bent, rho)) = self.pairs.back() {
            let mut solved = bent.clone();
            solve(&mut solved);
            let scale = 1.0 / (rho * dot(bent, &solved));
            q.iter_mut().for_each(|v| *v *= scale);
        }
        for ((moved, bent, rho), alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = rho * dot(bent, &q);
            axpy(alpha - beta, moved, &mut q);
        }
        q
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No estimate of the Hessian.
    const PLAIN: Option<fn(&mut [f64])> = None;

    #[test]
    fn an_ill_conditioned_quadratic_is_solved() {
        let scale = |i: usize| 10f64.powi(i as i32 % 5);
        let minimum = minimise(
            |x, g| {
                let mut value = 0.0;
                for (i, (x, g)) in x.iter().zip(g).enumerate() {
                    let off = x - i as f64;
                    *g = scale(i) * off;
                    value += 0.5 * scale(i) * off * off;
                }
                value
            },
            PLAIN,
            vec![0.0; 30],
            500,
            1e-9,
        );
        assert!(minimum.converged, "{minimum:?}");
        for (i, x) in minimum.x.iter().enumerate() {
            assert!((x - i as f64).abs() < 1e-8, "{i}: {x}");
        }
    }

    #[test]
    fn the_hessian_itself_makes_one_step_of_a_quadratic() {
        let scale = |i: usize| 10f64.powi(i as i32 % 5);
        let quadratic = |x: &[f64], g: &mut [f64]| {
            let mut value = 0.0;
            for (i, (x, g)) in x.iter().zip(g).enumerate() {
                *g = scale(i) * (x - 1.0);
                value += 0.5 * scale(i) * (x - 1.0) * (x - 1.0);
            }
            value
        };
        let divide = |g: &mut [f64]| (g.iter_mut().enumerate()).for_each(|(i, g)| *g /= scale(i));
        let minimum = minimise(quadratic, Some(divide), vec![0.0; 30], 500, 1e-9);
        assert_eq!((minimum.iterations, minimum.converged), (1, true));
    }

    #[test]
    fn the_rosenbrock_valley_is_followed() {
        let minimum = minimise(
            |x, g| {
                let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
                g[0] = -2.0 * a - 400.0 * x[0] * b;
                g[1] = 200.0 * b;
                a * a + 100.0 * b * b
            },
            PLAIN,
            vec![-1.2, 1.0],
            200,
            1e-8,
        );
        assert!(minimum.converged);
        assert!(minimum.iterations < 80, "{}", minimum.iterations);
        assert!((minimum.x[0] - 1.0).abs() < 1e-7 && (minimum.x[1] - 1.0).abs() < 1e-7);
    }

    #[test]
    fn a_spent_budget_is_reported() {
        let quartic = |x: &[f64], g: &mut [f64]| {
            g[0] = 4.0 * x[0].powi(3);
            x[0].powi(4)
        };
        let minimum = minimise(quartic, PLAIN, vec![3.0], 2, 1e-12);
        assert_eq!((minimum.iterations, minimum.converged), (2, false));
    }

    #[test]
    fn a_function_that_is_not_a_number_ends_without_a_claim() {
        let minimum = minimise(
            |_, g| {
                g[0] = f64::NAN;
                f64::NAN
            },
            PLAIN,
            vec![0.0],
            10,
            1e-6,
        );
        assert!(!minimum.converged);
    }
}
