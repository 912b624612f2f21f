//! What a neighbour's hardware makes of a program: the operands of the original's host, met as this hardware meets them.
//!
//! Values come from [`fold`]: the same arithmetic as both engines. Here is only what reaches it: which codes, in which order,
//! with whose numbers, from which start.

use std::ops::ControlFlow;

use crate::design::{AccumulatorOverflow, Operand, Skew, Start};
use crate::functional::fold::{self, Ended, Source, Visit, fold, groups};
use crate::lower::{Program, Tile};
use crate::neighbours::{Factor, Fault, Hardware, Mirrored, MovedBias, Shifted};
use crate::num::{Fitted, Flags, Overflow, fit};
use crate::post::{self, bind};

/// A program on other hardware.
pub(super) struct Wires<'a> {
    program: &'a Program,
    hardware: &'a Hardware,
    /// As the hardware reads them, one entry per record.
    parameters: Vec<Vec<i64>>,
    /// As the host brings them.
    records: &'a [Vec<i64>],
}

/// The shortest way to hardware's outputs. Of records that are not touched, they are the original's.
pub(super) enum Way {
    /// Its sums are the original's.
    Alike(Vec<bool>),
    /// By record, so much more in a register that wraps.
    Moved(Vec<bool>, Vec<i128>),
    /// Product by product; None: in any record.
    Fold(Option<Vec<bool>>),
}

/// A PE of the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pe {
    pub row: usize,
    pub column: usize,
}

/// What an output is accumulated from: a start, and beats of tiles.
struct Plan {
    start: Fitted,
    beats: Vec<(Tile, usize)>,
    /// Added behind the last beat.
    last: Option<i64>,
}

impl<'a> Wires<'a> {
    pub fn new(program: &'a Program, records: &'a [Vec<i64>], hardware: &'a Hardware) -> Wires<'a> {
        let parameters = parameters(records, hardware);
        Wires { program, hardware, parameters, records }
    }

    /// The shortest way to its outputs.
    pub fn way(&self) -> Way {
        let (ours, its) = (&self.hardware.design, &*self.program.design);
        let is_beside =
            |fault: &Fault| matches!(fault, Fault::Added(..) | Fault::OtherChannel(..) | Fault::Stuck { .. });
        let moves_bias = |fault: &Fault| matches!(fault, Fault::Bias(MovedBias::Dropped | MovedBias::Twice));
        let sums_alike =
            (&ours.activation, &ours.weight, &ours.reduce, &ours.accumulator, &ours.array, &ours.order)
                == (&its.activation, &its.weight, &its.reduce, &its.accumulator, &its.array, &its.order);
        let faults = &self.hardware.faults;
        if !sums_alike || !faults.iter().all(|fault| is_beside(fault) || moves_bias(fault)) {
            return Way::Fold(None);
        }
        let offsets = [its.activation.offset, its.weight.offset].into_iter().flatten();
        let records = self.program.shape.groups * self.program.records_per_group();
        // By record: what its channel reads is not what the host brings.
        let reads_otherwise = |record: usize| {
            let differs = |index: usize| {
                self.read(index, record) != bind(post::Operand::Parameter(index), self.records, record)
            };
            (0..its.parameters.len()).any(differs)
        };
        let all = ours.post != its.post || faults.iter().any(moves_bias);
        let touched: Vec<bool> = (0..records).map(|record| all || reads_otherwise(record)).collect();
        let has_offsets = offsets.into_iter().all(|operand| match operand {
            post::Operand::Parameter(index) => (0..records).all(|record| {
                self.read(index, record) == bind(post::Operand::Parameter(index), self.records, record)
            }),
            post::Operand::Constant(_) => true,
        });
        let by: Vec<i128> = (0..records).map(|record| self.moved_by(record)).collect();
        match (has_offsets, its.accumulator.overflow) {
            (true, _) if by.iter().all(|by| *by == 0) => Way::Alike(touched),
            // A register that wraps ends that much further, modulo its width.
            (true, AccumulatorOverflow::Wrap) => Way::Moved(touched, by),
            _ => Way::Fold(Some(touched)),
        }
    }

    /// A parameter as the hardware reads it for a record.
    fn read(&self, index: usize, record: usize) -> i64 {
        bind(post::Operand::Parameter(index), &self.parameters, record)
    }

    /// How much more than the host's bias is added to a sum.
    fn moved_by(&self, record: usize) -> i128 {
        let Some(index) = self.program.design.accumulator.bias else { return 0 };
        let (ours, its) =
            (self.read(index, record), bind(post::Operand::Parameter(index), self.records, record));
        let times = match self.fault(|fault| if let Fault::Bias(moved) = fault { Some(*moved) } else { None })
        {
            Some(MovedBias::Dropped) => 0,
            Some(MovedBias::Twice) => 2,
            Some(MovedBias::Last) | None => 1,
        };
        i128::from(ours) * times - i128::from(its)
    }

    /// The output of a finished accumulator.
    pub fn finish(&self, accumulator: i64, record: usize) -> i64 {
        post::run(&self.hardware.design.post, accumulator, &self.parameters, record, |_, _| {})
    }

    /// The output of a PE after a tile. `held` is the PE's register, which is left as the tile leaves it.
    pub fn output(&self, tile: Tile, pe: Pe, held: &mut i64) -> i64 {
        let plan = self.plan(tile, pe, *held);
        let record = self.program.record_of(tile) + pe.column;
        let Ended { output, .. } = self.fold(&plan, pe, record, held);
        if self.program.beats() == 1 && self.has(Fault::Last(Shifted::Early)) {
            let whole = Plan { start: self.start(tile, pe), beats: vec![(tile, 0)], last: None };
            self.fold(&whole, pe, record, held);
        }
        output
    }

    fn fold(&self, plan: &Plan, pe: Pe, record: usize, held: &mut i64) -> Ended {
        *held = plan.start.value;
        let source = Source {
            design: &self.hardware.design,
            start: plan.start,
            beats: plan.beats.len() + usize::from(plan.last.is_some()),
            parameters: &self.parameters,
            channel: record,
        };
        let sum = |beat: usize, visit: &mut fold::Visitor<'_>| match plan.beats.get(beat) {
            Some((tile, index)) => self.sum(*tile, pe, *index, beat, visit),
            None => ControlFlow::Continue(plan.last.map_or(0, i128::from)),
        };
        let ended = fold(source, sum, &mut |Visit { node, value, .. }| {
            if node == crate::design::Node::Accumulator {
                *held = value as i64;
            }
            ControlFlow::Continue(())
        });
        ended.continue_value().expect("the visitor goes on")
    }

    fn has(&self, fault: Fault) -> bool {
        self.hardware.faults.contains(&fault)
    }

    fn fault<T>(&self, of: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.hardware.faults.iter().find_map(of)
    }

    fn plan(&self, tile: Tile, pe: Pe, held: i64) -> Plan {
        let beats = self.program.beats();
        let own = |range: std::ops::Range<usize>| range.map(|beat| (tile, beat)).collect::<Vec<_>>();
        let start = self.start(tile, pe);
        let held = Fitted { value: held, flags: Flags::NONE };
        let is_last = tile.index + 1 == self.program.tile_count();
        let mut plan = Plan { start, beats: own(0..beats), last: self.last_bias(tile, pe) };
        if self.has(Fault::Carried) {
            plan.start = held;
        }
        match self.fault(|fault| if let Fault::First(by) = fault { Some(*by) } else { None }) {
            // A flag that is always up is one of the output before.
            Some(Shifted::Late) if beats == 1 && tile.index == 0 => plan.start = held,
            Some(Shifted::Late) if beats > 1 => plan.beats = own(1..beats),
            Some(Shifted::Early) if !is_last => plan.beats = own(beats - 1..beats),
            Some(Shifted::Early) if tile.index > 0 => {
                let before = self.program.tile(tile.index - 1);
                plan.start = self.start(before, pe);
                plan.beats.insert(0, (before, beats - 1));
            }
            _ => {}
        }
        match self.fault(|fault| if let Fault::Last(by) = fault { Some(*by) } else { None }) {
            Some(Shifted::Early) => {
                plan.beats.pop();
                if plan.beats.is_empty() {
                    plan.start = held;
                }
            }
            Some(Shifted::Late) if !is_last => {
                let next = self.program.tile(tile.index + 1);
                plan.start = self.start(next, pe);
                let clears = self.hardware.design.accumulator.start == Start::Zero;
                plan.beats = if clears { Vec::new() } else { vec![(next, 0)] };
            }
            _ => {}
        }
        plan
    }

    fn bias(&self, tile: Tile, pe: Pe) -> i64 {
        let record = self.program.record_of(tile) + pe.column;
        let bias = self.hardware.design.accumulator.bias;
        bias.map_or(0, |index| bind(post::Operand::Parameter(index), &self.parameters, record))
    }

    fn start(&self, tile: Tile, pe: Pe) -> Fitted {
        let accumulator = &self.hardware.design.accumulator;
        let is_moved = |moved| self.has(Fault::Bias(moved));
        let starts = !is_moved(MovedBias::Dropped) && !is_moved(MovedBias::Last);
        let bias = if starts { self.bias(tile, pe) } else { 0 };
        fit(i128::from(bias), accumulator.register, accumulator.step_rule())
    }

    fn last_bias(&self, tile: Tile, pe: Pe) -> Option<i64> {
        let adds = self.has(Fault::Bias(MovedBias::Twice)) || self.has(Fault::Bias(MovedBias::Last));
        adds.then(|| self.bias(tile, pe))
    }

    /// What enters the accumulator in a beat of a tile.
    fn sum(
        &self,
        tile: Tile,
        pe: Pe,
        index: usize,
        beat: usize,
        visit: &mut fold::Visitor<'_>,
    ) -> ControlFlow<(), i128> {
        let lanes = self.hardware.design.array.lanes;
        let levels = &self.hardware.design.reduce;
        if levels.is_empty() {
            return ControlFlow::Continue((0..lanes).map(|lane| self.product(tile, pe, index, lane)).sum());
        }
        let terms: Vec<i128> = (0..lanes).map(|lane| self.product(tile, pe, index, lane)).collect();
        let low = self.fault(|fault| match fault {
            Fault::ReduceLow(level, bits) => Some((*level, *bits)),
            _ => None,
        });
        let Some((cut, bits)) = low else { return fold::reduced(levels, terms, beat, visit) };
        let mut terms = terms;
        for (at, level) in levels.iter().enumerate() {
            let bits = if at == cut { bits } else { 0 };
            terms = groups(level, &terms).map(|(_, sum)| i128::from(sum.value) >> bits << bits).collect();
        }
        ControlFlow::Continue(terms.iter().sum())
    }

    fn product(&self, tile: Tile, pe: Pe, beat: usize, lane: usize) -> i128 {
        let design = &self.hardware.design;
        let (beats, lanes) = (self.program.beats(), design.array.lanes);
        let mirrored = |what, index: usize, extent: usize| {
            if self.has(Fault::Mirrored(what)) { extent - 1 - index } else { index }
        };
        let beat = mirrored(Mirrored::Beats, beat, beats);
        let lane = mirrored(Mirrored::Lanes, lane, lanes);
        let row = mirrored(Mirrored::Rows, pe.row, design.array.rows);
        let column = mirrored(Mirrored::Columns, pe.column, design.array.columns);
        let other_lane = if self.has(Fault::CrossedLanes) { lanes - 1 - lane } else { lane };
        let Some(fed) = self.skewed(beat, Pe { row, column }) else { return 0 };
        let a = self.activation(tile, row, self.k_of(fed, other_lane));
        let w = self.weight(tile, column, self.k_of(beat, lane));
        let exact = i128::from(a) * i128::from(w);
        let exact = match self.fault(|fault| if let Fault::Product(f) = fault { Some(*f) } else { None }) {
            Some(format) => i128::from(fit(exact, format, Overflow::Wrap).value),
            None => exact,
        };
        let low = self.fault(|fault| if let Fault::ProductLow(bits) = fault { Some(*bits) } else { None });
        low.map_or(exact, |bits| exact >> bits << bits)
    }

    /// The beat of the activation that meets a beat of the weight, where the host skews the operands and the array does so
    /// again, or neither does; None: there is none.
    fn skewed(&self, beat: usize, pe: Pe) -> Option<usize> {
        let (ours, its) = (&self.hardware.design.array, &self.program.design.array);
        if ours.skew == its.skew {
            return Some(beat);
        }
        let late = |extent: usize, hop: u32| extent * hop as usize;
        let (a, w) = (late(pe.row, its.hop_weight), late(pe.column, its.hop_activation));
        // Skewed twice, the activation is late by what its row adds, the weight by what its column adds.
        let (behind, ahead) = if ours.skew == Skew::Internal { (a, w) } else { (w, a) };
        let fed = (beat + ahead).checked_sub(behind)?;
        (fed < self.program.beats()).then_some(fed)
    }

    fn k_of(&self, beat: usize, lane: usize) -> Option<usize> {
        let design = &self.hardware.design;
        let k = design.order.lane_map.k_of(beat, lane, [self.program.beats(), design.array.lanes]);
        (k < self.program.shape.k).then_some(k)
    }

    fn activation(&self, tile: Tile, row: usize, k: Option<usize>) -> i64 {
        let its = &self.program.design.activation;
        let code = match k.filter(|_| row < self.program.rows_of(tile)) {
            Some(k) => self.program.activation(tile.image, tile.group, tile.m0 + row, k).into(),
            None => idle(its, self.records, 0),
        };
        self.read_code(Factor::Activation, code, 0)
    }

    fn weight(&self, tile: Tile, column: usize, k: Option<usize>) -> i64 {
        let its = &self.program.design.weight;
        let record = self.program.record_of(tile) + column;
        let code = match k.filter(|_| column < self.program.columns_of(tile)) {
            Some(k) => self.program.weight(tile.group, k, tile.n0 + column).into(),
            None => idle(its, self.records, record),
        };
        self.read_code(Factor::Weight, code, record)
    }

    /// A code of the host's port, and its offset, as the hardware reads them.
    fn read_code(&self, factor: Factor, code: i64, record: usize) -> i64 {
        let operand = match factor {
            Factor::Activation => &self.hardware.design.activation,
            Factor::Weight => &self.hardware.design.weight,
        };
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
    fit(i128::from(code) + i128::from(offset), operand.sum, Overflow::Wrap).value
}

/// The records as hardware reads them.
fn parameters(records: &[Vec<i64>], hardware: &Hardware) -> Vec<Vec<i64>> {
    let mut all: Vec<Vec<i64>> = records.to_vec();
    for fault in &hardware.faults {
        match fault {
            Fault::Added(index, by) => {
                all[*index].iter_mut().for_each(|value| *value = value.wrapping_add(*by))
            }
            Fault::OtherChannel(index, by) => {
                let values = &mut all[*index];
                let count = i64::try_from(values.len()).unwrap_or(i64::MAX);
                let by = usize::try_from(by.rem_euclid(count)).unwrap_or_default();
                values.rotate_left(by);
            }
            Fault::Stuck { parameter, bit, at } => {
                let only = 1_i64.wrapping_shl(*bit);
                all[*parameter]
                    .iter_mut()
                    .for_each(|value| *value = (*value & !only) | if *at { only } else { 0 });
            }
            _ => {}
        }
    }
    for (values, parameter) in all.iter_mut().zip(&hardware.design.parameters) {
        if parameter.per == post::Per::Layer {
            values.truncate(1);
        }
        for value in values.iter_mut() {
            *value = fit(i128::from(*value), parameter.format, Overflow::Wrap).value;
        }
    }
    all
}
