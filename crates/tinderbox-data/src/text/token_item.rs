//! A sequence of token ids.

use std::ops::Range;

use super::SpecialTokens;

/// A sequence of `T` token ids with what views need to know about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenItem {
    /// The ids, `[T]`.
    pub tokens: Vec<u32>,
    /// True where a token continues the word of the token before it, `[T]`.
    pub continues: Vec<bool>,
    /// The segment of each token, `[T]`.
    pub segments: Vec<u32>,
    /// A label of the whole sequence, such as "is the next sentence".
    pub label: Option<u32>,
}

impl TokenItem {
    /// Tokens that are each a word of their own, all in segment 0, without a label.
    pub fn new(tokens: Vec<u32>) -> Self {
        Self {
            continues: vec![false; tokens.len()],
            segments: vec![0; tokens.len()],
            tokens,
            label: None,
        }
    }

    /// The same with the flags of [`TokenItem::continues`].
    ///
    /// # Panics
    /// If there is not one flag a token.
    #[must_use]
    pub fn with_continuations(mut self, continues: Vec<bool>) -> Self {
        self.continues = continues;
        self.check();
        self
    }

    /// The same with a segment for each token.
    ///
    /// # Panics
    /// If there is not one segment a token.
    #[must_use]
    pub fn with_segments(mut self, segments: Vec<u32>) -> Self {
        self.segments = segments;
        self.check();
        self
    }

    /// # Panics
    /// If flags or segments are not as many as the tokens.
    pub(super) fn check(&self) {
        let [tokens, continues, segments] =
            [self.tokens.len(), self.continues.len(), self.segments.len()];
        assert!(
            tokens == continues && tokens == segments,
            "{tokens} tokens with {continues} continuation flags and {segments} segments"
        );
    }

    /// The places of each ordinary token.
    pub(super) fn ordinary(&self, special: &SpecialTokens) -> Vec<Range<usize>> {
        (0..self.tokens.len())
            .filter(|place| !special.contains(self.tokens[*place]))
            .map(|place| place..place + 1)
            .collect()
    }

    /// The places of each word; special tokens belong to none and end one.
    pub(super) fn words(&self, special: &SpecialTokens) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        for place in self.ordinary(special) {
            match words.last_mut() {
                Some(word) if self.continues[place.start] && word.end == place.start => {
                    word.end = place.end;
                }
                _ => words.push(place),
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::special;
    use super::*;

    #[test]
    fn words_end_at_special_tokens() {
        let continues = [false, true, true, false, true, false, true, true].to_vec();
        let item = TokenItem::new(vec![1, 10, 11, 12, 13, 2, 14, 15]).with_continuations(continues);
        // A continuation without a beginning, as truncation leaves it, is a word of its own.
        assert_eq!(item.words(&special()), [1..3, 3..5, 6..8]);
    }

    #[test]
    #[should_panic(expected = "2 tokens with 1 continuation flags and 2 segments")]
    fn a_flag_too_few_panics() {
        let _ = TokenItem::new(vec![8, 9]).with_continuations(vec![true]);
    }
}
