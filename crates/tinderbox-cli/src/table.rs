//! Small tables of text with aligned columns.

use tinderbox::transfer::{FigureKind, Unit};

/// A table: a heading and rows of as many cells.
#[derive(Debug, Clone, Default)]
pub struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
    left: bool,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(heading: impl IntoIterator<Item = S>) -> Self {
        Self {
            heading: heading.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            left: false,
        }
    }

    /// Aligns every column to the left, for words instead of figures.
    pub fn left(mut self) -> Self {
        self.left = true;
        self
    }

    /// Adds a row; missing cells are empty, cells beyond the heading are dropped.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.heading.len(), String::new());
        self.rows.push(cells);
        self
    }

    /// The heading and the rows.
    pub fn into_cells(self) -> (Vec<String>, Vec<Vec<String>>) {
        (self.heading, self.rows)
    }

    /// The text: first column left, the others right unless told otherwise, two spaces between.
    pub fn render(&self) -> String {
        let all = || std::iter::once(&self.heading).chain(&self.rows);
        let widths: Vec<usize> = (0..self.heading.len())
            .map(|column| {
                all()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in all() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width - cell.chars().count());
                if column > 0 {
                    line.push_str("  ");
                }
                if column == 0 || self.left {
                    line.push_str(cell);
                    line.push_str(&gap);
                } else {
                    line.push_str(&gap);
                    line.push_str(cell);
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A mean with half the width of its interval, such as `87.3 ± 1.2`.
pub fn interval(mean: f64, half_width: f64, decimals: usize) -> String {
    format!("{mean:.decimals$} ± {half_width:.decimals$}")
}

/// A figure with as many digits as are worth reading: four that count.
pub fn tidy(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "not finite".to_string();
    }
    if value == 0.0 || value.fract() == 0.0 && size < 1e7 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.2e}");
    }
    let whole_digits = size.log10().floor() as i32 + 1;
    let decimals = (4 - whole_digits).clamp(0, 7) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        text
    }
}

/// The value of a figure as its name says it is read: a share in percent, any other number as it is.
pub fn figure(name: &str, value: f64) -> String {
    match FigureKind::of(name).unit {
        Unit::Share if value.is_finite() => format!("{:.1} %", 100.0 * value),
        Unit::Share | Unit::Number => tidy(value),
    }
}

/// A length of time, such as `2 h 5 min`, `41 s` or `0.3 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["arm", "1 %", "100 %"]);
        table
            .row(["pre-trained", "80.1 ± 1.0", "97.0"])
            .row(["pixels", "5.0"]);
        assert_eq!(
            table.render(),
            "arm                 1 %  100 %\n\
             pre-trained  80.1 ± 1.0   97.0\n\
             pixels              5.0\n"
        );
    }

    #[test]
    fn a_share_is_shown_in_percent_and_an_error_is_not() {
        for (name, value, shown) in [
            ("test/accuracy", 0.9731, "97.3 %"),
            ("test/exact_match", 1.0, "100.0 %"),
            ("test/rmse", 3.25, "3.25"),
            ("held-out/loss", 0.5, "0.5"),
            ("held-out/perplexity", 61.2, "61.2"),
            ("test/accuracy", f64::NAN, "not finite"),
        ] {
            assert_eq!(figure(name, value), shown, "{name}");
        }
    }

    #[test]
    fn figures_are_tidy() {
        let cases = [
            (0.0, "0"),
            (3.0, "3"),
            (0.123_456, "0.1235"),
            (12.345_67, "12.35"),
            (0.5, "0.5"),
            (1234.5, "1234"),
            (1.0e-5, "1.00e-5"),
            (f64::NAN, "not finite"),
        ];
        for (value, text) in cases {
            assert_eq!(tidy(value), text);
        }
        assert_eq!(interval(87.3, 1.25, 1), "87.3 ± 1.2");
        assert_eq!(duration(7501.0), "2 h 5 min");
        assert_eq!(duration(0.31), "0.3 s");
    }
}
