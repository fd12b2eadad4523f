//! Folders of sound, and the way from a clip to a batch.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::data::dataset::Dataset;
use tempfile::TempDir;
use tinderbox_data::audio::{
    AudioAugmentConfig, AudioFolder, AudioFolderConfig, AudioLimits, AudioOneView, AudioPreprocess,
    AudioPreprocessConfig, AudioTwoViews, LogMelConfig, WaveformCollate,
};
use tinderbox_data::{
    DataError, Labelled, Loader, LoaderConfig, PlainBatch, ViewCollate, fingerprint, labels,
};

use crate::allocation::times;
use crate::sound_files::{FILES, wav};

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A second of noise at 8 kHz.
fn noise(number: u64) -> Vec<u8> {
    let mut rng = tinderbox_data::SampleRng::new(number, 0, 0, 99);
    let samples: Vec<i16> = (0..8_000)
        .map(|_| (rng.normal() * 3_000.0) as i16)
        .collect();
    wav(8_000, &samples)
}

/// Two classes of six clips, of which one is FLAC of six channels at another rate, and what is none.
fn zoo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for number in 0..6 {
        put(root, &format!("rain/{number}.wav"), &noise(number));
    }
    for number in 6..11 {
        put(root, &format!("wind/{number}.WAV"), &noise(number));
    }
    put(root, "wind/deep/z.flac", &FILES.last().unwrap().bytes);
    put(root, "wind/notes.txt", b"whoosh");
    put(root, ".git/a.wav", &noise(0));
    folder
}

fn open(root: &Path) -> AudioFolder {
    AudioFolder::open(root, AudioFolderConfig::default()).unwrap()
}

fn preprocess(folder: &AudioFolder, log_mel: bool) -> AudioPreprocess {
    let config = AudioPreprocessConfig {
        rate: 16_000,
        samples: 8_000,
        log_mel: log_mel.then(LogMelConfig::default),
    };
    let all: Vec<usize> = (0..folder.len()).collect();
    AudioPreprocess::fit(folder, &all, config, 0).unwrap()
}

#[test]
fn files_are_sorted_and_classes_are_first_folders() {
    let zoo = zoo();
    let folder = open(zoo.path());
    assert_eq!((folder.len(), folder.ignored()), (12, 1));
    assert_eq!(folder.class_names(), ["rain", "wind"]);
    assert_eq!(labels(&folder).unwrap(), [[0; 6], [1; 6]].concat());
    // Bytes sort digits before letters: "wind/10.WAV" first.
    assert_eq!(folder.id(6), "wind/10.WAV");
    let item = folder.get(11).unwrap();
    assert_eq!(
        (item.label, item.id.as_str()),
        (Some(1), "wind/deep/z.flac")
    );
    assert_eq!(
        (item.clip.rate, item.clip.channels, item.clip.length()),
        (96_000, 1, 96)
    );
    assert!(folder.path(11).ends_with("wind/deep/z.flac"));
}

#[test]
fn channels_and_labels_are_as_asked_for() {
    let zoo = zoo();
    let config = AudioFolderConfig {
        labels: false,
        mono: false,
        ..AudioFolderConfig::default()
    };
    let folder = AudioFolder::open(zoo.path(), config).unwrap();
    assert!(folder.class_names().is_empty() && folder.label(0).is_none());
    let kept = folder.get(11).unwrap().clip;
    assert_eq!(kept.channels, 6);
    assert_eq!(kept.mono(), open(zoo.path()).get(11).unwrap().clip);
}

#[test]
fn a_folder_without_sound_and_a_file_that_is_too_large_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.txt", b"");
    let error = AudioFolder::open(folder.path(), AudioFolderConfig::default()).unwrap_err();
    let said = error.to_string();
    assert!(
        said.ends_with("no WAV or FLAC files found (1 other files ignored)"),
        "{said}"
    );
    put(folder.path(), "a.wav", &noise(0));
    let config = AudioFolderConfig {
        limits: AudioLimits { max_bytes: 1_000 },
        ..AudioFolderConfig::default()
    };
    let folder = AudioFolder::open(folder.path(), config).unwrap();
    let error = folder.get(0).unwrap_err();
    assert!(
        matches!(error, DataError::TooLarge { got: 16_044, .. }),
        "{error}"
    );
}

#[test]
fn the_fingerprint_goes_by_content_alone() {
    let (one, two) = (zoo(), zoo());
    let print = fingerprint(&open(one.path()));
    assert_eq!(print, fingerprint(&open(two.path())));
    put(two.path(), "rain/3.wav", &noise(99));
    assert_ne!(print, fingerprint(&open(two.path())));
}

#[test]
fn fitted_inputs_have_mean_0_and_deviation_1() {
    let zoo = zoo();
    let folder = open(zoo.path());
    for log_mel in [false, true] {
        let preprocess = preprocess(&folder, log_mel);
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for index in 0..folder.len() {
            for value in preprocess.apply(&folder.get(index).unwrap().clip) {
                count += 1.0;
                sum += f64::from(value);
                squares += f64::from(value).powi(2);
            }
        }
        // Mean and deviation are rounded to single precision.
        assert!((sum / count).abs() < 1e-5);
        assert!((squares / count - 1.0).abs() < 1e-5);
    }
}

#[test]
fn silence_has_deviation_1_and_unreadable_clips_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "a.wav", &wav(16_000, &[0; 8_000]));
    put(folder.path(), "b.wav", &noise(1)[..2_000]);
    let sound = open(folder.path());
    let fit = |indices: &[usize], max_bad| {
        let config = AudioPreprocessConfig {
            rate: 16_000,
            samples: 8_000,
            log_mel: Some(LogMelConfig::default()),
        };
        AudioPreprocess::fit(&sound, indices, config, max_bad)
    };
    let fitted = fit(&[0, 1], 1).unwrap();
    assert_eq!((fitted.mean(), fitted.std()), (1e-10_f32.ln(), 1.0));
    let error = fit(&[0, 1], 0).unwrap_err();
    assert!(
        matches!(error, DataError::TooManyBad { bad: 1, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("b.wav: chunk `data`, cut short: expected 16000 bytes, got 1956"),
        "{error}"
    );
    assert!(matches!(
        fit(&[1], 1),
        Err(DataError::Config {
            name: "indices",
            ..
        })
    ));
}

#[test]
fn a_spectrogram_takes_memory_as_often_whatever_its_length() {
    let log_mel = LogMelConfig::default().build(16_000).unwrap();
    let taken = |seconds: usize| times(|| log_mel.apply(&vec![0.1; 16_000 * seconds])).1;
    assert_eq!(taken(1), taken(10));
    // The waveform, the spectrogram, a frame, its transform, its power, room for the transform to work in.
    assert!(taken(1) <= 6, "{} times", taken(1));
}

fn config(threads: usize) -> LoaderConfig {
    LoaderConfig {
        batch: 6,
        seed: 3,
        threads,
        prefetch: 2,
        shuffle: true,
        max_bad: 1,
    }
}

fn shapes(batch: &PlainBatch) -> Vec<(&str, Vec<usize>)> {
    batch
        .tensors
        .iter()
        .map(|(name, data)| (name.as_str(), data.shape().to_vec()))
        .collect()
}

#[test]
fn spectrograms_load_as_pictures_whatever_the_threads() {
    let zoo = zoo();
    let folder = Arc::new(open(zoo.path()));
    let preprocess = preprocess(&folder, true);
    let view = AudioTwoViews {
        augment: AudioAugmentConfig::all().build(&preprocess).unwrap(),
        preprocess,
    };
    let batches = |threads| {
        let mut loader =
            Loader::new(folder.clone(), view.clone(), ViewCollate, config(threads)).unwrap();
        (0..4)
            .map(|_| loader.next_batch().unwrap())
            .collect::<Vec<_>>()
    };
    let one = batches(1);
    let picture = vec![6, 1, 80, 51];
    let expected = [
        ("view0", picture.clone()),
        ("view1", picture),
        ("label", vec![6]),
    ];
    assert_eq!(shapes(&one[0]), expected);
    assert_ne!(one[0].tensors[0].1, one[0].tensors[1].1);
    assert_eq!(one, batches(3));
}

#[test]
fn waveforms_load_as_rows_of_samples() {
    let zoo = zoo();
    let folder = Arc::new(open(zoo.path()));
    let preprocess = preprocess(&folder, false);
    let view = AudioOneView {
        augment: None,
        preprocess: preprocess.clone(),
    };
    let mut loader = Loader::new(folder.clone(), view, WaveformCollate, config(2)).unwrap();
    let batch = loader.next_batch().unwrap();
    assert_eq!(
        shapes(&batch),
        [("view0", vec![6, 8_000]), ("label", vec![6])]
    );
    let first = folder.get(batch.indices[0] as usize).unwrap().clip;
    let values = batch.tensors[0].1.as_slice::<f32>().unwrap();
    assert_eq!(values[..8_000], preprocess.apply(&first));
}

#[test]
fn a_cut_file_costs_one_item_and_is_listed() {
    let zoo = zoo();
    put(zoo.path(), "rain/3.wav", &noise(3)[..9_000]);
    let folder = Arc::new(open(zoo.path()));
    let config = AudioPreprocessConfig {
        rate: 8_000,
        samples: 4_000,
        log_mel: None,
    };
    let view = AudioOneView {
        augment: None,
        preprocess: AudioPreprocess::new(config).unwrap(),
    };
    let loading = LoaderConfig {
        batch: 12,
        ..self::config(2)
    };
    let mut loader = Loader::new(folder, view, WaveformCollate, loading).unwrap();
    loader.next_batch().unwrap();
    let skipped = loader.skipped();
    assert_eq!((skipped.len(), skipped[0].index), (1, 3));
    assert!(
        skipped[0]
            .reason
            .contains("rain/3.wav: chunk `data`, cut short")
    );
}
