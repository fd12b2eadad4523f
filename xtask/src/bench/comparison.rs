//! Our step against PyTorch's with each option: ratio, memory, and whether the bounds hold.

use serde_json::{Value, json};

use super::ratio::{Ratio, overall, ratio};
use super::turns::{QUIET, Side, Size, Turns};

/// A step of ours, and PyTorch with the options to compare with.
pub struct Row {
    pub name: &'static str,
    /// The step that the workers know. Rows of one step share their rounds.
    pub step: &'static str,
    pub size: Size,
    /// PyTorch's options, the first as it comes.
    pub options: &'static [&'static str],
    /// On the ratio to PyTorch as it comes.
    pub plain: Bounds,
    /// On the ratio to PyTorch with whichever option is the fastest.
    pub fastest: Bounds,
}

/// Ratios to reach.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    must: Option<f64>,
    aim: Option<f64>,
}

/// A ratio that is only told.
pub const NONE: Bounds = bounds(None, None);

pub const fn bounds(must: Option<f64>, aim: Option<f64>) -> Bounds {
    Bounds { must, aim }
}

/// Ours against PyTorch with one option.
pub struct Comparison<'a> {
    row: &'a Row,
    options: &'static str,
    ours: &'a Turns,
    peer: &'a Turns,
    ratio: Ratio,
    /// PyTorch as it comes.
    plain: bool,
    /// No other option of the row is faster.
    fastest: bool,
}

/// One comparison an option, in the order of the options.
///
/// # Panics
/// If a side of the row took no turns.
pub fn compare<'a>(row: &'a Row, turns: &'a [Turns]) -> Vec<Comparison<'a>> {
    let by = |wanted: Side| {
        let found = turns.iter().find(|turns| turns.contestant.side == wanted);
        found.expect("every side of a row takes turns")
    };
    let time = |options: &'static str| overall(&by(Side::Peer(options)).seconds);
    let fastest = row
        .options
        .iter()
        .copied()
        .min_by(|one, other| time(one).total_cmp(&time(other)));
    let ours = by(Side::Ours);
    row.options
        .iter()
        .map(|&options| {
            let peer = by(Side::Peer(options));
            Comparison {
                row,
                options,
                ours,
                peer,
                ratio: ratio(&ours.seconds, &peer.seconds),
                plain: options == row.options[0],
                fastest: Some(options) == fastest,
            }
        })
        .collect()
}

impl Comparison<'_> {
    pub fn to_json(&self) -> Value {
        let side = |turns: &Turns| {
            json!({
                "median": overall(&turns.seconds),
                "seconds": turns.seconds,
                "threads": turns.contestant.threads,
                "peak_bytes": turns.memory.peak,
                "library_bytes": turns.memory.libraries,
                "others": turns.others,
            })
        };
        json!({
            "name": self.row.name,
            "batch": self.row.size.batch,
            "length": self.row.size.length,
            "options": self.options,
            "as_it_comes": self.plain,
            "fastest": self.fastest,
            "ratio": self.ratio.value,
            "least": self.ratio.least,
            "most": self.ratio.most,
            "ours": side(self.ours),
            "peer": side(self.peer),
        })
    }

    /// The most that others had of a turn of either side.
    fn others(&self) -> f64 {
        self.ours.others.max(self.peer.others)
    }

    /// What the row asks of this comparison, and whether it holds.
    fn verdicts(&self) -> String {
        let mut words = Vec::new();
        let mut judge = |applies: bool, what: &str, bounds: Bounds| {
            if !applies {
                return;
            }
            let bounds = [("must", bounds.must), ("aim", bounds.aim)];
            let judged = bounds.iter().filter_map(|(kind, bound)| {
                let bound = (*bound)?;
                let verdict = match self.others() <= QUIET {
                    true => verdict(self.ratio.value >= bound),
                    false => "not quiet",
                };
                Some(format!(", {kind} {bound}: {verdict}"))
            });
            words.push(format!("{what}{}", judged.collect::<String>()));
        };
        judge(self.plain, "as it comes", self.row.plain);
        judge(self.fastest, "fastest", self.row.fastest);
        if let (true, Some(ours), Some(peer)) =
            (self.plain, self.ours.memory.peak, self.peer.memory.peak)
        {
            words.push(format!("memory: {}", verdict(ours <= peer)));
        }
        words.join("; ")
    }
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "MISSED" }
}

const HEAD: [&str; 11] = [
    "row",
    "PyTorch",
    "ours ms",
    "its ms",
    "ratio",
    "rounds",
    "others",
    "ours MB",
    "its MB",
    "libraries",
    "bounds",
];

/// A line a comparison under a head.
pub fn table<'a>(comparisons: impl Iterator<Item = Comparison<'a>>) -> Vec<Vec<String>> {
    let milliseconds = |turns: &Turns| format!("{:.1}", 1e3 * overall(&turns.seconds));
    let megabytes = |bytes: Option<u64>| {
        bytes.map_or("?".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6))
    };
    let lines = comparisons.map(|one| {
        vec![
            one.row.name.to_owned(),
            one.options.to_owned(),
            milliseconds(one.ours),
            milliseconds(one.peer),
            format!("{:.2}", one.ratio.value),
            format!("{:.2}..{:.2}", one.ratio.least, one.ratio.most),
            format!("{:.0} %", 100.0 * one.others()),
            megabytes(one.ours.memory.peak),
            megabytes(one.peer.memory.peak),
            megabytes(one.peer.memory.libraries),
            one.verdicts(),
        ]
    });
    std::iter::once(HEAD.map(str::to_owned).to_vec())
        .chain(lines)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::turns::Contestant;
    use crate::bench::worker::Memory;

    fn turns(side: Side, seconds: f64, megabytes: u64) -> Turns {
        Turns {
            contestant: Contestant { side, threads: 2 },
            seconds: vec![vec![seconds], vec![seconds]],
            memory: Memory {
                peak: Some(megabytes * 1_000_000),
                libraries: None,
            },
            others: 0.0,
            facts: Value::Null,
        }
    }

    #[test]
    fn bounds_are_judged_where_they_apply() {
        let row = Row {
            name: "x/row",
            step: "x",
            size: Size {
                batch: 1,
                length: 0,
            },
            options: &["eager", "compiled"],
            plain: bounds(Some(1.0), Some(1.5)),
            fastest: bounds(None, Some(1.2)),
        };
        let mut turns = [
            turns(Side::Ours, 0.010, 100),
            turns(Side::Peer("eager"), 0.014, 90),
            turns(Side::Peer("masked-only"), 0.001, 90),
            turns(Side::Peer("compiled"), 0.012, 200),
        ];
        let lines = table(compare(&row, &turns).into_iter());
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[1],
            [
                "x/row",
                "eager",
                "10.0",
                "14.0",
                "1.40",
                "1.40..1.40",
                "0 %",
                "100",
                "90",
                "?",
                "as it comes, must 1: holds, aim 1.5: MISSED; memory: MISSED"
            ]
        );
        assert_eq!(lines[2][1], "compiled");
        assert_eq!(lines[2][10], "fastest, aim 1.2: holds");

        turns[3].others = 0.5;
        let lines = table(compare(&row, &turns).into_iter());
        assert_eq!(lines[2][6], "50 %");
        assert_eq!(lines[2][10], "fastest, aim 1.2: not quiet");
    }
}
