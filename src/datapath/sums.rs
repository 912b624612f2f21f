//! Accumulators that stay in their PEs: one each, banks of them, which beats use in turn, or several side by side, one for each
//! sum that the levels of a beat leave.
//!
//! ```text
//!                        ┌──────────────────────────────────────┐
//!  lane sum ─► + ─ fit ─►[pe.sum]… (loop latency − 1) ─►[pe.acc] bank 0, 1, …
//!              ▲                                            │
//!              └──── 0, bias or the bank of this beat ◄─────┘
//! ```
//!
//! Registers: `pe.acc` `[pe]`, with banks `[pe, banks]`, side by side `[pe, sums]`; `pe.sum` (loaded behind a valid bit) and `pe.sum.valid` in latency − 1
//! stages. Latency: law A. Not modelled: which bank is next (one counter, which counts beats). Rules: R3 to R6, R9.

use super::accumulate::Accumulate;
use super::control::Control;
use super::{BIT, Inputs, Port, Records, Watch, register, stage_name};
use crate::design::{Array, Node};
use crate::num::Format;

/// A sum on its way into its bank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entering {
    value: i64,
    control: Control,
    bank: usize,
}

/// The block.
pub struct Staying {
    array: Array,
    /// Accumulators of a PE that every beat uses.
    beside: usize,
    /// `[rows][columns][banks]`, or `[rows][columns][beside]`: banks are of one.
    acc: Vec<i64>,
    /// Of every PE: whose turn it is.
    turn: Vec<usize>,
    /// By stage, each `[rows][columns][beside]`.
    looped: Vec<Vec<Entering>>,
}

impl Staying {
    pub fn new(array: &Array, beside: usize) -> Self {
        let pes = array.rows * array.columns;
        let looped = vec![Entering::default(); pes * beside];
        Staying {
            array: *array,
            beside,
            acc: vec![0; pes * array.banks * beside],
            turn: vec![0; pes],
            looped: vec![looped; array.loop_latency as usize - 1],
        }
    }

    /// `[rows, columns, banks]`, or `[rows, columns, beside]`.
    pub fn acc(&self) -> &[i64] {
        &self.acc
    }

    pub fn signals(&self, format: Format) -> Vec<Port> {
        let shape = self.array.pe_shape();
        let mut ports = Vec::new();
        for stage in 0..self.looped.len() {
            let name = |base: &str| stage_name(base, stage as u32);
            ports.push(register(name("pe.sum"), "accumulator", shape.clone(), format));
            ports.push(register(name("pe.sum.valid"), "accumulator", vec![], BIT));
        }
        let each = self.array.banks * self.beside;
        let shape = shape.into_iter().chain((each > 1).then_some(each)).collect();
        ports.push(register("pe.acc".to_string(), "accumulator", shape, format));
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        for stage in &self.looped {
            sample.extend(stage.iter().map(|entering| entering.value));
            sample.push(i64::from(stage[0].control.valid));
        }
        sample.extend_from_slice(&self.acc);
    }

    /// The edge. `record` says whose bias a beat takes; returned is what every PE's accumulators were, and which banks take
    /// which beats' sums.
    pub fn clock(
        &mut self,
        (sums, controls): (&[i128], &[Control]),
        (accumulate, records): (&Accumulate, &Records),
        record: impl Fn(usize, Control) -> Option<usize>,
        inputs: &Inputs,
        watch: &mut dyn Watch,
    ) -> (Vec<i64>, Vec<(Control, usize)>) {
        let before = self.acc.clone();
        let mut entering = Vec::with_capacity(controls.len());
        let clears_now = self.array.clears_at_once && inputs.first[0] && !inputs.valid[0];
        let each = self.array.banks * self.beside;
        for (index, added) in sums.iter().enumerate() {
            let (pe, lane) = (index / self.beside, index % self.beside);
            let (row, column, control) = (pe / self.array.columns, pe % self.array.columns, controls[pe]);
            let own = pe * each..(pe + 1) * each;
            let bank = if self.beside > 1 { lane } else { self.turn[pe] };
            let mut sum = Entering { value: 0, control, bank };
            let bias = accumulate.bias(records, record(pe, control));
            let held = before[own.start + bank];
            let is_clear = control.first && !control.valid;
            let next = accumulate.next(held, control.valid, control.first, bias, *added);
            if let Some(next) = next.filter(|_| control.valid) {
                if control.first && bias.flags.any() {
                    watch.overflow(Node::AccumulatorStart, row, column, bias.flags);
                }
                if next.flags.any() {
                    watch.overflow(Node::Accumulator, row, column, next.flags);
                }
                sum.value = next.value;
                self.turn[pe] = (self.turn[pe] + 1) % self.array.banks;
            }
            if clears_now || (is_clear && next.is_some() && !self.array.clears_at_once) {
                self.acc[own].fill(0);
            }
            entering.push(sum);
        }
        let taken = match self.looped.last() {
            Some(last) => last.clone(),
            None => entering.clone(),
        };
        for stage in &mut self.looped {
            let old = stage.clone();
            for (here, next) in stage.iter_mut().zip(&entering) {
                // Data only behind a valid bit.
                let value = if next.control.valid { next.value } else { here.value };
                *here = Entering { value, ..*next };
            }
            entering = old;
        }
        for (index, sum) in taken.iter().enumerate().filter(|(_, sum)| sum.control.valid && !clears_now) {
            self.acc[index / self.beside * each + sum.bank] = sum.value;
        }
        (before, taken.into_iter().step_by(self.beside).map(|sum| (sum.control, sum.bank)).collect())
    }

    /// Sums move through each other's places, the last ones out.
    pub fn move_on(&mut self) -> Vec<i64> {
        let before = self.acc.clone();
        super::exit::Exit::move_on(&self.array, &mut self.acc, 0);
        before
    }
}
