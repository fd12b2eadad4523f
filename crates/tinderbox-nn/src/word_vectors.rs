//! Words with a vector each.

mod error;
mod format;
mod search;

use std::collections::HashMap;

pub use error::WordVectorsError;
pub use format::{LeftOutWords, WordVectorsFormat};
pub use search::{Analogy, Neighbour};

/// Words, each with a vector of the same size.
///
/// ```
/// use tinderbox_nn::{Analogy, WordVectors};
/// let words = ["man", "king", "woman", "queen"].map(String::from).to_vec();
/// let matrix = vec![1.0, 0.1, 1.0, 1.0, -1.0, 0.1, -1.0, 1.0];
/// let vectors = WordVectors::new(words, 2, matrix)?;
/// let nearest = vectors.nearest("king", 1).expect("it is a known word");
/// assert_eq!(vectors.word(nearest[0].id), "man");
/// let fourth = vectors.analogy(["man", "king", "woman"], 1, Analogy::CosAdd).expect("they are known words");
/// assert_eq!(vectors.word(fourth[0].id), "queen");
/// # Ok::<(), tinderbox_nn::WordVectorsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WordVectors {
    words: Vec<String>,
    ids: HashMap<String, u32>,
    dimension: usize,
    matrix: Vec<f32>,
    /// One over the length of each vector, 0 for one of zeros.
    scales: Vec<f32>,
}

impl WordVectors {
    /// Words with the rows of a matrix `[words, dimension]`.
    ///
    /// # Errors
    /// [`WordVectorsError`] if a word occurs twice, a value is not finite, the values do not fill the shape, the dimension is 0, or there
    /// are more than 2^32 words.
    pub fn new(
        words: Vec<String>,
        dimension: usize,
        matrix: Vec<f32>,
    ) -> Result<Self, WordVectorsError> {
        if dimension == 0 {
            return Err(WordVectorsError::NoDimension);
        }
        if words.len().checked_mul(dimension) != Some(matrix.len())
            || u32::try_from(words.len()).is_err()
        {
            return Err(WordVectorsError::Values {
                words: words.len(),
                dimension,
                got: matrix.len(),
            });
        }
        let mut ids = HashMap::with_capacity(words.len());
        for (id, word) in (0..).zip(&words) {
            if ids.insert(word.clone(), id).is_some() {
                return Err(WordVectorsError::Twice { word: word.clone() });
            }
        }
        let mut scales = Vec::with_capacity(words.len());
        for (word, row) in words.iter().zip(matrix.chunks_exact(dimension)) {
            if let Some(value) = row.iter().find(|value| !value.is_finite()) {
                return Err(WordVectorsError::NotFinite {
                    word: word.clone(),
                    got: *value,
                });
            }
            scales.push(search::scale(row));
        }
        Ok(Self {
            words,
            ids,
            dimension,
            matrix,
            scales,
        })
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Size of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// All words, by id.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// All vectors, `[words, dimension]`.
    pub fn matrix(&self) -> &[f32] {
        &self.matrix
    }

    /// The id of a word, if it is known.
    pub fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    /// The word with an id.
    ///
    /// # Panics
    /// If there is none.
    pub fn word(&self, id: u32) -> &str {
        &self.words[id as usize]
    }

    /// The vector of an id.
    ///
    /// # Panics
    /// If there is none.
    pub fn row(&self, id: u32) -> &[f32] {
        &self.matrix[id as usize * self.dimension..][..self.dimension]
    }

    /// The vector of a word, if it is known.
    pub fn vector(&self, word: &str) -> Option<&[f32]> {
        self.id(word).map(|id| self.row(id))
    }
}
