//! QuantizeLinear and DequantizeLinear with a scale per block of an axis (`block_size`, opset 21), and those to and from
//! 4-bit codes: by the same formulas as all others, element by element.

use ndarray::ArrayD;

use super::{Call, axis_of, rails};
use crate::error::{Error, Kind, Result};
use crate::network::{DType, Tensor};
use crate::post::onnx::{self, Codes};

/// Which scale an element of a tensor has.
struct Places {
    /// Elements behind one index of the axis, and the axis's extent.
    inner: usize,
    extent: usize,
    /// Indices of the axis that share a scale; none for one scale of all.
    block: Option<usize>,
}

impl Places {
    /// `block` 0 is one scale for the tensor, or one per index of the axis.
    fn new(shape: &[usize], axis: i64, block: usize, scales: &[usize], zeros: &[usize]) -> Result<Places> {
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let wrong = |what: String| Err(Error::new(Kind::Value, what));
        // One zero point may stand for all scales.
        if count(zeros) != count(scales) && count(zeros) != 1 {
            return wrong(format!("scales of shape {scales:?} and zero points of {zeros:?} do not match"));
        }
        if block == 0 && count(scales) == 1 {
            return Ok(Places { inner: 1, extent: 1, block: None });
        }
        let axis = axis_of(axis, shape.len())?;
        let (inner, extent) = (count(&shape[axis + 1..]), shape[axis]);
        let fits = match block {
            0 => count(scales) == extent,
            block => {
                let mut blocks = shape.to_vec();
                blocks[axis] = extent.div_ceil(block);
                scales == blocks && (zeros == blocks || count(zeros) == 1)
            }
        };
        if !fits {
            let per = if block == 0 { String::new() } else { format!(" in blocks of {block}") };
            return wrong(format!("scales of shape {scales:?} for axis {axis} of {shape:?}{per}"));
        }
        // Without blocks, whatever lies in front of the axis has the same scales.
        Ok(Places { inner, extent, block: Some(block) })
    }

    fn scale(&self, element: usize) -> usize {
        let Some(block) = self.block else { return 0 };
        let (outer, rest) = (element / (self.extent * self.inner), element % (self.extent * self.inner));
        let (index, inner) = (rest / self.inner, rest % self.inner);
        match block {
            0 => index,
            block => (outer * self.extent.div_ceil(block) + index / block) * self.inner + inner,
        }
    }
}

/// Whether [`quantize`] and [`dequantize`] of this file are asked for.
pub(super) fn is_needed(call: &Call, block: usize, dtype: Option<DType>) -> bool {
    let four = |dtype: DType| matches!(dtype, DType::U4 | DType::I4);
    let of = |index: usize| call.optional(index).is_some_and(|tensor| four(tensor.dtype()));
    block > 0 || dtype.is_some_and(four) || of(0) || of(2)
}

fn zeros_shape<'a>(call: &Call<'a>) -> &'a [usize] {
    call.optional(2).map_or(&[], Tensor::shape)
}

pub(super) fn quantize(call: &Call, axis: i64, dtype: Option<DType>, block: usize) -> Result<Tensor> {
    let x = call.f32(0)?;
    let scales = call.scales(1)?;
    let dtype = call.optional(2).map(Tensor::dtype).or(dtype).unwrap_or(DType::U8);
    let zeros = call.zero_points(2, dtype)?;
    let places = Places::new(x.shape(), axis, block, call.f32(1)?.shape(), zeros_shape(call))?;
    let rules: Vec<Codes> = zeros.iter().map(|zero| rails(dtype, *zero)).collect::<Result<_>>()?;
    let codes = x.iter().enumerate().map(|(element, value)| {
        let at = places.scale(element);
        onnx::quantize(*value, scales[at], rules[if rules.len() == 1 { 0 } else { at }])
    });
    let codes = ArrayD::from_shape_vec(x.raw_dim(), codes.collect());
    Ok(Tensor::from_codes(codes.expect("as many as there were"), dtype))
}

pub(super) fn dequantize(call: &Call, axis: i64, block: usize) -> Result<Tensor> {
    let tensor = call.tensor(0)?;
    let scales = call.scales(1)?;
    let zeros = call.zero_points(2, tensor.dtype())?;
    let places = Places::new(tensor.shape(), axis, block, call.f32(1)?.shape(), zeros_shape(call))?;
    let codes = tensor.to_i32()?;
    let real = codes.iter().enumerate().map(|(element, code)| {
        let at = places.scale(element);
        onnx::dequantize(*code, zeros[if zeros.len() == 1 { 0 } else { at }], scales[at])
    });
    let real = ArrayD::from_shape_vec(codes.raw_dim(), real.collect());
    Ok(Tensor::F32(real.expect("as many as there were")))
}
