//! `[encoder]`: the network that is pre-trained, and the weights it starts from.

use std::path::PathBuf;

use serde::Serialize;

use super::data::DataRecipe;
use super::reader::TableReader;
use crate::encoder::{EncoderConfig, Modality};

/// The `[encoder]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EncoderRecipe {
    /// The network and its sizes.
    #[serde(flatten)]
    pub config: EncoderConfig,
    /// Weights to start from: a run, an exported folder or a safetensors file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// Whether `init` may lack weights, or hold others, than the encoder has.
    pub partial: bool,
}

impl EncoderRecipe {
    /// Names that `encoder.kind` takes.
    pub const KINDS: [&'static str; 8] = [
        "reference-cnn",
        "resnet18",
        "resnet34",
        "resnet50",
        "mlp",
        "bert",
        "recurrent",
        "encoder-decoder",
    ];

    pub(super) fn read(table: &mut TableReader<'_>, data: &DataRecipe) -> Self {
        let modality = data.modality();
        let init = table.field("init").optional();
        let partial = table.field("partial").or(false);
        let config = match table.text("kind") {
            Some("mlp") => table
                .tagged_rest("kind", &Self::KINDS)
                .map(EncoderConfig::Row),
            Some("bert" | "recurrent" | "encoder-decoder") => table
                .tagged_rest("kind", &Self::KINDS)
                .map(EncoderConfig::Text),
            _ => table
                .tagged_rest("kind", &Self::KINDS)
                .map(EncoderConfig::Image),
        };
        let config = config.unwrap_or_else(|| Self::stand_in(modality));
        if config.modality() != modality {
            table.complain(format!(
                "`encoder.kind` is {}, which reads {}, but the data is {}",
                config.name(),
                config.modality().items(),
                modality.items()
            ));
        }
        if let (EncoderConfig::Text(text), Some(tokens)) = (&config, &data.tokens)
            && let Some(positions) = text.positions()
            && positions < tokens.length
        {
            table.complain(format!(
                "`encoder.positions` is {positions}, but a sequence has up to `data.tokens.length` = {} tokens",
                tokens.length
            ));
        }
        Self {
            config,
            init,
            partial,
        }
    }

    /// What reading goes on with after a complaint.
    fn stand_in(modality: Modality) -> EncoderConfig {
        let kind = match modality {
            Modality::Image => "reference-cnn",
            Modality::Row => "mlp",
            Modality::Text => "bert",
        };
        let table = toml::Table::from_iter([("kind".to_string(), kind.into())]);
        table.try_into().expect("these have defaults for all sizes")
    }
}
