//! The [`Encoder`] trait: what pre-training produces and everything downstream consumes.

use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;

/// A network that turns an input into one feature vector an item.
///
/// Heads are separate modules, so that an encoder can be pre-trained with one head and
/// transferred with another.
pub trait Encoder: Module + ModuleDisplay {
    /// What the encoder reads, such as `Tensor<4>` for images `[batch, channels, height, width]`.
    type Input;

    /// Features of a batch.
    ///
    /// # Shapes
    /// - output: `[batch, feature_dim]`
    fn forward(&self, input: Self::Input) -> Tensor<2>;

    /// Length of a feature vector.
    fn feature_dim(&self) -> usize;
}
