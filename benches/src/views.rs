//! Random views a second, made on one thread from bytes to normalised values.

use std::error::Error;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use tinderbox::burn::data::dataset::Dataset;
use tinderbox::data::{
    AugmentConfig, Collate, DataError, ImageFolder, ImageFolderConfig, ImageItem, Preprocess,
    RandomAffine, SampleRng, TwoViews, View, ViewCollate,
};

use crate::measurement::{Measurement, seconds};
use crate::synthetic;

const RUNS: usize = 11;

/// What making a batch gives.
type Outcome = Result<(), Box<dyn Error>>;

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
        measure_jpeg()?,
    ])
}

/// JPEG files of 400 x 300 pixels, decoded once for two views.
fn measure_jpeg() -> Result<Measurement, Box<dyn Error>> {
    const BATCH: usize = 64;
    let mut batch = jpeg_batch(BATCH)?;
    let rates = seconds(RUNS, &mut batch)?
        .into_iter()
        .map(|seconds| 2.0 * BATCH as f64 / seconds)
        .collect();
    Ok(Measurement::new("views/jpeg", "views/s/core", rates)
        .with_note("JPEG files of 400 x 300, two SimCLR views each of 224 x 224, collated"))
}

/// Two SimCLR views of each of so many CIFAR pictures, collated.
pub(crate) fn cifar_batch(batch: usize) -> Result<impl FnMut() -> Outcome, Box<dyn Error>> {
    let images = synthetic::images(batch, [32, 32, 3])?;
    batches(images, batch, AugmentConfig::simclr_small(), (32, 32))
}

/// Two SimCLR views of each of so many JPEG files, collated. The files are written first, for the peer too.
pub(crate) fn jpeg_batch(batch: usize) -> Result<impl FnMut() -> Outcome, Box<dyn Error>> {
    let folder = Path::new("target/bench/pictures");
    write_pictures(folder)?;
    let config = ImageFolderConfig {
        labels: false,
        ..ImageFolderConfig::default()
    };
    let images = ImageFolder::open(folder, config)?;
    batches(images, batch, AugmentConfig::simclr(1.0), (224, 224))
}

fn batches(
    images: impl Dataset<ImageItem, DataError>,
    batch: usize,
    augment: AugmentConfig,
    size: (usize, usize),
) -> Result<impl FnMut() -> Outcome, Box<dyn Error>> {
    let view = TwoViews {
        augment: augment.build()?,
        preprocess: Preprocess {
            mean: vec![0.5; 3],
            std: vec![0.25; 3],
            ..Preprocess::plain(size, 3)
        },
    };
    let mut epoch = 0;
    Ok(move || {
        let samples = (0..batch).map(|index| {
            let rng = SampleRng::new(0, epoch, index as u64, SampleRng::VIEW);
            Ok(view.apply(images.get(index % images.len())?, rng))
        });
        let samples = samples.collect::<Result<Vec<_>, DataError>>()?;
        std::hint::black_box(ViewCollate.collate(samples));
        epoch += 1;
        Ok(())
    })
}

/// Eight pictures that take as many bytes as photographs do: waves with some noise.
fn write_pictures(folder: &Path) -> Result<(), Box<dyn Error>> {
    const WIDTH: u32 = 400;
    const HEIGHT: u32 = 300;
    std::fs::create_dir_all(folder)?;
    for number in 0..8_u16 {
        let mut rng = SampleRng::new(0, 0, number.into(), 0);
        let mut bytes = Vec::new();
        for place in 0..WIDTH * HEIGHT {
            let (x, y) = ((place % WIDTH) as f32, (place / WIDTH) as f32);
            for channel in 0..3_u8 {
                let phase = f32::from(number) + f32::from(channel);
                let waves = (x / 17.0 + phase).sin() * 60.0 + (y / 5.0 - phase).cos() * 40.0;
                bytes.push((128.0 + waves + rng.range(-10.0..10.0)) as u8);
            }
        }
        let mut file = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut file, 85);
        encoder.write_image(&bytes, WIDTH, HEIGHT, ExtendedColorType::Rgb8)?;
        std::fs::write(folder.join(format!("{number}.jpg")), file)?;
    }
    Ok(())
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
