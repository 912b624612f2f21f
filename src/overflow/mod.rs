//! Forensics: where an accumulator overflows in real work, and whether it matters.
//!
//! The engine counts; every output that it says had an event is walked again, step by step, beside the exact sum.
//! The exact sum is the bias as it is brought (a register too narrow for it cuts it, R9) and every product as it is (R2):
//! no reduction level, register or output clamp ever fits it, nor does the format of a step of products or of a memory, though
//! what such a step rounds is rounded. An output overflows when something was taken from its sum: at least one event at a node
//! in front of the post steps ([`Node::forms_sum`]). It is then exactly one of:
//!
//! | class | accumulator | requantised output | network's answer, with this output alone corrected |
//! |---|---|---|---|
//! | transient | equal to the exact sum | | |
//! | surviving | differs | equal | |
//! | harmful | differs | differs | the same |
//! | decisive | differs | differs | another |
//! | unevaluated | differs | differs | not tried: beyond the cap, or no network |
//!
//! The network's answer is the index of the largest value of its first output, image by image. A layer's inputs are
//! those that the design itself produces, or the framework's ([`Upstream`]): then every value is exact, and the answer is
//! the one with this output alone as the design makes it. Events of post steps are counted and placed as well. They take nothing from a
//! sum: the exact sum goes through the same steps, and saturating an output to its range is the network's own
//! arithmetic. Outputs whose only events are there are counted apart, as `only_post`.
//!
//! [`Node::forms_sum`]: crate::design::Node::forms_sum

mod answer;
mod check;
mod findings;
mod inspect;
mod layer;
mod network;
mod replay;
mod scene;
mod tally;
mod text;
mod widths;
mod witness;

pub use crate::num::Exact;
pub use answer::{
    ChannelAnswer, Class, Classes, DesignEntry, Event, InputEntry, LaneEntry, LayerAnswer, NetworkAnswer,
    NodeAnswer, PlaceEntry, Report, ScheduleEntry, ShapeEntry, Sides, Skipped, TileAnswer, Total, Upstream,
};
pub use check::Register;
pub use findings::{Findings, Options, product};
pub use network::network;
pub use widths::WidthsEntry;
pub use witness::{Expected, Operands, Witness, WitnessFile};
