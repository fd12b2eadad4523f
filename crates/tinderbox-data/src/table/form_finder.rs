//! Finds how the numbers of a table are written, from all of its values.

use std::collections::HashMap;

use super::date;
use super::date_order::{DateOrder, clock};
use super::form::{NumberForm, is_mark};
use super::numeral::{self, Decimal};
use super::row::{Cell, Row};

/// Longer text is no number.
const LONGEST: usize = 40;

/// Units that are told apart in a column; with more, they are no units.
const UNITS: usize = 16;

/// One in so many values may be written otherwise.
const ODD: u64 = 10;

/// How the numbers of a table are written, and which of that was a guess.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct FoundForms {
    /// By column.
    pub forms: Vec<NumberForm>,
    /// Columns in which every value can be read in two ways, with the other way.
    pub ambiguous: Vec<(usize, NumberForm)>,
    /// The decimal sign that was guessed for the table, if that is a comma.
    pub comma: bool,
}

/// Finds the form of each column. `decimal` is the decimal sign, if it is known; `semicolons`, whether fields stand between semicolons, as
/// they do where the decimal sign is a comma.
pub(super) fn find<'r>(
    width: usize,
    rows: impl Iterator<Item = &'r Row>,
    decimal: Option<Decimal>,
    semicolons: bool,
) -> FoundForms {
    let mut columns: Vec<Column> = (0..width).map(|_| Column::default()).collect();
    for row in rows {
        for (column, cell) in columns.iter_mut().zip(row.cells()) {
            column.push(cell);
        }
    }
    let comma_columns = columns.iter().filter(|column| column.only_comma()).count();
    let point_columns = columns.iter().filter(|column| column.only_point()).count();
    let comma = match decimal {
        Some(decimal) => decimal == Decimal::Comma,
        None if comma_columns != point_columns => comma_columns > point_columns,
        None => semicolons && point_columns == 0,
    };
    let month_first = {
        let sure = |order| {
            columns
                .iter()
                .filter(|column| column.is_surely(order))
                .count()
        };
        let (days, months) = (sure(DateOrder::DayMonthYear), sure(DateOrder::MonthDayYear));
        (days != months).then_some(months > days)
    };
    let mut found = FoundForms {
        comma,
        ..FoundForms::default()
    };
    for (place, column) in columns.iter().enumerate() {
        let (form, other) = column.form(decimal, comma, month_first);
        found.forms.push(form);
        found.ambiguous.extend(other.map(|other| (place, other)));
    }
    found
}

/// How many values of a column can be read in which way.
#[derive(Debug, Default)]
struct Column {
    present: u64,
    /// Values that have a type, and need no form.
    typed: u64,
    plain: u64,
    /// By unit.
    point: Units,
    comma: Units,
    clock: u64,
    /// By [`DateOrder::ALL`].
    dates: [u64; 5],
    /// Dates between points.
    points: u64,
}

impl Column {
    fn push(&mut self, cell: Cell<'_>) {
        let Cell::Text(text) = cell else {
            self.typed += u64::from(!cell.is_missing());
            return;
        };
        let text = text.trim();
        if is_mark(text) {
            return;
        }
        self.present += 1;
        if text.parse::<f64>().is_ok() {
            self.plain += 1;
            if text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
            {
                let zero = u64::from(text.parse::<f64>() == Ok(0.0));
                for units in [&mut self.point, &mut self.comma] {
                    units.bare += 1;
                    units.zeros += zero;
                }
                return;
            }
        } else if text.len() > LONGEST || !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return;
        } else if date::parse(text).is_some() {
            self.plain += 1;
        }
        self.point.add(text, Decimal::Point);
        self.comma.add(text, Decimal::Comma);
        self.clock += u64::from(clock(text).is_some());
        let mut read = false;
        for (count, order) in self.dates.iter_mut().zip(DateOrder::ALL) {
            let is_date = order.read(text).is_some();
            *count += u64::from(is_date);
            read |= is_date;
        }
        self.points += u64::from(read && text.contains('.'));
    }

    /// Whether nearly all values are of these.
    fn nearly_all(&self, count: u64) -> bool {
        self.present > 0 && (self.present - count) * ODD <= self.present
    }

    fn counts(&self) -> (u64, u64) {
        (self.point.best().1.max(self.plain), self.comma.best().1)
    }

    /// Whether its numbers have a decimal comma and nothing else.
    fn only_comma(&self) -> bool {
        let (point, comma) = self.counts();
        self.nearly_all(comma) && comma > point
    }

    /// Whether they have a decimal point and nothing else.
    fn only_point(&self) -> bool {
        let (point, comma) = (self.point.best().1, self.comma.best().1);
        self.nearly_all(point) && point > comma
    }

    fn date(&self, order: DateOrder) -> u64 {
        let place = DateOrder::ALL.iter().position(|other| *other == order);
        self.dates[place.unwrap_or(0)]
    }

    /// Whether dates can be read in this order, and in the other one of day and month cannot.
    fn is_surely(&self, order: DateOrder) -> bool {
        let other = match order {
            DateOrder::DayMonthYear => DateOrder::MonthDayYear,
            _ => DateOrder::DayMonthYear,
        };
        self.nearly_all(self.date(order)) && self.date(order) > self.date(other)
    }

    /// The form, and the other in which all can be read as well.
    fn form(
        &self,
        decimal: Option<Decimal>,
        comma: bool,
        month_first: Option<bool>,
    ) -> (NumberForm, Option<NumberForm>) {
        let plain = (NumberForm::Plain, None);
        if self.present == 0 || self.typed > 0 {
            return plain;
        }
        let (point_count, comma_count) = self.counts();
        let of = |units: &Units, decimal| {
            let (before, behind) = units.best().0;
            NumberForm::Spelled {
                decimal,
                before,
                behind,
            }
        };
        let spelled = point_count.max(comma_count);
        let dates = self.dates.iter().copied().max().unwrap_or(0);
        if self.nearly_all(spelled) && spelled >= dates.max(self.clock) {
            let as_comma = of(&self.comma, Decimal::Comma);
            let as_point = match self.plain == point_count {
                true => NumberForm::Plain,
                false => of(&self.point, Decimal::Point),
            };
            // Digits alone are the same in both.
            let alike = point_count == comma_count;
            let signs = self.point.signs + self.comma.signs > 0;
            let use_comma = match decimal {
                Some(decimal) => decimal == Decimal::Comma && signs,
                None if alike => comma && signs,
                None => comma_count > point_count,
            };
            let other = alike && signs && decimal.is_none();
            return match use_comma {
                true => (as_comma, other.then_some(as_point)),
                false => (
                    as_point.clone(),
                    (other && !as_point.is_plain()).then_some(as_comma),
                ),
            };
        }
        if self.nearly_all(self.plain) && self.plain >= dates.max(self.clock) {
            return plain;
        }
        if self.nearly_all(self.clock) && self.clock >= dates {
            return (NumberForm::Clock, None);
        }
        if !self.nearly_all(dates) {
            return plain;
        }
        let (day, month) = (
            self.date(DateOrder::DayMonthYear),
            self.date(DateOrder::MonthDayYear),
        );
        if day == dates && month == dates {
            let month_first = month_first.unwrap_or(self.points == 0);
            let orders = match month_first {
                true => (DateOrder::MonthDayYear, DateOrder::DayMonthYear),
                false => (DateOrder::DayMonthYear, DateOrder::MonthDayYear),
            };
            return (NumberForm::Date(orders.0), Some(NumberForm::Date(orders.1)));
        }
        let best = DateOrder::ALL
            .into_iter()
            .find(|order| self.date(*order) == dates);
        (best.map_or(NumberForm::Plain, NumberForm::Date), None)
    }
}

/// Numbers with one decimal sign, by the unit beside them.
#[derive(Debug, Default)]
struct Units {
    bare: u64,
    /// Zeros without a unit, which are the same in any.
    zeros: u64,
    /// Numbers with a sign or a mark among their digits.
    signs: u64,
    others: HashMap<(String, String), u64>,
}

impl Units {
    fn add(&mut self, text: &str, decimal: Decimal) {
        let Some(read) = numeral::read(text, decimal) else {
            return;
        };
        self.signs += u64::from(text.contains(['.', ',']));
        if read.before.is_empty() && read.behind.is_empty() {
            self.bare += 1;
            self.zeros += u64::from(read.value == 0.0);
            return;
        }
        let unit = (read.before.to_owned(), read.behind.to_owned());
        if self.others.len() < UNITS || self.others.contains_key(&unit) {
            *self.others.entry(unit).or_default() += 1;
        }
    }

    /// The most frequent unit, none if that is the case most often, and how many numbers can be read with it.
    fn best(&self) -> ((String, String), u64) {
        let best = self
            .others
            .iter()
            .max_by_key(|(unit, count)| (**count, *unit));
        match best {
            Some((unit, count)) if *count > self.bare => (unit.clone(), count + self.zeros),
            _ => (Default::default(), self.bare),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(columns: &[&[&str]], expected: &[&str], ambiguous: usize) {
        let height = columns[0].len();
        let row =
            |at: usize| Row::from_cells(1, columns.iter().map(|column| Cell::Text(column[at])));
        let rows: Vec<Row> = (0..height).map(row).collect();
        let found = find(columns.len(), rows.iter(), None, false);
        let forms: Vec<String> = found.forms.iter().map(NumberForm::to_string).collect();
        assert_eq!(forms, expected);
        assert_eq!(found.ambiguous.len(), ambiguous);
    }

    #[test]
    fn forms_are_found_from_all_values() {
        check(
            &[&["1.5", "2", "?"], &["1,5", "2", "30,25"]],
            &["plain", "1,5"],
            0,
        );
        check(
            &[&["5%", "12 %", "0"], &["$5", "$1,000.5", "-$3"]],
            &["1.5%", "$1.5"],
            0,
        );
        check(&[&["00:00", "13:30", "7:05"]], &["hh:mm"], 0);
        check(
            &[&["20.02.2021", "25.12.2022"], &["02/20/2021", "12/25/2022"]],
            &["dd.mm.yyyy", "mm/dd/yyyy"],
            0,
        );
        check(
            &[&["2021-02", "2022-12"], &["2021-02-20", "2022-12-25"]],
            &["yyyy-mm", "plain"],
            0,
        );
        check(&[&["red", "green"], &["A1", "B2"]], &["plain", "plain"], 0);
        check(
            &[&["12 kg", "3 m"], &["1st", "2nd"]],
            &["plain", "plain"],
            0,
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_follows_the_other_columns_and_is_said() {
        check(&[&["1,234", "5,678"]], &["1.5"], 1);
        check(&[&["1,234", "5,678"], &["1,5", "2,25"]], &["1,5", "1,5"], 1);
        check(&[&["1.234", "5.678"], &["1,5", "2,25"]], &["1,5", "1,5"], 1);
        check(&[&["1.234", "5.678"]], &["plain"], 0);
        check(&[&["01/02/2021", "03/04/2021"]], &["mm/dd/yyyy"], 1);
        check(
            &[&["01/02/2021", "03/04/2021"], &["13/02/2021", "03/04/2021"]],
            &["dd.mm.yyyy", "dd.mm.yyyy"],
            1,
        );
        check(&[&["01.02.2021", "03.04.2021"]], &["dd.mm.yyyy"], 1);
    }
}
