//! Training steps: what they are taken on, and the seconds of each.

use std::cell::RefCell;
use std::error::Error;
use std::time::Instant;

use tinderbox::burn::tensor::Device;
use tinderbox::data::PlainBatch;
use tinderbox::nn::{
    Bert, BertConfig, ReferenceCnn, ReferenceCnnConfig, ResNet, ResNetConfig, ResNetDepth, Stem,
    VitConfig,
};
use tinderbox::objectives::{
    Mae, MaeConfig, MaskedLm, MaskedLmConfig, Objective, SimClr, SimClrConfig, Supervised,
    SupervisedConfig,
};
use tinderbox::train::{
    FromPlain, Observer, OptimConfig, StepReport, StopFlag, Trainer, TrainerConfig, initialise,
};

use crate::measurement::Measurement;
use crate::synthetic::{self, CLASSES};

/// Images of a batch; SimCLR sees two views of each.
pub(crate) const BATCH: usize = 128;

/// What steps are taken on: an objective and a batch that is ready and always the same.
pub(crate) struct Subject<O> {
    objective: O,
    batch: PlainBatch,
    optim: OptimConfig,
    device: Device,
}

/// SimCLR with ResNet-18 for CIFAR's size, two views of 3 x 32 x 32 an image.
pub(crate) fn simclr_resnet18(batch: usize) -> Subject<SimClr<ResNet>> {
    let device = Device::flex().autodiff();
    Subject {
        objective: resnet18(&device),
        batch: synthetic::batch(batch, 2, [3, 32, 32]),
        optim: sgd(),
        device,
    }
}

/// SimCLR of ResNet-18 with the stem for small images.
pub(crate) fn resnet18(device: &Device) -> SimClr<ResNet> {
    let config = ResNetConfig {
        stem: Stem::Cifar,
        ..ResNetConfig::new(ResNetDepth::R18)
    };
    initialise(device, 0, || {
        let encoder = config.init(device).expect("the published sizes are valid");
        // The hidden layer has the size of the features, as in the paper.
        let simclr = SimClrConfig::new(512).init(encoder, device);
        simclr.expect("sizes are positive")
    })
}

/// SimCLR with the reference CNN, two views of 1 x 28 x 28 an image.
pub(crate) fn simclr_cnn(batch: usize) -> Subject<SimClr<ReferenceCnn>> {
    let device = Device::flex().autodiff();
    let config = ReferenceCnnConfig {
        // As in the SimCLR recipes.
        dropout: 0.0,
        ..ReferenceCnnConfig::new(1, 28)
    };
    let objective = initialise(&device, 0, || {
        let encoder = config.init(&device).expect("28 x 28 is large enough");
        let simclr = SimClrConfig::new(config.hidden).init(encoder, &device);
        simclr.expect("sizes are positive")
    });
    Subject {
        objective,
        batch: synthetic::batch(batch, 2, [1, 28, 28]),
        optim: sgd(),
        device,
    }
}

/// The reference CNN on labels, 1 x 28 x 28.
pub(crate) fn cnn(batch: usize) -> Subject<Supervised<ReferenceCnn>> {
    let device = Device::flex().autodiff();
    let objective = initialise(&device, 0, || {
        let encoder = ReferenceCnnConfig::new(1, 28)
            .init(&device)
            .expect("28 x 28 is large enough");
        let supervised = SupervisedConfig::new(CLASSES).init(encoder, &device);
        supervised.expect("there are enough classes")
    });
    Subject {
        objective,
        batch: synthetic::batch(batch, 1, [1, 28, 28]),
        optim: sgd(),
        device,
    }
}

/// Masked words, 15 % of them, with BERT-mini.
pub(crate) fn mlm_bert_mini(batch: usize, length: usize) -> Subject<MaskedLm<Bert>> {
    const VOCABULARY: usize = 8192;
    let device = Device::flex().autodiff();
    let mut config = BertConfig::mini();
    config.positions = config.positions.max(length);
    let objective = initialise(&device, 0, || {
        let encoder = config
            .init(VOCABULARY, &device)
            .expect("the published sizes are valid");
        MaskedLmConfig::default().init(encoder, &device)
    });
    Subject {
        objective,
        batch: synthetic::sentences(batch, length, VOCABULARY, 0.15),
        optim: OptimConfig::adamw(1e-4, 0.01),
        device,
    }
}

/// Masked autoencoding with ViT-Tiny on `patches` of 4 x 4 pixels, a square number, 75 % of them masked.
pub(crate) fn mae_vit(batch: usize, patches: usize) -> Subject<Mae> {
    const PATCH: usize = 4;
    let device = Device::flex().autodiff();
    let side = PATCH * patches.isqrt();
    let config = MaeConfig {
        normalise_pixels: true,
        decoder_width: 192,
        decoder_depth: 4,
        decoder_heads: 3,
        ..MaeConfig::default()
    };
    let objective = initialise(&device, 0, || {
        let encoder = VitConfig::tiny(side, PATCH)
            .init(&device)
            .expect("patches divide the side");
        let mae = config.init(encoder, &device);
        mae.expect("some patches are kept and some are not")
    });
    Subject {
        objective,
        batch: synthetic::batch(batch, 1, [3, side, side]),
        optim: OptimConfig::adamw(1.5e-4, 0.01),
        device,
    }
}

fn sgd() -> OptimConfig {
    OptimConfig::Sgd {
        lr: 0.05,
        momentum: 0.9,
        weight_decay: 1e-4,
    }
}

impl<O> Subject<O>
where
    O: Objective,
    O::Batch: FromPlain,
{
    /// Takes steps by the trainer, until `stop` is set if that comes first.
    pub(crate) fn train(
        self,
        steps: u64,
        observer: impl Observer,
        stop: StopFlag,
    ) -> Result<(), Box<dyn Error>> {
        let config = TrainerConfig::new(steps, self.optim);
        let loader = synthetic::ready(self.batch)?;
        Trainer::new(self.objective, loader, &self.device, config)?
            .with_observer(observer)
            .with_stop(stop)
            .run()?;
        Ok(())
    }

    /// The seconds of each of `runs` steps, after `warm_up` others.
    pub(crate) fn seconds(self, warm_up: usize, runs: usize) -> Result<Vec<f64>, Box<dyn Error>> {
        let ends = RefCell::new(Vec::new());
        let steps = (warm_up + runs) as u64;
        self.train(steps, Ends(&ends), StopFlag::default())?;
        let ends = ends.into_inner();
        // A step lasts from the end of the one before to its own.
        let steps = ends.windows(2).skip(warm_up - 1);
        Ok(steps
            .map(|ends| (ends[1] - ends[0]).as_secs_f64())
            .collect())
    }
}

/// Writes down when each step ended.
struct Ends<'a>(&'a RefCell<Vec<Instant>>);

impl Observer for Ends<'_> {
    fn step(&mut self, _report: &StepReport) {
        self.0.borrow_mut().push(Instant::now());
    }
}

/// The rows of these steps.
pub(crate) mod bench {
    use super::*;

    type Rows = Result<Vec<Measurement>, Box<dyn Error>>;

    fn row(name: &str, seconds: Vec<f64>, note: &str) -> Rows {
        Ok(vec![Measurement::new(name, "s", seconds).with_note(note)])
    }

    pub(crate) fn cnn() -> Rows {
        let note = "reference CNN with labels, 128 images of 1 x 28 x 28";
        row("cnn-step", super::cnn(BATCH).seconds(3, 50)?, note)
    }

    pub(crate) fn simclr_cnn() -> Rows {
        let note = "reference CNN, 2 x 128 views of 1 x 28 x 28";
        row("simclr-cnn", super::simclr_cnn(BATCH).seconds(3, 30)?, note)
    }

    pub(crate) fn simclr_resnet18() -> Rows {
        let note = "ResNet-18, CIFAR stem, 2 x 128 views of 3 x 32 x 32";
        row(
            "simclr-resnet18",
            super::simclr_resnet18(BATCH).seconds(1, 5)?,
            note,
        )
    }
    pub(crate) fn mlm_bert_mini() -> Rows {
        let note = "BERT-mini, vocabulary 8192, 16 sentences of 128 words, 15 % masked";
        let seconds = super::mlm_bert_mini(16, 128).seconds(2, 10)?;
        row("mlm-bert-mini", seconds, note)
    }

    pub(crate) fn mae_vit() -> Rows {
        let note = "MAE, ViT-Tiny, decoder 192 x 4, 64 images of 64 patches, 75 % masked";
        row("mae-vit", super::mae_vit(64, 64).seconds(2, 10)?, note)
    }
}
