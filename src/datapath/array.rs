//! An array of R × C PEs whose sums stay, as it is drawn: every register and its next state, one operation at a time.
//!
//! ```text
//!                    in.weight[0]   in.weight[1]          column j delayed by j · hop_activation (by the
//!                         │              │                host, or in the triangle skew.w)
//!  in.activation[0] ─►┌─ PE00 ─┐──►┌─ PE01 ─┐──►          a PE, operands and control bits travelling on:
//!                     └───┬────┘   └───┬────┘               a ─►[pe.a]…─────────────► right neighbour
//!  in.activation[1] ─►┌─ PE10 ─┐──►┌─ PE11 ─┐──►            w ─►[pe.w]…─────────────► lower neighbour
//!   (row i delayed    └───┬────┘   └───┬────┘               a × w ─► products ─► + ─►[pe.acc]
//!    by i · hop_weight)   ▼              ▼                               bias (first) ┘
//!                       exit ─► requantizer ─► out.data[0], [1], …
//! ```
//!
//! A sequential MAC and a tree are one PE, whose exit is `pe.done`: 1 in the cycle after the edge that took a `last` beat. Where
//! there are rows, results drain (see [`Exit`]).
//!
//! Registers: `skew.a`, `skew.valid`, `skew.first`, `skew.w` (skew = "internal"); `pe.a`, `pe.valid`, `pe.first`, `pe.last` in
//! max(operand_latency, hop_activation) stages and `pe.w` in max(operand_latency, hop_weight) stages: one chain
//! serves travelling and operand delay; those of `products`; `pe.acc`; those of the exit and the requantizers'.
//! Free-running but `pe.acc` and the drain and post data registers.
//! Latency: beat b reaches PE(i, j)'s accumulator d0 + i · hop_weight + j · hop_activation cycles after it was accepted.
//! Not modelled: stalls, overlapping tiles, the parameters' registers (one PE: the record travels beside the beat,
//! untraced; others: static while a tile lasts).
//! Rules: R2–R6, R9.

use std::sync::Arc;

use super::accumulate::Accumulate;
use super::control::{Bits, Control, push};
use super::exit::Exit;
use super::operand::operand_sum;
use super::products::{Products, Stage};
use super::requantizer::Requantizer;
use super::skew::Triangle;
use super::{BIT, Datapath, Inputs, Port, Records, Watch, register, stage_name};
use crate::design::{self, Design, Node, Skew};

/// What enters every PE in one cycle.
struct Entering {
    /// `[rows][columns][lanes]`
    a: Vec<i32>,
    w: Vec<i32>,
    /// `[rows][columns]`
    controls: Vec<Control>,
}

/// The block.
pub struct Array {
    design: Arc<Design>,
    records: Records,
    array: design::Array,
    bits: Bits,
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
    accumulate: Accumulate,
    exit: Exit,
    requantizer: Requantizer,
}

impl Array {
    /// All registers 0; `records` bring the numbers of its bias and post steps.
    pub fn new(design: Arc<Design>, records: Records) -> Self {
        let array = design.array;
        let (pes, lanes) = (array.rows * array.columns, array.lanes);
        let internal = |hop: u32| if array.skew == Skew::Internal { hop as usize } else { 0 };
        let depth = |hop: u32| design.operand_latency.max(hop) as usize;
        let bits = if array.drains() { Bits::ValidFirst } else { Bits::ValidFirstLast };
        Array {
            skew_a: Triangle::new(array.rows, internal(array.hop_weight), lanes),
            skew_control: Triangle::new(array.rows, internal(array.hop_weight), 1),
            skew_w: Triangle::new(array.columns, internal(array.hop_activation), lanes),
            a: vec![vec![0; pes * lanes]; depth(array.hop_activation)],
            w: vec![vec![0; pes * lanes]; depth(array.hop_weight)],
            controls: vec![vec![Control::default(); pes]; depth(array.hop_activation)],
            products: Products::new(&design, array.pe_shape(), bits),
            acc: vec![0; pes],
            accumulate: Accumulate::new(&design),
            exit: Exit::new(&array),
            requantizer: Requantizer::new(&design, records.clone()),
            bits,
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
        let design::Array { rows, columns, lanes, .. } = self.array;
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

    /// The record of column 0 that goes with a beat. Parameters are pipelined where tiles follow on each other.
    fn record(&self, control: Control, channel: usize) -> Option<usize> {
        if self.array.drains() { Some(channel) } else { control.record }
    }

    /// The products being formed in every PE.
    fn multiply(&self, entering: &Entering, channel: usize) -> Stage {
        let at = self.design.operand_latency.checked_sub(1).map(|stage| stage as usize);
        let a = at.map_or(&entering.a, |stage| &self.a[stage]);
        let w = at.map_or(&entering.w, |stage| &self.w[stage]);
        let controls = at.map_or(&entering.controls, |stage| &self.controls[stage]);
        let design::Array { columns, lanes, .. } = self.array;
        let product = |(index, (a, w)): (usize, (&i32, &i32))| {
            let pe = index / lanes;
            let record = self.record(controls[pe], channel).map(|record| record + pe % columns);
            operand_sum(&self.design.activation, *a, &self.records, record)
                * operand_sum(&self.design.weight, *w, &self.records, record)
        };
        Stage { values: a.iter().zip(w).enumerate().map(product).collect(), controls: controls.clone() }
    }

    /// Every accumulator takes its sum, or holds.
    fn accumulate(&mut self, sums: &[i128], controls: &[Control], channel: usize, watch: &mut dyn Watch) {
        let columns = self.array.columns;
        for pe in 0..self.acc.len() {
            let (row, column, control) = (pe / columns, pe % columns, controls[pe]);
            let record = self.record(control, channel).map(|record| record + column);
            let bias = self.accumulate.bias(&self.records, record);
            let acc = self.acc[pe];
            let Some(next) = self.accumulate.next(acc, control.valid, control.first, bias, sums[pe]) else {
                continue;
            };
            if control.first && bias.flags.any() {
                watch.overflow(Node::AccumulatorStart, row, column, bias.flags);
            }
            if next.flags.any() {
                watch.overflow(Node::Accumulator, row, column, next.flags);
            }
            self.acc[pe] = next.value;
        }
    }

    /// The bottom row as it stands in front of the exit: clamped by `saturate_output`.
    fn leaving(&self) -> Vec<i64> {
        let bottom = self.acc.len() - self.array.columns;
        self.acc[bottom..].iter().map(|acc| self.accumulate.finish(*acc).value).collect()
    }

    /// Everything behind the accumulators.
    fn finish(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        let leaving = self.leaving();
        if self.exit.takes(inputs) {
            watch.finished(&leaving);
            let bottom = self.acc.len() - self.array.columns;
            for (column, acc) in self.acc[bottom..].iter().enumerate() {
                let flags = self.accumulate.finish(*acc).flags;
                if flags.any() {
                    watch.overflow(Node::AccumulatorOutput, 0, column, flags);
                }
            }
        }
        self.requantizer.clock(self.exit.shows(&leaving, inputs), watch);
        self.exit.clock(leaving, inputs);
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
        let grid = array.pe_shape();
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
                ports.extend(self.bits.ports("pe", "activation", stage as u32, &grid));
            }
        }
        ports
    }
}

impl Datapath for Array {
    fn signals(&self) -> Vec<Port> {
        let mut ports = self.skew_signals();
        ports.extend(self.operand_signals());
        ports.extend(self.products.signals());
        let accumulator = &self.design.accumulator;
        ports.push(register(
            "pe.acc".to_string(),
            "accumulator",
            self.array.pe_shape(),
            accumulator.register,
        ));
        ports.extend(self.exit.signals(self.array.columns, accumulator.format));
        ports.extend(self.requantizer.signals());
        ports
    }

    fn visit(&self, inputs: &Inputs, sample: &mut Vec<i64>) {
        let codes = |codes: &[i32], sample: &mut Vec<i64>| sample.extend(codes.iter().map(|v| i64::from(*v)));
        codes(self.skew_a.stages(), sample);
        // Nobody delays `last`: whoever skews, drains.
        Bits::ValidFirst.visit(self.skew_control.stages(), sample);
        codes(self.skew_w.stages(), sample);
        for stage in 0..self.a.len().max(self.w.len()) {
            codes(self.a.get(stage).map_or(&[], Vec::as_slice), sample);
            codes(self.w.get(stage).map_or(&[], Vec::as_slice), sample);
            self.bits.visit(self.controls.get(stage).map_or(&[], Vec::as_slice), sample);
        }
        self.products.visit(sample);
        sample.extend_from_slice(&self.acc);
        self.exit.visit(sample);
        self.requantizer.visit(self.exit.shows(&self.leaving(), inputs), sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        // Old state is read by everything before any of it changes: back to front, chains last.
        let entering = self.entering(inputs);
        let formed = self.multiply(&entering, inputs.channel);
        self.finish(inputs, watch);
        let (sums, controls) = self.products.clock(formed, watch);
        if inputs.drain {
            let columns = self.array.columns;
            self.acc.rotate_right(columns);
            self.acc[..columns].fill(0);
        } else {
            self.accumulate(&sums, &controls, inputs.channel, watch);
        }
        self.exit.arrive(&controls);
        push(&mut self.a, entering.a);
        push(&mut self.w, entering.w);
        push(&mut self.controls, entering.controls);
        let driven = self.driven_controls(inputs);
        self.skew_a.clock(&inputs.activation);
        self.skew_control.clock(&driven);
        self.skew_w.clock(&inputs.weight);
    }
}
