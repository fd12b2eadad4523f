//! Huffman's code of a vocabulary, for hierarchical softmax.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::DataError;

/// The binary tree of least mean depth over words of given counts.
///
/// Mikolov et al. 2013, "Distributed Representations of Words and Phrases", section 2.1; Morin and Bengio 2005. A tree over `n` words has
/// `n - 1` inner nodes, numbered as they were joined, so that the root is the last. Of equal counts the lower number is joined first, words
/// before inner nodes.
///
/// ```
/// use tinderbox_data::text::HuffmanTree;
/// let tree = HuffmanTree::new(&[4, 1, 1])?;
/// assert_eq!(tree.path(0), (&[1][..], &[true][..]));
/// assert_eq!(tree.path(2), (&[1, 0][..], &[false, true][..]));
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuffmanTree {
    nodes: Vec<u32>,
    code: Vec<bool>,
    /// Where the path of each word ends.
    ends: Vec<usize>,
}

impl HuffmanTree {
    /// The tree over words with these counts, by id.
    ///
    /// # Errors
    /// [`DataError::Config`] if there are fewer than two words or more than 2^31.
    pub fn new(counts: &[u64]) -> Result<Self, DataError> {
        let words = counts.len();
        if !(2..=1 << 31).contains(&words) {
            return Err(DataError::config("counts", "2 to 2^31 words", words));
        }
        let mut heap: BinaryHeap<Reverse<(u64, usize)>> =
            counts.iter().copied().zip(0..).map(Reverse).collect();
        // The parent of each node and whether the node is the second child; words come first.
        let mut parents = vec![(0, false); 2 * words - 1];
        for node in words..2 * words - 1 {
            let mut pop = || heap.pop().expect("two nodes are left").0;
            let ((first_count, first), (second_count, second)) = (pop(), pop());
            parents[first] = (node, false);
            parents[second] = (node, true);
            heap.push(Reverse((first_count.saturating_add(second_count), node)));
        }
        let mut tree = Self {
            nodes: Vec::new(),
            code: Vec::new(),
            ends: Vec::with_capacity(words),
        };
        let root = 2 * words - 2;
        for word in 0..words {
            let start = tree.nodes.len();
            let mut node = word;
            while node != root {
                let (parent, second) = parents[node];
                tree.nodes.push((parent - words) as u32);
                tree.code.push(second);
                node = parent;
            }
            tree.nodes[start..].reverse();
            tree.code[start..].reverse();
            tree.ends.push(tree.nodes.len());
        }
        Ok(tree)
    }

    /// Number of words.
    pub fn words(&self) -> usize {
        self.ends.len()
    }

    /// Number of inner nodes.
    pub fn inner_nodes(&self) -> usize {
        self.ends.len() - 1
    }

    /// The inner nodes from the root to a word, and at each whether the path goes to the second child.
    ///
    /// # Panics
    /// If there is no such word.
    pub fn path(&self, word: u32) -> (&[u32], &[bool]) {
        let word = word as usize;
        let start = word.checked_sub(1).map_or(0, |before| self.ends[before]);
        let path = start..self.ends[word];
        (&self.nodes[path.clone()], &self.code[path])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_depth_is_least_and_codes_have_no_prefix() {
        // Powers of two: a word of share 2^-d lies d deep, and no tree is shorter.
        let counts = [16, 8, 4, 2, 1, 1];
        let tree = HuffmanTree::new(&counts).unwrap();
        let depths: Vec<_> = (0..6).map(|word| tree.path(word).1.len()).collect();
        assert_eq!(depths, [1, 2, 3, 4, 5, 5]);
        assert_eq!((tree.words(), tree.inner_nodes()), (6, 5));
        for word in 0..6 {
            let (nodes, code) = tree.path(word);
            assert_eq!(nodes.len(), code.len());
            assert_eq!(nodes[0], 4, "the root comes first");
            for other in (0..6).filter(|other| *other != word) {
                assert!(!tree.path(other).1.starts_with(code));
            }
        }
    }

    #[test]
    fn too_few_words_have_no_tree() {
        assert!(HuffmanTree::new(&[]).is_err() && HuffmanTree::new(&[3]).is_err());
        assert_eq!(
            HuffmanTree::new(&[0, 0]).unwrap().path(1),
            (&[0][..], &[true][..])
        );
    }
}
