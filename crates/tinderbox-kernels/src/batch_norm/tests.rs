//! Tests of `batch_norm`.

use proptest::prelude::*;

use super::*;
use crate::flex::testing::check;

fn compare<const D: usize>(shape: [usize; D], residual: bool, relu: bool, infer: bool) {
    let (len, features) = (shape.iter().product(), shape[1]);
    check(&[len, len, features, features], 2e-5, |leaves, fast| {
        let [x, added, weight, bias] = leaves.try_into().expect("four");
        let epilogue = Epilogue {
            residual: residual.then(|| added.reshape(shape)),
            relu,
        };
        let x = x.reshape(shape);
        if infer {
            let mean = weight.clone().detach() * 0.5;
            let variance = mean.clone().square() + 0.1;
            let operation = if fast { batch_norm } else { plain_infer };
            return operation(x, [weight, bias], [mean, variance], 1e-5, epilogue);
        }
        let operation = if fast { batch_norm_train } else { plain };
        let batch = operation(x, weight, bias, 1e-5, epilogue);
        let statistics = batch.mean.sum() + batch.variance.sum();
        // Statistics are constants: they change the output here, and no gradient.
        batch.output + statistics.detach().reshape([1; D])
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    // Of two values a channel, all terms of the gradient cancel, and what is left is rounding.
    #[test]
    fn fast_is_plain(
        batch in 3usize..9, features in 1usize..40, size in [1usize..7, 1usize..7],
        residual: bool, relu: bool, infer: bool,
    ) {
        compare([batch, features, size[0], size[1]], residual, relu, infer);
        compare([batch * 3, features], residual, relu, infer);
    }
}

#[test]
fn many_blocks() {
    compare([40, 3, 31, 33], true, true, false);
}

#[test]
fn a_large_mean_costs_no_digits() {
    use burn::tensor::{Device, TensorData};
    let x: Vec<f32> = (0..60_000).map(|i| 1e4 + (i % 7) as f32).collect();
    let x = Tensor::<2>::from_data(TensorData::new(x, [60_000, 1]), &Device::flex());
    let one = Tensor::ones([1], &Device::flex());
    let batch = batch_norm_train(x, one.clone(), one, 1e-5, Epilogue::default());
    // 60,000 is 8,571 times 7 numbers and 3 more.
    let variance = batch.variance.into_scalar::<f32>();
    assert!((variance - 4.0).abs() < 1e-3, "{variance}");
}
