//! Forensics: where an accumulator overflows in real work, and whether it matters.

mod answer;
mod exact;

pub use answer::{
    ChannelAnswer, Class, Classes, DesignEntry, Event, InputEntry, LaneEntry, LayerAnswer, NetworkAnswer,
    NodeAnswer, PlaceEntry, Report, ScheduleEntry, ShapeEntry, Sides, Skipped, TileAnswer, Total,
};
pub use exact::Exact;
