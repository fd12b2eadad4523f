//! Numbers for tests, and the comparison that every operation has to pass.

use std::sync::LazyLock;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::fused::TAKEN;

/// Pools of one and of two threads.
static POOLS: LazyLock<[ThreadPool; 2]> = LazyLock::new(|| {
    [1, 2].map(|threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads start")
    })
});

/// What `work` gives, on one thread and on two.
pub(crate) fn on_one_and_two_threads<T: Send>(work: impl Fn() -> T + Sync) -> [T; 2] {
    POOLS.each_ref().map(|pool| pool.install(&work))
}

/// Numbers in [-1, 1) that depend on the name and the index.
pub(crate) fn numbers(name: &str, len: usize) -> Vec<f32> {
    let seed = name.bytes().fold(7, |hash: u32, byte| {
        hash.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    (0..len as u32)
        .map(|i| {
            let mixed = (i ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0xc2b2_ae35);
            (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// What `work` gives, which takes a fast path.
#[track_caller]
pub(crate) fn by_fast_path<T>(work: impl FnOnce() -> T) -> T {
    let before = TAKEN.get();
    let found = work();
    assert!(TAKEN.get() > before, "the fast path did not run");
    found
}

/// What `work` gives, which takes no fast path.
#[track_caller]
fn without_fast_path<T>(work: impl FnOnce() -> T) -> T {
    let before = TAKEN.get();
    let found = work();
    assert_eq!(TAKEN.get(), before, "a fast path ran");
    found
}

/// Compares an operation's fast path with its plain composition: the output, and the gradients of all inputs for a random
/// cotangent. The fast path has to give the same bits on one thread and on two.
///
/// `operation` gets tensors of rank 1 with these lengths, and whether to take the fast path; its result is flattened.
/// The tolerance is relative to the largest entry of what is compared, and to 1 if that is smaller.
#[track_caller]
pub(crate) fn check<const D: usize>(
    lengths: &[usize],
    tolerance: f32,
    operation: impl Fn(Vec<Tensor<1>>, bool) -> Tensor<D> + Sync,
) {
    let device = Device::flex().autodiff();
    let outcomes = |fast: bool| {
        let leaves: Vec<Tensor<1>> = lengths
            .iter()
            .enumerate()
            .map(|(i, len)| {
                let numbers = numbers(&format!("input {i}"), *len);
                Tensor::from_data(TensorData::new(numbers, [*len]), &device).require_grad()
            })
            .collect();
        let output = match fast {
            true => by_fast_path(|| operation(leaves.clone(), true)),
            false => without_fast_path(|| operation(leaves.clone(), false)),
        };
        let [rank, len] = [D, output.shape().num_elements()];
        let output = output.reshape([len]);
        let cotangent = TensorData::new(numbers("cotangent", len), [len]);
        let gradients = (output.clone() * Tensor::from_data(cotangent, &device))
            .sum()
            .backward();
        let mut outcomes = vec![(format!("output of rank {rank}"), output.into_data())];
        for (i, leaf) in leaves.into_iter().enumerate() {
            let gradient = leaf.grad(&gradients).map_or_else(
                || TensorData::zeros::<f32, _>([lengths[i]]),
                Tensor::into_data,
            );
            outcomes.push((format!("gradient of input {i}"), gradient));
        }
        outcomes
    };
    let [one, fast] = on_one_and_two_threads(|| outcomes(true));
    for ((name, one), (_, two)) in one.iter().zip(&fast) {
        assert_eq!(one.as_bytes(), two.as_bytes(), "{name} on two threads");
    }
    for ((name, fast), (_, plain)) in fast.into_iter().zip(outcomes(false)) {
        assert_eq!(fast.shape(), plain.shape(), "{name}");
        let (fast, plain): (Vec<f32>, Vec<f32>) = (
            fast.try_into_vec().expect("floats"),
            plain.try_into_vec().expect("floats"),
        );
        let scale = plain.iter().fold(1.0, |max: f32, x| max.max(x.abs()));
        for (i, (a, b)) in fast.iter().zip(&plain).enumerate() {
            let same = (a - b).abs() <= tolerance * scale;
            assert!(
                same,
                "{name} [{i}]: {a} fast, {b} plain, of {scale} at most"
            );
        }
    }
}
