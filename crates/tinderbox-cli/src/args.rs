//! The command line: verbs, flags and the help that explains them.

mod flags;
mod generate;
mod takes;
mod words;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tinderbox::transfer::ClassWeights;

pub use flags::{GlobalArgs, command};
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
  Pre-train on the digits inside the program:
    tinderbox pretrain simclr-digits
  Look at data, and begin a recipe for it:
    tinderbox data inspect table.csv --out look
    tinderbox recipes simclr-folder > mine.toml
    tinderbox help recipe data.views
  Check recipe and data, run, go on after a stop:
    tinderbox pretrain mine.toml --dry-run
    tinderbox pretrain mine.toml --set optim.lr=1e-3 --out runs/mine
    tinderbox pretrain mine.toml --resume
  Measure the features, fine-tune, predict:
    tinderbox probe runs/mine
    tinderbox finetune runs/mine --data labelled/
    tinderbox predict runs/mine/finetune-1 --data new/ --out new.csv
    tinderbox generate runs/lm --prompt \"My fellow citizens\" --top-p 0.9";

/// The help of the program as such: what to do with `-h` and `-V` stands below.
const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

Commands:
{subcommands}{after-help}";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "tinderbox",
    version,
    about = "Pre-train on unlabelled data, transfer, and measure whether it paid",
    long_about = ABOUT,
    help_template = TEMPLATE,
    after_help = "`--help` shows examples and exit codes, `-V` the version.",
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    term_width = 80
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags that several verbs share.
    #[command(flatten)]
    pub global: GlobalArgs,
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
    /// Write classes and probabilities, or answers, as CSV
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
    /// Write a model for use elsewhere
    ///
    /// Safetensors, configuration, preprocessing and a model card. `--overwrite` replaces an earlier export and keeps
    /// what else lies in its folder.
    #[command(after_long_help = EXIT_CODES)]
    Export(ExportArgs),
    /// Do a saved step again, and say what is not finite
    ///
    /// A run that meets a loss that is not finite saves the batch and the state before the step,
    /// and prints the command that replays them.
    #[command(after_long_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Look at data before training on it
    Data(DataVerbArgs),
    /// Train vectors of words, and ask them for words
    Words(WordsVerbArgs),
    /// List the devices that this program can use
    Devices,
    /// List the recipes inside the program, or print one
    Recipes(RecipesArgs),
    /// Explain a verb, or the keys of a recipe
    ///
    /// `tinderbox help VERB` explains a verb. `tinderbox help recipe` lists the tables of a recipe,
    /// `help recipe data` the keys of one, and `help recipe data.views.crop` says what one key takes.
    Help(HelpArgs),
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
    /// A folder of images, a table, or texts
    ///
    /// For a model of images a folder, the names of its folders the classes; for one of rows a table; for
    /// one of texts a file of one text a line, a folder of text files, or a table with
    /// `--set data.text=COLUMN`; for one of answers questions as SQuAD has them.
    #[arg(long, value_name = "PATH", conflicts_with = "recipe")]
    pub data: Option<PathBuf>,
    /// A recipe whose data to use instead
    ///
    /// Instead of that of the run.
    #[arg(long, value_name = "RECIPE")]
    pub recipe: Option<String>,
}

/// Arguments of `probe`.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    /// A run, an exported folder, or a published model's folder
    pub model: PathBuf,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Share of the training labels to use
    ///
    /// Above 0 and up to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub labels: f64,
    /// What a class counts
    ///
    /// `none`: one for each label; `balanced`: the same for all classes.
    #[arg(long, value_name = "HOW", default_value = "none", value_parser = class_weights)]
    pub class_weights: ClassWeights,
}

fn class_weights(text: &str) -> Result<ClassWeights, String> {
    match text {
        "none" => Ok(ClassWeights::None),
        "balanced" => Ok(ClassWeights::Balanced),
        _ => Err("expected `none` or `balanced`".into()),
    }
}

/// Arguments of `finetune`.
#[derive(Debug, Clone, Args)]
pub struct FinetuneArgs {
    /// A run, an exported folder, or a published model's folder
    pub model: PathBuf,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
    /// Share of the training labels to use
    ///
    /// Above 0 and up to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0)]
    pub labels: f64,
    /// Train the output layer only
    #[arg(long, conflicts_with = "layer_decay")]
    pub freeze: bool,
    /// Factor on the rate for each layer below the last
    ///
    /// Such as 0.75: the further a layer is from the output, the slower it learns.
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
    /// A run, a folder of a model, or a file of word vectors
    pub model: PathBuf,
    /// Show the words nearest to this one, of word vectors
    #[arg(long, value_name = "WORD", conflicts_with_all = ["data", "recipe", "format"])]
    pub nearest: Vec<String>,
    /// Which data.
    #[command(flatten)]
    pub data: DataArgs,
    /// How features are written; by default as `--out` ends
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
    /// Write the probability of every class, a column each
    #[arg(long)]
    pub all: bool,
    /// Write the K most probable classes
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub top_k: Option<u64>,
}

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A run directory
    pub run: PathBuf,
    /// The folder to write
    pub to: PathBuf,
    /// Take the checkpoint of this step, not the end
    #[arg(long, value_name = "N")]
    pub step: Option<u64>,
}

/// Arguments of `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The folder of the saved step, or the run directory
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
    /// Also name images that look alike
    ///
    /// Those whose 64-bit hashes differ in at most so many bits.
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

/// Arguments of `help`.
#[derive(Debug, Clone, Args)]
pub struct HelpArgs {
    /// A verb, or `recipe` and a key
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
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

    #[test]
    fn the_long_help_lists_every_exit_code() {
        let help = command().render_long_help().to_string();
        for code in ["0    done", "4    a loss", "130", "143"] {
            assert!(help.contains(code), "{code}");
        }
    }
}
