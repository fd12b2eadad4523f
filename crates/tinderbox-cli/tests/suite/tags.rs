//! Words with tags: fine-tuning on them, and from raw text to a tag for each word.

use std::fs;
use std::path::Path;

use crate::{ends_as_if_it_had_not_stopped, expect, says, text, unwrapped};

/// A sentence with a tag a word; `saw` is a verb here and a noun there.
fn sentence(number: usize) -> Vec<(&'static str, &'static str)> {
    let nouns = ["sailor", "ship", "wave", "farmer", "barn", "saw"];
    let noun = |step: usize| (nouns[(number * (step + 1) + step) % nouns.len()], "nn");
    let verb = (["saw", "left", "found"][number % 3], "vbd");
    let mut words = vec![("The", "at"), noun(0), verb, ("a", "at"), noun(1)];
    if number.is_multiple_of(2) {
        words.extend([("near", "in"), ("the", "at"), noun(2)]);
    }
    words.push((".", "."));
    words
}

fn tagged(count: usize) -> String {
    let line = |(word, tag): (&str, &str)| format!("{word}\t{tag}\n");
    let lines = |number| sentence(number).into_iter().map(line).collect::<String>();
    (0..count).map(|number| lines(number) + "\n").collect()
}

fn raw(count: usize) -> String {
    let spelt = |number| sentence(number).iter().map(|(word, _)| *word).collect();
    let sentences = (0..count).map(|number| -> Vec<&str> { spelt(number) });
    sentences.map(|words| words.join(" ") + "\n").collect()
}

const RECIPE: &str = "\
version = 1
encoder = { kind = \"bert\", width = 16, depth = 1, heads = 2, ffn = 32, positions = 24, dropout = 0.0 }
objective.kind = \"masked-lm\"
train = { steps = 20, batch = 8 }
[data]
source = \"text\"
path = \"raw.txt\"
[data.tokens]
vocabulary = 300
length = 24
";

/// A folder with raw and tagged sentences and a recipe.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("raw.txt"), raw(200)).unwrap();
    fs::write(folder.path().join("tags.tsv"), tagged(90)).unwrap();
    fs::write(folder.path().join("mine.toml"), RECIPE).unwrap();
    folder
}

/// Fine-tunes `runs/mine` on the tags.
const FINETUNE: [&str; 9] = [
    "finetune",
    "runs/mine",
    "--data",
    "tags.tsv",
    "--set",
    "data.source=tags",
    "--set",
    "optim.lr=0.01",
    "--json",
];

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

fn read(path: &Path) -> serde_json::Value {
    json(&fs::read(path).unwrap())
}

/// The words of a CSV of predictions with their tags.
fn words(csv: &str) -> Vec<(String, String)> {
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let rows = rows.records().map(Result::unwrap);
    rows.map(|row| (row[1].to_string(), row[3].to_string()))
        .collect()
}

#[test]
fn from_tagged_words_to_the_tags_of_raw_text() {
    let folder = project();
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml"], 0);
    let steps = ["--set", "train.steps=200"];
    let found = json(&expect(at, &[&FINETUNE[..], &steps].concat(), 0).stdout);
    assert_eq!(found["labels"], 60, "a third of the sentences is held out");
    let right = found["test_accuracy"].as_f64().unwrap();
    assert!(right > 0.95, "{right}");
    let tuned = at.join("runs/mine/finetune-1");
    let description = read(&tuned.join("exported/tinderbox.json"));
    assert_eq!(description["objective"], "tagging");
    assert_eq!(description["head"]["of"], "words");
    let classes = &description["head"]["classes"];
    assert_eq!(*classes, serde_json::json!([".", "at", "in", "nn", "vbd"]));

    // Marks stand by themselves or not; one text has no words, one is longer than a sequence.
    let long = "the sailor found a wave near the barn. ".repeat(40);
    let text_of = format!("The farmer saw a saw near the barn.\n\"The ship ...\"\n{long}\n");
    fs::write(at.join("new.txt"), text_of).unwrap();
    let predict = ["predict", "runs/mine/finetune-1"];
    let output = expect(at, &[&predict[..], &["--data", "new.txt"]].concat(), 0);
    let found = words(&text(&output.stdout));
    assert_eq!(found.len(), 9 + 5 + 40 * 9);
    let tags: Vec<&str> = found[..9].iter().map(|(_, tag)| tag.as_str()).collect();
    let expected = ["at", "nn", "vbd", "at", "nn", "in", "at", "nn", "."];
    assert_eq!(tags, expected, "{found:?}");
    assert_eq!(found[9].0, "\"");
    assert_eq!(found[12].0, "...");
    // Sentences that are tagged already are read by their words.
    let output = expect(at, &predict, 0);
    let count = (0..90).map(|number| sentence(number).len()).sum::<usize>();
    assert_eq!(words(&text(&output.stdout)).len(), count);
    // The encoder is there for other verbs.
    let embed = ["embed", "runs/mine/finetune-1", "--data", "new.txt"];
    expect(at, &embed, 0);
}

#[test]
fn a_stopped_run_on_tags_ends_as_if_it_had_not_been() {
    let folder = project();
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml"], 0);
    ends_as_if_it_had_not_stopped(at, &FINETUNE);
}

#[test]
fn sentences_of_another_form_cost_themselves_up_to_a_number() {
    let folder = project();
    let at = folder.path();
    let mut recipe = RECIPE.replace("\"text\"", "\"tags\"");
    recipe = recipe.replace("raw.txt", "tags.tsv");
    recipe = recipe.replace("masked-lm", "tagging");
    fs::write(at.join("mine.toml"), recipe).unwrap();
    let good = tagged(90);
    fs::write(at.join("tags.tsv"), format!("{good}word\n\n")).unwrap();
    let run = ["pretrain", "mine.toml", "--set", "train.epochs=1"];
    let share = ["--set", "data.test_share=0.01"];
    expect(at, &[&run[..], &share].concat(), 0);
    let facts = read(&at.join("runs/mine/data.json"));
    let reason = facts["skipped"][0]["reason"].as_str().unwrap();
    let line = good.lines().count() + 1;
    assert!(
        reason.contains(&format!("tags.tsv:{line}: line")),
        "{reason}"
    );
    let refused = |words: &[&str], code: i32, expected: &str| {
        let said = unwrapped(&expect(at, &[&run[..], &share, words].concat(), code).stderr);
        assert!(said.contains(expected), "{words:?}: {said}");
    };
    refused(&["--set", "data.max_bad=0"], 3, "a word, a tab and its tag");
    refused(&["--set", "data.path=raw.txt"], 3, "none of the 1 items");
    refused(&["--set", "data.labels=false"], 3, "at least 2 classes");
    refused(
        &["--set", "data.source=text"],
        2,
        "needs `data.source` tags",
    );
    fs::write(at.join("one.tsv"), "sailor\tx\n\nwheat\tx\n").unwrap();
    let one = ["--set", "data.path=one.tsv"];
    refused(&one, 3, "tags of at least 2 classes");
    let frozen = ["finetune", "runs/mine", "--freeze"];
    let said = unwrapped(&expect(at, &frozen, 2).stderr);
    assert!(said.contains("tagging trains the whole network"), "{said}");
    says(at, &["probe", "runs/mine"], 3, "0 of them labelled");
}
