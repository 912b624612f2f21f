//! Moves of data between a DequantizeLinear and a layer, repeated on the codes: they change no element, so that the layer
//! may read its codes behind them.
//!
//! ```text
//! codes ─ DQ ─ Reshape ─ Gemm            codes ─┬─ DQ ─ Reshape ─ Gemm
//!                                               └─ Reshape ─ the integer layer
//! ```

use std::collections::BTreeMap;

use super::Node;
use super::trace::Dequantized;
use super::wires::Wires;

/// Those that were repeated so far. Layers that read the same codes behind the same moves share them.
pub(crate) struct Moves<'a> {
    wires: &'a Wires<'a>,
    /// The tensor of moved codes, by the move that was repeated for it.
    moved: BTreeMap<usize, String>,
}

impl<'a> Moves<'a> {
    pub fn new(wires: &'a Wires<'a>) -> Moves<'a> {
        Moves { wires, moved: BTreeMap::new() }
    }

    /// An operand's codes behind its moves. Those that nothing before needed are put into `nodes`, each with the index of
    /// the node that it repeats, in evaluation order.
    pub fn codes(&mut self, operand: &Dequantized, nodes: &mut Vec<(usize, Node)>) -> String {
        let Some([first, last]) = operand.moves else { return operand.codes.clone() };
        let (mut at, mut needed) = (last, Vec::new());
        let mut codes = loop {
            if let Some(moved) = self.moved.get(&at) {
                break moved.clone();
            }
            needed.push(at);
            let before = self.wires.nodes[at].input(0).and_then(|name| self.wires.writer(name));
            match before.filter(|_| at != first) {
                Some(before) => at = before,
                None => break operand.codes.clone(),
            }
        };
        for at in needed.into_iter().rev() {
            let moved = self.wires.free_tensor_name(&format!("{}_moved", operand.codes));
            let mut node = self.wires.nodes[at].clone();
            node.inputs[0] = Some(std::mem::replace(&mut codes, moved.clone()));
            node.stands_for = node.outputs.first().cloned().flatten();
            node.outputs = vec![Some(moved.clone())];
            nodes.push((at, node));
            self.moved.insert(at, moved);
        }
        codes
    }
}
