//! Tests of recipes as a whole.

use std::collections::BTreeSet;

use super::*;

fn file(text: &str) -> RecipeFile {
    RecipeFile {
        name: "mine".into(),
        origin: "mine.toml".into(),
        text: text.into(),
    }
}

/// The shortest recipe there is, with more text after it.
fn with(more: &str) -> RecipeFile {
    let base = "version = 1\nencoder.kind = \"reference-cnn\"\nobjective.kind = \"simclr\"\n\
                data.source = \"digits\"\ntrain.steps = 10\n";
    file(&format!("{base}{more}"))
}

#[test]
fn every_shipped_recipe_resolves_and_reads_back() {
    for shipped in BUILTINS {
        let found = RecipeFile::find(shipped.name).unwrap();
        let recipe = found
            .resolve(&[])
            .unwrap_or_else(|e| panic!("{}", e.lines().join("\n")));
        let again = file(&recipe.to_toml());
        let again = again
            .resolve(&[])
            .unwrap_or_else(|e| panic!("{}", e.lines().join("\n")));
        assert_eq!(again, recipe, "{}", shipped.name);
        assert_eq!(again.to_toml(), recipe.to_toml());
    }
}

#[test]
fn every_file_among_the_recipes_is_shipped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let mut shipped: Vec<&str> = BUILTINS.iter().map(|recipe| recipe.name).collect();
    shipped.sort_unstable();
    assert_eq!(files, shipped);
}

/// A new recipe key is a promise to users: this test fails until the key is listed here.
#[test]
fn the_keys_of_a_recipe_are_agreed() {
    let mut known = BTreeSet::new();
    for objective in ObjectiveRecipe::KINDS {
        for optim in OPTIM_KINDS {
            for schedule in SCHEDULE_KINDS {
                let mut sets = vec![
                    format!("objective.kind={objective}"),
                    format!("optim.kind={optim}"),
                    format!("schedule.kind={schedule}"),
                ];
                if !["simclr", "supervised"].contains(&objective) {
                    let source = match objective {
                        "tagging" => "data.source=tags",
                        "span-extraction" => "data.source=questions",
                        _ => "data.source=text",
                    };
                    let encoder = match objective {
                        "denoising" => "encoder.kind=encoder-decoder",
                        _ => "encoder.kind=bert",
                    };
                    let texts = [source, "data.path=texts", encoder];
                    sets.extend(texts.map(String::from));
                }
                let overrides: Vec<_> = sets.iter().map(|text| Override::set(text)).collect();
                known.extend(with("[compare]\n[finetune]").read(&overrides).unwrap().1);
            }
        }
    }
    let got: Vec<&str> = known.iter().map(String::as_str).collect();
    let agreed = "\
        checkpoint checkpoint.best checkpoint.every checkpoint.keep \
        compare compare.fine_tune compare.fine_tune_lr compare.pretrain_each compare.rate_factors compare.scratch_lr \
        compare.scratch_steps compare.seeds compare.shares compare.views \
        data data.also data.background data.channels data.columns data.decimal data.delimiter data.escape data.group data.header data.held_out data.labels data.limit \
        data.links data.max_bad data.missing data.path data.quote data.size data.skip_lines \
        data.source data.test_labels data.test_path data.test_share data.text data.tokens data.views \
        device encoder encoder.init encoder.kind encoder.partial \
        eval eval.every eval.health eval.items eval.knn eval.linear_probe \
         finetune finetune.freeze finetune.labels finetune.layer_decay finetune.patience finetune.validation_share \
         name objective objective.batch_norm objective.class_weights objective.discriminator_weight objective.kind objective.label_smoothing \
        objective.pairs objective.projection objective.projection_dim objective.projection_hidden \
        objective.temperature \
        optim optim.betas optim.kind optim.lr optim.momentum optim.trust optim.weight_decay \
        out schedule schedule.final_share schedule.kind schedule.warmup seed threads \
        train train.accumulate train.batch train.clip train.ema train.epochs train.steps \
        train.validation_share version";
    assert_eq!(got, agreed.split_whitespace().collect::<Vec<_>>());
}

#[track_caller]
fn check(recipe: &RecipeFile, set: &[&str], expected: &[&str]) {
    let overrides: Vec<_> = set.iter().map(|text| Override::set(text)).collect();
    let lines = recipe
        .resolve(&overrides)
        .map_or_else(|e| e.lines(), |_| Vec::new());
    assert_eq!(lines, expected);
}

#[test]
fn the_recipe_of_the_readme_resolves() {
    let readme = include_str!("../../../../README.md");
    let (_, after) = readme.split_once("# mine.toml\n").unwrap();
    let (recipe, _) = after.split_once("```").unwrap();
    assert!(recipe.lines().count() <= 10, "{recipe}");
    check(&file(recipe), &[], &[]);
}

#[test]
fn the_shortest_recipe_resolves() {
    check(&with(""), &[], &[]);
}

#[test]
fn all_faults_are_shown_at_once() {
    let text = "\
version = 2
sead = 3

[data]
source = \"folders\"
test_share = 1.5

[encoder]
kind = \"reference-cnn\"
filtres = 3
hidden = \"many\"

[objective]
kind = \"simclr\"
temprature = 0.1

[train]
batch = -1
steps = 10
epochs = 1

[optim]
lr = nan
";
    check(
        &file(text),
        &["schedule.warm=3", "device=flux"],
        &[
            "mine.toml:1:11: `version` is 2, expected 1",
            "mine.toml:2:1: unknown key `sead`; did you mean `seed`?",
            "mine.toml:5:10: `data.source` is \"folders\", which is not known; did you mean \
             \"folder\"?",
            "mine.toml:6:14: `data.test_share` is 1.5, expected a share between 0 and 1",
            "mine.toml:10:1: unknown key `encoder.filtres`; did you mean `filters`?",
            "mine.toml:11:10: `encoder.hidden`: invalid type: string \"many\", expected a whole number, 0 or more",
            "mine.toml:15:1: unknown key `objective.temprature`; did you mean `temperature`?",
            "mine.toml:18:9: `train.batch` is -1, expected a whole number, 0 or more",
            "mine.toml:20:10: `train.epochs` and `train.steps` exclude each other",
            "mine.toml:23:6: `optim.lr` is NaN, expected a rate above 0",
            "--set:1:1: unknown key `schedule.warm`; did you mean `warmup`?",
            "--set:1:8: `flux` is not a device; did you mean `flex`?",
        ],
    );
}

#[test]
fn what_is_missing_is_named() {
    check(
        &file(""),
        &[],
        &[
            "mine.toml:1:1: `version` is missing",
            "mine.toml:1:1: `data.source` is missing",
            "mine.toml:1:1: `encoder.kind` is missing",
            "mine.toml:1:1: `objective.kind` is missing",
            "mine.toml:1:1: `train.steps` or `train.epochs` is missing",
        ],
    );
    check(
        &with(""),
        &["data.source=folder"],
        &["mine.toml:4:1: `data.path` is missing"],
    );
    check(&with("[data]"), &[], &["mine.toml:6:2: duplicate key"]);
    check(
        &file(
            "version = 1\n[train]\nsteps = 1\n[encoder]\nkind = \"reference-cnn\"\n[objective]\nkind = \"simclr\"\n[data]\nsource = \"folder\"\n",
        ),
        &[],
        &["mine.toml:8:1: `data.path` is missing"],
    );
}

#[test]
fn tags_of_words_are_for_tagging_alone() {
    let texts = ["data.path=tags.tsv", "encoder={kind=\"bert\"}"];
    let refused = |more: &[&str]| {
        let sets = [&texts[..], more].concat();
        let overrides: Vec<_> = sets.iter().map(|text| Override::set(text)).collect();
        let errors = with("").resolve(&overrides);
        errors.map_or_else(|e| e.lines().join("\n"), |_| "nothing".into())
    };
    let of_tags = "objective={kind=\"tagging\"}";
    assert_eq!(refused(&["data.source=tags", of_tags]), "nothing");
    assert!(refused(&["data.source=text", of_tags]).contains("needs `data.source` tags"));
    let of_items = "objective={kind=\"supervised\"}";
    assert!(
        refused(&["data.source=tags", of_items]).contains("has tagged sentences: expected tagging")
    );
    let frozen = ["data.source=tags", of_tags, "finetune.freeze=true"];
    assert!(refused(&frozen).contains("`finetune.freeze` is for"));
}

#[test]
fn questions_are_for_span_extraction_by_what_sees_both_sides() {
    let refused = |more: &[&str]| {
        let sets = [&["data.source=questions", "data.path=q.json"], more].concat();
        let overrides: Vec<_> = sets.iter().map(|text| Override::set(text)).collect();
        let errors = with("").resolve(&overrides);
        errors.map_or_else(|e| e.lines().join("\n"), |_| "nothing".into())
    };
    let asked = "objective={kind=\"span-extraction\"}";
    let bert = |rest: &str| format!("encoder={{kind=\"bert\"{rest}}}");
    assert_eq!(refused(&[asked, &bert("")]), "nothing");
    for encoder in [
        &bert(", segments=1"),
        &bert(", causal=true"),
        "encoder={kind=\"recurrent\"}",
    ] {
        assert!(
            refused(&[asked, encoder]).contains("sees both sides"),
            "{encoder}"
        );
    }
    assert_eq!(
        refused(&[asked, "encoder={kind=\"recurrent\", bidirectional=true}"]),
        "nothing"
    );
    let masked = "objective={kind=\"masked-lm\"}";
    assert!(refused(&[masked, &bert("")]).contains("pre-train on `text`"));
}

#[test]
fn a_key_in_the_wrong_table_is_pointed_to_the_right_one() {
    check(
        &with("[eval]\ntemperature = 1.0\n"),
        &["lr=3"],
        &[
            "mine.toml:7:1: unknown key `eval.temperature`; did you mean `objective.temperature`?",
            "--set:1:1: unknown key `lr`; did you mean `optim.lr`?",
        ],
    );
}

#[test]
fn another_kind_by_a_flag_says_how_to_replace_its_table() {
    let base = "version = 1\nencoder = { kind = \"resnet18\", stem = \"cifar\" }\nobjective.kind = \"simclr\"\n\
                data.source = \"digits\"\ntrain.steps = 10\n";
    check(
        &file(base),
        &["encoder.kind=reference-cnn"],
        &[
            "mine.toml:2:32: unknown key `encoder.stem`; kind \"reference-cnn\" does not have it; \
             `--set 'encoder={ kind = \"reference-cnn\" }'` replaces the whole table",
        ],
    );
    check(&file(base), &["encoder={ kind = \"reference-cnn\" }"], &[]);
}

#[test]
fn a_syntax_error_comes_alone() {
    let lines = file("version = \n[data]\nx")
        .resolve(&[])
        .unwrap_err()
        .lines();
    assert!(lines[0].starts_with("mine.toml:1:"), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.contains("missing")),
        "{lines:?}"
    );
}

#[test]
fn faults_are_underlined_where_they_were_written() {
    let errors = with("sead = 3\n")
        .resolve(&[Override::set("optim.lr=-1")])
        .unwrap_err();
    let text = CliError::from(errors).render(false);
    assert!(text.contains("2 errors in recipe `mine`"), "{text}");
    assert!(
        text.contains("sead = 3") && text.contains("did you mean `seed`?"),
        "{text}"
    );
    assert!(
        text.contains("optim.lr=-1") && text.contains("expected a rate above 0"),
        "{text}"
    );
}

#[test]
fn an_unknown_recipe_gets_the_nearest_name() {
    let error = RecipeFile::find("simclr-digit").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(error.advice().unwrap(), "did you mean `simclr-digits`?");
    let error = RecipeFile::find("xyz").unwrap_err();
    assert!(error.advice().unwrap().contains("simclr-mnist"));
}

#[test]
fn a_file_that_is_not_utf8_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, b"version = 1\n# \xff\n").unwrap();
    let error = RecipeFile::find(path.to_str().unwrap()).unwrap_err();
    assert!(
        error.to_string().ends_with("bad.toml:2: not UTF-8"),
        "{error}"
    );
    std::fs::write(&path, "\u{feff}version = 1\n\0").unwrap();
    assert!(RecipeFile::open(&path).unwrap().resolve(&[]).is_err());
}

#[test]
fn setting_the_length_by_flag_displaces_the_recipes() {
    let recipe = with("")
        .resolve(&[Override::set("train.epochs=3")])
        .unwrap();
    assert_eq!(recipe.train.length, Length::Epochs(3));
}
