//! Which keys of a design have edits, and why the others have none. A key that a design gains, it gains here.

/// What a key means to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Some neighbour edits it.
    Edited,
    /// None does, and this is why.
    Not(&'static str),
}

use Key::{Edited, Not};

const PRESET: &str = "a preset is a list of steps, which are edited one by one";
const BOUND: &str = "a promise of the layer's numbers, no hardware";

/// Every key of the schema; `*` stands for an index or a name.
pub const KEYS: &[(&str, Key)] = &[
    ("schema", Not("a version")),
    ("name", Not("a name")),
    ("operands.*.width", Edited),
    ("operands.*.signed", Edited),
    ("operands.*.offset", Edited),
    ("operands.*.format", Edited),
    ("operands.*.recode", Not("done to the codes before they reach a port")),
    ("operands.latency", Edited),
    ("product.latency", Edited),
    ("reduce.*.group", Not("another group leaves another number of terms: the tree would not close")),
    ("reduce.*.stride", Edited),
    ("reduce.*.format", Edited),
    ("reduce.*.overflow", Edited),
    ("reduce.*.latency", Edited),
    ("accumulator.width", Edited),
    ("accumulator.signed", Edited),
    ("accumulator.overflow", Edited),
    ("accumulator.register_width", Edited),
    ("accumulator.start", Edited),
    ("array.dataflow", Not("another kind of array has other ports")),
    ("array.rows", Edited),
    ("array.columns", Edited),
    ("array.lanes", Edited),
    ("array.hop.*", Edited),
    ("array.skew", Edited),
    ("array.drain.order", Not("there is one order; the opposite one is an edit of array.rows")),
    ("array.drain.latency", Edited),
    ("array.sum_register", Edited),
    ("array.load.kind", Edited),
    ("array.load.buffers", Not("another number of buffers is loaded at other times")),
    ("array.load.switch", Edited),
    ("array.load.clears_sums", Not("a load that clears waits until sums have left")),
    ("post.preset", Not(PRESET)),
    ("post.format", Not(PRESET)),
    ("post.rounding", Not(PRESET)),
    ("post.multiplier", Not(PRESET)),
    ("post.shift", Not(PRESET)),
    ("post.left_shift", Not(PRESET)),
    ("post.right_shift", Not(PRESET)),
    ("post.scale", Not(PRESET)),
    ("post.zero_point", Not(PRESET)),
    ("post.low", Not(PRESET)),
    ("post.high", Not(PRESET)),
    ("post.*.step", Edited),
    ("post.*.value", Edited),
    ("post.*.shift", Edited),
    ("post.*.low", Edited),
    ("post.*.high", Edited),
    ("post.*.min", Not("another word for post.*.low")),
    ("post.*.max", Not("another word for post.*.high")),
    ("post.*.width", Not("another word for post.*.format")),
    ("post.*.signed", Not("another word for post.*.format")),
    ("post.*.rounding", Edited),
    ("post.*.format", Edited),
    ("post.*.overflow", Edited),
    ("post.*.latency", Edited),
    ("parameters.*.format", Edited),
    ("parameters.*.per", Edited),
    ("parameters.*.min", Not(BOUND)),
    ("parameters.*.max", Not(BOUND)),
    ("parameters.*.default", Not("a number that the layer may leave out")),
    ("order.kernel.*", Edited),
    ("order.lane_map", Edited),
    ("twin.parameters.*", Not("names of the twin's Verilog parameters")),
];
