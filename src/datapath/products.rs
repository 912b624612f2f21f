//! Multipliers and adder trees, for any number of PEs with any number of lanes each.
//!
//! ```text
//!  (× is the multiplier with the product's steps behind it)
//!  lane 0 ─ × ─►[pe.product]… ─┐
//!  lane 1 ─ × ─►[pe.product]… ─┴ + ─ fit ─►[reduce.0]… ─┐
//!  lane 2 ─ × ─►[pe.product]… ─┐                        ├ + ─ fit ─►[reduce.1]… ─► lane sum
//!  lane 3 ─ × ─►[pe.product]… ─┴ + ─ fit ─►[reduce.0]… ─┘
//! ```
//!
//! Registers: `pe.product` `[pe, lanes]` per product stage, `reduce.i` `[pe, terms]` per stage of level i, each
//! with its control bits; all free-running. Latency: product latency plus that of the levels.
//! What the last level leaves is summed exactly, unless each has an accumulator (see `after`). Not modelled: carry-save forms, packed DSP slices.
//! Rules: R2 product, R7 and R8 its steps (see `array`), R3 one fit a group, R4–R6.

use super::control::{Bits, Control, push};
use super::{Deaf, Port, Watch, register, stage_name};
use crate::design::{Design, Level, Node};
use crate::num::{Flags, Format, fit};

/// What stands between two stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// `[pe][terms]`
    pub values: Vec<i64>,
    /// `[pe]`
    pub controls: Vec<Control>,
}

impl Stage {
    fn reset(pes: usize, terms: usize) -> Stage {
        Stage { values: vec![0; pes * terms], controls: vec![Control::default(); pes] }
    }
}

/// The block.
#[derive(Clone)]
pub struct Products {
    /// Shape of what every PE has, and of what they share.
    grid: Vec<usize>,
    shared: Vec<usize>,
    columns: usize,
    lanes: usize,
    bits: Bits,
    product: Format,
    products: Vec<Stage>,
    levels: Vec<Level>,
    /// Terms behind each level.
    terms: Vec<usize>,
    reduced: Vec<Vec<Stage>>,
    /// Whether what the last one leaves is one sum.
    is_one: bool,
}

impl Products {
    pub fn new(design: &Design, bits: Bits) -> Self {
        let (grid, shared) = (design.array.pe_shape(), design.array.shared_shape());
        let pes = grid.iter().product();
        let lanes = design.array.lanes;
        let terms: Vec<usize> = design
            .reduce
            .iter()
            .scan(lanes, |inputs, level| {
                *inputs = level.outputs(*inputs);
                Some(*inputs)
            })
            .collect();
        let reduced = design.reduce.iter().zip(&terms);
        Products {
            columns: grid.last().copied().unwrap_or(1),
            grid,
            shared,
            lanes,
            bits,
            product: design.term_format(),
            products: vec![Stage::reset(pes, lanes); design.product_latency as usize],
            reduced: reduced.map(|(l, t)| vec![Stage::reset(pes, *t); l.latency as usize]).collect(),
            levels: design.reduce.clone(),
            terms,
            is_one: design.after.is_empty(),
        }
    }

    pub fn signals(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        let lanes = (self.lanes > 1).then_some(self.lanes);
        for stage in 0..stage_count(&self.products) {
            let shape = self.grid.iter().copied().chain(lanes).collect();
            ports.push(register(stage_name("pe.product", stage), "product", shape, self.product));
            ports.extend(self.bits.ports("pe.product", "product", stage, &self.shared));
        }
        for (index, level) in self.levels.iter().enumerate() {
            for stage in 0..stage_count(&self.reduced[index]) {
                let shape = self.grid.iter().copied().chain([self.terms[index]]).collect();
                ports.push(register(stage_name(&level.id, stage), &level.id, shape, level.format));
                ports.extend(self.bits.ports(&level.id, &level.id, stage, &self.shared));
            }
        }
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        let shared = self.shared.iter().product();
        for stage in self.products.iter().chain(self.reduced.iter().flatten()) {
            sample.extend_from_slice(&stage.values);
            self.bits.visit(&stage.controls[..shared], sample);
        }
    }

    /// What would stand at the accumulators while these products are being formed; nothing changes.
    pub fn standing(&self, formed: Stage) -> (Vec<i128>, Vec<Control>) {
        self.clone().clock(formed, &mut Deaf)
    }

    /// The edge. Takes the products being formed; returns the lane sums that stand at the accumulators, one for each,
    /// from old state wherever there is a register between.
    pub fn clock(&mut self, formed: Stage, watch: &mut dyn Watch) -> (Vec<i128>, Vec<Control>) {
        let mut here = through(&mut self.products, formed);
        for (index, level) in self.levels.iter().enumerate() {
            let inputs = here.values.len() / here.controls.len();
            let mut values = Vec::with_capacity(here.controls.len() * self.terms[index]);
            for (pe, control) in here.controls.iter().enumerate() {
                let terms = &here.values[pe * inputs..(pe + 1) * inputs];
                let mut event = |flags| {
                    if control.valid {
                        watch.overflow(Node::Reduce(index), pe / self.columns, pe % self.columns, flags);
                    }
                };
                reduce(level, terms, &mut values, &mut event);
            }
            here = through(&mut self.reduced[index], Stage { values, controls: here.controls });
        }
        if !self.is_one {
            return (here.values.into_iter().map(i128::from).collect(), here.controls);
        }
        let remaining = here.values.len() / here.controls.len();
        let sums = here.values.chunks_exact(remaining).map(|t| t.iter().map(|v| i128::from(*v)).sum());
        (sums.collect(), here.controls)
    }
}

/// One level of one PE: each group is summed exactly and fitted once.
pub fn reduce(level: &Level, terms: &[i64], into: &mut Vec<i64>, event: &mut dyn FnMut(Flags)) {
    for output in 0..level.outputs(terms.len()) {
        let exact = level.terms(output).filter_map(|i| terms.get(i)).map(|v| i128::from(*v)).sum();
        let fitted = fit(exact, level.format, level.overflow);
        if fitted.flags.any() {
            event(fitted.flags);
        }
        into.push(fitted.value);
    }
}

/// What stands behind a delay line before the edge; the line moves on.
fn through(line: &mut [Stage], input: Stage) -> Stage {
    match line.last().cloned() {
        None => input,
        Some(behind) => {
            push(line, input);
            behind
        }
    }
}

fn stage_count(line: &[Stage]) -> u32 {
    // Latencies are u32 in the design.
    line.len() as u32
}
