//! When the host of a bundle rested between beats.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Idle cycles in front of what the host feeds, on top of those that the array's schedule has. In them valid, first and
/// last are 0, and operands and channel are still those of the beat before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GapsEntry {
    /// Seed of the pattern.
    pub seed: u64,
    /// The first tile that has gaps (a tile of a sequential MAC or a tree is an output); from there on every other one
    /// has, the last among them.
    pub first_tile: usize,
    /// Idle cycles in front of such a tile: before its clear cycle, or else before its first beat.
    pub before_tile: usize,
    /// Idle cycles between its clear cycle and its first beat, where the accumulator is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_clear: Option<usize>,
    /// Idle cycles in front of its beat b, b > 0: entry b modulo their number.
    pub before_beat: Vec<usize>,
}

/// Said in `timing` of a bundle that has some.
pub(super) const GAPS: &str = "the beats of some tiles have idle cycles in front of them (gaps): in.valid, in.first and \
in.last are 0, operands and in.channel those of the beat before; a skewed row or column rests later, as its beats come later";
