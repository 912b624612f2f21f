//! Integer layers on a made-up input: what holds for every input needs nothing of what lies in front of them.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use super::{is_layer, placed};
use crate::error::{Error, Kind, Result};
use crate::functional::operators::{Call, LayerRule, evaluate};
use crate::limits::element_count;
use crate::network::{Conv, DType, Network, Node, Operator, Tensor};

/// Shows `rule` every integer layer of which `is_wanted` holds, on zeros of the smallest shape in which each of its taps
/// meets an input; and why there is none of a layer.
pub fn probe(
    network: &Network,
    is_wanted: &dyn Fn(&str) -> bool,
    rule: &dyn LayerRule,
) -> Vec<(String, Error)> {
    let wires = network.wires();
    let mut refused = Vec::new();
    for node in network.nodes.iter().filter(|node| is_layer(&node.operator) && is_wanted(&node.name)) {
        let of_zero_point = || network.constants.get(node.input(2)?).map(Tensor::dtype);
        let dtype = node.input(0).and_then(|name| wires.code_type(name)).or_else(of_zero_point);
        if let Err(why) = on_zeros(network, node, dtype, rule) {
            refused.push((node.name.clone(), placed(network, node, why)));
        }
    }
    refused
}

fn on_zeros(network: &Network, node: &Node, dtype: Option<DType>, rule: &dyn LayerRule) -> Result<()> {
    let computed = network.computed(node);
    if computed.weights || computed.bias {
        let message = format!("the network computes its {}, and is not run up to it", computed.words());
        return Err(Error::new(Kind::Unsupported, message));
    }
    let unknown =
        || Error::new(Kind::Unsupported, "of which type its input's codes are is not known before it runs");
    let dtype = dtype.filter(|dtype| dtype.is_integer()).ok_or_else(unknown)?;
    let shape = shape(network, node)?;
    element_count(&shape)?;
    let zeros = match dtype {
        DType::U64 => return Err(Error::new(Kind::Unsupported, "its input's codes are uint64")),
        dtype => Tensor::from_codes(ArrayD::zeros(shape), dtype),
    };
    // A zero point that the network computes is made up, too: whoever looks knows that it may be any.
    let made_up = zero_points(network, node, dtype);
    let constant = |(at, name): (usize, &Option<String>)| match (at, name) {
        (0, _) => Some(&zeros),
        (at, Some(name)) => network.constants.get(name).or_else(|| made_up.get(&at)),
        (_, None) => None,
    };
    let inputs: Vec<Option<&Tensor>> = node.inputs.iter().enumerate().map(constant).collect();
    // An output's scale or zero point that is computed is no constant either.
    if let Some(name) =
        node.inputs.iter().zip(&inputs).find_map(|(name, found)| name.as_ref().filter(|_| found.is_none()))
    {
        let message = format!("the network computes {name:?}, which it reads, and is not run up to it");
        return Err(Error::new(Kind::Unsupported, message));
    }
    evaluate(&Call { node, inputs, rule, constants: &network.constants }).map(drop)
}

/// 0 for each zero point that the network computes, by its place among the node's inputs.
fn zero_points(network: &Network, node: &Node, input: DType) -> BTreeMap<usize, Tensor> {
    let (weights_at, input_zero, weight_zero) = match node.operator {
        Operator::ConvInteger(_) | Operator::MatMulInteger => (1, 2, 3),
        _ => (3, 2, 5),
    };
    let weights = node.input(weights_at).and_then(|name| network.constants.get(name)).map(Tensor::dtype);
    let computed = network.computed(node);
    let zero = |dtype: DType| Tensor::from_codes(ArrayD::zeros(vec![]), dtype);
    let of_input = computed.input_zero_point.then(|| (input_zero, zero(input)));
    let of_weights = weights.filter(|dtype| computed.weight_zero_points && dtype.format().is_some());
    let of_weights = of_weights.map(|dtype| (weight_zero, zero(dtype)));
    of_input.into_iter().chain(of_weights).collect()
}

/// Of the input: one row of a product; of an image, a window's extent and a stride more.
fn shape(network: &Network, node: &Node) -> Result<Vec<usize>> {
    let missing = || Error::new(Kind::Unsupported, "its weights are no constant");
    let at = if matches!(node.operator, Operator::ConvInteger(_) | Operator::MatMulInteger) { 1 } else { 3 };
    let weights = node.input(at).and_then(|name| network.constants.get(name)).ok_or_else(missing)?.shape();
    let wrong = || Error::new(Kind::Value, format!("weights of shape {weights:?} make no product"));
    match &node.operator {
        Operator::QLinearConv { conv, .. } | Operator::ConvInteger(conv) => {
            image(conv, weights).ok_or_else(wrong)
        }
        Operator::QGemm { gemm, .. } if gemm.transpose_b => match weights {
            [_, k] => Ok(vec![1, *k]),
            _ => Err(wrong()),
        },
        _ => match weights {
            [.., k, _] => Ok(vec![1, *k]),
            _ => Err(wrong()),
        },
    }
}

fn image(conv: &Conv, weights: &[usize]) -> Option<Vec<usize>> {
    let [_, channels, kernel @ ..] = weights else { return None };
    let mut shape = vec![1, channels.checked_mul(conv.groups)?];
    for (axis, taps) in kernel.iter().enumerate() {
        let of = |list: &[usize]| list.get(axis).copied().unwrap_or(1).max(1);
        let window = taps.checked_sub(1)?.checked_mul(of(&conv.sliding.dilations))?;
        shape.push(window.checked_add(of(&conv.sliding.strides))?);
    }
    Some(shape)
}
