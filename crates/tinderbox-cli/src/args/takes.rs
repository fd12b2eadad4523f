//! Which verb takes which of the shared flags, and what they mean there.

/// The flags of a training.
pub(super) const RUN: &[&str] = &[
    "device",
    "set",
    "out",
    "resume",
    "overwrite",
    "accept_data_change",
    "threads",
    "dry_run",
    "json",
    "quiet",
];
/// The flags of a verb that writes a result.
const RESULT: &[&str] = &["device", "set", "out", "overwrite", "json", "quiet"];
/// The flags of a verb that prints.
const PRINTS: &[&str] = &["json", "quiet"];

/// The flags that each verb takes, by the words that name it. Others take none.
pub(super) const TAKES: &[(&str, &[&str])] = &[
    ("pretrain", RUN),
    ("finetune", RUN),
    (
        "compare",
        &[
            "device",
            "set",
            "accept_data_change",
            "threads",
            "dry_run",
            "json",
            "quiet",
        ],
    ),
    ("probe", RESULT),
    ("embed", RESULT),
    ("predict", RESULT),
    ("generate", &["device", "set", "json", "quiet"]),
    ("export", &["device", "overwrite", "json", "quiet"]),
    ("replay", &["device", "json", "quiet"]),
    ("data inspect", &["out", "overwrite", "json", "quiet"]),
    ("data leaks", PRINTS),
    (
        "words train",
        &[
            "set",
            "out",
            "resume",
            "overwrite",
            "threads",
            "json",
            "quiet",
        ],
    ),
    ("words nearest", PRINTS),
    ("words analogy", PRINTS),
    ("words score", PRINTS),
    ("devices", PRINTS),
    ("recipes", PRINTS),
    ("help", PRINTS),
];

/// What a flag means in one verb, where that is not what it means in a run.
pub(super) const MEANS: &[(&str, &str, &str)] = &[
    (
        "finetune",
        "out",
        "The run directory; by default `RUN/finetune-1`",
    ),
    (
        "finetune",
        "set",
        "Change a key of its recipe; may be given again",
    ),
    (
        "compare",
        "set",
        "Change a key of `[compare]`; may be given again",
    ),
    (
        "compare",
        "accept_data_change",
        "Go on although the data has changed",
    ),
    (
        "probe",
        "out",
        "The file to write; by default in `RUN/probe`",
    ),
    (
        "probe",
        "set",
        "Change `seed` or a key of the data; may be given again",
    ),
    (
        "embed",
        "out",
        "The file to write; by default what is printed",
    ),
    (
        "embed",
        "set",
        "Change a key of the data; may be given again",
    ),
    (
        "predict",
        "out",
        "The file to write; by default what is printed",
    ),
    (
        "predict",
        "set",
        "Change a key of the data; may be given again",
    ),
    ("generate", "set", "`seed=N`: draw other texts"),
    (
        "export",
        "device",
        "With `--step`: where the model is put together",
    ),
    (
        "data inspect",
        "out",
        "A folder for a page, example views and a recipe",
    ),
    ("words train", "out", "The file of vectors to write"),
    (
        "words train",
        "set",
        "Change a setting of the trainer; may be given again",
    ),
];

/// Verbs whose result has a place of its own, so that `--overwrite` needs no `--out`.
pub(super) const HAVE_A_PLACE: [&str; 3] = ["pretrain", "finetune", "export"];
