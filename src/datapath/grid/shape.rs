//! What a design needs for the grid: extents and delays, and the licence that the formats give.

use super::kernel::BLOCK;
use crate::design::{Array, Coding, Design, Drain, Time};
use crate::num::Overflow;
use crate::num::adder::{FullSaturate, FullWrap, RoomySaturate, RoomyWrap, is_full};
use crate::num::lanes::Lane;

/// Extents and delays in cycles, as numbers that index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub rows: usize,
    pub columns: usize,
    /// Columns in whole blocks.
    pub padded: usize,
    /// Whether the host delays rows and columns; otherwise triangular registers do.
    pub host_skews: bool,
    pub time: Time,
}

impl Shape {
    /// `None` when the grid cannot be the design: accumulators that do not move down, lanes that are reduced, values that go around
    /// registers, or a register chain so long that it remembers more than one tile.
    pub fn new(design: &Design) -> Option<Self> {
        let Array { rows, columns, lanes, .. } = design.array;
        let (padded, host_skews) = (columns.next_multiple_of(BLOCK), design.array.host_skews());
        let shape = Shape { rows, columns, padded, host_skews, time: design.time() };
        // A tile lasts at least 1 + d0 + corner + rows cycles; the deepest register looks back by corner + depth.
        let short = shape.depth_a().max(shape.depth_w()) <= 1 + shape.time.front() + rows;
        let drain = design.array.drain.is_some_and(|drain| Drain { latency: 0, ..drain } == Drain::ROWS);
        let supported = drain
            && !design.array.clears_at_once
            && design.memory.is_none()
            && lanes == 1
            && design.reduce.is_empty()
            && design.after.is_empty()
            && design.product_steps.is_empty()
            && design.weight.coding == Coding::Integer;
        let wires = design.post.iter().any(|step| step.wire().is_some());
        (supported && short && !wires).then_some(shape)
    }

    /// Whether activations travel one register a column, so that a row reads consecutive elements.
    pub fn travels(&self) -> bool {
        self.time.hop_column == 1
    }

    pub fn depth_a(&self) -> usize {
        self.time.operand.max(self.time.hop_column)
    }

    pub fn depth_w(&self) -> usize {
        self.time.operand.max(self.time.hop_row)
    }
}

/// The accumulators' rule, in the form that suits lane and format.
#[derive(Debug, Clone, Copy)]
pub enum Step<L> {
    FullSaturate(FullSaturate),
    FullWrap(FullWrap),
    RoomySaturate(RoomySaturate<L>),
    RoomyWrap(RoomyWrap<L>),
}

/// The smallest and the largest sum that a beat adds to an accumulator: of each of its lanes' products; 0 is among them.
pub fn terms(design: &Design) -> (i64, i64) {
    let (a, w) = (design.activation.sum, design.weight.sum);
    let corners = [(a.min(), w.min()), (a.min(), w.max()), (a.max(), w.min()), (a.max(), w.max())];
    let lanes = i64::try_from(design.lanes_of_a_sum()).unwrap_or(i64::MAX);
    // Of 64 bits, what is wider fits no lane.
    let of = |(a, w): (i64, i64)| a.saturating_mul(w).saturating_mul(lanes);
    corners.into_iter().map(of).fold((0, 0), |(low, high), p| (p.min(low), p.max(high)))
}

/// The rule in lanes of `L`, when the formats prove that lane wide enough: every operand with its offset and
/// every product fits it, and so does every sum, unless the format is the lane's own.
pub fn licence<L: Lane>(design: &Design) -> Option<Step<L>> {
    let fits = |low: i64, high: i64| L::from_i64(low).and(L::from_i64(high)).is_some();
    for operand in [design.activation.sum, design.weight.sum] {
        // Lanes multiply 32-bit factors.
        if operand.width() > 31 || !fits(operand.min(), operand.max()) {
            return None;
        }
    }
    let (low, high) = terms(design);
    if !fits(low, high) {
        return None;
    }
    let (format, rule) = (design.accumulator.register, design.accumulator.step_rule());
    match rule {
        Overflow::Wrap if is_full::<L>(format) => Some(Step::FullWrap(FullWrap)),
        Overflow::Saturate if is_full::<L>(format) => Some(Step::FullSaturate(FullSaturate)),
        Overflow::Wrap => RoomyWrap::new(format, (low, high)).map(Step::RoomyWrap),
        _ => RoomySaturate::new(format, rule, (low, high)).map(Step::RoomySaturate),
    }
}
