//! A point's own post steps, and when they are known to answer as the exact network's.

use std::sync::Arc;

use ndarray::{ArrayD, Axis, Slice};

use crate::design::Design;
use crate::error::Result;
use crate::lower::{Program, output_recoding};
use crate::network::{Geometry, Layer};
use crate::post::{Operand, Step};

use super::exact::Pass;

/// A layer's finish on one design.
pub struct Finish {
    pub design: Arc<Design>,
    /// As [`Program::parameters`].
    pub parameters: Arc<Vec<Vec<i64>>>,
    /// Whether every sum that both accumulators hold becomes the same output as without overflow.
    pub same: bool,
}

impl Finish {
    /// # Errors
    /// The design has no place for the layer.
    pub fn new(design: &Arc<Design>, pass: &Pass) -> Result<Finish> {
        let probe = Program::layer(Arc::clone(design), &pass.layer, &one_image(&pass.layer, &pass.input))?;
        let (reference, own) = (&pass.program, &probe);
        let same = same_post(&reference.design, &reference.parameters, design, &own.parameters)
            && output_recoding(&reference.design, &pass.layer) == output_recoding(design, &pass.layer);
        Ok(Finish { design: Arc::clone(design), parameters: probe.parameters, same })
    }

    /// The output that a finished accumulator becomes.
    pub fn output(&self, accumulator: i64, n: usize) -> i64 {
        self.design.post_program().channel(&self.parameters, n).output(accumulator)
    }
}

/// The parameters of a layer do not depend on how many images there are: one is enough to bind them.
fn one_image(layer: &Layer, input: &ArrayD<i32>) -> ArrayD<i32> {
    match layer.geometry {
        Geometry::Convolution { .. } => input.slice_axis(Axis(0), Slice::from(0..1)).to_owned(),
        // Rows of a matrix decide whether tiles are ragged.
        Geometry::Matrix => input.clone(),
    }
}

/// Two lists of steps are one function when their steps do the same with the same numbers, and fit the result into
/// the same format, or into formats that hold whatever can enter them.
fn same_post(a: &Design, with_a: &[Vec<i64>], b: &Design, with_b: &[Vec<i64>]) -> bool {
    let always = |design: &Design| -> Vec<bool> {
        design.step_ranges().into_iter().map(|range| range.always_fits).collect()
    };
    let (fits_a, fits_b) = (always(a), always(b));
    a.post.len() == b.post.len()
        && a.post.iter().zip(&b.post).enumerate().all(|(index, (x, y))| {
            let same_format = x.format == y.format && x.overflow == y.overflow;
            let both_fit = fits_a.get(index) == Some(&true) && fits_b.get(index) == Some(&true);
            same_work(x, with_a, y, with_b) && (same_format || both_fit)
        })
}

/// The same operation in front of the format, with the same numbers.
fn same_work(a: &Step, with_a: &[Vec<i64>], b: &Step, with_b: &[Vec<i64>]) -> bool {
    let plain = |step: &Step| step.with_operands(&|_| Operand::Constant(0));
    let numbers =
        |step: &Step, with| step.operands().into_iter().map(|v| numbers(v, with)).collect::<Vec<_>>();
    let (x, y) = (plain(a), plain(b));
    (x.op, x.value_steps, x.when) == (y.op, y.value_steps, y.when) && numbers(a, with_a) == numbers(b, with_b)
}

fn numbers(operand: Operand, parameters: &[Vec<i64>]) -> Vec<i64> {
    match operand {
        Operand::Constant(value) => vec![value],
        Operand::Exponent { .. } => Vec::new(),
        Operand::Parameter(index) => parameters[index].clone(),
    }
}
