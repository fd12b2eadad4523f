//! From samples to the plain tensors of a batch.

use burn::tensor::TensorData;

/// What a view makes of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<const D: usize = 3> {
    /// The views, each of `shape` flattened, the last axis changing fastest.
    pub views: Vec<Vec<f32>>,
    /// The shape of every view: channels, height, width of a picture; columns of a row of a table.
    pub shape: [usize; D],
    /// The number of the class, if it is known.
    pub label: Option<u32>,
    /// The index of the item in the data set.
    pub index: u64,
}

/// A batch as named tensors on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainBatch {
    /// The indices of the items, in the batch's order.
    pub indices: Vec<u64>,
    /// The tensors with their names; the first dimension is the number of items, unless the collation says otherwise.
    pub tensors: Vec<(String, TensorData)>,
}

/// Puts samples together to a batch.
pub trait Collate<S>: Send + Sync {
    /// Makes one batch of the samples, in their order.
    fn collate(&self, samples: Vec<S>) -> PlainBatch;
}

/// Collates [`Sample`]s.
///
/// Gives `view0`, `view1` and so on, each `[batch, channels, height, width]` (of rows `[batch, columns]`) of `f32`, and `label`, `[batch]` of `i64`, when
/// every sample has one. Of items with several samples each, whose shapes differ from sample to sample, the views are numbered on.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewCollate;

impl<const D: usize> Collate<Sample<D>> for ViewCollate {
    /// # Panics
    /// If there are no samples, or if their shapes or numbers of views differ.
    fn collate(&self, samples: Vec<Sample<D>>) -> PlainBatch {
        let first = samples.first().expect("a batch has at least one sample");
        let (views, shape) = (first.views.len(), first.shape);
        let values = shape.iter().product::<usize>();
        for sample in &samples {
            assert!(
                sample.shape == shape && sample.views.len() == views,
                "item {} has {} views of {:?}, item {} has {views} of {shape:?}",
                sample.index,
                sample.views.len(),
                sample.shape,
                first.index,
            );
        }
        let mut tensors = Vec::with_capacity(views + 1);
        for view in 0..views {
            let mut flat = Vec::with_capacity(samples.len() * values);
            for sample in &samples {
                assert!(
                    sample.views[view].len() == values,
                    "view {view} of item {} has {} values, {shape:?} needs {values}",
                    sample.index,
                    sample.views[view].len(),
                );
                flat.extend_from_slice(&sample.views[view]);
            }
            let shape: Vec<usize> = std::iter::once(samples.len()).chain(shape).collect();
            let data = TensorData::new(flat, shape);
            tensors.push((format!("view{view}"), data));
        }
        tensors.extend(labels(samples.iter().map(|sample| sample.label)));
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors,
        }
    }
}

impl<const D: usize> Collate<Vec<Sample<D>>> for ViewCollate {
    /// # Panics
    /// If there are no samples, if their numbers differ between items, or as for one sample an item.
    fn collate(&self, items: Vec<Vec<Sample<D>>>) -> PlainBatch {
        let count = items.first().map_or(0, Vec::len);
        assert!(
            count > 0 && items.iter().all(|item| item.len() == count),
            "every item of a batch has the same number of samples, at least one"
        );
        let mut groups: Vec<Vec<Sample<D>>> = vec![Vec::new(); count];
        for item in items {
            for (group, sample) in groups.iter_mut().zip(item) {
                group.push(sample);
            }
        }
        let mut batches = groups.into_iter().map(|group| self.collate(group));
        let mut all = batches.next().expect("there is at least one group");
        let labels = all.tensors.pop_if(|(name, _)| name == "label");
        for batch in batches {
            let views = batch
                .tensors
                .into_iter()
                .filter(|(name, _)| name != "label");
            for (_, data) in views {
                all.tensors
                    .push((format!("view{}", all.tensors.len()), data));
            }
        }
        all.tensors.extend(labels);
        all
    }
}

/// The tensor `label`, `[batch]` of `i64`, if every item has a label.
pub(crate) fn labels(labels: impl Iterator<Item = Option<u32>>) -> Option<(String, TensorData)> {
    let labels: Vec<i64> = labels
        .map(|label| label.map(i64::from))
        .collect::<Option<_>>()?;
    let count = labels.len();
    Some(("label".to_owned(), TensorData::new(labels, [count])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(index: u64, label: Option<u32>) -> Sample {
        let value = index as f32;
        Sample {
            views: vec![vec![value; 4], vec![value + 0.5; 4]],
            shape: [1, 2, 2],
            label,
            index,
        }
    }

    #[test]
    fn views_and_labels_keep_the_order() {
        let batch = ViewCollate.collate(vec![sample(7, Some(1)), sample(3, Some(0))]);
        assert_eq!(batch.indices, [7, 3]);
        let names: Vec<_> = batch
            .tensors
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["view0", "view1", "label"]);
        let view = &batch.tensors[1].1;
        assert_eq!(&view.shape()[..], [2, 1, 2, 2]);
        let expected = [7.5, 7.5, 7.5, 7.5, 3.5, 3.5, 3.5, 3.5];
        assert_eq!(view.as_slice::<f32>().unwrap(), expected);
        assert_eq!(batch.tensors[2].1.as_slice::<i64>().unwrap(), [1, 0]);
    }

    #[test]
    fn one_missing_label_leaves_the_labels_out() {
        let batch = ViewCollate.collate(vec![sample(0, Some(1)), sample(1, None)]);
        assert_eq!(batch.tensors.len(), 2);
    }
}
