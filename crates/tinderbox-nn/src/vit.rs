//! The vision transformer with timm's names.
//!
//! Shape letters: `B` batch, `C` channels, `N` patches, `K` patches kept, `P` pixels of a patch times channels,
//! `E` width.

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Int, Tensor};
use tinderbox_kernels::{Activation, embedding, linear};

use crate::encoder::Encoder;
use crate::error::{NnConfigError, at_least_one};
use crate::layers::normalise;
use crate::patches::{patchify, positions};
use crate::transformer::{TransformerBlock, TransformerBlockConfig};

/// Configuration of [`Vit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VitConfig {
    /// Channels of an image.
    pub channels: usize,
    /// Side of a square image, in pixels.
    pub image_size: usize,
    /// Side of a square patch, in pixels, which divides the image's.
    pub patch: usize,
    /// Size `E` of a token, a multiple of 4.
    pub width: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Heads of each attention, which divide the width.
    pub heads: usize,
}

impl VitConfig {
    /// Standard deviation of the initial class token, as in the authors' code of MAE.
    pub(crate) const DEVIATION: f64 = 0.02;

    /// ViT-Tiny, 12 blocks of width 192 with 3 heads (Touvron et al. 2021, table 1), for images of 3 channels.
    pub fn tiny(image_size: usize, patch: usize) -> Self {
        Self {
            channels: 3,
            image_size,
            patch,
            width: 192,
            depth: 12,
            heads: 3,
        }
    }

    /// A network initialised as in the code of MAE's authors: Glorot and Bengio's uniform distribution for
    /// matrices, among them the patches' embedding, whose bias is PyTorch's for a convolution.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0, a patch that does not divide the image, heads that do not divide the
    /// width, or a width that is no multiple of 4.
    pub fn init(&self, device: &Device) -> Result<Vit, NnConfigError> {
        for (field, size) in [
            ("channels", self.channels),
            ("image_size", self.image_size),
            ("patch", self.patch),
            ("depth", self.depth),
        ] {
            at_least_one(field, size)?;
        }
        if !self.image_size.is_multiple_of(self.patch) {
            return Err(NnConfigError::Patch {
                patch: self.patch,
                image_size: self.image_size,
            });
        }
        let block = TransformerBlockConfig::new(self.width, self.heads);
        block.check()?;
        position_width("width", self.width)?;
        let blocks: Result<_, _> = (0..self.depth).map(|_| block.init(device)).collect();
        let pixels = self.channels * self.patch * self.patch;
        let bound = (pixels as f64).sqrt().recip();
        let proj = PatchProjection {
            weight: Initializer::XavierUniform { gain: 1.0 }.init_with(
                [self.width, self.channels, self.patch, self.patch],
                Some(pixels),
                Some(self.width),
                device,
            ),
            bias: Initializer::Uniform {
                min: -bound,
                max: bound,
            }
            .init([self.width], device),
        };
        Ok(Vit {
            cls_token: token(self.width, device),
            pos_embed: positions(self.width, self.image_size / self.patch, device),
            patch_embed: PatchEmbed { proj },
            blocks: blocks?,
            norm: LayerNormConfig::new(self.width)
                .with_epsilon(TransformerBlockConfig::EPSILON)
                .init(device),
            config: self.clone(),
        })
    }
}

/// Refuses a width that two sines and two cosines do not share evenly.
pub(crate) fn position_width(field: &'static str, width: usize) -> Result<(), NnConfigError> {
    match width.is_multiple_of(4) {
        true => Ok(()),
        false => Err(NnConfigError::PositionWidth { field, got: width }),
    }
}

/// A learnt token, `[1, 1, width]`.
pub(crate) fn token(width: usize, device: &Device) -> Param<Tensor<3>> {
    Initializer::Normal {
        mean: 0.0,
        std: VitConfig::DEVIATION,
    }
    .init([1, 1, width], device)
}

/// A vision transformer (Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words") with the fixed positions of MAE: a
/// class token and the patches' embeddings, pre-norm blocks, a last normalisation.
///
/// The names are timm's and those of MAE's authors. Its features are the mean of the patches' last states (the authors'
/// "global pooling"): masked autoencoding puts no loss on the class token.
#[derive(Module, Debug)]
pub struct Vit {
    /// What stands before the patches, `[1, 1, E]`.
    pub cls_token: Param<Tensor<3>>,
    /// Position of the class token and of each patch, `[1, 1 + N, E]`; it is fixed.
    pub pos_embed: Param<Tensor<3>>,
    /// From a patch to a token.
    pub patch_embed: PatchEmbed,
    /// The blocks, in order.
    pub blocks: Vec<TransformerBlock>,
    /// The last normalisation.
    pub norm: LayerNorm,
    #[module(skip)]
    config: VitConfig,
}

/// The embedding of patches.
#[derive(Module, Debug)]
pub struct PatchEmbed {
    /// Its only layer.
    pub proj: PatchProjection,
}

/// A convolution whose kernel and stride are a patch's side, which is a dense layer over each patch.
#[derive(Module, Debug)]
pub struct PatchProjection {
    /// The kernel, `[E, C, patch, patch]`.
    pub weight: Param<Tensor<4>>,
    /// The bias, `[E]`.
    pub bias: Param<Tensor<1>>,
}

impl PatchProjection {
    /// # Shapes
    /// - `patches`: `[B, N, P]`, ordered as [`patchify`] does
    /// - output: `[B, N, E]`
    fn forward(&self, patches: Tensor<3>) -> Tensor<3> {
        let [width, channels, rows, columns] = self.weight.dims();
        let weight = self.weight.val().permute([2, 3, 1, 0]);
        let weight = weight.reshape([rows * columns * channels, width]);
        linear(patches, weight, Some(self.bias.val()), Activation::Identity)
    }
}

impl Vit {
    /// What it was built from.
    pub fn config(&self) -> &VitConfig {
        &self.config
    }

    /// The last state of the class token and of each patch that is seen.
    ///
    /// # Shapes
    /// - `patches`: `[B, N, P]`, as [`patchify`] gives them
    /// - `kept`: `[B, K]`, which patches of each image are seen, in this order; all without it
    /// - output: `[B, 1 + K, E]`, or `[B, 1 + N, E]`
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn encode(&self, patches: Tensor<3>, kept: Option<Tensor<2, Int>>) -> Tensor<3> {
        let [batch, count, pixels] = patches.dims();
        let [_, places, width] = self.pos_embed.dims();
        assert_eq!(
            count,
            places - 1,
            "ViT: {count} patches for {} positions",
            places - 1
        );
        // Whatever unfreezes a module shall not make a parameter of the positions.
        let table = self.pos_embed.val().detach();
        let after_class = table.clone().slice([0..1, 1..places]);
        let tokens = match kept {
            None => self.patch_embed.proj.forward(patches) + after_class,
            Some(kept) => {
                let [rows, seen] = kept.dims();
                assert_eq!(
                    rows, batch,
                    "ViT: kept patches of {rows} images, not {batch}"
                );
                let offset = Tensor::arange(0..batch as i64, &kept.device()) * count as i64;
                let flat = kept.clone() + offset.reshape([batch, 1]);
                let patches = embedding(
                    patches.reshape([batch * count, pixels]),
                    flat.reshape([batch * seen]),
                );
                let places = embedding(
                    after_class.reshape([count, width]),
                    kept.reshape([batch * seen]),
                );
                let patches = patches.reshape([batch, seen, pixels]);
                self.patch_embed.proj.forward(patches) + places.reshape([batch, seen, width])
            }
        };
        let class = self.cls_token.val() + table.slice([0..1, 0..1]);
        let mut x = Tensor::cat(vec![class.expand([batch, 1, width]), tokens], 1);
        for block in &self.blocks {
            x = block.forward(x, None);
        }
        normalise(&self.norm, x, TransformerBlockConfig::EPSILON)
    }
}

impl Encoder for Vit {
    type Input = Tensor<4>;

    /// Mean of the patches' last states.
    ///
    /// # Shapes
    /// - `images`: `[B, C, image_size, image_size]`
    /// - output: `[B, E]`
    ///
    /// # Panics
    /// If the images have other channels or another size than configured.
    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let tokens = self.encode(patchify(images, self.config.patch), None);
        let [batch, count, width] = tokens.dims();
        tokens
            .slice([0..batch, 1..count])
            .mean_dim(1)
            .reshape([batch, width])
    }

    fn feature_dim(&self) -> usize {
        self.config.width
    }
}
