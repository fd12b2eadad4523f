//! Softmax cross-entropy by class index.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// Mean of `-log softmax(logits)[target]` over the rows, from a shifted log-softmax; 0 without a gradient's entry if
/// there are no rows.
///
/// # Shapes
/// - `logits`: `[N, C]`
/// - `targets`: `[N]`, each in `0..C`
/// - output: `[1]`
///
/// # Panics
/// If `logits` and `targets` differ in `N`; on the fast path, if a target is not below `C`.
pub fn softmax_cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let ([rows, _], [labels]) = (logits.dims(), targets.dims());
    assert_eq!(
        rows, labels,
        "cross entropy: logits have {rows} rows, but there are {labels} targets"
    );
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&logits) {
        return fast::softmax_cross_entropy(logits, targets);
    }
    plain(logits, targets)
}

/// [`softmax_cross_entropy`] by Burn's own operations.
pub(crate) fn plain(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [rows] = targets.dims();
    if rows == 0 {
        return logits.sum();
    }
    log_softmax(logits, 1)
        .gather(1, targets.reshape([rows, 1]))
        .mean()
        .neg()
}

#[cfg(feature = "flex")]
mod fast {
    use burn::backend::flex::FlexTensor;
    use burn::tensor::{Int, Tensor};

    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::math::{exp, max, sum, vectorised};
    use crate::flex::parallel::{chunk_pairs_mut, chunks_mut};
    use crate::flex::tensors::{dense, floats, indices};

    /// Rows that a task takes.
    const ROWS: usize = 4;
    /// Floats that a task of an element-wise pass takes.
    const TASK: usize = 1 << 14;

    pub(super) fn softmax_cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        let targets = indices(targets, logits.dims()[1], "cross entropy: a target");
        run(vec![logits.into_dispatch()], move |operands, tracked| {
            forward(operands, &targets, tracked)
        })
    }

    /// The gradient is written at once, over the logits if nobody else holds them: it needs the same exponentials.
    fn forward(
        operands: Vec<FlexTensor>,
        targets: &[usize],
        tracked: bool,
    ) -> (FlexTensor, Gradient) {
        let logits = operands.into_iter().next().expect("the logits");
        let shape = logits.layout().shape().clone();
        let [rows, classes] = [shape[0], shape[1]];
        let mut losses = Buffer::new(rows);
        let mut logits = dense(logits);
        let whole = logits.bytes().len() == size_of::<f32>() * rows * classes;
        let mut kept = None;
        if rows * classes == 0 {
            losses.fill(0.0);
            kept = tracked.then(|| Buffer::new(0).into_tensor(shape));
        } else if !tracked {
            let x = floats(&logits);
            chunks_mut(&mut losses, ROWS, |task, losses| {
                let from = task * ROWS;
                losses_of_rows(&x[from * classes..], classes, &targets[from..], losses);
            });
        } else {
            let gradient = match logits.try_storage_mut().filter(|_| whole) {
                Some(x) => {
                    row_gradients(x, classes, targets, &mut losses);
                    logits
                }
                None => {
                    let x = floats(&logits);
                    let mut gradient = Buffer::new(x.len());
                    chunks_mut(&mut gradient, TASK, |i, chunk| {
                        chunk.copy_from_slice(&x[i * TASK..][..chunk.len()]);
                    });
                    row_gradients(&mut gradient, classes, targets, &mut losses);
                    gradient.into_tensor(shape)
                }
            };
            kept = Some(gradient);
        }
        let mean = if rows == 0 {
            0.0
        } else {
            let sum: f64 = losses.iter().map(|loss| f64::from(*loss)).sum();
            (sum / rows as f64) as f32
        };
        let mut output = Buffer::new(1);
        output[0] = mean;
        let gradient = move |gradient: FlexTensor, _: &[bool]| {
            let scale = floats(&dense(gradient))[0];
            let mut kept = kept.expect("kept if tracked");
            // A loss that nothing scales has the gradient 1.
            if scale != 1.0 {
                chunks_mut(kept.storage_mut(), TASK, |_, chunk| {
                    crate::flex::simd::arch()
                        .dispatch(|| chunk.iter_mut().for_each(|x| *x *= scale));
                });
            }
            vec![Some(kept)]
        };
        (output.into_tensor([1]), Box::new(gradient))
    }

    /// From logits to `(softmax - one at the target) / rows`.
    fn row_gradients(logits: &mut [f32], classes: usize, targets: &[usize], losses: &mut [f32]) {
        let count = targets.len() as f32;
        chunk_pairs_mut(
            [logits, losses],
            [ROWS * classes, ROWS],
            |task, logits, losses| {
                let targets = &targets[task * ROWS..];
                gradients_of_rows(logits, classes, targets, losses, count);
            },
        );
    }

    vectorised! {
        fn gradients_of_rows<'a>(
            logits: &'a mut [f32], classes: usize, targets: &'a [usize], losses: &'a mut [f32], count: f32,
        ) {
            let rows = logits.chunks_exact_mut(classes);
            for ((row, loss), target) in rows.zip(losses).zip(targets) {
                let (at_target, max) = (row[*target], max(row));
                for x in &mut *row {
                    *x = exp(*x - max);
                }
                let sum = sum(row, |x| x);
                *loss = sum.ln() + max - at_target;
                let scale = 1.0 / (sum * count);
                for x in &mut *row {
                    *x *= scale;
                }
                row[*target] -= 1.0 / count;
            }
        }
    }

    vectorised! {
        fn losses_of_rows<'a>(
            logits: &'a [f32], classes: usize, targets: &'a [usize], losses: &'a mut [f32],
        ) {
            let rows = logits.chunks_exact(classes);
            for ((row, loss), target) in rows.zip(losses).zip(targets) {
                let max = max(row);
                *loss = sum(row, |x| exp(x - max)).ln() + max - row[*target];
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::tensor::{Device, Distribution, TensorData};
    use proptest::prelude::*;

    use super::*;
    use crate::flex::testing::check;

    fn targets(rows: usize, classes: usize) -> Tensor<1, Int> {
        let targets: Vec<i64> = (0..rows).map(|i| (i * 7 % classes) as i64).collect();
        Tensor::from_data(TensorData::new(targets, [rows]), &Device::flex().autodiff())
    }

    #[test]
    fn no_rows_cost_nothing() {
        for operation in [softmax_cross_entropy, plain] {
            let device = Device::flex().autodiff();
            let logits = Tensor::<2>::zeros([0, 5], &device).require_grad();
            let loss = operation(logits.clone(), targets(0, 5));
            let gradient = logits.grad(&loss.backward()).expect("it is a leaf");
            assert_eq!(gradient.dims(), [0, 5]);
            assert_eq!(loss.into_scalar::<f32>(), 0.0);
        }
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[1e4, -1e4, 0.0], [-3e38, 3e38, 0.0]], &device);
        let loss = softmax_cross_entropy(logits, Tensor::from_ints([0, 1], &device));
        assert_eq!(loss.into_scalar::<f32>(), 0.0);
    }

    #[test]
    #[should_panic(expected = "a target of 5 for 5 rows or classes")]
    fn a_target_beyond_the_classes_panics() {
        let device = Device::flex();
        let logits = Tensor::<2>::zeros([2, 5], &device);
        softmax_cross_entropy(logits, Tensor::from_ints([4, 5], &device));
    }

    #[test]
    fn without_a_gradient_the_loss_is_the_same() {
        let logits = Tensor::<2>::random([9, 70], Distribution::Default, &Device::flex());
        let tracked = Tensor::from_inner(logits.clone()).require_grad();
        let with = softmax_cross_entropy(tracked, targets(9, 70));
        let without = softmax_cross_entropy(logits, targets(9, 70).inner());
        assert_eq!(with.into_data(), without.into_data());
    }

    #[test]
    fn logits_that_are_held_stay() {
        let device = Device::flex().autodiff();
        let leaf = Tensor::<2>::ones([3, 4], &device).require_grad();
        let logits = leaf.clone() * 2.0;
        let held = logits.clone();
        softmax_cross_entropy(logits, targets(3, 4)).backward();
        assert_eq!(held.into_data(), (leaf * 2.0).into_data());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn fast_is_plain(
            rows in 1usize..40, classes in 1usize..200, narrowed: bool, factor in 0.5f32..30.0,
        ) {
            let columns = classes + usize::from(narrowed);
            check(&[rows * columns], 1e-5, |leaves, fast| {
                let [x] = leaves.try_into().expect("one");
                let x: Tensor<2> = x.reshape([rows, columns]).narrow(1, 0, classes) * factor;
                let operation = if fast { softmax_cross_entropy } else { plain };
                // The factor is a gradient other than 1.
                operation(x, targets(rows, classes)) * 0.5
            });
        }
    }
}
