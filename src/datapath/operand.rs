//! What the multiplier sees of a code: R2, the exact product of two sums.

use super::Records;
use crate::design::{Design, Operand};
use crate::num::Format;
use crate::post::bind;

/// Format of an exact product (R2): width a + b, signed if either operand is.
pub fn product_format(design: &Design) -> Format {
    let (a, w) = (design.activation.sum, design.weight.sum);
    // A signed operand times an unsigned one needs all a + b bits, two signed ones as well (−2^n · −2^n).
    Format::new(a.width() + w.width(), a.is_signed() || w.is_signed()).unwrap_or(a)
}

/// Code plus offset. A parameter that is still in its reset state counts as 0.
pub fn operand_sum(operand: &Operand, code: i32, records: &Records, record: Option<usize>) -> i64 {
    let offset = match (operand.offset, record) {
        (Some(offset), Some(record)) => bind(offset, records, record),
        _ => 0,
    };
    i64::from(code) + offset
}
