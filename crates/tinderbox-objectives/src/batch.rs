//! What objectives consume.
//!
//! What an encoder reads is an [`Input`](tinderbox_nn::Input): images `[B, C, H, W]`, unless said otherwise.
//!
//! Shape letters: `B` batch, `C` channels, `H` height, `W` width, `T` tokens, `N` masked places.

use burn::tensor::{Bool, Int, Tensor};
use tinderbox_nn::TokenBatch;

/// Several random views of the same items: `views[v]` row `b` shows item `b`.
#[derive(Debug, Clone)]
pub struct ViewBatch<I = Tensor<4>> {
    /// What the encoder reads, once a view.
    pub views: Vec<I>,
}

/// Inputs with a class index each.
#[derive(Debug, Clone)]
pub struct LabelledBatch<I = Tensor<4>> {
    /// What the encoder reads.
    pub inputs: I,
    /// Class indices in `0..classes`, shape `[B]`.
    pub targets: Tensor<1, Int>,
}

/// Images alone.
#[derive(Debug, Clone)]
pub struct ImageBatch {
    /// `[B, C, H, W]`.
    pub images: Tensor<4>,
}

/// Sequences of words, some of them masked, and which words stood there.
#[derive(Debug, Clone)]
pub struct MaskedBatch {
    /// Words after masking, `[B, T]`.
    pub tokens: Tensor<2, Int>,
    /// Segment of each token, `[B, T]`.
    pub segments: Tensor<2, Int>,
    /// True where a token is padding, `[B, T]`.
    pub padding: Tensor<2, Bool>,
    /// The masked places, `[N]`, flat indices into `B x T`, ascending.
    pub positions: Tensor<1, Int>,
    /// The word that stood at each of them, `[N]`.
    pub targets: Tensor<1, Int>,
}

impl MaskedBatch {
    /// What an encoder reads of it.
    pub fn input(&self) -> TokenBatch {
        TokenBatch {
            tokens: self.tokens.clone(),
            segments: self.segments.clone(),
            padding: Some(self.padding.clone()),
        }
    }
}

/// Sequences of two segments each, some of whose words are masked, with how the segments belong together.
#[derive(Debug, Clone)]
pub struct MaskedPairBatch {
    /// The sequences.
    pub masked: MaskedBatch,
    /// The class of each pair, `[B]`: 0 if the second segment is the one that follows, 1 if not.
    pub relations: Tensor<1, Int>,
}
