//! Items through a model in input order, some at a time, readable or not.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rayon::prelude::*;
use tinderbox::data::text::{TaggedCollate, TaggedSample};
use tinderbox::train::PlainInput;

use crate::args::GlobalArgs;
use crate::dataset::open_unsplit;
use crate::encoder::AnyInput;
use crate::error::CliError;
use crate::inputs::{Inputs, Items};
use crate::model::Model;
use crate::recipe::{DataRecipe, Labels};
use crate::rows::{Outcome, Prediction};

/// Items that are in memory at once.
const AT_ONCE: usize = 256;

/// The items that a model goes through.
pub(super) struct Stream {
    items: Items,
    inputs: Inputs,
    /// Where they lie.
    path: Option<PathBuf>,
}

impl Stream {
    /// Opens them, without their labels.
    pub(super) fn open(recipe: &DataRecipe, model: &Model) -> Result<Self, CliError> {
        let items = open_unsplit(&match &recipe.labels {
            // The column of the labels need not be there.
            Labels::Column(_) => DataRecipe {
                labels: Labels::Own(false),
                ..recipe.clone()
            },
            _ => recipe.clone(),
        })?;
        let inputs = items.prepare(&model.preprocess)?;
        Ok(Self {
            items,
            inputs,
            path: recipe.path.clone(),
        })
    }

    /// Refuses to write over what is read, and over anything else unless told to.
    pub(super) fn refuse_existing(&self, out: &Path, global: &GlobalArgs) -> Result<(), CliError> {
        let same = |path: &PathBuf| {
            let both = path.canonicalize().ok().zip(out.canonicalize().ok());
            both.is_some_and(|(read, written)| read == written)
        };
        if self.path.as_ref().is_some_and(same) {
            return Err(CliError::Refused {
                message: format!("{} is what is read, and is left as it is", out.display()),
                help: Some("name another file with `--out`".into()),
            });
        }
        super::refuse_existing(out, global)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.items.count()
    }

    /// Gives them to `apply`, which makes one result of each row of a batch; `write` gets the id and the outcome of each in
    /// input order. Returns how many could not be read.
    pub(super) fn each<T>(
        &self,
        device: &Device,
        apply: impl Fn(AnyInput) -> Vec<T>,
        mut write: impl FnMut(&str, &Outcome<T>) -> Result<(), CliError>,
    ) -> Result<usize, CliError> {
        let mut unreadable = 0;
        for start in (0..self.len()).step_by(AT_ONCE) {
            let range = start..(start + AT_ONCE).min(self.len());
            let (batch, outcomes) = self.inputs.read(range.clone());
            let input = batch.and_then(|batch| AnyInput::of_view(&batch, 0, device));
            let mut results = input.map_or(Vec::new(), &apply).into_iter();
            for (index, outcome) in range.zip(outcomes) {
                let outcome = match outcome {
                    Ok(()) => Outcome::Done(results.next().expect("one result an item")),
                    Err(reason) => {
                        unreadable += 1;
                        Outcome::Unreadable(reason)
                    }
                };
                write(&self.items.labelled().id(index), &outcome)?;
            }
        }
        Ok(unreadable)
    }

    /// Gives the words of each text to `tag`, which makes one prediction a word; `write` gets the id of each text and its words, in input
    /// order. Returns how many could not be read.
    ///
    /// # Panics
    /// If the items are no texts.
    pub(super) fn each_word(
        &self,
        tag: impl Fn(&[TaggedSample], TaggedCollate) -> Vec<Prediction>,
        mut write: impl FnMut(&str, &Outcome<Vec<(String, Prediction)>>) -> Result<(), CliError>,
    ) -> Result<usize, CliError> {
        let Inputs::Texts(texts) = &self.inputs else {
            panic!("only texts have words");
        };
        let (tagged, collate) = (texts.tagged(), texts.tagged_collate());
        let mut unreadable = 0;
        for start in (0..self.len()).step_by(AT_ONCE) {
            let range = start..(start + AT_ONCE).min(self.len());
            let read = range.clone().into_par_iter();
            let read: Vec<_> = read.map(|index| tagged.word_sequences(index)).collect();
            let samples = read.iter().flatten().flat_map(|found| &found.samples);
            let samples: Vec<TaggedSample> = samples.cloned().collect();
            let mut predictions = tag(&samples, collate).into_iter();
            for (index, found) in range.zip(read) {
                let outcome = match found {
                    Ok(found) => {
                        Outcome::Done(found.words.into_iter().zip(&mut predictions).collect())
                    }
                    Err(error) => {
                        unreadable += 1;
                        Outcome::Unreadable(error.to_string())
                    }
                };
                write(&self.items.labelled().id(index), &outcome)?;
            }
        }
        Ok(unreadable)
    }
}
