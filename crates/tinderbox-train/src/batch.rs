//! Where data meets objectives: plain batches from the loader become what an objective eats.

use burn::tensor::{Device, Int, Tensor, TensorData};
use tinderbox_data::PlainBatch;
use tinderbox_nn::{Input, TokenBatch};
use tinderbox_objectives::{
    ImageBatch, LabelledBatch, MaskedBatch, MaskedPairBatch, SequencePairBatch, SpanBatch,
    TaggedBatch, ViewBatch, WindowBatch,
};

/// Builds an objective's batch from the named tensors that a `Collate` made.
pub trait FromPlain: Sized {
    /// Moves the tensors to `device`.
    ///
    /// # Panics
    /// If a tensor that the objective needs is not there: the recipe joined a collation and an
    /// objective that do not fit.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self;
}

/// The tensor called `name`.
///
/// # Panics
/// If there is none, with the names that are there.
pub fn named<'a>(batch: &'a PlainBatch, name: &str) -> &'a TensorData {
    let found = batch.tensors.iter().find(|(other, _)| other == name);
    match found {
        Some((_, data)) => data,
        None => {
            let names: Vec<_> = batch.tensors.iter().map(|(name, _)| name).collect();
            panic!("the batch has no `{name}`, only {names:?}")
        }
    }
}

/// What an encoder reads, made of what a `Collate` named after a view of the items.
pub trait PlainInput: Input {
    /// View `view` of the items, from 0; none if the batch has not as many.
    fn of_view(batch: &PlainBatch, view: usize, device: &Device) -> Option<Self>;
}

impl<const D: usize> PlainInput for Tensor<D> {
    /// Takes the tensor `view0`, `view1`, and so on, as it is: `[batch, channels, height, width]` of images,
    /// `[batch, columns]` of rows.
    fn of_view(batch: &PlainBatch, view: usize, device: &Device) -> Option<Self> {
        view_data(batch, view).map(|data| Tensor::from_data(data.clone(), device))
    }
}

impl PlainInput for TokenBatch {
    /// Takes `tokens`, `segments` and `padding` (1 where a token is padding, else 0), each `[batch, length]` of whole numbers, of view 0;
    /// `tokens1`, `segments1` and `padding1` of view 1, and so on; and `documents`, `documents1`, if they are there.
    ///
    /// # Panics
    /// If the batch has the view's tokens, but not its segments or its padding.
    fn of_view(batch: &PlainBatch, view: usize, device: &Device) -> Option<Self> {
        let of = |name: &str| match view {
            0 => name.to_owned(),
            _ => format!("{name}{view}"),
        };
        let tokens = of("tokens");
        let has_view = batch.tensors.iter().any(|(name, _)| *name == tokens);
        let documents = of("documents");
        let has_documents = batch.tensors.iter().any(|(name, _)| *name == documents);
        has_view.then(|| Self {
            tokens: whole(batch, &tokens, device),
            segments: whole(batch, &of("segments"), device),
            padding: Some(whole::<2>(batch, &of("padding"), device).bool()),
            documents: has_documents.then(|| whole(batch, &documents, device)),
        })
    }
}

/// The tensor called `name`, of whole numbers.
fn whole<const D: usize>(batch: &PlainBatch, name: &str, device: &Device) -> Tensor<D, Int> {
    Tensor::from_data(named(batch, name).clone(), device)
}

/// The tensor of a view, if it is there.
pub fn view_data(batch: &PlainBatch, view: usize) -> Option<&TensorData> {
    let wanted = format!("view{view}");
    let found = batch.tensors.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, data)| data)
}

impl<I: PlainInput> FromPlain for ViewBatch<I> {
    /// Takes all views.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        let views = (0..).map_while(|view| I::of_view(batch, view, device));
        Self {
            views: views.collect(),
        }
    }
}

impl<I: PlainInput> FromPlain for LabelledBatch<I> {
    /// Takes view 0 and `label` `[batch]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            inputs: I::of_view(batch, 0, device).expect("the batch has a view"),
            targets: whole(batch, "label", device),
        }
    }
}

impl FromPlain for ImageBatch {
    /// Takes `view0` `[batch, channels, height, width]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            images: Tensor::from_data(named(batch, "view0").clone(), device),
        }
    }
}

impl FromPlain for TokenBatch {
    /// Takes view 0.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        // With the names that are there if it has no tokens.
        named(batch, "tokens");
        Self::of_view(batch, 0, device).expect("the batch has tokens")
    }
}

impl FromPlain for MaskedBatch {
    /// Takes `tokens`, `segments` and `padding` (1 where a token is padding, else 0) `[batch, length]`, and
    /// `positions` and `targets` `[places]`, all of whole numbers.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            tokens: whole(batch, "tokens", device),
            segments: whole(batch, "segments", device),
            padding: whole::<2>(batch, "padding", device).bool(),
            positions: whole(batch, "positions", device),
            targets: whole(batch, "targets", device),
        }
    }
}

impl FromPlain for MaskedPairBatch {
    /// Takes what [`MaskedBatch`] takes, and `label` `[batch]`, 0 where the second segment is the right one.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            masked: MaskedBatch::from_plain(batch, device),
            relations: whole(batch, "label", device),
        }
    }
}

impl FromPlain for WindowBatch {
    /// Takes `inputs` and `outputs` of whole numbers, `input_padding` and `output_padding` (1 where one is padding, else 0), and
    /// `labels` of floats, all with a row for each hidden vector.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            inputs: whole(batch, "inputs", device),
            input_padding: whole::<2>(batch, "input_padding", device).bool(),
            outputs: whole(batch, "outputs", device),
            labels: Tensor::from_data(named(batch, "labels").clone(), device),
            output_padding: whole::<2>(batch, "output_padding", device).bool(),
        }
    }
}

impl FromPlain for TaggedBatch {
    /// Takes `tokens`, `segments` and `padding` as [`TokenBatch`] does, and `positions` and `targets` `[places]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            input: TokenBatch::from_plain(batch, device),
            positions: whole(batch, "positions", device),
            targets: whole(batch, "targets", device),
        }
    }
}

impl FromPlain for SpanBatch {
    /// Takes `tokens`, `segments` and `padding` as [`TokenBatch`] does, and `starts` and `ends` `[batch]`.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            input: TokenBatch::from_plain(batch, device),
            starts: whole(batch, "starts", device),
            ends: whole(batch, "ends", device),
        }
    }
}

impl FromPlain for SequencePairBatch {
    /// Takes `tokens` and `padding` `[batch, length]`, `targets` and `target_padding` `[batch, target length]`, all of whole
    /// numbers; padding is 1 where a token is padding, else 0.
    fn from_plain(batch: &PlainBatch, device: &Device) -> Self {
        Self {
            source: TokenBatch {
                padding: Some(whole::<2>(batch, "padding", device).bool()),
                ..TokenBatch::new(whole(batch, "tokens", device))
            },
            targets: whole(batch, "targets", device),
            target_padding: Some(whole::<2>(batch, "target_padding", device).bool()),
        }
    }
}
