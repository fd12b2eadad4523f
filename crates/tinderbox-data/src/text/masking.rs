//! Masked language modelling.

use burn::tensor::TensorData;
use serde::{Deserialize, Serialize};

use super::choice::choose;
use super::padding::{named, padded_length, sequences};
use super::{SpecialTokens, TokenItem, check_share};
use crate::batch::labels;
use crate::{Collate, DataError, PlainBatch, SampleRng, View};

/// What is masked as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MaskingUnit {
    /// Single tokens (Devlin et al. 2019, "BERT", section 3.1).
    Token,
    /// Whole words: all tokens of a word or none (BERT's later release; Cui et al. 2021).
    Word,
    /// Runs of whole words (Joshi et al. 2020, "SpanBERT", section 3.1).
    Span {
        /// Parameter of the geometric distribution of the number of words, in 0..1; the paper's 0.2.
        p: f32,
        /// Most words of a span, above which the distribution is cut off; the paper's 10, which makes a mean of 3.8.
        max: usize,
    },
}

impl MaskingUnit {
    /// Spans with SpanBERT's values: `p` 0.2, at most 10 words.
    pub const SPAN_BERT: Self = Self::Span { p: 0.2, max: 10 };

    /// Number of units of the next group.
    fn length(self, rng: &mut SampleRng) -> usize {
        let Self::Span { p, max } = self else {
            return 1;
        };
        // The inverse of the distribution function of the geometric distribution cut off at `max`.
        let fail = f64::from(1.0 - p);
        let below_max = 1.0 - fail.powf(max as f64);
        let trials = (1.0 - f64::from(rng.uniform()) * below_max).ln() / fail.ln();
        (trials as usize + 1).min(max)
    }
}

/// How tokens are masked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskingConfig {
    /// The share of ordinary tokens to predict.
    pub share: f32,
    /// The share of those that become `[MASK]`.
    pub masked: f32,
    /// The share of those that become a random ordinary token; the rest stays as it is.
    pub random: f32,
    /// What is masked as a whole.
    pub unit: MaskingUnit,
}

impl Default for MaskingConfig {
    /// Devlin et al. 2019, appendix A.1: 15 % of the tokens, of which 80 % `[MASK]`, 10 % random, 10 % kept.
    fn default() -> Self {
        Self {
            share: 0.15,
            masked: 0.8,
            random: 0.1,
            unit: MaskingUnit::Token,
        }
    }
}

impl MaskingConfig {
    /// The view that masks so.
    ///
    /// # Errors
    /// [`DataError::Config`] if a share lies outside of 0..1, if `masked` and `random` exceed 1 together, if a span has no
    /// length, or if the special tokens are not in the vocabulary or leave fewer than two ordinary ones.
    pub fn build(self, special: SpecialTokens) -> Result<MaskTokens, DataError> {
        special.validate()?;
        check_share("share", self.share)?;
        check_share("masked", self.masked)?;
        check_share("random", self.random)?;
        // Room for the rounding of sums such as 0.9 + 0.1.
        check_share("masked + random", (self.masked + self.random) / 1.000_001)?;
        if let MaskingUnit::Span { p, max } = self.unit {
            if !(p > 0.0 && p <= 1.0) {
                return Err(DataError::config("unit.p", "above 0, at most 1", p));
            }
            if max == 0 {
                return Err(DataError::config("unit.max", "at least 1", max));
            }
        }
        Ok(MaskTokens {
            config: self,
            special,
        })
    }
}

/// Masks tokens at random, anew in each epoch (dynamic masking, Liu et al. 2019, "RoBERTa", section 4.1).
///
/// Tokens and words choose between `[MASK]`, random and kept token by token, spans as a whole. At least one token (word) is chosen when
/// there is one. A random token is never a special one, but may by chance be the original.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskTokens {
    config: MaskingConfig,
    special: SpecialTokens,
}

/// A masked sequence of `T` tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedSample {
    /// The tokens after masking, `[T]`.
    pub tokens: Vec<u32>,
    /// The segment of each token, `[T]`.
    pub segments: Vec<u32>,
    /// The places to predict, ascending, `[N]`.
    pub positions: Vec<usize>,
    /// What stood at each of them, `[N]`.
    pub targets: Vec<u32>,
    /// The item's label.
    pub label: Option<u32>,
    /// The index of the item in the data set.
    pub index: u64,
}

impl View<TokenItem> for MaskTokens {
    type Out = MaskedSample;

    /// # Panics
    /// If the item's flags or segments are not as many as its tokens.
    fn apply(&self, item: TokenItem, mut rng: SampleRng) -> MaskedSample {
        item.check();
        let MaskingConfig {
            share,
            masked,
            random,
            unit,
        } = self.config;
        let units = match unit {
            MaskingUnit::Token => item.ordinary(&self.special),
            MaskingUnit::Word | MaskingUnit::Span { .. } => item.words(&self.special),
        };
        let groups = choose(&units, share, 1, &mut rng, |rng| unit.length(rng));
        let mut tokens = item.tokens.clone();
        for group in &groups {
            let mut fate = rng.uniform();
            for place in group.clone() {
                if fate < masked {
                    tokens[place] = self.special.mask;
                } else if fate < masked + random {
                    tokens[place] = self.special.draw_ordinary(&mut rng);
                }
                if !matches!(unit, MaskingUnit::Span { .. }) {
                    fate = rng.uniform();
                }
            }
        }
        let positions: Vec<usize> = groups.into_iter().flatten().collect();
        MaskedSample {
            tokens,
            segments: item.segments,
            targets: positions.iter().map(|place| item.tokens[*place]).collect(),
            positions,
            label: item.label,
            index: rng.index(),
        }
    }
}

/// Pads [`MaskedSample`]s to a batch.
///
/// Gives `tokens`, `segments` and `padding` (1 where a token is padding), each `[B, T]`, then `positions` (flat indices into
/// `B x T`, ascending) and `targets`, each `[N]`, and `label`, `[B]`, when every sample has one; all of `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskedCollate {
    /// The id that fills sequences up; its segment is 0.
    pub pad: u32,
    /// The length `T` of every batch; that of the batch's longest sequence if it is `None`.
    pub length: Option<usize>,
}

impl Collate<MaskedSample> for MaskedCollate {
    /// # Panics
    /// If there are no samples, or if one is longer than `length`.
    fn collate(&self, samples: Vec<MaskedSample>) -> PlainBatch {
        let lengths = samples.iter().map(|sample| sample.tokens.len());
        let length = padded_length(lengths, self.length);
        let tokens = samples.iter().map(|sample| &sample.tokens[..]);
        let segments = samples.iter().map(|sample| &sample.segments[..]);
        let positions: Vec<i64> = samples
            .iter()
            .enumerate()
            .flat_map(|(row, sample)| {
                let places = sample.positions.iter();
                places.map(move |place| (row * length + place) as i64)
            })
            .collect();
        let targets: Vec<i64> = samples
            .iter()
            .flat_map(|sample| sample.targets.iter().map(|target| i64::from(*target)))
            .collect();
        let count = positions.len();
        let mut tensors = named(sequences(tokens, segments, length, self.pad));
        tensors.extend(named([
            ("positions", TensorData::new(positions, [count])),
            ("targets", TensorData::new(targets, [count])),
        ]));
        tensors.extend(labels(samples.iter().map(|sample| sample.label)));
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_share, rng, sentence, special};
    use super::*;

    const UNITS: [MaskingUnit; 3] = [
        MaskingUnit::Token,
        MaskingUnit::Word,
        MaskingUnit::SPAN_BERT,
    ];

    fn view(unit: MaskingUnit) -> MaskTokens {
        let config = MaskingConfig {
            unit,
            ..MaskingConfig::default()
        };
        config.build(special()).unwrap()
    }

    #[test]
    fn shares_are_15_and_80_10_10() {
        for unit in UNITS {
            let [mut all, mut chosen, mut masked, mut kept] = [0; 4];
            for index in 0..2000 {
                let sample = view(unit).apply(sentence(128, index), rng(index));
                all += 128;
                chosen += sample.positions.len();
                for (place, target) in sample.positions.iter().zip(&sample.targets) {
                    masked += usize::from(sample.tokens[*place] == 3);
                    kept += usize::from(sample.tokens[*place] == *target);
                }
            }
            let share = chosen as f64 / all as f64;
            // Words that would exceed the number wanted are passed over, so that theirs can only fall short.
            assert!((0.1485..=0.1505).contains(&share), "{unit:?}: {share}");
            if let MaskingUnit::Span { .. } = unit {
                // Fates are drawn for each span, some 4 tokens, so the deviation is wider.
                let share = masked as f64 / chosen as f64;
                assert!((share - 0.8).abs() < 0.03, "{share}");
            } else {
                assert_share(masked, chosen, 0.8);
                // 10 % stay and a random token is the original once in 995 draws.
                assert_share(kept, chosen, 0.1 + 0.1 / 995.0);
            }
        }
    }

    #[test]
    fn span_lengths_are_a_cut_off_geometric_distribution() {
        let mut counts = [0; 11];
        let mut rng = rng(0);
        for _ in 0..100_000 {
            counts[MaskingUnit::SPAN_BERT.length(&mut rng)] += 1;
        }
        let weights: Vec<f64> = (0..10).map(|n| 0.2 * 0.8_f64.powi(n)).collect();
        let sum: f64 = weights.iter().sum();
        assert_eq!(counts[0], 0);
        for (count, weight) in counts[1..].iter().zip(weights) {
            assert_share(*count, 100_000, weight / sum);
        }
        assert_eq!(MaskingUnit::Span { p: 1.0, max: 10 }.length(&mut rng), 1);
    }

    #[test]
    fn a_span_shares_one_fate() {
        let config = MaskingConfig {
            masked: 0.5,
            random: 0.0,
            share: 0.1,
            unit: MaskingUnit::Span { p: 0.01, max: 10 },
        };
        let view = config.build(special()).unwrap();
        let mut fates = [0; 2];
        for index in 0..50 {
            // Ten words that are tokens each: the whole budget is one or two spans.
            let item = TokenItem::new((10..30).collect());
            let sample = view.apply(item, rng(index));
            let masked = |place: &&usize| sample.tokens[**place] == 3;
            let count = sample.positions.iter().filter(masked).count();
            if sample
                .positions
                .windows(2)
                .all(|pair| pair[0] + 1 == pair[1])
            {
                fates[0] += usize::from(count == 0);
                fates[1] += usize::from(count == sample.positions.len());
            }
        }
        assert!(fates[0] > 5 && fates[1] > 5, "{fates:?}");
    }

    #[test]
    fn nothing_to_mask_gives_no_positions() {
        for unit in UNITS {
            for tokens in [vec![], vec![1, 2], vec![1, 4, 2]] {
                let sample = view(unit).apply(TokenItem::new(tokens.clone()), rng(0));
                assert_eq!(sample.tokens, tokens);
                assert_eq!(sample.positions, [0; 0]);
            }
        }
    }

    #[test]
    fn a_batch_is_padded_and_its_positions_are_flat() {
        let sample = |tokens: &[u32], positions: &[usize], index| MaskedSample {
            tokens: tokens.to_vec(),
            segments: vec![1; tokens.len()],
            positions: positions.to_vec(),
            targets: positions.iter().map(|place| *place as u32 + 50).collect(),
            label: Some(index as u32),
            index,
        };
        let samples = vec![
            sample(&[1, 3, 2], &[1], 6),
            sample(&[1, 3, 3, 7, 2], &[1, 2], 4),
        ];
        let collate = |length| MaskedCollate { pad: 9, length }.collate(samples.clone());
        let batch = collate(None);
        assert_eq!(batch.indices, [6, 4]);
        let names: Vec<_> = batch.tensors.iter().map(|(name, _)| &name[..]).collect();
        let expected = [
            "tokens",
            "segments",
            "padding",
            "positions",
            "targets",
            "label",
        ];
        assert_eq!(names, expected);
        let values = |place: usize| batch.tensors[place].1.as_slice::<i64>().unwrap();
        assert_eq!(values(0), [1, 3, 2, 9, 9, 1, 3, 3, 7, 2]);
        assert_eq!(values(1), [1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
        assert_eq!(values(2), [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!(values(3), [1, 6, 7]);
        assert_eq!(values(4), [51, 51, 52]);
        assert_eq!(values(5), [6, 4]);
        let wide = collate(Some(8));
        assert_eq!(&wide.tensors[0].1.shape()[..], [2, 8]);
        assert_eq!(wide.tensors[3].1.as_slice::<i64>().unwrap(), [1, 9, 10]);
    }

    #[test]
    fn settings_are_checked() {
        let base = MaskingConfig::default();
        for config in [
            MaskingConfig { share: 1.5, ..base },
            MaskingConfig {
                share: f32::NAN,
                ..base
            },
            MaskingConfig {
                random: 0.3,
                ..base
            },
            MaskingConfig {
                unit: MaskingUnit::Span { p: 0.0, max: 3 },
                ..base
            },
            MaskingConfig {
                unit: MaskingUnit::Span { p: 0.5, max: 0 },
                ..base
            },
        ] {
            assert!(config.build(special()).is_err(), "{config:?}");
        }
    }
}
