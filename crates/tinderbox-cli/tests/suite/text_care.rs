//! What of texts is not read as it was given is told, every line has its row, and all readers take the same.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::{expect, read, text, unwrapped};

const RECIPE: &str = "\
version = 1
encoder = { kind = \"bert\", width = 16, depth = 1, heads = 2, ffn = 32, positions = 32 }
objective.kind = \"masked-lm\"
train = { steps = 3, batch = 8 }
eval.health = false
[data]
source = \"text\"
path = \"data/texts.txt\"
[data.tokens]
vocabulary = 300
length = 32
";

fn sentence(number: usize) -> String {
    let words = [
        "red", "house", "bird", "stone", "river", "falls", "sings", "near",
    ];
    let word = |step: usize| words[(number * (step + 3) + step * step) % words.len()];
    format!("the {} {} the {}", word(1), word(2), word(3))
}

fn lines(count: usize) -> String {
    (0..count).map(|number| sentence(number) + "\n").collect()
}

/// A folder with `data/texts.txt` and a recipe.
fn project(texts: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("data")).unwrap();
    fs::write(at.join("data/texts.txt"), texts).unwrap();
    fs::write(at.join("mine.toml"), RECIPE).unwrap();
    folder
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn tells(output: &Output, expected: &str) {
    let said = unwrapped(&output.stderr) + &unwrapped(&output.stdout);
    assert!(said.contains(expected), "{expected:?} in {said}");
}

/// The remarks that `data.json` of a run has.
fn remarks(run: &Path) -> String {
    read(&run.join("data.json"))["ledger"].to_string()
}

/// Rows of a CSV as id, name and error.
fn rows(output: &Output) -> Vec<[String; 3]> {
    let mut rows = csv::Reader::from_reader(&output.stdout[..]);
    let rows = rows.records().map(Result::unwrap);
    rows.map(|row| [0, 2, row.len() - 1].map(|cell| row[cell].to_string()))
        .collect()
}

/// A run that tells two classes of texts.
fn classifier() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (class, rest) in [("a", "bird sings"), ("b", "stone falls")] {
        fs::create_dir_all(at.join("data").join(class)).unwrap();
        for number in 0..20 {
            let path = at.join(format!("data/{class}/{number:02}.txt"));
            fs::write(path, format!("{} {rest}", sentence(number))).unwrap();
        }
    }
    let recipe = RECIPE.replace("masked-lm", "supervised");
    let recipe = recipe.replace("data/texts.txt", "data");
    let recipe = recipe.replace("steps = 3", "steps = 30");
    fs::write(at.join("mine.toml"), recipe).unwrap();
    expect(at, &["pretrain", "mine.toml"], 0);
    folder
}

#[test]
fn ends_that_are_not_read_are_counted_everywhere() {
    let long = |number: usize| [sentence(number), sentence(number + 1)].join(" ").repeat(9) + "\n";
    let texts: String = (0..40).map(long).collect();
    let folder = project((texts + &lines(60)).as_bytes());
    let at = folder.path();
    let told = "40 of 100 texts are longer than 32 tokens; their ends are not read but by objectives that pack texts (line 1 of texts.txt, line 2 of texts.txt, line 3 of texts.txt, ...); \
                `data.tokens.length` changes that";
    tells(
        &expect(at, &["pretrain", "mine.toml", "--dry-run"], 0),
        told,
    );
    tells(&expect(at, &["pretrain", "mine.toml"], 0), told);
    assert!(remarks(&at.join("runs/mine")).contains("are longer than 32 tokens"));
    let report = fs::read_to_string(at.join("runs/mine/report.html")).unwrap();
    assert!(report.contains("are longer than 32 tokens"));
    fs::write(at.join("new.txt"), long(0) + &long(1)).unwrap();
    let told = "2 of 2 texts are longer than 32 tokens; their ends are not read (line 1 of new.txt, line 2 of new.txt)";
    let output = expect(at, &["embed", "runs/mine", "--data", "new.txt"], 0);
    tells(&output, told);
    // The model's length is what it is.
    assert!(!text(&output.stderr).contains("data.tokens.length"));
    let few: String = (0..5).map(long).collect();
    fs::write(at.join("few.txt"), lines(95) + &few).unwrap();
    let inspected = expect(at, &["data", "inspect", "few.txt"], 0);
    let told_of_few =
        "5 of 100 texts are longer than 16 tokens, at 1.3 a word; their ends are not read";
    tells(&inspected, told_of_few);

    let folder = classifier();
    let at = folder.path();
    fs::write(at.join("new.txt"), long(0) + &long(1)).unwrap();
    tells(
        &expect(at, &["predict", "runs/mine", "--data", "new.txt"], 0),
        told,
    );
}

#[test]
fn running_text_that_is_no_text_is_counted_with_its_lines() {
    let mut bytes = lines(4).into_bytes();
    bytes.extend(b"\n\xe9t\xe9 the house\n the \0 bird\n");
    let two = |number| format!("A {}. A {}.\n", sentence(number), sentence(number + 1));
    bytes.extend((0..100).flat_map(|number| two(number).into_bytes()));
    let folder = project(&bytes);
    let at = folder.path();
    let not_utf8 = "1 of 106 texts hold bytes that are not UTF-8 and are not read (line 6 of texts.txt); `data.tokens.lossy = true` changes that";
    let nul = "1 of 106 texts hold a NUL byte and are not read (line 7 of texts.txt)";
    for objective in ["masked-lm", "causal-lm", "bert"] {
        let mut words = vec!["pretrain", "mine.toml", "--overwrite", "--set"];
        let kind = format!("objective.kind={objective}");
        words.push(&kind);
        if objective == "causal-lm" {
            words.extend(["--set", "encoder.causal=true"]);
        }
        let output = expect(at, &words, 0);
        for told in [not_utf8, nul, "1 of 107 lines are blank and no texts"] {
            tells(&output, told);
        }
        assert!(remarks(&at.join("runs/mine")).contains("line 6 of texts.txt"));
    }
    let lossy = [
        "pretrain",
        "mine.toml",
        "--dry-run",
        "--set",
        "data.tokens.lossy=true",
    ];
    let told =
        "1 of 106 texts hold bytes that are not UTF-8, read as \u{fffd} (line 6 of texts.txt)";
    tells(&expect(at, &lossy, 0), told);
    let inspected = expect(at, &["data", "inspect", "data/texts.txt"], 0);
    tells(&inspected, told);
}

#[test]
fn nothing_is_written_beside_the_texts() {
    let folder = project(lines(200).as_bytes());
    let at = folder.path();
    fs::write(at.join("data/packed.txt.gz"), gzip(lines(9).as_bytes())).unwrap();
    let listing = || -> Vec<PathBuf> {
        let entries = fs::read_dir(at.join("data")).unwrap();
        let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    let before = listing();
    let data = at.join("data");
    let mut permissions = fs::metadata(&data).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&data, permissions).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut command = crate::tinderbox(at, words);
        let output = command.env("TMPDIR", temporary.path()).output().unwrap();
        assert!(
            output.status.success(),
            "{words:?} {}",
            text(&output.stderr)
        );
    };
    run(&["pretrain", "mine.toml"]);
    run(&["pretrain", "mine.toml", "--dry-run"]);
    run(&["data", "inspect", "data/texts.txt"]);
    run(&["embed", "runs/mine", "--data", "data/packed.txt.gz"]);
    run(&["words", "train", "data/texts.txt", "--out", "v.txt"]);
    assert_eq!(listing(), before);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn every_line_has_its_row() {
    let folder = classifier();
    let at = folder.path();
    let raw = b"the bird sings\r\n\r\n\xff\n  \nthe stone falls\n";
    fs::write(at.join("raw.txt"), raw).unwrap();
    let words = ["predict", "runs/mine", "--data"];
    let output = expect(at, &[&words[..], &["raw.txt"]].concat(), 0);
    let found = rows(&output);
    let ids: Vec<&str> = found.iter().map(|row| &row[0][..]).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
    assert!(["a", "b"].contains(&&*found[0][1]) && ["a", "b"].contains(&&*found[4][1]));
    assert!(found[1][2].ends_with("raw.txt:2: text: expected one, got a blank line"));
    assert!(found[2][2].contains("raw.txt:3: text: expected UTF-8"));
    assert!(found[3][2].contains("raw.txt:4:"));
    tells(
        &output,
        "3 of 5 items could not be read; their rows say why",
    );
    // Compressed, with a byte order mark and other ends of lines, it is the same.
    let other = [b"\xef\xbb\xbf", &raw[..]].concat();
    fs::write(at.join("raw.txt"), gzip(&other)).unwrap();
    assert_eq!(
        rows(&expect(at, &[&words[..], &["raw.txt"]].concat(), 0)),
        found
    );
    let tagged = "the\tat\nbird\tnn\n\nstone\tnn\n";
    fs::write(at.join("tagged.txt"), tagged).unwrap();
    let output = expect(at, &[&words[..], &["tagged.txt"]].concat(), 0);
    tells(&output, "3 of 4 texts hold a tab");
}

#[test]
fn pairs_are_not_read_as_single_texts() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let row = |number: usize| {
        let label = ["no", "yes"][number % 2];
        format!(
            "{},{},{label}\n",
            sentence(number),
            sentence(number + number % 2)
        )
    };
    let rows: String = (0..60).map(row).collect();
    fs::write(at.join("pairs.csv"), format!("left,right,same\n{rows}")).unwrap();
    let recipe = RECIPE.replace("masked-lm", "supervised").replace(
        "source = \"text\"\npath = \"data/texts.txt\"",
        "source = \"table\"\npath = \"pairs.csv\"\ntext = [\"left\", \"right\"]\nlabels = \"same\"",
    );
    fs::write(at.join("mine.toml"), recipe).unwrap();
    expect(at, &["pretrain", "mine.toml"], 0);
    fs::write(at.join("new.txt"), lines(3)).unwrap();
    let output = expect(at, &["predict", "runs/mine", "--data", "new.txt"], 3);
    tells(
        &output,
        "`data.text` is single texts of new.txt, expected two columns of a table",
    );
    let one = [
        "predict",
        "runs/mine",
        "--data",
        "pairs.csv",
        "--set",
        "data.text=left",
    ];
    tells(&expect(at, &one, 3), "the model learnt from pairs of texts");
    let both = ["predict", "runs/mine", "--data", "pairs.csv"];
    assert_eq!(rows_of(&expect(at, &both, 0)), 60);
}

fn rows_of(output: &Output) -> usize {
    text(&output.stdout).lines().count() - 1
}

#[test]
fn marks_of_letters_are_kept_or_told() {
    let texts = "le caf\u{e9} est l\u{e0}\n\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}\n".to_owned();
    let folder = project((texts + &lines(80)).as_bytes());
    let at = folder.path();
    let dry = ["pretrain", "mine.toml", "--dry-run"];
    let told = "2 of 82 texts hold accents or other marks of letters, which are dropped (caf\u{e9}, \u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}); \
                `data.tokens.strip_accents = false` changes that";
    tells(&expect(at, &dry, 0), told);
    let keep = ["--set", "data.tokens.strip_accents=false"];
    let output = expect(at, &[&dry[..], &keep].concat(), 0);
    assert!(!unwrapped(&output.stderr).contains("accents"));
    let bpe = [&dry[..], &keep, &["--set", "data.tokens.kind=bpe"]].concat();
    tells(&expect(at, &bpe, 2), "strip_accents");
    // The same word in either normal form.
    let line = "le caf\u{e9} et le cafe\u{301}, \u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940} \u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}\n";
    fs::write(at.join("words.txt"), line.repeat(20)).unwrap();
    let train = ["words", "train", "words.txt", "--out", "v.txt", "--set"];
    expect(
        at,
        &[
            &train[..],
            &["subwords={}"],
            &["--set", "subwords.buckets=50"],
        ]
        .concat(),
        0,
    );
    let vectors = fs::read_to_string(at.join("v.txt")).unwrap();
    let mut words: Vec<&str> = vectors
        .lines()
        .skip(1)
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    words.sort_unstable();
    assert_eq!(
        words,
        [
            "caf\u{e9}",
            "et",
            "le",
            "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}"
        ]
    );
}

#[test]
fn odd_words_of_vectors_are_left_out_and_counted() {
    let field = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/word-vectors");
    for (file, told) in [
        (
            "badutf8.txt",
            "1 of 4 words of badutf8.txt are not UTF-8 and are left out",
        ),
        (
            "badutf8.bin",
            "1 of 4 words of badutf8.bin are not UTF-8 and are left out",
        ),
        (
            "dup.txt",
            "1 of 4 words of dup.txt came before: the first vector stays",
        ),
        ("bom.txt", "queen"),
        ("packed.txt.gz", "queen"),
        ("spaces.txt", "new york"),
    ] {
        let output = expect(&field, &["words", "nearest", file, "king"], 0);
        tells(&output, told);
        tells(&output, "queen");
    }
    let output = expect(&field, &["words", "nearest", "count-more.txt", "king"], 3);
    tells(
        &output,
        "count-more.txt: word vectors: expected 5 words, as the first line says in the file, got 3",
    );
    // Judgements are read as all files of text.
    let folder = tempfile::tempdir().unwrap();
    let judged = "\u{feff}king\tqueen\t9\r\n\r\nking\tman\t1\r\nqueen\tman\t2\r\n";
    let mut judged = judged.as_bytes().to_vec();
    judged.extend(b"k\xe9ng\tman\t1\r\n");
    fs::write(folder.path().join("judged.tsv"), gzip(&judged)).unwrap();
    let vectors = field.join("bom.txt");
    let words = [
        "words",
        "score",
        vectors.to_str().unwrap(),
        "judged.tsv",
        "--json",
    ];
    let found: Value = serde_json::from_slice(&expect(folder.path(), &words, 0).stdout).unwrap();
    assert_eq!(
        (
            &found["similarity"]["pairs"],
            &found["similarity"]["unknown"]
        ),
        (&3.into(), &1.into())
    );
}

#[test]
fn what_is_inspected_of_tags_and_questions_can_be_run() {
    let folder = project(lines(10).as_bytes());
    let at = folder.path();
    let tagged = |number: usize| {
        let words = sentence(number);
        let words = words
            .split(' ')
            .map(|word| format!("{word}\t{}\n", &word[..1]));
        words.collect::<String>() + "\n"
    };
    let tags: String = (0..30).map(tagged).collect();
    fs::write(at.join("tags.tsv"), format!("{tags}bird\n\n")).unwrap();
    let paragraph = |number: usize| {
        let context = sentence(number);
        let answer = context.split(' ').nth(1).unwrap();
        let start = if number == 3 { 1 } else { 4 };
        let answers = serde_json::json!([{"text": answer, "answer_start": start}]);
        serde_json::json!({"context": context, "qas": [{"id": number, "question": "what is it ?", "answers": answers}]})
    };
    let paragraphs: Vec<Value> = (0..30).map(paragraph).collect();
    let squad = serde_json::json!({"data": [{"paragraphs": paragraphs}]});
    fs::write(at.join("q.json"), gzip(squad.to_string().as_bytes())).unwrap();
    for (file, kind, told) in [
        (
            "tags.tsv",
            "sentences with tags",
            "1 of 31 sentences have a line that is no word, a tab and its tag, and are not read",
        ),
        (
            "q.json",
            "questions",
            "1 of 30 questions have an answer that does not stand where it is said to",
        ),
    ] {
        let output = expect(at, &["data", "inspect", file, "--out", kind], 0);
        tells(&output, kind);
        tells(&output, told);
        let recipe = format!("{kind}/recipe.toml");
        let steps = [
            "--set",
            "train={steps=2,batch=4}",
            "--set",
            "data.tokens.vocabulary=300",
        ];
        let output = expect(
            at,
            &[&["pretrain", &recipe, "--dry-run"][..], &steps].concat(),
            0,
        );
        tells(&output, told);
    }
}

#[test]
fn an_export_frames_cuts_and_fills_as_the_program_does() {
    let folder = project(lines(200).as_bytes());
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml"], 0);
    let tokeniser = read(&at.join("runs/mine/exported/tokenizer.json"));
    assert_eq!(tokeniser["post_processor"]["type"], "TemplateProcessing");
    assert_eq!(tokeniser["truncation"]["max_length"], 32);
    assert_eq!(tokeniser["padding"]["pad_token"], "[PAD]");
    let config = read(&at.join("runs/mine/exported/tokenizer_config.json"));
    assert_eq!(config["do_lower_case"], true);
    assert_eq!(config["model_max_length"], 32);
}
