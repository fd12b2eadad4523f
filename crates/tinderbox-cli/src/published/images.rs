//! Residual networks as timm publishes them: `config.json` with `architecture` and `pretrained_cfg`, and `model.safetensors`.

use std::path::Path;

use serde_json::{Value, json};
use tinderbox::data::{Aspect, Background, Preprocess, ResizeFilter, Resizing};
use tinderbox::nn::StateDict;

use super::{WEIGHTS, settings, unusable};
use crate::encoder::EncoderConfig;
use crate::error::CliError;
use crate::export::FOREIGN_CONFIG;
use crate::inputs::{Preprocessing, Target};
use crate::model::Model;
use crate::model_card::HeadDescription;

/// The output layer's prefix.
const HEAD: &str = "fc";

/// The settings in a folder, if they are timm's.
pub(super) fn config(folder: &Path) -> Result<Option<Value>, CliError> {
    Ok(settings(folder)?.filter(|config| config["architecture"].is_string()))
}

/// The model of these settings.
pub(super) fn open(folder: &Path, config: &Value) -> Result<Model, CliError> {
    let settings = Settings { folder, config };
    let (encoder, feature_dim) = settings.encoder()?;
    let preprocess = Preprocessing::Image(settings.preprocess()?);
    let weights = read(folder)?;
    let classes = weights.get("fc.bias").map(|bias| bias.num_elements());
    let mut model = super::model(folder, encoder, feature_dim, preprocess, weights);
    if let Some(count) = classes {
        let names = settings.class_names(count);
        if names.is_none() {
            let note = format!("no label_names in {FOREIGN_CONFIG}: classes go by their numbers");
            model.notes.push(note);
        }
        model.description.head = Some(HeadDescription {
            name: HEAD.into(),
            classes: names.unwrap_or_else(|| (0..count).map(|class| class.to_string()).collect()),
            of: Target::Items,
        });
    }
    model.notes.push(
        "pictures are resized in floats, where timm rounds to bytes: features differ in their third digit".into(),
    );
    Ok(model)
}

/// The weights without those of the output layer.
pub(super) fn weights(folder: &Path) -> Result<StateDict, CliError> {
    let mut kept = StateDict::default();
    for (name, data) in read(folder)?.iter() {
        if !name.starts_with("fc.") {
            kept.insert(name, data.clone());
        }
    }
    Ok(kept)
}

fn read(folder: &Path) -> Result<StateDict, CliError> {
    StateDict::read(folder.join(WEIGHTS)).map_err(|error| CliError::Run(error.into()))
}

struct Settings<'a> {
    folder: &'a Path,
    config: &'a Value,
}

impl Settings<'_> {
    fn wrong(&self, key: &str, expected: &str, got: &Value) -> CliError {
        unusable(
            &self.folder.join(FOREIGN_CONFIG),
            &format!("{key} must be {expected}, got {got}"),
        )
    }

    /// The network and the length of its features.
    fn encoder(&self) -> Result<(EncoderConfig, usize), CliError> {
        let architecture = &self.config["architecture"];
        let (name, feature_dim) = match architecture.as_str() {
            Some(name @ ("resnet18" | "resnet34")) => (name, 512),
            Some(name @ "resnet50") => (name, 2048),
            _ => {
                let expected = "resnet18, resnet34 or resnet50";
                return Err(self.wrong("architecture", expected, architecture));
            }
        };
        let pool = &self.config["global_pool"];
        if !pool.is_null() && pool != "avg" {
            return Err(self.wrong("global_pool", "avg", pool));
        }
        // What else a network was told may have changed its layers.
        for (key, value) in self.config["model_args"].as_object().into_iter().flatten() {
            let known = match key.as_str() {
                "in_chans" | "num_classes" => true,
                "global_pool" => value == "avg",
                _ => false,
            };
            if !known {
                let key = format!("model_args.{key}");
                return Err(self.wrong(&key, "absent", value));
            }
        }
        let encoder = serde_json::from_value(json!({"kind": name}));
        let encoder = encoder.expect("these have defaults for all else");
        Ok((EncoderConfig::Image(encoder), feature_dim))
    }

    fn preprocess(&self) -> Result<Preprocess, CliError> {
        let cfg = &self.config["pretrained_cfg"];
        let key = |key: &str| format!("pretrained_cfg.{key}");
        let wrong = |name: &str, expected: &str| self.wrong(&key(name), expected, &cfg[name]);
        let size = serde_json::from_value::<[usize; 3]>(cfg["input_size"].clone());
        let (channels, side) = match size {
            Ok([channels @ (1 | 3), height, width]) if height == width && height > 0 => {
                (channels, height)
            }
            _ => return Err(wrong("input_size", "1 or 3 channels and a square")),
        };
        let numbers = |name: &str| {
            serde_json::from_value::<Vec<f32>>(cfg[name].clone())
                .map_err(|_| wrong(name, "a number for each channel"))
        };
        let filter = match cfg["interpolation"].as_str() {
            Some("bilinear") => ResizeFilter::Bilinear,
            Some("bicubic") => ResizeFilter::Bicubic,
            _ => return Err(wrong("interpolation", "bilinear or bicubic")),
        };
        let share = match &cfg["crop_pct"] {
            Value::Null => Some(0.875),
            share => share.as_f64().filter(|share| (0.1..=1.0).contains(share)),
        };
        let share = share.ok_or_else(|| wrong("crop_pct", "a share from 0.1 to 1"))?;
        let aspect = match cfg["crop_mode"].as_str() {
            None | Some("center") => Aspect::Crop {
                shorter: (side as f64 / share).floor() as usize,
            },
            Some("squash") if share == 1.0 => Aspect::Squash,
            Some(_) => return Err(wrong("crop_mode", "center")),
        };
        let preprocess = Preprocess {
            resize: Resizing { aspect, filter },
            mean: numbers("mean")?,
            std: numbers("std")?,
            background: Some(Background::default()),
            ..Preprocess::plain((side, side), channels)
        };
        preprocess
            .validate()
            .map_err(|error| unusable(&self.folder.join(FOREIGN_CONFIG), &error))?;
        Ok(preprocess)
    }

    fn class_names(&self, count: usize) -> Option<Vec<String>> {
        let names = serde_json::from_value::<Vec<String>>(self.config["label_names"].clone());
        names.ok().filter(|names| names.len() == count)
    }
}
