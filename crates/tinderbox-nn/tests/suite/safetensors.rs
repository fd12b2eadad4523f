//! Safetensors bytes and files: types, damage, order, atomic writing.

use burn::tensor::{TensorData, bf16, f16};
use proptest::prelude::*;
use tinderbox_nn::{StateDict, WeightsError};

use crate::support::floats;

/// A file by hand: its header and its data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), data].concat()
}

fn one(dtype: &str, elements: usize, data: &[u8]) -> Vec<u8> {
    let end = data.len();
    file(
        &format!(r#"{{"x":{{"dtype":"{dtype}","shape":[{elements}],"data_offsets":[0,{end}]}}}}"#),
        data,
    )
}

fn sample() -> StateDict {
    let mut dict = StateDict::default();
    dict.insert(
        "b.weight",
        TensorData::from([[1.5_f32, -2.0], [f32::MIN_POSITIVE, 0.1]]),
    );
    dict.insert("a.count", TensorData::from([7_i64]));
    dict.insert("c.empty", TensorData::zeros::<f32, _>([0, 3]));
    dict.insert("d.scalar", TensorData::new(vec![f32::MAX], [0_usize; 0]));
    dict
}

#[test]
fn bytes_come_back_and_are_the_same_each_time() {
    let dict = sample();
    let bytes = dict.to_safetensors_bytes();
    assert_eq!(StateDict::from_safetensors_bytes(&bytes).unwrap(), dict);
    let mut reversed = StateDict::default();
    for name in ["d.scalar", "c.empty", "b.weight", "a.count"] {
        reversed.insert(name, dict.get(name).unwrap().clone());
    }
    assert_eq!(reversed.to_safetensors_bytes(), bytes);
}

#[test]
fn an_empty_dictionary_is_a_valid_file() {
    let bytes = StateDict::default().to_safetensors_bytes();
    assert!(
        StateDict::from_safetensors_bytes(&bytes)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn every_float_type_is_read_as_f32() {
    let values = [1.5_f32, -0.25, 65504.0];
    let encodings: [(&str, Vec<u8>); 4] = [
        ("F32", values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        (
            "F64",
            values
                .iter()
                .flat_map(|v| f64::from(*v).to_le_bytes())
                .collect(),
        ),
        (
            "F16",
            values
                .iter()
                .flat_map(|v| f16::from_f32(*v).to_le_bytes())
                .collect(),
        ),
        (
            "BF16",
            values[..2]
                .iter()
                .flat_map(|v| bf16::from_f32(*v).to_le_bytes())
                .collect(),
        ),
    ];
    for (dtype, data) in encodings {
        let n = if dtype == "BF16" { 2 } else { 3 };
        let dict = StateDict::from_safetensors_bytes(&one(dtype, n, &data)).unwrap();
        assert_eq!(floats(dict.get("x").unwrap()), values[..n], "{dtype}");
    }
}

#[test]
fn integers_and_booleans_are_read_as_i64() {
    for (dtype, data, expected) in [
        ("BOOL", vec![0, 1], vec![0, 1]),
        ("U8", vec![255, 1], vec![255, 1]),
        ("I8", vec![255, 1], vec![-1, 1]),
        ("U16", vec![255, 255], vec![65535]),
        ("I32", vec![254, 255, 255, 255], vec![-2]),
        ("I64", vec![3, 0, 0, 0, 0, 0, 0, 0], vec![3]),
    ] {
        let bytes = one(dtype, expected.len(), &data);
        let dict = StateDict::from_safetensors_bytes(&bytes).unwrap();
        let got: Vec<i64> = dict.get("x").unwrap().iter::<i64>().collect();
        assert_eq!(got, expected, "{dtype}");
    }
}

#[test]
fn an_element_type_that_no_module_has_is_named() {
    let error = StateDict::from_safetensors_bytes(&one("F8_E4M3", 1, &[0])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x: elements of type F8_E4M3 are not supported"
    );
}

#[test]
fn damage_is_a_typed_error() {
    let header = |shape: &str, start: u64, end: u64| {
        format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":[{start},{end}]}}}}"#)
    };
    for (what, bytes) in [
        ("nothing", vec![]),
        ("half a length", vec![1, 2, 3]),
        ("a length beyond the end", u64::MAX.to_le_bytes().to_vec()),
        ("a header that is no JSON", file("{x}", &[])),
        (
            "a header that is no text",
            [&1_u64.to_le_bytes()[..], &[0xff]].concat(),
        ),
        (
            "a shape of other size than its bytes",
            file(&header("[3]", 0, 8), &[0; 8]),
        ),
        (
            "a shape that overflows",
            file(&header("[4294967296,4294967296,2]", 0, 8), &[0; 8]),
        ),
        ("data beyond the end", file(&header("[2]", 0, 8), &[0; 4])),
        ("data left over", file(&header("[1]", 0, 4), &[0; 8])),
        (
            "offsets that run backwards",
            file(&header("[1]", 4, 0), &[0; 4]),
        ),
        ("a gap before the data", file(&header("[1]", 4, 8), &[0; 8])),
        ("an unknown type", one("F31", 1, &[0; 4])),
    ] {
        match StateDict::from_safetensors_bytes(&bytes) {
            Err(WeightsError::Malformed { reason }) => assert!(!reason.is_empty(), "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = sample().to_safetensors_bytes();
    for end in 0..bytes.len() {
        assert!(
            StateDict::from_safetensors_bytes(&bytes[..end]).is_err(),
            "cut at {end}"
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = StateDict::from_safetensors_bytes(&bytes);
    }

    #[test]
    fn no_change_of_a_valid_file_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = sample().to_safetensors_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = StateDict::from_safetensors_bytes(&bytes);
    }

    #[test]
    fn no_header_panics(
        dtype in "F32|F16|BOOL|F4|C64|I64",
        shape in prop::collection::vec(prop_oneof![0..4_u64, Just(u64::MAX), any::<u64>()], 0..5),
        offsets in prop_oneof![(0..40_u64, 0..40_u64), (any::<u64>(), any::<u64>())],
        data in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (start, end) = offsets;
        let header = format!(
            r#"{{"x":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}}}"#
        );
        let _ = StateDict::from_safetensors_bytes(&file(&header, &data));
    }

    #[test]
    fn any_dictionary_comes_back(
        tensors in prop::collection::btree_map(
            "[a-z0-9_.é\"\\\\]{0,12}",
            prop::collection::vec(any::<f32>().prop_filter("NaN is no equal", |v| !v.is_nan()), 0..9),
            0..6,
        ),
    ) {
        let mut dict = StateDict::default();
        for (name, values) in tensors {
            let shape = [values.len()];
            dict.insert(name, TensorData::new(values, shape));
        }
        let back = StateDict::from_safetensors_bytes(&dict.to_safetensors_bytes()).unwrap();
        prop_assert_eq!(back, dict);
    }
}

#[test]
fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    StateDict::default().write(&path).unwrap();
    sample().write(&path).unwrap();
    assert_eq!(StateDict::read(&path).unwrap(), sample());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let missing = StateDict::read(&path).unwrap_err();
    assert!(matches!(missing, WeightsError::Read { .. }));
    std::fs::write(&path, b"not a model").unwrap();
    let damaged = StateDict::read(&path).unwrap_err();
    assert!(matches!(damaged, WeightsError::InFile { .. }));
    let unwritable = sample()
        .write(folder.path().join("no/folder/x.safetensors"))
        .unwrap_err();
    assert!(matches!(unwritable, WeightsError::Write { .. }));
    for error in [missing, damaged, unwritable] {
        assert!(error.to_string().contains("safetensors"), "{error}");
    }
}
