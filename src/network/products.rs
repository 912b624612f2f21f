//! The integer sums inside a float layer: a Conv, MatMul or Gemm of dequantised codes that no integer layer replaces
//! still multiplies codes, at one scale per output channel.
//!
//! ```text
//! x ─ DQ ─ (move)* ─┐                              x ─ (move)* ─┐
//! w ─ DQ ─ (move)* ─┴─ Conv ─ anything     beside  w ─ (move)* ─┴─ ConvInteger ─ looked at, read by nobody
//! ```

use super::fuse::in_blocks;
use super::trace::Dequantized;
use super::wires::Wires;
use super::{Conv, Node, Operator};

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
        for (what, operand) in [("its input has", &x), ("its weights have", &w)] {
            if operand.block > 0 {
                return Err(in_blocks(what, operand.block));
            }
        }
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
        self.are_operand_codes(&found, what)?;
        // A type that turns out to be another would make the run fail that the float layer does not.
        let is_known = |name: &String| self.code_type(name).is_some();
        match is_known(&found.codes) && found.zero.as_ref().is_none_or(is_known) {
            true => Ok(found),
            false => Err(format!("of which type the codes of {what} are is not known before it runs")),
        }
    }
}
