//! Learning-rate schedules, addressed by step: no state to save.

use serde::{Deserialize, Serialize};

/// How the learning rate moves over a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Schedule {
    /// Linear warm-up, then constant.
    Constant {
        /// Steps of linear warm-up.
        warmup: u64,
    },
    /// Linear warm-up, then a half cosine (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// Steps of linear warm-up.
        warmup: u64,
        /// Share of the base rate that is left at the last step, from 0 to 1.
        final_share: f64,
    },
    /// Linear warm-up, then a straight line to 0, as in BERT (Devlin et al. 2019, appendix A.2).
    Linear {
        /// Steps of linear warm-up.
        warmup: u64,
    },
}

impl Schedule {
    /// The factor on the base rate for `step` (from 0) of `total`, from 0 to 1.
    pub fn factor(&self, step: u64, total: u64) -> f64 {
        let warmup = match self {
            Self::Constant { warmup } | Self::Linear { warmup } | Self::Cosine { warmup, .. } => {
                *warmup
            }
        };
        if step < warmup {
            return (step + 1) as f64 / warmup as f64;
        }
        let span = total.saturating_sub(warmup).max(1) as f64;
        let progress = ((step - warmup) as f64 / span).min(1.0);
        match self {
            Self::Constant { .. } => 1.0,
            Self::Linear { .. } => 1.0 - progress,
            Self::Cosine { final_share, .. } => {
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
                final_share + (1.0 - final_share) * cosine
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_then_falls_along_a_cosine() {
        let schedule = Schedule::Cosine {
            warmup: 10,
            final_share: 0.1,
        };
        assert_eq!(schedule.factor(0, 110), 0.1);
        assert_eq!(schedule.factor(9, 110), 1.0);
        assert_eq!(schedule.factor(10, 110), 1.0);
        assert!((schedule.factor(60, 110) - 0.55).abs() < 1e-12);
        assert!((schedule.factor(110, 110) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_line_falls_to_nothing() {
        let schedule = Schedule::Linear { warmup: 4 };
        let factors = [0, 3, 4, 7, 12].map(|step| schedule.factor(step, 12));
        assert_eq!(factors, [0.25, 1.0, 1.0, 0.625, 0.0]);
    }

    #[test]
    fn constant_without_warmup_is_one() {
        let schedule = Schedule::Constant { warmup: 0 };
        assert_eq!(schedule.factor(0, 1), 1.0);
        assert_eq!(schedule.factor(5, 1), 1.0);
    }
}
