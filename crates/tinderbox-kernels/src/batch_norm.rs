//! Batch normalisation with what follows it in a residual block: the shortcut's sum and a ReLU.

#[cfg(feature = "flex")]
mod rows;

use burn::tensor::{Tensor, activation::relu, module};

/// What follows a normalisation.
#[derive(Debug, Clone, Default)]
pub struct Epilogue<const D: usize> {
    /// Added to the normalised values, of the input's shape.
    pub residual: Option<Tensor<D>>,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

impl<const D: usize> Epilogue<D> {
    /// A ReLU.
    pub fn relu() -> Self {
        Self {
            residual: None,
            relu: true,
        }
    }
}

/// What [`batch_norm_train`] gives.
#[derive(Debug, Clone)]
pub struct BatchNormOutput<const D: usize> {
    /// The normalised batch, of the input's shape.
    pub output: Tensor<D>,
    /// Mean of the batch, `[features]`, without a gradient.
    pub mean: Tensor<1>,
    /// Biased variance of the batch (divided by `n`), `[features]`, without a gradient.
    pub variance: Tensor<1>,
}

/// Normalises by the statistics of the batch, over every axis but the second (Ioffe and Szegedy 2015, algorithm 1):
/// `relu((x - mean) / sqrt(variance + epsilon) * weight + bias + residual)`.
///
/// # Shapes
/// - `input`: `[batch, features, ...]`
/// - `weight`, `bias`: `[features]`
///
/// # Panics
/// If the shapes do not fit.
pub fn batch_norm_train<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> BatchNormOutput<D> {
    #[cfg(feature = "flex")]
    if fast::takes(&input) {
        return fast::train(input, weight, bias, epsilon, epilogue);
    }
    plain(input, weight, bias, epsilon, epilogue)
}

/// Normalises by given statistics, over every axis but the second:
/// `relu((x - mean) / sqrt(variance + epsilon) * weight + bias + residual)`. The statistics are constants.
///
/// # Shapes
/// - `input`: `[batch, features, ...]`
/// - `weight`, `bias`, `mean`, `variance`: `[features]`
///
/// # Panics
/// If the shapes do not fit.
pub fn batch_norm<const D: usize>(
    input: Tensor<D>,
    [weight, bias]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast::takes(&input) {
        return fast::infer(input, [weight, bias], [mean, variance], epsilon, epilogue);
    }
    plain_infer(input, [weight, bias], [mean, variance], epsilon, epilogue)
}

/// [`batch_norm`] by Burn's own operations.
pub(crate) fn plain_infer<const D: usize>(
    input: Tensor<D>,
    [weight, bias]: [Tensor<1>; 2],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> Tensor<D> {
    finish(
        module::batch_norm(input, weight, bias, mean, variance, epsilon),
        epilogue,
    )
}

/// [`batch_norm_train`] by Burn's own operations.
pub(crate) fn plain<const D: usize>(
    input: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
    epilogue: Epilogue<D>,
) -> BatchNormOutput<D> {
    let batch = module::batch_norm_train(input, weight, bias, epsilon);
    BatchNormOutput {
        output: finish(batch.output, epilogue),
        mean: batch.mean,
        variance: batch.variance,
    }
}

fn finish<const D: usize>(normalised: Tensor<D>, epilogue: Epilogue<D>) -> Tensor<D> {
    let sum = match epilogue.residual {
        Some(residual) => normalised + residual,
        None => normalised,
    };
    if epilogue.relu { relu(sum) } else { sum }
}

#[cfg(feature = "flex")]
mod fast {
    use std::sync::{Arc, OnceLock};

    use burn::backend::flex::FlexTensor;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::rows::{
        affine, affine_sum, all_sums, gradients, moments, passed_gradients, passed_sums,
        relu_gradients,
    };
    use super::{BatchNormOutput, Epilogue};
    use crate::flex::buffer::Buffer;
    use crate::flex::fused::{self, Gradient};
    use crate::flex::parallel;
    use crate::flex::tensors::{add_rows, channels_last, dense, floats};

    /// Floats of a block of rows: it stays in the second cache while its statistics are made.
    const BLOCK: usize = 1 << 14;

    /// Whether the fast path takes it: batches of features or of images.
    pub(super) fn takes<const D: usize>(input: &Tensor<D>) -> bool {
        (D == 2 || D == 4) && fused::takes(input)
    }

    pub(super) fn train<const D: usize>(
        input: Tensor<D>,
        weight: Tensor<1>,
        bias: Tensor<1>,
        epsilon: f64,
        epilogue: Epilogue<D>,
    ) -> BatchNormOutput<D> {
        let device = input.device();
        let features = input.dims()[1];
        let statistics = Arc::new(OnceLock::new());
        let found = Arc::clone(&statistics);
        let output = run(input, [weight, bias], epilogue, move |x| {
            let of_batch = Statistics::of(x, features);
            let scale = of_batch.variance.iter();
            let deviation = scale.map(|v| (v + epsilon as f32).sqrt().recip()).collect();
            let mean = of_batch.mean.clone();
            found.set(of_batch).expect("the operation runs once");
            (mean, deviation, true)
        });
        let Statistics { mean, variance } = Arc::into_inner(statistics)
            .and_then(OnceLock::into_inner)
            .expect("the operation ran");
        // Statistics are constants of the graph.
        let tensor = |data: Vec<f32>| constant(data, &device);
        BatchNormOutput {
            output,
            mean: tensor(mean),
            variance: tensor(variance),
        }
    }

    fn constant(data: Vec<f32>, device: &Device) -> Tensor<1> {
        let length = data.len();
        Tensor::from_data(TensorData::new(data, [length]), device)
    }

    pub(super) fn infer<const D: usize>(
        input: Tensor<D>,
        parameters: [Tensor<1>; 2],
        statistics: [Tensor<1>; 2],
        epsilon: f64,
        epilogue: Epilogue<D>,
    ) -> Tensor<D> {
        let [mean, variance] = statistics.map(|tensor| {
            let data = tensor.into_data().try_into_vec::<f32>();
            data.expect("the fast path takes floats of 32 bits")
        });
        run(input, parameters, epilogue, move |_| {
            let deviations = variance.iter();
            let deviation = deviations
                .map(|v| (v + epsilon as f32).sqrt().recip())
                .collect();
            (mean, deviation, false)
        })
    }

    /// Runs the operation; `statistics` gives of the rows the mean, 1 over the standard deviation, and whether they
    /// depend on the rows.
    fn run<const D: usize>(
        input: Tensor<D>,
        [weight, bias]: [Tensor<1>; 2],
        epilogue: Epilogue<D>,
        statistics: impl FnOnce(&[f32]) -> (Vec<f32>, Vec<f32>, bool) + 'static,
    ) -> Tensor<D> {
        let dims = input.dims();
        let features = dims[1];
        for (what, got) in [("weight", weight.dims()), ("bias", bias.dims())] {
            assert_eq!(
                got,
                [features],
                "batch norm of {features} features: the {what}"
            );
        }
        if let Some(residual) = &epilogue.residual {
            assert_eq!(residual.dims(), dims, "batch norm: the residual");
        }
        let relu = epilogue.relu;
        let mut operands = vec![
            input.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
        ];
        operands.extend(epilogue.residual.map(Tensor::into_dispatch));
        fused::run(operands, move |operands, _| {
            forward(operands, features, relu, statistics)
        })
    }

    /// Rows of features: the memory of a batch of features, or of images with their channels last.
    fn rows(tensor: FlexTensor) -> FlexTensor {
        if tensor.layout().num_dims() == 4 {
            channels_last(tensor)
        } else {
            dense(tensor)
        }
    }

    fn shaped(buffer: Buffer, like: &FlexTensor) -> FlexTensor {
        let shape = like.layout().shape();
        match *shape.as_slice() {
            [n, c, h, w] => buffer.into_channels_last([n, c, h, w]),
            _ => buffer.into_tensor(shape.clone()),
        }
    }

    /// The memory of what [`rows`] gave.
    fn memory(tensor: &FlexTensor) -> &[f32] {
        tensor.as_slice().unwrap_or_else(|| tensor.storage())
    }

    /// Floats of a block: whole rows.
    fn block_of(features: usize) -> usize {
        (BLOCK / features).max(1) * features
    }

    fn forward(
        operands: Vec<FlexTensor>,
        features: usize,
        relu: bool,
        statistics: impl FnOnce(&[f32]) -> (Vec<f32>, Vec<f32>, bool),
    ) -> (FlexTensor, Gradient) {
        let mut operands = operands.into_iter();
        let mut next = || operands.next();
        let input = rows(next().expect("the input"));
        let [weight, bias] = [(); 2].map(|()| dense(next().expect("weight and bias")));
        let residual = next().map(rows);
        let has_residual = residual.is_some();

        let x = memory(&input);
        let (mean, deviation, of_batch) = statistics(x);
        let (gamma, beta) = (floats(&weight), floats(&bias));
        let scale: Vec<f32> = gamma.iter().zip(&deviation).map(|(g, d)| g * d).collect();
        let shift: Vec<f32> = (0..features)
            .map(|c| beta[c] - mean[c] * scale[c])
            .collect();
        let mut y = Buffer::new(x.len());
        let block = block_of(features);
        let added = residual.as_ref().map(memory);
        parallel::chunks_mut(&mut y, block, |i, y| {
            let at = i * block..i * block + y.len();
            let lowest = if relu { 0.0 } else { f32::NEG_INFINITY };
            match added {
                Some(added) => affine_sum(&x[at.clone()], &added[at], &scale, &shift, lowest, y),
                None => affine(&x[at], &scale, &shift, lowest, y),
            }
        });
        let output = shaped(y, &input);
        // The ReLU's gradient is that of the places where its output is above 0.
        let kept = relu.then(|| output.clone());
        let gradient = move |gradient: FlexTensor, needed: &[bool]| {
            let gradient = rows(gradient);
            let (dy, x) = (memory(&gradient), memory(&input));
            let y = kept.as_ref().map(memory);
            let sums = gradient_sums(dy, x, y, &mean, &deviation);
            let (dbeta, dgamma) = sums.split_at(features);
            let count = (x.len() / features) as f32;
            // dx = slope * g + along * x + constant, with g the gradient that the ReLU lets pass.
            let slope: Vec<f32> = floats(&weight)
                .iter()
                .zip(&deviation)
                .map(|(g, d)| g * d)
                .collect();
            let (mut along, mut constant) = (vec![0.0; features], vec![0.0; features]);
            if of_batch {
                for c in 0..features {
                    along[c] = -slope[c] * deviation[c] * dgamma[c] / count;
                    constant[c] = -slope[c] * dbeta[c] / count - along[c] * mean[c];
                }
            }
            let wants_passed = has_residual && needed[3] && relu;
            let (dx, passed) =
                input_gradients((dy, x, y), [&slope, &along, &constant], wants_passed);
            let parameter = |sums: &[f32], needed: bool| {
                needed.then(|| {
                    let mut buffer = Buffer::new(features);
                    buffer.copy_from_slice(sums);
                    buffer.into_tensor([features])
                })
            };
            let mut gradients = vec![
                needed[0].then(|| shaped(dx, &input)),
                parameter(dgamma, needed[1]),
                parameter(dbeta, needed[2]),
            ];
            if has_residual {
                gradients.push(match passed {
                    Some(passed) => Some(shaped(passed, &input)),
                    None => needed[3].then(|| gradient.clone()),
                });
            }
            gradients
        };
        (output, Box::new(gradient))
    }

    /// Mean and biased variance of each column.
    #[derive(Debug)]
    struct Statistics {
        mean: Vec<f32>,
        variance: Vec<f32>,
    }

    impl Statistics {
        /// Of blocks of rows, in two corrected passes each, then of all, by merging in order (Chan, Golub and LeVeque
        /// 1983).
        fn of(rows: &[f32], features: usize) -> Self {
            let block = block_of(features);
            let blocks = rows.len().div_ceil(block);
            // For each block the means, the sums of squared deviations, and the sums of deviations, which are the means'
            // rounding.
            let mut parts = Buffer::new(3 * features * blocks);
            parallel::chunks_mut(&mut parts, 3 * features, |i, part| {
                let rows = &rows[i * block..rows.len().min((i + 1) * block)];
                let (mean, rest) = part.split_at_mut(features);
                let (squares, drift) = rest.split_at_mut(features);
                moments(rows, mean, squares, drift);
            });
            let (mut mean, mut squares) = (vec![0.0; features], vec![0.0; features]);
            let mut before = 0.0;
            for (i, part) in parts.chunks_exact(3 * features).enumerate() {
                let count = ((rows.len() - i * block).min(block) / features) as f64;
                let total = before + count;
                for c in 0..features {
                    let apart = f64::from(part[c]) - mean[c];
                    mean[c] += apart * count / total;
                    squares[c] +=
                        f64::from(part[features + c]) + apart * apart * before * count / total;
                }
                before = total;
            }
            Self {
                mean: mean.iter().map(|mean| *mean as f32).collect(),
                variance: squares
                    .iter()
                    .map(|squares| (squares / before) as f32)
                    .collect(),
            }
        }
    }

    /// Sums over the rows of the gradient that the ReLU lets pass, and of it times the normalised input.
    fn gradient_sums(
        dy: &[f32],
        x: &[f32],
        y: Option<&[f32]>,
        mean: &[f32],
        deviation: &[f32],
    ) -> Buffer {
        let features = mean.len();
        let block = block_of(features);
        let mut parts = Buffer::new((2 * features * dy.len().div_ceil(block)).max(2 * features));
        parallel::chunks_mut(&mut parts, 2 * features, |i, part| {
            let at = (i * block).min(dy.len())..dy.len().min((i + 1) * block);
            let (sums, products) = part.split_at_mut(features);
            match y {
                Some(y) => {
                    let (dy, x, y) = (&dy[at.clone()], &x[at.clone()], &y[at]);
                    passed_sums(dy, x, y, mean, deviation, sums, products);
                }
                None => all_sums(&dy[at.clone()], &x[at], mean, deviation, sums, products),
            }
        });
        add_rows(&parts, 2 * features)
    }

    /// `slope * g + along * x + constant`, with `g` the gradient that the ReLU lets pass; and `g` if it is wanted.
    fn input_gradients(
        (dy, x, y): (&[f32], &[f32], Option<&[f32]>),
        [slope, along, constant]: [&[f32]; 3],
        wants_passed: bool,
    ) -> (Buffer, Option<Buffer>) {
        let features = slope.len();
        let block = block_of(features);
        let mut dx = Buffer::new(dy.len());
        let mut passed = wants_passed.then(|| Buffer::new(dy.len()));
        match (&mut passed, y) {
            (Some(passed), Some(y)) => {
                let work = |i: usize, dx: &mut [f32], passed: &mut [f32]| {
                    let at = i * block..i * block + dx.len();
                    let (dy, x, y) = (&dy[at.clone()], &x[at.clone()], &y[at]);
                    passed_gradients(dy, x, y, [slope, along, constant], dx, passed);
                };
                parallel::chunk_pairs_mut([&mut dx, passed], [block; 2], work);
            }
            _ => parallel::chunks_mut(&mut dx, block, |i, dx| {
                let at = i * block..i * block + dx.len();
                let (dy, x) = (&dy[at.clone()], &x[at.clone()]);
                match y {
                    Some(y) => relu_gradients(dy, x, &y[at], [slope, along, constant], dx),
                    None => gradients(dy, x, [slope, along, constant], dx),
                }
            }),
        }
        (dx, passed)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests;
