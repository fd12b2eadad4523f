//! How the values of a column of numbers are written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::date_order::{DateOrder, clock};
use super::numeral::{self, Decimal};
use super::row::Cell;
use crate::DataError;

/// What people write where a number is missing, whatever the case of its letters. Among numbers these are never values.
const MARKS: [&str; 19] = [
    "", "?", "-", "--", "---", ".", "..", "*", "n/a", "na", "n.a.", "nan", "#n/a", "#na", "null",
    "none", "nil", "missing", "unknown",
];

/// Whether text among numbers says that there is none.
pub(super) fn is_mark(text: &str) -> bool {
    let text = text.trim();
    let dash = |c: char| matches!(c, '\u{2013}' | '\u{2014}' | '\u{2212}');
    text.len() <= 8 && MARKS.iter().any(|mark| mark.eq_ignore_ascii_case(text))
        || text.chars().count() == 1 && text.chars().all(dash)
        || text.starts_with('#')
            && ["#value!", "#ref!", "#div/0!", "#num!", "#null!", "#name?"]
                .iter()
                .any(|mark| mark.eq_ignore_ascii_case(text))
}

/// How the values of a column of numbers are written. Its text is an example: `1.5`, `1,5`, `$1.5`, `1,5 %`, `hh:mm`, `dd.mm.yyyy`.
///
/// ```
/// use tinderbox_data::table::{Cell, NumberForm};
/// let form: NumberForm = "1,5 kg".parse()?;
/// assert_eq!(form.read(Cell::Text("1.234,5 kg")), Some(1234.5));
/// let form: NumberForm = "dd.mm.yyyy".parse()?;
/// assert_eq!(form.read(Cell::Text("02.01.1970")), Some(86_400.0));
/// assert_eq!(form.to_string(), "dd.mm.yyyy");
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NumberForm {
    /// As computers write them, `-1234.5e6`, or dates of ISO 8601.
    #[default]
    Plain,
    /// As people write them: thousands may be marked, and a unit stands beside each.
    Spelled {
        /// The sign before decimals.
        decimal: Decimal,
        /// The currency before each, or nothing.
        before: String,
        /// The unit, currency or percent sign behind each, or nothing.
        behind: String,
    },
    /// Times of the day, or durations: seconds.
    Clock,
    /// Dates: seconds since 1970.
    Date(DateOrder),
}

impl NumberForm {
    /// Numbers with this decimal sign and no unit.
    pub fn of_decimal(decimal: Decimal) -> Self {
        Self::Spelled {
            decimal,
            before: String::new(),
            behind: String::new(),
        }
    }

    /// The number of a cell, seconds for dates and times: NaN when it is missing, nothing when it is written otherwise. It may be infinite.
    pub fn read(&self, cell: Cell<'_>) -> Option<f64> {
        let Cell::Text(text) = cell else {
            return match (self, cell) {
                (Self::Date(order), Cell::Integer(digits)) => {
                    order.read(&digits.to_string()).or(Some(digits as f64))
                }
                _ => cell.number(),
            };
        };
        let value = match self {
            Self::Plain => cell.number().or_else(|| cell.date()),
            Self::Clock => clock(text),
            Self::Date(order) => order.read(text),
            Self::Spelled {
                decimal,
                before,
                behind,
            } => numeral::read(text, *decimal).and_then(|read| {
                let same = (read.before, read.behind) == (before, behind);
                // Nothing is nothing in any unit.
                let bare = read.value == 0.0 && read.before.is_empty() && read.behind.is_empty();
                (same || bare).then_some(read.value)
            }),
        };
        let endless = || {
            text.trim()
                .parse()
                .ok()
                .filter(|value: &f64| !value.is_finite())
        };
        value
            .or_else(endless)
            .or_else(|| is_mark(text).then_some(f64::NAN))
    }

    /// Whether it is the plain form.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// Whether the numbers of a cell in this form are seconds since 1970.
    pub(super) fn is_date(&self, cell: Cell<'_>) -> bool {
        match self {
            Self::Date(_) => !cell.is_missing(),
            Self::Plain => cell.date().is_some(),
            Self::Spelled { .. } | Self::Clock => false,
        }
    }
}

impl fmt::Display for NumberForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => f.write_str("plain"),
            Self::Clock => f.write_str("hh:mm"),
            Self::Date(order) => f.write_str(order.pattern()),
            Self::Spelled {
                decimal,
                before,
                behind,
            } => {
                let space = |unit: &str| match unit.chars().any(char::is_alphabetic) {
                    true => " ",
                    false => "",
                };
                let sign = decimal.sign();
                write!(
                    f,
                    "{before}{}1{sign}5{}{behind}",
                    space(before),
                    space(behind)
                )
            }
        }
    }
}

impl FromStr for NumberForm {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        match text.trim() {
            "plain" => return Ok(Self::Plain),
            time if time.starts_with("hh:mm") => return Ok(Self::Clock),
            _ => {}
        }
        if let Some(order) = DateOrder::of_pattern(text) {
            return Ok(Self::Date(order));
        }
        let spelled = [Decimal::Point, Decimal::Comma]
            .into_iter()
            .find_map(|decimal| {
                let one = numeral::read(text, decimal).filter(|read| read.value == 1.5)?;
                Some(Self::Spelled {
                    decimal,
                    before: one.before.to_owned(),
                    behind: one.behind.to_owned(),
                })
            });
        spelled.ok_or_else(|| {
            let expected = "an example such as \"1,5\", \"$1.5\", \"1.5 kg\", \"dd.mm.yyyy\" or \"hh:mm\", or \"plain\"";
            DataError::config("form", expected, Cell::Text(text).shown())
        })
    }
}

impl TryFrom<String> for NumberForm {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<NumberForm> for String {
    fn from(form: NumberForm) -> Self {
        form.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_its_example() {
        for text in [
            "plain",
            "1.5",
            "1,5",
            "$1.5",
            "1,5%",
            "EUR 1.5",
            "1.5 kg",
            "hh:mm",
            "mm/dd/yyyy",
        ] {
            let form: NumberForm = text.parse().unwrap();
            assert_eq!(form.to_string(), text);
            assert_eq!(
                serde_json::from_value::<NumberForm>(serde_json::json!(text)).unwrap(),
                form
            );
        }
        for wrong in ["", "2.5", "date", "x1.5"] {
            assert!(wrong.parse::<NumberForm>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn marks_are_missing_in_any_form_and_other_text_is_no_number() {
        for form in ["plain", "1,5", "hh:mm", "dd.mm.yyyy"] {
            let form: NumberForm = form.parse().unwrap();
            for mark in ["?", "N/A", "-", " ", "None", "#N/A", "\u{2014}", "#DIV/0!"] {
                assert!(
                    form.read(Cell::Text(mark)).is_some_and(f64::is_nan),
                    "{mark}"
                );
            }
            assert_eq!(form.read(Cell::Text("oops")), None);
        }
        let dollars: NumberForm = "$1.5".parse().unwrap();
        assert_eq!(dollars.read(Cell::Text("\u{20ac}3")), None);
        assert_eq!(dollars.read(Cell::Text("0")), Some(0.0));
        assert_eq!(
            NumberForm::Plain.read(Cell::Text("-inf")),
            Some(f64::NEG_INFINITY)
        );
    }
}
