//! One step of SimCLR on every device of this build: how far from `flex`, and how long it takes.
//!
//! Weights and images are the same everywhere. A deviation is the largest difference from `flex`
//! relative to the largest value; that of `flex` is between two of its runs. `first` is the time of
//! the first forward pass and step, with the compilation of their kernels; `forward` and `step` (loss,
//! gradients and the update by AdamW) are medians of the runs after it.
//!
//! `cargo run --release --example compare_backends --features wgpu`
//!
//! Other backends are `vulkan`, `metal`, `cuda` and `ndarray`; several go together.

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use tinderbox::burn::module::{Module, ModuleVisitor, Param};
use tinderbox::burn::optim::{AdamWConfig, GradientsParams};
use tinderbox::burn::tensor::{Device, DeviceType, Distribution, Tensor};
use tinderbox::nn::{AnyImageEncoder, Encoder, ImageEncoderConfig, Stem};
use tinderbox::objectives::{Objective, SimClr, SimClrConfig, StepContext, ViewBatch};
use tinderbox::train::initialise;

type Model = SimClr<AnyImageEncoder>;

/// The backends of this build.
const BACKENDS: &[(&str, DeviceType)] = &[
    ("flex", DeviceType::Flex),
    #[cfg(feature = "ndarray")]
    ("ndarray", DeviceType::NdArray),
    #[cfg(feature = "vulkan")]
    ("vulkan", DeviceType::Vulkan),
    #[cfg(feature = "wgpu")]
    ("wgpu", DeviceType::Wgpu),
    #[cfg(feature = "metal")]
    ("metal", DeviceType::Metal),
    #[cfg(feature = "cuda")]
    ("cuda", DeviceType::Cuda),
];

/// What a device computed, and how long it took.
struct Outcome {
    features: Vec<f32>,
    loss: Vec<f32>,
    gradients: Vec<f32>,
    first: Duration,
    forward: Duration,
    step: Duration,
    /// What the device is.
    name: String,
}

/// All gradients one after another, in the order of the module's fields.
struct Flatten<'a> {
    from: &'a GradientsParams,
    values: Vec<f32>,
}

impl ModuleVisitor for Flatten<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.from.get::<D>(param.id);
        self.values.extend(gradient.into_iter().flat_map(values));
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter().collect()
}

/// Loss and gradients of one step.
fn differentiate(model: &Model, views: &[Tensor<4>]) -> (Vec<f32>, GradientsParams) {
    let batch = ViewBatch {
        views: views.iter().cloned().map(Tensor::autodiff).collect(),
    };
    let at = StepContext {
        step: 0,
        total_steps: 1,
        micro_batch: 0,
    };
    let loss = model.step(batch, at).loss;
    let gradients = GradientsParams::from_grads(loss.backward(), model);
    (values(loss), gradients)
}

fn run(model: &Model, views: &[Tensor<4>], device: &Device) -> Outcome {
    let start = Instant::now();
    let mut model = model.clone().fork(&device.clone().autodiff());
    let views: Vec<_> = views
        .iter()
        .map(|view| view.clone().to_device(device))
        .collect();
    let features = values(model.valid().encoder().forward(views[0].clone()));
    let (loss, from) = differentiate(&model, &views);
    let mut flatten = Flatten {
        from: &from,
        values: Vec::new(),
    };
    model.visit(&mut flatten);
    let gradients = flatten.values;
    let mut optimiser = AdamWConfig::new().init();
    model = optimiser.step(1e-3, model, from);
    device.sync().expect("the step completes");
    let first = start.elapsed();

    let evaluated = model.valid();
    let forward = median(|| drop(values(evaluated.encoder().forward(views[0].clone()))));
    let step = median(|| {
        let (_, gradients) = differentiate(&model, &views);
        model = optimiser.step(1e-3, model.clone(), gradients);
        device.sync().expect("the step completes");
    });
    Outcome {
        features,
        loss,
        gradients,
        first,
        forward,
        step,
        name: identity(device),
    }
}

/// What a GPU's driver calls it; other devices have no name of their own.
fn identity(device: &Device) -> String {
    #[cfg(any(
        feature = "vulkan",
        feature = "wgpu",
        feature = "metal",
        feature = "cuda"
    ))]
    if let Some(found) = device.identity() {
        return found.name;
    }
    format!("{device:?}")
}

/// The median of twenty runs, or of those that three seconds are enough for.
fn median(mut run: impl FnMut()) -> Duration {
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || (times.len() < 20 && begin.elapsed() < Duration::from_secs(3)) {
        let start = Instant::now();
        run();
        times.push(start.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

/// The largest difference relative to the largest expected value; infinite for what is not a number.
fn deviation(got: &[f32], expected: &[f32]) -> f32 {
    let mut largest = 0.0_f32;
    for (got, expected) in got.iter().zip(expected) {
        let difference = (got - expected).abs();
        // `max` would pass over what is not a number.
        largest = largest.max(if difference.is_nan() {
            f32::INFINITY
        } else {
            difference
        });
    }
    largest
        / expected
            .iter()
            .fold(0.0, |scale: f32, value| scale.max(value.abs()))
}

/// Runs on the first device of a backend, or says why not. Broken drivers panic.
fn attempt<T>(backend: &DeviceType, run: impl FnOnce(&Device) -> T) -> Result<T, String> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        Device::enumerate(backend.clone()).first().map(run)
    }));
    panic::set_hook(hook);
    match outcome {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) => Err("this machine has no such device".to_string()),
        Err(reason) => {
            let text = reason.downcast_ref::<String>().map(String::as_str);
            let text = text.or(reason.downcast_ref::<&str>().copied());
            let line = text.and_then(|text| text.lines().next());
            Err(line.unwrap_or("the driver failed").to_string())
        }
    }
}

fn compare(config: &ImageEncoderConfig, shape: [usize; 4]) {
    let [batch, channels, size, _] = shape;
    println!(
        "{}, {batch} images of {channels}x{size}x{size}",
        config.name()
    );
    println!("device     forward       loss   gradient      first    forward       step");

    let flex = Device::flex();
    let training = flex.clone().autodiff();
    let model = initialise(&training, 0, || {
        let encoder = config
            .init(channels, size, &training)
            .expect("a valid encoder");
        SimClrConfig::new(encoder.feature_dim())
            .init(encoder, &training)
            .expect("a valid objective")
    });
    let images = Tensor::random(shape, Distribution::Uniform(0.0, 1.0), &flex);
    let noise = Tensor::random(shape, Distribution::Normal(0.0, 0.2), &flex);
    let views = [images.clone(), images + noise];

    let expected = run(&model, &views, &flex);
    for (name, backend) in BACKENDS {
        match attempt(backend, |device| run(&model, &views, device)) {
            Ok(got) => {
                let forward = deviation(&got.features, &expected.features);
                let loss = deviation(&got.loss, &expected.loss);
                let gradient = deviation(&got.gradients, &expected.gradients);
                let [first, once, step] =
                    [got.first, got.forward, got.step].map(|time| 1e3 * time.as_secs_f64());
                print!("{name:<8} {forward:9.1e}  {loss:9.1e}  {gradient:9.1e}");
                println!(
                    "  {first:6.0} ms  {once:6.1} ms  {step:6.1} ms  {}",
                    got.name
                );
            }
            Err(reason) => println!("{name:<8} not available: {reason}"),
        }
    }
    println!();
}

fn main() {
    let reference_cnn = ImageEncoderConfig::ReferenceCnn {
        filters: 32,
        stages: 1,
        hidden: 128,
        // Devices draw different numbers from one seed.
        dropout: 0.0,
    };
    let resnet18 = ImageEncoderConfig::Resnet18 {
        stem: Stem::Cifar,
        width: 8,
    };
    compare(&reference_cnn, [64, 1, 8, 8]);
    compare(&resnet18, [16, 3, 16, 16]);
}
