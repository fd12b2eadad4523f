//! Files of sound and the forms that are stored of what was fitted, whatever their bytes: read or refused, never a panic.

use proptest::prelude::*;
use proptest::sample::Index;
use tinderbox_data::audio::{
    AudioAugmentConfig, AudioLimits, AudioPreprocess, AudioPreprocessConfig, Gain, LogMelConfig,
    Noise, SpecAugment, TimeShift, decode,
};

use crate::allocation::peak;
use crate::sound_files::FILES;

/// How files begin, so that more than the first bytes is tried.
const STARTS: &[&[u8]] = &[b"", b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", b"fLaC\x80\0\0\x22"];

proptest! {
    #[test]
    fn any_bytes_are_a_clip_or_an_error(
        start in prop::sample::select(STARTS),
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let bytes = [start, &bytes].concat();
        let (_, taken) = peak(|| decode(&bytes, &AudioLimits::default()));
        // A frame of FLAC may hold 8 channels of 65,536 moments before it is known to be damaged; claxon takes memory for it first.
        prop_assert!(taken < 8 << 20, "{taken} bytes");
    }

    #[test]
    fn flipped_files_are_a_clip_or_an_error(
        file in 0_usize..12,
        flips in proptest::collection::vec((any::<Index>(), 0_u8..8), 1..4),
    ) {
        let mut bytes = FILES[file].bytes.clone();
        for (place, bit) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        let (result, taken) = peak(|| decode(&bytes, &AudioLimits::default()));
        prop_assert!(taken < 8 << 20, "{taken} bytes");
        if let Ok(clip) = result {
            prop_assert!(clip.length() > 0 && clip.samples.iter().all(|value| value.is_finite()));
        }
    }
}

/// Valid texts of what is stored, and whether one is read.
fn stored(form: usize) -> String {
    let log_mel = Some(LogMelConfig::default());
    let config = AudioPreprocessConfig {
        rate: 16_000,
        samples: 4_000,
        log_mel,
    };
    let json = |text: serde_json::Result<String>| text.unwrap();
    match form {
        0 => {
            let preprocess = AudioPreprocess::new(config).unwrap();
            json(serde_json::to_string(
                &preprocess.normalised(-6.5, 4.0).unwrap(),
            ))
        }
        1 => json(serde_json::to_string(&config)),
        _ => json(serde_json::to_string(&AudioAugmentConfig {
            random_crop: true,
            time_shift: Some(TimeShift::default()),
            gain: Some(Gain::default()),
            noise: Some(Noise::default()),
            spec_augment: Some(SpecAugment::default()),
        })),
    }
}

/// Whether it is read; what can be built of it is built, and what was checked when it was read reads back.
fn reads(form: usize, bytes: &[u8]) -> bool {
    match form {
        0 => serde_json::from_slice::<AudioPreprocess>(bytes).is_ok_and(|preprocess| {
            let again = serde_json::to_vec(&preprocess).unwrap();
            serde_json::from_slice::<AudioPreprocess>(&again).unwrap() == preprocess
        }),
        1 => serde_json::from_slice::<AudioPreprocessConfig>(bytes)
            .map(AudioPreprocess::new)
            .is_ok(),
        _ => serde_json::from_slice::<AudioAugmentConfig>(bytes)
            .map(|config| config.build(&serde_json::from_str(&stored(0)).unwrap()))
            .is_ok(),
    }
}

#[test]
fn the_stored_forms_of_these_tests_are_read() {
    assert!((0..3).all(|form| reads(form, stored(form).as_bytes())));
}

proptest! {
    #[test]
    fn any_bytes_are_no_stored_form(form in 0_usize..3, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!reads(form, &bytes));
    }

    #[test]
    fn changed_stored_forms_are_read_or_refused(
        form in 0_usize..3,
        changes in proptest::collection::vec((any::<Index>(), 0_usize..4, "[-0-9.e\"a-z{}\\[\\],:]{0,6}"), 1..3),
        cut in any::<Option<Index>>(),
    ) {
        let mut bytes = stored(form).into_bytes();
        for (place, length, other) in changes {
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, other.into_bytes());
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (_, taken) = peak(|| reads(form, &bytes));
        prop_assert!(taken < 16 << 20, "{taken} bytes");
    }
}
