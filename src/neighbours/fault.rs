//! Mistakes that no design can state.

use crate::num::Format;

/// A mistake beside a [`Design`](crate::design::Design). A tile's beats are those of one PE; what follows its last beat is the
/// next tile's first, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The bias that starts an accumulation does otherwise.
    Bias(MovedBias),
    /// The product's register is this narrow, and wraps.
    Product(Format),
    /// The lowest value of a factor is read as the one above it: its range is symmetric.
    Symmetric(Factor),
    /// So many low bits of every product read 0.
    ProductLow(u32),
    /// So many low bits of every sum of a reduction level read 0; counted over those of a beat and those behind the last one.
    ReduceLow(usize, u32),
    /// The flag that starts an output comes at another beat.
    First(Shifted),
    /// The flag that finishes an output comes at another beat; when the output is valid stays as it is.
    Last(Shifted),
    /// Nothing starts an output anew: it goes on from the sum of the tile before.
    Carried,
    /// Something comes in the opposite order.
    Mirrored(Mirrored),
    /// The activations of a beat meet the weights in the opposite order of the lanes.
    CrossedLanes,
    /// Nothing makes up for the sign of the first of two sums in one slice: the second lacks 1 where the first is negative.
    Uncorrected,
    /// The sign of a weight whose exponent steps read stands in front of them, not behind.
    SignFirst,
    /// The memory keeps what the last visit brings, and nothing of those before.
    Overwritten,
    /// Operands that stay are in the opposite order of the rows.
    CrossedRows,
    /// Operands that stay are exchanged at another vector than a tile's first.
    Switch(Shifted),
    /// A parameter, by its index in the design, is that of so many channels further on (of the last, the first's).
    OtherChannel(usize, i64),
    /// A parameter, by its index, is read so much higher, modulo its port.
    Added(usize, i64),
    /// A bit of a parameter's port, by its index, is stuck at this value.
    Stuck {
        /// Which parameter.
        parameter: usize,
        /// Which bit, from 0.
        bit: u32,
        /// What is read there.
        at: bool,
    },
}

/// What is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// Of the layer's input.
    Activation,
    /// Of the layer.
    Weight,
}

/// What became of the bias that starts an accumulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MovedBias {
    /// 0 instead.
    Dropped,
    /// Added again, behind the last product.
    Twice,
    /// Added behind the last product only.
    Last,
}

/// By one beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shifted {
    /// One beat early.
    Early,
    /// One beat late.
    Late,
}

/// What may come in the opposite order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mirrored {
    /// The rows of a tile.
    Rows,
    /// The columns of a tile; each keeps its own parameters.
    Columns,
    /// The lanes, products and all.
    Lanes,
    /// The beats of an output.
    Beats,
}
