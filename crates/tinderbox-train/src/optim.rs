//! Optimisers by configuration.

use std::sync::Arc;

use burn::optim::DynOptimizer;
use serde::{Deserialize, Serialize};

use crate::adamw::Adamw;
use crate::error::TrainConfigError;
use crate::lars::LarsConfig;
use crate::sgd::Sgd;

#[cfg(test)]
mod parity;

/// Keeps AdamW's division sound; PyTorch's default, Burn's own is 1e-5.
const EPSILON: f64 = 1e-8;

/// An optimiser and its hyper-parameters.
///
/// Weight decay spares tensors of rank 1 (biases, normalisation) in all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OptimConfig {
    /// AdamW (Loshchilov and Hutter 2019).
    Adamw {
        /// Base learning rate.
        lr: f64,
        /// Decoupled weight decay.
        weight_decay: f64,
        /// Decay of the first and of the second moment.
        betas: [f64; 2],
    },
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// Base learning rate.
        lr: f64,
        /// Momentum, 0 for none.
        momentum: f64,
        /// Weight decay added to the gradient.
        weight_decay: f64,
    },
    /// LARS (You et al. 2017).
    Lars {
        /// Base learning rate.
        lr: f64,
        /// Momentum.
        momentum: f64,
        /// Weight decay.
        weight_decay: f64,
        /// Trust coefficient.
        trust: f64,
    },
}

impl OptimConfig {
    /// AdamW with the paper's moments.
    pub fn adamw(lr: f64, weight_decay: f64) -> Self {
        Self::Adamw {
            lr,
            weight_decay,
            betas: [0.9, 0.999],
        }
    }

    /// The base learning rate.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Adamw { lr, .. } | Self::Sgd { lr, .. } | Self::Lars { lr, .. } => *lr,
        }
    }

    /// The same optimiser at another base rate.
    pub fn with_lr(mut self, rate: f64) -> Self {
        match &mut self {
            Self::Adamw { lr, .. } | Self::Sgd { lr, .. } | Self::Lars { lr, .. } => *lr = rate,
        }
        self
    }

    /// Checks every value.
    ///
    /// # Errors
    /// The first value out of its range.
    pub fn validate(&self) -> Result<(), TrainConfigError> {
        let check = |name, value: f64, ok: bool, expected| {
            if ok && value.is_finite() {
                Ok(())
            } else {
                Err(TrainConfigError::OutOfRange {
                    name,
                    value,
                    expected,
                })
            }
        };
        let unit =
            |name, value: f64| check(name, value, (0.0..1.0).contains(&value), "0 to below 1");
        check("optim.lr", self.lr(), self.lr() > 0.0, "above 0")?;
        let (decay, momenta) = match self {
            Self::Adamw {
                weight_decay,
                betas,
                ..
            } => (*weight_decay, betas.to_vec()),
            Self::Sgd {
                weight_decay,
                momentum,
                ..
            } => (*weight_decay, vec![*momentum]),
            Self::Lars {
                weight_decay,
                momentum,
                trust,
                ..
            } => {
                check("optim.trust", *trust, *trust > 0.0, "above 0")?;
                (*weight_decay, vec![*momentum])
            }
        };
        check("optim.weight_decay", decay, decay >= 0.0, "0 or more")?;
        for momentum in momenta {
            unit("optim.momentum", momentum)?;
        }
        Ok(())
    }

    /// The optimiser, which multiplies gradients by `gradient_scale` before all else. It holds no state: one of another
    /// scale goes on where it was.
    pub(crate) fn init(&self, gradient_scale: f64) -> Arc<dyn DynOptimizer> {
        match *self {
            Self::Adamw {
                weight_decay,
                betas: [beta_1, beta_2],
                ..
            } => Arc::new(Adamw {
                betas: [beta_1, beta_2],
                epsilon: EPSILON,
                weight_decay,
                gradient_scale,
            }),
            Self::Sgd {
                momentum,
                weight_decay,
                ..
            } => Arc::new(Sgd {
                momentum,
                weight_decay,
                gradient_scale,
            }),
            Self::Lars {
                momentum,
                weight_decay,
                trust,
                ..
            } => {
                let config = LarsConfig {
                    momentum,
                    weight_decay,
                    trust,
                };
                Arc::new(config.init().with_gradient_scale(gradient_scale))
            }
        }
    }
}
