//! Numbers that stand for missing ones, such as -999.

use super::profile::ColumnProfile;

/// Sentinels lie so many times as far from all other numbers as these lie apart.
const FAR: f64 = 3.0;

/// The number that may stand for missing ones, with how often it does: nines or a negative power of ten that comes more than once, far from
/// all others.
pub(super) fn sentinel(column: &ColumnProfile) -> Option<(&str, u64)> {
    let counted = column.categories.by_name()?;
    let numbers: Vec<(f64, &str, u64)> = counted
        .into_iter()
        .filter_map(|(name, count)| Some((name.trim().parse().ok()?, name, count)))
        .filter(|(number, _, _): &(f64, _, _)| number.is_finite())
        .collect();
    let [first, second, .., before, last] = &numbers[..] else {
        return None;
    };
    let is_far = |gap: f64, range: f64| gap > FAR * range && range > 0.0;
    let found = if is_far(second.0 - first.0, last.0 - second.0) {
        first
    } else if is_far(last.0 - before.0, before.0 - first.0) {
        last
    } else {
        return None;
    };
    (is_sentinel(found.0) && found.2 > 1).then_some((found.1, found.2))
}

fn is_sentinel(number: f64) -> bool {
    let size = number.abs();
    let digits = format!("{size}");
    let nines = digits.len() > 1 && digits.bytes().all(|byte| byte == b'9');
    let power = number < 0.0 && digits.trim_end_matches('0') == "1";
    nines || power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Cell, Row, Table, TableProfile};

    #[track_caller]
    fn check(values: &[&str], expected: Option<(&str, u64)>) {
        let rows = values
            .iter()
            .map(|value| Row::from_cells(1, [Cell::Text(value)]));
        let table = Table::new(vec!["a".to_owned()], rows.collect()).unwrap();
        let profile = TableProfile::inspect(&mut table.reader()).unwrap();
        assert_eq!(sentinel(&profile.columns[0]), expected);
    }

    #[test]
    fn nines_far_from_all_others_stand_out() {
        check(&["1", "4.5", "-999", "7", "-999"], Some(("-999", 2)));
        check(&["21", "34", "9999", "7", "9999", "3"], Some(("9999", 2)));
        check(&["0", "1", "1", "-1", "-1", "1", "0.5"], None);
        check(&["98", "97", "99", "99", "90"], None);
        check(&["1", "4.5", "-999", "7"], None);
        check(&["1", "4.5", "-500", "-500", "7"], None);
    }
}
