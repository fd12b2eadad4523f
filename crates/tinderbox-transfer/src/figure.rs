//! What a figure's name says: its unit, and which way is better.

/// How a figure's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A share of a whole, such as an accuracy: mostly from 0 to 1, shown in percent.
    Share,
    /// Any number, such as a loss or an error in the unit of what is predicted.
    Number,
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The higher, such as an accuracy.
    Higher,
    /// The lower, such as a loss or an error.
    Lower,
}

impl Better {
    /// Whether one value is better than another. What is not a number is never better, and any number is better than it.
    pub fn is_better(self, value: f64, than: f64) -> bool {
        match self {
            _ if value.is_nan() => false,
            _ if than.is_nan() => true,
            Self::Higher => value > than,
            Self::Lower => value < than,
        }
    }
}

/// What is known of a figure by its name alone, so that a file of figures need not say it.
///
/// Names are paths such as `test/accuracy` or `held-out/masked_loss`. The first part that is known decides, by itself or by its end
/// after an underscore: `test/recall/loss` is the recall of a class called `loss`, and `masked_loss` a loss.
///
/// ```
/// use tinderbox_transfer::{Better, FigureKind, Unit};
///
/// let kind = FigureKind::of("held-out/masked_loss");
/// assert_eq!((kind.unit, kind.better), (Unit::Number, Some(Better::Lower)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigureKind {
    /// How its value is read.
    pub unit: Unit,
    /// Which way is better; none if neither is, as of a learning rate.
    pub better: Option<Better>,
}

/// A row of the names of one kind.
type Names = (&'static [&'static str], Unit, Option<Better>);

const KNOWN: &[Names] = &[
    (
        &[
            "accuracy",
            "precision",
            "recall",
            "f1",
            "exact_match",
            "auroc",
            "average_precision",
            "ndcg",
            "hits",
            "iou",
            "dice",
        ],
        Unit::Share,
        Some(Better::Higher),
    ),
    (
        &["calibration_error", "error_rate", "wer", "cer"],
        Unit::Share,
        Some(Better::Lower),
    ),
    (&["share"], Unit::Share, None),
    (
        &["r2", "mcc", "spearman", "pearson", "kappa", "bleu", "psnr"],
        Unit::Number,
        Some(Better::Higher),
    ),
    (
        &["loss", "rmse", "mse", "mae", "error", "perplexity", "brier"],
        Unit::Number,
        Some(Better::Lower),
    ),
];

impl FigureKind {
    /// The kind of the figure of this name; a number with no better way if nothing in it is known.
    pub fn of(name: &str) -> Self {
        let (_, unit, better) =
            name.split('/')
                .find_map(known)
                .unwrap_or(&(&[], Unit::Number, None));
        Self {
            unit: *unit,
            better: *better,
        }
    }
}

/// The row that knows a part of a name by the longest of its ends.
fn known(part: &str) -> Option<&'static Names> {
    // `ndcg@10` is cut at a place of the ranking.
    let part = part.split('@').next().unwrap_or_default();
    let fits = |known: &&str| {
        let rest = part.strip_suffix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    };
    let longest = |row: &&Names| {
        row.0
            .iter()
            .filter(|name| fits(name))
            .map(|n| n.len())
            .max()
    };
    let rows = KNOWN.iter().filter(|row| longest(row).is_some());
    rows.max_by_key(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_unit_and_direction() {
        use Better::{Higher, Lower};
        for (name, unit, better) in [
            ("knn/accuracy", Unit::Share, Some(Higher)),
            ("test/macro_f1", Unit::Share, Some(Higher)),
            ("test/recall/loss", Unit::Share, Some(Higher)),
            ("test/calibration_error", Unit::Share, Some(Lower)),
            ("test/error_rate", Unit::Share, Some(Lower)),
            ("waiting_share", Unit::Share, None),
            ("loss", Unit::Number, Some(Lower)),
            ("held-out/unigram_loss", Unit::Number, Some(Lower)),
            ("test/rmse", Unit::Number, Some(Lower)),
            ("held-out/perplexity", Unit::Number, Some(Lower)),
            ("test/ndcg@10", Unit::Share, Some(Higher)),
            ("test/r2", Unit::Number, Some(Higher)),
            ("rate", Unit::Number, None),
            ("steps_per_second", Unit::Number, None),
            ("health/effective_rank", Unit::Number, None),
            ("gloss", Unit::Number, None),
            ("", Unit::Number, None),
        ] {
            let kind = FigureKind::of(name);
            assert_eq!((kind.unit, kind.better), (unit, better), "{name}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_never_better_and_always_worse() {
        for better in [Better::Higher, Better::Lower] {
            assert!(!better.is_better(f64::NAN, 1.0));
            assert!(!better.is_better(f64::NAN, f64::NAN));
            assert!(better.is_better(1.0, f64::NAN));
            assert!(!better.is_better(1.0, 1.0));
        }
        assert!(Better::Higher.is_better(2.0, 1.0) && !Better::Higher.is_better(1.0, 2.0));
        assert!(Better::Lower.is_better(1.0, 2.0) && !Better::Lower.is_better(2.0, 1.0));
    }
}
