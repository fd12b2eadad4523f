//! Items through a model in input order, some at a time, readable or not.

use std::ops::Range;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rayon::prelude::*;
use tinderbox::data::{DataError, Ledger, Remark};
use tinderbox::train::PlainInput;

use super::outputs::{NAME_ANOTHER, Written, refuse_existing};
use crate::args::GlobalArgs;
use crate::dataset::open_unsplit;
use crate::encoder::AnyInput;
use crate::error::CliError;
use crate::inputs::{Inputs, Items, Target};
use crate::model::Model;
use crate::recipe::{DataRecipe, Labels};
use crate::rows::Outcome;
use crate::texts::Texts;

/// Items that are in memory at once.
const AT_ONCE: usize = 256;
/// Texts that are in memory at once with all of their tokens, however long they are.
const WHOLE_TEXTS: usize = 32;

/// The items that a model goes through.
pub(super) struct Stream {
    items: Items,
    inputs: Inputs,
    /// Where they lie.
    path: Option<PathBuf>,
    /// Whether blank lines of a file of texts are items.
    blank_lines: bool,
}

impl Stream {
    /// Opens them, without their labels; with `blank_lines`, a blank line of a file of texts is one, too, so that there are as many as lines.
    pub(super) fn open(
        recipe: &DataRecipe,
        model: &Model,
        blank_lines: bool,
    ) -> Result<Self, CliError> {
        let recipe_of_items = match &recipe.labels {
            // The labels need not be there.
            Labels::Column(_) | Labels::File(_) => DataRecipe {
                labels: Labels::Own(false),
                ..recipe.clone()
            },
            _ => recipe.clone(),
        };
        let items = open_unsplit(&recipe_of_items, blank_lines)?;
        let inputs = items.prepare(&model.preprocess)?;
        Ok(Self {
            items,
            inputs,
            path: recipe.path.clone(),
            blank_lines,
        })
    }

    /// Refuses to write over what is read, and over anything else unless told to.
    pub(super) fn refuse_existing(
        &self,
        out: &Path,
        what: Written,
        global: &GlobalArgs,
    ) -> Result<(), CliError> {
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
        refuse_existing(out, what, NAME_ANOTHER, global)
    }

    /// What of them a model does not read that tells `target`.
    pub(super) fn ledger(&self, target: Target) -> Ledger {
        let all = match (&self.inputs, target) {
            // Of words none is cut here.
            (Inputs::Texts(texts), Target::Items | Target::Answers) => texts.ledger(target),
            _ => self.items.labelled().ledger(),
        };
        // A model has its tokens: of their keys only the one that is about bytes has a use.
        let useful = |key: &String| !key.starts_with("data.tokens.") || key.contains("lossy");
        let mut ledger = Ledger::default();
        for remark in all.remarks() {
            let key = remark.key.clone().filter(useful);
            ledger.add(Remark {
                key,
                ..remark.clone()
            });
        }
        ledger
    }

    /// The name of each item's class as far as it has one; `recipe` is that of the items.
    pub(super) fn class_names(&self, recipe: &DataRecipe) -> Vec<Option<String>> {
        let names = |items: &Items| -> Vec<Option<String>> {
            let labelled = items.labelled();
            let classes = labelled.class_names();
            let name = |index| classes.get(labelled.label(index)? as usize).cloned();
            (0..items.count()).map(name).collect()
        };
        match &recipe.labels {
            Labels::Own(false) => Vec::new(),
            Labels::Own(true) => names(&self.items),
            // They were opened without labels, which need not be there.
            Labels::Column(_) | Labels::File(_) => match open_unsplit(recipe, self.blank_lines) {
                Ok(items) if items.count() == self.len() => names(&items),
                _ => Vec::new(),
            },
        }
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
        write: impl FnMut(&str, &Outcome<T>) -> Result<(), CliError>,
    ) -> Result<usize, CliError> {
        let part = |range| {
            let (batch, read) = self.inputs.read(range);
            let input = batch.and_then(|batch| AnyInput::of_view(&batch, 0, device));
            (input.map_or(Vec::new(), &apply), read)
        };
        self.in_parts(AT_ONCE, part, write)
    }

    /// The items as texts.
    ///
    /// # Panics
    /// If they are none.
    pub(super) fn texts(&self) -> &Texts {
        match &self.inputs {
            Inputs::Texts(texts) => texts,
            _ => panic!("the items are no texts"),
        }
    }

    /// Reads each item by `read`, and gives them to `apply`, some at a time, which makes one result of each; `write` gets the id of each item
    /// and its outcome, in input order. Returns how many could not be read.
    pub(super) fn each_read<S: Send, T>(
        &self,
        read: impl Fn(usize) -> Result<S, DataError> + Sync,
        apply: impl Fn(Vec<S>) -> Vec<T>,
        write: impl FnMut(&str, &Outcome<T>) -> Result<(), CliError>,
    ) -> Result<usize, CliError> {
        let part = |range: Range<usize>| {
            let found: Vec<_> = range.into_par_iter().map(&read).collect();
            let mut samples = Vec::new();
            let keep = |found: Result<S, DataError>| {
                let kept = found.map(|sample| samples.push(sample));
                kept.map_err(|error| error.to_string())
            };
            let read = found.into_iter().map(keep).collect();
            (apply(samples), read)
        };
        self.in_parts(WHOLE_TEXTS, part, write)
    }

    /// Writes the outcomes of all items in input order, `at_once` in memory: `part` gives of a range the results of those that could be read,
    /// and of each whether it could, or why not. Returns how many could not be read.
    fn in_parts<T>(
        &self,
        at_once: usize,
        part: impl Fn(Range<usize>) -> (Vec<T>, Vec<Result<(), String>>),
        mut write: impl FnMut(&str, &Outcome<T>) -> Result<(), CliError>,
    ) -> Result<usize, CliError> {
        let mut unreadable = 0;
        for start in (0..self.len()).step_by(at_once) {
            let range = start..(start + at_once).min(self.len());
            let (results, read) = part(range.clone());
            let mut results = results.into_iter();
            for (index, read) in range.zip(read) {
                let outcome = match read {
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
}
