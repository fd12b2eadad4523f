//! What kind of data a path leads to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tinderbox::data::table::{TableFormat, is_one_table, split_of};
use tinderbox::data::{ImageFolder, ImageList, expand, split_folders};

use crate::error::CliError;
use crate::recipe::{DataRecipe, DataSource, Labels};
use crate::text_source::holds_tags;

/// Files that are looked at to tell the kind of a folder.
const LOOKED_AT: usize = 10_000;

const PICTURES: &[&str] = ImageFolder::ENDINGS;
const SOUNDS: &[&str] = &["wav", "wave", "flac"];
/// What [`TextFolder`](tinderbox::data::text::TextFolder) reads, too, compressed or not.
const TEXTS: &[&str] = &["txt"];
/// Files that may hold words with tags; what is inside tells.
const TAGS: &[&str] = &["tsv", "txt", "tags", "conll"];

/// A kind of data, and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file with rows and columns.
    Table(PathBuf),
    /// Images of any source that recipes know.
    Images(Box<DataRecipe>),
    /// A file of lines, or a folder of files.
    Text(PathBuf),
    /// A file of sentences whose words have tags.
    Tags(PathBuf),
    /// A file of questions with the texts that answer them.
    Questions(PathBuf),
    /// A folder of clips.
    Sound(PathBuf),
}

impl Source {
    /// Tells by the name of a file, or by the names below a folder.
    ///
    /// # Errors
    /// If there is nothing, or nothing known.
    pub fn find(path: &Path) -> Result<Self, CliError> {
        if let Some(first) = expand(path)?.first().filter(|_| !path.exists()) {
            fs::metadata(first).map_err(CliError::reading(first))?;
            return match is_tar(first) {
                true => Ok(Self::images(DataSource::Shards, path)),
                false => Err(unknown(path, "of patterns, those of tar files are known")),
            };
        }
        let is_folder = fs::metadata(path)
            .map_err(CliError::reading(path))?
            .is_dir();
        if is_folder {
            Self::of_folder(path)
        } else {
            Self::of_file(path)?.ok_or_else(|| unknown(path, "its name says nothing"))
        }
    }

    fn images(source: DataSource, path: &Path) -> Self {
        Self::Images(Box::new(DataRecipe::at(source, path)))
    }

    fn of_file(path: &Path) -> Result<Option<Self>, CliError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_tar(path) {
            return Ok(Some(Self::images(DataSource::Shards, path)));
        }
        let table = TableFormat::of_path(path);
        let lines = matches!(table, Some(TableFormat::Csv | TableFormat::Tsv));
        let text = path.extension().is_some_and(|ending| ending == "txt");
        if (lines || text) && ImageList::is_one(path) {
            return Ok(Some(Self::images(DataSource::List, path)));
        }
        let plain = ending(unpacked(&name));
        if TAGS.contains(&plain.as_str()) && holds_tags(path) {
            return Ok(Some(Self::Tags(path.to_owned())));
        }
        if table.is_some() {
            return Ok(Some(Self::Table(path.to_owned())));
        }
        if name.contains("idx3-ubyte") {
            return Ok(Some(Self::idx(path)));
        }
        Ok(match plain.as_str() {
            "lst" => Some(Self::images(DataSource::List, path)),
            ending if ending == "md" || TEXTS.contains(&ending) => {
                Some(Self::Text(path.to_owned()))
            }
            // Whether it is one of these, its content tells.
            "json" => Some(Self::Questions(path.to_owned())),
            ending if PICTURES.contains(&ending) || SOUNDS.contains(&ending) => {
                return Err(unknown(
                    path,
                    "it is one item; name the folder that it lies in",
                ));
            }
            _ => None,
        })
    }

    /// MNIST's names pair images with labels.
    fn idx(images: &Path) -> Self {
        let name = images.file_name().unwrap_or_default().to_string_lossy();
        let labels = images.with_file_name(name.replace("images-idx3", "labels-idx1"));
        let labels = (labels != images && labels.exists()).then_some(labels);
        let beside = |file: &Path| {
            let name = file.file_name()?.to_str()?;
            let test = file.with_file_name(name.replace("train", "t10k"));
            (test != file && test.exists()).then_some(test)
        };
        let test = beside(images).zip(labels.as_deref().and_then(beside));
        let (test_path, test_labels) = test.unzip();
        Self::Images(Box::new(DataRecipe {
            path: Some(images.to_owned()),
            labels: labels.map_or(Labels::Own(false), Labels::File),
            test_path,
            test_labels,
            ..DataRecipe::of(DataSource::Idx)
        }))
    }

    fn of_folder(root: &Path) -> Result<Self, CliError> {
        for (name, source) in [
            ("data_batch_1.bin", DataSource::Cifar10),
            ("train.bin", DataSource::Cifar100),
        ] {
            if root.join(name).is_file() {
                return Ok(Self::images(source, root));
            }
        }
        let mut counts = BTreeMap::<&str, usize>::new();
        let mut tables = Vec::new();
        let mut single = Vec::new();
        let mut folders = vec![root.to_owned()];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(CliError::reading(&folder))? {
                let entry = entry.map_err(CliError::reading(&folder))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let kind = entry.file_type().map_err(CliError::reading(&folder))?;
                if name.starts_with('.') {
                    continue;
                }
                if kind.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                seen += 1;
                let [own, plain] = [&name, unpacked(&name)].map(ending);
                for (what, endings, ending) in [
                    ("images", PICTURES, &own),
                    ("shards", &["tar"], &own),
                    ("sound", SOUNDS, &own),
                    ("text", TEXTS, &plain),
                ] {
                    if endings.contains(&ending.as_str()) {
                        *counts.entry(what).or_default() += 1;
                    }
                }
                if name.contains("idx3-ubyte") {
                    single.push(entry.path());
                } else if TableFormat::of_path(&entry.path()).is_some() {
                    tables.push(entry.path());
                }
            }
            if seen > LOOKED_AT {
                break;
            }
        }
        // The training set is the one to look at; it is the largest.
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
        if let Some(images) = single.iter().max_by_key(|path| size(path)) {
            return Ok(Self::idx(images));
        }
        let most = counts.iter().max_by_key(|(_, count)| **count);
        match most {
            Some((_, count)) if *count < tables.len() => {}
            Some((&"images", _)) => {
                return Ok(Self::Images(Box::new(with_test(&inner(root)))));
            }
            Some((&"shards", _)) => return Ok(Self::images(DataSource::Shards, &inner(root))),
            Some((&"sound", _)) => return Ok(Self::Sound(inner(root))),
            Some((&"text", _)) => return Ok(Self::Text(inner(root))),
            _ => {}
        }
        match tables.iter().max_by_key(|path| size(path)) {
            Some(_) if is_one_table(root) => Ok(Self::Table(root.to_owned())),
            Some(table) => Ok(Self::Table(
                training(root, &tables).unwrap_or(table.clone()),
            )),
            None => Err(unknown(
                root,
                &format!("none of its {seen} files has a known name"),
            )),
        }
    }
}

/// The table for training among those of a folder, if some are named for training and others for testing.
fn training(root: &Path, tables: &[PathBuf]) -> Option<PathBuf> {
    let below = tables
        .iter()
        .filter_map(|table| table.strip_prefix(root).ok()?.to_str());
    Some(root.join(split_of(below)?.0))
}

/// Down to the first folder that holds more than one folder and nothing to train on: `data/mail/messages` for `data/mail`.
fn inner(root: &Path) -> PathBuf {
    let mut folder = root.to_owned();
    loop {
        let Ok(entries) = fs::read_dir(&folder) else {
            return folder;
        };
        let mut below = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let [ending, plain] = [&name, unpacked(&name)].map(ending);
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !name.starts_with('.') {
                below.push(entry.path());
            } else if ending == "tar"
                || [(PICTURES, &ending), (SOUNDS, &ending), (TEXTS, &plain)]
                    .iter()
                    .any(|(known, ending)| known.contains(&ending.as_str()))
            {
                return folder;
            }
        }
        match <[PathBuf; 1]>::try_from(below) {
            Ok([only]) => folder = only,
            Err(_) => return folder,
        }
    }
}

/// A folder of images, with its test set: where its folders are the parts of a split, or where such a part lies beside it.
fn with_test(folder: &Path) -> DataRecipe {
    let below = folders(folder);
    if let Some(split) = split_folders(below.iter().map(String::as_str)) {
        return DataRecipe {
            test_path: Some(folder.join(split.test)),
            ..DataRecipe::folder(folder.join(split.train))
        };
    }
    let parts = || Some((folder.parent()?, folder.file_name()?.to_str()?));
    let test = parts().and_then(|(parent, own)| {
        let beside = folders(parent);
        let of_own =
            |other: &&String| split_folders([own, other]).is_some_and(|split| split.train == own);
        let mut tests: Vec<&String> = beside.iter().filter(of_own).collect();
        // A test set rather than one for validation.
        tests.sort_by_key(|name| !name.to_lowercase().contains("test"));
        tests.first().map(|name| parent.join(name))
    });
    DataRecipe {
        test_path: test,
        ..DataRecipe::folder(folder)
    }
}

/// The names of the folders in a folder that are not hidden, sorted.
fn folders(folder: &Path) -> Vec<String> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.path().is_dir());
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    names
}

fn is_tar(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("tar"))
}

/// A name without the ending of a compression.
fn unpacked(name: &str) -> &str {
    let packed = [".gz", ".zst", ".zstd"];
    let known = packed.iter().find_map(|ending| name.strip_suffix(ending));
    known.unwrap_or(name)
}

fn ending(name: &str) -> String {
    name.rsplit_once('.')
        .map_or_else(String::new, |(_, ending)| ending.to_ascii_lowercase())
}

fn unknown(path: &Path, why: &str) -> CliError {
    CliError::Usage {
        message: format!("cannot tell what kind of data {} is: {why}", path.display()),
        help: Some(
            "known are folders of images, of WAV or FLAC clips, of text files; files ending in csv, tsv, jsonl, parquet, arrow, txt; words \
             with a tab and a tag a line; questions as SQuAD has them (json); lists of images; tar files of images, several by `*` or \
             `{000..004}`; IDX files such as MNIST's, and folders of CIFAR"
                .into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        root
    }

    #[track_caller]
    fn check(files: &[&str], path: &str, expected: impl Fn(&Path) -> Source) {
        let root = folder(files);
        let found = Source::find(&root.path().join(path)).unwrap();
        assert_eq!(found, expected(root.path()));
    }

    #[test]
    fn kinds_are_told_by_names() {
        check(&["a.csv.gz"], "a.csv.gz", |root| {
            Source::Table(root.join("a.csv.gz"))
        });
        check(&["SHA256SUMS", "d.html", "d.csv"], "", |root| {
            Source::Table(root.join("d.csv"))
        });
        check(&["m/ham/1.txt", "m/spam/2.txt", "SUMS"], "", |root| {
            Source::Text(root.join("m"))
        });
        check(&["clips/en/a.wav", "clips/fr/b.WAV"], "", |root| {
            Source::Sound(root.join("clips"))
        });
        check(&["a/1.png", "b/2.jpg", "list.csv"], "", |root| {
            Source::Images(Box::new(DataRecipe::folder(root)))
        });
    }

    #[test]
    fn a_split_is_found_from_above_and_from_its_part() {
        let files = [
            "d/train/a/1.png",
            "d/train/b/1.png",
            "d/val/a/1.png",
            "d/test/a/1.png",
        ];
        for path in ["", "d", "d/train"] {
            check(&files, path, |root| {
                Source::Images(Box::new(DataRecipe {
                    test_path: Some(root.join("d/test")),
                    ..DataRecipe::folder(root.join("d/train"))
                }))
            });
        }
        check(&["d/a/1.png", "d/test/1.png"], "d", |root| {
            Source::Images(Box::new(DataRecipe::folder(root.join("d"))))
        });
    }

    #[test]
    fn lists_shards_and_cifar_are_known() {
        let at = |source, path: PathBuf| Source::Images(Box::new(DataRecipe::at(source, path)));
        check(&["s/0.tar", "s/1.tar"], "s", |root| {
            at(DataSource::Shards, root.join("s"))
        });
        check(&["s/0.tar", "s/1.tar"], "s/{0..1}.tar", |root| {
            at(DataSource::Shards, root.join("s/{0..1}.tar"))
        });
        check(&["c/data_batch_1.bin"], "c", |root| {
            at(DataSource::Cifar10, root.join("c"))
        });
        let root = folder(&["a/1.png", "t.csv"]);
        for (name, text) in [
            ("l.csv", "file,label\na/1.png,x\n"),
            ("l.txt", "a/1.png 3\n"),
        ] {
            let list = root.path().join(name);
            fs::write(&list, text).unwrap();
            assert_eq!(Source::find(&list).unwrap(), at(DataSource::List, list));
        }
        let table = root.path().join("t.csv");
        assert_eq!(Source::find(&table).unwrap(), Source::Table(table));
    }

    #[test]
    fn tags_and_questions_are_told_by_what_is_inside() {
        let root = tempfile::tempdir().unwrap();
        let find = |name: &str, content: &str| {
            let path = root.path().join(name);
            fs::write(&path, content).unwrap();
            (Source::find(&path).unwrap(), path)
        };
        let (found, path) = find("a.tsv", "The\tat\nsea\tnn\n\nIt\tpps\n");
        assert_eq!(found, Source::Tags(path));
        // Without a blank line it is a table of two columns.
        let (found, path) = find("b.tsv", "size\tcolour\n1\tred\n");
        assert_eq!(found, Source::Table(path));
        let (found, path) = find("q.json.gz", "{}");
        assert_eq!(found, Source::Questions(path));
        let (found, path) = find("t.txt.gz", "x");
        assert_eq!(found, Source::Text(path));
    }

    #[test]
    fn mnist_finds_its_labels() {
        let files = ["t-images-idx3-ubyte", "t-labels-idx1-ubyte"];
        check(&files, "", |root| {
            Source::Images(Box::new(DataRecipe {
                path: Some(root.join(files[0])),
                labels: Labels::File(root.join(files[1])),
                ..DataRecipe::of(DataSource::Idx)
            }))
        });
    }

    #[test]
    fn what_is_unknown_is_said() {
        let root = folder(&["a.xyz", "one.png"]);
        for (path, part) in [
            ("a.xyz", "its name says nothing"),
            ("one.png", "name the folder"),
        ] {
            let error = Source::find(&root.path().join(path))
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(Source::find(&root.path().join("none")).is_err());
    }
}
