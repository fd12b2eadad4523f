//! Masked autoencoding of images.
//!
//! Shape letters: `B` batch, `N` patches, `P` pixels of a patch times channels.

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{MaeDecoder, MaeDecoderConfig, Vit, patchify};

use crate::batch::ImageBatch;
use crate::error::ObjectiveConfigError;
use crate::objective::{Objective, StepContext, StepOutput};
use crate::patch_mask::PatchMask;

/// Added to the variance of a patch's pixels, as in the authors' code.
const EPSILON: f64 = 1e-6;

/// Mean squared error of the predicted pixels, over the masked patches alone; 0, with gradients of 0, where none is
/// masked.
///
/// ```text
/// L = mean over masked (b, n) of mean_p (predicted(b, n, p) - y(b, n, p))^2
/// y = patches,   or normalised   (patches - mean_p) / sqrt(var_p + 1e-6)
/// ```
///
/// He et al., "Masked Autoencoders Are Scalable Vision Learners" (2022), section 3; the variance is the unbiased one
/// (divided by `P - 1`), as in the authors' code. The loss is at least 0.
///
/// # Shapes
/// - `predicted`, `patches`: `[B, N, P]`
/// - `masked`: `[B, N]`, true where the loss counts
/// - output: `[1]`
///
/// # Panics
/// If the shapes do not fit, or `normalise` is given patches of one value, which have no unbiased variance.
pub fn masked_autoencoding(
    predicted: Tensor<3>,
    patches: Tensor<3>,
    masked: Tensor<2, Bool>,
    normalise: bool,
) -> Tensor<1> {
    let [batch, count, pixels] = patches.dims();
    assert_eq!(
        (predicted.dims(), masked.dims()),
        ([batch, count, pixels], [batch, count]),
        "masked autoencoding: prediction and mask do not fit patches of {:?}",
        patches.dims()
    );
    assert!(
        pixels > 1 || !normalise,
        "masked autoencoding: one value cannot be normalised"
    );
    let target = match normalise {
        true => {
            let (variance, mean) = patches.clone().var_mean(2);
            (patches - mean) / (variance + EPSILON).sqrt()
        }
        false => patches,
    };
    let counts = masked.float();
    let total = counts.clone().sum().clamp_min(1.0) * pixels as f64;
    let error = (predicted - target).square().sum_dim(2);
    (error.reshape([batch, count]) * counts).sum() / total
}

/// Configuration of [`Mae`]; the defaults are those of the authors' code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaeConfig {
    /// Share of the patches that the encoder does not see, above 0 and below 1.
    #[serde(default = "MaeConfig::default_mask_ratio")]
    pub mask_ratio: f64,
    /// Whether the pixels of each patch are normalised before the loss (section 3, "Reconstruction target").
    #[serde(default)]
    pub normalise_pixels: bool,
    /// Size of the decoder's tokens, a multiple of 4.
    #[serde(default = "MaeConfig::default_decoder_width")]
    pub decoder_width: usize,
    /// Blocks of the decoder.
    #[serde(default = "MaeConfig::default_decoder_depth")]
    pub decoder_depth: usize,
    /// Heads of the decoder's attentions.
    #[serde(default = "MaeConfig::default_decoder_heads")]
    pub decoder_heads: usize,
    /// From which the masks are drawn, with the step's number; a run gives its own.
    #[serde(default)]
    pub seed: u64,
}

impl Default for MaeConfig {
    fn default() -> Self {
        Self {
            mask_ratio: Self::default_mask_ratio(),
            normalise_pixels: false,
            decoder_width: Self::default_decoder_width(),
            decoder_depth: Self::default_decoder_depth(),
            decoder_heads: Self::default_decoder_heads(),
            seed: 0,
        }
    }
}

impl MaeConfig {
    fn default_mask_ratio() -> f64 {
        0.75
    }

    fn default_decoder_width() -> usize {
        512
    }

    fn default_decoder_depth() -> usize {
        8
    }

    fn default_decoder_heads() -> usize {
        16
    }

    /// Puts a new decoder behind `encoder`.
    ///
    /// # Errors
    /// [`ObjectiveConfigError`] for a mask ratio at which no patch or every patch is kept, for patches of one value that
    /// shall be normalised, or for a decoder that cannot be built.
    pub fn init(&self, encoder: Vit, device: &Device) -> Result<Mae, ObjectiveConfigError> {
        let config = encoder.config();
        let patches = (config.image_size / config.patch).pow(2);
        // The authors' rounding, downwards.
        let kept = (patches as f64 * (1.0 - self.mask_ratio)) as usize;
        if !(self.mask_ratio > 0.0 && self.mask_ratio < 1.0 && (1..patches).contains(&kept)) {
            return Err(ObjectiveConfigError::MaskRatio {
                got: self.mask_ratio,
                patches,
            });
        }
        if self.normalise_pixels && config.patch * config.patch * config.channels < 2 {
            return Err(ObjectiveConfigError::SinglePixel);
        }
        let decoder = MaeDecoderConfig {
            width: self.decoder_width,
            depth: self.decoder_depth,
            heads: self.decoder_heads,
        };
        Ok(Mae {
            decoder: decoder.init(config, device)?,
            encoder,
            kept,
            normalise_pixels: self.normalise_pixels,
            seed: self.seed,
        })
    }
}

/// A vision transformer that sees some patches of an image, and a decoder that predicts the pixels of the others,
/// trained by [`masked_autoencoding`].
///
/// The decoder is left behind when the encoder is transferred.
#[derive(Module, Debug)]
pub struct Mae {
    /// The encoder.
    pub encoder: Vit,
    /// From the states of the patches seen to the pixels of all.
    pub decoder: MaeDecoder,
    kept: usize,
    normalise_pixels: bool,
    seed: u64,
}

impl Mae {
    /// The loss of images under a given mask.
    ///
    /// # Shapes
    /// - `images`: `[B, channels, image_size, image_size]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn loss(&self, images: Tensor<4>, mask: PatchMask) -> Tensor<1> {
        let patches = patchify(images, self.encoder.config().patch);
        let encoded = self.encoder.encode(patches.clone(), Some(mask.kept));
        let predicted = self.decoder.forward(encoded, mask.restore);
        masked_autoencoding(predicted, patches, mask.masked, self.normalise_pixels)
    }
}

impl Objective for Mae {
    type Batch = ImageBatch;
    type Encoder = Vit;

    /// # Panics
    /// If the images have other channels or another size than configured.
    fn step(&self, batch: ImageBatch, at: StepContext) -> StepOutput {
        let [images, ..] = batch.images.dims();
        let [_, places, _] = self.encoder.pos_embed.dims();
        let shape = [images, places - 1];
        let mask = PatchMask::draw(shape, self.kept, self.seed, at, &batch.images.device());
        StepOutput::new(self.loss(batch.images, mask))
    }

    fn encoder(&self) -> &Vit {
        &self.encoder
    }
}
