//! Operators on shapes and places: they pick, repeat or count elements, and compute nothing else.

use super::Tensor;

/// Names and attributes are ONNX's; what newer opsets read from an input, older ones have as attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Layout {
    /// Axes of extent 1 join, where the output has them; input 1 where the attribute is absent.
    Unsqueeze {
        /// Attribute before opset 13.
        axes: Option<Vec<i64>>,
    },
    /// Axes of extent 1 go; input 1 where the attribute is absent, and all of them without either.
    Squeeze {
        /// Attribute before opset 13.
        axes: Option<Vec<i64>>,
    },
    /// Repeated along axes of extent 1, to the shape that input 1 holds.
    Expand,
    /// Side by side, as often as input 1 says for every axis.
    Tile,
    /// From starts to ends along axes in steps: inputs 1 to 4.
    Slice {
        /// Starts, ends and axes where they are attributes, before opset 10.
        fixed: [Option<Vec<i64>>; 3],
    },
    /// Slices of input 0 along an axis, at the indices that input 1 holds.
    Gather {
        /// From the back when negative.
        axis: i64,
    },
    /// Elements of input 0 along an axis, each at the index that input 1 has in its place.
    GatherElements {
        /// From the back when negative.
        axis: i64,
    },
    /// Slices of input 0, each at the place along its first axes that a row of input 1 names.
    GatherNd {
        /// Axes in front that input 1 has, too.
        batch: usize,
    },
    /// Input 0 with slices of input 2 at the places along its first axes that rows of input 1 name.
    ScatterNd {
        /// What a slice does to what is there.
        joining: Joining,
    },
    /// Input 0 with the elements of input 2 along an axis, each at the index that input 1 has in its place.
    ScatterElements {
        /// From the back when negative.
        axis: i64,
        /// What an element does to what is there.
        joining: Joining,
    },
    /// Cut along an axis, into one piece per output.
    Split {
        /// From the back when negative.
        axis: i64,
        /// Extents of the pieces; input 1 where absent, equal ones without either.
        sizes: Option<Vec<i64>>,
    },
    /// More elements in front of and behind every axis, or fewer.
    Pad {
        /// What the new ones hold.
        mode: PadMode,
        /// All starts, then all ends; input 1 where absent.
        pads: Option<Vec<i64>>,
        /// What `PadMode::Constant` fills with, unless input 2 says it.
        value: f32,
    },
    /// Extents of input 0, from axis `start` to before `end`.
    Shape {
        /// From the back when negative; cut to the axes there are.
        start: i64,
        /// As `start`; the rank when absent.
        end: Option<i64>,
    },
    /// Number of elements.
    Size,
    /// Elements of input 1 where input 0 holds, else of input 2.
    Where,
    /// One value, in the shape that input 0 holds.
    ConstantOfShape {
        /// A tensor of one element.
        value: Tensor,
    },
    /// From input 0 to before input 1 in steps of input 2.
    Range,
    /// Blocks of positions become channels.
    SpaceToDepth {
        /// Height and width of a block.
        block: usize,
    },
    /// Channels become blocks of positions.
    DepthToSpace {
        /// Height and width of a block.
        block: usize,
        /// `mode` is CRD: the channel is the outermost part, rather than the innermost (DCR).
        columns_first: bool,
    },
    /// In inference, its input; and a mask that holds everywhere.
    Dropout,
    /// Sums of all elements up to each one, along the axis that input 1 holds.
    CumSum {
        /// Without the element itself.
        exclusive: bool,
        /// From the end.
        reverse: bool,
    },
    /// 0 below (or above) the diagonal that input 1 names.
    Trilu {
        /// Whether the upper triangle stays.
        upper: bool,
    },
    /// Indices of the elements that are not 0, one column each.
    NonZero,
}

/// What the elements hold that Pad adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadMode {
    /// One value.
    Constant,
    /// The tensor mirrored at its first and last element, neither repeated.
    Reflect,
    /// The first or last element.
    Edge,
    /// The tensor over again.
    Wrap,
}

/// What becomes of an element that an update meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// The update takes its place: of several, the last.
    Last,
    /// Their sum; integers wrap.
    Add,
    /// Their product; integers wrap.
    Mul,
    /// The smaller.
    Min,
    /// The larger.
    Max,
}

impl Layout {
    /// Its output holds its first input's elements in the same order, under another shape.
    pub(crate) fn moves_data(&self) -> bool {
        matches!(self, Layout::Squeeze { .. } | Layout::Unsqueeze { .. } | Layout::Dropout)
    }

    /// The input whose element type the first output has; none where it has one of its own.
    pub(crate) fn typed_by(&self) -> Option<usize> {
        match self {
            Layout::Shape { .. } | Layout::Size | Layout::NonZero | Layout::ConstantOfShape { .. } => None,
            Layout::Where => Some(1),
            _ => Some(0),
        }
    }
}
