//! Operators that make one number of many, or scale by such numbers.

/// Along which axes, and what for. Names and attributes are ONNX's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduce {
    /// What is computed.
    pub kind: Reduction,
    /// Axes that go; input 1 where absent, all of them without either.
    pub axes: Option<Vec<i64>>,
    /// Whether the axes stay, with an extent of 1.
    pub keep: bool,
    /// Without axes, nothing is reduced (`noop_with_empty_axes`).
    pub noop: bool,
}

/// One number of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reduction {
    /// Sum of absolute values.
    L1,
    /// Square root of the sum of squares.
    L2,
    /// The largest.
    Max,
    /// Sum over count.
    Mean,
    /// The smallest.
    Min,
    /// Product.
    Prod,
    /// Sum.
    Sum,
    /// Sum of squares.
    SumSquare,
}

/// Index of the largest or smallest element along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arg {
    /// ArgMax, rather than ArgMin.
    pub largest: bool,
    /// From the back when negative.
    pub axis: i64,
    /// Whether the axis stays, with an extent of 1.
    pub keep: bool,
    /// Of equal ones the last, rather than the first (`select_last_index`).
    pub last: bool,
}

/// Values brought to a common scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalization {
    /// By mean and variance over the axes from `axis` on.
    Layer {
        /// From the back when negative.
        axis: i64,
        /// Added to the variance.
        epsilon: f32,
    },
    /// As com.microsoft's SkipLayerNormalization does it: over the last axis, one element after the other.
    OnePass {
        /// Added to the variance.
        epsilon: f32,
        /// By the root of the mean square alone.
        simplified: bool,
    },
    /// By mean and variance of each channel of each image.
    Instance {
        /// Added to the variance.
        epsilon: f32,
    },
    /// By mean and variance of groups of channels of each image.
    Group {
        /// Number of groups.
        groups: usize,
        /// Added to the variance.
        epsilon: f32,
    },
    /// Logarithm of Softmax.
    LogSoftmax {
        /// From the back when negative.
        axis: i64,
        /// Along everything from the axis on, as before opset 13.
        flatten: bool,
    },
}
