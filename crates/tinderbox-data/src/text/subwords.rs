//! Character n-grams of words.

use crate::DataError;

/// The n-grams of a word's characters, hashed to buckets.
///
/// Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", section 3.2: the word is put in `<` and `>`, and all n-grams of
/// [`shortest`](Self::shortest) to [`longest`](Self::longest) characters are taken, but the brackets alone. The hash is that of the authors'
/// program: FNV-1a on 32 bits, whose bytes are widened as signed.
///
/// ```
/// use tinderbox_data::text::Subwords;
/// let subwords = Subwords::new(3, 3, 1000)?;
/// assert_eq!(subwords.n_grams("where"), ["<wh", "whe", "her", "ere", "re>"]);
/// assert_eq!(subwords.buckets_of("where").len(), 5);
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subwords {
    shortest: usize,
    longest: usize,
    buckets: u32,
}

impl Subwords {
    /// N-grams of `shortest` to `longest` characters in so many buckets; the paper's are 3, 6 and 2 million.
    ///
    /// # Errors
    /// [`DataError::Config`] unless `1 <= shortest <= longest` and there is a bucket.
    pub fn new(shortest: usize, longest: usize, buckets: u32) -> Result<Self, DataError> {
        if shortest == 0 || shortest > longest {
            let got = format!("{shortest} and {longest}");
            return Err(DataError::config(
                "shortest, longest",
                "at least 1, ascending",
                got,
            ));
        }
        if buckets == 0 {
            return Err(DataError::config("buckets", "at least 1", buckets));
        }
        Ok(Self {
            shortest,
            longest,
            buckets,
        })
    }

    /// Characters of the shortest n-gram.
    pub fn shortest(&self) -> usize {
        self.shortest
    }

    /// Characters of the longest n-gram.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Number of buckets.
    pub fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The n-grams, by where they begin, then by length.
    pub fn n_grams(&self, word: &str) -> Vec<String> {
        let word = format!("<{word}>");
        let starts: Vec<usize> = word.char_indices().map(|(start, _)| start).collect();
        let end = |place: usize| starts.get(place).copied().unwrap_or(word.len());
        let mut n_grams = Vec::new();
        for (place, start) in starts.iter().enumerate() {
            let longest = self.longest.min(starts.len() - place);
            for length in self.shortest..=longest {
                let bracket = length == 1 && (place == 0 || place + 1 == starts.len());
                if !bracket {
                    n_grams.push(word[*start..end(place + length)].to_owned());
                }
            }
        }
        n_grams
    }

    /// The bucket of each n-gram.
    pub fn buckets_of(&self, word: &str) -> Vec<u32> {
        let n_grams = self.n_grams(word);
        n_grams
            .iter()
            .map(|n_gram| hash(n_gram) % self.buckets)
            .collect()
    }
}

/// FNV-1a of bytes that are widened as signed, fastText's `Dictionary::hash`.
fn hash(n_gram: &str) -> u32 {
    n_gram.bytes().fold(2_166_136_261, |hash, byte| {
        (hash ^ i32::from(byte.cast_signed()).cast_unsigned()).wrapping_mul(16_777_619)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes_and_brackets_alone_are_left_out() {
        let subwords = Subwords::new(1, 2, 10).unwrap();
        assert_eq!(subwords.n_grams("né"), ["<n", "n", "né", "é", "é>"]);
        assert_eq!(subwords.n_grams(""), ["<>"]);
        let long = Subwords::new(5, usize::MAX, 10).unwrap();
        assert_eq!(long.n_grams("né"), [""; 0]);
        assert_eq!(long.n_grams("abc"), ["<abc>"]);
    }

    #[test]
    fn settings_are_checked() {
        for (shortest, longest, buckets) in [(0, 3, 5), (4, 3, 5), (3, 6, 0)] {
            assert!(Subwords::new(shortest, longest, buckets).is_err());
        }
    }
}
