//! Recipes inside the program.

/// A recipe that goes by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Builtin {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The recipe, as `tinderbox recipes NAME` prints it.
    pub text: &'static str,
}

macro_rules! builtin {
    ($name:literal, $summary:literal) => {
        Builtin {
            name: $name,
            summary: $summary,
            text: include_str!(concat!("../../../../recipes/", $name, ".toml")),
        }
    };
}

/// All of them, in the order they are listed.
pub const BUILTINS: &[Builtin] = &[
    builtin!(
        "simclr-digits",
        "SimCLR on the 8x8 digits inside the program: minutes, no download"
    ),
    builtin!("simclr-mnist", "SimCLR on MNIST, read from IDX files"),
    builtin!(
        "simclr-folder",
        "SimCLR on your own folder of images: a template to copy"
    ),
    builtin!(
        "scarf-breast-cancer",
        "SCARF on a table of measurements: a template for your own"
    ),
    builtin!(
        "bert-tiny",
        "BERT of 2 layers by masked words on addresses and Brown: minutes"
    ),
    builtin!(
        "bert-mini",
        "BERT of 4 layers by masked words on addresses and Brown"
    ),
    builtin!(
        "lstm-mail",
        "An LSTM first as a language model of e-mails, then on ham and spam"
    ),
];

/// The recipe of a name.
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|recipe| recipe.name == name)
}
