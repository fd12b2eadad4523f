//! What to do with a column, judged from what there is in it.

use super::config::{ColumnConfig, ColumnPipelineConfig, MissingNumber, NumberConfig, Scale};
use super::encoder::{CategoryConfig, Encoding, MissingCategory, UnknownCategory};
use super::profile::{ColumnKind, ColumnProfile, TableProfile, short};

/// Up to this many categories get a column each.
const MAX_ONE_HOT: usize = 20;

/// Among many categories, rarer ones have too few rows to learn from.
const MIN_COUNT: u64 = 10;

/// Among few categories, rarer ones go to "other".
const MIN_SHARE: f64 = 0.001;

/// A number further than this many interquartile ranges beyond the quartiles is an outlier that should not set the scale. Tukey's fences for
/// what is "far out" are at 3; skewed but harmless columns pass those.
const FAR: f64 = 10.0;

/// Missing numbers beyond this share may mean something themselves.
const TELLING_SHARE: f64 = 0.01;

/// A configuration of a column with its reason, for a person to keep or change.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What to do.
    pub config: ColumnConfig,
    /// Why.
    pub reason: String,
    /// What it costs, and what else there is.
    pub trade_off: String,
}

impl Suggestion {
    pub(super) fn of(column: &ColumnProfile) -> Self {
        match column.kind() {
            ColumnKind::Empty => left_out("it has no values", "nothing is lost"),
            ColumnKind::Constant => left_out(
                "all its values are equal",
                "nothing is lost but where they are missing",
            ),
            ColumnKind::Mixed if column.is_odd() => left_out(
                "some of its values are no numbers",
                "if they stand for missing numbers, name them in `data.missing`",
            ),
            ColumnKind::Text => left_out(
                "its text hardly repeats",
                "if it tells something, it is work for a text encoder; if it names a group, split by it",
            ),
            ColumnKind::Number | ColumnKind::Mixed => of_numbers(column),
            ColumnKind::Category => of_categories(column),
        }
    }

    /// What, why, and at which cost, in a line.
    pub(super) fn comment(&self) -> String {
        let what = match &self.config {
            ColumnConfig::Number(number) => match number.scale {
                Scale::None => "kept as it is",
                Scale::MinMax => "min-max",
                Scale::Standard => "standard",
                Scale::MaxAbs => "max-abs",
                Scale::Robust => "robust",
            },
            ColumnConfig::Category(category) => match category.encode {
                Encoding::OneHot => "one-hot",
                Encoding::Ordinal => "ordinal",
                Encoding::Binary => "binary",
            },
            ColumnConfig::Drop => "dropped",
        };
        format!("{what}, because {}; {}", self.reason, self.trade_off)
    }
}

fn left_out(reason: &str, trade_off: &str) -> Suggestion {
    Suggestion {
        config: ColumnConfig::Drop,
        reason: reason.to_owned(),
        trade_off: trade_off.to_owned(),
    }
}

fn of_numbers(column: &ColumnProfile) -> Suggestion {
    let numbers = &column.numbers;
    let (min, max, count) = (numbers.min(), numbers.max(), numbers.count() as f64);
    if !numbers.variance().is_finite() || !(max - min).is_finite() {
        return left_out(
            "its numbers are too large to scale",
            "their logarithm would do",
        );
    }
    if column.dates == 0 && column.counter.counts_rows() {
        let reason = format!("it counts rows from {} to {}", short(min), short(max));
        return left_out(
            &reason,
            "if the order of rows tells something, keep it as a number",
        );
    }
    let [low, high]: [f64; 2] = column
        .quantiles
        .quantiles(&[0.25, 0.75])
        .try_into()
        .unwrap_or([min, max]);
    let range = high - low;
    let far = (max - high).max(low - min) / range;
    let zeros = column.zeros as f64 / count;
    let two = column.categories.distinct() == Some(2 + column.stand_ins.len());
    let (scale, mut reason, mut trade_off) = if two {
        let reason = format!(
            "it has two values, {} and {}, which become 0 and 1",
            short(min),
            short(max)
        );
        (Scale::MinMax, reason, "nothing is lost".to_owned())
    } else if zeros > 0.5 {
        let reason = format!(
            "{} of its numbers are zeros, which stay zeros",
            percent(zeros)
        );
        let trade_off =
            "one outlier sets the scale; `robust` has no scale where most numbers are equal";
        (Scale::MaxAbs, reason, trade_off.to_owned())
    } else if far > FAR && far < 1e9 {
        let reason = format!(
            "numbers lie up to {} interquartile ranges beyond the quartiles and would set any other scale",
            short(far.round())
        );
        let trade_off = "they stay large; a logarithm beforehand may serve better";
        (Scale::Robust, reason, trade_off.to_owned())
    } else if min >= 0.0 && max <= 1.0 {
        let reason = "its numbers lie between 0 and 1 already".to_owned();
        (
            Scale::None,
            reason,
            "`standard` gives narrow ones more weight".to_owned(),
        )
    } else {
        let reason = "its numbers have no outliers and no known bounds".to_owned();
        let trade_off =
            "new numbers are not bounded; `min-max` is for what has bounds, such as pixels";
        (Scale::Standard, reason, trade_off.to_owned())
    };
    if column.dates > 0 {
        reason = format!(
            "it holds dates, which become seconds since 1970, UTC where no offset is written; {reason}"
        );
        trade_off = "season and weekday, if they matter, need columns of their own".to_owned();
    } else if column.whole
        && column
            .categories
            .distinct()
            .is_some_and(|distinct| (3..=MAX_ONE_HOT).contains(&distinct))
    {
        trade_off.push_str("; if the numbers are codes without an order, make it a category");
    }
    let share = column.missing() as f64 / (count + column.missing() as f64);
    let missing = column.missing() > 0;
    let indicator = share >= TELLING_SHARE;
    if missing {
        reason.push_str(&format!(
            "; {} are missing and get the median",
            percent(share)
        ));
        if indicator {
            reason.push_str(", with a column that says so");
        }
    }
    if column.others > 0 {
        reason.push_str(&format!(
            "; rows in which it is no number, {}, are left out",
            column.others
        ));
    }
    Suggestion {
        config: ColumnConfig::Number(NumberConfig {
            form: (!column.form.is_plain()).then(|| column.form.clone()),
            scale,
            missing: if missing {
                MissingNumber::Median
            } else {
                MissingNumber::Refuse
            },
            indicator,
            ..NumberConfig::default()
        }),
        reason,
        trade_off,
    }
}

fn of_categories(column: &ColumnProfile) -> Suggestion {
    let counted = column.categories.by_count().unwrap_or_default();
    let total = column.categories.total();
    let rarest = counted.last().map_or(0, |(_, count)| *count);
    let mut config = CategoryConfig {
        missing: match column.missing() {
            0 => MissingCategory::Refuse,
            _ => MissingCategory::Class,
        },
        ..CategoryConfig::default()
    };
    let (reason, trade_off) = match counted.len() {
        2 => {
            config.encode = Encoding::Ordinal;
            (
                "it has two categories".to_owned(),
                "one column says all".to_owned(),
            )
        }
        few @ 0..=MAX_ONE_HOT => {
            config.encode = Encoding::OneHot;
            let mut reason = format!("it has {few} categories and no order is implied");
            if (rarest as f64) < MIN_SHARE * total as f64 {
                config.min_share = MIN_SHARE;
                config.unknown = UnknownCategory::Other;
                reason.push_str(&format!("; those below {} are `other`", percent(MIN_SHARE)));
            }
            let trade_off = "a column each; if they have an order, such as sizes, write `order` and `encode = \"ordinal\"`";
            (reason, trade_off.to_owned())
        }
        many => {
            config.encode = Encoding::Binary;
            config.min_count = MIN_COUNT;
            config.unknown = UnknownCategory::Other;
            let kept = counted
                .iter()
                .filter(|(_, count)| *count >= MIN_COUNT)
                .count();
            if kept == 0 {
                let reason = format!(
                    "none of its {many} categories has {MIN_COUNT} rows, so that all would be `other`"
                );
                let trade_off = "a smaller `min_count` keeps them apart; if they have a form, such as dates, name it by `form`";
                return left_out(&reason, trade_off);
            }
            let width = Encoding::Binary.width(kept + 1 + usize::from(column.missing() > 0));
            let reason = format!(
                "it has {many} categories, {kept} of them with {MIN_COUNT} rows or more; the others are `other`"
            );
            let trade_off = format!(
                "{width} columns instead of {kept}, but categories share digits by chance; one-hot keeps them apart"
            );
            (reason, trade_off)
        }
    };
    Suggestion {
        config: ColumnConfig::Category(config),
        reason,
        trade_off,
    }
}

fn percent(share: f64) -> String {
    format!("{} %", short((share * 1000.0).round() / 10.0))
}

impl TableProfile {
    /// What to do with each column, as [`ColumnProfile::suggestion`] says. It fits to the table that was inspected.
    pub fn config(&self) -> ColumnPipelineConfig {
        let columns = self.columns.iter();
        ColumnPipelineConfig {
            columns: columns
                .map(|column| (column.name.clone(), column.suggestion().config))
                .collect(),
        }
    }

    /// [`TableProfile::config`] as text of a recipe, with what was found and why above each column, for a person to edit.
    /// [`ColumnPipelineConfig::from_toml`] reads it.
    pub fn recipe(&self) -> String {
        let mut text = format!(
            "# {} rows, {} columns\n[data.columns]\n",
            self.rows,
            self.columns.len()
        );
        for column in &self.columns {
            let suggestion = column.suggestion();
            let value = inline(&suggestion.config);
            let (summary, comment) = (column.summary(), suggestion.comment());
            let key = key(&column.name);
            text.push_str(&format!("\n# {summary}\n# {comment}\n{key} = {value}\n"));
        }
        text
    }
}

/// A configuration as an inline table.
fn inline(config: &ColumnConfig) -> String {
    let mut text = String::new();
    // Its numbers are finite and its keys are words, so that nothing can fail.
    let written = serde::Serialize::serialize(config, toml::ser::ValueSerializer::new(&mut text));
    debug_assert!(written.is_ok(), "{written:?}");
    text
}

/// A name as a key, quoted if need be.
fn key(name: &str) -> String {
    let entry = toml::to_string(&std::collections::BTreeMap::from([(name, true)]));
    let entry = entry.unwrap_or_default();
    entry.trim_end().trim_end_matches(" = true").to_owned()
}
