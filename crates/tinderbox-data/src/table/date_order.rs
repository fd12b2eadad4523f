//! Dates in the orders and with the signs that people use: `17.05.2024`, `5/17/24 3:30 PM`, `17 May 2024`, `2024-05`.

use super::date::{at_time, midnight};

/// Years of two digits from here on are of the 20th century, as POSIX has it.
const PIVOT: i64 = 69;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Which part of a date comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateOrder {
    /// `2024/05/17`.
    YearMonthDay,
    /// `17.05.2024`.
    DayMonthYear,
    /// `05/17/2024`.
    MonthDayYear,
    /// `2024-05`, its first day.
    YearMonth,
    /// `05/2024`, its first day.
    MonthYear,
}

impl DateOrder {
    /// All orders, those that are sure first.
    pub(super) const ALL: [Self; 5] = [
        Self::YearMonthDay,
        Self::DayMonthYear,
        Self::MonthDayYear,
        Self::YearMonth,
        Self::MonthYear,
    ];

    /// An example that names the parts: `dd.mm.yyyy`.
    pub fn pattern(self) -> &'static str {
        match self {
            Self::YearMonthDay => "yyyy/mm/dd",
            Self::DayMonthYear => "dd.mm.yyyy",
            Self::MonthDayYear => "mm/dd/yyyy",
            Self::YearMonth => "yyyy-mm",
            Self::MonthYear => "mm/yyyy",
        }
    }

    /// The order of a pattern, such as `dd.mm.yyyy`, `DMY` or `%d.%m.%Y`: that of its letters.
    pub fn of_pattern(pattern: &str) -> Option<Self> {
        let mut letters = String::new();
        for letter in pattern.chars().filter(|c| c.is_alphabetic()) {
            let letter = letter.to_ascii_lowercase();
            if !letters.ends_with(letter) {
                letters.push(letter);
            }
        }
        Some(match letters.as_str() {
            "ymd" => Self::YearMonthDay,
            "dmy" => Self::DayMonthYear,
            "mdy" => Self::MonthDayYear,
            "ym" => Self::YearMonth,
            "my" => Self::MonthYear,
            _ => return None,
        })
    }

    /// Seconds since 1970 of a date in this order, with a time behind it or none; nothing for any other text.
    ///
    /// The parts stand between points, slashes, hyphens, spaces or commas; a month may have its English name, and a year two digits if it
    /// stands last. Without signs between them, year, month and day are eight digits.
    pub(super) fn read(self, text: &str) -> Option<f64> {
        let text = text.trim();
        let mut rest = text;
        let [year, month, day] = match self {
            Self::YearMonthDay if is_digits(text) && text.len() == 8 => {
                rest = "";
                [&text[..4], &text[4..6], &text[6..]]
            }
            Self::YearMonthDay => {
                let parts = [part(&mut rest)?, part(&mut rest)?, part(&mut rest)?];
                [parts[0], parts[1], parts[2]]
            }
            Self::DayMonthYear => {
                let parts = [part(&mut rest)?, part(&mut rest)?, part(&mut rest)?];
                [parts[2], parts[1], parts[0]]
            }
            Self::MonthDayYear => {
                let parts = [part(&mut rest)?, part(&mut rest)?, part(&mut rest)?];
                [parts[2], parts[0], parts[1]]
            }
            Self::YearMonth => [part(&mut rest)?, part(&mut rest)?, "1"],
            Self::MonthYear => {
                let parts = [part(&mut rest)?, part(&mut rest)?];
                [parts[1], parts[0], "1"]
            }
        };
        let last = matches!(self, Self::DayMonthYear | Self::MonthDayYear);
        let midnight = midnight(year_of(year, last)?, month_of(month)?, day_of(day)?)?;
        let whole_months = matches!(self, Self::YearMonth | Self::MonthYear);
        match rest {
            "" => Some(midnight as f64),
            _ if whole_months => None,
            time => moment(midnight, time),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The next part of a date, letters or digits, and the signs behind it passed over.
fn part<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let text = *rest;
    let of_digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| match of_digits {
        true => !c.is_ascii_digit(),
        false => !c.is_ascii_alphabetic(),
    });
    let (part, behind) = text.split_at(end.unwrap_or(text.len()));
    let signs = behind
        .find(|c: char| !matches!(c, '.' | '/' | '-' | ' ' | ','))
        .unwrap_or(behind.len());
    // A `T` between date and time is of neither.
    *rest = match signs {
        0 => behind.strip_prefix(['T', 't']).unwrap_or(behind),
        _ => &behind[signs..],
    };
    (!part.is_empty() && signs <= 2).then_some(part)
}

fn year_of(text: &str, short: bool) -> Option<i64> {
    let year: i64 = text.parse().ok()?;
    match text.len() {
        4 => Some(year),
        2 if short => Some(year + if year < PIVOT { 2000 } else { 1900 }),
        _ => None,
    }
}

fn month_of(text: &str) -> Option<i64> {
    if text.len() <= 2 {
        return text.parse().ok();
    }
    let text = text.to_ascii_lowercase();
    let place = MONTHS.iter().position(|month| {
        *month == text || month[..3] == text || text == "sept" && &month[..3] == "sep"
    });
    Some(place? as i64 + 1)
}

fn day_of(text: &str) -> Option<i64> {
    (text.len() <= 2).then(|| text.parse().ok()).flatten()
}

/// A time of day behind a date, of 24 hours or of 12.
fn moment(midnight: i64, time: &str) -> Option<f64> {
    match clock(time) {
        Some(seconds) if seconds < 86_400.0 => Some(midnight as f64 + seconds),
        Some(_) => None,
        None => at_time(midnight, time.as_bytes()),
    }
}

/// Seconds of `hh:mm`, `hh:mm:ss` or a fraction of these, with `AM` or `PM` behind or not; hours may be more than 24.
pub(super) fn clock(text: &str) -> Option<f64> {
    let text = text.trim();
    let upper = text.to_ascii_uppercase();
    let (time, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(time), _) => (time.trim_end(), Some(0.0)),
        (_, Some(time)) => (time.trim_end(), Some(12.0)),
        _ => (upper.as_str(), None),
    };
    let mut parts = time.split(':');
    let (hours, minutes) = (parts.next()?, parts.next()?);
    let seconds = parts.next().unwrap_or("0");
    let whole = seconds.split_once('.').map_or(seconds, |(whole, _)| whole);
    let right = parts.next().is_none()
        && is_digits(hours)
        && hours.len() <= 4
        && is_digits(minutes)
        && minutes.len() == 2
        && is_digits(whole)
        && whole.len() <= 2;
    if !right {
        return None;
    }
    let (mut hours, minutes): (f64, f64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds: f64 = seconds.parse().ok()?;
    if minutes >= 60.0 || seconds >= 60.0 {
        return None;
    }
    if let Some(half) = half {
        if !(1.0..=12.0).contains(&hours) {
            return None;
        }
        hours = hours % 12.0 + half;
    }
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = 1_715_904_000.0;

    #[track_caller]
    fn check(order: DateOrder, text: &str, expected: Option<f64>) {
        assert_eq!(order.read(text), expected, "{text}");
    }

    #[test]
    fn orders_and_signs_are_read() {
        use DateOrder::{DayMonthYear, MonthDayYear, MonthYear, YearMonth, YearMonthDay};
        for text in [
            "17.05.2024",
            "17/5/2024",
            "17-05-24",
            "17 May 2024",
            "17-may-2024",
        ] {
            check(DayMonthYear, text, Some(DAY));
        }
        for text in ["05/17/2024", "5-17-24", "May 17, 2024"] {
            check(MonthDayYear, text, Some(DAY));
        }
        for text in ["2024/05/17", "2024.5.17", "20240517", "2024-05-17"] {
            check(YearMonthDay, text, Some(DAY));
        }
        check(YearMonth, "2024-05", Some(DAY - 16.0 * 86_400.0));
        check(MonthYear, "05/2024", Some(DAY - 16.0 * 86_400.0));
        check(DayMonthYear, "17.05.2024 12:30", Some(DAY + 45_000.0));
        check(MonthDayYear, "5/17/2024 3:30:05 PM", Some(DAY + 55_805.0));
        check(
            YearMonthDay,
            "2024/05/17T12:30:00+02:00",
            Some(DAY + 37_800.0),
        );
    }

    #[test]
    fn what_is_no_date_of_that_order_is_not_read() {
        for text in [
            "",
            "2024",
            "17.05",
            "31.02.2024",
            "05/17/2024",
            "1.234.567",
            "a.b.c",
            "17.05.2024x",
            "é.05.2024",
        ] {
            check(DateOrder::DayMonthYear, text, None);
        }
        check(DateOrder::YearMonth, "2024-13", None);
        check(DateOrder::YearMonth, "2024-05-17", None);
    }

    #[test]
    fn a_clock_is_read() {
        assert_eq!(clock("01:30"), Some(5400.0));
        assert_eq!(clock("1:30:15.5 pm"), Some(48_615.5));
        assert_eq!(clock("12:00 AM"), Some(0.0));
        assert_eq!(clock("26:10"), Some(94_200.0));
        for text in ["", "1:3", "12:60", "13:00 PM", "1:2:3:4", "a:bc", "1,5:30"] {
            assert_eq!(clock(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_name_the_order() {
        for order in DateOrder::ALL {
            assert_eq!(DateOrder::of_pattern(order.pattern()), Some(order));
        }
        assert_eq!(
            DateOrder::of_pattern("%d.%m.%Y"),
            Some(DateOrder::DayMonthYear)
        );
        assert_eq!(DateOrder::of_pattern("dd"), None);
    }
}
