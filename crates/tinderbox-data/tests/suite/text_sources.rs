//! Files and folders of text as data sets of documents.

use std::fs;
use std::io::Write;
use std::path::Path;

use burn::data::dataset::Dataset;
use proptest::prelude::*;
use tinderbox_data::text::{
    InMemoryDocuments, TextFile, TextFileConfig, TextFolder, TextFolderConfig, TextUnit,
    read_unpacked,
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
    assert_eq!(texts(&TextFile::open(&path, config).unwrap()), expected);
    // Nothing is left beside the file.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// The remarks of a source.
fn remarks(source: &impl Labelled) -> Vec<String> {
    let ledger = source.ledger();
    ledger.remarks().iter().map(ToString::to_string).collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(content: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(content, level)
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
fn items_are_called_by_their_lines_and_blank_lines_may_be_items() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, "\u{feff}\none\r\n\n  \ntwo\n\n").unwrap();
    let ids = |config| {
        let file = TextFile::open(&path, config).unwrap();
        let ids: Vec<String> = (0..file.len()).map(|index| file.id(index)).collect();
        (ids, file)
    };
    let (found, file) = ids(TextFileConfig::default());
    assert_eq!(found, ["2", "5"]);
    assert_eq!(remarks(&file), ["4 of 6 lines are blank and no texts"]);
    assert_eq!(ids(unit(TextUnit::Paragraph)).0, ["2", "5"]);
    let (found, file) = ids(TextFileConfig {
        blank_lines: true,
        ..TextFileConfig::default()
    });
    assert_eq!(found, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(file.get(1).unwrap().text, "one");
    let error = file.get(3).unwrap_err().to_string();
    assert!(error.ends_with("a.txt:4: text: expected one, got a blank line"));
    assert_eq!(remarks(&file), [""; 0]);
}

#[test]
fn what_is_left_out_is_told_with_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    fs::write(&path, b"fine\n\nbad\xff\nnul\0\nlonger than ten\n\xe9\n").unwrap();
    let open = |lossy| {
        let config = TextFileConfig {
            max_bytes: 10,
            lossy,
            ..TextFileConfig::default()
        };
        remarks(&TextFile::open(&path, config).unwrap())
    };
    let key = "`data.tokens.lossy = true` changes that";
    let blank = "1 of 6 lines are blank and no texts";
    let long = "1 of 5 texts are longer than 10 bytes and are not read (line 5 of a.txt)";
    assert_eq!(
        open(false),
        [
            blank,
            &format!("1 of 5 texts hold a NUL byte and are not read (line 4 of a.txt); {key}"),
            &format!(
                "2 of 5 texts hold bytes that are not UTF-8 and are not read (line 3 of a.txt, line 6 of a.txt); {key}"
            ),
            long,
        ]
    );
    assert_eq!(
        open(true),
        [
            blank,
            "1 of 5 texts hold a NUL byte, read as \u{fffd} (line 4 of a.txt)",
            "2 of 5 texts hold bytes that are not UTF-8, read as \u{fffd} (line 3 of a.txt, line 6 of a.txt)",
            long,
        ]
    );
    let table = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        remarks(&TextFile::open(&path, TextFileConfig::default()).unwrap())
    };
    let tabs = "3 of 4 texts hold a tab, as rows of a table or words with tags do, and are read whole, tab and all; \
                `data.source` changes that";
    assert_eq!(table("b.txt", "a\tb\nc\td\ne\tf\ng\n"), [tabs]);
    assert_eq!(table("c.txt", "a\tb\nc\nd\ne\n"), [""; 0]);
    let lines = "2 of 2 texts are lines of a table or of JSON, read whole: no column is named; `data.text` changes that";
    assert_eq!(table("d.CSV", "text,label\na,b\n"), [lines]);
}

#[test]
fn a_changed_file_is_read_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let open = || TextFile::open(&path, TextFileConfig::default()).unwrap();
    fs::write(&path, "a bc\nd\n").unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    assert_eq!(texts(&open()), ["a bc", "d"]);
    // Size and time stay as they were; a newline moves.
    fs::write(&path, "a\nbc d\n").unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(texts(&open()), ["a", "bc d"]);
}

#[test]
fn compressed_files_are_unpacked_and_bombs_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    let open = || TextFile::open(&path, TextFileConfig::default());
    for packed in [gzip(b"a\nb\n"), zstandard(b"a\nb\n")] {
        fs::write(&path, &packed).unwrap();
        assert_eq!(texts(&open().unwrap()), ["a", "b"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(read_unpacked(&path).unwrap(), b"a\nb\n");
        fs::write(&path, &packed[..packed.len() - 3]).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains("a.txt: compressed data"), "{error}");
    }
    for bomb in [
        gzip(&vec![b'a'; 64 << 20]),
        zstandard(&vec![b'a'; 64 << 20]),
    ] {
        fs::write(&path, bomb).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains("256 times"), "{error}");
    }
    fs::write(&path, b"\xfd7zXZ\0\0\x04\xe6\xd6").unwrap();
    let error = open().unwrap_err().to_string();
    assert!(error.contains("gzip or zstd, got xz"), "{error}");
    fs::write(&path, "\u{feff}a".as_bytes()).unwrap();
    assert_eq!(read_unpacked(&path).unwrap(), b"a");
    assert!(read_unpacked(folder.path()).is_err());
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
    let damaged = "1 of 3 texts hold bytes that are not UTF-8 and are not read (z.txt); \
                   `data.tokens.lossy = true` changes that";
    assert!(remarks(&source).contains(&damaged.to_owned()));
    // Compressed or not, with a mark at the start or not.
    fs::write(folder.path().join("z.txt"), gzip("\u{feff}z".as_bytes())).unwrap();
    assert_eq!(texts(&source), ["ay", "bx", "z"]);
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
