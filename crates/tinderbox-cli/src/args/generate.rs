//! The command line of `generate`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `generate`.
#[derive(Debug, Clone, Args)]
pub struct GenerateArgs {
    /// A run directory or an exported folder
    pub model: PathBuf,
    /// The text to go on with or to restore
    ///
    /// Without it, one that begins with nothing.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// The most tokens to write
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub tokens: usize,
    /// How many texts to write
    ///
    /// More than one are drawn by chance.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub samples: usize,
    /// Take the likeliest token, always (the default)
    ///
    /// The same text every time.
    #[arg(
        long,
        conflicts_with_all = ["beams", "temperature", "top_k", "top_p", "samples"],
    )]
    pub greedy: bool,
    /// Keep so many texts, write the likeliest
    ///
    /// As a whole: beam search.
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["temperature", "top_k", "top_p", "samples"],
    )]
    pub beams: Option<usize>,
    /// Above 1, beams favour long texts
    ///
    /// They are ranked by log-probability divided by length to this power.
    #[arg(
        long,
        value_name = "POWER",
        default_value_t = 1.0,
        requires = "beams",
        allow_negative_numbers = true
    )]
    pub length_penalty: f64,
    /// Draw tokens; below 1, likely ones oftener
    ///
    /// By probability; above 1 all become more alike.
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// Draw from the K likeliest tokens alone
    #[arg(long, value_name = "K")]
    pub top_k: Option<usize>,
    /// Draw from the likeliest that make up this share
    ///
    /// The fewest tokens that have this much of the probability: nucleus sampling.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub top_p: Option<f64>,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected 1 or more".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}
