//! Signs of weights in front of the steps that read their exponents.

use crate::design::Design;
use crate::post::{Operand, Step};

/// Activations that are tried, at most.
const MOST: i128 = 1 << 16;

/// Why it does not matter: by every activation and every exponent, where the layer has no part in the steps.
pub(super) fn first(design: &Design) -> Option<String> {
    let bits = design.exponent?;
    let (low, high) = design.activation.interval(&design.parameters);
    let is_parameter = |operand: Operand| matches!(operand, Operand::Parameter(_));
    if high - low >= MOST || design.product_steps.iter().flat_map(Step::operands).any(is_parameter) {
        return None;
    }
    let (low, high) = (i64::try_from(low).ok()?, i64::try_from(high).ok()?);
    let sided = design.with_sign_first();
    let is_odd = |weight: i64| {
        let [behind, first] = [design.formed(0, -weight), sided.formed(0, weight)];
        (low..=high).all(|x| behind.of(x.into()) == first.of((-x).into()))
    };
    let is_same = (0..1_u32 << bits).all(|exponent| is_odd(1 << exponent));
    is_same.then(|| "the steps make the negative of a negative activation".to_owned())
}
