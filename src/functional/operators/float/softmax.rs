//! Softmax.

use ndarray::{ArrayD, Axis};

use crate::error::Result;
use crate::functional::operators::axis_of;
use crate::network::Tensor;

/// exp(x − max) / Σ exp(x − max) along `axis`; `flatten`: along everything from `axis` on.
pub(in crate::functional::operators) fn softmax(x: &ArrayD<f32>, axis: i64, flatten: bool) -> Result<Tensor> {
    let axis = axis_of(axis, x.ndim())?;
    let mut out = x.clone();
    let normalise = |mut lane: ndarray::ArrayViewMut1<f32>| {
        let top = lane.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        lane.mapv_inplace(|v| (v - top).exp());
        let sum: f32 = lane.iter().sum();
        lane.mapv_inplace(|v| v / sum);
    };
    if flatten {
        let rows: usize = x.shape()[..axis].iter().product();
        let rest: usize = x.shape()[axis..].iter().product();
        let flat = Tensor::F32(out).reshaped(&[rows, rest])?;
        let Tensor::F32(mut flat) = flat else { return Ok(flat) };
        flat.lanes_mut(Axis(1)).into_iter().for_each(normalise);
        return Tensor::F32(flat).reshaped(x.shape());
    }
    out.lanes_mut(Axis(axis)).into_iter().for_each(normalise);
    Ok(Tensor::F32(out))
}
