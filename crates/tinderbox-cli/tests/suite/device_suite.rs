//! The same numbers on every backend: each device that is built in, compared with `flex`.
//!
//! A case does one step of training on `flex` and then, from the same weights and inputs, on every
//! device of the build. `flex` is one of them: its second run must give the first one's bits, so the
//! suite has something to say in a build without another backend. A backend that is built in and does
//! not run fails the tests; none is skipped.

use std::fmt::Write;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox::nn::{
    AnyImageEncoder, Bert, BertConfig, Encoder, ImageEncoderConfig, NormOrder, PositionKind,
    StateDict, Stem, VitConfig,
};
use tinderbox::objectives::{
    BertPretrainingConfig, ImageBatch, LabelledBatch, MaeConfig, MaskedBatch, MaskedLmConfig,
    MaskedPairBatch, Objective, SimClrConfig, SimCseConfig, StepContext, SupervisedConfig,
    ViewBatch,
};
use tinderbox::train::{LarsConfig, read_metrics};
use tinderbox_cli::device::{DeviceKind, DeviceName, enumerate};

#[path = "../../../../fixtures/addressed.rs"]
mod addressed;

const AT: StepContext = StepContext {
    step: 0,
    total_steps: 1,
    micro_batch: 0,
};

/// Every device of the build but those of other machines, `flex` first.
fn devices() -> Vec<(DeviceKind, Device)> {
    assert!(DeviceKind::Flex.is_enabled(), "all is compared with flex");
    let kinds = DeviceKind::ALL.into_iter();
    let local = kinds.filter(|kind| kind.is_enabled() && *kind != DeviceKind::Remote);
    local
        .map(|kind| (kind, DeviceName::Local(kind, None).open().unwrap()))
        .collect()
}

/// Values that a device computed, by name.
type Numbers = Vec<(String, TensorData)>;

/// The tensors of a module, by name.
fn tensors<M: Module>(of: &str, module: &M) -> Numbers {
    let dict = StateDict::of(module);
    dict.iter()
        .map(|(name, data)| (format!("{of} {name}"), data.clone()))
        .collect()
}

/// The largest difference relative to the largest expected value; infinite for what is not a number.
fn deviation(got: &TensorData, expected: &TensorData) -> f64 {
    assert_eq!(got.shape(), expected.shape());
    let pairs = got.iter::<f64>().zip(expected.iter::<f64>());
    let differences = pairs.map(|(got, expected)| (got - expected).abs());
    let largest = differences.fold(
        0.0,
        |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) },
    );
    let scale = expected.iter::<f64>().fold(0.0, |a: f64, b| a.max(b.abs()));
    if largest == 0.0 { 0.0 } else { largest / scale }
}

/// Asserts that no deviation is beyond the tolerance, and says which is the largest.
#[track_caller]
fn check_close(device: DeviceKind, got: &Numbers, expected: &Numbers, tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    let mut worst = (0.0, "all");
    let mut beyond = String::new();
    for ((name, got), (_, expected)) in got.iter().zip(expected) {
        let deviation = deviation(got, expected);
        if deviation > worst.0 {
            worst = (deviation, name);
        }
        if deviation > tolerance {
            writeln!(beyond, "{name}: {deviation:.1e}").unwrap();
        }
    }
    let device = device.name();
    println!(
        "{device}: {} tensors, largest deviation {:.1e}: {}",
        got.len(),
        worst.0,
        worst.1
    );
    assert!(
        beyond.is_empty(),
        "{device} is beyond {tolerance:.0e} of flex in\n{beyond}"
    );
}

/// Numbers in `[-1, 1)` that depend on the name alone.
fn addressed_tensor<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = addressed::uniform(name, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The module with weights and statistics that depend on their names alone.
fn with_addressed_weights<M: Module>(module: M) -> M {
    let mut dict = StateDict::default();
    for (name, data) in StateDict::of(&module).iter() {
        let values = addressed::weight(name, data.shape().as_slice());
        dict.insert(name, TensorData::new(values, data.shape().clone()));
    }
    let (module, _) = tinderbox::nn::load_state_dict(module, &dict, false).unwrap();
    module
}

/// Puts gradients in the place of the weights they belong to, which gives them names.
struct InPlaceOfWeights<'a>(&'a GradientsParams);

impl ModuleMapper for InPlaceOfWeights<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.0.get::<D>(param.id) {
            Some(gradient) => Param::initialized(param.id, gradient),
            None => param,
        }
    }
}

/// Copies gradients to a device.
struct CopyTo<'a> {
    device: &'a Device,
    from: &'a GradientsParams,
    to: GradientsParams,
}

impl ModuleVisitor for CopyTo<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.from.get::<D>(param.id) {
            self.to.register(param.id, gradient.to_device(self.device));
        }
    }
}

/// The optimisers that a recipe can name.
fn optimisers() -> [(&'static str, ModuleOptimizer); 3] {
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    let sgd = SgdConfig::new()
        .with_momentum(Some(momentum))
        .with_weight_decay(Some(WeightDecayConfig::new(1e-2)));
    let lars = LarsConfig {
        momentum: 0.9,
        weight_decay: 1e-2,
        trust: 1e-3,
    };
    [
        ("sgd", sgd.init()),
        ("adamw", AdamWConfig::new().with_epsilon(1e-8).init()),
        ("lars", lars.init().into()),
    ]
}

/// One step of training: the loss, its figures, gradients and statistics.
fn loss_and_gradients<O: Objective>(objective: &O, batch: O::Batch) -> (Numbers, GradientsParams) {
    let output = objective.step(batch, AT);
    let mut numbers = vec![("loss".to_string(), output.loss.to_data())];
    let metrics = output.metrics.into_iter();
    numbers.extend(metrics.map(|(name, value)| (name.to_string(), value.into_data())));
    let gradients = GradientsParams::from_grads(output.loss.backward(), objective);
    let in_place = objective.clone().map(&mut InPlaceOfWeights(&gradients));
    numbers.extend(tensors("gradient or statistic", &in_place));
    (numbers, gradients)
}

/// [`loss_and_gradients`], then features in evaluation.
fn step<O>(objective: &O, batch: O::Batch, images: Tensor<4>) -> (Numbers, GradientsParams)
where
    O: Objective<Encoder = AnyImageEncoder>,
{
    let (mut numbers, gradients) = loss_and_gradients(objective, batch);
    let features = objective.valid().encoder().forward(images);
    numbers.push(("features".to_string(), features.into_data()));
    (numbers, gradients)
}

/// Two updates by each optimiser with the gradients that `flex` computed.
///
/// AdamW divides a gradient by its own size, so on a device's own gradients the rounding of one near
/// zero would decide where a weight goes, and it would not be the optimiser that is compared.
fn updates<O: Module>(objective: &O, gradients: &GradientsParams, device: &Device) -> Numbers {
    let mut numbers = Numbers::new();
    for (name, mut optimiser) in optimisers() {
        let mut updated = objective.clone();
        for _ in 0..2 {
            let mut copy = CopyTo {
                device,
                from: gradients,
                to: GradientsParams::new(),
            };
            updated.visit(&mut copy);
            updated = optimiser.step(0.1, updated, copy.to);
        }
        numbers.extend(tensors(name, &updated));
    }
    numbers
}

/// Compares an objective on every device with `flex`.
#[track_caller]
fn compare<O>(objective: O, batch: impl Fn(&Device) -> O::Batch, case: &Case)
where
    O: Objective<Encoder = AnyImageEncoder>,
{
    let start = with_addressed_weights(objective);
    let run = |device: &Device| {
        let training = device.clone().autodiff();
        let objective = start.clone().fork(&training);
        let images = addressed_tensor("images", case.images, device);
        step(&objective, batch(&training), images)
    };
    let update = |gradients: &GradientsParams, device: &Device| {
        let objective = start.clone().fork(&device.clone().autodiff());
        updates(&objective, gradients, device)
    };
    let devices = devices();
    let (_, flex) = &devices[0];
    let (expected, gradients) = run(flex);
    let expected_updates = update(&gradients, flex);
    for (kind, device) in &devices {
        let (step, updates) = match kind {
            // The same sums on the same device: the same bits.
            DeviceKind::Flex => (0.0, 0.0),
            _ => (COMPOSITE, SIMPLE),
        };
        check_close(*kind, &run(device).0, &expected, step);
        let got = update(&gradients, device);
        check_close(*kind, &got, &expected_updates, updates);
    }
}

/// A device adds in another order and fuses other operations than `flex`. Relative to the largest value
/// of a tensor that makes a few `1e-7` for one operation, so `1e-5` for what an optimiser does to a weight.
const SIMPLE: f64 = 1e-5;

/// Forward and backward through many operations: `1e-4`. The largest deviation seen is 2.6e-5, in the
/// gradients of ResNet-18, on whose way are twenty normalisations over few values.
const COMPOSITE: f64 = 1e-4;

/// Transformers: `1e-3`. The largest deviation seen is 7.4e-4, in the gradients at and behind a GELU, where `flex` is within
/// 1e-5 of PyTorch; the error function of `wgpu` is suspected.
const TRANSFORMER: f64 = 1e-3;

struct Case {
    encoder: ImageEncoderConfig,
    images: [usize; 4],
}

fn reference_cnn() -> Case {
    Case {
        encoder: ImageEncoderConfig::ReferenceCnn {
            filters: 8,
            stages: 1,
            hidden: 32,
            // Devices draw different numbers from one seed.
            dropout: 0.0,
        },
        images: [8, 1, 8, 8],
    }
}

fn resnet18() -> Case {
    Case {
        encoder: ImageEncoderConfig::Resnet18 {
            stem: Stem::Cifar,
            width: 8,
        },
        images: [8, 3, 8, 8],
    }
}

#[derive(Clone, Copy)]
enum Task {
    SimClr,
    Supervised,
}

#[track_caller]
fn check(task: Task, case: &Case) {
    let device = devices()[0].1.clone().autodiff();
    let [batch, channels, size, _] = case.images;
    let encoder = case.encoder.init(channels, size, &device).unwrap();
    match task {
        Task::SimClr => {
            let config = SimClrConfig {
                projection_dim: 16,
                ..SimClrConfig::new(32)
            };
            let views = |device: &Device| ViewBatch {
                views: vec![
                    addressed_tensor("images", case.images, device),
                    addressed_tensor("images", case.images, device)
                        + addressed_tensor("noise", case.images, device) * 0.3,
                ],
            };
            compare(config.init(encoder, &device).unwrap(), views, case);
        }
        Task::Supervised => {
            let config = SupervisedConfig {
                label_smoothing: 0.1,
                ..SupervisedConfig::new(4)
            };
            let labelled = |device: &Device| {
                let targets: Vec<i32> = (0..batch as i32).map(|i| i % 4).collect();
                LabelledBatch {
                    inputs: addressed_tensor("images", case.images, device),
                    targets: Tensor::<1, Int>::from_data(targets.as_slice(), device),
                }
            };
            compare(config.init(encoder, &device).unwrap(), labelled, case);
        }
    }
}

#[test]
fn device_suite_simclr_on_the_reference_cnn() {
    check(Task::SimClr, &reference_cnn());
}

#[test]
fn device_suite_simclr_on_resnet18() {
    check(Task::SimClr, &resnet18());
}

#[test]
fn device_suite_supervised_on_the_reference_cnn() {
    check(Task::Supervised, &reference_cnn());
}

#[test]
fn device_suite_supervised_on_resnet18() {
    check(Task::Supervised, &resnet18());
}

/// Compares the loss and the gradients of an objective on every device with `flex`.
#[track_caller]
fn compare_losses<O: Objective>(objective: O, batch: impl Fn(&Device) -> O::Batch) {
    let start = with_addressed_weights(objective);
    let run = |device: &Device| {
        let training = device.clone().autodiff();
        let mut numbers = loss_and_gradients(&start.clone().fork(&training), batch(&training)).0;
        // A softmax does not see what all keys share, so this gradient is 0 and what is found is rounding.
        numbers.retain(|(name, _)| !name.ends_with("key.bias"));
        numbers
    };
    let devices = devices();
    let expected = run(&devices[0].1);
    for (kind, device) in &devices {
        let tolerance = match kind {
            DeviceKind::Flex => 0.0,
            _ => TRANSFORMER,
        };
        check_close(*kind, &run(device), &expected, tolerance);
    }
}

/// A small BERT for a vocabulary of 30.
fn small_bert(norm: NormOrder, position_kind: PositionKind, device: &Device) -> Bert {
    let config = BertConfig {
        width: 16,
        depth: 1,
        heads: 2,
        ffn: 24,
        positions: 8,
        // Devices draw different numbers from one seed.
        dropout: 0.0,
        attention_dropout: 0.0,
        norm,
        position_kind,
        ..BertConfig::tiny()
    };
    config.init(30, device).unwrap()
}

fn ints<const N: usize>(values: [i32; N], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(values, device)
}

/// Two sequences of seven words, with padding at the end of the second.
fn masked_words(device: &Device) -> MaskedBatch {
    let tokens = Tensor::<1, Int>::arange(0..14, device).reshape([2, 7]);
    MaskedBatch {
        segments: tokens.clone().remainder_scalar(2),
        padding: tokens.clone().greater_equal_elem(12),
        tokens,
        positions: ints([1, 4, 7, 11], device),
        targets: ints([3, 29, 0, 7], device),
    }
}

#[test]
fn device_suite_masked_words() {
    let device = Device::flex().autodiff();
    let encoder = small_bert(NormOrder::Post, PositionKind::Learned, &device);
    let objective = MaskedLmConfig::default().init(encoder, &device);
    compare_losses(objective, masked_words);
}

#[test]
fn device_suite_masked_words_and_sentence_pairs() {
    let device = Device::flex().autodiff();
    for (norm, position_kind) in [
        (NormOrder::Post, PositionKind::Learned),
        (NormOrder::Post, PositionKind::Sinusoidal),
        (NormOrder::Pre, PositionKind::Rotary),
    ] {
        let encoder = small_bert(norm, position_kind, &device);
        let objective = BertPretrainingConfig::default().init(encoder, &device);
        compare_losses(objective, |device| MaskedPairBatch {
            masked: masked_words(device),
            relations: ints([1, 0], device),
        });
    }
}

#[test]
fn device_suite_sentence_contrast() {
    let device = Device::flex().autodiff();
    let encoder = small_bert(NormOrder::Post, PositionKind::Learned, &device);
    let config = SimCseConfig {
        temperature: 0.5,
        ..SimCseConfig::default()
    };
    let objective = config.init(encoder, &device).unwrap();
    compare_losses(objective, |device| {
        let anchors = masked_words(device).input();
        let mut candidates = anchors.clone();
        candidates.tokens = candidates.tokens + 9;
        ViewBatch {
            views: vec![anchors, candidates],
        }
    });
}

#[test]
fn device_suite_masked_patches() {
    let device = Device::flex().autodiff();
    let vit = VitConfig {
        width: 16,
        depth: 1,
        heads: 2,
        ..VitConfig::tiny(8, 2)
    };
    let config = MaeConfig {
        mask_ratio: 0.75,
        normalise_pixels: true,
        decoder_width: 12,
        decoder_depth: 1,
        decoder_heads: 3,
        seed: 0,
    };
    let objective = config.init(vit.init(&device).unwrap(), &device).unwrap();
    compare_losses(objective, |device| ImageBatch {
        images: addressed_tensor("images", [3, 3, 8, 8], device),
    });
}

/// A driver that is missing or that computes wrong products is named here, before an encoder is.
///
/// Where `wgpu` finds no Vulkan it takes OpenGL, so continuous integration says in `TINDERBOX_ADAPTER` what
/// the name of a GPU must contain. `xtask/src/ci.rs` says why the feature is `wgpu` and not `vulkan`.
#[test]
fn device_suite_every_backend_multiplies_matrices() {
    for (kind, device) in devices() {
        let name = kind.name();
        let found = enumerate(kind).len();
        assert!(found > 0, "{name} is built in, and this machine has none");
        let adapter = adapter(&device);
        println!("{name}: {found} found, {adapter}");
        if let (Ok(expected), true) = (std::env::var("TINDERBOX_ADAPTER"), is_gpu(kind)) {
            assert!(
                adapter.contains(&expected),
                "{name} runs on {adapter}, not on {expected}"
            );
        }
        for [rows, inner, columns] in [[1, 1, 1], [4, 4, 4], [17, 5, 9], [8, 72, 32]] {
            let a = addressed_tensor("a", [rows, inner], &device);
            let b = addressed_tensor("b", [inner, columns], &device);
            let (left, right) = (host(&a), host(&b));
            let product = (0..rows * columns).map(|at| {
                let (row, column) = (at / columns, at % columns);
                let terms = (0..inner).map(|k| left[row * inner + k] * right[k * columns + column]);
                terms.sum::<f64>()
            });
            let expected = TensorData::new(product.collect(), [rows, columns]);
            let deviation = deviation(&a.matmul(b).into_data(), &expected);
            assert!(
                deviation <= SIMPLE,
                "{name}: the product [{rows}, {inner}] x [{inner}, {columns}] is off by {deviation:.1e}"
            );
        }
    }
}

fn is_gpu(kind: DeviceKind) -> bool {
    !matches!(kind, DeviceKind::Flex | DeviceKind::NdArray)
}

/// What a GPU's driver calls it.
fn adapter(device: &Device) -> String {
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

fn host(tensor: &Tensor<2>) -> Vec<f64> {
    tensor.to_data().iter().collect()
}

/// The program trains on every device, and its encoder has the same features on `flex`.
#[test]
fn device_suite_the_program_pretrains() {
    for (kind, _) in devices() {
        let device = kind.name();
        let folder = crate::folder_project(2, 12);
        let at = folder.path();
        let words = ["pretrain", "mine.toml", "--device", device];
        let short = ["--set", "train.steps=3", "--set", "eval.every=3"];
        crate::expect(at, &[&words[..], &short].concat(), 0);
        let run = at.join("runs/mine");
        let environment = std::fs::read(run.join("env.json")).unwrap();
        let environment: serde_json::Value = serde_json::from_slice(&environment).unwrap();
        assert_eq!(environment["device"], device);
        let metrics = read_metrics(&run.join("metrics.jsonl")).unwrap();
        let losses = metrics
            .iter()
            .filter(|m| m.phase == "train" && m.name == "loss");
        assert_eq!(losses.filter_map(|loss| loss.value).count(), 3);

        let [got, expected] = [device, "flex"].map(|device| {
            let out = format!("{device}.npy");
            let words = ["embed", "runs/mine", "--device", device, "--out", &out];
            crate::expect(at, &[&words[..], &["--overwrite"]].concat(), 0);
            // 24 images of 16 features after a header of 128 bytes.
            let npy = std::fs::read(at.join(out)).unwrap();
            let numbers = npy[128..]
                .chunks_exact(4)
                .map(|bytes| bytes.try_into().unwrap());
            let numbers = numbers.map(f32::from_le_bytes).collect();
            vec![("features".to_string(), TensorData::new(numbers, [24, 16]))]
        });
        check_close(kind, &got, &expected, SIMPLE);
    }
}
