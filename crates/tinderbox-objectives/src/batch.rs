//! What objectives consume.
//!
//! What an encoder reads is an [`Input`](tinderbox_nn::Input): images `[B, C, H, W]`, unless said otherwise.
//!
//! Shape letters: `B` batch, `C` channels, `H` height, `W` width, `T` tokens, `N` masked or tagged places,
//! `S` tokens of a source.

use burn::tensor::{Bool, Int, Tensor};
use tinderbox_nn::TokenBatch;

/// Several random views of the same items: `views[v]` row `b` shows item `b`.
#[derive(Debug, Clone)]
pub struct ViewBatch<I = Tensor<4>> {
    /// What the encoder reads, once a view.
    pub views: Vec<I>,
}

/// Inputs with a class index each.
#[derive(Debug, Clone)]
pub struct LabelledBatch<I = Tensor<4>> {
    /// What the encoder reads.
    pub inputs: I,
    /// Class indices in `0..classes`, shape `[B]`.
    pub targets: Tensor<1, Int>,
}

/// Images alone.
#[derive(Debug, Clone)]
pub struct ImageBatch {
    /// `[B, C, H, W]`.
    pub images: Tensor<4>,
}

/// Sequences of words, some of them masked, and which words stood there.
#[derive(Debug, Clone)]
pub struct MaskedBatch {
    /// Words after masking, `[B, T]`.
    pub tokens: Tensor<2, Int>,
    /// Segment of each token, `[B, T]`.
    pub segments: Tensor<2, Int>,
    /// True where a token is padding, `[B, T]`.
    pub padding: Tensor<2, Bool>,
    /// The masked places, `[N]`, flat indices into `B x T`, ascending.
    pub positions: Tensor<1, Int>,
    /// The word that stood at each of them, `[N]`.
    pub targets: Tensor<1, Int>,
}

impl MaskedBatch {
    /// What an encoder reads of it.
    pub fn input(&self) -> TokenBatch {
        TokenBatch {
            tokens: self.tokens.clone(),
            segments: self.segments.clone(),
            padding: Some(self.padding.clone()),
            documents: None,
        }
    }
}

/// Sequences of two segments each, some of whose words are masked, with how the segments belong together.
#[derive(Debug, Clone)]
pub struct MaskedPairBatch {
    /// The sequences.
    pub masked: MaskedBatch,
    /// The class of each pair, `[B]`: 0 if the second segment is the one that follows, 1 if not.
    pub relations: Tensor<1, Int>,
}

/// Sequences of words, some of which have a class.
#[derive(Debug, Clone)]
pub struct TaggedBatch {
    /// What the encoder reads, `[B, T]`.
    pub input: TokenBatch,
    /// The places that have a class, `[N]`, flat indices into `B x T`, ascending.
    pub positions: Tensor<1, Int>,
    /// The class of each of them, `[N]`.
    pub targets: Tensor<1, Int>,
}

/// Sequences of words, in each of which a span is the answer.
#[derive(Debug, Clone)]
pub struct SpanBatch {
    /// What the encoder reads, `[B, T]`: most often a question and a text.
    pub input: TokenBatch,
    /// The place of the answer's first token, `[B]`.
    pub starts: Tensor<1, Int>,
    /// The place of its last token, `[B]`.
    pub ends: Tensor<1, Int>,
}

/// Sequences of words, each with the sequence to be written.
#[derive(Debug, Clone)]
pub struct SequencePairBatch {
    /// What the encoder reads, `[B, S]`.
    pub source: TokenBatch,
    /// What the decoder writes, `[B, T]`.
    pub targets: Tensor<2, Int>,
    /// True where a token of the target is padding, `[B, T]`; none is without it.
    pub target_padding: Option<Tensor<2, Bool>>,
}

/// Windows of words, for word vectors. Shape letters: `B` hidden vectors, `I` rows of each, `O` outputs.
#[derive(Debug, Clone)]
pub struct WindowBatch {
    /// Rows whose mean is a hidden vector, `[B, I]`: one word of a context for skip-gram, all for CBOW, with their n-grams for subwords.
    pub inputs: Tensor<2, Int>,
    /// True where an input is padding, `[B, I]`.
    pub input_padding: Tensor<2, Bool>,
    /// What each hidden vector meets, `[B, O]`: the centre and random words, or the inner nodes on the centre's path.
    pub outputs: Tensor<2, Int>,
    /// 1 for the centre, or where the path goes to the first child, else 0, `[B, O]`.
    pub labels: Tensor<2>,
    /// True where an output is padding, `[B, O]`.
    pub output_padding: Tensor<2, Bool>,
}

/// Pairs of words that occur near each other. Shape letter: `B` pairs.
#[derive(Debug, Clone)]
pub struct CoOccurrenceBatch {
    /// The word whose window it is, `[B]`.
    pub centres: Tensor<1, Int>,
    /// The word in it, `[B]`.
    pub contexts: Tensor<1, Int>,
    /// How often, a positive number, `[B]`.
    pub counts: Tensor<1>,
}
