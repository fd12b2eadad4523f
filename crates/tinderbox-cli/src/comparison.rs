//! The label-efficiency table: accuracy of a pre-trained encoder and its rivals by share of labels.

use tinderbox::train::{Arm, LabelEfficiency, Lead, Readout, Score};
use tinderbox::transfer::stats;

use crate::table::{Table, interval};

fn name(arm: Arm) -> &'static str {
    match arm {
        Arm::PreTrained => "pre-trained encoder",
        Arm::Random => "random encoder",
        Arm::Plain => "plain input",
        Arm::Scratch => "training from scratch",
    }
}

fn readout_name(readout: Readout) -> &'static str {
    match readout {
        Readout::Knn => "kNN",
        Readout::LinearProbe => "linear probe",
        Readout::Head => "fine-tuned",
    }
}

/// What an arm is called in a table.
fn arm_name(arm: Arm, readout: Readout) -> String {
    match (arm, readout) {
        (Arm::Scratch, Readout::Head) => name(arm).to_string(),
        _ => format!("{}, {}", name(arm), readout_name(readout)),
    }
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

/// Column headings and rows of text: by how many points the pre-trained encoder leads each rival at
/// the smallest share, a rival a row, a readout a column, each with its 95 % interval.
pub fn lead_cells(comparison: &LabelEfficiency) -> (Vec<String>, Vec<Vec<String>>) {
    let shares = comparison.leads.iter().map(|lead| lead.share);
    let smallest = shares.fold(f64::INFINITY, f64::min);
    let mut rivals: Vec<Arm> = Vec::new();
    let mut readouts: Vec<Readout> = Vec::new();
    for lead in &comparison.leads {
        if !rivals.contains(&lead.rival) {
            rivals.push(lead.rival);
        }
        if !readouts.contains(&lead.readout) {
            readouts.push(lead.readout);
        }
    }
    let heading = std::iter::once(format!("lead at {}, points", percent(smallest)))
        .chain(readouts.iter().map(|readout| readout_name(*readout).into()))
        .collect();
    let rows = rivals.into_iter().map(|rival| {
        let cell = |readout: Readout| {
            let is_it =
                |lead: &&Lead| (lead.rival, lead.readout, lead.share) == (rival, readout, smallest);
            comparison
                .leads
                .iter()
                .find(is_it)
                .map_or(String::new(), |lead| {
                    let [mean, low, high] = [
                        lead.difference.mean,
                        lead.difference.low,
                        lead.difference.high,
                    ]
                    .map(|points| 100.0 * points);
                    format!("{mean:+.1} ({low:+.1} to {high:+.1})")
                })
        };
        std::iter::once(format!("over {}", name(rival)))
            .chain(readouts.iter().map(|readout| cell(*readout)))
            .collect()
    });
    (heading, rows.collect())
}

/// What the figures are over.
pub fn caption(comparison: &LabelEfficiency) -> String {
    let draws = comparison
        .scores
        .first()
        .map_or(0, |score| score.accuracies.len());
    let encoders = if comparison.pretrain_each {
        "initial weights, each with an encoder pre-trained anew"
    } else {
        "the rivals' initial weights, with one pre-trained encoder"
    };
    let mut text = format!(
        "mean ± 95 % interval over {draws} draws of labels and of {encoders}; {} test items",
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

/// The tables for a terminal.
pub fn to_text(comparison: &LabelEfficiency) -> String {
    let accuracies = rendered(cells(comparison));
    let leads = rendered(lead_cells(comparison));
    format!("{accuracies}{}\n\n{leads}", caption(comparison))
}

fn rendered((heading, rows): (Vec<String>, Vec<Vec<String>>)) -> String {
    let mut table = Table::new(heading);
    for row in rows {
        table.row(row);
    }
    table.render()
}

fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.trim_end_matches(".0"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

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
            pretrain_each: false,
            scores: vec![score(Arm::PreTrained, &ours), score(Arm::Plain, &theirs)],
            leads: vec![Lead {
                rival: Arm::Plain,
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
        // The same difference in every draw has an interval of no width.
        let lead = "lead at 1 %, points            linear probe\n\
                    over plain input     +32.0 (+32.0 to +32.0)";
        assert!(text.contains(lead), "{text}");
    }
}
