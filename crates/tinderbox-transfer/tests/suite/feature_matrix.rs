//! `FeatureMatrix` and `accuracy`.

use burn::tensor::{Device, Tensor};
use tinderbox_transfer::{FeatureMatrix, TransferError, accuracy};

use crate::support::matrix;

#[test]
fn a_tensor_becomes_rows() {
    let tensor = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], &Device::flex());
    let m = FeatureMatrix::from_tensor(tensor);
    assert_eq!(m, matrix(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    assert_eq!(m.row(1), [3.0, 4.0]);
    assert_eq!(
        m.select(&[2, 0, 2]),
        matrix(&[[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]])
    );
    assert_eq!(m.iter_rows().len(), 3);
}

#[test]
fn a_transposed_tensor_with_gradients_becomes_rows() {
    let tensor = Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0]], &Device::flex().autodiff());
    let m = FeatureMatrix::from_tensor(tensor.transpose());
    assert_eq!(m.values, [1.0, 3.0, 2.0, 4.0]);
}

#[test]
fn batches_are_gathered() {
    let mut all = FeatureMatrix::empty(2);
    all.append(matrix(&[[1.0, 2.0]])).unwrap();
    all.append(matrix(&[[3.0, 4.0], [5.0, 6.0]])).unwrap();
    assert_eq!((all.rows, all.values.len()), (3, 6));
    assert_eq!(
        all.append(matrix(&[[1.0]])),
        Err(TransferError::Dimension {
            expected: 2,
            got: 1
        })
    );
}

#[test]
fn a_shape_that_the_values_do_not_fill_is_refused() {
    let error = FeatureMatrix::new(2, 3, vec![0.0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "a 2 x 3 matrix needs 6 values, got 5");
}

#[test]
#[should_panic(expected = "row 2 of 2")]
fn a_row_beyond_the_last_is_refused() {
    matrix(&[[1.0], [2.0]]).row(2);
}

#[test]
fn accuracy_is_the_share_that_is_right() {
    assert_eq!(accuracy(&[0, 1, 2, 3], &[0, 1, 1, 3]), 0.75);
}
