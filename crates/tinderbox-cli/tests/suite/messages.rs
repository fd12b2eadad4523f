//! Messages advise what helps, of the kind of data at hand.

use std::fs;

use crate::{expect, folder_project, unwrapped};

#[test]
fn a_language_model_that_collapses_is_not_told_of_views() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("texts.txt"), "one two three four\n".repeat(40)).unwrap();
    let recipe = "version = 1\nobjective.kind = \"causal-lm\"\ntrain = { steps = 2, batch = 4 }\n\
        encoder = { kind = \"bert\", width = 8, depth = 1, heads = 1, ffn = 8, positions = 8, dropout = 0.0, causal = true }\n\
        data = { source = \"text\", path = \"texts.txt\", tokens = { vocabulary = 300, length = 8 } }\n";
    fs::write(at.join("mine.toml"), recipe).unwrap();
    let said = unwrapped(&expect(at, &["pretrain", "mine.toml"], 0).stderr);
    assert!(
        said.contains("has collapsed") && said.contains("`optim.lr`"),
        "{said}"
    );
    assert!(
        !said.contains("view") && !said.contains("warning: warning"),
        "{said}"
    );
}

#[test]
fn a_fine_tuning_does_not_take_what_the_model_brings() {
    let folder = folder_project(2, 12);
    let at = folder.path();
    expect(at, &["pretrain", "mine.toml", "--quiet"], 0);
    for set in [
        "encoder.filters=9",
        "data.size=24",
        "compare.seeds=2",
        "encoder.init=x",
    ] {
        let words = ["finetune", "runs/mine", "--set", set];
        let said = unwrapped(&expect(at, &words, 2).stderr);
        let (key, _) = set.split_once('=').unwrap();
        assert!(said.contains(&format!("`{key}` has no use here")), "{said}");
    }
    assert!(!at.join("runs/mine/finetune-1").exists());
}
