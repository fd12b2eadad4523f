//! Images through a model in input order, some at a time, readable or not.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use tinderbox::data::{ImageSource, Preprocess};

use crate::error::CliError;
use crate::rows::Outcome;

/// Images that are in memory at once.
const AT_ONCE: usize = 256;

/// Gives every image of a data set to `apply`, which makes one result of each row of a batch; `write`
/// gets the id and the outcome of each in input order. Returns how many could not be read.
pub(super) fn each<T>(
    dataset: &dyn ImageSource,
    preprocess: &Preprocess,
    device: &Device,
    apply: impl Fn(Tensor<4>) -> Vec<T>,
    mut write: impl FnMut(&str, &Outcome<T>) -> Result<(), CliError>,
) -> Result<usize, CliError> {
    let (height, width) = preprocess.size;
    let mut unreadable = 0;
    for start in (0..dataset.len()).step_by(AT_ONCE) {
        let range = start..(start + AT_ONCE).min(dataset.len());
        let read: Vec<Result<Vec<f32>, String>> = range
            .clone()
            .into_par_iter()
            .map(|index| match dataset.get(index) {
                Ok(item) => Ok(preprocess.apply_owned(item.image)),
                Err(error) => Err(error.to_string()),
            })
            .collect();
        let values: Vec<f32> = read.iter().flatten().flatten().copied().collect();
        let count = read.iter().filter(|item| item.is_ok()).count();
        let mut results = if count == 0 {
            Vec::new()
        } else {
            let shape = [count, preprocess.channels, height, width];
            apply(Tensor::from_data(TensorData::new(values, shape), device))
        }
        .into_iter();
        for (index, item) in range.zip(read) {
            let outcome = match item {
                Ok(_) => Outcome::Done(results.next().expect("one result an image")),
                Err(reason) => {
                    unreadable += 1;
                    Outcome::Unreadable(reason)
                }
            };
            write(&dataset.id(index), &outcome)?;
        }
    }
    Ok(unreadable)
}
