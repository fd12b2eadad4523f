//! `cargo xtask bench peers words`: our word vectors against gensim's, and with `--stanford FOLDER` against GloVe's own program,
//! in turn on one corpus.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{python, shell};

/// Both sides.
const THREADS: &str = "2";
/// Characters that end a sentence.
const ENDS: &[char] = &['.', '!', '?', ';', ':'];

/// `[KIND] [--seeds N] [--stanford FOLDER]`: the kinds whose name holds the word, of `skip-gram`, `cbow` and `glove`; this last only with a folder
/// in which GloVe's programs were built.
pub fn run(arguments: &[String]) -> Result<()> {
    let (mut filter, mut seeds, mut stanford) = (String::new(), 3, None);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => {
                seeds = arguments
                    .next()
                    .context("--seeds needs a number")?
                    .parse()?
            }
            "--stanford" => stanford = arguments.next().map(PathBuf::from),
            word if !word.starts_with('-') => filter = word.to_owned(),
            other => bail!("unknown option {other}"),
        }
    }
    let folder = shell::root().join("target").join("bench").join("words");
    std::fs::create_dir_all(&folder)?;
    let corpus = folder.join("corpus.txt");
    let words = write_corpus(&corpus)?;
    println!("{words} words in {}", corpus.display());
    let peers = shell::root().join("benches").join("peers");
    let python = python::interpreter("peers-venv", &peers.join("requirements.txt"))?;
    let bench = Bench {
        ours: shell::built(&["tinderbox-benches"], "tinderbox-benches")?,
        python,
        script: peers.join("_words.py"),
        stanford: stanford.map(|folder| folder.canonicalize()).transpose()?,
        folder,
        corpus,
    };
    let mut results = Vec::new();
    for kind in ["skip-gram", "cbow", "glove"]
        .iter()
        .filter(|kind| kind.contains(&filter))
    {
        if *kind == "glove" && bench.stanford.is_none() {
            continue;
        }
        results.extend(bench.compare(kind, seeds)?);
    }
    let rows = std::iter::once(HEAD.map(str::to_owned).to_vec()).chain(results.iter().map(row));
    shell::print_table(&rows.collect::<Vec<_>>());
    let file = bench.folder.join("results.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&results)?)?;
    println!("\nwritten to {}", file.display());
    Ok(())
}

const HEAD: [&str; 6] = [
    "kind",
    "side",
    "a second",
    "ours / it",
    "wordsim353",
    "simlex999",
];

fn row(result: &Value) -> Vec<String> {
    let number = |key: &str, digits: usize| {
        result[key]
            .as_f64()
            .map_or(String::new(), |value| format!("{value:.digits$}"))
    };
    let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
    vec![
        text("kind"),
        text("side"),
        number("per_second", 0),
        number("ratio", 2),
        number("wordsim353", 4),
        number("simlex999", 4),
    ]
}

struct Bench {
    ours: PathBuf,
    python: PathBuf,
    script: PathBuf,
    stanford: Option<PathBuf>,
    folder: PathBuf,
    corpus: PathBuf,
}

impl Bench {
    /// Every side in turn, once a seed: the median speed and the mean scores of each.
    fn compare(&self, kind: &str, seeds: u64) -> Result<Vec<Value>> {
        let sides: &[&str] = match kind {
            "glove" => &["ours", "stanford"],
            _ => &["ours", "gensim", "gensim, from file"],
        };
        let mut turns: Vec<Vec<Value>> = vec![Vec::new(); sides.len()];
        for seed in 1..=seeds {
            for (side, turns) in sides.iter().zip(&mut turns) {
                let turn = self.turn(kind, side, seed)?;
                println!("{kind} seed {seed} {side}: {turn}");
                turns.push(turn);
            }
        }
        let speeds: Vec<f64> = turns
            .iter()
            .map(|turns| median(turns, "per_second"))
            .collect();
        let results = sides
            .iter()
            .zip(&turns)
            .zip(&speeds)
            .map(|((side, turns), speed)| {
                json!({
                    "kind": kind,
                    "side": side,
                    "per_second": speed,
                    "ratio": speeds[0] / speed,
                    "wordsim353": mean(turns, "wordsim353"),
                    "simlex999": mean(turns, "simlex999"),
                    "turns": turns,
                })
            });
        Ok(results.collect())
    }

    fn turn(&self, kind: &str, side: &str, seed: u64) -> Result<Value> {
        let vectors = self.folder.join("vectors.txt");
        let seed = seed.to_string();
        let speed: Value = match side {
            "ours" => {
                let mut command = Command::new(&self.ours);
                command.args(["--words", kind, "--threads", THREADS, "--seed", &seed]);
                command
                    .arg("--corpus")
                    .arg(&self.corpus)
                    .arg("--out")
                    .arg(&vectors);
                serde_json::from_str(&shell::output(&mut command)?)?
            }
            "stanford" => self.stanford(&seed, &vectors)?,
            _ => {
                let mut command = Command::new(&self.python);
                command
                    .arg(&self.script)
                    .arg(kind)
                    .arg(&self.corpus)
                    .arg(&vectors);
                command.args(["--threads", THREADS, "--seed", &seed]);
                if side != "gensim" {
                    command.arg("--from-file");
                }
                serde_json::from_str(&shell::output(&mut command)?)?
            }
        };
        let mut score = Command::new(&self.ours);
        score.arg("--score").arg(&vectors);
        let judgements = shell::root().join("data").join("word-pairs");
        for name in ["wordsim353.tsv", "simlex999.txt"] {
            score.arg(judgements.join(name));
        }
        let scores: Value = serde_json::from_str(&shell::output(&mut score)?)?;
        let mut turn = speed;
        for name in ["wordsim353", "simlex999"] {
            turn[name] = scores[name]["spearman"].clone();
        }
        Ok(turn)
    }

    /// The programs of `stanfordnlp/GloVe`, built in its folder; the speed is of `glove` as a whole, which reads its pairs from a file.
    fn stanford(&self, seed: &str, vectors: &Path) -> Result<Value> {
        let build = self
            .stanford
            .as_ref()
            .context("no folder of GloVe")?
            .join("build");
        let file = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let pipe = |program: &str, arguments: &str, from: &str, to: &str| -> Result<()> {
            let program = build.join(program);
            let line = format!(
                "'{}' {arguments} -verbose 0 < '{from}' > '{to}'",
                program.display()
            );
            shell::output(Command::new("sh").args(["-c", &line])).map(drop)
        };
        let (vocabulary, pairs, shuffled) =
            (file("vocab.txt"), file("pairs.bin"), file("shuffled.bin"));
        if !Path::new(&shuffled).exists() {
            let corpus = self.corpus.to_string_lossy().into_owned();
            pipe("vocab_count", "-min-count 5", &corpus, &vocabulary)?;
            let arguments = format!("-memory 4 -window-size 15 -vocab-file '{vocabulary}'");
            pipe("cooccur", &arguments, &corpus, &pairs)?;
            pipe("shuffle", "-memory 4 -seed 1", &pairs, &shuffled)?;
        }
        let count = std::fs::metadata(&shuffled)?.len() / 16;
        let start = std::time::Instant::now();
        let mut command = Command::new(build.join("glove"));
        command.args([
            "-threads",
            THREADS,
            "-iter",
            "15",
            "-vector-size",
            "50",
            "-x-max",
            "100",
        ]);
        command.args([
            "-binary",
            "0",
            "-verbose",
            "0",
            "-write-header",
            "1",
            "-seed",
            seed,
        ]);
        command.args(["-input-file", &shuffled, "-vocab-file", &vocabulary]);
        command.arg("-save-file").arg(vectors.with_extension(""));
        shell::output(&mut command)?;
        let seconds = start.elapsed().as_secs_f64();
        // The first line does not count `<unk>`, which the program writes behind the words.
        let written = std::fs::read_to_string(vectors)?;
        let words = written.lines().filter(|line| !line.starts_with("<unk> "));
        let words: Vec<&str> = words.collect();
        std::fs::write(vectors, words.join("\n") + "\n")?;
        Ok(json!({"seconds": seconds, "per_second": count as f64 * 15.0 / seconds, "pairs": count}))
    }
}

fn median(turns: &[Value], key: &str) -> f64 {
    let mut values: Vec<f64> = turns.iter().filter_map(|turn| turn[key].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn mean(turns: &[Value], key: &str) -> f64 {
    turns
        .iter()
        .filter_map(|turn| turn[key].as_f64())
        .sum::<f64>()
        / turns.len() as f64
}

/// Writes the sentences of Brown and the addresses, in lower case, a line each; gives the number of words.
fn write_corpus(path: &Path) -> Result<usize> {
    let (mut text, mut words) = (String::new(), 0);
    for name in ["brown", "addresses"] {
        let folder = shell::root().join("data").join(name);
        let mut files = Vec::new();
        list(&folder, &mut files).with_context(|| {
            format!("run `cargo xtask data {name}` and `cargo xtask data word-pairs`")
        })?;
        files.sort();
        for file in files {
            let content = std::fs::read(&file)?;
            words += push_sentences(&String::from_utf8_lossy(&content), &mut text);
        }
    }
    std::fs::write(path, text)?;
    Ok(words)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    Ok(())
}

/// A word is letters, with apostrophes inside; a line of text ends a sentence too.
fn push_sentences(content: &str, text: &mut String) -> usize {
    let mut all = 0;
    for sentence in content.lines().flat_map(|line| line.split(ENDS)) {
        let words = sentence.split(|c: char| !c.is_alphabetic() && c != '\'');
        let words = words
            .map(|word| word.trim_matches('\''))
            .filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(str::to_lowercase).collect();
        if !words.is_empty() {
            writeln!(text, "{}", words.join(" ")).expect("a string takes all");
            all += words.len();
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_lines_of_lower_case_words() {
        let mut text = String::new();
        let words = push_sentences(
            "It's the State's duty; 'so' be it. 42 Men\n\nEnd",
            &mut text,
        );
        assert_eq!(text, "it's the state's duty\nso be it\nmen\nend\n");
        assert_eq!(words, 9);
    }
}
