//! The label-efficiency table: accuracy of a pre-trained encoder and its rivals by share of labels.

use tinderbox::train::{Arm, LabelEfficiency, Lead, Readout, Score, Tuned};
use tinderbox::transfer::stats;

use crate::table::{Table, interval, tidy};

/// Share by which two figures say different things.
const APART: f64 = 0.005;

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

/// Column headings and rows of text.
type Cells = (Vec<String>, Vec<Vec<String>>);

/// An arm a row, a share of the labels a column, each accuracy in per cent with its 95 % interval over draws and test items, and last what
/// always answering the most frequent class has.
pub fn cells(comparison: &LabelEfficiency) -> Cells {
    let (heading, mut rows) = cells_of(comparison, "test accuracy, %", accuracy);
    if let Some(share) = comparison.majority_share {
        let same = format!("{:.1}", 100.0 * share);
        let columns = heading.len() - 1;
        let row = std::iter::once("the most frequent class".to_string());
        rows.push(row.chain(std::iter::repeat_n(same, columns)).collect());
    }
    (heading, rows)
}

/// The same of the mean recall of the classes, without intervals; none where it says what the accuracy says.
pub fn balanced_cells(comparison: &LabelEfficiency) -> Option<Cells> {
    let apart = |score: &Score| {
        let mut both = score.accuracies.iter().zip(&score.balanced);
        both.any(|(accuracy, balanced)| (accuracy - balanced).abs() > APART)
    };
    let shown = |score: &Score| match score.balanced.as_slice() {
        [] => String::new(),
        balanced => format!("{:.1}", 100.0 * stats::mean(balanced)),
    };
    let any = comparison.scores.iter().any(apart);
    any.then(|| cells_of(comparison, "balanced accuracy, %", shown))
}

fn cells_of(comparison: &LabelEfficiency, title: &str, shown: impl Fn(&Score) -> String) -> Cells {
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
    let heading = std::iter::once(title.to_string())
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
                .map_or(String::new(), &shown)
        };
        std::iter::once(arm_name(arm, readout))
            .chain(shares.iter().map(|(share, _)| cell(*share)))
            .collect()
    });
    (heading, rows.collect())
}

/// A score in per cent: its mean, and half the width of the 95 % interval.
fn accuracy(score: &Score) -> String {
    let mean = score.interval;
    let mean = mean.unwrap_or_else(|| stats::interval(&score.accuracies));
    interval(100.0 * mean.mean, 100.0 * (mean.high - mean.low) / 2.0, 1)
}

/// Column headings and rows of text: by how many points the pre-trained encoder leads each rival, a readout and a rival a row, a share
/// of the labels a column, each with its 95 % interval.
pub fn lead_cells(comparison: &LabelEfficiency) -> Cells {
    let mut shares: Vec<f64> = Vec::new();
    let mut pairs: Vec<(Readout, Arm)> = Vec::new();
    for lead in &comparison.leads {
        if !shares.contains(&lead.share) {
            shares.push(lead.share);
        }
        if !pairs.contains(&(lead.readout, lead.rival)) {
            pairs.push((lead.readout, lead.rival));
        }
    }
    let heading = std::iter::once("lead, points".to_string())
        .chain(shares.iter().map(|share| percent(*share)))
        .collect();
    let rows = pairs.into_iter().map(|(readout, rival)| {
        let cell = |share: &f64| {
            let is_it =
                |lead: &&Lead| (lead.readout, lead.rival, lead.share) == (readout, rival, *share);
            let found = comparison.leads.iter().find(is_it);
            found.map_or(String::new(), |lead| {
                let [mean, half] = [
                    lead.difference.mean,
                    (lead.difference.high - lead.difference.low) / 2.0,
                ]
                .map(|points| 100.0 * points);
                format!("{mean:+.1} ± {half:.1}")
            })
        };
        std::iter::once(format!("{} over {}", readout_name(readout), name(rival)))
            .chain(shares.iter().map(cell))
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
    // Versions that kept no intervals counted the draws alone.
    let counted = comparison
        .scores
        .iter()
        .all(|score| score.interval.is_some());
    let and = if counted { ", and over" } else { ";" };
    let mut text = format!(
        "mean ± 95 % interval over {draws} draws of labels and of {encoders}{and} {} test items",
        comparison.test
    );
    if comparison.scratch_not_flat > 0 {
        text += &format!(
            "; {} scratch runs ended with a loss that still fell",
            comparison.scratch_not_flat
        );
    }
    for Tuned { arm, share, tuning } in &comparison.tuned {
        let arm = match arm {
            Arm::Scratch => name(*arm),
            _ => "fine-tuning",
        };
        let share = percent(*share);
        text += &match tuning {
            Some(tuning) => format!(
                "; {arm} at {share}: rate {} over {} steps, by labels held out of them",
                tidy(tuning.rate),
                tuning.steps
            ),
            None => format!("; {arm} at {share}: too few labels to choose a rate by"),
        };
    }
    text
}

/// The tables for a terminal.
pub fn to_text(comparison: &LabelEfficiency) -> String {
    let accuracies = rendered(cells(comparison));
    let leads = rendered(lead_cells(comparison));
    let balanced = balanced_cells(comparison).map_or(String::new(), |cells| rendered(cells) + "\n");
    format!("{accuracies}{}\n\n{balanced}{leads}", caption(comparison))
}

fn rendered((heading, rows): Cells) -> String {
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
            balanced: Vec::new(),
            interval: None,
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
            tuned: Vec::new(),
            majority_share: None,
        }
    }

    #[test]
    fn the_most_frequent_class_and_the_mean_recall_stand_beside_the_accuracy() {
        let mut comparison = example();
        assert!(balanced_cells(&comparison).is_none());
        comparison.majority_share = Some(0.8);
        comparison.scores[0].balanced = vec![0.52, 0.53, 0.54];
        let text = to_text(&comparison);
        let majority = text
            .lines()
            .find(|line| line.starts_with("the most frequent class"));
        assert!(majority.unwrap().ends_with(" 80.0"), "{text}");
        let from = text.find("balanced accuracy, %").unwrap();
        let row = text[from..].lines().nth(1).unwrap();
        assert!(
            row.starts_with("pre-trained") && row.ends_with(" 53.0"),
            "{text}"
        );
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
        let lead = "lead, points                           1 %\n\
                    linear probe over plain input  +32.0 ± 0.0";
        assert!(text.contains(lead), "{text}");
    }
}
