//! Nearest words and analogies.

use std::cmp::Ordering;

use super::WordVectors;

/// A word that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its id.
    pub id: u32,
    /// How near it is: the cosine, or for [`Analogy::CosMul`] that rule's ratio.
    pub similarity: f32,
}

/// How the fourth word of an analogy is sought: `a` is to `b` as `c` is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Analogy {
    /// The largest cosine with `b - a + c`, all of length 1 (Mikolov et al. 2013, "Linguistic Regularities").
    CosAdd,
    /// The largest `cos(b) cos(c) / (cos(a) + 0.001)`, with cosines moved to 0 to 1 (Levy and Goldberg 2014, "Linguistic Regularities in
    /// Sparse and Explicit Word Representations", equation 4).
    CosMul,
}

impl WordVectors {
    /// The cosine of two words' vectors, 0 if one is of zeros; none if a word is not known.
    pub fn similarity(&self, one: &str, other: &str) -> Option<f32> {
        let [one, other] = [self.id(one)?, self.id(other)?];
        Some(self.cosine(one, self.row(other), self.scales[other as usize]))
    }

    /// The `count` words nearest to a word by cosine, itself left out, the nearest first; none if it is not known.
    pub fn nearest(&self, word: &str, count: usize) -> Option<Vec<Neighbour>> {
        let id = self.id(word)?;
        Some(self.nearest_to(self.row(id), count, &[id]))
    }

    /// The `count` words nearest to a vector by cosine without those in `left_out`, the nearest first, the lower id first of equals.
    ///
    /// # Panics
    /// If the vector has another size than the words'.
    pub fn nearest_to(&self, vector: &[f32], count: usize, left_out: &[u32]) -> Vec<Neighbour> {
        let dimension = self.dimension;
        assert_eq!(
            vector.len(),
            dimension,
            "a vector of another size than the words'"
        );
        let scale = scale(vector);
        self.best(count, left_out, |id| self.cosine(id, vector, scale))
    }

    /// The `count` best fourth words of an analogy, the three left out; none if one of them is not known.
    pub fn analogy(&self, words: [&str; 3], count: usize, rule: Analogy) -> Option<Vec<Neighbour>> {
        let [a, b, c] = words.map(|word| self.id(word));
        let ids = [a?, b?, c?];
        let units = ids.map(|id| {
            let scale = self.scales[id as usize];
            self.row(id).iter().map(|x| x * scale).collect::<Vec<f32>>()
        });
        let [a, b, c] = &units;
        Some(match rule {
            Analogy::CosAdd => {
                let sum: Vec<f32> = a
                    .iter()
                    .zip(b)
                    .zip(c)
                    .map(|((a, b), c)| b - a + c)
                    .collect();
                self.nearest_to(&sum, count, &ids)
            }
            Analogy::CosMul => self.best(count, &ids, |id| {
                let [a, b, c] = [a, b, c].map(|unit| 0.5 + 0.5 * self.cosine(id, unit, 1.0));
                b * c / (a + 0.001)
            }),
        })
    }

    /// The cosine of a word's vector with another, whose length is one over `scale`.
    fn cosine(&self, id: u32, vector: &[f32], scale: f32) -> f32 {
        dot(self.row(id), vector) * self.scales[id as usize] * scale
    }

    fn best(&self, count: usize, left_out: &[u32], of: impl Fn(u32) -> f32) -> Vec<Neighbour> {
        let ids = (0..self.len() as u32).filter(|id| !left_out.contains(id));
        let mut all: Vec<Neighbour> = ids
            .map(|id| Neighbour {
                id,
                similarity: of(id),
            })
            .collect();
        let order = |a: &Neighbour, b: &Neighbour| -> Ordering {
            b.similarity.total_cmp(&a.similarity).then(a.id.cmp(&b.id))
        };
        if count < all.len() {
            all.select_nth_unstable_by(count, order);
            all.truncate(count);
        }
        all.sort_unstable_by(order);
        all
    }
}

/// One over the length of a vector, 0 for one of zeros.
pub(super) fn scale(vector: &[f32]) -> f32 {
    let square: f64 = vector.iter().map(|x| f64::from(*x).powi(2)).sum();
    match square > 0.0 {
        true => square.sqrt().recip() as f32,
        false => 0.0,
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
