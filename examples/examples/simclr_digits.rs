//! Pre-train an encoder by SimCLR on the embedded digits, and see what a linear probe makes of it.
//!
//! `cargo run --release --example simclr_digits`

use std::error::Error;
use std::sync::Arc;

use tinderbox::burn::tensor::Device;
use tinderbox::data::{
    AugmentConfig, Loader, LoaderConfig, Preprocess, RandomAffine, Subset, TwoViews, ViewCollate,
    digits, labels, stratified_split,
};
use tinderbox::nn::ReferenceCnnConfig;
use tinderbox::objectives::{Objective, SimClrConfig};
use tinderbox::train::{LabelledItems, OptimConfig, Trainer, TrainerConfig, encode, initialise};
use tinderbox::transfer::{LinearProbeConfig, accuracy};

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex();
    let training = device.clone().autodiff();

    // The data: two thirds to pre-train on, one third to measure on.
    let digits = Arc::new(digits());
    let split = stratified_split(&labels(&*digits)?, 1.0 / 3.0, 0);
    let preprocess = Preprocess::fit(&*digits, &split.train, (8, 8), 1, 0)?;
    let augment = AugmentConfig {
        affine: Some(RandomAffine {
            degrees: 15.0,
            translate: 0.1,
            scale: (0.8, 1.2),
            shear: 10.0,
        }),
        ..AugmentConfig::default()
    };

    // The objective: an encoder, a projection head, NT-Xent over two views of each image.
    let simclr = initialise(&training, 0, || {
        let encoder = ReferenceCnnConfig::new(1, 8)
            .init(&training)
            .expect("8x8 is large enough");
        SimClrConfig::new(128)
            .init(encoder, &training)
            .expect("sizes are positive")
    });

    let batch = 256;
    let loader = Loader::new(
        Arc::new(Subset::new(digits.clone(), split.train.clone())),
        TwoViews {
            augment: augment.build()?,
            preprocess: preprocess.clone(),
        },
        ViewCollate,
        LoaderConfig {
            batch,
            seed: 0,
            threads: 1,
            prefetch: 4,
            shuffle: true,
            max_bad: 0,
        },
    )?;
    let config = TrainerConfig::new(400, OptimConfig::adamw(3e-3, 1e-4));
    let mut trainer = Trainer::new(simclr, loader, &training, config)?;
    trainer.run()?;
    let pretrained = trainer.trained();

    // The probe: logistic regression on frozen features.
    let (train, _) = LabelledItems::images(&*digits, &split.train, &preprocess)?;
    let (test, _) = LabelledItems::images(&*digits, &split.test, &preprocess)?;
    let features = encode(pretrained.encoder(), &train, &device);
    let probe = LinearProbeConfig::default().fit(&features, &train.labels, 10);
    let predicted = probe.predict(&encode(pretrained.encoder(), &test, &device));
    println!(
        "linear probe: {:.1} %",
        100.0 * accuracy(&predicted, &test.labels)
    );
    Ok(())
}
