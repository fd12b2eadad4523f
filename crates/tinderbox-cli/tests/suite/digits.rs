//! What the README promises of its first command.

use crate::expect;

/// Rivals that learnt what they can: arm, readout, share of the labels, and the accuracy that each has at least. A rival that loses by the
/// choice of its penalty (48 % where it had 66) or of its rate (92 % where it had 96) makes a lead too good.
const RIVALS: [(&str, &str, f64, f64); 4] = [
    ("random", "linear-probe", 0.01, 0.58),
    ("plain", "linear-probe", 0.01, 0.58),
    ("scratch", "head", 0.1, 0.945),
    ("scratch", "head", 1.0, 0.98),
];

/// By what pre-training must lead each rival at 1 % of the labels, on average, where both are read out of their features.
const LEAD: f64 = 0.05;

#[test]
fn pre_training_on_digits_beats_every_rival_at_one_per_cent_of_the_labels() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["pretrain", "simclr-digits", "--quiet", "--json"];
    let output = expect(folder.path(), &words, 0);
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let comparison = &result["comparison"];
    assert_eq!(comparison["test"], 599);
    assert_eq!(comparison["pretrain_each"], true);
    // A rival that had not learnt what it could would prove nothing.
    assert_eq!(comparison["scratch_not_flat"], 0);
    let scores = comparison["scores"].as_array().unwrap();
    for score in scores {
        assert_eq!(score["accuracies"].as_array().unwrap().len(), 5);
    }
    for (arm, readout, share, least) in RIVALS {
        let is_it = |score: &&serde_json::Value| {
            score["arm"] == arm && score["readout"] == readout && score["share"] == share
        };
        let score = scores.iter().find(is_it).unwrap();
        assert!(
            score["interval"]["mean"].as_f64().unwrap() > least,
            "{score}"
        );
    }
    let leads = comparison["leads"].as_array().unwrap();
    let at_one = leads.iter().filter(|lead| lead["share"] == 0.01);
    let mut rivals = 0;
    for lead in at_one {
        let difference = |name: &str| lead["difference"][name].as_f64().unwrap();
        let (mean, low) = (difference("mean"), difference("low"));
        println!(
            "{} by {}: {mean:.3}, from {low:.3}",
            lead["rival"], lead["readout"]
        );
        // Fine-tuned, the features matter less.
        let least = if lead["readout"] == "head" { 0.0 } else { LEAD };
        assert!(mean >= least && low > 0.0, "{lead}");
        rivals += 1;
    }
    // Three rivals, by nearest neighbours and by a linear probe, and training from scratch.
    assert_eq!(rivals, 7);
}
