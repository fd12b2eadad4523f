//! Span extraction: where in a text the answer stands.
//!
//! Shape letters: `B` batch, `T` tokens.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_nn::{TokenBatch, TokenEncoder};

use crate::batch::SpanBatch;
use crate::cross_entropy::cross_entropy;
use crate::objective::{Objective, StepContext, StepOutput};

/// Logits of the tokens as the first and the last of the answer.
#[derive(Debug, Clone)]
pub struct SpanLogits {
    /// Of the first token, `[B, T]`.
    pub starts: Tensor<2>,
    /// Of the last token, `[B, T]`.
    pub ends: Tensor<2>,
}

/// The mean of the cross-entropies of first and last token.
///
/// ```text
/// L = mean_b 1/2 [ -log softmax(starts_b)[start_b]  -  log softmax(ends_b)[end_b] ]
/// ```
///
/// Devlin et al. 2019, section 4.2, with the mean of the authors' code. The loss is at least 0, and `ln T` for equal logits.
///
/// # Shapes
/// - `logits`: `[B, T]` each
/// - `starts`, `ends`: `[B]`, each in `0..T`
/// - output: `[1]`
///
/// # Panics
/// If the shapes differ in `B`.
pub fn span_extraction(
    logits: SpanLogits,
    starts: Tensor<1, Int>,
    ends: Tensor<1, Int>,
) -> Tensor<1> {
    let sum = cross_entropy(logits.starts, starts, 0.0) + cross_entropy(logits.ends, ends, 0.0);
    sum / 2.0
}

/// A span of tokens with the sum of its two logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The place of its first token.
    pub start: usize,
    /// The place of its last token, at least `start`.
    pub end: usize,
    /// `starts[start] + ends[end]`.
    pub score: f32,
}

/// The span of at most `longest` tokens with the highest score, of those that start and end at allowed places (Devlin et al.
/// 2019, section 4.2); the first of equals. None if no place is allowed or `longest` is 0.
///
/// # Panics
/// If the slices differ in length.
pub fn best_span(starts: &[f32], ends: &[f32], allowed: &[bool], longest: usize) -> Option<Span> {
    assert!(
        starts.len() == ends.len() && starts.len() == allowed.len(),
        "best span: {} starts, {} ends and {} flags",
        starts.len(),
        ends.len(),
        allowed.len()
    );
    let spans = (0..starts.len()).flat_map(|start| {
        let last = starts.len().min(start.saturating_add(longest));
        (start..last).map(move |end| (start, end))
    });
    let spans = spans
        .filter(|(start, end)| allowed[*start] && allowed[*end])
        .map(|(start, end)| Span {
            start,
            end,
            score: starts[start] + ends[end],
        });
    spans.reduce(|best, span| if span.score > best.score { span } else { best })
}

/// Configuration of [`SpanExtraction`]; all of its sizes are the encoder's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanExtractionConfig {}

impl SpanExtractionConfig {
    /// Puts a new linear head on `encoder`.
    pub fn init<E: TokenEncoder>(&self, encoder: E, device: &Device) -> SpanExtraction<E> {
        SpanExtraction {
            qa_outputs: LinearConfig::new(encoder.feature_dim(), 2).init(device),
            encoder,
        }
    }
}

/// An encoder with a linear head that points at the first and the last token of an answer, trained by [`span_extraction`].
///
/// Padding is no place of an answer: its logits are so low that they have no part in the loss. A text without an answer points at
/// a token that stands for none, such as the first.
///
/// The metric `exact_match` is the share of the texts whose likeliest first and last token are both right.
#[derive(Module, Debug)]
pub struct SpanExtraction<E: TokenEncoder> {
    /// The encoder.
    pub encoder: E,
    /// From a state to the logits of first and last, by the name of Hugging Face's `BertForQuestionAnswering`.
    pub qa_outputs: Linear,
}

impl<E: TokenEncoder> SpanExtraction<E> {
    /// Logits of all tokens.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn logits(&self, input: TokenBatch) -> SpanLogits {
        /// Stands for minus infinity: a text of padding alone has a softmax, too.
        const HIDDEN: f64 = -1e30;
        let padding = input.padding.clone();
        let logits = self.qa_outputs.forward(self.encoder.hidden_states(input));
        let [rows, length, _] = logits.dims();
        let part = |i, padding: Option<Tensor<2, Bool>>| {
            let logits = logits.clone().narrow(2, i, 1).reshape([rows, length]);
            match padding {
                Some(padding) => logits.mask_fill(padding, HIDDEN),
                None => logits,
            }
        };
        SpanLogits {
            starts: part(0, padding.clone()),
            ends: part(1, padding),
        }
    }
}

impl<E: TokenEncoder> Objective for SpanExtraction<E> {
    type Batch = SpanBatch;
    type Encoder = E;

    /// # Panics
    /// If the shapes do not fit.
    fn step(&self, batch: SpanBatch, _at: StepContext) -> StepOutput {
        let logits = self.logits(batch.input);
        let right = |logits: &Tensor<2>, targets: &Tensor<1, Int>| {
            let likeliest = logits.clone().detach().argmax(1).reshape([-1]);
            likeliest.equal(targets.clone())
        };
        let exact = right(&logits.starts, &batch.starts).bool_and(right(&logits.ends, &batch.ends));
        let exact_match = exact.float().mean();
        StepOutput::new(span_extraction(logits, batch.starts, batch.ends))
            .with_metric("exact_match", exact_match)
    }

    fn encoder(&self) -> &E {
        &self.encoder
    }
}
