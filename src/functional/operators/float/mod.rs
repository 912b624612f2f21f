//! Conv, MatMul, Gemm and Softmax that stayed float32.
//!
//! ONNX fixes no order of summation: this is ONNX Runtime's ([`sgemm`](crate::post::sgemm)), output by output, through
//! kernels that run outputs side by side. Integer layers never come here.

mod conv;
mod product;
mod softmax;
mod volume;

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};
use rayon::prelude::*;

use super::Call;
use super::pointwise::broadcast_shape;
use super::size::room;
use crate::error::{Error, Kind, Result};
use crate::functional::kernels::float::{Close, STRIP};
use crate::functional::kernels::{Isa, Kernels};
use crate::network::{Gemm, Tensor};
use crate::post::sgemm::{Order, Product};
use product::{Job, Matrix};
pub(super) use softmax::softmax;

/// The fastest kernels of this machine.
pub(super) fn isa() -> Isa {
    Isa::new(Kernels::best())
}

/// The elements in row order.
fn values(array: &ArrayD<f32>) -> Cow<'_, [f32]> {
    array.as_slice().map_or_else(|| array.iter().copied().collect(), Cow::Borrowed)
}

pub(super) fn conv(call: &Call, conv: &crate::network::Conv) -> Result<Tensor> {
    match call.tensor(0)?.shape().len() {
        5 => volume::conv(call, conv),
        _ => conv::conv(call, conv),
    }
}

/// alpha · A · B; the last two axes of either may be stored the other way round.
pub(super) fn fused_matmul(call: &Call, alpha: f32, transposed: [bool; 2]) -> Result<Tensor> {
    let turned = |index: usize| -> Result<Tensor> {
        let x = call.f32(index)?;
        let mut axes: Vec<usize> = (0..x.ndim()).collect();
        if transposed[index] && x.ndim() > 1 {
            axes.swap(x.ndim() - 2, x.ndim() - 1);
        }
        Ok(Tensor::F32(x.view().permuted_axes(IxDyn(&axes)).as_standard_layout().into_owned()))
    };
    let (a, b) = (turned(0)?, turned(1)?);
    let inputs = vec![Some(&a), Some(&b)];
    let product = matmul(&Call { node: call.node, inputs, rule: call.rule, constants: call.constants })?;
    match product {
        Tensor::F32(values) if alpha != 1.0 => Ok(Tensor::F32(values.mapv(|v| v * alpha))),
        product => Ok(product),
    }
}

/// A product of stacks of matrices, one-dimensional operands being a row or a column.
pub(super) fn matmul(call: &Call) -> Result<Tensor> {
    let (a, b) = (call.f32(0)?, call.f32(1)?);
    let stacks = Stacks::new(a.shape(), b.shape(), call.is_packed(1))?;
    let count = room(&stacks.shape)?;
    let [m, n, k] = stacks.extents;
    room(&[k, STRIP])?;
    let mut out = vec![0.0f32; count];
    let (a, b) = (values(a), values(b));
    let shared = stacks.parts.len() < rayon::current_num_threads();
    let product = |scratch: &mut Vec<f32>, out: &mut [f32], [first, second]: [usize; 2]| {
        let (left, right) = if stacks.turned {
            (&b[..], Matrix { values: &a, row: 1, column: k })
        } else {
            let right = Matrix { values: &b[second * k * n..][..k * n], row: n, column: 1 };
            (&a[first * m * k..][..m * k], right)
        };
        Job {
            extents: stacks.extents,
            a: left,
            b: &right,
            order: stacks.order,
            how: Close { alpha: 1.0, add: false },
            isa: isa(),
            shared,
        }
        .run(out, scratch);
    };
    if count > 0 && shared {
        let mut scratch = Vec::new();
        out.chunks_exact_mut(m * n)
            .zip(&stacks.parts)
            .for_each(|(out, part)| product(&mut scratch, out, *part));
    } else if count > 0 {
        let parts = out.par_chunks_exact_mut(m * n).zip(&stacks.parts);
        parts.for_each_init(Vec::new, |scratch, (out, part)| product(scratch, out, *part));
    }
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&stacks.shape), out).expect("counted above")))
}

/// MatMul as a list of products of one size.
struct Stacks {
    shape: Vec<usize>,
    extents: [usize; 3],
    order: Order,
    /// Which matrix of A meets which of B.
    parts: Vec<[usize; 2]>,
    /// B is a row, which meets the rows of A one by one.
    turned: bool,
}

impl Stacks {
    fn new(a: &[usize], b: &[usize], packed: bool) -> Result<Stacks> {
        let undefined =
            || Error::new(Kind::Value, format!("a product of shapes {a:?} and {b:?} is not defined"));
        let (left, right) = match (a, b) {
            ([], _) | (_, []) => return Err(undefined()),
            ([k], _) => (vec![1, *k], b.to_vec()),
            _ => (a.to_vec(), b.to_vec()),
        };
        let right = if let [k] = *right { vec![k, 1] } else { right };
        let ((batch_a, &[m, k]), (batch_b, &[inner, n])) = (
            left.split_last_chunk::<2>().ok_or_else(undefined)?,
            right.split_last_chunk::<2>().ok_or_else(undefined)?,
        );
        if k != inner {
            return Err(undefined());
        }
        let batch = broadcast_shape(batch_a, batch_b)?;
        let mut shape = batch.clone();
        shape.extend((a.len() > 1).then_some(m));
        shape.extend((b.len() > 1).then_some(n));
        // One matrix B for all: ONNX Runtime takes the rows of all of A together.
        let one =
            a.len() > 1 && b.len() > 1 && a.len() >= b.len() && batch_b.iter().all(|extent| *extent == 1);
        let all = batch.iter().product::<usize>() * m;
        if b.len() == 1 && a.len() > 1 {
            let order = Product::plain(1, 1, k).order();
            return Ok(Stacks { shape, extents: [1, all, k], order, parts: vec![[0, 0]], turned: true });
        }
        let rows = if one { all } else { m };
        let order = Product { packed, ..Product::plain(rows, n, k) }.order();
        let parts = if one { vec![[0, 0]] } else { pairs(&batch, batch_a, batch_b)? };
        Ok(Stacks { shape, extents: [rows, n, k], order, parts, turned: false })
    }
}

/// Which matrix of each operand every matrix of the result is made of.
fn pairs(batch: &[usize], a: &[usize], b: &[usize]) -> Result<Vec<[usize; 2]>> {
    room(batch)?;
    let numbered = |shape: &[usize]| {
        let numbers = (0..shape.iter().product()).collect();
        ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("counted by its shape")
    };
    let (a, b) = (numbered(a), numbered(b));
    let (Some(a), Some(b)) = (a.broadcast(IxDyn(batch)), b.broadcast(IxDyn(batch))) else {
        return Err(Error::new(Kind::Value, format!("{:?} and {:?} do not broadcast", a.shape(), b.shape())));
    };
    Ok(a.iter().zip(&b).map(|(a, b)| [*a, *b]).collect())
}

/// alpha · A · B + beta · C; the sum starts from C.
pub(super) fn gemm(call: &Call, gemm: &Gemm) -> Result<Tensor> {
    let (a, b) = (call.f32(0)?, call.f32(1)?);
    let (&[p, q], &[r, s]) = (a.shape(), b.shape()) else {
        return Err(Error::new(Kind::Value, "Gemm takes matrices"));
    };
    let [m, k] = if gemm.transpose_a { [q, p] } else { [p, q] };
    let [inner, n] = if gemm.transpose_b { [s, r] } else { [r, s] };
    if k != inner {
        let message = format!("a product of shapes {:?} and {:?} is not defined", a.shape(), b.shape());
        return Err(Error::new(Kind::Value, message));
    }
    let count = room(&[m, n])?;
    room(&[k, STRIP])?;
    // ONNX Runtime leaves C out where its factor is 0.
    let c = call.optional(2).map(|_| call.f32(2)).transpose()?.filter(|_| gemm.beta != 0.0);
    let mut out = vec![0.0f32; count];
    if let Some(c) = c {
        let c = c.broadcast(IxDyn(&[m, n])).ok_or_else(|| {
            Error::new(Kind::Value, format!("a bias of shape {:?} for a result of {m}×{n}", c.shape()))
        })?;
        out.iter_mut().zip(&c).for_each(|(out, c)| *out = if gemm.beta == 1.0 { *c } else { gemm.beta * c });
    }
    let order = Product {
        transposed_a: gemm.transpose_a,
        transposed_b: gemm.transpose_b,
        step_b: s,
        packed: call.is_packed(1),
        alpha: gemm.alpha,
        beta: if c.is_some() { gemm.beta } else { 0.0 },
        ..Product::plain(m, n, k)
    }
    .order();
    let (a, b) = (values(a), values(b));
    let [row, column] = if gemm.transpose_b { [1, s] } else { [s, 1] };
    let right = Matrix { values: &b, row, column };
    let left = Matrix { values: &a, row: q, column: 1 };
    // A column in groups is the row of the transposed product.
    let turned = order == Order::Groups && m != 1;
    let rows: Cow<[f32]> = match (turned, gemm.transpose_a) {
        (true, _) => Cow::Borrowed(&b),
        (false, false) => Cow::Borrowed(&a),
        (false, true) => (0..m * k).map(|at| a[at % k * q + at / k]).collect(),
    };
    let how = Close { alpha: gemm.alpha, add: c.is_some() };
    let extents = if turned { [n, m, k] } else { [m, n, k] };
    let b = if turned { &left } else { &right };
    Job { extents, a: &rows, b, order, how, isa: isa(), shared: true }.run(&mut out, &mut Vec::new());
    Ok(Tensor::F32(ArrayD::from_shape_vec(IxDyn(&[m, n]), out).expect("counted above")))
}
