//! Properties of masking, and the way through the loader.

use std::sync::Arc;

use burn::data::dataset::Dataset;
use proptest::prelude::*;
use tinderbox_data::text::{
    MaskTokens, MaskedCollate, MaskedSample, MaskingConfig, MaskingUnit, NextSentence,
    SentenceChunks, SpecialTokens, Then, TokenItem,
};
use tinderbox_data::{DataError, Loader, LoaderConfig, PlainBatch, SampleRng, View};

fn special() -> SpecialTokens {
    SpecialTokens {
        vocabulary: 200,
        pad: 0,
        cls: 1,
        sep: 2,
        mask: 3,
        others: vec![4],
    }
}

fn mask(unit: MaskingUnit, share: f32) -> MaskTokens {
    let config = MaskingConfig {
        unit,
        share,
        ..MaskingConfig::default()
    };
    config.build(special()).unwrap()
}

fn units() -> impl Strategy<Value = MaskingUnit> {
    let spans = (0.05..1.0_f32, 1..12_usize);
    prop_oneof![
        Just(MaskingUnit::Token),
        Just(MaskingUnit::Word),
        spans.prop_map(|(p, max)| MaskingUnit::Span { p, max }),
    ]
}

fn items() -> impl Strategy<Value = TokenItem> {
    prop::collection::vec((0..60_u32, any::<bool>()), 0..80).prop_map(|pairs| {
        let (tokens, continues) = pairs.into_iter().unzip();
        TokenItem::new(tokens).with_continuations(continues)
    })
}

proptest! {
    #[test]
    fn masks_are_lawful(item in items(), unit in units(), share in 0.0..1.0_f32, seed: u64) {
        let rng = || SampleRng::new(seed, 0, 9, SampleRng::VIEW);
        let sample = mask(unit, share).apply(item.clone(), rng());
        prop_assert_eq!(&sample, &mask(unit, share).apply(item.clone(), rng()));
        let MaskedSample { tokens, positions, targets, .. } = sample;
        let ordinary = |place: usize| !special().contains(item.tokens[place]);
        let count = (0..tokens.len()).filter(|place| ordinary(*place)).count();
        prop_assert!(positions.is_sorted_by(|a, b| a < b));
        prop_assert!(positions.iter().all(|place| ordinary(*place)));
        prop_assert_eq!(positions.is_empty(), count == 0);
        // The first word may be longer than the share, and nothing else exceeds it.
        if unit == MaskingUnit::Token {
            prop_assert!(positions.len() as f32 <= (share * count as f32 + 1.0).max(1.0));
            prop_assert!(positions.len() as f32 >= (share * count as f32 - 1.001).max(0.0));
        }
        let expected: Vec<u32> = positions.iter().map(|place| item.tokens[*place]).collect();
        prop_assert_eq!(targets, expected);
        for (place, token) in tokens.iter().enumerate() {
            let chosen = positions.contains(&place);
            prop_assert!(chosen || *token == item.tokens[place]);
            let same_word = place > 0 && item.continues[place] && ordinary(place) && ordinary(place - 1);
            if unit != MaskingUnit::Token && same_word {
                prop_assert_eq!(chosen, positions.contains(&(place - 1)));
            }
        }
    }
}

/// Documents of sentences of one to four tokens.
fn chunks() -> SentenceChunks {
    let mut rng = SampleRng::new(1, 0, 0, 50);
    let mut sentence = || {
        let length = 1 + rng.below(4);
        TokenItem::new((0..length).map(|_| 5 + rng.below(195) as u32).collect())
    };
    let documents = (0..12)
        .map(|_| (0..9).map(|_| sentence()).collect())
        .collect();
    SentenceChunks::new(documents, 12).unwrap()
}

fn batches(threads: usize) -> Result<Vec<PlainBatch>, DataError> {
    let view = Then {
        first: NextSentence::new(chunks(), special(), 16)?,
        second: mask(MaskingUnit::Word, 0.15),
    };
    let collate = MaskedCollate {
        pad: 0,
        length: None,
    };
    let config = LoaderConfig {
        batch: 4,
        seed: 6,
        threads,
        prefetch: 2,
        shuffle: false,
        max_bad: 0,
    };
    let data = Arc::new(chunks());
    let epochs = 2 * (data.len() / 4);
    let mut loader = Loader::new(data, view, collate, config)?;
    (0..epochs).map(|_| loader.next_batch()).collect()
}

#[test]
fn batches_are_the_same_for_any_number_of_threads_and_new_each_epoch() {
    let expected = batches(0).unwrap();
    for threads in [1, 2, 4] {
        assert_eq!(batches(threads).unwrap(), expected);
    }
    let (first, second) = expected.split_at(expected.len() / 2);
    assert_eq!(first[0].indices, second[0].indices);
    assert_ne!(first[0].tensors, second[0].tensors);
}
