//! Tensors by name.

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};

/// Tensors by PyTorch's names and in PyTorch's layouts, ordered by name.
///
/// A name is a module's path of fields, `layer1.0.conv1.weight`; an enum's variant adds no level, and a
/// trailing underscore, which a field called as a keyword of Rust has, is dropped. Scale
/// and shift of Burn's own normalisations are called `weight` and `bias`, and the weight of a `Linear` is
/// `[out, in]`. Statistics such as `running_mean` are in it.
///
/// Floating-point tensors are held as `f32`, integers and booleans as `i64`.
///
/// ```
/// use burn::tensor::TensorData;
/// use tinderbox_nn::StateDict;
///
/// let mut dict = StateDict::default();
/// dict.insert("fc.weight", TensorData::from([[1.0_f32, 2.0]]));
/// let bytes = dict.to_safetensors_bytes();
/// assert_eq!(StateDict::from_safetensors_bytes(&bytes).unwrap(), dict);
/// assert_eq!(dict.with_prefix("encoder").names().next(), Some("encoder.fc.weight"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateDict {
    tensors: BTreeMap<String, TensorData>,
}

impl StateDict {
    /// The names, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Names and tensors, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &TensorData)> {
        self.tensors
            .iter()
            .map(|(name, data)| (name.as_str(), data))
    }

    /// How many tensors it holds.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&TensorData> {
        self.tensors.get(name)
    }

    /// The first tensor, by name, with a value that is not finite.
    pub fn not_finite(&self) -> Option<&str> {
        let odd = |data: &TensorData| {
            let values = data.as_slice::<f32>().unwrap_or_default();
            values.iter().any(|value| !value.is_finite())
        };
        let found = self.tensors.iter().find(|(_, data)| odd(data));
        found.map(|(name, _)| name.as_str())
    }

    /// Puts a tensor under a name and gives the one that was there.
    ///
    /// # Panics
    /// If the tensor is quantised.
    pub fn insert(&mut self, name: impl Into<String>, data: TensorData) -> Option<TensorData> {
        let data = match data.dtype() {
            DType::F32 | DType::I64 => data,
            DType::QFloat(_) => panic!("a state dict holds no quantised tensors"),
            dtype if dtype.is_float() => data.convert::<f32>(),
            _ => data.convert::<i64>(),
        };
        self.tensors.insert(name.into(), data)
    }

    /// The same tensors with `prefix` and a dot before each name; an empty prefix changes nothing.
    pub fn with_prefix(self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('.');
        if prefix.is_empty() {
            return self;
        }
        let rename = |(name, data)| (format!("{prefix}.{name}"), data);
        Self {
            tensors: self.tensors.into_iter().map(rename).collect(),
        }
    }

    /// Only the tensors under `prefix`, without it and the dot after it; an empty prefix changes nothing.
    pub fn strip_prefix(self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('.');
        if prefix.is_empty() {
            return self;
        }
        let rename = |(name, data): (String, _)| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((rest.to_owned(), data))
        };
        Self {
            tensors: self.tensors.into_iter().filter_map(rename).collect(),
        }
    }
}
