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
    /// Names of the module that the dictionary lacks; these keep their values.
    pub missing: Vec<String>,
    /// Names of the dictionary that the module lacks.
    pub unexpected: Vec<String>,
}

/// Gives a module the tensors of a dictionary. Names ending in `num_batches_tracked` are ignored.
///
/// With `partial`, names that only one side has are reported, even if that is all of them; without, they
/// are an error. Devices, frozen parameters and parameter ids stay as they are.
///
/// # Errors
/// [`WeightsError::Shape`] or [`WeightsError::Kind`] for the first tensor, by name, that does not fit;
/// [`WeightsError::Names`] unless `partial`.
pub fn load_state_dict<M: Module>(
    module: M,
    dict: &StateDict,
    partial: bool,
) -> Result<(M, LoadReport), WeightsError> {
    let mut layout = Layout::default();
    module.visit(&mut layout);
    for (name, (kind, shape)) in &layout.tensors {
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
    let report = LoadReport {
        missing: (layout.tensors.keys())
            .filter(|name| dict.get(name).is_none())
            .cloned()
            .collect(),
        unexpected: (dict.names())
            .filter(|name| !layout.tensors.contains_key(*name))
            .filter(|name| name.rsplit('.').next() != Some(IGNORED))
            .map(String::from)
            .collect(),
    };
    if !partial && report != LoadReport::default() {
        return Err(WeightsError::Names {
            missing: report.missing,
            unexpected: report.unexpected,
        });
    }
    let path = Path::default();
    Ok((module.map(&mut Loader { path, dict }), report))
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
