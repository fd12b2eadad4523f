//! A network that goes through the operations for images, and a step of gradient descent.

use burn::tensor::{Device, Distribution, Int, Tensor};
use tinderbox_kernels::{
    Activation, Conv2dOptions, Epilogue, MaxPool2dOptions, batch_norm_train, conv2d,
    global_average_pool, linear, max_pool2d, softmax_cross_entropy,
};

const IMAGES: usize = 12;
const CLASSES: usize = 10;

/// Weights, as leaves of a graph.
pub struct Net {
    stem: Tensor<4>,
    first: Tensor<4>,
    strided: Tensor<4>,
    norm: [Tensor<1>; 2],
    head: Tensor<2>,
    images: Tensor<4>,
    labels: Tensor<1, Int>,
}

impl Net {
    /// The same numbers at each call. Burn's generator is the process's: one test draws at a time.
    pub fn new() -> Self {
        let device = Device::flex();
        device.seed(7);
        let draw = |shape: [usize; 4]| {
            let spread = ((shape[1] * shape[2] * shape[3]) as f64).sqrt().recip();
            Tensor::random(shape, Distribution::Normal(0.0, spread), &device)
        };
        Self {
            stem: draw([16, 3, 3, 3]),
            first: draw([32, 16, 3, 3]),
            strided: draw([32, 32, 3, 3]),
            norm: [Tensor::ones([32], &device), Tensor::zeros([32], &device)],
            head: draw([1, 1, 32, CLASSES]).reshape([32, CLASSES]),
            images: draw([IMAGES, 3, 30, 30]),
            labels: Tensor::arange(0..IMAGES as i64, &device).remainder_scalar(CLASSES as i64),
        }
    }

    /// One step; gives its loss.
    pub fn step(&mut self) -> f32 {
        let leaf = |tensor: &Tensor<4>| Tensor::from_inner(tensor.clone()).require_grad();
        let [stem, first, strided] = [&self.stem, &self.first, &self.strided].map(leaf);
        let norm = self
            .norm
            .clone()
            .map(|tensor| Tensor::from_inner(tensor).require_grad());
        let head = Tensor::from_inner(self.head.clone()).require_grad();
        let padded = Conv2dOptions {
            padding: [1, 1],
            ..Conv2dOptions::default()
        };
        let halved = Conv2dOptions {
            stride: [2, 2],
            ..padded
        };
        let windows = MaxPool2dOptions {
            kernel: [2, 2],
            stride: [2, 2],
            padding: [0, 0],
            relu: true,
        };

        let x = conv2d(
            Tensor::from_inner(self.images.clone()),
            stem.clone(),
            None,
            padded,
        );
        let x = max_pool2d(conv2d(x, first.clone(), None, padded), windows);
        let [weight, bias] = norm.clone();
        let x = batch_norm_train(x, weight, bias, 1e-5, Epilogue::relu()).output;
        let x = global_average_pool(conv2d(x, strided.clone(), None, halved));
        let logits = linear(x, head.clone(), None, Activation::Identity);
        let labels = Tensor::from_inner(self.labels.clone());
        let loss = softmax_cross_entropy(logits, labels);
        let gradients = loss.backward();

        let step = |weight: &mut Tensor<4>, leaf: Tensor<4>| {
            let gradient = leaf.grad(&gradients).expect("every weight has a gradient");
            *weight = weight.clone() - gradient * 0.1;
        };
        step(&mut self.stem, stem);
        step(&mut self.first, first);
        step(&mut self.strided, strided);
        let gradient = head.grad(&gradients).expect("the head has a gradient");
        self.head = self.head.clone() - gradient * 0.1;
        loss.into_scalar()
    }

    /// The bits of all weights.
    pub fn bits(&self) -> Vec<u32> {
        let weights = [&self.stem, &self.first, &self.strided];
        let weights = weights
            .into_iter()
            .flat_map(|weight| floats(weight.clone()));
        weights
            .chain(floats(self.head.clone()))
            .map(f32::to_bits)
            .collect()
    }
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec()
        .expect("floats of 32 bits")
}
