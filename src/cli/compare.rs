//! QDQ layers as written, against the integer layers that they stand for: where golden vectors and framework part.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayD;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::functional::operators::{Framework, LayerRule};
use crate::network::{Layer, Network, Tensor};

/// Layers that are listed in the text answer.
const LISTED: usize = 20;

/// One layer: what the float32 operators wrote, and what the integer layer makes of the same codes.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    layer: String,
    /// The tensor of codes.
    tensor: String,
    /// Codes compared.
    values: u64,
    /// How many of them differ.
    differ: u64,
    /// The largest difference, in codes.
    largest: u64,
    /// Why the integer layer could not be run; null when it was.
    reason: Option<String>,
}

/// The framework's rule, which also runs the layers that stand beside others.
#[derive(Default)]
pub struct Compare(Mutex<BTreeMap<String, Found>>);

#[derive(Default)]
struct Found {
    values: u64,
    differ: u64,
    largest: u64,
    reason: Option<String>,
}

impl LayerRule for Compare {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        Framework.run(layer, x)
    }

    fn is_framework(&self) -> bool {
        true
    }

    fn not_followed(&self, layer: &str, why: Error) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(layer.to_owned()).or_default().reason.get_or_insert(why.message);
    }

    fn beside(&self, layer: &str, integer: &Tensor, written: &Tensor) -> Result<()> {
        let (differ, largest) = match (integer, written) {
            (Tensor::U8(a), Tensor::U8(b)) => differences(a, b, |a, b| a.abs_diff(b).into()),
            (Tensor::I8(a), Tensor::I8(b)) => differences(a, b, |a, b| a.abs_diff(b).into()),
            (Tensor::U16(a), Tensor::U16(b)) => differences(a, b, |a, b| a.abs_diff(b).into()),
            (Tensor::I16(a), Tensor::I16(b)) => differences(a, b, |a, b| a.abs_diff(b).into()),
            _ => differences(&integer.to_i32()?, &written.to_i32()?, i32::abs_diff),
        };
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = found.entry(layer.to_owned()).or_default();
        one.values += written.len() as u64;
        one.differ += differ;
        one.largest = one.largest.max(largest);
        Ok(())
    }
}

impl Compare {
    /// What was found, in evaluation order.
    pub fn answer(self, network: &Network) -> Vec<Compared> {
        let mut found = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let layers = network.nodes.iter().filter_map(|node| Some((&node.name, node.stands_for.clone()?)));
        let told = layers.filter_map(|(layer, tensor)| {
            let Found { values, differ, largest, reason } = found.remove(layer)?;
            Some(Compared { layer: layer.clone(), tensor, values, differ, largest, reason })
        });
        told.collect()
    }
}

/// How many pairs differ, and the largest difference.
fn differences<T: Copy + Sync>(
    a: &ArrayD<T>,
    b: &ArrayD<T>,
    apart: impl Fn(T, T) -> u32 + Sync,
) -> (u64, u64) {
    /// Pairs that are worth a thread's while: far fewer than 32 bits count.
    const PART: usize = 1 << 14;
    let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
    let (Some(a), Some(b)) = (a.as_slice(), b.as_slice()) else { return (0, 0) };
    let part = |(a, b): (&[T], &[T])| {
        let (mut count, mut largest) = (0u32, 0u32);
        for (a, b) in a.iter().zip(b) {
            let apart = apart(*a, *b);
            count += u32::from(apart > 0);
            largest = largest.max(apart);
        }
        (u64::from(count), u64::from(largest))
    };
    let parts = a.par_chunks(PART).zip(b.par_chunks(PART)).map(part);
    parts.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1.max(b.1)))
}

/// Where the framework's codes and the integer layers' differ; empty when nothing was compared.
pub fn text(layers: &[Compared]) -> String {
    if layers.is_empty() {
        return String::new();
    }
    let told: Vec<&Compared> = layers.iter().filter(|l| l.differ > 0 || l.reason.is_some()).collect();
    let mut text = format!(
        "QDQ as written; {} of {} integer layers (--qdq fused, what a design computes) differ from it on the same input\n",
        layers.iter().filter(|l| l.differ > 0).count(),
        layers.len()
    );
    for layer in told.iter().take(LISTED) {
        match &layer.reason {
            Some(reason) => text.push_str(&format!("  {}: not compared: {reason}\n", layer.layer)),
            None => text.push_str(&format!(
                "  {}: {} of {} codes differ, by at most {}\n",
                layer.layer, layer.differ, layer.values, layer.largest
            )),
        }
    }
    if told.len() > LISTED {
        text.push_str(&format!("  and {} more, in tensors.json\n", told.len() - LISTED));
    }
    text
}
