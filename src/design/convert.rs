//! The names of a design file and the types they stand for, both ways.

use super::{AccumulatorOverflow, Dataflow, DrainOrder, KernelAxis, LaneMap, Skew, Start, file};
use crate::num::{Overflow, Rounding};
use crate::post::Factor;

pub(super) fn rounding(name: file::Rounding) -> Rounding {
    match name {
        file::Rounding::Floor => Rounding::Floor,
        file::Rounding::Ceil => Rounding::Ceil,
        file::Rounding::Trunc => Rounding::Trunc,
        file::Rounding::Away => Rounding::Away,
        file::Rounding::HalfUp => Rounding::HalfUp,
        file::Rounding::HalfDown => Rounding::HalfDown,
        file::Rounding::HalfAway => Rounding::HalfAway,
        file::Rounding::HalfZero => Rounding::HalfZero,
        file::Rounding::HalfEven => Rounding::HalfEven,
        file::Rounding::HalfOdd => Rounding::HalfOdd,
    }
}

pub(super) fn factor(name: file::Factor) -> Factor {
    match name {
        file::Factor::Float32 => Factor::Float32,
        file::Factor::Float64 => Factor::Float64,
        file::Factor::Tflite => Factor::Tflite,
    }
}

pub(super) fn overflow(name: file::Overflow) -> Overflow {
    match name {
        file::Overflow::Wrap => Overflow::Wrap,
        file::Overflow::Saturate => Overflow::Saturate,
        file::Overflow::SaturateSymmetric => Overflow::SaturateSymmetric,
    }
}

/// The name used in designs and reports.
pub fn overflow_name(overflow: Overflow) -> &'static str {
    overflow.name()
}

impl AccumulatorOverflow {
    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            AccumulatorOverflow::Wrap => "wrap",
            AccumulatorOverflow::Saturate => "saturate",
            AccumulatorOverflow::SaturateSymmetric => "saturate_symmetric",
            AccumulatorOverflow::SaturateOutput => "saturate_output",
        }
    }
}

impl From<file::AccumulatorOverflow> for AccumulatorOverflow {
    fn from(name: file::AccumulatorOverflow) -> Self {
        match name {
            file::AccumulatorOverflow::Wrap => AccumulatorOverflow::Wrap,
            file::AccumulatorOverflow::Saturate => AccumulatorOverflow::Saturate,
            file::AccumulatorOverflow::SaturateSymmetric => AccumulatorOverflow::SaturateSymmetric,
            file::AccumulatorOverflow::SaturateOutput => AccumulatorOverflow::SaturateOutput,
        }
    }
}

impl Start {
    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Start::Zero => "zero",
            Start::Bias => "bias",
            Start::Overwrite => "overwrite",
            Start::Value => "value",
        }
    }
}

impl From<file::Start> for Start {
    fn from(name: file::Start) -> Self {
        match name {
            file::Start::Zero => Start::Zero,
            file::Start::Bias => Start::Bias,
            file::Start::Overwrite => Start::Overwrite,
        }
    }
}

impl Dataflow {
    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Dataflow::Sequential => "sequential",
            Dataflow::Tree => "tree",
            Dataflow::OutputStationary => "output_stationary",
            Dataflow::WeightStationary => "weight_stationary",
            Dataflow::InputStationary => "input_stationary",
            Dataflow::PostOnly => "post_only",
        }
    }
}

impl From<file::Dataflow> for Dataflow {
    fn from(name: file::Dataflow) -> Self {
        match name {
            file::Dataflow::Sequential => Dataflow::Sequential,
            file::Dataflow::Tree => Dataflow::Tree,
            file::Dataflow::OutputStationary => Dataflow::OutputStationary,
            file::Dataflow::WeightStationary => Dataflow::WeightStationary,
            file::Dataflow::InputStationary => Dataflow::InputStationary,
            file::Dataflow::PostOnly => Dataflow::PostOnly,
        }
    }
}

impl From<file::DrainOrder> for DrainOrder {
    fn from(name: file::DrainOrder) -> Self {
        match name {
            file::DrainOrder::Rows => DrainOrder::Rows,
            file::DrainOrder::Columns | file::DrainOrder::Shift => DrainOrder::Columns,
            file::DrainOrder::Diagonal => DrainOrder::Diagonal,
            file::DrainOrder::Parallel => DrainOrder::Parallel,
        }
    }
}

impl Skew {
    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Skew::Host => "host",
            Skew::Internal => "internal",
        }
    }
}

impl From<file::Skew> for Skew {
    fn from(name: file::Skew) -> Self {
        match name {
            file::Skew::Host => Skew::Host,
            file::Skew::Internal => Skew::Internal,
        }
    }
}

impl LaneMap {
    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            LaneMap::Adjacent => "adjacent",
            LaneMap::Strided => "strided",
        }
    }
}

impl From<file::LaneMap> for LaneMap {
    fn from(name: file::LaneMap) -> Self {
        match name {
            file::LaneMap::Adjacent => LaneMap::Adjacent,
            file::LaneMap::Strided => LaneMap::Strided,
        }
    }
}

impl KernelAxis {
    /// The name used in designs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            KernelAxis::Kh => "kh",
            KernelAxis::Kw => "kw",
            KernelAxis::Cin => "cin",
        }
    }
}

impl From<file::KernelAxis> for KernelAxis {
    fn from(name: file::KernelAxis) -> Self {
        match name {
            file::KernelAxis::Kh => KernelAxis::Kh,
            file::KernelAxis::Kw => KernelAxis::Kw,
            file::KernelAxis::Cin => KernelAxis::Cin,
        }
    }
}
