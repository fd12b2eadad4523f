//! Numbers as people write them: `1,234.50`, `1.234,50`, `1 234`, `5 %`, `-$3.10`, `(3.10)`.

use serde::{Deserialize, Serialize};

/// The sign before the decimals of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Decimal {
    /// `1.5`; a comma then stands between thousands.
    #[serde(rename = ".")]
    Point,
    /// `1,5`; a point then stands between thousands.
    #[serde(rename = ",")]
    Comma,
}

impl Decimal {
    /// The sign.
    pub fn sign(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }

    fn thousands(self) -> char {
        match self {
            Self::Point => ',',
            Self::Comma => '.',
        }
    }
}

/// Signs of currencies, and names of the most usual ones.
const CURRENCIES: &str = "$€£¥¢₹₽₩₺₴₫₪฿";
const CURRENCY_NAMES: [&str; 26] = [
    "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "BRL", "MXN", "ZAR", "RUB", "TRY", "KRW", "US$", "R$", "Rs", "Rs.", "kr",
];

/// The most characters of a unit.
const UNIT: usize = 5;

/// A number with what is written around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numeral<'t> {
    pub value: f64,
    /// A currency before it, or nothing.
    pub before: &'t str,
    /// A currency, a percent sign or a unit behind it, or nothing.
    pub behind: &'t str,
}

/// Reads a number that is written with this decimal sign; thousands may be marked, a unit or a currency may stand beside it, and any of the
/// signs that print as a minus is one. A number in parentheses is negative, as book-keepers write it.
pub(super) fn read(text: &str, decimal: Decimal) -> Option<Numeral<'_>> {
    let text = text.trim();
    let (text, enclosed) = match text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        Some(inner) => (inner.trim(), true),
        None => (text, false),
    };
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let last = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let (before, behind) = (&text[..first], &text[last..]);
    // `.5` and `5.`
    let (before, bare) = match before.strip_suffix(decimal.sign()) {
        Some(rest) => (rest, true),
        None => (before, false),
    };
    let behind = behind.strip_prefix(decimal.sign()).unwrap_or(behind);
    let (before, signs) = without_sign(before);
    let (behind, minus_behind) = match behind.strip_prefix('-') {
        Some(rest) if signs == Some(false) || signs.is_none() => (rest, true),
        _ => (behind, false),
    };
    let (before, behind) = (before.trim(), behind.trim());
    if !(before.is_empty() || is_currency(before)) || !(behind.is_empty() || is_unit(behind)) {
        return None;
    }
    let value = unsigned(&text[first..last], bare, decimal)?;
    let negative = [enclosed, minus_behind, signs == Some(true)];
    let value = match negative.iter().filter(|negative| **negative).count() {
        0 => value,
        1 => -value,
        _ => return None,
    };
    Some(Numeral {
        value,
        before,
        behind,
    })
}

/// What stands before a number without its sign, and whether that is a minus.
fn without_sign(before: &str) -> (&str, Option<bool>) {
    let before = before.trim();
    let minus = |c: char| matches!(c, '-' | '\u{2212}' | '\u{2013}' | '\u{fe63}' | '\u{ff0d}');
    let sign = |c: char| minus(c) || c == '+';
    let found = before
        .strip_suffix(sign)
        .map(|rest| (rest, before.ends_with(minus)))
        .or_else(|| Some((before.strip_prefix(sign)?, before.starts_with(minus))));
    match found {
        Some((rest, minus)) => (rest, Some(minus)),
        None => (before, None),
    }
}

fn is_currency(text: &str) -> bool {
    CURRENCY_NAMES.contains(&text) || is_one_of(text, CURRENCIES)
}

fn is_unit(text: &str) -> bool {
    let unit = |c: char| c.is_alphabetic() || "°%‰/²³".contains(c);
    // An exponent without digits is no unit.
    let is_exponent = matches!(text, "e" | "E");
    is_currency(text) || !is_exponent && text.chars().count() <= UNIT && text.chars().all(unit)
}

fn is_one_of(text: &str, signs: &str) -> bool {
    let mut chars = text.chars();
    matches!((chars.next(), chars.next()), (Some(only), None) if signs.contains(only))
}

/// Digits, marks between thousands, decimals and an exponent.
fn unsigned(text: &str, bare: bool, decimal: Decimal) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.replace('\u{2212}', "-")),
        None => (text, "0".to_owned()),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = match mantissa.split_once(decimal.sign()) {
        Some((whole, decimals)) => (whole, decimals),
        None => (mantissa, ""),
    };
    if !is_digits(decimals) || bare && !(is_digits(whole) && decimals.is_empty()) {
        return None;
    }
    let exponent: i32 = exponent.parse().ok()?;
    let digits = if is_digits(whole) {
        whole.to_owned()
    } else {
        grouped(whole, decimal.thousands())?
    };
    let number = match bare {
        true => format!("0.{digits}e{exponent}"),
        false => format!("{digits}.{decimals}e{exponent}"),
    };
    number.parse().ok()
}

/// The digits of a number whose thousands are marked, all by the same mark.
fn grouped(whole: &str, thousands: char) -> Option<String> {
    let mark = whole.chars().find(|c| !c.is_ascii_digit())?;
    let between = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '\u{2019}'];
    if mark != thousands && !between.contains(&mark) {
        return None;
    }
    let groups: Vec<&str> = whole.split(mark).collect();
    let (first, rest) = groups.split_first()?;
    let (last, middle) = rest.split_last()?;
    let is_group = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    let right = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && last.len() == 3
        // In India, groups above the thousands have two digits.
        && middle.iter().all(|group| matches!(group.len(), 2 | 3))
        && groups.iter().all(is_group);
    right.then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, decimal: Decimal, expected: Option<(f64, &str, &str)>) {
        let read = read(text, decimal).map(|read| (read.value, read.before, read.behind));
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn spellings_are_read() {
        for (text, value) in [
            ("1,234.50", 1234.5),
            ("1 234", 1234.0),
            ("1\u{a0}234.5", 1234.5),
            ("1'234'567", 1_234_567.0),
            ("12,34,567.8", 1_234_567.8),
            ("\u{2212}3.25", -3.25),
            ("(3.1)", -3.1),
            ("5-", -5.0),
            ("+5", 5.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1.5e-3", 0.0015),
            ("007", 7.0),
        ] {
            check(text, Decimal::Point, Some((value, "", "")));
        }
        for (text, value) in [("1.234,50", 1234.5), ("-0,905", -0.905), (",5", 0.5)] {
            check(text, Decimal::Comma, Some((value, "", "")));
        }
    }

    #[test]
    fn units_stand_beside() {
        check("5 %", Decimal::Point, Some((5.0, "", "%")));
        check("-$3.10", Decimal::Point, Some((-3.1, "$", "")));
        check("EUR 1,000", Decimal::Point, Some((1000.0, "EUR", "")));
        check(
            "1.000,5 \u{20ac}",
            Decimal::Comma,
            Some((1000.5, "", "\u{20ac}")),
        );
        check("12kg", Decimal::Point, Some((12.0, "", "kg")));
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in [
            "",
            "?",
            "A12",
            "1,5",
            "12,34",
            "0,905",
            "1.2.3",
            "1,234,5",
            "10-20",
            "12:30",
            "4x4",
            "1 2",
            "--5",
            "5 apples",
            "<5",
            "1e",
            "1.234.567",
            "(-5)",
            "1,,234",
            "é",
        ] {
            check(text, Decimal::Point, None);
        }
        check("1.5", Decimal::Comma, None);
        check("1,234,567", Decimal::Comma, None);
    }
}
