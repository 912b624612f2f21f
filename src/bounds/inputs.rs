//! Which codes the activations can have: what a bound is a bound over.

use rayon::prelude::*;

use crate::lower::{Convolution, Gather, Program};

/// Which codes the activations can have: a range for every scheduled element k, independent of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// Every code of the operand's format.
    Format,
    /// `low..=high` for every activation; where a convolution pads, its padding code, too.
    Calibrated {
        /// Smallest code.
        low: i64,
        /// Largest code.
        high: i64,
    },
    /// A range of its own for every scheduled element, `[groups][k]`; padding codes are already in it.
    Positions(Vec<(i64, i64)>),
}

impl Inputs {
    /// The codes that the program's own activations take at each scheduled element, over all images and output
    /// positions, padding included.
    pub fn seen(program: &Program) -> Inputs {
        let shape = program.shape;
        let range = |index: usize| {
            let (group, k) = (index / shape.k, index % shape.k);
            let codes = (0..shape.images)
                .flat_map(|image| (0..shape.m).map(move |m| program.activation(image, group, m, k)));
            let fold = codes.fold((i32::MAX, i32::MIN), |(low, high), code| (low.min(code), high.max(code)));
            (i64::from(fold.0), i64::from(fold.1))
        };
        Inputs::Positions((0..shape.groups * shape.k).into_par_iter().map(range).collect())
    }

    /// The smallest inputs that hold both: calibrations of two batches of one layer, made one.
    pub fn merged(self, other: Inputs) -> Inputs {
        let hull = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
        match (self, other) {
            (Inputs::Positions(a), Inputs::Positions(b)) if a.len() == b.len() => {
                Inputs::Positions(a.into_iter().zip(b).map(|(a, b)| hull(a, b)).collect())
            }
            (Inputs::Calibrated { low, high }, Inputs::Calibrated { low: l, high: h }) => {
                Inputs::Calibrated { low: low.min(l), high: high.max(h) }
            }
            (Inputs::Positions(positions), Inputs::Calibrated { low, high })
            | (Inputs::Calibrated { low, high }, Inputs::Positions(positions)) => {
                Inputs::Positions(positions.into_iter().map(|range| hull(range, (low, high))).collect())
            }
            _ => Inputs::Format,
        }
    }

    /// The codes that scheduled element `k` of a group can have, inside the operand's format.
    pub fn codes(&self, program: &Program, group: usize, k: usize) -> (i64, i64) {
        if program.design.is_post_only() {
            return (0, 0);
        }
        let format = program.design.activation.format;
        let inside = |(low, high): (i64, i64)| (low.max(format.min()), high.min(format.max()));
        match self {
            Inputs::Format => (format.min(), format.max()),
            Inputs::Calibrated { low, high } => {
                let (low, high) = inside((*low, *high));
                match &program.gather {
                    Gather::Convolution(conv) if conv.pads(k) => {
                        let code = i64::from(conv.padding_code);
                        (low.min(code), high.max(code))
                    }
                    _ => (low, high),
                }
            }
            Inputs::Positions(positions) => positions
                .get(group * program.shape.k + k)
                .map_or((format.min(), format.max()), |range| inside(*range)),
        }
    }
}

impl Convolution {
    /// Whether the tap of scheduled element `k` lies outside the image for some output position.
    fn pads(&self, k: usize) -> bool {
        let [kh, kw, _] = self.taps[k];
        let outside = |axis: usize, tap: usize, extent: usize| {
            let first = tap * self.dilation[axis];
            let last = first + self.output[axis].saturating_sub(1) * self.stride[axis];
            first < self.pad[axis] || last >= self.pad[axis] + extent
        };
        outside(0, kh, self.height) || outside(1, kw, self.width)
    }
}
