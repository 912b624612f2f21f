//! Constants are constants: what nodes make of initialisers alone is computed once, by the operators that run.
//!
//! A DequantizeLinear of constants stays, since the codes in front of it are what a layer multiplies. What only moves
//! the elements behind it moves the codes instead, so that weights behind a Transpose or Reshape are known, too:
//!
//! ```text
//! codes ─ DQ ─ Transpose ─ MatMul     ─►     transposed codes ─ DQ ─ MatMul
//! ```
//!
//! Whatever cannot be computed, or would grow, is left for the run, which says what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::operators::{Call, Framework, evaluate};
use crate::limits::max_memory;
use crate::network::{
    FreeNames, Layout, MAX_ELEMENTS, Network, Node, Operator, Tensor, Wires, element_count,
};

/// Elements that the folded tensors of one network may have together: a quarter of the largest tensor, and of 8 bytes
/// each no more than a quarter of the memory.
pub(super) fn most_elements_made() -> usize {
    usize::try_from(max_memory() / 32).map_or(MAX_ELEMENTS / 4, |fitting| fitting.min(MAX_ELEMENTS / 4))
}

/// Elements of the constant that has the shape of an input.
const MOST_SHAPED: usize = 1 << 22;

/// The same network, its constant nodes folded; and the names of the tensors that were folded, in evaluation order.
pub fn folded(mut network: Network) -> (Network, Vec<String>) {
    let mut all = Vec::new();
    loop {
        let (next, names) = folded_once(network);
        network = next;
        all.extend(names);
        // A body that takes the place of its If has constants of its own, and Ifs that these decide.
        if !network.decide() {
            network.settle();
            return (network, all);
        }
    }
}

fn folded_once(mut network: Network) -> (Network, Vec<String>) {
    let (mut names, mut left) = (Vec::new(), most_elements_made());
    let mut free = FreeNames::of(&network);
    let answers: BTreeSet<String> = network.outputs.iter().cloned().collect();
    shapes_of_inputs(&mut network, &mut free);
    let mut kept = Vec::with_capacity(network.nodes.len());
    let written = network.nodes.iter().enumerate();
    let written =
        written.flat_map(|(index, node)| node.outputs.iter().flatten().map(move |o| (o.clone(), index)));
    let writers: BTreeMap<String, usize> = written.collect();
    let right = right_operands(&network);
    for index in 0..network.nodes.len() {
        if network.nodes[index].operator.moves_data()
            && let Some(dequantize) = codes_moved(&mut network, &writers, &mut free, index, &mut left)
        {
            network.nodes[index] = dequantize;
        }
        let node = &network.nodes[index];
        let is_right = node.outputs.iter().flatten().any(|name| right.contains(name));
        let may_fold = !is_right && may_fold(&answers, node);
        let outputs = may_fold.then(|| fold(&network, &writers, node, &mut left)).flatten();
        kept.push(outputs.is_none());
        if let Some(outputs) = outputs {
            let named: Vec<String> = node.outputs.iter().flatten().cloned().collect();
            let written = node.outputs.clone().into_iter().zip(outputs);
            network.constants.extend(written.filter_map(|(name, tensor)| Some((name?, tensor))));
            names.extend(named);
            // From here on it writes nothing: the constant has its name.
            network.nodes[index].outputs.clear();
        }
    }
    let mut kept = kept.into_iter();
    network.nodes.retain(|_| kept.next() == Some(true));
    (network, names)
}

/// The right operands of float32 products: a computed one is added up in another order than an initialiser, so that it
/// must stay computed.
fn right_operands(network: &Network) -> BTreeSet<String> {
    let products =
        network.nodes.iter().filter(|n| matches!(n.operator, Operator::MatMul | Operator::Gemm(_)));
    products.filter_map(|node| node.inputs.get(1).cloned().flatten()).collect()
}

/// A Shape of an input whose extents the model states all is the Shape of a constant: what exported networks compute
/// from it folds, too.
fn shapes_of_inputs(network: &mut Network, free: &mut FreeNames) {
    let dims = |input: &crate::network::Input| {
        let dims = input.dims.clone()?.into_iter().collect::<Option<Vec<usize>>>()?;
        element_count(&dims).is_ok_and(|n| n <= MOST_SHAPED).then(|| (input.name.clone(), dims))
    };
    let stated: BTreeMap<String, Vec<usize>> = network.inputs.iter().filter_map(dims).collect();
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    for index in 0..network.nodes.len() {
        let node = &network.nodes[index];
        let Operator::Layout(Layout::Shape { .. } | Layout::Size) = node.operator else { continue };
        let Some((name, dims)) = node.input(0).and_then(|name| stated.get_key_value(name)) else { continue };
        let like = made.entry(name.clone()).or_insert_with(|| {
            let like = free.take(&format!("{name}_shape"));
            let zeros = ndarray::ArrayD::default(ndarray::IxDyn(dims));
            network.constants.insert(like.clone(), Tensor::Bool(zeros));
            like
        });
        network.nodes[index].inputs[0] = Some(like.clone());
    }
}

/// Neither a layer, nor a DequantizeLinear, nor what the network answers, nor an operator whose result's size is not
/// known beforehand.
fn may_fold(answers: &BTreeSet<String>, node: &Node) -> bool {
    let is_answer = node.outputs.iter().flatten().any(|name| answers.contains(name));
    let is_bounded = matches!(
        node.operator,
        Operator::QuantizeLinear { .. }
            | Operator::DynamicQuantizeLinear
            | Operator::QLinearAdd
            | Operator::QLinearMul
            | Operator::QLinearConcat { .. }
            | Operator::Add
            | Operator::Mul
            | Operator::Relu
            | Operator::Clip { .. }
            | Operator::Concat { .. }
            | Operator::Cast { .. }
            | Operator::Unary(_)
            | Operator::Binary(_)
            | Operator::Variadic(_)
            | Operator::BatchNormalization { .. }
            | Operator::Layout(_)
            | Operator::Reduce(_)
            | Operator::Arg(_)
    );
    !is_answer && (is_bounded || node.operator.moves_data())
}

/// What the node writes, when all it reads is constant.
fn fold(
    network: &Network,
    writers: &BTreeMap<String, usize>,
    node: &Node,
    left: &mut usize,
) -> Option<Vec<Tensor>> {
    let mut values: BTreeMap<&str, Tensor> = BTreeMap::new();
    for name in node.inputs.iter().flatten() {
        if !network.constants.contains_key(name) && !values.contains_key(name.as_str()) {
            values.insert(name, dequantized(network, *writers.get(name)?, left)?);
        }
    }
    let find = |name: &String| values.get(name.as_str()).or_else(|| network.constants.get(name));
    let inputs: Vec<Option<&Tensor>> = node.inputs.iter().map(|name| name.as_ref().and_then(find)).collect();
    let call = Call { node, inputs, rule: &Framework, constants: &network.constants };
    *left = left.checked_sub(most_elements(&call)?)?;
    evaluate(&call).ok()
}

/// How many elements the result has at most.
fn most_elements(call: &Call) -> Option<usize> {
    let (operator, inputs) = (&call.node.operator, &call.inputs);
    let first = inputs.first().copied().flatten()?;
    match operator {
        Operator::Layout(layout) => super::operators::layout::most_elements(call, layout),
        Operator::Variadic(_) => {
            let mut shape = first.shape().to_vec();
            for other in inputs.iter().flatten() {
                shape = super::operators::broadcast_shape(&shape, other.shape()).ok()?;
            }
            element_count(&shape).ok()
        }
        Operator::Concat { .. } | Operator::QLinearConcat { .. } => {
            inputs.iter().flatten().try_fold(0usize, |sum, part| sum.checked_add(part.len()))
        }
        Operator::Add | Operator::Mul | Operator::Binary(_) | Operator::QLinearAdd | Operator::QLinearMul => {
            let quantised = matches!(operator, Operator::QLinearAdd | Operator::QLinearMul);
            let second = inputs.get(if quantised { 3 } else { 1 }).copied().flatten()?;
            let shape = super::operators::broadcast_shape(first.shape(), second.shape()).ok()?;
            element_count(&shape).ok()
        }
        _ => Some(first.len()),
    }
}

/// What the node at `index` writes, when it is a DequantizeLinear of constants.
fn dequantized(network: &Network, index: usize, left: &mut usize) -> Option<Tensor> {
    let node = &network.nodes[index];
    if !matches!(node.operator, Operator::DequantizeLinear { .. }) {
        return None;
    }
    let constant = |name: &Option<String>| match name {
        None => Some(None),
        Some(name) => network.constants.get(name).map(Some),
    };
    let inputs: Vec<Option<&Tensor>> = node.inputs.iter().map(constant).collect::<Option<_>>()?;
    *left = left.checked_sub(inputs.first().copied().flatten()?.len())?;
    evaluate(&Call { node, inputs, rule: &Framework, constants: &network.constants }).ok()?.pop()
}

/// The value of a constant, or of a DequantizeLinear of constants.
pub(super) fn constant_value(network: &Wires<'_>, name: &str) -> Option<Tensor> {
    let constant = network.constants.get(name).cloned();
    constant.or_else(|| dequantized(network, network.writer(name)?, &mut most_elements_made()))
}

/// The shape of [`constant_value`], should it have one.
pub(super) fn constant_shape<'a>(network: &'a Wires<'_>, name: &str) -> Option<&'a [usize]> {
    let constant = |name: &str| network.constants.get(name).map(Tensor::shape);
    constant(name).or_else(|| {
        let writer = &network.nodes[network.writer(name)?];
        let is_dequantized = matches!(writer.operator, Operator::DequantizeLinear { .. });
        constant(writer.input(0).filter(|_| is_dequantized)?)
    })
}

/// For a move of data behind a DequantizeLinear of constants: the DequantizeLinear of moved codes that takes its place.
fn codes_moved(
    network: &mut Network,
    writers: &BTreeMap<String, usize>,
    free: &mut FreeNames,
    index: usize,
    left: &mut usize,
) -> Option<Node> {
    let node = network.nodes[index].clone();
    // A second output, as of Dropout, has no place beside the codes.
    if node.outputs.iter().skip(1).any(Option::is_some) {
        return None;
    }
    let source = &network.nodes[*writers.get(node.input(0)?)?];
    // Blocks of a moved tensor are no blocks of its codes.
    let Operator::DequantizeLinear { axis, block: 0 } = source.operator else { return None };
    let codes = network.constants.get(source.input(0)?)?;
    let scales = network.constants.get(source.input(1)?)?.len();
    let others = node.inputs.iter().skip(1).map(|name| match name {
        None => Some(None),
        Some(name) => network.constants.get(name).map(Some),
    });
    let mut inputs = vec![Some(codes)];
    inputs.extend(others.collect::<Option<Vec<_>>>()?);
    *left = left.checked_sub(codes.len())?;
    let moved = evaluate(&Call { node: &node, inputs, rule: &Framework, constants: &network.constants })
        .ok()?
        .pop()?;
    let axis =
        if scales == 1 { axis } else { moved_axis(&node.operator, axis, codes.shape(), moved.shape())? };
    let mut dequantize = source.clone();
    let written = node.outputs.first().cloned().flatten()?;
    let name = free.take(&format!("{written}_codes"));
    dequantize.name = node.name;
    dequantize.operator = Operator::DequantizeLinear { axis, block: 0 };
    *dequantize.inputs.first_mut()? = Some(name.clone());
    dequantize.outputs = node.outputs;
    network.constants.insert(name, moved);
    Some(dequantize)
}

/// Where the slices along an axis lie behind a move; none when they are torn apart.
fn moved_axis(operator: &Operator, axis: i64, from: &[usize], to: &[usize]) -> Option<i64> {
    let before = super::operators::axis_of(axis, from.len()).ok()?;
    let after = match operator {
        Operator::Transpose { perm: None } => from.len() - 1 - before,
        Operator::Transpose { perm: Some(perm) } => {
            perm.iter().position(|from| usize::try_from(*from).is_ok_and(|from| from == before))?
        }
        _ => {
            let outer = |shape: &[usize], axis: usize| shape[..axis].iter().product::<usize>();
            let kept = |at: &usize| to[*at] == from[before] && outer(to, *at) == outer(from, before);
            (0..to.len()).find(kept)?
        }
    };
    i64::try_from(after).ok()
}
