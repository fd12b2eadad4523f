//! Questions: fine-tuning on them, and from a question and a text to the answer.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::{ends_as_if_it_had_not_stopped, expect, says, text};

const PEOPLE: [&str; 6] = ["anna", "boris", "clara", "dan", "emma", "fred"];
const TOWNS: [&str; 6] = ["paris", "rome", "new york", "oslo", "san juan", "kiel"];

/// What is beside the question: often more of it than a sequence holds.
const RAIN: &str = "it rains. ";

/// Of these a text answers the first two.
const QUESTIONS: [&str; 3] = ["who lives there?", "where is that?", "when was that?"];

/// The `step`-th number below `n` of an item, as if drawn.
fn draw(number: usize, step: usize, n: usize) -> usize {
    let mixed = (number * 31 + step + 1) as u64;
    let mixed = (mixed ^ (mixed << 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 33) as usize % n
}

/// A text with what answers the questions, and where that stands.
fn context(number: usize) -> (String, [(&'static str, usize); 2]) {
    let [person, town] = [(0, PEOPLE), (1, TOWNS)].map(|(step, all)| all[draw(number, step, 6)]);
    let before = RAIN.repeat(draw(number, 2, 12));
    let after = RAIN.repeat(draw(number, 3, 2));
    let answers = [
        (person, before.len()),
        (town, before.len() + person.len() + " lives in ".len()),
    ];
    let text = format!("{before}{person} lives in {town}. {after}");
    (text, answers)
}

fn squad(count: usize) -> Value {
    let paragraph = |number: usize| {
        let (context, answers) = context(number);
        let answers = answers.get(number % 3).into_iter();
        let answers = answers.map(|(text, start)| json!({"text": text, "answer_start": start}));
        let answers: Vec<Value> = answers.collect();
        let question = QUESTIONS[number % 3];
        let qas = json!({"id": number.to_string(), "question": question, "answers": answers});
        json!({"context": context, "qas": [qas]})
    };
    let paragraphs: Vec<Value> = (0..count).map(paragraph).collect();
    json!({"version": "v2.0", "data": [{"title": "people", "paragraphs": paragraphs}]})
}

const RECIPE: &str = "\
version = 1
encoder = { kind = \"bert\", width = 32, depth = 2, heads = 2, ffn = 64, positions = 32, dropout = 0.0 }
objective.kind = \"masked-lm\"
train = { steps = 20, batch = 8 }
[data]
source = \"text\"
path = \"raw.txt\"
[data.tokens]
vocabulary = 300
length = 32
";

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let asked = |number: usize| format!("{} {}\n", QUESTIONS[number % 3], context(number).0);
    fs::write(at.join("raw.txt"), (0..300).map(asked).collect::<String>()).unwrap();
    fs::write(at.join("squad.json"), squad(600).to_string()).unwrap();
    fs::write(at.join("mine.toml"), RECIPE).unwrap();
    expect(at, &["pretrain", "mine.toml"], 0);
    folder
}

const FINETUNE: [&str; 9] = [
    "finetune",
    "runs/mine",
    "--data",
    "squad.json",
    "--set",
    "data.source=questions",
    "--set",
    "optim.lr=3e-3",
    "--json",
];

/// The rows of a CSV of answers: id, answer, start, error.
fn rows(csv: &str) -> Vec<[String; 4]> {
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let rows = rows.records().map(Result::unwrap);
    rows.map(|row| [0, 1, 2, 4].map(|column| row[column].to_string()))
        .collect()
}

fn predict(at: &Path, rest: &[&str]) -> Vec<[String; 4]> {
    let line = [&["predict", "runs/mine/finetune-1"], rest].concat();
    rows(&text(&expect(at, &line, 0).stdout))
}

#[test]
fn from_questions_to_answers_in_raw_text() {
    let folder = project();
    let at = folder.path();
    let steps = ["--set", "train.steps=400"];
    let output = expect(at, &[&FINETUNE[..], &steps].concat(), 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    // A third of the questions is held out, by their texts.
    let learnt = found["labels"].as_u64().unwrap();
    assert!((390..=410).contains(&learnt), "{learnt}");
    let [exact, f1] = ["test_exact_match", "test_f1"].map(|name| found[name].as_f64().unwrap());
    assert!(exact > 0.95 && f1 >= exact, "{exact} {f1}");
    let tuned = at.join("runs/mine/finetune-1/exported/tinderbox.json");
    let description: Value = serde_json::from_slice(&fs::read(tuned).unwrap()).unwrap();
    assert_eq!(description["head"]["of"], "answers");
    assert_eq!(description["head"]["name"], "qa_outputs");

    // Raw pairs in a table, the columns named in their order; the second text is longer than a sequence.
    let long = RAIN.repeat(40) + "emma lives in san juan.";
    let table = format!(
        "text,question,other\ndan lives in kiel.,where is that?,x\n{long},where is that?,y\n\
         {long},who lives there?,y\nanna lives in oslo.,when was that?,z\n,where is that?,z\n"
    );
    fs::write(at.join("asked.csv"), table).unwrap();
    let asked = [
        "--data",
        "asked.csv",
        "--set",
        "data.text=[\"question\", \"text\"]",
    ];
    let found = predict(at, &asked);
    let rest: Vec<&[String]> = found.iter().map(|row| &row[1..]).collect();
    assert_eq!(rest[0], ["kiel", "13", ""]);
    assert_eq!(rest[1], ["san juan", "414", ""], "in the last window");
    assert_eq!(rest[2], ["emma", "400", ""]);
    assert_eq!(rest[3], ["", "", ""], "the text does not say when");
    assert!(rest[4][2].contains("text"), "{:?}", rest[4]);
    let typo = [
        "predict",
        "runs/mine/finetune-1",
        "--data",
        "squad.json",
        "--set",
        "data.source=question",
    ];
    says(at, &typo, 2, "did you mean \"questions\"?");
    // A file as SQuAD has it is known by its ending; without `--data`, the run's own is read.
    let again = predict(at, &["--data", "squad.json"]);
    assert_eq!(again.len(), 600);
    assert_eq!(again, predict(at, &[]));
    let right = (0..600).filter(|number| {
        let (_, answers) = context(*number);
        again[*number][1] == answers.get(number % 3).map_or("", |(text, _)| text)
    });
    assert!(right.count() > 570);
}

#[test]
fn a_stopped_run_on_questions_ends_as_if_it_had_not_been() {
    let folder = project();
    ends_as_if_it_had_not_stopped(folder.path(), &FINETUNE);
}

#[test]
fn what_is_no_question_says_why() {
    let folder = project();
    let at = folder.path();
    let refused = |file: &str, content: &str, part: &str| {
        fs::write(at.join(file), content).unwrap();
        let mut line = FINETUNE[..8].to_vec();
        line[3] = file;
        says(at, &line, 3, part);
    };
    refused("cut.json", "{\"data\": [", "SQuAD");
    refused("none.json", "{\"data\": []}", "question");
    let one = squad(2)["data"][0]["paragraphs"][1].clone();
    let one = json!({"data": [{"paragraphs": [one]}]}).to_string();
    refused("one.json", &one, "about 2 texts or more");
    let frozen = [&FINETUNE[..8], &["--freeze"]].concat();
    says(at, &frozen, 2, "span-extraction trains the whole network");
}
