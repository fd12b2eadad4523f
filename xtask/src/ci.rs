//! `cargo xtask ci`: every check, the cheapest first; the first failure ends it.
//!
//! The order also follows what is compiled. `cargo check` and clippy share one set of artefacts,
//! tests and doctests a second one with `wgpu` in it, and each change of features builds Burn once more: that crates
//! stand alone is checked and, but for `--full`, not run.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{docs, parity, shell, tidy};

/// Debian's chromium ships this driver; it runs Vulkan on a CPU.
const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";

/// Library crates, lowest first.
const LIBRARIES: &[&str] = &[
    "tinderbox-data",
    "tinderbox-kernels",
    "tinderbox-nn",
    "tinderbox-objectives",
    "tinderbox-transfer",
    "tinderbox-train",
];

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
    /// Only with `--full`.
    slow: bool,
}

const STEPS: &[Step] = &[
    step("format", format),
    step("tidy", tidy::run),
    step("links", docs::check_links),
    step("lean", check_without_features),
    step("features", check_all_features),
    step("clippy", clippy),
    step("tests-alone", check_tests_alone),
    step("api-docs", docs::build),
    step("build", build),
    step("test", test),
    step("processors", processors),
    step("vulkan", vulkan),
    step("doctest", doctest),
    slow("alone", objectives_alone),
    slow("ndarray", ndarray),
    slow("remote", remote),
    slow("ignored", ignored),
    slow("sanitizer", sanitizer),
    slow("miri", miri),
    slow("parity", parity_if_possible),
];

const fn step(name: &'static str, run: fn() -> Result<()>) -> Step {
    Step {
        name,
        run,
        slow: false,
    }
}

const fn slow(name: &'static str, run: fn() -> Result<()>) -> Step {
    Step {
        name,
        run,
        slow: true,
    }
}

pub fn run(arguments: &[String]) -> Result<()> {
    let mut full = false;
    let mut only: Vec<&str> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--full" => full = true,
            "--list" => {
                for step in STEPS {
                    println!("{}{}", step.name, if step.slow { " (--full)" } else { "" });
                }
                return Ok(());
            }
            "--only" => match rest.next() {
                Some(name) if STEPS.iter().any(|step| step.name == name) => only.push(name),
                _ => bail!("--only takes the name of a step; `cargo xtask ci --list` names them"),
            },
            other => bail!("ci does not know `{other}`"),
        }
    }
    let wanted: Vec<&Step> = STEPS
        .iter()
        .filter(|step| match only.as_slice() {
            [] => full || !step.slow,
            names => names.contains(&step.name),
        })
        .collect();

    let start = Instant::now();
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let mut failure = None;
    for (index, step) in wanted.iter().enumerate() {
        println!("\n== {} ({} of {})", step.name, index + 1, wanted.len());
        let began = Instant::now();
        let result = (step.run)();
        let took = began.elapsed();
        done.push((step.name, took));
        match result {
            Ok(()) => println!("== {}: passed in {}", step.name, seconds(took)),
            Err(error) => {
                println!("== {}: FAILED after {}", step.name, seconds(took));
                failure = Some((step.name, error));
                break;
            }
        }
    }

    println!();
    let mut rows = vec![vec!["step".into(), "seconds".into(), "result".into()]];
    for (name, took) in &done {
        let failed = failure.as_ref().is_some_and(|(failed, _)| failed == name);
        rows.push(vec![
            (*name).to_string(),
            seconds(*took),
            if failed { "FAILED" } else { "passed" }.into(),
        ]);
    }
    for step in &wanted[done.len()..] {
        rows.push(vec![step.name.into(), String::new(), "not run".into()]);
    }
    rows.push(vec![
        "together".into(),
        seconds(start.elapsed()),
        String::new(),
    ]);
    shell::print_table(&rows);
    let failed = usize::from(failure.is_some());
    println!("\nsteps: {} passed, {failed} failed", done.len() - failed);
    match failure {
        None => Ok(()),
        Some((name, error)) => Err(error.context(format!(
            "step `{name}` failed; `cargo xtask ci --only {name}` runs it alone"
        ))),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

fn format() -> Result<()> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))
}

/// Each library crate by itself with the fewest features, and the facade without a backend.
fn check_without_features() -> Result<()> {
    for name in LIBRARIES.iter().chain(&["tinderbox"]) {
        shell::run(&mut shell::cargo(&[
            "check",
            "--locked",
            "--release",
            "--package",
            name,
            "--no-default-features",
        ]))?;
    }
    Ok(())
}

/// Each library crate that has features by itself with all of them. The facade is no part of it:
/// all its features are all backends, of which some need a foreign toolchain.
fn check_all_features() -> Result<()> {
    for name in LIBRARIES {
        let manifest = shell::root().join("crates").join(name).join("Cargo.toml");
        let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(manifest)?)?;
        // Without features this is the check of the step before.
        if !manifest.contains_key("features") {
            continue;
        }
        shell::run(&mut shell::cargo(&[
            "check",
            "--locked",
            "--release",
            "--package",
            name,
            "--all-features",
        ]))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    shell::run(&mut shell::cargo(&[
        "clippy",
        "--locked",
        "--release",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

/// The tests of each crate with the features that the crate itself asks for: the workspace as a whole brings those that one
/// forgot. They are checked and not built, since one set of Burn's features more is enough.
fn check_tests_alone() -> Result<()> {
    for name in LIBRARIES.iter().chain(&["tinderbox", "tinderbox-cli"]) {
        let mut check = shell::cargo(&["check", "--locked", "--release", "--tests"]);
        check.args(["--package", name]);
        if *name == "tinderbox-kernels" {
            // Its fast paths are what it tests.
            check.args(["--features", "flex"]);
        }
        shell::run(&mut check)?;
    }
    Ok(())
}

/// What is tested: everything, with the default backend and the one for GPUs.
///
/// The feature `wgpu` runs on Vulkan with shaders that go through WGSL. The feature `vulkan` compiles
/// them itself, and cubecl-spirv 0.11.3 declares shared memory wrong for drivers without
/// `VK_KHR_workgroup_memory_explicit_layout`: matrix products are wrong on SwiftShader.
const EVERYTHING: &[&str] = &["--workspace", "--features", "tinderbox-cli/wgpu"];

fn nextest(arguments: &[&str]) -> Command {
    let mut command = shell::cargo(&["nextest", "run", "--locked", "--release"]);
    command.args(arguments);
    command
}

/// Builds what the next steps run, so that the table tells the two apart.
fn build() -> Result<()> {
    shell::run(nextest(EVERYTHING).arg("--no-run"))
}

fn test() -> Result<()> {
    shell::run(nextest(EVERYTHING).args(["--no-fail-fast", "-E", "not test(device_suite)"]))
}

/// The kernels once more with the vectors of other processors, and the networks on Burn's own operations.
fn processors() -> Result<()> {
    for (kernels, tests) in [
        ("avx2", "package(tinderbox-kernels)"),
        ("portable", "package(tinderbox-kernels)"),
        ("off", "package(tinderbox-nn)"),
    ] {
        let mut command = nextest(EVERYTHING);
        command.args(["--no-fail-fast", "-E", tests]);
        shell::run(command.env("TINDERBOX_KERNELS", kernels))?;
    }
    Ok(())
}

fn doctest() -> Result<()> {
    shell::run(shell::cargo(&["test", "--locked", "--release", "--doc"]).args(EVERYTHING))
}

/// `tinderbox-objectives` and what it stands on, with the features these packages have without the
/// rest of the workspace.
fn objectives_alone() -> Result<()> {
    shell::run(&mut nextest(&[
        "--package",
        "tinderbox-objectives",
        "--no-fail-fast",
    ]))
}

/// Encoders and objectives on `flex` and on Vulkan, compared by the tests named `device_suite`.
fn vulkan() -> Result<()> {
    let mut command = nextest(EVERYTHING);
    command.args(["--no-fail-fast", "-E", "test(device_suite)"]);
    if std::env::var_os("VK_DRIVER_FILES").is_none() {
        if !Path::new(SWIFTSHADER).exists() {
            bail!(
                "there is no {SWIFTSHADER}: install Debian's chromium, or name a Vulkan driver in VK_DRIVER_FILES"
            );
        }
        command.env("VK_DRIVER_FILES", SWIFTSHADER);
        // Without a working driver `wgpu` would take OpenGL, if the machine has it.
        command.env("TINDERBOX_ADAPTER", "SwiftShader");
    }
    if std::env::var_os("CUBECL_AUTOTUNE_LEVEL").is_none() {
        command.env("CUBECL_AUTOTUNE_LEVEL", "minimal");
    }
    shell::run(&mut command)
}

/// The program with the older CPU backend, and the device suite on it.
fn ndarray() -> Result<()> {
    shell::run(&mut nextest(&[
        "--package",
        "tinderbox-cli",
        "--features",
        "ndarray",
        "--test",
        "suite",
        "device_suite",
    ]))
}

/// The program with the remote backend builds. Running it needs a server.
fn remote() -> Result<()> {
    shell::run(&mut shell::cargo(&[
        "check",
        "--locked",
        "--release",
        "--package",
        "tinderbox-cli",
        "--features",
        "remote",
    ]))
}

/// The tests that are too slow for every change.
fn ignored() -> Result<()> {
    shell::run(&mut nextest(&[
        "--workspace",
        "--no-fail-fast",
        "--run-ignored",
        "only",
        "--no-tests",
        "pass",
    ]))
}

/// The kernels under AddressSanitizer, with the vectors of every kind of processor: no read or write outside of what was
/// allocated, or after it was freed.
fn sanitizer() -> Result<()> {
    if !nightly_has("--version") {
        return Ok(());
    }
    let host = shell::output(&mut shell::program("rustc", &["--print", "host-tuple"]))?;
    for kernels in ["", "avx2", "portable"] {
        let mut command = shell::nightly(&["nextest", "run", "--locked", "--release"]);
        // With a target of its own, build scripts and macros go without the sanitizer.
        command.args(["--target", host.trim()]).args(KERNELS);
        // The sanitizer brings an allocator of its own.
        command.args(["--no-fail-fast", "-E", "not test(memory::)"]);
        command.env("RUSTFLAGS", "-Zsanitizer=address");
        command.env("TINDERBOX_KERNELS", kernels);
        shell::run(&mut command)?;
    }
    Ok(())
}

/// What of the kernels ends within minutes under Miri, which finds any undefined behaviour but knows no vectors of a
/// processor. Random cases and larger shapes are the sanitizer's.
fn miri() -> Result<()> {
    if !nightly_has("miri") {
        return Ok(());
    }
    let mut command = shell::nightly(&["miri", "nextest", "run", "--locked", "--lib"]);
    command
        .args(KERNELS)
        .args(["--no-fail-fast", "-E", UNDER_MIRI]);
    // Stacked Borrows refuses crossbeam's queue, and rayon's threads outlive `main`. Without the last flag, `exp` and
    // `ln` are off by chance.
    let flags = "-Zmiri-tree-borrows -Zmiri-disable-isolation -Zmiri-ignore-leaks \
                 -Zmiri-deterministic-floats";
    command.env("MIRIFLAGS", flags);
    command.env("TINDERBOX_KERNELS", "portable");
    command.env("RAYON_NUM_THREADS", "2");
    shell::run(&mut command)
}

const KERNELS: &[&str] = &["--package", "tinderbox-kernels", "--features", "flex"];

/// Tests that fill no large buffers and go through no random cases.
const UNDER_MIRI: &str = "test(buffer::) or test(every_height) or test(nothing_gives_nothing) or test(no_rows) \
                          or test(that_are_held_stay) or test(without_a_gradient) or test(large_logits) \
                          or test(squares_add_up)";

/// Whether a nightly toolchain knows a command; without it, says what brings it.
fn nightly_has(command: &str) -> bool {
    let there = shell::works("rustup", &["run", "nightly", "cargo", command, "--help"]);
    if !there {
        println!("skipped: this needs `rustup toolchain install nightly --component miri`");
    }
    there
}

/// The fixtures made anew, where a Python with PyTorch is there; installing one is `cargo xtask parity`'s.
fn parity_if_possible() -> Result<()> {
    let made = shell::root().join("target/parity-venv/bin/python");
    let python = match std::env::var("TINDERBOX_PYTHON") {
        Ok(given) => given,
        Err(_) if made.exists() => made.to_string_lossy().into_owned(),
        Err(_) => "python3".into(),
    };
    if shell::works(&python, &["-c", "import torch"]) {
        parity::run(&[])
    } else {
        println!("skipped: {python} has no torch; `cargo xtask parity` makes an environment");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_steps_differ() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(STEPS[..index].iter().all(|other| other.name != step.name));
        }
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let run = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_string()).collect();
            run(&arguments)
        };
        assert!(run(&["--fast"]).is_err());
        assert!(run(&["--only"]).is_err());
        assert!(run(&["--only", "nothing"]).is_err());
        assert!(run(&["--list"]).is_ok());
    }
}
