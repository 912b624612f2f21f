//! What golden vectors can tell apart: a program's neighbours, judged by whether some output would be another one.
//!
//! [`Judge`] runs a program on a neighbour's hardware; [`proved_equal`] says which neighbours no input tells apart; [`score`]
//! counts both, with what happened at every node, and which of the [`goals`] were reached, [`together`] those of several
//! programs; [`directed`] makes programs that tell apart what can be.

mod cover;
pub mod directed;
mod fetched;
mod goals;
mod judge;
mod observed;
mod proofs;
mod records;
mod roundings;
mod score;
mod stages;
mod together;
mod wires;

pub use goals::{Goal, goals, reached};
pub use judge::{Difference, Judge};
pub use proofs::proved_equal;
pub use score::{score, score_of};
pub use together::{Together, Told, together};
