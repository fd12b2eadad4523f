//! `[encoder]`: the network that is pre-trained, and the weights it starts from.

use std::path::PathBuf;

use serde::Serialize;
use tinderbox::nn::ImageEncoderConfig;

use super::reader::TableReader;

/// The `[encoder]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EncoderRecipe {
    /// The network and its sizes.
    #[serde(flatten)]
    pub config: ImageEncoderConfig,
    /// Weights to start from: a run, an exported folder or a safetensors file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// Whether `init` may lack weights, or hold others, than the encoder has.
    pub partial: bool,
}

impl EncoderRecipe {
    /// Names that `encoder.kind` takes.
    pub const KINDS: [&'static str; 4] = ["reference-cnn", "resnet18", "resnet34", "resnet50"];

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        let init = table.field("init").optional();
        let partial = table.field("partial").or(false);
        let config = table
            .tagged_rest("kind", &Self::KINDS)
            .unwrap_or_else(Self::stand_in);
        Self {
            config,
            init,
            partial,
        }
    }

    /// What reading goes on with after a complaint.
    fn stand_in() -> ImageEncoderConfig {
        let table = toml::Table::from_iter([("kind".to_string(), Self::KINDS[0].into())]);
        table
            .try_into()
            .expect("the first encoder has defaults for all its sizes")
    }
}
