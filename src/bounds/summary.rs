//! A layer's bounds for a report: what overflow analyses and sweeps embed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Range;
use super::layer::{Kind, LayerBounds, Proof};
use super::nodes::NodeBounds;
use crate::num::Exact;

/// What is proved about a layer on a design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Products per output.
    pub k: usize,
    /// Output channels over all groups.
    pub channels: usize,
    /// The accumulator's register, like `s32`.
    pub register: String,
    /// The kind of bound that licenses an exact result in this accumulator: `prefix` where it saturates at every
    /// step, `final_sum` where it wraps.
    pub licence: Kind,
    /// Bits of the narrowest accumulator whose result is proved exact: the licence's width. Null: there is none.
    pub proved_width: Option<u32>,
    /// 0 is a value of every effective input: bounds on the final sum then bound every prefix.
    pub zero_in_every_input: bool,
    /// One entry per kind of bound.
    pub bounds: Vec<BoundSummary>,
    /// Every fitting node in the design as it is, in datapath order.
    pub nodes: Vec<NodeSummary>,
}

/// One kind of bound over all channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BoundSummary {
    /// Which.
    pub kind: Kind,
    /// What it proves about every channel.
    pub proof: Proof,
    /// Bits of the narrowest accumulator that it allows every channel. Null: there is none.
    pub width: Option<u32>,
    /// The channel that needs the most; of those with equally many bits the one that reaches farthest.
    pub worst_channel: usize,
    /// What that channel's accumulator must hold, at least.
    pub low: Exact,
    /// What it must hold, at most.
    pub high: Exact,
    /// Some input (for data type and norms: some weights and input of the class) overflows that channel's accumulator
    /// at one bit less.
    pub achieved: bool,
    /// Bits per channel, counted over all groups.
    pub widths: Vec<Option<u32>>,
}

/// One node over all channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSummary {
    /// `reduce.0`, `accumulator`, `post.1`, …
    pub node: String,
    /// Its format, like `s16`; null for a step that is fused with its shift.
    pub format: Option<String>,
    /// Smallest value that enters it.
    pub low: Exact,
    /// Largest value that enters it.
    pub high: Exact,
    /// Every channel's range is reached at both ends.
    pub achieved: bool,
    /// In how many channels a value above the format is not excluded.
    pub channels_high: usize,
    /// In how many channels a value below it is not excluded.
    pub channels_low: usize,
}

impl Summary {
    /// Sums up a layer.
    pub fn new(bounds: &LayerBounds<'_>) -> Summary {
        Summary {
            k: bounds.program.shape.k,
            channels: bounds.program.shape.channels(),
            register: bounds.program.design.accumulator.register.to_string(),
            licence: bounds.licence(),
            proved_width: bounds.width(bounds.licence()),
            zero_in_every_input: bounds.norms.iter().all(|norm| norm.zero_in_every_input),
            bounds: Kind::ALL.map(|kind| bound(bounds, kind)).into(),
            nodes: bounds.nodes.iter().map(node).collect(),
        }
    }

    /// One of its bounds.
    pub fn bound(&self, kind: Kind) -> Option<&BoundSummary> {
        self.bounds.iter().find(|bound| bound.kind == kind)
    }
}

fn bound(bounds: &LayerBounds<'_>, kind: Kind) -> BoundSummary {
    let all = bounds.bounds(kind);
    let worst_channel = bounds.worst_channel(kind);
    let (low, high) = all.get(worst_channel).map_or((0, 0), |bound| bound.range);
    BoundSummary {
        kind,
        proof: all.iter().map(|bound| bound.proof).min().unwrap_or(Proof::Nothing),
        width: bounds.width(kind),
        worst_channel,
        low: Exact(low),
        high: Exact(high),
        achieved: bounds.witness(kind, worst_channel).is_some(),
        widths: all.iter().map(|bound| bound.width).collect(),
    }
}

fn node(node: &NodeBounds) -> NodeSummary {
    let hull = |a: Range, b: Range| (a.0.min(b.0), a.1.max(b.1));
    let (low, high) = node.channels.iter().map(|channel| channel.entering).reduce(hull).unwrap_or((0, 0));
    NodeSummary {
        node: node.id.clone(),
        format: node.fit.map(|fit| fit.format.to_string()),
        low: Exact(low),
        high: Exact(high),
        achieved: node.channels.iter().all(|channel| channel.achieved),
        channels_high: node.channels.iter().filter(|channel| channel.high).count(),
        channels_low: node.channels.iter().filter(|channel| channel.low).count(),
    }
}
