//! State of a module that is no weight: no gradient reaches it, and an average of weights leaves it as it is.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
};
use burn::tensor::Device;

/// What a visitor or mapper is told of the structs whose fields are [`Untracked`].
const CONTAINERS: [&str; 2] = ["Struct:Teacher", "Struct:Buffer"];

/// Whether a container that a visitor or mapper enters holds no weights: it is a [`Teacher`](crate::Teacher) or a
/// [`Buffer`](crate::Buffer). An average of weights takes its tensors as they are.
pub fn is_untracked(container_type: &str) -> bool {
    CONTAINERS.contains(&container_type)
}

/// A module whose tensors never ask for a gradient, whatever is asked of the modules around it.
///
/// It adds nothing to the path of a tensor.
#[derive(Debug, Clone)]
pub(crate) struct Untracked<M>(M);

impl<M: Module> Untracked<M> {
    pub(crate) fn new(module: M) -> Self {
        Self(module.no_grad())
    }

    pub(crate) fn get(&self) -> &M {
        &self.0
    }

    pub(crate) fn into_inner(self) -> M {
        self.0
    }
}

impl<M: Module> Module for Untracked<M> {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.0.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self::new(self.0.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        Self::new(self.0.to_device(device))
    }

    fn train(self) -> Self {
        Self::new(self.0.train())
    }

    fn valid(&self) -> Self {
        Self(self.0.valid())
    }

    fn materialize(self) -> Self {
        Self::new(self.0.materialize())
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.0.visit(visitor);
    }

    fn map<T: ModuleMapper>(self, mapper: &mut T) -> Self {
        Self::new(self.0.map(mapper))
    }
}

impl<M: ModuleDisplay> ModuleDisplayDefault for Untracked<M> {
    fn content(&self, content: Content) -> Option<Content> {
        self.0.content(content)
    }
}

impl<M: ModuleDisplay> ModuleDisplay for Untracked<M> {}
