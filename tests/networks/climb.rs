//! What is proved, attacked: inputs that climb towards the bound of every layer, and sums formed here, one by one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use goldpath::error::Result;
use goldpath::functional::graph::infer;
use goldpath::functional::operators::{Framework, LayerRule};
use goldpath::network::{Geometry, Layer, Network, Tensor};
use ndarray::{ArrayD, IxDyn};
use serde_json::Value;

use super::quantiser::{self, Random};
use super::{Case, as_read, json};

/// The framework, and beside it the smallest and largest prefix of every layer, bias first.
#[derive(Default)]
pub struct Probe {
    pub seen: Mutex<BTreeMap<String, (i64, i64)>>,
    layers: Mutex<Vec<Layer>>,
}

impl LayerRule for Probe {
    fn run(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let range = prefixes(layer, &x.to_i32()?);
        let mut seen = self.seen.lock().unwrap();
        let entry = seen.entry(layer.name.clone()).or_insert(range);
        *entry = (entry.0.min(range.0), entry.1.max(range.1));
        self.layers.lock().unwrap().push(layer.clone());
        Framework.run(layer, x)
    }
}

/// By the definition: each output on its own, a product at a time, in the order kh, kw, cin.
fn prefixes(layer: &Layer, x: &ArrayD<i32>) -> (i64, i64) {
    let mut range = (i64::MAX, i64::MIN);
    let zero = i64::from(layer.input_carrier.zero_point);
    let bias = |c: usize| layer.bias.as_ref().map_or(0, |bias| i64::from(bias[c]));
    let weight =
        |at: &[usize], c: usize| i64::from(layer.weights.codes[at]) - i64::from(layer.weight_zero_point(c));
    let mut sum = 0i64;
    let mut grow = |sum: i64| range = (range.0.min(sum), range.1.max(sum));
    match layer.geometry {
        Geometry::Matrix => {
            let (k, n) = (layer.weights.codes.shape()[0], layer.weights.codes.shape()[1]);
            let codes: Vec<i64> = x.iter().map(|code| i64::from(*code) - zero).collect();
            for (row, c) in codes.chunks_exact(k).flat_map(|row| (0..n).map(move |c| (row, c))) {
                sum = bias(c);
                grow(sum);
                for (at, x) in row.iter().enumerate() {
                    sum += x * weight(&[at, c], c);
                    grow(sum);
                }
            }
        }
        Geometry::Convolution { groups, window } => {
            let (shape, kernel) = (x.shape().to_vec(), layer.weights.codes.shape().to_vec());
            let placed = window.place([shape[2], shape[3]]).unwrap();
            for image in 0..shape[0] {
                for c in 0..kernel[0] {
                    let group = c / (kernel[0] / groups);
                    for at in 0..placed.output[0] * placed.output[1] {
                        let (oh, ow) = (at / placed.output[1], at % placed.output[1]);
                        sum = bias(c);
                        grow(sum);
                        for tap in 0..kernel[2] * kernel[3] * kernel[1] {
                            let (ci, place) = (tap % kernel[1], tap / kernel[1]);
                            let (kh, kw) = (place / kernel[3], place % kernel[3]);
                            let h = (oh * window.stride[0] + kh).checked_sub(placed.pad[0]);
                            let w = (ow * window.stride[1] + kw).checked_sub(placed.pad[1]);
                            let inside = h.zip(w).filter(|(h, w)| *h < shape[2] && *w < shape[3]);
                            // A tap outside the image is the zero point: it adds nothing.
                            if let Some((h, w)) = inside {
                                let x = i64::from(x[[image, group * kernel[1] + ci, h, w]]) - zero;
                                sum += x * weight(&[c, ci, kh, kw], c);
                            }
                            grow(sum);
                        }
                    }
                }
            }
        }
    }
    let _ = sum;
    range
}

/// Bits of a signed register that holds both.
fn bits((low, high): (i64, i64)) -> u32 {
    let one = |v: i64| 65 - (if v < 0 { !v } else { v }).leading_zeros();
    one(low).max(one(high))
}

/// Every layer's proved width and the larger end of its range, from `check`.
fn proved(case: &Case) -> BTreeMap<String, u32> {
    let answer = json(&case.check(&["--format", "json"]))["bounds"].clone();
    let layers = answer["layers"].as_array().unwrap().iter();
    let width = |layer: &Value| layer["proved_width"].as_u64().map(|w| u32::try_from(w).unwrap());
    layers.filter_map(|layer| Some((layer["layer"].as_str().unwrap().to_owned(), width(layer)?))).collect()
}

/// One input, climbed from.
struct Climber<'a> {
    network: &'a Network,
    shape: Vec<usize>,
    widths: &'a BTreeMap<String, u32>,
    /// The most bits that each layer needed on any input so far.
    needed: BTreeMap<String, u32>,
    inputs: usize,
}

impl Climber<'_> {
    /// Runs an input; how large the sums of `target` became. No layer may need more than is proved.
    fn run(&mut self, x: &[f32], target: &str, what: &str) -> i64 {
        let probe = Probe::default();
        let tensor = Tensor::F32(ArrayD::from_shape_vec(IxDyn(&self.shape), x.to_vec()).unwrap());
        infer(self.network, &tensor, &probe).unwrap_or_else(|e| panic!("{what}: {e}"));
        self.inputs += 1;
        let seen = probe.seen.into_inner().unwrap();
        for (layer, range) in &seen {
            let (found, before) = (bits(*range), self.needed.entry(layer.clone()).or_default());
            *before = (*before).max(found);
            if let Some(proved) = self.widths.get(layer) {
                assert!(
                    found <= *proved,
                    "{what}: {layer} is proved for {proved} bits, {range:?} needs {found}"
                );
            }
        }
        seen.get(target).map_or(0, |range| range.1.max(-range.0))
    }
}

/// The input that drives the middle of the first convolution to one end: each pixel by the sign of its weight.
fn by_sign(layer: &Layer, shape: &[usize], channel: usize, sign: f32) -> Vec<f32> {
    let mut x = vec![0.0; shape.iter().product()];
    let Geometry::Convolution { groups, window } = layer.geometry else { return x };
    let kernel = layer.weights.codes.shape();
    if groups * kernel[1] != shape[1] {
        // The first convolution of the network is no integer one.
        return x;
    }
    let (h0, w0) = (shape[2] / 2 - window.kernel[0] / 2, shape[3] / 2 - window.kernel[1] / 2);
    let group = channel / (kernel[0] / groups);
    for (at, code) in layer.weights.codes.indexed_iter().filter(|(at, _)| at[0] == channel) {
        let weight = (code - layer.weight_zero_point(channel)).signum() as f32;
        let (ci, h, w) = (group * kernel[1] + at[1], h0 + at[2], w0 + at[3]);
        x[(ci * shape[2] + h) * shape[3] + w] = sign * weight * 1e3;
    }
    x
}

/// How many layers came within a bit of what is proved, of how many.
fn attack(seed: u64, inputs: usize) -> (usize, usize) {
    let made = quantiser::network(seed);
    let bytes = made.model.bytes();
    let case = Case::new(&bytes, &made.input, &vec![0.0; made.input.iter().product()]);
    let network = as_read(&bytes);
    if !network.nodes.iter().any(|node| node.operator.is_integer_mac()) {
        return (0, 0);
    }
    let widths = proved(&case);
    let shape = made.input.clone();
    let what = format!("network {seed}");
    let mut climber =
        Climber { network: &network, shape, widths: &widths, needed: BTreeMap::new(), inputs: 0 };
    let mut random = Random::new(seed + 1);
    let size: usize = made.input.iter().product();
    // What the layers are, from a run on nothing.
    let probe = Probe::default();
    let nothing = Tensor::F32(ArrayD::zeros(IxDyn(&made.input)));
    infer(&network, &nothing, &probe).unwrap();
    let layers = probe.layers.into_inner().unwrap();
    let targets: Vec<String> = widths.keys().cloned().collect();
    let mut best: BTreeMap<String, (i64, Vec<f32>)> = BTreeMap::new();
    for channel in 0..layers[0].channels() {
        for sign in [1.0, -1.0] {
            let x = by_sign(&layers[0], &made.input, channel, sign);
            climber.run(&x, "", &what);
        }
    }
    while climber.inputs < inputs {
        let target = &targets[climber.inputs % targets.len()];
        let start = best.get(target).map(|(_, x)| x.clone());
        let mut x = start.unwrap_or_else(|| (0..size).map(|_| random.unit() * 8.0 - 4.0).collect());
        let changes = 1 + random.below(1 + size / 2);
        for _ in 0..changes {
            x[random.below(size)] = [-1e3, 1e3, 0.0, random.unit()][random.below(4)];
        }
        let reached = climber.run(&x, target, &what);
        if best.get(target).is_none_or(|(before, _)| reached > *before) {
            best.insert(target.clone(), (reached, x));
        }
    }
    let near =
        |(layer, width): &(&String, &u32)| climber.needed.get(*layer).is_some_and(|n| n + 1 >= **width);
    (widths.iter().filter(near).count(), widths.len())
}

fn attacks(seeds: std::ops::Range<u64>, inputs: usize) {
    let (mut near, mut all, mut bitten, mut with_layers) = (0, 0, 0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let (close, layers) = attack(seed, inputs);
        (near, all) = (near + close, all + layers);
        bitten += usize::from(close > 0);
        with_layers += usize::from(layers > 0);
    }
    println!(
        "{count} networks, {inputs} inputs each: {near} of {all} layers within a bit of what is proved, none beyond"
    );
    assert!(bitten * 10 >= with_layers * 9, "the attack is too weak: {bitten} of {with_layers} networks");
}

#[test]
fn no_proved_width_is_exceeded() {
    attacks(0..16, 40);
}

#[test]
#[ignore = "the long form: minutes"]
fn no_proved_width_of_many_networks_is_exceeded() {
    attacks(0..240, 120);
}
