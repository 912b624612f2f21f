//! com.microsoft's fused operators, read as the operators that they fuse, and those with channels last: what ONNX Runtime's
//! own optimiser leaves.
//!
//! The product of codes, or else the first node, keeps the name; those behind it are called after it.

use super::attributes::Attributes;
use super::operator::{conv, gemm};
use super::proto::NodeProto;
use super::{Builder, kind};
use crate::error::{Error, Kind, Result};
use crate::network::{Clamp, DType, Gemm, Layout, Node, Normalization, Operator, Unary};

/// Nodes one behind the other.
struct Steps<'b, 'a> {
    builder: &'b mut Builder<'a>,
    name: String,
    /// The operator that the file names.
    whole: String,
    nodes: Vec<Node>,
    /// The name is that of the product of codes among them, wherever it stands.
    is_integer: bool,
}

/// How a fused operator is read.
type Expand = fn(&mut Steps, &Attributes, Inputs) -> Result<()>;

/// Its inputs and outputs.
#[derive(Clone)]
struct Inputs {
    inputs: Vec<Option<String>>,
    outputs: Vec<Option<String>>,
}

const FUSED: [(&str, Expand); 17] = [
    ("BiasGelu", |steps, _, at| {
        let sum = steps.sum(&at, 0, 1)?;
        steps.last(&at, "Gelu", Operator::Unary(Unary::Gelu { tanh: false }), vec![sum])
    }),
    ("DynamicQuantizeMatMul", |steps, _, at| {
        let [codes, scale, zero] = steps.dynamic_codes(at.needed(0)?);
        let operands = Operands {
            codes: [codes, at.needed(1)?],
            scales: [scale, at.needed(2)?],
            zeros: [Some(zero), at.get(3)],
        };
        steps.integer_product(&at, operands, at.get(4))
    }),
    ("FastGelu", |steps, _, at| {
        let sum = if at.get(1).is_some() { steps.sum(&at, 0, 1)? } else { at.needed(0)? };
        steps.last(&at, "Gelu", Operator::Unary(Unary::Gelu { tanh: true }), vec![sum])
    }),
    ("FusedConv", |steps, a, at| {
        let (activation, conv) = (activation(a)?, conv(a)?);
        let layer = vec![Some(at.needed(0)?), Some(at.needed(1)?), at.get(2)];
        let mut y = steps.step("FusedConv", Operator::Conv(conv), layer);
        if let Some(z) = at.get(3) {
            y = steps.step("Add", Operator::Add, vec![Some(y), Some(z)]);
        }
        let (kind, operator) = activation;
        steps.last(&at, kind, operator, vec![y])
    }),
    ("FusedGemm", |steps, a, at| {
        let (activation, gemm) = (activation(a)?, gemm(a)?);
        let layer = vec![Some(at.needed(0)?), Some(at.needed(1)?), at.get(2)];
        let y = steps.step("FusedGemm", Operator::Gemm(gemm), layer);
        let (kind, operator) = activation;
        steps.last(&at, kind, operator, vec![y])
    }),
    ("MatMulIntegerToFloat", |steps, _, at| {
        let operands = Operands {
            codes: [at.needed(0)?, at.needed(1)?],
            scales: [at.needed(2)?, at.needed(3)?],
            zeros: [at.get(4), at.get(5)],
        };
        steps.integer_product(&at, operands, at.get(6))
    }),
    ("NhwcMaxPool", |steps, a, at| {
        a.only("storage_order", 0)?;
        let sliding = a.sliding()?;
        steps.images(&at, "MaxPool", Operator::MaxPool(sliding), axes(a), true)
    }),
    ("QGemm", |steps, a, at| quantised_gemm(steps, a, at)),
    ("QLinearAveragePool", |steps, a, at| {
        let (last, count_padding) = (a.flag("channels_last")?, a.flag("count_include_pad")?);
        let pool = Operator::QLinearAveragePool { count_padding, sliding: a.sliding()? };
        steps.images(&at, "QLinearAveragePool", pool, axes(a), last)
    }),
    ("QLinearConv", |steps, a, at| {
        let (last, conv) = (a.flag("channels_last")?, conv(a)?);
        let operator = Operator::QLinearConv { conv, clamp: Clamp::NONE };
        steps.images(&at, "QLinearConv", operator, axes(a), last)
    }),
    ("QLinearGlobalAveragePool", |steps, a, at| {
        let last = a.flag("channels_last")?;
        steps.images(&at, "QLinearGlobalAveragePool", Operator::QLinearGlobalAveragePool, 2, last)
    }),
    ("QLinearWhere", |steps, _, at| {
        // Codes of both sides by tables of their real numbers at the output's scale.
        let [x, y] = [1, 4].map(|first| vec![at.get(first), at.get(first + 1), at.get(first + 2)]);
        let dequantize = || Operator::DequantizeLinear { axis: 0, block: 0 };
        let x = steps.step("DequantizeLinear", dequantize(), x);
        let y = steps.step("DequantizeLinear", dequantize(), y);
        let chosen = vec![Some(at.needed(0)?), Some(x), Some(y)];
        let chosen = steps.step("Where", Operator::Layout(Layout::Where), chosen);
        let quantize = Operator::QuantizeLinear { axis: 0, dtype: None, block: 0 };
        steps.last(&at, "QuantizeLinear", quantize, vec![chosen, at.needed(7)?, at.needed(8)?])
    }),
    ("QuickGelu", |steps, a, at| {
        let alpha = a.float("alpha")?.unwrap_or(1.702);
        steps.last(&at, "QuickGelu", Operator::Unary(Unary::QuickGelu { alpha }), vec![at.needed(0)?])
    }),
    ("SkipLayerNormalization", |steps, a, at| {
        let mut inputs = vec![steps.skipped(&at, 4)?, at.needed(2)?];
        inputs.extend(at.get(3));
        let epsilon = a.float("epsilon")?.unwrap_or(1e-12);
        let layer = Operator::Normalize(Normalization::OnePass { epsilon, simplified: false });
        steps.last(&at, "LayerNormalization", layer, inputs)
    }),
    ("SkipSimplifiedLayerNormalization", |steps, a, at| {
        let inputs = vec![steps.skipped(&at, 3)?, at.needed(2)?];
        let epsilon = a.float("epsilon")?.unwrap_or(1e-12);
        let layer = Operator::Normalize(Normalization::OnePass { epsilon, simplified: true });
        steps.last(&at, "LayerNormalization", layer, inputs)
    }),
    ("TransposeMatMul", |steps, a, at| fused_product(steps, a, at)),
    ("FusedMatMul", |steps, a, at| fused_product(steps, a, at)),
];

/// Codes of both sides of a product, and what they stand for.
struct Operands {
    codes: [String; 2],
    scales: [String; 2],
    zeros: [Option<String>; 2],
}

fn fused_product(steps: &mut Steps, a: &Attributes, at: Inputs) -> Result<()> {
    a.only("transBatchA", 0)?;
    a.only("transBatchB", 0)?;
    let transposed = [a.flag("transA")?, a.flag("transB")?];
    let alpha = a.float("alpha")?.unwrap_or(1.0);
    let operator = match (transposed, alpha == 1.0) {
        ([false, false], true) => Operator::MatMul,
        _ => Operator::FusedMatMul { alpha, transposed },
    };
    steps.last(&at, "FusedMatMul", operator, vec![at.needed(0)?, at.needed(1)?])
}

/// QGemm; without a scale of the output it answers real numbers.
fn quantised_gemm(steps: &mut Steps, a: &Attributes, at: Inputs) -> Result<()> {
    let mut at = at;
    let gemm = Gemm { beta: 1.0, transpose_a: false, ..gemm(a)? };
    let turned = || Operator::Transpose { perm: Some(vec![1, 0]) };
    steps.is_integer = true;
    if a.flag("transA")? {
        at.inputs[0] = Some(steps.step("Transpose", turned(), vec![Some(at.needed(0)?)]));
    }
    if at.get(7).is_some() {
        steps.push("QGemm", Operator::QGemm { gemm, clamp: Clamp::NONE }, at.inputs, at.outputs);
        return Ok(());
    }
    if gemm.alpha != 1.0 {
        let message =
            format!("attribute alpha = {} without a scale of the output is not supported", gemm.alpha);
        return Err(Error::new(Kind::Unsupported, message).help("supported: 1"));
    }
    let weights = match gemm.transpose_b {
        true => steps.step("Transpose", turned(), vec![Some(at.needed(3)?)]),
        false => at.needed(3)?,
    };
    let operands = vec![Some(at.needed(0)?), Some(weights), at.get(2), at.get(5)];
    let mut sums = steps.step("MatMulInteger", Operator::MatMulInteger, operands);
    if let Some(bias) = at.get(6) {
        sums = steps.step("Add", Operator::Add, vec![Some(sums), Some(bias)]);
    }
    let real = steps.step("Cast", Operator::Cast { to: DType::F32 }, vec![Some(sums)]);
    let scale = steps.step("Mul", Operator::Mul, vec![Some(at.needed(1)?), Some(at.needed(4)?)]);
    steps.last(&at, "Mul", Operator::Mul, vec![real, scale])
}

/// Along how many axes a window lies; of two where none is named.
fn axes(a: &Attributes) -> i64 {
    a.ints("kernel_shape").and_then(|kernel| i64::try_from(kernel.len()).ok()).unwrap_or(2)
}

/// The activation of FusedConv and FusedGemm.
fn activation(a: &Attributes) -> Result<(&'static str, Operator)> {
    let name = a.text("activation")?.unwrap_or("");
    let listed = a.floats("activation_params").unwrap_or_default();
    let own = [a.float("activation_alpha")?, a.float("activation_beta")?];
    a.float("activation_gamma")?;
    let parameter = |index: usize, default: f32| {
        listed.get(index).copied().or(own.get(index).copied().flatten()).unwrap_or(default)
    };
    Ok(match name {
        "" => ("Identity", Operator::Identity),
        "Relu" => ("Relu", Operator::Relu),
        "Tanh" => ("Tanh", Operator::Unary(Unary::Tanh)),
        "Sigmoid" => ("Sigmoid", Operator::Unary(Unary::Sigmoid)),
        "LeakyRelu" => ("LeakyRelu", Operator::Unary(Unary::LeakyRelu { alpha: parameter(0, 0.01) })),
        "Clip" => {
            let (low, high) = (parameter(0, f32::MIN), parameter(1, f32::MAX));
            ("Clip", Operator::Clip { low: Some(low), high: Some(high) })
        }
        "HardSigmoid" => {
            let (alpha, beta) = (parameter(0, 0.2), parameter(1, 0.5));
            ("HardSigmoid", Operator::Unary(Unary::HardSigmoid { alpha, beta }))
        }
        other => {
            let message = format!("attribute activation = {other:?} is not supported");
            let supported = "Relu, Tanh, Sigmoid, LeakyRelu, Clip, HardSigmoid";
            return Err(Error::new(Kind::Unsupported, message).help(format!("supported: {supported}")));
        }
    })
}

/// Names of the fused operators.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUSED.iter().map(|(name, _)| *name)
}

impl Inputs {
    fn get(&self, index: usize) -> Option<String> {
        self.inputs.get(index).cloned().flatten()
    }

    fn needed(&self, index: usize) -> Result<String> {
        self.get(index).ok_or_else(|| Error::new(Kind::Malformed, format!("input {index} is missing")))
    }
}

impl Steps<'_, '_> {
    fn push(
        &mut self,
        kind: &str,
        operator: Operator,
        inputs: Vec<Option<String>>,
        outputs: Vec<Option<String>>,
    ) {
        let is_main = operator.is_integer_mac() || (self.nodes.is_empty() && !self.is_integer);
        let name = match is_main {
            true => self.name.clone(),
            false => self.builder.free_name(format!("{}_{kind}", self.name)),
        };
        let kind = if is_main { self.whole.clone() } else { kind.to_owned() };
        self.nodes.push(Node { name, kind, operator, inputs, outputs, stands_for: None });
    }

    /// A node whose output others of the steps read.
    fn step(&mut self, kind: &str, operator: Operator, inputs: Vec<Option<String>>) -> String {
        let output = self.builder.tensors.take(&format!("{}_{kind}", self.name));
        self.push(kind, operator, inputs, vec![Some(output.clone())]);
        output
    }

    /// Codes, scale and zero point of what is quantised as it comes.
    fn dynamic_codes(&mut self, x: String) -> [String; 3] {
        self.is_integer = true;
        let outputs = ["codes", "scale", "zero"]
            .map(|what| self.builder.tensors.take(&format!("{}_{what}", self.name)));
        let written = outputs.iter().cloned().map(Some).collect();
        self.push("DynamicQuantizeLinear", Operator::DynamicQuantizeLinear, vec![Some(x)], written);
        outputs
    }

    /// MatMulInteger, times both scales, plus a bias.
    fn integer_product(&mut self, at: &Inputs, operands: Operands, bias: Option<String>) -> Result<()> {
        self.is_integer = true;
        let ([a, b], [a_scale, b_scale], [a_zero, b_zero]) =
            (operands.codes, operands.scales, operands.zeros);
        let inputs = vec![Some(a), Some(b), a_zero, b_zero];
        let sums = self.step("MatMulInteger", Operator::MatMulInteger, inputs);
        let real = self.step("Cast", Operator::Cast { to: DType::F32 }, vec![Some(sums)]);
        let scale = self.step("Mul", Operator::Mul, vec![Some(a_scale), Some(b_scale)]);
        match bias {
            None => self.last(at, "Mul", Operator::Mul, vec![real, scale]),
            Some(bias) => {
                let real = self.step("Mul", Operator::Mul, vec![Some(real), Some(scale)]);
                self.last(at, "Add", Operator::Add, vec![real, bias])
            }
        }
    }

    /// The sum of a layer and what skips it, with the bias, input `bias`; output 3 is the sum itself.
    fn skipped(&mut self, at: &Inputs, bias: usize) -> Result<String> {
        if at.outputs.iter().skip(1).take(2).any(Option::is_some) {
            return Err(Error::new(Kind::Unsupported, "its mean and deviation as outputs are not supported"));
        }
        let mut sum = self.sum(at, 0, 1)?;
        if let Some(bias) = at.get(bias) {
            sum = self.step("Add", Operator::Add, vec![Some(sum), Some(bias)]);
        }
        if let Some(output) = at.outputs.get(3).cloned().flatten() {
            self.push("Identity", Operator::Identity, vec![Some(sum.clone())], vec![Some(output)]);
        }
        Ok(sum)
    }

    fn sum(&mut self, at: &Inputs, first: usize, second: usize) -> Result<String> {
        let parts = vec![Some(at.needed(first)?), Some(at.needed(second)?)];
        Ok(self.step("Add", Operator::Add, parts))
    }

    /// An operator on images of `axes` axes, which may have their channels last: then they are brought to the front and back.
    fn images(&mut self, at: &Inputs, kind: &str, operator: Operator, axes: i64, last: bool) -> Result<()> {
        let first: Vec<i64> = [0, axes + 1].into_iter().chain(1..=axes).collect();
        let back: Vec<i64> = [0].into_iter().chain(2..=axes + 1).chain([1]).collect();
        let mut inputs = at.inputs.clone();
        if !last {
            self.push(kind, operator, inputs, at.outputs.clone());
            return Ok(());
        }
        self.is_integer = operator.is_integer_mac();
        let x = vec![Some(at.needed(0)?)];
        inputs[0] = Some(self.step("Transpose", Operator::Transpose { perm: Some(first) }, x));
        let y = self.step(kind, operator, inputs);
        self.last(at, "Transpose", Operator::Transpose { perm: Some(back) }, vec![y])
    }

    /// The node that writes the first output.
    fn last(&mut self, at: &Inputs, kind: &str, operator: Operator, inputs: Vec<String>) -> Result<()> {
        let outputs = at.outputs.iter().take(1).cloned().collect();
        self.push(kind, operator, inputs.into_iter().map(Some).collect(), outputs);
        Ok(())
    }
}

impl Builder<'_> {
    /// The nodes that a fused operator stands for; none for any other.
    pub(super) fn expanded(&mut self, name: &str, proto: &NodeProto) -> Result<Option<Vec<Node>>> {
        let whole = kind(proto);
        let fused = whole.strip_prefix("com.microsoft.");
        let entry = FUSED.iter().find(|(own, _)| Some(*own) == fused);
        let Some((_, expand)) = entry else { return Ok(None) };
        let [inputs, outputs] = [&proto.input, &proto.output].map(|list| self.names(list));
        let attributes = Attributes::new(proto);
        let mut steps =
            Steps { builder: self, name: name.to_owned(), whole, nodes: Vec::new(), is_integer: false };
        expand(&mut steps, &attributes, Inputs { inputs, outputs })?;
        let nodes = steps.nodes;
        attributes.finish()?;
        Ok(Some(nodes))
    }
}
