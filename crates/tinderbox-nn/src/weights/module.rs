//! From a module to its state dict and back.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Int, Tensor, TensorData};

use super::error::WeightsError;
use super::state_dict::StateDict;

/// PyTorch's counter of batches, which momentum-based batch normalisation does not use.
const IGNORED: &str = "num_batches_tracked";

impl StateDict {
    /// The tensors of a module: its parameters and statistics.
    pub fn of<M: Module>(module: &M) -> Self {
        let mut collector = Collector::default();
        module.visit(&mut collector);
        collector.dict
    }
}

/// What [`load_state_dict`] left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// What stood before every name of the dictionary and was left out, such as `module`, with which PyTorch wraps a network.
    pub prefix: Option<String>,
    /// Names of the module that the dictionary lacks; these keep their values.
    pub missing: Vec<String>,
    /// Names of the dictionary that the module lacks.
    pub unexpected: Vec<String>,
}

/// Gives a module the tensors of a dictionary. Names ending in `num_batches_tracked` are ignored. If the dictionary has no name of
/// the module, what stands before all of its names is left out, such as `module.` or `_orig_mod.`.
///
/// With `partial`, names that only one side has are reported; without, they are an error. Devices, frozen parameters and
/// parameter ids stay as they are.
///
/// # Errors
/// [`WeightsError::Shape`] or [`WeightsError::Kind`] for the first tensor, by name, that does not fit;
/// [`WeightsError::Names`] unless `partial`; [`WeightsError::NothingInCommon`] if no name is on both sides.
pub fn load_state_dict<M: Module>(
    module: M,
    dict: &StateDict,
    partial: bool,
) -> Result<(M, LoadReport), WeightsError> {
    let layout = Layout::of(&module);
    let prefix = layout.prefix_of(dict);
    let stripped;
    let dict = match &prefix {
        Some(prefix) => {
            stripped = dict.clone().strip_prefix(prefix);
            &stripped
        }
        None => dict,
    };
    let report = LoadReport {
        prefix,
        ..layout.compare(dict)?
    };
    let nothing = report.missing.len() == layout.tensors.len();
    if nothing && (partial || !dict.is_empty()) {
        return Err(WeightsError::NothingInCommon {
            missing: report.missing,
            unexpected: report.unexpected,
        });
    }
    if !(partial || report.missing.is_empty() && report.unexpected.is_empty()) {
        return Err(WeightsError::Names {
            missing: report.missing,
            unexpected: report.unexpected,
        });
    }
    Ok((put(module, dict), report))
}

/// As [`load_state_dict`] does with `partial`, of a dictionary that may have nothing in common with the module.
///
/// # Errors
/// A tensor that does not fit.
pub(crate) fn load_common<M: Module>(
    module: M,
    dict: &StateDict,
) -> Result<(M, LoadReport), WeightsError> {
    let report = Layout::of(&module).compare(dict)?;
    Ok((put(module, dict), report))
}

fn put<M: Module>(module: M, dict: &StateDict) -> M {
    let path = Path::default();
    module.map(&mut Loader { path, dict })
}

const FLOATS: &str = "floating-point numbers";
const INTEGERS: &str = "integers";

fn kind_of(data: &TensorData) -> &'static str {
    match data.dtype().is_float() {
        true => FLOATS,
        false => INTEGERS,
    }
}

/// Where a traversal is.
#[derive(Default)]
struct Path {
    /// Names of fields and indices; `None` for the variant of an enum.
    names: Vec<Option<String>>,
    /// What contains each of them, such as `Struct:Linear`.
    containers: Vec<String>,
}

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        let is_norm = container.starts_with("Struct:") && container.ends_with("Norm");
        let name = match name {
            _ if container.starts_with("Enum:") => None,
            "gamma" if is_norm => Some("weight"),
            "beta" if is_norm => Some("bias"),
            // A published name that is a keyword of Rust, such as `self`, has an underscore after it here.
            name if name.ends_with('_') => name.strip_suffix('_'),
            name => Some(name),
        };
        self.names.push(name.map(String::from));
        self.containers.push(container.to_owned());
    }

    fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    fn name(&self) -> String {
        let names: Vec<&str> = self.names.iter().flatten().map(String::as_str).collect();
        names.join(".")
    }

    /// Whether the tensor here is the weight of a `Linear`, `[in, out]` in Burn and `[out, in]` in PyTorch.
    fn is_transposed(&self) -> bool {
        let last = (self.names.last(), self.containers.last());
        matches!(last, (Some(Some(name)), Some(container)) if name == "weight" && container == "Struct:Linear")
    }

    /// PyTorch's layout from Burn's, or the reverse.
    fn relayout(&self, data: TensorData) -> TensorData {
        match self.is_transposed() {
            true => transpose(data),
            false => data,
        }
    }
}

/// A matrix transposed, on the host, so that what is loaded lies in memory as what was initialised.
fn transpose(data: TensorData) -> TensorData {
    let data = data.convert::<f32>();
    let [rows, columns] = *data.shape().as_slice() else {
        return data;
    };
    let values = data.as_slice::<f32>().expect("converted to f32");
    let transposed: Vec<f32> = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| values[row * columns + column]))
        .collect();
    TensorData::new(transposed, [columns, rows])
}

#[derive(Default)]
struct Collector {
    path: Path,
    dict: StateDict,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = self.path.relayout(param.val().into_data());
        self.dict.insert(self.path.name(), data);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        self.dict.insert(self.path.name(), param.val().into_data());
    }
}

/// Kind and shape of each tensor of a module, by name.
#[derive(Default)]
struct Layout {
    path: Path,
    tensors: BTreeMap<String, (&'static str, Vec<usize>)>,
}

impl Layout {
    fn of<M: Module>(module: &M) -> Self {
        let mut layout = Self::default();
        module.visit(&mut layout);
        layout
    }

    /// What stands before all names of a dictionary, if it has no name of the module but with that.
    fn prefix_of(&self, dict: &StateDict) -> Option<String> {
        let knows = |name: &str| self.tensors.contains_key(name);
        let mut prefix = String::new();
        loop {
            let mut rest = dict.names().map(|name| &name[prefix.len()..]).peekable();
            let (first, _) = rest.peek()?.split_once('.')?;
            let length = first.len() + 1;
            let inside = |name: &str| name.len() > length && name[..length] == format!("{first}.");
            let (mut known, mut all) = (false, true);
            for name in rest {
                known |= knows(name);
                all &= inside(name);
            }
            if known {
                prefix.pop();
                return Some(prefix).filter(|prefix| !prefix.is_empty());
            }
            if !all {
                return None;
            }
            prefix.push_str(first);
            prefix.push('.');
        }
    }

    /// What only one side has, if all else fits.
    fn compare(&self, dict: &StateDict) -> Result<LoadReport, WeightsError> {
        for (name, (kind, shape)) in &self.tensors {
            let Some(data) = dict.get(name) else { continue };
            let got = kind_of(data);
            if got != *kind {
                return Err(WeightsError::Kind {
                    name: name.clone(),
                    expected: kind,
                    got,
                });
            }
            if data.shape().as_slice() != shape {
                return Err(WeightsError::Shape {
                    name: name.clone(),
                    expected: shape.clone(),
                    got: data.shape().to_vec(),
                });
            }
        }
        Ok(LoadReport {
            prefix: None,
            missing: (self.tensors.keys())
                .filter(|name| dict.get(name).is_none())
                .cloned()
                .collect(),
            unexpected: (dict.names())
                .filter(|name| !self.tensors.contains_key(*name))
                .filter(|name| name.rsplit('.').next() != Some(IGNORED))
                .map(String::from)
                .collect(),
        })
    }
}

impl ModuleVisitor for Layout {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        if self.path.is_transposed() {
            shape.reverse();
        }
        self.tensors.insert(self.path.name(), (FLOATS, shape));
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let entry = (INTEGERS, param.val().dims().to_vec());
        self.tensors.insert(self.path.name(), entry);
    }
}

/// Replaces the tensors that the dictionary has; kinds and shapes are known to fit.
struct Loader<'a> {
    path: Path,
    dict: &'a StateDict,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.dict.get(&self.path.name()) else {
            return param;
        };
        let data = self.path.relayout(data.clone());
        param.map(|old| {
            Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad())
        })
    }

    fn map_int<const D: usize>(&mut self, param: Param<Tensor<D, Int>>) -> Param<Tensor<D, Int>> {
        match self.dict.get(&self.path.name()) {
            Some(data) => param.map(|old| Tensor::from_data(data.clone(), &old.device())),
            None => param,
        }
    }
}
