//! An array of R × C PEs, as it is drawn: every register and its next state, one operation at a time.
//!
//! ```text
//!  sums stay              in.weight[0]   in.weight[1]      column j delayed by j · hop_right (by the
//!                              │              │            host, or in the triangle skew.w)
//!  in.activation[0] ─►┌─ PE00 ─┐──►┌─ PE01 ─┐──►          a PE, operands and control bits travelling on:
//!                     └───┬────┘   └───┬────┘               a ─►[pe.a]…─────────────► right neighbour
//!  in.activation[1] ─►┌─ PE10 ─┐──►┌─ PE11 ─┐──►            w ─►[pe.w]…─────────────► lower neighbour
//!   (row i delayed    └───┬────┘   └───┬────┘               a × w ─► products ─► + ─►[pe.acc]
//!    by i · hop_down)     ▼              ▼                               bias (first) ┘
//!                       exit ─► requantizer ─► out.data[0], [1], …
//!
//!  sums travel     bias ─► + ─►[pe.acc]─► + ─►[pe.acc]─► … ─► requantizer, down every column (see `travel`); the other
//!                          └ a × [pe.w]   └ a × [pe.w]         operand stays in its PE (see `stationary`)
//! ```
//!
//! A sequential MAC and a tree are one row, whose exit is `pe.done`: 1 in the cycle after the edge that took a `last` beat; they
//! may have several accumulators each, which are added on the way out (see `after`). Where
//! there are rows and sums stay, results drain (see [`Exit`]). Where activations stay, weights come from the left, and all
//! names of the two are exchanged.
//!
//! Registers: `skew.a`, `skew.valid`, `skew.first`, `skew.w` (skew = "internal"); `pe.a`, `pe.valid`, `pe.first`, `pe.last` in
//! max(operand_latency, hop_right) stages and `pe.w` in max(operand_latency, hop_down) stages: one chain
//! serves travelling and operand delay; those of `products`; `pe.acc`; those of the exit and the requantizers'.
//! Free-running but `pe.acc` where it stays, operands that stay, and the drain and post data registers.
//! Latency: beat b reaches PE(i, j)'s adder d0 + i · hop_down + j · hop_right cycles after it was accepted.
//! Not modelled: stalls, the parameters' registers (where tiles follow on each other the record travels beside the beat,
//! untraced; where they drain it is static while a tile lasts).
//! Rules: R2–R6, R9.

use std::collections::VecDeque;
use std::sync::Arc;

use super::accumulate::Accumulate;
use super::after::After;
use super::control::{Bits, Control, push};
use super::exit::Exit;
use super::operand::operand_sum;
use super::products::{Products, Stage};
use super::requantizer::{Finished, Requantizer};
use super::skew::Triangle;
use super::stationary::Stationary;
use super::sums::Staying;
use super::travel::Travel;
use super::words::{Visit, Words};
use super::{BIT, Datapath, Deaf, Inputs, Port, Records, Watch, register, stage_name};
use crate::design::{self, Design, Node, Operand, Skew};
use crate::post;

/// What enters every PE in one cycle.
struct Entering {
    /// `[rows][columns][lanes]`
    left: Vec<i32>,
    above: Vec<i32>,
    /// `[rows][columns]`
    controls: Vec<Control>,
}

/// The operands that do not come from the left.
enum Above {
    /// They come from above, beat by beat. By stage, each `[rows][columns][lanes]`.
    Travels {
        skew: Triangle<i32>,
        stages: Vec<Vec<i32>>,
    },
    Stays(Stationary),
}

/// The sums.
enum Sums {
    Stay { sums: Staying, exit: Exit },
    Travel(Travel),
}

/// The block.
pub struct Array {
    design: Arc<Design>,
    records: Records,
    array: design::Array,
    bits: Bits,
    skew_left: Triangle<i32>,
    skew_control: Triangle<Control>,
    /// By stage, each `[rows][columns][lanes]`.
    left: Vec<Vec<i32>>,
    controls: Vec<Vec<Control>>,
    /// Channels and visits that the host drove before, the latest first: as far back as its outer rows are late.
    before: VecDeque<(usize, Visit)>,
    above: Above,
    products: Products,
    accumulate: Accumulate,
    sums: Sums,
    after: Option<After>,
    memory: Option<Words>,
    requantizer: Requantizer,
}

impl Array {
    /// All registers 0; `records` bring the numbers of its bias and post steps.
    pub fn new(design: Arc<Design>, records: Records) -> Self {
        let array = design.array;
        let (pes, lanes) = (array.rows * array.columns, array.lanes);
        let (right, down) = (array.hop_right(), array.hop_down());
        let internal = |hop: u32| if array.skew == Skew::Internal { hop as usize } else { 0 };
        let depth = |hop: u32| design.operand_latency.max(hop) as usize;
        let bits = Bits::of(&array);
        let late = if !array.drains() && array.host_skews() { (array.rows - 1) * down as usize } else { 0 };
        let above = match array.load {
            Some(load) => Above::Stays(Stationary::new(&array, load)),
            None => Above::Travels {
                skew: Triangle::new(array.columns, internal(right), lanes),
                stages: vec![vec![0; pes * lanes]; depth(down)],
            },
        };
        let sums = match array.sums_travel() {
            true => Sums::Travel(Travel::new(array)),
            false => {
                Sums::Stay { sums: Staying::new(&array, design.partial_sums()), exit: Exit::new(&array) }
            }
        };
        Array {
            skew_left: Triangle::new(array.rows, internal(down), lanes),
            skew_control: Triangle::new(array.rows, internal(down), 1),
            left: vec![vec![0; pes * lanes]; depth(right)],
            controls: vec![vec![Control::default(); pes]; depth(right)],
            before: vec![(0, Visit::default()); late].into(),
            above,
            products: Products::new(&design, bits),
            accumulate: Accumulate::new(&design),
            sums,
            after: After::new(&design),
            memory: Words::new(&design, &records),
            requantizer: Requantizer::new(&design, records.clone()),
            bits,
            array,
            design,
            records,
        }
    }

    /// The port on the left, and the one above.
    fn ports<'a>(&self, inputs: &'a Inputs) -> [&'a [i32]; 2] {
        let ports = [inputs.activation.as_slice(), &inputs.weight];
        if self.array.is_turned() { [ports[1], ports[0]] } else { ports }
    }

    /// Control bits as they stand on the port, one per row.
    fn driven_controls(&self, inputs: &Inputs) -> Vec<Control> {
        let host = inputs.valid.len() > 1;
        let hop = self.array.hop_down() as usize;
        let driven = |row: usize| {
            let control = Control::driven(inputs, if host { row } else { 0 });
            // The record belongs to the beat that row 0 was given with it.
            match (row * hop).checked_sub(1).and_then(|before| self.before.get(before)) {
                Some((record, visit)) => Control { record: Some(*record), visit: *visit, ..control },
                None => control,
            }
        };
        (0..self.array.rows).map(driven).collect()
    }

    /// What enters each PE: the edge of the array, or what the neighbour's chain shows. Nothing enters from above where
    /// operands stay.
    fn entering(&self, inputs: &Inputs) -> Entering {
        let design::Array { rows, columns, lanes, .. } = self.array;
        let (right, down) = (self.array.hop_right() as usize, self.array.hop_down() as usize);
        let driven = self.driven_controls(inputs);
        let [left, above] = self.ports(inputs);
        let mut into = Entering { left: Vec::new(), above: Vec::new(), controls: Vec::new() };
        for row in 0..rows {
            for column in 0..columns {
                let pe = row * columns + column;
                if column == 0 || right == 0 {
                    into.left.extend_from_slice(self.skew_left.edge(row, left));
                    into.controls.push(self.skew_control.edge(row, &driven)[0]);
                } else {
                    into.left.extend_from_slice(&self.left[right - 1][(pe - 1) * lanes..pe * lanes]);
                    into.controls.push(self.controls[right - 1][pe - 1]);
                }
                match &self.above {
                    Above::Stays(_) => {}
                    Above::Travels { skew, .. } if row == 0 || down == 0 => {
                        into.above.extend_from_slice(skew.edge(column, above));
                    }
                    Above::Travels { stages, .. } => {
                        let from = (pe - columns) * lanes;
                        into.above.extend_from_slice(&stages[down - 1][from..from + lanes]);
                    }
                }
            }
        }
        into
    }

    /// The record of column 0 that goes with a beat. Parameters are pipelined where tiles follow on each other.
    fn record(&self, control: Control, channel: usize) -> Option<usize> {
        if self.array.drains() { Some(channel) } else { control.record }
    }

    /// Control bits at the multipliers.
    fn at_multipliers<'a>(&'a self, entering: &'a Entering) -> &'a [Control] {
        let at = self.design.operand_latency.checked_sub(1).map(|stage| stage as usize);
        at.map_or(&entering.controls, |stage| &self.controls[stage])
    }

    /// The products being formed in every PE, behind their steps.
    fn multiply(&self, entering: &Entering, channel: usize, watch: &mut dyn Watch) -> Stage {
        let at = self.design.operand_latency.checked_sub(1).map(|stage| stage as usize);
        let controls = self.at_multipliers(entering);
        let left = at.map_or(&entering.left, |stage| &self.left[stage]);
        let above = match (&self.above, at) {
            (Above::Stays(stationary), _) => &stationary.seen(controls),
            (Above::Travels { stages, .. }, Some(stage)) => &stages[stage],
            (Above::Travels { .. }, None) => &entering.above,
        };
        let design::Array { columns, lanes, .. } = self.array;
        let turned = self.array.is_turned();
        let mut product = |(index, (left, above)): (usize, (&i32, &i32))| {
            let pe = index / lanes;
            let record = self.record(controls[pe], channel);
            let record = record.map(|record| record + pe % columns * self.array.record_step());
            let [a, w] = if turned { [above, left] } else { [left, above] };
            let a = operand_sum(&self.design.activation, *a, &self.records, record);
            let w = operand_sum(&self.design.weight, *w, &self.records, record);
            let formed = self.design.formed(a, w);
            // Operands in reset state are 0, and so is what steps make of it.
            let Some(channel) = record else { return formed.value as i64 };
            let steps = post::Channel { steps: &formed.steps, numbers: &self.records, channel };
            let stepped = steps.run(formed.value as i64, |step, flags| {
                if controls[pe].valid {
                    watch.overflow(Node::Product(step), pe / columns, pe % columns, flags);
                }
            });
            if formed.is_negative { -stepped } else { stepped }
        };
        Stage {
            values: left.iter().zip(above).enumerate().map(&mut product).collect(),
            controls: controls.to_vec(),
        }
    }

    /// What stands in front of the requantizers.
    fn shown(&self, inputs: &Inputs) -> Finished {
        if let Some(memory) = &self.memory {
            return memory.shows().clone();
        }
        match &self.sums {
            Sums::Stay { sums, exit } => {
                let front = exit.front(sums.acc(), inputs);
                match &self.after {
                    Some(after) => after.shows(&front, sums.acc()),
                    None => exit.shows(self.finished(front)),
                }
            }
            Sums::Travel(travel) if travel.is_registered() => {
                travel.shows((&[], &[]), &self.accumulate, &self.records)
            }
            Sums::Travel(travel) => {
                let (sums, controls) =
                    self.products.standing(self.multiply(&self.entering(inputs), inputs.channel, &mut Deaf));
                travel.shows((&sums, &controls), &self.accumulate, &self.records)
            }
        }
    }

    /// Sums as they stand in front of the exits: clamped by `saturate_output`.
    fn finished(&self, mut sums: Finished) -> Finished {
        sums.values.iter_mut().for_each(|value| *value = self.accumulate.finish(*value).value);
        sums
    }

    /// Tells of sums that leave.
    fn tell(&self, sums: &Finished, watch: &mut dyn Watch) {
        let together = sums.values.len() / sums.valid.len();
        for group in (0..sums.valid.len()).filter(|group| sums.valid[*group]) {
            let exits = group * together..(group + 1) * together;
            let finished: Vec<_> =
                sums.values[exits.clone()].iter().map(|sum| self.accumulate.finish(*sum)).collect();
            let values: Vec<i64> = finished.iter().map(|finished| finished.value).collect();
            if self.memory.is_none() {
                watch.finished(exits.start, &values);
            }
            for (at, finished) in finished.iter().enumerate().filter(|(_, finished)| finished.flags.any()) {
                watch.overflow(Node::AccumulatorOutput, 0, exits.start + at, finished.flags);
            }
        }
    }

    /// The edge of everything from the adders on, where sums stay.
    fn stay(&mut self, sums: &[i128], controls: &[Control], inputs: &Inputs, watch: &mut dyn Watch) {
        let Sums::Stay { sums: staying, exit } = &self.sums else { return };
        let front = exit.front(staying.acc(), inputs);
        let front = match &mut self.after {
            Some(after) => {
                let shown = after.clock(&front, staying.acc(), watch);
                self.requantizer.clock(&shown, watch);
                front
            }
            None => {
                self.tell(&front, watch);
                let front = self.finished(front);
                let shown = exit.shows(front.clone());
                self.finish(shown, watch);
                front
            }
        };
        let (columns, drains) = (self.array.columns, self.array.drains());
        // As `record` says.
        let record = |pe: usize, control: Control| {
            let record = if drains { Some(inputs.channel) } else { control.record };
            record.map(|record| record + pe % columns)
        };
        let Sums::Stay { sums: staying, exit } = &mut self.sums else { return };
        let (before, taken) = if inputs.drain {
            (staying.move_on(), vec![(Control::default(), 0); controls.len()])
        } else {
            let numbers = (&self.accumulate, &self.records);
            staying.clock((sums, controls), numbers, record, inputs, watch)
        };
        exit.clock(front, &before, &taken, inputs);
    }

    /// The edge of everything from the adders on, where sums travel.
    fn travel(&mut self, sums: &[i128], controls: &[Control], inputs: &Inputs, watch: &mut dyn Watch) {
        let clears = inputs.load && self.array.load.is_some_and(|load| load.clears_sums);
        let Sums::Travel(travel) = &mut self.sums else { return };
        let shown = travel.clock((sums, controls), &self.accumulate, &self.records, clears, watch);
        self.tell(&shown, watch);
        let shown = self.finished(shown);
        self.finish(shown, watch);
    }

    /// The edge of everything behind the sums.
    fn finish(&mut self, shown: Finished, watch: &mut dyn Watch) {
        match &mut self.memory {
            None => self.requantizer.clock(&shown, watch),
            Some(memory) => {
                self.requantizer.clock(memory.shows(), watch);
                memory.clock(shown, watch);
            }
        }
    }

    /// Names of what comes from the left and of what does not: `a` and `w`, or where activations stay the other way round.
    fn sides(&self) -> [(&'static str, &'static str, &Operand); 2] {
        let sides = [("a", "activation", &self.design.activation), ("w", "weight", &self.design.weight)];
        if self.array.is_turned() { [sides[1], sides[0]] } else { sides }
    }

    fn skew_signals(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        let mut triangle = |name: String, node: &str, count: usize, format| {
            if count > 0 {
                ports.push(register(name, node, vec![count], format));
            }
        };
        let [(left, left_node, left_operand), (above, above_node, above_operand)] = self.sides();
        triangle(format!("skew.{left}"), left_node, self.skew_left.stages().len(), left_operand.format);
        triangle("skew.valid".to_string(), left_node, self.skew_control.stages().len(), BIT);
        for (bit, _) in [("first", self.bits.first), ("last", self.bits.last)].iter().filter(|(_, is)| *is) {
            triangle(format!("skew.{bit}"), left_node, self.skew_control.stages().len(), BIT);
        }
        if let Above::Travels { skew, .. } = &self.above {
            triangle(format!("skew.{above}"), above_node, skew.stages().len(), above_operand.format);
        }
        ports
    }

    fn operand_signals(&self) -> Vec<Port> {
        let array = &self.array;
        let [(left, left_node, left_operand), (above, above_node, above_operand)] = self.sides();
        let shared = array.shared_shape();
        let shapes = [array.with_lanes(shared.clone()), array.with_lanes(array.pe_shape())];
        let stages = if let Above::Travels { stages, .. } = &self.above { stages.len() } else { 0 };
        let mut ports = Vec::new();
        for stage in 0..self.left.len().max(stages) {
            let name = |base: &str| stage_name(&format!("pe.{base}"), stage as u32);
            if stage < self.left.len() {
                ports.push(register(name(left), left_node, shapes[0].clone(), left_operand.format));
            }
            if stage < stages {
                ports.push(register(name(above), above_node, shapes[1].clone(), above_operand.format));
            }
            if stage < self.left.len() {
                ports.extend(self.bits.ports("pe", left_node, stage as u32, &shared));
            }
        }
        ports
    }
}

impl Datapath for Array {
    fn signals(&self) -> Vec<Port> {
        let mut ports = self.skew_signals();
        ports.extend(self.operand_signals());
        if let Above::Stays(stationary) = &self.above {
            ports.extend(stationary.signals(&self.design));
        }
        ports.extend(self.products.signals());
        let accumulator = &self.design.accumulator;
        match &self.sums {
            Sums::Stay { sums, exit } => {
                ports.extend(sums.signals(accumulator.register));
                ports.extend(exit.signals(accumulator.register, accumulator.format));
            }
            Sums::Travel(travel) => ports.extend(travel.signals(&self.design)),
        }
        ports.extend(self.after.iter().flat_map(After::signals));
        ports.extend(self.memory.iter().flat_map(Words::signals));
        ports.extend(self.requantizer.signals());
        ports
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        let codes = |codes: &[i32], sample: &mut Vec<i64>| sample.extend(codes.iter().map(|v| i64::from(*v)));
        codes(self.skew_left.stages(), sample);
        self.bits.visit(self.skew_control.stages(), sample);
        let none = Vec::new();
        let above = match &self.above {
            Above::Travels { skew, stages } => {
                codes(skew.stages(), sample);
                stages
            }
            Above::Stays(_) => &none,
        };
        let shared: usize = self.array.shared_shape().iter().product();
        for stage in 0..self.left.len().max(above.len()) {
            codes(self.left.get(stage).map_or(&[], |left| &left[..shared * self.array.lanes]), sample);
            codes(above.get(stage).map_or(&[], Vec::as_slice), sample);
            self.bits.visit(self.controls.get(stage).map_or(&[], |controls| &controls[..shared]), sample);
        }
        if let Above::Stays(stationary) = &self.above {
            stationary.visit(sample);
        }
        self.products.visit(sample);
        match &self.sums {
            Sums::Stay { sums, exit } => {
                sums.visit(sample);
                exit.visit(sample);
            }
            Sums::Travel(travel) => travel.visit(sample),
        }
        if let Some(after) = &self.after {
            after.visit(sample);
        }
        if let Some(memory) = &self.memory {
            memory.visit(sample);
        }
        self.requantizer.visit(&self.shown(inputs), sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        // Old state is read by everything before any of it changes: back to front, chains last.
        let entering = self.entering(inputs);
        let formed = self.multiply(&entering, inputs.channel, watch);
        let at_multipliers = self.at_multipliers(&entering).to_vec();
        let (sums, controls) = self.products.clock(formed, watch);
        match &self.sums {
            Sums::Stay { .. } => self.stay(&sums, &controls, inputs, watch),
            Sums::Travel(_) => self.travel(&sums, &controls, inputs, watch),
        }
        let driven = self.driven_controls(inputs);
        let [left, above] = self.ports(inputs);
        push(&mut self.left, entering.left);
        push(&mut self.controls, entering.controls);
        match &mut self.above {
            Above::Travels { skew, stages } => {
                push(stages, entering.above);
                skew.clock(above);
            }
            Above::Stays(stationary) => stationary.clock(inputs, above, &at_multipliers),
        }
        self.skew_left.clock(left);
        self.skew_control.clock(&driven);
        if self.before.pop_back().is_some() {
            self.before.push_front((inputs.channel, inputs.visit));
        }
    }
}
