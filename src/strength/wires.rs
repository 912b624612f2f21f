//! What a neighbour's hardware makes of a program: the operands of the original's host, met as this hardware meets them.
//!
//! Values come from [`fold`]: the same arithmetic as both engines. Here is only what reaches it: which codes, in which order,
//! with whose numbers, from which start.

mod read;

use std::ops::ControlFlow;

use super::fetched::{Extents, Fetched};
use super::records::records_read;
use crate::design::{AccumulatorOverflow, Design, Skew, Start};
use crate::functional::fold::{self, Ended, Source, Visit, fold, groups};
use crate::lower::{Program, Tile};
use crate::neighbours::{Fault, Hardware, Mirrored, MovedBias, Shifted};
use crate::num::{Fitted, Flags, Format, Overflow, fit};
use crate::post::{self, bind};

/// A program on other hardware.
pub(super) struct Wires<'a> {
    program: &'a Program,
    hardware: &'a Hardware,
    /// As the hardware reads them, one entry per record.
    parameters: Vec<Vec<i64>>,
    /// As the host brings them.
    records: &'a [Vec<i64>],
    extents: Extents,
    /// Each asked for every product.
    skewed: bool,
    product: Option<Format>,
    product_low: Option<u32>,
    /// With a weight's sign in front of the steps that read its exponent.
    sided: Option<Design>,
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

/// What an output is accumulated from: what each accumulator starts from, and beats of tiles.
struct Plan {
    starts: Vec<Fitted>,
    beats: Vec<(Tile, usize)>,
    /// Added behind the last beat.
    last: Option<i64>,
}

impl<'a> Wires<'a> {
    pub fn new(program: &'a Program, records: &'a [Vec<i64>], hardware: &'a Hardware) -> Wires<'a> {
        let parameters = records_read(records, hardware);
        let array = &hardware.design.array;
        let [rows, columns] = program.map().tile;
        let extents = Extents { rows, columns, beats: program.beats(), lanes: array.lanes };
        let skewed = array.skew != program.design.array.skew;
        let mut wires = Wires {
            program,
            hardware,
            parameters,
            records,
            extents,
            skewed,
            product: None,
            product_low: None,
            sided: None,
        };
        wires.sided = wires.has(Fault::SignFirst).then(|| hardware.design.with_sign_first());
        wires.product =
            wires.fault(|fault| if let Fault::Product(format) = fault { Some(*format) } else { None });
        wires.product_low =
            wires.fault(|fault| if let Fault::ProductLow(bits) = fault { Some(*bits) } else { None });
        wires
    }

    /// The operands of a tile, as every PE meets them.
    pub fn fetch(&self, tile: Tile, fetched: &mut Fetched) {
        if !self.skewed && self.switched().is_none() {
            let activation = |row, beat, lane| self.activation_at(tile, row, beat, lane);
            let weight = |column, beat, lane| self.weight_at(tile, column, beat, lane);
            fetched.fetch(tile, self.extents, activation, weight);
        }
    }

    /// The shortest way to its outputs.
    pub fn way(&self) -> Way {
        let (ours, its) = (&self.hardware.design, &*self.program.design);
        use Fault::{Added, OtherChannel, Stuck, Uncorrected};
        let is_beside =
            |fault: &Fault| matches!(fault, Added(..) | OtherChannel(..) | Stuck { .. } | Uncorrected);
        let moves_bias = |fault: &Fault| matches!(fault, Fault::Bias(MovedBias::Dropped | MovedBias::Twice));
        let sums_alike = ours.product_steps == its.product_steps
            && (&ours.store_steps, &ours.load_steps) == (&its.store_steps, &its.load_steps)
            && (&ours.activation, &ours.weight, &ours.reduce, &ours.accumulator, &ours.array, &ours.order)
                == (&its.activation, &its.weight, &its.reduce, &its.accumulator, &its.array, &its.order)
            && (ours.memory, &ours.after) == (its.memory, &its.after);
        let faults = &self.hardware.faults;
        if !sums_alike || !faults.iter().all(|fault| is_beside(fault) || moves_bias(fault)) {
            return Way::Fold(None);
        }
        let steps = its.product_steps.iter().chain(&its.store_steps).chain(&its.load_steps);
        let steps = steps.flat_map(post::Step::operands);
        let offsets = [its.activation.offset, its.weight.offset].into_iter().flatten().chain(steps);
        let records = self.records();
        // By record: what its channel reads is not what the host brings.
        let reads_otherwise = |record: usize| {
            let differs = |index: usize| {
                self.read(index, record) != bind(post::Operand::Parameter(index), self.records, record)
            };
            (0..its.parameters.len()).any(differs)
        };
        let all = ours.post != its.post || faults.iter().any(moves_bias) || self.has(Fault::Uncorrected);
        let touched: Vec<bool> = (0..records).map(|record| all || reads_otherwise(record)).collect();
        let has_offsets = { offsets }.all(|operand| match operand {
            post::Operand::Parameter(index) => (0..records).all(|record| {
                self.read(index, record) == bind(post::Operand::Parameter(index), self.records, record)
            }),
            post::Operand::Constant(_) | post::Operand::Exponent { .. } => true,
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
        self.hardware.design.post_program().channel(&self.parameters, record).output(accumulator)
    }

    /// The output of a PE after a tile. `held` are the PE's accumulators, which are left as the tile leaves them.
    pub fn output(&self, tile: Tile, pe: Pe, fetched: &Fetched, held: &mut [i64]) -> i64 {
        let plan = self.plan(tile, pe, held);
        let record = self.program.record_of(tile) + pe.column;
        let Ended { output, .. } = self.fold(&plan, (pe, record), fetched, held);
        if self.program.beats() == 1 && self.has(Fault::Last(Shifted::Early)) {
            let whole = Plan { starts: vec![self.start(tile, pe)], beats: vec![(tile, 0)], last: None };
            self.fold(&whole, (pe, record), fetched, held);
        }
        output
    }

    fn fold(&self, plan: &Plan, (pe, record): (Pe, usize), fetched: &Fetched, held: &mut [i64]) -> Ended {
        let start = |lane: usize| plan.starts.get(lane).unwrap_or(&plan.starts[0]).value;
        held.iter_mut().enumerate().for_each(|(lane, held)| *held = start(lane));
        let design = &self.hardware.design;
        let cut =
            self.low_level().and_then(|(level, bits)| Some((level.checked_sub(design.reduce.len())?, bits)));
        let source = Source {
            design,
            starts: &plan.starts,
            beats: plan.beats.len() + usize::from(plan.last.is_some()),
            parameters: &self.parameters,
            channel: record,
            cut,
        };
        let sum = |beat: usize, _: &mut fold::Visitor<'_>, into: &mut Vec<i128>| {
            match plan.beats.get(beat) {
                Some((tile, index)) => self.sum((*tile, *index), (pe, fetched), into),
                None => into.push(plan.last.map_or(0, i128::from)),
            }
            ControlFlow::Continue(())
        };
        let ended = fold(source, sum, &mut |Visit { node, value, lane, .. }| {
            if node == crate::design::Node::Accumulator {
                held[lane] = value as i64;
            }
            ControlFlow::Continue(())
        });
        ended.continue_value().expect("the visitor goes on")
    }

    /// The PE whose sum stands below this one's in a slice that does not make up for its sign.
    pub fn below(&self, pe: Pe) -> Option<Pe> {
        let design = &*self.program.design;
        let packing = design.dsp.and_then(|dsp| dsp.packing).filter(|_| self.has(Fault::Uncorrected))?;
        let by_columns = packing.shares_activation || design.array.is_turned();
        match by_columns {
            true => (pe.column % 2 == 1).then(|| Pe { column: pe.column - 1, ..pe }),
            false => (pe.row % 2 == 1).then(|| Pe { row: pe.row - 1, ..pe }),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.hardware.faults.contains(&fault)
    }

    fn fault<T>(&self, of: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.hardware.faults.iter().find_map(of)
    }

    fn plan(&self, tile: Tile, pe: Pe, held: &[i64]) -> Plan {
        let beats = self.program.beats();
        let own = |range: std::ops::Range<usize>| range.map(|beat| (tile, beat)).collect::<Vec<_>>();
        let starts = vec![self.start(tile, pe)];
        let held = || held.iter().map(|held| Fitted { value: *held, flags: Flags::NONE }).collect();
        let is_last = tile.index + 1 == self.program.tile_count();
        let mut plan = Plan { starts, beats: own(0..beats), last: self.last_bias(tile, pe) };
        if self.has(Fault::Carried) {
            plan.starts = held();
        }
        let map = self.program.map();
        if self.has(Fault::Overwritten) {
            plan.beats = own((map.visits - 1) * map.steps..beats);
        }
        match self.fault(|fault| if let Fault::First(by) = fault { Some(*by) } else { None }) {
            // A flag that is always up is one of the output before.
            Some(Shifted::Late) if beats == 1 && tile.index == 0 => plan.starts = held(),
            Some(Shifted::Late) if beats > 1 => plan.beats = own(1..beats),
            Some(Shifted::Early) if !is_last => plan.beats = own(beats - 1..beats),
            Some(Shifted::Early) if tile.index > 0 => {
                let before = self.program.tile(tile.index - 1);
                plan.starts = vec![self.start(before, pe)];
                plan.beats.insert(0, (before, beats - 1));
            }
            _ => {}
        }
        match self.fault(|fault| if let Fault::Last(by) = fault { Some(*by) } else { None }) {
            Some(Shifted::Early) => {
                plan.beats.pop();
                if plan.beats.is_empty() {
                    plan.starts = held();
                }
            }
            Some(Shifted::Late) if !is_last => {
                let next = self.program.tile(tile.index + 1);
                plan.starts = vec![self.start(next, pe)];
                let clears = self.hardware.design.accumulator.start == Start::Zero;
                plan.beats = if clears { Vec::new() } else { vec![(next, 0)] };
            }
            _ => {}
        }
        plan
    }

    fn bias(&self, record: usize) -> i64 {
        let bias = self.hardware.design.accumulator.bias;
        bias.map_or(0, |index| bind(post::Operand::Parameter(index), &self.parameters, record))
    }

    fn records(&self) -> usize {
        self.program.shape.groups * self.program.records_per_group()
    }

    /// What sums start from, record by record.
    pub fn starts(&self) -> Vec<i64> {
        (0..self.records()).map(|record| self.start_of(record).value).collect()
    }

    fn start(&self, tile: Tile, pe: Pe) -> Fitted {
        self.start_of(self.program.record_of(tile) + pe.column)
    }

    fn start_of(&self, record: usize) -> Fitted {
        let accumulator = &self.hardware.design.accumulator;
        let is_moved = |moved| self.has(Fault::Bias(moved));
        let starts = !is_moved(MovedBias::Dropped) && !is_moved(MovedBias::Last);
        let bias = if starts { self.bias(record) } else { 0 };
        accumulator.register_fit().of(i128::from(bias))
    }

    fn last_bias(&self, tile: Tile, pe: Pe) -> Option<i64> {
        let adds = self.has(Fault::Bias(MovedBias::Twice)) || self.has(Fault::Bias(MovedBias::Last));
        adds.then(|| self.bias(self.program.record_of(tile) + pe.column))
    }

    /// The level whose sums lose low bits, counted over those of a beat and those behind the last one, and how many.
    fn low_level(&self) -> Option<(usize, u32)> {
        self.fault(|fault| match fault {
            Fault::ReduceLow(level, bits) => Some((*level, *bits)),
            _ => None,
        })
    }

    /// Appends what enters the accumulators in a beat of a tile.
    fn sum(&self, (tile, index): (Tile, usize), (pe, fetched): (Pe, &Fetched), into: &mut Vec<i128>) {
        let design = &self.hardware.design;
        let levels = &design.reduce;
        let record = self.program.record_of(tile) + pe.column;
        let here = fetched.beat(tile, [pe.row, pe.column], index, self.extents);
        let product = |lane: usize| match here {
            Some([activations, weights]) => self.formed(activations[lane], weights[lane], record),
            None => self.product(tile, pe, index, lane),
        };
        let terms = (0..self.extents.lanes).map(product);
        if levels.is_empty() && design.after.is_empty() {
            return into.push(terms.sum());
        }
        let mut terms: Vec<i128> = terms.collect();
        let (cut, bits) = self.low_level().unwrap_or_default();
        for (at, level) in levels.iter().enumerate() {
            let bits = if at == cut { bits } else { 0 };
            terms = groups(level, &terms).map(|(_, sum)| i128::from(sum.value) >> bits << bits).collect();
        }
        fold::entering(design, &terms, into);
    }

    /// The product of two operands as they were read, behind its steps with the numbers of a record.
    fn formed(&self, activation: i64, weight: i64, record: usize) -> i128 {
        let design = &self.hardware.design;
        if design.exponent.is_some() {
            // A sign in front of the steps is that of the activation.
            return match (&self.sided, weight < 0) {
                (Some(sided), true) => sided.formed(-activation, -weight).term(&self.parameters, record),
                _ => design.formed(activation, weight).term(&self.parameters, record),
            };
        }
        let exact = i128::from(activation) * i128::from(weight);
        let exact = self.product.map_or(exact, |format| i128::from(fit(exact, format, Overflow::Wrap).value));
        let exact = self.product_low.map_or(exact, |bits| exact >> bits << bits);
        let steps = &self.hardware.design.product_steps;
        if steps.is_empty() {
            return exact;
        }
        let program = self.hardware.design.product_program();
        program.channel(&self.parameters, record).through(0..steps.len(), exact)
    }

    /// When operands that stay are exchanged, if it is at the wrong vector.
    fn switched(&self) -> Option<Shifted> {
        self.fault(|fault| if let Fault::Switch(by) = fault { Some(*by) } else { None })
    }

    /// The tile whose operands are in place while a vector of `tile`, of the visit that a step belongs to, passes, and which
    /// of that tile's steps the row of PEs has then; `None` before there is one.
    fn in_place(&self, tile: Tile, vector: usize, step: usize) -> Option<(Tile, usize)> {
        let (map, vectors) = (self.program.map(), self.program.tile_beats());
        let of = |index: usize| {
            let other = self.program.tile(index);
            (other, other.visit * map.steps + step % map.steps)
        };
        let index = tile.index + step / map.steps;
        match self.switched() {
            Some(Shifted::Late) if vector == 0 => index.checked_sub(1).map(of),
            Some(Shifted::Early) if vector + 1 == vectors && index + 1 < self.program.tile_count() => {
                Some(of(index + 1))
            }
            _ => Some(of(index)),
        }
    }

    /// The product of a row of PEs, past whose operand a vector travels.
    fn passed(&self, tile: Tile, pe: Pe, step: usize, lane: usize) -> i128 {
        let (its, map) = (&self.program.design.array, self.program.map());
        let vector = if map.is_turned() { pe.column } else { pe.row };
        let Some((place, own)) = self.in_place(tile, vector, step) else { return 0 };
        // Skewed twice, a row's operand is late by its skew; skewed by nobody, early.
        let late = step % map.steps * its.hop_down() as usize;
        let met = match (self.skewed, self.hardware.design.array.skew) {
            (false, _) => Some(vector),
            (true, Skew::Internal) => vector.checked_sub(late),
            (true, Skew::Host) => Some(vector + late).filter(|vector| *vector < self.program.tile_beats()),
        };
        let Some(met) = met else { return 0 };
        let record = self.program.record_of(tile) + pe.column;
        if map.is_turned() {
            let activation = self.activation_at(place, pe.row, own, lane);
            return self.formed(activation, self.weight_at(tile, met, step, lane), record);
        }
        let activation = self.activation_at(tile, met, step, lane);
        self.formed(activation, self.weight_at(place, pe.column, own, lane), record)
    }

    fn product(&self, tile: Tile, pe: Pe, beat: usize, lane: usize) -> i128 {
        if self.program.map().vectors().is_some() {
            return self.passed(tile, pe, beat, lane);
        }
        let weight = self.weight_at(tile, pe.column, beat, lane);
        let record = self.program.record_of(tile) + pe.column;
        if !self.skewed {
            return self.formed(self.activation_at(tile, pe.row, beat, lane), weight, record);
        }
        let Extents { rows, columns, beats, .. } = self.extents;
        let row = self.mirrored(Mirrored::Rows, pe.row, rows);
        let column = self.mirrored(Mirrored::Columns, pe.column, columns);
        match self.fed(self.mirrored(Mirrored::Beats, beat, beats), Pe { row, column }) {
            Some(fed) => {
                let activation = self.activation(tile, row, self.k_of(fed, self.activation_lane(lane)));
                self.formed(activation, weight, record)
            }
            None => 0,
        }
    }
}
