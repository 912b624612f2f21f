//! The QDQ form: Conv, MatMul and Gemm between DequantizeLinear and QuantizeLinear are the integer layer they stand for.
//!
//! ```text
//! x ─ DQ ─┐                                         x ─────────┐
//! w ─ DQ ─┼─ Conv ─ (Relu | Clip)* ─ Q ─ y    ─►    w, b, … ───┴─ QLinearConv, clamped ─ y
//! b (─ DQ)┘
//! ```
//!
//! Moves of data between a DequantizeLinear and the layer's input (Reshape, Flatten, Squeeze, Unsqueeze, Transpose) change no
//! element: they are repeated on the codes (`moves`).
//!
//! What multiplies and shifts each channel behind the layer is taken in, too (`affine`).
//!
//! This is what hardware computes. It is not always what the operators say one by one: float32 rounds between them, and a
//! tie may fall the other way. So the layer takes their place ([`Network::fused`]) or stands beside them, read by nobody
//! ([`Network::written`]). A layer that is not exactly of this form stays float32, and `Network::macs` says why.
//!
//! Several QuantizeLinear with the same numbers, one a reader, are one.

use std::collections::BTreeSet;

use super::affine::Affine;
use super::bias::Bias;
use super::moves::Moves;
use super::trace::Dequantized;
use super::wires::Wires;
use super::{Clamp, DType, Network, Node, Operator, Tensor};

/// What a Conv, MatMul or Gemm between DequantizeLinear and QuantizeLinear computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qdq {
    /// One operator after the other in float32, as the model says.
    Written,
    /// The integer layer that they stand for, as hardware does.
    Fused,
}

impl Qdq {
    /// `written` or `fused`, as in arguments and answers.
    pub fn name(self) -> &'static str {
        match self {
            Qdq::Written => "written",
            Qdq::Fused => "fused",
        }
    }
}

impl Network {
    /// This network with its QDQ layers in that form.
    pub fn with_layers(self, qdq: Qdq) -> Network {
        match qdq {
            Qdq::Written => self.written(),
            Qdq::Fused => self.fused(),
        }
    }

    /// Puts beside every fusable Conv, MatMul and Gemm the integer layer that it stands for, under the float node's name,
    /// behind its QuantizeLinear. It writes no tensor, and no node changes.
    pub fn written(mut self) -> Network {
        let mut beside: Vec<(usize, Node)> = Vec::new();
        let wires = self.wires();
        let macs = (0..self.nodes.len()).filter(|index| self.nodes[*index].operator.is_float_mac());
        let fusions: Vec<Fusion> = macs.filter_map(|index| wires.fusion(index).ok()).collect();
        let mut moves = Moves::new(&wires);
        let read: Vec<String> = fusions.iter().map(|fusion| moves.codes(&fusion.x, &mut beside)).collect();
        for (Fusion { mut node, quantize, made, .. }, read) in fusions.into_iter().zip(read) {
            self.constants.extend(made);
            node.inputs[0] = Some(read);
            node.stands_for = std::mem::take(&mut node.outputs).into_iter().next().flatten();
            beside.push((quantize, node));
        }
        beside.sort_by_key(|(quantize, _)| *quantize);
        let mut beside = beside.into_iter().peekable();
        let mut nodes = Vec::with_capacity(self.nodes.len() + beside.len());
        for (index, node) in self.nodes.into_iter().enumerate() {
            nodes.push(node);
            while let Some((_, layer)) = beside.next_if(|(quantize, _)| *quantize == index) {
                nodes.push(layer);
            }
        }
        self.nodes = nodes;
        self
    }

    /// Replaces every fusable Conv, MatMul and Gemm by QLinearConv, QLinearMatMul and QGemm under the float node's
    /// name, and drops the DequantizeLinear nodes that nobody reads any more. No other node changes.
    pub fn fused(mut self) -> Network {
        let wires = self.wires();
        let macs = (0..self.nodes.len()).filter(|index| self.nodes[*index].operator.is_float_mac());
        // No fusion takes anything from another: a node behind one layer has that layer's output as its first input.
        let fusions: Vec<(usize, Fusion)> =
            macs.filter_map(|index| Some((index, wires.fusion(index).ok()?))).collect();
        let mut gone = vec![false; self.nodes.len()];
        let (mut moves, mut moved) = (Moves::new(&wires), Vec::new());
        let read: Vec<String> =
            fusions.iter().map(|(_, fusion)| moves.codes(&fusion.x, &mut moved)).collect();
        for ((index, fusion), read) in fusions.into_iter().zip(read) {
            // The layer moves to where its QuantizeLinear stood, so the order stays an order.
            let Fusion { mut node, quantize, twins, between, made, .. } = fusion;
            node.inputs[0] = Some(read);
            self.constants.extend(made);
            for swallowed in between.into_iter().chain([index]) {
                gone[swallowed] = true;
            }
            for twin in twins {
                let twin = &mut self.nodes[twin];
                twin.operator = Operator::Identity;
                twin.inputs = node.outputs.clone();
            }
            self.nodes[quantize] = node;
        }
        let repeated: BTreeSet<String> =
            moved.iter().filter_map(|(_, node)| node.stands_for.clone()).collect();
        moved.sort_by_key(|(at, _)| *at);
        let mut moved = moved.into_iter().peekable();
        let mut nodes = Vec::with_capacity(self.nodes.len() + moved.len());
        for (index, (node, gone)) in self.nodes.into_iter().zip(gone).enumerate() {
            nodes.extend((!gone).then_some(node));
            nodes.extend(moved.next_if(|(at, _)| *at == index).map(|(_, node)| node));
        }
        self.nodes = nodes;
        self.without_idle(&repeated)
    }

    /// Without the DequantizeLinear nodes, and the moves that write one of `repeated`, that nobody reads.
    fn without_idle(mut self, repeated: &BTreeSet<String>) -> Network {
        let wires = self.wires();
        let mut idle = vec![false; self.nodes.len()];
        // A reader stands behind what it reads.
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let output = node.outputs.first().and_then(Option::as_deref).unwrap_or_default();
            let may = matches!(node.operator, Operator::DequantizeLinear { .. })
                || (node.stands_for.is_none() && repeated.contains(output));
            idle[index] =
                may && !wires.is_answer(output) && wires.readers(output).iter().all(|reader| idle[*reader]);
        }
        let mut idle = idle.into_iter();
        self.nodes.retain(|_| idle.next() == Some(false));
        self
    }
}

impl Wires<'_> {
    /// The integer layer that a float Conv, MatMul or Gemm stands for, or why it stands for none.
    pub(super) fn fusion(&self, index: usize) -> Result<Fusion, String> {
        let node = &self.nodes[index];
        let [x, w] = [self.operand(node, 0)?, self.operand(node, 1)?];
        let (operator, channel_axis) = match &node.operator {
            Operator::Conv(conv) => (Operator::QLinearConv { conv: conv.clone(), clamp: Clamp::NONE }, 0),
            Operator::MatMul => (Operator::QLinearMatMul { clamp: Clamp::NONE }, -1),
            Operator::Gemm(gemm) => {
                let has_bias = node.input(2).is_some();
                if gemm.alpha != 1.0 || gemm.transpose_a || (has_bias && gemm.beta != 1.0) {
                    return Err("its alpha, beta or transA is not that of an integer layer".to_owned());
                }
                let operator = Operator::QGemm { gemm: *gemm, clamp: Clamp::NONE };
                (operator, if gemm.transpose_b { 0 } else { 1 })
            }
            _ => return Err("it is no Conv, MatMul or Gemm".to_owned()),
        };
        if self.constants.get(&x.scale).is_none_or(|scale| scale.len() != 1) {
            return Err("the scale of its input is not one constant number".to_owned());
        }
        if w.block > 0 {
            return Err(in_blocks("its weights have", w.block));
        }
        let one_scale = self.constants.get(&w.scale).is_some_and(|scale| scale.len() == 1);
        if !one_scale && !self.scales_along(&w, channel_axis) {
            return Err("the scales of its weights are not one per output channel".to_owned());
        }
        for (what, operand) in [("its input", &x), ("its weights", &w)] {
            self.are_operand_codes(operand, what)?;
        }
        let Ends { between, clamp, quantize, added, affine } = self.to_quantize(node, &w)?;
        let mut made = Vec::new();
        let mut w = w;
        let bias = match (&affine, node.input(2).or(added.as_deref())) {
            (Some(affine), name) => {
                let (bias, scales) = self.affine_bias(node, [&x, &w], name, affine)?;
                w.scale = self.free_tensor_name(&format!("{}_scales", node.name));
                made.push((w.scale.clone(), scales));
                Some(bias)
            }
            (None, Some(name)) => Some(self.layer_bias(node, [&x, &w], name)?),
            (None, None) => None,
        };
        let bias = bias.map(|bias| match bias {
            Bias::Codes(name) => name,
            Bias::Rounded(codes) => {
                let name = self.free_tensor_name(&format!("{}_bias", node.name));
                made.push((name.clone(), codes));
                name
            }
        });
        let mut ends = self.nodes[quantize].inputs.clone();
        if ends.get(2).is_none_or(Option::is_none) {
            // Without a zero point the codes are of the stated type, uint8 if none is: an integer layer would take its
            // input's.
            let Operator::QuantizeLinear { dtype, .. } = self.nodes[quantize].operator else {
                return Err("no QuantizeLinear behind it".to_owned());
            };
            let dtype = dtype.unwrap_or(DType::U8);
            if dtype.format().is_none_or(|format| format.width() > 16) {
                return Err(format!("it is quantised to {dtype}"));
            }
            let name = self.free_tensor_name(&format!("{}_zero_point", node.name));
            ends.resize(2, None);
            ends.push(Some(name.clone()));
            made.push((name, Tensor::from_codes(ndarray::arr0(0).into_dyn(), dtype)));
        }
        let node = self.assemble(node, operator, clamp, [x.clone(), w], bias, &ends, quantize);
        // Every other reader of what it quantises writes the same.
        let readers = self.nodes[quantize].input(0).map_or(&[][..], |name| self.readers(name));
        let twins = readers.iter().copied().filter(|reader| *reader != quantize).collect();
        Ok(Fusion { node, x, quantize, twins, between, made })
    }

    /// Codes of 8 or 16 bits, scales that are numbers, and a zero point of their type: what an integer layer multiplies.
    pub(super) fn are_operand_codes(&self, operand: &Dequantized, what: &str) -> Result<(), String> {
        if let Some(bad) = self.floats(&operand.scale).and_then(|scales| scales.into_iter().find(is_no_scale))
        {
            return Err(format!("the scale {bad} of {what} is not a positive, finite number"));
        }
        let codes = self.code_type(&operand.codes);
        match codes {
            Some(DType::U4 | DType::I4 | DType::U8 | DType::I8 | DType::U16 | DType::I16) | None => {}
            Some(other) => return Err(format!("the codes of {what} are {other}")),
        }
        let zero = operand.zero.as_ref().and_then(|zero| self.code_type(zero));
        match zero.is_none() || codes.is_none() || zero == codes {
            true => Ok(()),
            false => Err(format!("the zero point of {what} is of another type than its codes")),
        }
    }

    /// Input `position`, which a DequantizeLinear has to write.
    fn operand(&self, node: &Node, position: usize) -> Result<Dequantized, String> {
        let what = if position == 0 { "its input" } else { "its weights" };
        let name = node.input(position).ok_or_else(|| format!("{what} are missing"))?;
        let Some(found) = self.traced(name) else {
            let what = if position == 0 { "its input is" } else { "its weights are" };
            let by = match self.writer(name).map(|writer| &self.nodes[writer]) {
                Some(writer) => format!(", written by {} {:?}", writer.kind, writer.name),
                None => String::new(),
            };
            return Err(format!("{what} float32{by}: no DequantizeLinear in front"));
        };
        match found.moves.map(|[first, _]| &self.nodes[first]).filter(|_| position > 0) {
            None => Ok(found),
            Some(between) => {
                Err(format!("{} {:?} lies between a DequantizeLinear and {what}", between.kind, between.name))
            }
        }
    }

    /// The inputs of the integer operator in its own order.
    #[allow(clippy::too_many_arguments)]
    fn assemble(
        &self,
        float: &Node,
        operator: Operator,
        clamp: Clamp,
        [x, w]: [Dequantized; 2],
        bias: Option<String>,
        ends: &[Option<String>],
        quantize: usize,
    ) -> Node {
        let scale_and_zero = [ends.get(1).cloned().flatten(), ends.get(2).cloned().flatten()];
        let mut inputs = vec![Some(x.codes), Some(x.scale), x.zero, Some(w.codes), Some(w.scale), w.zero];
        let operator = match operator {
            Operator::QLinearConv { conv, .. } => {
                inputs.extend(scale_and_zero);
                inputs.extend(bias.map(Some));
                Operator::QLinearConv { conv, clamp }
            }
            Operator::QGemm { gemm, .. } => {
                inputs.push(bias);
                inputs.extend(scale_and_zero);
                Operator::QGemm { gemm, clamp }
            }
            _ => {
                inputs.extend(scale_and_zero);
                inputs.extend(bias.map(Some));
                Operator::QLinearMatMul { clamp }
            }
        };
        let outputs = self.nodes[quantize].outputs.clone();
        let (name, kind) = (float.name.clone(), float.kind.clone());
        Node { name, kind, operator, inputs, outputs, stands_for: None }
    }

    /// Follows the only reader of `node`, whose weights are `w`, over what is [`Affine`], Relu and Clip to a per-tensor
    /// QuantizeLinear. A MatMul's bias is a constant that an Add right behind it brings.
    fn to_quantize(&self, node: &Node, w: &Dequantized) -> Result<Ends, String> {
        let (mut between, mut clamp, mut added) = (Vec::new(), Clamp::NONE, None);
        let (mut affine, mut is_clamped) = (None, false);
        let none = || "no QuantizeLinear behind it".to_owned();
        let mut output = node.outputs.first().cloned().flatten().ok_or_else(none)?;
        loop {
            if self.is_answer(&output) {
                return Err(format!("{}: {output:?} is an output of the model", none()));
            }
            let reader = match self.readers(&output) {
                [] => return Err(format!("{}: nobody reads {output:?}", none())),
                [first, twins @ ..] if twins.iter().all(|twin| self.writes_the_same(*first, *twin)) => *first,
                many => return Err(format!("{} alone: {} nodes read {output:?}", none(), many.len())),
            };
            let next = &self.nodes[reader];
            let reads_it = next.input(0) == Some(&output);
            match &next.operator {
                Operator::QuantizeLinear { .. } if reads_it => {
                    let number = next.input(1).and_then(|name| self.floats(name));
                    if let Some(bad) = number.and_then(|scales| scales.into_iter().find(is_no_scale)) {
                        let why = "is not a positive, finite number";
                        return Err(format!("the scale {bad} of QuantizeLinear {:?} {why}", next.name));
                    }
                    let scale = next.input(1).and_then(|name| self.constants.get(name));
                    return match scale.is_some_and(|scale| scale.len() == 1) {
                        true => Ok(Ends { between, clamp, quantize: reader, added, affine }),
                        false => Err(format!("QuantizeLinear {:?} has not one constant scale", next.name)),
                    };
                }
                Operator::Add if between.is_empty() && matches!(node.operator, Operator::MatMul) => {
                    let other = next.input(if reads_it { 1 } else { 0 }).unwrap_or_default();
                    if other == output || self.constant_floats(other).is_none() {
                        return Err(format!("{}: Add {:?} brings no constant bias", none(), next.name));
                    }
                    added = Some(other.to_owned());
                }
                Operator::Relu if reads_it => {
                    clamp = clamp.then(0.0, f32::INFINITY);
                    is_clamped = true;
                }
                Operator::Clip { low, high } if reads_it => {
                    let bounds = self.bound(next, 1, *low, f32::NEG_INFINITY);
                    match bounds.zip(self.bound(next, 2, *high, f32::INFINITY)) {
                        Some((low, high)) => {
                            clamp = clamp.then(low, high);
                            is_clamped = true;
                        }
                        None => return Err(format!("the bounds of Clip {:?} are not constant", next.name)),
                    }
                }
                _ => {
                    let reads = || format!("{}: {} {:?} reads it", none(), next.kind, next.name);
                    let step = self.affine(node, w, next, &output, affine).filter(|_| !is_clamped);
                    affine = Some(step.ok_or_else(reads)?);
                }
            }
            between.push(reader);
            output = next.outputs.first().cloned().flatten().ok_or_else(none)?;
        }
    }

    /// Two QuantizeLinear of one tensor that write the same codes: some quantisers give each reader its own.
    fn writes_the_same(&self, one: usize, other: usize) -> bool {
        let [one, other] = [&self.nodes[one], &self.nodes[other]];
        let numbers = |node: &Node| [1, 2].map(|at| node.input(at).map(|name| self.constants.get(name)));
        let same_type = match (&one.operator, &other.operator) {
            (Operator::QuantizeLinear { dtype: a, .. }, Operator::QuantizeLinear { dtype: b, .. }) => a == b,
            _ => false,
        };
        let [a, b] = [numbers(one), numbers(other)];
        let is_constant = !a.contains(&Some(None));
        same_type && is_constant && a == b && one.input(0).is_some() && one.input(0) == other.input(0)
    }

    /// A Clip's bound: an input since opset 11, an attribute before; `None` when it is not constant.
    fn bound(&self, clip: &Node, input: usize, attribute: Option<f32>, absent: f32) -> Option<f32> {
        match clip.inputs.get(input).and_then(Option::as_ref) {
            None => Some(attribute.unwrap_or(absent)),
            Some(name) => match self.constants.get(name) {
                Some(Tensor::F32(value)) if value.len() == 1 => {
                    value.first().copied().filter(|v| !v.is_nan())
                }
                _ => None,
            },
        }
    }
}

/// Why blocks of a tensor's elements make no integer layer.
pub(super) fn in_blocks(what: &str, block: usize) -> String {
    format!("{what} a scale per block of {block}: products of one sum have different scales")
}

fn is_no_scale(scale: &f32) -> bool {
    !(scale.is_finite() && *scale > 0.0)
}

/// The way from a float layer to its QuantizeLinear.
struct Ends {
    /// Relu, Clip and Add nodes on it.
    between: Vec<usize>,
    clamp: Clamp,
    quantize: usize,
    /// The tensor that the Add brings.
    added: Option<String>,
    /// What is done to each output channel on it.
    affine: Option<Affine>,
}

pub(super) struct Fusion {
    /// Its first input are the codes in front of any moves.
    node: Node,
    x: Dequantized,
    /// The QuantizeLinear it replaces, and the Relu and Clip nodes it swallows.
    quantize: usize,
    /// Other QuantizeLinear nodes that write the same codes: they become copies of the layer's output.
    twins: Vec<usize>,
    between: Vec<usize>,
    /// Constants to be put in: a zero point that the QuantizeLinear leaves out, a bias in codes.
    made: Vec<(String, Tensor)>,
}
