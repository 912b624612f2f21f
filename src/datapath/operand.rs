//! What the multiplier sees of a code.

use super::Records;
use crate::design::Operand;
use crate::post::bind;

/// What the code stands for, plus offset. A parameter that is still in its reset state counts as 0.
pub fn operand_sum(operand: &Operand, code: i32, records: &Records, record: Option<usize>) -> i64 {
    let offset = match (operand.offset, record) {
        (Some(offset), Some(record)) => bind(offset, records, record),
        _ => 0,
    };
    operand.value(i64::from(code)) + offset
}
