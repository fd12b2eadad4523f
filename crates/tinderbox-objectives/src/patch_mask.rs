//! Which patches of an image an encoder sees.
//!
//! Shape letters: `B` batch, `N` patches, `K` patches kept.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::objective::StepContext;

/// Which patches an encoder sees.
#[derive(Debug, Clone)]
pub struct PatchMask {
    /// The patches seen, `[B, K]`, in the order in which they were drawn.
    pub kept: Tensor<2, Int>,
    /// For each patch its place in that order, `[B, N]`; not seen is what has `K` or more.
    pub restore: Tensor<2, Int>,
    /// True where a patch is not seen, `[B, N]`.
    pub masked: Tensor<2, Bool>,
}

impl PatchMask {
    /// Keeps `kept` of `patches` patches of each image, every subset as likely as another.
    ///
    /// It is drawn on the host by a counter: the mask of row `b` depends on `seed`, the step, the micro-batch and `b`
    /// alone, not on the device, the number of threads, or what was drawn before.
    ///
    /// # Panics
    /// If `kept` is above `patches`.
    pub fn draw(
        [batch, patches]: [usize; 2],
        kept: usize,
        seed: u64,
        at: StepContext,
        device: &Device,
    ) -> Self {
        assert!(kept <= patches, "cannot keep {kept} of {patches} patches");
        let address = [at.step, u64::from(at.micro_batch)];
        let step = address.into_iter().fold(mix(seed), chain);
        let orders: Vec<Vec<usize>> = (0..batch as u64)
            .map(|row| {
                let image = chain(step, row);
                let mut order: Vec<usize> = (0..patches).collect();
                order.sort_by_cached_key(|&patch| chain(image, patch as u64));
                order
            })
            .collect();
        Self::from_orders(&orders, kept, device)
    }

    /// Keeps the first `kept` of each image's order, a permutation of its patches.
    fn from_orders(orders: &[Vec<usize>], kept: usize, device: &Device) -> Self {
        let (batch, patches) = (orders.len(), orders.first().map_or(0, Vec::len));
        let mut seen = Vec::with_capacity(batch * kept);
        let mut restore = vec![0_i64; batch * patches];
        for (row, order) in orders.iter().enumerate() {
            seen.extend(order[..kept].iter().map(|&patch| patch as i64));
            for (place, patch) in order.iter().enumerate() {
                restore[row * patches + patch] = place as i64;
            }
        }
        let masked: Vec<bool> = restore.iter().map(|&place| place >= kept as i64).collect();
        Self {
            kept: Tensor::from_data(TensorData::new(seen, [batch, kept]), device),
            restore: Tensor::from_data(TensorData::new(restore, [batch, patches]), device),
            masked: Tensor::from_data(TensorData::new(masked, [batch, patches]), device),
        }
    }
}

fn chain(state: u64, part: u64) -> u64 {
    mix(state ^ part)
}

/// SplitMix64 (Steele, Lea and Flood 2014): its increment, then its finaliser.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
