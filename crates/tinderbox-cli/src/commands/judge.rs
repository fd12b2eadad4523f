//! How predictions do on items whose class is known.

use tinderbox::transfer::{Classification, ClassificationTally};

use crate::class_figures::{per_class, summary};
use crate::output::escaped;
use crate::rows::{AsRows, Outcome, Prediction};

/// A prediction with what it was made from.
pub(super) struct Weighed {
    pub(super) prediction: Prediction,
    /// The probability of each class.
    pub(super) shares: Vec<f32>,
}

impl AsRows for Weighed {
    const COLUMNS: &'static [&'static str] = Prediction::COLUMNS;

    fn rows(&self) -> Vec<Vec<String>> {
        self.prediction.rows()
    }
}

/// Hears the outcomes of items in their order.
pub(super) struct Judge {
    /// The classes that the model knows.
    classes: Vec<String>,
    /// Of each item its class, if it is known and the model knows it.
    labels: Vec<Option<u32>>,
    /// Items of classes that the model does not know, and the first of these classes.
    strange: Option<(usize, String)>,
    next: usize,
    tally: ClassificationTally,
}

impl Judge {
    /// Of the names of the items' classes; none if the model knows the class of no item.
    pub(super) fn of(names: &[Option<String>], classes: &[String]) -> Option<Self> {
        let place = |name: &String| classes.iter().position(|class| class == name);
        let labels: Vec<Option<u32>> = names
            .iter()
            .map(|name| name.as_ref().and_then(place).map(|class| class as u32))
            .collect();
        if labels.iter().all(Option::is_none) {
            return None;
        }
        let strangers = names.iter().flatten().filter(|name| place(name).is_none());
        let strange = strangers.clone().next().cloned();
        Some(Self {
            classes: classes.to_vec(),
            labels,
            strange: strange.map(|first| (strangers.count(), first)),
            next: 0,
            tally: ClassificationTally::new(classes.len()),
        })
    }

    /// Counts what became of the next item.
    pub(super) fn hear(&mut self, outcome: &Outcome<Weighed>) {
        let label = self.labels[self.next];
        self.next += 1;
        match (label, outcome) {
            (None, _) => {}
            (Some(label), Outcome::Done(weighed)) => {
                let shares: Vec<f64> = weighed.shares.iter().map(|p| f64::from(*p)).collect();
                self.tally.add(label, &shares);
            }
            (Some(label), Outcome::Unreadable(_)) => self.tally.refuse(label),
        }
    }

    /// The figures, and the same in words.
    pub(super) fn finish(self) -> Option<(Classification, String)> {
        let found = self.tally.finish()?;
        let mut text = format!("{} items have a label that the model knows", found.items);
        if found.refused > 0 {
            text += &format!(
                ", {} of them without a prediction, which counts as wrong",
                found.refused
            );
        }
        if let Some((count, first)) = self.strange {
            let first = escaped(&first);
            text += &format!("; {count} of other classes, such as `{first}`, are left out");
        }
        let figures = summary(&[("predicted", &found)], &self.classes).render();
        let classes = per_class(&found, &self.classes).render();
        Some((found, format!("{text}\n{figures}\n{classes}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ClassColumns;

    #[test]
    fn known_items_are_counted_and_refused_ones_are_wrong() {
        let classes: Vec<String> = ["ham", "spam"].map(String::from).to_vec();
        let names = [Some("ham"), None, Some("eggs"), Some("spam"), Some("spam")];
        let names = names.map(|name| name.map(String::from));
        let mut judge = Judge::of(&names, &classes).unwrap();
        let columns = ClassColumns {
            classes: classes.clone(),
            ..ClassColumns::default()
        };
        let done = |shares: [f32; 2]| {
            Outcome::Done(Weighed {
                prediction: Prediction::of(&shares, &columns),
                shares: shares.to_vec(),
            })
        };
        for outcome in [
            done([0.75, 0.25]),
            done([0.0, 1.0]),
            done([0.0, 1.0]),
            done([0.5, 0.5]),
            Outcome::Unreadable("no text".into()),
        ] {
            judge.hear(&outcome);
        }
        let (found, text) = judge.finish().unwrap();
        assert_eq!((found.items, found.refused), (3, 1));
        assert!((found.accuracy - 1.0 / 3.0).abs() < 1e-12);
        assert!(
            text.starts_with(
                "3 items have a label that the model knows, 1 of them without a prediction, which \
                 counts as wrong; 1 of other classes, such as `eggs`, are left out\n"
            ),
            "{text}"
        );
        assert!(Judge::of(&names[1..3], &classes).is_none());
    }
}
