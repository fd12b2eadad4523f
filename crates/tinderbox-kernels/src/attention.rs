//! Scaled dot-product attention over several heads.
//!
//! Shape letters: `B` batch, `T` queries, `S` keys, `H` heads, `E` size of all heads together.
//!
//! `unsafe` on the fast path for tensors of which each head writes its own vectors.
#![cfg_attr(feature = "flex", allow(unsafe_code))]

use burn::tensor::{Bool, Int, Tensor, activation};

use crate::dropout;

/// How [`attention`] mixes values.
#[derive(Debug, Clone, Default)]
pub struct AttentionOptions {
    /// Number of heads, which divides `E`.
    pub heads: usize,
    /// True where a key must not be seen, `[B, S]`: padding.
    pub hidden_keys: Option<Tensor<2, Bool>>,
    /// The document of each token, `[B, T]`, where several are packed into a sequence that attends to itself: a query sees the
    /// keys of its own document alone. All are one document without it.
    pub documents: Option<Tensor<2, Int>>,
    /// Whether a query sees only keys up to its own place.
    pub causal: bool,
    /// Probability that training drops a weight; the others are scaled by `1 / (1 - p)`.
    pub dropout: f64,
}

/// `softmax(q k' / sqrt(E / H)) v` for each head (Vaswani et al. 2017, equation 1).
///
/// A query that may see no key gets zeros. Dropout applies on autodiff devices only.
///
/// # Shapes
/// - `query`: `[B, T, E]`
/// - `key`, `value`: `[B, S, E]`; head `h` has the entries `h * E / H ..` of each vector
/// - output: `[B, T, E]`
///
/// Any of the options go together, on the fast path too, and cost no memory of `T x S` a head but what the backward pass needs
/// in any case.
///
/// # Panics
/// If the shapes do not fit, `heads` does not divide `E`, or there are `documents` and `T` is not `S`.
pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    options: &AttentionOptions,
) -> Tensor<3> {
    let ([batch, queries, size], [keys_batch, keys, keys_size]) = (query.dims(), key.dims());
    assert_eq!(
        ([keys_batch, keys, keys_size], [batch, size]),
        (value.dims(), [keys_batch, keys_size]),
        "attention: query {:?}, key {:?} and value {:?} do not fit",
        query.dims(),
        key.dims(),
        value.dims()
    );
    assert!(
        options.heads > 0 && size.is_multiple_of(options.heads),
        "attention: {} heads do not divide {size}",
        options.heads
    );
    if let Some(hidden) = &options.hidden_keys {
        assert_eq!(hidden.dims(), [batch, keys], "attention: hidden_keys");
    }
    if let Some(documents) = &options.documents {
        let shape = [batch, queries];
        assert_eq!(documents.dims(), shape, "attention: documents");
        assert_eq!(queries, keys, "attention: documents of queries and keys");
    }
    #[cfg(feature = "flex")]
    if crate::flex::fused::takes(&query) {
        return fast::attention(query, key, value, options);
    }
    plain(query, key, value, options)
}

/// [`attention`] by Burn's own operations.
pub(crate) fn plain(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    options: &AttentionOptions,
) -> Tensor<3> {
    /// Stands for minus infinity: a row of it has a softmax, and zeros follow.
    const HIDDEN: f64 = -1e30;
    let ([batch, queries, size], [_, keys, _]) = (query.dims(), key.dims());
    let (heads, device) = (options.heads, query.device());
    let split = |x: Tensor<3>, length| {
        x.reshape([batch, length, heads, size / heads])
            .swap_dims(1, 2)
    };
    let scale = ((size / heads) as f64).sqrt().recip();
    let scores = split(query, queries).matmul(split(key, keys).swap_dims(2, 3)) * scale;
    let shape = [batch, heads, queries, keys];
    let hidden = options
        .hidden_keys
        .clone()
        .map(|hidden| hidden.reshape([batch, 1, 1, keys]).expand(shape));
    let later = options.causal.then(|| {
        Tensor::<2, Bool>::tril_mask([queries, keys], 0, &device)
            .reshape([1, 1, queries, keys])
            .expand(shape)
    });
    let foreign = options.documents.clone().map(|documents| {
        let of_keys = documents.clone().reshape([batch, 1, 1, keys]).expand(shape);
        let of_queries = documents.reshape([batch, 1, queries, 1]);
        of_queries.expand(shape).not_equal(of_keys)
    });
    let masks = [hidden, later, foreign].into_iter().flatten();
    let mask = masks.reduce(Tensor::bool_or);
    let weights = match mask {
        Some(mask) => {
            let weights = activation::softmax(scores.mask_fill(mask.clone(), HIDDEN), 3);
            weights.mask_fill(mask, 0.0)
        }
        None => activation::softmax(scores, 3),
    };
    let weights = dropout::dropout(weights, options.dropout);
    weights
        .matmul(split(value, keys))
        .swap_dims(1, 2)
        .reshape([batch, queries, size])
}

#[cfg(feature = "flex")]
mod fast {
    use std::ops::Range;

    use burn::backend::flex::FlexTensor;
    use burn::tensor::Tensor;

    use super::AttentionOptions;
    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{Gradient, run};
    use crate::flex::gemm::{Matrix, Start, gemm_here};
    use crate::flex::math::{LANES, exp, max, sum, sum_pairs, vectorised};
    use crate::flex::parallel::{Shared, for_each};
    use crate::flex::random::Mask;
    use crate::flex::tensors::{dense, floats};

    /// Queries whose scores a task holds at once.
    const QUERIES: usize = 128;
    /// With more keys the backward pass computes the weights again instead of keeping them: they would outgrow all that a layer
    /// keeps otherwise.
    const KEPT_KEYS: usize = 256;

    pub(super) fn attention(
        query: Tensor<3>,
        key: Tensor<3>,
        value: Tensor<3>,
        options: &AttentionOptions,
    ) -> Tensor<3> {
        let ([batch, queries, size], [_, keys, _]) = (query.dims(), key.dims());
        let device = query.device();
        let hidden = options.hidden_keys.clone().map(|hidden| {
            let data = hidden.into_data();
            let bias = data.iter::<bool>();
            bias.map(|hidden| if hidden { f32::NEG_INFINITY } else { 0.0 })
                .collect()
        });
        let documents = options.documents.clone().map(|documents| {
            let data = documents.into_data();
            data.iter::<i64>().collect()
        });
        let attention = Attention {
            batch,
            queries,
            keys,
            heads: options.heads,
            depth: size / options.heads,
            stride: keys.next_multiple_of(LANES).max(LANES),
            hidden,
            documents,
            causal: options.causal,
            mask: (options.dropout > 0.0 && device.is_autodiff())
                .then(|| Mask::draw(options.dropout, &device)),
        };
        let operands = [query, key, value].map(Tensor::into_dispatch);
        run(operands.into(), move |operands, tracked| {
            attention.forward(operands, tracked)
        })
    }

    struct Attention {
        batch: usize,
        queries: usize,
        keys: usize,
        heads: usize,
        /// Entries of a head.
        depth: usize,
        /// Floats from one row of scores to the next: whole vectors, zeros beyond the keys.
        stride: usize,
        /// For each key of each item 0, or minus infinity if it is hidden.
        hidden: Option<Vec<f32>>,
        /// The document of each token of each item.
        documents: Option<Vec<i64>>,
        causal: bool,
        /// Its rows are the queries of all heads of all items.
        mask: Option<Mask>,
    }

    /// A head of an item, and some of its queries.
    struct Block {
        task: usize,
        item: usize,
        head: usize,
        queries: Range<usize>,
        /// The keys that these queries may see: all but those later than the last.
        keys: usize,
    }

    impl Attention {
        fn size(&self) -> usize {
            self.heads * self.depth
        }

        /// The blocks of a head of an item.
        fn blocks(&self, task: usize) -> impl Iterator<Item = Block> {
            let (item, head) = (task / self.heads, task % self.heads);
            (0..self.queries).step_by(QUERIES).map(move |first| {
                let queries = first..self.queries.min(first + QUERIES);
                let keys = match self.causal {
                    true => self.keys.min(queries.end),
                    false => self.keys,
                };
                Block {
                    task,
                    item,
                    head,
                    queries,
                    keys,
                }
            })
        }

        /// The vectors of a head from the first of these rows on, in `[B, rows, E]`.
        fn vectors<'a>(
            &self,
            x: &'a [f32],
            rows: usize,
            block: &Block,
            first: usize,
        ) -> Matrix<'a> {
            let from = self.place(rows, block, first);
            // Without rows there is nothing to point to.
            Matrix::rows(x.get(from..).unwrap_or_default(), self.size())
        }

        fn query<'a>(&self, x: &'a [f32], block: &Block) -> Matrix<'a> {
            self.vectors(x, self.queries, block, block.queries.start)
        }

        fn key<'a>(&self, x: &'a [f32], block: &Block) -> Matrix<'a> {
            self.vectors(x, self.keys, block, 0)
        }

        fn rows_at_once(&self) -> usize {
            QUERIES.min(self.queries)
        }

        /// `softmax(q k' / sqrt(depth))` of a block.
        fn weights(&self, q: &[f32], k: &[f32], block: &Block, weights: &mut [f32]) {
            let rows = block.queries.len();
            gemm_here(
                [rows, block.keys, self.depth],
                self.query(q, block),
                self.key(k, block).t(),
                weights,
                self.stride,
                Start::Zero,
            );
            let keys = block.item * self.keys..block.item * self.keys + block.keys;
            let hidden = self.hidden.as_deref();
            let documents = self.documents.as_deref();
            let sight = Sight {
                causal: self.causal.then_some(block.queries.start),
                hidden: hidden.map_or(&[], |hidden| &hidden[keys.clone()]),
                documents: documents.map_or(&[], |documents| &documents[keys]),
                // With documents there are as many queries as keys.
                own: documents.map_or(&[], |documents| {
                    &documents[block.item * self.keys..][block.queries.clone()]
                }),
            };
            let weights = &mut weights[..rows * self.stride];
            softmax_rows(weights, self.stride, block.keys, self.scale(), sight);
        }

        fn scale(&self) -> f32 {
            (self.depth as f32).sqrt().recip()
        }

        /// The mask's row of the first query of a block.
        fn mask_row(&self, block: &Block) -> usize {
            block.task * self.queries + block.queries.start
        }

        /// Tasks: the heads of all items.
        fn tasks(&self) -> usize {
            match self.depth {
                0 => 0,
                _ => self.batch * self.heads,
            }
        }

        /// Where the vectors of a head start in `[B, rows, E]`.
        fn place(&self, rows: usize, block: &Block, first: usize) -> usize {
            (block.item * rows + first) * self.size() + block.head * self.depth
        }

        fn forward(self, operands: Vec<FlexTensor>, tracked: bool) -> (FlexTensor, Gradient) {
            let operands: Vec<_> = operands.into_iter().map(dense).collect();
            let [query, key, value]: [FlexTensor; 3] = operands.try_into().expect("three operands");
            let (q, k, v) = (floats(&query), floats(&key), floats(&value));
            let of_a_task = self.queries * self.stride;
            let keep = tracked && self.keys <= KEPT_KEYS;
            let mut kept = keep.then(|| Buffer::new(self.tasks() * of_a_task));
            let mut output = Buffer::new(q.len());
            let to = Shared::new(&mut output);
            let all_kept = kept.as_deref_mut().map(Shared::new);
            for_each(self.tasks(), |task| {
                let at_once = self.rows_at_once() * self.stride;
                let mut scratch = Buffer::new(at_once);
                let mut mixed = Buffer::new(self.rows_at_once() * self.depth);
                for block in self.blocks(task) {
                    let rows = block.queries.len();
                    let floats = rows * self.stride;
                    let weights = match &all_kept {
                        None => {
                            self.weights(q, k, &block, &mut scratch);
                            if let Some(mask) = self.mask {
                                let row = self.mask_row(&block);
                                drop_rows(&mut scratch[..floats], self.stride, mask, row);
                            }
                            &scratch[..floats]
                        }
                        Some(kept) => {
                            let from = self.mask_row(&block) * self.stride;
                            // SAFETY: the queries of a task are its own.
                            let kept = unsafe { kept.part(from, floats) };
                            self.weights(q, k, &block, kept);
                            match self.mask {
                                Some(mask) => {
                                    let dropped = &mut scratch[..floats];
                                    let row = self.mask_row(&block);
                                    drop_rows_into(kept, dropped, self.stride, mask, row);
                                    &*dropped
                                }
                                None => &*kept,
                            }
                        }
                    };
                    gemm_here(
                        [rows, self.depth, block.keys],
                        Matrix::rows(weights, self.stride),
                        self.key(v, &block),
                        &mut mixed,
                        self.depth,
                        Start::Zero,
                    );
                    let place = self.place(self.queries, &block, block.queries.start);
                    let mixed = mixed.chunks_exact(self.depth).take(rows);
                    // SAFETY: the queries of a head are its task's own.
                    unsafe { to.write_rows(place, self.size(), mixed) };
                }
            });
            let output = output.into_tensor(query.layout().shape().clone());
            let gradient = move |gradient: FlexTensor, needed: &[bool]| {
                let inputs = [&query, &key, &value];
                let gradients = self.backward(inputs, kept.as_deref(), &dense(gradient));
                let gradients = gradients.into_iter().zip(inputs).zip(needed);
                gradients
                    .map(|((gradient, input), needed)| {
                        needed.then(|| gradient.into_tensor(input.layout().shape().clone()))
                    })
                    .collect()
            };
            (output, Box::new(gradient))
        }

        /// With `p` the weights, `m` the mask of the dropout and `dy` the output's gradient: `dv = (p m)' dy`,
        /// `dp = m (dy v')`, `ds = p (dp - sum(dp p)) / sqrt(depth)`, `dq = ds k`, `dk = ds' q`.
        fn backward(
            &self,
            [query, key, value]: [&FlexTensor; 3],
            kept: Option<&[f32]>,
            gradient: &FlexTensor,
        ) -> [Buffer; 3] {
            let [q, k, v, dy] = [query, key, value, gradient].map(floats);
            let mut gradients = [q, k, v].map(|x| Buffer::new(x.len()));
            let [dq, dk, dv] = gradients.each_mut().map(|x| Shared::new(x));
            let depth = self.depth;
            for_each(self.tasks(), |task| {
                let at_once = self.rows_at_once() * self.stride;
                let mut scratch = [(); 2].map(|()| Buffer::new(at_once));
                let [dropped, ds] = &mut scratch;
                let mut weights = Buffer::new(if kept.is_none() { at_once } else { 0 });
                let mut dq_block = Buffer::new(self.rows_at_once() * depth);
                let mut sums = [(); 2].map(|()| Buffer::new(self.keys * depth));
                sums.iter_mut().for_each(|sum| sum.fill(0.0));
                let [dk_sum, dv_sum] = &mut sums;
                for block in self.blocks(task) {
                    let rows = block.queries.len();
                    let floats = rows * self.stride;
                    let row = self.mask_row(&block);
                    let p = match kept {
                        Some(kept) => &kept[row * self.stride..][..floats],
                        None => {
                            self.weights(q, k, &block, &mut weights);
                            &weights[..floats]
                        }
                    };
                    let masked = match self.mask {
                        Some(mask) => {
                            let dropped = &mut dropped[..floats];
                            drop_rows_into(p, dropped, self.stride, mask, row);
                            &*dropped
                        }
                        None => p,
                    };
                    let dy = self.query(dy, &block);
                    gemm_here(
                        [block.keys, depth, rows],
                        Matrix::rows(masked, self.stride).t(),
                        dy,
                        dv_sum,
                        depth,
                        Start::Sum,
                    );
                    gemm_here(
                        [rows, block.keys, depth],
                        dy,
                        self.key(v, &block).t(),
                        ds,
                        self.stride,
                        Start::Zero,
                    );
                    let scores = &mut ds[..floats];
                    if let Some(mask) = self.mask {
                        drop_rows(scores, self.stride, mask, row);
                    }
                    scores_gradient(p, scores, self.stride, block.keys, self.scale());
                    let ds = Matrix::rows(ds, self.stride);
                    gemm_here(
                        [rows, depth, block.keys],
                        ds,
                        self.key(k, &block),
                        &mut dq_block,
                        depth,
                        Start::Zero,
                    );
                    gemm_here(
                        [block.keys, depth, rows],
                        ds.t(),
                        self.query(q, &block),
                        dk_sum,
                        depth,
                        Start::Sum,
                    );
                    let place = self.place(self.queries, &block, block.queries.start);
                    let rows = dq_block.chunks_exact(depth).take(rows);
                    // SAFETY: the queries of a head are its task's own.
                    unsafe { dq.write_rows(place, self.size(), rows) };
                }
                let (item, head) = (task / self.heads, task % self.heads);
                let place = item * self.keys * self.size() + head * depth;
                // SAFETY: the keys of a head are its task's own.
                unsafe {
                    dk.write_rows(place, self.size(), dk_sum.chunks_exact(depth));
                    dv.write_rows(place, self.size(), dv_sum.chunks_exact(depth));
                }
            });
            gradients
        }
    }

    /// What the rows of a block may see.
    struct Sight<'a> {
        /// The place of the first row's query among the keys, if it sees none later than itself.
        causal: Option<usize>,
        /// For each key 0, or minus infinity if it is hidden; nothing if none is.
        hidden: &'a [f32],
        /// The document of each key, and of each row's query; nothing if they are one.
        documents: &'a [i64],
        own: &'a [i64],
    }

    vectorised! {
        /// From scores to weights, row by row; zeros beyond the keys and where no key is seen.
        fn softmax_rows<'a>(scores: &'a mut [f32], stride: usize, keys: usize, scale: f32, sight: Sight<'a>) {
            for (i, row) in scores.chunks_exact_mut(stride).enumerate() {
                let seen = sight.causal.map_or(keys, |first| keys.min(first + i + 1));
                for (score, hidden) in row[..seen].iter_mut().zip(sight.hidden) {
                    *score += hidden;
                }
                if let Some(own) = sight.own.get(i) {
                    for (score, document) in row[..seen].iter_mut().zip(sight.documents) {
                        *score = if document == own { *score } else { f32::NEG_INFINITY };
                    }
                }
                let (row, rest) = row.split_at_mut(seen.next_multiple_of(LANES));
                rest.fill(0.0);
                row[seen..].fill(f32::NEG_INFINITY);
                let max = max(row);
                if max == f32::NEG_INFINITY {
                    row.fill(0.0);
                    continue;
                }
                for x in &mut *row {
                    *x = exp((*x - max) * scale);
                }
                let scale = 1.0 / sum(row, |x| x);
                for x in &mut *row {
                    *x *= scale;
                }
            }
        }
    }

    vectorised! {
        /// From the gradient of the weights `p` to that of the products of queries and keys.
        fn scores_gradient<'a>(p: &'a [f32], gradient: &'a mut [f32], stride: usize, keys: usize, scale: f32) {
            let rows = gradient.chunks_exact_mut(stride);
            for (gradient, p) in rows.zip(p.chunks_exact(stride)) {
                gradient[keys..].fill(0.0);
                let level = sum_pairs(gradient, p, |x, p| x * p);
                for (x, p) in gradient.iter_mut().zip(p) {
                    *x = p * (*x - level) * scale;
                }
            }
        }
    }

    vectorised! {
        fn drop_rows<'a>(values: &'a mut [f32], stride: usize, mask: Mask, first_row: usize) {
            for (i, row) in values.chunks_exact_mut(stride).enumerate() {
                let mask = mask.row(first_row + i);
                for (place, x) in (0..stride as u32).zip(row) {
                    *x *= mask.factor(place);
                }
            }
        }
    }

    vectorised! {
        fn drop_rows_into<'a>(
            values: &'a [f32], output: &'a mut [f32], stride: usize, mask: Mask, first_row: usize,
        ) {
            let rows = values.chunks_exact(stride).zip(output.chunks_exact_mut(stride));
            for (i, (values, output)) in rows.enumerate() {
                let mask = mask.row(first_row + i);
                for ((place, x), y) in (0..stride as u32).zip(values).zip(output) {
                    *y = x * mask.factor(place);
                }
            }
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests;
