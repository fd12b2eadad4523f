//! Items that cannot be read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tinderbox_data::{DataError, ImageItem, Loader, LoaderConfig, Preprocess, Skipped};

use crate::loader::{Draw, LONG, Numbers, Pairs, config, open, within};

fn damaged(bad: &[usize]) -> Numbers {
    Numbers {
        bad: bad.iter().copied().collect(),
        ..Numbers::new(30)
    }
}

fn lenient(threads: usize, max_bad: usize) -> LoaderConfig {
    LoaderConfig {
        max_bad,
        ..config(threads)
    }
}

/// Each batch's indices with the list of skipped items after it.
fn run(mut loader: Loader, steps: usize) -> Vec<(Vec<u64>, Vec<Skipped>)> {
    (0..steps)
        .map(|_| (loader.next_batch().unwrap().indices, loader.skipped()))
        .collect()
}

#[test]
fn the_next_index_takes_the_place() {
    let plain = LoaderConfig {
        shuffle: false,
        ..lenient(0, 3)
    };
    let run = run(open(damaged(&[1, 2, 29]), plain), 7);
    assert_eq!(run[0].0, [0, 3, 3, 3]);
    assert_eq!(run[1].0, [4, 5, 6, 7]);
    let reasons: Vec<_> = run[0].1.iter().map(|skipped| &skipped.reason[..]).collect();
    let expected =
        ["1.png", "2.png"].map(|path| format!("{path}: not a readable picture: cut short"));
    assert_eq!(reasons, expected);
    let plain = LoaderConfig { batch: 30, ..plain };
    let mut loader = open(damaged(&[28, 29]), plain);
    assert_eq!(loader.next_batch().unwrap().indices[27..], [27, 0, 0]);
}

#[test]
fn threads_do_not_change_what_is_skipped() {
    let expected = run(open(damaged(&[3, 4, 11, 28]), lenient(0, 4)), 20);
    assert_eq!(expected[19].1.len(), 4);
    assert!(expected[0].1.len() < 4);
    for threads in [1, 2, 4] {
        let got = within(LONG, move || {
            run(open(damaged(&[3, 4, 11, 28]), lenient(threads, 4)), 20)
        });
        assert_eq!(got, expected);
    }
}

#[test]
fn too_many_fail_at_the_same_batch_with_counts() {
    let fail = |threads| {
        within(LONG, move || {
            let mut loader = open(damaged(&[3, 4, 11, 28]), lenient(threads, 2));
            let error = loop {
                if let Err(error) = loader.next_batch() {
                    break error;
                }
            };
            assert_eq!(
                loader.next_batch().unwrap_err().to_string(),
                error.to_string()
            );
            (loader.position(), error.to_string())
        })
    };
    let expected = fail(0);
    assert!(
        expected
            .1
            .contains("items cannot be read, more than the 2 allowed; first: ")
    );
    for threads in [1, 2, 4] {
        assert_eq!(fail(threads), expected);
    }
}

#[test]
fn nothing_readable_ends() {
    for max_bad in [0, 5, 29, 30, 1000] {
        within(LONG, move || {
            let all: Vec<usize> = (0..30).collect();
            let mut loader = open(damaged(&all), lenient(2, max_bad));
            let error = loader.next_batch().unwrap_err();
            let many = matches!(error, DataError::TooManyBad { .. });
            let nothing = matches!(error, DataError::NothingReadable { items: 30, .. });
            assert!(if max_bad < 30 { many } else { nothing }, "{error}");
        });
    }
}

#[test]
fn a_resumed_run_skips_the_same_without_reading_it_again() {
    let whole = run(open(damaged(&[3, 4, 11, 28]), lenient(2, 4)), 21);
    for threads in [0, 2] {
        let dataset = Arc::new(damaged(&[3, 4, 11, 28]));
        let new = || {
            let config = lenient(threads, 4);
            Loader::new(dataset.clone(), Draw::default(), Pairs::default(), config).unwrap()
        };
        let mut loader = new();
        loader.restore_skipped(whole[9].1.clone());
        loader.seek(10);
        assert_eq!(loader.skipped(), whole[9].1);
        assert_eq!(run(loader, 11), whole[10..]);
        // A file that was mended meanwhile stays skipped: all four are known after epoch 0.
        let mut loader = new();
        loader.restore_skipped(whole[20].1.clone());
        dataset.reads.store(0, Ordering::SeqCst);
        loader.next_batch().unwrap();
        assert_eq!(loader.skipped(), whole[20].1);
    }
}

#[test]
fn each_unreadable_item_is_read_once() {
    let dataset = Arc::new(damaged(&[3, 4, 11, 28]));
    let config = lenient(0, 4);
    let mut loader =
        Loader::new(dataset.clone(), Draw::default(), Pairs::default(), config).unwrap();
    for _ in 0..70 {
        loader.next_batch().unwrap();
    }
    // 280 places are filled, and each bad item fails once.
    assert_eq!(dataset.reads.load(Ordering::SeqCst), 284);
}

#[test]
fn fitting_leaves_out_what_cannot_be_read() {
    struct Half;
    impl burn::data::dataset::Dataset<ImageItem, DataError> for Half {
        fn get(&self, index: usize) -> Result<ImageItem, DataError> {
            if index.is_multiple_of(2) {
                return Err(DataError::NoLabel {
                    index,
                    id: String::new(),
                });
            }
            tinderbox_data::digits().get(index)
        }

        fn len(&self) -> usize {
            8
        }
    }
    let all: Vec<usize> = (0..8).collect();
    let odd: Vec<usize> = vec![1, 3, 5, 7];
    let fitted = Preprocess::fit(&Half, &all, (8, 8), 1, 4).unwrap();
    assert_eq!(fitted, Preprocess::fit(&Half, &odd, (8, 8), 1, 0).unwrap());
    let error = Preprocess::fit(&Half, &all, (8, 8), 1, 3).unwrap_err();
    assert!(matches!(
        error,
        DataError::TooManyBad {
            bad: 4,
            max_bad: 3,
            ..
        }
    ));
    assert!(Preprocess::fit(&Half, &[0, 2], (8, 8), 1, 9).is_err());
}
