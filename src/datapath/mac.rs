//! A sequential MAC: one multiplier, one accumulator, one requantizer.
//!
//! ```text
//!  in.activation ─►[pe.a]…─► + offset ─┐
//!                                      ×─►[pe.product]…─► + ─►[pe.acc]─► requantizer ─► out.data
//!  in.weight ─────►[pe.w]…─► + offset ─┘                  ▲      │
//!                                           bias (first) ─┴──────┘
//!  in.valid, first, last ─►[pe.valid …]─►[pe.product.valid …]─►[pe.done]
//! ```
//!
//! Registers: `pe.a`, `pe.w`, `pe.valid`, `pe.first`, `pe.last` for each operand stage; `pe.product` and its
//! controls for each product stage; `pe.acc`, `pe.done`; the requantizer's. All free-running but `pe.acc`.
//! Latency: d0 = operand + product latency until the accumulator's edge; `pe.done` is 1 in the cycle after it.
//! Not modelled: stalls; the parameters' own pipeline (the record travels beside the beat, untraced).
//! Rules: R2 product, R3 order, R4–R6 fit, R9 bias.

use std::sync::Arc;

use super::control::{Bits, Control, push};
use super::operand::operand_sum;
use super::single::Single;
use super::{Datapath, Inputs, Port, Records, Watch, register, stage_name};
use crate::design::Design;

const BITS: Bits = Bits::ValidFirstLast;

#[derive(Debug, Clone, Copy, Default)]
struct Operands {
    a: i32,
    w: i32,
    control: Control,
}

#[derive(Debug, Clone, Copy, Default)]
struct Product {
    value: i64,
    control: Control,
}

/// The block.
pub struct Mac {
    design: Arc<Design>,
    records: Records,
    operands: Vec<Operands>,
    products: Vec<Product>,
    single: Single,
}

impl Mac {
    /// All registers 0; `records` bring the numbers of its bias and post steps.
    pub fn new(design: Arc<Design>, records: Records) -> Self {
        Mac {
            operands: vec![Operands::default(); design.operand_latency as usize],
            products: vec![Product::default(); design.product_latency as usize],
            single: Single::new(&design, records.clone()),
            design,
            records,
        }
    }

    /// The product of what stands in front of the multiplier.
    fn multiply(&self, at: Operands) -> Product {
        let record = at.control.record;
        let a = operand_sum(&self.design.activation, at.a, &self.records, record);
        let w = operand_sum(&self.design.weight, at.w, &self.records, record);
        Product { value: a * w, control: at.control }
    }
}

impl Datapath for Mac {
    fn signals(&self) -> Vec<Port> {
        let design = &self.design;
        let mut ports = Vec::new();
        for stage in 0..design.operand_latency {
            let name = |base: &str| stage_name(base, stage);
            ports.push(register(name("pe.a"), "activation", vec![], design.activation.format));
            ports.push(register(name("pe.w"), "weight", vec![], design.weight.format));
            ports.extend(BITS.ports("pe", "activation", stage, &[]));
        }
        for stage in 0..design.product_latency {
            let name = stage_name("pe.product", stage);
            ports.push(register(name, "product", vec![], design.product_format()));
            ports.extend(BITS.ports("pe.product", "product", stage, &[]));
        }
        ports.extend(self.single.signals());
        ports
    }

    fn visit(&self, _: &Inputs, sample: &mut Vec<i64>) {
        for stage in &self.operands {
            sample.extend([i64::from(stage.a), i64::from(stage.w)]);
            BITS.visit(&[stage.control], sample);
        }
        for stage in &self.products {
            sample.push(stage.value);
            BITS.visit(&[stage.control], sample);
        }
        self.single.visit(sample);
    }

    fn clock(&mut self, inputs: &Inputs, watch: &mut dyn Watch) {
        // Each stage below reads what the old state of the stage in front of it shows.
        let driven =
            Operands { a: inputs.activation[0], w: inputs.weight[0], control: Control::driven(inputs, 0) };
        let at_multiplier = *self.operands.last().unwrap_or(&driven);
        let product = self.multiply(at_multiplier);
        let at_adder = *self.products.last().unwrap_or(&product);
        self.single.clock(i128::from(at_adder.value), at_adder.control, watch);
        push(&mut self.products, product);
        push(&mut self.operands, driven);
    }
}
