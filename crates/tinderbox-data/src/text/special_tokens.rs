//! Which token ids are not words.

use crate::{DataError, SampleRng};

/// The ids that stand for no piece of text, and the size of the vocabulary.
///
/// Special tokens are never masked, replaced or deleted, and never drawn as a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Number of token ids: all ids are below it.
    pub vocabulary: u32,
    /// Fills a sequence up to the length of its batch.
    pub pad: u32,
    /// Stands at the start of a sequence, `[CLS]`.
    pub cls: u32,
    /// Stands behind each segment, `[SEP]`.
    pub sep: u32,
    /// Stands for a masked token, `[MASK]`.
    pub mask: u32,
    /// Any others, such as `[UNK]` or unused ids.
    pub others: Vec<u32>,
}

impl SpecialTokens {
    /// Whether an id is special.
    pub fn contains(&self, token: u32) -> bool {
        [self.pad, self.cls, self.sep, self.mask].contains(&token) || self.others.contains(&token)
    }

    /// Checks that every special id is in the vocabulary and that at least two ordinary ids are left.
    pub(super) fn validate(&self) -> Result<(), DataError> {
        let mut ids = vec![self.pad, self.cls, self.sep, self.mask];
        ids.extend(&self.others);
        ids.sort_unstable();
        ids.dedup();
        if let Some(id) = ids.last().filter(|id| **id >= self.vocabulary) {
            let expected = format!("special tokens below {}", self.vocabulary);
            return Err(DataError::config("special tokens", expected, id));
        }
        let ordinary = self.vocabulary as usize - ids.len();
        if ordinary < 2 {
            let expected = format!("at least {}, two more than special tokens", ids.len() + 2);
            return Err(DataError::config("vocabulary", expected, self.vocabulary));
        }
        Ok(())
    }

    /// An ordinary id, each equally likely.
    pub(super) fn draw_ordinary(&self, rng: &mut SampleRng) -> u32 {
        loop {
            let token = rng.below(u64::from(self.vocabulary)) as u32;
            if !self.contains(token) {
                return token;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rng, special};
    use super::*;

    #[test]
    fn special_tokens_are_checked() {
        assert!(special().validate().is_ok());
        let outside = SpecialTokens {
            others: vec![1000],
            ..special()
        };
        assert!(outside.validate().unwrap_err().to_string().contains("1000"));
        let tight = |vocabulary| SpecialTokens {
            vocabulary,
            ..special()
        };
        assert!(tight(6).validate().is_err());
        assert!(tight(7).validate().is_ok());
    }

    #[test]
    fn every_ordinary_id_is_drawn_and_no_special_one() {
        let special = SpecialTokens {
            vocabulary: 9,
            ..special()
        };
        let mut counts = [0; 9];
        let mut rng = rng(0);
        for _ in 0..4000 {
            counts[special.draw_ordinary(&mut rng) as usize] += 1;
        }
        assert_eq!(counts[..5], [0; 5]);
        assert!(counts[5..].iter().all(|count| (850..1150).contains(count)));
    }
}
