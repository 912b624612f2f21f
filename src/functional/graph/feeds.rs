//! What a network is fed, and how many images at a time.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Axis, Slice};

use super::demand::{Demand, Goal};
use crate::error::{Error, Kind, Place, Result, shown};
use crate::network::{Input, Network, Tensor, map_tensor};

/// Tensors by name: inputs of the network, and others in the place of the nodes that write them.
pub type Feeds = BTreeMap<String, Tensor>;

/// What can be fed: [`Feeds`], or the only input's tensor, batch first.
pub trait Fed: Sync {
    /// The tensors by name.
    ///
    /// # Errors
    /// One tensor for a network of several inputs.
    fn feeds(&self, network: &Network) -> Result<Cow<'_, Feeds>>;
}

impl Fed for Feeds {
    fn feeds(&self, _: &Network) -> Result<Cow<'_, Feeds>> {
        Ok(Cow::Borrowed(self))
    }
}

impl Fed for Tensor {
    fn feeds(&self, network: &Network) -> Result<Cow<'_, Feeds>> {
        Ok(Cow::Owned(Feeds::from([(only_input(network)?.name.clone(), self.clone())])))
    }
}

/// The input of a network that has one.
///
/// # Errors
/// It has several, or none.
pub fn only_input(network: &Network) -> Result<&Input> {
    match network.inputs.as_slice() {
        [only] => Ok(only),
        many => {
            let names: Vec<_> = many.iter().map(|i| i.name.as_str()).collect();
            let message = format!("the model has {} inputs, not one: {names:?}", many.len());
            Err(Error::new(Kind::Value, message)
                .in_file(&network.source)
                .help("give each under its name with --tensors T.npz"))
        }
    }
}

/// What is fed, ready to be cut into batches.
pub(super) struct Batches<'a> {
    feeds: Cow<'a, Feeds>,
    /// Images, where an input of the model says how many.
    images: Option<usize>,
    /// How many the model takes at a time; `None`: all.
    fixed: Option<usize>,
    /// Tensors that what runs reads: the others are left alone.
    read: BTreeSet<String>,
    goal: Goal<'a>,
}

impl<'a> Batches<'a> {
    /// # Errors
    /// An input that does not fit, and what [`Demand::new`] refuses.
    pub fn new(network: &Network, x: &'a impl Fed, goal: Goal<'a>) -> Result<Batches<'a>> {
        let feeds = x.feeds(network)?;
        // Of every input: how many images there are, and how many the model takes at a time.
        let mut all = Vec::new();
        for input in &network.inputs {
            let Some(tensor) = feeds.get(&input.name) else { continue };
            let own = batch(network, input, tensor)?;
            if let Some(count) = tensor.shape().first() {
                all.push((&input.name, *count, own));
            }
        }
        let one_count = all.iter().all(|(_, count, _)| *count == all[0].1);
        // Where open first axes differ from others, they are no batch that all share: everything is taken at once.
        let is_once = all.iter().all(|(_, count, own)| own.is_none_or(|own| own == *count));
        let together = !one_count && is_once && all.iter().any(|(_, _, own)| own.is_none());
        let mut times = None;
        for (name, count, own) in all.iter().filter_map(|(name, count, own)| Some((name, count, (*own)?))) {
            // Inputs of a fixed batch must come as often as each other.
            let times = *times.get_or_insert(count / own);
            if count / own != times {
                let message = format!(
                    "input {name:?} has {count} along its batch, {own} at a time; others come {times} times"
                );
                return Err(Error::new(Kind::Value, message).in_file(&network.source));
            }
        }
        let images = all.first().map(|(_, count, _)| *count).filter(|_| !together);
        let fixed = all.iter().find_map(|(_, _, own)| *own);
        // An extent that is fixed and there once is no batch, whatever the open ones of others are: a state's layers.
        let (images, fixed) = if times == Some(1) { (None, None) } else { (images, fixed) };
        let read = Demand::new(network, &|name| feeds.contains_key(name), goal)?.read;
        Ok(Batches { feeds, images, fixed, read, goal })
    }

    /// The model's own batch at a time, else `images`.
    ///
    /// # Errors
    /// A tensor that would have to be cut, and has another number of images than the input.
    pub fn cut(self, network: &Network, images: usize) -> Result<Vec<Feeds>> {
        let Batches { feeds, images: all, fixed, read, goal } = self;
        let kept = |read: &BTreeSet<String>| -> Vec<(String, &Tensor)> {
            feeds.iter().filter(|(name, _)| read.contains(*name)).map(|(n, t)| (n.clone(), t)).collect()
        };
        let whole = || vec![kept(&read).into_iter().map(|(name, tensor)| (name, tensor.clone())).collect()];
        // Without an input of the model nobody knows which axis is the batch.
        let Some(all) = all else { return Ok(whole()) };
        let size = fixed.unwrap_or(images.clamp(1, all.max(1)));
        if size >= all {
            return Ok(whole());
        }
        let has_batch = |tensor: &Tensor| tensor.len() == 1 || tensor.shape().first() == Some(&all);
        let mut kept = kept(&read);
        if let Some((name, tensor)) = kept.iter().find(|(_, tensor)| !has_batch(tensor)).cloned() {
            // What the network computes from the others anyway need not be cut.
            let runs = |fed: &dyn Fn(&str) -> bool| Demand::new(network, fed, goal);
            let before = runs(&|name| feeds.contains_key(name))?;
            kept.retain(|(_, tensor)| has_batch(tensor));
            let after = runs(&|name| feeds.get(name).is_some_and(has_batch)).ok();
            let loses =
                |after: &Demand| before.runs.iter().zip(&after.runs).any(|(before, after)| *before && !after);
            let Some(after) = after.filter(|after| !loses(after)) else {
                let message =
                    format!("shape {:?} does not have the batch of {all} images first", tensor.shape());
                let place =
                    Place::Node { path: network.source.clone(), node: format!("tensor {}", shown(&name)) };
                return Err(Error::new(Kind::Value, message)
                    .at(place)
                    .help(format!("capture it for {size} images, and give as many: they are run together")));
            };
            kept.extend(
                feeds
                    .iter()
                    .filter(|(name, tensor)| has_batch(tensor) && after.read.contains(*name))
                    .map(|(n, t)| (n.clone(), t)),
            );
            kept.sort_by(|a, b| a.0.cmp(&b.0));
            kept.dedup_by(|a, b| a.0 == b.0);
        }
        let part = |start: usize| {
            let cut = |tensor: &Tensor| match tensor.len() {
                1 if all != 1 => tensor.clone(),
                _ => slice(tensor, start, size.min(all - start)),
            };
            kept.iter().map(|(name, tensor)| (name.clone(), cut(tensor))).collect()
        };
        Ok((0..all).step_by(size).map(part).collect())
    }
}

/// `x`, batch first, cut into what the network takes at once: its own fixed batch, else `images` at a time. Only what can
/// be used is in it.
///
/// # Errors
/// An input that does not fit, and a tensor that would have to be cut and has not as many images.
pub fn parts(network: &Network, x: &impl Fed, images: usize) -> Result<Vec<Feeds>> {
    Batches::new(network, x, Goal::Reachable)?.cut(network, images)
}

/// How many images `x` holds: the first extent of the first input that it feeds; of other tensors, what their first
/// extents agree on, else 1.
///
/// # Errors
/// One tensor for a network of several inputs.
pub fn images(network: &Network, x: &impl Fed) -> Result<usize> {
    let feeds = x.feeds(network)?;
    let of_input = network.inputs.iter().filter_map(|input| feeds.get(&input.name));
    if let Some(count) = of_input.filter_map(|tensor| tensor.shape().first()).next() {
        return Ok(*count);
    }
    let mut extents = feeds.values().map(|tensor| tensor.shape().first().copied());
    let first = extents.next().flatten();
    Ok(first.filter(|first| extents.all(|other| other == Some(*first))).unwrap_or(1))
}

/// Images `first..end` of everything fed that has a batch.
///
/// # Errors
/// There are not so many; a tensor that has another number of images.
pub fn take_images(network: &Network, feeds: &Feeds, range: std::ops::Range<usize>) -> Result<Feeds> {
    let all = images(network, feeds)?;
    let option = || Place::Option(format!("--images {}..{}", range.start, range.end));
    if range.end > all {
        return Err(Error::new(Kind::Value, format!("the input has images 0..{all}")).at(option()));
    }
    if range == (0..all) {
        return Ok(feeds.clone());
    }
    let cut = |(name, tensor): (&String, &Tensor)| match tensor.shape().first() {
        Some(count) if *count == all => Ok((name.clone(), slice(tensor, range.start, range.len()))),
        _ if tensor.len() == 1 => Ok((name.clone(), tensor.clone())),
        _ => {
            let message =
                format!("tensor {name:?} of shape {:?} does not have {all} images first", tensor.shape());
            Err(Error::new(Kind::Value, message).at(option()))
        }
    };
    feeds.iter().map(cut).collect()
}

/// Checks `x` against an input of the model; how many images the model takes at once (`None`: all).
fn batch(network: &Network, input: &Input, x: &Tensor) -> Result<Option<usize>> {
    let wrong = |message: String| Err(Error::new(Kind::Value, message).in_file(&network.source));
    if x.dtype() != input.dtype {
        return wrong(format!("input {:?} is {}, the data is {}", input.name, input.dtype, x.dtype()));
    }
    let Some(dims) = &input.dims else { return Ok(None) };
    let Some((first, rest)) = dims.split_first() else { return Ok(None) };
    let shown: Vec<String> = dims.iter().map(|d| d.map_or("?".to_owned(), |d| d.to_string())).collect();
    let fits = x.shape().len() == dims.len()
        && rest.iter().zip(&x.shape()[1..]).all(|(d, n)| d.is_none_or(|d| d == *n));
    if !fits {
        return wrong(format!(
            "input {:?} has shape [{}], the data {:?} (batch first)",
            input.name,
            shown.join(", "),
            x.shape()
        ));
    }
    match first {
        Some(n) if !x.shape()[0].is_multiple_of(*n) => {
            wrong(format!("the model takes {n} images at a time, the data has {}", x.shape()[0]))
        }
        _ if x.shape()[0] == 0 => wrong("the data holds no image".to_owned()),
        fixed => Ok(*fixed),
    }
}

fn slice(x: &Tensor, start: usize, size: usize) -> Tensor {
    map_tensor!(x, a => a.slice_axis(Axis(0), Slice::from(start..start + size)).to_owned())
}
