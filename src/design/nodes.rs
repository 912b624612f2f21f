//! The nodes at which a value can leave its format, in datapath order.

use super::Design;
use crate::num::Fit;
use crate::post::Step;

/// A node that fits values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Node {
    /// A step of a product, from 0.
    Product(usize),
    /// A level of the reduction of a beat, from 0.
    Reduce(usize),
    /// The bias as it enters the accumulator's register, once per output; only where the accumulator starts from it (R9).
    AccumulatorStart,
    /// The accumulator's register.
    Accumulator,
    /// The clamp behind a `saturate_output` register.
    AccumulatorOutput,
    /// A level of the reduction behind the last beat, from 0.
    After(usize),
    /// A step of sums on their way to the memory, from 0.
    Store(usize),
    /// A step of words that are read again, from 0.
    Load(usize),
    /// The memory of partial sums.
    Memory,
    /// A post step, from 0.
    Post(usize),
}

impl Node {
    /// Whether it fits a part of the sum, or the sum: what it takes away is missing in the accumulator. A post step fits
    /// what is made of the sum, which the network's own arithmetic does too.
    pub fn forms_sum(self) -> bool {
        !matches!(self, Node::Post(_))
    }
}

impl Design {
    /// Every fitting node, with its id.
    pub fn fitting_nodes(&self) -> Vec<(Node, String)> {
        let product = self.product_steps.iter().enumerate();
        let product = product.map(|(i, s)| (Node::Product(i), s.id.clone()));
        let reduce = self.reduce.iter().enumerate().map(|(i, l)| (Node::Reduce(i), l.id.clone()));
        let start = self.accumulator.bias.map(|_| (Node::AccumulatorStart, "accumulator.start".to_string()));
        let output = self.accumulator.output_fit();
        let output = output.map(|_| (Node::AccumulatorOutput, "accumulator.output".to_string()));
        let post = self.post.iter().enumerate().map(|(i, s)| (Node::Post(i), s.id.clone()));
        let accumulator = [(Node::Accumulator, "accumulator".to_string())];
        let store = self.store_steps.iter().enumerate().map(|(i, s)| (Node::Store(i), s.id.clone()));
        let load = self.load_steps.iter().enumerate().map(|(i, s)| (Node::Load(i), s.id.clone()));
        let after = self.after.iter().enumerate().map(|(i, l)| (Node::After(i), l.id.clone()));
        let front = product.chain(reduce).chain(start).chain(accumulator).chain(output).chain(after);
        let memory = self.memory.map(|_| (Node::Memory, "memory".to_string()));
        front.chain(store).chain(load).chain(memory).chain(post).collect()
    }

    /// What values go through at a node; `None` for a post step that is fused with its shift (R8).
    pub fn fit_of(&self, node: Node) -> Option<Fit> {
        match node {
            Node::Product(step) => self.product_steps[step].fit(),
            Node::Reduce(level) => Some(self.reduce[level].fit()),
            Node::AccumulatorStart | Node::Accumulator => Some(self.accumulator.register_fit()),
            Node::AccumulatorOutput => self.accumulator.output_fit(),
            Node::After(level) => Some(self.after[level].fit()),
            Node::Store(step) => self.store_steps[step].fit(),
            Node::Load(step) => self.load_steps[step].fit(),
            Node::Memory => self.memory.map(|memory| memory.fit()),
            Node::Post(step) => self.post[step].fit(),
        }
    }

    /// The step that stands at a node.
    pub fn step_of(&self, node: Node) -> Option<&Step> {
        match node {
            Node::Product(step) => self.product_steps.get(step),
            Node::Store(step) => self.store_steps.get(step),
            Node::Load(step) => self.load_steps.get(step),
            Node::Post(step) => self.post.get(step),
            Node::Reduce(_)
            | Node::AccumulatorStart
            | Node::Accumulator
            | Node::AccumulatorOutput
            | Node::After(_)
            | Node::Memory => None,
        }
    }

    /// Position of a node in [`Design::fitting_nodes`].
    pub fn node_index(&self, node: Node) -> usize {
        let products = self.product_steps.len();
        let levels = products + self.reduce.len();
        let accumulator = levels + usize::from(self.accumulator.bias.is_some());
        let after = accumulator + 1 + usize::from(self.accumulator.output_fit().is_some());
        let behind = after + self.after.len();
        let memory = behind + self.store_steps.len() + self.load_steps.len();
        match node {
            Node::Product(step) => step,
            Node::Reduce(level) => products + level,
            Node::AccumulatorStart => levels,
            Node::Accumulator => accumulator,
            Node::AccumulatorOutput => accumulator + 1,
            Node::After(level) => after + level,
            Node::Store(step) => behind + step,
            Node::Load(step) => behind + self.store_steps.len() + step,
            Node::Memory => memory,
            Node::Post(step) => memory + usize::from(self.memory.is_some()) + step,
        }
    }
}
