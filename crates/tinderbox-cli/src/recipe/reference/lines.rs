//! A line on every key of a recipe, in the order in which they are shown.

/// What each key is for.
pub(super) const LINES: &[(&str, &str)] = &[
    ("version", "The version of the format"),
    (
        "name",
        "The name of the run; without it, that of the recipe",
    ),
    ("seed", "Everything random derives from it"),
    ("device", "Where to run; `tinderbox devices` lists them"),
    (
        "threads",
        "Threads that load data; without it, one for each core",
    ),
    ("out", "The run directory; without it, `runs/NAME`"),
    ("data", "Where items come from"),
    ("data.source", "What kind of data it is"),
    (
        "data.path",
        "Where it lies, seen from the folder the program is called in",
    ),
    (
        "data.also",
        "Further paths, whose texts follow those of `path`",
    ),
    (
        "data.text",
        "The column of a table that is read as text, or two for pairs",
    ),
    ("data.labels", "Where labels come from"),
    (
        "data.test_share",
        "The share that is held out for tests, if there is no `test_path`",
    ),
    (
        "data.test_path",
        "Where a test set lies, of the same source",
    ),
    ("data.test_labels", "The file of the test set's labels"),
    (
        "data.size",
        "Side that images are resized to; without it, that of the first",
    ),
    (
        "data.channels",
        "Channels of images; without it, those of the first",
    ),
    (
        "data.background",
        "What transparent pixels of images are laid over",
    ),
    (
        "data.links",
        "Whether links and paths that lead out of a folder are followed",
    ),
    (
        "data.limit",
        "How many items are used at most, evenly over all",
    ),
    (
        "data.group",
        "What items share that belong into one part of the split",
    ),
    (
        "data.max_bad",
        "How many items that cannot be read are skipped and listed",
    ),
    (
        "data.held_out",
        "The share of training that only the loss is measured on",
    ),
    ("data.columns", "What becomes of the columns of a table"),
    (
        "data.delimiter",
        "What stands between the fields of a table, such as \";\"",
    ),
    (
        "data.quote",
        "What stands around fields of a table; nothing for none",
    ),
    (
        "data.escape",
        "What stands before a quote that does not end its field",
    ),
    (
        "data.header",
        "Whether the first line of a table names its columns",
    ),
    (
        "data.skip_lines",
        "How many lines before the header of a table are passed over; what is no table is found",
    ),
    (
        "data.decimal",
        "The sign before decimals in a table: \".\" or \",\"",
    ),
    (
        "data.missing",
        "What stands for a missing value in a table, such as [\"?\"]",
    ),
    ("data.tokens", "How texts become tokens"),
    (
        "data.tokens.length",
        "The most tokens of a sequence, with the special ones",
    ),
    (
        "data.tokens.tokeniser",
        "A tokeniser's file or folder; without it, one is trained",
    ),
    (
        "data.tokens.kind",
        "How words are cut, where a tokeniser is trained",
    ),
    (
        "data.tokens.vocabulary",
        "The most tokens, where a tokeniser is trained",
    ),
    (
        "data.tokens.lowercase",
        "Whether case and accents are dropped (WordPiece)",
    ),
    (
        "data.tokens.strip_accents",
        "Whether accents are dropped; without it, as `lowercase` is",
    ),
    (
        "data.tokens.lossy",
        "Whether bytes that are no text are replaced, not refused",
    ),
    (
        "data.views",
        "The random views that pre-training sees of an item",
    ),
    ("data.views.affine", "Rotation, shift, size and shear"),
    (
        "data.views.affine.degrees",
        "The largest rotation to either side, in degrees",
    ),
    (
        "data.views.affine.translate",
        "The largest shift, as a share of height and width",
    ),
    (
        "data.views.affine.scale",
        "Bounds of the factor of the size",
    ),
    (
        "data.views.affine.shear",
        "The largest horizontal shear to either side, in degrees",
    ),
    ("data.views.crop", "Random crop, resized"),
    (
        "data.views.crop.size",
        "Height and width of the result; without it, the model's",
    ),
    (
        "data.views.crop.scale",
        "Bounds of the part's share of the area",
    ),
    ("data.views.crop.ratio", "Bounds of width / height"),
    ("data.views.flip", "Mirror image"),
    ("data.views.flip.p", "The probability of it"),
    (
        "data.views.rand_augment",
        "Several changes out of a list of fourteen",
    ),
    (
        "data.views.rand_augment.operations",
        "How many follow each other",
    ),
    (
        "data.views.rand_augment.magnitude",
        "The strength of each, 0 to 30",
    ),
    ("data.views.jitter", "Changes of colour"),
    (
        "data.views.jitter.brightness",
        "Strength of the change of brightness",
    ),
    (
        "data.views.jitter.contrast",
        "Strength of the change of contrast",
    ),
    (
        "data.views.jitter.saturation",
        "Strength of the change of saturation",
    ),
    (
        "data.views.jitter.hue",
        "The largest shift of the hue, in turns, 0 to 0.5",
    ),
    (
        "data.views.jitter.p",
        "The probability that anything is changed",
    ),
    ("data.views.greyscale", "Loss of colour"),
    ("data.views.greyscale.p", "The probability of it"),
    ("data.views.blur", "Gaussian blur"),
    ("data.views.blur.p", "The probability of it"),
    (
        "data.views.blur.sigma",
        "Bounds of the standard deviation, in pixels",
    ),
    (
        "data.views.blur.kernel",
        "The kernel's size as a share of the height",
    ),
    ("data.views.solarise", "Bright values turned dark"),
    ("data.views.solarise.p", "The probability of it"),
    (
        "data.views.solarise.threshold",
        "The smallest value that is inverted, 0 to 1",
    ),
    ("data.views.erase", "A rectangle without the picture"),
    ("data.views.erase.p", "The probability of it"),
    (
        "data.views.erase.scale",
        "Bounds of the rectangle's share of the area",
    ),
    ("data.views.erase.ratio", "Bounds of height / width"),
    (
        "data.views.erase.value",
        "The value written, 0 (black) to 1; without it, noise",
    ),
    (
        "data.views.swap",
        "Probability that a feature is that of another row (SCARF)",
    ),
    ("data.views.share", "The share of tokens to predict"),
    (
        "data.views.masked",
        "The share of those that become `[MASK]`",
    ),
    (
        "data.views.random",
        "The share of those that become a random token",
    ),
    ("data.views.unit", "What is masked as a whole"),
    ("encoder", "The network"),
    ("encoder.kind", "Which network it is"),
    (
        "encoder.init",
        "Weights to start from: a run, an exported folder, a safetensors file",
    ),
    (
        "encoder.partial",
        "Whether `init` may lack weights, or hold others",
    ),
    ("encoder.filters", "Filters of the first convolution"),
    (
        "encoder.stages",
        "Pairs of a convolution and a pooling, each twice as wide",
    ),
    (
        "encoder.stem",
        "The first layers: `cifar` for small pictures",
    ),
    ("encoder.width", "Channels after the stem; size of a token"),
    ("encoder.depth", "Blocks"),
    ("encoder.decoder_depth", "Blocks of the decoder"),
    (
        "encoder.heads",
        "Heads of each attention, which divide the width",
    ),
    ("encoder.ffn", "Units of each feed-forward's hidden layer"),
    ("encoder.embedding", "Size of a word's embedding"),
    (
        "encoder.hidden",
        "Units of a layer; of an mlp, of each layer",
    ),
    ("encoder.layers", "Layers"),
    (
        "encoder.bidirectional",
        "Whether each layer also reads backwards",
    ),
    ("encoder.cell", "The recurrent cell"),
    ("encoder.positions", "The longest sequence"),
    ("encoder.position_kind", "How the order of tokens is known"),
    ("encoder.segments", "Segments that a sequence can have"),
    ("encoder.pooling", "What the features are"),
    ("encoder.normalise", "Whether features have length 1"),
    ("encoder.norm", "Where a block normalises"),
    (
        "encoder.causal",
        "Whether a token sees only those before it",
    ),
    (
        "encoder.dropout",
        "Probability that training drops an entry",
    ),
    (
        "encoder.attention_dropout",
        "Probability that training drops a weight of an attention",
    ),
    ("objective", "The loss that is minimised"),
    ("objective.kind", "Which loss it is"),
    ("objective.temperature", "Temperature of the similarities"),
    ("objective.projection", "Whether there is a projection head"),
    (
        "objective.projection_hidden",
        "Hidden units of the projection; without it, the features",
    ),
    ("objective.projection_dim", "Length of a projection"),
    (
        "objective.batch_norm",
        "Whether the projection normalises over the batch",
    ),
    (
        "objective.pairs",
        "Whether the second of a pair is the next, or they are in order",
    ),
    ("objective.noise", "What the noise does"),
    ("objective.share", "The share of tokens that noise takes"),
    (
        "objective.mean_length",
        "The mean length of a span that is infilled",
    ),
    (
        "objective.discriminator_weight",
        "What the discriminator's loss is multiplied by",
    ),
    (
        "objective.label_smoothing",
        "Share of the target spread over all classes",
    ),
    (
        "objective.class_weights",
        "What an item of a class counts: 1, or all classes the same",
    ),
    ("train", "Length of the run, batches"),
    ("train.steps", "Updates of the weights; or `epochs`"),
    ("train.epochs", "Passes over the data; or `steps`"),
    ("train.batch", "Items of a batch"),
    (
        "train.accumulate",
        "Batches whose gradients make one update",
    ),
    ("train.clip", "Global norm that gradients are clipped to"),
    (
        "train.validation_share",
        "Share of the labels that chooses the weights; 0 keeps the last",
    ),
    (
        "train.ema",
        "Decay of the moving average of the weights, which is exported",
    ),
    ("optim", "The optimiser"),
    ("optim.kind", "Which optimiser it is"),
    ("optim.lr", "The learning rate"),
    ("optim.weight_decay", "Weight decay"),
    ("optim.betas", "Decays of the two moments"),
    ("optim.momentum", "Momentum"),
    ("optim.trust", "LARS's trust coefficient"),
    ("schedule", "The learning rate over the run"),
    ("schedule.kind", "What it does after the warm-up"),
    (
        "schedule.warmup",
        "Steps over which it rises; at most those of the run",
    ),
    (
        "schedule.final_share",
        "What is left of it at the end, as a share",
    ),
    ("eval", "Measurements during the run"),
    (
        "eval.every",
        "Steps between them; without it, a tenth of the run",
    ),
    (
        "eval.knn",
        "Whether nearest neighbours are measured, if there are labels",
    ),
    (
        "eval.linear_probe",
        "Whether a linear probe is measured, if there are labels",
    ),
    (
        "eval.health",
        "Whether spread, rank, alignment, uniformity are measured",
    ),
    (
        "eval.items",
        "Items that a measurement reads at most, from each side",
    ),
    ("checkpoint", "What is kept to go on from"),
    (
        "checkpoint.every",
        "Steps between them; without it, a tenth of the run",
    ),
    ("checkpoint.keep", "How many of the latest are kept"),
    (
        "checkpoint.best",
        "Whether the one with the best measurement is kept too",
    ),
    (
        "compare",
        "The label-efficiency table after the run, if it is written",
    ),
    (
        "compare.shares",
        "Shares of the labels, each a row of the table",
    ),
    ("compare.seeds", "Draws of labels and of initial weights"),
    (
        "compare.pretrain_each",
        "Whether every draw pre-trains an encoder of its own",
    ),
    (
        "compare.fine_tune",
        "Whether the pre-trained encoder is fine-tuned as well",
    ),
    (
        "compare.fine_tune_lr",
        "Learning rate of fine-tuning; without it, that of `finetune`",
    ),
    (
        "compare.rate_factors",
        "Multiples of both rates to choose among by validation",
    ),
    (
        "compare.views",
        "Views of labelled training; without it, the run's own",
    ),
    (
        "compare.scratch_lr",
        "Learning rate of training from scratch",
    ),
    ("compare.scratch_steps", "Steps of training from scratch"),
    (
        "finetune",
        "How an encoder is fine-tuned; `tinderbox finetune` writes it",
    ),
    (
        "finetune.labels",
        "Share of the training labels that are used",
    ),
    ("finetune.freeze", "Whether only the output layer learns"),
    (
        "finetune.layer_decay",
        "Factor on the rate for each layer below the last",
    ),
    (
        "finetune.validation_share",
        "Share of the labels that chooses the weights; 0 keeps the last",
    ),
    (
        "finetune.patience",
        "Validations without a lower loss that end the training",
    ),
];

/// More on some of them.
pub(super) const MORE: &[(&str, &str)] = &[
    (
        "data.source",
        "\
digits    the 8x8 digits inside the program, without a path
idx       a file as MNIST has it, gzipped or not; `labels` is its file of labels
cifar10   a folder with CIFAR's binary batches; so is cifar100
folder    a folder of pictures; the names of its folders are the classes
list      a list of pictures in a file, one a line: the path, absolute or seen
          from the list's folder, and the label, if there is one; commas,
          semicolons, tabs or blanks divide them, with quotes as in RFC 4180.
          The first line may be a head, with a column such as `path` or
          `file_name` and one such as `label` or `class`; `data.labels` names
          another
shards    a tar file in WebDataset's layout, a folder of them, or several by
          `*` or `{000000..000004}` in the path
table     CSV, TSV, JSON lines, Parquet or Arrow, by its ending
text      a file of one text a line, or a folder of text files, the names of
          whose folders are the classes
tags      sentences whose words have tags: a word, a tab and its tag a line, and
          a blank line behind each sentence
questions a JSON file of questions with texts that answer them, as SQuAD has it",
    ),
    (
        "data.labels",
        "\
true or false say whether to use those that come with the source, such as the
names of folders. For `table` it is the column that holds them, which is no
input then; for `idx` the file beside that of the images. Pre-training never
reads labels; evaluation does.",
    ),
    (
        "data.columns",
        "\
A table for each column that is used; without `columns`, what they suggest, as
`tinderbox data inspect` shows it:
  size = { kind = \"number\", scale = \"standard\", missing = \"mean\" }
  town = { kind = \"category\" }
  note = { kind = \"drop\" }",
    ),
    (
        "data.views.unit",
        "\
{ kind = \"token\" }, { kind = \"word\" }, or { kind = \"span\", p = 0.2, max = 10 }:
runs of words whose number is geometric with p, and at most max.",
    ),
];
