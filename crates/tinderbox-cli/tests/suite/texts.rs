//! Texts through every verb: pre-training on words, measuring, fine-tuning, and raw text to predictions.

use std::fs;

use crate::{ends_as_if_it_had_not_stopped, expect, read, text, unwrapped};

/// A document of a class: its sentences use the words of the class, and some that both have.
fn document(class: usize, number: usize) -> String {
    let words = [
        ["sea", "ship", "wave", "sailor", "harbour"],
        ["field", "wheat", "plough", "farmer", "barn"],
    ][class];
    let sentence = |place: usize| {
        let word = |step: usize| words[(number + place * step) % words.len()];
        format!("The {} saw a {} near the {}.", word(1), word(2), word(3))
    };
    (0..6).map(sentence).collect::<Vec<_>>().join(" ")
}

const RECIPE: &str = "\
version = 1
encoder = { kind = \"bert\", width = 16, depth = 1, heads = 2, ffn = 32, positions = 24 }
objective.kind = \"masked-lm\"
train = { steps = 30, batch = 8 }
[data]
source = \"text\"
path = \"texts\"
[data.tokens]
vocabulary = 300
length = 24
";

/// A folder with texts of two classes and a recipe.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in ["farm", "sea"].into_iter().enumerate() {
        let inside = folder.path().join("texts").join(name);
        fs::create_dir_all(&inside).unwrap();
        for number in 0..30 {
            let path = inside.join(format!("{number:02}.txt"));
            fs::write(path, document(1 - class, number)).unwrap();
        }
    }
    fs::write(folder.path().join("mine.toml"), RECIPE).unwrap();
    folder
}

#[test]
fn from_texts_to_predictions_of_raw_text() {
    let folder = project();
    let at = folder.path();
    let compare = ["--set", "compare.shares=[0.5]", "--set", "compare.seeds=2"];
    let short = ["--set", "compare.scratch_steps=20"];
    let tuned = ["--set", "compare.fine_tune=true"];
    let words = [&["pretrain", "mine.toml"][..], &compare, &short, &tuned].concat();
    let output = expect(at, &words, 0);
    let compared = text(&output.stdout);
    for row in [
        "plain input, linear probe",
        "pre-trained encoder, fine-tuned",
    ] {
        assert!(compared.contains(row), "{compared}");
    }
    let comparison = read(&at.join("runs/mine/comparison.json"));
    let leads = comparison["leads"].as_array().unwrap();
    let tuned = |lead: &&serde_json::Value| lead["readout"] == "head";
    assert_eq!(leads.iter().find(tuned).unwrap()["rival"], "scratch");
    let run = at.join("runs/mine");
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    for figure in ["held-out/loss", "held-out/masked_accuracy", "unigram"] {
        assert!(metrics.contains(figure), "{figure} is missing");
    }
    let description = read(&run.join("exported/tinderbox.json"));
    assert_eq!(description["length"], 24);
    let vocabulary = description["vocabulary"].as_u64().unwrap();
    assert!((50..=300).contains(&vocabulary), "{vocabulary}");
    for name in ["tokenizer.json", "vocab.txt", "config.json"] {
        assert!(run.join("exported").join(name).is_file(), "{name}");
    }

    let output = expect(at, &["probe", "runs/mine", "--json"], 0);
    let probe: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(probe["linear_probe"]["accuracy"].as_f64().unwrap() > 0.9);

    let fast = ["--set", "train.steps=40", "--set", "optim.lr=0.005"];
    expect(at, &[&["finetune", "runs/mine"][..], &fast].concat(), 0);
    // A text a line; a blank line has a row that says so; one is of words that nobody has seen, one of megabytes.
    let long = "wheat plough farmer barn field ".repeat(400_000);
    let raw = format!("the sailor saw a wave\na farmer near the barn\n\nxyzzy \u{4e00}\n{long}\n");
    fs::write(at.join("raw.txt"), raw).unwrap();
    let words = ["predict", "runs/mine/finetune-1", "--data", "raw.txt"];
    let output = expect(at, &words, 0);
    let lines = text(&output.stdout);
    let classes: Vec<&str> = lines
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap())
        .collect();
    assert_eq!(classes.len(), 5, "{lines}");
    assert_eq!(
        [classes[0], classes[1], classes[2], classes[4]],
        ["sea", "farm", "", "farm"]
    );

    let words = ["embed", "runs/mine", "--data", "raw.txt", "--out", "e.npy"];
    expect(at, &words, 0);
    assert!(at.join("e.npy").is_file());
}

#[test]
fn a_stopped_run_on_texts_ends_as_if_it_had_not_been() {
    let folder = project();
    let at = folder.path();
    let pretrain = ["pretrain", "mine.toml", "--set", "data.labels=false"];
    ends_as_if_it_had_not_stopped(at, &pretrain);
}

#[test]
fn tables_of_texts_and_pairs_are_read() {
    let folder = project();
    let at = folder.path();
    let mut rows = String::from("id,left,right,same\n");
    for number in 0..40 {
        let (a, b) = (number % 2, (number / 2) % 2);
        let same = ["no", "yes"][usize::from(a == b)];
        rows += &format!(
            "{number},{},{},{same}\n",
            document(a, number),
            document(b, number)
        );
    }
    fs::write(at.join("pairs.csv"), rows).unwrap();
    let recipe = RECIPE
        .replace(
            "source = \"text\"",
            "source = \"table\"\ntext = [\"left\", \"right\"]\nlabels = \"same\"",
        )
        .replace("\"texts\"", "\"pairs.csv\"")
        .replace("masked-lm", "supervised");
    fs::write(at.join("pairs.toml"), &recipe).unwrap();
    expect(at, &["pretrain", "pairs.toml"], 0);
    let words = ["predict", "runs/pairs", "--data", "pairs.csv"];
    let output = expect(at, &words, 0);
    assert_eq!(text(&output.stdout).lines().count(), 41);
    // Several sources behind each other, and a column that is not there.
    let also = [
        "--set",
        "data.also=[\"texts\"]",
        "--set",
        "data.labels=false",
    ];
    expect(
        at,
        &[&["pretrain", "mine.toml", "--dry-run"][..], &also].concat(),
        0,
    );
    let output = expect(
        at,
        &["pretrain", "pairs.toml", "--set", "data.text=\"middle\""],
        3,
    );
    assert!(
        unwrapped(&output.stderr).contains("left"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_cannot_be_read_so_says_why() {
    let folder = project();
    let at = folder.path();
    let refused = |set: &[&str], code: i32, expected: &str| {
        let sets = set.iter().flat_map(|set| ["--set", set]);
        let words: Vec<&str> = ["pretrain", "mine.toml"].into_iter().chain(sets).collect();
        let output = expect(at, &words, code);
        let said = unwrapped(&output.stderr);
        assert!(said.contains(expected), "{set:?}: {said}");
    };
    refused(&["encoder.positions=16"], 2, "`encoder.positions` is 16");
    refused(&["data.tokens.vocabulary=100"], 2, "at least 300");
    refused(&["data.size=3"], 2, "no use with texts");
    refused(&["data.views.share=1.5"], 2, "0 to 1");
    refused(&["train.batch=512"], 3, "512");
    refused(&["encoder={kind=\"mlp\"}"], 2, "reads rows");
    let digits = [
        "data={source=\"digits\"}",
        "encoder={kind=\"reference-cnn\"}",
    ];
    refused(&digits, 2, "which is for texts");
    // Bytes that are no text: skipped up to a number, or read as far as they are text.
    for number in 0..3 {
        fs::write(
            at.join(format!("texts/sea/bad-{number}.txt")),
            b"sea \xff ship",
        )
        .unwrap();
    }
    refused(&["data.max_bad=0"], 3, "bad-");
    let dry = ["pretrain", "mine.toml", "--dry-run"];
    expect(at, &dry, 0);
    let lossy = ["--set", "data.tokens.lossy=true", "--set", "data.max_bad=0"];
    expect(at, &[&dry[..], &lossy].concat(), 0);
    // A vocabulary that lacks every word.
    let special = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    fs::write(at.join("vocab.txt"), format!("{special}a\n")).unwrap();
    refused(&["data.tokens.tokeniser=\"vocab.txt\""], 3, "vocabulary");
    fs::write(at.join("vocab.txt"), format!("{special}aa\nbb\n")).unwrap();
    refused(&["data.tokens.tokeniser=\"vocab.txt\""], 3, "knows none");
    fs::write(at.join("empty.txt"), "\n\n\n").unwrap();
    refused(
        &["data.path=\"empty.txt\"", "data.labels=false"],
        3,
        "no text",
    );
}

#[test]
fn what_data_inspect_writes_can_be_run() {
    let folder = project();
    let at = folder.path();
    expect(at, &["data", "inspect", "texts", "--out", "look"], 0);
    let words = ["pretrain", "look/recipe.toml", "--dry-run", "--json"];
    let dry: serde_json::Value = serde_json::from_slice(&expect(at, &words, 0).stdout).unwrap();
    assert_eq!(dry["input"], serde_json::json!([32, 64]));
}

#[test]
fn vectors_of_words_are_trained_and_asked() {
    let folder = project();
    let at = folder.path();
    let train = |more: &[&str], code: i32| {
        let words = [&["words", "train", "texts"][..], more].concat();
        expect(at, &words, code)
    };
    let small = [
        "--set",
        "dimension=16",
        "--set",
        "epochs=20",
        "--set",
        "sub_sampling=1.0",
    ];
    train(&[&["--out", "v.txt"][..], &small].concat(), 0);
    // The same on another number of threads.
    train(
        &[&["--out", "w.txt", "--threads", "1"][..], &small].concat(),
        0,
    );
    let bytes = |name: &str| fs::read(at.join(name)).unwrap();
    assert!(bytes("v.txt") == bytes("w.txt"));
    let output = expect(at, &["embed", "v.txt", "--nearest", "Ship"], 0);
    let near = text(&output.stdout);
    let place = |word: &str| near.find(word).unwrap_or(usize::MAX);
    assert!(place("harbour") < place("plough"), "{near}");
    let words = [
        "words", "analogy", "v.txt", "sea", "ship", "field", "--count", "3",
    ];
    assert_eq!(text(&expect(at, &words, 0).stdout).lines().count(), 4);

    let glove = [
        "--kind",
        "glove",
        "--out",
        "g.txt",
        "--format",
        "glove",
        "--set",
        "dimension=8",
    ];
    train(&glove, 0);
    train(
        &["--kind", "cbow", "--format", "binary", "--out", "c.bin"],
        0,
    );
    fs::write(
        at.join("judged.tsv"),
        "ship\twave\t9\nship\twheat\t1\nbarn\tfarmer\t8\n",
    )
    .unwrap();
    for vectors in ["v.txt", "g.txt", "c.bin"] {
        let output = expect(at, &["words", "score", vectors, "judged.tsv", "--json"], 0);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["similarity"]["pairs"], 3, "{vectors}: {found}");
    }

    // What is wrong says so, and what to do.
    train(&["--out", "v.txt"], 5);
    train(&[], 2);
    let output = train(&["--out", "x.txt", "--set", "dimensions=3"], 2);
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("dimensions") && said.contains("window = 5"),
        "{said}"
    );
    let output = train(&["--out", "x.txt", "--min-count", "100000"], 3);
    assert!(unwrapped(&output.stderr).contains("--min-count"));
    let output = expect(at, &["words", "nearest", "v.txt", "shipp"], 2);
    assert!(unwrapped(&output.stderr).contains("did you mean"));
    fs::write(at.join("bad.txt"), "2 3\na 1 2\n").unwrap();
    expect(at, &["words", "nearest", "bad.txt", "a"], 3);
}

/// Sentence contrast with pairs: a text is to be found by the other of its row, which shares no word with it.
#[test]
fn texts_of_a_pair_find_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let words =
        |stem: &str, number: usize| format!("{stem}{} {stem}{stem}{}", number / 6, number % 6);
    let row = |number: usize| format!("{},{}\n", words("a", number % 36), words("b", number % 36));
    let rows: String = (0..144).map(row).collect();
    fs::write(at.join("pairs.csv"), format!("left,right\n{rows}")).unwrap();
    let recipe = RECIPE
        .replace(
            "source = \"text\"",
            "source = \"table\"\ntext = [\"left\", \"right\"]",
        )
        .replace("\"texts\"", "\"pairs.csv\"")
        .replace("masked-lm", "simcse")
        .replace("steps = 30, batch = 8", "steps = 150, batch = 36");
    let recipe = format!("{recipe}[optim]\nkind = \"adamw\"\nlr = 0.01\n");
    fs::write(at.join("pairs.toml"), recipe).unwrap();
    expect(at, &["pretrain", "pairs.toml"], 0);
    let embedded = |column: &str| {
        let out = format!("{column}.npy");
        let text = format!("data.text={column}");
        let words = [
            "embed",
            "runs/pairs",
            "--data",
            "pairs.csv",
            "--set",
            &text,
            "--out",
            &out,
        ];
        expect(at, &words, 0);
        let bytes = fs::read(at.join(out)).unwrap();
        let (numbers, _) = bytes[128..].as_chunks::<4>();
        let numbers: Vec<f32> = numbers
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        numbers
    };
    let (left, right) = (embedded("left"), embedded("right"));
    let rows: Vec<&[f32]> = right.chunks(16).take(36).collect();
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    let found = left
        .chunks(16)
        .take(36)
        .enumerate()
        .filter(|(number, left)| {
            let own = cosine(left, rows[*number]);
            rows.iter().all(|other| cosine(left, other) <= own)
        });
    // One of 36 by chance.
    assert!(found.count() > 24);
}
