//! How strong vectors are, as plain data: what a manifest and an answer say.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which neighbours of its design a program tells apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// Neighbours of the design: caught, equal, unproved and missed.
    pub neighbours: usize,
    /// Some output is another one, or comes in another cycle.
    pub caught: usize,
    /// No input tells them apart: name and proof.
    pub equal: BTreeMap<String, String>,
    /// Not told apart, though nothing proves that they could not be.
    pub missed: Vec<Missed>,
    /// The missed ones in words, grouped by what never happened.
    pub words: Vec<String>,
    /// What happened at every node, in datapath order.
    pub nodes: Vec<NodeSeen>,
    /// What there is to happen.
    #[serde(default)]
    pub goals: Goals,
}

/// What good vectors make happen: rails, ties and edges at every node, corners of the product, every bit of every parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Goals {
    /// How many did.
    pub reached: usize,
    /// Which did not, though nothing proves that they could not.
    pub open: Vec<String>,
    /// Which no input makes happen: name and proof.
    pub impossible: BTreeMap<String, String>,
}

/// A neighbour that is not told apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missed {
    /// The edit in one line.
    pub name: String,
    /// Its node or part.
    pub node: String,
    /// The key that it edits, or misreads.
    pub key: String,
    /// `value`, `time`, `order` or `parameter`.
    pub class: String,
}

/// What happened at one node, over all outputs and beats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeSeen {
    /// `reduce.0`, `accumulator`, `post.1`, …
    pub node: String,
    /// Values above its format.
    pub high: u64,
    /// Values below it.
    pub low: u64,
    /// Values that passed unchanged.
    pub inside: u64,
    /// Values that were exactly its upper rail.
    pub at_high: u64,
    /// Values that were exactly its lower rail.
    pub at_low: u64,
    /// A clamp's inputs above its upper bound, a table's above its last entry.
    pub clipped_high: u64,
    /// Below its lower bound, or first entry.
    pub clipped_low: u64,
    /// Between both.
    pub unclipped: u64,
    /// An accumulator's outputs whose sum went above its upper rail, and whose exact sum ends inside: wrapping and saturating
    /// part ways.
    #[serde(default)]
    pub returned_high: u64,
    /// Below its lower rail, and back.
    #[serde(default)]
    pub returned_low: u64,
    /// Ties of a rounding step, if it saw any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
    /// A shift's counts, a table's entries, how many thresholds were reached, a branch's arms (0: below 0), and how often each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<u32, u64>,
}

/// Values halfway between two integers, by sign and by the parity of the lower one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ties {
    /// −1.5, −3.5, …: the lower one is even.
    pub negative_even: u64,
    /// −0.5, −2.5, …
    pub negative_odd: u64,
    /// 0.5, 2.5, …
    pub positive_even: u64,
    /// 1.5, 3.5, …
    pub positive_odd: u64,
}

impl NodeSeen {
    /// Nothing yet.
    pub fn new(node: String) -> NodeSeen {
        NodeSeen { node, ..NodeSeen::default() }
    }

    /// Both together.
    pub fn add(&mut self, more: &NodeSeen) {
        let pairs = [
            (&mut self.high, more.high),
            (&mut self.low, more.low),
            (&mut self.inside, more.inside),
            (&mut self.at_high, more.at_high),
            (&mut self.at_low, more.at_low),
            (&mut self.clipped_high, more.clipped_high),
            (&mut self.clipped_low, more.clipped_low),
            (&mut self.unclipped, more.unclipped),
            (&mut self.returned_high, more.returned_high),
            (&mut self.returned_low, more.returned_low),
        ];
        pairs.into_iter().for_each(|(sum, more)| *sum += more);
        if let Some(more) = more.ties {
            let ties = self.ties.get_or_insert_with(Ties::default);
            ties.negative_even += more.negative_even;
            ties.negative_odd += more.negative_odd;
            ties.positive_even += more.positive_even;
            ties.positive_odd += more.positive_odd;
        }
        for (count, times) in &more.counts {
            *self.counts.entry(*count).or_default() += times;
        }
    }
}
