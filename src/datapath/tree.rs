//! A dot-product tree: `lanes` multipliers, an adder tree, one accumulator, one requantizer.
//!
//! ```text
//!  in.activation[L] ─►[pe.a]…─► + offset ─┐
//!                                         × ─► multipliers and adder tree ─► + ─►[pe.acc]─► requantizer
//!  in.weight[L] ─────►[pe.w]…─► + offset ─┘      (see `products`)            ▲      │
//!                                                               bias (first) ┴──────┘
//!  in.valid, first, last ─►[pe.valid …]─► travel beside the products ─►[pe.done]
//! ```
//!
//! Registers: `pe.a`, `pe.w` `[lanes]` and their controls per operand stage; those of `products`; `pe.acc`,
//! `pe.done`; the requantizer's. All free-running but `pe.acc` and the post data registers.
//! Latency: d0 = operand + product + reduce latencies; `pe.done` is 1 in the cycle after the last edge.
//! Not modelled: stalls; the parameters' own pipeline (the record travels beside the beat, untraced).
//! Rules: R2–R6, R9.

use std::sync::Arc;

use super::control::{Bits, Control, push};
use super::operand::operand_sum;
use super::products::{Products, Stage};
use super::single::Single;
use super::{Datapath, Inputs, Port, Records, Watch, register, stage_name};
use crate::design::Design;

const BITS: Bits = Bits::ValidFirstLast;

#[derive(Debug, Clone)]
struct Operands {
    a: Vec<i32>,
    w: Vec<i32>,
    control: Control,
}

/// The block.
pub struct Tree {
    design: Arc<Design>,
    records: Records,
    operands: Vec<Operands>,
    products: Products,
    single: Single,
}

impl Tree {
    /// All registers 0; `records` bring the numbers of its bias and post steps.
    pub fn new(design: Arc<Design>, records: Records) -> Self {
        let zeros = vec![0; design.array.lanes];
        let reset = Operands { a: zeros.clone(), w: zeros, control: Control::default() };
        Tree {
            operands: vec![reset; design.operand_latency as usize],
            products: Products::new(&design, vec![], BITS),
            single: Single::new(&design, records.clone()),
            design,
            records,
        }
    }

    /// The products of what stands in front of the multipliers.
    fn multiply(&self, at: &Operands) -> Stage {
        let record = at.control.record;
        let product = |(a, w): (&i32, &i32)| {
            operand_sum(&self.design.activation, *a, &self.records, record)
                * operand_sum(&self.design.weight, *w, &self.records, record)
        };
        Stage { values: at.a.iter().zip(&at.w).map(product).collect(), controls: vec![at.control] }
    }
}

impl Datapath for Tree {
    fn signals(&self) -> Vec<Port> {
        let design = &self.design;
        let lanes = if design.array.lanes > 1 { vec![design.array.lanes] } else { vec![] };
        let mut ports = Vec::new();
        for stage in 0..design.operand_latency {
            let name = |base: &str| stage_name(base, stage);
            ports.push(register(name("pe.a"), "activation", lanes.clone(), design.activation.format));
            ports.push(register(name("pe.w"), "weight", lanes.clone(), design.weight.format));
            ports.extend(BITS.ports("pe", "activation", stage, &[]));
        }
        ports.extend(self.products.signals());
        ports.extend(self.single.signals());
        ports
    }

    fn visit(&self, _: &Inputs, sample: &mut Vec<i64>) {
        for stage in &self.operands {
            sample.extend(stage.a.iter().chain(&stage.w).map(|v| i64::from(*v)));
            BITS.visit(&[stage.control], sample);
        }
        self.products.visit(sample);
        self.single.visit(sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        // Each stage below reads what the old state of the stage in front of it shows.
        let control = Control::driven(inputs, 0);
        let driven = Operands { a: inputs.activation.clone(), w: inputs.weight.clone(), control };
        let formed = self.multiply(self.operands.last().unwrap_or(&driven));
        push(&mut self.operands, driven);
        let (sums, controls) = self.products.clock(formed, watch);
        self.single.clock(sums[0], controls[0], watch);
    }
}
