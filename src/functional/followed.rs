//! Float layers that codes feed, with the integer sum of their products beside them: see `network::Products`.

use std::collections::BTreeMap;

use super::constants::{constant_shape, constant_value, folded, most_elements_made};
use crate::network::{Moves, Network, Node, Operator, Products, Tensor, Wires};
use crate::post::onnx::bias_code;

/// The same network and, in front of every float layer whose products have an integer sum, a ConvInteger or
/// MatMulInteger of the same name, which nobody reads. A constant bias is rounded to x.scale · w.scale, ties to even,
/// as a quantiser would have made it, and is what the sum starts from.
pub fn followed(mut network: Network) -> Network {
    let wires = network.wires();
    let mut beside = Beside::new(&wires);
    let mut sums = Vec::new();
    for (index, node) in network.nodes.iter().enumerate() {
        // Where the integer layer itself stands beside, there is nothing to follow.
        if node.operator.is_float_mac()
            && wires.beside(&node.name).is_none()
            && let Ok(products) = wires.products(index)
            && let Some(nodes) = beside.sum(node, &products)
        {
            sums.push((index, nodes));
        }
    }
    let biases = beside.biases;
    network.constants.extend(biases);
    let mut sums = sums.into_iter().peekable();
    let mut nodes = Vec::with_capacity(network.nodes.len() + sums.len());
    for (index, node) in network.nodes.into_iter().enumerate() {
        nodes.extend(sums.next_if(|(at, _)| *at == index).into_iter().flat_map(|(_, sum)| sum));
        nodes.push(node);
    }
    network.nodes = nodes;
    folded(network).0
}

/// What stands beside the float layers. Layers that read the same codes behind the same moves share them.
struct Beside<'a> {
    wires: &'a Wires<'a>,
    moves: Moves<'a>,
    /// The transposed tensor, by that of codes.
    transposed: BTreeMap<String, String>,
    biases: Vec<(String, Tensor)>,
    /// Elements that the biases may still have.
    left: usize,
}

impl<'a> Beside<'a> {
    fn new(wires: &'a Wires<'a>) -> Beside<'a> {
        let transposed = BTreeMap::new();
        Beside { wires, moves: Moves::new(wires), transposed, biases: Vec::new(), left: most_elements_made() }
    }

    /// The sum itself, behind the moves of its operands' codes; none when there is no room for another bias.
    fn sum(&mut self, float: &Node, products: &Products) -> Option<Vec<Node>> {
        let mut bias = None;
        if let Some(channels) = bias_channels(self.wires, float, products) {
            self.left = self.left.checked_sub(channels)?;
            bias = rounded_bias(self.wires, float, products, channels).map(|rounded| {
                let name = self.wires.free_tensor_name(&format!("{}_bias", float.name));
                self.biases.push((name.clone(), rounded));
                name
            });
        }
        let mut nodes = Vec::new();
        let operands = [(&products.x, products.transposed[0]), (&products.w, products.transposed[1])];
        let [x, w] = operands.map(|(operand, is_transposed)| {
            let mut moved = Vec::new();
            let codes = self.moves.codes(operand, &mut moved);
            nodes.extend(moved.into_iter().map(|(_, node)| node));
            if is_transposed { self.transposed(&float.name, codes, &mut nodes) } else { codes }
        });
        let mut inputs = vec![Some(x), Some(w), products.x.zero.clone(), products.w.zero.clone()];
        inputs.extend(bias.map(Some));
        let operator = match &products.conv {
            Some(conv) => Operator::ConvInteger(conv.clone()),
            None => Operator::MatMulInteger,
        };
        nodes.push(Node { operator, inputs, outputs: Vec::new(), ..float.clone() });
        Some(nodes)
    }

    /// Codes, transposed as Gemm asks for.
    fn transposed(&mut self, layer: &str, codes: String, nodes: &mut Vec<Node>) -> String {
        if let Some(transposed) = self.transposed.get(&codes) {
            return transposed.clone();
        }
        let written = self.wires.free_tensor_name(&format!("{codes}_transposed"));
        nodes.push(Node {
            name: format!("{layer} transposed"),
            kind: "Transpose".to_owned(),
            operator: Operator::Transpose { perm: None },
            inputs: vec![Some(codes.clone())],
            outputs: vec![Some(written.clone())],
            stands_for: None,
        });
        self.transposed.insert(codes, written.clone());
        written
    }
}

/// Output channels, where a constant bias has one number for each or one for all.
fn bias_channels(network: &Wires<'_>, float: &Node, products: &Products) -> Option<usize> {
    let bias = constant_shape(network, float.input(2)?)?;
    let weights = network.constants.get(&products.w.codes)?.shape();
    let channels = match (&products.conv, products.transposed[1]) {
        (Some(_), _) | (None, true) => *weights.first()?,
        (None, false) => *weights.last()?,
    };
    let (across, all) = (bias.last().copied().unwrap_or(1), bias.iter().product::<usize>());
    let fits = products.w.moves.is_none() && across == all && (across == channels || across == 1);
    fits.then_some(channels)
}

/// One int32 per output channel; none for a bias that int32 does not hold.
fn rounded_bias(network: &Wires<'_>, float: &Node, products: &Products, channels: usize) -> Option<Tensor> {
    let Tensor::F32(bias) = constant_value(network, float.input(2)?)? else { return None };
    let (x, w) = (network.floats(&products.x.scale)?, network.floats(&products.w.scale)?);
    let bias: Vec<f32> = bias.iter().copied().collect();
    let of = |list: &[f32], channel: usize| list.get(if list.len() == 1 { 0 } else { channel }).copied();
    let rounded = (0..channels)
        .map(|channel| bias_code(of(&bias, channel)? * products.bias_factor, of(&x, 0)? * of(&w, channel)?));
    let rounded: Vec<i32> = rounded.collect::<Option<_>>()?;
    Some(Tensor::I32(ndarray::Array1::from(rounded).into_dyn()))
}
