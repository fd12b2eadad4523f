//! Recurrent networks: LSTM, GRU and plain cells, stacked, in one direction or both.
//!
//! Shape letters: `B` batch, `T` steps, `I` inputs, `H` units, `D` directions, 1 or 2.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Bool, Device, Tensor};
use serde::{Deserialize, Serialize};
use tinderbox_kernels::Activation;

use crate::error::{NnConfigError, at_least_one, probability};
use crate::layers::apply;

/// What a recurrent layer computes at each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
    #[default]
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014), with the reset gate on the product, as PyTorch and cuDNN have it.
    Gru,
    /// `h' = tanh(W x + U h)` without a gate (Elman 1990, "Finding Structure in Time"): the cell whose gradient vanishes.
    #[serde(rename = "rnn")]
    Tanh,
}

impl Cell {
    /// Blocks of `H` rows in its weights: input, forget, candidate, output; or reset, update, candidate; or the state alone.
    fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Tanh => 1,
        }
    }
}

/// Configuration of [`Recurrent`].
#[derive(Debug, Clone, PartialEq)]
pub struct RecurrentConfig {
    /// Size `I` of a step's input.
    pub inputs: usize,
    /// Units `H` of a layer in one direction.
    pub hidden: usize,
    /// Layers, each on the outputs of the one before.
    pub layers: usize,
    /// Whether each layer also goes from the last step to the first; its outputs are then `2 H` wide.
    pub bidirectional: bool,
    /// The cell.
    pub cell: Cell,
    /// Probability that training drops an output of a layer that another follows.
    pub dropout: f64,
}

impl RecurrentConfig {
    /// One LSTM layer in one direction, without dropout.
    pub fn new(inputs: usize, hidden: usize) -> Self {
        Self {
            inputs,
            hidden,
            layers: 1,
            bidirectional: false,
            cell: Cell::Lstm,
            dropout: 0.0,
        }
    }

    /// Width of an output, `D H`.
    pub fn width(&self) -> usize {
        self.hidden * (1 + usize::from(self.bidirectional))
    }

    /// A network with PyTorch's initialisation, `U(-1/sqrt(H), 1/sqrt(H))` for every weight and bias.
    ///
    /// # Errors
    /// [`NnConfigError`] for a size of 0 or a dropout outside `0..1`.
    pub fn init(&self, device: &Device) -> Result<Recurrent, NnConfigError> {
        at_least_one("inputs", self.inputs)?;
        at_least_one("hidden", self.hidden)?;
        at_least_one("layers", self.layers)?;
        probability(self.dropout)?;
        let bound = 1.0 / (self.hidden as f64).sqrt();
        let initializer = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        let dense = |inputs| {
            LinearConfig::new(inputs, self.cell.gates() * self.hidden)
                .with_initializer(initializer.clone())
                .init(device)
        };
        let layer = |index: usize| RecurrentLayer {
            directions: (0..1 + usize::from(self.bidirectional))
                .map(|_| Direction {
                    input: dense(if index == 0 {
                        self.inputs
                    } else {
                        self.width()
                    }),
                    state: dense(self.hidden),
                })
                .collect(),
        };
        Ok(Recurrent {
            layers: (0..self.layers).map(layer).collect(),
            dropout: DropoutConfig { prob: self.dropout }.init(),
        })
    }
}

/// Recurrent layers, one upon another, with the outputs of PyTorch's `nn.LSTM`, `nn.GRU` and `nn.RNN` for the same
/// weights.
///
/// PyTorch's `weight_ih_l{k}` and `bias_ih_l{k}` are `layers.{k}.directions.0.input`, its `weight_hh_l{k}` and `bias_hh_l{k}`
/// `.state`; those with the ending `_reverse` are in `directions.1`.
#[derive(Module, Debug)]
pub struct Recurrent {
    /// The layers, the first reads the input.
    pub layers: Vec<RecurrentLayer>,
    /// Between two layers.
    pub dropout: Dropout,
}

/// A layer in one direction, or in both.
#[derive(Module, Debug)]
pub struct RecurrentLayer {
    /// From the first step to the last; then, if there is another, from the last to the first.
    pub directions: Vec<Direction>,
}

/// The weights of a layer in one direction.
#[derive(Module, Debug)]
pub struct Direction {
    /// From the step's input to the gates, PyTorch's `weight_ih` and `bias_ih`.
    pub input: Linear,
    /// From the state before to the gates, PyTorch's `weight_hh` and `bias_hh`.
    pub state: Linear,
}

/// What [`Recurrent`] gives.
#[derive(Debug, Clone)]
pub struct RecurrentOutput {
    /// The last layer's state at every step, `[B, T, D H]`; zeros at padding.
    pub steps: Tensor<3>,
    /// The last layer's state at the end of each direction, `[B, D H]`: after the last step that is no padding, and, going
    /// back, after the first.
    pub last: Tensor<2>,
    /// The states at the end, where [`Recurrent::forward_from`] goes on: of every layer, and within it of every direction.
    pub states: Vec<RecurrentState>,
}

/// The state of a layer in one direction between two steps.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// What the layer gives, `[B, H]`.
    pub h: Tensor<2>,
    /// The memory of an LSTM, `[B, H]`; other cells leave it as it is.
    pub c: Tensor<2>,
}

impl Recurrent {
    /// States of a batch of sequences. A step of padding leaves the state as it is, wherever it stands.
    ///
    /// # Shapes
    /// - `input`: `[B, T, I]`
    /// - `padding`: `[B, T]`, true where a step is padding; none is without it
    ///
    /// # Panics
    /// If the shapes do not fit or there are no steps.
    pub fn forward(&self, input: Tensor<3>, padding: Option<Tensor<2, Bool>>) -> RecurrentOutput {
        self.run(input, padding.as_ref(), None, None)
    }

    /// [`forward`](Self::forward) from given states instead of zeros.
    ///
    /// # Shapes
    /// - `states`: one for every layer, and within it for every direction, as in [`RecurrentOutput::states`]
    ///
    /// # Panics
    /// As [`forward`](Self::forward), or if there are not as many states.
    pub fn forward_from(
        &self,
        input: Tensor<3>,
        padding: Option<Tensor<2, Bool>>,
        states: &[RecurrentState],
    ) -> RecurrentOutput {
        let expected = self.layers.len() * self.layers[0].directions.len();
        assert_eq!(
            states.len(),
            expected,
            "recurrent network: states to go on from"
        );
        self.run(input, padding.as_ref(), Some(states), None)
    }

    /// The norm of a loss's gradient with respect to the last layer's state at each step, over the batch and all directions.
    ///
    /// Where the loss is of the last state, norms that fall towards the first step are the vanishing gradient (Hochreiter 1991;
    /// Bengio, Simard and Frasconi 1994), and norms that rise are the exploding one.
    ///
    /// # Shapes
    /// As [`forward`](Self::forward); `loss` gives `[1]`, and the result has `T` norms.
    ///
    /// # Panics
    /// As [`forward`](Self::forward), or if the network is on a device without gradients.
    pub fn gradient_by_step(
        &self,
        input: Tensor<3>,
        padding: Option<Tensor<2, Bool>>,
        loss: impl FnOnce(RecurrentOutput) -> Tensor<1>,
    ) -> Vec<f64> {
        let [batch, steps, _] = input.dims();
        let last = self.layers.last().expect("at least one layer");
        let hidden = last.directions[0].state.weight.dims()[0];
        // What is added to a state has the state's gradient.
        let nudges: Vec<Tensor<3>> = last
            .directions
            .iter()
            .map(|_| Tensor::zeros([batch, steps, hidden], &input.device()).require_grad())
            .collect();
        let gradients = loss(self.run(input, padding.as_ref(), None, Some(&nudges))).backward();
        let mut squares = vec![0.0; steps];
        for nudge in nudges {
            let gradient = nudge.grad(&gradients).expect("the loss is of the states");
            let by_step = gradient.square().sum_dim(2).sum_dim(0).into_data();
            let by_step = by_step.convert::<f64>();
            let by_step = by_step.as_slice::<f64>().expect("converted to this type");
            squares
                .iter_mut()
                .zip(by_step)
                .for_each(|(sum, square)| *sum += square);
        }
        squares.into_iter().map(f64::sqrt).collect()
    }

    /// `nudges`, a `[B, T, H]` tensor a direction, are added to the last layer's states.
    fn run(
        &self,
        input: Tensor<3>,
        padding: Option<&Tensor<2, Bool>>,
        initial: Option<&[RecurrentState]>,
        nudges: Option<&[Tensor<3>]>,
    ) -> RecurrentOutput {
        let final_layer = self.layers.len() - 1;
        let (mut x, mut states) = (input, Vec::new());
        for (index, layer) in self.layers.iter().enumerate() {
            let directions = layer.directions.len();
            let initial = initial.map(|states| &states[index * directions..][..directions]);
            if index == final_layer {
                let output = layer.forward(x, padding, initial, nudges);
                states.extend(output.states);
                return RecurrentOutput { states, ..output };
            }
            let output = layer.forward(x, padding, initial, None);
            states.extend(output.states);
            x = self.dropout.forward(output.steps);
        }
        unreachable!("a recurrent network has at least one layer")
    }
}

impl RecurrentLayer {
    fn forward(
        &self,
        input: Tensor<3>,
        padding: Option<&Tensor<2, Bool>>,
        initial: Option<&[RecurrentState]>,
        nudges: Option<&[Tensor<3>]>,
    ) -> RecurrentOutput {
        let (mut steps, mut states) = (Vec::new(), Vec::new());
        for (index, direction) in self.directions.iter().enumerate() {
            let initial = initial.map(|states| &states[index]);
            let nudge = nudges.map(|nudges| &nudges[index]);
            let reverse = index == 1;
            let (outputs, state) = direction.forward(&input, padding, initial, nudge, reverse);
            steps.push(outputs);
            states.push(state);
        }
        let last = states.iter().map(|state| state.h.clone()).collect();
        RecurrentOutput {
            steps: join(steps, 2),
            last: join(last, 1),
            states,
        }
    }
}

/// The tensors side by side on this axis.
fn join<const D: usize>(mut tensors: Vec<Tensor<D>>, axis: usize) -> Tensor<D> {
    match tensors.len() {
        1 => tensors.remove(0),
        _ => Tensor::cat(tensors, axis),
    }
}

impl Direction {
    fn forward(
        &self,
        input: &Tensor<3>,
        padding: Option<&Tensor<2, Bool>>,
        initial: Option<&RecurrentState>,
        nudge: Option<&Tensor<3>>,
        reverse: bool,
    ) -> (Tensor<3>, RecurrentState) {
        let [batch, steps, _] = input.dims();
        assert!(steps > 0, "a recurrent network needs at least one step");
        let hidden = self.state.weight.dims()[0];
        // One product for all steps.
        let gates = apply(&self.input, input.clone(), Activation::Identity);
        let width = gates.dims()[2];
        let zeros = Tensor::<2>::zeros([batch, hidden], &gates.device());
        let (mut h, mut c) = match initial {
            None => (zeros.clone(), zeros.clone()),
            Some(state) => (state.h.clone(), state.c.clone()),
        };
        let mut outputs = Vec::with_capacity(steps);
        for step in 0..steps {
            let step = if reverse { steps - 1 - step } else { step };
            let given = gates.clone().narrow(1, step, 1).reshape([batch, width]);
            let recurrent = apply(&self.state, h.clone(), Activation::Identity);
            // The number of gates tells the cell.
            let (next_h, next_c) = match width / hidden {
                4 => lstm(given + recurrent, c.clone()),
                3 => (gru(given, recurrent, h.clone()), c.clone()),
                _ => (tanh(given + recurrent), c.clone()),
            };
            let next_h = match nudge {
                None => next_h,
                Some(nudge) => next_h + nudge.clone().narrow(1, step, 1).reshape([batch, hidden]),
            };
            let (next_h, next_c, output) = match padding {
                None => (next_h.clone(), next_c, next_h),
                Some(padding) => {
                    let pad = padding.clone().narrow(1, step, 1).expand([batch, hidden]);
                    let kept = next_h.clone().mask_where(pad.clone(), h);
                    let output = next_h.mask_where(pad.clone(), zeros.clone());
                    (kept, next_c.mask_where(pad, c), output)
                }
            };
            (h, c) = (next_h, next_c);
            outputs.push(output);
        }
        if reverse {
            outputs.reverse();
        }
        (Tensor::stack(outputs, 1), RecurrentState { h, c })
    }
}

/// State and memory after a step: `c' = f c + i g`, `h' = o tanh(c')`.
fn lstm(gates: Tensor<2>, c: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [i, f, g, o] = parts(gates);
    let c = sigmoid(f) * c + sigmoid(i) * tanh(g);
    (sigmoid(o) * tanh(c.clone()), c)
}

/// State after a step: `n = tanh(W x + r (U h))`, `h' = (1 - z) n + z h`.
fn gru(given: Tensor<2>, recurrent: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
    let [given_r, given_z, given_n] = parts(given);
    let [recurrent_r, recurrent_z, recurrent_n] = parts(recurrent);
    let r = sigmoid(given_r + recurrent_r);
    let z = sigmoid(given_z + recurrent_z);
    let n = tanh(given_n + r * recurrent_n);
    n.clone() + z * (h - n)
}

fn parts<const N: usize>(gates: Tensor<2>) -> [Tensor<2>; N] {
    let parts = gates.chunk(N, 1).try_into();
    parts.unwrap_or_else(|_| panic!("the gates have {N} parts"))
}
