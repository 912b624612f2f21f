//! What a run of a program yields, from either engine.

use ndarray::Array2;

use crate::design::Design;

/// How often values entering a node lay outside its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEvents {
    /// `reduce.0`, `accumulator.start`, `accumulator`, `accumulator.output`, `post.0`, …
    pub node: String,
    /// How many values lay above the format (R6).
    pub high: u64,
    /// How many values lay below it.
    pub low: u64,
}

/// One overflow, located without cycles so that both engines can name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Id of the design node, as in [`NodeEvents`].
    pub node: String,
    /// Output row and channel.
    pub m: usize,
    /// Output channel, counted over all groups.
    pub n: usize,
    /// Beat of the output, for nodes in front of the accumulator and itself; of a start value, the first.
    pub beat: Option<usize>,
    /// Above the format rather than below it (R6).
    pub high: bool,
}

/// The values and events of one program. Rows are `image · m + position`, columns `group · n + channel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The accumulator after its last beat and any output clamp, before post: `[rows, channels]`.
    pub accumulators: Array2<i64>,
    /// `[rows, channels]`.
    pub outputs: Array2<i64>,
    /// With counts only.
    pub counts: Option<Counts>,
}

/// Event counts; idle lanes, rows and columns of ragged tiles are never counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Events at node `accumulator` per output, those of `accumulator.start` not among them: `[rows, channels]`.
    pub accumulator: Array2<i64>,
    /// Every node, in datapath order.
    pub nodes: Vec<NodeEvents>,
    /// The first event in schedule order, if any.
    pub first: Option<Event>,
}

/// A table of zeros, one entry per fitting node.
pub fn no_events(design: &Design) -> Vec<NodeEvents> {
    design.fitting_nodes().into_iter().map(|(_, node)| NodeEvents { node, high: 0, low: 0 }).collect()
}
