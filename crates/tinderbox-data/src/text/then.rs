//! One view after the other.

use crate::{SampleRng, View};

/// Applies `first`, then `second` to what it made, each with a stream of its own of the item's randomness.
///
/// Sentence pairs that are then masked are `Then { first: NextSentence, second: MaskTokens }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Then<A, B> {
    /// Sees the item.
    pub first: A,
    /// Sees what the first made.
    pub second: B,
}

impl<I, A: View<I>, B: View<A::Out>> View<I> for Then<A, B> {
    type Out = B::Out;

    fn apply(&self, item: I, rng: SampleRng) -> B::Out {
        let made = self.first.apply(item, rng.stream(0));
        self.second.apply(made, rng.stream(1))
    }
}
