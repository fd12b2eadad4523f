//! The command line of `generate`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `generate`.
#[derive(Debug, Clone, Args)]
pub struct GenerateArgs {
    /// A run directory or an exported folder
    pub model: PathBuf,
    /// The text to go on with or to restore; without it, one that begins with nothing
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// The most tokens to write; a word takes one or more
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub tokens: usize,
    /// How many texts to write; more than one are drawn by chance
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub samples: usize,
    /// Take the likeliest token, always: the same text every time (the default)
    #[arg(
        long,
        conflicts_with_all = ["beams", "temperature", "top_k", "top_p", "samples"],
        help_heading = "Choice of a token"
    )]
    pub greedy: bool,
    /// Keep so many texts at once, and write the likeliest as a whole (beam search)
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["temperature", "top_k", "top_p", "samples"],
        help_heading = "Choice of a token"
    )]
    pub beams: Option<usize>,
    /// What beams are ranked by: log-probability divided by length to this power; above 1 favours long texts
    #[arg(
        long,
        value_name = "POWER",
        default_value_t = 1.0,
        requires = "beams",
        allow_negative_numbers = true,
        help_heading = "Choice of a token"
    )]
    pub length_penalty: f64,
    /// Draw a token by its probability; below 1 likely ones become likelier, above 1 all more alike
    #[arg(
        long,
        value_name = "T",
        allow_negative_numbers = true,
        help_heading = "Choice of a token"
    )]
    pub temperature: Option<f64>,
    /// Draw from the so many likeliest tokens alone
    #[arg(long, value_name = "K", help_heading = "Choice of a token")]
    pub top_k: Option<usize>,
    /// Draw from the fewest likeliest tokens that have this much of the probability (nucleus sampling)
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        help_heading = "Choice of a token"
    )]
    pub top_p: Option<f64>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected 1 or more".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}
