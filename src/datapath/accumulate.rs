//! The accumulator's adder: R3 one operation at a time, each fitted (R4, R5), the bias as R9 says.

use super::Records;
use crate::design::{Design, Start};
use crate::num::{Fit, Fitted, Flags};
use crate::post::{Operand, bind};

/// How a register takes its next value.
#[derive(Debug, Clone, Copy)]
pub struct Accumulate {
    register: Fit,
    output: Option<Fit>,
    start: Start,
    bias: Option<usize>,
}

impl Accumulate {
    pub fn new(design: &Design) -> Self {
        let accumulator = design.accumulator;
        Accumulate {
            register: accumulator.register_fit(),
            output: accumulator.output_fit(),
            start: accumulator.start,
            bias: accumulator.bias,
        }
    }

    /// The bias of a record, fitted by the accumulator's own rule: the start value of the outputs that have that record.
    pub fn bias(&self, records: &Records, record: Option<usize>) -> Fitted {
        let Some((parameter, record)) = self.bias.zip(record) else {
            return Fitted { value: 0, flags: Flags::NONE };
        };
        let bias = bind(Operand::Parameter(parameter), records, record);
        self.register.of(i128::from(bias))
    }

    /// The register's next value, or `None` when it holds. `sum` is the exact sum over the lanes.
    pub fn next(&self, acc: i64, valid: bool, first: bool, bias: Fitted, sum: i128) -> Option<Fitted> {
        let onto = match (self.start, valid, first) {
            (Start::Zero, false, true) => {
                return Some(Fitted { value: 0, flags: Flags::NONE });
            }
            (_, false, _) => return None,
            (Start::Bias | Start::Value, true, true) => bias.value,
            (Start::Overwrite, true, true) => 0,
            _ => acc,
        };
        Some(self.onto(onto, sum))
    }

    /// A sum and what is added to it, fitted by the register's rule (R3).
    pub fn onto(&self, value: i64, sum: i128) -> Fitted {
        self.register.of(i128::from(value) + sum)
    }

    /// What leaves a finished register: clamped into the accumulator's format by `saturate_output`.
    pub fn finish(&self, acc: i64) -> Fitted {
        let as_it_is = Fitted { value: acc, flags: Flags::NONE };
        self.output.map_or(as_it_is, |fit| fit.of(i128::from(acc)))
    }
}
