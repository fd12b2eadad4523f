//! Teachers and buffers: state that follows the weights and is none.

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use tinderbox_nn::{
    BatchNorm, BatchNormConfig, Buffer, Encoder, FollowBuffers, StateDict, Teacher, TeacherMode,
};

#[derive(Module, Debug)]
struct Net {
    linear: Linear,
    norm: BatchNorm,
}

impl Encoder for Net {
    type Input = Tensor<2>;

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.norm.forward(self.linear.forward(input))
    }

    fn feature_dim(&self) -> usize {
        2
    }
}

#[derive(Module, Debug)]
struct Pair {
    online: Net,
    teacher: Teacher<Net>,
    queue: Buffer<2>,
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn net(device: &Device) -> Net {
    Net {
        linear: LinearConfig::new(2, 2).init(device),
        norm: BatchNormConfig::new(2).init(device),
    }
}

fn pair(device: &Device) -> Pair {
    let online = net(device);
    Pair {
        teacher: Teacher::of(&online),
        online,
        queue: Buffer::new(Tensor::ones([3, 2], device)),
    }
}

fn batch(device: &Device) -> Tensor<2> {
    Tensor::from_data([[1.0, 2.0], [3.0, -4.0], [0.5, 0.0]], device)
}

/// A step away from where the network is: all weights plus one, and running statistics of a batch.
fn moved(net: Net, device: &Device) -> Net {
    struct PlusOne;
    impl burn::module::ModuleMapper for PlusOne {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match param.is_require_grad() {
                true => param.map(|value| (value.inner() + 1.0).autodiff().require_grad()),
                false => param,
            }
        }
    }
    let net = net.map(&mut PlusOne);
    net.forward(batch(device));
    net
}

fn values<M: Module>(module: &M, name: &str) -> Vec<f32> {
    let dict = StateDict::of(module);
    dict.get(name).expect(name).iter::<f32>().collect()
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        // 1e-6: a product and a sum in single precision.
        assert!((a - b).abs() < 1e-6, "{found:?} for {expected:?}");
    }
}

/// Paths and ids of the floats that ask for a gradient, and of all.
#[derive(Default)]
struct Floats {
    path: Vec<String>,
    tracked: Vec<String>,
    ids: Vec<burn::module::ParamId>,
}

impl ModuleVisitor for Floats {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_string());
    }
    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.ids.push(param.id);
        if param.is_require_grad() {
            self.tracked.push(self.path.join("."));
        }
    }
}

fn floats<M: Module>(module: &M) -> Floats {
    let mut floats = Floats::default();
    module.visit(&mut floats);
    floats
}

#[test]
fn a_teacher_starts_equal_with_ids_of_its_own() {
    let device = device();
    let pair = pair(&device);
    let names: Vec<String> = StateDict::of(&pair.online)
        .names()
        .map(String::from)
        .collect();
    assert_eq!(names.len(), 6);
    for name in names {
        let own = values(&pair, &format!("teacher.network.{name}"));
        assert_eq!(own, values(&pair, &format!("online.{name}")), "{name}");
    }
    let mut ids = floats(&pair).ids;
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), all), (13, 13));
}

#[test]
fn weights_follow_by_momentum() {
    let device = device();
    let online = net(&device);
    let teacher = Teacher::of(&online);
    let before = values(&teacher, "network.linear.weight");
    let online = moved(online, &device);
    let teacher = teacher.follow(&online, 0.9).follow(&online, 0.9);
    // 0.9 * (0.9 t + 0.1 (t + 1)) + 0.1 (t + 1) = t + 0.19
    let expected: Vec<f32> = before.iter().map(|value| value + 0.19).collect();
    close(&values(&teacher, "network.linear.weight"), &expected);
    close(&values(&teacher, "network.norm.weight"), &[1.19, 1.19]);
    let copied = teacher.clone().follow(&online, 0.0);
    assert_eq!(
        values(&copied, "network.linear.weight"),
        values(&online, "linear.weight")
    );
    let kept = teacher.clone().follow(&online, 1.0);
    assert_eq!(
        values(&kept, "network.linear.weight"),
        values(&teacher, "network.linear.weight")
    );
}

#[test]
fn running_statistics_follow_as_the_mode_says() {
    let device = device();
    let online = moved(net(&device), &device);
    let statistic = values(&online, "norm.running_mean");
    assert_ne!(statistic, [0.0, 0.0]);
    // The teacher is of the network before it saw a batch.
    let teacher = || Teacher::of(&net(&device));
    let mean = |teacher: Teacher<Net>| values(&teacher, "network.norm.running_mean");
    let own = teacher().follow(&online, 0.9);
    assert_eq!(mean(own), [0.0, 0.0]);
    let mode = |buffers| TeacherMode::Evaluation(buffers);
    let copied = teacher().with_mode(mode(FollowBuffers::Copied));
    assert_eq!(mean(copied.follow(&online, 0.9)), statistic);
    let averaged = teacher().with_mode(mode(FollowBuffers::Averaged));
    let tenth: Vec<f32> = statistic.iter().map(|value| 0.1 * value).collect();
    close(&mean(averaged.follow(&online, 0.9)), &tenth);
}

#[test]
fn the_mode_says_what_normalises_a_batch() {
    let device = device();
    let online = net(&device);
    let rows = |output: Tensor<2>| output.into_data().iter::<f32>().collect::<Vec<_>>();
    let teacher = Teacher::of(&online);
    let as_trained = rows(Net::forward(&net_of(&teacher), batch(&device)));
    close(&rows(teacher.forward(batch(&device))), &as_trained);
    // Its own batches move its statistics, and nobody else's.
    assert_ne!(values(&teacher, "network.norm.running_mean"), [0.0, 0.0]);
    assert_eq!(values(&online, "norm.running_mean"), [0.0, 0.0]);
    let teacher = Teacher::of(&online).with_mode(TeacherMode::Evaluation(FollowBuffers::Copied));
    let output = teacher.forward(batch(&device));
    assert!(output.is_autodiff() && !output.is_require_grad());
    let inferred = rows(online.valid().forward(batch(&device).inner()));
    close(&rows(output), &inferred);
    assert_ne!(inferred, as_trained);
    assert_eq!(values(&teacher, "network.norm.running_mean"), [0.0, 0.0]);
    // In inference there is but one mode.
    let output = teacher.valid().forward(batch(&device).inner());
    assert!(!output.is_autodiff());
    close(&rows(output), &inferred);
}

/// The teacher's network as an online one, so that it may be run beside it.
fn net_of(teacher: &Teacher<Net>) -> Net {
    teacher.network().clone()
}

#[test]
fn nothing_makes_it_ask_for_a_gradient() {
    let device = device();
    let pair = pair(&device);
    let weights = |names: &Floats| names.tracked.clone();
    let online = [
        "online.linear.weight",
        "online.linear.bias",
        "online.norm.weight",
        "online.norm.bias",
    ];
    assert_eq!(weights(&floats(&pair)), online);
    let unfrozen = pair.clone().freeze().unfreeze();
    assert_eq!(weights(&floats(&unfrozen)), online);
    let back = pair.valid().train();
    assert_eq!(weights(&floats(&back)), online);
    let record = pair.valid().into_record();
    let loaded = back.load_record(record);
    assert_eq!(weights(&floats(&loaded)), online);
    // A loss through both has the online network's gradient alone.
    let both = loaded.online.forward(batch(&device)) - loaded.teacher.forward(batch(&device));
    let grads = (both.square().mean() + loaded.queue.value().mean()).backward();
    assert!(loaded.online.linear.weight.val().grad(&grads).is_some());
    let network = loaded.teacher.network();
    assert!(network.linear.weight.val().grad(&grads).is_none());
}

#[test]
fn records_hold_teacher_and_buffer() {
    let device = device();
    let first = pair(&device);
    let queue = first.queue.clone().set(Tensor::ones([3, 2], &device) * 7.0);
    let first = Pair {
        teacher: first
            .teacher
            .follow(&moved(first.online.clone(), &device), 0.5),
        queue,
        online: first.online,
    };
    let bytes = first.valid().into_record().into_bytes().unwrap();
    let record = burn::store::ModuleRecord::from_bytes(bytes).unwrap();
    let second = pair(&device).load_record(record);
    assert_eq!(
        StateDict::of(&second).to_safetensors_bytes(),
        StateDict::of(&first.valid()).to_safetensors_bytes()
    );
    assert_eq!(values(&second, "queue.value"), [7.0; 6]);
    let mut ids = floats(&second).ids;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 13);
}

#[test]
#[should_panic(expected = "other tensors than its own")]
fn another_network_is_not_followed() {
    let device = device();
    let teacher = Teacher::of(&LinearConfig::new(2, 2).init(&device));
    teacher.follow(&LinearConfig::new(2, 3).init(&device), 0.5);
}

#[test]
#[should_panic(expected = "momentum is 1.5")]
fn a_momentum_above_one_is_refused() {
    let device = device();
    let online = net(&device);
    Teacher::of(&online).follow(&online, 1.5);
}
