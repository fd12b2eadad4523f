//! The label-efficiency table: accuracy of a pre-trained encoder and its rivals by share of labels.

use tinderbox::train::{Arm, LabelEfficiency, Readout, Score};
use tinderbox::transfer::stats;

use crate::table::{Table, interval};

/// What an arm is called in a table.
pub fn arm_name(arm: Arm, readout: Readout) -> String {
    let arm = match arm {
        Arm::PreTrained => "pre-trained encoder",
        Arm::Random => "random encoder",
        Arm::Pixels => "plain pixels",
        Arm::Scratch => "trained from scratch",
    };
    let readout = match readout {
        Readout::Knn => ", kNN",
        Readout::LinearProbe => ", linear probe",
        Readout::Head => "",
    };
    format!("{arm}{readout}")
}

/// Column headings and rows of text: an arm a row, a share of the labels a column, each accuracy
/// in per cent with its 95 % interval over the draws.
pub fn cells(comparison: &LabelEfficiency) -> (Vec<String>, Vec<Vec<String>>) {
    let mut shares: Vec<(f64, usize)> = Vec::new();
    let mut arms: Vec<(Arm, Readout)> = Vec::new();
    for score in &comparison.scores {
        if !shares.iter().any(|(share, _)| *share == score.share) {
            shares.push((score.share, score.labels));
        }
        if !arms.contains(&(score.arm, score.readout)) {
            arms.push((score.arm, score.readout));
        }
    }
    let heading = std::iter::once("test accuracy, %".to_string())
        .chain(
            shares
                .iter()
                .map(|(share, labels)| format!("{} ({labels} labels)", percent(*share))),
        )
        .collect();
    let rows = arms.into_iter().map(|(arm, readout)| {
        let cell = |share: f64| {
            let is_it =
                |score: &&Score| (score.arm, score.readout, score.share) == (arm, readout, share);
            comparison
                .scores
                .iter()
                .find(is_it)
                .map_or(String::new(), accuracy)
        };
        std::iter::once(arm_name(arm, readout))
            .chain(shares.iter().map(|(share, _)| cell(*share)))
            .collect()
    });
    (heading, rows.collect())
}

/// A score in per cent: its mean, and half the width of the 95 % interval.
fn accuracy(score: &Score) -> String {
    let mean = stats::interval(&score.accuracies);
    interval(100.0 * mean.mean, 100.0 * (mean.high - mean.low) / 2.0, 1)
}

/// By how much the pre-trained encoder leads each rival, as sentences.
pub fn leads(comparison: &LabelEfficiency) -> Vec<String> {
    comparison
        .leads
        .iter()
        .map(|lead| {
            format!(
                "{} of the labels: {:+.1} points over {} (95 % interval {:+.1} to {:+.1})",
                percent(lead.share),
                100.0 * lead.difference.mean,
                arm_name(lead.rival, lead.readout),
                100.0 * lead.difference.low,
                100.0 * lead.difference.high,
            )
        })
        .collect()
}

/// What the figures are over.
pub fn caption(comparison: &LabelEfficiency) -> String {
    let draws = comparison
        .scores
        .first()
        .map_or(0, |score| score.accuracies.len());
    let mut text = format!(
        "mean ± 95 % interval over {draws} draws of labels and of the rivals' initial weights, with one \
         pre-trained encoder; {} test items",
        comparison.test
    );
    if comparison.scratch_not_flat > 0 {
        text += &format!(
            "; {} scratch runs ended with a loss that still fell",
            comparison.scratch_not_flat
        );
    }
    text
}

/// The table for a terminal.
pub fn to_text(comparison: &LabelEfficiency) -> String {
    let (heading, rows) = cells(comparison);
    let mut table = Table::new(heading);
    for row in rows {
        table.row(row);
    }
    format!("{}{}\n", table.render(), caption(comparison))
}

fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.trim_end_matches(".0"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use tinderbox::train::Lead;

    /// A comparison of two arms.
    pub(crate) fn example() -> LabelEfficiency {
        let score = |arm, accuracies: &[f64]| Score {
            arm,
            readout: Readout::LinearProbe,
            share: 0.01,
            labels: 12,
            accuracies: accuracies.to_vec(),
        };
        let (ours, theirs) = ([0.82, 0.83, 0.84], [0.5, 0.51, 0.52]);
        LabelEfficiency {
            train: 1_198,
            test: 599,
            scores: vec![score(Arm::PreTrained, &ours), score(Arm::Pixels, &theirs)],
            leads: vec![Lead {
                rival: Arm::Pixels,
                readout: Readout::LinearProbe,
                share: 0.01,
                difference: stats::paired_interval(&ours, &theirs),
            }],
            scratch_not_flat: 0,
        }
    }

    #[test]
    fn the_text_shows_per_cent_with_intervals() {
        let text = to_text(&example());
        // Student's t for 2 degrees of freedom is 4.303; the deviation is 0.01.
        assert!(
            text.contains("1 % (12 labels)") && text.contains("83.0 ± 2.5"),
            "{text}"
        );
        assert!(text.contains("over 3 draws of labels") && text.contains("599 test items"));
        let leads = leads(&example());
        assert!(
            leads[0].starts_with("1 % of the labels: +32.0 points over plain pixels"),
            "{leads:?}"
        );
    }
}
