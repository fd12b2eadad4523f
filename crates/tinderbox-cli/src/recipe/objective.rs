//! `[objective]`: the loss that is minimised.

use serde::Serialize;
use tinderbox::data::text::NoiseConfig;
use tinderbox::nn::TextEncoderConfig;
use tinderbox::objectives::{ElectraConfig, SimCseConfig};
use tinderbox::transfer::ClassWeights;

use super::data::DataRecipe;
use super::reader::TableReader;
use super::views::vocabulary_that_serves;
use crate::encoder::{EncoderConfig, Modality};
use crate::inputs::{Pair, Pretext, Target, Views};

/// The `[objective]` table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ObjectiveRecipe {
    /// SimCLR (Chen et al. 2020): two views of an item attract, other items repel.
    Simclr {
        /// Temperature of the similarities.
        temperature: f64,
        /// Hidden units of the projection head; without it, the encoder's feature length.
        #[serde(skip_serializing_if = "Option::is_none")]
        projection_hidden: Option<usize>,
        /// Length of a projection.
        projection_dim: usize,
        /// Whether the projection head normalises over the batch.
        batch_norm: bool,
    },
    /// Masked language modelling (Devlin et al. 2019): which tokens stood where some are masked.
    MaskedLm,
    /// Causal language modelling: which token comes next.
    CausalLm,
    /// A sequence autoencoder (Dai and Le 2015): the sequence once more, from its features.
    SequenceAutoencoder,
    /// Denoising (Lewis et al. 2020, "BART"): the sequence as it was, from one with noise.
    Denoising(NoiseConfig),
    /// Masked words and pairs of segments at once, as BERT was trained.
    Bert {
        /// What the pairs are.
        pairs: Pair,
    },
    /// Whether the second segment of a pair is the next one (Devlin et al. 2019).
    NextSentence,
    /// Whether the segments of a pair are in order (Lan et al. 2020, "ALBERT").
    SentenceOrder,
    /// ELECTRA (Clark et al. 2020): which tokens a small generator has replaced.
    Electra {
        /// What the discriminator's loss is multiplied by.
        discriminator_weight: f64,
    },
    /// SimCSE (Gao et al. 2021): a text is found again among others by what dropout leaves of it, or the other text of a pair by the one.
    #[serde(rename = "simcse")]
    SimCse(SimCseConfig),
    /// Cross-entropy on labels.
    Supervised {
        /// Share of the target spread over all classes.
        label_smoothing: f64,
        /// How much the items of each class count.
        class_weights: ClassWeights,
    },
    /// Cross-entropy on the tags of words (Devlin et al. 2019, section 5.3).
    Tagging,
    /// Where the answer to a question begins and ends in a text (Devlin et al. 2019, section 4.2).
    SpanExtraction,
}

impl ObjectiveRecipe {
    /// Names that `objective.kind` takes.
    pub const KINDS: [&'static str; 13] = [
        "simclr",
        "masked-lm",
        "causal-lm",
        "sequence-autoencoder",
        "denoising",
        "bert",
        "next-sentence",
        "sentence-order",
        "electra",
        "simcse",
        "supervised",
        "tagging",
        "span-extraction",
    ];

    /// The name in a recipe.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Simclr { .. } => "simclr",
            Self::MaskedLm => "masked-lm",
            Self::CausalLm => "causal-lm",
            Self::SequenceAutoencoder => "sequence-autoencoder",
            Self::Denoising(_) => "denoising",
            Self::Bert { .. } => "bert",
            Self::NextSentence => "next-sentence",
            Self::SentenceOrder => "sentence-order",
            Self::Electra { .. } => "electra",
            Self::SimCse(_) => "simcse",
            Self::Supervised { .. } => "supervised",
            Self::Tagging => "tagging",
            Self::SpanExtraction => "span-extraction",
        }
    }

    /// What it eats.
    pub fn views(&self) -> Views {
        match self {
            Self::Simclr { .. } | Self::SimCse(_) => Views::Two,
            Self::MaskedLm | Self::Electra { .. } => Views::Sequences(Pretext::Masked),
            Self::CausalLm | Self::SequenceAutoencoder => Views::Sequences(Pretext::Plain),
            Self::Denoising(noise) => Views::Sequences(Pretext::Noised(*noise)),
            Self::Bert { pairs } => Views::Sequences(Pretext::MaskedPairs(*pairs)),
            Self::NextSentence => Views::Sequences(Pretext::Pairs(Pair::Next)),
            Self::SentenceOrder => Views::Sequences(Pretext::Pairs(Pair::Order)),
            Self::Supervised { .. } => Views::One,
            Self::Tagging => Views::Tagged,
            Self::SpanExtraction => Views::Question,
        }
    }

    /// The name of the objective that learns this.
    pub fn kind_for(target: Target) -> &'static str {
        match target {
            Target::Items => "supervised",
            Target::Words => "tagging",
            Target::Answers => "span-extraction",
        }
    }

    /// Whether it learns from labels, tags or answers.
    pub fn is_supervised(&self) -> bool {
        self.views().target().is_some()
    }

    pub(super) fn read(
        table: &mut TableReader<'_>,
        data: &DataRecipe,
        encoder: &EncoderConfig,
    ) -> Self {
        let read = Self::read_kind(table);
        let modality = encoder.modality();
        let (target, offered) = (read.views().target(), data.source.target());
        if let Some(target) = target.filter(|target| *target != offered) {
            let needs = match target {
                Target::Items => format!(
                    "but `data.source` has {}: expected {}",
                    offered.examples(),
                    Self::kind_for(offered)
                ),
                Target::Words => "which needs `data.source` tags".into(),
                Target::Answers => "which needs `data.source` questions".into(),
            };
            table.complain(format!("`objective.kind` is {}, {needs}", read.name()));
        }
        if matches!(read.views(), Views::Sequences(_)) && offered == Target::Answers {
            table.complain(format!(
                "`objective.kind` is {}, which reads running text, but `data.source` is questions: pre-train on `text`",
                read.name()
            ));
        }
        if read == Self::SpanExtraction && !sees_question_and_text(encoder) {
            table.complain("`objective.kind` is span-extraction, which needs an encoder that sees both sides of a token: a bert of 2 segments that is not causal, or a recurrent one with `bidirectional = true`");
        }
        let texts = matches!(read.views(), Views::Sequences(_)) || matches!(read, Self::SimCse(_));
        if texts && modality != Modality::Text {
            table.complain(format!(
                "`objective.kind` is {}, which is for texts, but the data is {}",
                read.name(),
                modality.items()
            ));
        }
        let bidirectional = matches!(
            read,
            Self::MaskedLm
                | Self::Bert { .. }
                | Self::NextSentence
                | Self::SentenceOrder
                | Self::Electra { .. }
        );
        if let EncoderConfig::Text(text) = encoder {
            let name = read.name();
            let needs = match text {
                TextEncoderConfig::Bert(_) | TextEncoderConfig::Recurrent(_)
                    if matches!(read, Self::Denoising(_)) =>
                {
                    Some("encoder-decoder")
                }
                TextEncoderConfig::Recurrent(_) if bidirectional => Some(
                    "bert; for recurrent networks there are causal-lm and sequence-autoencoder",
                ),
                TextEncoderConfig::EncoderDecoder(_) if bidirectional => {
                    Some("bert; for an encoder with a decoder there is denoising")
                }
                _ => None,
            };
            if let Some(needs) = needs {
                table.complain(format!(
                    "`objective.kind` is {name}, which needs `encoder.kind` {needs}"
                ));
            }
        }
        read
    }

    fn read_kind(table: &mut TableReader<'_>) -> Self {
        match table.choice("kind", &Self::KINDS, None) {
            Some("masked-lm") => Self::MaskedLm,
            Some("causal-lm") => Self::CausalLm,
            Some("sequence-autoencoder") => Self::SequenceAutoencoder,
            Some("denoising") => {
                let special = vocabulary_that_serves();
                let check = |noise: &NoiseConfig| noise.build(special.clone()).map(|_| ());
                Self::Denoising(table.checked_rest(check).unwrap_or_default())
            }
            Some("bert") => Self::Bert {
                pairs: match table.choice("pairs", &["next", "order"], Some("next")) {
                    Some("order") => Pair::Order,
                    _ => Pair::Next,
                },
            },
            Some("next-sentence") => Self::NextSentence,
            Some("sentence-order") => Self::SentenceOrder,
            Some("electra") => Self::Electra {
                discriminator_weight: table
                    .field("discriminator_weight")
                    .check("above 0", |weight: &f64| {
                        *weight > 0.0 && weight.is_finite()
                    })
                    .or(ElectraConfig::default().discriminator_weight),
            },
            Some("simcse") => Self::SimCse(SimCseConfig {
                temperature: table
                    .field("temperature")
                    .check("above 0", |temperature: &f64| *temperature > 0.0)
                    .or(SimCseConfig::default().temperature),
                projection: table
                    .field("projection")
                    .or(SimCseConfig::default().projection),
            }),
            Some("supervised") => Self::Supervised {
                label_smoothing: table
                    .field("label_smoothing")
                    .within(0.0..1.0, "0 to below 1")
                    .or(0.0),
                class_weights: match table.choice(
                    "class_weights",
                    &["none", "balanced"],
                    Some("none"),
                ) {
                    Some("balanced") => ClassWeights::Balanced,
                    _ => ClassWeights::None,
                },
            },
            Some("tagging") => Self::Tagging,
            Some("span-extraction") => Self::SpanExtraction,
            Some(_) => Self::Simclr {
                temperature: table
                    .field("temperature")
                    .check("above 0", |temperature: &f64| *temperature > 0.0)
                    .or(0.5),
                projection_hidden: table
                    .field("projection_hidden")
                    .within(1.., "1 or more")
                    .optional(),
                projection_dim: table
                    .field("projection_dim")
                    .within(1.., "1 or more")
                    .or(128),
                batch_norm: table.field("batch_norm").or(true),
            },
            None => {
                table.pass_over();
                Self::Supervised {
                    label_smoothing: 0.0,
                    class_weights: ClassWeights::None,
                }
            }
        }
    }
}

/// Whether each token, and with it `[CLS]`, sees all of a question and of its text, and can tell them apart.
fn sees_question_and_text(encoder: &EncoderConfig) -> bool {
    match encoder {
        EncoderConfig::Text(TextEncoderConfig::Bert(bert)) => !bert.causal && bert.segments > 1,
        EncoderConfig::Text(TextEncoderConfig::Recurrent(recurrent)) => recurrent.bidirectional,
        EncoderConfig::Text(TextEncoderConfig::EncoderDecoder(_)) => false,
        // That it is for texts is told elsewhere.
        EncoderConfig::Image(_) | EncoderConfig::Row(_) => true,
    }
}
