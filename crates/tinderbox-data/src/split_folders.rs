//! Folders that are the parts of a split, and no classes.

/// The folders of a split among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitFolders<'a> {
    /// The one to train on.
    pub train: &'a str,
    /// The one to test on.
    pub test: &'a str,
}

const TRAIN: &[&str] = &["fit", "learn", "learning", "tr", "train", "training", "trn"];
/// Trained on where nothing else is, else one for validation.
const DEV: &[&str] = &["dev", "development", "devel"];
const TEST: &[&str] = &[
    "eval",
    "evaluation",
    "held",
    "heldout",
    "holdout",
    "te",
    "test",
    "testing",
    "tst",
    "val",
    "valid",
    "validate",
    "validation",
];
/// Words that say nothing against a split.
const BESIDE: &[&str] = &[
    "a",
    "all",
    "b",
    "data",
    "dataset",
    "dir",
    "extra",
    "files",
    "folder",
    "image",
    "images",
    "img",
    "imgs",
    "out",
    "part",
    "pictures",
    "set",
    "split",
    "texts",
    "unlabeled",
    "unlabelled",
    "unsup",
    "unsupervised",
];

/// The parts of a split, if that is what these folders are by their names: one to train on, one to test on (`test` before `val`), and none
/// that is called otherwise.
pub fn split_folders<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<SplitFolders<'a>> {
    let (mut train, mut test, mut dev) = (None, None, None);
    for name in names {
        let lower = name.to_lowercase();
        let words = lower.split(|letter: char| !letter.is_alphabetic());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
        if words.is_empty()
            || !words.iter().all(|word| {
                [TRAIN, TEST, DEV, BESIDE]
                    .iter()
                    .any(|known| known.contains(word))
            })
        {
            return None;
        }
        if has(TRAIN) {
            train = train.or(Some(name));
        } else if has(TEST) {
            let better = test.is_none() || lower.contains("test");
            test = if better { Some(name) } else { test };
        } else if has(DEV) {
            dev = Some(name);
        }
    }
    let (train, test) = match (train, test) {
        (Some(train), test) => (train, test.or(dev)?),
        (None, test) => (dev?, test?),
    };
    Some(SplitFolders { train, test })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_a_split_are_told_from_classes() {
        let found = |names: &[&'static str]| {
            split_folders(names.iter().copied()).map(|split| (split.train, split.test))
        };
        assert_eq!(found(&["test", "train"]), Some(("train", "test")));
        assert_eq!(
            found(&["Training", "val", "TEST", "unlabeled"]),
            Some(("Training", "TEST"))
        );
        assert_eq!(
            found(&["train_images", "valid-set"]),
            Some(("train_images", "valid-set"))
        );
        assert_eq!(found(&["dev", "test"]), Some(("dev", "test")));
        assert_eq!(found(&["dev", "test", "train"]), Some(("train", "test")));
        assert_eq!(found(&["dev", "train"]), Some(("train", "dev")));
        for classes in [
            &["cat", "dog"][..],
            &["train", "bus"],
            &["train", "test", "bus"],
            &["train"],
            &["crash test", "train station"],
            &[],
        ] {
            assert_eq!(found(classes), None);
        }
    }
}
