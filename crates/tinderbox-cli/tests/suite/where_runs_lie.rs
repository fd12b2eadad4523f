//! Where a run, an export or a result lies: paths that hold from elsewhere, and what is written over.

use std::fs;

use crate::{expect, folder_project, read, says, text, unwrapped, write_images};

#[test]
fn a_run_knows_its_data_from_wherever_a_verb_is_called() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let elsewhere = tempfile::tempdir().unwrap();
    let there = elsewhere.path();
    // A folder of that name is another one.
    write_images(&there.join("images"), 2, 2);
    let run = at.join("runs/mine");
    let run = run.to_str().unwrap();
    let of = |folder: &std::path::Path, run: &str| expect(folder, &["embed", run], 0).stdout;
    assert_eq!(of(there, run), of(at, "runs/mine"));
    expect(there, &["probe", run], 0);
    let fast = [
        "--set",
        "train.steps=4",
        "--set",
        "checkpoint.every=2",
        "--quiet",
    ];
    expect(there, &[&["finetune", run][..], &fast].concat(), 0);
    assert!(at.join("runs/mine/finetune-1").is_dir());
    let tuned = format!("{run}/finetune-1");
    let again = ["--out", &tuned, "--resume"];
    expect(there, &[&["finetune", run][..], &fast, &again].concat(), 0);
    expect(
        at,
        &[&["finetune", "runs/mine"][..], &fast, &again].concat(),
        0,
    );

    // Nor does going on depend on it.
    let recipe = at.join("mine.toml");
    let resume = [
        "pretrain",
        recipe.to_str().unwrap(),
        "--out",
        run,
        "--resume",
    ];
    expect(there, &resume, 0);
    expect(
        at,
        &["pretrain", "mine.toml", "--out", "runs/mine", "--resume"],
        0,
    );
    // Where the run and its data have moved together, the folder of the call is looked in.
    let moved = tempfile::tempdir().unwrap();
    fs::rename(at.join("runs"), moved.path().join("runs")).unwrap();
    fs::rename(at.join("images"), moved.path().join("images")).unwrap();
    of(moved.path(), "runs/mine");
    let lost = moved.path().join("runs/mine");
    let lost = ["embed", lost.to_str().unwrap()];
    says(at, &lost, 3, "relative paths begin in the folder");
}

#[test]
fn an_export_replaces_an_export_and_nothing_else() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let photographs = at.join("holiday");
    fs::create_dir(&photographs).unwrap();
    fs::write(photographs.join("beach.jpg"), "mine").unwrap();
    let export = |to: &str, more: &[&str], code: i32| {
        let words = [&["export", "runs/mine", to], more].concat();
        unwrapped(&expect(at, &words, code).stderr)
    };
    assert!(export("holiday", &[], 5).contains("holiday exists"));
    for more in [&["--overwrite"][..], &["--overwrite", "--step", "12"]] {
        let said = export("holiday", more, 5);
        assert!(said.contains("is left as it is"), "{said}");
    }
    assert_eq!(fs::read_dir(&photographs).unwrap().count(), 1);
    export("exported", &[], 0);
    assert!(export("exported", &[], 5).contains("exported exists"));
    fs::write(at.join("exported/beach.jpg"), "mine").unwrap();
    fs::write(at.join("exported/model.safetensors"), "old").unwrap();
    export("exported", &["--overwrite"], 0);
    assert_eq!(fs::read(at.join("exported/beach.jpg")).unwrap(), b"mine");
    assert!(
        fs::read(at.join("exported/model.safetensors"))
            .unwrap()
            .len()
            > 100
    );
    let names = fs::read_dir(at).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(
        names.into_iter().all(|name| !name.starts_with('.')),
        "nothing is left beside it"
    );
}

#[test]
fn a_run_is_replaced_without_what_others_put_there() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    let fast = ["--set", "train.steps=2", "--quiet"];
    expect(at, &[&["finetune", "runs/mine"][..], &fast].concat(), 0);
    fs::write(at.join("runs/mine/notes.txt"), "mine").unwrap();
    let again = ["pretrain", "mine.toml", "--overwrite"];
    says(at, &again, 5, "finetune-1");
    assert!(at.join("runs/mine/exported/model.safetensors").is_file());
    fs::rename(at.join("runs/mine/finetune-1"), at.join("kept")).unwrap();
    says(
        at,
        &again,
        0,
        "kept, since tinderbox did not write it: notes.txt",
    );
    assert!(at.join("runs/mine/notes.txt").is_file());
    assert_eq!(read(&at.join("runs/mine/data.json"))["items"], 24);
    // A whole run leaves nothing that a second one would not know as its own.
    fs::remove_file(at.join("runs/mine/notes.txt")).unwrap();
    expect(at, &["probe", "runs/mine"], 0);
    let said = text(&expect(at, &again, 0).stderr);
    assert!(!said.contains("kept"), "{said}");
}

#[test]
fn outputs_are_not_written_over_unasked() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    fs::write(at.join("f.csv"), "name,age\nanna,7\n").unwrap();
    let said = |words: &[&str], code: i32| unwrapped(&expect(at, words, code).stderr);
    // Nobody has named the file of ids.
    let embed = ["embed", "runs/mine", "--out", "f.npy", "--overwrite"];
    assert!(said(&embed, 5).contains("f.csv is no file of ids that was written here"));
    assert_eq!(fs::read(at.join("f.csv")).unwrap(), b"name,age\nanna,7\n");
    expect(at, &["embed", "runs/mine", "--out", "g.npy"], 0);
    expect(
        at,
        &["embed", "runs/mine", "--out", "g.npy", "--overwrite"],
        0,
    );
    // Nor is what somebody has named replaced, unless it is such a file.
    fs::write(at.join("f.npy"), "a novel").unwrap();
    for verb in ["embed", "probe"] {
        for out in ["f.csv", "f.npy"] {
            let words = [verb, "runs/mine", "--out", out, "--overwrite"];
            assert!(said(&words, 5).contains("that was written here"));
        }
    }
    assert_eq!(fs::read(at.join("f.npy")).unwrap(), b"a novel");
    fs::create_dir(at.join("look")).unwrap();
    fs::write(at.join("look/recipe.toml"), "mine").unwrap();
    fs::write(at.join("t.csv"), "size,town\n1,a\n2,b\n".repeat(9)).unwrap();
    let inspect = ["data", "inspect", "t.csv", "--out", "look"];
    assert!(said(&inspect, 5).contains("look exists"));
    let overwrite = [&inspect[..], &["--overwrite"]].concat();
    assert!(said(&overwrite, 5).contains("was not written here"));
    assert_eq!(fs::read(at.join("look/recipe.toml")).unwrap(), b"mine");
    fs::remove_file(at.join("look/recipe.toml")).unwrap();
    expect(at, &inspect, 0);
    expect(at, &overwrite, 0);
}
