//! Who writes and who reads every tensor, and which codes stand behind it: found in one pass, then looked up.
//!
//! Passes over a network ask this of every node. Looking through the nodes each time would make them quadratic.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use super::trace::Dequantized;
use super::{DType, Network, Node, Operator};

/// An index of a network, which it borrows: a network that has changed needs a new one.
///
/// It is built in evaluation order, so that what stands in front of a node is known when the node is met.
pub(crate) struct Wires<'a> {
    network: &'a Network,
    writers: BTreeMap<&'a str, usize>,
    readers: BTreeMap<&'a str, Vec<usize>>,
    answers: BTreeSet<&'a str>,
    /// By node.
    sources: Vec<Option<Source>>,
    types: BTreeMap<&'a str, DType>,
    /// Integer layers that write no tensor, by the name of the float layer beside them.
    beside: BTreeMap<&'a str, usize>,
    /// Built when the first name is asked for.
    names: Mutex<Option<FreeNames>>,
}

/// The DequantizeLinear whose elements a node writes, and the first of the moves of data between.
#[derive(Clone, Copy)]
struct Source {
    dequantize: usize,
    first_move: Option<usize>,
}

impl Deref for Wires<'_> {
    type Target = Network;

    fn deref(&self) -> &Network {
        self.network
    }
}

impl Network {
    /// Indices of the nodes that read each tensor, each once, in evaluation order.
    pub(crate) fn readers(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut all: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for name in node.inputs.iter().flatten() {
                let readers = all.entry(name).or_default();
                // A node may read a tensor twice.
                if readers.last() != Some(&index) {
                    readers.push(index);
                }
            }
        }
        all
    }

    /// The index of its tensors.
    pub(crate) fn wires(&self) -> Wires<'_> {
        Wires::new(self)
    }
}

impl<'a> Wires<'a> {
    fn new(network: &'a Network) -> Wires<'a> {
        let mut wires = Wires {
            network,
            writers: BTreeMap::new(),
            readers: network.readers(),
            answers: network.outputs.iter().map(String::as_str).collect(),
            sources: Vec::with_capacity(network.nodes.len()),
            types: network.inputs.iter().map(|input| (input.name.as_str(), input.dtype)).collect(),
            beside: BTreeMap::new(),
            names: Mutex::new(None),
        };
        for (index, node) in network.nodes.iter().enumerate() {
            wires.add(index, node);
        }
        wires
    }

    fn add(&mut self, index: usize, node: &'a Node) {
        let dtype = node.code_type(&|input| self.code_type(node.input(input)?));
        let source = self.source_of(index, node);
        self.sources.push(source);
        for name in node.outputs.iter().flatten() {
            self.writers.entry(name).or_insert(index);
            if let Some(dtype) = dtype {
                self.types.entry(name).or_insert(dtype);
            }
        }
        if node.outputs.is_empty() && node.operator.is_integer_mac() {
            self.beside.entry(&node.name).or_insert(index);
        }
    }

    fn source_of(&self, index: usize, node: &Node) -> Option<Source> {
        if matches!(node.operator, Operator::DequantizeLinear { .. }) {
            let is_whole = node.input(0).is_some() && node.input(1).is_some();
            return is_whole.then_some(Source { dequantize: index, first_move: None });
        }
        if !node.operator.moves_data() {
            return None;
        }
        let before = self.sources[self.writer(node.input(0)?)?]?;
        Some(Source { first_move: before.first_move.or(Some(index)), ..before })
    }

    /// Index of the node that writes the tensor `name`.
    pub(crate) fn writer(&self, name: &str) -> Option<usize> {
        self.writers.get(name).copied()
    }

    /// Indices of the nodes that read the tensor `name`, each once, in evaluation order.
    pub(crate) fn readers(&self, name: &str) -> &[usize] {
        self.readers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the tensor `name` is one of the network's outputs.
    pub(crate) fn is_answer(&self, name: &str) -> bool {
        self.answers.contains(name)
    }

    /// The integer layer that stands beside the float layer of that name, writing no tensor.
    pub(crate) fn beside(&self, name: &str) -> Option<&'a Node> {
        self.beside.get(name).map(|index| &self.network.nodes[*index])
    }

    /// Element type of a tensor of codes, where constants, the network's inputs or quantising nodes say it.
    pub(crate) fn code_type(&self, name: &str) -> Option<DType> {
        let constant = self.network.constants.get(name).map(super::Tensor::dtype);
        constant.or_else(|| self.types.get(name).copied())
    }

    /// What `name` stands for, when nothing but moves of data lies between it and a DequantizeLinear.
    pub(crate) fn traced(&self, name: &str) -> Option<Dequantized> {
        let last = self.writer(name)?;
        let Source { dequantize, first_move } = self.sources[last]?;
        let node = &self.network.nodes[dequantize];
        let Operator::DequantizeLinear { axis, block } = node.operator else { return None };
        let input = |position: usize| node.input(position).map(str::to_owned);
        let moves = first_move.map(|first| [first, last]);
        Some(Dequantized { codes: input(0)?, scale: input(1)?, zero: input(2), axis, block, moves })
    }

    /// A name that no tensor of the network has, nor any that was asked for before: `wanted`, or `wanted` with a number.
    pub(crate) fn free_tensor_name(&self, wanted: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get_or_insert_with(|| FreeNames::of(self.network)).take(wanted)
    }
}

/// Names of tensors that are taken, and the number to try next behind each that was wanted.
pub(crate) struct FreeNames {
    taken: BTreeSet<String>,
    next: BTreeMap<String, usize>,
}

impl FreeNames {
    /// Taken are those of every tensor that is there.
    pub(crate) fn of(network: &Network) -> FreeNames {
        let fed = network.inputs.iter().map(|input| &input.name);
        let mut taken: BTreeSet<String> = network.constants.keys().chain(fed).cloned().collect();
        let mut around = vec![&network.nodes];
        while let Some(nodes) = around.pop() {
            for node in nodes {
                taken.extend(node.outputs.iter().flatten().cloned());
                around.extend(node.bodies().map(|body| &body.nodes));
            }
        }
        FreeNames { taken, next: BTreeMap::new() }
    }

    /// Those are taken.
    pub(crate) fn behind(taken: BTreeSet<String>) -> FreeNames {
        FreeNames { taken, next: BTreeMap::new() }
    }

    /// `wanted`, or `wanted` with a number: taken from now on.
    pub(crate) fn take(&mut self, wanted: &str) -> String {
        let next = self.next.entry(wanted.to_owned()).or_insert(1);
        loop {
            let name = if *next == 1 { wanted.to_owned() } else { format!("{wanted}_{next}") };
            *next += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}
