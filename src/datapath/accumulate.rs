//! The accumulator's adder: R3 one operation at a time, each fitted (R4, R5), the bias as R9 says.

use super::Records;
use crate::design::{AccumulatorOverflow, Design, Start};
use crate::num::{Fitted, Flags, Format, Overflow, fit};
use crate::post::{Operand, bind};

/// How a register takes its next value.
#[derive(Debug, Clone, Copy)]
pub struct Accumulate {
    register: Format,
    output: Format,
    rule: Overflow,
    clamps_output: bool,
    start: Start,
    bias: Option<usize>,
}

impl Accumulate {
    pub fn new(design: &Design) -> Self {
        let accumulator = design.accumulator;
        Accumulate {
            register: accumulator.register,
            output: accumulator.format,
            rule: accumulator.step_rule(),
            clamps_output: accumulator.overflow == AccumulatorOverflow::SaturateOutput,
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
        fit(i128::from(bias), self.register, self.rule)
    }

    /// The register's next value, or `None` when it holds. `sum` is the exact sum over the lanes.
    pub fn next(&self, acc: i64, valid: bool, first: bool, bias: Fitted, sum: i128) -> Option<Fitted> {
        let onto = match (self.start, valid, first) {
            (Start::Zero, false, true) => {
                return Some(Fitted { value: 0, flags: Flags::NONE });
            }
            (_, false, _) => return None,
            (Start::Bias, true, true) => bias.value,
            (Start::Overwrite, true, true) => 0,
            _ => acc,
        };
        Some(fit(i128::from(onto) + sum, self.register, self.rule))
    }

    /// What leaves a finished register: clamped into the accumulator's format by `saturate_output`.
    pub fn finish(&self, acc: i64) -> Fitted {
        if self.clamps_output {
            fit(i128::from(acc), self.output, Overflow::Saturate)
        } else {
            Fitted { value: acc, flags: Flags::NONE }
        }
    }
}
