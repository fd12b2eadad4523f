//! Passing over items that cannot be read.

use burn::data::dataset::Dataset;

use crate::DataError;

/// How many reasons an error gives.
const SHOWN: usize = 3;

/// Gives those of the items `indices` that can be read to `visit`, in that order.
///
/// # Errors
/// [`DataError::TooManyBad`] when more than `max_bad` cannot be read, [`DataError::Config`] when none can, and what `visit` says.
///
/// # Panics
/// If an index is not in the data set.
pub(crate) fn visit_readable<I, D>(
    dataset: &D,
    indices: &[usize],
    max_bad: usize,
    mut visit: impl FnMut(usize, I) -> Result<(), DataError>,
) -> Result<(), DataError>
where
    D: Dataset<I, DataError> + ?Sized,
{
    let (mut bad, mut reasons) = (0, Vec::new());
    for index in indices {
        match dataset.get(*index) {
            Ok(item) => visit(*index, item)?,
            Err(error) => {
                bad += 1;
                if reasons.len() < SHOWN {
                    reasons.push(error.to_string());
                }
                if bad > max_bad {
                    return Err(DataError::TooManyBad {
                        bad,
                        max_bad,
                        reasons,
                    });
                }
            }
        }
    }
    if bad == indices.len() {
        return Err(DataError::config(
            "indices",
            "at least one readable item",
            format!("{bad} unreadable of {}", indices.len()),
        ));
    }
    Ok(())
}
