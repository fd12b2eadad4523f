//! A training loop of one's own: `nt_xent` with a network, an optimiser and data that are not ours.
//!
//! Two views of a tone differ in phase and noise, so the network has to learn its pitch. Nothing but
//! `burn` and `tinderbox-objectives` is used.
//!
//! `cargo run --release --example own_loop`

use std::f64::consts::TAU;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, conv};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use tinderbox_objectives::{contrast_accuracy, nt_xent};

const TONES: usize = 64;
const SAMPLES: usize = 64;

/// A convolution over time, its mean, and a dense layer.
#[derive(Module, Debug)]
struct ToneEncoder {
    conv: conv::Conv1d,
    embed: Linear,
}

impl ToneEncoder {
    /// `[tones, SAMPLES]` to `[tones, 16]`.
    fn forward(&self, tones: Tensor<2>) -> Tensor<2> {
        let maps = relu(self.conv.forward(tones.unsqueeze_dim(1)));
        self.embed.forward(maps.mean_dim(2).squeeze_dim(2))
    }
}

/// Tones `[tones, SAMPLES]` of the pitches `[tones, 1]`, each with a random phase and noise.
fn view(pitch: &Tensor<2>) -> Tensor<2> {
    let (device, [tones, _]) = (pitch.device(), pitch.dims());
    let time = Tensor::<1, Int>::arange(0..SAMPLES as i64, &device).float() / SAMPLES as f64;
    let phase = Tensor::random([tones, 1], Distribution::Uniform(0.0, TAU), &device);
    let noise = Tensor::random([tones, SAMPLES], Distribution::Normal(0.0, 0.1), &device);
    (pitch.clone() * time.reshape([1, SAMPLES]) * TAU + phase).sin() + noise
}

fn main() {
    let device = Device::flex().autodiff();
    device.seed(0);
    let pitches = || Tensor::random([TONES, 1], Distribution::Uniform(1.0, 20.0), &device);
    let mut encoder = ToneEncoder {
        conv: conv::Conv1dConfig::new(1, 32, 15).init(&device),
        embed: LinearConfig::new(32, 16).init(&device),
    };
    let mut optimiser = AdamConfig::new().init();
    let unseen = pitches();
    let unseen = [view(&unseen), view(&unseen)];
    let measure = |encoder: &ToneEncoder| {
        let [a, b] = unseen.clone().map(|view| encoder.forward(view));
        let found = contrast_accuracy(a.clone(), b.clone());
        [nt_xent(a, b, 0.2), found].map(Tensor::into_scalar::<f32>)
    };

    let [before, _] = measure(&encoder);
    for step in 0..=300 {
        let pitch = pitches();
        let [a, b] = [view(&pitch), view(&pitch)].map(|view| encoder.forward(view));
        let loss = nt_xent(a, b, 0.2);
        if step % 50 == 0 {
            let value = loss.clone().into_scalar::<f32>();
            println!("step {step:3}: loss {value:.3}");
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &encoder);
        encoder = optimiser.step(3e-3, encoder, gradients);
    }
    let [after, found] = measure(&encoder);
    let chance = 1.0 / (2 * TONES - 1) as f32;
    println!("{TONES} unseen tones: loss {before:.3} before, {after:.3} after");
    println!("share that finds its other view: {found:.3}, by chance {chance:.3}");
    assert!(after < before, "the loss on unseen tones did not fall");
}
