//! Devices by name: `flex`, `vulkan`, `cuda:0`, each behind the Cargo feature of its backend.

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Serialize, Serializer};

/// What a device runs on. Each is one Cargo feature of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU, in pure Rust. The default, and deterministic.
    Flex,
    /// A GPU through Vulkan.
    Vulkan,
    /// A GPU through whichever interface wgpu picks.
    Wgpu,
    /// A GPU through Metal.
    Metal,
    /// The CPU through `ndarray`, deprecated in Burn.
    NdArray,
    /// An NVIDIA GPU through CUDA.
    Cuda,
    /// A device of another machine.
    Remote,
}

impl DeviceKind {
    /// All kinds, the default first.
    pub const ALL: [Self; 7] = [
        Self::Flex,
        Self::Vulkan,
        Self::Wgpu,
        Self::Metal,
        Self::NdArray,
        Self::Cuda,
        Self::Remote,
    ];

    /// The name in recipes and on the command line, and of the Cargo feature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Vulkan => "vulkan",
            Self::Wgpu => "wgpu",
            Self::Metal => "metal",
            Self::NdArray => "ndarray",
            Self::Cuda => "cuda",
            Self::Remote => "remote",
        }
    }

    /// What it is, in a few words.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Flex => "CPU in pure Rust, deterministic (default)",
            Self::Vulkan => "GPU through Vulkan",
            Self::Wgpu => "GPU through wgpu",
            Self::Metal => "GPU through Metal",
            Self::NdArray => "CPU through ndarray (deprecated)",
            Self::Cuda => "NVIDIA GPU through CUDA",
            Self::Remote => "a device of another machine, remote:HOST:PORT",
        }
    }

    /// Whether this program was built with it.
    pub fn is_enabled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Metal => cfg!(feature = "metal"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Remote => cfg!(feature = "remote"),
        }
    }

    /// Whether `:N` may follow the name.
    pub fn is_indexed(self) -> bool {
        matches!(self, Self::Vulkan | Self::Wgpu | Self::Metal | Self::Cuda)
    }
}

/// A device as a recipe names it. Naming one opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceName {
    /// A device of this machine, and which one if there are several.
    Local(DeviceKind, Option<usize>),
    /// A device of another machine, by host and port.
    Remote(String),
}

/// A device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No such name.
    #[error("`{name}` is not a device{}", near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name.
        near: Option<&'static str>,
    },
    /// What follows the colon is wrong.
    #[error("`{name}`: expected `{expected}`")]
    Malformed {
        /// What was asked for.
        name: String,
        /// How the name is formed.
        expected: &'static str,
    },
    /// This program was built without it.
    #[error(
        "this program was built without `{feature}`; build it with `cargo build --release -p \
         tinderbox-cli --features {feature}`, or use one of: {}", available.join(", ")
    )]
    NotBuilt {
        /// The Cargo feature.
        feature: &'static str,
        /// Devices this program does have.
        available: Vec<&'static str>,
    },
    /// There are fewer devices of this kind.
    #[error("`{name}`: only {count} {kind} device(s) found, numbered from 0")]
    NoSuchIndex {
        /// What was asked for.
        name: String,
        /// The kind of device.
        kind: &'static str,
        /// How many there are.
        count: usize,
    },
    /// The other machine does not answer.
    #[error("`{name}` cannot be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        name: String,
        /// What the connection says.
        reason: String,
    },
    /// It multiplies wrongly: its driver, or Burn's backend for it, has a fault.
    #[error(
        "`{name}` gives wrong matrix products, so nothing it trains can be trusted; update its driver, or \
         use another device{}", if name.starts_with("vulkan") { " (`wgpu` reaches the same one in another way)" } else { "" }
    )]
    Wrong {
        /// What was asked for.
        name: String,
    },
}

impl Default for DeviceName {
    fn default() -> Self {
        Self::Local(DeviceKind::Flex, None)
    }
}

impl DeviceName {
    /// What the device runs on.
    pub fn kind(&self) -> DeviceKind {
        match self {
            Self::Local(kind, _) => *kind,
            Self::Remote(_) => DeviceKind::Remote,
        }
    }

    /// The device, without gradients. Any but the default one multiplies two matrices first: there are
    /// drivers on which Burn's `vulkan` gives wrong products without a word.
    ///
    /// # Errors
    /// [`DeviceError::NotBuilt`] without its Cargo feature, [`DeviceError::NoSuchIndex`] or
    /// [`DeviceError::Unreachable`] if there is no such device, [`DeviceError::Wrong`] if a product is wrong.
    pub fn open(&self) -> Result<Device, DeviceError> {
        let kind = self.kind();
        if !kind.is_enabled() {
            let available = DeviceKind::ALL.into_iter().filter(|kind| kind.is_enabled());
            return Err(DeviceError::NotBuilt {
                feature: kind.name(),
                available: available.map(DeviceKind::name).collect(),
            });
        }
        let device = self.open_enabled()?;
        if kind != DeviceKind::Flex && !multiplies(&device) {
            return Err(DeviceError::Wrong {
                name: self.to_string(),
            });
        }
        Ok(device)
    }

    // Which arms remain depends on the features of the build.
    #[allow(unreachable_patterns, deprecated)]
    fn open_enabled(&self) -> Result<Device, DeviceError> {
        match self {
            #[cfg(feature = "flex")]
            Self::Local(DeviceKind::Flex, _) => Ok(Device::flex()),
            #[cfg(feature = "ndarray")]
            Self::Local(DeviceKind::NdArray, _) => Ok(Device::ndarray()),
            #[cfg(feature = "vulkan")]
            Self::Local(DeviceKind::Vulkan, None) => {
                Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice))
            }
            #[cfg(feature = "wgpu")]
            Self::Local(DeviceKind::Wgpu, None) => {
                Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
            }
            #[cfg(feature = "metal")]
            Self::Local(DeviceKind::Metal, None) => {
                Ok(Device::metal(burn::tensor::DeviceKind::DefaultDevice))
            }
            #[cfg(feature = "cuda")]
            Self::Local(DeviceKind::Cuda, None) => Ok(Device::cuda(0usize)),
            Self::Local(kind, Some(index)) => {
                let mut devices = enumerate(*kind);
                if *index >= devices.len() {
                    return Err(DeviceError::NoSuchIndex {
                        name: self.to_string(),
                        kind: kind.name(),
                        count: devices.len(),
                    });
                }
                Ok(devices.swap_remove(*index))
            }
            #[cfg(feature = "remote")]
            Self::Remote(address) => {
                let host = burn::remote::RemoteHost::websocket(&format!("ws://{address}"));
                Device::remote_options(&host)
                    .init()
                    .map_err(|error| DeviceError::Unreachable {
                        name: self.to_string(),
                        reason: error.to_string(),
                    })
            }
            _ => Err(DeviceError::Unknown {
                name: self.to_string(),
                near: None,
            }),
        }
    }
}

/// Whether a product of two matrices is right. Their integers are so small that every precision gives it exactly.
fn multiplies(device: &Device) -> bool {
    const SIDE: usize = 96;
    let matrix = |row: usize, column: usize, range: usize| -> Vec<f32> {
        (0..SIDE * SIDE)
            .map(|i| ((row * (i / SIDE) + column * (i % SIDE)) % range) as f32)
            .collect()
    };
    let (left, right) = (matrix(3, 1, 5), matrix(1, 5, 7));
    let expected: Vec<f32> = (0..SIDE * SIDE)
        .map(|i| {
            let row = &left[i / SIDE * SIDE..][..SIDE];
            let column = right[i % SIDE..].iter().step_by(SIDE);
            row.iter().zip(column).map(|(a, b)| a * b).sum()
        })
        .collect();
    let tensor = |values: Vec<f32>| {
        Tensor::<2>::from_data(TensorData::new::<f32, _>(values, [SIDE, SIDE]), device)
    };
    let product = tensor(left).matmul(tensor(right));
    product
        .try_into_data()
        .ok()
        .and_then(|data| data.convert::<f32>().try_to_vec::<f32>().ok())
        .is_some_and(|got| got == expected)
}

/// The devices of one kind that this machine has; none for a kind that was not built in.
pub fn enumerate(kind: DeviceKind) -> Vec<Device> {
    #[allow(unused_imports)]
    use burn::tensor::DeviceType;
    match kind {
        #[cfg(feature = "flex")]
        DeviceKind::Flex => Device::enumerate(DeviceType::Flex).to_vec(),
        #[cfg(feature = "ndarray")]
        DeviceKind::NdArray => Device::enumerate(DeviceType::NdArray).to_vec(),
        #[cfg(feature = "vulkan")]
        DeviceKind::Vulkan => Device::enumerate(DeviceType::Vulkan).to_vec(),
        #[cfg(feature = "wgpu")]
        DeviceKind::Wgpu => Device::enumerate(DeviceType::Wgpu).to_vec(),
        #[cfg(feature = "metal")]
        DeviceKind::Metal => Device::enumerate(DeviceType::Metal).to_vec(),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => Device::enumerate(DeviceType::Cuda).to_vec(),
        _ => Vec::new(),
    }
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let (head, tail) = match name.split_once(':') {
            Some((head, tail)) => (head, Some(tail)),
            None => (name, None),
        };
        let malformed = |expected| DeviceError::Malformed {
            name: name.to_string(),
            expected,
        };
        let names = DeviceKind::ALL.map(DeviceKind::name);
        let Some(kind) = DeviceKind::ALL.into_iter().find(|kind| kind.name() == head) else {
            let near = crate::recipe::nearest(head, names)
                .and_then(|near| names.into_iter().find(|name| *name == near));
            return Err(DeviceError::Unknown {
                name: name.to_string(),
                near,
            });
        };
        match (kind, tail) {
            (DeviceKind::Remote, tail) => {
                let address = tail.unwrap_or_default();
                let valid = address.rsplit_once(':').is_some_and(|(host, port)| {
                    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_[]:".contains(c);
                    !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok()
                });
                if valid {
                    Ok(Self::Remote(address.to_string()))
                } else {
                    Err(malformed("remote:HOST:PORT"))
                }
            }
            (kind, None) => Ok(Self::Local(kind, None)),
            (kind, Some(index)) if kind.is_indexed() => match index.parse() {
                Ok(index) => Ok(Self::Local(kind, Some(index))),
                Err(_) => Err(malformed("NAME:N with N from 0")),
            },
            (kind, Some(_)) => Err(malformed(kind.name())),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(kind, None) => f.write_str(kind.name()),
            Self::Local(kind, Some(index)) => write!(f, "{}:{index}", kind.name()),
            Self::Remote(address) => write!(f, "remote:{address}"),
        }
    }
}

impl Serialize for DeviceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<DeviceName, &str>) {
        let got = name.parse::<DeviceName>();
        assert_eq!(
            got.map_err(|e| e.to_string()),
            expected.map_err(String::from)
        );
    }

    #[test]
    fn names_parse_and_print_alike() {
        for name in [
            "flex",
            "vulkan",
            "vulkan:1",
            "wgpu:0",
            "cuda:3",
            "remote:gpu.lan:3000",
        ] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn faults_say_what_is_expected() {
        check("flux", Err("`flux` is not a device; did you mean `flex`?"));
        check("gpu", Err("`gpu` is not a device; did you mean `wgpu`?"));
        check("abacus", Err("`abacus` is not a device"));
        check(
            "vulkan:x",
            Err("`vulkan:x`: expected `NAME:N with N from 0`"),
        );
        check("flex:1", Err("`flex:1`: expected `flex`"));
        check(
            "remote:host",
            Err("`remote:host`: expected `remote:HOST:PORT`"),
        );
        check(
            "remote:a/b:1",
            Err("`remote:a/b:1`: expected `remote:HOST:PORT`"),
        );
    }

    #[cfg(all(feature = "flex", not(feature = "cuda")))]
    #[test]
    fn a_device_not_built_in_names_its_feature() {
        let error = "cuda:0"
            .parse::<DeviceName>()
            .unwrap()
            .open()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("--features cuda") && error.contains("flex"),
            "{error}"
        );
        assert!(DeviceName::default().open().is_ok());
    }

    #[cfg(feature = "flex")]
    #[test]
    fn a_right_device_multiplies() {
        assert!(multiplies(&Device::flex()));
    }
}
