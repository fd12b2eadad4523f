//! `generate`: text, by a causal language model or one that was trained to denoise.

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::json;
use tinderbox::data::text::{SpecialTokens, Tokeniser};
use tinderbox::nn::{
    Decoding, EncoderDecoder, Generated, GenerationConfig, GenerationError, NextToken, TokenBatch,
};

use super::{device_of, seed};
use crate::args::GenerateArgs;
use crate::encoder::AnyEncoder;
use crate::error::CliError;
use crate::inputs::Preprocessing;
use crate::model::Writer;
use crate::session::Context;

pub(super) fn run(args: &GenerateArgs, context: Context<'_>) -> Result<(), CliError> {
    let seed = seed(context.global)?;
    let prompt = args.prompt.as_deref().unwrap_or_default();
    if args.prompt.is_some() && prompt.trim().is_empty() {
        return Err(CliError::Usage {
            message: "`--prompt` is empty".into(),
            help: Some("leave it out for a text that begins with nothing".into()),
        });
    }
    let model = context.model(&args.model)?;
    let device = device_of(context.global)?;
    let writer = model.writer(&device)?;
    let Preprocessing::Text(preprocess) = &model.preprocess else {
        return Err(CliError::usage("a language model reads texts"));
    };
    let (tokeniser, special) = (preprocess.tokeniser(), preprocess.special());
    let vocabulary = special.vocabulary as usize;
    if let Some(k) = args.top_k.filter(|k| *k > vocabulary) {
        return Err(CliError::usage(format!(
            "`--top-k` is {k}, but the vocabulary has {vocabulary} tokens"
        )));
    }
    if let Some(beams) = args.beams.filter(|beams| *beams > vocabulary) {
        return Err(CliError::usage(format!(
            "`--beams` is {beams}, but the vocabulary has {vocabulary} tokens"
        )));
    }
    let words = tokeniser.encode(prompt, false)?.ids;
    let work = Work {
        config: GenerationConfig {
            decoding: decoding(args),
            max_new_tokens: args.tokens,
            end: Some(special.sep),
            seed,
        },
        samples: args.samples,
        special,
        device: &device,
    };
    let (generated, starts) = match writer {
        Writer::GoesOn(network) => (work.go_on(&network, &words)?, Some(words)),
        Writer::Restores(_) if args.prompt.is_none() => {
            return Err(CliError::Usage {
                message: "`--prompt` is missing: the model restores texts".into(),
                help: Some("name one, with `[MASK]` where words are missing".into()),
            });
        }
        Writer::Restores(network) => (work.restore(&network, &words)?, None),
    };
    let mut found = Vec::with_capacity(generated.len());
    for (number, sample) in generated.iter().enumerate() {
        let text = match &starts {
            Some(words) => after(prompt, words, &sample.tokens, tokeniser)?,
            None => tokeniser.decode(&sample.tokens)?,
        };
        if number > 0 {
            context.output.text("\n");
        }
        context.output.text(&format!("{text}\n"));
        found.push(json!({
            "text": text,
            "tokens": sample.tokens.len(),
            "score": sample.score,
        }));
    }
    context
        .output
        .json(&json!({"prompt": prompt, "texts": found}));
    Ok(())
}

/// A prompt with the tokens that were written after its words.
fn after(
    prompt: &str,
    words: &[u32],
    tokens: &[u32],
    tokeniser: &Tokeniser,
) -> Result<String, CliError> {
    let whole = tokeniser.decode(&[words, tokens].concat())?;
    // The prompt as it was given, if its tokens are spelt alike in front of others.
    Ok(match whole.strip_prefix(&tokeniser.decode(words)?) {
        Some(rest) => format!("{prompt}{rest}"),
        None => whole,
    })
}

/// How texts are written.
struct Work<'a> {
    config: GenerationConfig,
    samples: usize,
    special: &'a SpecialTokens,
    device: &'a Device,
}

impl Work<'_> {
    /// What may follow some words.
    fn go_on(&self, network: &impl NextToken, words: &[u32]) -> Result<Vec<Generated>, CliError> {
        // As the sequences began that it was trained on.
        let tokens = [&[self.special.cls], words].concat();
        if let Some(longest) = network.longest().filter(|longest| *longest < tokens.len()) {
            return Err(CliError::usage(format!(
                "`--prompt` has {} tokens, but the model reads at most {}",
                words.len(),
                longest - 1
            )));
        }
        self.generate(network, tokens)
    }

    /// The text that some words were before there was noise on them.
    fn restore(&self, network: &AnyEncoder, words: &[u32]) -> Result<Vec<Generated>, CliError> {
        let SpecialTokens { cls, sep, .. } = *self.special;
        let source = [&[cls], words, &[sep]].concat();
        let shape = [self.samples, source.len()];
        let sources = TensorData::new(source.repeat(self.samples), shape).convert::<i64>();
        let sources = Tensor::<2, Int>::from_data(sources, self.device);
        let network: &EncoderDecoder = network.as_ref();
        self.generate(&network.continuing(TokenBatch::new(sources)), vec![cls])
    }

    fn generate(
        &self,
        network: &impl NextToken,
        prompt: Vec<u32>,
    ) -> Result<Vec<Generated>, CliError> {
        let prompts = vec![prompt; self.samples];
        let generated = self.config.generate(network, &prompts, self.device);
        generated.map_err(|error| refused(&error))
    }
}

/// What the flags say of how a token is chosen; one that needs chance makes it so.
fn decoding(args: &GenerateArgs) -> Decoding {
    let &GenerateArgs {
        beams,
        length_penalty,
        temperature,
        top_k,
        top_p,
        samples,
        ..
    } = args;
    if let Some(beams) = beams {
        return Decoding::Beam {
            beams,
            length_penalty,
        };
    }
    let chance = temperature.is_some() || top_k.is_some() || top_p.is_some() || samples > 1;
    match chance {
        true => Decoding::Sample {
            temperature: temperature.unwrap_or(1.0),
            top_k,
            top_p,
        },
        false => Decoding::Greedy,
    }
}

/// An error in the words of the command line.
fn refused(error: &GenerationError) -> CliError {
    let flag = |name: &str, expected: &str, got: &dyn std::fmt::Display| {
        CliError::usage(format!("`{name}` is {got}, expected {expected}"))
    };
    match error {
        GenerationError::Zero { field } => {
            flag(&format!("--{}", field.replace('_', "-")), "1 or more", &0)
        }
        GenerationError::Temperature { got } => flag("--temperature", "above 0", got),
        GenerationError::TopP { got } => flag("--top-p", "above 0 and up to 1", got),
        GenerationError::LengthPenalty { got } => flag("--length-penalty", "a finite number", got),
        other => CliError::usage(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Verb};

    fn parsed(flags: &str) -> Option<Decoding> {
        let line = format!("tinderbox generate run --prompt x {flags}");
        let cli = Cli::try_parse_from(line.split_whitespace()).ok()?;
        match &cli.verb {
            Verb::Generate(args) => Some(decoding(args)),
            _ => None,
        }
    }

    #[test]
    fn flags_say_how_a_token_is_chosen() {
        let sample = |temperature, top_k, top_p| {
            Some(Decoding::Sample {
                temperature,
                top_k,
                top_p,
            })
        };
        assert_eq!(parsed(""), Some(Decoding::Greedy));
        assert_eq!(parsed("--greedy"), Some(Decoding::Greedy));
        assert_eq!(parsed("--samples 3"), sample(1.0, None, None));
        assert_eq!(parsed("--temperature 0.5"), sample(0.5, None, None));
        let both = parsed("--top-k 4 --top-p 0.9");
        assert_eq!(both, sample(1.0, Some(4), Some(0.9)));
        let beam = Decoding::Beam {
            beams: 4,
            length_penalty: 1.0,
        };
        assert_eq!(parsed("--beams 4"), Some(beam));
        for both in [
            "--greedy --top-k 3",
            "--greedy --beams 2",
            "--beams 2 --top-p 0.5",
            "--beams 2 --samples 2",
            "--length-penalty 2",
            "--samples 0",
        ] {
            assert_eq!(parsed(both), None, "{both}");
        }
    }
}
