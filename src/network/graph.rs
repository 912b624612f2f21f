//! The graph: nodes in evaluation order, constants, and what each operator is told by its attributes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{
    Arg, Binary, Body, ConvTranspose, DType, Equation, Inside, Layout, Lookup, Normalization, Padding,
    Recurrent, Reduce, Resize, Tensor, Unary, Variadic, Window,
};
use crate::error::{Error, Kind, Place, Result};

/// A network as its file describes it.
#[derive(Debug, Clone)]
pub struct Network {
    /// Where it came from: for messages only.
    pub source: PathBuf,
    /// What it must be fed; initialisers are not inputs.
    pub inputs: Vec<Input>,
    /// Tensors that make up its answer, in the model's order.
    pub outputs: Vec<String>,
    /// Weights, scales, zero points, shapes, by name.
    pub constants: BTreeMap<String, Tensor>,
    /// Every node comes after those it reads from.
    pub nodes: Vec<Node>,
}

/// A tensor that the network must be fed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The tensor's name in the model.
    pub name: String,
    /// Element type; a feed of another one is refused.
    pub dtype: DType,
    /// `None` where the model names a symbol or nothing; no list at all when the rank is open.
    pub dims: Option<Vec<Option<usize>>>,
}

/// One operator and the tensors it reads and writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique in the network; the model's own name where it gives one.
    pub name: String,
    /// As the model spells it, with its domain unless that is ONNX's own.
    pub kind: String,
    /// What it computes, with its attributes read and checked.
    pub operator: Operator,
    /// `None`: an optional input left out.
    pub inputs: Vec<Option<String>>,
    /// `None`: an optional output that nobody asked for.
    pub outputs: Vec<Option<String>>,
    /// Of an integer layer that stands beside the float operators it is made of (see [`Network::written`]): the tensor
    /// that they write. The layer itself writes none. Of a move of data that is repeated on codes: the tensor of the move
    /// that it repeats; what it writes is no tensor of the model.
    pub stands_for: Option<String>,
}

/// What a node computes. Names and attributes are those of ONNX and of ONNX Runtime's com.microsoft domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// Real to codes: round(x / scale) + zero point, ties to even.
    QuantizeLinear {
        /// Axis of the scales, from the back when negative; of no matter when there is one scale.
        axis: i64,
        /// `output_dtype`; the zero point's type where it is not stated.
        dtype: Option<DType>,
        /// Indices of the axis that share a scale (`block_size`); 0 where there is one for all, or one each.
        block: usize,
    },
    /// Codes to real: (code − zero point) · scale.
    DequantizeLinear {
        /// Axis of the scales, from the back when negative.
        axis: i64,
        /// As of QuantizeLinear.
        block: usize,
    },
    /// Real to u8 codes, with scale and zero point taken from the tensor itself.
    DynamicQuantizeLinear,
    /// Convolution of codes, requantised.
    QLinearConv {
        /// Groups and window.
        conv: Conv,
        /// A Relu or Clip that was fused into it.
        clamp: Clamp,
    },
    /// Matrix product of codes, requantised.
    QLinearMatMul {
        /// A Relu or Clip that was fused into it.
        clamp: Clamp,
    },
    /// com.microsoft: Gemm of codes, requantised.
    QGemm {
        /// Factors and transpositions.
        gemm: Gemm,
        /// A Relu or Clip that was fused into it.
        clamp: Clamp,
    },
    /// Convolution of codes into int32 accumulators.
    ConvInteger(Conv),
    /// Matrix product of codes into int32 accumulators.
    MatMulInteger,
    /// Convolution in float32.
    Conv(Conv),
    /// Matrix product in float32.
    MatMul,
    /// com.microsoft: alpha · A · B in float32, the last two axes of either changed with one another before.
    FusedMatMul {
        /// See above.
        alpha: f32,
        /// Of A and of B.
        transposed: [bool; 2],
    },
    /// com.microsoft: A · Bᵀ + bias in float32, B being codes of few bits with a scale per block of a row.
    MatMulNBits(NBits),
    /// Sums of products along axes with names, in float32.
    Einsum(Equation),
    /// Matrix product with bias in float32.
    Gemm(Gemm),
    /// com.microsoft: sum of two tensors of codes, requantised.
    QLinearAdd,
    /// com.microsoft: product of two tensors of codes, requantised.
    QLinearMul,
    /// com.microsoft: tensors of codes side by side, each requantised to the common scale.
    QLinearConcat {
        /// Axis along which they lie, from the back when negative.
        axis: i64,
    },
    /// com.microsoft: elements of one of two tensors of codes, requantised to a scale of its own.
    QLinearWhere,
    /// com.microsoft: mean of each window of codes, requantised.
    QLinearAveragePool {
        /// The window.
        sliding: Sliding,
        /// Whether padding counts as positions of the mean (`count_include_pad`).
        count_padding: bool,
    },
    /// com.microsoft: mean over all spatial positions of codes, requantised.
    QLinearGlobalAveragePool,
    /// Sum, with broadcasting.
    Add,
    /// Product, with broadcasting.
    Mul,
    /// max(x, 0).
    Relu,
    /// min(max(x, low), high), by attributes (before opset 11) or by inputs.
    Clip {
        /// Attribute `min`; no bound when absent.
        low: Option<f32>,
        /// Attribute `max`; no bound when absent.
        high: Option<f32>,
    },
    /// Largest value of each window; padding never wins.
    MaxPool(Sliding),
    /// `columns_first`: before opset 19 ONNX Runtime sums a window's columns first; ONNX itself fixes no order.
    AveragePool {
        /// The window.
        sliding: Sliding,
        /// Whether padding counts as positions of the mean (`count_include_pad`).
        count_padding: bool,
        /// See above.
        columns_first: bool,
    },
    /// Mean over all spatial positions.
    GlobalAveragePool,
    /// (Σ |x|^p)^(1/p) over each window.
    LpPool {
        /// The window.
        sliding: Sliding,
        /// See above.
        p: i64,
    },
    /// (Σ |x|^p)^(1/p) over all spatial positions.
    GlobalLpPool {
        /// See above.
        p: i64,
    },
    /// The axes before `axis` become rows, the others columns.
    Flatten {
        /// First axis of the columns, from the back when negative.
        axis: i64,
    },
    /// The same elements in C order under the shape that the second input holds.
    Reshape {
        /// Whether 0 means 0 (`allowzero`), rather than "as the input".
        allow_zero: bool,
    },
    /// Axes in another order.
    Transpose {
        /// Output axis i is input axis `perm[i]`; reversed when absent.
        perm: Option<Vec<i64>>,
    },
    /// Tensors side by side.
    Concat {
        /// Axis along which they lie, from the back when negative.
        axis: i64,
    },
    /// `flatten`: before opset 13, every axis from `axis` on is one row.
    Softmax {
        /// Axis that sums to 1, from the back when negative.
        axis: i64,
        /// See above.
        flatten: bool,
    },
    /// Elements of another type.
    Cast {
        /// The type wanted.
        to: DType,
    },
    /// The input, unchanged.
    Identity,
    /// Nothing that goldpath can compute: an operator or an attribute that it does not know, or a tensor of a type that it
    /// does not carry. See [`Network::opaque`].
    Opaque {
        /// Why, in one sentence without a full stop.
        reason: String,
        /// The MACs in its bodies.
        inside: Vec<Inside>,
    },
    /// One of two bodies, by the truth value of input 0; its other inputs are what the bodies read from around them.
    If {
        /// Where it is true.
        then: Body,
        /// Where it is not.
        otherwise: Body,
    },
    /// Each element by itself.
    Unary(Unary),
    /// Two tensors, element by element.
    Binary(Binary),
    /// Any number of tensors, element by element.
    Variadic(Variadic),
    /// (x − mean) / √(variance + epsilon) · scale + bias, per channel; statistics are inputs 3 and 4.
    BatchNormalization {
        /// See above.
        epsilon: f32,
    },
    /// Shapes and places.
    Layout(Layout),
    /// com.microsoft: codes by a table of 256 values.
    Lookup(Lookup),
    /// com.microsoft: Softmax of 8-bit codes.
    QLinearSoftmax {
        /// Axis that sums to 1, from the back when negative.
        axis: i64,
        /// Along everything from the axis on, as before opset 13.
        flatten: bool,
    },
    /// com.microsoft: mean of codes over axes, requantised.
    QLinearReduceMean(Reduce),
    /// One number of many.
    Reduce(Reduce),
    /// Index of the largest or smallest.
    Arg(Arg),
    /// The largest (or smallest) k, and their indices.
    TopK {
        /// From the back when negative.
        axis: i64,
        /// Rather than the smallest.
        largest: bool,
        /// Attribute before opset 10; else input 1.
        k: Option<i64>,
    },
    /// Values brought to a common scale.
    Normalize(Normalization),
    /// Another resolution.
    Resize(Resize),
    /// Convolution the other way round, in float32.
    ConvTranspose(ConvTranspose),
    /// Largest value over all spatial positions.
    GlobalMaxPool,
    /// Along a sequence, in float32.
    Recurrent(Recurrent),
    /// com.microsoft: an LSTM whose products are those of 8-bit codes, the activations quantised as they come.
    DynamicQuantizeLstm(Recurrent),
}

/// Real bounds of the Relu or Clip fused into an integer layer; infinite where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    /// Smallest real value that passes.
    pub low: f32,
    /// Largest real value that passes.
    pub high: f32,
}

impl Clamp {
    /// Nothing is fused: every value passes.
    pub const NONE: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// This clamp, and then a Clip to `low..=high`.
    pub fn then(self, low: f32, high: f32) -> Clamp {
        Clamp { low: self.low.max(low).min(high), high: self.high.max(low).min(high) }
    }
}

/// What every convolution is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv {
    /// Attribute `group`: channels are split into so many independent convolutions.
    pub groups: usize,
    /// The window, before the rank is known.
    pub sliding: Sliding,
}

/// What Gemm is told: alpha · A · B + beta · C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gemm {
    /// Factor of the product.
    pub alpha: f32,
    /// Factor of the bias.
    pub beta: f32,
    /// Whether A is stored as `[k, m]`.
    pub transpose_a: bool,
    /// Whether B is stored as `[n, k]`.
    pub transpose_b: bool,
}

/// What MatMulNBits is told of B.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NBits {
    /// Bits per code: 2, 4 or 8.
    pub bits: usize,
    /// Codes of a row that share a scale.
    pub block: usize,
    /// Codes per row.
    pub k: usize,
    /// Rows.
    pub n: usize,
}

/// `auto_pad` and `pads`, before the rank is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoPad {
    /// Starts, then ends, of every spatial axis; empty means 0.
    Explicit(Vec<usize>),
    /// As [`Padding::SameUpper`].
    SameUpper,
    /// As [`Padding::SameLower`].
    SameLower,
}

/// A window's attributes as written: an empty list takes the operator's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sliding {
    /// `kernel_shape`; empty takes the weights' own.
    pub kernel: Vec<usize>,
    /// `strides`; empty is 1.
    pub strides: Vec<usize>,
    /// `dilations`; empty is 1.
    pub dilations: Vec<usize>,
    /// `auto_pad` or `pads`.
    pub padding: AutoPad,
    /// `ceil_mode`: count a last, partial window.
    pub ceil: bool,
}

impl Sliding {
    /// The 2-D window for a tensor with `rank` spatial axes; one axis is taken as a row of height 1.
    ///
    /// `weights` is the kernel's extent where the weights tell it.
    ///
    /// # Errors
    /// A rank that is not supported, a kernel that is not the weights' own, lists of another length.
    pub fn window(&self, rank: usize, weights: Option<&[usize]>) -> Result<Window> {
        if !(1..=2).contains(&rank) {
            let message = format!("windows over {rank} spatial axes are not supported");
            return Err(Error::new(Kind::Unsupported, message).help("supported: 1 and 2 spatial axes"));
        }
        let kernel = if self.kernel.is_empty() { weights.unwrap_or(&[]) } else { &self.kernel };
        if weights.is_some_and(|w| w != kernel) {
            let message = format!("kernel_shape {kernel:?} is not that of the weights, {weights:?}");
            return Err(Error::new(Kind::Malformed, message));
        }
        let padding = match &self.padding {
            AutoPad::SameUpper => Padding::SameUpper,
            AutoPad::SameLower => Padding::SameLower,
            AutoPad::Explicit(pads) if pads.is_empty() => Padding::Explicit([0; 4]),
            AutoPad::Explicit(pads) => match pads.as_slice() {
                [left, right] if rank == 1 => Padding::Explicit([0, *left, 0, *right]),
                [top, left, bottom, right] if rank == 2 => Padding::Explicit([*top, *left, *bottom, *right]),
                _ => return Err(wrong_length("pads", 2 * rank, pads.len())),
            },
        };
        Ok(Window {
            kernel: lift("kernel_shape", kernel, rank)?,
            stride: lift("strides", or_ones(&self.strides, rank), rank)?,
            dilation: lift("dilations", or_ones(&self.dilations, rank), rank)?,
            padding,
            ceil: self.ceil,
        })
    }
}

impl Sliding {
    /// The same window as one of a row for every axis of `kernel`, which is the weights' own.
    ///
    /// # Errors
    /// As [`Sliding::window`].
    pub fn each_axis(&self, kernel: &[usize]) -> Result<Vec<Window>> {
        let rank = kernel.len();
        if !self.kernel.is_empty() && self.kernel != kernel {
            let message = format!("kernel_shape {:?} is not that of the weights, {kernel:?}", self.kernel);
            return Err(Error::new(Kind::Malformed, message));
        }
        let one = |name: &str, list: &[usize], axis: usize| match list.len() {
            0 => Ok(Vec::new()),
            length if length == rank => Ok(vec![list[axis]]),
            length => Err(wrong_length(name, rank, length)),
        };
        let of_axis = |axis: usize| {
            let padding = match &self.padding {
                AutoPad::Explicit(pads) if pads.is_empty() => AutoPad::Explicit(Vec::new()),
                AutoPad::Explicit(pads) if pads.len() == 2 * rank => {
                    AutoPad::Explicit(vec![pads[axis], pads[rank + axis]])
                }
                AutoPad::Explicit(pads) => return Err(wrong_length("pads", 2 * rank, pads.len())),
                same => same.clone(),
            };
            let strides = one("strides", &self.strides, axis)?;
            let dilations = one("dilations", &self.dilations, axis)?;
            let own = Sliding { kernel: vec![kernel[axis]], strides, dilations, padding, ceil: self.ceil };
            own.window(1, None)
        };
        (0..rank).map(of_axis).collect()
    }
}

fn or_ones(list: &[usize], rank: usize) -> &[usize] {
    if list.is_empty() { &[1, 1][..rank] } else { list }
}

fn lift(name: &str, list: &[usize], rank: usize) -> Result<[usize; 2]> {
    match list {
        [only] if rank == 1 => Ok([1, *only]),
        [height, width] if rank == 2 => Ok([*height, *width]),
        _ => Err(wrong_length(name, rank, list.len())),
    }
}

fn wrong_length(name: &str, wanted: usize, found: usize) -> Error {
    Error::new(Kind::Malformed, format!("{name} needs {wanted} entries here, not {found}"))
}

impl Network {
    /// The place of a node, for messages.
    pub fn place(&self, node: &Node) -> Place {
        Place::Node { path: self.source.clone(), node: format!("{:?} ({})", node.name, node.kind) }
    }
}
