//! One token from its logits.

/// `log softmax`, in double precision.
pub(super) fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = logits.iter().map(|logit| f64::from(logit - max));
    let log_sum = shifted.clone().map(f64::exp).sum::<f64>().ln();
    shifted.map(|logit| logit - log_sum).collect()
}

/// The place of the largest logit, the first of equals.
pub(super) fn likeliest(logits: &[f32]) -> usize {
    let better = |best: usize, place: usize| match logits[place] > logits[best] {
        true => place,
        false => best,
    };
    (0..logits.len()).fold(0, better)
}

/// The token that a uniform number in `[0, 1)` falls on.
pub(super) fn draw(
    logits: &[f32],
    temperature: f64,
    top_k: Option<usize>,
    top_p: Option<f64>,
    uniform: f64,
) -> usize {
    let kept = kept(logits, temperature, top_k, top_p);
    let total: f64 = kept.iter().map(|(_, weight)| weight).sum();
    let mut left = uniform * total;
    for (token, weight) in &kept {
        if left < *weight {
            return *token;
        }
        left -= weight;
    }
    // Rounding may leave a rest behind the last token.
    kept[kept.len() - 1].0
}

/// The tokens that may be drawn, the likeliest first, with their probabilities among all tokens that `top_k` leaves.
fn kept(
    logits: &[f32],
    temperature: f64,
    top_k: Option<usize>,
    top_p: Option<f64>,
) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    // Stable: of equals the first comes first.
    order.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
    order.truncate(top_k.unwrap_or(usize::MAX));
    let max = logits[order[0]];
    let weight = |token: usize| (f64::from(logits[token] - max) / temperature).exp();
    let total: f64 = order.iter().map(|token| weight(*token)).sum();
    let all = order
        .into_iter()
        .map(|token| (token, weight(token) / total));
    let wanted = top_p.unwrap_or(1.0);
    let mut sum = 0.0;
    all.take_while(|(_, probability)| {
        let take = sum < wanted;
        sum += probability;
        take
    })
    .collect()
}

/// A number in `[0, 1)`, a multiple of 2^-53, that depends on these three alone.
pub(super) fn uniform(seed: u64, prompt: u64, step: u64) -> f64 {
    let mixed = mix(mix(mix(seed) ^ prompt) ^ step);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// The finaliser of SplitMix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
