//! com.microsoft's MatMulNBits: codes of 2, 4 or 8 bits with a scale per block of a row, and a float32 product with them.
//!
//! The weights are code − zero point times scale, exactly as ONNX Runtime has them; its kernels add the products up by
//! blocks, so that a value is within 32 units in the last place of the tensor's largest value of theirs.

use ndarray::{ArrayD, IxDyn};

use super::size::room;
use super::{Call, float};
use crate::error::{Error, Kind, Result};
use crate::network::{NBits, Tensor};

/// Inputs: A, the codes of B row by row and block by block, scales, zero points (packed as the codes, or float32), the
/// order of the rows' elements, bias.
pub(super) fn product(call: &Call, of: &NBits) -> Result<Tensor> {
    if call.optional(4).is_some() {
        return Err(Error::new(Kind::Unsupported, "g_idx (input 4) is not supported"));
    }
    let weights = Tensor::F32(weights(call, of)?);
    let inputs = vec![call.optional(0), Some(&weights)];
    let product =
        float::matmul(&Call { node: call.node, inputs, rule: call.rule, constants: call.constants })?;
    match (product, call.optional(5)) {
        (product, None) => Ok(product),
        (product, Some(bias)) => super::elementwise::add(&product, bias),
    }
}

/// `[k][n]`.
fn weights(call: &Call, of: &NBits) -> Result<ArrayD<f32>> {
    let NBits { bits, block, k, n } = *of;
    room(&[k, n])?;
    let Tensor::U8(codes) = call.tensor(1)? else {
        return Err(Error::new(
            Kind::Value,
            format!("codes (input 1) must be uint8, not {}", call.tensor(1)?.dtype()),
        ));
    };
    let blocks = k.div_ceil(block);
    let bytes = (block.saturating_mul(bits)).div_ceil(8);
    let wrong = |what: &str, count: usize| {
        let message =
            format!("{what} hold {count} numbers, which {n} rows of {blocks} blocks of {block} do not");
        Error::new(Kind::Value, message)
    };
    let scales = call.f32(2)?;
    if Some(codes.len()) != n.checked_mul(blocks).and_then(|all| all.checked_mul(bytes)) {
        return Err(wrong("the codes", codes.len()));
    }
    if scales.len() != n * blocks {
        return Err(wrong("the scales", scales.len()));
    }
    let codes: Vec<u8> = codes.iter().copied().collect();
    let scales: Vec<f32> = scales.iter().copied().collect();
    let per_byte = 8 / bits;
    // u16 holds a mask of 8 bits.
    let mask = u8::try_from((1u16 << bits) - 1).unwrap_or(u8::MAX);
    let code = |bytes: &[u8], at: usize| bytes[at / per_byte] >> (at % per_byte * bits) & mask;
    let zero_row = blocks.div_ceil(per_byte);
    let zeros: Vec<f32> = match call.optional(3) {
        None => vec![f32::from(1u8 << (bits - 1)); n * blocks],
        Some(Tensor::U8(packed)) if packed.len() == n * zero_row => {
            let packed: Vec<u8> = packed.iter().copied().collect();
            let of_row = |row: &[u8]| (0..blocks).map(|at| f32::from(code(row, at))).collect::<Vec<f32>>();
            packed.chunks_exact(zero_row).flat_map(of_row).collect()
        }
        Some(Tensor::F32(zeros)) if zeros.len() == n * blocks => zeros.iter().copied().collect(),
        Some(other) => return Err(wrong("the zero points", other.len())),
    };
    Ok(ArrayD::from_shape_fn(IxDyn(&[k, n]), |index| {
        let (at, row) = (index[0], index[1]);
        let own = row * blocks + at / block;
        let code = code(&codes[own * bytes..][..bytes], at % block);
        (f32::from(code) - zeros[own]) * scales[own]
    }))
}
