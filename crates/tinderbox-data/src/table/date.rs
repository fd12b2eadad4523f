//! Dates and times as text.
//!
//! Days are counted in the Gregorian calendar, which ISO 8601 also uses for the years before 1582.

use crate::DataError;

const DAY: i64 = 86_400;

/// Days from 1 March of the year 0 to 1 January 1970.
const BEFORE_1970: i64 = 719_468;

/// Days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// Seconds since 1970-01-01T00:00:00Z of a date of ISO 8601 with a time or none; nothing for any other text.
///
/// The extended format is read: `YYYY-MM-DD`, then `T` or a space and `hh:mm`, `hh:mm:ss` or a fraction of that after a point or a comma, of
/// which nanoseconds are kept, then `Z`, `±hh:mm`, `±hhmm` or `±hh`. A date is its midnight, and what has no offset is UTC. Leap seconds
/// and 24:00 are not read, nor are days that no calendar has.
pub(super) fn parse(text: &str) -> Option<f64> {
    let (year, rest) = digits::<4>(text.trim().as_bytes())?;
    let (month, rest) = digits::<2>(rest.strip_prefix(b"-")?)?;
    let (day, rest) = digits::<2>(rest.strip_prefix(b"-")?)?;
    let midnight = midnight(year, month, day)?;
    match rest {
        [] => Some(midnight as f64),
        [b'T' | b't' | b' ', rest @ ..] => at_time(midnight, rest),
        _ => None,
    }
}

/// Seconds since 1970 of the beginning of a day; nothing for one that the calendar does not have.
pub(super) fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_day = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    is_day.then(|| days_since_1970(year, month, day) * DAY)
}

/// Seconds since 1970 of a time of the day that begins at `midnight`, with an offset or none.
pub(super) fn at_time(midnight: i64, time: &[u8]) -> Option<f64> {
    let (hour, rest) = below::<24>(time)?;
    let (minute, rest) = below::<60>(rest.strip_prefix(b":")?)?;
    let (second, nanoseconds, rest) = match rest.strip_prefix(b":") {
        None => (0, 0, rest),
        Some(rest) => {
            let (second, rest) = below::<60>(rest)?;
            let (nanoseconds, rest) = fraction(rest)?;
            (second, nanoseconds, rest)
        }
    };
    let seconds = midnight + hour * 3600 + minute * 60 + second - offset(rest)?;
    Some(seconds as f64 + nanoseconds as f64 / 1e9)
}

/// The date of seconds since 1970, with its time unless that is midnight; fractions are left out.
pub(super) fn written(seconds: f64) -> String {
    let seconds = seconds.floor() as i64;
    let (days, time) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date_of(days);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if time == 0 {
        return date;
    }
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Refuses values of which some are dates and some are numbers: they have no unit in common.
pub(super) fn check_unit(dates: u64, values: u64) -> Result<(), DataError> {
    if dates == 0 || dates == values {
        return Ok(());
    }
    let got = format!("partly dates, {dates} of {values}");
    Err(DataError::config("values", "dates alone or numbers", got))
}

/// The number of `N` digits, and what follows them.
fn digits<const N: usize>(text: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    let add = |number: i64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        Some(number * 10 + digit)
    };
    Some((digits.iter().try_fold(0, add)?, rest))
}

/// A number of two digits below `LIMIT`, and what follows it.
fn below<const LIMIT: i64>(text: &[u8]) -> Option<(i64, &[u8])> {
    digits::<2>(text).filter(|(number, _)| *number < LIMIT)
}

/// Nanoseconds of a fraction of a second, 0 if there is none, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else {
        return Some((0, text));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = rest.split_at(length);
    let mut unit = 1_000_000_000;
    let mut nanoseconds = 0;
    for digit in fraction.iter().take(9) {
        unit /= 10;
        nanoseconds += i64::from(digit - b'0') * unit;
    }
    (length > 0).then_some((nanoseconds, rest))
}

/// Seconds that an offset from UTC is ahead of it; nothing if anything follows it.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = below::<24>(rest)?;
    let (minutes, rest) = match rest {
        [] => (0, rest),
        _ => below::<60>(rest.strip_prefix(b":").unwrap_or(rest))?,
    };
    rest.is_empty()
        .then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Years are counted from March, so that a leap day ends its year (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let days = year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    era * ERA + days - BEFORE_1970
}

/// Year, month and day, the inverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + BEFORE_1970;
    let (era, days) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (days - days / 1460 + days / 36_524 - days / 146_096) / 365;
    let days = days - (365 * year + year / 4 - year / 100);
    let month = (5 * days + 2) / 153;
    let day = days - (153 * month + 2) / 5 + 1;
    let year = year + era * 400;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The days of the months of a year.
    fn lengths(year: i64) -> [i64; 12] {
        let leap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
        let february = if leap { 29 } else { 28 };
        [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    }

    /// Year, month and day by counting years, then months, one by one from 1970.
    fn counted(mut days: i64) -> (i64, i64, i64) {
        let days_of = |year: i64| lengths(year).iter().sum::<i64>();
        let mut year = 1970;
        while days < 0 {
            year -= 1;
            days += days_of(year);
        }
        while days >= days_of(year) {
            days -= days_of(year);
            year += 1;
        }
        let mut month = 0;
        while days >= lengths(year)[month] {
            days -= lengths(year)[month];
            month += 1;
        }
        (year, month as i64 + 1, days + 1)
    }

    /// Days from 1 January of the year 0 and to 31 December 9999, counted from 1970.
    const FIRST: i64 = -719_528;
    const LAST: i64 = 2_932_896;

    proptest! {
        #[test]
        fn dates_are_read_and_written_as_days_are_counted(
            days in FIRST..=LAST, time in 0..DAY, nanoseconds in 0_i64..1_000_000_000, minutes in -1439_i64..1440,
        ) {
            let (year, month, day) = counted(days);
            let date = format!("{year:04}-{month:02}-{day:02}");
            prop_assert_eq!(parse(&date), Some((days * DAY) as f64));
            prop_assert_eq!(written((days * DAY) as f64), date.clone());
            let clock = format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60);
            let seconds = days * DAY + time;
            for text in [format!("{date}T{clock}"), format!(" {date} {clock}Z")] {
                prop_assert_eq!(parse(&text), Some(seconds as f64), "{}", text);
            }
            if time > 0 {
                prop_assert_eq!(parse(&written(seconds as f64)), Some(seconds as f64));
            }
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            let expected = (seconds - minutes * 60) as f64 + nanoseconds as f64 / 1e9;
            for colon in [":", ""] {
                let text = format!("{date}T{clock}.{nanoseconds:09}{sign}{hours:02}{colon}{rest:02}");
                prop_assert_eq!(parse(&text), Some(expected), "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text: String, near in "[0-9]{3,5}[-/][0-9]{1,3}-[0-9]{1,3}([T ][0-9:.,é+Z-]{0,14})?") {
            let _ = parse(&text);
            if let Some(seconds) = parse(&near) {
                prop_assert!(parse(&near[..10]).is_some_and(|day| (seconds - day).abs() < 2.0 * DAY as f64));
            }
        }

        #[test]
        fn any_number_is_written(seconds: f64) {
            prop_assert!(written(seconds).len() >= 10);
        }
    }

    #[test]
    fn months_have_the_days_that_are_counted() {
        let mut days = FIRST;
        for year in 0..10_000 {
            for (month, length) in (1..).zip(lengths(year)) {
                let read = |day: i64| parse(&format!("{year:04}-{month:02}-{day:02}"));
                assert_eq!(read(1), Some((days * DAY) as f64));
                days += length;
                assert_eq!(read(length), Some(((days - 1) * DAY) as f64));
                assert_eq!(read(length + 1), None, "{year}-{month}");
            }
        }
        assert_eq!(days, LAST + 1);
    }

    #[test]
    fn known_moments() {
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("2024-05-17", 1_715_904_000.0),
            ("2024-05-17T12:30:00Z", 1_715_949_000.0),
            ("2024-05-17 12:30:00.25+02:00", 1_715_941_800.25),
            ("2024-05-17t12:30z", 1_715_949_000.0),
            ("2024-05-17T12:30:00,5-0230", 1_715_958_000.5),
            ("2024-05-17 12:30:00+02", 1_715_941_800.0),
            ("2024-02-29", 1_709_164_800.0),
            ("1969-12-31T23:59:59.75", -0.25),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_of_the_calendar_or_of_the_format_is_not_read() {
        for text in [
            "",
            "2024",
            "2024-05",
            "20240517",
            "12345-6789",
            "2024-137",
            "2024-W20-5",
            "24-05-17",
            "2024-5-7",
            "2024/05/17",
            "17-05-2024",
            "+2024-05-17",
            "-2024-05-17",
            "2024-13-01",
            "2024-00-10",
            "2024-02-31",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-05-00",
            "0000-00-00",
            "2024-05-17x",
            "2024-05-17T",
            "2024-05-17T12",
            "2024-05-17T24:00",
            "2024-05-17T12:60",
            "2024-05-17T23:59:60",
            "2024-05-17T12:30:00.",
            "2024-05-17T12:30.5",
            "2024-05-17T12:30:00+24:00",
            "2024-05-17T12:30:00+02:",
            "2024-05-17T12:30:00 UTC",
            "2024-05-17T12:30:00ZZ",
            "2024-05-17Z",
            "２０２４-05-17",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_and_numbers_have_no_common_unit() {
        assert!(check_unit(0, 5).is_ok() && check_unit(5, 5).is_ok());
        let error = check_unit(2, 5).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`values` is partly dates, 2 of 5, expected dates alone or numbers"
        );
    }
}
