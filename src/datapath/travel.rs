//! Sums that travel down the columns, one adder a row, and how they leave at the bottom.
//!
//! ```text
//!  0 or bias ─► + ─►[pe.acc]…─► + ─►[pe.acc]…─► + ─►[pe.acc]─► (triangle deskew) ─► requantizer
//!               ▲ row 0         ▲ row 1         ▲ last row      column j delayed by (C−1−j) · hop
//! ```
//!
//! Registers: `pe.acc` `[rows, columns]`, hop.sum of them between two rows (`pe.acc.1`, … `[rows − 1, columns]`) and one behind
//! the last adder, with its valid bit `pe.done`; sum_register = "before": none there, so that `pe.acc` is `[rows − 1, columns]`
//! and the last adder drives what follows. `deskew.acc`, `deskew.valid` where skew = "internal": columns C−2, C−3, … by stage.
//! All free-running; where no vector passes, a sum of 0 does. Latency: law B.
//! Rules: R3 to R6 at every row, R9.

use super::accumulate::Accumulate;
use super::control::Control;
use super::requantizer::Finished;
use super::skew::Triangle;
use super::words::Visit;
use super::{BIT, Port, Records, Watch, register, stage_name};
use crate::design::{Array, Design, Node, SumRegister};

/// A column's sum on its way out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    value: i64,
    valid: bool,
    /// Record of column 0, and which visit it is (untraced).
    record: usize,
    visit: Visit,
}

/// The block.
pub struct Travel {
    array: Array,
    /// By stage, each `[rows − 1][columns]`.
    between: Vec<Vec<i64>>,
    /// Behind the last adder, `[columns]`.
    bottom: Option<Vec<Sum>>,
    deskew: Option<Triangle<Sum>>,
}

impl Travel {
    pub fn new(array: Array) -> Self {
        let (columns, hop) = (array.columns, array.hop_right() as usize);
        let is_together = hop > 0 && columns > 1 && !array.leaves_skewed();
        Travel {
            between: vec![vec![0; (array.rows - 1) * columns]; array.hop_sum as usize],
            bottom: (array.sum_register == SumRegister::After).then(|| vec![Sum::default(); columns]),
            deskew: is_together.then(|| Triangle::new(columns, hop, 1)),
            array,
        }
    }

    /// Whether a register is behind the last adders: what leaves does not depend on what they make now.
    pub fn is_registered(&self) -> bool {
        self.bottom.is_some()
    }

    /// Shape of the valid bit behind the last adder.
    fn done_shape(&self) -> Vec<usize> {
        if self.array.hop_right() > 0 { self.array.column_shape() } else { vec![] }
    }

    pub fn signals(&self, design: &Design) -> Vec<Port> {
        let Array { rows, columns, .. } = self.array;
        let format = design.accumulator.register;
        let mut ports = Vec::new();
        for stage in 0..self.between.len() {
            let rows = if stage == 0 && self.bottom.is_some() { rows } else { rows - 1 };
            if rows > 0 {
                let name = stage_name("pe.acc", stage as u32);
                ports.push(register(name, "accumulator", vec![rows, columns], format));
            }
        }
        if self.bottom.is_some() {
            ports.push(register("pe.done".to_string(), "accumulator", self.done_shape(), BIT));
        }
        if let Some(deskew) = &self.deskew {
            let shape = vec![deskew.stages().len()];
            ports.push(register("deskew.acc".to_string(), "accumulator", shape.clone(), format));
            ports.push(register("deskew.valid".to_string(), "accumulator", shape, BIT));
        }
        ports
    }

    pub fn visit(&self, sample: &mut Vec<i64>) {
        for (stage, sums) in self.between.iter().enumerate() {
            sample.extend_from_slice(sums);
            if let Some(bottom) = self.bottom.as_ref().filter(|_| stage == 0) {
                sample.extend(bottom.iter().map(|sum| sum.value));
            }
        }
        if let Some(bottom) = &self.bottom {
            let shown = self.done_shape().iter().product();
            sample.extend(bottom[..shown].iter().map(|sum| i64::from(sum.valid)));
        }
        if let Some(deskew) = &self.deskew {
            sample.extend(deskew.stages().iter().map(|sum| sum.value));
            sample.extend(deskew.stages().iter().map(|sum| i64::from(sum.valid)));
        }
    }

    /// What every adder makes of the sum above it and its lanes' sum, `[rows][columns]`.
    fn added(
        &self,
        (sums, controls): (&[i128], &[Control]),
        accumulate: &Accumulate,
        records: &Records,
        mut overflow: impl FnMut(Node, usize, usize, crate::num::Flags),
    ) -> Vec<i64> {
        let columns = self.array.columns;
        let above = self.between.last();
        let add = |(pe, (sum, control)): (usize, (&i128, &Control))| {
            let (row, column) = (pe / columns, pe % columns);
            let from = match (row.checked_sub(1), above) {
                (Some(_), Some(above)) => above[pe - columns],
                _ if control.valid => {
                    let record = control.record.map(|record| record + column * self.array.record_step());
                    let bias = accumulate.bias(records, record);
                    if bias.flags.any() {
                        overflow(Node::AccumulatorStart, row, column, bias.flags);
                    }
                    bias.value
                }
                _ => 0,
            };
            if !control.valid {
                return from;
            }
            let next = accumulate.onto(from, *sum);
            if next.flags.any() {
                overflow(Node::Accumulator, row, column, next.flags);
            }
            next.value
        };
        sums.iter().zip(controls).enumerate().map(add).collect()
    }

    /// The bottom row as it leaves the last adders' way, while they make `added`.
    fn leaving(&self, added: &[i64], controls: &[Control]) -> Vec<Sum> {
        self.bottom.clone().unwrap_or_else(|| self.last_row(added, controls))
    }

    fn last_row(&self, added: &[i64], controls: &[Control]) -> Vec<Sum> {
        let from = added.len() - self.array.columns;
        let sum = |(value, control): (&i64, &Control)| Sum {
            value: *value,
            valid: control.valid,
            record: control.record.unwrap_or_default(),
            visit: control.visit,
        };
        added[from..].iter().zip(&controls[from..]).map(sum).collect()
    }

    /// What stands in front of the requantizers, clamped by `saturate_output`, while `standing` is what stands at the adders.
    pub fn shows(
        &self,
        standing: (&[i128], &[Control]),
        accumulate: &Accumulate,
        records: &Records,
    ) -> Finished {
        let added = self.added(standing, accumulate, records, |_, _, _, _| {});
        self.behind(&self.leaving(&added, standing.1), |sum| accumulate.finish(sum).value)
    }

    fn behind(&self, leaving: &[Sum], finish: impl Fn(i64) -> i64) -> Finished {
        let columns = self.array.columns;
        // The triangle delays index i by i · hop, and the last column not at all.
        let turned: Vec<Sum> = leaving.iter().rev().copied().collect();
        let column = |column: usize| match &self.deskew {
            Some(deskew) => deskew.edge(columns - 1 - column, &turned)[0],
            None => leaving[column],
        };
        let sums: Vec<Sum> = (0..columns).map(column).collect();
        let groups = if self.array.leaves_skewed() { columns } else { 1 };
        Finished {
            values: sums.iter().map(|sum| finish(sum.value)).collect(),
            valid: sums[..groups].iter().map(|sum| sum.valid).collect(),
            visits: sums[..groups].iter().map(|sum| sum.visit).collect(),
            record: sums
                .iter()
                .enumerate()
                .map(|(column, sum)| sum.record + column * self.array.record_step())
                .collect(),
        }
    }

    /// The edge, while `standing` is what stands at the adders; what stood in front of the requantizers, not yet clamped.
    pub fn clock(
        &mut self,
        standing: (&[i128], &[Control]),
        accumulate: &Accumulate,
        records: &Records,
        clears: bool,
        watch: &mut dyn Watch,
    ) -> Finished {
        let added = self.added(standing, accumulate, records, |node, row, column, flags| {
            watch.overflow(node, row, column, flags)
        });
        let leaving = self.leaving(&added, standing.1);
        let shown = self.behind(&leaving, |sum| sum);
        if let Some(deskew) = &mut self.deskew {
            let turned: Vec<Sum> = leaving.iter().rev().copied().collect();
            deskew.clock(&turned);
        }
        let last = self.last_row(&added, standing.1);
        let above = added[..added.len() - self.array.columns].to_vec();
        super::control::push(&mut self.between, above);
        if let Some(bottom) = &mut self.bottom {
            *bottom = last;
        }
        if clears {
            self.between.iter_mut().for_each(|sums| sums.fill(0));
            self.bottom.iter_mut().flatten().for_each(|sum| sum.value = 0);
        }
        shown
    }
}
