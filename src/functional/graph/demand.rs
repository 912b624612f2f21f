//! What must run for what is asked, and what can: an opaque node elsewhere does not matter.

use std::collections::BTreeSet;

use super::is_layer;
use crate::error::{Error, Kind, Result};
use crate::network::{Network, Node, Operator};

/// Operators that a refusal lists; a hostile file may have thousands.
const LISTED: usize = 40;

/// What is asked of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal<'a> {
    /// Its outputs, and every tensor that nobody reads.
    Whole,
    /// Every integer layer, and of its outputs those that can be computed.
    Reachable,
    /// What the node of that name reads.
    Inputs(&'a str),
}

/// The nodes that run, by index, and the fed tensors that they, or the answer, read.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// Those that must.
    pub runs: Vec<bool>,
    /// Those that can, too: what they write is given or unread, so that nothing is lost where one fails.
    pub may: Vec<bool>,
    pub read: BTreeSet<String>,
}

impl Demand {
    /// What `goal` asks for when the tensors are given of which `is_given` holds.
    ///
    /// # Errors
    /// It asks for an opaque node, or for an input that is not fed: all of them are named. [`Goal::Reachable`] never does.
    pub fn new(network: &Network, is_given: &dyn Fn(&str) -> bool, goal: Goal<'_>) -> Result<Demand> {
        let (can, own) = reachable(network, is_given);
        // Who looks at layers follows what they write to the answer: only what nothing computes is replaced.
        let is_fed = |name: &str| is_given(name) && !(goal == Goal::Reachable && own.contains(name));
        let read_by_nodes: BTreeSet<&str> = network.nodes.iter().flat_map(names_read).collect();
        let mut wanted: BTreeSet<&str> = match goal {
            Goal::Inputs(_) => BTreeSet::new(),
            _ => network.outputs.iter().map(String::as_str).collect(),
        };
        let mut runs = vec![false; network.nodes.len()];
        for (index, node) in network.nodes.iter().enumerate().rev() {
            let outputs = || node.outputs.iter().flatten().map(String::as_str);
            let is_wanted = outputs().any(|name| wanted.contains(name) && !is_fed(name));
            let is_end = outputs().all(|name| !read_by_nodes.contains(name) && !is_fed(name));
            runs[index] = match goal {
                Goal::Whole => is_wanted || (is_end && can[index]),
                Goal::Reachable => can[index] && (is_wanted || is_end || is_layer(&node.operator)),
                Goal::Inputs(_) => is_wanted,
            };
            let is_it = matches!(goal, Goal::Inputs(name) if name == node.name && is_layer(&node.operator));
            if runs[index] || is_it {
                wanted.extend(names_read(node));
            }
        }
        if let Some(refused) = refusal(network, &is_fed, &runs, &wanted).filter(|_| goal != Goal::Reachable) {
            return Err(refused);
        }
        let may = if goal == Goal::Whole { can } else { vec![false; runs.len()] };
        wanted.extend(
            network.nodes.iter().zip(&may).filter(|(_, may)| **may).flat_map(|(node, _)| names_read(node)),
        );
        let read = wanted.into_iter().filter(|name| is_fed(name)).map(String::from).collect();
        Ok(Demand { runs, may, read })
    }
}

/// Names of the nodes that are computed when the tensors are given of which `is_given` holds: nothing opaque, and no input
/// that is not given, lies in front.
pub(super) fn reached<'a>(network: &'a Network, is_given: &dyn Fn(&str) -> bool) -> BTreeSet<&'a str> {
    let (can, _) = reachable(network, is_given);
    network.nodes.iter().zip(can).filter(|(_, can)| *can).map(|(node, _)| node.name.as_str()).collect()
}

fn names_read(node: &Node) -> impl Iterator<Item = &str> {
    node.inputs.iter().flatten().map(String::as_str)
}

/// By node: nothing opaque, and no input that is not fed, lies in front of it. And what the nodes write of which that holds.
fn reachable<'a>(network: &'a Network, is_fed: &dyn Fn(&str) -> bool) -> (Vec<bool>, BTreeSet<&'a str>) {
    let (mut known, mut own): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    let reach = |node: &'a Node| {
        let has = |name: &str| known.contains(name) || is_fed(name) || network.constants.contains_key(name);
        let can = !matches!(node.operator, Operator::Opaque { .. }) && names_read(node).all(has);
        if can {
            let outputs = || node.outputs.iter().flatten().map(String::as_str);
            known.extend(outputs());
            own.extend(outputs());
        }
        can
    };
    let can = network.nodes.iter().map(reach).collect();
    (can, own)
}

/// Why what is wanted cannot be had.
fn refusal(
    network: &Network,
    is_fed: &dyn Fn(&str) -> bool,
    runs: &[bool],
    wanted: &BTreeSet<&str>,
) -> Option<Error> {
    let is_opaque = |(node, runs): (&Node, &bool)| *runs && matches!(node.operator, Operator::Opaque { .. });
    let mut opaque = network.nodes.iter().zip(runs).filter(|(node, runs)| is_opaque((*node, *runs)));
    if let Some((first, _)) = opaque.next() {
        let error = Error::new(Kind::Unsupported, opaque_words(network, is_fed));
        let error = match opaque.next() {
            None => error.at(network.place(first)),
            Some(_) => error.in_file(&network.source),
        };
        return Some(error.help(
            "give what they write with --tensors T.npz, captured from the model's own framework (the README shows how); \
             `goldpath layers MODEL` lists what runs without",
        ));
    }
    let input =
        network.inputs.iter().find(|input| wanted.contains(input.name.as_str()) && !is_fed(&input.name))?;
    let all: Vec<&str> = network.inputs.iter().map(|input| input.name.as_str()).collect();
    let message = match all.len() {
        1 => format!("the model's input {:?} is not given", input.name),
        many => format!("the model has {many} inputs, {all:?}, and {:?} is not given", input.name),
    };
    let help =
        "give the only input with --input X.npy; several ones, or tensors behind them, with --tensors T.npz";
    Some(Error::new(Kind::Value, message).in_file(&network.source).help(help))
}

/// Every operator that cannot be computed, with its nodes, and the layers behind them.
pub(super) fn opaque_words(network: &Network, is_fed: &dyn Fn(&str) -> bool) -> String {
    let operators = network.opaque(is_fed);
    let mut text = match operators.len() {
        1 => "an operator that goldpath cannot compute stands in the way".to_owned(),
        many => format!("{many} operators that goldpath cannot compute stand in the way"),
    };
    for operator in operators.iter().take(LISTED) {
        let nodes = match operator.nodes.len() {
            1 => "1 node".to_owned(),
            many => format!("{many} nodes"),
        };
        text.push_str(&format!(
            "\n    operator {} ({nodes}: {}), which writes {}: {}",
            operator.kind,
            few(&operator.nodes),
            few(&operator.tensors),
            operator.reason
        ));
    }
    if operators.len() > LISTED {
        text.push_str(&format!("\n    and {} more operators", operators.len() - LISTED));
    }
    let behind = network.behind_opaque(is_fed);
    if behind.is_empty() {
        return text + "\n    no layer lies behind";
    }
    text + &format!("\n    the layers behind: {}", few(&behind))
}

/// The first of many names, and how many more there are.
fn few(names: &[String]) -> String {
    const NAMED: usize = 12;
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{more}", names[..names.len().min(NAMED)].join(", "))
}
