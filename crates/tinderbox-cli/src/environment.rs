//! `env.json`: on what a run was made, so that a resumed one can tell whether it will be the same.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::device::{DeviceKind, DeviceName};

/// `env.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of this program.
    pub tinderbox: String,
    /// Version of Burn.
    pub burn: String,
    /// Operating system and processor.
    pub platform: String,
    /// Instructions of the processor that change the order of sums.
    pub cpu_features: Vec<String>,
    /// Backends built in.
    pub backends: Vec<String>,
    /// The device of the run.
    pub device: String,
    /// Cores.
    pub cores: usize,
    /// The folder the program was called in, which relative paths of the recipe begin from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

impl Environment {
    /// This program, here and now.
    pub fn current(device: &DeviceName) -> Self {
        let enabled = DeviceKind::ALL.into_iter().filter(|kind| kind.is_enabled());
        Self {
            tinderbox: env!("CARGO_PKG_VERSION").to_string(),
            burn: "0.22.1".to_string(),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            cpu_features: cpu_features(),
            backends: enabled.map(|kind| kind.name().to_string()).collect(),
            device: device.to_string(),
            cores: cores(),
            // What is no text cannot be written as JSON.
            directory: std::env::current_dir()
                .ok()
                .filter(|directory| directory.to_str().is_some()),
        }
    }

    /// What of another environment may make the weights of a resumed run differ in their bits.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let pairs = [
            ("tinderbox", self.tinderbox.clone(), other.tinderbox.clone()),
            ("burn", self.burn.clone(), other.burn.clone()),
            ("platform", self.platform.clone(), other.platform.clone()),
            (
                "CPU features",
                self.cpu_features.join(" "),
                other.cpu_features.join(" "),
            ),
        ];
        pairs
            .into_iter()
            .filter(|(_, a, b)| a != b)
            .map(|(name, a, b)| format!("{name}: {a} -> {b}"))
            .collect()
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<String> {
    let found = [
        ("sse4.2", std::is_x86_feature_detected!("sse4.2")),
        ("avx", std::is_x86_feature_detected!("avx")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
    ];
    let present = found.into_iter().filter(|(_, present)| *present);
    present.map(|(name, _)| name.to_string()).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> Vec<String> {
    Vec::new()
}

/// The most memory this process has held, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_bits_is_a_difference() {
        let here = Environment::current(&DeviceName::default());
        let mut there = here.clone();
        there.cores += 1;
        assert!(here.differences(&there).is_empty());
        there.cpu_features = vec!["none".into()];
        assert_eq!(here.differences(&there).len(), 1);
    }

    #[test]
    fn burns_version_is_the_workspaces() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let version = &Environment::current(&DeviceName::default()).burn;
        assert!(manifest.contains(&format!("burn = {{ version = \"={version}\"")));
    }
}
