//! Models that others published: a folder of transformers or sentence-transformers through every verb, and exports that such
//! libraries read as we do.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::{Value, json};
use tinderbox::nn::{
    Bert, BertCheckpoint, BertConfig, ResNetConfig, ResNetDepth, StateDict, TokenBatch,
    TokenEncoder,
};
use tinderbox_cli::model::Model;

use crate::{expect, read, text, unwrapped, write_images};

const WORDS: [&str; 16] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sea", "ship", "wave", "sailor", "harbour",
    "field", "wheat", "plough", "farmer", "barn", "the",
];
const WIDTH: usize = 8;

fn tiny() -> BertConfig {
    BertConfig {
        width: WIDTH,
        depth: 2,
        heads: 2,
        ffn: 12,
        positions: 12,
        ..BertConfig::tiny()
    }
}

/// Writes files of text into a folder.
fn put(folder: &Path, files: &[(&str, String)]) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// A BERT as sentence-transformers keeps it, whose table of words has `spare` rows too many.
fn publish(folder: &Path, mode: &str, normalise: bool, spare: usize) -> Bert {
    fs::create_dir_all(folder).unwrap();
    let device = Device::flex();
    device.seed(7);
    let bert = tiny().init(WORDS.len() + spare, &device).unwrap();
    let checkpoint = BertCheckpoint::of(&tiny(), &bert).unwrap();
    checkpoint.write(folder).unwrap();
    let mut modules = vec![
        json!({"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}),
        json!({"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}),
    ];
    if normalise {
        modules.push(
            json!({"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}),
        );
    }
    let mut pooling = json!({"word_embedding_dimension": WIDTH});
    for name in [
        "cls_token",
        "mean_tokens",
        "max_tokens",
        "mean_sqrt_len_tokens",
    ] {
        pooling[format!("pooling_mode_{name}")] = (name == mode).into();
    }
    put(
        folder,
        &[
            ("vocab.txt", WORDS.join("\n") + "\n"),
            (
                "tokenizer_config.json",
                r#"{"do_lower_case": true, "model_max_length": 512}"#.into(),
            ),
            ("modules.json", Value::Array(modules).to_string()),
            ("1_Pooling/config.json", pooling.to_string()),
            (
                "sentence_bert_config.json",
                r#"{"max_seq_length": 8, "do_lower_case": false}"#.into(),
            ),
        ],
    );
    bert
}

/// What a library would compute of one text: at most six of its words between `[CLS]` and `[SEP]`, by themselves.
fn features(bert: &Bert, line: &str, mode: &str, normalise: bool) -> Vec<f32> {
    let ids: HashMap<&str, i64> = WORDS.into_iter().zip(0..).collect();
    let line = line.to_lowercase();
    let words = line.split_whitespace().take(6);
    let words = words.map(|word| *ids.get(word).unwrap_or(&1));
    let tokens: Vec<i64> = std::iter::once(2).chain(words).chain([3]).collect();
    let length = tokens.len();
    let tokens = TensorData::new(tokens, [1, length]);
    let tokens = Tensor::<2, Int>::from_data(tokens, &Device::flex());
    let states = bert.hidden_states(TokenBatch::new(tokens)).into_data();
    let states = states.try_to_vec::<f32>().unwrap();
    let entry = |place: usize, entry: usize| states[place * WIDTH + entry];
    let pooled: Vec<f32> = (0..WIDTH)
        .map(|at| match mode {
            "cls_token" => entry(0, at),
            "max_tokens" => (0..length)
                .map(|place| entry(place, at))
                .fold(f32::MIN, f32::max),
            _ => (0..length).map(|place| entry(place, at)).sum::<f32>() / length as f32,
        })
        .collect();
    let norm = pooled.iter().map(|value| value * value).sum::<f32>().sqrt();
    let by = if normalise { norm } else { 1.0 };
    pooled.iter().map(|value| value / by).collect()
}

/// The features that `embed` writes.
#[track_caller]
fn embedded(at: &Path, model: &str, data: &str) -> Vec<Vec<f32>> {
    let output = expect(at, &["embed", model, "--data", data], 0);
    let table = text(&output.stdout);
    let numbers = |line: &str| {
        line.split(',')
            .skip(2)
            .map(|v| v.parse().unwrap())
            .collect()
    };
    table.lines().skip(1).map(numbers).collect()
}

#[track_caller]
fn close(got: &[Vec<f32>], expected: &[Vec<f32>], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (row, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (got - expected).abs() <= tolerance,
                "text {row}: {got} is not {expected}"
            );
        }
    }
}

const LINES: [&str; 5] = [
    "the ship",
    "The SAILOR wave harbour",
    "farmer",
    "wheat barn xyzzy",
    "sea ship wave sailor harbour field wheat plough farmer barn",
];

#[test]
fn a_published_folder_embeds_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("lines.txt"), LINES.join("\n") + "\n").unwrap();
    for (mode, normalise) in [
        ("mean_tokens", true),
        ("cls_token", false),
        ("max_tokens", true),
    ] {
        let bert = publish(&at.join("theirs"), mode, normalise, 3);
        let expected = LINES.map(|line| features(&bert, line, mode, normalise));
        // 1e-5: sums in another order, of texts that are padded to one length.
        close(&embedded(at, "theirs", "lines.txt"), &expected, 1e-5);
        fs::remove_dir_all(at.join("theirs")).unwrap();
    }
    // Without modules.json the mean is taken, and that is said; the length is then the tokeniser's.
    let bert = publish(&at.join("plain"), "cls_token", true, 0);
    fs::remove_file(at.join("plain/modules.json")).unwrap();
    let output = expect(at, &["embed", "plain", "--data", "lines.txt"], 0);
    let told = unwrapped(&output.stderr);
    assert!(
        told.contains("no modules.json says what the features are: the mean"),
        "{told}"
    );
    let expected = LINES[..4]
        .iter()
        .map(|line| features(&bert, line, "mean_tokens", false));
    let expected: Vec<Vec<f32>> = expected.collect();
    close(&embedded(at, "plain", "lines.txt")[..4], &expected, 1e-5);
}

/// Texts of two classes in folders of their own.
fn classes(at: &Path) {
    for (class, words) in [("sea", &WORDS[5..10]), ("land", &WORDS[10..15])] {
        let inside = at.join("texts").join(class);
        fs::create_dir_all(&inside).unwrap();
        for number in 0..24 {
            let word = |step: usize| words[(number * step + step) % words.len()];
            let line = format!("the {} the {} {}\n", word(1), word(2), word(3));
            fs::write(inside.join(format!("{number:02}.txt")), line).unwrap();
        }
    }
}

#[test]
fn a_published_folder_is_probed_and_fine_tuned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    classes(at);
    publish(&at.join("theirs"), "mean_tokens", true, 2);
    let output = expect(at, &["probe", "theirs", "--data", "texts", "--json"], 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!([&found["labels"], &found["test"]], [32, 16], "{found}");
    assert_eq!(found["linear_probe"]["converged"], true);
    let words = ["finetune", "theirs", "--data", "texts", "--out", "tuned"];
    let fast = ["--set", "train.steps=60", "--set", "optim.lr=0.01"];
    let output = expect(at, &[&words[..], &fast].concat(), 0);
    let told = unwrapped(&output.stderr);
    assert!(
        told.contains("2 rows of the table of words are not used"),
        "{told}"
    );
    fs::write(at.join("new.txt"), "sailor harbour\nplough the wheat\n").unwrap();
    let output = expect(at, &["predict", "tuned", "--data", "new.txt"], 0);
    let names: Vec<String> = (text(&output.stdout).lines().skip(1))
        .map(|line| line.split(',').nth(2).unwrap().to_string())
        .collect();
    assert_eq!(names, ["sea", "land"]);
    // Features of length 1 would hold the new output layer back.
    let description = read(&at.join("tuned/exported/tinderbox.json"));
    assert_eq!(description["encoder"]["normalise"], Value::Null);
    // The rows that no token leads to are gone, so that what is exported is whole.
    assert_eq!(
        read(&at.join("tuned/exported/config.json"))["vocab_size"],
        WORDS.len()
    );
}

/// Changes a JSON file in place.
fn edit(path: PathBuf, change: impl Fn(&mut Value)) {
    let mut value = read(&path);
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

#[test]
fn what_is_not_supported_is_named_by_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("lines.txt"), LINES.join("\n") + "\n").unwrap();
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &[&str], i32); 11] = [
        (
            "config.json",
            |c| c["model_type"] = "roberta".into(),
            &["model_type", "bert", "roberta"],
            2,
        ),
        (
            "config.json",
            |c| c["hidden_act"] = "gelu_new".into(),
            &["hidden_act", "gelu_new"],
            2,
        ),
        (
            "config.json",
            |c| c["hidden_size"] = 9.into(),
            &["expected shape"],
            2,
        ),
        (
            "modules.json",
            |m| m[1]["type"] = "sentence_transformers.models.Dense".into(),
            &["module 1", "Pooling", "Dense"],
            2,
        ),
        (
            "modules.json",
            |m| m[1]["path"] = "../elsewhere".into(),
            &["module 1", "inside"],
            2,
        ),
        (
            "modules.json",
            |m| *m = json!([]),
            &["a Transformer and a Pooling"],
            2,
        ),
        (
            "1_Pooling/config.json",
            |p| p["pooling_mode_max_tokens"] = true.into(),
            &["pooling_mode", "mean_tokens"],
            2,
        ),
        (
            "1_Pooling/config.json",
            |p| p["pooling_mode"] = "lasttoken".into(),
            &["pooling_mode", "lasttoken"],
            2,
        ),
        (
            "sentence_bert_config.json",
            |c| c["do_lower_case"] = true.into(),
            &["do_lower_case"],
            2,
        ),
        (
            "sentence_bert_config.json",
            |c| c["max_seq_length"] = "long".into(),
            &["max_seq_length", "long"],
            2,
        ),
        (
            "sentence_bert_config.json",
            |c| c["max_seq_length"] = 3.into(),
            &["length", "at least 5"],
            3,
        ),
    ];
    for (file, change, named, code) in cases {
        publish(&at.join("theirs"), "mean_tokens", true, 0);
        edit(at.join("theirs").join(file), change);
        let output = expect(at, &["embed", "theirs", "--data", "lines.txt"], code);
        let said = unwrapped(&output.stderr);
        let part = if code == 2 && !named[0].starts_with("expected") {
            file
        } else {
            ""
        };
        for word in named.iter().chain([&part]) {
            assert!(said.contains(word), "{file}: {word}: {said}");
        }
        fs::remove_dir_all(at.join("theirs")).unwrap();
    }
    publish(&at.join("theirs"), "mean_tokens", true, 0);
    fs::write(at.join("theirs/vocab.txt"), WORDS.join("\n") + "\nmore\n").unwrap();
    let output = expect(at, &["embed", "theirs", "--data", "lines.txt"], 2);
    let said = unwrapped(&output.stderr);
    assert!(said.contains("vocab_size must be at least 17"), "{said}");
    fs::remove_file(at.join("theirs/vocab.txt")).unwrap();
    let output = expect(at, &["embed", "theirs", "--data", "lines.txt"], 3);
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("neither tokenizer.json nor vocab.txt"),
        "{said}"
    );
    let prompts = json!({"prompts": {"query": "query: "}, "default_prompt_name": "query"});
    put(
        &at.join("theirs"),
        &[("config_sentence_transformers.json", prompts.to_string())],
    );
    let output = expect(at, &["embed", "theirs", "--data", "lines.txt"], 2);
    let said = unwrapped(&output.stderr);
    assert!(
        said.contains("default_prompt_name") && said.contains("\"query: \""),
        "{said}"
    );
}

/// A network as timm keeps it, for pictures of 32 pixels.
pub fn publish_resnet(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let device = Device::flex();
    device.seed(3);
    let network = ResNetConfig::new(ResNetDepth::R18).init(&device).unwrap();
    let mut weights = StateDict::of(&network);
    let numbers: Vec<f32> = (0..3 * 512).map(|at| (at % 7) as f32 / 70.0).collect();
    weights.insert("fc.weight", TensorData::new(numbers, [3, 512]));
    weights.insert("fc.bias", TensorData::from([0.0_f32, 0.1, 0.2]));
    weights.write(folder.join("model.safetensors")).unwrap();
    let config = json!({
        "architecture": "resnet18", "num_classes": 3, "global_pool": "avg",
        "label_names": ["cat", "dog", "bird"],
        "pretrained_cfg": {
            "input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.875,
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
        },
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

#[test]
fn a_network_of_timm_is_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_images(&at.join("images"), 2, 4);
    publish_resnet(&at.join("theirs"));
    let got = embedded(at, "theirs", "images");
    assert_eq!((got.len(), got[0].len()), (8, 512));
    // Its output layer names classes from the same features.
    let output = expect(at, &["predict", "theirs", "--data", "images"], 0);
    let logits = |features: &[f32]| {
        let of_class = |class: usize| {
            let products = (features.iter().zip(0..))
                .map(|(f, at)| f * ((class * 512 + at) % 7) as f32 / 70.0);
            products.sum::<f32>() + class as f32 / 10.0
        };
        [0, 1, 2].map(of_class)
    };
    for (features, line) in got.iter().zip(text(&output.stdout).lines().skip(1)) {
        let logits = logits(features);
        let best = (0..3)
            .max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
            .unwrap();
        assert_eq!(
            line.split(',').nth(2).unwrap(),
            ["cat", "dog", "bird"][best]
        );
    }
    // The middle of 32 pixels out of a shorter side of 36.
    let model = Model::open(&at.join("theirs")).unwrap();
    let written = serde_json::to_value(&model.preprocess).unwrap();
    let resize = json!({"aspect": "crop", "shorter": 36, "filter": "bicubic", "antialias": true});
    assert_eq!(written["resize"], resize);
    let words = [
        "finetune", "theirs", "--data", "images", "--freeze", "--out", "tuned",
    ];
    expect(at, &[&words[..], &["--set", "train.steps=2"]].concat(), 0);
    assert_eq!(
        read(&at.join("tuned/exported/preprocessing.json"))["resize"],
        resize
    );
    type Change = fn(&mut Value);
    let cases: [(Change, &[&str]); 5] = [
        (
            |c| c["architecture"] = "resnet34d".into(),
            &["architecture", "resnet34d"],
        ),
        (|c| c["global_pool"] = "max".into(), &["global_pool", "max"]),
        (
            |c| c["model_args"] = json!({"output_stride": 8}),
            &["model_args.output_stride"],
        ),
        (
            |c| c["pretrained_cfg"]["interpolation"] = "lanczos".into(),
            &["pretrained_cfg.interpolation", "lanczos"],
        ),
        (|c| c["pretrained_cfg"]["std"] = json!([1.0]), &["`std`"]),
    ];
    let config = at.join("theirs/config.json");
    let whole = fs::read(&config).unwrap();
    for (change, named) in cases {
        edit(config.clone(), change);
        let output = expect(at, &["embed", "theirs", "--data", "images"], 2);
        let said = unwrapped(&output.stderr);
        for word in named.iter().chain(&["config.json"]) {
            assert!(said.contains(word), "{word}: {said}");
        }
        fs::write(&config, &whole).unwrap();
    }
}

/// What an export holds for other libraries is all that is needed to compute the same features from raw text.
#[test]
fn an_export_means_the_same_without_our_own_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    classes(at);
    let lines = "The SHIP, café ÉTÉ\nsailor — wheat 東京 naïve\nbarn\nsea sea sea sea sea sea sea sea sea sea sea sea\n";
    fs::write(at.join("lines.txt"), lines).unwrap();
    for (name, more) in [
        ("first", "pooling = \"first\", normalise = true"),
        ("max", "pooling = \"max\""),
    ] {
        let recipe = format!(
            "version = 1\nobjective.kind = \"masked-lm\"\ntrain = {{ steps = 3, batch = 8 }}\n\
             encoder = {{ kind = \"bert\", width = 8, depth = 1, heads = 2, ffn = 12, positions = 12, {more} }}\n\
             [data]\nsource = \"text\"\npath = \"texts\"\n[data.tokens]\nvocabulary = 300\nlength = 10\nlowercase = {}\n",
            name == "max"
        );
        fs::write(at.join("mine.toml"), recipe).unwrap();
        expect(at, &["pretrain", "mine.toml", "--out", name], 0);
        let exported = at.join(name).join("exported");
        assert!(read(&exported.join("config.json"))["pad_token_id"].is_u64());
        assert_eq!(
            read(&exported.join("tokenizer_config.json"))["model_max_length"],
            10
        );
        let ours = embedded(at, name, "lines.txt");
        let theirs = at.join(format!("{name}-theirs"));
        expect(at, &["export", name, theirs.to_str().unwrap()], 0);
        for own in ["tinderbox.json", "preprocessing.json", "README.md"] {
            fs::remove_file(theirs.join(own)).unwrap();
        }
        close(
            &embedded(at, theirs.to_str().unwrap(), "lines.txt"),
            &ours,
            0.0,
        );
        // Of vocab.txt and tokenizer_config.json alone, too, where these say all: they know nothing of the normal form of kept accents.
        assert_eq!(theirs.join("vocab.txt").is_file(), name == "max");
        if name != "max" {
            continue;
        }
        fs::remove_file(theirs.join("tokenizer.json")).unwrap();
        close(
            &embedded(at, theirs.to_str().unwrap(), "lines.txt"),
            &ours,
            0.0,
        );
    }
}

/// `all-MiniLM-L6-v2` against the embeddings that sentence-transformers' steps give in double precision.
#[test]
fn minilm_embeds_texts_as_sentence_transformers_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let model = root.join("data/minilm");
    if !model.join("model.safetensors").exists() {
        eprintln!("SKIPPED: data/minilm is not there; `cargo xtask data minilm` fetches it");
        return;
    }
    let cases = read(&root.join("fixtures/data/minilm.json"));
    let cases: Vec<&Value> = cases.as_object().unwrap().values().collect();
    // A blank line is no text.
    let said = |case: &&&Value| !case["text"].as_str().unwrap().is_empty();
    let cases: Vec<&Value> = cases.iter().filter(said).copied().collect();
    let lines: String = (cases.iter())
        .map(|case| format!("{}\n", case["text"].as_str().unwrap()))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lines.txt"), lines).unwrap();
    let expected = cases.iter().map(|case| {
        let numbers = case["embedding"].as_array().unwrap().iter();
        numbers
            .map(|value| value.as_f64().unwrap() as f32)
            .collect()
    });
    let expected: Vec<Vec<f32>> = expected.collect();
    let model = model.canonicalize().unwrap();
    let got = embedded(folder.path(), model.to_str().unwrap(), "lines.txt");
    close(&got, &expected, 1e-5);
}
