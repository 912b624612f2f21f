//! What a model is fed: `--input` and `--tensors`, read and checked against the model.

use std::collections::BTreeSet;
use std::path::Path;

use super::Console;
use crate::error::{Error, Kind, Place, Result, shown};
use crate::functional::graph::{Feeds, Reach, only_input};
use crate::import;
use crate::import::npy::{read_npy, read_npz_of};
use crate::network::{Input, Network, Operator};

/// Names that are offered in place of one that is not there.
const OFFERED: usize = 3;

/// The two options as typed.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    pub input: Option<&'a Path>,
    pub tensors: Option<&'a Path>,
}

impl Given<'_> {
    pub fn is_nothing(self) -> bool {
        self.input.is_none() && self.tensors.is_none()
    }

    /// Reads what is given for `network`, which is what the model's file became.
    ///
    /// # Errors
    /// A file that cannot be read, an input for a model that has several, a name that the model does not have, a type that
    /// its tensor does not have, two values for one input.
    pub fn read(self, network: &Network, console: &Console) -> Result<Feeds> {
        let mut feeds = match self.tensors {
            Some(path) => tensors(path, network, console)?,
            None => Feeds::new(),
        };
        if let Some(path) = self.input {
            let x = read_npy(path)?;
            let name = &input(network, &feeds, self.tensors)?.name;
            match feeds.get(name) {
                Some(other) if *other != x => {
                    let message = format!("holds other values of input {name:?} than --tensors");
                    return Err(Error::new(Kind::Value, message)
                        .in_file(path)
                        .help("tensors are captured while the model runs on one input: give that one, or leave it out"));
                }
                _ => feeds.insert(name.clone(), x),
            };
        }
        Ok(feeds)
    }
}

/// The input that `--input` is: the only one, or the only one that `--tensors` has not.
fn input<'n>(network: &'n Network, feeds: &Feeds, tensors: Option<&Path>) -> Result<&'n Input> {
    let mut open = network.inputs.iter().filter(|input| !feeds.contains_key(&input.name));
    match (open.next(), open.next()) {
        (Some(only), None) if tensors.is_some() => Ok(only),
        (None, _) if network.inputs.len() > 1 => {
            let error =
                Error::new(Kind::Value, "every input of the model is among --tensors: which one is this?");
            Err(error.at(Place::Option("--input".to_owned())).help("leave --input out"))
        }
        _ => only_input(network),
    }
}

/// The arrays of an archive that the network has a use for.
fn tensors(path: &Path, network: &Network, console: &Console) -> Result<Feeds> {
    let inputs = network.inputs.iter().map(|input| input.name.as_str());
    let written = network.nodes.iter().flat_map(|node| node.outputs.iter().flatten().map(String::as_str));
    // What constants alone make has no batch, and is no framework's business.
    let made = constant_made(network);
    let places: BTreeSet<&str> = inputs.chain(written).filter(|name| !made.contains(name)).collect();
    let mut others = std::cell::RefCell::new(Vec::new());
    let is_wanted = |name: &str| {
        let has = places.contains(name);
        if !has && !made.contains(name) && !network.constants.contains_key(name) {
            others.borrow_mut().push(name.to_owned());
        }
        has
    };
    let found = read_npz_of(path, &is_wanted)?;
    known(path, network, others.get_mut(), &places)?;
    let wires = network.wires();
    let mut feeds = Feeds::new();
    for (name, tensor) in found {
        let place = || Place::Node { path: path.to_path_buf(), node: shown(&name) };
        let is_input = network.inputs.iter().any(|input| input.name == name);
        let not_used =
            |why: &str| console.note(&format!("note: {}: {name}: not used: {why}", path.display()));
        let tensor = match tensor {
            Ok(tensor) => tensor,
            // Nothing can stand for it.
            Err(unread) if is_input => return Err(unread.at(place())),
            Err(unread) => {
                not_used(&unread.message);
                continue;
            }
        };
        if let Some(dtype) = wires.code_type(&name).filter(|dtype| *dtype != tensor.dtype()) {
            let message = format!("is {dtype} in the model, not {}", tensor.dtype());
            return Err(Error::new(Kind::Value, message).at(place()));
        }
        // No rows; an extent of 0 further on is a state that has no step yet, say.
        if tensor.shape().first() == Some(&0) && !is_input {
            not_used("holds no element");
            continue;
        }
        feeds.insert(name, tensor);
    }
    Ok(feeds)
}

/// What nodes of the network make of its constants alone.
fn constant_made(network: &Network) -> BTreeSet<&str> {
    let mut made = BTreeSet::new();
    for node in &network.nodes {
        let is_made = |name: &String| made.contains(name.as_str()) || network.constants.contains_key(name);
        if !matches!(node.operator, Operator::Opaque { .. }) && node.inputs.iter().flatten().all(is_made) {
            made.extend(node.outputs.iter().flatten().map(String::as_str));
        }
    }
    made
}

/// Names that the network does not have must be the file's: fusing and folding leave tensors out.
fn known(path: &Path, network: &Network, others: &[String], places: &BTreeSet<&str>) -> Result<()> {
    if others.is_empty() {
        return Ok(());
    }
    let file = import::read(&network.source)?;
    let inputs = file.inputs.iter().map(|input| input.name.as_str());
    let written = file.nodes.iter().flat_map(|node| node.outputs.iter().flatten().map(String::as_str));
    let constants = file.constants.keys().map(String::as_str);
    let all: BTreeSet<&str> = inputs.chain(written).chain(constants).chain(places.iter().copied()).collect();
    let Some(unknown) = others.iter().find(|name| !all.contains(name.as_str())) else { return Ok(()) };
    let error = Error::new(Kind::Value, format!("the model has no tensor {unknown:?}"))
        .at(Place::Node { path: path.to_path_buf(), node: shown(unknown) });
    let near = nearest(unknown, &all);
    Err(match near.is_empty() {
        true => error.help("arrays are named as the model names its tensors"),
        false => error.help(format!("near it: {}", near.join(", "))),
    })
}

/// The names that share the most of their beginning and end with `name`.
fn nearest<'a>(name: &str, all: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let wanted: Vec<char> = plain(name);
    let score = |other: &&str| {
        let other: Vec<char> = plain(other);
        let same =
            |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(a, b)| a == b).count();
        let shared =
            same(&mut wanted.iter().zip(&other)) + same(&mut wanted.iter().rev().zip(other.iter().rev()));
        (2 * shared.min(other.len().max(wanted.len())), other.len().max(wanted.len()))
    };
    let mut scored: Vec<_> =
        all.iter().map(|other| (score(other), *other)).filter(|((s, n), _)| s >= n).collect();
    scored.sort_by_key(|((score, length), other)| (std::cmp::Reverse(score * 100 / length.max(&1)), *other));
    scored.into_iter().take(OFFERED).map(|(_, other)| other).collect()
}

/// Zeros for every input of which the model says the shape, one image: enough to learn the layers' shapes.
///
/// # Errors
/// An input that is too large.
pub fn zeros(network: &Network) -> Result<Feeds> {
    let mut feeds = Feeds::new();
    for input in &network.inputs {
        if let Some(zeros) = super::bounds::zeros_of(network, input)? {
            feeds.insert(input.name.clone(), zeros);
        }
    }
    Ok(feeds)
}

/// Says what an answer is read from, where the model's own output cannot be computed.
///
/// # Errors
/// Labels: they are of that output.
pub fn note_cut(network: &Network, feeds: &Feeds, has_labels: bool, console: &Console) -> Result<()> {
    let reach = Reach::new(network, feeds);
    if let Some(cut) = reach.cut.as_ref().filter(|_| has_labels) {
        let message = format!("labels are of the model's output, which cannot be computed: {cut}");
        return Err(Error::new(Kind::Unsupported, message).at(Place::Option("--labels".to_owned())));
    }
    if let (Some(cut), Some(answer)) = (reach.cut, reach.answer) {
        let own = network.outputs.first().map_or("", String::as_str);
        console.note(&format!(
            "note: the model's output {} is out of reach: {cut}\n    answers are read from {} instead, and say nothing of \
             what lies behind it",
            shown(own),
            shown(&answer)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let all = BTreeSet::from(["conv1_out", "conv2_out", "/layer/Add_output_0", "y"]);
        assert_eq!(nearest("conv_1_out", &all).first(), Some(&"conv1_out"));
        assert_eq!(nearest("layer/Add_output_0", &all), ["/layer/Add_output_0"]);
        assert!(nearest("zzz", &all).is_empty());
    }
}
