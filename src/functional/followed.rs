//! Float layers that codes feed, with the integer sum of their products beside them: see `network::Products`.

use std::collections::BTreeSet;

use super::constants::{constant_value, folded};
use crate::network::{Network, Node, Operator, Products, Tensor};
use crate::post::onnx::{Codes, quantize};

/// The same network and, in front of every float layer whose products have an integer sum, a ConvInteger or
/// MatMulInteger of the same name, which nobody reads. A constant bias is rounded to x.scale · w.scale, ties to even,
/// as a quantiser would have made it, and is what the sum starts from.
pub fn followed(mut network: Network) -> Network {
    let mut nodes = Vec::with_capacity(network.nodes.len());
    // Where the integer layer itself stands beside, there is nothing to follow.
    let layers: BTreeSet<String> =
        network.nodes.iter().filter(|n| n.stands_for.is_some()).map(|n| n.name.clone()).collect();
    for index in 0..network.nodes.len() {
        if network.nodes[index].operator.is_float_mac()
            && !layers.contains(&network.nodes[index].name)
            && let Ok(products) = network.products(index)
        {
            nodes.extend(beside(&mut network, index, &products));
        }
        nodes.push(network.nodes[index].clone());
    }
    network.nodes = nodes;
    folded(network).0
}

/// The sum itself, behind the moves of its operands' codes.
fn beside(network: &mut Network, index: usize, products: &Products) -> Vec<Node> {
    let float = network.nodes[index].clone();
    let mut nodes = Vec::new();
    let operands = [&products.x, &products.w].map(|operand| {
        let mut codes = operand.codes.clone();
        for at in &operand.moves {
            let moved = free_name(network, &nodes, &format!("{codes}_moved"));
            let mut node = network.nodes[*at].clone();
            node.inputs[0] = Some(std::mem::replace(&mut codes, moved.clone()));
            node.outputs = vec![Some(moved)];
            nodes.push(node);
        }
        codes
    });
    let mut operands = operands.into_iter();
    let mut operand = |transposed: bool| {
        let codes = operands.next().unwrap_or_default();
        if !transposed {
            return codes;
        }
        let written = free_name(network, &nodes, &format!("{codes}_transposed"));
        nodes.push(Node {
            name: format!("{} transposed", float.name),
            kind: "Transpose".to_owned(),
            operator: Operator::Transpose { perm: None },
            inputs: vec![Some(codes)],
            outputs: vec![Some(written.clone())],
            stands_for: None,
        });
        written
    };
    let [x, w] = products.transposed.map(&mut operand);
    let mut inputs = vec![Some(x), Some(w), products.x.zero.clone(), products.w.zero.clone()];
    if let Some(bias) = rounded_bias(network, &float, products) {
        let name = network.free_tensor_name(&format!("{}_bias", float.name));
        network.constants.insert(name.clone(), bias);
        inputs.push(Some(name));
    }
    let operator = match &products.conv {
        Some(conv) => Operator::ConvInteger(conv.clone()),
        None => Operator::MatMulInteger,
    };
    nodes.push(Node { operator, inputs, outputs: Vec::new(), ..float });
    nodes
}

/// A name that neither the network nor the nodes about to join it use.
fn free_name(network: &Network, nodes: &[Node], wanted: &str) -> String {
    let mut name = network.free_tensor_name(wanted);
    while nodes.iter().any(|node| node.outputs.iter().flatten().any(|output| *output == name)) {
        name = network.free_tensor_name(&format!("{name}_"));
    }
    name
}

/// One int32 per output channel; none for a bias that is computed, or that int32 does not hold.
fn rounded_bias(network: &Network, float: &Node, products: &Products) -> Option<Tensor> {
    let Tensor::F32(bias) = constant_value(network, float.input(2)?)? else { return None };
    let weights = network.constants.get(&products.w.codes)?.shape();
    let channels = match (&products.conv, products.transposed[1]) {
        (Some(_), _) | (None, true) => *weights.first()?,
        (None, false) => *weights.last()?,
    };
    let across = bias.shape().last().copied().unwrap_or(1);
    if !products.w.moves.is_empty() || across != bias.len() || (across != channels && across != 1) {
        return None;
    }
    let (x, w) = (network.floats(&products.x.scale)?, network.floats(&products.w.scale)?);
    let int32 = Codes { zero_point: 0, low: i32::MIN, high: i32::MAX };
    let bias: Vec<f32> = bias.iter().copied().collect();
    let of = |list: &[f32], channel: usize| list.get(if list.len() == 1 { 0 } else { channel }).copied();
    let rounded = (0..channels).map(|channel| {
        let (bias, scale) = (of(&bias, channel)? * products.bias_factor, of(&x, 0)? * of(&w, channel)?);
        let inside = (bias / scale).abs() < 2f32.powi(31);
        inside.then(|| quantize(bias, scale, int32))
    });
    let rounded: Vec<i32> = rounded.collect::<Option<_>>()?;
    Some(Tensor::I32(ndarray::Array1::from(rounded).into_dyn()))
}
