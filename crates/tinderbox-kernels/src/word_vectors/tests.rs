//! The updates against their formulas in double precision.

use proptest::prelude::*;

use super::*;

/// Rows of padded floats in `-1..1` times `scale`, and the same in double precision without padding.
fn table(rows: usize, dimension: usize, scale: f32, key: usize) -> (Table, Vec<Vec<f64>>) {
    let stride = stride(dimension);
    let mut table = Table::zeros(rows * stride);
    for (i, row) in table.chunks_exact_mut(stride).enumerate() {
        for (j, value) in row[..dimension].iter_mut().enumerate() {
            let number = (i * 7919 + j * 104_729 + key * 1_299_709) % 2003;
            *value = scale * (number as f32 / 1001.5 - 1.0);
        }
    }
    let exact = table
        .chunks_exact(stride)
        .map(|row| row[..dimension].iter().map(|x| f64::from(*x)).collect());
    let exact = exact.collect();
    (table, exact)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The windows one by one, with all gradients of a window before its updates.
fn reference(
    windows: &Windows,
    inputs: &mut [Vec<f64>],
    outputs: &mut [Vec<f64>],
    rate: f64,
) -> WindowLoss {
    let mut loss = WindowLoss::default();
    for (i, window) in windows.iter().enumerate() {
        let (inputs_before, outputs_before) = (inputs.to_vec(), outputs.to_vec());
        for rows in window.hidden() {
            let dimension = inputs[0].len();
            let mean: Vec<f64> = (0..dimension)
                .map(|j| {
                    rows.iter()
                        .map(|row| inputs_before[*row as usize][j])
                        .sum::<f64>()
                        / rows.len() as f64
                })
                .collect();
            for (output, label) in window.outputs.iter().zip(window.labels) {
                let label = f64::from(*label);
                let vector = &outputs_before[*output as usize];
                let probability = sigmoid(dot(&mean, vector));
                if i.is_multiple_of(LOSS_EVERY) {
                    loss.sum -= if label == 1.0 {
                        probability.ln()
                    } else {
                        (1.0 - probability).ln()
                    };
                }
                let error = rate * (label - probability);
                for j in 0..dimension {
                    outputs[*output as usize][j] += error * mean[j];
                    rows.iter()
                        .for_each(|row| inputs[*row as usize][j] += error * vector[j]);
                }
            }
            loss.hidden += u64::from(i.is_multiple_of(LOSS_EVERY) && !window.outputs.is_empty());
        }
    }
    loss
}

#[track_caller]
fn assert_close(got: &[f32], expected: &[Vec<f64>]) {
    let stride = got.len() / expected.len();
    for (got, expected) in got.chunks_exact(stride).zip(expected) {
        for (got, expected) in got.iter().zip(expected) {
            // A few dozen updates in single precision.
            assert!(
                (f64::from(*got) - expected).abs() <= 2e-5 * expected.abs().max(1.0),
                "{got} {expected}"
            );
        }
        assert!(got[expected.len()..].iter().all(|padding| *padding == 0.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn windows_are_trained_by_the_formula(
        dimension in 1usize..130,
        windows in prop::collection::vec(
            (
                prop::collection::vec(prop::collection::vec(0u32..9, 1..4), 0..8),
                prop::collection::vec((0u32..30, any::<bool>()), 0..20),
            ),
            0..6,
        ),
    ) {
        let mut plan = Windows::default();
        for (hidden, outputs) in windows {
            hidden.into_iter().for_each(|rows| plan.push_hidden(rows));
            outputs.into_iter().for_each(|(row, label)| plan.push_output(row, f32::from(u8::from(label))));
            plan.end_window();
        }
        let (mut inputs, mut exact_inputs) = table(9, dimension, 0.5, 1);
        let (mut outputs, mut exact_outputs) = table(30, dimension, 0.5, 2);
        let expected = reference(&plan, &mut exact_inputs, &mut exact_outputs, 0.05);
        let got = train_windows(&plan, &mut inputs, &mut outputs, stride(dimension), 0.05, &mut Workspace::default());
        assert_close(&inputs, &exact_inputs);
        assert_close(&outputs, &exact_outputs);
        prop_assert_eq!(got.hidden, expected.hidden);
        prop_assert!((got.sum - expected.sum).abs() <= 1e-4 * expected.sum.max(1.0), "{:?} {:?}", got, expected);
    }

    #[test]
    fn pairs_are_trained_by_the_formula(
        dimension in 1usize..70,
        pairs in prop::collection::vec((0u32..5, 0u32..6, -3.0f32..3.0, 0.01f32..1.0), 0..40),
    ) {
        let rates = PairRates { vectors: 0.05, biases: 0.5 };
        let width = stride(dimension + 2);
        // Vectors with bias and 1, or 1 and bias, then squares of 1.
        let tables = [(5, dimension + 1, 1), (6, dimension, 2)].map(|(rows, one, key)| {
            let (values, exact) = table(rows, dimension + 2, 0.5, key);
            let mut table = Table::zeros(2 * values.len());
            for (row, from) in table.chunks_exact_mut(2 * width).zip(values.chunks_exact(width)) {
                row[..width].copy_from_slice(from);
                row[one] = 1.0;
                row[width..].fill(1.0);
            }
            let mut exact: Vec<Vec<f64>> = exact;
            exact.iter_mut().for_each(|row| row[one] = 1.0);
            (table, exact)
        });
        let [(mut centres, mut w), (mut contexts, mut c)] = tables;
        let mut squares = [vec![vec![1.0; dimension + 2]; 5], vec![vec![1.0; dimension + 2]; 6]];
        let mut loss = 0.0;
        let pairs: Vec<Pair> = pairs
            .into_iter()
            .map(|(centre, context, log_count, weight)| Pair { centre, context, log_count, weight })
            .collect();
        for pair in &pairs {
            let (i, j) = (pair.centre as usize, pair.context as usize);
            let difference = dot(&w[i], &c[j]) - f64::from(pair.log_count);
            let weight = f64::from(pair.weight);
            loss += 0.5 * weight * difference * difference;
            let (before_w, before_c) = (w[i].clone(), c[j].clone());
            let step = |x: &mut f64, square: &mut f64, gradient: f64, rate: f64| {
                let step = rate * gradient;
                *x -= step / square.sqrt();
                *square += step * step;
            };
            for k in 0..dimension {
                step(&mut w[i][k], &mut squares[0][i][k], weight * difference * before_c[k], 0.05);
                step(&mut c[j][k], &mut squares[1][j][k], weight * difference * before_w[k], 0.05);
            }
            step(&mut w[i][dimension], &mut squares[0][i][dimension], weight * difference, 0.5);
            step(&mut c[j][dimension + 1], &mut squares[1][j][dimension + 1], weight * difference, 0.5);
        }
        let got = train_pairs(&pairs, &mut centres, &mut contexts, dimension, rates);
        prop_assert!((got - loss).abs() <= 1e-3 * loss.max(1.0), "{} {}", got, loss);
        for (table, exact) in [(&centres, &w), (&contexts, &c)] {
            let vectors: Vec<f32> = table.chunks_exact(2 * width).flat_map(|row| row[..width].to_vec()).collect();
            for (got, expected) in vectors.chunks_exact(width).zip(exact) {
                for (got, expected) in got.iter().zip(expected) {
                    // Errors of a step feed the next; 40 of them.
                    prop_assert!((f64::from(*got) - expected).abs() <= 1e-3 * expected.abs().max(1.0), "{} {}", got, expected);
                }
            }
        }
    }
}

#[test]
fn logits_of_any_size_give_finite_updates() {
    let mut plan = Windows::default();
    plan.push_hidden([0]);
    plan.push_output(0, 1.0);
    plan.push_output(1, 0.0);
    plan.end_window();
    let (mut inputs, mut outputs) = (Table::zeros(16), Table::zeros(32));
    inputs[0] = 1e4;
    (outputs[0], outputs[16]) = (-1e4, 1e4);
    let loss = train_windows(
        &plan,
        &mut inputs,
        &mut outputs,
        16,
        0.1,
        &mut Workspace::default(),
    );
    assert!((loss.sum / 2e8 - 1.0).abs() < 1e-6, "{loss:?}");
    // Both labels are as wrong as can be: an error of 0.1 each.
    assert_eq!((outputs[0], outputs[16]), (-9000.0, 9000.0));
    assert_eq!(inputs[0], 1e4 - 2000.0);
}

#[test]
fn rows_are_gathered_subtracted_and_added() {
    let (table_rows, _) = table(4, 16, 1.0, 3);
    let mut copies = Table::zeros(2 * 16);
    gather_rows(&mut copies, &table_rows, 16, &[3, 1]);
    assert_eq!(copies[..16], table_rows[48..]);
    copies.iter_mut().for_each(|x| *x += 1.0);
    subtract_rows(&mut copies, &table_rows, 16, &[3, 1]);
    assert!(copies.iter().all(|x| (x - 1.0).abs() < 1e-6));
    let mut sums = table_rows.clone();
    let sum = RowSum {
        source: 1,
        target: 2,
        factor: 0.5,
    };
    add_rows(&mut sums, &copies, 16, &[sum, sum]);
    assert_eq!(sums[..32], table_rows[..32]);
    assert!(
        sums[32..48]
            .iter()
            .zip(&table_rows[32..48])
            .all(|(x, y)| (x - y - 1.0).abs() < 1e-6)
    );
}

#[test]
fn a_table_is_aligned_and_keeps_what_it_holds() {
    let mut table = Table::zeros(5);
    assert_eq!(table.as_ptr().align_offset(64), 0);
    table[4] = 1.0;
    table.resize(3);
    assert_eq!(table.len(), 3);
    assert_eq!(table.clone()[..], [0.0; 3]);
    table.resize(1000);
    assert_eq!((table.len(), table.as_ptr().align_offset(64)), (1000, 0));
}
