//! Forensics: where an accumulator overflows in real work, and whether it matters.
//!
//! The engine counts; every output that it says had an event is walked again, step by step, beside the exact sum.
//! The exact sum is the bias as it is brought (a register too narrow for it cuts it, R9) and every term as the reduction
//! delivers it; neither the accumulator's register nor its output clamp ever fits it. An output with at least one event at
//! `accumulator` or `accumulator.output` is then exactly one of:
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
//! those that the design itself produces. Events of reduction levels and post steps are counted and placed; they make
//! no class of their own.

mod answer;
mod check;
mod exact;
mod findings;
mod inspect;
mod layer;
mod network;
mod replay;
mod tally;
mod text;
mod widths;
mod witness;

pub use answer::{
    ChannelAnswer, Class, Classes, DesignEntry, Event, InputEntry, LaneEntry, LayerAnswer, NetworkAnswer,
    NodeAnswer, PlaceEntry, Report, ScheduleEntry, ShapeEntry, Sides, Skipped, TileAnswer, Total,
};
pub use check::Register;
pub use exact::Exact;
pub use findings::{Findings, Options, product};
pub use network::network;
pub use widths::WidthsEntry;
pub use witness::{Expected, Operands, Witness, WitnessFile};
