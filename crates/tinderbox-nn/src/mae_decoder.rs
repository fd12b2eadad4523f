//! The decoder of masked autoencoding.
//!
//! Shape letters: `B` batch, `N` patches, `K` patches kept, `P` pixels of a patch times channels, `E` width of the
//! encoder, `D` width of the decoder.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Int, Tensor};
use tinderbox_kernels::{Activation, embedding};

use crate::error::{NnConfigError, at_least_one};
use crate::layers::{apply, dense, normalise};
use crate::patches::positions;
use crate::transformer::{TransformerBlock, TransformerBlockConfig};
use crate::vit::{VitConfig, position_width, token};

/// Configuration of [`MaeDecoder`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaeDecoderConfig {
    /// Size `D` of a token, a multiple of 4.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Heads of each attention, which divide the width.
    pub heads: usize,
}

impl MaeDecoderConfig {
    /// A decoder for this encoder, initialised as in the authors' code.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, heads that do not divide the width, or a width that is no multiple of 4.
    pub fn init(&self, encoder: &VitConfig, device: &Device) -> Result<MaeDecoder, NnConfigError> {
        at_least_one("depth", self.depth)?;
        let block = TransformerBlockConfig::new(self.width, self.heads);
        block.check()?;
        position_width("width", self.width)?;
        let blocks: Result<_, _> = (0..self.depth).map(|_| block.init(device)).collect();
        let xavier = Initializer::XavierUniform { gain: 1.0 };
        let pixels = encoder.patch * encoder.patch * encoder.channels;
        Ok(MaeDecoder {
            mask_token: token(self.width, device),
            decoder_embed: dense(encoder.width, self.width, &xavier, device),
            decoder_pos_embed: positions(self.width, encoder.image_size / encoder.patch, device),
            decoder_blocks: blocks?,
            decoder_norm: LayerNormConfig::new(self.width)
                .with_epsilon(TransformerBlockConfig::EPSILON)
                .init(device),
            decoder_pred: dense(self.width, pixels, &xavier, device),
        })
    }
}

/// Predicts every patch's pixels from the states of the patches that the encoder saw (He et al. 2022, "Masked
/// Autoencoders Are Scalable Vision Learners", section 3): a dense layer, a learnt mask token for each patch not seen,
/// positions, blocks, a normalisation, a dense layer.
///
/// The names are the authors', who have encoder and decoder in one module.
#[derive(Module, Debug)]
pub struct MaeDecoder {
    /// What stands for a patch not seen, `[1, 1, D]`.
    pub mask_token: Param<Tensor<3>>,
    /// From the encoder's width to this one's.
    pub decoder_embed: Linear,
    /// Position of the class token and of each patch, `[1, 1 + N, D]`; it is fixed.
    pub decoder_pos_embed: Param<Tensor<3>>,
    /// The blocks, in order.
    pub decoder_blocks: Vec<TransformerBlock>,
    /// The last normalisation.
    pub decoder_norm: LayerNorm,
    /// From a token to a patch's pixels.
    pub decoder_pred: Linear,
}

impl MaeDecoder {
    /// The pixels of every patch, seen or not, ordered as [`patchify`](crate::patchify()) does.
    ///
    /// # Shapes
    /// - `encoded`: `[B, 1 + K, E]`, the class token and the kept patches as the encoder gave them
    /// - `restore`: `[B, N]`, for each patch its place among the kept ones, or a number of at least `K` for
    ///   a patch that the encoder did not see
    /// - output: `[B, N, P]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn forward(&self, encoded: Tensor<3>, restore: Tensor<2, Int>) -> Tensor<3> {
        let ([batch, seen, _], [rows, count]) = (encoded.dims(), restore.dims());
        let [_, places, width] = self.decoder_pos_embed.dims();
        assert_eq!(
            [batch, places],
            [rows, 1 + count],
            "MAE: {batch} images and {places} positions do not fit restore {:?}",
            restore.dims()
        );
        let tokens = apply(&self.decoder_embed, encoded, Activation::Identity);
        // One gather puts every token at its place: of the rows of all images, then the mask token's.
        let mask_row = batch * seen;
        let table = Tensor::cat(
            vec![
                tokens.clone().reshape([mask_row, width]),
                self.mask_token.val().reshape([1, width]),
            ],
            0,
        );
        let hidden = restore.clone().greater_equal_elem(seen as i64 - 1);
        let offset = Tensor::arange(0..batch as i64, &restore.device()) * seen as i64 + 1;
        let places_of = (restore + offset.reshape([batch, 1])).mask_fill(hidden, mask_row as i64);
        let patches = embedding(table, places_of.reshape([batch * count]));
        let class = tokens.slice([0..batch, 0..1]);
        let x = Tensor::cat(vec![class, patches.reshape([batch, count, width])], 1);
        let mut x = x + self.decoder_pos_embed.val().detach();
        for block in &self.decoder_blocks {
            x = block.forward(x, None);
        }
        // The class token has no pixels.
        let patches = x.slice([0..batch, 1..places]);
        let patches = normalise(&self.decoder_norm, patches, TransformerBlockConfig::EPSILON);
        apply(&self.decoder_pred, patches, Activation::Identity)
    }
}
