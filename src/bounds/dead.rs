//! Output channels whose sums mean nothing: their weights' scale is so small that no sum reaches an output code.
//!
//! Quantisers give channels whose weights are zero, or were pruned away, scales like 1e-15. The bias divided by such a
//! scale ends at the rails of int32, the shift becomes 48, and one such channel decides how wide a layer's accumulator
//! has to be, though nothing that it holds is ever seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::network::Layer;

/// One dead channel: its output is the zero point, whatever the input and whatever a narrower accumulator makes of its
/// sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadChannel {
    /// Its number, counted over all groups.
    pub channel: usize,
    /// Real value of one step of its weights.
    pub weight_scale: f32,
    /// The layer's own, without folded zero points; 0 when it has none.
    pub bias: i32,
}

/// The dead channels of a layer, and what the others need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dead {
    /// In ascending order; none when the layer's result is the sum itself.
    pub channels: Vec<DeadChannel>,
    /// Bits of the narrowest accumulator that is proved to be enough for all other channels. Null: there is none.
    pub proved_width: Option<u32>,
}

impl Dead {
    /// Judges channels by `holding`: bits that hold everything that can enter each one's accumulator, start and prefixes;
    /// `needed` is what each one is proved to need.
    ///
    /// A channel is dead when the largest value of so many bits stays below half a code of the output. Clipped or
    /// wrapped, the sum only becomes another such value.
    pub fn new(layer: &Layer, holding: &[Option<u32>], needed: &[Option<u32>]) -> Dead {
        let reach = |bits: u32| 2f64.powi(i32::try_from(bits).unwrap_or(i32::MAX));
        let is_dead = |n: &usize| {
            let Some(output) = layer.output else { return false };
            let step = f64::from(layer.input_carrier.scale) * f64::from(layer.weight_scale(*n));
            let codes = holding[*n].map(|bits| reach(bits) * step / f64::from(output.scale));
            codes.is_some_and(|codes| codes.abs() < 0.5)
        };
        let bias = |n: usize| layer.bias.as_ref().and_then(|bias| bias.get(n)).copied().unwrap_or(0);
        let channel =
            |n: usize| DeadChannel { channel: n, weight_scale: layer.weight_scale(n), bias: bias(n) };
        let (dead, live): (Vec<usize>, Vec<usize>) = (0..holding.len()).partition(is_dead);
        let widths: Option<Vec<u32>> = live.iter().map(|n| needed[*n]).collect();
        Dead {
            channels: dead.into_iter().map(channel).collect(),
            proved_width: widths.map(|widths| widths.into_iter().max().unwrap_or(1)),
        }
    }

    /// In words, for a line of its own; empty without any.
    pub fn text(&self) -> String {
        const LISTED: usize = 8;
        let count = self.channels.len();
        if count == 0 {
            return String::new();
        }
        let list: Vec<String> = self.channels.iter().take(LISTED).map(|c| c.channel.to_string()).collect();
        let more = if count > LISTED { ", …" } else { "" };
        let scales = self.channels.iter().map(|c| c.weight_scale);
        let least = scales.fold(f32::INFINITY, f32::min);
        let biases = || self.channels.iter().map(|c| c.bias);
        let (low, high) = (biases().min().unwrap_or(0), biases().max().unwrap_or(0));
        let ends = if low == high { format!("bias {low}") } else { format!("biases {low}..{high}") };
        format!(
            "{count} dead channel{} ({}{more}): weight scale {}{least:e}, {ends}; no sum of {} reaches an output code, \
             without {} {}",
            if count == 1 { "" } else { "s" },
            list.join(", "),
            if count == 1 { "" } else { "from " },
            if count == 1 { "its" } else { "theirs" },
            if count == 1 { "it" } else { "them" },
            match self.proved_width {
                Some(width) => format!("{width} bits are proved"),
                None => "no width is proved".to_string(),
            }
        )
    }
}
