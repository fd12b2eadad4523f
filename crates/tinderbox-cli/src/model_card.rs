//! `exported/`: the description of a model that travels with its weights.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::card_python;
use crate::encoder::{EncoderConfig, ImageShape, InputShape, Modality};
use crate::inputs::{Preprocessing, Target};

/// The version of `tinderbox.json` that this program writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

/// `exported/tinderbox.json`: what is in `model.safetensors`, and how to build it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDescription {
    /// Version of this description.
    pub format_version: u32,
    /// The program that wrote it.
    pub tinderbox_version: String,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// The shape of an item.
    #[serde(flatten)]
    pub shape: InputShape,
    /// Length of a feature vector.
    pub feature_dim: usize,
    /// The output layer; none for an encoder alone.
    pub head: Option<HeadDescription>,
    /// The prefix of the weights that name the next token, such as `head`; of a causal language model alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word_head: Option<String>,
    /// The objective that trained it.
    pub objective: String,
    /// Updates of the weights.
    pub step: u64,
}

/// The output layer of a classifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadDescription {
    /// The prefix of its weights in `model.safetensors`, such as `fc`.
    pub name: String,
    /// Names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// What it tells.
    #[serde(default)]
    pub of: Target,
}

/// A description that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// It is not what this program writes.
    #[error("not a description of a model: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error("format version {found}, this program reads up to {FORMAT_VERSION}")]
    TooNew {
        /// The version it has.
        found: u64,
    },
}

impl ModelDescription {
    /// Whether it writes a text with noise whole.
    pub fn restores(&self) -> bool {
        self.objective == "denoising"
    }

    /// Reads `tinderbox.json`.
    ///
    /// # Errors
    /// If it is malformed or from a newer program.
    pub fn from_json(text: &str) -> Result<Self, DescriptionError> {
        // The version is looked at first: a newer format may differ in anything else.
        let value: serde_json::Value = serde_json::from_str(text)?;
        match value
            .get("format_version")
            .and_then(serde_json::Value::as_u64)
        {
            Some(found) if found > u64::from(FORMAT_VERSION) => {
                Err(DescriptionError::TooNew { found })
            }
            _ => Ok(serde_json::from_value(value)?),
        }
    }

    /// The text of `tinderbox.json`.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a description is plain data") + "\n"
    }
}

/// What a model card tells beside the description.
#[derive(Debug, Clone, Default)]
pub struct CardFacts {
    /// Name of the run.
    pub run: String,
    /// Where the data came from, in words.
    pub data: String,
    /// How many items it was trained on.
    pub items: usize,
    /// Fingerprint of the data.
    pub fingerprint: String,
    /// Figures worth telling: a name and a value in words, such as `87.3 % ± 1.2`.
    pub results: Vec<(String, String)>,
    /// The resolved recipe, in TOML.
    pub recipe: String,
}

/// The text of `exported/README.md`.
pub fn model_card(
    model: &ModelDescription,
    preprocess: &Preprocessing,
    facts: &CardFacts,
) -> String {
    let kind = model.encoder.name();
    let items = model.encoder.modality().items();
    let data = match model.encoder.modality() {
        Modality::Image => "IMAGES",
        Modality::Row => "TABLE",
        Modality::Text => "TEXTS",
    };
    let mut card = String::new();
    let mut line = |text: &str| {
        card.push_str(text);
        card.push('\n');
    };
    line(&format!("# {}", plain(&facts.run)));
    line("");
    let of = model.head.as_ref().map(|head| head.of);
    let what = match of {
        Some(Target::Items) => "A classifier",
        Some(Target::Words) => "A tagger of the words",
        Some(Target::Answers) => "A finder of the answers to questions in",
        None if model.word_head.is_some() => "A language model",
        None if model.restores() => "A restorer",
        None => "An encoder",
    };
    let of_items = match of {
        Some(Target::Answers) => items.to_string(),
        _ => format!("of {items}"),
    };
    line(&format!(
        "{what} {of_items} ({kind}), trained with the objective `{}` for {} steps by Tinderbox {}.",
        model.objective, model.step, model.tinderbox_version
    ));
    line("");
    line("| | |");
    line("|---|---|");
    line(&match model.shape {
        InputShape::Image(ImageShape { channels, size }) => {
            format!("| input | {size} x {size} pixels, {channels} channel(s) |")
        }
        InputShape::Row { columns } => format!("| input | {columns} numbers |"),
        InputShape::Text { vocabulary, length } => {
            format!("| input | up to {length} of {vocabulary} tokens |")
        }
    });
    line(&format!("| features | {} |", model.feature_dim));
    let classes = model.head.as_ref();
    let classes = classes.filter(|head| head.of != Target::Answers);
    if let Some(head) = classes {
        line(&format!("| classes | {} |", head.classes.len()));
    }
    line(&format!(
        "| data | {} ({} items) |",
        plain(&facts.data),
        facts.items
    ));
    line(&format!(
        "| data fingerprint | `{}` |",
        plain(&facts.fingerprint)
    ));
    if !facts.results.is_empty() {
        line("");
        line("## Results");
        line("");
        line("| measure | value |");
        line("|---|---|");
        for (name, value) in &facts.results {
            line(&format!("| {} | {} |", plain(name), plain(value)));
        }
    }
    line("");
    line("## Files");
    line("");
    line(
        "- `model.safetensors`: the weights, under the names torchvision uses where it has the model",
    );
    line("- `tinderbox.json`: what the weights belong to");
    line(&format!(
        "- `preprocessing.json`: how {items} become its input"
    ));
    line("");
    line("## Use");
    line("");
    line("```sh");
    match of {
        Some(Target::Answers) => line("tinderbox predict THIS_FOLDER --data QUESTIONS.json"),
        Some(_) => line(&format!("tinderbox predict THIS_FOLDER --data {data}")),
        None => {}
    }
    if model.word_head.is_some() || model.restores() {
        line("tinderbox generate THIS_FOLDER --prompt TEXT");
    }
    line(&format!(
        "tinderbox embed THIS_FOLDER --data {data} --out features.npy"
    ));
    line("```");
    if let Some(input) = card_python::input(preprocess) {
        line("");
        line("## Input");
        line("");
        line(&input);
    }
    if let Some(code) = card_python::network(model) {
        line("");
        line("In Python, the model inside this folder:");
        line("");
        line(&code);
    }
    if let Some(head) = classes {
        line("");
        line("## Classes");
        line("");
        for (index, class) in head.classes.iter().enumerate() {
            line(&format!("{index}. {}", plain(class)));
        }
    }
    let _ = write!(
        card,
        "\n## Recipe\n\n```toml\n{}\n```\n",
        facts.recipe.trim_end()
    );
    card
}

/// Text from outside in one line of Markdown: no markup, no line breaks.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '\\' | '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '#' => {
                plain.push('\\');
                plain.push(c);
            }
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> ModelDescription {
        ModelDescription {
            format_version: FORMAT_VERSION,
            tinderbox_version: "0.1.0".into(),
            encoder: crate::recipe::RecipeFile::find("simclr-digits")
                .unwrap()
                .resolve(&[])
                .unwrap()
                .encoder
                .config,
            shape: InputShape::Image(ImageShape {
                channels: 1,
                size: 8,
            }),
            feature_dim: 128,
            head: None,
            word_head: None,
            objective: "simclr".into(),
            step: 1000,
        }
    }

    fn preprocessing() -> Preprocessing {
        Preprocessing::Image(tinderbox::data::Preprocess::plain((8, 8), 1))
    }

    #[test]
    fn a_description_reads_back() {
        let model = description();
        assert_eq!(
            ModelDescription::from_json(&model.to_json()).unwrap(),
            model
        );
    }

    #[test]
    fn what_older_programs_did_not_write_is_as_it_was() {
        let text = description().to_json();
        assert!(!text.contains("word_head"), "{text}");
        let head = text.replace(
            "\"head\": null",
            "\"head\": {\"name\": \"fc\", \"classes\": [\"a\", \"b\"]}",
        );
        let model = ModelDescription::from_json(&head).unwrap();
        assert_eq!(model.head.unwrap().of, Target::Items);
        let words = ModelDescription {
            word_head: Some("head".into()),
            ..description()
        };
        assert_eq!(
            ModelDescription::from_json(&words.to_json()).unwrap(),
            words
        );
        assert!(
            model_card(&words, &preprocessing(), &CardFacts::default())
                .contains("tinderbox generate")
        );
    }

    #[test]
    fn a_newer_format_is_refused_by_its_version() {
        let text = r#"{"format_version": 2, "shape": "unheard of"}"#;
        let error = ModelDescription::from_json(text).unwrap_err().to_string();
        assert_eq!(error, "format version 2, this program reads up to 1");
        assert!(ModelDescription::from_json("{}").is_err());
    }

    #[test]
    fn a_card_shows_facts_and_no_markup_from_outside() {
        let mut model = description();
        model.head = Some(HeadDescription {
            name: "fc".into(),
            classes: vec!["a|b".into(), "<script>".into()],
            of: Target::Items,
        });
        let facts = CardFacts {
            run: "mine".into(),
            data: "a\nfolder".into(),
            items: 3,
            fingerprint: "abc".into(),
            results: vec![("kNN accuracy".into(), "97.1 %".into())],
            recipe: "version = 1\n".into(),
        };
        let card = model_card(&model, &preprocessing(), &facts);
        assert!(
            card.contains("A classifier of images (reference-cnn)"),
            "{card}"
        );
        assert!(card.contains("0. a\\|b") && card.contains("1. \\<script\\>"));
        assert!(card.contains("a folder (3 items)") && card.contains("| kNN accuracy | 97.1 % |"));
    }
}
