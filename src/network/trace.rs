//! Where a float tensor comes from: the codes that a DequantizeLinear makes it of, and the moves of data behind that.

use super::wires::Wires;
use super::{DType, Node, Operator, Tensor};

/// A float tensor that stands for codes: real = scale · (code − zero point).
#[derive(Debug, Clone)]
pub(crate) struct Dequantized {
    /// Names of the three tensors.
    pub codes: String,
    pub scale: String,
    pub zero: Option<String>,
    /// Axis of the scales in `codes`, from the back when negative; of no matter when there is one scale.
    pub axis: i64,
    /// Indices of that axis that share a scale; 0 where there is one for all, or one each.
    pub block: usize,
    /// The first and the last node between the DequantizeLinear and the tensor: each moves elements and changes none.
    pub moves: Option<[usize; 2]>,
}

impl Wires<'_> {
    /// What `name` stands for, when a DequantizeLinear writes it.
    pub(crate) fn dequantized(&self, name: &str) -> Option<Dequantized> {
        self.traced(name).filter(|found| found.moves.is_none())
    }

    /// Its scale is a single number: a constant one, or that of DynamicQuantizeLinear.
    pub(crate) fn per_tensor(&self, tensor: &Dequantized) -> bool {
        match self.constants.get(&tensor.scale) {
            Some(scale) => scale.len() == 1,
            None => self
                .writer(&tensor.scale)
                .is_some_and(|writer| matches!(self.nodes[writer].operator, Operator::DynamicQuantizeLinear)),
        }
    }

    /// Whether the scales of a constant tensor belong to its slices along axis `wanted`, from the back when negative.
    pub(crate) fn scales_along(&self, tensor: &Dequantized, wanted: i64) -> bool {
        let Some(codes) = self.constants.get(&tensor.codes) else { return false };
        let rank = i64::try_from(codes.shape().len()).unwrap_or(i64::MAX);
        let from_front = |axis: i64| if axis < 0 { axis + rank } else { axis };
        tensor.moves.is_none() && tensor.block == 0 && from_front(tensor.axis) == from_front(wanted)
    }

    /// The constant float32 numbers of a tensor.
    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f32>> {
        match self.constants.get(name) {
            Some(Tensor::F32(values)) => Some(values.iter().copied().collect()),
            _ => None,
        }
    }
}

impl Node {
    /// Element type of the codes that it writes, `of` its inputs where these say it.
    pub(super) fn code_type(&self, of: &dyn Fn(usize) -> Option<DType>) -> Option<DType> {
        match &self.operator {
            Operator::QuantizeLinear { dtype, .. } => of(2).or(*dtype).or(Some(DType::U8)),
            Operator::DynamicQuantizeLinear => Some(DType::U8),
            Operator::QLinearConv { .. } | Operator::QLinearMatMul { .. } => of(7).or_else(|| of(0)),
            Operator::QGemm { .. } => of(8).or_else(|| of(0)),
            Operator::QLinearAdd | Operator::QLinearMul => of(7).or_else(|| of(0)),
            Operator::QLinearAveragePool { .. } | Operator::QLinearGlobalAveragePool => {
                of(4).or_else(|| of(0))
            }
            Operator::QLinearConcat { .. } => of(1),
            Operator::QLinearWhere => of(8).or_else(|| of(1)),
            Operator::Cast { to } => Some(*to),
            Operator::Clip { .. } | Operator::Relu | Operator::MaxPool(_) | Operator::Concat { .. } => of(0),
            Operator::Layout(layout) => of(layout.typed_by()?),
            Operator::Lookup(_) | Operator::QLinearSoftmax { .. } | Operator::QLinearReduceMean(_) => {
                of(4).or_else(|| of(0))
            }
            Operator::Reduce(_) | Operator::Resize(_) | Operator::TopK { .. } => of(0),
            moves if moves.moves_data() => of(0),
            _ => None,
        }
    }
}

impl Operator {
    /// Its output holds its first input's elements, none changed, in another order or shape.
    pub(crate) fn moves_data(&self) -> bool {
        match self {
            Operator::Identity
            | Operator::Transpose { .. }
            | Operator::Reshape { .. }
            | Operator::Flatten { .. } => true,
            Operator::Layout(layout) => layout.moves_data(),
            _ => false,
        }
    }
}

impl Node {
    /// The name of an input, unless it is left out.
    pub(crate) fn input(&self, position: usize) -> Option<&str> {
        self.inputs.get(position)?.as_deref()
    }
}
