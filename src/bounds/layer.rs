//! Every bound that is known for one layer on one design.

use serde::{Deserialize, Serialize};

use super::accumulator::{Accumulate, Reached};
use super::nodes::{NodeBounds, nodes};
use super::norms::{Norm, norms};
use super::terms::{Weights, has_lossy_levels, on_all};
use super::{Inputs, Range};
use crate::lower::Program;
use crate::num::{Format, Overflow};

/// A way to bound an accumulator, the loosest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The operands' formats and K, whatever the weights and the calibration are.
    DataType,
    /// A2Q: the weights' L1 norm and the inputs' width.
    A2q,
    /// A2Q+: the L1 norm of weights that sum to 0.
    A2qPlus,
    /// The exact weights: every prefix of the sum, in scheduled order.
    Prefix,
    /// The exact weights: the sum after the last beat.
    FinalSum,
}

impl Kind {
    /// Every kind, in the order of [`LayerBounds::bounds`].
    pub const ALL: [Kind; 5] = [Kind::DataType, Kind::A2q, Kind::A2qPlus, Kind::Prefix, Kind::FinalSum];

    /// What a table calls it.
    pub fn title(self) -> &'static str {
        match self {
            Kind::DataType => "data type",
            Kind::A2q => "A2Q",
            Kind::A2qPlus => "A2Q+",
            Kind::Prefix => "exact weights, every prefix",
            Kind::FinalSum => "exact weights, final sum",
        }
    }
}

/// What a bound proves about an accumulator of its width.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Nothing: the channel does not meet what the bound assumes.
    Nothing,
    /// The final sum is exact in an accumulator that wraps; one that saturates at every step may still do so.
    FinalSum,
    /// No value that enters the accumulator leaves it, in any overflow mode.
    EveryPrefix,
}

/// A bound on one channel's accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// What the register must hold; the unfitted start is part of it, but for the final sum.
    pub range: Range,
    /// Bits of the narrowest register of the design's signedness and overflow that does; `None`: none does.
    pub width: Option<u32>,
    /// What such a register is proved to do.
    pub proof: Proof,
}

/// What is proved about a layer, channel by channel (counted over all groups).
#[derive(Debug, Clone)]
pub struct LayerBounds<'a> {
    /// The layer on its design; its activations have no part in the bounds.
    pub program: &'a Program,
    /// What the bounds are bounds over.
    pub inputs: &'a Inputs,
    /// Every fitting node in the design as it is, in the order of `Design::fitting_nodes`.
    pub nodes: Vec<NodeBounds>,
    /// Effective weights and inputs of each channel.
    pub norms: Vec<Norm>,
    bounds: [Vec<Bound>; 5],
}

impl<'a> LayerBounds<'a> {
    /// Analyses a layer: O(K · N), in parallel over channels.
    pub fn new(program: &'a Program, inputs: &'a Inputs) -> LayerBounds<'a> {
        let lossy = has_lossy_levels(program);
        let is_one = program.design.after.is_empty();
        let follow = |inputs: &Inputs, weights, levels| -> Vec<Reached> {
            on_all(program, inputs, weights, &Accumulate { levels }).into_iter().flatten().collect()
        };
        let exact = follow(inputs, Weights::Layer, true);
        let types = follow(&Inputs::Format, Weights::Format, lossy);
        let norms = norms(program, inputs);
        let bounds = Kind::ALL.map(|kind| {
            let channel = |n: usize| {
                let start = i128::from(program.bias(n));
                let (range, proof) = bound(kind, start, (&exact[n], &types[n]), norms[n], (!lossy, is_one));
                Bound { range, width: width(program, range), proof }
            };
            (0..exact.len()).map(channel).collect()
        });
        LayerBounds { program, inputs, nodes: nodes(program, &exact), norms, bounds }
    }

    /// One kind of bound: one entry per channel.
    pub fn bounds(&self, kind: Kind) -> &[Bound] {
        let at = Kind::ALL.iter().position(|k| *k == kind).unwrap_or_default();
        &self.bounds[at]
    }

    /// The kind of bound that licenses this design's accumulator: every prefix, or the final sum where it wraps.
    pub fn licence(&self) -> Kind {
        match self.program.design.accumulator.step_rule() {
            Overflow::Wrap => Kind::FinalSum,
            Overflow::Saturate | Overflow::SaturateSymmetric => Kind::Prefix,
        }
    }

    /// The channel for which a kind of bound needs the most bits; of those with equally many the one that reaches
    /// farthest from 0, the first of equals.
    pub fn worst_channel(&self, kind: Kind) -> usize {
        farthest(self.bounds(kind).iter().map(|bound| (bound.range, bound.width)))
    }

    /// The width that a kind of bound asks for over all channels; `None`: no register is wide enough.
    pub fn width(&self, kind: Kind) -> Option<u32> {
        self.bounds(kind).get(self.worst_channel(kind)).and_then(|bound| bound.width)
    }
}

/// The channel that needs the most bits (`None`: more than there are); of those with equally many the one that reaches
/// farthest from 0, the first of equals.
pub(super) fn farthest(
    channels: impl DoubleEndedIterator<Item = (Range, Option<u32>)> + ExactSizeIterator,
) -> usize {
    // −2^n fits where 2^n does not.
    let need = |((low, high), width): (Range, Option<u32>)| (width.unwrap_or(u32::MAX), high.max(!low));
    let all = channels.enumerate().rev();
    all.max_by_key(|(_, channel)| need(*channel)).map(|(n, _)| n).unwrap_or_default()
}

/// Bits of the narrowest register of the design's kind that holds `range`.
fn width(program: &Program, range: Range) -> Option<u32> {
    program.design.accumulator.register_fit().narrowest(range).map(Format::width)
}

fn bound(
    kind: Kind,
    start: i128,
    (exact, types): (&Reached, &Reached),
    norm: Norm,
    (exact_levels, is_one): (bool, bool),
) -> (Range, Proof) {
    let with_start = |(low, high): Range| (low.min(start), high.max(start));
    match kind {
        Kind::DataType => (with_start(types.prefixes), Proof::EveryPrefix),
        Kind::A2q => {
            // A level that changes a value leaves no weights to take the norm of.
            (norm.a2q(start), if exact_levels { Proof::EveryPrefix } else { Proof::Nothing })
        }
        Kind::A2qPlus => {
            let proof = match (exact_levels && norm.sum == 0, norm.zero_in_every_input) {
                (false, _) => Proof::Nothing,
                // One of several accumulators sums products whose weights need not sum to 0.
                (true, false) if !is_one => Proof::Nothing,
                (true, false) => Proof::FinalSum,
                (true, true) => Proof::EveryPrefix,
            };
            (norm.a2q_plus(start), proof)
        }
        Kind::Prefix => (with_start(exact.prefixes), Proof::EveryPrefix),
        Kind::FinalSum => {
            let (low, high) = with_start(exact.prefixes);
            let holds_all = exact.sum.0 <= low && exact.sum.1 >= high;
            (exact.sum, if holds_all { Proof::EveryPrefix } else { Proof::FinalSum })
        }
    }
}
