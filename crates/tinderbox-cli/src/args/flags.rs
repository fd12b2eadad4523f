//! Flags that several verbs share, and which verb takes which.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches};

use super::Cli;
use super::takes::{HAVE_A_PLACE, MEANS, RUN, TAKES};
use crate::recipe::Override;

/// Flags that several verbs share. A verb shows and takes those alone that act in it.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Where to run, such as flex
    ///
    /// One of flex, vulkan, wgpu, metal, cuda (each also NAME:N), ndarray, remote:HOST:PORT. Which of
    /// them this program has depends on the Cargo features it was built with: `tinderbox devices` lists them.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Change a key of the recipe; may be given again
    ///
    /// The value is TOML, or a bare word taken as a string: `--set optim.lr=1e-3`,
    /// `--set data.source=folder`, `--set 'compare.shares=[0.1, 1.0]'`. Later ones win.
    /// `tinderbox help recipe` lists the keys.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run directory; by default `runs/NAME`
    ///
    /// Without it, a run goes to `runs/NAME`, or `runs/NAME-2` and so on if that exists.
    #[arg(long, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// Go on with a run that was stopped
    ///
    /// From its last whole checkpoint. Alone, it takes the newest unfinished run of the recipe's name;
    /// with `--out`, that one.
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Replace what an earlier call wrote there
    ///
    /// What the program did not write is kept.
    #[arg(long)]
    pub overwrite: bool,
    /// With `--resume`: although the data has changed
    #[arg(long)]
    pub accept_data_change: bool,
    /// Threads that load data
    ///
    /// Results do not depend on it.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Check recipe and data, show the cost, and stop
    ///
    /// Shows shapes, parameters, memory and the time of a step, and what is not used as it was given.
    #[arg(long)]
    pub dry_run: bool,
    /// Print results and errors as JSON
    ///
    /// Errors are {"error": {...}}.
    #[arg(long)]
    pub json: bool,
    /// No progress, no notes and no warnings
    #[arg(long, short)]
    pub quiet: bool,
}

/// The command line with the shared flags where they act. In front of the verb all of them may stand.
pub fn command() -> Command {
    let shared = GlobalArgs::augment_args(Command::new("shared"));
    let own = |verb: &str, id: &str| -> Arg {
        let flag = shared.get_arguments().find(|flag| flag.get_id() == id);
        let flag = flag.expect("every name in the list is a flag").clone();
        let means = MEANS.iter().find(|(v, i, _)| (*v, *i) == (verb, id));
        match means {
            Some((.., means)) => flag.help(*means).long_help(*means),
            None => flag,
        }
    };
    let mut command = Cli::command().mut_args(|flag| flag.hide(true));
    for (verb, ids) in TAKES {
        let add = |of: Command| of.args(ids.iter().map(|id| own(verb, id)));
        command = match verb.split_once(' ') {
            None => command.mut_subcommand(verb, add),
            Some((outer, inner)) => {
                command.mut_subcommand(outer, |outer| outer.mut_subcommand(inner, add))
            }
        };
    }
    command
}

impl Cli {
    /// Reads the command line, the program's own name first.
    ///
    /// # Errors
    /// Help that was asked for, or what is wrong; a flag that does not act in the verb is.
    pub fn read(line: &[OsString]) -> Result<Self, clap::Error> {
        let mut command = command();
        let matches = command.try_get_matches_from_mut(line);
        let matches = matches.map_err(|error| of_no_use(&mut command, error))?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let (verb, own) = innermost(&matches);
        let takes = takes(&verb);
        for flag in GlobalArgs::augment_args(Command::new("shared")).get_arguments() {
            let id = flag.get_id().as_str();
            let given = matches.value_source(id) == Some(ValueSource::CommandLine);
            if given && !takes.contains(&id) {
                return Err(command.error(ErrorKind::UnknownArgument, acts_in(id)));
            }
        }
        cli.global = cli.global.then(GlobalArgs::of(own));
        match cli.global.contradiction(&verb) {
            Some((kind, message)) => Err(command.error(kind, message)),
            None => Ok(cli),
        }
    }
}

fn takes(verb: &str) -> &'static [&'static str] {
    let found = TAKES.iter().find(|(other, _)| *other == verb);
    found.map_or(&[], |(_, ids)| ids)
}

/// The words that name the verb, and what was matched behind the last of them.
fn innermost(matches: &ArgMatches) -> (String, &ArgMatches) {
    let (mut words, mut at) = (Vec::new(), matches);
    while let Some((word, inner)) = at.subcommand() {
        words.push(word);
        at = inner;
    }
    (words.join(" "), at)
}

/// Says of a flag that another verb takes, where it acts.
fn of_no_use(command: &mut Command, error: clap::Error) -> clap::Error {
    let named = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) => flag,
        _ => return error,
    };
    let name = named.trim_start_matches('-').split('=').next();
    let id = name.unwrap_or_default().replace('-', "_");
    match RUN.contains(&id.as_str()) {
        true => command.error(ErrorKind::UnknownArgument, acts_in(&id)),
        false => error,
    }
}

fn acts_in(id: &str) -> String {
    let verbs = TAKES.iter().filter(|(_, ids)| ids.contains(&id));
    let verbs: Vec<&str> = verbs.map(|(verb, _)| *verb).collect();
    let flag = id.replace('_', "-");
    format!(
        "`--{flag}` has no use here: it acts in {}",
        verbs.join(", ")
    )
}

impl GlobalArgs {
    /// What stands behind a verb.
    fn of(matches: &ArgMatches) -> Self {
        fn one<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
            matches.try_get_one::<T>(id).ok().flatten().cloned()
        }
        let is = |id| one::<bool>(matches, id).unwrap_or_default();
        let set = matches.try_get_many::<String>("set").ok().flatten();
        Self {
            device: one(matches, "device"),
            set: set.into_iter().flatten().cloned().collect(),
            out: one(matches, "out"),
            resume: is("resume"),
            overwrite: is("overwrite"),
            accept_data_change: is("accept_data_change"),
            threads: one(matches, "threads"),
            dry_run: is("dry_run"),
            json: is("json"),
            quiet: is("quiet"),
        }
    }

    /// These flags and later ones.
    fn then(self, later: Self) -> Self {
        Self {
            device: later.device.or(self.device),
            set: [self.set, later.set].concat(),
            out: later.out.or(self.out),
            resume: self.resume || later.resume,
            overwrite: self.overwrite || later.overwrite,
            accept_data_change: self.accept_data_change || later.accept_data_change,
            threads: later.threads.or(self.threads),
            dry_run: self.dry_run || later.dry_run,
            json: self.json || later.json,
            quiet: self.quiet || later.quiet,
        }
    }

    /// A flag that does nothing beside the others, or without them.
    fn contradiction(&self, verb: &str) -> Option<(ErrorKind, String)> {
        if self.resume && self.overwrite {
            let message = "`--resume` and `--overwrite` exclude each other";
            return Some((ErrorKind::ArgumentConflict, message.into()));
        }
        if self.accept_data_change && !self.resume && verb != "compare" {
            let message = "`--accept-data-change` has a use with `--resume` alone";
            return Some((ErrorKind::MissingRequiredArgument, message.into()));
        }
        if self.overwrite && self.out.is_none() && !HAVE_A_PLACE.contains(&verb) {
            let message = "`--overwrite` has a use with `--out` alone";
            return Some((ErrorKind::MissingRequiredArgument, message.into()));
        }
        None
    }

    /// The flags that were given, of those that say more than how results are printed.
    pub fn given(&self) -> Vec<&'static str> {
        let flags = [
            ("--device", self.device.is_some()),
            ("--set", !self.set.is_empty()),
            ("--out", self.out.is_some()),
            ("--resume", self.resume),
            ("--overwrite", self.overwrite),
            ("--accept-data-change", self.accept_data_change),
            ("--threads", self.threads.is_some()),
            ("--dry-run", self.dry_run),
        ];
        let given = flags.into_iter().filter(|(_, given)| *given);
        given.map(|(flag, _)| flag).collect()
    }

    /// What the flags change in a recipe: `--set` in order, then flags of their own.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides: Vec<_> = self.set.iter().map(|text| Override::set(text)).collect();
        if let Some(device) = &self.device {
            overrides.push(Override::flag("--device", "device", device.as_str()));
        }
        if let Some(threads) = self.threads {
            overrides.push(Override::flag("--threads", "threads", threads as i64));
        }
        if let Some(out) = &self.out {
            overrides.push(Override::flag(
                "--out",
                "out",
                out.to_string_lossy().as_ref(),
            ));
        }
        overrides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        let words = line.split(' ').map(OsString::from);
        let line: Vec<OsString> = std::iter::once("tinderbox".into()).chain(words).collect();
        Cli::read(&line)
    }

    /// Words that each verb needs.
    const LINES: [&str; 19] = [
        "compare r",
        "pretrain r",
        "finetune m",
        "probe m",
        "embed m",
        "predict m",
        "generate m",
        "export r to",
        "replay r",
        "data inspect p",
        "data leaks a b",
        "words train c",
        "words nearest v w",
        "words analogy v a b c",
        "words score v f",
        "devices",
        "recipes",
        "completions bash",
        "help",
    ];

    const FLAGS: [&str; 10] = [
        "--device flex",
        "--set seed=1",
        "--out o",
        "--resume",
        "--overwrite",
        "--accept-data-change",
        "--threads 2",
        "--dry-run",
        "--json",
        "--quiet",
    ];

    #[test]
    fn each_verb_takes_the_flags_that_act_in_it_on_either_side_and_shows_no_other() {
        command().debug_assert();
        let mut taken = 0;
        for line in LINES {
            let verb = TAKES.iter().map(|(verb, _)| *verb);
            let mut verb = verb.filter(|verb| format!("{line} ").starts_with(&format!("{verb} ")));
            let verb = verb.next_back().unwrap_or("completions");
            let mut command = command();
            let of = verb.split(' ').fold(&mut command, |command, word| {
                command.find_subcommand_mut(word).unwrap()
            });
            let help = of.render_help().to_string();
            for flag in FLAGS {
                let name = flag.split(' ').next().unwrap();
                let id = name.trim_start_matches('-').replace('-', "_");
                let takes = takes(verb).contains(&id.as_str());
                taken += usize::from(takes);
                assert_eq!(
                    help.contains(&format!("{name} ")) || help.contains(&format!("{name}\n")),
                    takes,
                    "{verb} {name}: {help}"
                );
                let with = match name {
                    "--overwrite" if !HAVE_A_PLACE.contains(&verb) => "--overwrite --out o",
                    "--accept-data-change" if verb != "compare" => "--accept-data-change --resume",
                    _ => flag,
                };
                for line in [format!("{line} {with}"), format!("{with} {line}")] {
                    match read(&line) {
                        Ok(cli) => {
                            assert!(takes, "{line}");
                            let given = cli.global.given();
                            let output = cli.global.json || cli.global.quiet;
                            assert!(given.contains(&name) || output, "{line}: {given:?}");
                        }
                        Err(error) => {
                            assert!(!takes, "{line}: {error}");
                            assert_eq!(error.exit_code(), 2, "{line}");
                        }
                    }
                }
            }
        }
        assert_eq!(taken, TAKES.iter().map(|(_, ids)| ids.len()).sum::<usize>());
    }

    #[test]
    fn a_flag_that_does_nothing_beside_the_others_is_refused() {
        for (line, said) in [
            (
                "export r to --dry-run",
                "acts in pretrain, finetune, compare",
            ),
            ("--dry-run export r to", "acts in pretrain, finetune"),
            (
                "embed m --threads=3",
                "acts in pretrain, finetune, compare, words train",
            ),
            ("pretrain r --accept-data-change", "with `--resume` alone"),
            ("--resume pretrain r --overwrite", "exclude each other"),
            ("embed m --overwrite", "with `--out` alone"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn flags_stand_before_or_after_the_verb() {
        for line in [
            "--quiet pretrain r --set a=1",
            "pretrain r --set a=1 --quiet",
            "--set a=1 -q pretrain r",
        ] {
            let cli = read(line).unwrap();
            assert!(cli.global.quiet);
            assert_eq!(cli.global.set, ["a=1"]);
        }
        let both = read("--set a=1 --out x pretrain r --set b=2 --out y").unwrap();
        assert_eq!(both.global.set, ["a=1", "b=2"]);
        assert_eq!(both.global.out, Some("y".into()));
    }

    #[test]
    fn flags_become_overrides() {
        let line = "pretrain r --set seed=3 --device vulkan:1 --threads 2 --out a\"b";
        let cli = read(line).unwrap();
        let texts: Vec<_> = cli.global.overrides().into_iter().map(|o| o.text).collect();
        assert_eq!(
            texts,
            ["seed=3", "device=\"vulkan:1\"", "threads=2", "out='a\"b'"]
        );
    }

    /// A terminal has at least 80 columns and 24 lines.
    #[test]
    fn the_help_of_each_verb_fits_a_terminal() {
        fn walk(command: &mut Command, path: &str) {
            for (help, lines) in [
                (command.render_help(), 24),
                (command.render_long_help(), 1_000),
            ] {
                let help = help.to_string();
                let widest = help.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(80), "{path}: {widest:?} columns\n{help}");
                let count = help.trim_end().lines().count();
                assert!(count <= lines, "{path}: {count} lines\n{help}");
            }
            let names: Vec<String> = command
                .get_subcommands()
                .map(|c| c.get_name().into())
                .collect();
            for name in names {
                walk(
                    command.find_subcommand_mut(&name).unwrap(),
                    &format!("{path} {name}"),
                );
            }
        }
        let mut command = command();
        command.build();
        walk(&mut command, "tinderbox");
    }
}
