//! Encoders of categories.
//!
//! A category has a class, a number from 0; an encoding is a way to write that number. Whatever the encoding, the classes are the known
//! categories in order, then "other" if rare or unknown categories go there, then "missing" if that is a class of its own.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::category_counts::CategoryCounts;
use super::row::{Cell, Value};
use crate::DataError;
use crate::same_value::same_value;

/// How a class becomes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// A column for each class, 1 in that of the class and 0 in the others. No order is implied; wide when there are many.
    #[default]
    OneHot,
    /// The number of the class in one column. It implies an order and equal steps, which trees do not mind.
    Ordinal,
    /// The number of the class in base 2, a column for each digit, the highest first. Narrow; classes share digits by chance.
    Binary,
}

impl Encoding {
    /// How many columns the encoding of `classes` classes takes.
    pub fn width(self, classes: usize) -> usize {
        match self {
            Self::OneHot => classes,
            Self::Ordinal => 1,
            Self::Binary => {
                (usize::BITS - classes.saturating_sub(1).leading_zeros()).max(1) as usize
            }
        }
    }
}

/// What becomes of a category that was not there when the encoder was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownCategory {
    /// It is an error.
    #[default]
    Refuse,
    /// It counts as "other".
    Other,
}

/// What becomes of a cell without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingCategory {
    /// It is an error.
    #[default]
    Refuse,
    /// It is a class of its own.
    Class,
    /// It counts as "other", and comes back as that.
    Other,
}

/// What a person decides about a column of categories.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoryConfig {
    /// How a class becomes numbers.
    pub encode: Encoding,
    /// What becomes of unknown categories.
    pub unknown: UnknownCategory,
    /// What becomes of cells without a value.
    pub missing: MissingCategory,
    /// Categories that occur less often than this go to "other". Those go that fail either bound.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_count: u64,
    /// Categories whose share of the cells with a value is less than this go to "other".
    #[serde(skip_serializing_if = "is_nothing")]
    pub min_share: f64,
    /// The categories in their order, such as that of sizes; all others are unknown. By default those of the data, numbers by size, then
    /// text by bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_nothing(value: &f64) -> bool {
    *value == 0.0
}

impl CategoryConfig {
    /// Checks what does not depend on the data.
    ///
    /// # Errors
    /// [`DataError::Config`] for a share outside of 0..1, a category that is listed twice, or bounds beside a list.
    pub fn validate(&self) -> Result<(), DataError> {
        if !(0.0..1.0).contains(&self.min_share) {
            let expected = "a share from 0 to less than 1";
            return Err(DataError::config("min_share", expected, self.min_share));
        }
        if !self.order.is_empty() && (self.min_count > 0 || self.min_share > 0.0) {
            let got = format!(
                "{} categories beside min_count or min_share",
                self.order.len()
            );
            return Err(DataError::config("order", "no bounds on a list", got));
        }
        check_categories(&self.order)
    }

    /// The encoder of the categories that were counted.
    ///
    /// # Errors
    /// [`DataError::Config`] as [`CategoryConfig::validate`], when there were too many categories to count, or when there is no class at all;
    /// when cells without a value are refused and there were some, or unknown ones of a list are.
    pub fn fit(&self, counts: &CategoryCounts) -> Result<CategoryEncoder, DataError> {
        self.validate()?;
        let Some(all) = counts.by_name() else {
            let expected = "a column with fewer categories, or shorter names";
            let got = format!("more than {} of them, or long text", counts.limit());
            return Err(DataError::config("categories", expected, got));
        };
        if self.missing == MissingCategory::Refuse && counts.missing() > 0 {
            let expected = "`class` or `other`, because cells have no value";
            let got = format!("`refuse` with {} of them", counts.missing());
            return Err(DataError::config("missing", expected, got));
        }
        let total = counts.total() as f64;
        let frequent =
            |count: u64| count >= self.min_count && count as f64 >= self.min_share * total;
        let own = |name: &str| name.to_owned();
        let (categories, folded) = if self.order.is_empty() {
            let (kept, rare): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|(_, count)| frequent(*count));
            let names =
                |counted: Vec<(&str, u64)>| counted.iter().map(|(name, _)| own(name)).collect();
            (names(kept), names(rare))
        } else {
            let unlisted = all.iter().find(|(name, _)| {
                let value = same_value(name);
                !self.order.iter().any(|one| same_value(one) == value)
            });
            if let (UnknownCategory::Refuse, Some((name, _))) = (self.unknown, unlisted) {
                let got = format!("{}, which is not listed", Cell::Text(name).shown());
                return Err(DataError::config("order", "every category", got));
            }
            (self.order.clone(), Vec::new())
        };
        CategoryEncoder::try_from(Stored {
            encoding: self.encode,
            unknown: self.unknown,
            missing: self.missing,
            categories,
            folded,
        })
    }
}

fn check_categories(names: &[String]) -> Result<(), DataError> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let got = format!("{} twice", Cell::Text(pair[0]).shown());
            Err(DataError::config("categories", "each once", got))
        }
        None => Ok(()),
    }
}

/// A fitted encoder of categories. Another spelling of a category, such as `TRUE` of `True`, is that category.
///
/// ```
/// use tinderbox_data::table::{CategoryConfig, CategoryCounts, Cell, Value};
/// let mut counts = CategoryCounts::new(CategoryCounts::MAX_CATEGORIES);
/// for name in ["red", "blue", "red"] {
///     counts.push(Cell::Text(name));
/// }
/// let encoder = CategoryConfig::default().fit(&counts)?;
/// let mut numbers = Vec::new();
/// encoder.encode(Cell::Text("red"), &mut numbers)?;
/// assert_eq!(numbers, [0.0, 1.0]);
/// assert_eq!(encoder.decode(&numbers)?, Value::Text("red".to_owned()));
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct CategoryEncoder {
    stored: Stored,
    classes: HashMap<String, usize>,
    /// By the form that all spellings of a category share.
    alike: HashMap<String, usize>,
    other: bool,
}

/// The serialised form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    encoding: Encoding,
    unknown: UnknownCategory,
    missing: MissingCategory,
    /// By class.
    categories: Vec<String>,
    /// Rare ones that are "other".
    folded: Vec<String>,
}

impl TryFrom<Stored> for CategoryEncoder {
    type Error = DataError;

    fn try_from(stored: Stored) -> Result<Self, DataError> {
        check_categories(&[&stored.categories[..], &stored.folded[..]].concat())?;
        let other = !stored.folded.is_empty()
            || stored.unknown == UnknownCategory::Other
            || stored.missing == MissingCategory::Other;
        let numbered = stored.categories.iter().cloned().zip(0..);
        let last = stored.categories.len();
        let folded = stored.folded.iter().cloned().map(|name| (name, last));
        let classes: Vec<(String, usize)> = numbered.chain(folded).collect();
        let mut alike = HashMap::new();
        for (name, class) in &classes {
            alike.entry(same_value(name).into_owned()).or_insert(*class);
        }
        let encoder = Self {
            classes: classes.into_iter().collect(),
            alike,
            other,
            stored,
        };
        match encoder.classes() {
            0 => Err(DataError::config("categories", "at least one", 0)),
            1..=CategoryCounts::MAX_CATEGORIES => Ok(encoder),
            more => {
                let expected = format!("at most {}", CategoryCounts::MAX_CATEGORIES);
                Err(DataError::config("categories", expected, more))
            }
        }
    }
}

impl From<CategoryEncoder> for Stored {
    fn from(encoder: CategoryEncoder) -> Self {
        encoder.stored
    }
}

impl CategoryEncoder {
    /// The categories that have a class of their own, by class.
    pub fn categories(&self) -> &[String] {
        &self.stored.categories
    }

    /// Rare categories that count as "other".
    pub fn folded(&self) -> &[String] {
        &self.stored.folded
    }

    /// How a class becomes numbers.
    pub fn encoding(&self) -> Encoding {
        self.stored.encoding
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        let missing = self.stored.missing == MissingCategory::Class;
        self.stored.categories.len() + usize::from(self.other) + usize::from(missing)
    }

    /// How many numbers a cell becomes.
    pub fn width(&self) -> usize {
        self.stored.encoding.width(self.classes())
    }

    /// What each of the numbers of column `name` is called: `name=category` for one-hot, `name` for ordinal, `name#digit` for binary,
    /// where digit 0 counts ones.
    pub fn names(&self, name: &str) -> Vec<String> {
        match self.stored.encoding {
            Encoding::OneHot => (0..self.classes())
                .map(|class| match self.value(class) {
                    Value::Text(category) => format!("{name}={category}"),
                    Value::Missing => format!("{name}=<missing>"),
                    _ => format!("{name}=<other>"),
                })
                .collect(),
            Encoding::Ordinal => vec![name.to_owned()],
            Encoding::Binary => (0..self.width())
                .rev()
                .map(|digit| format!("{name}#{digit}"))
                .collect(),
        }
    }

    /// The class of a cell, nothing when it is refused.
    pub fn class(&self, cell: Cell<'_>) -> Option<usize> {
        let other = self.stored.categories.len();
        let Some(name) = cell.name() else {
            return match self.stored.missing {
                MissingCategory::Refuse => None,
                MissingCategory::Class => Some(self.classes() - 1),
                MissingCategory::Other => Some(other),
            };
        };
        let own = self.classes.get(&*name);
        let known = own.or_else(|| self.alike.get(&*same_value(&name)));
        let known = known.copied();
        match self.stored.unknown {
            UnknownCategory::Refuse => known,
            UnknownCategory::Other => known.or(Some(other)),
        }
    }

    /// What a class stands for.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn value(&self, class: usize) -> Value {
        assert!(
            class < self.classes(),
            "class {class} of {}",
            self.classes()
        );
        match self.stored.categories.get(class) {
            Some(name) => Value::Text(name.clone()),
            None if self.other && class == self.stored.categories.len() => Value::Other,
            None => Value::Missing,
        }
    }

    /// Adds the numbers of a cell to `out`.
    ///
    /// # Errors
    /// [`DataError::Config`] for a cell that is refused.
    pub fn encode(&self, cell: Cell<'_>, out: &mut Vec<f32>) -> Result<(), DataError> {
        let Some(class) = self.class(cell) else {
            return Err(DataError::config("category", self.expected(), cell.shown()));
        };
        match self.stored.encoding {
            Encoding::OneHot => {
                out.extend((0..self.classes()).map(|other| f32::from(u8::from(other == class))));
            }
            Encoding::Ordinal => out.push(class as f32),
            Encoding::Binary => {
                let digits = (0..self.width()).rev();
                out.extend(digits.map(|digit| (class >> digit & 1) as f32));
            }
        }
        Ok(())
    }

    /// What an error says that a cell may be.
    pub(super) fn expected(&self) -> String {
        let names = &self.stored.categories;
        let shown: Vec<String> = names
            .iter()
            .take(5)
            .map(|name| Cell::Text(name).shown())
            .collect();
        let more = names.len() - shown.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("one of {}{more}", shown.join(", "))
    }

    /// The value that the numbers stand for: the largest of one-hot, the nearest whole number of ordinal, digits cut at a half of binary.
    /// So it also reads what a model predicts.
    ///
    /// # Errors
    /// [`DataError::Config`] for NaN, and for numbers that stand for no class.
    ///
    /// # Panics
    /// If there are not as many numbers as [`CategoryEncoder::width`].
    pub fn decode(&self, numbers: &[f32]) -> Result<Value, DataError> {
        let width = self.width();
        assert_eq!(numbers.len(), width, "numbers of a category");
        let refused = || {
            let expected = format!("numbers of one of {} classes", self.classes());
            DataError::config("category", expected, format!("{numbers:?}"))
        };
        if numbers.iter().any(|number| number.is_nan()) {
            return Err(refused());
        }
        let class = match self.stored.encoding {
            Encoding::OneHot => (0..width)
                .rev()
                .max_by(|a, b| numbers[*a].total_cmp(&numbers[*b]))
                .unwrap_or(0),
            Encoding::Ordinal if numbers[0] <= -0.5 => return Err(refused()),
            Encoding::Ordinal => numbers[0].round() as usize,
            Encoding::Binary => numbers
                .iter()
                .fold(0, |class, digit| class << 1 | usize::from(*digit >= 0.5)),
        };
        if class >= self.classes() {
            return Err(refused());
        }
        Ok(self.value(class))
    }
}
