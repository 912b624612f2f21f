//! Bounds from the L1 norm of a channel's weights, as published, for N-bit inputs and a P-bit accumulator:
//!
//! - A2Q (Colbert et al., 2023): ‖w‖₁ ≤ (2^(P−1) − 1) · 2^(sx − N), sx = 1 for signed inputs, else 0
//! - A2Q+ (Colbert et al., 2024), for weights that sum to 0: ‖w‖₁ ≤ (2^P − 2) / (2^N − 1)
//!
//! N and sx are those of the narrowest format that holds every effective input (offset included); the start value's
//! magnitude is added. A2Q bounds every partial sum; A2Q+ only the final one, unless 0 is a value of every input.

use super::terms::{Channels, Terms, Word, Work};
use super::{Inputs, Range};
use crate::lower::Program;
use crate::num::Format;

/// The largest L1 norm that A2Q lets a channel have.
///
/// ```
/// use goldpath::bounds::a2q_largest_norm;
/// assert_eq!(a2q_largest_norm(12, 4, false), 127.9375);
/// ```
pub fn a2q_largest_norm(accumulator_bits: u32, input_bits: u32, signed: bool) -> f64 {
    let inputs = f64::from(input_bits) - if signed { 1.0 } else { 0.0 };
    ((f64::from(accumulator_bits) - 1.0).exp2() - 1.0) * (-inputs).exp2()
}

/// The largest L1 norm that A2Q+ lets a channel of zero-centred weights have.
///
/// ```
/// use goldpath::bounds::a2q_plus_largest_norm;
/// assert_eq!(a2q_plus_largest_norm(13, 4), 546.0);
/// ```
pub fn a2q_plus_largest_norm(accumulator_bits: u32, input_bits: u32) -> f64 {
    (f64::from(accumulator_bits).exp2() - 2.0) / (f64::from(input_bits).exp2() - 1.0)
}

/// One channel's effective weights, and the inputs they meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Norm {
    /// Σ |w|.
    pub l1: i128,
    /// Σ w: 0 when the channel is zero-centred.
    pub sum: i128,
    /// The narrowest format that holds every effective input.
    pub inputs: Format,
    /// 0 is a value of every effective input: no partial sum lies further out than some final one.
    pub zero_in_every_input: bool,
}

impl Norm {
    /// Every partial sum of a channel of this norm, by A2Q, when it starts from `start`.
    pub fn a2q(&self, start: i128) -> Range {
        let power = self.inputs.width() - u32::from(self.inputs.is_signed());
        let most = self.l1.saturating_mul(1 << power).saturating_add(start.abs());
        (-most, most)
    }

    /// Every final sum of a zero-centred channel of this norm, by A2Q+, when it starts from `start`.
    pub fn a2q_plus(&self, start: i128) -> Range {
        let span = (1_i128 << self.inputs.width()) - 1;
        let twice = self.l1.saturating_mul(span);
        let most = (twice / 2 + twice % 2).saturating_add(start.abs());
        (-most, most)
    }
}

/// One norm per channel.
pub(super) fn norms(program: &Program, inputs: &Inputs) -> Vec<Norm> {
    super::terms::on_all(program, inputs, super::terms::Weights::Layer, &Weigh)
        .into_iter()
        .flatten()
        .collect()
}

struct Weigh;

impl Work for Weigh {
    type Out = Vec<Norm>;

    fn run<T: Word>(&self, terms: &Terms<'_>, channels: &Channels) -> Vec<Norm> {
        let (mut l1, mut sum) = (vec![0_i128; channels.len()], vec![0_i128; channels.len()]);
        for k in 0..terms.program.shape.k {
            let weights = l1.iter_mut().zip(&mut sum).zip(terms.effective_weights(k));
            for ((l1, sum), w) in weights {
                *l1 += i128::from(w.abs());
                *sum += i128::from(w);
            }
        }
        let ranges = terms.effective_inputs();
        let hull = ranges.iter().fold((i64::MAX, i64::MIN), |a, r| (a.0.min(r.0), a.1.max(r.1)));
        let zero = ranges.iter().all(|(low, high)| *low <= 0 && *high >= 0);
        let inputs = Format::holding(i128::from(hull.0), i128::from(hull.1));
        // A design's operands have at most 64 bits between them.
        let inputs = inputs.unwrap_or(terms.program.design.activation.sum);
        let norm = |(l1, sum)| Norm { l1, sum, inputs, zero_in_every_input: zero };
        l1.into_iter().zip(sum).map(norm).collect()
    }
}
