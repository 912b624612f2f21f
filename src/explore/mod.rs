//! All accumulator widths at once: how narrow may it be, what happens when it is narrower, and what that saves.
//!
//! Before its first overflow a sum does not depend on the width of its accumulator. So one pass over a layer
//! ([`functional::prefixes`](crate::functional::prefixes)) tells of every output at which widths it overflows, and
//! everything else is sharing: `exact` is the network in which no accumulator overflows, and beside it the exact one,
//! which is another where a reduction level takes something from a sum; `needed` says which width a value needs,
//! `counts` counts the outputs that overflow, `layers` replays them layer by layer, `network` takes one width and
//! overflow rule end to end and starts at the first layer that differs, `cost` and `front` say what a point is
//! worth, and `assemble` puts the pieces together.
//!
//! A point is a whole [`Design`](crate::design::Design), with its own post steps: their formats may follow the
//! accumulator's width. Where that could change a value, outputs are finished again by the point's own steps.

pub mod answer;
mod assemble;
pub mod cost;
mod counts;
mod exact;
mod finish;
mod front;
mod layers;
mod needed;
mod network;
mod replay;
mod text;
mod variant;

pub use answer::Sweep;
pub use assemble::assemble;
pub use counts::{FIRST_WIDTH, LAST_WIDTH, overflowing};
pub use exact::Exact;
pub use front::cost_by;
pub use layers::layers;
pub use network::point;
pub use text::{text, unvaried, without_dead};
pub use variant::{Candidate, Candidates, MODES};
