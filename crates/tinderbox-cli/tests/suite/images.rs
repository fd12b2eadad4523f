//! Images as users have them: transparent, in folders of a split, in lists, under odd names; and nothing left out unsaid.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{expect, read, says, text, unwrapped, write_images};

/// A recipe of a few steps on images of 16 x 16.
fn recipe(objective: &str, data: &str) -> String {
    format!(
        "version = 1\nencoder = {{ kind = \"reference-cnn\", filters = 4, hidden = 8, dropout = 0.0 }}\nobjective.kind = \"{objective}\"\n\
         train = {{ steps = 2, batch = 4 }}\neval.health = false\n[data]\nsize = 16\n{data}\n"
    )
}

fn put(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The ledger of a dry run, a remark a line.
#[track_caller]
fn told(folder: &Path, words: &[&str]) -> Vec<Value> {
    let output = expect(folder, &[words, &["--json"]].concat(), 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    found["ledger"].as_array().cloned().unwrap_or_default()
}

/// How many a remark counts whose words hold `part`; none if there is no such remark.
fn counted(ledger: &[Value], part: &str) -> Option<u64> {
    let remark = ledger
        .iter()
        .find(|remark| remark["becomes"].as_str().unwrap().contains(part))?;
    remark["count"].as_u64()
}

#[test]
fn transparent_images_lie_over_a_background_that_is_told() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    let field = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field/transparency");
    for entry in fs::read_dir(field).unwrap() {
        let path = entry.unwrap().path();
        put(
            &at.join("new"),
            path.file_name().unwrap().to_str().unwrap(),
            fs::read(&path).unwrap(),
        );
    }
    let ledger = told(at, &["data", "inspect", "new"]);
    assert_eq!(counted(&ledger, "are laid over white"), Some(2));
    assert_eq!(counted(&ledger, "mark a colour as transparent"), Some(1));
    put(
        at,
        "r.toml",
        recipe(
            "simclr",
            "source = \"folder\"\npath = \"new\"\nchannels = 3",
        ),
    );
    let vectors = |run: &str| -> Vec<String> {
        let output = expect(at, &["embed", run, "--data", "new"], 0);
        let rows = text(&output.stdout);
        let vector = |row: &str| row.split_once(',').unwrap().1.to_owned();
        rows.lines().skip(1).map(vector).collect()
    };
    let [a, b, c, _, e, _, g, h] = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(at, &["pretrain", "r.toml", "--out", "white"], 0);
    let white = vectors("white");
    assert_eq!(white.len(), 8);
    assert!(white[a] == white[c] && white[a] != white[b] && white[g] == white[h]);
    assert_eq!(
        read(&at.join("white/preprocessing.json"))["background"],
        "white"
    );
    let told = fs::read_to_string(at.join("white/data.json")).unwrap();
    assert!(
        told.contains("are transparent in places, which are laid over white"),
        "{told}"
    );
    let black = [
        "pretrain",
        "r.toml",
        "--out",
        "black",
        "--set",
        "data.background=black",
    ];
    expect(at, &black, 0);
    let black = vectors("black");
    assert!(black[a] == black[b] && black[a] != black[c] && black[3] == black[e]);
    // The model's own background counts, whatever is usual now.
    let exported = at.join("black/exported/preprocessing.json");
    let path = if exported.exists() {
        exported
    } else {
        at.join("black/preprocessing.json")
    };
    assert_eq!(read(&path)["background"], "black");
    let wrong = ["pretrain", "r.toml", "--set", "data.background=pink"];
    says(at, &wrong, 2, "\"#rrggbb\", or a grey from 0 to 255");
}

#[test]
fn folders_of_a_split_are_no_classes() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images/train"), 2, 8);
    write_images(&at.join("images/test"), 2, 4);
    put(
        at,
        "r.toml",
        recipe(
            "simclr",
            "source = \"folder\"\npath = \"images\"\nchannels = 3",
        ),
    );
    let said = unwrapped(&expect(at, &["pretrain", "r.toml"], 3).stderr);
    for part in [
        "whose folders `test`, `train` are the parts of a split",
        "data.path = \"images/train\"",
        "data.test_path = \"images/test\"",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    expect(
        at,
        &[
            "pretrain",
            "r.toml",
            "--dry-run",
            "--set",
            "data.labels=false",
        ],
        0,
    );
    expect(at, &["data", "inspect", "images", "--out", "look"], 0);
    let output = expect(
        at,
        &[
            "pretrain",
            "look/recipe.toml",
            "--dry-run",
            "--set",
            "encoder={kind=\"reference-cnn\"}",
        ],
        0,
    );
    let shown = text(&output.stdout);
    assert!(shown.contains("2: class-0, class-1"), "{shown}");
    assert!(
        shown.contains("24 items, 16 to train on, 8 held out"),
        "{shown}"
    );
}

#[test]
fn lists_of_every_layout_have_the_same_images() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(at, 2, 8);
    let lines = |separator: &str, ends: &str| -> String {
        let line = |number: usize| {
            format!(
                "class-{}/{:03}.png{separator}{}{ends}",
                number % 2,
                number / 2,
                number % 2
            )
        };
        (0..16).map(line).collect()
    };
    for (name, head, separator, ends) in [
        ("a.csv", "filename,label\n", ",", "\n"),
        ("b.csv", "\u{feff}image,class\r\n", ",", "\r\n"),
        ("c.txt", "", " ", "\n"),
        ("d.txt", "", "\t", "\n"),
        ("e.csv", "photo;what\n", ";", "\n"),
    ] {
        put(at, name, format!("{head}{}", lines(separator, ends)));
        put(
            at,
            "r.toml",
            recipe("simclr", &format!("source = \"list\"\npath = \"{name}\"")),
        );
        let output = expect(at, &["pretrain", "r.toml", "--dry-run"], 0);
        let shown = text(&output.stdout);
        assert!(
            shown.contains("16 items, 11 to train on, 5 held out") && shown.contains("2: 0, 1"),
            "{name}: {shown}"
        );
    }
    put(at, "f.txt", "what is this?\nno list\n");
    put(
        at,
        "r.toml",
        recipe("simclr", "source = \"list\"\npath = \"f.txt\""),
    );
    let said = unwrapped(&expect(at, &["pretrain", "r.toml"], 3).stderr);
    assert!(
        said.contains("f.txt:1: path: expected a file") && said.contains("\"what is this?\""),
        "{said}"
    );
    let shown = text(&expect(at, &["data", "inspect", "a.csv"], 0).stdout);
    assert!(shown.contains("images") && shown.contains("16"), "{shown}");
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_have_ids_of_their_own() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 2, 4);
    for (from, name) in [("000.png", b"\xe9.png"), ("001.png", b"\xe8.png")] {
        let folder = at.join("images/class-0");
        fs::rename(folder.join(from), folder.join(OsStr::from_bytes(name))).unwrap();
    }
    put(
        at,
        "r.toml",
        recipe(
            "simclr",
            "source = \"folder\"\npath = \"images\"\nchannels = 3",
        ),
    );
    expect(at, &["pretrain", "r.toml", "--out", "run"], 0);
    let output = expect(at, &["embed", "run", "--data", "images"], 0);
    let shown = text(&output.stdout);
    let mut ids: Vec<&str> = shown
        .lines()
        .skip(1)
        .map(|row| row.split(',').next().unwrap())
        .collect();
    assert!(
        ids.contains(&"class-0/\\xE8.png") && ids.contains(&"class-0/\\xE9.png"),
        "{shown}"
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
}

#[test]
fn a_class_is_the_same_whatever_its_normal_form() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("train"), 2, 6);
    write_images(&at.join("test"), 2, 4);
    for (part, name) in [("train", "caf\u{e9}"), ("test", "cafe\u{301}")] {
        fs::rename(at.join(part).join("class-0"), at.join(part).join(name)).unwrap();
    }
    put(
        at,
        "r.toml",
        recipe(
            "supervised",
            "source = \"folder\"\npath = \"train\"\ntest_path = \"test\"\nchannels = 3",
        ),
    );
    let output = expect(at, &["pretrain", "r.toml", "--out", "run"], 0);
    let said = unwrapped(&output.stderr) + &unwrapped(&output.stdout);
    assert!(
        said.contains("1 of 2 classes of the test data are other spellings of the same value"),
        "{said}"
    );
    assert!(
        said.contains("test/accuracy") || said.contains("accuracy"),
        "{said}"
    );
}

#[test]
fn contrast_on_one_item_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 2, 5);
    put(
        at,
        "r.toml",
        recipe(
            "simclr",
            "source = \"folder\"\npath = \"images\"\nchannels = 3\nlabels = false",
        ),
    );
    says(
        at,
        &["pretrain", "r.toml", "--set", "train.batch=1"],
        2,
        "`train.batch` is 1, expected 2 or more: simclr",
    );
    let held_out = [
        "pretrain",
        "r.toml",
        "--dry-run",
        "--set",
        "data.held_out=0.1",
    ];
    says(
        at,
        &held_out,
        3,
        "`data.held_out` is 0.1, which is 1 of 10 items",
    );
    expect(
        at,
        &[
            "pretrain",
            "r.toml",
            "--dry-run",
            "--set",
            "data.held_out=0.2",
            "--set",
            "train.batch=2",
        ],
        0,
    );
}

#[test]
fn contrast_without_views_takes_those_of_the_paper() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 2, 4);
    put(
        at,
        "r.toml",
        recipe("simclr", "source = \"folder\"\npath = \"images\""),
    );
    let ledger = told(at, &["pretrain", "r.toml", "--dry-run"]);
    assert_eq!(
        counted(
            &ledger,
            "SimCLR for 16 x 16 pixels, as none are named: crop, flip, jitter, greyscale"
        ),
        Some(2)
    );
    expect(at, &["pretrain", "r.toml", "--out", "run"], 0);
    let resolved: toml::Table = fs::read_to_string(at.join("run/resolved.toml"))
        .unwrap()
        .parse()
        .unwrap();
    assert!(resolved["data"]["views"].get("jitter").is_some());
    expect(at, &["pretrain", "r.toml", "--out", "run", "--resume"], 0);
    let named = [
        "pretrain",
        "r.toml",
        "--dry-run",
        "--set",
        "data.views={flip={}}",
    ];
    assert_eq!(counted(&told(at, &named), "SimCLR"), None);
}

#[test]
fn what_inspect_writes_runs_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 3, 12);
    put(at, "images/class-0/broken.jpg", b"no picture");
    expect(at, &["data", "inspect", "images", "--out", "look"], 0);
    let recipe = fs::read_to_string(at.join("look/recipe.toml")).unwrap();
    assert!(recipe.contains("batch = 8"), "{recipe}");
    let timed = recipe
        .lines()
        .find(|line| line.starts_with("epochs = ") || line.starts_with("steps = "));
    assert!(timed.unwrap().contains(" on this machine"), "{recipe}");
    assert!(
        recipe.starts_with("version = 1\nname = \"images\""),
        "{recipe}"
    );
    let quick = [
        "pretrain",
        "look/recipe.toml",
        "--set",
        "encoder={kind=\"reference-cnn\"}",
        "--set",
    ];
    expect(at, &[&quick[..], &["train={steps=2,batch=4}"]].concat(), 0);
    assert!(at.join("runs/images/exported").is_dir());
    let wrong = [&quick[..], &["name=a/b"]].concat();
    says(
        at,
        &wrong,
        2,
        "`name` is \"a/b\", expected the name of a folder",
    );
    let small = [
        "pretrain",
        "look/recipe.toml",
        "--dry-run",
        "--set",
        "encoder={kind=\"reference-cnn\"}",
    ];
    let ledger = told(at, &small);
    assert_eq!(counted(&ledger, "cannot be read"), Some(1));
}

#[test]
fn colour_is_guessed_from_all_images() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 2, 4);
    let grey = image::GrayImage::from_pixel(12, 12, image::Luma([90]));
    grey.save(at.join("images/class-0/000.png")).unwrap();
    put(
        at,
        "r.toml",
        recipe("simclr", "source = \"folder\"\npath = \"images\""),
    );
    let dry = ["pretrain", "r.toml", "--dry-run"];
    let ledger = told(at, &dry);
    assert_eq!(counted(&ledger, "are grey and are read in colour"), Some(1));
    let output = expect(at, &[&dry[..], &["--json"]].concat(), 0);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["input"][1], 3);
    let ledger = told(at, &[&dry[..], &["--set", "data.channels=1"]].concat());
    assert_eq!(
        counted(&ledger, "are in colour and are read as grey"),
        Some(7)
    );
}

#[test]
fn shards_by_a_pattern_and_a_part_of_the_items() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 2, 6);
    fs::create_dir(at.join("s")).unwrap();
    for shard in 0..3 {
        let mut tar =
            tar::Builder::new(fs::File::create(at.join(format!("s/d-{shard:03}.tar"))).unwrap());
        for number in 0..4 {
            let (class, file) = (number % 2, shard * 2 + number / 2);
            let from = at.join(format!("images/class-{class}/{file:03}.png"));
            let key = format!("{shard}-{number}");
            tar.append_path_with_name(from, format!("{key}.png"))
                .unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o644);
            tar.append_data(
                &mut header,
                format!("{key}.cls"),
                class.to_string().as_bytes(),
            )
            .unwrap();
        }
        tar.finish().unwrap();
    }
    for (pattern, items) in [("s/d-*.tar", 12), ("s/d-{000..001}.tar", 8), ("s", 12)] {
        put(
            at,
            "r.toml",
            recipe(
                "simclr",
                &format!("source = \"shards\"\npath = \"{pattern}\""),
            ),
        );
        let shown = text(&expect(at, &["pretrain", "r.toml", "--dry-run"], 0).stdout);
        assert!(shown.contains(&format!("{items} items")), "{shown}");
        let shown = text(&expect(at, &["data", "inspect", pattern], 0).stdout);
        assert!(shown.contains(&items.to_string()), "{shown}");
    }
    let limited = ["pretrain", "r.toml", "--dry-run", "--set", "data.limit=6"];
    assert_eq!(
        counted(&told(at, &limited), "are left out, evenly"),
        Some(6)
    );
}

#[test]
fn groups_stay_together() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("flat"), 2, 12);
    for class in 0..2 {
        for number in 0..12 {
            let name = format!("class-{class}/person-{}/{number:03}.png", number / 4);
            put(
                &at.join("images"),
                &name,
                fs::read(at.join(format!("flat/class-{class}/{number:03}.png"))).unwrap(),
            );
        }
    }
    put(
        at,
        "r.toml",
        recipe(
            "simclr",
            "source = \"folder\"\npath = \"images\"\ngroup = \"folder\"",
        ),
    );
    let shown = text(&expect(at, &["pretrain", "r.toml", "--dry-run"], 0).stdout);
    assert!(
        shown.contains("24 items, 16 to train on, 8 held out"),
        "{shown}"
    );
    let measured = [
        "pretrain",
        "r.toml",
        "--dry-run",
        "--set",
        "data.held_out=0.25",
    ];
    let shown = text(&expect(at, &measured, 0).stdout);
    assert!(shown.contains("8 to train on, 16 held out"), "{shown}");
    let flat = ["pretrain", "r.toml", "--dry-run", "--set", "data.path=flat"];
    says(
        at,
        &flat,
        3,
        "`data.group` is set, but none of 24 items has one",
    );
}

#[test]
fn lists_of_images_are_compared_by_what_they_show() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    write_images(&at.join("images"), 2, 4);
    let third = image::open(at.join("images/class-0/002.png")).unwrap();
    third.save(at.join("images/again.bmp")).unwrap();
    put(
        at,
        "a.csv",
        "file,label\nimages/class-0/000.png,x\nimages/class-0/002.png,x\n",
    );
    put(
        at,
        "b.csv",
        "file,label\nimages/again.bmp,y\nimages/class-0/001.png,y\n",
    );
    let shown = text(&expect(at, &["data", "leaks", "a.csv", "b.csv"], 0).stdout);
    for part in [
        "images/again.bmp",
        "equal pixels",
        "1 of 2 test images are in the training data, of 2",
        "`--distance 4`",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    put(at, "t.csv", "n,m\n1,2\n");
    says(
        at,
        &["data", "leaks", "a.csv", "t.csv"],
        2,
        "a.csv holds images, and t.csv rows of a table: nothing to compare",
    );
}

#[test]
fn folders_of_a_split_are_told_of_texts_too() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    for (part, name) in [("train", "a"), ("train", "b"), ("test", "c")] {
        put(
            at,
            &format!("texts/{part}/{name}.txt"),
            format!("a text called {name}"),
        );
    }
    let shown = text(&expect(at, &["data", "inspect", "texts"], 0).stdout);
    assert!(
        shown.contains("name `train` as `data.path` and `test` as `data.test_path`"),
        "{shown}"
    );
}
