//! Whatever a verb is told acts, or is refused: flags, settings, outputs that exist.

use std::fs;

use serde_json::Value;

use crate::{expect, folder_project, read, text, unwrapped, write_images};

fn rows(output: &[u8]) -> Vec<Vec<String>> {
    let text = text(output);
    let rows = text.lines();
    rows.map(|row| row.split(',').map(String::from).collect())
        .collect()
}

#[test]
fn settings_of_the_data_act_wherever_items_are_read() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    write_images(&at.join("other"), 2, 3);
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let other = ["--set", "data.path=other"];
    let embed = |more: &[&str]| expect(at, &[&["embed", "runs/mine"], more].concat(), 0).stdout;
    let own = rows(&embed(&[]));
    assert_eq!(own.len(), 1 + 24);
    assert_eq!(rows(&embed(&other)).len(), 1 + 6, "not the training set's");
    assert_eq!(embed(&other), embed(&["--data", "other"]));
    let list = "path,label\nimages/class-0/003.png,a\nother/class-1/002.png,b\n";
    fs::write(at.join("list.csv"), list).unwrap();
    let list = ["--set", "data.source=list", "--set", "data.path=list.csv"];
    let listed = rows(&embed(&list));
    assert_eq!(listed.len(), 1 + 2);
    assert_eq!(listed[1][2..], own[4][2..], "the same picture");

    let said = |words: &[&str], code: i32| unwrapped(&expect(at, words, code).stderr);
    for (verb, set, part) in [
        ("embed", "foo.bar=3", "`foo.bar` has no use here"),
        (
            "embed",
            "data.views.flip={}",
            "`data.views.flip` has no use here",
        ),
        ("embed", "data.labels=false", "this verb takes `data.also`"),
        ("embed", "seed=3", "`seed` has no use here"),
        ("embed", "data.sauce=list", "unknown key `data.sauce`"),
        ("embed", "data.source=lists", "did you mean \"list\"?"),
        ("probe", "optim.lr=3", "this verb takes `seed`"),
        ("probe", "data.size=3", "`data.size` has no use here"),
        ("probe", "data.test_share=3", "a share between 0 and 1"),
    ] {
        let said = said(&[verb, "runs/mine", "--set", set], 2);
        assert!(said.contains(part), "{verb} {set}: {said}");
    }
    let both = [
        "embed",
        "runs/mine",
        "--data",
        "other",
        "--set",
        "data.path=images",
    ];
    assert!(said(&both, 2).contains("both say where the data lies"));

    let probed = |more: &[&str]| -> Value {
        let words = [&["probe", "runs/mine", "--json"], more].concat();
        serde_json::from_slice(&expect(at, &words, 0).stdout).unwrap()
    };
    assert_eq!(probed(&[])["test"], 8);
    assert_eq!(probed(&["--set", "data.test_share=0.5"])["test"], 12);
    assert_eq!(probed(&other)["test"], 2);
    // Each call keeps its result.
    let kept: Vec<Value> = ["probe", "probe-2", "probe-3"]
        .map(|name| read(&at.join(format!("runs/mine/probe/{name}.json")))["test"].clone())
        .to_vec();
    assert_eq!(kept, [8, 12, 2]);
    let out = ["--out", "mine.json"];
    assert_eq!(probed(&out)["test"], read(&at.join("mine.json"))["test"]);
    assert!(!at.join("runs/mine/probe/probe-4.json").exists());
    let again = said(&["probe", "runs/mine", "--out", "mine.json"], 5);
    assert!(
        again.contains("mine.json exists") && !again.contains("--resume"),
        "{again}"
    );
    probed(&["--out", "mine.json", "--overwrite"]);
}

#[test]
fn what_a_verb_has_no_use_for_writes_nothing() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let refused = |words: &[&str], part: &str| {
        let output = expect(at, words, 2);
        let said = unwrapped(&output.stderr);
        assert!(said.contains(part), "{words:?}: {said}");
    };
    refused(
        &["export", "runs/mine", "to", "--dry-run"],
        "it acts in pretrain, finetune",
    );
    refused(
        &["export", "runs/mine", "to", "--set", "a=1"],
        "`--set` has no use here",
    );
    refused(
        &["export", "runs/mine", "to", "--device", "flex"],
        "it has one with `--step`",
    );
    refused(
        &["--resume", "export", "runs/mine", "to"],
        "it acts in pretrain",
    );
    refused(
        &["embed", "runs/mine", "--out", "f.csv", "--dry-run"],
        "it acts in",
    );
    refused(
        &["embed", "v.txt", "--nearest", "a", "--out", "f.csv"],
        "no use with `--nearest`",
    );
    assert!(!at.join("to").exists() && !at.join("f.csv").exists());
    let output = expect(at, &["export", "runs/mine", "to", "--json", "--dry-run"], 2);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["error"]["kind"], "usage");
}

#[test]
fn a_warm_up_that_does_not_end_is_refused() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    let run = |more: &[&str], code: i32| {
        let words = [&["pretrain", "mine.toml"], more].concat();
        unwrapped(&expect(at, &words, code).stderr)
    };
    let warmup = ["--set", "schedule.warmup=13"];
    let part = "`schedule.warmup` is 13, but the run has 12 steps";
    assert!(run(&warmup, 2).contains(part));
    assert!(!at.join("runs/mine").exists());
    let dry = [&warmup[..], &["--dry-run"]].concat();
    assert!(run(&dry, 2).contains(part));
    let epochs = [&warmup[..], &["--set", "train.epochs=2"]].concat();
    assert!(run(&epochs, 2).contains("the run has 2 steps"));
    run(&["--set", "schedule.warmup=12", "--out", "all"], 0);
}

#[test]
fn all_probabilities_and_the_most_probable_classes_are_written() {
    let folder = folder_project(3, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let fast = [
        "--set",
        "train.steps=40",
        "--set",
        "optim.lr=0.01",
        "--quiet",
    ];
    expect(at, &[&["finetune", "runs/mine"][..], &fast].concat(), 0);
    write_images(&at.join("new"), 3, 1);
    fs::write(at.join("new/class-1/a,bad.png"), "no picture").unwrap();
    let predict = |more: &[&str], code: i32| {
        let words = ["predict", "runs/mine/finetune-1", "--data", "new"];
        expect(at, &[&words, more].concat(), code)
    };
    let plain = text(&predict(&[], 0).stdout);
    let found = rows(&predict(&["--all", "--top-k", "2"], 0).stdout);
    let heading = "id,class,name,probability,class_2,name_2,probability_2,p_class-0,p_class-1,p_class-2,error";
    assert_eq!(found[0].join(","), heading);
    assert_eq!(found.len(), 1 + 4, "a row for each file");
    for (row, plain) in found.iter().zip(plain.lines()).skip(1) {
        if row[0].starts_with('"') {
            assert_eq!(row[0..2].join(","), "\"class-1/a,bad.png\"");
            assert!(row[2..11].iter().all(String::is_empty), "{row:?}");
            assert!(row[11..].concat().contains("not a readable picture"));
            continue;
        }
        assert_eq!(row[..4].join(",") + ",", plain);
        let shares: Vec<f64> = row[7..10]
            .iter()
            .map(|share| share.parse().unwrap())
            .collect();
        assert!(
            (shares.iter().sum::<f64>() - 1.0).abs() < 1e-5,
            "{shares:?}"
        );
        let class = |column: usize| row[column].parse::<usize>().unwrap();
        let share = |column: usize| row[column].parse::<f64>().unwrap();
        assert_eq!(shares[class(1)], share(3));
        assert_eq!(shares[class(4)], share(6));
        assert!(share(3) >= share(6));
        let rest = 3 - class(1) - class(4);
        assert!(shares[rest] <= share(6));
    }
    let said = unwrapped(&predict(&["--top-k", "4"], 2).stderr);
    assert!(
        said.contains("`--top-k` is 4, but the model has 3 classes"),
        "{said}"
    );
    predict(&["--top-k", "0"], 2);
    let said = text(&predict(&["--out", "p.csv"], 0).stdout);
    let last = "4 rows written to p.csv, 1 of them with a reason instead";
    assert_eq!(said.lines().last(), Some(last));
}

#[test]
fn names_of_weights_that_a_wrapper_lengthened_are_found_and_nothing_in_common_is_an_error() {
    use safetensors::SafeTensors;
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let weights = fs::read(at.join("runs/mine/exported/model.safetensors")).unwrap();
    let weights = SafeTensors::deserialize(&weights).unwrap();
    let write = |file: &str, name: &dyn Fn(&str) -> String| {
        let renamed = weights.tensors().into_iter();
        let renamed: Vec<_> = renamed.map(|(own, data)| (name(&own), data)).collect();
        let bytes = safetensors::serialize(renamed, None).unwrap();
        fs::write(at.join(file), bytes).unwrap();
    };
    write("wrapped.safetensors", &|own| {
        format!("module._orig_mod.{own}")
    });
    write("strange.safetensors", &|own| format!("x_{own}"));
    let start = |init: &str, more: &[&str], code: i32| {
        let init = format!("encoder.init={init}");
        let words = [
            "pretrain",
            "mine.toml",
            "--set",
            &init,
            "--set",
            "train.steps=1",
        ];
        unwrapped(&expect(at, &[&words[..], more].concat(), code).stderr)
    };
    let said = start("wrapped.safetensors", &[], 0);
    assert!(
        said.contains("`module._orig_mod.` before every name is left out"),
        "{said}"
    );
    for more in [&[][..], &["--set", "encoder.partial=true"]] {
        let said = start("strange.safetensors", more, 2);
        assert!(
            said.contains("no name in common") && said.contains("x_conv.bias"),
            "{said}"
        );
        assert!(!said.contains("partial = true"), "{said}");
    }
}

#[test]
fn the_reference_of_keys_is_shown_by_table_and_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let help = |words: &[&str]| {
        let words = [&["help"], words].concat();
        text(&expect(folder.path(), &words, 0).stdout)
    };
    for (words, parts) in [
        (
            &["recipe"][..],
            &["  data ", "  schedule ", "tinderbox help recipe"][..],
        ),
        (&["recipe", "data"], &["  test_share ", "  views "]),
        (
            &["recipe", "data.source"],
            &["The first line may be a head"],
        ),
        (
            &["recipe", "data", "views", "crop"],
            &["  scale ", "Random crop"],
        ),
        (&["recipe", "optim.lr"], &["with sgd", "default  0.05"]),
        (
            &["recipe", "data.views.crop.scale"],
            &["a list of 2", "default  [0.08, 1.0]"],
        ),
        (&["data", "inspect"], &["Usage: tinderbox data inspect"]),
        (&[], &["Commands:"]),
    ] {
        let help = help(words);
        for part in parts {
            assert!(help.contains(part), "{words:?}: {help}");
        }
        let widest = help.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{words:?}: {help}");
    }
    for (words, part) in [
        (
            &["help", "recipe", "data.sorce"][..],
            "did you mean `data.source`?",
        ),
        (
            &["help", "recipe", "warmup"],
            "did you mean `schedule.warmup`?",
        ),
        (&["help", "pretrian"], "did you mean `pretrain`?"),
    ] {
        let said = unwrapped(&expect(folder.path(), words, 2).stderr);
        assert!(said.contains(part), "{words:?}: {said}");
    }
    let json = expect(folder.path(), &["help", "recipe", "seed", "--json"], 0);
    let keys: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(keys[0]["known"][0]["default"], "0");
}
