//! Random views a second, made on one thread from bytes to normalised values.

use std::error::Error;

use tinderbox::burn::data::dataset::Dataset;
use tinderbox::data::{
    AugmentConfig, DataError, Preprocess, RandomAffine, SampleRng, TwoViews, View,
};

use crate::measurement::{Measurement, seconds};
use crate::synthetic;

const RUNS: usize = 11;

/// Views that leave a digit what it is.
pub(crate) fn affine() -> AugmentConfig {
    AugmentConfig {
        affine: Some(RandomAffine {
            degrees: 15.0,
            translate: 0.1,
            scale: (0.8, 1.2),
            shear: 10.0,
        }),
        ..AugmentConfig::default()
    }
}

pub(crate) fn bench() -> Result<Vec<Measurement>, Box<dyn Error>> {
    Ok(vec![
        measure(
            "views/cifar",
            1_000,
            [32, 32, 3],
            AugmentConfig::simclr_small(),
        )?
        .with_note("SimCLR for CIFAR: crop, flip, jitter, grey; 32 x 32 x 3 bytes"),
        measure("views/stl", 100, [96, 96, 3], AugmentConfig::simclr(1.0))?
            .with_note("SimCLR: crop, flip, jitter, grey, blur; 96 x 96 x 3 bytes"),
        measure("views/mnist", 2_000, [28, 28, 1], affine())?
            .with_note("affine; 28 x 28 x 1 bytes"),
    ])
}

fn measure(
    name: &str,
    items: usize,
    shape: [usize; 3],
    augment: AugmentConfig,
) -> Result<Measurement, DataError> {
    let images = synthetic::images(items, shape)?;
    let [height, width, channels] = shape;
    let view = TwoViews {
        augment: augment.build()?,
        preprocess: Preprocess::plain((height, width), channels),
    };
    let mut epoch = 0;
    let seconds = seconds(RUNS, || {
        for index in 0..items {
            let rng = SampleRng::new(0, epoch, index as u64, SampleRng::VIEW);
            std::hint::black_box(view.apply(images.get(index)?, rng));
        }
        epoch += 1;
        Ok::<_, DataError>(())
    })?;
    let views = (2 * items) as f64;
    let rates = seconds.into_iter().map(|seconds| views / seconds).collect();
    Ok(Measurement::new(name, "views/s/core", rates))
}
