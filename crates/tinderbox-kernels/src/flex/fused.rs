//! How an operation of ours gets to Burn's CPU backend, and its gradient into Burn's graph.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, DType, Dispatch, DispatchTensor, DispatchTensorKind, ExtensionType, Flex,
    backend_extension,
};
use burn::tensor::Tensor;

/// From the gradient of an operation's output to those of its inputs; told which are needed.
pub(crate) type Gradient = Box<dyn FnOnce(FlexTensor, &[bool]) -> Vec<Option<FlexTensor>> + Send>;

/// An operation on its inputs; told whether a gradient will be asked for. Gives its output and its gradient.
pub(crate) type Kernel = Box<dyn FnOnce(Vec<FlexTensor>, bool) -> (FlexTensor, Gradient)>;

/// The inputs of an operation.
#[derive(ExtensionType)]
pub enum Operands<B: Backend> {
    /// One.
    One(FloatTensor<B>),
    /// Two.
    Two(FloatTensor<B>, FloatTensor<B>),
    /// Three.
    Three(FloatTensor<B>, FloatTensor<B>, FloatTensor<B>),
    /// Four.
    Four(
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
        FloatTensor<B>,
    ),
}

/// Runs an operation of ours.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    /// Runs `kernel` on the operands.
    fn fused(#[extension_type] operands: Operands<Self>, kernel: Kernel) -> FloatTensor<Self>;
}

impl Fused for Flex {
    fn fused(operands: Operands<Self>, kernel: Kernel) -> FlexTensor {
        let inputs = match operands {
            Operands::One(a) => vec![a],
            Operands::Two(a, b) => vec![a, b],
            Operands::Three(a, b, c) => vec![a, b, c],
            Operands::Four(a, b, c, d) => vec![a, b, c, d],
        };
        kernel(inputs, false).0
    }
}

impl<C: CheckpointStrategy> Fused for Autodiff<Flex, C> {
    fn fused(operands: Operands<Self>, kernel: Kernel) -> FloatTensor<Self> {
        match operands {
            Operands::One(a) => tracked::<C, 1>([a], kernel),
            Operands::Two(a, b) => tracked::<C, 2>([a, b], kernel),
            Operands::Three(a, b, c) => tracked::<C, 3>([a, b, c], kernel),
            Operands::Four(a, b, c, d) => tracked::<C, 4>([a, b, c, d], kernel),
        }
    }
}

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

fn tracked<C: CheckpointStrategy, const N: usize>(
    inputs: [Tracked<C>; N],
    kernel: Kernel,
) -> Tracked<C> {
    let mut primitives = Vec::with_capacity(N);
    let nodes = inputs.map(|input| {
        let (primitive, node) = input.into_parts();
        primitives.push(primitive);
        node
    });
    match FusedBackward.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (output, gradient) = kernel(primitives, true);
            prep.finish(Saved(Arc::new(Mutex::new(Some(gradient)))), output)
        }
        OpsKind::UnTracked(prep) => prep.finish(kernel(primitives, false).0),
    }
}

/// The backward pass of every operation of ours: calls the gradient that the forward pass left.
#[derive(Debug)]
struct FusedBackward;

/// A gradient between the two passes. Burn wants a state that can be cloned, but takes it once.
#[derive(Clone)]
struct Saved(Arc<Mutex<Option<Gradient>>>);

impl Debug for Saved {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Saved")
    }
}

impl<const N: usize> Backward<Flex, N> for FusedBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = ops
            .state
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let gradient = gradient.expect("a graph is walked back once");
        let output = grads.consume::<Flex>(&ops.node);
        let needed = ops.parents.each_ref().map(Option::is_some);
        let gradients = gradient(output, &needed);
        debug_assert_eq!(gradients.len(), N, "a gradient for each input");
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// False if the variable `TINDERBOX_KERNELS` is `off`: then everything is composed of Burn's own operations.
static ENABLED: LazyLock<bool> =
    LazyLock::new(|| std::env::var_os("TINDERBOX_KERNELS").is_none_or(|value| value != "off"));

/// Whether the fast path takes this tensor: 32-bit floats on Burn's CPU backend.
pub(crate) fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    fn on_flex(kind: &DispatchTensorKind) -> bool {
        match kind {
            DispatchTensorKind::Flex(_) => true,
            DispatchTensorKind::Autodiff(inner) => on_flex(inner),
            #[allow(unreachable_patterns)] // In a build without other backends.
            _ => false,
        }
    }
    // A clone is a second handle, gone at the end of the line.
    *ENABLED && tensor.dtype() == DType::F32 && on_flex(&tensor.clone().into_dispatch().kind)
}

#[cfg(test)]
thread_local! {
    /// What fast paths this thread has taken: a test that compares plain with plain shows nothing.
    pub(crate) static TAKEN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Lets tests know that a fast path is taken; does nothing elsewhere.
pub(crate) fn taken() {
    #[cfg(test)]
    TAKEN.set(TAKEN.get() + 1);
}

/// Runs `kernel` on tensors that the fast path takes.
///
/// # Panics
/// If there are no inputs or more than four.
pub(crate) fn run<const D: usize>(
    inputs: Vec<DispatchTensor>,
    kernel: impl FnOnce(Vec<FlexTensor>, bool) -> (FlexTensor, Gradient) + 'static,
) -> Tensor<D> {
    taken();
    let mut inputs = inputs.into_iter();
    let operands = match [(); 5].map(|()| inputs.next()) {
        [Some(a), None, ..] => Operands::One(a),
        [Some(a), Some(b), None, ..] => Operands::Two(a, b),
        [Some(a), Some(b), Some(c), None, _] => Operands::Three(a, b, c),
        [Some(a), Some(b), Some(c), Some(d), None] => Operands::Four(a, b, c, d),
        _ => panic!("an operation has one to four inputs"),
    };
    Tensor::from_dispatch(<Dispatch as Fused>::fused(operands, Box::new(kernel)))
}
