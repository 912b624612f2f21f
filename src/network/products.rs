//! The integer sums inside a float layer: a Conv, MatMul or Gemm of dequantised codes that no integer layer replaces
//! still multiplies codes, at one scale per output channel.
//!
//! ```text
//! x ─ DQ ─ (move)* ─┐                              x ─ (move)* ─┐
//! w ─ DQ ─ (move)* ─┴─ Conv ─ anything     beside  w ─ (move)* ─┴─ ConvInteger ─ looked at, read by nobody
//! ```

use super::trace::Dequantized;
use super::wires::Wires;
use super::{Conv, DType, Node, Operator};

/// What the products of a float layer are made of.
#[derive(Debug, Clone)]
pub struct Products {
    pub(crate) x: Dequantized,
    pub(crate) w: Dequantized,
    /// Of the convolution; none for a matrix product.
    pub(crate) conv: Option<Conv>,
    /// Gemm's transA and transB.
    pub(crate) transposed: [bool; 2],
    /// What Gemm multiplies the bias by, per unit of the product.
    pub(crate) bias_factor: f32,
}

impl Wires<'_> {
    /// The codes whose products the float layer at `index` sums up, or why there is no such integer sum.
    ///
    /// # Errors
    /// A tensor that no codes stand for, or codes whose scale changes within one sum; in words.
    pub(crate) fn products(&self, index: usize) -> Result<Products, String> {
        let node = &self.nodes[index];
        let (conv, transposed, bias_factor) = match &node.operator {
            Operator::Conv(conv) => (Some(conv.clone()), [false; 2], 1.0),
            Operator::MatMul => (None, [false; 2], 1.0),
            Operator::Gemm(gemm) => (None, [gemm.transpose_a, gemm.transpose_b], gemm.beta / gemm.alpha),
            _ => return Err("it is no float layer".to_owned()),
        };
        let channel_axis = match (&conv, transposed[1]) {
            (Some(_), _) | (None, true) => 0,
            (None, false) => -1,
        };
        let (x, w) = (self.codes(node, 0)?, self.codes(node, 1)?);
        if !self.per_tensor(&x) {
            return Err(
                "its input has a scale per slice: products of one sum have different scales".to_owned()
            );
        }
        if !self.per_tensor(&w) && !self.scales_along(&w, channel_axis) {
            return Err("its weights' scales are not one per output channel: products of one sum have different scales"
                .to_owned());
        }
        Ok(Products { x, w, conv, transposed, bias_factor })
    }

    /// Codes of 8 or 16 bits behind an input.
    fn codes(&self, node: &Node, position: usize) -> Result<Dequantized, String> {
        let what = if position == 0 { "its input" } else { "its weights" };
        let found = node.input(position).and_then(|name| self.traced(name));
        let found = found.ok_or_else(|| format!("no codes stand for {what}"))?;
        match self.code_type(&found.codes) {
            Some(DType::U8 | DType::I8 | DType::U16 | DType::I16) => {}
            Some(other) => return Err(format!("the codes of {what} are {other}")),
            None => return Err(format!("of which type the codes of {what} are is not known before it runs")),
        }
        // A zero point of another type would make the run fail that the float layer does not.
        let zero = found.zero.as_ref().map(|zero| self.code_type(zero));
        match zero.is_none_or(|zero| zero == self.code_type(&found.codes)) {
            true => Ok(found),
            false => Err(format!("the zero point of {what} is of another type than its codes")),
        }
    }
}
