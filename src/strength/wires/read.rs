//! What hardware reads of the operands that its host brings: which of them, where and as what.

use super::{Pe, Wires};
use crate::design::{Operand, Skew};
use crate::lower::Tile;
use crate::neighbours::{Factor, Fault, Mirrored};
use crate::num::{Overflow, fit};
use crate::post::bind;
use crate::strength::fetched::Extents;

impl Wires<'_> {
    /// A number, or where it is counted from the other end.
    pub(super) fn mirrored(&self, what: Mirrored, index: usize, extent: usize) -> usize {
        if self.has(Fault::Mirrored(what)) { extent - 1 - index } else { index }
    }

    /// What a lane of a row reads in a beat.
    pub(super) fn activation_at(&self, tile: Tile, row: usize, beat: usize, lane: usize) -> i64 {
        let Extents { rows, beats, .. } = self.extents;
        let beat = self.mirrored(Mirrored::Beats, beat, beats);
        // What stays is in the other row.
        let map = self.program.map();
        let beat = match map.column_steps().filter(|_| self.has(Fault::CrossedRows)) {
            Some(rows) => beat / map.steps * map.steps + (rows - 1 - beat % map.steps),
            None => beat,
        };
        let k = self.k_of(beat, self.activation_lane(lane));
        self.activation(tile, self.mirrored(Mirrored::Rows, row, rows), k)
    }

    /// The lane whose activation a lane takes.
    pub(super) fn activation_lane(&self, lane: usize) -> usize {
        let lanes = self.extents.lanes;
        let lane = self.mirrored(Mirrored::Lanes, lane, lanes);
        if self.has(Fault::CrossedLanes) { lanes - 1 - lane } else { lane }
    }

    /// What a lane of a column reads in a beat.
    pub(super) fn weight_at(&self, tile: Tile, column: usize, beat: usize, lane: usize) -> i64 {
        let Extents { columns, beats, lanes, .. } = self.extents;
        let lane = self.mirrored(Mirrored::Lanes, lane, lanes);
        let k = self.k_of(self.mirrored(Mirrored::Beats, beat, beats), lane);
        self.weight(tile, self.mirrored(Mirrored::Columns, column, columns), k)
    }

    /// The beat of the activation that meets a beat of the weight, where the host skews the operands and the array does so
    /// again, or neither does; None: there is none.
    pub(super) fn fed(&self, beat: usize, pe: Pe) -> Option<usize> {
        let (ours, its) = (&self.hardware.design.array, &self.program.design.array);
        let late = |extent: usize, hop: u32| extent * hop as usize;
        let (a, w) = (late(pe.row, its.hop_weight), late(pe.column, its.hop_activation));
        // Skewed twice, the activation is late by what its row adds, the weight by what its column adds.
        let (behind, ahead) = if ours.skew == Skew::Internal { (a, w) } else { (w, a) };
        let fed = (beat + ahead).checked_sub(behind)?;
        (fed < self.program.beats()).then_some(fed)
    }

    pub(super) fn k_of(&self, beat: usize, lane: usize) -> Option<usize> {
        let design = &self.hardware.design;
        let beats = self.program.beats();
        let k = design.order.lane_map.k_of(beat, lane, [beats, design.array.lanes]);
        (beat < beats && k < self.program.shape.k).then_some(k)
    }

    pub(super) fn activation(&self, tile: Tile, row: usize, k: Option<usize>) -> i64 {
        let its = &self.program.design.activation;
        let code = match k.zip(self.program.position(tile, row)) {
            Some((k, m)) => self.program.activation(tile.image, tile.group, m, k).into(),
            None => idle(its, self.records, 0),
        };
        self.read_code(Factor::Activation, code, 0)
    }

    pub(super) fn weight(&self, tile: Tile, column: usize, k: Option<usize>) -> i64 {
        let its = &self.program.design.weight;
        let record = self.program.record_of(tile) + column;
        let code = match k.zip(self.program.channel(tile, column)) {
            Some((k, n)) => self.program.weight(tile.group, k, n).into(),
            None => idle(its, self.records, record),
        };
        self.read_code(Factor::Weight, code, record)
    }

    /// A code of the host's port, and its offset, as the hardware reads them.
    pub(super) fn read_code(&self, factor: Factor, code: i64, record: usize) -> i64 {
        let operand = match factor {
            Factor::Activation => &self.hardware.design.activation,
            Factor::Weight => &self.hardware.design.weight,
        };
        if factor == Factor::Weight && self.hardware.design.exponent.is_some() {
            // A sign and a number of places, which no format has fitted.
            return operand.value(fit(i128::from(code), operand.format, Overflow::Wrap).value);
        }
        let value = read(operand, code, &self.parameters, record);
        let is_lowest = || value == read(operand, operand.format.min(), &self.parameters, record);
        value + i64::from(self.has(Fault::Symmetric(factor)) && is_lowest())
    }
}

/// The code that the host feeds where there is no operand.
fn idle(operand: &Operand, records: &[Vec<i64>], record: usize) -> i64 {
    operand.offset.map_or(0, |offset| bind(offset, records, record).wrapping_neg())
}

/// A code of the host's port, and its offset, as hardware reads them.
fn read(operand: &Operand, code: i64, parameters: &[Vec<i64>], record: usize) -> i64 {
    let code = fit(i128::from(code), operand.format, Overflow::Wrap).value;
    let offset = operand.offset.map_or(0, |offset| bind(offset, parameters, record));
    let code = operand.value(code);
    fit(i128::from(code) + i128::from(offset), operand.sum, Overflow::Wrap).value
}
