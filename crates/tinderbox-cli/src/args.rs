//! The command line: verbs, flags and the help that explains them.

mod generate;
mod words;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::recipe::Override;

pub use generate::GenerateArgs;
pub use words::{
    VectorsFormat, WordsAnalogyArgs, WordsKind, WordsNearestArgs, WordsScoreArgs, WordsTrainArgs,
    WordsVerb, WordsVerbArgs,
};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed at run time
  2    the command line or the recipe is wrong
  3    the data is wrong
  4    a loss or a gradient is not finite
  5    the run exists, is locked, or cannot be resumed so
  130  Ctrl-C, after everything was saved
  143  SIGTERM, after everything was saved";

const ABOUT: &str = "\
Pre-trains deep-learning models on unlabelled data, transfers them to labelled tasks, and \
measures whether that paid.

A run begins with a recipe: one TOML file, or the name of a recipe inside the program. \
`pretrain` writes a run directory with checkpoints, curves, a report and the exported model; \
the other verbs take that directory.";

const EXAMPLES: &str = "\
Examples:
  tinderbox pretrain simclr-digits             pre-train on the digits inside the program
  tinderbox recipes simclr-folder > mine.toml  begin a recipe for your own images
  tinderbox pretrain mine.toml --dry-run       check recipe and data, see shapes and speed
  tinderbox pretrain mine.toml --set optim.lr=1e-3 --out runs/mine
  tinderbox pretrain mine.toml --resume        go on with a run that was stopped
  tinderbox probe runs/mine                    what a linear model makes of the features
  tinderbox finetune runs/mine --data labelled/
  tinderbox predict runs/mine/finetune-1 --data new/ --out predictions.csv
  tinderbox generate runs/lm --prompt \"My fellow citizens\" --top-p 0.9
  tinderbox data inspect table.csv             what is in it, and how to prepare it";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "tinderbox",
    version,
    about = "Pre-train on unlabelled data, transfer, and measure whether it paid",
    long_about = ABOUT,
    after_help = "`tinderbox help VERB` explains a verb; `tinderbox --help` shows examples and exit codes.",
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags that all verbs know.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// Flags that all verbs know; a verb that has no use for one says so.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Where to run: flex, vulkan, wgpu, metal, cuda (each also NAME:N), ndarray, remote:HOST:PORT
    ///
    /// Which of them this program has depends on the Cargo features it was built with;
    /// `tinderbox devices` lists them.
    #[arg(long, global = true, value_name = "DEVICE", help_heading = "Run")]
    pub device: Option<String>,
    /// Change a key of the recipe; may be given several times
    ///
    /// The value is TOML, or a bare word taken as a string: `--set optim.lr=1e-3`,
    /// `--set data.source=folder`, `--set 'compare.shares=[0.1, 1.0]'`. Later ones win.
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Run")]
    pub set: Vec<String>,
    /// The run directory, or the file that a verb writes
    ///
    /// Without it, a run goes to `runs/NAME`, or `runs/NAME-2` and so on if that exists.
    #[arg(long, global = true, value_name = "PATH", help_heading = "Run")]
    pub out: Option<PathBuf>,
    /// Go on with a run that was stopped, from its last whole checkpoint
    ///
    /// Alone, it takes the newest unfinished run of the recipe's name; with `--out`, that one.
    #[arg(
        long,
        global = true,
        conflicts_with = "overwrite",
        help_heading = "Run"
    )]
    pub resume: bool,
    /// Replace what is in the run directory
    #[arg(long, global = true, help_heading = "Run")]
    pub overwrite: bool,
    /// On resume, go on although the data is not what the run began with
    #[arg(long, global = true, help_heading = "Run")]
    pub accept_data_change: bool,
    /// Threads that load data; results do not depend on it
    #[arg(long, global = true, value_name = "N", help_heading = "Run")]
    pub threads: Option<usize>,
    /// Check recipe and data, show shapes, parameters, memory and speed, and stop
    #[arg(long, global = true, help_heading = "Run")]
    pub dry_run: bool,
    /// Print results as JSON, and errors as {"error": {...}}
    #[arg(long, global = true, help_heading = "Output")]
    pub json: bool,
    /// No progress and no notes
    #[arg(long, short, global = true, help_heading = "Output")]
    pub quiet: bool,
}

impl GlobalArgs {
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

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Pre-train an encoder by a recipe
    ///
    /// Writes a run directory: checkpoints, `metrics.jsonl`, TensorBoard files, `report.html`, and
    /// at the end `exported/` with the encoder as safetensors. If the recipe has a `compare`
    /// table, it ends with the accuracy of the encoder and of its rivals by share of the labels.
    ///
    /// A run that was stopped, by Ctrl-C or by a crash, goes on with `--resume` and ends with the
    /// same weights as if it had never stopped.
    #[command(after_long_help = EXIT_CODES)]
    Pretrain(PretrainArgs),
    /// Measure an encoder by a linear probe and nearest neighbours
    ///
    /// Fits a regularised logistic regression on frozen features of the training split, and
    /// reports its accuracy and that of nearest neighbours on the test split.
    #[command(after_long_help = EXIT_CODES)]
    Probe(ProbeArgs),
    /// Fine-tune an encoder on labelled data
    ///
    /// Adds an output layer and trains both on labels. Writes `finetune-1/`, `finetune-2/`, ...
    /// inside the run directory, each a run directory of its own.
    ///
    /// `--data FILE --set data.source=tags` reads sentences whose words have tags, such as parts of speech: a word, a tab and its tag a
    /// line, a blank line behind each sentence; `--set data.source=questions`, questions with texts that answer them, as SQuAD has them.
    #[command(after_long_help = EXIT_CODES)]
    Finetune(FinetuneArgs),
    /// Compare the encoder of a finished run with its rivals by share of the labels
    ///
    /// The rivals are a random encoder, the plain input, and the same network trained from scratch on the labels; the run's own encoder is
    /// also fine-tuned. `--set compare.KEY=VALUE` says how, as in the `[compare]` table of a recipe. Parts are kept in the run one by
    /// one: the same command goes on with a comparison that was stopped, and adds shares or seeds to one that is there.
    #[command(after_long_help = EXIT_CODES)]
    Compare(CompareArgs),
    /// Write the features of items, as npy or CSV
    ///
    /// Rows are in input order and carry the path, the id, or of a table the line. An item that cannot be read has a row
    /// with the reason: in CSV in the column `error`, in npy as NaN, with the reasons beside it.
    #[command(after_long_help = EXIT_CODES)]
    Embed(EmbedArgs),
    /// Write the class and its probability for items or words, or answers to questions, as CSV
    ///
    /// Takes a fine-tuned model. Rows are in input order and carry the path, the id, or of a table the line; an item that
    /// cannot be read has a row with the reason. A model that was fine-tuned on tagged words has a row for each word of raw text:
    /// what white space parts, and punctuation marks by themselves. One that was fine-tuned on questions has a row for each: of a file
    /// as SQuAD has it, or of a table by `--set 'data.text=["QUESTION", "TEXT"]'`; an empty answer says that the text has none.
    #[command(after_long_help = EXIT_CODES)]
    Predict(PredictArgs),
    /// Write text: go on with one, or restore one
    ///
    /// A model that was pre-trained with `objective.kind = "causal-lm"` goes on with the prompt, one token after another, each by what stands before
    /// it, up to `--tokens` or until it ends the text; a bert reads no more tokens than its `positions`, and ends there. One of
    /// `denoising` reads the prompt and writes it whole: a `[MASK]` in it stands for any number of words that are missing.
    ///
    /// How a token is chosen: without a flag the likeliest, which repeats itself soon; by `--beams` the likeliest text as
    /// a whole; by `--temperature`, `--top-k`, `--top-p` or several `--samples` by chance, which `--set seed=N` fixes.
    #[command(after_long_help = EXIT_CODES)]
    Generate(GenerateArgs),
    /// Write a model for use elsewhere: safetensors, configuration, preprocessing, model card
    #[command(after_long_help = EXIT_CODES)]
    Export(ExportArgs),
    /// Do a saved step again, and name the first tensor that is not finite
    ///
    /// A run that meets a loss that is not finite saves the batch and the state before the step,
    /// and prints the command that replays them.
    #[command(after_long_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Look at data before training on it
    Data(DataVerbArgs),
    /// Train vectors of words, and ask them for nearest words and analogies
    Words(WordsVerbArgs),
    /// List the devices that this program can use
    Devices,
    /// List the recipes inside the program, or print one to begin your own with
    Recipes(RecipesArgs),
    /// Print a script that completes commands in a shell
    ///
    /// For bash: `tinderbox completions bash > ~/.local/share/bash-completion/completions/tinderbox`
    Completions(CompletionsArgs),
}

/// Arguments of `pretrain`.
#[derive(Debug, Clone, Args)]
pub struct PretrainArgs {
    /// A recipe: a TOML file, or a name that `tinderbox recipes` lists
    pub recipe: String,
}

/// Which data a verb works on.
#[derive(Debug, Clone, Default, Args)]
pub struct DataArgs {
    /// A folder of images, the names of its folders the classes; a table for a model of rows; for one of texts a file of
    /// one text a line, a folder of text files, or a table with `--set data.text=COLUMN`; for one of answers questions as SQuAD has them
    #[arg(
        long,
        value_name = "FOLDER",
        conflicts_with = "recipe",
        help_heading = "Data"
    )]
    pub data: Option<PathBuf>,
    /// A recipe whose `data` table to use instead of the run's own
    #[arg(long, value_name = "RECIPE", help_heading = "Data")]
    pub recipe: Option<String>,
}

/// Arguments of `probe`.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    /// A run directory or an exported folder
    pub model: PathBuf,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Share of the training labels to use, above 0 and up to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub labels: f64,
}

/// Arguments of `finetune`.
#[derive(Debug, Clone, Args)]
pub struct FinetuneArgs {
    /// A run directory or an exported folder
    pub model: PathBuf,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Share of the training labels to use, above 0 and up to 1
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub labels: f64,
    /// Leave the encoder as it is and train the output layer only
    #[arg(long, conflicts_with = "layer_decay")]
    pub freeze: bool,
    /// Factor on the learning rate for each layer further from the output, such as 0.75
    #[arg(long, value_name = "FACTOR")]
    pub layer_decay: Option<f64>,
}

/// Arguments of `compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// A run directory of `pretrain`
    pub run: PathBuf,
}

/// Arguments of `embed`.
#[derive(Debug, Clone, Args)]
pub struct EmbedArgs {
    /// A run directory or an exported folder; with `--nearest`, a file of word vectors
    pub model: PathBuf,
    /// Show the words nearest to this one in a file of word vectors, instead
    #[arg(long, value_name = "WORD", conflicts_with_all = ["data", "recipe", "format"])]
    pub nearest: Vec<String>,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
    /// npy or csv; by default what the ending of `--out` says, else csv
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<EmbedFormat>,
}

/// How `embed` writes features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EmbedFormat {
    /// A NumPy array, with a CSV of ids beside it.
    Npy,
    /// One CSV of ids and features.
    Csv,
}

/// Arguments of `predict`.
#[derive(Debug, Clone, Args)]
pub struct PredictArgs {
    /// The run directory of a fine-tuning, or its exported folder
    pub model: PathBuf,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A run directory
    pub run: PathBuf,
    /// The folder to write
    pub to: PathBuf,
    /// Take the checkpoint of this step instead of the end of the run
    #[arg(long, value_name = "N")]
    pub step: Option<u64>,
}

/// Arguments of `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The folder of the saved step, as the error named it, or the run directory
    pub saved: PathBuf,
}

/// Arguments of `data`.
#[derive(Debug, Clone, Args)]
pub struct DataVerbArgs {
    /// What to look for.
    #[command(subcommand)]
    pub verb: DataVerb,
}

/// What `data` does.
#[derive(Debug, Clone, Subcommand)]
pub enum DataVerb {
    /// Say what is in a file or folder, and suggest how to prepare it
    ///
    /// Knows tables (csv, tsv, jsonl, parquet, arrow), folders of images, of clips and of texts, lists of images,
    /// tar files of images (one, a folder of them, or several by `*` or `{000..004}`), CIFAR, and IDX files. Prints sizes, classes, ranges, gaps and repeats. With `--out FOLDER` it also writes
    /// `inspect.html` with distributions and example views, `views.png` with the views alone, and
    /// `recipe.toml` with the suggestion and its reasons, to edit.
    ///
    /// A list of images (csv, tsv, txt, lst; also packed by gzip or zstd) has a path a line, absolute or relative to
    /// the list's folder, and a label behind a comma, semicolon, tab or blank, if there are labels. A first line that names no file is a
    /// head: then the label is in the column `label`, `class`, `category` or `target`, or in that of `data.labels`.
    ///
    /// In a folder of images, of clips or of texts the folders of the first level are the classes. Images are PNG, JPEG,
    /// GIF, WebP, BMP, and in lists and tar files NPY.
    #[command(after_long_help = EXIT_CODES)]
    Inspect(InspectArgs),
    /// Say which test items are in the training data too
    ///
    /// Of tables, compares rows. Of images, compares bytes, then pixels, and with `--distance` a 64-bit hash of what is seen, which also finds
    /// copies that were resized or compressed again.
    #[command(after_long_help = EXIT_CODES)]
    Leaks(LeaksArgs),
}

/// Arguments of `data inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// A file or a folder
    pub path: PathBuf,
}

/// Arguments of `data leaks`.
#[derive(Debug, Clone, Args)]
pub struct LeaksArgs {
    /// What is trained on: images (a folder, a list, tar files, an IDX file) or a table
    pub train: PathBuf,
    /// What is tested on
    pub test: PathBuf,
    /// Also name images that look alike: whose 64-bit hashes differ in at most so many bits
    ///
    /// 4 finds photographs that were resized or compressed again. Plain images such as single digits have
    /// like hashes without being the same.
    #[arg(long, value_name = "BITS")]
    pub distance: Option<u32>,
}

/// Arguments of `recipes`.
#[derive(Debug, Clone, Args)]
pub struct RecipesArgs {
    /// The recipe to print
    pub name: Option<String>,
}

/// Arguments of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_verb() {
        for line in [
            "--quiet pretrain r --set a=1",
            "pretrain r --set a=1 --quiet",
        ] {
            let cli = Cli::parse_from(std::iter::once("tinderbox").chain(line.split(' ')));
            assert!(cli.global.quiet);
            assert_eq!(cli.global.set, ["a=1"]);
        }
    }

    #[test]
    fn flags_become_overrides() {
        let line = "tinderbox pretrain r --set seed=3 --device vulkan:1 --threads 2 --out a\"b";
        let cli = Cli::parse_from(line.split(' '));
        let texts: Vec<_> = cli.global.overrides().into_iter().map(|o| o.text).collect();
        assert_eq!(
            texts,
            ["seed=3", "device=\"vulkan:1\"", "threads=2", "out='a\"b'"]
        );
    }

    #[test]
    fn the_long_help_lists_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for code in ["0    done", "4    a loss", "130", "143"] {
            assert!(help.contains(code), "{code}");
        }
    }
}
