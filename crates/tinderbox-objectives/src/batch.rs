//! What objectives consume.
//!
//! Shape letters: `B` batch, `C` channels, `H` height, `W` width.

use burn::tensor::{Int, Tensor};

/// Several random views of the same images: `views[v]` row `b` shows image `b`.
#[derive(Debug, Clone)]
pub struct ViewBatch {
    /// One `[B, C, H, W]` tensor a view.
    pub views: Vec<Tensor<4>>,
}

/// Inputs with a class index each.
#[derive(Debug, Clone)]
pub struct LabelledBatch<I = Tensor<4>> {
    /// What the encoder reads, `[B, C, H, W]` for images.
    pub inputs: I,
    /// Class indices in `0..classes`, shape `[B]`.
    pub targets: Tensor<1, Int>,
}
