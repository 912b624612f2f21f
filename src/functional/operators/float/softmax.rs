//! Softmax along one axis, or along all from one on.

use ndarray::{ArrayD, Axis};
use rayon::prelude::*;

use super::{isa, values};
use crate::error::Result;
use crate::functional::kernels::float;
use crate::functional::operators::axis_of;
use crate::network::Tensor;

/// exp(x − max) / Σ exp(x − max) along `axis`; `flatten`: along everything from `axis` on.
pub(in crate::functional::operators) fn softmax(x: &ArrayD<f32>, axis: i64, flatten: bool) -> Result<Tensor> {
    let axis = axis_of(axis, x.ndim())?;
    if flatten || axis + 1 == x.ndim() {
        let length: usize = x.shape()[axis..].iter().product();
        let mut out = values(x).into_owned();
        if length > 0 {
            out.par_chunks_exact_mut(length).for_each(|row| float::softmax(isa(), row));
        }
        return Ok(Tensor::F32(ArrayD::from_shape_vec(x.raw_dim(), out).expect("as many as there were")));
    }
    let mut out = x.clone();
    let mut row = Vec::new();
    for mut lane in out.lanes_mut(Axis(axis)) {
        row.clear();
        row.extend(lane.iter());
        float::softmax(isa(), &mut row);
        lane.iter_mut().zip(&row).for_each(|(to, from)| *to = *from);
    }
    Ok(Tensor::F32(out))
}
