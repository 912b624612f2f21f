//! The graph: nodes in evaluation order, constants, and what each operator is told by its attributes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{DType, Padding, Tensor, Window};
use crate::error::{Error, Kind, Place, Result};

/// A network as its file describes it.
#[derive(Debug, Clone)]
pub struct Network {
    /// Where it came from: for messages only.
    pub source: PathBuf,
    /// What it must be fed; initialisers are not inputs.
    pub inputs: Vec<Input>,
    pub outputs: Vec<String>,
    /// Weights, scales, zero points, shapes, by name.
    pub constants: BTreeMap<String, Tensor>,
    /// Every node comes after those it reads from.
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub name: String,
    pub dtype: DType,
    /// `None` where the model names a symbol or nothing; no list at all when the rank is open.
    pub dims: Option<Vec<Option<usize>>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Unique in the network; the model's own name where it gives one.
    pub name: String,
    /// As the model spells it, with its domain unless that is ONNX's own.
    pub kind: String,
    pub operator: Operator,
    /// `None`: an optional input left out.
    pub inputs: Vec<Option<String>>,
    pub outputs: Vec<Option<String>>,
}

/// What a node computes. Names and attributes are those of ONNX and of ONNX Runtime's com.microsoft domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    QuantizeLinear {
        axis: i64,
        dtype: Option<DType>,
    },
    DequantizeLinear {
        axis: i64,
    },
    DynamicQuantizeLinear,
    QLinearConv {
        conv: Conv,
        clamp: Clamp,
    },
    QLinearMatMul {
        clamp: Clamp,
    },
    QGemm {
        gemm: Gemm,
        clamp: Clamp,
    },
    ConvInteger(Conv),
    MatMulInteger,
    Conv(Conv),
    MatMul,
    Gemm(Gemm),
    QLinearAdd,
    QLinearMul,
    QLinearConcat {
        axis: i64,
    },
    QLinearAveragePool {
        sliding: Sliding,
        count_padding: bool,
    },
    QLinearGlobalAveragePool,
    Add,
    Mul,
    Relu,
    Clip {
        low: Option<f32>,
        high: Option<f32>,
    },
    MaxPool(Sliding),
    /// `columns_first`: before opset 19 ONNX Runtime sums a window's columns first; ONNX itself fixes no order.
    AveragePool {
        sliding: Sliding,
        count_padding: bool,
        columns_first: bool,
    },
    GlobalAveragePool,
    Flatten {
        axis: i64,
    },
    Reshape {
        allow_zero: bool,
    },
    Transpose {
        perm: Option<Vec<i64>>,
    },
    Concat {
        axis: i64,
    },
    /// `flatten`: before opset 13, every axis from `axis` on is one row.
    Softmax {
        axis: i64,
        flatten: bool,
    },
    Cast {
        to: DType,
    },
    Identity,
}

/// Real bounds of the Relu or Clip fused into an integer layer; infinite where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clamp {
    pub low: f32,
    pub high: f32,
}

impl Clamp {
    pub const NONE: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// This clamp, and then a Clip to `low..=high`.
    pub fn then(self, low: f32, high: f32) -> Clamp {
        Clamp { low: self.low.max(low).min(high), high: self.high.max(low).min(high) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conv {
    pub groups: usize,
    pub sliding: Sliding,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gemm {
    pub alpha: f32,
    pub beta: f32,
    pub transpose_a: bool,
    pub transpose_b: bool,
}

/// `auto_pad` and `pads`, before the rank is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoPad {
    /// Starts, then ends, of every spatial axis; empty means 0.
    Explicit(Vec<usize>),
    SameUpper,
    SameLower,
}

/// A window's attributes as written: an empty list takes the operator's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sliding {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub padding: AutoPad,
    pub ceil: bool,
}

impl Sliding {
    /// The 2-D window for a tensor with `rank` spatial axes; one axis is taken as a row of height 1.
    ///
    /// `weights` is the kernel's extent where the weights tell it.
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

    /// Indices of the nodes that read the tensor `name`.
    pub fn readers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        let reads = move |node: &Node| node.inputs.iter().flatten().any(|input| input == name);
        self.nodes.iter().enumerate().filter(move |(_, node)| reads(node)).map(|(index, _)| index)
    }

    /// Index of the node that writes the tensor `name`.
    pub fn writer(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.outputs.iter().flatten().any(|output| output == name))
    }
}
