//! Files and folders of text as data sets of documents.

use std::fs;
use std::io::Write;
use std::path::Path;

use burn::data::dataset::Dataset;
use proptest::prelude::*;
use tinderbox_data::text::{
    InMemoryDocuments, TextFile, TextFileConfig, TextFolder, TextFolderConfig, TextUnit,
};
use tinderbox_data::{DataError, Labelled, fingerprint};

fn texts<D: Dataset<tinderbox_data::text::Document, DataError>>(source: &D) -> Vec<String> {
    (0..source.len())
        .map(|index| source.get(index).unwrap().text)
        .collect()
}

fn unit(unit: TextUnit) -> TextFileConfig {
    TextFileConfig {
        unit,
        ..TextFileConfig::default()
    }
}

#[track_caller]
fn read(content: &[u8], config: TextFileConfig, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, content).unwrap();
    // Once by building the index, once by reading it.
    for _ in 0..2 {
        assert_eq!(
            texts(&TextFile::open(&path, config.clone()).unwrap()),
            expected
        );
    }
}

#[test]
fn lines_and_paragraphs() {
    let text = "\u{feff}one\r\n\n  \ntwo  \nthree";
    read(
        text.as_bytes(),
        unit(TextUnit::Line),
        &["one", "two", "three"],
    );
    read(
        text.as_bytes(),
        unit(TextUnit::Paragraph),
        &["one", "two  \nthree"],
    );
}

#[test]
fn json_lines_have_a_field_and_classes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    fs::write(
        &path,
        "{\"t\":\"a\",\"l\":10}\n{\"l\":2}\nno\n{\"t\":\"b\",\"l\":2}\n",
    )
    .unwrap();
    let config = unit(TextUnit::JsonLine {
        text: "t".to_owned(),
        label: Some("l".to_owned()),
    });
    let file = TextFile::open(&path, config).unwrap();
    assert_eq!(file.class_names(), ["2", "10"]);
    assert_eq!(file.get(0).unwrap().label, Some(1));
    assert_eq!(file.get(3).unwrap().label, Some(0));
    let missing = file.get(1).unwrap_err().to_string();
    assert!(missing.ends_with("a.jsonl:2: field: expected a string in `t`, got no such field"));
    assert!(matches!(
        file.get(2).unwrap_err(),
        DataError::Line { line: 3, .. }
    ));
}

#[test]
fn what_is_no_text_names_its_line_or_is_replaced_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, b"fine\n\nbad\xff\nnul\0\nlonger than ten\n").unwrap();
    let config = TextFileConfig {
        max_bytes: 10,
        ..TextFileConfig::default()
    };
    let file = TextFile::open(&path, config.clone()).unwrap();
    assert_eq!(file.damaged(), 2);
    for (index, expected) in [(1, 3), (2, 4), (3, 5)] {
        let error = file.get(index).unwrap_err();
        assert!(
            matches!(error, DataError::Line { line, .. } if line == expected),
            "{error}"
        );
    }
    let lossy = TextFile::open(
        &path,
        TextFileConfig {
            lossy: true,
            ..config
        },
    )
    .unwrap();
    assert_eq!(lossy.get(1).unwrap().text, "bad\u{fffd}");
    fs::write(&path, b"\xff\xfea\0b\0").unwrap();
    let error = TextFile::open(&path, TextFileConfig::default()).unwrap_err();
    assert!(error.to_string().contains("UTF-16"));
    fs::write(&path, b" \n\n").unwrap();
    let error = TextFile::open(&path, TextFileConfig::default()).unwrap_err();
    assert!(matches!(error, DataError::Empty { .. }));
}

#[test]
fn a_stale_or_damaged_index_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let index = folder.path().join("a.txt.docs");
    let open = || TextFile::open(&path, TextFileConfig::default()).unwrap();
    fs::write(&path, "a\nb\n").unwrap();
    open();
    let whole = fs::read(&index).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&index, &damaged).unwrap();
        assert_eq!(texts(&open()), ["a", "b"]);
        assert_eq!(fs::read(&index).unwrap(), whole);
    }
    // Another time of modification is enough, and so is another content of the same length.
    fs::write(&path, "a\n\nb").unwrap();
    assert_eq!(texts(&open()), ["a", "b"]);
    assert_ne!(fs::read(&index).unwrap(), whole);
    fs::write(&path, "abc\n").unwrap();
    assert_eq!(texts(&open()), ["abc"]);
}

#[test]
fn compressed_files_are_unpacked_once_and_bombs_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let config = TextFileConfig {
        cache: Some(cache.clone()),
        ..TextFileConfig::default()
    };
    let gzip = |content: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let zstandard = |content: &[u8]| {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        ruzstd::encoding::compress_to_vec(content, level)
    };
    let path = folder.path().join("a.txt");
    for packed in [gzip(b"a\nb\n"), zstandard(b"c\nd\n")] {
        fs::write(&path, &packed).unwrap();
        let first = texts(&TextFile::open(&path, config.clone()).unwrap());
        assert_eq!(
            texts(&TextFile::open(&path, config.clone()).unwrap()),
            first
        );
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
        fs::write(&path, &packed[..packed.len() - 3]).unwrap();
        let error = TextFile::open(&path, config.clone()).unwrap_err();
        assert!(matches!(error, DataError::Decode { .. }), "{error}");
    }
    for bomb in [
        gzip(&vec![b'a'; 64 << 20]),
        zstandard(&vec![b'a'; 64 << 20]),
    ] {
        fs::write(&path, bomb).unwrap();
        let error = TextFile::open(&path, config.clone()).unwrap_err();
        assert!(matches!(error, DataError::Decode { .. }), "{error}");
    }
}

#[test]
fn folders_are_classes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("b/x.txt", "bx\n"),
        ("a/y.TXT", "ay"),
        ("z.txt", "z"),
        ("a/n.md", ""),
    ] {
        let path: &Path = &folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let source = TextFolder::open(folder.path(), TextFolderConfig::default()).unwrap();
    assert_eq!(texts(&source), ["ay", "bx", "z"]);
    assert_eq!(
        (source.class_names(), source.ignored()),
        (&["a", "b"].map(String::from)[..], 1)
    );
    assert_eq!((source.label(1), source.label(2)), (Some(1), None));
    let print = fingerprint(&source);
    fs::write(folder.path().join("z.txt"), b"x\n\xff").unwrap();
    assert_ne!(print, fingerprint(&source));
    assert!(matches!(
        source.get(2).unwrap_err(),
        DataError::Line { line: 2, .. }
    ));
}

#[test]
fn labels_in_memory_must_fit() {
    let two = || InMemoryDocuments::new(["a", "b"]);
    let names = || vec!["x".to_owned()];
    assert!(two().with_labels(vec![0], names()).is_err());
    assert!(two().with_labels(vec![0, 1], names()).is_err());
    assert_eq!(
        two().with_labels(vec![0, 0], names()).unwrap().label(1),
        Some(0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_read_like_lines_of_the_whole(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b' '), any::<u8>()], 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        // A first line keeps magic numbers and byte order marks of the rest from meaning anything.
        let bytes = [b"x\n", &bytes[..]].concat();
        fs::write(&path, &bytes).unwrap();
        let file = TextFile::open(&path, TextFileConfig { lossy: true, ..TextFileConfig::default() }).unwrap();
        let expected: Vec<String> = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii_end)
            .filter(|line| !line.is_empty())
            .map(|line| String::from_utf8_lossy(line).replace('\0', "\u{fffd}"))
            .collect();
        prop_assert_eq!(texts(&file), expected);
    }
}
