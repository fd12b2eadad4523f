//! Checkpoints: folders that are whole or absent, and verified before use.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use serde::{Deserialize, Serialize};
use tinderbox_data::Skipped;
use tinderbox_transfer::{Better, FigureKind};

use crate::error::TrainError;

const FOLDER: &str = "checkpoints";
const MANIFEST: &str = "manifest.json";
const STATE: &str = "state.json";
const TEMPORARY: &str = ".writing-";
const FORMAT_VERSION: u32 = 1;

/// When to save, and what to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointConfig {
    /// Steps between checkpoints; the end of a run and a stop always save one.
    pub every: u64,
    /// How many of the newest to keep.
    pub keep: usize,
    /// A figure of the evaluators whose best value is kept too.
    pub best: Option<Watched>,
}

/// A figure that tells the best checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its name, such as `knn/accuracy`.
    pub name: String,
    /// Which way it is better.
    pub better: Better,
}

impl Watched {
    /// A figure whose name says which way it is better, by [`FigureKind::of`]; none if it does not.
    pub fn known(name: &str) -> Option<Self> {
        let better = FigureKind::of(name).better?;
        Some(Self {
            name: name.to_string(),
            better,
        })
    }

    /// Whether a value is better than the best so far.
    pub(crate) fn is_better(&self, value: f64, best: Option<&Best>) -> bool {
        let best = best.filter(|best| best.name == self.name);
        let than = best.map_or(f64::NAN, |best| best.value);
        self.better.is_better(value, than)
    }
}

/// The best value of the watched figure so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The figure.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// After how many steps.
    pub step: u64,
}

/// What a checkpoint holds beside tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointState {
    /// Version of this layout.
    pub format_version: u32,
    /// Optimiser steps done.
    pub step: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// The best checkpoint so far.
    pub best: Option<Best>,
    /// What told the weights that the run gives, if it stops early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Best>,
    /// Items that could not be read, so that a resumed run counts the same.
    pub skipped: Vec<Skipped>,
}

impl CheckpointState {
    pub(crate) fn new(
        step: u64,
        total_steps: u64,
        best: Option<Best>,
        skipped: Vec<Skipped>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            step,
            total_steps,
            best,
            kept: None,
            skipped,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format_version: u32,
    files: BTreeMap<String, ManifestEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ManifestEntry {
    bytes: u64,
    blake3: String,
}

/// A checkpoint that has been verified and read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The folder it came from.
    pub path: PathBuf,
    /// What it holds beside tensors.
    pub state: CheckpointState,
    files: BTreeMap<String, Vec<u8>>,
}

/// A damaged checkpoint that was set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct SetAside {
    /// Where it lies now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Checkpoint {
    /// The bytes of a file of the checkpoint, taken out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        self.files.remove(name)
    }

    /// Loads the module saved as `name`.
    ///
    /// # Errors
    /// [`TrainError::Incompatible`] if names or shapes differ.
    pub fn load_module<M: Module>(&self, name: &str, module: M) -> Result<M, TrainError> {
        let bytes = self
            .files
            .get(name)
            .ok_or_else(|| TrainError::incompatible(&self.path, format!("it has no {name}")))?;
        ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes.clone()))
            .and_then(|record| module.try_load_record(record))
            .map_err(|error| TrainError::incompatible(&self.path, error))
    }

    /// Whether the checkpoint holds a file.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Reads and verifies a checkpoint.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let read =
            |name: &str| fs::read(path.join(name)).map_err(|error| format!("{name}: {error}"));
        let manifest: Manifest = serde_json::from_slice(&read(MANIFEST)?)
            .map_err(|error| format!("{MANIFEST}: {error}"))?;
        if manifest.format_version != FORMAT_VERSION {
            return Err(format!(
                "format version {}, this program reads {FORMAT_VERSION}",
                manifest.format_version
            ));
        }
        let mut files = BTreeMap::new();
        for (name, entry) in manifest.files {
            let mut parts = Path::new(&name).components();
            let plain = matches!(parts.next(), Some(Component::Normal(part)) if part == &*name);
            if !plain || name.starts_with('.') {
                return Err(format!(
                    "{MANIFEST} names `{name}`, which is not a plain file name"
                ));
            }
            // Looked at before it is read: a pipe would never end, and a file of another length is not worth the memory.
            let found =
                fs::metadata(path.join(&name)).map_err(|error| format!("{name}: {error}"))?;
            if !found.is_file() {
                return Err(format!("{name} is not a file"));
            }
            if found.len() != entry.bytes {
                return Err(format!(
                    "{name} has {} bytes, expected {}",
                    found.len(),
                    entry.bytes
                ));
            }
            let bytes = read(&name)?;
            if blake3::hash(&bytes).to_hex().as_str() != entry.blake3 {
                return Err(format!("{name} does not match its checksum"));
            }
            files.insert(name, bytes);
        }
        let state = files
            .remove(STATE)
            .ok_or_else(|| format!("{STATE} is missing"))?;
        let state = serde_json::from_slice(&state).map_err(|error| format!("{STATE}: {error}"))?;
        Ok(Self {
            path: path.to_path_buf(),
            state,
            files,
        })
    }

    /// Writes a checkpoint folder: files synced, the manifest last, then renamed into place.
    ///
    /// # Errors
    /// What the file system says; nothing is left under the final name.
    pub fn write(
        folder: &Path,
        state: &CheckpointState,
        mut files: BTreeMap<String, Vec<u8>>,
    ) -> Result<(), TrainError> {
        let parent = folder.parent().unwrap_or(Path::new("."));
        let name = folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let temporary = parent.join(format!("{TEMPORARY}{name}"));
        fs::create_dir_all(parent).map_err(TrainError::io("creating", parent))?;
        if temporary.exists() {
            fs::remove_dir_all(&temporary).map_err(TrainError::io("removing", &temporary))?;
        }
        let text = serde_json::to_vec_pretty(state).expect("the state is plain data");
        files.insert(STATE.to_string(), text);
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            files: files
                .iter()
                .map(|(name, bytes)| {
                    let entry = ManifestEntry {
                        bytes: bytes.len() as u64,
                        blake3: blake3::hash(bytes).to_hex().to_string(),
                    };
                    (name.clone(), entry)
                })
                .collect(),
        };
        let manifest = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        let written = write_folder(&temporary, files.iter(), &manifest).and_then(|()| {
            fs::rename(&temporary, folder).map_err(TrainError::io("renaming", &temporary))?;
            sync_folder(parent)
        });
        if written.is_err() {
            let _ = fs::remove_dir_all(&temporary);
        }
        written
    }
}

fn write_folder<'a>(
    folder: &Path,
    files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>,
    manifest: &[u8],
) -> Result<(), TrainError> {
    fs::create_dir(folder).map_err(TrainError::io("creating", folder))?;
    let manifest_name = MANIFEST.to_string();
    let all = files
        .map(|(name, bytes)| (name, bytes.as_slice()))
        .chain([(&manifest_name, manifest)]);
    for (name, bytes) in all {
        let path = folder.join(name);
        File::create_new(&path)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            })
            .map_err(TrainError::io("writing", &path))?;
    }
    sync_folder(folder)
}

/// Makes renames and new names in a folder durable.
fn sync_folder(folder: &Path) -> Result<(), TrainError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(TrainError::io("syncing", folder))
}

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// The checkpoints under a run directory.
    pub fn of(run: &Path) -> Self {
        Self {
            folder: run.join(FOLDER),
        }
    }

    /// The folder of the checkpoint after `step` steps.
    pub fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step-{step:08}"))
    }

    /// The steps that have a checkpoint, ascending; by name, never by the clock.
    pub fn steps(&self) -> Vec<u64> {
        let mut steps: Vec<u64> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let step = entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("step-")?
                    .parse()
                    .ok()?;
                // Other ways to write the number are other folders.
                (entry.path() == self.path(step)).then_some(step)
            })
            .collect();
        steps.sort_unstable();
        steps
    }

    /// The newest checkpoint that verifies; damaged ones are renamed and named.
    ///
    /// # Errors
    /// [`TrainError::NoCheckpoint`] if none verifies.
    pub fn latest(&self) -> Result<(Checkpoint, Vec<SetAside>), TrainError> {
        let mut set_aside = Vec::new();
        for step in self.steps().into_iter().rev() {
            let path = self.path(step);
            match Checkpoint::read(&path) {
                Ok(checkpoint) => return Ok((checkpoint, set_aside)),
                Err(reason) => {
                    let aside = self.aside(step);
                    fs::rename(&path, &aside).map_err(TrainError::io("renaming", &path))?;
                    set_aside.push(SetAside {
                        path: aside,
                        reason,
                    });
                }
            }
        }
        Err(TrainError::NoCheckpoint {
            path: self.folder.clone(),
        })
    }

    fn aside(&self, step: u64) -> PathBuf {
        (0..)
            .map(|count| self.folder.join(format!("damaged-{step:08}-{count}")))
            .find(|path| !path.exists())
            .expect("an unbounded range holds a free name")
    }

    /// Saves a checkpoint; one of the same step that verifies is left as it is.
    pub(crate) fn save(
        &self,
        state: &CheckpointState,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<PathBuf, TrainError> {
        let path = self.path(state.step);
        if path.exists() {
            if Checkpoint::read(&path).is_ok() {
                return Ok(path);
            }
            let aside = self.aside(state.step);
            fs::rename(&path, &aside).map_err(TrainError::io("renaming", &path))?;
        }
        Checkpoint::write(&path, state, files)?;
        Ok(path)
    }

    /// Removes all but the newest `keep` and the best, and what a crash left half written.
    pub(crate) fn prune(&self, keep: usize, best: Option<u64>) -> Result<(), TrainError> {
        let steps = self.steps();
        let old = steps.len().saturating_sub(keep.max(1));
        for step in &steps[..old] {
            if Some(*step) != best {
                let path = self.path(*step);
                fs::remove_dir_all(&path).map_err(TrainError::io("removing", &path))?;
            }
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state(step: u64) -> CheckpointState {
        CheckpointState::new(step, 10, None, Vec::new())
    }

    fn files() -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([("model.bpk".to_string(), (0..=255).collect())])
    }

    #[test]
    fn a_damaged_checkpoint_is_set_aside_and_the_one_before_used() {
        let root = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(root.path());
        for step in [2, 4, 6] {
            checkpoints.save(&state(step), files()).unwrap();
        }
        let model = checkpoints.path(6).join("model.bpk");
        let bytes = fs::read(&model).unwrap();
        fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
        let (latest, aside) = checkpoints.latest().unwrap();
        assert_eq!(latest.state.step, 4);
        assert_eq!(aside.len(), 1);
        assert!(aside[0].reason.contains("128 bytes, expected 256"));
        assert!(aside[0].path.exists() && !checkpoints.path(6).exists());
    }

    #[test]
    fn pruning_keeps_the_newest_and_the_best() {
        let root = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(root.path());
        for step in 1..=5 {
            checkpoints.save(&state(step), files()).unwrap();
        }
        fs::create_dir(root.path().join(FOLDER).join(".writing-step-00000006")).unwrap();
        checkpoints.prune(2, Some(1)).unwrap();
        assert_eq!(checkpoints.steps(), [1, 4, 5]);
        assert_eq!(fs::read_dir(root.path().join(FOLDER)).unwrap().count(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_flipped_bit_or_cut_is_found(
            file in 0_usize..3,
            at in any::<prop::sample::Index>(),
            cut in any::<bool>(),
        ) {
            let root = tempfile::tempdir().unwrap();
            let checkpoints = Checkpoints::of(root.path());
            checkpoints.save(&state(1), files()).unwrap();
            let path = checkpoints.path(1).join([MANIFEST, STATE, "model.bpk"][file]);
            let mut bytes = fs::read(&path).unwrap();
            let position = at.index(bytes.len());
            if cut {
                bytes.truncate(position);
            } else {
                bytes[position] ^= 0x10;
            }
            fs::write(&path, &bytes).unwrap();
            // A flip inside the manifest may leave its meaning as it was, such as in white space;
            // what is read must then be what was written.
            if let Ok(mut read) = Checkpoint::read(&checkpoints.path(1)) {
                prop_assert_eq!(file, 0);
                prop_assert_eq!(read.take("model.bpk"), files().remove("model.bpk"));
            }
        }

        #[test]
        fn any_manifest_and_any_state_are_a_checkpoint_or_an_error(
            manifest in any::<bool>(),
            bytes in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                pieces().prop_map(String::into_bytes),
            ],
        ) {
            let root = tempfile::tempdir().unwrap();
            let checkpoints = Checkpoints::of(root.path());
            checkpoints.save(&state(1), files()).unwrap();
            let folder = checkpoints.path(1);
            if manifest {
                fs::write(folder.join(MANIFEST), &bytes).unwrap();
            } else {
                // Under a manifest that vouches for it.
                fs::remove_dir_all(&folder).unwrap();
                let entry = ManifestEntry {
                    bytes: bytes.len() as u64,
                    blake3: blake3::hash(&bytes).to_hex().to_string(),
                };
                let manifest = Manifest {
                    format_version: FORMAT_VERSION,
                    files: BTreeMap::from([(STATE.to_string(), entry)]),
                };
                fs::create_dir(&folder).unwrap();
                fs::write(folder.join(STATE), &bytes).unwrap();
                fs::write(folder.join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
            }
            prop_assert!(Checkpoint::read(&folder).is_err());
        }
    }

    /// JSON of the names that the files of a checkpoint use, mostly malformed.
    fn pieces() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"format_version\":1",
            "\"files\":",
            "\"..\":",
            "\"/\":",
            "\"\":",
            "\"model.bpk\":",
            "\"bytes\":",
            "\"blake3\":",
            "\"step\":",
            "0",
            "1",
            "-1",
            "1e400",
            "null",
            "\"x\"",
            "\\",
        ];
        prop::collection::vec(prop::sample::select(PIECES), 0..20)
            .prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn a_manifest_names_plain_files_only() {
        let root = tempfile::tempdir().unwrap();
        for name in [
            "..",
            "../secret",
            "/",
            "/etc/hostname",
            "a/b",
            ".hidden",
            "",
        ] {
            let manifest = serde_json::json!({
                "format_version": FORMAT_VERSION,
                "files": {name: {"bytes": 0, "blake3": ""}},
            });
            fs::write(root.path().join(MANIFEST), manifest.to_string()).unwrap();
            let reason = Checkpoint::read(root.path()).unwrap_err();
            assert!(reason.contains("not a plain file name"), "{name}: {reason}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_a_checkpoint_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(root.path());
        checkpoints.save(&state(1), files()).unwrap();
        let model = checkpoints.path(1).join("model.bpk");
        fs::remove_file(&model).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&model).status();
        assert!(made.unwrap().success());
        let reason = Checkpoint::read(&checkpoints.path(1)).unwrap_err();
        assert_eq!(reason, "model.bpk is not a file");
    }

    #[test]
    fn a_folder_that_only_looks_like_a_checkpoint_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::of(root.path());
        checkpoints.save(&state(3), files()).unwrap();
        for name in ["step-+9", "step-9", "step-000000009", "step-x"] {
            fs::create_dir(root.path().join(FOLDER).join(name)).unwrap();
        }
        assert_eq!(checkpoints.steps(), [3]);
        assert_eq!(checkpoints.latest().unwrap().0.state.step, 3);
    }
}
