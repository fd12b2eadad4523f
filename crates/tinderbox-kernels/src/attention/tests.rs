//! Tests of `attention`.

use burn::tensor::{Device, TensorData};
use proptest::prelude::*;

use super::*;
use crate::flex::testing::{check, numbers, on_one_and_two_threads};

#[derive(Debug, Clone)]
struct Case {
    batch: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    depth: usize,
    causal: bool,
    /// Keys hidden in each item: none, those from the numbers, or all.
    hidden: Hidden,
    /// Documents in each sequence, of queries that are the keys.
    documents: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Hidden {
    None,
    Some,
    All,
}

impl Case {
    fn options(&self, device: &Device) -> AttentionOptions {
        let shape = [self.batch, self.keys];
        let numbers = numbers("hidden", self.batch * self.keys);
        let hidden = |level: f32| {
            let hidden: Vec<bool> = numbers.iter().map(|x| *x < level).collect();
            Tensor::from_data(TensorData::new(hidden, shape), device)
        };
        AttentionOptions {
            heads: self.heads,
            hidden_keys: match self.hidden {
                Hidden::None => None,
                Hidden::Some => Some(hidden(0.0)),
                Hidden::All => Some(hidden(2.0)),
            },
            documents: self.documents.map(|count| {
                // Their tokens need not be neighbours.
                let of_number = |x: &f32| ((x + 1.0) / 2.0 * count as f32) as i64 * 5;
                let documents: Vec<i64> = numbers.iter().map(of_number).collect();
                Tensor::from_data(TensorData::new(documents, shape), device)
            }),
            causal: self.causal,
            dropout: 0.0,
        }
    }

    fn size(&self) -> usize {
        self.heads * self.depth
    }

    fn inputs(&self, leaves: Vec<Tensor<1>>) -> [Tensor<3>; 3] {
        let [q, k, v] = leaves.try_into().expect("three");
        let keys = [self.batch, self.keys, self.size()];
        // Factors spread the scores.
        let q = q.reshape([self.batch, self.queries, self.size()]) * 3.0;
        [q, k.reshape(keys) * 2.0, v.reshape(keys)]
    }

    #[track_caller]
    fn check(&self) {
        let [queries, keys] = [self.queries, self.keys].map(|rows| self.batch * rows * self.size());
        check(&[queries, keys, keys], 2e-5, |leaves, fast| {
            let options = self.options(&leaves[0].device());
            let [q, k, v] = self.inputs(leaves);
            let operation = if fast { attention } else { plain };
            operation(q, k, v, &options)
        });
    }
}

#[test]
fn blocks_of_queries_and_weights_that_are_not_kept() {
    for (causal, hidden) in [
        (false, Hidden::Some),
        (true, Hidden::None),
        (true, Hidden::Some),
    ] {
        for (queries, keys) in [(300, 300), (150, 270), (270, 40)] {
            let case = Case {
                batch: 1,
                queries,
                keys,
                heads: 2,
                depth: 4,
                causal,
                hidden,
                documents: None,
            };
            case.check();
            if queries == keys {
                let documents = Some(3);
                Case { documents, ..case }.check();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn fast_is_plain(
        batch in 1usize..4, queries in 1usize..40, keys in 1usize..40, heads in 1usize..4, depth in 1usize..20,
        causal: bool, hidden in prop::sample::select(vec![Hidden::None, Hidden::Some, Hidden::All]),
        documents in prop::option::of(1usize..6),
    ) {
        let keys = if documents.is_some() { queries } else { keys };
        Case { batch, queries, keys, heads, depth, causal, hidden, documents }.check();
    }
}

#[test]
fn nothing_gives_nothing() {
    let device = Device::flex().autodiff();
    for [batch, queries, keys, size] in [[0, 2, 3, 4], [2, 0, 3, 4], [2, 3, 0, 4], [2, 3, 4, 0]] {
        let ones = |rows| Tensor::<3>::ones([batch, rows, size], &device).require_grad();
        let [q, k, v] = [queries, keys, keys].map(ones);
        let options = AttentionOptions {
            heads: 2,
            ..AttentionOptions::default()
        };
        let y = attention(q.clone(), k.clone(), v.clone(), &options);
        assert_eq!(y.dims(), [batch, queries, size]);
        assert_eq!(y.clone().sum().into_scalar::<f32>(), 0.0);
        let gradients = y.sum().backward();
        for x in [q, k, v] {
            let gradient = x.grad(&gradients).expect("a leaf");
            assert_eq!(gradient.dims(), x.dims());
            assert_eq!(gradient.sum().into_scalar::<f32>(), 0.0);
        }
    }
}

/// Values that are the rows of the identity make the output the dropped weights: those and all gradients follow from
/// Burn's own operations once the mask is known.
#[test]
fn dropout_has_one_mask_in_both_passes() {
    let device = Device::flex().autodiff();
    // Kept weights, and those computed again.
    for (batch, length) in [(3, 40), (1, 260)] {
        let probability = 0.25;
        let options = AttentionOptions {
            heads: 1,
            dropout: probability,
            ..AttentionOptions::default()
        };
        let outcomes = on_one_and_two_threads(|| {
            let leaf = |name| {
                let data = TensorData::new(
                    numbers(name, batch * length * length),
                    [batch, length, length],
                );
                Tensor::<3>::from_data(data, &device).require_grad()
            };
            let (q, k) = (leaf("q"), leaf("k"));
            let v = Tensor::<2>::eye(length, &device)
                .unsqueeze::<3>()
                .expand([batch, length, length]);
            let v = Tensor::from_inner(v.inner()).require_grad();
            device.seed(7);
            let dropped = attention(q.clone(), k.clone(), v.clone(), &options);
            let scale = (length as f64).sqrt().recip();
            let weights =
                activation::softmax(q.clone().matmul(k.clone().swap_dims(1, 2)) * scale, 2);
            // Ratios are 0 or 1 / (1 - p).
            let mask = (dropped.clone().inner() / weights.clone().inner()).detach();
            let cotangent = Tensor::from_inner(leaf("cotangent").inner());
            let expected = (weights * Tensor::from_inner(mask.clone())).matmul(v.clone());
            let gradients = [dropped, expected].map(|y| {
                let gradients = (y * cotangent.clone()).sum().backward();
                [&q, &k, &v].map(|x| x.grad(&gradients).expect("a leaf").into_data())
            });
            (mask.into_data(), gradients)
        });
        let [(mask, [fast, expected]), (mask_of_two, [fast_of_two, _])] = outcomes;
        assert_eq!((&mask, &fast), (&mask_of_two, &fast_of_two));
        for (fast, expected) in fast.iter().zip(&expected) {
            for (a, b) in fast.iter::<f32>().zip(expected.iter::<f32>()) {
                assert!((a - b).abs() < 2e-5, "{a} and {b}");
            }
        }
        let kept = 1.0 / (1.0 - probability) as f32;
        let mut count = 0;
        for ratio in mask.iter::<f32>() {
            assert!(ratio == 0.0 || (ratio - kept).abs() < 1e-3, "{ratio}");
            count += usize::from(ratio == 0.0);
        }
        let entries = (batch * length * length) as f64;
        let deviation = (entries * probability * (1.0 - probability)).sqrt();
        assert!(
            (count as f64 - entries * probability).abs() < 4.0 * deviation,
            "{count}"
        );
    }
}

/// A packed sequence is its documents, each alone: output and gradients.
#[test]
fn packed_documents_do_not_see_each_other() {
    let device = Device::flex().autodiff();
    let (lengths, size) = ([3, 1, 7, 5], 8);
    let total: usize = lengths.iter().sum();
    for causal in [false, true] {
        let leaf = |name| {
            let data = TensorData::new(numbers(name, total * size), [1, total, size]);
            Tensor::<3>::from_data(data, &device).require_grad()
        };
        let leaves = [leaf("q"), leaf("k"), leaf("v")];
        let options = |documents| AttentionOptions {
            heads: 2,
            causal,
            documents,
            ..AttentionOptions::default()
        };
        let documents: Vec<i64> = (0..)
            .zip(lengths)
            .flat_map(|(document, length)| std::iter::repeat_n(document, length))
            .collect();
        let documents = Tensor::from_data(TensorData::new(documents, [1, total]), &device);
        let [q, k, v] = leaves.clone();
        let packed = attention(q, k, v, &options(Some(documents)));
        let mut start = 0;
        let alone = lengths.map(|length| {
            let [q, k, v] = leaves.clone().map(|x| x.narrow(1, start, length));
            start += length;
            attention(q, k, v, &options(None))
        });
        let outcomes = [packed, Tensor::cat(alone.to_vec(), 1)].map(|y| {
            let gradients = (y.clone() * Tensor::from_inner(leaves[0].clone().inner()))
                .sum()
                .backward();
            let mut all: Vec<f32> = y.into_data().iter().collect();
            for leaf in &leaves {
                all.extend(
                    leaf.grad(&gradients)
                        .expect("a leaf")
                        .into_data()
                        .iter::<f32>(),
                );
            }
            all
        });
        let [packed, alone] = outcomes;
        for (a, b) in packed.iter().zip(&alone) {
            assert!((a - b).abs() < 1e-5, "{a} packed, {b} alone");
        }
    }
}
