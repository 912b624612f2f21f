//! Every multiply-accumulate operator of a network, none left out: which run on integers, and why the others do not.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::{Inside, multiplies};
use super::fuse::in_blocks;
use super::wires::Wires;
use super::{Network, Node, Operator};

/// One operator of the model that multiplies and accumulates, in whatever form it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mac {
    /// The node's name.
    pub name: String,
    /// The operator, as the model spells it.
    pub kind: String,
    /// How its sums are formed.
    pub state: MacState,
    /// Why it is no integer layer; none for one that is.
    pub reason: Option<String>,
}

/// How the sums of a [`Mac`] are formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MacState {
    /// An integer layer: a design can take its place.
    Integer,
    /// It stays float32, but it is fed by dequantised codes: the integer sum of their products is looked at as an
    /// accumulator, and the network's values stay the framework's.
    Products,
    /// It stays float32 although codes feed it, and its products have no integer sum that was looked at.
    FedByIntegers,
    /// It is float32 through and through: no codes feed it.
    Float,
    /// It lies in a body of If, Loop or Scan, or is of a form that goldpath does not know: nothing more is said of it.
    Uncovered,
}

/// Which numbers of an integer layer the network computes: what is proved must hold for all that they can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Computed {
    /// The weight codes.
    pub weights: bool,
    /// The input's zero point.
    pub input_zero_point: bool,
    /// The weights' zero points.
    pub weight_zero_points: bool,
    /// The bias.
    pub bias: bool,
}

impl Operator {
    /// Conv, MatMul and Gemm in float32.
    pub fn is_float_mac(&self) -> bool {
        matches!(self, Operator::Conv(_) | Operator::MatMul | Operator::Gemm(_))
    }

    /// Conv, MatMul and Gemm of codes.
    pub fn is_integer_mac(&self) -> bool {
        matches!(
            self,
            Operator::QLinearConv { .. }
                | Operator::QLinearMatMul { .. }
                | Operator::QGemm { .. }
                | Operator::ConvInteger(_)
                | Operator::MatMulInteger
        )
    }
}

impl Node {
    /// An integer layer that writes no tensor: it stands beside the float layer of its name, to be looked at.
    pub fn is_beside(&self) -> bool {
        self.outputs.is_empty() && self.operator.is_integer_mac()
    }

    /// The integer sums of a float layer of the same name, which nobody reads: see [`Products`](super::Products).
    pub fn is_products(&self) -> bool {
        self.is_beside() && self.stands_for.is_none()
    }
}

impl Mac {
    /// Its sum was to be looked at, and could not be: the design or the input has no place for it.
    pub fn refused(&mut self, why: &str) {
        if self.state == MacState::Products {
            self.state = MacState::FedByIntegers;
            let stays =
                self.reason.as_deref().and_then(|r| r.split("; its integer sum").next()).unwrap_or_default();
            self.reason = Some(format!("{stays}; its integer sum is not looked at: {why}"));
        } else if self.reason.is_none() {
            self.reason = Some(format!("an integer layer that was not looked at: {why}"));
        }
    }
}

impl Network {
    /// Every multiply-accumulate operator, in evaluation order. Of a network that is [`fused`](Network::fused): before
    /// that, no float layer is an integer one yet.
    pub fn macs(&self) -> Vec<Mac> {
        let (wires, mut macs) = (self.wires(), Vec::new());
        for (index, node) in self.nodes.iter().enumerate() {
            if node.operator.is_float_mac() {
                macs.push(wires.float_mac(index));
            } else if node.operator.is_integer_mac() && !node.is_beside() {
                let (name, kind) = (node.name.clone(), node.kind.clone());
                macs.push(Mac { name, kind, state: MacState::Integer, reason: None });
            } else if !node.is_beside() && multiplies(&node.kind) {
                macs.push(wires.other_mac(node));
            }
            for (Inside { name, kind }, around) in node.inside() {
                let reason =
                    Some(format!("not covered: inside the body of {} {:?}", around.kind, around.name));
                macs.push(Mac { name, kind, state: MacState::Uncovered, reason });
            }
        }
        macs
    }

    /// Which numbers of the integer layer `node` are no constants of the model.
    pub fn computed(&self, node: &Node) -> Computed {
        let at =
            |position: usize| node.input(position).is_some_and(|name| !self.constants.contains_key(name));
        match node.operator {
            Operator::ConvInteger(_) | Operator::MatMulInteger => {
                Computed { weights: at(1), input_zero_point: at(2), weight_zero_points: at(3), bias: at(4) }
            }
            Operator::QGemm { .. } => {
                Computed { weights: at(3), input_zero_point: at(2), weight_zero_points: at(5), bias: at(6) }
            }
            _ => Computed { weights: at(3), input_zero_point: at(2), weight_zero_points: at(5), bias: at(8) },
        }
    }

    /// [`Network::computed`] of the integer layer of that name; of many layers, see [`Network::computed_layers`].
    pub fn computed_of(&self, layer: &str) -> Computed {
        self.computed_layers().get(layer).copied().unwrap_or_default()
    }

    /// [`Network::computed`] of every integer layer, by name.
    pub fn computed_layers(&self) -> BTreeMap<&str, Computed> {
        let layers = self.nodes.iter().rev().filter(|node| node.operator.is_integer_mac());
        layers.map(|node| (node.name.as_str(), self.computed(node))).collect()
    }
}

impl Wires<'_> {
    /// An operator that multiplies, and of which there is no integer layer.
    fn other_mac(&self, node: &Node) -> Mac {
        let (name, kind) = (node.name.clone(), node.kind.clone());
        let (state, reason) = match &node.operator {
            Operator::Opaque { reason, .. } => (MacState::Uncovered, format!("not covered: {reason}")),
            Operator::MatMulNBits(of) => {
                let why = in_blocks("its weights have", of.block);
                (MacState::Float, format!("stays float32: {why}"))
            }
            Operator::DynamicQuantizeLstm(_) => {
                let why = "stays float32: its products of codes are summed inside the operator, exactly; they are not \
                           looked at";
                (MacState::FedByIntegers, why.to_owned())
            }
            _ if node.inputs.iter().flatten().any(|input| self.traced(input).is_some()) => {
                let reason = format!("stays float32: {kind} is no integer layer here");
                (MacState::FedByIntegers, reason)
            }
            _ => (MacState::Float, "no DequantizeLinear feeds it: it is float32 in the model".to_owned()),
        };
        Mac { name, kind, state, reason: Some(reason) }
    }

    fn float_mac(&self, index: usize) -> Mac {
        let node = &self.nodes[index];
        let (name, kind) = (node.name.clone(), node.kind.clone());
        if self.beside(&name).is_some_and(|layer| layer.stands_for.is_some()) {
            return Mac { name, kind, state: MacState::Integer, reason: None };
        }
        let fed = (0..2).any(|i| node.input(i).is_some_and(|input| self.traced(input).is_some()));
        if !fed {
            let reason = Some("no DequantizeLinear feeds it: it is float32 in the model".to_owned());
            return Mac { name, kind, state: MacState::Float, reason };
        }
        let why = match self.fusion(index) {
            Err(why) => why,
            Ok(_) => "the network is not fused".to_owned(),
        };
        let (beside, products) = (self.beside(&node.name), self.products(index));
        let (state, sums) = match (beside, &products) {
            (Some(beside), products) => {
                let bias = match (node.input(2), beside.input(4).is_some()) {
                    (None, _) => String::new(),
                    (Some(_), true) => ", from its bias rounded to x.scale · w.scale".to_owned(),
                    (Some(name), false) => {
                        let why = products
                            .as_ref()
                            .ok()
                            .and_then(|found| self.layer_bias(node, [&found.x, &found.w], name).err());
                        let why = why.unwrap_or_else(|| "it is no constant of that scale".to_owned());
                        format!(", without its bias: {why}")
                    }
                };
                let sums = format!("its integer sum of products is looked at{bias}, and changes no value");
                (MacState::Products, sums)
            }
            (None, Ok(_)) => (MacState::FedByIntegers, "its values are the framework's".to_owned()),
            (None, Err(none)) => (MacState::FedByIntegers, format!("no integer sum: {none}")),
        };
        Mac { name, kind, state, reason: Some(format!("stays float32: {why}; {sums}")) }
    }
}

impl Computed {
    /// Whether anything is.
    pub fn any(self) -> bool {
        self != Computed::default()
    }

    /// What is, in words.
    pub fn words(self) -> String {
        let parts = [
            (self.weights, "weights"),
            (self.input_zero_point, "input zero point"),
            (self.weight_zero_points, "weight zero points"),
            (self.bias, "bias"),
        ];
        let named: Vec<&str> = parts.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        named.join(", ")
    }
}

/// How many of a network's MACs an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Multiply-accumulate operators in the network.
    pub macs: usize,
    /// Those that the answer is about.
    pub covered: usize,
    /// Those that integers feed and that the answer is not about: what it says does not hold for the whole network.
    pub not_covered: Vec<String>,
    /// Those that integers feed and that stay float32: overflows in them reach no answer of the network here.
    pub framework_values: Vec<String>,
    /// Those that no integers feed.
    pub float: usize,
    /// Those inside bodies of If, Loop and Scan, and of forms that goldpath does not know: what the answer says does not
    /// hold for them.
    pub uncovered: Vec<String>,
}

/// The first of many names.
fn few(names: &[String]) -> String {
    const NAMED: usize = 4;
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}

impl Coverage {
    /// Of `macs`, those of which `is_covered` holds are what the answer is about.
    pub fn new(macs: &[Mac], is_covered: &dyn Fn(&str) -> bool) -> Coverage {
        let (covered, others): (Vec<&Mac>, Vec<&Mac>) = macs.iter().partition(|mac| is_covered(&mac.name));
        let (float, others): (Vec<&Mac>, Vec<&Mac>) =
            others.into_iter().partition(|mac| mac.state == MacState::Float);
        let (uncovered, missing): (Vec<&Mac>, Vec<&Mac>) =
            others.into_iter().partition(|mac| mac.state == MacState::Uncovered);
        Coverage {
            macs: macs.len(),
            covered: covered.len(),
            framework_values: macs
                .iter()
                .filter(|mac| matches!(mac.state, MacState::Products | MacState::FedByIntegers))
                .map(|mac| mac.name.clone())
                .collect(),
            not_covered: missing.into_iter().map(|mac| mac.name.clone()).collect(),
            float: float.len(),
            uncovered: uncovered.into_iter().map(|mac| mac.name.clone()).collect(),
        }
    }

    /// Whether the answer is about every MAC that integers feed, as far as is known.
    pub fn is_whole(&self) -> bool {
        self.not_covered.is_empty() && self.uncovered.is_empty()
    }

    /// What the answer is about: `network`, or the layers that it covers.
    pub fn subject(&self) -> String {
        if self.is_whole() {
            return "network".to_owned();
        }
        let layers = match self.covered {
            1 => "the layer above".to_owned(),
            covered => format!("the {covered} layers above"),
        };
        let missing = match (self.not_covered.len(), self.uncovered.len()) {
            (0, inside) => format!("{inside} of {} MACs in bodies or unknown forms", self.macs),
            (fed, 0) => format!("{fed} of {} MACs fed by integers and not covered", self.macs),
            (fed, inside) => format!(
                "{fed} of {} MACs fed by integers and not covered, {inside} in bodies or unknown forms",
                self.macs
            ),
        };
        format!("{layers} ({missing})")
    }

    /// Said wherever answers of the network are: which overflows they do not feel; empty when they feel all.
    pub fn not_felt(&self) -> String {
        match self.framework_values.len() {
            0 => String::new(),
            count => format!(
                "The answers do not feel what an accumulator does in {count} of {} MACs, whose values stay the \
                 framework's float32: {}.",
                self.macs,
                few(&self.framework_values)
            ),
        }
    }

    /// Every MAC that is no integer layer of the answer.
    pub fn told<'a>(&self, macs: &'a [Mac]) -> impl Iterator<Item = &'a Mac> + use<'a> {
        let not_covered: BTreeSet<String> = self.not_covered.iter().cloned().collect();
        macs.iter().filter(move |mac| mac.state != MacState::Integer || not_covered.contains(&mac.name))
    }

    /// The counts, and every MAC that is no integer layer of the answer, each with its reason; empty when all are.
    pub fn text(&self, macs: &[Mac]) -> String {
        let told: Vec<&Mac> = self.told(macs).collect();
        if told.is_empty() {
            return String::new();
        }
        let inside = match self.uncovered.len() {
            0 => String::new(),
            count => format!(", {count} in bodies or unknown forms"),
        };
        let mut text = format!(
            "{} MACs: {} covered, {} fed by integers and not covered, {} float32{inside}\n",
            self.macs,
            self.covered,
            self.not_covered.len(),
            self.float
        );
        for mac in told {
            let reason = mac.reason.as_deref().unwrap_or("an integer layer that did not run here");
            text.push_str(&format!("  {} ({}): {reason}\n", mac.name, mac.kind));
        }
        text
    }
}
