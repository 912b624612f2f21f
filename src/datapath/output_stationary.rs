//! An output-stationary array of R × C PEs, drained down its columns through one requantizer each.
//!
//! ```text
//!                    in.weight[0]   in.weight[1]          column j delayed by j · hop_activation (by the
//!                         │              │                host, or in the triangle skew.w)
//!  in.activation[0] ─►┌─ PE00 ─┐──►┌─ PE01 ─┐──►          a PE, operands and control bits travelling on:
//!                     └───┬────┘   └───┬────┘               a ─►[pe.a]…─────────────► right neighbour
//!  in.activation[1] ─►┌─ PE10 ─┐──►┌─ PE11 ─┐──►            w ─►[pe.w]…─────────────► lower neighbour
//!   (row i delayed    └───┬────┘   └───┬────┘               a × w ─► products ─► + ─►[pe.acc]─► down (drain)
//!    by i · hop_weight)   ▼              ▼
//!                     [drain]… ─► requantizer ─► out.data[0], [1], …
//! ```
//!
//! Registers: `skew.a`, `skew.valid`, `skew.first`, `skew.w` (skew = "internal"); `pe.a`, `pe.valid`, `pe.first` in
//! max(operand_latency, hop_activation) stages and `pe.w` in max(operand_latency, hop_weight) stages: one chain
//! serves travelling and operand delay; those of `products`; `pe.acc`; `drain`, `drain.valid`; the requantizers'.
//! Free-running but `pe.acc` and the drain and post data registers.
//! Latency: beat b reaches PE(i, j)'s accumulator d0 + i · hop_weight + j · hop_activation cycles after it was accepted.
//! While `in.drain` is 1 every accumulator takes the one above it and the bottom row leaves.
//! Not modelled: stalls, overlapping tiles, the parameters' registers (static while a tile lasts).
//! Rules: R2–R6, R9.

use std::sync::Arc;

use super::accumulate::Accumulate;
use super::control::{Bits, Control, push};
use super::operand::operand_sum;
use super::products::{Products, Stage};
use super::requantizer::{Finished, Requantizer};
use super::skew::Triangle;
use super::{BIT, Datapath, Inputs, Port, Records, Watch, register, stage_name};
use crate::design::{Array, Design, Node, Skew};

const BITS: Bits = Bits::ValidFirst;

/// What enters every PE in one cycle.
struct Entering {
    /// `[rows][columns][lanes]`
    a: Vec<i32>,
    w: Vec<i32>,
    /// `[rows][columns]`
    controls: Vec<Control>,
}

/// The block.
pub struct OutputStationary {
    design: Arc<Design>,
    records: Records,
    array: Array,
    skew_a: Triangle<i32>,
    skew_control: Triangle<Control>,
    skew_w: Triangle<i32>,
    /// By stage, each `[rows][columns][lanes]`.
    a: Vec<Vec<i32>>,
    w: Vec<Vec<i32>>,
    controls: Vec<Vec<Control>>,
    products: Products,
    /// `[rows][columns]`
    acc: Vec<i64>,
    /// By stage: one value per column, and their valid bit.
    drain: Vec<(Vec<i64>, bool)>,
    accumulate: Accumulate,
    requantizer: Requantizer,
}

impl OutputStationary {
    /// All registers 0; `records` bring the numbers of its bias and post steps.
    pub fn new(design: Arc<Design>, records: Records) -> Self {
        let array = design.array;
        let (pes, lanes) = (array.rows * array.columns, array.lanes);
        let internal = |hop: u32| if array.skew == Skew::Internal { hop as usize } else { 0 };
        let depth = |hop: u32| design.operand_latency.max(hop) as usize;
        OutputStationary {
            skew_a: Triangle::new(array.rows, internal(array.hop_weight), lanes),
            skew_control: Triangle::new(array.rows, internal(array.hop_weight), 1),
            skew_w: Triangle::new(array.columns, internal(array.hop_activation), lanes),
            a: vec![vec![0; pes * lanes]; depth(array.hop_activation)],
            w: vec![vec![0; pes * lanes]; depth(array.hop_weight)],
            controls: vec![vec![Control::default(); pes]; depth(array.hop_activation)],
            products: Products::new(&design, vec![array.rows, array.columns], BITS),
            acc: vec![0; pes],
            drain: vec![(vec![0; array.columns], false); array.drain_latency as usize],
            accumulate: Accumulate::new(&design),
            requantizer: Requantizer::new(&design, records.clone(), false),
            array,
            design,
            records,
        }
    }

    /// Control bits as they stand on the port, one per row.
    fn driven_controls(&self, inputs: &Inputs) -> Vec<Control> {
        let host = inputs.valid.len() > 1;
        (0..self.array.rows).map(|row| Control::driven(inputs, if host { row } else { 0 })).collect()
    }

    /// What enters each PE: the edge of the array, or what the neighbour's chain shows.
    fn entering(&self, inputs: &Inputs) -> Entering {
        let Array { rows, columns, lanes, .. } = self.array;
        let (hop_a, hop_w) = (self.array.hop_activation as usize, self.array.hop_weight as usize);
        let driven = self.driven_controls(inputs);
        let mut into = Entering { a: Vec::new(), w: Vec::new(), controls: Vec::new() };
        for row in 0..rows {
            for column in 0..columns {
                let pe = row * columns + column;
                if column == 0 || hop_a == 0 {
                    into.a.extend_from_slice(self.skew_a.edge(row, &inputs.activation));
                    into.controls.push(self.skew_control.edge(row, &driven)[0]);
                } else {
                    into.a.extend_from_slice(&self.a[hop_a - 1][(pe - 1) * lanes..pe * lanes]);
                    into.controls.push(self.controls[hop_a - 1][pe - 1]);
                }
                if row == 0 || hop_w == 0 {
                    into.w.extend_from_slice(self.skew_w.edge(column, &inputs.weight));
                } else {
                    let above = (pe - columns) * lanes;
                    into.w.extend_from_slice(&self.w[hop_w - 1][above..above + lanes]);
                }
            }
        }
        into
    }

    /// The products being formed in every PE.
    fn multiply(&self, entering: &Entering, channel: usize) -> Stage {
        let at = self.design.operand_latency.checked_sub(1).map(|stage| stage as usize);
        let a = at.map_or(&entering.a, |stage| &self.a[stage]);
        let w = at.map_or(&entering.w, |stage| &self.w[stage]);
        let controls = at.map_or(&entering.controls, |stage| &self.controls[stage]);
        let Array { columns, lanes, .. } = self.array;
        let product = |(index, (a, w)): (usize, (&i32, &i32))| {
            let record = Some(channel + index / lanes % columns);
            operand_sum(&self.design.activation, *a, &self.records, Some(0))
                * operand_sum(&self.design.weight, *w, &self.records, record)
        };
        Stage { values: a.iter().zip(w).enumerate().map(product).collect(), controls: controls.clone() }
    }

    /// The bottom row as it leaves: clamped by `saturate_output`.
    fn leaving(&self) -> Vec<i64> {
        let bottom = self.acc.len() - self.array.columns;
        self.acc[bottom..].iter().map(|acc| self.accumulate.finish(*acc).value).collect()
    }

    /// Every accumulator takes its sum, or holds.
    fn accumulate(&mut self, sums: &[i128], controls: &[Control], channel: usize, watch: &mut dyn Watch) {
        let columns = self.array.columns;
        for (pe, acc) in self.acc.iter_mut().enumerate() {
            let (row, column, control) = (pe / columns, pe % columns, controls[pe]);
            let bias = self.accumulate.bias(&self.records, Some(channel + column));
            let Some(next) = self.accumulate.next(*acc, control.valid, control.first, bias, sums[pe]) else {
                continue;
            };
            if control.first && bias.flags.any() {
                watch.overflow(Node::AccumulatorStart, row, column, bias.flags);
            }
            if next.flags.any() {
                watch.overflow(Node::Accumulator, row, column, next.flags);
            }
            *acc = next.value;
        }
    }

    /// Everything behind the accumulators; `leaving` is what the bottom row shows.
    fn finish(&mut self, leaving: Vec<i64>, inputs: &Inputs, watch: &mut dyn Watch) {
        if inputs.drain {
            watch.finished(&leaving);
            let bottom = self.acc.len() - self.array.columns;
            for (column, acc) in self.acc[bottom..].iter().enumerate() {
                let flags = self.accumulate.finish(*acc).flags;
                if flags.any() {
                    watch.overflow(Node::AccumulatorOutput, 0, column, flags);
                }
            }
        }
        let (values, valid) = match self.drain.last() {
            Some((values, valid)) => (values.as_slice(), *valid),
            None => (leaving.as_slice(), inputs.drain),
        };
        self.requantizer.clock(Finished { values, valid, record: inputs.channel }, watch);
        for stage in (0..self.drain.len()).rev() {
            let (values, valid) = match stage.checked_sub(1) {
                Some(before) => self.drain[before].clone(),
                None => (leaving.clone(), inputs.drain),
            };
            // Valid bits always load; data only behind a valid input.
            self.drain[stage].1 = valid;
            if valid {
                self.drain[stage].0 = values;
            }
        }
    }

    fn skew_signals(&self) -> Vec<Port> {
        let design = &self.design;
        let mut ports = Vec::new();
        let mut triangle = |name: &str, node: &str, count: usize, format| {
            if count > 0 {
                ports.push(register(name.to_string(), node, vec![count], format));
            }
        };
        triangle("skew.a", "activation", self.skew_a.stages().len(), design.activation.format);
        triangle("skew.valid", "activation", self.skew_control.stages().len(), BIT);
        triangle("skew.first", "activation", self.skew_control.stages().len(), BIT);
        triangle("skew.w", "weight", self.skew_w.stages().len(), design.weight.format);
        ports
    }

    fn operand_signals(&self) -> Vec<Port> {
        let (array, design) = (&self.array, &self.design);
        let grid = vec![array.rows, array.columns];
        let lanes = (array.lanes > 1).then_some(array.lanes);
        let shape: Vec<usize> = grid.iter().copied().chain(lanes).collect();
        let mut ports = Vec::new();
        for stage in 0..self.a.len().max(self.w.len()) {
            let name = |base: &str| stage_name(base, stage as u32);
            if stage < self.a.len() {
                ports.push(register(name("pe.a"), "activation", shape.clone(), design.activation.format));
            }
            if stage < self.w.len() {
                ports.push(register(name("pe.w"), "weight", shape.clone(), design.weight.format));
            }
            if stage < self.a.len() {
                ports.extend(BITS.ports("pe", "activation", stage as u32, &grid));
            }
        }
        ports
    }
}

impl Datapath for OutputStationary {
    fn signals(&self) -> Vec<Port> {
        let array = &self.array;
        let mut ports = self.skew_signals();
        ports.extend(self.operand_signals());
        ports.extend(self.products.signals());
        let grid = vec![array.rows, array.columns];
        ports.push(register("pe.acc".to_string(), "accumulator", grid, self.design.accumulator.register));
        for stage in 0..array.drain_latency {
            let columns = vec![array.columns];
            ports.push(register(
                stage_name("drain", stage),
                "drain",
                columns,
                self.design.accumulator.format,
            ));
            ports.push(register(stage_name("drain.valid", stage), "drain", vec![], BIT));
        }
        ports.extend(self.requantizer.signals());
        ports
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        let codes = |codes: &[i32], sample: &mut Vec<i64>| sample.extend(codes.iter().map(|v| i64::from(*v)));
        codes(self.skew_a.stages(), sample);
        BITS.visit(self.skew_control.stages(), sample);
        codes(self.skew_w.stages(), sample);
        for stage in 0..self.a.len().max(self.w.len()) {
            codes(self.a.get(stage).map_or(&[], Vec::as_slice), sample);
            codes(self.w.get(stage).map_or(&[], Vec::as_slice), sample);
            BITS.visit(self.controls.get(stage).map_or(&[], Vec::as_slice), sample);
        }
        self.products.visit(sample);
        sample.extend_from_slice(&self.acc);
        for (values, valid) in &self.drain {
            sample.extend_from_slice(values);
            sample.push(i64::from(*valid));
        }
        let leaving = self.leaving();
        let (values, valid) = match self.drain.last() {
            Some((values, valid)) => (values.as_slice(), *valid),
            None => (leaving.as_slice(), inputs.drain),
        };
        self.requantizer.visit(Finished { values, valid, record: inputs.channel }, sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        // Old state is read by everything before any of it changes: back to front, chains last.
        let entering = self.entering(inputs);
        let formed = self.multiply(&entering, inputs.channel);
        let leaving = self.leaving();
        self.finish(leaving, inputs, watch);
        let (sums, controls) = self.products.clock(formed, watch);
        if inputs.drain {
            let columns = self.array.columns;
            self.acc.rotate_right(columns);
            self.acc[..columns].fill(0);
        } else {
            self.accumulate(&sums, &controls, inputs.channel, watch);
        }
        push(&mut self.a, entering.a);
        push(&mut self.w, entering.w);
        push(&mut self.controls, entering.controls);
        let driven = self.driven_controls(inputs);
        self.skew_a.clock(&inputs.activation);
        self.skew_control.clock(&driven);
        self.skew_w.clock(&inputs.weight);
    }
}
