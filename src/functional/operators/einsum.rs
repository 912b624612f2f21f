//! Einsum in float32: operand by operand, each pair as a stack of matrix products.
//!
//! ONNX fixes no order of summation. Sums of a product are those of MatMul; a value is within 8 units in the last place
//! of the tensor's largest value of ONNX Runtime's, which forms its products otherwise where axes are summed alone.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis as Index, IxDyn};

use super::size::room;
use super::{Call, float};
use crate::error::{Error, Kind, Result};
use crate::network::{Axis, Equation, Tensor};

/// An array whose axes have names, each once.
struct Operand {
    axes: Vec<Axis>,
    values: ArrayD<f32>,
}

pub(super) fn einsum(call: &Call, equation: &Equation) -> Result<Tensor> {
    if call.inputs.len() != equation.operands.len() || call.inputs.is_empty() {
        let message =
            format!("{} operands for an equation of {}", call.inputs.len(), equation.operands.len());
        return Err(Error::new(Kind::Value, message));
    }
    let mut operands = Vec::with_capacity(call.inputs.len());
    let mut unnamed = 0;
    for (index, term) in equation.operands.iter().enumerate() {
        let values = call.f32(index)?;
        let letters = term.letters().count();
        let rest = values.ndim().checked_sub(letters).filter(|rest| *rest == 0 || term.after.is_some());
        let rest = rest.ok_or_else(|| {
            Error::new(
                Kind::Value,
                format!("operand {index} has shape {:?}, not {letters} axes", values.shape()),
            )
        })?;
        unnamed = unnamed.max(rest);
        operands.push(diagonal(term.axes(rest), values)?);
    }
    let result = equation.result(unnamed);
    let extents = extents(&operands)?;
    for (index, axis) in result.iter().enumerate() {
        if !extents.contains_key(axis) || result[..index].contains(axis) {
            return Err(Error::new(Kind::Value, "the result has an axis that no operand has, or one twice"));
        }
    }
    let mut operands = operands.into_iter().enumerate();
    let Some((_, mut all)) = operands.next() else { return Err(Error::new(Kind::Value, "no operand")) };
    let later = |index: usize, axis: &Axis| {
        result.contains(axis)
            || equation.operands[index + 1..].iter().any(|term| term.axes(unnamed).contains(axis))
    };
    all = all.summed(&|axis| later(0, axis))?;
    for (index, operand) in operands {
        let kept = |axis: &Axis| later(index, axis);
        // What the operand alone has, and nobody reads later, is summed before it is multiplied.
        let operand = operand.summed(&|axis| kept(axis) || all.axes.contains(axis))?;
        all = product(call, all, operand, &kept, &extents)?;
    }
    let order: Vec<usize> = result
        .iter()
        .map(|axis| {
            all.axes
                .iter()
                .position(|own| own == axis)
                .ok_or_else(|| Error::new(Kind::Value, "an axis is lost"))
        })
        .collect::<Result<_>>()?;
    Ok(Tensor::F32(all.values.permuted_axes(IxDyn(&order)).as_standard_layout().into_owned()))
}

/// An operand with an axis twice is its diagonal.
fn diagonal(axes: Vec<Axis>, values: &ArrayD<f32>) -> Result<Operand> {
    let mut names: Vec<Axis> = Vec::new();
    let mut shape = Vec::new();
    for (axis, extent) in axes.iter().zip(values.shape()) {
        match names.iter().position(|name| name == axis) {
            None => {
                names.push(*axis);
                shape.push(*extent);
            }
            Some(at) if shape[at] == *extent => {}
            Some(at) => {
                let message = format!("one axis has the extents {} and {extent}", shape[at]);
                return Err(Error::new(Kind::Value, message));
            }
        }
    }
    if names.len() == axes.len() {
        return Ok(Operand { axes: names, values: values.clone() });
    }
    let at: Vec<usize> =
        axes.iter().map(|axis| names.iter().position(|name| name == axis).unwrap_or_default()).collect();
    let values = ArrayD::from_shape_fn(IxDyn(&shape), |index| {
        let index: Vec<usize> = at.iter().map(|axis| index[*axis]).collect();
        values[IxDyn(&index)]
    });
    Ok(Operand { axes: names, values })
}

/// The extent of every axis; 1 meets any other.
fn extents(operands: &[Operand]) -> Result<BTreeMap<Axis, usize>> {
    let mut all: BTreeMap<Axis, usize> = BTreeMap::new();
    for operand in operands {
        for (axis, extent) in operand.axes.iter().zip(operand.values.shape()) {
            let known = all.entry(*axis).or_insert(*extent);
            if *known != *extent && *known != 1 && *extent != 1 {
                return Err(Error::new(
                    Kind::Value,
                    format!("one axis has the extents {known} and {extent}"),
                ));
            }
            if *known == 1 {
                *known = *extent;
            }
        }
    }
    Ok(all)
}

impl Operand {
    /// Axes of which `stays` does not hold are summed.
    fn summed(mut self, stays: &dyn Fn(&Axis) -> bool) -> Result<Operand> {
        for at in (0..self.axes.len()).rev() {
            if !stays(&self.axes[at]) {
                self.axes.remove(at);
                self.values = self.values.sum_axis(Index(at));
            }
        }
        Ok(self)
    }

    fn has(&self, axis: &Axis) -> bool {
        self.axes.contains(axis)
    }

    /// Three groups of axes in that order, each as one; those in `spread` have their whole extent.
    fn grouped(self, groups: [&[Axis]; 3], extents: &BTreeMap<Axis, usize>) -> Result<ArrayD<f32>> {
        let of = |axis: &Axis| extents.get(axis).copied().unwrap_or(1);
        let order: Vec<usize> = groups
            .iter()
            .flat_map(|group| group.iter())
            .filter_map(|axis| self.axes.iter().position(|own| own == axis))
            .collect();
        let shape: Vec<usize> = groups.iter().flat_map(|group| group.iter().map(of)).collect();
        let sizes = groups.map(|group| group.iter().map(of).fold(1usize, usize::saturating_mul));
        room(&sizes)?;
        let values = self.values.permuted_axes(IxDyn(&order));
        let wrong = || Error::new(Kind::Value, "the operands' extents do not match");
        let spread = values.broadcast(IxDyn(&shape)).ok_or_else(wrong)?;
        let flat: Vec<f32> = spread.iter().copied().collect();
        ArrayD::from_shape_vec(IxDyn(&sizes), flat).map_err(|_| wrong())
    }
}

/// Both operands as stacks of matrices: axes of both that stay are the stack, those that go are summed over.
fn product(
    call: &Call,
    a: Operand,
    b: Operand,
    kept: &dyn Fn(&Axis) -> bool,
    extents: &BTreeMap<Axis, usize>,
) -> Result<Operand> {
    let [stack, inner]: [Vec<Axis>; 2] = [true, false]
        .map(|stays| a.axes.iter().copied().filter(|axis| b.has(axis) && kept(axis) == stays).collect());
    let rows: Vec<Axis> = a.axes.iter().copied().filter(|axis| !b.has(axis)).collect();
    let columns: Vec<Axis> = b.axes.iter().copied().filter(|axis| !a.has(axis)).collect();
    let a = Tensor::F32(a.grouped([&stack, &rows, &inner], extents)?);
    let b = Tensor::F32(b.grouped([&stack, &inner, &columns], extents)?);
    let pair = Call {
        node: call.node,
        inputs: vec![Some(&a), Some(&b)],
        rule: call.rule,
        constants: call.constants,
    };
    let Tensor::F32(values) = float::matmul(&pair)? else {
        return Err(Error::new(Kind::Value, "a product of float32 is float32"));
    };
    let axes: Vec<Axis> = [stack, rows, columns].concat();
    let shape: Vec<usize> = axes.iter().map(|axis| extents.get(axis).copied().unwrap_or(1)).collect();
    let elements: Vec<f32> = values.iter().copied().collect();
    let values = ArrayD::from_shape_vec(IxDyn(&shape), elements)
        .map_err(|_| Error::new(Kind::Value, "the operands' extents do not match"))?;
    Ok(Operand { axes, values })
}
