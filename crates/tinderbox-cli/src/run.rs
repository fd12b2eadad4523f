//! Where a run goes: a new directory, one to go on in, or one to replace.

use std::fs;
use std::path::{Path, PathBuf};

use tinderbox::train::{METRICS, RunDir, TIMING, TrainError};

use crate::args::GlobalArgs;
use crate::environment::Environment;
use crate::error::CliError;
use crate::output::escaped;
use crate::report::REPORT;

/// The recipe as it was given.
pub const RECIPE: &str = "recipe.toml";
/// The recipe with all defaults and overrides.
pub const RESOLVED: &str = "resolved.toml";
/// On what the run was made.
pub const ENVIRONMENT: &str = "env.json";
/// What the data is.
pub const DATA: &str = "data.json";
/// What makes items a model's input.
pub const PREPROCESSING: &str = "preprocessing.json";
/// A folder for what can be made anew, such as texts as tokens.
pub const CACHE: &str = "cache";
/// The label-efficiency table.
pub const COMPARISON: &str = "comparison.json";
/// Figures of the classes of the test part.
pub const TEST: &str = "test.json";
/// The model at the end of the run.
pub const EXPORTED: &str = "exported";

/// Says that a process works on the run.
const LOCK: &str = "LOCK";
/// Files that the program writes into a run's directory itself.
const OWN: [&str; 11] = [
    RECIPE,
    RESOLVED,
    ENVIRONMENT,
    DATA,
    PREPROCESSING,
    COMPARISON,
    TEST,
    METRICS,
    TIMING,
    REPORT,
    ".report.html.tmp",
];
/// Folders that the program makes in a run's directory.
const FOLDERS: [&str; 9] = [
    "checkpoints",
    "not-finite",
    "tensorboard",
    "probe",
    "comparison",
    CACHE,
    EXPORTED,
    ".exported.writing",
    ".exported.old",
];

/// A run directory, locked, and whether it holds a run to go on with.
#[derive(Debug)]
pub struct Opened {
    /// The directory.
    pub dir: RunDir,
    /// Whether to go on with the run that is in it.
    pub resume: bool,
    /// What was kept of the directory, since the program did not write it.
    pub kept: Vec<String>,
}

/// Whether a directory looks like that of a run.
pub fn is_run(path: &Path) -> bool {
    path.join(RESOLVED).is_file() || path.join(LOCK).is_file()
}

/// The folder that a run was called in, which relative paths of its recipe begin from.
pub fn directory(run: &Path) -> Option<PathBuf> {
    let environment = fs::read(run.join(ENVIRONMENT)).ok()?;
    let environment: Environment = serde_json::from_slice(&environment).ok()?;
    environment.directory
}

/// Whether the run in a directory came to its end: the report is written last.
pub fn is_finished(path: &Path) -> bool {
    path.join(EXPORTED).is_dir() && path.join(REPORT).is_file()
}

/// Opens the directory that the flags ask for. `numbered` names the default directories, from 1.
///
/// # Errors
/// If it exists and neither `--resume` nor `--overwrite` is given, if there is nothing to resume, if
/// another process works on it, or if it is not a run's.
pub fn open(
    out: Option<&Path>,
    numbered: impl Fn(u32) -> PathBuf,
    global: &GlobalArgs,
) -> Result<Opened, CliError> {
    if global.resume {
        let path = match out {
            Some(path) => path.to_path_buf(),
            None => newest_unfinished(&numbered)?,
        };
        if !is_run(&path) {
            return Err(CliError::Refused {
                message: format!("{} holds no run to go on with", path.display()),
                help: Some("leave out `--resume` to begin one".into()),
            });
        }
        let dir = RunDir::open(&path)?;
        // A run that was killed before it wrote its recipe begins anew in its directory.
        let resume = path.join(RESOLVED).is_file();
        let kept = Vec::new();
        return Ok(Opened { dir, resume, kept });
    }
    if global.overwrite {
        let path = out.map_or_else(|| numbered(1), Path::to_path_buf);
        return overwrite(path);
    }
    let dir = match out {
        Some(path) => RunDir::create(path)?,
        None => create_numbered(&numbered)?,
    };
    Ok(Opened {
        dir,
        resume: false,
        kept: Vec::new(),
    })
}

fn create_numbered(numbered: &impl Fn(u32) -> PathBuf) -> Result<RunDir, CliError> {
    let mut number = 1;
    loop {
        match RunDir::create(numbered(number)) {
            Err(TrainError::Exists { .. }) => number += 1,
            other => return Ok(other?),
        }
    }
}

fn overwrite(path: PathBuf) -> Result<Opened, CliError> {
    let exists = path
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some());
    if exists && !is_run(&path) {
        return Err(CliError::Refused {
            message: format!(
                "{} is not a run's directory, and is left as it is",
                path.display()
            ),
            help: Some("name another with `--out`".into()),
        });
    }
    let runs = runs_inside(&path);
    if !runs.is_empty() {
        return Err(CliError::Refused {
            message: format!(
                "{} holds runs that began from it, and is left as it is: {}",
                path.display(),
                escaped(&runs.join(", "))
            ),
            help: Some("move or remove them first, or name another directory with `--out`".into()),
        });
    }
    let dir = if exists {
        RunDir::open(&path)?
    } else {
        RunDir::create(&path)?
    };
    let mut kept = Vec::new();
    clear(dir.path(), Path::new(""), &mut kept)?;
    kept.sort();
    Ok(Opened {
        dir,
        resume: false,
        kept,
    })
}

/// The names of runs in a run's directory, such as `finetune-1`.
fn runs_inside(path: &Path) -> Vec<String> {
    let entries = path.read_dir().into_iter().flatten().flatten();
    let runs = entries.filter(|entry| is_run(&entry.path()));
    let mut names: Vec<String> = runs
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Whether the program writes a file of this path below a run's directory.
fn is_own(below: &Path) -> bool {
    let name = below.file_name().unwrap_or_default().to_string_lossy();
    let ends = |endings: &[&str]| {
        let ending = Path::new(&*name).extension().unwrap_or_default();
        endings.iter().any(|known| ending == *known)
    };
    let mut parts = below.iter().map(|part| part.to_string_lossy());
    let first = parts.next().unwrap_or_default();
    if parts.next().is_none() {
        return OWN.contains(&&*name);
    }
    match &*first {
        "checkpoints" | "not-finite" => ends(&["json", "bpk"]),
        "tensorboard" => name.starts_with("events.out.tfevents"),
        first if first == "probe" || first.starts_with("comparison") => {
            ends(&["json", "bpk", "safetensors"])
        }
        EXPORTED | ".exported.writing" | ".exported.old" => {
            below.strip_prefix(&*first).is_ok_and(crate::export::is_own)
        }
        CACHE => true,
        _ => false,
    }
}

/// Removes what the program wrote in a folder `below` a run's directory but its lock, and names what it keeps.
fn clear(run: &Path, below: &Path, kept: &mut Vec<String>) -> Result<(), CliError> {
    let folder = run.join(below);
    let entries = fs::read_dir(&folder).map_err(CliError::reading(&folder))?;
    for entry in entries {
        let entry = entry.map_err(CliError::reading(&folder))?;
        let (path, below) = (entry.path(), below.join(entry.file_name()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let first = below.iter().next().unwrap_or_default().to_string_lossy();
            // Those of other settings are numbered.
            let parts = first.starts_with("comparison-");
            if parts || FOLDERS.contains(&&*first) {
                clear(run, &below, kept)?;
                // Unless it holds what is kept.
                let _ = fs::remove_dir(&path);
            } else {
                kept.push(below.display().to_string());
            }
        } else if is_own(&below) {
            fs::remove_file(&path).map_err(CliError::io("removing", &path))?;
        } else if entry.file_name() != LOCK {
            kept.push(below.display().to_string());
        }
    }
    Ok(())
}

fn newest_unfinished(numbered: &impl Fn(u32) -> PathBuf) -> Result<PathBuf, CliError> {
    let existing = (1..).map(numbered).take_while(|path| path.exists());
    existing
        .filter(|path| is_run(path) && !is_finished(path))
        .last()
        .ok_or_else(|| CliError::Refused {
            message: format!("there is no unfinished run `{}`", numbered(1).display()),
            help: Some("name one with `--out`, or leave out `--resume` to begin one".into()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(resume: bool, overwrite: bool) -> GlobalArgs {
        GlobalArgs {
            resume,
            overwrite,
            ..GlobalArgs::default()
        }
    }

    #[test]
    fn new_runs_are_numbered_and_the_newest_unfinished_is_resumed() {
        let root = tempfile::tempdir().unwrap();
        let numbered = |n: u32| match n {
            1 => root.path().join("r"),
            n => root.path().join(format!("r-{n}")),
        };
        let begin = || {
            open(None, numbered, &flags(false, false))
                .unwrap()
                .dir
                .path()
                .to_path_buf()
        };
        let (first, second) = (begin(), begin());
        assert_eq!(
            (first.as_path(), second.as_path()),
            (&*numbered(1), &*numbered(2))
        );
        std::fs::write(first.join(RESOLVED), "").unwrap();
        std::fs::create_dir(second.join(EXPORTED)).unwrap();
        std::fs::write(second.join(REPORT), "").unwrap();
        let resumed = open(None, numbered, &flags(true, false)).unwrap();
        assert_eq!(resumed.dir.path(), first);
        assert!(resumed.resume);
    }

    #[test]
    fn an_existing_run_is_refused_replaced_or_resumed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("mine");
        let never = |_| -> PathBuf { unreachable!("the path is given") };
        let with = |resume, overwrite| open(Some(&path), never, &flags(resume, overwrite));
        assert_eq!(with(true, false).unwrap_err().exit_code(), 5);
        drop(with(false, false).unwrap());
        assert_eq!(with(false, false).unwrap_err().exit_code(), 5);
        // Killed before the recipe was written: begins anew.
        assert!(!with(true, false).unwrap().resume);
        std::fs::write(path.join(RESOLVED), "").unwrap();
        let held = with(true, false).unwrap();
        assert!(held.resume);
        let error = with(true, false).unwrap_err();
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
        drop(held);
        assert!(!with(false, true).unwrap().resume);
        assert!(!path.join(RESOLVED).exists());
    }

    #[test]
    fn what_is_not_a_run_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("precious"), "x").unwrap();
        let never = |_| -> PathBuf { unreachable!("the path is given") };
        let error = open(Some(root.path()), never, &flags(false, true)).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(root.path().join("precious").exists());
    }

    #[test]
    fn overwriting_takes_what_the_program_wrote_and_no_run_that_began_from_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("mine");
        let never = |_| -> PathBuf { unreachable!("the path is given") };
        let own = [
            RESOLVED,
            METRICS,
            "checkpoints/step-00000001/model.bpk",
            "exported/model.safetensors",
            "tensorboard/events.out.tfevents.1",
            "cache/x",
        ];
        let foreign = [
            "album/b.jpg",
            "exported/photo.jpg",
            "notes.txt",
            "probe/why.txt",
        ];
        let write = |name: &str| {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        };
        own.iter().chain(&foreign).for_each(|name| write(name));
        write("finetune-1/resolved.toml");
        let replace = || open(Some(&path), never, &flags(false, true));
        let error = replace().unwrap_err().to_string();
        assert!(error.contains("finetune-1"), "{error}");
        assert!(own.iter().all(|name| path.join(name).exists()));
        fs::remove_dir_all(path.join("finetune-1")).unwrap();
        let opened = replace().unwrap();
        assert_eq!(
            opened.kept,
            ["album", "exported/photo.jpg", "notes.txt", "probe/why.txt"]
        );
        assert!(foreign.iter().all(|name| path.join(name).exists()));
        assert!(own.iter().all(|name| !path.join(name).exists()));
        assert!(!path.join("checkpoints").exists() && !path.join(CACHE).exists());
    }
}
